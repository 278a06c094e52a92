//! One review to 1,000 followers: deliveries a second, and a second of processor, beside the rate at which the same
//! machine makes RSA-2048 signatures, of which every delivery needs a fresh one; and how soon after a save, above
//! `settle`, the first inbox has it.
//!
//! `cargo bench --bench delivery -- [--inboxes 1000] [--hosts N] [--growth 1] [--rounds 5]
//! [--concurrency 16]`; the last line is JSON.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench measures real time and stops at whatever is wrong"
)]

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use common::daemon::Daemon;
use common::peer;
use common::sink::{Sink, follow};
use common::{folder, milliseconds, option, percentile};
use reviewd::fediverse::signature::key::KeyPair;
use serde_json::{Value, json};

const SETTLE: Duration = Duration::from_secs(1);
/// As many reviews as stand in the folder before the first that is sent.
const ARCHIVE: usize = 20;
const REVIEW_BYTES: usize = 3_000;
/// Long enough for a rate that is right within a percent.
const SIGNING: Duration = Duration::from_secs(1);
/// Past this something is broken.
const FANOUT_MAX: Duration = Duration::from_secs(900);
/// The other sender keeps nothing, so its rate does not depend on how many there are.
const PEER_INBOXES_MAX: usize = 1_000;
const PAUSE: Duration = Duration::from_millis(10);

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() {
    let (inboxes, rounds, load) = (option("inboxes", 1_000_usize), option("rounds", 5), common::load());
    let [one_thread, all_cores] = signing_rates();
    println!("RSA-2048 signatures a second: {one_thread:.0} on one thread, {all_cores:.0} on all cores");
    let mut table = Vec::new();
    for (inboxes, hosts) in sizes(inboxes) {
        table.push(fan_out(inboxes, hosts, rounds, [one_thread, all_cores]).await);
    }
    let peer = by_the_crate(inboxes.min(PEER_INBOXES_MAX), all_cores).await;
    println!(
        "{}",
        json!({ "bench": "delivery", "inboxes": inboxes, "rounds": rounds, "fan_out": table,
            "by_activitypub_federation": peer, "load_before": load,
            "signatures_a_second": { "one_thread": one_thread.round(), "all_cores": all_cores.round() },
            "machine": common::machine() })
    );
}

/// Inboxes and the servers they are on: `--inboxes` on as many and on a tenth, or on `--hosts`; with `--growth 1` a hundred
/// to a hundred thousand.
fn sizes(inboxes: usize) -> Vec<(usize, usize)> {
    match (option("growth", 0_usize), option("hosts", 0_usize)) {
        (0, 0) => vec![(inboxes, inboxes), (inboxes, inboxes.div_ceil(10))],
        (0, hosts) => vec![(inboxes, hosts)],
        _ => [100_usize, 1_000, 10_000, 100_000].map(|inboxes| (inboxes, inboxes.div_ceil(10))).to_vec(),
    }
}

/// The same inboxes by the sender of activitypub_federation, in this process: nothing is kept on a disk.
async fn by_the_crate(inboxes: usize, all_cores: f64) -> Value {
    let (sink, key) = (Sink::open(inboxes).await, KeyPair::generate().unwrap());
    // It takes no bare address for a server, so all of them have one name.
    let addresses =
        (0..inboxes).map(|number| format!("http://localhost:{}/inbox/{number}", sink.port).parse().unwrap());
    let keys = [key.to_private_pem().unwrap(), key.to_public_pem().unwrap()];
    let cpu = common::cpu_seconds("self");
    let took = peer::fan_out(addresses.collect(), keys, REVIEW_BYTES, option("concurrency", 16)).await;
    let cpu = common::cpu_seconds("self") - cpu;
    assert_eq!(sink.arrived(), inboxes);
    let rate = inboxes as f64 / took.as_secs_f64();
    println!(
        "{inboxes} inboxes by activitypub_federation's own sender: {rate:.0} deliveries a second ({:.2} of signing on all \
         cores), {cpu:.1} s of processor with the sink",
        rate / all_cores
    );
    json!({ "inboxes": inboxes, "deliveries_a_second": rate.round(), "of_signing_on_all_cores": hundredths(rate / all_cores),
        "cpu_seconds_with_the_sink": cpu })
}

// --- the limit ---------------------------------------------------------------------------------------------------

/// Signatures a second that aws-lc-rs makes on one thread, and on as many as there are cores, with nothing beside it.
fn signing_rates() -> [f64; 2] {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    [1, cores].map(|threads| {
        std::thread::scope(|scope| {
            let signers: Vec<_> = (0..threads).map(|_| scope.spawn(|| sign_for_a_while(&key))).collect();
            signers.into_iter().map(|signer| signer.join().unwrap()).sum()
        })
    })
}

fn sign_for_a_while(key: &RsaKeyPair) -> f64 {
    // About as long as what a signature of a delivery covers.
    let (message, mut signature) = ([b'a'; 256], vec![0; key.public_modulus_len()]);
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < SIGNING {
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), black_box(&message), black_box(&mut signature)).unwrap();
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

