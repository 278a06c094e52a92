//! From a saved file to feeds and pages, and to what followers are told: when, how often, and when not.

use std::{fs, os::unix::fs::symlink, time::Duration};

use crate::world::{Setup, World, image_bomb, picture, review, review_with};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

// --- first contact -----------------------------------------------------------------------------------------------

#[tokio::test]
async fn first_contact_takes_reviews_in_under_their_own_dates_and_tells_nobody() {
    let mut world = World::of(&[
        ("dune.md", &review_with("Dune", "Sand.", &["date: 2024-03-01"])),
        ("emma.md", &review_with("Emma", "Matches.", &["date: 2019-07-04"])),
    ])
    .await;
    world.settle().await;
    let feed = world.feed().await;
    assert_eq!(
        feed.iter().map(|item| item.title.as_str()).collect::<Vec<_>>(),
        ["Dune by Ada Writer", "Emma by Ada Writer"]
    );
    assert!(feed[0].published.starts_with("2024-03-01") && feed[1].published.starts_with("2019-07-04"), "{feed:#?}");
    assert!(world.page("/@ana/dune").await.contains("Sand."));
    assert!(world.told().await.is_empty(), "{:?}", world.told().await);
    world.restart().await;
    world.settle().await;
    assert!(world.told().await.is_empty(), "{:?}", world.told().await);
}

#[tokio::test]
async fn an_undated_review_is_taken_in_under_the_date_of_its_file() {
    let mut world = World::prepare(Setup::default());
    world.save("dune.md", review("Dune", "Sand."));
    let date: jiff::Timestamp = "2022-05-06T07:08:09Z".parse().unwrap();
    fs::File::options().append(true).open(world.path("dune.md")).unwrap().set_modified(date.into()).unwrap();
    world.start().await;
    assert_eq!(world.entry("dune.md").await.published, date);
}

#[tokio::test]
async fn no_two_reviews_are_published_in_the_same_second() {
    let texts: Vec<(String, String)> = (0..8)
        .map(|n| (format!("book-{n}.md"), review_with(&format!("Book {n}"), "x", &["date: 2024-03-01"])))
        .collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let world = World::of(&files).await;
    for n in 0..4 {
        world.save(&format!("new-{n}.md"), review(&format!("New {n}"), "y"));
    }
    world.look().await;
    let mut seconds: Vec<_> = world.ledger().await.iter().map(|entry| entry.published).collect();
    seconds.dedup();
    assert_eq!(seconds.len(), 12, "{seconds:?}");
}

#[tokio::test]
async fn files_copied_all_at_once_are_not_published_in_the_future() {
    let mut world = World::prepare(Setup { real_time: true, ..Setup::default() });
    for n in 0..100 {
        world.save(&format!("book-{n}.md"), review(&format!("Book {n}"), "x"));
    }
    world.start().await;
    let ledger = world.ledger().await;
    assert_eq!(ledger.len(), 100);
    assert!(ledger.iter().all(|entry| entry.published <= world.now()), "{:?}", ledger.last());
}

#[tokio::test]
async fn an_empty_folder_is_adopted_as_empty_and_the_next_file_is_announced() {
    let world = World::empty().await;
    world.save("dune.md", review("Dune", "Sand."));
    world.settle().await;
    assert_eq!(world.told().await, ["Create dune"]);
}

#[tokio::test]
async fn a_folder_that_comes_later_is_first_contact_too() {
    let mut world = World::prepare(Setup::default());
    fs::remove_dir(world.folder()).unwrap();
    world.start().await;
    assert!(world.titles().await.is_empty());
    world.save("dune.md", review("Dune", "Sand."));
    world.settle().await;
    assert_eq!(world.titles().await, ["Dune by Ada Writer"]);
    assert!(world.told().await.is_empty(), "{:?}", world.told().await);
}

#[tokio::test]
async fn imported_reviews_are_taken_in_quietly_whatever_their_number() {
    let world = World::of(&[("dune.md", &review("Dune", "Sand."))]).await;
    for n in 0..10 {
        let mark = "reviewd_import: {from: goodreads, id: 68210}";
        world
            .save(&format!("imported-{n}.md"), review_with(&format!("Imported {n}"), "x", &[mark, "date: 2020-01-01"]));
    }
    world.settle().await;
    assert_eq!(world.titles().await.len(), 11);
    assert!(world.told().await.is_empty() && world.plan().await.held.is_empty());
}

