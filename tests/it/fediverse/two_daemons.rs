//! Two reviewd daemons and nothing between them: each reads and verifies what the other serves, signs and sends.
//!
//! reviewd follows nobody, so the Follow is written here and signed with the follower's own key from its data directory;
//! everything after it is between the two.

use std::fs;

use reviewd::fediverse::signature::KeyPair;
use serde_json::json;

use super::{
    daemon::Daemon,
    neighbour::{Person, get},
    review,
};

/// The reviewer of a daemon, able to sign.
fn reviewer_of(daemon: &Daemon) -> Person {
    let key = fs::read_to_string(daemon.data().join("keys/ana.pem")).unwrap();
    let id = daemon.ana();
    Person { key_id: format!("{id}#main-key"), key: KeyPair::from_pem(&key).unwrap(), clock: daemon.clock.clone(), id }
}

#[tokio::test]
async fn two_daemons_believe_each_other() {
    let (here, there) = (Daemon::start().await, Daemon::start().await);
    for (author, reader) in [(&here, &there), (&there, &here)] {
        let follower = reviewer_of(reader);
        assert_eq!(follower.post(author, &follower.follow(author)).await, 202);
        let followers = author.followers_when(1).await;
        assert_eq!(followers[0].actor, reader.ana());
        assert_eq!(followers[0].inbox, reader.url("/users/ana/inbox"));
        assert_eq!(followers[0].shared_inbox.as_deref(), Some(reader.url("/inbox").as_str()));
        // The other one answers 202 only after it has fetched the key and verified the signature with it.
        author.deliveries_when("Accept", |row| row.state == "delivered").await;
        let known = reader.running().store.remote_actor(&author.ana()).await.unwrap().expect("it was fetched");
        assert_eq!(known.inbox, author.url("/users/ana/inbox"));
    }

    here.publish("dune.md", &review("Dune", "Sand.")).await;
    here.publish("dune.md", &review("Dune", "More sand.")).await;
    here.retract("dune").await;
    for kind in ["Create", "Update", "Delete"] {
        let rows = here.deliveries_when(kind, |row| row.state == "delivered" || row.state == "superseded").await;
        assert_eq!(rows[0].inbox, there.url("/inbox"), "{kind}");
    }
    here.deliveries_when("Delete", |row| row.state == "delivered").await;

    there.run(&["block", &here.ana()]).await;
    here.publish("emma.md", &review("Emma", "Rich.")).await;
    let rows = here.deliveries_when("Create", |row| row.state != "due").await;
    assert_eq!((rows[1].state.as_str(), rows[1].last_status), ("refused", Some(403)));
    assert_eq!(get(&here.url("/users/ana/followers")).await["totalItems"], json!(1));
}
