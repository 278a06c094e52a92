//! Spans as OpenTelemetry collectors take them: OTLP over HTTP, in JSON (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>).
//!
//! Written here: the crates of OpenTelemetry bring a second HTTP client and protobuf, minutes of building for a document of
//! a page. Nothing waits for a collector; when it does not keep up, spans are dropped.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

/// Finished spans that wait to be sent; a burst of deliveries is some thousand.
const WAITING_MAX: usize = 4_096;
/// Spans in one request.
pub const BATCH_MAX: usize = 512;
/// Log lines kept with a span.
const NOTES_MAX: usize = 32;
/// Where a collector takes traces, below its address.
pub const PATH: &str = "/v1/traces";

type Now = Box<dyn Fn() -> Timestamp + Send + Sync>;
type Chance = Box<dyn Fn() -> u128 + Send + Sync>;

/// Collects what ended.
pub struct Spans {
    queue: mpsc::Sender<Finished>,
    now: Now,
    chance: Chance,
}

/// A span that ended.
#[derive(Debug, Clone)]
pub struct Finished {
    open: Open,
    name: &'static str,
    ended: Timestamp,
}

#[derive(Debug, Clone)]
struct Open {
    trace: u128,
    id: u64,
    parent: Option<u64>,
    began: Timestamp,
    fields: Fields,
    notes: Vec<Note>,
    failed: bool,
}

#[derive(Debug, Clone)]
struct Note {
    at: Timestamp,
    level: &'static str,
    fields: Fields,
}

