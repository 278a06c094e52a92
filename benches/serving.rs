//! The hot document: `/feed.xml` and its 304 from reviewd's memory, against nginx with the same bytes as static
//! files, in one run, one worker each; and how soon a save is in the feed.
//!
//! `cargo bench --bench serving -- [--seconds 5] [--rounds 3] [--connections 32] [--saves 20]`; needs `nginx` and
//! `wrk` from the distribution; the last line is JSON.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench measures real time and stops at whatever is wrong"
)]

mod common;

use std::fmt::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::daemon::{Daemon, free_port};
use common::http::Connection;
use common::{folder, milliseconds, option, percentile};
use serde_json::{Map, Value, json};

/// Twenty of these make a feed of about 60 kB.
const REVIEWS: usize = 20;
const REVIEW_BYTES: usize = 1_750;
/// Reviews are in the feed within a second; past this something is broken.
const VISIBLE_MAX: Duration = Duration::from_secs(20);
const SERVER_CORE: &str = "0";
const CLIENT_CORE: &str = "1";

fn main() {
    let load = common::load();
    let home = tempfile::tempdir().unwrap();
    let reviews = home.path().join("reviews");
    folder::write_reviews(&reviews, REVIEWS, REVIEW_BYTES);
    let mut daemon = Daemon::start(home.path(), &[("TOKIO_WORKER_THREADS", "1")]);
    daemon.serves("/feed.xml", |feed| (0..REVIEWS).all(|number| feed.contains(&folder::title(number))));

    let throughput = compare(&daemon, home.path());
    let saves = option("saves", 20);
    let save = |number, remark: &str| folder::write_review(&reviews, number, REVIEW_BYTES, remark);
    let edits = time_saves(&daemon, saves, |round| save(0, &remark("edit", round)), |round| remark("edit", round));
    let additions =
        time_saves(&daemon, saves, |round| save(REVIEWS + round, ""), |round| folder::title(REVIEWS + round));
    daemon.stop();

    println!("a save is in the feed after (p50, p95): edit {}, new {} ms", pair(&edits), pair(&additions));
    println!(
        "{}",
        json!({ "bench": "serving", "throughput": throughput, "save_to_feed_ms": { "edit": figures(&edits),
            "new": figures(&additions) }, "load_before": load, "machine": common::machine() })
    );
}

// --- throughput --------------------------------------------------------------------------------------------------

/// One way of asking for the feed.
struct Question {
    name: &'static str,
    header: Option<(&'static str, String)>,
    status: u16,
}

fn compare(daemon: &Daemon, home: &Path) -> Value {
    let nginx = Nginx::start(home, daemon);
    for pid in std::iter::once(daemon.pid().to_string()).chain(nginx.workers()) {
        run(Command::new("taskset").args(["--all-tasks", "--cpu-list", "--pid", SERVER_CORE, &pid]));
    }
    let (seconds, rounds) = (option("seconds", 5_u32), option("rounds", 3_usize));
    println!(
        "{:8} {:>14} {:>14} {:>7}   requests a second, median of {rounds} × {seconds} s",
        "", "reviewd", "nginx", "ratio"
    );
    let mut table = Map::new();
    for name in ["plain", "gzip", "304"] {
        let questions = [daemon.port, nginx.port].map(|port| (port, question(name, port)));
        let mut measured = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            for (results, (port, question)) in measured.iter_mut().zip(&questions) {
                results.push(load(*port, question, seconds));
            }
        }
        let [ours, theirs] = measured.map(|results| percentile(&results, 50));
        println!("{name:8} {ours:>14.0} {theirs:>14.0} {:>7.2}", ours / theirs);
        table.insert(
            name.into(),
            json!({ "reviewd": ours.round(), "nginx": theirs.round(), "ratio": ratio(ours, theirs) }),
        );
    }
    Value::Object(table)
}

/// The question as this server has to be asked, tried once: a figure for a wrong answer is worth nothing.
fn question(name: &'static str, port: u16) -> Question {
    let mut connection = Connection::open(port).unwrap();
    let header = match name {
        "gzip" => Some(("Accept-Encoding", "gzip".to_owned())),
        "304" => {
            let answer = connection.get("/feed.xml", &[]).unwrap();
            Some(("If-None-Match", answer.header("etag").expect("an ETag").to_owned()))
        }
        _ => None,
    };
    let question = Question { name, header, status: if name == "304" { 304 } else { 200 } };
    let headers: Vec<_> = question.header.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = connection.get("/feed.xml", &headers).unwrap();
    assert_eq!(answer.status, question.status, "{name} from port {port}");
    assert_eq!(answer.header("content-encoding"), (name == "gzip").then_some("gzip"), "{name} from port {port}");
    question
}

