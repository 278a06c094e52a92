//! The database server goes away in the middle of everything, and comes back: nothing is lost, nothing is said twice.

use std::time::Duration;

use super::{
    daemon::{Daemon, SETTLE},
    neighbour::{Neighbour, Person, client},
    review,
};
use crate::postgres::Server;

/// Longer than anything waits before it tries the database again.
const TRY_AGAIN: Duration = Duration::from_secs(90);

/// Follows until it is taken, as servers do that are answered 503.
async fn follow_until_taken(daemon: &Daemon, person: &Person) -> usize {
    let mut refused = 0;
    loop {
        match person.post(daemon, &person.follow(daemon)).await {
            202 => return refused,
            503 => refused += 1,
            status => panic!("answered {status}"),
        }
        daemon.pass(Duration::from_secs(60));
        tokio::task::yield_now().await;
    }
}

async fn asked(daemon: &Daemon, path: &str) -> (u16, String) {
    let answer = client().get(daemon.door(path)).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_for_a_while_costs_nobody_anything() {
    let Some(server) = Server::start_or_skip() else { return };
    let server = std::sync::Arc::new(server);
    let database = server.empty();
    let daemon = Daemon::start_with(&format!("[store]\nurl = \"{}\"\n", server.url(&database))).await;
    let home = Neighbour::open(&daemon).await;
    home.person("ann").follows(&daemon, &home).await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    home.posts(2).await;
    assert_eq!(asked(&daemon, "/feed.xml").await.0, 200);

    server.stop();
    let (status, ready) = asked(&daemon, "/readyz").await;
    assert!(status == 200 && ready.starts_with("degraded: ") && ready.contains("does not answer"), "{status} {ready}");
    let bob = home.person("bob");
    assert_eq!(bob.post(&daemon, &bob.follow(&daemon)).await, 503);
    assert_eq!(asked(&daemon, "/feed.xml").await.0, 200, "what is at hand is served");
    assert_eq!(asked(&daemon, "/healthz").await.0, 200);
    daemon.save("emma.md", &review("Emma", "Hats."));
    daemon.look().await;

    let back = std::sync::Arc::clone(&server);
    let restart = tokio::task::spawn_blocking(move || back.run());
    let refused = follow_until_taken(&daemon, &bob).await;
    restart.await.unwrap();
    assert!(refused < 10_000, "{refused}");
    daemon.followers_when(2).await;
    daemon
        .when(async || {
            daemon.pass(TRY_AGAIN);
            daemon.look().await;
            (asked(&daemon, "/readyz").await.1 == "ready\n").then_some(())
        })
        .await;
    daemon.look().await;
    daemon.pass(SETTLE);
    daemon.look().await;
    daemon.deliveries_when("Create", |row| row.state == "delivered").await;
    let posts = home.asked().into_iter().filter(|asked| asked.method == "POST" && asked.kind() == "Create");
    let anns = posts.filter(|asked| asked.path == "/users/ann/inbox");
    let mut creates: Vec<String> = anns.map(|asked| asked.json()["id"].to_string()).collect();
    assert_eq!(creates.len(), 2, "Dune and Emma: {creates:?}");
    creates.dedup();
    assert_eq!(creates.len(), 2, "nothing twice: {creates:?}");
}
