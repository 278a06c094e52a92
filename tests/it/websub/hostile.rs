//! Whoever wants the hub to knock at other people's doors, or to fill its disk.

use super::*;

#[tokio::test]
async fn a_public_site_asks_no_callback_in_a_private_network() {
    let daemon = Daemon::start_at("https://books.example", "").await;
    for callback in [
        "https://10.0.0.1/cb",
        "https://127.0.0.1/cb",
        "https://localhost/cb",
        "https://[::1]/cb",
        "https://2130706433/cb",
        "https://router.local/cb",
        "http://reader.example/cb",
        "https://reader.example:8443/cb",
        "https://user:secret@reader.example/cb",
    ] {
        let (status, words) = request(&daemon, "subscribe", &daemon.url("/feed.xml"), callback, &[]).await;
        assert_eq!(status, 400, "{callback}");
        assert!(words.starts_with("hub.callback cannot be asked: "), "{callback}: {words}");
    }
    assert!(daemon.deliveries().await.is_empty());
}

#[tokio::test]
async fn a_trial_asks_this_machine_only() {
    let daemon = Daemon::start().await;
    for callback in ["http://10.0.0.1/cb", "http://8.8.8.8/cb"] {
        let (status, words) = request(&daemon, "subscribe", &daemon.url("/feed.xml"), callback, &[]).await;
        assert_eq!(status, 400, "{callback}: {words}");
    }
}

#[tokio::test]
async fn a_callback_that_became_private_is_not_pushed_to() {
    let opened = "[federation]\nallow_addresses = [\"127.0.0.0/8\"]";
    let mut daemon = Daemon::start_at("https://books.example", opened).await;
    let reader = Neighbour::open_at(&daemon, "127.0.0.1").await;
    reader.serve("/cb", Answer::Echo);
    subscribe(&daemon, &reader, "/feed.xml", "/cb", &[]).await;
    daemon.stop().await;
    daemon.set(|config| config.federation.allow_addresses.clear());
    daemon.start_again().await;
    daemon.publish("dune.md", &review("Dune", "", "Sand.")).await;
    let rows = daemon.deliveries_when("Push", |row| row.attempts == 1).await;
    assert_eq!(rows[0].last_error.as_deref(), Some("the host is a bare IP address"));
    reader.posts(0).await;
}

#[tokio::test]
async fn a_victim_is_knocked_at_a_few_times_whatever_strangers_ask() {
    let daemon = Daemon::start().await;
    let victim = reader(&daemon, &[]).await;
    let mut statuses = Vec::new();
    for number in 0..60 {
        let callback = format!("{}/any/{number}", victim.origin);
        statuses.push(request(&daemon, "subscribe", &daemon.url("/feed.xml"), &callback, &[]).await.0);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 202).count(), 20);
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 40);
    daemon.deliveries_when("Verify", |row| row.state == "refused").await;
    assert_eq!(victim.fetches(), 20);
    let other = reader(&daemon, &["/cb"]).await;
    subscribe(&daemon, &other, "/feed.xml", "/cb", &[]).await;

    // Nobody is asked whether to unsubscribe who never subscribed.
    let callback = format!("{}/another", victim.origin);
    daemon.pass(61 * MINUTE);
    assert_eq!(request(&daemon, "unsubscribe", &daemon.url("/feed.xml"), &callback, &[]).await.0, 404);
    assert_eq!(victim.fetches(), 20);
}

#[tokio::test]
async fn strangers_cannot_use_up_what_a_subscriber_may_ask() {
    let daemon = Daemon::start().await;
    let reader = reader(&daemon, &["/cb"]).await;
    subscribe(&daemon, &reader, "/feed.xml", "/cb", &[]).await;
    let topic = daemon.url("/feed.xml");
    for number in 0..310 {
        let callback = format!("{}/any/{number}", reader.origin);
        request(&daemon, "unsubscribe", &topic, &callback, &[]).await;
    }
    let stranger = format!("{}/other", reader.origin);
    assert_eq!(request(&daemon, "subscribe", &topic, &stranger, &[]).await.0, 429);
    let callback = format!("{}/cb", reader.origin);
    assert_eq!(request(&daemon, "unsubscribe", &topic, &callback, &[]).await.0, 202);
    subscriptions_when(&daemon, 0).await;
}

