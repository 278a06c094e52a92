//! JSON-LD treated as JSON: one value, a list of one, an object with an id or a value, all mean the same. Contexts of
//! others are never resolved (FEDERATION 8.30).

use serde_json::Value;
use url::Url;

use super::context::PUBLIC;

/// Deepest nesting read.
const DEPTH_MAX: usize = 32;
/// Longest list read.
const LIST_MAX: usize = 1_000;
/// Longest address believed, in bytes.
const ADDRESS_BYTES_MAX: usize = 2_048;
/// Most addresses taken from one list.
const ADDRESSES_MAX: usize = 100;

/// Reads a document. Half a character is `\u{FFFD}`: JavaScript servers that cut a name within an emoji write it as a lone
/// surrogate (<https://tc39.es/ecma262/#sec-quotejsonstring>), and nobody is ignored for that.
pub(super) fn read(bytes: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice(bytes).or_else(|error| match without_lone_surrogates(bytes) {
        Some(mended) => serde_json::from_slice(&mended),
        None => Err(error),
    })
}

/// The bytes with `\ufffd` for each escape of half a character; `None` where there is none.
fn without_lone_surrogates(bytes: &[u8]) -> Option<Vec<u8>> {
    let unit = |at: usize| -> Option<u16> {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let (mut mended, mut found, mut at) = (Vec::with_capacity(bytes.len()), false, 0);
    while at < bytes.len() {
        let length = match (unit(at), unit(at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                mended.extend_from_slice(b"\\ufffd");
                (found, at) = (true, at + 6);
                continue;
            }
            // An escaped backslash begins no other escape.
            (None, _) if bytes[at] == b'\\' => 2,
            (Some(_) | None, _) => 1,
        };
        mended.extend_from_slice(&bytes[at..bytes.len().min(at + length)]);
        at += length;
    }
    found.then_some(mended)
}

/// Whether no part is nested too deeply and no list too long.
pub(super) fn within_limits(document: &Value) -> bool {
    fn within(value: &Value, depth: usize) -> bool {
        match value {
            Value::Array(list) => {
                depth > 0 && list.len() <= LIST_MAX && list.iter().all(|value| within(value, depth - 1))
            }
            Value::Object(fields) => {
                depth > 0 && fields.len() <= LIST_MAX && fields.values().all(|value| within(value, depth - 1))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        }
    }
    within(document, DEPTH_MAX)
}

/// The first type of a document.
pub(super) fn kind_of(document: &Value) -> Option<&str> {
    match &document["type"] {
        Value::Array(list) => list.first()?.as_str(),
        one => one.as_str(),
    }
}

/// The http(s) address that a value is or has.
pub(super) fn address_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text,
        Value::Array(list) => return address_of(list.first()?),
        Value::Object(fields) => {
            fields.get("id").or_else(|| fields.get("@id")).or_else(|| fields.get("href"))?.as_str()?
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    is_address(text).then(|| text.to_owned())
}

/// All addresses in a list, or the one.
pub(super) fn addresses(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().filter_map(address_of).take(ADDRESSES_MAX).collect(),
        one => address_of(one).into_iter().collect(),
    }
}

/// A text, in any wrapping.
pub(super) fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Array(list) => text_of(list.first()?),
        Value::Object(fields) => fields.get("@value")?.as_str(),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// The members of a list, or the one value.
pub(super) fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(list) => list,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}

/// Whether everybody is among those addressed.
pub(super) fn names_public(value: &Value) -> bool {
    items(value).iter().any(|item| {
        let text = item.as_str().or_else(|| item["id"].as_str());
        matches!(text, Some("as:Public" | "Public")) || text == Some(PUBLIC)
    })
}

/// Host and port of an address, in lower case and punycode.
pub(super) fn authority(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// Ids are compared byte for byte (ActivityPub section 3.1 makes them identifiers), so only the one spelling counts that a
/// server gives its own: `Url` would also read `htTps://…`, and pass over blanks and line ends inside.
fn is_address(text: &str) -> bool {
    text.len() <= ADDRESS_BYTES_MAX
        && (text.starts_with("https://") || text.starts_with("http://"))
        && !text.contains(|letter: char| letter.is_ascii_whitespace() || letter.is_ascii_control())
        && Url::parse(text).is_ok_and(|url| url.has_host() && url.username().is_empty() && url.password().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_a_character_is_no_reason_to_ignore_the_rest() {
        for (json, expected) in [
            (r#""a\ud83d""#, "a\u{FFFD}"),
            (r#""\uDE00\ud83d b""#, "\u{FFFD}\u{FFFD} b"),
            (r#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
            (r#""\ud83d\ude00 \\ud83d""#, "😀 \\ud83d"),
            (r#""\\\ud83d\n""#, "\\\u{FFFD}\n"),
        ] {
            assert_eq!(read(json.as_bytes()).unwrap(), expected, "{json}");
        }
        for bad in ["", "{", r#""\ud83""#, r#"{"a": \ud83d}"#, "\"\u{1}\\ud83d\""] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_has_one_spelling() {
        assert_eq!(address_of(&"https://m.example/users/bob".into()).as_deref(), Some("https://m.example/users/bob"));
        for other in [
            "htTps://m.example/users/bob",
            " https://m.example/users/bob",
            "https://m.example/users/bob\n",
            "https://m.example/us\ters/bob",
            "https://bob@m.example/users/bob",
            "https:m.example",
            "https://",
            "acct:bob@m.example",
        ] {
            assert_eq!(address_of(&other.into()), None, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(proptest::sample::select(&br#"\ud8Dc0"{}:x"#[..]), 0..60)) {
            let _ = read(&bytes);
        }
    }
}