// --- a save ------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_save_is_in_every_feed_and_on_its_page_as_soon_as_the_folder_was_looked_at() {
    let world = World::empty().await;
    world.save("dune.md", review("Dune", "Sand gets into everything."));
    world.look().await;
    for path in ["/feed.xml", "/atom.xml", "/feed.json", "/@ana/dune", "/@ana/feed.xml"] {
        assert!(world.page(path).await.contains("Sand gets into everything."), "{path}");
    }
    for path in ["/", "/@ana", "/archive", "/authors/ada-writer", "/books/dune-ada-writer", "/sitemap.xml"] {
        assert!(world.page(path).await.contains("/@ana/dune"), "{path}");
    }
    assert!(world.told().await.is_empty(), "feeds do not wait, followers do");
    world.save("dune.md", review("Dune", "Spice, too."));
    world.look().await;
    for path in ["/feed.xml", "/atom.xml", "/feed.json", "/@ana/dune"] {
        let text = world.page(path).await;
        assert!(text.contains("Spice, too.") && !text.contains("Sand gets"), "{path}");
    }
}

#[tokio::test]
async fn a_save_is_noticed_by_itself() {
    let world = World::open(Setup { real_time: true, ..Setup::default() }).await;
    let mut feed = world.get("/feed.xml").await;
    for (name, words) in [("dune.md", "Sand."), ("2024/emma.md", "Matches."), ("dune.md", "Spice.")] {
        world.save(name, review(name, words));
        feed = change(&world, "/feed.xml", &feed.header("etag")).await;
        assert!(feed.text().contains(words), "{}", feed.text());
    }
    world.rename("2024", "2025");
    world.save("2025/emma.md", review("2024/emma.md", "Marriages."));
    let feed = change(&world, "/feed.xml", &feed.header("etag")).await;
    assert!(feed.text().contains("Marriages."), "{}", feed.text());
}

