//! What subscribers are sent, when, and what becomes of those who do not take it.

use std::collections::BTreeSet;

use super::*;

#[tokio::test]
async fn every_change_reaches_a_subscriber_once_as_the_very_feed() {
    let daemon = Daemon::start().await;
    let reader = reader(&daemon, &["/rss", "/atom", "/json"]).await;
    let feeds = [("/feed.xml", "/rss", None), ("/@ana/atom.xml", "/atom", Some(SECRET)), ("/feed.json", "/json", None)];
    for (path, callback, secret) in feeds {
        let secret: Vec<_> = secret.map(|secret| ("hub.secret", secret)).into_iter().collect();
        subscribe(&daemon, &reader, path, callback, &secret).await;
    }
    let mut count = 0;
    for words in ["Sand.", "Sand, and worms."] {
        // Saved, told, and settled: one change.
        daemon.publish("dune.md", &review("Dune", "", words)).await;
        let posts = reader.posts(count + 3).await.split_off(count);
        for (path, callback, secret) in feeds {
            let post = posts.iter().find(|post| post.path == callback).expect("each callback has it");
            assert!(String::from_utf8_lossy(&post.body).contains(words));
            is_the_feed(&daemon, post, path, secret).await;
        }
        count += 3;
    }
    daemon.retract("dune").await;
    let posts = reader.posts(count + 3).await.split_off(count);
    assert!(posts.iter().all(|post| !String::from_utf8_lossy(&post.body).contains("worms")));
    daemon.pass(60 * MINUTE);
    daemon.look().await;
    reader.posts(count + 3).await;
}

