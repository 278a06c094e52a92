//! What is counted, for Prometheus: names by its conventions, few labels, each with few values. Nothing is counted where
//! nobody listens.

use std::{sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// One for the whole process: the settings may be read again, the counters go on.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Upper bounds, in seconds: from a neighbour to the longest time-out.
const DURATIONS: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0];

const DELIVERIES: &str = "reviewd_deliveries_total";
const DELIVERY_DURATION: &str = "reviewd_delivery_duration_seconds";
const ACTIVITIES: &str = "reviewd_inbox_activities_total";
const REQUESTS: &str = "reviewd_http_requests_total";

/// Every metric with what it means; the dashboard in deploy/ may use these and no others.
pub const ALL: &[(&str, Kind, &str)] = &[
    (DELIVERIES, Kind::Counter, "Attempts to deliver, by outcome: delivered, refused, failed"),
    (DELIVERY_DURATION, Kind::Histogram, "How long an attempt to deliver took"),
    (ACTIVITIES, Kind::Counter, "Activities that came in, by type and by what they were answered"),
    (REQUESTS, Kind::Counter, "Requests answered, by kind of document and by status"),
    ("reviewd_deliveries_due", Kind::Gauge, "Deliveries that are still to be made"),
    ("reviewd_deliveries_held", Kind::Gauge, "Deliveries held since a backup was restored"),
    (
        "reviewd_delivery_oldest_seconds",
        Kind::Gauge,
        "Age of the oldest message that is still to be delivered; 0 without one",
    ),
    ("reviewd_hosts_dead", Kind::Gauge, "Servers that have not answered for a week"),
    ("reviewd_followers", Kind::Gauge, "Followers"),
    ("reviewd_followers_waiting", Kind::Gauge, "Follows that wait for approval"),
    ("reviewd_replies_waiting", Kind::Gauge, "Replies that wait for approval"),
    ("reviewd_reviews", Kind::Gauge, "Reviews by state: live, waiting, held, leaving, draft, scheduled, broken"),
    ("reviewd_publish_last_timestamp_seconds", Kind::Gauge, "When followers were last told of a review; 0 if never"),
    (
        "reviewd_alarm",
        Kind::Gauge,
        "1 while a published review has reached nobody for an hour, or nothing can be written",
    ),
    ("reviewd_build_info", Kind::Gauge, "Always 1; the version is a label"),
    ("process_start_time_seconds", Kind::Gauge, "When the process started"),
    ("process_cpu_seconds_total", Kind::Counter, "Processor time used"),
    ("process_resident_memory_bytes", Kind::Gauge, "Memory in use"),
    ("process_open_fds", Kind::Gauge, "Open files"),
    ("process_max_fds", Kind::Gauge, "Files that may be open"),
];

/// What a metric is to Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// What is read once for each time somebody looks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Glance {
    pub deliveries_due: i64,
    pub deliveries_held: i64,
    pub delivery_oldest_seconds: f64,
    pub hosts_dead: i64,
    pub followers: i64,
    pub followers_waiting: i64,
    pub replies_waiting: u64,
    /// By state.
    pub reviews: Vec<(&'static str, usize)>,
    pub publish_last_seconds: i64,
    pub alarm: bool,
}

/// Starts counting, once for the process.
pub fn start() -> &'static PrometheusHandle {
    RECORDER.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        let with_buckets = builder.set_buckets_for_metric(Matcher::Full(DELIVERY_DURATION.to_owned()), &DURATIONS);
        // The bounds are there, which is all it asks for.
        let recorder = with_buckets.unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("somebody else counts in this process already; these figures stay empty");
        }
        for (name, kind, help) in ALL {
            match kind {
                Kind::Counter => metrics::describe_counter!(*name, *help),
                Kind::Gauge => metrics::describe_gauge!(*name, *help),
                Kind::Histogram => metrics::describe_histogram!(*name, *help),
            }
        }
        // A counter that appears with its first event hides it: nothing rose, for Prometheus.
        for outcome in ["delivered", "refused", "failed"] {
            metrics::counter!(DELIVERIES, "outcome" => outcome).increment(0);
        }
        handle
    })
}

/// Empties what attempts left for the histogram; to be called now and then where nobody looks.
pub fn keep_small() {
    if let Some(handle) = RECORDER.get() {
        handle.run_upkeep();
    }
}

fn is_on() -> bool {
    RECORDER.get().is_some()
}

/// One attempt to deliver; `outcome` is one of few words.
pub fn delivery(outcome: &'static str, took: Duration) {
    if is_on() {
        metrics::counter!(DELIVERIES, "outcome" => outcome).increment(1);
        metrics::histogram!(DELIVERY_DURATION).record(took.as_secs_f64());
    }
}

/// One activity that came in. The body is looked into only where somebody counts.
pub fn activity(body: &[u8], outcome: &'static str) {
    if is_on() {
        metrics::counter!(ACTIVITIES, "type" => type_of(body), "outcome" => outcome).increment(1);
    }
}

