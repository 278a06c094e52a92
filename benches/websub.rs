//! One save to 1,000 WebSub subscribers: how soon the first and the last has the feed, and what the daemon needs for it;
//! and how long 1,000 subscriptions take from the request to the confirmed callback. Beside it, in turns, the limit: a bare
//! client that posts the same signed bytes to the same callbacks, without a store or anything to decide.
//!
//! `cargo bench --bench websub -- [--subscribers 1000] [--rounds 5]`; the last line is JSON.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench measures real time and stops at whatever is wrong"
)]

mod common;

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use common::daemon::Daemon;
use common::{folder, milliseconds, option, percentile};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// As many reviews as stand in the folder before the first that is pushed: a feed of about 60 kB.
const ARCHIVE: usize = 20;
const REVIEW_BYTES: usize = 3_000;
/// What the bare client has under way at once, as the daemon by default.
const CONCURRENCY: usize = 16;
const SECRET: &str = "each with a secret of its own, as readers do";
/// Past this something is broken.
const WAIT_MAX: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(5);
/// Each callback's server has an address of its own in 127.0.0.0/8, all of which is this machine.
const ADDRESSES_PER_BLOCK: usize = 250;

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() {
    let (subscribers, rounds, load) = (option("subscribers", 1_000_usize), option("rounds", 5), common::load());
    let home = tempfile::tempdir().unwrap();
    let reviews = home.path().join("reviews");
    folder::write_reviews(&reviews, ARCHIVE, REVIEW_BYTES);
    let mut daemon = Daemon::start(home.path(), &[]);
    daemon.serves("/feed.xml", |feed| (0..ARCHIVE).all(|number| feed.contains(&folder::title(number))));
    let sink = Sink::open(subscribers).await;
    let subscribing = subscribe(&daemon, &sink, subscribers).await;
    println!("{subscribers} subscriptions asked for and confirmed in {:.2} s", subscribing.as_secs_f64());

    let (mut measured, mut bare) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        sink.clear();
        let cpu = daemon.cpu_seconds();
        folder::write_review(&reviews, ARCHIVE + round, REVIEW_BYTES, "News.");
        let saved = Instant::now();
        sink.wait(subscribers, saved).await;
        measured.push(sink.round(saved, &folder::title(ARCHIVE + round), daemon.cpu_seconds() - cpu));
        bare.push(post_barely(&sink, subscribers).await);
    }
    let peak = daemon.memory_megabytes("VmHWM");
    daemon.stop();

    let median = |figure: fn(&Round) -> f64| percentile(&measured.iter().map(figure).collect::<Vec<_>>(), 50);
    let (first, middle, last) = (median(|one| one.first_ms), median(|one| one.median_ms), median(|one| one.last_ms));
    println!(
        "{subscribers} subscribers: the first has the feed {first:.0} ms after the save, half of them {middle:.0} ms, the last \
         {last:.0} ms; the daemon took {:.2} s of processor; feed of {} bytes; peak {peak} MB; median of {rounds}",
        median(|one| one.cpu_seconds),
        measured[0].feed_bytes,
    );
    let limit = percentile(&bare, 50);
    let sending = median(|one| one.last_ms - one.first_ms);
    println!("from the first to the last {sending:.0} ms; a bare client takes {limit:.0} ms: {:.2}", limit / sending);
    let all = |figure: fn(&Round) -> f64| measured.iter().map(|one| figure(one).round()).collect::<Vec<_>>();
    let table: Value = json!({ "first_ms": first, "median_ms": middle, "last_ms": last,
        "cpu_seconds": median(|one| one.cpu_seconds), "feed_bytes": measured[0].feed_bytes, "peak_megabytes": peak,
        "subscribing_ms": milliseconds(subscribing), "sending_ms": sending, "bare_client_ms": limit,
        "ratio": (limit / sending * 100.0).round() / 100.0,
        "each_round": { "first_ms": all(|one| one.first_ms), "last_ms": all(|one| one.last_ms) } });
    println!(
        "{}",
        json!({ "bench": "websub", "subscribers": subscribers, "rounds": rounds, "push": table, "load_before": load,
            "machine": common::machine() })
    );
}

/// Subscribes as many callbacks, each at a server of its own; how long until the last has confirmed.
async fn subscribe(daemon: &Daemon, sink: &Sink, subscribers: usize) -> Duration {
    let (origin, client) = (format!("http://localhost:{}", daemon.port), reqwest::Client::new());
    let began = Instant::now();
    for number in 0..subscribers {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("hub.mode", "subscribe")
            .append_pair("hub.topic", &format!("{origin}/feed.xml"))
            .append_pair("hub.callback", &sink.callback(number))
            .append_pair("hub.secret", SECRET)
            .finish();
        let request = client.post(format!("{origin}/websub")).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 202, "{}", answer.text().await.unwrap());
    }
    sink.wait(subscribers, began).await;
    began.elapsed()
}