/// Asks as a polite reader does until there is something new.
async fn change(world: &World, path: &str, tag: &str) -> crate::world::Answer {
    for _ in 0..600 {
        let answer = world.ask(reqwest::Method::GET, path, &[("if-none-match", tag)]).await;
        if answer.status == 200 {
            return answer;
        }
        assert_eq!(answer.status, 304);
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{path} did not change in 15 s");
}

#[tokio::test]
async fn a_folder_that_is_replaced_is_watched_again() {
    let world = World::open(Setup { real_time: true, ..Setup::default() }).await;
    world.save("dune.md", review("Dune", "Sand."));
    let empty = world.get("/feed.xml").await;
    let feed = change(&world, "/feed.xml", &empty.header("etag")).await;
    fs::rename(world.folder(), world.home().join("aside")).unwrap();
    world.save("dune.md", review("Dune", "Spice."));
    let feed = change(&world, "/feed.xml", &feed.header("etag")).await;
    assert!(feed.text().contains("Spice."));
    world.save("dune.md", review("Dune", "Worms."));
    let feed = change(&world, "/feed.xml", &feed.header("etag")).await;
    assert!(feed.text().contains("Worms."));
}

#[tokio::test]
async fn editors_and_tools_leave_nothing_behind_in_the_feed() {
    let world = World::of(&[("dune.md", &review("Dune", "Sand."))]).await;
    for name in [".dune.md.swp", "dune.md~", "#dune.md#", ".git/x.md", "dune.sync-conflict-1.md", ".~tmp~/dune.md"] {
        world.save(name, review("Left behind", "x"));
    }
    world.settle().await;
    assert_eq!(world.titles().await, ["Dune by Ada Writer"]);
    assert!(world.told().await.is_empty());
}

#[tokio::test]
async fn a_folder_that_is_polled_is_followed_too() {
    let settings = "[publish]\npoll = \"always\"\n";
    let world = World::open(Setup { real_time: true, settings, ..Setup::default() }).await;
    let empty = world.get("/feed.xml").await;
    world.save("dune.md", review("Dune", "Sand."));
    assert!(change(&world, "/feed.xml", &empty.header("etag")).await.text().contains("Sand."));
}

#[tokio::test]
async fn a_file_written_twice_in_one_instant_is_read_twice() {
    let world = World::open(Setup { real_time: true, ..Setup::default() }).await;
    for n in 0..20 {
        for words in ["Sand.", "Dust."] {
            // In place and of the same size: inode and size tell nothing.
            fs::write(world.path("dune.md"), review("Dune", &format!("{words} {n:02}"))).unwrap();
            world.look().await;
            assert!(world.page("/@ana/dune").await.contains(&format!("{words} {n:02}")));
        }
    }
}

#[tokio::test]
async fn a_second_look_at_the_same_folder_changes_nothing() {
    let world = World::of(&[
        ("dune.md", &review("Dune", "Sand.")),
        ("draft.md", &review_with("Draft", "x", &["draft: true"])),
        ("future.md", &review_with("Future", "x", &["date: 2041-01-01"])),
        ("broken.md", "---\ntitle: The Desert: A Novel\n---\n\nx\n"),
        ("README.md", "About this folder.\n"),
    ])
    .await;
    world.copy("dune.md", "twin.md");
    world.save("new.md", review("New", "x"));
    for time in [SECOND, 30 * SECOND, 600 * MINUTE] {
        world.pass(time).await;
        let before = (world.running().publisher.library().version, world.feed_bytes().await, world.journal().len());
        world.look().await;
        world.look().await;
        let after = (world.running().publisher.library().version, world.feed_bytes().await, world.journal().len());
        assert_eq!(after, before);
    }
}

#[tokio::test]
async fn a_page_bundle_is_a_review_with_its_pictures() {
    let world = World::empty().await;
    world.save("2031/the-sea/cover.jpg", picture([10, 10, 200]));
    let text = review_with("The Sea", "![Waves](waves.jpg)", &["cover: cover.jpg"]);
    world.save("2031/the-sea/waves.jpg", picture([10, 200, 200]));
    world.save("2031/the-sea/index.md", text);
    world.settle().await;
    let page = world.page("/@ana/the-sea").await;
    assert!(page.matches("/media/").count() >= 2 && page.contains("alt=\"Waves\""), "{page}");
    let before = world.feed_bytes().await;
    world.rename("2031", "2032");
    world.delete_after().await;
    assert_eq!((world.feed_bytes().await, world.told().await), (before, vec!["Create the-sea".to_owned()]));
}

// --- settling ----------------------------------------------------------------------------------------------------

#[tokio::test]
async fn many_saves_are_one_create_and_then_one_update() {
    let world = World::empty().await;
    for n in 0..5 {
        world.save("dune.md", review("Dune", &format!("Draft {n}.")));
        world.pass(10 * SECOND).await;
    }
    assert!(world.told().await.is_empty(), "the file was never quiet for 30 s");
    world.pass(20 * SECOND).await;
    assert_eq!(world.told().await, ["Create dune"]);
    for n in 0..5 {
        world.save("dune.md", review("Dune", &format!("Second thought {n}.")));
        world.pass(10 * SECOND).await;
    }
    world.pass(19 * SECOND).await;
    assert_eq!(world.told().await, ["Create dune"]);
    world.pass(SECOND).await;
    assert_eq!(world.told().await, ["Create dune", "Update dune"]);
    world.pass(600 * MINUTE).await;
    assert_eq!(world.told().await, ["Create dune", "Update dune"]);
    let update: serde_json::Value = serde_json::from_slice(&world.activities().await[1].body).unwrap();
    assert!(update["object"]["content"].as_str().unwrap().contains("Second thought 4."), "{update:#}");
}

#[tokio::test]
async fn settling_changes_no_byte_of_any_feed() {
    let world = World::empty().await;
    for step in ["Sand.", "Spice."] {
        world.save("dune.md", review("Dune", step));
        world.look().await;
        let (before, tag) = (world.feed_bytes().await, world.get("/feed.xml").await.header("last-modified"));
        world.settle().await;
        assert_eq!(world.feed_bytes().await, before);
        assert_eq!(world.get("/feed.xml").await.header("last-modified"), tag);
    }
    assert_eq!(world.told().await, ["Create dune", "Update dune"]);
}

#[tokio::test]
async fn an_edit_that_followers_would_not_see_tells_them_nothing() {
    let world = World::empty().await;
    world.save("dune.md", review("Dune", "Sand."));
    world.settle().await;
    world.save("dune.md", review_with("Dune", "Sand.", &["date_read: 2024-02-03", "publisher: Chilton"]));
    world.settle().await;
    assert_eq!(world.told().await, ["Create dune"]);
}

#[tokio::test]
async fn an_edit_taken_back_before_it_settled_tells_nothing() {
    let world = World::empty().await;
    world.save("dune.md", review("Dune", "Sand."));
    world.settle().await;
    world.save("dune.md", review("Dune", "Sandd."));
    world.pass(10 * SECOND).await;
    assert!(world.page("/@ana/dune").await.contains("Sandd."));
    world.save("dune.md", review("Dune", "Sand."));
    world.settle().await;
    world.settle().await;
    assert_eq!(world.told().await, ["Create dune"]);
}

#[tokio::test]
async fn a_touched_file_changes_nothing() {
    let world = World::of(&[("dune.md", &review("Dune", "Sand."))]).await;
    let before = world.feed_bytes().await;
    world.copy("dune.md", "dune.md");
    world.settle().await;
    assert_eq!(world.feed_bytes().await, before);
    assert!(world.told().await.is_empty());
}

#[tokio::test]
async fn a_jump_of_the_wall_clock_hurries_and_delays_nothing() {
    for hours in [-3, 3] {
        let world = World::empty().await;
        world.save("dune.md", review("Dune", "Sand."));
        world.pass(10 * SECOND).await;
        world.jump(hours);
        world.pass(19 * SECOND).await;
        assert!(world.told().await.is_empty(), "hurried by {hours} h");
        world.pass(SECOND).await;
        assert_eq!(world.told().await, ["Create dune"], "delayed by {hours} h");
        world.settle().await;
        assert_eq!(world.told().await, ["Create dune"], "doubled by {hours} h");
    }
}

#[tokio::test]
async fn times_of_publication_and_change_never_run_backwards() {
    let world = World::empty().await;
    world.save("dune.md", review("Dune", "Sand."));
    world.settle().await;
    let first = world.entry("dune.md").await;
    assert_eq!(first.updated, None);
    world.jump(-5);
    let mut previous = first.published;
    for words in ["Spice.", "Worms."] {
        world.save("dune.md", review("Dune", words));
        world.look().await;
        let entry = world.entry("dune.md").await;
        assert_eq!(entry.published, first.published, "it is set once");
        assert!(entry.updated.unwrap() > previous, "{entry:#?}");
        previous = entry.updated.unwrap();
    }
    world.save("emma.md", review("Emma", "Matches."));
    world.look().await;
    assert_eq!(world.titles().await[0], "Emma by Ada Writer", "the newest review is the first of the feed");
    assert!(world.entry("emma.md").await.published > first.published);
}

#[tokio::test]
async fn what_is_told_goes_once_to_each_distinct_inbox() {
    let world = World::empty().await;
    world.follow("bob").await;
    world.follow("carol").await;
    world.save("dune.md", review("Dune", "Sand."));
    world.look().await;
    assert!(world.deliveries().await.is_empty(), "nothing leaves before it has settled");
    world.settle().await;
    assert_eq!(world.deliveries().await, ["Create https://127.0.0.1:9/inbox"]);
    world.save("dune.md", review("Dune", "Spice."));
    world.settle().await;
    world.save("emma.md", review("Emma", "Matches."));
    world.remove("dune.md");
    world.delete_after().await;
    let told = world.deliveries().await;
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(told.iter().filter(|one| one.starts_with("Delete ")).count(), 1, "{told:?}");
}

// --- drafts and dates --------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_draft_is_nowhere_until_it_is_none() {
    let world = World::of(&[("dune.md", &review_with("Dune", "Secret sand.", &["draft: true"]))]).await;
    world.settle().await;
    for path in ["/", "/feed.xml", "/atom.xml", "/feed.json", "/archive", "/search?q=secret", "/sitemap.xml"] {
        let text = world.page(path).await;
        assert!(!text.contains("Secret") && !text.contains("dune"), "{path}");
    }
    assert_eq!(world.status("/@ana/dune").await, 404);
    assert_eq!(world.survey().await.drafts, 1);
    world.save("dune.md", review("Dune", "Sand."));
    world.settle().await;
    assert_eq!(world.told().await, ["Create dune"]);
}

