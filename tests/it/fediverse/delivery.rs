//! Deliveries meet good, bad and silent inboxes: each follower gets everything once, in order, and nothing is lost.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use reviewd::domain::Spec;
use serde_json::json;
use tokio::sync::Notify;

use super::{
    daemon::Daemon,
    neighbour::{Answer, Asked, Neighbour, Person, get},
    review,
};

const MINUTE: Duration = Duration::from_secs(60);

/// A daemon, a server and a follower there, whose inbox answers the first review as told.
async fn ana_and_bob(settings: &str, answers: impl IntoIterator<Item = Answer>) -> (Daemon, Neighbour, Person) {
    let daemon = Daemon::start_with(settings).await;
    let home = Neighbour::open(&daemon).await;
    let bob = home.person("bob");
    bob.follows(&daemon, &home).await;
    home.answer(&bob.inbox(), answers);
    (daemon, home, bob)
}

fn kinds(posts: &[Asked]) -> Vec<String> {
    posts.iter().map(Asked::kind).collect()
}

#[tokio::test]
async fn each_attempt_sends_the_same_bytes_signed_afresh_by_the_schedule() {
    let failures = [Answer::Status(500), Answer::Breaks, Answer::Status(503)];
    let (daemon, home, _) = ana_and_bob("", failures).await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    for (attempts, minutes) in [(1, 1), (2, 5), (3, 15)] {
        let tried = home.posts(1 + attempts).await.last().unwrap().at;
        let rows = daemon.deliveries_when("Create", |row| row.attempts == attempts as i64).await;
        assert_eq!((rows.len(), rows[0].state.as_str()), (1, "due"));
        let wait = Timestamp::from_millisecond(rows[0].next_at_ms).unwrap().duration_since(tried);
        let wait = Duration::try_from(wait).unwrap().as_secs_f64() / 60.0;
        assert!((0.8..=1.2).contains(&(wait / f64::from(minutes))), "{wait} minutes after attempt {attempts}");
        daemon.pass_until_next_try().await;
    }
    let posts = home.posts(5).await;
    let rows = daemon.deliveries_when("Create", |row| row.state == "delivered").await;
    assert_eq!((rows[0].attempts, &rows[0].last_error), (4, &None));
    for post in &posts[1..] {
        assert_eq!(post.body, posts[1].body);
        let claim = post.claim(&daemon).await;
        assert_eq!((claim.spec, claim.signed_at.as_second()), (Spec::Cavage, post.at.as_second()));
    }
    assert_eq!(get(posts[1].json()["object"]["id"].as_str().unwrap()).await["type"], "Note");
}

#[tokio::test]
async fn an_inbox_that_asks_for_time_gets_it() {
    let busy = |value: &str| Answer::Header(429, "retry-after", value.to_owned());
    let answers = [busy("600"), busy("Sun, 22 Nov 2026 15:00:00 GMT")];
    let (daemon, home, _) = ana_and_bob("", answers).await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    let tried = home.posts(2).await[1].at;
    let rows = daemon.deliveries_when("Create", |row| row.attempts == 1).await;
    assert_eq!(rows[0].next_at_ms, (tried + 10 * MINUTE).as_millisecond());
    assert_eq!(rows[0].last_status, Some(429));
    daemon.pass_until_next_try().await;
    let rows = daemon.deliveries_when("Create", |row| row.attempts == 2).await;
    let asked: Timestamp = "2026-11-22T15:00:00Z".parse().unwrap();
    assert_eq!(rows[0].next_at_ms, asked.as_millisecond());
    daemon.pass_until_next_try().await;
    assert_eq!(home.posts(4).await[3].at, asked);
}

