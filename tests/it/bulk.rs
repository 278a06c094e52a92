//! Never loud by accident: bulk changes and lost folders are held until a person releases them.

use std::{fs, time::Duration};

use crate::world::{Setup, World, handle, picture, review, review_with};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn save_books(world: &World, folder: &str, numbers: std::ops::Range<usize>, words: &str) {
    for n in numbers {
        world.save(&format!("{folder}book-{n}.md"), review(&format!("Book {n}"), &format!("{words} {n}.")));
    }
}

/// This many reviews, adopted.
async fn books(count: usize) -> World {
    let mut world = World::prepare(Setup::default());
    save_books(&world, "", 0..count, "First");
    world.start().await;
    world
}

#[tokio::test]
async fn five_new_reviews_are_announced_and_six_are_held() {
    let mut world = World::empty().await;
    save_books(&world, "", 0..5, "First");
    world.settle().await;
    assert_eq!(world.told().await.len(), 5);
    save_books(&world, "", 10..16, "First");
    world.pass(DAY).await;
    assert_eq!((world.told().await.len(), world.plan().await.held.len()), (5, 6));
    assert_eq!(world.titles().await.len(), 11, "feeds and pages do not wait");
    world.restart().await;
    world.pass(DAY).await;
    let plan = world.plan().await;
    assert_eq!((world.told().await.len(), plan.held.len()), (5, 6));
    let reason = plan.reason.unwrap();
    assert!(reason.contains("6 new") && reason.contains("reviewd apply") && reason.contains("@ana"), "{reason}");
    save_books(&world, "", 20..21, "First");
    world.settle().await;
    assert_eq!(world.told().await.len(), 6, "only the bulk change is held");
    assert_eq!(world.apply(&[]).await.create.len(), 6);
    assert_eq!((world.told().await.len(), world.plan().await.held.len()), (12, 0));
    assert_eq!(world.plan().await.reason, None);
}

#[tokio::test]
async fn single_reviews_are_released_by_name() {
    let world = World::empty().await;
    save_books(&world, "", 0..6, "First");
    world.settle().await;
    let id = world.entry("book-3.md").await.id.to_string();
    let released = world.apply(&["book-1", "book-2.md", &id]).await;
    assert_eq!(released.create.len(), 3);
    let mut told = world.told().await;
    told.sort();
    assert_eq!(told, ["Create book-1", "Create book-2", "Create book-3"]);
    assert_eq!(world.plan().await.held.len(), 3);
    assert_eq!(world.apply(&["no-such-review"]).await.create.len(), 0);
    world.pass(DAY).await;
    assert_eq!(world.told().await.len(), 3);
}

#[tokio::test]
async fn twenty_changed_reviews_are_told_and_twenty_one_are_held() {
    let world = books(30).await;
    save_books(&world, "", 0..20, "Second");
    world.settle().await;
    assert_eq!(world.told().await.len(), 20);
    save_books(&world, "", 0..21, "Third");
    world.save("new.md", review("New", "New."));
    world.pass(DAY).await;
    assert_eq!(world.told().await.split_off(20), ["Create new"], "only changes are held");
    assert_eq!(world.plan().await.held.len(), 21);
    assert!(world.page("/@ana/book-7").await.contains("Third 7."));
    assert_eq!(world.apply(&["@ana"]).await.update.len(), 21);
    assert_eq!(world.told().await.len(), 42);
}

#[tokio::test]
async fn three_removed_reviews_are_deleted_and_four_are_held_and_stay_up() {
    let mut world = books(30).await;
    for n in 0..3 {
        world.remove(&format!("book-{n}.md"));
    }
    world.delete_after().await;
    assert_eq!((world.told().await.len(), world.titles().await.len()), (3, 27));
    for n in 3..7 {
        world.remove(&format!("book-{n}.md"));
    }
    for restart in [false, true] {
        if restart {
            world.restart().await;
        }
        world.pass(DAY).await;
        assert_eq!((world.told().await.len(), world.titles().await.len()), (3, 27), "restarted: {restart}");
        assert_eq!((world.status("/@ana/book-5").await, world.plan().await.held.len()), (200, 4));
    }
    assert_eq!(world.apply(&["book-5"]).await.delete.len(), 1);
    assert_eq!((world.status("/@ana/book-5").await, world.status("/@ana/book-6").await), (410, 200));
    save_books(&world, "", 3..5, "First");
    world.pass(DAY).await;
    assert_eq!(world.plan().await.held.len(), 1, "what came back is held no more");
    assert_eq!(world.told().await.split_off(3), ["Delete book-5"]);
    assert_eq!(world.apply(&[]).await.delete.len(), 1);
    assert_eq!((world.status("/@ana/book-6").await, world.titles().await.len()), (410, 25));
}