#[tokio::test]
async fn a_future_date_waits_for_its_time() {
    let world = World::of(&[("dune.md", &review_with("Dune", "Sand.", &["date: 2031-03-01T18:00:00Z"]))]).await;
    world.pass(359 * MINUTE).await;
    assert!(world.titles().await.is_empty());
    assert_eq!((world.status("/@ana/dune").await, world.survey().await.scheduled), (404, 1));
    world.pass(MINUTE).await;
    assert_eq!(world.titles().await, ["Dune by Ada Writer"]);
    world.settle().await;
    assert_eq!(world.told().await, ["Create dune"]);
}

#[tokio::test]
async fn a_future_date_is_kept_across_a_restart() {
    let file = review_with("Dune", "Sand.", &["date: 2031-03-01T18:00:00Z"]);
    let mut world = World::of(&[("dune.md", &file)]).await;
    world.stop().await;
    world.turn(361 * MINUTE);
    world.start().await;
    assert_eq!(world.titles().await, ["Dune by Ada Writer"]);
}

#[tokio::test]
async fn a_published_review_that_becomes_a_draft_is_removed() {
    let world = World::empty().await;
    world.save("emma.md", review("Emma", "Matches."));
    world.save("dune.md", review("Dune", "Sand."));
    world.settle().await;
    world.save("dune.md", review_with("Dune", "Sand.", &["draft: true"]));
    world.look().await;
    assert_eq!(world.titles().await, ["Emma by Ada Writer"]);
    world.delete_after().await;
    assert_eq!(world.told().await.last().unwrap(), "Delete dune");
    assert_eq!(world.status("/@ana/dune").await, 410);
}