#[tokio::test]
async fn a_refusal_is_final_and_shown_and_resend_revives_it() {
    let (daemon, home, _) = ana_and_bob("", [Answer::Status(403)]).await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    daemon.deliveries_when("Create", |row| row.state == "refused").await;
    let shown = daemon.run_json(&["deliveries", "dune"]).await;
    assert_eq!((&shown[0]["state"], &shown[0]["last_status"]), (&json!("refused"), &json!(403)));
    assert_eq!(shown[0]["next_at"], json!(null));

    // A refusal says nothing against the host: the next review goes out at once.
    daemon.publish("emma.md", &review("Emma", "Rich.")).await;
    home.posts(3).await;
    daemon.run(&["resend", "dune"]).await;
    let posts = home.posts(4).await;
    assert_eq!(posts[1].body, posts[3].body);
    daemon.deliveries_when("Create", |row| row.state == "delivered").await;
}

#[tokio::test]
async fn an_inbox_that_leads_elsewhere_is_not_followed_there() {
    let daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    let bob = home.person("bob");
    bob.follows(&daemon, &home).await;
    home.answer(&bob.inbox(), [Answer::Header(307, "location", format!("{}/other", home.origin))]);
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    let rows = daemon.deliveries_when("Create", |row| row.attempts == 1).await;
    assert_eq!((rows[0].state.as_str(), rows[0].last_status), ("due", Some(307)));
    assert!(home.posts(2).await.iter().all(|post| post.path != "/other"));
}

#[tokio::test]
async fn an_inbox_in_trouble_holds_up_nobody_else_on_its_host() {
    for (status, wait) in [(500, Duration::ZERO), (503, 2 * MINUTE)] {
        let (daemon, home, bob) = ana_and_bob("", std::iter::repeat_n(Answer::Status(status), 9)).await;
        let carol = home.person("carol");
        carol.follows(&daemon, &home).await;
        let inboxes_of = |posts: &[Asked], title: &str| -> Vec<String> {
            let about = |post: &&Asked| String::from_utf8_lossy(&post.body).contains(title);
            posts.iter().filter(about).map(|post| format!("{}{}", home.origin, post.path)).collect()
        };
        daemon.publish("dune.md", &review("Dune", "Sand.")).await;
        daemon.deliveries_when("Create", |row| row.inbox == carol.inbox() || row.attempts == 1).await;
        daemon.pass(wait);
        daemon.deliveries_when("Create", |row| row.inbox == bob.inbox() || row.state == "delivered").await;
        daemon.publish("emma.md", &review("Emma", "Rich.")).await;
        // Bob's may be tried once more before Emma is there, and close the host for longer.
        daemon
            .when(async || {
                daemon.pass(wait);
                let rows = daemon.deliveries().await;
                rows.iter().all(|row| row.inbox == bob.inbox() || row.state == "delivered").then_some(())
            })
            .await;
        let posts: Vec<Asked> = home.asked().into_iter().filter(|asked| asked.method == "POST").collect();
        assert_eq!(inboxes_of(&posts, "Emma"), [carol.inbox()], "after {status}: bob's Dune comes first");
        assert!(inboxes_of(&posts, "Dune").contains(&bob.inbox()), "after {status}");
    }
}

#[tokio::test]
async fn a_host_that_is_slow_gets_a_second_message_beside_the_first_and_no_third() {
    let daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    let go_on = Arc::new(Notify::new());
    for name in ["bob", "carol", "dave"] {
        let person = home.person(name);
        person.follows(&daemon, &home).await;
        home.answer(&person.inbox(), [Answer::Waits(Arc::clone(&go_on))]);
    }
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    let accepts = 3;
    home.posts(accepts + 1).await;
    for _ in 0..2 {
        daemon.pass(Duration::from_millis(200));
        home.posts(accepts + 2).await;
    }
    go_on.notify_waiters();
    home.posts(accepts + 3).await;
    go_on.notify_one();
    daemon.deliveries_when("Create", |row| row.state == "delivered").await;
}

#[tokio::test]
async fn an_inbox_that_is_gone_ends_the_follow_only_if_its_actor_is_gone() {
    let (daemon, home, bob) = ana_and_bob("", [Answer::Status(410), Answer::Status(410)]).await;
    let fetches = home.fetches();
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    daemon.deliveries_when("Create", |row| row.state == "refused").await;
    home.fetched(fetches + 1).await;
    assert_eq!(daemon.followers().await.len(), 1);

    home.serve("/users/bob", Answer::Status(410));
    daemon.publish("emma.md", &review("Emma", "Rich.")).await;
    daemon.followers_when(0).await;
    let shown = daemon.run_json(&["deliveries", "dune"]).await;
    assert_eq!((&shown[0]["state"], &shown[0]["inbox"]), (&json!("refused"), &json!(bob.inbox())));
}

