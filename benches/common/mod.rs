//! What the benches share: the daemon as its users run it, a folder of reviews that is the same every time, and an
//! HTTP connection that costs next to nothing.
#![allow(dead_code, reason = "no bench uses all of it")]

pub mod daemon;
pub mod folder;
pub mod http;

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

/// The machine, for the line that says where figures come from.
pub fn machine() -> serde_json::Value {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1)).unwrap_or("unknown");
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    serde_json::json!({ "cpu": model, "cores": cores, "kernel": kernel.trim() })
}
