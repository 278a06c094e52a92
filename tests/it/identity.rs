//! Ids, guids and addresses: minted once, kept through renames, crashes and lost databases, never used again.

use std::{fs, time::Duration};

use crate::world::{Setup, World, review, review_with};

const SECOND: Duration = Duration::from_secs(1);

/// What must not change of a review: id, guid, slug and time of publication.
async fn identity(world: &World, file: &str) -> (String, String, String, jiff::Timestamp) {
    let entry = world.entry(file).await;
    (entry.id.to_string(), entry.guid, entry.slug.to_string(), entry.published)
}

/// Two reviews, announced: `dune.md` and `emma.md`.
async fn two_reviews() -> World {
    let world = World::empty().await;
    world.save("dune.md", review_with("Dune", "Sand.", &["isbn: 9780441172719"]));
    world.save("emma.md", review("Emma", "Matches."));
    world.settle().await;
    assert_eq!(world.told().await, ["Create dune", "Create emma"]);
    world
}

// --- renames -----------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_renamed_file_does_not_announce_the_review_again() {
    let mut world = two_reviews().await;
    let (before, feeds) = (identity(&world, "dune.md").await, world.feed_bytes().await);
    world.rename("dune.md", "herbert.md");
    world.delete_after().await;
    assert_eq!(identity(&world, "herbert.md").await, before);
    world.rename("herbert.md", "2031/frank/herbert.md");
    world.delete_after().await;
    assert_eq!(identity(&world, "2031/frank/herbert.md").await, before);
    world.stop().await;
    world.rename("2031/frank/herbert.md", "frank.md");
    world.start().await;
    world.delete_after().await;
    assert_eq!(identity(&world, "frank.md").await, before);
    assert_eq!(world.feed_bytes().await, feeds);
    assert_eq!(world.told().await.len(), 2, "{:?}", world.told().await);
    world.save("frank.md", review_with("Dune", "Sand, and spice.", &["isbn: 9780441172719"]));
    world.settle().await;
    assert_eq!(identity(&world, "frank.md").await, before);
    assert_eq!(world.told().await.split_off(2), ["Update dune"]);
}

#[tokio::test]
async fn a_renamed_directory_takes_all_its_reviews_along() {
    let texts: Vec<(String, String)> =
        (0..12).map(|n| (format!("old/book-{n}.md"), review(&format!("Book {n}"), &format!("Words {n}.")))).collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let world = World::of(&files).await;
    let before = world.feed_bytes().await;
    world.rename("old", "new");
    world.delete_after().await;
    assert_eq!(world.feed_bytes().await, before);
    assert_eq!((world.told().await.len(), world.plan().await.held.len()), (0, 0));
    for n in 0..12 {
        assert_eq!(world.entry(&format!("new/book-{n}.md")).await.slug.to_string(), format!("book-{n}"));
    }
}

#[tokio::test]
async fn rsync_creates_the_new_name_before_it_deletes_the_old_one() {
    let world = two_reviews().await;
    let before = identity(&world, "dune.md").await;
    world.copy("dune.md", "sf/dune-herbert.md");
    world.pass(20 * SECOND).await;
    assert_eq!(world.titles().await.len(), 2, "the copy waits to see whether the other one goes");
    world.remove("dune.md");
    world.delete_after().await;
    assert_eq!(identity(&world, "sf/dune-herbert.md").await, before);
    assert_eq!((world.told().await.len(), world.titles().await.len()), (2, 2));
}

#[tokio::test]
async fn a_file_renamed_and_edited_is_known_by_its_isbn_or_its_title() {
    let world = two_reviews().await;
    let (dune, emma) = (identity(&world, "dune.md").await, identity(&world, "emma.md").await);
    world.remove("dune.md");
    world.remove("emma.md");
    world.save("a.md", review_with("Dune, the novel", "More sand.", &["isbn: 9780441172719"]));
    world.save("b.md", review("EMMA!", "More matches."));
    world.settle().await;
    assert_eq!((identity(&world, "a.md").await, identity(&world, "b.md").await), (dune, emma));
    world.delete_after().await;
    let mut told = world.told().await.split_off(2);
    told.sort();
    assert_eq!(told, ["Update dune", "Update emma"]);
}