#[tokio::test]
async fn only_feeds_that_changed_are_pushed() {
    let daemon = Daemon::start().await;
    daemon.publish("dune.md", &review("Dune", "sand, Long Books", "Sand.")).await;
    daemon.publish("emma.md", &review("Emma", "manners", "Rich.")).await;
    let feeds = ["/feed.xml", "/@ana/feed.xml", "/tags/sand/feed.xml", "/tags/long-books/atom.xml"];
    let all: Vec<String> = feeds.iter().chain(&["/tags/manners/feed.xml"]).map(|path| format!("/cb{path}")).collect();
    let reader = reader(&daemon, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for callback in &all {
        subscribe(&daemon, &reader, callback.trim_start_matches("/cb"), callback, &[]).await;
    }
    daemon.publish("dune.md", &review("Dune", "sand, Long Books", "More sand.")).await;
    let pushed: BTreeSet<String> = reader.posts(4).await.into_iter().map(|post| post.path).collect();
    assert_eq!(pushed, feeds.map(|path| format!("/cb{path}")).into());

    // A tag that is taken away changes its feed too, and its feed alone keeps silence when it has nothing left.
    daemon.publish("dune.md", &review("Dune", "Long Books, manners", "More sand.")).await;
    let pushed: BTreeSet<String> = reader.posts(8).await.split_off(4).into_iter().map(|post| post.path).collect();
    let expected = ["/feed.xml", "/@ana/feed.xml", "/tags/long-books/atom.xml", "/tags/manners/feed.xml"];
    assert_eq!(pushed, expected.map(|path| format!("/cb{path}")).into());
}

#[tokio::test]
async fn what_changed_is_pushed_although_the_program_was_stopped_or_killed() {
    let mut daemon = Daemon::start().await;
    let reader = reader(&daemon, &["/cb"]).await;
    subscribe(&daemon, &reader, "/feed.xml", "/cb", &[]).await;
    daemon.stop().await;
    daemon.start_again().await;
    daemon.publish("dune.md", &review("Dune", "", "Sand.")).await;
    is_the_feed(&daemon, &reader.posts(1).await[0], "/feed.xml", None).await;
    daemon.deliveries_when("Push", |row| row.state == "delivered").await;

    // The review is on the disk and its push is not: the hub was deaf, and then came the end.
    daemon.stop().await;
    daemon.set(|config| config.websub.hub = false);
    daemon.start_again().await;
    daemon.publish("emma.md", &review("Emma", "", "Rich.")).await;
    reader.posts(1).await;
    daemon.stop().await;
    daemon.set(|config| config.websub.hub = true);
    daemon.start_again().await;
    is_the_feed(&daemon, &reader.posts(2).await[1], "/feed.xml", None).await;

    // The push is on the disk and nobody has it: the reader was away when the program ended.
    daemon.deliveries_when("Push", |row| row.state == "delivered").await;
    reader.answer("/cb", [Answer::Breaks]);
    daemon.publish("solaris.md", &review("Solaris", "", "Sea.")).await;
    daemon.deliveries_when("Push", |row| row.attempts == 1).await;
    daemon.stop().await;
    daemon.sleep(2 * MINUTE);
    daemon.start_again().await;
    is_the_feed(&daemon, &reader.posts(4).await[3], "/feed.xml", None).await;
    daemon.deliveries_when("Push", |row| row.state == "delivered").await;
    daemon.stop().await;
    daemon.start_again().await;
    daemon.look().await;
    reader.posts(4).await;
}

#[tokio::test]
async fn a_change_between_question_and_answer_is_not_missed() {
    let daemon = Daemon::start().await;
    let reader = reader(&daemon, &[]).await;
    reader.serve("/cb", Answer::Breaks);
    let callback = format!("{}/cb", reader.origin);
    request(&daemon, "subscribe", &daemon.url("/feed.xml"), &callback, &[]).await;
    daemon.deliveries_when("Verify", |row| row.attempts == 1).await;
    daemon.publish("dune.md", &review("Dune", "", "Sand.")).await;
    reader.serve("/cb", Answer::Echo);
    daemon.pass(2 * MINUTE);
    is_the_feed(&daemon, &reader.posts(1).await[0], "/feed.xml", None).await;
}

#[tokio::test]
async fn a_subscriber_in_trouble_gets_the_newest_state_and_only_that() {
    let daemon = Daemon::start().await;
    let reader = reader(&daemon, &["/cb"]).await;
    subscribe(&daemon, &reader, "/feed.xml", "/cb", &[]).await;
    reader.answer("/cb", [Answer::Status(500), Answer::Status(503)]);
    daemon.publish("dune.md", &review("Dune", "", "Sand.")).await;
    daemon.deliveries_when("Push", |row| row.attempts == 1 && row.state == "due").await;
    assert_eq!(reader.posts(1).await.len(), 1);
    daemon.publish("emma.md", &review("Emma", "", "Rich.")).await;
    let rows = daemon.deliveries_when("Push", |row| row.attempts == 1 && row.last_status == Some(503)).await;
    assert_eq!(rows.len(), 1, "the older state is on its way to nobody");
    daemon.pass_until_next_try().await;
    is_the_feed(&daemon, &reader.posts(3).await[2], "/feed.xml", None).await;
    daemon.deliveries_when("Push", |row| row.state == "delivered").await;
}

#[tokio::test]
async fn a_subscriber_whose_pushes_fail_can_come_back_at_any_time() {
    let daemon = Daemon::start().await;
    let reader = reader(&daemon, &["/cb"]).await;
    subscribe(&daemon, &reader, "/feed.xml", "/cb", &[]).await;
    reader.answer("/cb", [Answer::Breaks, Answer::Breaks, Answer::Breaks]);
    daemon.publish("dune.md", &review("Dune", "", "Sand.")).await;
    for attempts in 1..=2 {
        daemon.deliveries_when("Push", |row| row.attempts == attempts && row.state == "due").await;
        daemon.pass_until_next_try().await;
    }
    daemon.deliveries_when("Push", |row| row.attempts == 3).await;
    let callback = format!("{}/cb", reader.origin);
    assert_eq!(request(&daemon, "subscribe", &daemon.url("/feed.xml"), &callback, &[]).await.0, 202);
    reader.fetched(2).await;
    daemon.deliveries_when("Verify", |row| row.state == "delivered").await;
}

#[tokio::test]
async fn a_subscriber_who_is_gone_is_forgotten() {
    let daemon = Daemon::start().await;
    let reader = reader(&daemon, &["/gone", "/lost"]).await;
    subscribe(&daemon, &reader, "/feed.xml", "/gone", &[]).await;
    subscribe(&daemon, &reader, "/feed.xml", "/lost", &[]).await;
    reader.answer("/gone", [Answer::Status(410)]);
    reader.answer("/lost", [Answer::Status(404)]);
    daemon.publish("dune.md", &review("Dune", "", "Sand.")).await;
    reader.posts(2).await;
    subscriptions_when(&daemon, 1).await;
    daemon.deliveries_when("Push", |row| row.state == "refused").await;
    daemon.publish("emma.md", &review("Emma", "", "Rich.")).await;
    assert_eq!(reader.posts(3).await[2].path, "/lost", "404 ends a push, and not the subscription");
}

#[tokio::test]
async fn the_bytes_of_a_push_are_kept_once_and_not_for_ever() {
    let daemon = Daemon::start().await;
    let callbacks: Vec<String> = (0..20).map(|number| format!("/cb/{number}")).collect();
    let reader = reader(&daemon, &callbacks.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for callback in &callbacks {
        subscribe(&daemon, &reader, "/feed.xml", callback, &[]).await;
    }
    for words in ["Sand.", "More sand."] {
        daemon.publish("dune.md", &review("Dune", "", words)).await;
        let rows = daemon.deliveries_when("Push", |row| row.state == "delivered").await;
        let messages: BTreeSet<_> = rows.iter().map(|row| &row.activity).collect();
        assert_eq!((rows.len(), messages.len()), (20, 1));
    }
    reader.posts(40).await;
    let database = daemon.data().join("reviewd.db");
    let pushes = || async {
        daemon.running().hub.tidy().await.unwrap();
        assert!(database.exists());
        daemon.running().store.kept_pushes().await.unwrap()
    };
    assert_eq!(pushes().await, (1, 0), "one message without its bytes");
}