// --- one review to everybody -------------------------------------------------------------------------------------

async fn fan_out(inboxes: usize, hosts: usize, rounds: usize, [one_thread, all_cores]: [f64; 2]) -> Value {
    let home = tempfile::tempdir().unwrap();
    let reviews = home.path().join("reviews");
    folder::write_reviews(&reviews, ARCHIVE, REVIEW_BYTES);
    let (settle, concurrency) = (format!("{}s", SETTLE.as_secs()), option("concurrency", 16_u32).to_string());
    let settings = [("REVIEWD_PUBLISH__SETTLE", &*settle), ("REVIEWD_DELIVERY__CONCURRENCY", &*concurrency)];
    let mut daemon = Daemon::start(home.path(), &settings);
    // The archive is known: what comes after it is news.
    daemon.serves("/feed.xml", |feed| (0..ARCHIVE).all(|number| feed.contains(&folder::title(number))));
    let sink = Sink::open(inboxes).await;
    let store = follow(home.path(), &daemon, inboxes, |number| sink.inbox(number, hosts)).await;

    let mut measured = Vec::new();
    for round in 0..rounds {
        sink.clear();
        let (cpu, sink_cpu) = (daemon.cpu_seconds(), common::cpu_seconds("self"));
        folder::write_review(&reviews, ARCHIVE + round, REVIEW_BYTES, "News.");
        let saved = Instant::now();
        // The outcomes as well: what is not on the disk would be sent again.
        let delivered = ((round + 1) * inboxes) as i64;
        while sink.arrived() < inboxes || store.delivery_figures().await.unwrap().delivered < delivered {
            assert!(saved.elapsed() < FANOUT_MAX, "not everybody has the review after {FANOUT_MAX:?}");
            tokio::time::sleep(PAUSE).await;
        }
        let (cpu, sink_cpu) = (daemon.cpu_seconds() - cpu, common::cpu_seconds("self") - sink_cpu);
        measured.push(Round::of(&sink, saved, &folder::title(ARCHIVE + round), cpu, sink_cpu));
    }
    let peak = daemon.memory_megabytes("VmHWM");
    store.close().await;
    daemon.stop();

    let median = |figure: fn(&Round) -> f64| percentile(&measured.iter().map(figure).collect::<Vec<_>>(), 50);
    let (rate, per_cpu) = (median(|round| round.rate), median(|round| round.per_cpu_second));
    let (first, last) = (median(|round| round.first_ms), median(|round| round.last_ms));
    println!(
        "{inboxes} inboxes on {hosts:4} hosts: {rate:.0} deliveries a second ({:.2} of signing on all cores), {per_cpu:.0} a \
         second of processor ({:.2} of signing); first inbox {first:.0} ms, last {last:.0} ms after save and settle; \
         the sink took {:.2} s of processor, the daemon {:.2} s; peak {peak} MB; median of {rounds}",
        rate / all_cores,
        per_cpu / one_thread,
        median(|round| round.sink_cpu_seconds),
        inboxes as f64 / per_cpu,
    );
    let all = |figure: fn(&Round) -> f64| measured.iter().map(|round| figure(round).round()).collect::<Vec<_>>();
    json!({ "hosts": hosts, "deliveries_a_second": rate.round(), "of_signing_on_all_cores": hundredths(rate / all_cores),
        "deliveries_a_cpu_second": per_cpu.round(), "of_signing_on_one_thread": hundredths(per_cpu / one_thread),
        "first_inbox_above_settle_ms": first, "last_inbox_above_settle_ms": last, "peak_megabytes": peak,
        "each_round": { "deliveries_a_second": all(|round| round.rate),
            "deliveries_a_cpu_second": all(|round| round.per_cpu_second), "first_ms": all(|round| round.first_ms) } })
}

/// What one review came to.
struct Round {
    rate: f64,
    per_cpu_second: f64,
    first_ms: f64,
    last_ms: f64,
    sink_cpu_seconds: f64,
}

impl Round {
    /// The figures of a round, once everybody has the review, and has it once.
    fn of(sink: &Sink, saved: Instant, title: &str, cpu_seconds: f64, sink_cpu_seconds: f64) -> Round {
        let arrivals = sink.arrivals.lock().unwrap();
        assert_eq!(arrivals.count, arrivals.at.len(), "some inboxes were told twice");
        let body = String::from_utf8_lossy(&arrivals.last_body);
        assert!(body.contains("Create") && body.contains(title), "not the review: {body}");
        let times = arrivals.at.iter().map(|at| at.expect("every inbox has it"));
        let (first, last) = (times.clone().min().unwrap(), times.max().unwrap());
        let above_settle = |at: Instant| milliseconds(at - saved) - milliseconds(SETTLE);
        let count = arrivals.at.len() as f64;
        Round {
            rate: count / (last - first).as_secs_f64(),
            per_cpu_second: count / cpu_seconds,
            first_ms: above_settle(first),
            last_ms: above_settle(last),
            sink_cpu_seconds,
        }
    }
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
