//! TOML headers between `+++`.

use toml::de::{DeTable, DeValue};

use super::{Entry, Place, Rejected, Scalar, Value};

/// Longest value that a cure writes out.
const SHOWN_BYTES_MAX: usize = 300;

/// Reads a block of TOML whose first line is line `first_line` of the file.
pub fn read(block: &str, first_line: usize) -> Result<Vec<Entry>, Rejected> {
    let table = DeTable::parse(block).map_err(|error| rejected(block, first_line, &error))?;
    let mut entries = table_entries(table.get_ref(), &|byte| Place::of_byte(block, byte, first_line));
    entries.sort_by_key(|entry| entry.place);
    Ok(entries)
}

fn table_entries(table: &DeTable<'_>, place: &dyn Fn(usize) -> Place) -> Vec<Entry> {
    table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            place: place(key.span().start),
            value: convert(value.get_ref(), value.span().start, place),
        })
        .collect()
}

fn convert(value: &DeValue<'_>, byte: usize, place: &dyn Fn(usize) -> Place) -> Value {
    let plain = |text: String| Value::plain(text, place(byte));
    match value {
        DeValue::String(text) => Value::Scalar(Scalar { text: text.to_string(), quoted: true, place: place(byte) }),
        DeValue::Integer(number) => plain(number.as_str().to_owned()),
        DeValue::Float(number) => plain(number.as_str().to_owned()),
        DeValue::Boolean(flag) => plain(flag.to_string()),
        DeValue::Datetime(moment) => plain(moment.to_string()),
        DeValue::Array(items) => {
            Value::List(items.iter().map(|item| convert(item.get_ref(), item.span().start, place)).collect())
        }
        DeValue::Table(table) => Value::Map(table_entries(table, place)),
    }
}

fn rejected(block: &str, first_line: usize, error: &toml::de::Error) -> Rejected {
    let byte = error.span().map_or(0, |span| span.start);
    let place = Place::of_byte(block, byte, first_line);
    let line = block.lines().nth(place.line as usize - first_line).unwrap_or("");
    let message = error.message().lines().next().unwrap_or("it cannot be read");
    Rejected::new(place, format!("the metadata is no valid TOML here: {message}"), cure(line, place.line, message))
}

/// What to type on the line in question.
fn cure(line: &str, number: u32, message: &str) -> String {
    if message.contains("duplicate") {
        return format!("delete line {number} or the earlier line with the same key");
    }
    let pair = line.split_once('=').or_else(|| line.split_once(':'));
    match pair {
        Some((key, value)) if !key.trim().is_empty() && !value.trim().is_empty() && value.len() < SHOWN_BYTES_MAX => {
            let inner = value.trim().trim_matches(|c: char| "\"'“”„‘’".contains(c));
            format!(
                "write line {number} as `{} = \"{}\"`",
                key.trim(),
                inner.replace('\\', "\\\\").replace('"', "\\\"")
            )
        }
        _ => format!("write line {number} as `key = \"value\"`, with the text in straight double quotes"),
    }
}