// --- removals ----------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_removed_review_leaves_lists_at_once_and_its_page_stays_until_the_delete() {
    let world = World::empty().await;
    world.save("emma.md", review("Emma", "Matches."));
    world.save("dune.md", review_with("Dune", "Sand.", &["tags: [desert]"]));
    world.settle().await;
    let note = format!("/users/ana/reviews/{}", world.entry("dune.md").await.id);
    let accept = [("accept", "application/activity+json")];
    world.remove("dune.md");
    world.look().await;
    for path in ["/", "/@ana", "/feed.xml", "/atom.xml", "/feed.json", "/archive", "/search?q=sand", "/sitemap.xml"] {
        assert!(!world.page(path).await.contains("/@ana/dune"), "{path}");
    }
    assert_eq!(world.status("/tags/desert").await, 404);
    assert!(world.page("/@ana/dune").await.contains("Sand."));
    assert_eq!(world.ask(reqwest::Method::GET, &note, &accept).await.json()["type"], "Note");
    world.pass(599 * SECOND).await;
    assert_eq!((world.status("/@ana/dune").await, world.told().await.len()), (200, 2));
    world.pass(SECOND).await;
    assert_eq!((world.status("/@ana/dune").await, world.told().await.len()), (410, 3));
    assert_eq!(world.told().await[2], "Delete dune");
    assert_eq!(world.ask(reqwest::Method::GET, &note, &accept).await.status, 410);
}

#[tokio::test]
async fn a_file_that_comes_back_in_time_was_never_away() {
    let mut world = World::empty().await;
    world.save("emma.md", review("Emma", "Matches."));
    world.save("dune.md", review("Dune", "Sand."));
    world.settle().await;
    let (entry, feeds) = (world.entry("dune.md").await, world.feed_bytes().await);
    let text = world.read("dune.md");
    for restart in [false, true] {
        world.remove("dune.md");
        world.pass(599 * SECOND).await;
        if restart {
            world.restart().await;
        }
        world.save("dune.md", &text);
        world.delete_after().await;
        assert_eq!(world.told().await, ["Create dune", "Create emma"], "restarted: {restart}");
        assert_eq!(world.entry("dune.md").await.id, entry.id);
        assert_eq!(world.feed_bytes().await[2], feeds[2], "restarted: {restart}");
    }
}

#[tokio::test]
async fn a_deleted_review_never_comes_back_under_its_id() {
    let mut world = World::empty().await;
    world.save("emma.md", review("Emma", "Matches."));
    world.save("dune.md", review("Dune", "Sand."));
    world.settle().await;
    let first = world.entry("dune.md").await;
    for _ in 0..2 {
        let text = world.read("dune.md");
        world.remove("dune.md");
        world.delete_after().await;
        world.restart().await;
        assert_eq!(world.status("/@ana/dune").await, 410);
        world.save("dune.md", text);
        world.settle().await;
    }
    let again = world.entry("dune.md").await;
    assert_eq!(world.status("/@ana/dune").await, 200);
    let ids: Vec<_> = world.ledger().await.into_iter().map(|entry| entry.id).collect();
    assert_eq!(ids.len(), 4, "{ids:?}");
    assert_ne!((&again.id, &again.guid), (&first.id, &first.guid));
    let objects: Vec<_> = world.activities().await.into_iter().map(|one| (one.kind, one.object)).collect();
    let about = |kind: &str, id: &str| objects.iter().filter(|(k, o)| k == kind && o.ends_with(id)).count();
    assert_eq!((about("Create", first.id.as_str()), about("Delete", first.id.as_str())), (1, 1), "{objects:#?}");
}

