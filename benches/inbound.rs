//! What others send: a storm of follows by people never heard of, then a like and a boost by each of them, and last all at
//! once: as many strangers follow and everybody boosts while a review goes out to all. Signed activities a second, and
//! processor time for each, beside the rate at which the same machine verifies RSA-2048 signatures.
//!
//! `cargo bench --bench inbound -- [--actors 10000] [--connections 256]`; the last line is JSON.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench measures real time and stops at whatever is wrong"
)]

mod common;

use std::hint::black_box;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use common::daemon::Daemon;
use common::{folder, option};
use jiff::Timestamp;
use reviewd::domain::delivery::Spec;
use reviewd::fediverse::signature::key::{KeyPair, PublicKey};
use reviewd::fediverse::signature::{self, Outgoing, Signer};
use reviewd::store::Store;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

/// Servers of the people who write, each at an address of its own.
const HOSTS: usize = 100;
const REVIEW_BYTES: usize = 3_000;
const VERIFYING: Duration = Duration::from_secs(1);
/// Past this something is broken.
const STORM_MAX: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_millis(20);

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() {
    let (actors, load) = (option("actors", 10_000_usize), common::load());
    let people = Arc::new(People::open().await);
    let verified = verify_rate(&people.key);
    println!("RSA-2048 signatures verified a second: {verified:.0} on one thread");

    let home = tempfile::tempdir().unwrap();
    let reviews = home.path().join("reviews");
    folder::write_reviews(&reviews, 5, REVIEW_BYTES);
    let settings = [("REVIEWD_PUBLISH__SETTLE", "1s"), ("REVIEWD_REPLIES__MODERATION", "open")];
    let mut daemon = Daemon::start(home.path(), &settings);
    daemon.serves("/feed.xml", |feed| (0..5).all(|number| feed.contains(&folder::title(number))));
    let store = Store::open(&home.path().join("data/reviewd.db")).await.unwrap();
    let site = Site::look(&daemon);

    let mut storms = Vec::new();
    let [first, second] = &site.notes;
    // Each follow costs a fetch of its actor, and an Accept that has to be signed.
    let follows = people.sign(&site, 0..actors, "Follow", &site.actor);
    let done = async || people.told() >= actors;
    storms.push(storm("follows", &daemon, verified, follows, done).await);

    let worked = async || waiting(&store).await == 0;
    let likes = people.sign(&site, 0..actors, "Like", first);
    storms.push(storm("likes", &daemon, verified, likes, worked).await);
    let boosts = people.sign(&site, 0..actors, "Announce", first);
    storms.push(storm("boosts", &daemon, verified, boosts, worked).await);

    let before = people.told();
    let boosts = people.sign(&site, 0..actors, "Announce", second);
    let follows = people.sign(&site, actors..2 * actors, "Follow", &site.actor);
    let both = follows.into_iter().zip(boosts).flat_map(<[Vec<u8>; 2]>::from).collect();
    folder::write_review(&reviews, 5, REVIEW_BYTES, "News.");
    // A review to those who followed before, and an Accept to those who do now.
    let worked = async || waiting(&store).await == 0 && people.told() >= before + 2 * actors;
    storms.push(storm("follows and boosts, and a review to everybody", &daemon, verified, both, worked).await);

    let peak = daemon.memory_megabytes("VmHWM");
    store.close().await;
    daemon.stop();
    println!("peak {peak} MB");
    println!(
        "{}",
        json!({ "bench": "inbound", "actors": actors, "storms": storms, "verified_a_second": verified.round(),
            "peak_megabytes": peak, "load_before": load, "machine": common::machine() })
    );
}

