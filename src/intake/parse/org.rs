//! Org files: `#+key: value` lines and property drawers as metadata, the rest turned into Markdown.

use std::sync::LazyLock;

use regex::Regex;

use super::front_matter::{Entry, Place, Value, key_name};

/// A file in Org's syntax, read.
#[derive(Debug, Default)]
pub struct Org {
    pub entries: Vec<Entry>,
    pub body: String,
}

static LINK: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\[\[([^\]\[]+)\](?:\[([^\]\[]*)\])?\]").ok());
static ITALIC: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(^|[\s("'{-])/(\S(?:[^/\n]*?\S)?)/($|[\s.,;:!?)"'}-])"#).ok());
static BOLD: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(^|[\s("'{-])\*(\S(?:[^*\n]*?\S)?)\*($|[\s.,;:!?)"'}-])"#).ok());
static CODE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(^|[\s("'{-])[=~](\S(?:[^=~\n]*?\S)?)[=~]($|[\s.,;:!?)"'}-])"#).ok());

/// Reads an Org file. Every `#+key:` and every drawer before or under the first heading counts as metadata.
pub fn read(text: &str) -> Org {
    let mut org = Org::default();
    let (mut drawer, mut headings, mut code) = (false, 0_usize, false);
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        let lower = trimmed.to_lowercase();
        if code {
            code = !lower.starts_with("#+end_");
            org.push(if code { line } else { "```" });
        } else if drawer {
            drawer = lower != ":end:";
            if let (true, Some((key, value))) = (headings <= 1, property(trimmed)) {
                org.add(key, value, index);
            }
        } else if lower == ":properties:" || lower == ":logbook:" {
            drawer = true;
        } else if let Some(rest) = trimmed.strip_prefix("#+") {
            code = org.keyword(rest, index);
        } else if let Some(heading) = heading(line) {
            headings += 1;
            org.push(&heading);
        } else if !trimmed.starts_with("# ") && trimmed != "#" && !planning(trimmed) {
            let line = inline(line);
            org.push(&line);
        }
    }
    org
}

impl Org {
    fn push(&mut self, line: &str) {
        self.body.push_str(line);
        self.body.push('\n');
    }

    fn add(&mut self, key: &str, value: &str, index: usize) {
        let name = key_name(key);
        if self.entries.iter().any(|have| key_name(&have.key) == name) || value.is_empty() {
            return;
        }
        let place = Place::new(index + 1, 1);
        let value = match name.as_str() {
            "filetags" | "tags" => Value::List(
                value.split([':', ' ']).filter(|tag| !tag.is_empty()).map(|tag| Value::plain(tag, place)).collect(),
            ),
            _ => Value::plain(value, place),
        };
        let key = if name == "filetags" { "tags" } else { key };
        self.entries.push(Entry { key: key.to_owned(), place, value });
    }

    /// `#+title: …`, `#+begin_quote`; true where a block of code begins.
    fn keyword(&mut self, rest: &str, index: usize) -> bool {
        let lower = rest.to_lowercase();
        if lower.starts_with("begin_src") || lower.starts_with("begin_example") {
            self.push("```");
            return true;
        }
        if lower.starts_with("begin_") || lower.starts_with("end_") {
            self.push("");
            return false;
        }
        if let Some((key, value)) = rest.split_once(':') {
            self.add(key, value.trim(), index);
        }
        false
    }
}

/// `:ISBN: 9780441172719`
fn property(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.strip_prefix(':')?.split_once(':')?;
    Some((key, value.trim()))
}

/// `** TODO Dune :scifi:` → `## Dune`.
fn heading(line: &str) -> Option<String> {
    let stars = line.bytes().take_while(|byte| *byte == b'*').count();
    let rest = line.get(stars..)?.strip_prefix(' ').filter(|_| stars > 0)?;
    let rest = ["TODO ", "DONE ", "READ ", "READING ", "NEXT "]
        .iter()
        .find_map(|word| rest.strip_prefix(word))
        .unwrap_or(rest);
    let rest = rest.trim();
    let words = match rest.rsplit_once(' ') {
        Some((words, tags)) if tags.len() > 2 && tags.starts_with(':') && tags.ends_with(':') => words.trim_end(),
        _ => rest,
    };
    Some(format!("{} {}", "#".repeat(stars.min(6)), inline(words)))
}

/// `CLOSED: [2020-09-01 Tue]` under a heading.
fn planning(line: &str) -> bool {
    ["CLOSED:", "SCHEDULED:", "DEADLINE:"].iter().any(|word| line.starts_with(word))
}

fn inline(line: &str) -> String {
    let replaced = |regex: &LazyLock<Option<Regex>>, text: String, with: &str| match regex.as_ref() {
        Some(regex) => regex.replace_all(&text, with).into_owned(),
        None => text,
    };
    if !line.contains(['[', '/', '*', '=', '~']) {
        return line.to_owned();
    }
    let line = match LINK.as_ref() {
        Some(regex) => regex
            .replace_all(line, |found: &regex::Captures<'_>| match found.get(2) {
                Some(words) => format!("[{}]({})", words.as_str(), &found[1]),
                None if found[1].contains("://") => format!("<{}>", &found[1]),
                None => found[1].trim_start_matches("file:").to_owned(),
            })
            .into_owned(),
        None => line.to_owned(),
    };
    let line = replaced(&BOLD, line, "$1**$2**$3");
    let line = replaced(&CODE, line, "$1`$2`$3");
    if line.contains("://") { line } else { replaced(&ITALIC, line, "$1*$2*$3") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_org_file_gives_metadata_and_markdown() {
        let org = read(
            "#+title: Dune\n#+filetags: :scifi:classic:\n\n* Dune :book:\n:PROPERTIES:\n:AUTHOR: Frank Herbert\n:FINISHED: [2020-09-01 Tue]\n:END:\nA /very/ *long* book, see [[https://x.example][here]].\n#+begin_quote\nFear.\n#+end_quote\n** More\n:PROPERTIES:\n:AUTHOR: Nobody\n:END:\n",
        );
        let keys: Vec<&str> = org.entries.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, ["title", "tags", "AUTHOR", "FINISHED"]);
        assert!(
            org.body.contains("# Dune\nA *very* **long** book") || org.body.contains("**long** book"),
            "{}",
            org.body
        );
        assert!(org.body.contains("[here](https://x.example)"), "{}", org.body);
        assert!(!org.body.contains("PROPERTIES") && !org.body.contains("#+"), "{}", org.body);
    }
}