#[tokio::test]
async fn a_retracted_review_is_gone_at_once_and_its_file_does_not_bring_it_back() {
    let mut world = World::empty().await;
    world.save("emma.md", review("Emma", "Matches."));
    world.save("dune.md", review("Dune", "Sand."));
    world.settle().await;
    let plan = world.retract("https://books.example/@ana/dune").await;
    assert_eq!(plan.delete[0].title, "Dune");
    assert_eq!(world.titles().await, ["Emma by Ada Writer"]);
    assert_eq!((world.status("/@ana/dune").await, world.told().await.last().unwrap().as_str()), (410, "Delete dune"));
    world.settle().await;
    world.restart().await;
    world.settle().await;
    assert_eq!((world.status("/@ana/dune").await, world.titles().await.len()), (410, 1));
    world.save("dune.md", review("Dune", "Sand, calmer."));
    world.settle().await;
    assert_eq!(world.told().await.last().unwrap(), "Create dune");
}

#[tokio::test]
async fn what_nobody_was_told_of_is_deleted_without_a_word() {
    let world = World::of(&[("emma.md", &review("Emma", "Matches."))]).await;
    world.save("dune.md", review("Dune", "Sand."));
    world.pass(10 * SECOND).await;
    world.remove("dune.md");
    world.delete_after().await;
    assert_eq!((world.told().await.len(), world.status("/@ana/dune").await), (0, 410));
}

// --- what is wrong with a file -----------------------------------------------------------------------------------

#[tokio::test]
async fn broken_metadata_keeps_the_last_good_version_and_tells_the_place_and_the_cure() {
    let mut world = World::of(&[("dune.md", &review("Dune", "Sand."))]).await;
    let before = world.feed_bytes().await;
    world.save("dune.md", "---\ntitle: The Desert: A Novel\n---\n\nNew sand.\n");
    for restart in [false, true] {
        if restart {
            world.restart().await;
        }
        world.delete_after().await;
        assert_eq!(world.feed_bytes().await, before, "restarted: {restart}");
        assert!(world.page("/@ana/dune").await.contains("Sand."));
        let problems = world.problems().await;
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].starts_with("dune.md:2:18: error: "), "{}", problems[0]);
        assert!(problems[0].contains('(') && problems[0].ends_with(')'), "no cure: {}", problems[0]);
    }
    assert_eq!((world.told().await.len(), world.survey().await.broken), (0, 1));
    world.save("dune.md", "---\ntitle: \"The Desert: A Novel\"\n---\n\nNew sand.\n");
    world.settle().await;
    assert_eq!(world.told().await, ["Update dune"]);
    assert!(world.problems().await.is_empty() && world.page("/@ana/dune").await.contains("New sand."));
}

#[tokio::test]
async fn a_new_file_that_is_broken_is_published_nowhere() {
    let world = World::empty().await;
    world.save("dune.md", "---\ntitle: The Desert: A Novel\n---\n\nSand.\n");
    world.settle().await;
    assert!(world.titles().await.is_empty() && world.told().await.is_empty());
    assert_eq!(world.problems().await.len(), 1);
}

#[tokio::test]
async fn a_file_that_comes_back_broken_in_time_is_not_deleted() {
    let world = World::of(&[("dune.md", &review("Dune", "Sand.")), ("emma.md", &review("Emma", "Matches."))]).await;
    for broken in ["---\ntitle: The Desert: A Novel\n---\n\nNew sand.\n", ""] {
        world.remove("dune.md");
        world.pass(100 * SECOND).await;
        assert_eq!(world.titles().await.len(), 1);
        world.save("dune.md", broken);
        world.delete_after().await;
        assert!(world.page("/@ana/dune").await.contains("Sand."));
        assert_eq!((world.titles().await.len(), world.told().await.len()), (2, 0));
    }
}