#[tokio::test]
async fn a_new_name_with_edits_that_comes_before_the_old_one_goes_is_the_same_review() {
    let world = two_reviews().await;
    let before = identity(&world, "dune.md").await;
    world.save("herbert.md", review_with("Dune", "Sand, edited.", &["isbn: 9780441172719"]));
    world.pass(SECOND).await;
    world.remove("dune.md");
    world.delete_after().await;
    assert_eq!(identity(&world, "herbert.md").await, before);
    assert!(world.page("/@ana/dune").await.contains("Sand, edited."));
    assert_eq!(world.told().await.split_off(2), ["Update dune"]);
    assert_eq!(world.titles().await.len(), 2);
}

#[tokio::test]
async fn a_review_that_gets_another_name_and_edits_before_it_was_announced_is_created_once() {
    let world = World::empty().await;
    world.save("dune.md", review("Dune", "Sand."));
    world.pass(SECOND).await;
    world.save("herbert.md", review("Dune", "Sand, edited."));
    world.pass(SECOND).await;
    world.remove("dune.md");
    world.delete_after().await;
    assert_eq!(world.told().await, ["Create dune"]);
    assert_eq!((world.entry("herbert.md").await.slug.as_str(), world.titles().await.len()), ("dune", 1));
}

#[tokio::test]
async fn a_copy_that_stays_beside_its_twin_is_a_review_of_its_own() {
    let world = two_reviews().await;
    let before = identity(&world, "dune.md").await;
    world.copy("dune.md", "again.md");
    world.pass(29 * SECOND).await;
    assert_eq!(world.titles().await.len(), 2);
    world.pass(SECOND).await;
    assert_eq!(world.titles().await.len(), 3);
    world.settle().await;
    assert_eq!(world.told().await.split_off(2), ["Create again"]);
    assert_eq!(identity(&world, "dune.md").await, before);
}

#[tokio::test]
async fn two_files_that_swap_names_keep_their_addresses_by_name() {
    let world = two_reviews().await;
    let (dune, emma) = (identity(&world, "dune.md").await, identity(&world, "emma.md").await);
    world.rename("dune.md", "aside.md");
    world.rename("emma.md", "dune.md");
    world.rename("aside.md", "emma.md");
    world.delete_after().await;
    // A file is the same file while its name is: both were edited.
    assert_eq!((identity(&world, "dune.md").await, identity(&world, "emma.md").await), (dune, emma));
    assert!(world.told().await.iter().all(|told| !told.starts_with("Delete")));
    assert_eq!(world.titles().await.len(), 2);
}

#[tokio::test]
async fn a_moved_file_whose_delete_waits_comes_back_as_itself() {
    let world = two_reviews().await;
    let before = identity(&world, "dune.md").await;
    let text = world.read("dune.md");
    world.remove("dune.md");
    world.pass(100 * SECOND).await;
    world.save("elsewhere/sand.md", text);
    world.delete_after().await;
    assert_eq!(identity(&world, "elsewhere/sand.md").await, before);
    assert_eq!((world.told().await.len(), world.titles().await.len()), (2, 2));
}

// --- addresses ---------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_second_of_a_name_gets_a_number_and_keeps_it() {
    let mut world = World::empty().await;
    world.save("2019/dune.md", review("Dune", "First reading."));
    world.look().await;
    world.save("2031/dune.md", review("Dune", "Second reading."));
    world.settle().await;
    assert!(world.page("/@ana/dune").await.contains("First reading."));
    assert!(world.page("/@ana/dune-2").await.contains("Second reading."));
    assert_ne!(world.entry("2019/dune.md").await.id, world.entry("2031/dune.md").await.id);
    world.restart().await;
    world.save("2031/dune.md", review("Dune", "Second reading, again."));
    world.remove("2019/dune.md");
    world.delete_after().await;
    assert!(world.page("/@ana/dune-2").await.contains("Second reading, again."));
    assert_eq!(world.status("/@ana/dune").await, 410);
}

