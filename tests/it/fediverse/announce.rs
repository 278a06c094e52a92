//! Reviews that were taken in quietly are told to followers after all: each once, one after the other.

use std::time::Duration;

use serde_json::json;

use super::{daemon::Daemon, neighbour::Neighbour, review};
use crate::world::World;

const MINUTE: Duration = Duration::from_secs(60);

/// A review that was brought along: shown, and told to nobody.
fn brought(title: &str) -> String {
    review(title, "Words.").replacen("title:", "reviewd_import: \"goodreads:1\"\ndate: 2019-03-04\ntitle:", 1)
}

/// A daemon with imported reviews, and a follower who has heard of none of them.
async fn ana_and_bob(titles: &[&str]) -> (Daemon, Neighbour) {
    let daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    home.person("bob").follows(&daemon, &home).await;
    for title in titles {
        daemon.save(&format!("{}.md", title.to_lowercase()), &brought(title));
    }
    daemon.look().await;
    daemon.pass(MINUTE);
    daemon.look().await;
    (daemon, home)
}

/// The titles that the follower was told of, once there are so many posts; the first post accepted the follow.
async fn told(home: &Neighbour, count: usize) -> Vec<String> {
    let name = |post: &super::neighbour::Asked| {
        let document = post.json();
        let page = document["object"]["url"].as_str().or(document["object"]["url"][0]["href"].as_str());
        let slug = page.unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
        format!("{} {slug}", document["type"].as_str().unwrap_or_default())
    };
    home.posts(1 + count).await.iter().skip(1).map(name).collect()
}

#[tokio::test]
async fn a_review_taken_in_quietly_is_announced_once_whatever_follows() {
    let (mut daemon, home) = ana_and_bob(&["Dune"]).await;
    assert_eq!(told(&home, 0).await, [""; 0]);
    let announced = daemon.run_json(&["announce", "dune"]).await;
    assert_eq!(announced["announced"][0]["title"], "Dune");
    assert_eq!(told(&home, 1).await, ["Create dune"]);
    let create = home.posts(2).await[1].json();
    assert_eq!(
        create["object"]["published"].as_str().map(|date| &date[..10]),
        Some("2019-03-04"),
        "its own date stays"
    );

    let again = daemon.run_json(&["announce", "dune.md", "dune"]).await;
    assert_eq!((&again["announced"], again["known"].as_array().unwrap().len()), (&json!([]), 1));
    daemon.deliveries_when("Create", |row| row.state == "delivered").await;
    daemon.stop().await;
    daemon.start_again().await;
    daemon.look().await;
    assert!(daemon.run(&["announce", "dune"]).await.contains("announced already"));
    daemon.pass(10 * MINUTE);
    daemon.look().await;
    // What follows is an Update like that of any review.
    daemon.publish("dune.md", &brought("Dune").replace("Words.", "Other words.")).await;
    assert_eq!(told(&home, 2).await, ["Create dune", "Update dune"]);
    assert_eq!(daemon.deliveries_when("Create", |row| row.state == "delivered").await.len(), 1);
}

#[tokio::test]
async fn several_are_announced_one_a_minute_in_the_order_in_which_they_were_named() {
    let (mut daemon, home) = ana_and_bob(&["Dune", "Emma", "Middlemarch", "Piranesi"]).await;
    daemon.run(&["announce", "piranesi", "dune", "middlemarch"]).await;
    assert_eq!(told(&home, 1).await, ["Create piranesi"]);
    daemon.pass(MINUTE / 2);
    daemon.look().await;
    assert_eq!(daemon.run_json(&["plan"]).await["create"].as_array().unwrap().len(), 2);
    daemon.pass(MINUTE / 2);
    daemon.look().await;
    assert_eq!(told(&home, 2).await[1..], ["Create dune"]);
    daemon.look().await;
    assert_eq!(daemon.deliveries_when("Create", |row| row.state == "delivered").await.len(), 2);
    // The last one waits over a restart.
    daemon.stop().await;
    daemon.start_again().await;
    daemon.look().await;
    daemon.pass(MINUTE);
    daemon.look().await;
    assert_eq!(told(&home, 3).await[2..], ["Create middlemarch"]);
    assert_eq!(daemon.run_json(&["plan"]).await["create"], json!([]));
}

#[tokio::test]
async fn a_name_that_is_wrong_announces_nothing_and_says_why() {
    let (daemon, home) = ana_and_bob(&["Dune"]).await;
    daemon.save("secret.md", "---\ntitle: Secret\nauthor: A\ndraft: true\n---\n\nWords.\n");
    daemon.look().await;
    for (name, why) in [("secret.md", "is a draft"), ("secret", "is a draft"), ("emma", "there is no review `emma`")] {
        let error = daemon.refuse(&["announce", "dune", name]).await;
        assert!(error.contains(why), "{name}: {error}");
    }
    daemon.pass(MINUTE);
    daemon.look().await;
    assert_eq!(daemon.deliveries().await.iter().filter(|row| row.kind == "Create").count(), 0);
    assert_eq!(told(&home, 0).await, [""; 0]);
}

#[tokio::test]
async fn what_is_announced_while_nothing_runs_is_on_its_way_at_the_next_start() {
    let mut world = World::of(&[("dune.md", &brought("Dune"))]).await;
    world.follow("bob").await;
    world.stop().await;
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_reviewd"));
    let output =
        command.args(["announce", "dune", "--config", "reviewd.toml"]).current_dir(world.home()).output().await;
    assert!(output.unwrap().status.success());
    world.start().await;
    world.settle().await;
    assert_eq!(world.told().await, ["Create dune"]);
    assert_eq!(world.deliveries().await, ["Create https://127.0.0.1:9/inbox"]);
}
