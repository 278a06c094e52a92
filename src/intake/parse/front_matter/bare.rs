//! Headers without a fence: lines of `key: value` from the first line to the first empty one.

use super::{Entry, Place, Scalar, Split, Value, key_name, line};

/// Keys that only metadata has: one of them makes a run of `key: value` lines a header.
const TELLING: &[&str] = &[
    "title",
    "author",
    "authors",
    "isbn",
    "isbn10",
    "isbn13",
    "rating",
    "date",
    "tags",
    "layout",
    "booktitle",
    "bookauthor",
    "stars",
    "grade",
    "finished",
    "dateread",
    "publisher",
    "slug",
    "draft",
    "permalink",
    "categories",
    "inreplyto",
];

/// A key that no sentence begins with in front of a colon.
pub fn is_telling(key: &str) -> bool {
    TELLING.contains(&key_name(key).as_str())
}

/// `key` and `value` of a line `key: value` that begins at the left margin; keys may be quoted and hold inner spaces.
pub fn key_of(line: &str) -> Option<(&str, &str)> {
    let colon = line.find(':')?;
    let (key, value) = (&line[..colon], &line[colon + 1..]);
    // Logseq and Dataview write `key:: value`.
    let value = value.strip_prefix(':').unwrap_or(value);
    let name = key.trim_end().trim_matches(['"', '\'']);
    let fits = (1..=40).contains(&name.len())
        && name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || " _-./".contains(c))
        && name.split(' ').count() <= 3
        && (value.is_empty() || value.starts_with([' ', '\t']));
    fits.then_some((key, value.trim()))
}

/// Whether the line is `key = value`.
pub fn toml_key(line: &str) -> bool {
    line.split_once('=').is_some_and(|(key, _)| {
        let key = key.trim();
        !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-.\"".contains(c))
    })
}

/// Reads a bare header, or finds none.
pub fn split(text: &str, first_line: usize) -> Split<'_> {
    let none = Split { entries: None, fenced: false, body: text, body_line: line(first_line) };
    let mut entries: Vec<Entry> = Vec::new();
    let (mut at, mut number) = (0, first_line);
    for whole in text.split_inclusive('\n') {
        let text_line = whole.trim_end();
        let heading = text_line.starts_with("# ") || text_line.starts_with("## ") || text_line.starts_with("![");
        if text_line.is_empty() || text_line == "---" || text_line == "+++" || (heading && !entries.is_empty()) {
            break;
        }
        if !take_line(&mut entries, text_line, number) {
            return none;
        }
        at += whole.len();
        number += 1;
    }
    let told = match entries.as_slice() {
        [] => false,
        [only] => is_header_alone(only),
        several => several.iter().any(|entry| is_telling(&entry.key)),
    };
    if !told {
        return none;
    }
    let closing = text[at..].split_inclusive('\n').next().filter(|line| matches!(line.trim_end(), "---" | "+++"));
    if let Some(closing) = closing {
        at += closing.len();
        number += 1;
    }
    Split { entries: Some(joined(entries)), fenced: false, body: &text[at..], body_line: line(number) }
}

/// One line of metadata above a text: only what no sentence begins with.
fn is_header_alone(entry: &Entry) -> bool {
    let text = entry.value.scalars().first().map_or("", |scalar| scalar.text.as_str());
    match key_name(&entry.key).as_str() {
        "date" => crate::intake::parse::date::one(text).is_some(),
        "inreplyto" => text.trim_start_matches('<').starts_with("http"),
        "tags" | "categories" | "slug" | "permalink" | "layout" => !text.is_empty() && !text.ends_with('.'),
        _ => false,
    }
}

/// Adds one line: a key, an item below a key, or the continuation of a value.
fn take_line(entries: &mut Vec<Entry>, text: &str, number: usize) -> bool {
    let glued =
        || text.split_once(':').filter(|(key, value)| !entries.is_empty() && is_word(key) && !value.starts_with("//"));
    if let Some((key, value)) = key_of(text).or_else(glued).filter(|(key, _)| !key.trim().contains(' ')) {
        let value = value.trim();
        let column = text.chars().count() - value.chars().count() + 1;
        let value = scalar(value, Place::new(number, column));
        entries.push(Entry { key: key.trim().to_owned(), place: Place::new(number, 1), value });
        return true;
    }
    let Some(last) = entries.last_mut() else { return false };
    let inner = text.trim_start();
    let place = Place::new(number, text.chars().count() - inner.chars().count() + 1);
    match (&mut last.value, inner.strip_prefix("- ")) {
        (Value::List(items), Some(item)) => items.push(Value::plain(item.trim(), place)),
        (value, Some(item)) if value.is_empty() => *value = Value::List(vec![Value::plain(item.trim(), place)]),
        (Value::Scalar(scalar), _) if inner.len() < text.len() => {
            scalar.text.push(' ');
            scalar.text.push_str(inner);
        }
        _ => return false,
    }
    true
}

fn is_word(key: &str) -> bool {
    (2..=24).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// `"Dune"` loses its quotes, `[a, b]` is a list; everything else stays as written.
fn scalar(text: &str, place: Place) -> Value {
    let unquoted = ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    if let Some(inner) = unquoted {
        return Value::Scalar(Scalar { text: inner.to_owned(), quoted: true, place });
    }
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(items) if !items.starts_with('[') => Value::List(
            items.split(',').map(|item| Value::plain(item.trim().trim_matches(['"', '\'']), place)).collect(),
        ),
        _ => Value::plain(text, place),
    }
}

/// A key that stands twice (`author:` once for each author) becomes one key with a list.
fn joined(entries: Vec<Entry>) -> Vec<Entry> {
    let mut joined: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        match joined.iter_mut().find(|have| have.key == entry.key) {
            None => joined.push(entry),
            Some(have) => {
                let first = std::mem::replace(&mut have.value, Value::List(Vec::new()));
                have.value = Value::List(match first {
                    Value::List(mut items) => {
                        items.push(entry.value);
                        items
                    }
                    one @ (Value::Scalar(_) | Value::Map(_)) => vec![one, entry.value],
                });
            }
        }
    }
    joined
}
