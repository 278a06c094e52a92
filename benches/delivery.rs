//! One review to 10,000 followers on 1,000 servers, plain and over TLS: deliveries a second, and a second of processor, beside
//! the rate at which the same machine makes RSA-2048 signatures, of which every delivery needs a fresh one, and beside the
//! sender of activitypub_federation; and how soon after a save, above `settle`, the first inbox has it.
//!
//! `cargo bench --bench delivery -- [--inboxes 10000] [--hosts 1000] [--tls 0|1] [--growth 1] [--rounds 3]
//! [--concurrency 64]`; `--tls` chooses one of the two, `--growth 1` sends to 100, 1,000, 10,000 and 100,000 inboxes instead,
//! or to as many of these as `--inboxes` allows; the last line is JSON.
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
use common::authority::Authority;
use common::daemon::Daemon;
use common::peer;
use common::sink::{Sink, follow};
use common::{folder, hundredths, milliseconds, option, percentile};
use reviewd::fediverse::signature::key::KeyPair;
use serde_json::{Value, json};

const SETTLE: Duration = Duration::from_secs(1);
/// As many reviews as stand in the folder before the first that is sent.
const ARCHIVE: usize = 20;
const REVIEW_BYTES: usize = 3_000;
/// Long enough for a rate that is right within a percent, although processor time is told in steps of 10 ms.
const SIGNING: Duration = Duration::from_secs(2);
/// Past this something is broken.
const FANOUT_MAX: Duration = Duration::from_secs(900);
const PAUSE: Duration = Duration::from_millis(10);
/// As the settings have it where nothing is said.
const CONCURRENCY: usize = 64;

/// Who is told, and how they are reached.
#[derive(Clone, Copy)]
struct Audience {
    inboxes: usize,
    hosts: usize,
    tls: bool,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() {
    let (growth, load) = (option("growth", 0_usize) > 0, common::load());
    let rounds = option("rounds", if growth { 1 } else { 3 });
    let signing = Signing::measure();
    println!(
        "RSA-2048 signatures a second: {:.0} on one thread, {:.0} on all cores; {:.0} a second of processor",
        signing.one_thread, signing.all_cores, signing.per_cpu_second
    );
    let audiences = if growth { growing() } else { asked_for() };
    let mut table = Vec::new();
    for audience in &audiences {
        table.push(fan_out(*audience, rounds, &signing).await);
    }
    let peer = match growth {
        true => Value::Null,
        false => by_the_crate(audiences[0].inboxes, &signing).await,
    };
    if growth {
        tell_growth(&audiences, &table);
    }
    println!(
        "{}",
        json!({ "bench": "delivery", "rounds": rounds, "fan_out": table, "by_activitypub_federation": peer,
            "load_before": load,
            "signatures_a_second": { "one_thread": signing.one_thread.round(), "all_cores": signing.all_cores.round(),
                "of_processor": signing.per_cpu_second.round() },
            "machine": common::machine() })
    );
}

fn asked_for() -> Vec<Audience> {
    let (inboxes, hosts) = (option("inboxes", 10_000), option("hosts", 1_000));
    let ways = match option("tls", -1) {
        0 => vec![false],
        1 => vec![true],
        _ => vec![false, true],
    };
    ways.into_iter().map(|tls| Audience { inboxes, hosts: hosts.min(inboxes), tls }).collect()
}

/// Ten inboxes on each server, whatever their number.
fn growing() -> Vec<Audience> {
    let (most, tls) = (option("inboxes", 100_000), option("tls", 0) > 0);
    let sizes = [100, 1_000, 10_000, 100_000].into_iter().filter(|inboxes| *inboxes <= most);
    sizes.map(|inboxes| Audience { inboxes, hosts: inboxes / 10, tls }).collect()
}

fn tell_growth(audiences: &[Audience], table: &[Value]) {
    println!("inboxes    from the first to the last    processor for each    memory at its peak");
    for (audience, row) in audiences.iter().zip(table) {
        println!(
            "{:7}    {:>22.2} s     {:>15.0} µs     {:>14.0} MB",
            audience.inboxes,
            audience.inboxes as f64 / row["deliveries_a_second"].as_f64().unwrap(),
            row["processor_us_each"].as_f64().unwrap(),
            row["peak_megabytes"].as_f64().unwrap(),
        );
    }
}

/// The same inboxes by the sender of activitypub_federation, in this process: nothing is kept on a disk.
async fn by_the_crate(inboxes: usize, signing: &Signing) -> Value {
    let (sink, key) = (Sink::open(inboxes).await, KeyPair::generate().unwrap());
    // It takes no bare address for a server, so all of them have one name.
    let addresses =
        (0..inboxes).map(|number| format!("http://localhost:{}/inbox/{number}", sink.port).parse().unwrap());
    let keys = [key.to_private_pem().unwrap(), key.to_public_pem().unwrap()];
    let cpu = common::cpu_seconds("self") - sink.cpu_seconds();
    let took = peer::fan_out(addresses.collect(), keys, REVIEW_BYTES, option("concurrency", CONCURRENCY)).await;
    let cpu = common::cpu_seconds("self") - sink.cpu_seconds() - cpu;
    assert_eq!(sink.arrived(), inboxes);
    let (rate, each) = (inboxes as f64 / took.as_secs_f64(), cpu / inboxes as f64);
    let [of_cores, of_processor] = signing.shares(rate, each);
    println!(
        "{inboxes} inboxes by activitypub_federation's own sender: {rate:.0} deliveries a second ({of_cores:.2} of signing on \
         all cores), {:.0} µs of processor each ({of_processor:.2} is signing as aws-lc-rs does it)",
        each * 1e6
    );
    json!({ "inboxes": inboxes, "deliveries_a_second": rate.round(), "of_signing_on_all_cores": hundredths(of_cores),
        "processor_us_each": (each * 1e6).round(), "of_signing_by_processor": hundredths(of_processor) })
}

// --- the limit ---------------------------------------------------------------------------------------------------

/// Signatures that aws-lc-rs makes with nothing beside it.
struct Signing {
    one_thread: f64,
    /// On as many threads as there are cores.
    all_cores: f64,
    /// For each second that the process had a core, with all cores at work: right on a busy machine too.
    per_cpu_second: f64,
}

impl Signing {
    fn measure() -> Signing {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let rate = |threads| -> f64 {
            std::thread::scope(|scope| {
                let signers: Vec<_> = (0..threads).map(|_| scope.spawn(|| sign_for_a_while(&key))).collect();
                signers.into_iter().map(|signer| signer.join().unwrap()).sum()
            })
        };
        let one_thread = rate(1);
        let cpu = common::cpu_seconds("self");
        let all_cores = rate(cores);
        let cpu = common::cpu_seconds("self") - cpu;
        Signing { one_thread, all_cores, per_cpu_second: all_cores * SIGNING.as_secs_f64() / cpu }
    }