#[tokio::test]
async fn only_the_reviewer_of_a_bulk_change_is_held() {
    let reviewers = "[[reviewer]]\nhandle = \"ana\"\nfolder = \"reviews/ana\"\n\
                     [[reviewer]]\nhandle = \"bea\"\nfolder = \"reviews/bea\"\n";
    let mut world = World::prepare(Setup { reviewers, ..Setup::default() });
    for name in ["ana", "bea"] {
        fs::create_dir(world.path(name)).unwrap();
    }
    world.start().await;
    save_books(&world, "ana/", 0..6, "First");
    save_books(&world, "bea/", 0..5, "First");
    world.settle().await;
    assert_eq!((world.told().await.len(), world.plan().await.held.len()), (0, 6));
    assert_eq!(world.running().store.activities(&handle("bea")).await.unwrap().len(), 5);
    assert_eq!(world.apply(&["@bea"]).await.create.len(), 0);
    assert_eq!(world.apply(&["@ana"]).await.create.len(), 6);
}

#[tokio::test]
async fn limits_are_settings() {
    let settings =
        "[publish]\nannounce_max = 1\nupdate_max = 0\ndelete_max = 1\nsettle = \"5s\"\ndelete_after = \"1m\"\n";
    let world = World::open(Setup { settings, ..Setup::default() }).await;
    save_books(&world, "", 0..1, "First");
    world.pass(Duration::from_secs(5)).await;
    assert_eq!(world.told().await, ["Create book-0"]);
    save_books(&world, "", 0..1, "Second");
    save_books(&world, "", 1..3, "First");
    world.pass(DAY).await;
    assert_eq!((world.told().await.len(), world.plan().await.held.len()), (1, 3));
    world.apply(&[]).await;
    world.remove("book-0.md");
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(world.told().await.last().unwrap(), "Delete book-0");
}

#[tokio::test]
async fn a_folder_that_vanishes_or_is_emptied_takes_nothing_with_it() {
    for emptied in [false, true] {
        let mut world = books(2).await;
        let feeds = world.feed_bytes().await;
        fs::rename(world.folder(), world.home().join("aside")).unwrap();
        if emptied {
            fs::create_dir(world.folder()).unwrap();
        }
        for restart in [false, true] {
            if restart {
                world.restart().await;
            }
            world.pass(DAY).await;
            assert_eq!(world.feed_bytes().await, feeds, "emptied: {emptied}, restarted: {restart}");
            assert!(world.page("/@ana/book-1").await.contains("First 1."));
            assert_eq!((world.told().await.len(), world.plan().await.held.len()), (0, 2));
            let reason = world.plan().await.reason.unwrap();
            assert!(reason.contains(if emptied { "is empty" } else { "is missing" }), "{reason}");
            assert_eq!(world.survey().await.folder_state, if emptied { "empty" } else { "missing" });
        }
        if emptied {
            fs::remove_dir(world.folder()).unwrap();
        }
        fs::rename(world.home().join("aside"), world.folder()).unwrap();
        world.pass(DAY).await;
        assert_eq!((world.feed_bytes().await, world.told().await.len()), (feeds, 0));
        assert_eq!((world.plan().await.held.len(), world.survey().await.folder_state), (0, "fine".to_owned()));
    }
}

#[tokio::test]
async fn pictures_stay_up_without_the_folder() {
    let mut world = World::prepare(Setup::default());
    world.save("cover.jpg", picture([120, 40, 40]));
    world.save("dune.md", review_with("Dune", "Sand.", &["cover: cover.jpg"]));
    world.start().await;
    world.stop().await;
    fs::remove_dir_all(world.folder()).unwrap();
    world.start().await;
    let page = world.page("/@ana/dune").await;
    let (_, after) = page.split_once("/media/").unwrap();
    let name: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || "-.".contains(*c)).collect();
    assert_eq!(world.status(&format!("/media/{name}")).await, 200);
}

#[tokio::test]
async fn a_person_may_say_that_an_emptied_folder_is_meant() {
    let world = books(2).await;
    world.remove("book-0.md");
    world.remove("book-1.md");
    world.pass(DAY).await;
    assert_eq!(world.titles().await.len(), 2);
    assert_eq!(world.apply(&[]).await.delete.len(), 2);
    assert!(world.titles().await.is_empty());
    assert_eq!(world.told().await.len(), 2);
    save_books(&world, "", 7..8, "First");
    world.settle().await;
    assert_eq!(world.told().await.last().unwrap(), "Create book-7");
}

#[tokio::test]
async fn a_folder_that_cannot_be_read_takes_nothing_with_it() {
    let world = books(2).await;
    let feeds = world.feed_bytes().await;
    fs::remove_dir_all(world.folder()).unwrap();
    fs::write(world.folder(), "a file where the folder was").unwrap();
    world.pass(DAY).await;
    assert_eq!((world.feed_bytes().await, world.told().await.len()), (feeds, 0));
}

#[tokio::test]
async fn a_bulk_change_that_was_released_is_not_held_again() {
    let mut world = World::empty().await;
    save_books(&world, "", 0..8, "First");
    world.settle().await;
    world.apply(&[]).await;
    assert_eq!(world.told().await.len(), 8);
    world.restart().await;
    world.pass(DAY).await;
    assert_eq!((world.told().await.len(), world.plan().await.held.len()), (8, 0));
}
