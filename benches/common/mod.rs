//! What the benches share: the daemon as its users run it, a folder of reviews that is the same every time, and an
//! HTTP connection that costs next to nothing.
#![allow(dead_code, reason = "no bench uses all of it")]

#[path = "../../tests/it/peers/authority.rs"]
pub mod authority;
pub mod daemon;
pub mod folder;
pub mod http;
pub mod peer;
pub mod sink;

use std::time::Duration;

/// The value after `--name` on the command line, else `default`. Cargo's own `--bench` is not asked for.
pub fn option<T: std::str::FromStr>(name: &str, default: T) -> T {
    let mut arguments = std::env::args().skip_while(|argument| argument != &format!("--{name}"));
    let Some(value) = arguments.nth(1) else { return default };
    value.parse().unwrap_or_else(|_| panic!("--{name} {value}: not understood"))
}

pub fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e5).round() / 100.0
}

/// The value below which `percent` of them lie, by nearest rank.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}

/// What `/proc/PID/stat` says of a process (or of `self`, or of a thread, `PID/task/TID`): user and system time in ticks, of which Linux shows a hundred
/// a second on every architecture.
pub fn cpu_seconds(pid: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name, in parentheses, may hold spaces; utime and stime are the 12th and 13th field after it.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}

/// Processes that wanted the machine in the last minute: a figure measured beside others' work is worth less.
pub fn load() -> f64 {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}

/// The machine, for the line that says where figures come from.
pub fn machine() -> serde_json::Value {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1)).unwrap_or("unknown");
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    serde_json::json!({ "cpu": model, "cores": cores, "kernel": kernel.trim() })
}

/// Two digits after the point: more would claim what no run can repeat.
pub fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
