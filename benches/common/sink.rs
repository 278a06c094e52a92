//! The servers of followers: each at an address of its own, all of them one listener that answers 202 and remembers when.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use reviewd::domain::Handle;
use reviewd::store::{FollowState, Follower, Store};
use tokio::net::TcpListener;

use super::daemon::Daemon;

/// Each server of a follower has an address of its own: a lane and a connection of its own in the daemon. The whole of
/// 127.0.0.0/8 is this machine, so one listener hears them all.
const ADDRESSES_PER_BLOCK: usize = 250;

/// Makes the daemon's only reviewer followed by as many people, each with an inbox of their own.
pub async fn follow(home: &Path, daemon: &Daemon, inboxes: usize, inbox: impl Fn(usize) -> String) -> Store {
    let store = Store::open(&home.join("data/reviewd.db")).await.unwrap();
    let feed = daemon.connect().get("/feed.xml", &[]).unwrap();
    let feed = String::from_utf8(feed.body).unwrap();
    let handle = feed.split("/@").nth(1).unwrap().split('/').next().unwrap();
    for number in 0..inboxes {
        let inbox = inbox(number);
        let follower = Follower {
            reviewer: Handle::parse(handle).unwrap(),
            actor: format!("{inbox}/actor"),
            follow_id: format!("{inbox}/follow"),
            inbox,
            shared_inbox: None,
            state: FollowState::Accepted,
            bookwyrm: false,
            since: jiff::Timestamp::UNIX_EPOCH,
        };
        store.keep_follower(&follower, &[]).await.unwrap();
    }
    store
}

/// Every follower's server: answers 202 and remembers when it did.
#[derive(Clone)]
pub struct Sink {
    pub port: u16,
    pub arrivals: Arc<Mutex<Arrivals>>,
}

pub struct Arrivals {
    pub at: Vec<Option<Instant>>,
    pub count: usize,
    pub last_body: Bytes,
}

impl Sink {
    pub async fn open(inboxes: usize) -> Sink {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let arrivals = Arrivals { at: vec![None; inboxes], count: 0, last_body: Bytes::new() };
        let sink = Sink { port: listener.local_addr().unwrap().port(), arrivals: Arc::new(Mutex::new(arrivals)) };
        let router = Router::new().fallback(take).with_state(sink.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        sink
    }

    pub fn inbox(&self, number: usize, hosts: usize) -> String {
        let host = number % hosts;
        let (block, address) = (host / ADDRESSES_PER_BLOCK, host % ADDRESSES_PER_BLOCK + 1);
        format!("http://127.0.{block}.{address}:{}/inbox/{number}", self.port)
    }

    pub fn clear(&self) {
        let mut arrivals = self.arrivals.lock().unwrap();
        arrivals.at.fill(None);
        arrivals.count = 0;
    }

    pub fn arrived(&self) -> usize {
        self.arrivals.lock().unwrap().count
    }
}

async fn take(State(sink): State<Sink>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    let number = uri.path().strip_prefix("/inbox/").and_then(|number| number.parse::<usize>().ok());
    let Some(number) = number.filter(|_| headers.contains_key("signature")) else { return StatusCode::BAD_REQUEST };
    let mut arrivals = sink.arrivals.lock().unwrap();
    arrivals.at[number].get_or_insert_with(Instant::now);
    arrivals.count += 1;
    arrivals.last_body = body;
    StatusCode::ACCEPTED
}