/// Requests a second that one client on the other core gets answered.
fn load(port: u16, question: &Question, seconds: u32) -> f64 {
    let connections: u32 = option("connections", 32);
    let mut wrk = Command::new("taskset");
    wrk.args(["--cpu-list", CLIENT_CORE, "wrk", "--threads", "1", "--connections", &connections.to_string()]);
    wrk.args(["--duration", &format!("{seconds}s"), "--header", &format!("Host: localhost:{port}")]);
    if let Some((name, value)) = &question.header {
        wrk.args(["--header", &format!("{name}: {value}")]);
    }
    wrk.arg(format!("http://127.0.0.1:{port}/feed.xml"));
    let said = run(&mut wrk);
    assert!(!said.contains("Socket errors") && !said.contains("Non-2xx or 3xx"), "{}: {said}", question.name);
    let rate = said.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:")).expect("wrk's rate");
    rate.trim().parse().unwrap()
}

/// nginx with reviewd's feed as static files, compressed beforehand as reviewd's are.
struct Nginx {
    child: Child,
    port: u16,
}

impl Nginx {
    fn start(home: &Path, daemon: &Daemon) -> Nginx {
        let root = home.join("nginx");
        std::fs::create_dir_all(root.join("files")).unwrap();
        let mut connection = daemon.connect();
        let plain = connection.get("/feed.xml", &[]).unwrap().body;
        let gzip = connection.get("/feed.xml", &[("Accept-Encoding", "gzip")]).unwrap().body;
        println!("the feed: {} bytes, {} compressed", plain.len(), gzip.len());
        std::fs::write(root.join("files/feed.xml"), plain).unwrap();
        std::fs::write(root.join("files/feed.xml.gz"), gzip).unwrap();
        let port = free_port();
        std::fs::write(root.join("nginx.conf"), configuration(&root, port)).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&root).arg("-c").arg(root.join("nginx.conf"));
        let child = command.stdin(Stdio::null()).spawn().expect("nginx starts: apt-get install nginx wrk");
        let began = Instant::now();
        while Connection::open(port).is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "nginx does not listen");
        }
        Nginx { child, port }
    }

    fn workers(&self) -> Vec<String> {
        let master = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap();
        children.split_whitespace().map(str::to_owned).collect()
    }
}

impl Drop for Nginx {
    /// The master, when killed, leaves its worker running: it is asked to end.
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn configuration(root: &Path, port: u16) -> String {
    let root = root.display();
    let mut text = String::from("daemon off;\nworker_processes 1;\n");
    // Started by root, its worker would become somebody who may not read a private temporary folder.
    if std::fs::metadata("/proc/self").is_ok_and(|myself| myself.uid() == 0) {
        text.push_str("user root;\n");
    }
    let _ = write!(
        text,
        "pid {root}/pid;\nerror_log {root}/error.log;\nevents {{ worker_connections 1024; }}\n\
         http {{\n  access_log off; sendfile on; tcp_nopush on; etag on; gzip_static on; keepalive_requests 100000000;\n  \
         open_file_cache max=100;\n  types {{ application/rss+xml xml; }}\n  client_body_temp_path {root}/a; \
         proxy_temp_path {root}/b; fastcgi_temp_path {root}/c; uwsgi_temp_path {root}/d; scgi_temp_path {root}/e;\n  \
         server {{ listen 127.0.0.1:{port}; root {root}/files; }}\n}}\n"
    );
    text
}

// --- one save ----------------------------------------------------------------------------------------------------

/// Milliseconds from each save until a reader who asks without pause gets it.
fn time_saves(daemon: &Daemon, count: usize, save: impl Fn(usize), awaited: impl Fn(usize) -> String) -> Vec<f64> {
    let mut connection = daemon.connect();
    let mut time_one = |round| {
        let etag = connection.get("/feed.xml", &[]).unwrap().header("etag").expect("an ETag").to_owned();
        let awaited = awaited(round);
        save(round);
        let saved = Instant::now();
        loop {
            let answer = connection.get("/feed.xml", &[("If-None-Match", &etag)]).unwrap();
            if answer.status == 200 && contains(&answer.body, &awaited) {
                return milliseconds(saved.elapsed());
            }
            assert!(saved.elapsed() < VISIBLE_MAX, "{awaited} is not in the feed after {VISIBLE_MAX:?}");
        }
    };
    (0..count).map(&mut time_one).collect()
}

fn remark(kind: &str, round: usize) -> String {
    format!("Remark number {round} of the {kind} series")
}

fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

// --- figures -----------------------------------------------------------------------------------------------------

fn figures(values: &[f64]) -> Value {
    json!({ "p50": percentile(values, 50), "p95": percentile(values, 95) })
}

fn pair(values: &[f64]) -> String {
    format!("{} and {}", percentile(values, 50), percentile(values, 95))
}

fn ratio(ours: f64, theirs: f64) -> f64 {
    (ours / theirs * 100.0).round() / 100.0
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}
