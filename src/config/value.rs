//! What one setting may hold: texts, numbers, durations, addresses, paths, each read into its type once.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use url::Url;

use crate::domain::{Network, network::NoNetwork};

/// A value as written, before its key says what it should be.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    /// From the environment or the command line, where everything is text: may be read as any kind.
    Loose(String),
    Whole(i64),
    Number(f64),
    Bool(bool),
    List(Vec<Value>),
    Table(Vec<(String, Value)>),
    Date,
}

/// Why a value was refused; the key's own line says what it should look like.
pub type Refusal = String;

impl Value {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Loose(_) => "a text",
            Self::Whole(_) => "a whole number",
            Self::Number(_) => "a number",
            Self::Bool(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Date => "a date",
        }
    }

    fn not(&self, expected: &str) -> Refusal {
        format!("expected {expected}, found {}", self.kind())
    }
}

pub fn text(value: &Value) -> Result<String, Refusal> {
    match value {
        Value::Text(text) | Value::Loose(text) if text.contains('\0') => Err("the text holds a NUL character".into()),
        Value::Text(text) | Value::Loose(text) => Ok(text.clone()),
        other => Err(other.not("a text in quotes")),
    }
}

/// A text with something in it.
pub fn words(value: &Value) -> Result<String, Refusal> {
    let text = text(value)?;
    if text.trim().is_empty() { Err("the text is empty".into()) } else { Ok(text) }
}

pub fn yes_or_no(value: &Value) -> Result<bool, Refusal> {
    match value {
        Value::Bool(bool) => Ok(*bool),
        Value::Loose(text) if text == "true" => Ok(true),
        Value::Loose(text) if text == "false" => Ok(false),
        other => Err(other.not("true or false")),
    }
}

/// A whole number from `least` up.
pub fn count(least: u32) -> impl Fn(&Value) -> Result<u32, Refusal> {
    move |value| {
        let number = match value {
            Value::Whole(number) => Some(*number),
            Value::Loose(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| value.not("a whole number"))?;
        u32::try_from(number)
            .ok()
            .filter(|number| *number >= least)
            .ok_or_else(|| format!("{number} lies outside {least} to {}", u32::MAX))
    }
}

/// The best value of a rating scale.
pub fn scale(value: &Value) -> Result<f64, Refusal> {
    let number = match value {
        Value::Whole(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        Value::Loose(text) => text.trim().parse().ok(),
        _ => None,
    };
    let number = number.ok_or_else(|| value.not("a number"))?;
    if number.is_finite() && (1.0..=1000.0).contains(&number) {
        Ok(number)
    } else {
        Err(format!("{number} lies outside 1 to 1000"))
    }
}

/// `"30s"`, `"10m"`, `"1h30m"`, `"7d"`, `"2w"`, `"500ms"`.
pub fn duration(value: &Value) -> Result<Duration, Refusal> {
    let text = match value {
        Value::Whole(_) | Value::Number(_) => return Err("the number has no unit".into()),
        other => text(other)?,
    };
    parse_duration(&text).ok_or_else(|| format!("`{text}` is no duration"))
}

/// A duration, or `"never"`.
pub fn duration_or_never(value: &Value) -> Result<Option<Duration>, Refusal> {
    match value {
        Value::Text(text) | Value::Loose(text) if text == "never" => Ok(None),
        other => duration(other).map(Some),
    }
}

pub fn socket(value: &Value) -> Result<SocketAddr, Refusal> {
    let text = text(value)?;
    text.parse().map_err(|_| format!("`{text}` is no address with a port"))
}

/// One value or a list of them; the environment separates by commas.
pub fn list<T>(one: impl Fn(&Value) -> Result<T, Refusal>) -> impl Fn(&Value) -> Result<Vec<T>, Refusal> {
    move |value| match value {
        Value::List(values) => values.iter().map(&one).collect(),
        Value::Loose(text) => text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| one(&Value::Loose(part.to_owned())))
            .collect(),
        single => Ok(vec![one(single)?]),
    }
}

pub fn network(value: &Value) -> Result<Network, Refusal> {
    text(value)?.parse().map_err(|error: NoNetwork| error.to_string())
}

/// An `http` or `https` address.
pub fn web_address(value: &Value) -> Result<String, Refusal> {
    let text = text(value)?;
    match url::Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => Ok(text),
        _ => Err(format!("`{text}` is no web address")),
    }
}