#[tokio::test]
async fn the_second_knock_is_rfc_9421_and_is_remembered_for_the_host() {
    let (daemon, home, _) = ana_and_bob("", [Answer::Status(401)]).await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    let rows = daemon.deliveries_when("Create", |row| row.state == "delivered").await;
    assert_eq!(rows[0].attempts, 1, "two knocks are one attempt");
    daemon.publish("emma.md", &review("Emma", "Rich.")).await;
    let mut specs = Vec::new();
    for post in &home.posts(4).await[1..] {
        specs.push(post.claim(&daemon).await.spec);
    }
    assert_eq!(specs, [Spec::Cavage, Spec::Rfc9421, Spec::Rfc9421]);
}

#[tokio::test]
async fn an_update_waits_for_its_create() {
    let (daemon, home, _) = ana_and_bob("", [Answer::Status(500)]).await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    daemon.deliveries_when("Create", |row| row.attempts == 1).await;
    daemon.publish("dune.md", &review("Dune", "More sand.")).await;
    daemon.deliveries_when("Update", |row| row.attempts == 0).await;
    daemon.pass(2 * MINUTE);
    assert_eq!(kinds(&home.posts(4).await), ["Accept", "Create", "Create", "Update"]);
}

#[tokio::test]
async fn what_was_overtaken_is_never_sent() {
    let (daemon, home, _) = ana_and_bob("", []).await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    let create = home.posts(2).await[1].clone();
    home.answer(&create.path, [Answer::Status(500)]);
    daemon.publish("dune.md", &review("Dune", "More sand.")).await;
    daemon.deliveries_when("Update", |row| row.attempts == 1).await;
    daemon.publish("dune.md", &review("Dune", "Nothing but sand.")).await;
    daemon.pass(2 * MINUTE);
    let posts = home.posts(4).await;
    assert!(String::from_utf8_lossy(&posts[3].body).contains("Nothing but sand."));
    let states = async |kind: &str| -> Vec<String> {
        let rows = daemon.deliveries_when(kind, |row| row.state != "due").await;
        rows.into_iter().map(|row| row.state).collect()
    };
    assert_eq!(states("Update").await, ["superseded", "delivered"]);

    home.answer(&create.path, [Answer::Status(500)]);
    daemon.publish("emma.md", &review("Emma", "Rich.")).await;
    daemon.deliveries_when("Create", |row| row.attempts == 1).await;
    daemon.retract("emma").await;
    daemon.pass(2 * MINUTE);
    assert_eq!(kinds(&home.posts(6).await)[4..], ["Create", "Delete"]);
    assert_eq!(states("Delete").await, ["delivered"]);
    assert_eq!(states("Create").await, ["delivered", "superseded"]);
}

#[tokio::test]
async fn a_delete_goes_to_those_who_follow_no_more() {
    let (daemon, home, bob) = ana_and_bob("", []).await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    home.posts(2).await;
    let undo = bob.activity("Undo", 2, json!({"object": bob.follow(&daemon)}));
    assert_eq!(bob.post(&daemon, &undo).await, 202);
    daemon.followers_when(0).await;
    daemon.retract("dune").await;
    assert_eq!(kinds(&home.posts(3).await), ["Accept", "Create", "Delete"]);
}

#[tokio::test]
async fn a_shared_inbox_gets_one_copy_for_all_who_live_there() {
    let daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    for name in ["bob", "carol"] {
        let shared = json!({"endpoints": {"sharedInbox": format!("{}/inbox", home.origin)}});
        home.person_with(name, shared).follows(&daemon, &home).await;
    }
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    let paths: Vec<String> = home.posts(3).await.into_iter().map(|post| post.path).collect();
    assert_eq!(paths, ["/users/bob/inbox", "/users/carol/inbox", "/inbox"]);
}

