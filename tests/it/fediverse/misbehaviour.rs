//! Whatever an inbox answers, however slowly, endlessly or senselessly: it costs nobody else anything, and is understood as
//! what it is.

use std::{sync::Arc, time::Duration};

use reviewd::store::{FollowState, Follower};
use sqlx::{Connection, SqliteConnection};
use tokio::{net::TcpListener, sync::Notify, task::JoinSet};

use super::{
    daemon::Daemon,
    neighbour::{Answer, Neighbour},
    review,
};
use crate::world::handle;

/// Servers of which one is poisoned.
const HOSTS: usize = 1000;
const HOSTS_PER_BLOCK: usize = 200;

async fn follow(daemon: &Daemon, inbox: String) {
    let follower = Follower {
        reviewer: handle("ana"),
        actor: inbox.replace("/inbox", ""),
        follow_id: format!("{inbox}/follow"),
        inbox,
        shared_inbox: None,
        state: FollowState::Accepted,
        bookwyrm: false,
        since: daemon.clock.now(),
    };
    daemon.running().store.keep_follower(&follower, &[]).await.unwrap();
}

/// Takes as long as the client waits for an answer.
#[tokio::test]
async fn every_misbehaviour_is_understood_as_what_it_is_and_holds_up_nobody() {
    let daemon = Daemon::start_with("[delivery]\nconcurrency = 64").await;
    let late = "no answer in time";
    let head = "HTTP/1.1 202 Accepted\r\n";
    let zoo = [
        (Answer::Status(202), "delivered", ""),
        (Answer::Silence, "due", late),
        (Answer::Stalls("HTTP/1.1 20"), "due", late),
        (Answer::Stalls("HTTP/1.1 202 Accepted\r\nx-a: b\r\n"), "due", late),
        (
            Answer::Trickles("HTTP/1.1 202 Accepted\r\nx-name: value\r\n"),
            "due",
            "no answer in time|the connection broke",
        ),
        (Answer::Floods(head, "x-name: value\r\n"), "due", "the connection broke"),
        (Answer::Floods(head, "x"), "due", "the connection broke"),
        (Answer::Floods("", "HTTP/1.1 100 Continue\r\n\r\n"), "due", late),
        (Answer::Breaks, "due", "the connection broke"),
        (Answer::Closes(""), "due", "the connection broke"),
        (Answer::Closes("SSH-2.0-OpenSSH_9.2\r\n"), "due", "the connection broke"),
        (Answer::Closes("HTTP/1.1 999999 What\r\n\r\n"), "due", "the connection broke"),
        // The status is the answer, whatever becomes of the rest.
        (Answer::Closes("HTTP/1.1 202 Accepted\r\ncontent-length: 100\r\n\r\nabc"), "delivered", ""),
        (Answer::Closes("HTTP/1.1 403 No\r\ncontent-length: 100\r\n\r\nabc"), "refused", "refused with status 403"),
        (Answer::Stalls("HTTP/1.1 202 Accepted\r\ncontent-length: 100\r\n\r\n"), "delivered", ""),
        (Answer::Stalls("HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\nzzz\r\n"), "delivered", ""),
        (Answer::Floods("HTTP/1.1 500 No\r\nconnection: close\r\n\r\n", "words "), "due", "status 500"),
        (Answer::Floods("HTTP/1.1 202 Yes\r\nconnection: close\r\n\r\n", "words "), "delivered", ""),
        // It promises to stay and leaves, or says more than it was asked.
        (Answer::Closes("HTTP/1.1 202 Yes\r\ncontent-length: 0\r\n\r\n"), "delivered", ""),
        (Answer::Closes("HTTP/1.1 202 Yes\r\ncontent-length: 0\r\n\r\nHTTP/1.1 500 No\r\n\r\n"), "delivered", ""),
        (Answer::Header(301, "location", "/elsewhere".into()), "due", "status 301"),
        (Answer::Header(308, "location", "http://10.0.0.1/".into()), "due", "status 308"),
        (Answer::Header(429, "retry-after", "soon".into()), "due", "status 429"),
        (Answer::Header(503, "retry-after", "99999999999999999999".into()), "due", "status 503"),
        (Answer::Status(410), "refused", "refused with status 410"),
    ];
    let mut homes = Vec::new();
    for (answer, state, error) in zoo {
        let home = Neighbour::open(&daemon).await;
        let bob = home.person("bob");
        home.answer(&bob.inbox(), [answer.clone()]);
        follow(&daemon, bob.inbox()).await;
        homes.push((home, bob, answer, state, error));
    }
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    // Whoever behaves has it long before the client loses patience with the others.
    homes[0].0.posts(1).await;
    let rows = daemon.deliveries_when("Create", |row| row.attempts > 0).await;
    for (home, bob, answer, state, error) in &homes {
        let row = rows.iter().find(|row| row.inbox == bob.inbox()).unwrap();
        let told = row.last_error.clone().unwrap_or_default();
        let understood = error.split('|').any(|error| told.starts_with(error));
        assert!(row.state == *state && understood, "{answer:?}: {row:#?}");
        assert_eq!(home.posts(1).await.len(), 1, "{answer:?}");
    }
}