/// A path, relative to `base` where it does not begin with `/`.
pub fn path(value: &Value, base: &Path) -> Result<PathBuf, Refusal> {
    Ok(tidy(&base.join(words(value)?)))
}

/// Where the database is.
#[derive(Debug, PartialEq, Eq)]
pub enum Database {
    File(PathBuf),
    /// The address of a PostgreSQL database, without a password.
    Server(String),
}

/// `sqlite://data/reviewd.db` (relative to `base`), `sqlite:///var/lib/reviewd/reviewd.db`, or
/// `postgres://user@host/database`.
pub fn database(value: &Value, base: &Path) -> Result<Database, Refusal> {
    let text = text(value)?;
    if text.starts_with("postgres:") || text.starts_with("postgresql:") {
        return server(&text).map(Database::Server);
    }
    let rest = text.strip_prefix("sqlite:");
    let rest = rest.ok_or_else(|| format!("`{text}` begins neither with `sqlite://` nor with `postgres://`"))?;
    let file = rest.strip_prefix("//").unwrap_or(rest);
    if file.is_empty() || file.ends_with('/') || file.starts_with(':') || file.contains('?') {
        return Err(format!("`{text}` names no file"));
    }
    Ok(Database::File(tidy(&base.join(file))))
}

/// What is wrong with it is said without repeating it: there may be a password in it.
fn server(text: &str) -> Result<String, Refusal> {
    if !cfg!(feature = "postgres") {
        return Err(
            "this reviewd was built without PostgreSQL: build it with `--features postgres`, as the packages are"
                .into(),
        );
    }
    let url = Url::parse(text).map_err(|error| format!("this is no address of a database ({error})"))?;
    if url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password") {
        return Err("a password has no place in settings: write it into a file that only reviewd may read, name that \
                    file by password_file, and take it out here"
            .into());
    }
    if url.path().trim_matches('/').is_empty() && !url.query_pairs().any(|(key, _)| key == "dbname") {
        return Err(format!("`{text}` names no database (write postgres://user@host/database)"));
    }
    Ok(text.to_owned())
}

/// Without `.` and `..`, decided on the text alone: the path need not exist yet.
pub fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if tidy.file_name().is_some() => {
                tidy.pop();
            }
            other => tidy.push(other),
        }
    }
    tidy
}

fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut sum = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
        let part = match &rest[..unit] {
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" | "min" => Duration::from_secs(number.checked_mul(60)?),
            "h" => Duration::from_secs(number.checked_mul(3600)?),
            "d" => Duration::from_secs(number.checked_mul(86_400)?),
            "w" => Duration::from_secs(number.checked_mul(604_800)?),
            _ => return None,
        };
        sum = sum.checked_add(part)?;
        rest = rest[unit..].trim_start();
    }
    (sum <= DURATION_MAX).then_some(sum)
}

/// Longer than anything here makes sense for, and short enough that no sum of it with a date overflows: ten years.
const DURATION_MAX: Duration = Duration::from_secs(3650 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit() {
        for (text, seconds) in [
            ("1s", 1),
            ("10m", 600),
            ("7d", 604_800),
            ("1h30m", 5400),
            ("1h 30min", 5400),
            ("2w", 1_209_600),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        for bad in
            ["", "10", "m", "-1s", "1.5h", "1 fortnight", "99999999999999999999d", "18446744073709551615w", "9999d"]
        {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
        assert_eq!(duration(&Value::Whole(30)).unwrap_err(), "the number has no unit");
    }

    #[test]
    fn a_database_address_is_a_file_relative_to_its_settings() {
        let read = |text: &str| database(&Value::Text(text.into()), Path::new("/etc/reviewd"));
        let file = |path: &str| Database::File(path.into());
        assert_eq!(read("sqlite://data/reviewd.db").unwrap(), file("/etc/reviewd/data/reviewd.db"));
        assert_eq!(read("sqlite:///var/lib/r.db").unwrap(), file("/var/lib/r.db"));
        assert_eq!(read("sqlite:../r.db").unwrap(), file("/etc/r.db"));
        for bad in ["data/reviewd.db", "sqlite://", "sqlite::memory:", "sqlite://data/", "mysql://u@h/d"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