/// Milliseconds from the first to the last arrival when nothing but a client sends, on a thread of its own.
async fn post_barely(sink: &Sink, subscribers: usize) -> f64 {
    let body = sink.arrivals.lock().unwrap().last_body.clone();
    let callbacks: Vec<String> = (0..subscribers).map(|number| sink.callback(number)).collect();
    sink.clear();
    let began = Instant::now();
    let sending = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let (client, key) = (reqwest::Client::new(), hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()));
            let mut under_way = tokio::task::JoinSet::new();
            for callback in callbacks {
                if under_way.len() >= CONCURRENCY {
                    under_way.join_next().await;
                }
                let tag = hmac::sign(&key, &body);
                let tag: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
                let request =
                    client.post(callback).header("x-hub-signature", format!("sha256={tag}")).body(body.clone());
                under_way.spawn(async move { request.send().await.unwrap().status() });
            }
            while under_way.join_next().await.is_some() {}
        });
    });
    sink.wait(subscribers, began).await;
    let arrivals = sink.arrivals.lock().unwrap();
    let at: Vec<Instant> = arrivals.at.iter().map(|at| at.expect("everybody has it")).collect();
    let (first, last) = (at.iter().min().unwrap(), at.iter().max().unwrap());
    drop(sending);
    milliseconds(*last - *first)
}

// --- the other side ----------------------------------------------------------------------------------------------

/// Every subscriber's server: confirms what it is asked, takes what it is sent, and remembers when.
#[derive(Clone)]
struct Sink {
    port: u16,
    arrivals: Arc<Mutex<Arrivals>>,
}

struct Arrivals {
    at: Vec<Option<Instant>>,
    count: usize,
    last_body: Bytes,
}

/// What one save came to.
struct Round {
    first_ms: f64,
    median_ms: f64,
    last_ms: f64,
    cpu_seconds: f64,
    feed_bytes: usize,
}

impl Sink {
    async fn open(subscribers: usize) -> Sink {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let arrivals = Arrivals { at: vec![None; subscribers], count: 0, last_body: Bytes::new() };
        let sink = Sink { port: listener.local_addr().unwrap().port(), arrivals: Arc::new(Mutex::new(arrivals)) };
        let router = Router::new().fallback(take).with_state(sink.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        sink
    }

    fn callback(&self, number: usize) -> String {
        let (block, address) = (number / ADDRESSES_PER_BLOCK, number % ADDRESSES_PER_BLOCK + 1);
        format!("http://127.0.{block}.{address}:{}/callback/{number}", self.port)
    }

    fn clear(&self) {
        let mut arrivals = self.arrivals.lock().unwrap();
        arrivals.at.fill(None);
        arrivals.count = 0;
    }

    async fn wait(&self, count: usize, since: Instant) {
        while self.arrivals.lock().unwrap().count < count {
            assert!(since.elapsed() < WAIT_MAX, "not everybody was reached after {WAIT_MAX:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The figures of a round, once everybody has the feed, and has it once.
    fn round(&self, saved: Instant, title: &str, cpu_seconds: f64) -> Round {
        let arrivals = self.arrivals.lock().unwrap();
        assert_eq!(arrivals.count, arrivals.at.len(), "some subscribers were told twice");
        assert!(String::from_utf8_lossy(&arrivals.last_body).contains(title), "the push is not the feed");
        let times: Vec<f64> =
            arrivals.at.iter().map(|at| milliseconds(at.expect("everybody has it") - saved)).collect();
        Round {
            first_ms: percentile(&times, 0),
            median_ms: percentile(&times, 50),
            last_ms: percentile(&times, 100),
            cpu_seconds,
            feed_bytes: arrivals.last_body.len(),
        }
    }
}

async fn take(State(sink): State<Sink>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let number = uri.path().strip_prefix("/callback/").and_then(|number| number.parse::<usize>().ok());
    let Some(number) = number else { return StatusCode::BAD_REQUEST.into_response() };
    let mut arrivals = sink.arrivals.lock().unwrap();
    arrivals.at[number].get_or_insert_with(Instant::now);
    arrivals.count += 1;
    if method == Method::GET {
        let mut query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let challenge = query.find(|(name, _)| name == "hub.challenge").map(|(_, value)| value.into_owned());
        return Body::from(challenge.unwrap_or_default()).into_response();
    }
    assert!(headers.contains_key("x-hub-signature"));
    arrivals.last_body = body;
    StatusCode::ACCEPTED.into_response()
}
