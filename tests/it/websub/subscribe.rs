//! Asking to be told, being asked back, and ending it.

use super::*;

#[tokio::test]
async fn the_callback_is_asked_whether_it_wants_what_was_asked_in_its_name() {
    let daemon = Daemon::start().await;
    let reader = reader(&daemon, &["/cb"]).await;
    let named = format!("{}?utm_source=x", daemon.url("/@ana/%61tom.xml"));
    let callback = format!("{}/cb?id=%20a&hub.mode=mine", reader.origin);
    let answer = request(&daemon, "subscribe", &named, &callback, &[("hub.verify", "sync")]).await;
    assert_eq!(answer, (202, "the callback will be asked whether it wants this\n".to_owned()));
    reader.fetched(1).await;
    let asked = reader.asked().remove(0);
    assert!(asked.path.starts_with("/cb?id=%20a&hub.mode=mine&hub.mode=subscribe&hub.topic="), "{}", asked.path);
    assert_eq!(asked.parameter("hub.topic"), Some(named));
    assert_eq!(asked.parameter("hub.lease_seconds").as_deref(), Some("864000"));
    assert!(asked.parameter("hub.challenge").unwrap().len() >= 32);
    subscriptions_when(&daemon, 1).await;
    let shown = daemon.run_json(&["deliveries"]).await;
    assert_eq!((&shown[0]["type"], &shown[0]["state"]), (&"Verify".into(), &"delivered".into()));
    assert_eq!(shown[0]["review"], daemon.url("/@ana/atom.xml"));
    let status = daemon.run_json(&["status"]).await;
    assert_eq!((&status["subscribers"], &status["deliveries_due"]), (&1.into(), &0.into()));
}

#[tokio::test]
async fn whoever_does_not_confirm_is_not_subscribed_and_not_asked_again() {
    let daemon = Daemon::start().await;
    let reader = reader(&daemon, &[]).await;
    reader.serve("/no", Answer::Status(404));
    reader.serve("/wrong", Answer::Header(200, "x-nothing", "here".into()));
    reader.serve("/broken", Answer::Status(500));
    reader.serve("/moved", Answer::Header(302, "location", format!("{}/moved", reader.origin)));
    for callback in ["/no", "/wrong", "/broken", "/moved"] {
        let callback = format!("{}{callback}", reader.origin);
        assert_eq!(request(&daemon, "subscribe", &daemon.url("/feed.xml"), &callback, &[]).await.0, 202);
    }
    daemon.deliveries_when("Verify", |row| row.state == "refused").await;
    daemon.pass(60 * MINUTE);
    daemon.publish("dune.md", &review("Dune", "", "Sand.")).await;
    assert_eq!((reader.fetches(), reader.posts(0).await.len()), (4, 0));
}

#[tokio::test]
async fn a_callback_that_cannot_be_reached_is_asked_again_twice_at_most() {
    let daemon = Daemon::start().await;
    let reader = reader(&daemon, &[]).await;
    reader.serve("/cb", Answer::Breaks);
    let callback = format!("{}/cb", reader.origin);
    request(&daemon, "subscribe", &daemon.url("/feed.xml"), &callback, &[]).await;
    for attempts in 1..=2 {
        daemon.deliveries_when("Verify", |row| row.attempts == attempts && row.state == "due").await;
        daemon.pass_until_next_try().await;
    }
    daemon.deliveries_when("Verify", |row| row.attempts == 3 && row.state == "given_up").await;
    assert_eq!(reader.fetches(), 3);
}