/// Takes as long as the client waits for a connection.
#[tokio::test]
async fn a_server_that_keeps_silent_before_it_is_secure_or_speaks_plainly_is_tried_again() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    let bob = home.person("bob");
    follow(&daemon, bob.inbox()).await;
    let mut servers = JoinSet::new();
    let kinds = [("", "no answer in time"), ("HTTP/1.1 400 Bad Request\r\n\r\n", "no connection: ")];
    let mut inboxes = Vec::new();
    for (answer, words) in kinds {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inbox = format!("https://{}/inbox", listener.local_addr().unwrap());
        follow(&daemon, inbox.clone()).await;
        inboxes.push((inbox, words));
        servers.spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = [0; 1024];
            while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) && !answer.is_empty() {
                let _ = stream.write_all(answer.as_bytes()).await;
            }
            // Until the client hangs up.
            while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
        });
    }
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    home.posts(1).await;
    let rows = daemon.deliveries_when("Create", |row| row.attempts > 0).await;
    for (inbox, words) in inboxes {
        let row = rows.iter().find(|row| row.inbox == inbox).unwrap();
        let told = row.last_error.clone().unwrap_or_default();
        assert!(row.state == "due" && row.last_status.is_none() && told.starts_with(words), "{row:#?}");
    }
}

/// Answers 202 at an address; what arrives is counted.
async fn good_host(listener: TcpListener, arrived: Arc<std::sync::atomic::AtomicUsize>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut bytes = vec![0; 16 << 10];
        let mut length = 0;
        while !bytes[..length].ends_with(b"}") {
            match stream.read(&mut bytes[length..]).await {
                Ok(read) if read > 0 => length += read,
                Ok(_) | Err(_) => break,
            }
        }
        arrived.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let _ = stream.write_all(b"HTTP/1.1 202 Yes\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    }
}

/// A thousand listeners need more descriptors than a shell usually gives.
fn more_descriptors() {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let soft =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok());
    if soft.is_some_and(|soft: usize| soft < 4 * HOSTS) {
        let mut raising = std::process::Command::new("prlimit");
        raising.args(["--pid", &std::process::id().to_string(), &format!("--nofile={}:", 4 * HOSTS)]);
        assert!(raising.status().unwrap().success(), "raise the hard limit of open files (`ulimit -Hn`)");
    }
}

#[tokio::test]
async fn one_poisoned_host_among_a_thousand_slows_nobody_else() {
    more_descriptors();
    let daemon = Daemon::start_with("[delivery]\nconcurrency = 2\nper_host = 1").await;
    let (mut hosts, arrived) = (JoinSet::new(), Arc::default());
    let poisoned = Neighbour::open_at(&daemon, "127.0.0.1").await;
    let mallory = poisoned.person("mallory");
    poisoned.answer(&mallory.inbox(), [Answer::Trickles("HTTP/1.1 202 Accepted\r\nx-name: value\r\n")]);
    // The longest waiting, so that it is first in every line.
    follow(&daemon, mallory.inbox()).await;
    for number in 0..HOSTS - 1 {
        let address = format!("127.2.{}.{}", number / HOSTS_PER_BLOCK, number % HOSTS_PER_BLOCK + 1);
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let inbox = format!("http://{}/inbox", listener.local_addr().unwrap());
        hosts.spawn(good_host(listener, Arc::clone(&arrived)));
        follow(&daemon, inbox).await;
    }
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    poisoned.posts(1).await;
    let good = async || (arrived.load(std::sync::atomic::Ordering::Relaxed) >= HOSTS - 1).then_some(());
    daemon.when(good).await;
    let store = &daemon.running().store;
    let through = async || (store.delivery_figures().await.unwrap().due <= 1).then_some(());
    daemon.when(through).await;
    assert_eq!(arrived.load(std::sync::atomic::Ordering::Relaxed), HOSTS - 1, "somebody was told twice");
}

/// Takes as long as a writer waits for the database.
#[tokio::test]
async fn what_was_delivered_while_the_database_was_locked_is_not_delivered_again() {
    let daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    let bob = home.person("bob");
    bob.follows(&daemon, &home).await;
    let go_on = Arc::new(Notify::new());
    home.answer(&bob.inbox(), [Answer::Waits(Arc::clone(&go_on))]);
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    home.posts(2).await;

    let file = format!("sqlite://{}", daemon.data().join("reviewd.db").display());
    let mut other = SqliteConnection::connect(&file).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    go_on.notify_one();
    let store = daemon.running().store.clone();
    daemon.when(async || store.trouble()).await;
    assert!(store.trouble().unwrap().contains("another program holds the database"), "{:?}", store.trouble());
    let like = bob.activity("Like", 2, serde_json::json!({"object": daemon.url("/users/ana/reviews/dune")}));
    assert_eq!(bob.post(&daemon, &like).await, 503, "what cannot be kept is not taken");
    let ready = reqwest::get(daemon.door("/readyz")).await.unwrap().text().await.unwrap();
    assert!(ready.starts_with("degraded: nothing can be written"), "{ready}");

    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    daemon.pass(Duration::from_secs(5));
    let rows = daemon.deliveries_when("Create", |row| row.state == "delivered").await;
    assert_eq!(rows[0].attempts, 1);
    home.posts(2).await;
    daemon.when(async || store.trouble().is_none().then_some(())).await;
    assert_eq!(bob.post(&daemon, &like).await, 202);
}
