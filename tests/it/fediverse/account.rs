//! The account itself: followers learn of a new name, a new key, a long sleep and the end; and who quotes gets a stamp.

use std::time::Duration;

use serde_json::json;

use super::{
    daemon::Daemon,
    neighbour::{Answer, Neighbour, Person, client, get},
    review,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn ana_and_bob() -> (Daemon, Neighbour, Person) {
    let daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    let bob = home.person("bob");
    bob.follows(&daemon, &home).await;
    (daemon, home, bob)
}

#[tokio::test]
async fn a_new_name_and_a_new_key_are_told_once() {
    let (mut daemon, home, _) = ana_and_bob().await;
    let key = get(&daemon.ana()).await["publicKey"]["publicKeyPem"].clone();
    daemon.stop().await;
    daemon.rename("Ana Sol");
    daemon.start_again().await;
    let update = home.posts(2).await[1].clone();
    assert_eq!((update.kind(), &update.json()["object"]["name"]), ("Update".to_owned(), &json!("Ana Sol")));
    update.claim(&daemon).await;

    daemon.stop().await;
    daemon.run(&["keys", "rotate", "ana"]).await;
    daemon.sleep(DAY);
    daemon.start_again().await;
    let update = home.posts(3).await[2].clone();
    let shown = &update.json()["object"]["publicKey"]["publicKeyPem"];
    assert_eq!((update.kind(), shown == &key), ("Update".to_owned(), false));
    // With the key that is served now, which is the new one.
    update.claim(&daemon).await;

    daemon.stop().await;
    daemon.start_again().await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    assert_eq!(home.posts(4).await[3].kind(), "Create");
}

#[tokio::test]
async fn a_long_sleep_ends_with_a_sign_of_life() {
    let (mut daemon, home, _) = ana_and_bob().await;
    for (days, posts) in [(6, 1), (8, 2)] {
        daemon.stop().await;
        daemon.sleep(days * DAY);
        daemon.start_again().await;
        daemon.deliveries_when("Accept", |row| row.state == "delivered").await;
        let told = home.posts(posts).await;
        assert!(told[1..].iter().all(|post| post.kind() == "Update"), "after {days} days");
    }
}

#[tokio::test]
async fn an_account_that_ends_says_so_to_everybody_and_stays_ended() {
    let (daemon, home, bob) = ana_and_bob().await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    home.posts(2).await;
    daemon.run(&["retire", "ana", "--for-ever"]).await;
    let delete = home.posts(3).await[2].json();
    assert_eq!((&delete["type"], &delete["object"]), (&json!("Delete"), &json!(daemon.ana())));
    daemon.deliveries_when("Delete", |row| row.state == "delivered").await;
    let actor = client().get(daemon.ana()).header("accept", "application/activity+json").send().await.unwrap();
    assert_eq!(actor.status(), 410);

    daemon.pass(DAY);
    assert_eq!(bob.post(&daemon, &bob.follow(&daemon)).await, 202);
    daemon.publish("emma.md", &review("Emma", "Rich.")).await;
    assert!(daemon.followers().await.is_empty());
    home.posts(3).await;
}

#[tokio::test]
async fn who_quotes_a_review_gets_a_stamp_that_others_can_check() {
    let (daemon, home, bob) = ana_and_bob().await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    let note = home.posts(2).await[1].json()["object"]["id"].clone();
    let quoting = format!("{}/posts/1", bob.id);
    let post = json!({
        "id": quoting, "type": "Note", "attributedTo": bob.id, "content": "<p>Yes!</p>", "quote": note,
        "published": "2026-11-22T12:00:00Z", "to": "https://www.w3.org/ns/activitystreams#Public",
    });
    home.serve("/users/bob/posts/1", Answer::Document(post));
    let request = bob.activity("QuoteRequest", 2, json!({"object": note, "instrument": quoting}));
    assert_eq!(bob.post(&daemon, &request).await, 202);
    let accept = home.posts(3).await[2].json();
    assert_eq!((&accept["type"], &accept["object"]["id"]), (&json!("Accept"), &request["id"]));
    let stamp = get(accept["result"].as_str().unwrap()).await;
    assert_eq!((&stamp["type"], &stamp["id"]), (&json!("QuoteAuthorization"), &accept["result"]));
    assert_eq!((&stamp["interactingObject"], &stamp["interactionTarget"]), (&json!(quoting), &note));

    let other = bob.activity("QuoteRequest", 3, json!({"object": note, "instrument": format!("{}/posts/2", bob.id)}));
    assert_eq!(bob.post(&daemon, &other).await, 202);
    home.person("carol").follows(&daemon, &home).await;
    let accepts: Vec<_> = home.posts(4).await.into_iter().filter(|post| post.path == "/users/bob/inbox").collect();
    assert_eq!(accepts.len(), 3, "a post that is not there quotes nothing");
}

#[tokio::test]
async fn a_quote_for_some_people_is_stamped_by_its_own_words_and_stands_nowhere() {
    let (daemon, home, bob) = ana_and_bob().await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    let note = home.posts(2).await[1].json()["object"]["id"].clone();
    // Nobody but its readers can fetch it: Mastodon puts it into the request.
    let post = json!({
        "id": format!("{}/posts/1", bob.id), "type": "Note", "attributedTo": bob.id, "content": "<p>Psst!</p>",
        "quote": note, "to": [format!("{}/followers", bob.id)], "cc": [],
    });
    let request = bob.activity("QuoteRequest", 2, json!({"object": note, "instrument": post}));
    assert_eq!(bob.post(&daemon, &request).await, 202);
    let accept = home.posts(3).await[2].json();
    assert_eq!((&accept["type"], &accept["object"]["instrument"]), (&json!("Accept"), &post["id"]));
    let quoting = post["id"].as_str().unwrap();
    assert_eq!(daemon.running().store.quote_by(quoting).await.unwrap(), None);
}

#[tokio::test]
async fn a_quote_that_is_taken_off_the_page_or_whose_author_is_blocked_loses_its_stamp() {
    let (daemon, home, bob) = ana_and_bob().await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    let note = home.posts(2).await[1].json()["object"]["id"].clone();
    let ask = async |person: &Person, number: u32| {
        let quoting = json!({
            "id": format!("{}/posts/1", person.id), "type": "Note", "attributedTo": person.id, "content": "<p>Yes!</p>",
            "quote": note, "to": ["https://www.w3.org/ns/activitystreams#Public"], "cc": [],
        });
        let request = person.activity("QuoteRequest", number, json!({"object": note, "instrument": quoting}));
        assert_eq!(person.post(&daemon, &request).await, 202);
        daemon.worked_through().await;
        quoting["id"].as_str().unwrap().to_owned()
    };
    let stamps = async || daemon.running().store.quote_stamps().await.unwrap();
    let carol = home.person("carol");
    let (first, second) = (ask(&bob, 2).await, ask(&carol, 3).await);
    let stamp = stamps().await.into_iter().find(|(stamp, _)| stamp.quoted_by == first).unwrap().0;
    let address = daemon.url(&format!("/users/ana/quote_authorizations/{}", stamp.number));
    let status =
        async || client().get(&address).header("accept", "application/activity+json").send().await.unwrap().status();
    assert_eq!(status().await, 200);

    let told = daemon.run(&["replies", "hide", &first]).await;
    assert!(told.contains("is off the page"), "{told}");
    assert_eq!(status().await, 404);
    let revoked = |post: &super::neighbour::Asked| {
        post.kind() == "Delete" && post.json()["object"] == json!({"id": address, "type": "QuoteAuthorization"})
    };
    daemon.deliveries_when("Delete", |row| row.state == "delivered").await;
    assert!(home.asked().iter().any(|asked| asked.path.ends_with("inbox") && revoked(asked)));
    // It may not ask again.
    ask(&bob, 4).await;
    daemon.deliveries_when("Reject", |row| row.state == "delivered").await;
    assert!(stamps().await.iter().all(|(stamp, _)| stamp.quoted_by == second));

    daemon.run(&["block", &carol.id]).await;
    assert!(stamps().await.is_empty());
    assert_eq!(daemon.running().store.quote_by(&second).await.unwrap(), None);
}