#[tokio::test]
async fn an_emptied_file_keeps_its_review() {
    let mut world = World::of(&[("dune.md", &review("Dune", "Sand.")), ("emma.md", &review("Emma", "Matches."))]).await;
    for (content, restart) in [("", false), ("", true), ("\n \n", false)] {
        world.save("dune.md", content);
        if restart {
            world.restart().await;
        }
        world.delete_after().await;
        assert_eq!((world.titles().await.len(), world.status("/@ana/dune").await), (2, 200));
        assert!(world.problems().await[0].starts_with("dune.md:1:1: error: "), "{:?}", world.problems().await);
    }
    assert!(world.told().await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_a_review_is_told_and_stops_nothing_else() {
    let world = World::empty().await;
    world.save("big.md", vec![b'a'; 2 << 20]);
    world.save("nul.md", vec![0; 4096]);
    world.save("latin.md", b"---\ntitle: Caf\xe9\nauthor: A B\n---\n\nG\xfcte.\n");
    fs::write(world.home().join("secret.md"), review("Secret", "Not yours.")).unwrap();
    symlink(world.home().join("secret.md"), world.path("link.md")).unwrap();
    symlink(world.home(), world.path("up")).unwrap();
    world.save("bomb.png", image_bomb());
    world.save("bombed.md", review_with("Bombed", "Boom.", &["cover: bomb.png"]));
    world.save("cover.jpg", picture([200, 10, 10]));
    world.save("dune.md", review_with("Dune", "Sand.", &["cover: cover.jpg"]));
    world.settle().await;
    let titles = world.titles().await;
    assert_eq!(titles.len(), 3, "{titles:?}");
    assert!(!world.page("/feed.json").await.contains("Secret"));
    let problems = world.problems().await;
    for (file, said) in [
        ("big.md:1:1: error: ", "2097152 bytes"),
        ("nul.md:1:1: error: ", ""),
        ("link.md:1:1: error: ", "leads out"),
        ("up:1:1: error: ", "leads out"),
        ("bomb.png:1:1: warning: ", "pixels"),
    ] {
        let told = problems.iter().any(|problem| problem.starts_with(file) && problem.contains(said));
        assert!(told, "nothing is told of {file}: {problems:#?}");
    }
    assert!(world.page("/@ana/bombed").await.contains("Boom."));
    assert!(world.page("/@ana/dune").await.contains("/media/"));
}

#[tokio::test]
async fn a_mended_picture_is_shown_and_a_changed_one_is_an_update() {
    let world = World::empty().await;
    world.save("cover.jpg", picture([200, 10, 10]));
    world.save("dune.md", review_with("Dune", "Sand.", &["cover: cover.jpg"]));
    world.settle().await;
    let before = world.page("/@ana/dune").await;
    world.save("cover.jpg", picture([10, 10, 200]));
    world.settle().await;
    assert_ne!(world.page("/@ana/dune").await, before);
    assert_eq!(world.told().await, ["Create dune", "Update dune"]);
}

// --- away --------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn changes_made_while_stopped_are_caught_up_once() {
    let mut world = World::empty().await;
    for name in ["dune", "emma", "ulysses"] {
        world.save(&format!("{name}.md"), review(name, "First."));
    }
    world.settle().await;
    world.stop().await;
    world.save("dune.md", review("dune", "Second."));
    world.remove("emma.md");
    world.rename("ulysses.md", "joyce/ulysses.md");
    world.save("middlemarch.md", review("middlemarch", "First."));
    world.start().await;
    assert!(world.page("/@ana/dune").await.contains("Second."));
    world.delete_after().await;
    let mut caught_up = world.told().await.split_off(3);
    caught_up.sort();
    assert_eq!(caught_up, ["Create middlemarch", "Delete emma", "Update dune"]);
    world.restart().await;
    world.delete_after().await;
    assert_eq!(world.told().await.len(), 6, "{:?}", world.told().await);
}

#[tokio::test]
async fn what_waited_at_the_stop_is_told_after_the_start() {
    let mut world = World::empty().await;
    world.save("dune.md", review("Dune", "Sand."));
    world.pass(10 * SECOND).await;
    world.restart().await;
    assert!(world.told().await.is_empty());
    world.settle().await;
    assert_eq!(world.told().await, ["Create dune"]);
}