#[tokio::test]
async fn a_dead_host_is_left_in_peace_until_it_shows_a_sign_of_life() {
    let always = std::iter::repeat_n(Answer::Status(500), 15);
    let (daemon, home, bob) = ana_and_bob("[delivery]\ngive_up_after = \"60d\"", always).await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    let mut attempts = 1;
    loop {
        daemon.deliveries_when("Create", |row| row.attempts == attempts).await;
        if daemon.running().store.delivery_figures().await.unwrap().hosts_dead == 1 {
            break;
        }
        attempts += 1;
        assert!(attempts < 16, "the host never counts as dead");
        daemon.pass_until_next_try().await;
    }
    let posts = usize::try_from(attempts).unwrap() + 1;
    daemon.publish("emma.md", &review("Emma", "Rich.")).await;
    daemon.pass(24 * 60 * MINUTE);
    daemon.publish("ulysses.md", &review("Ulysses", "Stately.")).await;
    home.posts(posts).await;

    home.forget_script(&bob.inbox());
    let like = bob.activity("Like", 2, json!({"object": daemon.url("/users/ana/reviews/dune")}));
    assert_eq!(bob.post(&daemon, &like).await, 202);
    daemon.deliveries_when("Create", |row| row.state == "delivered").await;
    assert_eq!(kinds(&home.posts(posts + 3).await)[posts..], ["Create", "Create", "Create"]);
}

/// Takes as long as the client waits for an answer.
#[tokio::test]
async fn a_silent_inbox_holds_up_nobody_else_and_a_stop_meanwhile_loses_nothing() {
    let (mut daemon, home, _) = ana_and_bob("", [Answer::Silence]).await;
    let other_home = Neighbour::open(&daemon).await;
    other_home.person("carol").follows(&daemon, &other_home).await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    home.posts(2).await;
    other_home.posts(2).await;

    daemon.stop().await;
    daemon.start_again().await;
    let rows = daemon.deliveries_when("Create", |row| row.attempts == 1).await;
    let silent = rows.iter().find(|row| row.state == "due").expect("the silent one is tried again");
    assert_eq!((silent.last_status, silent.last_error.as_deref()), (None, Some("no answer in time")));
    daemon.pass_until_next_try().await;
    let posts = home.posts(3).await;
    assert_eq!(posts[1].body, posts[2].body);
    daemon.deliveries_when("Create", |row| row.state == "delivered").await;
    other_home.posts(2).await;
}

#[tokio::test]
async fn a_delivery_is_given_up_in_time_and_resend_revives_it() {
    let failures = std::iter::repeat_n(Answer::Status(500), 5);
    let (daemon, home, _) = ana_and_bob("[delivery]\ngive_up_after = \"1h\"", failures).await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    for attempts in 1..=4 {
        daemon.deliveries_when("Create", |row| row.attempts == attempts && row.state == "due").await;
        daemon.pass_until_next_try().await;
    }
    daemon.deliveries_when("Create", |row| row.attempts == 5 && row.state == "given_up").await;
    let shown = daemon.run_json(&["deliveries", "dune"]).await;
    assert_eq!((&shown[0]["state"], &shown[0]["last_error"]), (&json!("given_up"), &json!("status 500")));
    let host = shown[0]["host"].as_str().unwrap().to_owned();
    daemon.run(&["resend", "dune", "--to", &host]).await;
    let posts = home.posts(7).await;
    assert!(posts[1..].iter().all(|post| post.body == posts[1].body));
    daemon.deliveries_when("Create", |row| row.state == "delivered").await;
}

#[tokio::test]
async fn what_a_person_sends_again_does_not_wait_for_the_end_of_a_hosts_pause() {
    let (daemon, home, _) = ana_and_bob("", [Answer::Status(503)]).await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    daemon.deliveries_when("Create", |row| row.attempts == 1).await;
    // No time passes.
    let said = daemon.run(&["resend", "dune"]).await;
    assert!(said.contains("1 deliveries are on their way again"), "{said}");
    daemon.deliveries_when("Create", |row| row.state == "delivered").await;
    home.posts(3).await;
}
