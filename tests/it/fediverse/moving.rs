//! Leaving for another account or another domain: followers are told once, and only where the other account agrees.

use std::time::Duration;

use serde_json::json;

use super::{
    daemon::Daemon,
    neighbour::{Neighbour, get},
    review,
};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn an_account_moves_only_where_the_other_one_names_it() {
    let daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    let bob = home.person("bob");
    bob.follows(&daemon, &home).await;
    let new = home.person("ana");
    let refused = daemon.refuse(&["move", "--to", &new.id]).await;
    assert!(refused.contains(&format!("also_known_as = [\"{}\"]", daemon.ana())), "{refused}");
    assert!(daemon.refuse(&["move", "--to", &format!("{}/users/nobody", home.origin)]).await.contains("not found"));
    assert_eq!(get(&daemon.ana()).await["movedTo"], json!(null));

    home.show(&new, json!({"alsoKnownAs": [daemon.ana()]}));
    let told = daemon.run(&["move", "ana", "--to", &new.id]).await;
    assert!(told.contains("1 servers are being told"), "{told}");
    let posts = home.posts(2).await;
    let message = posts[1].json();
    assert_eq!((&message["type"], &message["object"]), (&json!("Move"), &json!(daemon.ana())));
    assert_eq!((&message["target"], &message["to"]), (&json!(new.id), &json!([daemon.url("/users/ana/followers")])));
    posts[1].claim(&daemon).await;
    assert_eq!(get(&daemon.ana()).await["movedTo"], json!(new.id));
}

#[tokio::test]
async fn an_account_that_moved_announces_nothing_and_takes_no_followers() {
    let mut daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    let (bob, new) = (home.person("bob"), home.person("ana"));
    bob.follows(&daemon, &home).await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    home.show(&new, json!({"alsoKnownAs": [daemon.ana()]}));
    home.posts(2).await;
    daemon.run(&["move", "--to", &new.id]).await;
    home.posts(3).await;
    daemon.publish("emma.md", &review("Emma", "Rich.")).await;
    daemon.publish("dune.md", &review("Dune", "More sand.")).await;
    let carol = home.person("carol");
    assert_eq!(carol.post(&daemon, &carol.follow(&daemon)).await, 202);
    daemon.pass(HOUR);
    daemon.stop().await;
    daemon.start_again().await;
    daemon.look().await;
    assert_eq!(daemon.followers().await.len(), 1);
    // The profile says where it went, also to those who keep a copy of it.
    let update = home.posts(4).await[3].json();
    assert_eq!((&update["type"], &update["object"]["movedTo"]), (&json!("Update"), &json!(new.id)));
    assert_eq!(get(&daemon.url("/users/ana/outbox")).await["totalItems"], json!(2), "the site goes on");
    daemon.retract("dune").await;
    assert_eq!(home.posts(5).await[4].kind(), "Delete");
}

#[tokio::test]
async fn a_new_domain_shows_the_same_folder_while_the_old_one_says_where_it_went() {
    let old = Daemon::start().await;
    let home = Neighbour::open(&old).await;
    let bob = home.person("bob");
    bob.follows(&old, &home).await;
    old.publish("dune.md", &review("Dune", "Sand.")).await;
    home.posts(2).await;
    let mut new = Daemon::start().await;
    new.stop().await;
    new.take_over(&old);
    new.also_known_as(&old.ana());
    new.start_again().await;
    new.look().await;
    assert_eq!(get(&new.ana()).await["alsoKnownAs"], json!([old.ana()]));
    old.run(&["move", "--to", &new.ana()]).await;
    assert_eq!(home.posts(3).await[2].json()["target"], json!(new.ana()));
    // The follower's server asks the new account, and tells nobody again what was told.
    let follow = bob.activity("Follow", 9, json!({"object": new.ana()}));
    assert_eq!(bob.post(&new, &follow).await, 202);
    assert_eq!(home.posts(4).await[3].kind(), "Accept");
    new.pass(HOUR);
    new.look().await;
    home.posts(4).await;
    let guids = async |daemon: &Daemon| {
        let feed = reqwest::get(daemon.door("/feed.json")).await.unwrap().text().await.unwrap();
        let feed: serde_json::Value = serde_json::from_str(&feed).unwrap();
        feed["items"][0]["id"].clone()
    };
    assert_eq!(guids(&new).await, guids(&old).await, "feed readers see the same review");
    old.save("emma.md", &review("Emma", "Rich."));
    new.look().await;
    new.pass(HOUR);
    new.look().await;
    old.look().await;
    old.pass(HOUR);
    old.look().await;
    let create = home.posts(5).await[4].json();
    assert_eq!((&create["type"], &create["actor"]), (&json!("Create"), &json!(new.ana())));
}