#[tokio::test]
async fn a_stranger_who_never_answers_holds_up_no_subscriber() {
    let daemon = Daemon::start_with("[delivery]\nconcurrency = 1").await;
    let good = reader(&daemon, &["/cb"]).await;
    subscribe(&daemon, &good, "/feed.xml", "/cb", &[]).await;
    let silent = reader(&daemon, &[]).await;
    silent.serve("/cb", Answer::Silence);
    let callback = format!("{}/cb", silent.origin);
    request(&daemon, "subscribe", &daemon.url("/feed.xml"), &callback, &[]).await;
    silent.fetched(1).await;
    daemon.publish("dune.md", &review("Dune", "", "Sand.")).await;
    good.posts(1).await;
    daemon.deliveries_when("Push", |row| row.state == "delivered").await;
    let asked = daemon.deliveries().await.into_iter().filter(|row| row.kind == "Verify" && row.attempts == 0);
    assert_eq!(asked.count(), 1, "the silent one is still being asked");
}

#[tokio::test]
async fn one_host_has_so_many_subscriptions_and_no_more() {
    let daemon = Daemon::start_with("[websub]\nsubscriptions_per_host = 3").await;
    let callbacks = ["/1", "/2", "/3", "/4"];
    let greedy = reader(&daemon, &callbacks).await;
    for callback in &callbacks[..3] {
        subscribe(&daemon, &greedy, "/feed.xml", callback, &[]).await;
    }
    let (topic, callback) = (daemon.url("/feed.xml"), |path: &str| format!("{}{path}", greedy.origin));
    let (status, words) = request(&daemon, "subscribe", &topic, &callback("/4"), &[]).await;
    assert_eq!((status, words.as_str()), (403, "3 subscriptions are the most for callbacks at localhost\n"));
    assert_eq!(request(&daemon, "subscribe", &topic, &callback("/3"), &[]).await.0, 202, "a renewal is no new one");
    let modest = reader(&daemon, &["/cb"]).await;
    subscribe(&daemon, &modest, "/feed.xml", "/cb", &[]).await;
    request(&daemon, "unsubscribe", &topic, &callback("/1"), &[]).await;
    subscriptions_when(&daemon, 3).await;
    subscribe(&daemon, &greedy, "/feed.xml", "/4", &[]).await;
}

#[tokio::test]
async fn a_secret_or_a_form_without_end_is_refused() {
    let daemon = Daemon::start().await;
    let ask_with = async |secret: usize| {
        let secret = "x".repeat(secret);
        let more = [("hub.secret", secret.as_str())];
        request(&daemon, "subscribe", &daemon.url("/feed.xml"), "http://localhost:9/cb", &more).await
    };
    assert_eq!(ask_with(10_240).await, (400, "hub.secret must be shorter than 200 bytes, and has 10240\n".to_owned()));
    assert_eq!(ask_with(100_000).await.0, 413);
    assert_eq!(ask_with(199).await.0, 202);
}

#[tokio::test]
async fn a_slow_callback_holds_up_nobody_else() {
    let daemon = Daemon::start_with("[delivery]\nconcurrency = 1").await;
    let slow = reader(&daemon, &["/cb"]).await;
    subscribe(&daemon, &slow, "/feed.xml", "/cb", &[]).await;
    let home = Neighbour::open(&daemon).await;
    home.person("bob").follows(&daemon, &home).await;
    slow.answer("/cb", [Answer::Drips]);
    daemon.publish("dune.md", &review("Dune", "", "Sand.")).await;
    slow.posts(1).await;
    // The only place for callbacks is taken, and the follower has the review all the same.
    daemon.deliveries_when("Create", |row| row.state == "delivered").await;
    assert_eq!(home.posts(2).await[1].kind(), "Create");
    // It said 200 before it became slow, and that counts.
    daemon.deliveries_when("Push", |row| row.state == "delivered").await;
}

#[tokio::test]
async fn answered_questions_do_not_fill_the_disk() {
    let daemon = Daemon::start().await;
    for round in 0..6 {
        // A host a round: on this machine a port is one.
        let stranger = reader(&daemon, &[]).await;
        for number in 0..20 {
            let callback = format!("{}/{round}/{number}", stranger.origin);
            assert_eq!(request(&daemon, "subscribe", &daemon.url("/feed.xml"), &callback, &[]).await.0, 202);
        }
        daemon.deliveries_when("Verify", |row| row.state == "refused").await;
    }
    daemon.running().hub.tidy().await.unwrap();
    assert_eq!(daemon.deliveries().await.len(), 100);
}
