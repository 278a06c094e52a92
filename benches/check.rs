//! `reviewd check --json` on a folder of 10,000 files: the whole command, from its start to its end, beside the time that
//! reading all bytes of these files takes in the same run. No check can be faster than that.
//!
//! `cargo bench --bench check -- [--files 10000] [--bytes 3000] [--rounds 7]`; the last line is JSON.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench measures real time and stops at whatever is wrong"
)]

mod common;

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use common::daemon::program;
use common::{folder, milliseconds, option, percentile};
use serde_json::{Value, json};

/// Between two looks at the command's memory.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// One command, measured.
struct Checked {
    took: Duration,
    processor_seconds: f64,
    peak_megabytes: f64,
    reviews: usize,
    json_bytes: usize,
}

fn main() {
    let (files, bytes, rounds) = (option("files", 10_000), option("bytes", 3_000), option("rounds", 7));
    let load = common::load();
    let home = tempfile::tempdir().unwrap();
    let reviews = home.path().join("reviews");
    folder::write_reviews(&reviews, files, bytes);
    let paths: Vec<PathBuf> = fs::read_dir(&reviews).unwrap().map(|entry| entry.unwrap().path()).collect();
    println!("{files} files of about {bytes} bytes in {}", reviews.display());

    // Once each for nothing: both find the files in the page cache.
    read_all(&paths);
    check(home.path());
    let (mut read_seconds, mut check_seconds, mut checked) = (Vec::new(), Vec::new(), Vec::new());
    let mut read_bytes = 0;
    for _ in 0..rounds {
        let started = Instant::now();
        read_bytes = read_all(&paths);
        read_seconds.push(started.elapsed().as_secs_f64());
        let one = check(home.path());
        assert_eq!(one.reviews, files, "every file is a review");
        check_seconds.push(one.took.as_secs_f64());
        checked.push(one);
    }
    let (read, check) = (percentile(&read_seconds, 50), percentile(&check_seconds, 50));
    let last = checked.last().unwrap();
    println!(
        "check {:.0} ms ({:.0} files a second, {:.2} s of processor, peak {} MB)   reading alone {:.0} ms   ratio {:.3}",
        check * 1e3,
        files as f64 / check,
        last.processor_seconds,
        last.peak_megabytes,
        read * 1e3,
        read / check
    );
    println!("{}", summary(files, read_bytes, (&read_seconds, &check_seconds), last, load));
}

fn summary(files: usize, bytes: u64, seconds: (&[f64], &[f64]), last: &Checked, load: f64) -> Value {
    let (read, check) = (percentile(seconds.0, 50), percentile(seconds.1, 50));
    let in_ms = |seconds: f64| milliseconds(Duration::from_secs_f64(seconds));
    json!({ "bench": "check", "files": files, "megabytes": (bytes as f64 / 1e4).round() / 100.0,
        "check_ms": in_ms(check), "check_ms_fastest": in_ms(percentile(seconds.1, 1)),
        "check_ms_slowest": in_ms(percentile(seconds.1, 100)), "files_per_second": (files as f64 / check).round(),
        "processor_seconds": last.processor_seconds, "peak_megabytes": last.peak_megabytes,
        "json_megabytes": (last.json_bytes as f64 / 1e4).round() / 100.0, "limit": "reading all bytes of all files",
        "limit_ms": in_ms(read), "ratio_to_limit": (read / check * 1e3).round() / 1e3, "rounds": seconds.0.len(),
        "load_before": load, "machine": common::machine() })
}

/// Reads every file whole, one after the other on each core, as the check does; how many bytes.
fn read_all(paths: &[PathBuf]) -> u64 {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let share = paths.len().div_ceil(workers);
    std::thread::scope(|scope| {
        let readers: Vec<_> = paths
            .chunks(share)
            .map(|share| scope.spawn(|| share.iter().map(|path| fs::read(path).unwrap().len() as u64).sum::<u64>()))
            .collect();
        readers.into_iter().map(|reader| reader.join().unwrap()).sum()
    })
}

/// Runs the command to its end. Its memory is looked at while it runs, its processor's time when it has ended.
fn check(home: &Path) -> Checked {
    let started = Instant::now();
    let mut command = Command::new(program());
    command.args(["check", "--json", "reviews"]).current_dir(home).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::inherit()).spawn().unwrap();
    let (id, mut out) = (child.id().to_string(), child.stdout.take().unwrap());
    let (mut json, mut took) = (Vec::new(), Duration::ZERO);
    let peak_kibibytes = std::thread::scope(|scope| {
        let peak = scope.spawn(|| peak_kibibytes(&id));
        out.read_to_end(&mut json).unwrap();
        took = started.elapsed();
        peak.join().unwrap()
    });
    let processor_seconds = common::cpu_seconds(&id);
    assert!(child.wait().unwrap().success());
    let report: Value = serde_json::from_slice(&json).unwrap();
    Checked {
        took,
        processor_seconds,
        peak_megabytes: (peak_kibibytes * 1024.0 / 1e4).round() / 100.0,
        reviews: report["reviews"].as_array().unwrap().len(),
        json_bytes: json.len(),
    }
}

/// The most memory that a process held, asked again and again until it has ended and waits to be reaped.
fn peak_kibibytes(id: &str) -> f64 {
    let mut peak = 0.0_f64;
    loop {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) else { return peak };
        peak = peak.max(line.trim().trim_end_matches(" kB").parse().unwrap());
        std::thread::sleep(LOOK_EVERY);
    }
}