#[tokio::test]
async fn a_lease_is_kept_within_its_bounds_and_ends() {
    let daemon = Daemon::start().await;
    let reader = reader(&daemon, &["/short", "/long"]).await;
    subscribe(&daemon, &reader, "/feed.xml", "/short", &[("hub.lease_seconds", "60")]).await;
    subscribe(&daemon, &reader, "/feed.xml", "/long", &[("hub.lease_seconds", "99999999999")]).await;
    let leases: Vec<_> = reader.asked().iter().map(|asked| asked.parameter("hub.lease_seconds").unwrap()).collect();
    assert_eq!(leases, ["86400", "2592000"]);
    daemon.pass(DAY + MINUTE);
    daemon.publish("dune.md", &review("Dune", "", "Sand.")).await;
    assert_eq!(reader.posts(1).await[0].path, "/long");
    subscriptions_when(&daemon, 1).await;
    daemon.pass(30 * DAY);
    daemon.publish("emma.md", &review("Emma", "", "Rich.")).await;
    subscriptions_when(&daemon, 0).await;
    reader.posts(1).await;
}

#[tokio::test]
async fn a_renewal_has_new_terms_once_it_is_confirmed() {
    let daemon = Daemon::start().await;
    let reader = reader(&daemon, &["/cb"]).await;
    subscribe(&daemon, &reader, "/feed.xml", "/cb", &[("hub.secret", SECRET)]).await;
    let (topic, callback) = (daemon.url("/feed.xml"), format!("{}/cb", reader.origin));

    // Somebody else asks for it with a secret of theirs, and the callback does not agree: nothing changes.
    reader.serve("/cb", Answer::Status(404));
    request(&daemon, "subscribe", &topic, &callback, &[("hub.secret", "a stranger's")]).await;
    reader.fetched(2).await;
    daemon.publish("dune.md", &review("Dune", "", "Sand.")).await;
    is_the_feed(&daemon, &reader.posts(1).await[0], "/feed.xml", Some(SECRET)).await;

    reader.serve("/cb", Answer::Echo);
    daemon.pass(9 * DAY);
    request(&daemon, "subscribe", &topic, &callback, &[]).await;
    reader.fetched(3).await;
    daemon.deliveries_when("Verify", |row| row.state != "due").await;
    daemon.pass(9 * DAY);
    daemon.publish("emma.md", &review("Emma", "", "Rich.")).await;
    is_the_feed(&daemon, &reader.posts(2).await[1], "/feed.xml", None).await;
    subscriptions_when(&daemon, 1).await;
}

#[tokio::test]
async fn nobody_is_unsubscribed_against_their_will() {
    let daemon = Daemon::start().await;
    let reader = reader(&daemon, &["/cb"]).await;
    subscribe(&daemon, &reader, "/feed.xml", "/cb", &[]).await;
    let (topic, callback) = (daemon.url("/feed.xml"), format!("{}/cb", reader.origin));
    reader.serve("/cb", Answer::Status(404));
    assert_eq!(request(&daemon, "unsubscribe", &topic, &callback, &[]).await.0, 202);
    reader.fetched(2).await;
    daemon.deliveries_when("Verify", |row| row.state != "due").await;
    subscriptions_when(&daemon, 1).await;

    reader.serve("/cb", Answer::Echo);
    assert_eq!(request(&daemon, "unsubscribe", &topic, &callback, &[]).await.0, 202);
    subscriptions_when(&daemon, 0).await;
    assert_eq!(reader.asked()[2].parameter("hub.mode").as_deref(), Some("unsubscribe"));
    daemon.publish("dune.md", &review("Dune", "", "Sand.")).await;
    reader.posts(0).await;
    let again = request(&daemon, "unsubscribe", &topic, &callback, &[]).await;
    assert_eq!(again, (404, "there is no such subscription\n".to_owned()));
}

