//! Answers are files like reviews: adopted quietly, settled, renamed, held, drafted, dated, and never sent twice. They stand
//! in no list of reviews.

use std::time::Duration;

use crate::world::{ORIGIN, Setup, World, review};

const DAY: Duration = Duration::from_secs(24 * 3600);
const DUNE: &str = "https://books.example/@ana/dune";

fn answer(words: &str) -> String {
    answer_with(words, "")
}

fn answer_with(words: &str, header: &str) -> String {
    format!("---\nin_reply_to: {DUNE}\n{header}---\n\n{words}\n")
}

/// Looks until every answer's post was looked up.
async fn found(world: &World) {
    loop {
        world.look().await;
        if world.survey().await.awaiting == 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn settled(world: &World) {
    found(world).await;
    world.settle().await;
}

/// A folder with a review, adopted.
async fn dune() -> World {
    World::of(&[("dune.md", &review("Dune", "Sand."))]).await
}

#[tokio::test]
async fn answers_of_the_first_contact_are_taken_in_quietly_and_stand_in_no_list() {
    let first = answer("I forgot the worms.");
    let mut world = World::of(&[("dune.md", &review("Dune", "Sand.")), ("replies/a.md", &first)]).await;
    settled(&world).await;
    world.restart().await;
    settled(&world).await;
    assert!(world.told().await.is_empty());
    assert_eq!(world.titles().await.len(), 1);
    assert!(world.feed_bytes().await.iter().all(|feed| !feed.contains("worms")));
    let survey = world.survey().await;
    assert_eq!((survey.live, survey.answers, survey.awaiting, survey.skipped), (1, 1, 0, 0));
    assert!(!world.page("/").await.contains("worms") && !world.page("/sitemap.xml").await.contains("replies"));
    let id = world.entry("replies/a.md").await.id;
    assert_eq!(world.status(&format!("/users/ana/replies/{id}")).await, 302);
    world.save("replies/a.md", answer("I forgot the worms, and the spice."));
    settled(&world).await;
    assert_eq!(world.told().await, ["Update a"]);
    assert_eq!(world.titles().await.len(), 1);
}

#[tokio::test]
async fn a_save_is_told_once_it_has_settled_and_nothing_is_told_twice() {
    let mut world = dune().await;
    world.save("replies/2031-03-01-dune.md", answer("The worms!"));
    found(&world).await;
    assert!(world.told().await.is_empty());
    assert_eq!(world.plan().await.create[0].title, format!("answer to {}", note(&world).await));
    world.settle().await;
    assert_eq!(world.told().await, ["Create 2031-03-01-dune"]);
    let before = world.entry("replies/2031-03-01-dune.md").await;
    world.rename("replies/2031-03-01-dune.md", "replies/2031/worms.md");
    world.pass(DAY).await;
    world.restart().await;
    world.save("replies/2031/worms.md", answer("The worms!").replace("\n---\n\n", "\n# noted\n---\n\n"));
    world.pass(DAY).await;
    let after = world.entry("replies/2031/worms.md").await;
    assert_eq!((after.id, after.published, after.updated), (before.id, before.published, None));
    assert_eq!(world.told().await.len(), 1);
    world.copy("replies/2031/worms.md", "replies/again.md");
    world.pass(DAY).await;
    world.settle().await;
    assert_eq!(world.told().await.len(), 2, "a copy that stays is another answer");
    world.retract("again").await;
    assert_eq!(world.told().await.split_off(2), ["Delete again"]);
}

async fn note(world: &World) -> String {
    format!("https://books.example/users/ana/reviews/{}", world.entry("dune.md").await.id)
}

#[tokio::test]
async fn drafts_and_future_dates_wait() {
    let world = dune().await;
    world.save("replies/draft.md", answer_with("Not yet.", "draft: true\n"));
    world.save("replies/later.md", answer_with("Tomorrow.", "date: 2031-03-02\n"));
    settled(&world).await;
    assert!(world.told().await.is_empty());
    let survey = world.survey().await;
    assert_eq!((survey.drafts, survey.scheduled, survey.answers), (1, 1, 0));
    world.pass(DAY).await;
    world.settle().await;
    assert_eq!(world.told().await, ["Create later"]);
    world.save("replies/later.md", answer_with("Never mind.", "draft: true\n"));
    world.delete_after().await;
    assert_eq!(world.told().await, ["Create later", "Delete later"]);
}

#[tokio::test]
async fn four_answers_removed_at_once_are_held_and_stay_up() {
    let mut world = dune().await;
    for n in 0..4 {
        world.save(&format!("replies/{n}.md"), answer(&format!("Worm {n}.")));
    }
    settled(&world).await;
    assert_eq!(world.told().await.len(), 4);
    let id = world.entry("replies/0.md").await.id;
    for n in 0..4 {
        world.remove(&format!("replies/{n}.md"));
    }
    for n in 0..3 {
        world.save(&format!("book-{n}.md"), review(&format!("Book {n}"), "x"));
    }
    for restart in [false, true] {
        if restart {
            world.restart().await;
        }
        world.pass(DAY).await;
        let plan = world.plan().await;
        assert_eq!((plan.held.len(), world.survey().await.answers), (4, 4));
        let reason = plan.reason.unwrap();
        assert!(reason.contains("4 removed answers of @ana are held"), "{reason}");
    }
    assert_eq!(world.told().await.len(), 7, "reviews saved meanwhile go out");
    assert_eq!(world.apply(&["replies/0.md"]).await.delete.len(), 1);
    assert_eq!(world.told().await.split_off(7), ["Delete 0"]);
    assert_eq!(world.status(&format!("/users/ana/replies/{id}")).await, 410);
    world.save("replies/1.md", answer("Worm 1."));
    world.pass(DAY).await;
    assert_eq!((world.plan().await.held.len(), world.told().await.len()), (2, 8));
}

#[tokio::test]
async fn a_lost_database_finds_the_answers_ids_and_tells_nobody_again() {
    let mut world = dune().await;
    world.save("replies/a.md", answer("The worms!"));
    settled(&world).await;
    let before = world.entry("replies/a.md").await;
    world.stop().await;
    world.lose_database();
    world.start().await;
    settled(&world).await;
    let after = world.entry("replies/a.md").await;
    assert_eq!((after.id, after.published), (before.id.clone(), before.published));
    assert!(world.told().await.is_empty());
    world.remove("replies/a.md");
    world.delete_after().await;
    world.save("replies/a.md", answer("The worms!"));
    settled(&world).await;
    assert_ne!(world.entry("replies/a.md").await.id, before.id, "a deleted id never comes back");
}

#[tokio::test]
async fn what_cannot_be_understood_stays_up_and_what_never_could_is_shown() {
    let world = dune().await;
    world.save("replies/a.md", answer("The worms!"));
    settled(&world).await;
    world.save("replies/a.md", "---\nin_reply_to: [\n---\nx");
    world.save("replies/b.md", "Who knows whom this is for.");
    world.save("replies/c.md", answer("x").replace(DUNE, "https://books.example/@ana/none"));
    world.pass(DAY).await;
    found_or_told(&world).await;
    assert_eq!((world.told().await.len(), world.survey().await.answers), (1, 1));
    let problems = world.problems().await;
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert!(problems[1].contains("replies/b.md:1:1: error: the file names no post"), "{}", problems[1]);
    assert!(problems[2].contains("no review and no answer of this site has this address"), "{}", problems[2]);
}

async fn found_or_told(world: &World) {
    while world.problems().await.len() < 3 {
        world.look().await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn answers_of_a_trial_live_on_under_the_real_name() {
    let files: &[(&str, &str)] = &[("dune.md", &review("Dune", "Sand."))];
    let mut world = World::open(Setup { origin: None, files, ..Setup::default() }).await;
    let trial = format!("{}/@ana/dune", world.running().origin);
    world.save("replies/a.md", answer("The worms!").replace(DUNE, &trial));
    settled(&world).await;
    assert_eq!(world.told().await, ["Create a"]);
    let before = world.entry("replies/a.md").await;
    world.stop().await;
    world.settings(Some(ORIGIN), "", "");
    world.save("replies/a.md", answer("The worms!"));
    world.start().await;
    settled(&world).await;
    // The profile has another address now.
    assert_eq!(world.told().await, ["Update https://books.example/users/ana"]);
    assert_eq!(world.entry("replies/a.md").await.id, before.id);
    let note = world.running().store.answer(&crate::world::handle("ana"), &before.id).await.unwrap().unwrap();
    assert_eq!(note.target.id, self::note(&world).await);
}
