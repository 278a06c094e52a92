//! What Prometheus reads: the names, and a dashboard that asks for nothing else.

use std::{collections::BTreeSet, fs};

use reviewd::telemetry::figures::{self, Kind};
use serde_json::{Value, json};

use crate::{
    peers::read_telemetry,
    world::{Setup, World, fetch, review},
};

/// Every expression of the dashboard's panels and variables.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("expr").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| expressions(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

fn dashboard() -> Value {
    serde_json::from_str(&fs::read_to_string("deploy/grafana-dashboard.json").unwrap()).unwrap()
}

#[test]
fn the_dashboard_asks_for_what_there_is() {
    let mut found = Vec::new();
    expressions(&dashboard(), &mut found);
    assert!(found.len() >= 10, "{found:?}");
    let names: BTreeSet<&str> = figures::ALL.iter().map(|(name, _, _)| *name).collect();
    for expression in &found {
        let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let asked: Vec<&str> =
            words.filter(|word| word.starts_with("reviewd_") || word.starts_with("process_")).collect();
        assert!(!asked.is_empty(), "{expression}");
        for name in asked {
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            assert!(names.contains(name) || names.contains(base), "{name} of `{expression}`");
        }
    }
}

#[test]
fn panels_have_ids_of_their_own_and_lie_beside_one_another() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<i64> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let mut cells = BTreeSet::new();
    for panel in panels {
        let at = |name: &str| panel["gridPos"][name].as_i64().unwrap();
        assert!(at("x") + at("w") <= 24, "{panel:#}");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(cells.insert((x, y)), "two panels at {x},{y}: {panel:#}");
            }
        }
    }
}

#[tokio::test]
async fn metrics_have_an_address_of_their_own() {
    let settings = "[metrics]\nlisten = \"127.0.0.1:0\"\n";
    let world = World::open(Setup { settings, ..Setup::default() }).await;
    world.follow("bob").await;
    world.save("dune.md", review("Dune", "Sand."));
    world.settle().await;
    assert_eq!(world.status("/metrics").await, 404, "not on the address of the site");
    let address = world.running().metrics.unwrap();
    let text = fetch(&format!("http://{address}/metrics")).await.text().to_owned();
    for line in [
        "# TYPE reviewd_http_requests_total counter",
        "reviewd_http_requests_total{kind=\"page\",status=\"404\"}",
        "reviewd_reviews{state=\"live\"} 1",
        "reviewd_followers 1",
        "reviewd_deliveries_due 1",
        "reviewd_alarm 0",
        "process_resident_memory_bytes ",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let last = text.lines().find_map(|line| line.strip_prefix("reviewd_publish_last_timestamp_seconds ")).unwrap();
    assert!((last.parse::<f64>().unwrap() - world.now().as_second() as f64).abs() < 60.0);
    // Whatever is shown is in the list, which is what the dashboard is held to.
    let names: BTreeSet<&str> = figures::ALL.iter().map(|(name, _, _)| *name).collect();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line.split(['{', ' ']).next().unwrap();
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        assert!(names.contains(name) || names.contains(base), "{line}");
    }
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("metrics");
    fs::write(&file, &text).unwrap();
    let Some(read) = read_telemetry("metrics", &file).await else { return };
    for (name, kind, help) in figures::ALL {
        // A counter's family has no `_total` to the reader.
        let family = &read[name.strip_suffix("_total").unwrap_or(name)];
        let expected = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // What never happened yet has no figure, except where a first time must be seen as one; nor has a certificate that the
        // site does not have.
        let always = *kind == Kind::Gauge && !name.contains("certificate");
        if !family.is_null() || always {
            assert_eq!((&family["type"], &family["help"]), (&json!(expected), &json!(help)), "{name}: {read:#}");
        }
    }
    assert_eq!(read["reviewd_deliveries"]["samples"], 3, "each outcome, before it ever happened");
}