    /// A rate of deliveries beside signing on all cores, and how much of a delivery's processor time its signature takes.
    fn shares(&self, rate: f64, cpu_seconds_each: f64) -> [f64; 2] {
        [rate / self.all_cores, 1.0 / self.per_cpu_second / cpu_seconds_each]
    }
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

async fn fan_out(audience: Audience, rounds: usize, signing: &Signing) -> Value {
    let (Audience { inboxes, hosts, tls }, home) = (audience, tempfile::tempdir().unwrap());
    let reviews = home.path().join("reviews");
    folder::write_reviews(&reviews, ARCHIVE, REVIEW_BYTES);
    let (settle, authority) = (format!("{}s", SETTLE.as_secs()), Authority::new());
    let (concurrency, bundle) = (option("concurrency", CONCURRENCY).to_string(), authority.bundle());
    let settings = [
        ("REVIEWD_PUBLISH__SETTLE", &*settle),
        ("REVIEWD_DELIVERY__CONCURRENCY", &*concurrency),
        ("SSL_CERT_FILE", bundle.to_str().unwrap()),
    ];
    let mut daemon = Daemon::start(home.path(), &settings);
    // The archive is known: what comes after it is news.
    daemon.serves("/feed.xml", |feed| (0..ARCHIVE).all(|number| feed.contains(&folder::title(number))));
    let sink = match tls {
        true => Sink::open_secure(inboxes, hosts, &authority).await,
        false => Sink::open(inboxes).await,
    };
    let store = follow(home.path(), &daemon, inboxes, |number| sink.inbox(number, hosts)).await;

    let mut measured = Vec::new();
    for round in 0..rounds {
        sink.clear();
        let (cpu, sink_cpu) = (daemon.cpu_seconds(), sink.cpu_seconds());
        folder::write_review(&reviews, ARCHIVE + round, REVIEW_BYTES, "News.");
        let saved = Instant::now();
        // The outcomes as well: what is not on the disk would be sent again.
        let delivered = ((round + 1) * inboxes) as i64;
        while sink.arrived() < inboxes || store.delivery_figures().await.unwrap().delivered < delivered {
            assert!(saved.elapsed() < FANOUT_MAX, "not everybody has the review after {FANOUT_MAX:?}");
            tokio::time::sleep(PAUSE).await;
        }
        let (cpu, sink_cpu) = (daemon.cpu_seconds() - cpu, sink.cpu_seconds() - sink_cpu);
        measured.push(Round::of(&sink, saved, &folder::title(ARCHIVE + round), cpu, sink_cpu));
    }
    let peak = daemon.memory_megabytes("VmHWM");
    store.close().await;
    daemon.stop();

    let median = |figure: fn(&Round) -> f64| percentile(&measured.iter().map(figure).collect::<Vec<_>>(), 50);
    let (rate, each) = (median(|round| round.rate), median(|round| round.cpu_seconds_each));
    let (first, last) = (median(|round| round.first_ms), median(|round| round.last_ms));
    let (sink_each, [of_cores, of_processor]) =
        (median(|round| round.sink_cpu_seconds_each), signing.shares(rate, each));
    println!(
        "{inboxes} inboxes on {hosts} hosts{}: {rate:.0} deliveries a second ({of_cores:.2} of signing on all cores), {:.0} µs \
         of processor each ({of_processor:.2} is signing), {:.0} µs of the sink's beside it; first inbox {first:.0} ms, last \
         {last:.0} ms after save and settle; {:.0} connections; peak {peak} MB; median of {rounds}",
        if tls { " over TLS" } else { "" },
        each * 1e6,
        sink_each * 1e6,
        median(|round| round.connections),
    );
    let all = |figure: fn(&Round) -> f64| measured.iter().map(|round| figure(round).round()).collect::<Vec<_>>();
    json!({ "inboxes": inboxes, "hosts": hosts, "tls": tls, "deliveries_a_second": rate.round(),
        "of_signing_on_all_cores": hundredths(of_cores), "processor_us_each": (each * 1e6).round(),
        "of_signing_by_processor": hundredths(of_processor), "sink_us_each": (sink_each * 1e6).round(),
        "first_inbox_above_settle_ms": first.round(), "last_inbox_above_settle_ms": last.round(), "peak_megabytes": peak,
        "each_round": { "deliveries_a_second": all(|round| round.rate),
            "processor_us_each": all(|round| round.cpu_seconds_each * 1e6), "first_ms": all(|round| round.first_ms),
            "connections": all(|round| round.connections) } })
}

/// What one review came to.
struct Round {
    rate: f64,
    cpu_seconds_each: f64,
    sink_cpu_seconds_each: f64,
    first_ms: f64,
    last_ms: f64,
    connections: f64,
}

impl Round {
    /// The figures of a round, once everybody has the review, and has it once.
    fn of(sink: &Sink, saved: Instant, title: &str, cpu_seconds: f64, sink_cpu_seconds: f64) -> Round {
        let arrivals = sink.arrivals.lock().unwrap();
        assert_eq!(arrivals.count, arrivals.at.len(), "some inboxes were told twice");
        assert_eq!(arrivals.strange, 0, "some inboxes were told something else, or without a signature");
        let body = String::from_utf8_lossy(&arrivals.body);
        assert!(body.contains("Create") && body.contains(title), "not the review: {body}");
        let times = arrivals.at.iter().map(|at| at.expect("every inbox has it"));
        let (first, last) = (times.clone().min().unwrap(), times.max().unwrap());
        let above_settle = |at: Instant| milliseconds(at - saved) - milliseconds(SETTLE);
        let count = arrivals.at.len() as f64;
        Round {
            rate: count / (last - first).as_secs_f64(),
            cpu_seconds_each: cpu_seconds / count,
            sink_cpu_seconds_each: sink_cpu_seconds / count,
            first_ms: above_settle(first),
            last_ms: above_settle(last),
            connections: arrivals.connections as f64,
        }
    }
}
