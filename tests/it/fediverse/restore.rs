//! A backup that comes back, and a neighbour that counts: nothing arrives twice, nobody is lost, nothing is told by itself
//! that the original may have told.

use std::time::Duration;

use serde_json::json;

use super::{
    daemon::{Daemon, SETTLE},
    neighbour::{Answer, Neighbour, Person, get},
    review,
};

const HOUR: Duration = Duration::from_secs(3600);

async fn ana_and_bob() -> (Daemon, Neighbour, Person) {
    let daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    let bob = home.person("bob");
    bob.follows(&daemon, &home).await;
    (daemon, home, bob)
}

/// Lets everything happen that would happen by itself.
async fn live_on(daemon: &Daemon) {
    for _ in 0..3 {
        daemon.look().await;
        daemon.pass(HOUR);
        daemon.look().await;
    }
}

#[tokio::test]
async fn a_restored_copy_of_an_old_backup_says_nothing_twice_and_goes_on() {
    let (mut daemon, home, bob) = ana_and_bob().await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    daemon.publish("gone.md", &review("Gone", "Soon.")).await;
    home.posts(3).await;
    let dune = get(&daemon.url("/users/ana/outbox?page=1")).await["orderedItems"].clone();
    let backup = daemon.back_up(false).await;

    // The original lives on: a new review, an edit, a deletion.
    daemon.publish("emma.md", &review("Emma", "Rich.")).await;
    daemon.publish("dune.md", &review("Dune", "More sand.")).await;
    daemon.remove("gone.md");
    daemon.look().await;
    daemon.pass(HOUR);
    daemon.look().await;
    let told = home.posts(6).await;
    let kinds: Vec<String> = told[3..].iter().map(super::neighbour::Asked::kind).collect();
    assert_eq!(kinds, ["Create", "Update", "Delete"]);
    daemon.deliveries_when("Delete", |row| row.state == "delivered").await;
    let emma = told[3].json()["object"]["id"].clone();

    daemon.pass(30 * 24 * HOUR);
    let outcome = daemon.restore(&backup, false).await;
    assert!(!outcome.goes_on);
    daemon.start_again().await;
    assert_eq!(daemon.followers().await[0].actor, bob.id);
    live_on(&daemon).await;
    home.posts(6).await;
    let plan = daemon.run_json(&["plan"]).await;
    let held: Vec<&str> = plan["held"].as_array().unwrap().iter().map(|item| item["file"].as_str().unwrap()).collect();
    assert_eq!((held.len(), plan["create"].as_array().unwrap().len()), (3, 0), "{plan:#}");
    for file in ["dune.md", "emma.md", "gone.md"] {
        assert!(held.contains(&file), "{plan:#}");
    }
    assert!(plan["reason"].as_str().unwrap().contains("restored from a backup of 2026-11-22"), "{plan:#}");
    // The same ids as before, also of what the backup did not know.
    assert_eq!(get(emma.as_str().unwrap()).await["id"], emma);
    let now = get(&daemon.url("/users/ana/outbox?page=1")).await["orderedItems"].clone();
    for item in dune.as_array().unwrap() {
        assert!(now.as_array().unwrap().iter().any(|other| other["id"] == item["id"]), "{now:#}");
    }

    let settled = daemon.run(&["apply", "--quietly"]).await;
    assert!(settled.contains("Taken as known"), "{settled}");
    live_on(&daemon).await;
    home.posts(6).await;
    assert_eq!(daemon.run_json(&["plan"]).await["held"], json!([]));

    // What comes now goes out as usual, to the followers there were.
    daemon.publish("ulysses.md", &review("Ulysses", "A day.")).await;
    assert_eq!(home.posts(7).await[6].kind(), "Create");
    daemon.publish("emma.md", &review("Emma", "Rich, and clever.")).await;
    let update = home.posts(8).await[7].json();
    assert_eq!((&update["type"], &update["object"]["id"]), (&json!("Update"), &emma));
}

#[tokio::test]
async fn a_review_found_after_a_restore_goes_out_when_a_person_says_so() {
    let (mut daemon, home, _) = ana_and_bob().await;
    let backup = daemon.back_up(false).await;
    daemon.restore(&backup, false).await;
    daemon.save("emma.md", &review("Emma", "Rich."));
    daemon.start_again().await;
    live_on(&daemon).await;
    home.posts(1).await;
    daemon.run(&["apply", "emma"]).await;
    assert_eq!(home.posts(2).await[1].kind(), "Create");
}

