//! Logs: lines for a person at a terminal, fields for the journal. No secrets and no bodies, whatever the level.

pub mod figures;
pub mod otlp;

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, IsTerminal},
    os::unix::fs::MetadataExt,
    path::Path,
};

use jiff::Timestamp;
use tracing::{Level, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::Targets,
    fmt::{MakeWriter, format::Writer, time::FormatTime},
    layer::SubscriberExt,
    registry::LookupSpan,
};

use otlp::Spans;

/// Libraries that tell more than their user wants to know; the settings' filter can turn each up again.
const QUIET: &str =
    "activitypub_federation=warn,sqlx=warn,hyper=info,h2=info,rustls=info,html5ever=error,selectors=error,notify=info";

/// Where systemd shows which stream of ours is the journal's: `device:inode` (systemd.exec(5)).
const JOURNAL_STREAM: &str = "JOURNAL_STREAM";

/// The name of our fields in the journal begins with this: `REVIEWD_REVIEW=dune`.
const FIELD_PREFIX: &str = "REVIEWD";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{filter}` is no log filter (write a level such as info, or info,reviewd::delivery=debug): {source}")]
    Filter { filter: String, source: tracing_subscriber::filter::ParseError },
    #[error("logging was started twice")]
    Twice(#[source] tracing::subscriber::SetGlobalDefaultError),
}

/// Starts logging for the whole process: to the journal where standard error is one, else to standard error; and the
/// collecting of spans, where somebody wants them.
///
/// # Errors
/// When the filter cannot be read, or logging has been started before.
pub fn start(
    filter: &str,
    environment: &BTreeMap<String, String>,
    now: impl Fn() -> Timestamp + Send + Sync + 'static,
    spans: Option<Spans>,
) -> Result<(), Error> {
    let filter = parse_filter(filter)?;
    let ours = Targets::new().with_target("reviewd", Level::DEBUG);
    let journal = is_journal(environment.get(JOURNAL_STREAM).map(String::as_str), Path::new("/proc/self/fd/2"));
    let subscriber: Box<dyn Subscriber + Send + Sync> = match journal.then(tracing_journald::layer) {
        Some(Ok(layer)) => {
            let layer =
                layer.with_syslog_identifier("reviewd".to_owned()).with_field_prefix(Some(FIELD_PREFIX.to_owned()));
            Box::new(
                Registry::default().with(layer.with_filter(filter)).with(spans.map(|spans| spans.with_filter(ours))),
            )
        }
        Some(Err(_)) | None => {
            let colours = io::stderr().is_terminal() && !environment.contains_key("NO_COLOR");
            Box::new(for_people(filter, colours, now, io::stderr).with(spans.map(|spans| spans.with_filter(ours))))
        }
    };
    tracing::subscriber::set_global_default(subscriber).map_err(Error::Twice)
}

/// Whether `stream` is the one that systemd connected to the journal.
fn is_journal(journal_stream: Option<&str>, stream: &Path) -> bool {
    let Some((device, inode)) = journal_stream.and_then(|id| id.split_once(':')) else { return false };
    std::fs::metadata(stream).is_ok_and(|found| found.dev().to_string() == device && found.ino().to_string() == inode)
}

fn parse_filter(filter: &str) -> Result<EnvFilter, Error> {
    let refuse = |source| Error::Filter { filter: filter.to_owned(), source };
    EnvFilter::builder().parse(filter).map_err(refuse)?;
    EnvFilter::builder().parse(format!("{QUIET},{filter}")).map_err(refuse)
}

/// `13:24:45  INFO reviewd::publish: published dune review="dune"`
fn for_people(
    filter: EnvFilter,
    colours: bool,
    now: impl Fn() -> Timestamp + Send + Sync + 'static,
    writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static,
) -> impl Subscriber + for<'span> LookupSpan<'span> + Send + Sync {
    let lines = tracing_subscriber::fmt::layer()
        .compact()
        .with_ansi(colours)
        .with_timer(TimeOfDay(now))
        .with_writer(writer)
        .with_filter(filter);
    Registry::default().with(lines)
}

/// Hours, minutes and seconds in UTC: a person at a terminal knows the day.
struct TimeOfDay<F>(F);

impl<F: Fn() -> Timestamp> FormatTime for TimeOfDay<F> {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}Z", (self.0)().strftime("%H:%M:%S"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What a person reads of some log lines.
    fn read(filter: &str, log: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let now = || "2026-11-22T13:24:45Z".parse().unwrap();
        let subscriber = for_people(parse_filter(filter).unwrap(), false, now, move || writer.clone());
        tracing::subscriber::with_default(subscriber, log);
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_reads_alone() {
        let line = read("info", || tracing::info!(review = "dune", "published dune"));
        assert_eq!(line, "13:24:45Z  INFO reviewd::telemetry::tests: published dune review=\"dune\"\n");
    }

    #[test]
    fn libraries_are_quiet_until_they_are_asked() {
        let log = || tracing::info!(target: "sqlx::query", "SELECT 1");
        assert_eq!(read("info", log), "");
        assert!(read("info,sqlx=info", log).contains("SELECT 1"));
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused_with_an_example() {
        let error = parse_filter("reviewd=loud").unwrap_err().to_string();
        assert!(error.starts_with("`reviewd=loud` is no log filter (write a level such as info"), "{error}");
    }

    #[test]
    fn the_journal_is_known_by_its_stream_and_not_by_a_variable_alone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let found = file.as_file().metadata().unwrap();
        let id = format!("{}:{}", found.dev(), found.ino());
        assert!(is_journal(Some(&id), file.path()));
        for other in [None, Some("1:2"), Some("nonsense")] {
            assert!(!is_journal(other, file.path()));
        }
    }
}
