//! YAML headers, read event by event so that every key keeps its place and every scalar its spelling.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span};

use super::{DEPTH_MAX, Entry, Place, Rejected, Scalar, VALUES_MAX, Value, bare};

/// Reads a block of YAML whose first line is line `first_line` of the file.
pub fn read(block: &str, first_line: usize) -> Result<Vec<Entry>, Rejected> {
    match build(block, first_line) {
        Ok(entries) => Ok(entries),
        Err(Failure::Ours(rejected)) => Err(rejected),
        Err(Failure::Syntax(error)) => Err(diagnose(block, first_line, &error)),
    }
}

/// Longest value that a cure writes out.
const SHOWN_BYTES_MAX: usize = 300;

enum Failure {
    Syntax(ScanError),
    Ours(Rejected),
}

struct Builder<'a> {
    events: Parser<'a, serde_saphyr::granit_parser::StrInput<'a>>,
    first_line: usize,
    values: usize,
    anchors: HashMap<usize, Value>,
}

fn build(block: &str, first_line: usize) -> Result<Vec<Entry>, Failure> {
    let events = Parser::new_from_str(block);
    let mut builder = Builder { events, first_line, values: 0, anchors: HashMap::new() };
    loop {
        let Some((event, span)) = builder.next()? else { return Ok(Vec::new()) };
        if matches!(event, Event::StreamStart | Event::DocumentStart(..)) {
            continue;
        }
        if matches!(event, Event::StreamEnd | Event::DocumentEnd) {
            return Ok(Vec::new());
        }
        let value = builder.node(event, span, 0)?;
        // Whatever follows has to be sound too.
        while builder.next()?.is_some() {}
        return match value {
            Value::Map(entries) => Ok(entries),
            Value::Scalar(scalar) if scalar.is_null() => Ok(Vec::new()),
            Value::Scalar(_) | Value::List(_) => Err(Failure::Ours(Rejected::new(
                Place::new(first_line, 1),
                "the metadata is no list of `key: value` lines",
                "write each piece of metadata on its own line as `key: value`, such as `title: Dune`",
            ))),
        };
    }
}

impl<'a> Builder<'a> {
    /// The next event that is no comment; `None` at the end.
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Failure> {
        loop {
            match self.events.next() {
                None => return Ok(None),
                Some(Err(error)) => return Err(Failure::Syntax(error)),
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(next)) => return Ok(Some(next)),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Value, Failure> {
        let place = self.place(&span);
        self.spend(1, place)?;
        if depth > DEPTH_MAX {
            return Err(Failure::Ours(Rejected::new(
                place,
                format!("the metadata is nested more than {DEPTH_MAX} levels deep"),
                "write it flat: one `key: value` on each line",
            )));
        }
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let quoted = !matches!(style, ScalarStyle::Plain);
                (Value::Scalar(Scalar { text: text.into_owned(), quoted, place }), anchor)
            }
            Event::SequenceStart(_, anchor, _) => (Value::List(self.list(depth)?), anchor),
            Event::MappingStart(_, anchor, _) => (Value::Map(self.map(depth)?), anchor),
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned().unwrap_or_else(|| Value::plain("", place));
                self.spend(size(&value), place)?;
                (value, 0)
            }
            _ => (Value::plain("", place), 0),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                break;
            }
            items.push(self.node(event, span, depth + 1)?);
        }
        Ok(items)
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>, Failure> {
        let mut entries: Vec<Entry> = Vec::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let place = self.place(&span);
            let key = match self.node(event, span, depth + 1)? {
                Value::Scalar(scalar) => scalar.text,
                Value::List(_) | Value::Map(_) => String::new(),
            };
            let Some((event, span)) = self.next()? else { break };
            let value = self.node(event, span, depth + 1)?;
            if key == "<<" {
                merge(&mut entries, value);
                continue;
            }
            if let Some(first) = entries.iter().find(|entry| entry.key == key && !key.is_empty()) {
                return Err(Failure::Ours(Rejected::new(
                    place,
                    format!("`{key}` stands twice in the metadata, first on line {}", first.place.line),
                    format!("delete one of the two `{key}:` lines ({} and {})", first.place.line, place.line),
                )));
            }
            entries.push(Entry { key, place, value });
        }
        Ok(entries)
    }

    fn spend(&mut self, values: usize, place: Place) -> Result<(), Failure> {
        self.values += values;
        if self.values <= VALUES_MAX {
            return Ok(());
        }
        Err(Failure::Ours(Rejected::new(
            place,
            format!("the metadata holds more than {VALUES_MAX} values"),
            "keep what describes the book and the review, and write aliases (`*name`) out",
        )))
    }

    fn place(&self, span: &Span) -> Place {
        Place::new(self.first_line + span.start.line().saturating_sub(1), span.start.col() + 1)
    }
}

/// `<<: *defaults` gives the keys that the mapping does not have itself (YAML merge keys).
fn merge(entries: &mut Vec<Entry>, value: Value) {
    if let Value::Map(more) = value {
        for entry in more {
            if entries.iter().all(|have| have.key != entry.key) {
                entries.push(entry);
            }
        }
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Scalar(_) => 1,
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|entry| size(&entry.value)).sum::<usize>(),
    }
}

