//! What the reviewer is told of: each state once, by the command and by the private feed, over every restart.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use serde_json::Value;

use crate::world::{Setup, World, review};

const MINUTE: Duration = Duration::from_secs(60);
const BROKEN: &str = "---\ntitle: The Desert: A Novel\n---\n\nx\n";

/// A command that writes down what it was told.
struct Listener {
    home: tempfile::TempDir,
}

impl Listener {
    fn new(script: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("listen");
        fs::write(
            &path,
            format!("#!/bin/sh\n{}\n", script.replace("HEARD", &home.path().join("heard").display().to_string())),
        )
        .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self { home }
    }

    fn settings(&self) -> String {
        format!("[notify]\ncommand = [\"{}\"]\n", self.home.path().join("listen").display())
    }

    fn heard_in(&self) -> PathBuf {
        self.home.path().join("heard")
    }

    fn heard(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.heard_in()).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Lets minutes pass until it heard so much.
    async fn hears(&self, world: &World, count: usize) -> Vec<Value> {
        for _ in 0..600 {
            if self.heard().len() >= count {
                return self.heard();
            }
            world.turn(MINUTE);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{count} were expected, but these came: {:#?}", self.heard());
    }
}

#[tokio::test]
async fn each_state_is_told_once_also_over_a_restart() {
    let listener = Listener::new("cat >> HEARD");
    let settings = listener.settings();
    let mut world = World::open(Setup { settings: &settings, ..Setup::default() }).await;
    world.save("broken.md", BROKEN);
    world.look().await;
    let heard = listener.hears(&world, 1).await;
    assert_eq!((heard[0]["kind"].as_str(), heard[0]["site"].as_str()), (Some("broken"), Some("https://books.example")));
    assert!(heard[0]["text"].as_str().unwrap().contains("broken.md:2"), "{heard:#?}");

    world.restart().await;
    for n in 0..7 {
        world.save(&format!("book-{n}.md"), review(&format!("Book {n}"), "Words."));
    }
    world.look().await;
    let heard = listener.hears(&world, 2).await;
    assert_eq!(heard[1]["kind"], "held", "the first one is not told again: {heard:#?}");

    // It ends, and begins anew.
    world.save("broken.md", review("Mended", "Words."));
    world.look().await;
    for _ in 0..3 {
        world.pass(MINUTE).await;
    }
    while world
        .running()
        .store
        .notices(10)
        .await
        .unwrap()
        .iter()
        .any(|one| one.kind == "broken" && one.over_at.is_none())
    {
        world.turn(MINUTE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    world.save("broken.md", BROKEN);
    world.look().await;
    assert_eq!(listener.hears(&world, 3).await[2]["kind"], "broken");
}

#[tokio::test]
async fn a_command_that_fails_is_tried_again_but_not_for_ever() {
    let listener = Listener::new("cat >> HEARD; exit 1");
    let settings = listener.settings();
    let world = World::open(Setup { settings: &settings, ..Setup::default() }).await;
    world.save("broken.md", BROKEN);
    world.look().await;
    listener.hears(&world, 3).await;
    for _ in 0..20 {
        world.turn(MINUTE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(listener.heard().len(), 3);
}

#[tokio::test]
async fn the_private_feed_is_found_only_by_its_address() {
    let world = World::open(Setup { files: &[("broken.md", BROKEN)], ..Setup::default() }).await;
    let secret = fs::read_to_string(world.data().join("notices.token")).unwrap();
    let path = format!("/notices/{}.xml", secret.trim());
    for _ in 0..600 {
        if !world.running().store.notices(1).await.unwrap().is_empty() {
            break;
        }
        world.turn(MINUTE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let feed = world.get(&path).await;
    assert_eq!((feed.status, feed.header("cache-control").as_str()), (200, "private, no-cache"));
    assert_eq!(feed.header("x-robots-tag"), "noindex, nofollow");
    let parsed = feed_rs::parser::parse(feed.text().as_bytes()).unwrap();
    assert!(parsed.entries[0].summary.as_ref().unwrap().content.contains("broken.md:2"), "{parsed:#?}");
    assert!(!feed.text().contains(secret.trim()));
    for wrong in ["/notices/x.xml", "/notices/.xml", &path.replace(".xml", ""), &path.replace(".xml", "x.xml")] {
        assert_eq!(world.status(wrong).await, 404, "{wrong}");
    }
    let asked = world.ask(reqwest::Method::GET, &path, &[("if-none-match", &feed.header("etag"))]).await;
    assert_eq!(asked.status, 304);
}

#[tokio::test]
async fn without_a_wish_for_it_there_is_no_private_feed() {
    let world = World::open(Setup { settings: "[notify]\nfeed = false\n", ..Setup::default() }).await;
    assert!(!world.data().join("notices.token").exists());
    assert_eq!(world.status("/notices/.xml").await, 404);
}

#[tokio::test]
async fn a_review_that_reached_nobody_for_an_hour_raises_the_alarm_until_it_arrives() {
    let world = World::empty().await;
    // Nobody answers there.
    world.follow("bob").await;
    world.save("dune.md", review("Dune", "Sand."));
    world.settle().await;
    assert_eq!(world.get("/readyz").await.text(), "ready\n");
    let alarm = async |wanted: bool| {
        for _ in 0..600 {
            if world.running().store.alarm().await.unwrap().is_some() == wanted {
                return;
            }
            world.turn(MINUTE);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the alarm did not become {wanted}");
    };
    alarm(true).await;
    assert!(world.now() >= "2031-03-01T13:00:00Z".parse().unwrap(), "not before an hour has passed");
    let ready = world.get("/readyz").await;
    assert!(ready.status == 200 && ready.text().starts_with("degraded: ") && ready.text().contains("/reviews/"));
    world.retract("dune").await;
    alarm(false).await;
    assert_eq!(world.get("/readyz").await.text(), "ready\n");
}