/// Signatures verified a second on one thread, with nothing beside it.
fn verify_rate(key: &KeyPair) -> f64 {
    let public = PublicKey::from_pem(&key.to_public_pem().unwrap()).unwrap();
    let message = [b'a'; 256];
    let signature = key.sign(&message).unwrap();
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < VERIFYING {
        assert!(public.verify(black_box(&message), black_box(&signature)));
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

/// Sends everything over a few kept connections, and waits until what follows from it has happened.
async fn storm(
    name: &str,
    daemon: &Daemon,
    verified: f64,
    requests: Vec<Vec<u8>>,
    done: impl AsyncFn() -> bool,
) -> Value {
    let count = requests.len();
    let (port, connections) = (daemon.port, option("connections", 256_usize));
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let (cpu, began) = (daemon.cpu_seconds(), Instant::now());
    let senders: Vec<_> = (0..connections)
        .map(|_| {
            let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
            std::thread::spawn(move || send(port, &requests, &next))
        })
        .collect();
    let mut later = 0;
    for sender in senders {
        later += tokio::task::spawn_blocking(move || sender.join().unwrap()).await.unwrap();
    }
    let answered = began.elapsed().as_secs_f64();
    while !done().await {
        assert!(began.elapsed() < STORM_MAX, "{name}: not through after {STORM_MAX:?}");
        tokio::time::sleep(PAUSE).await;
    }
    let (through, cpu) = (began.elapsed().as_secs_f64(), daemon.cpu_seconds() - cpu);
    let each = cpu * 1e6 / count as f64;
    println!(
        "{count} {name}: answered {:.0} a second, worked through {:.0} a second; {each:.0} µs of processor each ({:.2} of \
         one verification); told to come later {later} times",
        count as f64 / answered,
        count as f64 / through,
        each * verified / 1e6,
    );
    json!({ "storm": name, "activities": count, "answered_a_second": (count as f64 / answered).round(),
        "worked_through_a_second": (count as f64 / through).round(), "cpu_microseconds_each": each.round(),
        "of_one_verification": (each * verified / 1e4).round() / 100.0, "told_to_come_later": later })
}

/// Sends requests one after the other until there are no more; how often it was told to come later. What is not taken is
/// sent again.
fn send(port: u16, requests: &[Vec<u8>], next: &AtomicUsize) -> usize {
    let mut connection = common::http::Connection::open(port).unwrap();
    let mut later = 0;
    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
        loop {
            match connection.send(request).unwrap().status {
                202 => break,
                429 | 503 => {
                    later += 1;
                    std::thread::sleep(PAUSE);
                }
                status => panic!("answered with {status}"),
            }
        }
    }
    later
}

async fn waiting(store: &Store) -> u64 {
    store.received_waiting().await.unwrap().values().map(|host| host.activities).sum()
}

/// What people speak of.
struct Site {
    origin: String,
    actor: String,
    notes: [String; 2],
}

impl Site {
    fn look(daemon: &Daemon) -> Site {
        let feed = daemon.connect().get("/feed.json", &[]).unwrap();
        let feed: Value = serde_json::from_slice(&feed.body).unwrap();
        let notes = [0, 1].map(|item| feed["items"][item]["_review"]["note"].as_str().unwrap().to_owned());
        let actor = notes[0].split("/reviews/").next().unwrap().to_owned();
        let origin = actor.split("/users/").next().unwrap().to_owned();
        Site { origin, actor, notes }
    }
}

/// People elsewhere, all with the same key: making keys is not what is measured.
struct People {
    key: KeyPair,
    port: u16,
    posts: Arc<AtomicUsize>,
}

#[derive(Clone)]
struct Servers {
    public_pem: String,
    posts: Arc<AtomicUsize>,
}

impl People {
    async fn open() -> People {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let (key, posts) = (KeyPair::generate().unwrap(), Arc::new(AtomicUsize::new(0)));
        let servers = Servers { public_pem: key.to_public_pem().unwrap(), posts: Arc::clone(&posts) };
        let people = People { key, port: listener.local_addr().unwrap().port(), posts };
        let router = Router::new().fallback(answer).with_state(servers);
        tokio::spawn(async move { axum::serve(listener, router).await });
        people
    }

    fn actor(&self, number: usize) -> String {
        format!("http://127.0.1.{}:{}/users/{number}", number % HOSTS + 1, self.port)
    }

    /// Posts that came to their inboxes.
    fn told(&self) -> usize {
        self.posts.load(Ordering::Relaxed)
    }

    /// One request of each, signed and ready to be sent.
    fn sign(&self, site: &Site, people: Range<usize>, kind: &str, object: &str) -> Vec<Vec<u8>> {
        let url = Url::parse(&format!("{}/inbox", site.origin)).unwrap();
        let host = url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
        let about = object.rsplit('/').next().unwrap();
        let one = |number| {
            let actor = self.actor(number);
            let body = json!({ "@context": "https://www.w3.org/ns/activitystreams", "id": format!("{actor}/{kind}/{about}"),
                "type": kind, "actor": actor, "object": object, "published": Timestamp::now().to_string(),
                "to": ["https://www.w3.org/ns/activitystreams#Public"], "cc": [site.actor] });
            let body = body.to_string();
            let outgoing = Outgoing { method: "POST", url: &url, body: Some(body.as_bytes()), sha256: None };
            let signer = Signer { key_id: &format!("{actor}#main-key"), key: &self.key };
            let headers = signature::sign(&outgoing, &signer, Spec::Cavage, Timestamp::now()).unwrap();
            let mut request = Vec::new();
            write!(request, "POST /inbox HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\n", body.len()).unwrap();
            write!(request, "content-type: application/activity+json\r\n").unwrap();
            for (name, value) in headers.iter().filter(|(name, _)| **name != header::HOST) {
                write!(request, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
            }
            write!(request, "\r\n{body}").unwrap();
            request
        };
        people.map(one).collect()
    }
}

/// Shows the person behind an address, and takes every post.
async fn answer(
    State(servers): State<Servers>,
    method: Method,
    uri: Uri,
    headers: header::HeaderMap,
    _: Bytes,
) -> Response {
    if method == Method::POST {
        servers.posts.fetch_add(1, Ordering::Relaxed);
        return StatusCode::ACCEPTED.into_response();
    }
    let Some(number) =
        uri.path().strip_prefix("/users/").filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let id = format!("http://{host}/users/{number}");
    let person = json!({ "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
        "id": id, "type": "Person", "preferredUsername": number, "inbox": format!("{id}/inbox"),
        "publicKey": { "id": format!("{id}#main-key"), "owner": id, "publicKeyPem": servers.public_pem } });
    ([(header::CONTENT_TYPE, "application/activity+json")], person.to_string()).into_response()
}