/// Finds the line that is wrong. A parser reports where it got stuck, which may be lines further down; so every key with
/// its value is tried alone, and the first that fails is the culprit.
fn diagnose(block: &str, first_line: usize, error: &ScanError) -> Rejected {
    for (offset, chunk) in chunks(block) {
        if let Err(Failure::Syntax(error)) = build(chunk, 1) {
            return explain(chunk, first_line + offset, &error);
        }
    }
    let line = error.marker().line().clamp(1, block.lines().count().max(1));
    let text = block.lines().nth(line - 1).unwrap_or("");
    let column = error.marker().col().min(text.chars().count());
    Rejected::new(
        Place::new(first_line + line - 1, column + 1),
        format!("the metadata is no valid YAML here: {}", error.info()),
        requoted(text).map_or_else(
            || "write each key on its own line as `key: value`, and indent lists below their key by two spaces".into(),
            |fixed| format!("write line {} as `{fixed}`", first_line + line - 1),
        ),
    )
}

/// Each key at the left margin with everything that belongs to it, and how many lines stand before it.
fn chunks(block: &str) -> Vec<(usize, &str)> {
    let mut starts = Vec::new();
    let mut at = 0;
    for (number, line) in block.split_inclusive('\n').enumerate() {
        let opens = line.starts_with(|c: char| !c.is_whitespace() && !"-#]})".contains(c));
        if opens || at == 0 {
            starts.push((number, at));
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).map(|(_, at)| *at).chain([block.len()]);
    starts.iter().zip(ends).map(|((number, at), end)| (*number, &block[*at..end])).collect()
}

fn explain(chunk: &str, chunk_line: usize, error: &ScanError) -> Rejected {
    let stuck = error.marker().line().clamp(1, chunk.lines().count().max(1));
    let unclosed = matches!(error.kind(), ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar);
    // An open quote is wrong where it opens, not where the file ends.
    let within = if unclosed { opening_quote_line(chunk) } else { stuck };
    let text = chunk.lines().nth(within - 1).unwrap_or("");
    let line = chunk_line + within - 1;
    let tab = text.find('\t').map(|byte| text[..byte].chars().count());
    let tab_is_wrong = text.trim_start_matches(' ').starts_with('\t')
        || matches!(
            error.kind(),
            ErrorKind::TabNotAllowed
                | ErrorKind::TabInBlockIndentation
                | ErrorKind::TabInIndentation
                | ErrorKind::TabInPlainScalar
        );
    if let (Some(tab), true) = (tab, tab_is_wrong) {
        return Rejected::new(
            Place::new(line, tab + 1),
            "there is a tab in the metadata, where YAML wants spaces",
            format!("replace the tab on line {line} by two spaces"),
        );
    }
    let column = if unclosed {
        text.find(['"', '\'']).map_or(0, |byte| text[..byte].chars().count())
    } else {
        error.marker().col().min(text.chars().count())
    };
    let cure = requoted(text).map_or_else(
        || "write each key on its own line as `key: value`, and indent lists below their key by two spaces".into(),
        |fixed| format!("write line {line} as `{fixed}`"),
    );
    Rejected::new(Place::new(line, column + 1), reason(text, unclosed, error), cure)
}

fn opening_quote_line(chunk: &str) -> usize {
    chunk
        .lines()
        .position(|line| line.matches('"').count() % 2 == 1 || line.matches('\'').count() % 2 == 1)
        .map_or(1, |index| index + 1)
}

fn reason(text: &str, unclosed: bool, error: &ScanError) -> String {
    let value = item(text).map_or("", |(_, value)| value);
    if unclosed && value.ends_with(['”', '“', '’', '‘', '„', '»']) {
        return "the value begins with a straight quote and ends with a curly one, so YAML never sees its end".into();
    }
    if unclosed {
        return "the quote that opens here is never closed".into();
    }
    if value.starts_with('\'') && value.len() > 1 {
        return "there is an apostrophe inside single quotes, which ends the value early".into();
    }
    if value.starts_with('"') {
        return "there is a double quote inside double quotes, which ends the value early".into();
    }
    if value.contains(": ") || value.ends_with(':') {
        return "there is a second colon in the value, which YAML takes for another key".into();
    }
    format!("the metadata is no valid YAML here: {}", error.info())
}

/// The line with its value in sound double quotes: what the person should type.
fn requoted(line: &str) -> Option<String> {
    let (head, value) = item(line)?;
    let inner = value.trim_matches(|c: char| c.is_whitespace() || "\"'“”„‘’«»".contains(c));
    if inner.is_empty() || inner.starts_with(['[', '{']) || inner.len() > SHOWN_BYTES_MAX {
        return None;
    }
    let inner = inner.replace("''", "'").replace('\\', "\\\\").replace("\\\\\"", "\\\"");
    let escaped: String =
        inner.replace("\\\"", "\"").chars().map(|c| if c == '"' { "\\\"".into() } else { c.to_string() }).collect();
    Some(format!("{head}\"{escaped}\""))
}

/// Splits `key: value` or `- value` before the value.
fn item(line: &str) -> Option<(&str, &str)> {
    let indent = line.len() - line.trim_start().len();
    let text = &line[indent..];
    let split = if let Some((key, _)) = bare::key_of(text) {
        let colon = text[key.len()..].find(':')? + key.len() + 1;
        colon + (text[colon..].len() - text[colon..].trim_start().len())
    } else if let Some(value) = text.strip_prefix("- ") {
        text.len() - value.trim_start().len()
    } else {
        return None;
    };
    let (head, value) = line.split_at(indent + split);
    (!value.trim().is_empty()).then_some((head, value.trim_end()))
}