#[tokio::test]
async fn what_was_due_in_the_backup_waits_and_arrives_once() {
    let (mut daemon, home, bob) = ana_and_bob().await;
    home.answer(&bob.inbox(), [Answer::Status(503), Answer::Status(202)]);
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    daemon.deliveries_when("Create", |row| row.attempts == 1).await;
    let backup = daemon.back_up(false).await;
    daemon.pass(HOUR);
    daemon.deliveries_when("Create", |row| row.state == "delivered").await;
    home.posts(3).await;

    assert_eq!(daemon.restore(&backup, false).await.held, 1);
    daemon.start_again().await;
    live_on(&daemon).await;
    home.posts(3).await;
    let rows = daemon.run_json(&["deliveries", "dune"]).await;
    assert_eq!((&rows[0]["state"], &rows[0]["next_at"]), (&json!("due"), &json!(null)), "{rows:#}");
    assert!(rows[0]["last_error"].as_str().unwrap().contains("reviewd apply"), "{rows:#}");
    // The lane is free for what is new.
    daemon.publish("emma.md", &review("Emma", "Rich.")).await;
    home.posts(4).await;
    let applied = daemon.run(&["apply"]).await;
    assert!(applied.contains("1 deliveries that were due in the backup are on their way"), "{applied}");
    let posts = home.posts(5).await;
    assert_eq!(posts[4].body, posts[1].body, "the same bytes under the same id");
    daemon.deliveries_when("Create", |row| row.state == "delivered").await;
}

#[tokio::test]
async fn what_was_due_goes_on_by_itself_where_the_original_stands_still() {
    let (mut daemon, home, bob) = ana_and_bob().await;
    home.answer(&bob.inbox(), [Answer::Status(503)]);
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    daemon.deliveries_when("Create", |row| row.attempts == 1).await;
    let backup = daemon.back_up(false).await;
    let outcome = daemon.restore(&backup, true).await;
    assert!(outcome.goes_on && outcome.held == 0);
    daemon.start_again().await;
    daemon.pass(HOUR);
    daemon.deliveries_when("Create", |row| row.state == "delivered").await;
    daemon.save("emma.md", &review("Emma", "Rich."));
    daemon.look().await;
    daemon.pass(SETTLE);
    daemon.look().await;
    assert_eq!(home.posts(4).await[3].kind(), "Create");
}

#[tokio::test]
async fn an_id_that_the_original_may_have_used_and_deleted_is_not_minted_again() {
    let (mut daemon, home, _) = ana_and_bob().await;
    let backup = daemon.back_up(false).await;
    daemon.publish("emma.md", &review("Emma", "Rich.")).await;
    let lost = home.posts(2).await[1].json()["object"]["id"].clone();
    daemon.retract("emma").await;
    home.posts(3).await;
    daemon.remove("emma.md");
    daemon.deliveries_when("Delete", |row| row.state == "delivered").await;
    daemon.restore(&backup, false).await;
    daemon.start_again().await;
    live_on(&daemon).await;
    daemon.publish("emma.md", &review("Emma", "Rich, again.")).await;
    let create = home.posts(4).await[3].json();
    assert_eq!(create["type"], "Create");
    assert_ne!(create["object"]["id"], lost, "other servers never take a deleted id again");
}

#[tokio::test]
async fn a_folder_that_comes_after_the_first_start_is_held_too() {
    let (mut daemon, home, _) = ana_and_bob().await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    let backup = daemon.back_up(false).await;
    daemon.publish("emma.md", &review("Emma", "Rich.")).await;
    // A copy that stands beside its twin is judged later than the rest.
    daemon.save("dune-again.md", &review("Dune", "Sand."));
    daemon.look().await;
    daemon.pass(SETTLE);
    daemon.look().await;
    daemon.pass(SETTLE);
    daemon.look().await;
    home.posts(4).await;
    let folder = daemon.data().parent().unwrap().join("reviews");
    std::fs::rename(&folder, folder.with_extension("aside")).unwrap();
    daemon.restore(&backup, false).await;
    daemon.start_again().await;
    live_on(&daemon).await;
    std::fs::rename(folder.with_extension("aside"), &folder).unwrap();
    live_on(&daemon).await;
    home.posts(4).await;
    assert_eq!(daemon.run_json(&["plan"]).await["held"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_key_that_is_a_credential_is_in_the_backup_too_and_none_is_made_without_it() {
    let (mut daemon, home, bob) = ana_and_bob().await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    home.posts(2).await;
    // The service manager hands the key over; in the data directory there is none.
    let given = tempfile::tempdir().unwrap();
    let key = std::fs::read(daemon.data().join("keys/ana.pem")).unwrap();
    std::fs::rename(daemon.data().join("keys/ana.pem"), given.path().join("ana.pem")).unwrap();
    let refused = daemon.try_to_back_up(false).await.unwrap_err().to_string();
    assert!(refused.contains("the key of @ana") && refused.contains("CREDENTIALS_DIRECTORY="), "{refused}");
    daemon.set(|config| config.credentials = Some(given.path().to_owned()));
    let backup = daemon.back_up(false).await;
    daemon.set(|config| config.credentials = None);
    daemon.restore(&backup, false).await;
    assert_eq!(std::fs::read(daemon.data().join("keys/ana.pem")).unwrap(), key);
    daemon.start_again().await;
    assert_eq!(daemon.followers().await[0].actor, bob.id);
}