#[tokio::test]
async fn an_address_changed_in_the_metadata_leaves_a_redirect_and_no_other_trace() {
    let mut world = two_reviews().await;
    let before = identity(&world, "dune.md").await;
    world.save("dune.md", review_with("Dune", "Sand.", &["isbn: 9780441172719", "slug: arrakis"]));
    world.settle().await;
    for restart in [false, true] {
        if restart {
            world.restart().await;
        }
        let moved = world.get("/@ana/dune").await;
        assert_eq!((moved.status, moved.header("location")), (301, "/@ana/arrakis".to_owned()));
        assert!(world.page("/@ana/arrakis").await.contains("Sand."));
    }
    let after = identity(&world, "dune.md").await;
    assert_eq!((&after.0, &after.1, &after.3), (&before.0, &before.1, &before.3));
    assert!(world.feed().await.iter().any(|item| item.guid == before.1 && item.url.ends_with("/@ana/arrakis")));
}

#[tokio::test]
async fn an_alias_never_hides_a_page_of_the_site() {
    let world = World::of(&[
        (
            "dune.md",
            &review_with("Dune", "Sand.", &["aliases: [/, /archive, /@ana/emma, /feed.xml, //evil.example/x]"]),
        ),
        ("emma.md", &review("Emma", "Matches.")),
    ])
    .await;
    for address in ["/", "/archive", "/@ana/emma", "/feed.xml"] {
        assert_eq!(world.status(address).await, 200, "{address}");
    }
}

#[tokio::test]
async fn addresses_that_a_review_had_elsewhere_lead_to_its_page() {
    let mut world = World::of(&[(
        "dune.md",
        &review_with("Dune", "Sand.", &["aliases: [/2015/dune/, /old/dune.html]", "redirect_from: /sand"]),
    )])
    .await;
    for restart in [false, true] {
        if restart {
            world.restart().await;
        }
        for address in ["/2015/dune/", "/2015/dune", "/old/dune.html", "/sand", "/sand/"] {
            let moved = world.get(address).await;
            assert_eq!((moved.status, moved.header("location")), (301, "/@ana/dune".to_owned()), "{address}");
        }
    }
}

#[tokio::test]
async fn an_id_in_the_metadata_wins() {
    let world = World::of(&[("dune.md", &review_with("Dune", "Sand.", &["id: my-dune"]))]).await;
    assert_eq!(world.entry("dune.md").await.id.to_string(), "my-dune");
    world.save("emma.md", review_with("Emma", "Matches.", &["id: my-dune"]));
    world.settle().await;
    assert_ne!(world.entry("emma.md").await.id.to_string(), "my-dune", "an id belongs to one review");
}

#[tokio::test]
async fn a_review_is_known_by_the_id_in_its_metadata_whatever_else_changes() {
    let world = two_reviews().await;
    world.save("sand.md", review_with("Sand", "Dry.", &["id: sand"]));
    world.settle().await;
    let before = identity(&world, "sand.md").await;
    world.remove("sand.md");
    world.save("elsewhere/water.md", review_with("Water", "Wet.", &["id: sand"]));
    world.settle().await;
    assert_eq!(identity(&world, "elsewhere/water.md").await, before);
    assert_eq!(world.told().await.last().unwrap(), "Update sand");
    world.remove("elsewhere/water.md");
    world.delete_after().await;
    world.save("sand.md", review_with("Sand", "Dry again.", &["id: sand"]));
    world.settle().await;
    assert_eq!(identity(&world, "sand.md").await.0, "sand-2", "a deleted id never comes back");
}

