//! JSON headers: an object at the head of the file, or between fences.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::{Entry, HEADER_BYTES_MAX, Place, Rejected, Scalar, Split, Value};

/// Reads an object that begins on the first line and goes on to its closing brace.
pub fn split(text: &str, first_line: usize) -> Result<Split<'_>, Rejected> {
    let end = text.char_indices().nth(HEADER_BYTES_MAX).map_or(text.len(), |(byte, _)| byte);
    let head = with_whole_characters(&text[..end]);
    let mut stream = serde_json::Deserializer::from_str(&head).into_iter::<Json>();
    match stream.next() {
        Some(Ok(Json::Object(object))) => {
            let read = stream.byte_offset();
            let body = &text[read..];
            let body_line = first_line + text[..read].matches('\n').count();
            let entries = entries(&object, Place::new(first_line, 1));
            let body_line = u32::try_from(body_line).unwrap_or(u32::MAX);
            Ok(Split { entries: Some(entries), fenced: true, body, body_line })
        }
        Some(Err(error)) if text.trim_start().starts_with("{\"") || text.contains("\":") => {
            Err(rejected(&error, first_line))
        }
        _ => Ok(Split { entries: None, fenced: false, body: text, body_line: u32::try_from(first_line).unwrap_or(1) }),
    }
}

/// Reads an object between fences.
pub fn read_fenced(block: &str, first_line: usize) -> Result<Vec<Entry>, Rejected> {
    match serde_json::from_str::<Json>(&with_whole_characters(block)) {
        Ok(Json::Object(object)) => Ok(entries(&object, Place::new(first_line, 1))),
        Ok(_) => Err(Rejected::new(
            Place::new(first_line, 1),
            "the metadata is no JSON object",
            "write it as `{\"title\": \"…\", \"author\": \"…\"}`",
        )),
        Err(error) => Err(rejected(&error, first_line)),
    }
}

/// The text with U+FFFD for every escape that is half a character. JSON allows them and leaves open what they mean (RFC 8259
/// section 8.2); programs that cut texts by UTF-16 units write them. No byte moves, so places and lines stay.
fn with_whole_characters(text: &str) -> Cow<'_, str> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut whole = Cow::Borrowed(text);
    let mut at = 0;
    while let Some(found) = text[at..].find('\\') {
        at += found;
        match (unit(at), unit(at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => at += 12,
            (Some(0xD800..=0xDFFF), _) => {
                whole.to_mut().replace_range(at..at + 6, "\\uFFFD");
                at += 6;
            }
            // The character after it is escaped, and may be a backslash.
            _ => at += 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
        }
    }
    whole
}

fn rejected(error: &serde_json::Error, first_line: usize) -> Rejected {
    let place = Place::new(first_line + error.line().saturating_sub(1), error.column());
    Rejected::new(
        place,
        format!("the metadata is no valid JSON here: {error}"),
        format!(
            "mend line {}: keys and texts stand in straight double quotes, a comma between two entries",
            place.line
        ),
    )
}

fn entries(object: &serde_json::Map<String, Json>, place: Place) -> Vec<Entry> {
    object.iter().map(|(key, value)| Entry { key: key.clone(), place, value: convert(value, place) }).collect()
}

fn convert(value: &Json, place: Place) -> Value {
    match value {
        Json::Null => Value::plain("", place),
        Json::Bool(flag) => Value::plain(flag.to_string(), place),
        Json::Number(number) => Value::plain(number.to_string(), place),
        Json::String(text) => Value::Scalar(Scalar { text: text.clone(), quoted: true, place }),
        Json::Array(items) => Value::List(items.iter().map(|item| convert(item, place)).collect()),
        Json::Object(object) => Value::Map(entries(object, place)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_character_is_an_unknown_one_and_a_whole_one_stays() {
        for (written, read) in [
            (r"a \ud83d b", "a \u{fffd} b"),
            (r"\uDE00\ud83d\uDE00", "\u{fffd}\u{1f600}"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}"),
            (r"\\ud83d é\\", "\\ud83d é\\"),
            (r"\ud83d", "\u{fffd}"),
        ] {
            let text = format!("{{\"title\": \"{written}\"}}\n\nBody \\ud83d.");
            let split = split(&text, 1).unwrap();
            let Value::Scalar(title) = &split.entries.unwrap()[0].value else { unreachable!("{text}") };
            assert_eq!((title.text.as_str(), split.body), (read, "\n\nBody \\ud83d."));
        }
    }
}
