//! A review that was brought along, as a review file: Markdown with YAML front matter by the schema of the README.

use super::Brought;
use crate::domain::{Comment, Slug, rating::number};

/// The key by which a row is known again.
pub const IDENTITY_KEY: &str = "reviewd_import";

/// The text of the file.
pub fn text(review: &Brought) -> String {
    let mut head = Head(String::from("---\n"));
    // A post's own title goes with `book_title`, the work's.
    match review.headline.as_deref().filter(|headline| *headline != review.title) {
        Some(headline) => {
            head.text("title", headline);
            head.text("book_title", &review.title);
        }
        None => head.text("title", &review.title),
    }
    match review.authors.as_slice() {
        [] => {}
        [one] => head.text("author", one),
        several => head.list("authors", several),
    }
    match (review.rating, &review.verdict) {
        (Some((value, best)), _) => head.text("rating", &format!("{}/{}", number(value), number(best))),
        (None, verdict) => head.some("rating", verdict.as_deref()),
    }
    head.some("isbn", review.isbn.as_ref().map(ToString::to_string).as_deref());
    head.some("series", review.series.as_ref().map(|series| series.name.as_str()));
    head.some("series_number", review.series.as_ref().and_then(|series| series.position.as_deref()));
    head.some("publication_year", review.year.map(|year| year.to_string()).as_deref());
    head.some("pages", review.pages.map(|pages| pages.to_string()).as_deref());
    head.some("publisher", review.publisher.as_deref());
    head.some("cover", review.cover.as_deref());
    head.some("started", review.started.map(|day| day.to_string()).as_deref());
    match review.read.as_slice() {
        [] => {}
        [one] => head.text("finished", &one.to_string()),
        several => head.list("finished", &several.iter().map(ToString::to_string).collect::<Vec<_>>()),
    }
    head.some("date", review.date.map(|date| date.to_string()).as_deref());
    head.some("updated", review.updated.map(|date| date.to_string()).as_deref());
    head.some("summary", review.summary.as_deref());
    head.list("tags", &review.tags);
    head.some("language", review.language.as_deref());
    head.flag("spoilers", review.spoilers);
    head.flag("draft", review.draft);
    head.list("aliases", &review.former_paths);
    head.text(IDENTITY_KEY, &review.identity);
    head.comments(&review.comments);
    let body = review.body.trim();
    if body.is_empty() { format!("{}---\n", head.0) } else { format!("{}---\n\n{body}\n", head.0) }
}

/// What the file is called, without its extension.
pub fn stem(review: &Brought) -> String {
    Slug::from_text(review.slug.as_deref().unwrap_or(&review.title)).to_string()
}

/// The identity that a review file names, if it was brought along.
pub fn identity(text: &str) -> Option<String> {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let fence = lines.next()?.trim_end();
    if fence != "---" && fence != "+++" {
        return None;
    }
    let line = lines.take_while(|line| line.trim_end() != fence).find_map(|line| {
        let (key, value) = line.split_once([':', '='])?;
        (key.trim() == IDENTITY_KEY).then_some(value)
    })?;
    let value = line.trim();
    let bare = match value.chars().next()? {
        '"' => value.trim_matches('"').replace("\\\"", "\"").replace("\\\\", "\\"),
        '\'' => value.trim_matches('\'').replace("''", "'"),
        _ => value.to_owned(),
    };
    (!bare.is_empty()).then_some(bare)
}

/// Front matter in the making.
struct Head(String);

impl Head {
    fn text(&mut self, key: &str, value: &str) {
        self.0.push_str(&format!("{key}: {}\n", quoted(value)));
    }

    fn some(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.text(key, value);
        }
    }

    fn flag(&mut self, key: &str, value: bool) {
        if value {
            self.0.push_str(&format!("{key}: true\n"));
        }
    }

    fn comments(&mut self, comments: &[Comment]) {
        if !comments.is_empty() {
            self.0.push_str("comments:\n");
        }
        for comment in comments {
            self.0.push_str(&format!("  - name: {}\n", quoted(&comment.name)));
            if let Some(date) = comment.date {
                self.0.push_str(&format!("    date: {}\n", quoted(&date.to_string())));
            }
            self.0.push_str(&format!("    text: {}\n", quoted(&comment.text)));
        }
    }

    fn list(&mut self, key: &str, values: &[String]) {
        if !values.is_empty() {
            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            self.0.push_str(&format!("{key}: [{}]\n", values.join(", ")));
        }
    }
}

/// A double-quoted YAML scalar (YAML 1.2, section 7.3.1), or the value as it is where nothing in it can be mistaken.
fn quoted(value: &str) -> String {
    let is_plain = value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '\'' | '(' | ')' | '!'))
        && !value.ends_with(' ')
        && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"].contains(&value.to_lowercase().as_str());
    let is_day = value.len() == 10 && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_plain || is_day {
        return value.to_owned();
    }
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_the_row_it_came_from() {
        for name in ["goodreads:1", "wordpress:blog.example/7", "bookwyrm:https://b.example/book/1"] {
            let review = Brought { identity: name.to_owned(), title: "Dune".to_owned(), ..Brought::default() };
            assert_eq!(identity(&text(&review)).as_deref(), Some(name));
        }
        for other in ["Dune\n\nreviewd_import: x\n", "---\ntitle: Dune\n---\n\nreviewd_import: x\n", ""] {
            assert_eq!(identity(other), None);
        }
    }

    #[test]
    fn a_cover_is_named_only_where_it_was_asked_for() {
        let review = Brought { isbn: crate::domain::Isbn::parse("9780441172719"), ..Brought::default() };
        assert!(!text(&review).contains("cover"));
        let address = "https://covers.openlibrary.org/b/isbn/9780441172719-L.jpg?default=false";
        assert!(text(&review.with_cover()).contains(&format!("cover: \"{address}\"\n")));
        assert!(!text(&Brought::default().with_cover()).contains("cover"));
    }

    #[test]
    fn values_are_quoted_where_yaml_would_read_something_else() {
        for (value, written) in [
            ("Dune", "Dune"),
            ("Dune: Messiah", "\"Dune: Messiah\""),
            ("1984", "\"1984\""),
            ("No", "\"No\""),
            ("Say \"x\" \\ y", "\"Say \\\"x\\\" \\\\ y\""),
            ("2021-05-11", "2021-05-11"),
            ("", "\"\""),
        ] {
            assert_eq!(quoted(value), written);
        }
    }
}