// --- crashes and losses ------------------------------------------------------------------------------------------

#[tokio::test]
async fn an_id_written_to_the_journal_before_a_crash_is_the_reviews_id_after_it() {
    let mut world = World::of(&[("emma.md", &review("Emma", "Matches."))]).await;
    world.stop().await;
    // The database as it was before the review was saved, the journal as it was after: a crash between the two writes.
    let database = fs::read(world.data().join("reviewd.db")).unwrap();
    world.start().await;
    world.save("dune.md", review("Dune", "Sand."));
    world.look().await;
    let before = identity(&world, "dune.md").await;
    world.stop().await;
    world.lose_database();
    fs::write(world.data().join("reviewd.db"), database).unwrap();
    world.turn(100 * SECOND);
    world.start().await;
    assert_eq!(identity(&world, "dune.md").await, before);
    world.settle().await;
    assert_eq!(world.told().await, ["Create dune"]);
}

#[tokio::test]
async fn a_lost_database_loses_no_identity() {
    let mut world = two_reviews().await;
    world.save("gone.md", review("Gone", "Soon."));
    world.settle().await;
    let gone = identity(&world, "gone.md").await;
    world.rename("dune.md", "2031/herbert.md");
    world.remove("gone.md");
    world.delete_after().await;
    let (dune, emma) = (identity(&world, "2031/herbert.md").await, identity(&world, "emma.md").await);
    let items = world.feed().await;
    world.stop().await;
    world.lose_database();
    world.save("gone.md", review("Gone", "Back again."));
    world.turn(100 * SECOND);
    world.start().await;
    assert_eq!(identity(&world, "2031/herbert.md").await, dune);
    assert_eq!(identity(&world, "emma.md").await, emma);
    let back = identity(&world, "gone.md").await;
    assert_ne!((&back.0, &back.1), (&gone.0, &gone.1), "a tombstone stays one");
    let again = world.feed().await;
    for item in &items {
        let same = again.iter().find(|again| again.guid == item.guid).unwrap();
        assert_eq!((&same.url, &same.published), (&item.url, &item.published));
    }
    world.settle().await;
    assert!(world.told().await.is_empty(), "{:?}", world.told().await);
}

#[tokio::test]
async fn the_journal_is_only_ever_added_to() {
    let mut world = two_reviews().await;
    let before = fs::read_to_string(world.data().join("ids.jsonl")).unwrap();
    world.rename("dune.md", "herbert.md");
    world.remove("emma.md");
    world.delete_after().await;
    world.restart().await;
    let after = fs::read_to_string(world.data().join("ids.jsonl")).unwrap();
    assert!(after.starts_with(&before));
    let events: Vec<String> = world.journal().iter().map(|line| line["event"].to_string().replace('"', "")).collect();
    assert_eq!(events, ["minted", "minted", "moved", "deleted"]);
}

#[tokio::test]
async fn the_same_folder_gives_the_same_ids_on_another_machine() {
    let files = [("dune.md", review("Dune", "Sand.")), ("x/emma.md", review("Emma", "Matches."))];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let (one, other) = (World::of(&files).await, World::of(&files).await);
    for (name, _) in &files {
        assert_eq!(one.entry(name).await.id, other.entry(name).await.id);
    }
}

#[tokio::test]
async fn an_id_shows_no_slug() {
    let world = two_reviews().await;
    for activity in world.activities().await {
        assert!(!activity.id.contains("dune") && !activity.object.contains("dune"), "{activity:?}");
        assert!(activity.object.starts_with("https://books.example/users/ana/reviews/"), "{activity:?}");
    }
}