#[derive(Debug, Clone, Default)]
struct Fields(Vec<(&'static str, String)>);

impl Spans {
    /// With the other end of the queue, for whoever sends.
    pub fn new(
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        chance: impl Fn() -> u128 + Send + Sync + 'static,
    ) -> (Self, mpsc::Receiver<Finished>) {
        let (queue, finished) = mpsc::channel(WAITING_MAX);
        (Self { queue, now: Box::new(now), chance: Box::new(chance) }, finished)
    }
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let above =
            span.parent().and_then(|parent| parent.extensions().get::<Open>().map(|open| (open.trace, open.id)));
        // Zero is no id (W3C Trace Context).
        let own = (self.chance)().max(1);
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(Open {
            trace: above.map_or(own, |(trace, _)| trace),
            id: ((own >> 64) as u64 ^ own as u64).max(1),
            parent: above.map(|(_, parent)| parent),
            began: (self.now)(),
            fields,
            notes: Vec::new(),
            failed: false,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(open) = span.extensions_mut().get_mut::<Open>()
        {
            values.record(&mut open.fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(span) = context.event_span(event) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>() {
            open.failed |= *event.metadata().level() == Level::ERROR;
            if open.notes.len() < NOTES_MAX {
                let mut fields = Fields::default();
                event.record(&mut fields);
                open.notes.push(Note { at: (self.now)(), level: event.metadata().level().as_str(), fields });
            }
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(open) = span.extensions_mut().remove::<Open>() else { return };
        // A full queue: the collector is slower than the program, which goes on.
        let _ = self.queue.try_send(Finished { open, name: span.name(), ended: (self.now)() });
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }
}

/// The request that tells a collector of these spans, as JSON; `site` is the address of the site they are from.
pub fn document(spans: &[Finished], site: &str) -> String {
    let of = |name: &str, value: &str| json!({ "key": name, "value": { "stringValue": value } });
    let resource = [
        of("service.name", "reviewd"),
        of("service.version", env!("CARGO_PKG_VERSION")),
        of("service.instance.id", site),
    ];
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": { "name": "reviewd" }, "spans": spans.iter().map(span).collect::<Vec<_>>() }],
    }] })
    .to_string()
}

fn span(finished: &Finished) -> Value {
    /// `SPAN_KIND_INTERNAL`
    const INTERNAL: u8 = 1;
    /// `STATUS_CODE_ERROR`
    const ERROR: u8 = 2;
    let Finished { open, name, ended } = finished;
    let note = |note: &Note| {
        let words = note.fields.0.iter().find(|(name, _)| *name == "message").map_or("", |(_, words)| words);
        let mut attributes = attributes(&note.fields, "message");
        attributes.push(json!({ "key": "level", "value": { "stringValue": note.level } }));
        json!({ "timeUnixNano": nanoseconds(note.at), "name": words, "attributes": attributes })
    };
    let mut span = json!({
        "traceId": format!("{:032x}", open.trace),
        "spanId": format!("{:016x}", open.id),
        "name": name,
        "kind": INTERNAL,
        "startTimeUnixNano": nanoseconds(open.began),
        "endTimeUnixNano": nanoseconds(*ended),
        "attributes": attributes(&open.fields, ""),
        "events": open.notes.iter().map(note).collect::<Vec<_>>(),
    });
    if let Some(parent) = open.parent {
        span["parentSpanId"] = format!("{parent:016x}").into();
    }
    if open.failed {
        span["status"] = json!({ "code": ERROR });
    }
    span
}

fn attributes(fields: &Fields, but: &str) -> Vec<Value> {
    let fields = fields.0.iter().filter(|(name, _)| *name != but);
    fields.map(|(name, value)| json!({ "key": name, "value": { "stringValue": value } })).collect()
}

/// As text: JSON's numbers do not hold 64 bits (<https://protobuf.dev/programming-guides/json/>).
fn nanoseconds(at: Timestamp) -> String {
    at.as_nanosecond().to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use tracing_subscriber::{Registry, layer::SubscriberExt};

    use super::*;

    #[test]
    fn spans_are_told_with_their_parents_fields_and_what_was_logged_in_them() {
        let ticks = AtomicU64::new(0);
        let now = move || Timestamp::from_second(1_800_000_000 + ticks.fetch_add(1, Ordering::Relaxed) as i64).unwrap();
        let drawn = AtomicU64::new(6);
        let (spans, mut finished) = Spans::new(now, move || u128::from(drawn.fetch_add(1, Ordering::Relaxed)));
        tracing::subscriber::with_default(Registry::default().with(spans), || {
            let outer = tracing::info_span!("reconcile", reviewer = "ana", found = tracing::field::Empty);
            let _inside = outer.enter();
            outer.record("found", 3);
            tracing::info_span!("read").in_scope(|| tracing::error!(file = "dune.md", "it cannot be read"));
        });
        let all = [finished.try_recv().unwrap(), finished.try_recv().unwrap()];
        let told: Value = serde_json::from_str(&document(&all, "https://books.example")).unwrap();
        let resource = &told["resourceSpans"][0]["resource"]["attributes"];
        assert_eq!(resource[0], json!({ "key": "service.name", "value": { "stringValue": "reviewd" } }));
        let spans = &told["resourceSpans"][0]["scopeSpans"][0]["spans"];
        let trace = "00000000000000000000000000000006";
        assert_eq!(
            spans[0],
            json!({
                "traceId": trace, "spanId": "0000000000000007", "name": "read", "kind": 1,
                "startTimeUnixNano": "1800000001000000000", "endTimeUnixNano": "1800000003000000000",
                "attributes": [],
                "events": [{ "timeUnixNano": "1800000002000000000", "name": "it cannot be read", "attributes": [
                    { "key": "file", "value": { "stringValue": "dune.md" } },
                    { "key": "level", "value": { "stringValue": "ERROR" } },
                ] }],
                "parentSpanId": "0000000000000006", "status": { "code": 2 },
            })
        );
        assert_eq!((&spans[1]["traceId"], &spans[1]["spanId"]), (&json!(trace), &json!("0000000000000006")));
        assert_eq!(spans[1]["attributes"][1], json!({ "key": "found", "value": { "stringValue": "3" } }));
        assert_eq!(spans[1].get("parentSpanId"), None);
    }

    #[test]
    fn a_collector_that_does_not_keep_up_costs_spans_and_no_memory() {
        let (spans, mut finished) = Spans::new(|| Timestamp::UNIX_EPOCH, || 1);
        tracing::subscriber::with_default(Registry::default().with(spans), || {
            (0..WAITING_MAX + 10).for_each(|_| drop(tracing::info_span!("one")));
        });
        let kept = std::iter::from_fn(|| finished.try_recv().ok()).count();
        assert_eq!(kept, WAITING_MAX);
    }
}