/// One request answered; `kind` is one of few words.
pub fn request(kind: &'static str, status: u16) {
    if is_on() {
        metrics::counter!(REQUESTS, "kind" => kind, "status" => status_word(status)).increment(1);
    }
}

/// The text that Prometheus reads, with the figures of this moment.
pub fn render(handle: &PrometheusHandle, glance: &Glance) -> String {
    let set = |name: &'static str, value: f64| metrics::gauge!(name).set(value);
    set("reviewd_deliveries_due", glance.deliveries_due as f64);
    set("reviewd_deliveries_held", glance.deliveries_held as f64);
    set("reviewd_delivery_oldest_seconds", glance.delivery_oldest_seconds);
    set("reviewd_hosts_dead", glance.hosts_dead as f64);
    set("reviewd_followers", glance.followers as f64);
    set("reviewd_followers_waiting", glance.followers_waiting as f64);
    set("reviewd_replies_waiting", glance.replies_waiting as f64);
    set("reviewd_publish_last_timestamp_seconds", glance.publish_last_seconds as f64);
    set("reviewd_alarm", if glance.alarm { 1.0 } else { 0.0 });
    for (state, count) in &glance.reviews {
        metrics::gauge!("reviewd_reviews", "state" => *state).set(*count as f64);
    }
    metrics::gauge!("reviewd_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    process();
    handle.render()
}

/// The type of an activity, as one of the words that mean something here.
fn type_of(body: &[u8]) -> &'static str {
    #[derive(serde::Deserialize)]
    struct Typed {
        #[serde(rename = "type")]
        kind: serde_json::Value,
    }
    const KNOWN: &[&str] = &[
        "Accept",
        "Add",
        "Announce",
        "Block",
        "Create",
        "Delete",
        "EmojiReact",
        "Flag",
        "Follow",
        "Like",
        "Move",
        "QuoteRequest",
        "Reject",
        "Remove",
        "Undo",
        "Update",
    ];
    let typed = serde_json::from_slice::<Typed>(body).ok();
    let kind = typed.as_ref().and_then(|typed| typed.kind.as_str());
    KNOWN.iter().find(|known| Some(**known) == kind).copied().unwrap_or("other")
}

/// A status as a label: those that are answered often by their number, the rest by their class.
fn status_word(status: u16) -> &'static str {
    if let Some(often) = frequent_status(status) {
        return often;
    }
    match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

fn frequent_status(status: u16) -> Option<&'static str> {
    Some(match status {
        200 => "200",
        202 => "202",
        206 => "206",
        301 => "301",
        302 => "302",
        304 => "304",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        406 => "406",
        410 => "410",
        413 => "413",
        421 => "421",
        429 => "429",
        500 => "500",
        503 => "503",
        _ => return None,
    })
}

/// What every exporter tells of its process, from /proc (proc(5)); where there is none, nothing.
fn process() {
    const TICKS_PER_SECOND: f64 = 100.0;
    const PAGE_BYTES: f64 = 4096.0;
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let stat = read("/proc/self/stat");
    // The name in brackets may hold blanks: fields are counted after it, from the third.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<f64>().ok());
    if let (Some(user), Some(system)) = (field(14), field(15)) {
        metrics::counter!("process_cpu_seconds_total").absolute(((user + system) / TICKS_PER_SECOND) as u64);
    }
    let booted = read("/proc/stat").lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<f64>().ok());
    if let (Some(booted), Some(started)) = (booted, field(22)) {
        metrics::gauge!("process_start_time_seconds").set(booted + started / TICKS_PER_SECOND);
    }
    if let Some(pages) = field(24) {
        metrics::gauge!("process_resident_memory_bytes").set(pages * PAGE_BYTES);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        metrics::gauge!("process_open_fds").set(open.count() as f64);
    }
    let limits = read("/proc/self/limits");
    let most =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok());
    if let Some(most) = most {
        metrics::gauge!("process_max_fds").set::<f64>(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_few_values_whatever_comes() {
        for (body, expected) in [
            (&br#"{"type":"Follow"}"#[..], "Follow"),
            (br#"{"type":"Create","object":{"type":"Note"}}"#, "Create"),
            (br#"{"type":"x7d2"}"#, "other"),
            (br#"{"type":["Follow"]}"#, "other"),
            (b"nonsense", "other"),
        ] {
            assert_eq!(type_of(body), expected);
        }
        for (status, expected) in [(200, "200"), (204, "2xx"), (418, "4xx"), (599, "5xx"), (503, "503"), (999, "5xx")] {
            assert_eq!(status_word(status), expected);
        }
    }

    #[test]
    fn names_follow_the_conventions() {
        for (name, kind, help) in ALL {
            assert!(name.starts_with("reviewd_") || name.starts_with("process_"), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(!help.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        }
    }
}
