//! Hubs elsewhere that are told of changes.

use std::collections::BTreeSet;

use super::*;

#[tokio::test]
async fn a_hub_elsewhere_is_told_which_feeds_changed_until_it_knows() {
    let mut daemon = Daemon::start().await;
    let hub = Neighbour::open(&daemon).await;
    daemon.publish("dune.md", &review("Dune", "sand", "Sand.")).await;
    daemon.stop().await;
    let address = format!("{}/hub", hub.origin);
    daemon.set(|config| config.websub.external_hubs = vec![address.clone()]);
    daemon.start_again().await;
    daemon.look().await;
    let feed = client().get(daemon.door("/feed.json")).send().await.unwrap().text().await.unwrap();
    assert!(feed.contains(&daemon.url("/websub")) && feed.contains(&address));

    hub.answer("/hub", [Answer::Status(503)]);
    daemon.publish("emma.md", &review("Emma", "manners", "Rich.")).await;
    daemon.deliveries_when("Ping", |row| row.attempts == 1 || row.state == "due").await;
    daemon.pass(2 * MINUTE);
    daemon.deliveries_when("Ping", |row| row.state == "delivered").await;
    let expected = topics(&daemon, &["", "/@ana", "/tags/manners", "/authors/frank-herbert", "/ratings/4.5"]);
    assert_eq!(told(&hub.posts(expected.len() + 1).await), expected);

    // What changed while nobody could be told is told at the next start.
    daemon.stop().await;
    daemon.set(|config| config.websub.external_hubs.clear());
    daemon.start_again().await;
    daemon.publish("solaris.md", &review("Solaris", "sea", "Sea.")).await;
    daemon.stop().await;
    daemon.set(|config| config.websub.external_hubs = vec![address]);
    daemon.start_again().await;
    let before = expected.len() + 1;
    let expected = topics(&daemon, &["", "/@ana", "/tags/sea", "/authors/frank-herbert", "/ratings/4.5"]);
    assert_eq!(told(&hub.posts(before + expected.len()).await[before..]), expected);
}

/// The addresses in pings.
fn told(posts: &[Asked]) -> BTreeSet<String> {
    let topic = |post: &Asked| {
        let form: Vec<(String, String)> = url::form_urlencoded::parse(&post.body).into_owned().collect();
        let names: Vec<&str> = form.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((names, form[0].1.as_str()), (vec!["hub.mode", "hub.url", "hub.topic"], "publish"));
        assert_eq!(form[1].1, form[2].1);
        form[1].1.clone()
    };
    posts.iter().map(topic).collect()
}

fn topics(daemon: &Daemon, scopes: &[&str]) -> BTreeSet<String> {
    let documents = ["feed.xml", "atom.xml", "feed.json"];
    scopes.iter().flat_map(|scope| documents.map(|document| daemon.url(&format!("{scope}/{document}")))).collect()
}