#[tokio::test]
async fn a_damaged_journal_stops_the_start_and_is_named() {
    let mut world = two_reviews().await;
    world.stop().await;
    let journal = world.data().join("ids.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, format!("nonsense\n{text}")).unwrap();
    let error = format!("{:#}", world.try_start().await.err().expect("it does not start"));
    assert!(error.contains("ids.jsonl:1"), "{error}");
    fs::write(&journal, format!("{text}{{\"at\":\"2031")).unwrap();
    world.start().await;
    assert_eq!(world.titles().await.len(), 2);
}

#[tokio::test]
async fn two_reviewers_of_one_book_share_nothing_but_the_book() {
    let reviewers = "[[reviewer]]\nhandle = \"ana\"\nfolder = \"reviews/ana\"\n\
                     [[reviewer]]\nhandle = \"bea\"\nfolder = \"reviews/bea\"\n";
    let dune = review("Dune", "Sand.");
    let files = [("ana/dune.md", dune.as_str()), ("bea/dune.md", dune.as_str())];
    let world = World::open(Setup { reviewers, files: &files, ..Setup::default() }).await;
    let items = world.feed().await;
    assert_eq!(items.len(), 2);
    assert_ne!(items[0].guid, items[1].guid);
    assert_eq!((world.status("/@ana/dune").await, world.status("/@bea/dune").await), (200, 200));
    for name in ["ana", "bea"] {
        let own = world.feed_at(&format!("/@{name}/feed.json")).await;
        assert_eq!(own.len(), 1);
        assert!(own[0].url.contains(&format!("/@{name}/")));
    }
    let book = world.page("/books/dune-ada-writer").await;
    assert!(book.contains("/@ana/dune") && book.contains("/@bea/dune"));
}

// --- the site's own name -----------------------------------------------------------------------------------------

#[tokio::test]
async fn another_origin_is_another_site() {
    let mut world = two_reviews().await;
    world.stop().await;
    world.settings(Some("https://elsewhere.example"), "", "");
    let error = format!("{:#}", world.try_start().await.err().expect("it does not start"));
    assert!(error.contains("https://books.example") && error.contains("move"), "{error}");
    world.settings(Some("https://books.example"), "", "");
    world.start().await;
    assert_eq!(world.titles().await.len(), 2);
}

#[tokio::test]
async fn a_trial_moves_to_a_real_domain_and_takes_its_reviews_along() {
    let mut world = World::open(Setup { origin: None, ..Setup::default() }).await;
    world.save("dune.md", review("Dune", "Sand."));
    world.settle().await;
    let before = identity(&world, "dune.md").await;
    world.stop().await;
    world.settings(Some("https://books.example"), "", "");
    world.start().await;
    assert_eq!(identity(&world, "dune.md").await, before);
    for text in world.feed_bytes().await {
        assert!(text.contains("https://books.example/@ana/dune") && !text.contains("localhost"), "{text}");
    }
    world.settle().await;
    for activity in world.activities().await {
        assert!(activity.object.starts_with("https://books.example/"), "{activity:?}");
    }
}

#[tokio::test]
async fn a_reviewer_with_followers_does_not_vanish_by_a_slip_in_the_settings() {
    let mut world = two_reviews().await;
    world.follow("bob").await;
    world.stop().await;
    let bea = "[[reviewer]]\nhandle = \"bea\"\nfolder = \"reviews\"\n";
    world.settings(Some("https://books.example"), bea, "");
    let error = format!("{:#}", world.try_start().await.err().expect("it does not start"));
    assert!(error.contains("@ana") && error.contains("retire"), "{error}");
}

#[tokio::test]
async fn a_key_that_followers_know_is_never_made_anew() {
    let mut world = two_reviews().await;
    world.follow("bob").await;
    world.stop().await;
    let key = world.data().join("keys/ana.pem");
    let aside = world.data().join("aside.pem");
    fs::rename(&key, &aside).unwrap();
    let error = format!("{:#}", world.try_start().await.err().expect("it does not start"));
    assert!(error.contains("ana.pem"), "{error}");
    fs::rename(aside, key).unwrap();
    world.start().await;
    assert_eq!(world.titles().await.len(), 2);
}