#[tokio::test]
async fn what_the_hub_does_not_take_it_says_in_words() {
    let daemon = Daemon::start().await;
    let callback = "http://localhost:9/cb";
    for (topic, status) in [
        (daemon.url("/feed.xml"), 202),
        (daemon.url("/@ana/feed.json"), 202),
        (daemon.url("/@nobody/feed.xml"), 404),
        (daemon.url("/tags/nothing/feed.xml"), 404),
        (daemon.url("/feed.xml?from=50"), 404),
        (daemon.url("/"), 404),
        ("https://elsewhere.example/feed.xml".to_owned(), 404),
        ("feed.xml".to_owned(), 404),
    ] {
        assert_eq!(request(&daemon, "subscribe", &topic, callback, &[]).await.0, status, "{topic}");
    }
    let (status, words) = ask(&daemon, &[("hub.mode", "subscribe"), ("hub.topic", &daemon.url("/feed.xml"))]).await;
    assert_eq!((status, words.as_str()), (400, "hub.callback is missing\n"));
    let json = client().post(daemon.door("/websub")).header("content-type", "application/json").body("{}");
    assert_eq!(json.send().await.unwrap().status().as_u16(), 415);
    let page = client().get(daemon.door("/websub")).send().await.unwrap();
    assert_eq!((page.status().as_u16(), page.headers().get("allow")), (200, None));
    assert!(page.text().await.unwrap().starts_with("This is the WebSub hub of Book reviews."));
    let put = client().put(daemon.door("/websub")).send().await.unwrap();
    assert_eq!((put.status().as_u16(), &put.headers()["allow"]), (405, &"GET, HEAD, OPTIONS, POST".parse().unwrap()));
}

#[tokio::test]
async fn every_feed_names_the_hub_and_itself_in_its_headers_and_in_its_body() {
    let mut daemon = Daemon::start().await;
    daemon.publish("dune.md", &review("Dune", "sand", "Sand.")).await;
    let hub = daemon.url("/websub");
    for scope in ["", "/@ana", "/tags/sand"] {
        for document in ["feed.xml", "atom.xml", "feed.json"] {
            let path = format!("{scope}/{document}");
            let feed = client().get(daemon.door(&path)).send().await.unwrap();
            let links: Vec<_> = feed.headers().get_all("link").iter().map(|link| link.to_str().unwrap()).collect();
            let expected = [format!("<{hub}>; rel=\"hub\""), format!("<{}>; rel=\"self\"", daemon.url(&path))];
            assert_eq!(links, expected);
            let body = feed.text().await.unwrap();
            assert!(
                body.contains(&format!("\"{hub}\"")) && body.contains(&format!("\"{}\"", daemon.url(&path))),
                "{body}"
            );
        }
    }
    daemon.stop().await;
    daemon.set(|config| config.websub.hub = false);
    daemon.start_again().await;
    let feed = client().get(daemon.door("/feed.xml")).send().await.unwrap();
    assert_eq!(feed.headers().get_all("link").iter().count(), 1);
    assert!(!feed.text().await.unwrap().contains("hub"));
    assert_eq!(client().get(daemon.door("/websub")).send().await.unwrap().status().as_u16(), 404);
    assert_eq!(request(&daemon, "subscribe", &daemon.url("/feed.xml"), "http://localhost:9/", &[]).await.0, 404);
}

#[tokio::test]
async fn whoever_subscribed_to_a_reviewer_who_left_is_told_so() {
    let other = "[[reviewer]]\nhandle = \"bob\"\nname = \"Bob\"\nfolder = \"other\"";
    let mut daemon = Daemon::start_with(other).await;
    let reader = reader(&daemon, &["/cb"]).await;
    subscribe(&daemon, &reader, "/@bob/feed.xml", "/cb?of=bob", &[]).await;
    daemon.stop().await;
    daemon.set(|config| config.reviewers.truncate(1));
    daemon.start_again().await;
    reader.fetched(2).await;
    let told = reader.asked().remove(1);
    let parameters = ["of", "hub.mode", "hub.topic", "hub.reason"].map(|name| told.parameter(name).unwrap());
    let reason = "there is no reviewer bob any more".to_owned();
    assert_eq!(parameters, ["bob".to_owned(), "denied".to_owned(), daemon.url("/@bob/feed.xml"), reason]);
    subscriptions_when(&daemon, 0).await;
}
