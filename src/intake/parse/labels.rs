//! Labelled lines in a text: `Title: …`, `**Author:** …`, `- Score: ⭐⭐⭐`, as scraped posts and notes exports have them.

use super::{
    front_matter::{Entry, Place, Value},
    markup, people, rating, title,
};

/// How many lines of a text are searched for a block of labels.
const LINES_MAX: usize = 60;

/// Labels and the key of metadata each stands for. An empty key is understood and dropped: it describes an edition.
const LABELS: &[(&str, &str)] = &[
    ("title", "title"),
    ("book title", "title"),
    ("book", "title"),
    ("titel", "title"),
    ("titre", "title"),
    ("título", "title"),
    ("titolo", "title"),
    ("name of book", "title"),
    ("book name", "title"),
    ("name of the book", "title"),
    ("author", "author"),
    ("authors", "author"),
    ("author(s)", "author"),
    ("book author", "author"),
    ("by", "author"),
    ("written by", "author"),
    ("autor", "author"),
    ("autorin", "author"),
    ("auteur", "author"),
    ("autore", "author"),
    ("writer", "author"),
    ("verfasser", "author"),
    ("director", "director"),
    ("rating", "rating"),
    ("my rating", "rating"),
    ("score", "rating"),
    ("my score", "rating"),
    ("stars", "rating"),
    ("grade", "rating"),
    ("bewertung", "rating"),
    ("meine bewertung", "rating"),
    ("wertung", "rating"),
    ("overall rating", "rating"),
    ("star rating", "rating"),
    ("final rating", "rating"),
    ("personal rating", "rating"),
    ("overall", "rating"),
    ("overall score", "rating"),
    ("puntuación", "rating"),
    ("valoración", "rating"),
    ("calificación", "rating"),
    ("voto", "rating"),
    ("note", "rating"),
    ("valutazione", "rating"),
    ("betyg", "rating"),
    ("cijfer", "rating"),
    ("book rating", "rating"),
    ("isbn", "isbn"),
    ("isbn-13", "isbn"),
    ("isbn13", "isbn"),
    ("isbn-10", "isbn10"),
    ("isbn10", "isbn10"),
    ("started", "started"),
    ("date started", "started"),
    ("start date", "started"),
    ("started reading", "started"),
    ("begonnen", "started"),
    ("finished", "finished"),
    ("date finished", "finished"),
    ("completed", "finished"),
    ("date completed", "finished"),
    ("date read", "finished"),
    ("read", "finished"),
    ("finish date", "finished"),
    ("finished reading", "finished"),
    ("finished on", "finished"),
    ("read on", "finished"),
    ("gelesen", "finished"),
    ("beendet", "finished"),
    ("end date", "finished"),
    ("date", "date"),
    ("datum", "date"),
    ("posted", "date"),
    ("review date", "date"),
    ("date of review", "date"),
    ("date published", "date"),
    ("reviewed", "date"),
    ("reviewed on", "date"),
    ("genre", "genre"),
    ("genres", "genre"),
    ("tags", "tags"),
    ("category", "genre"),
    ("categories", "tags"),
    ("shelves", "tags"),
    ("series", "series"),
    ("serie", "series"),
    ("reihe", "series"),
    ("pages", "pages"),
    ("page count", "pages"),
    ("number of pages", "pages"),
    ("seiten", "pages"),
    ("length", ""),
    ("publisher", "publisher"),
    ("verlag", "publisher"),
    ("published by", "publisher"),
    ("year", "year"),
    ("year published", "year"),
    ("publication year", "year"),
    ("published", "year"),
    ("publication date", "year"),
    ("date of publication", "year"),
    ("release date", "year"),
    ("released", "year"),
    ("first published", "year"),
    ("erschienen", "year"),
    ("format", ""),
    ("edition", ""),
    ("narrator", ""),
    ("narrated by", ""),
    ("translator", ""),
    ("translated by", ""),
    ("illustrator", ""),
    ("asin", ""),
    ("source", ""),
    ("publication", ""),
    ("status", "status"),
    ("goodreads", ""),
    ("goodreads rating", ""),
    ("amazon", ""),
    ("average rating", ""),
    ("language", ""),
    ("reviewer", ""),
    ("reviewed by", ""),
    ("reviewer name", ""),
    ("spoilers", "spoilers"),
    ("slug", "slug"),
    ("draft", "draft"),
    ("cover", "cover"),
    ("reading time", ""),
    ("medium", ""),
    ("read date", "finished"),
    ("date reviewed", "date"),
    ("publish date", "year"),
    ("pub date", "year"),
    ("type", ""),
    ("my review date", "date"),
    ("price", ""),
    ("format read", ""),
    ("buy", ""),
];

/// A labelled line taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled<'a> {
    /// The key of metadata; empty for a label that is understood and dropped.
    pub key: &'static str,
    pub value: &'a str,
    /// Column of the value, counted from 1.
    pub column: usize,
}

/// A block of labelled lines at the head of a text.
#[derive(Debug, Default)]
pub struct Head {
    pub entries: Vec<Entry>,
    /// A first line that is a title: `Book Review: Dune by Frank Herbert`, with its place.
    pub heading: Option<(String, Place)>,
    /// The lines that belong to the block, counted from 0.
    pub taken: Vec<usize>,
}

/// Takes a line apart where it begins with a label that reviews have.
pub fn read(line: &str) -> Option<Labelled<'_>> {
    let content = line.trim_start().trim_start_matches(['>', '#', '|', '•', '·']).trim_start();
    let content = ["- ", "* ", "+ "].iter().find_map(|marker| content.strip_prefix(marker)).unwrap_or(content);
    let colon = content.char_indices().take(48).find(|(_, c)| matches!(c, ':' | '：')).map(|(at, _)| at)?;
    let label = content[..colon].trim_matches(|c: char| c.is_whitespace() || "*_`[]".contains(c)).to_lowercase();
    let label = label.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, key) = LABELS.iter().find(|(name, _)| *name == label)?;
    let rest = content[colon..].trim_start_matches([':', '：']);
    let value = rest.trim_start_matches(['*', '_', ' ', '\t', '\u{a0}', '\u{fe0f}']);
    let value = if value.is_empty() && rest.contains("***") { rest } else { value };
    let value = value.trim_end().trim_end_matches("**").trim_end_matches('\\').trim_end();
    // "Note" is a mark in French and a remark everywhere else.
    if matches!(label.as_str(), "note" | "overall" | "read" | "by") && !is_certain(&label, value) {
        return None;
    }
    let before = line.len() - line.trim_end().len();
    let offset = line.len() - before - rest.trim_end().len() + (rest.len() - value_start(rest));
    let column = line.get(..offset.min(line.len())).map_or(1, |head| head.chars().count() + 1);
    Some(Labelled { key, value, column })
}

fn is_certain(label: &str, value: &str) -> bool {
    match label {
        "by" => people::looks_like_a_name(value),
        "read" => super::date::read(value).is_some(),
        _ => matches!(rating::read(value), Ok(Some(rating)) if rating.value.is_some()),
    }
}

fn value_start(rest: &str) -> usize {
    rest.trim_start_matches(['*', '_', ' ', '\t', '\u{a0}']).len()
}

/// A rating on a labelled line or in a heading (`## Rating: 4/5`); free prose does not count.
pub fn rating_of(line: &str) -> Option<&str> {
    let labelled = read(line).filter(|labelled| labelled.key == "rating")?;
    let rated = rating::read(labelled.value).ok().flatten()?;
    let certain = rated.value.is_some() || rated.raw.chars().count() <= 4;
    certain.then_some(labelled.value)
}

/// Reads the labelled lines at the head of a text whose first line is line `first_line` of the file.
///
/// Empty lines and pictures may stand between them; the block ends with the first other line. One line before the block
/// may be a title.
pub fn head(body: &str, first_line: u32) -> Head {
    let mut head = Head::default();
    let mut heading = None;
    let mut titled = false;
    for (index, line) in body.lines().enumerate().take(LINES_MAX) {
        let text = line.trim();
        if text.is_empty() || is_rule(text) || text.starts_with("![") {
            continue;
        }
        let place = |column: usize| Place::new(first_line as usize + index, column);
        match read(line).filter(|labelled| fits(labelled)) {
            Some(labelled) => {
                titled |= matches!(labelled.key, "title" | "author" | "rating" | "isbn");
                head.taken.push(index);
                if !labelled.key.is_empty() && !labelled.value.is_empty() {
                    let value = Value::plain(labelled.value, place(labelled.column));
                    head.entries.push(Entry { key: labelled.key.into(), place: place(1), value });
                }
            }
            None if head.taken.is_empty() && heading.is_none() && is_heading_like(line) => {
                heading = Some((index, text, place(1)));
            }
            None => break,
        }
    }
    if !titled {
        return Head::default();
    }
    if let Some((index, text, place)) = heading {
        head.taken.insert(0, index);
        head.heading = Some((text.trim_start_matches('#').trim().to_owned(), place));
    }
    head
}

/// A value that this label can have: keeps `Note: this is long` and `Read: the whole of it` in the text.
fn fits(labelled: &Labelled<'_>) -> bool {
    let short = labelled.value.chars().count() <= 200;
    match labelled.key {
        "rating" => labelled.value.is_empty() || matches!(rating::read(labelled.value), Ok(Some(_)) | Err(_)),
        "finished" | "started" | "date" => labelled.value.is_empty() || super::date::read(labelled.value).is_some(),
        _ => short && !(labelled.value.ends_with('.') && labelled.value.split_whitespace().count() > 12),
    }
}

/// A line that may be the title above the text: a heading, or a short line without the end of a sentence.
pub fn is_heading_like(line: &str) -> bool {
    let text = line.trim();
    if text.starts_with("# ") || text.starts_with("## ") {
        return true;
    }
    let short = text.chars().count() <= 120;
    short
        && !text.ends_with(['.', '!', ',', ';', ':', '?'])
        && !text.starts_with(['-', '*', '>', '|', '<', '!', '{', '`'])
}

/// A first line that names itself a review, or a work and its author: the title of a plain text.
pub fn is_title_line(line: &str) -> bool {
    if !is_heading_like(line) || markup::plain(line).is_empty() {
        return false;
    }
    let read = title::read(line, &[]);
    read.is_review || people::looks_like_a_name(&read.authors.join(" and "))
}

/// `---`, `***`, `===`: a line that only divides.
pub fn is_rule(text: &str) -> bool {
    text.len() >= 3
        && (text.bytes().all(|b| b == b'-')
            || text.bytes().all(|b| b == b'*')
            || text.bytes().all(|b| b == b'=')
            || text.bytes().all(|b| b == b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labelled_lines_are_read_in_every_dress() {
        for (line, key, value) in [
            ("Title: Dune", "title", "Dune"),
            ("**Author:** Frank Herbert", "author", "Frank Herbert"),
            ("**Author**: Frank Herbert", "author", "Frank Herbert"),
            ("- Score: ⭐️⭐️", "rating", "⭐️⭐️"),
            ("## Rating: 4/5", "rating", "4/5"),
            ("Author:: [[Frank Herbert]]", "author", "[[Frank Herbert]]"),
            ("Bewertung: 4 von 5", "rating", "4 von 5"),
            ("Completed: January 1, 2025", "finished", "January 1, 2025"),
            ("Rating:\u{a0}4", "rating", "4"),
        ] {
            let labelled = read(line).unwrap();
            assert_eq!((labelled.key, labelled.value), (key, value), "{line}");
        }
        assert!(read("I say: no").is_none());
        assert_eq!(read("Rating: 4").unwrap().column, 9);
    }

    #[test]
    fn a_head_of_labels_ends_where_the_text_begins() {
        let text = "Book Review: Dune\n\nTitle: Dune\n\nRating: 4/5\n\nNote: what follows is long.\n\nText";
        let head = head(text, 1);
        assert_eq!(head.taken, [0, 2, 4]);
        assert_eq!(head.entries.len(), 2);
        assert_eq!(head.heading.unwrap().0, "Book Review: Dune");
        assert!(super::head("Genre: none.\n\nI liked it", 1).taken.is_empty());
    }

    #[test]
    fn prose_about_ratings_is_no_rating() {
        assert_eq!(rating_of("all of them would've gotten 5/5"), None);
        assert_eq!(rating_of("Note: this is not a review"), None);
        assert_eq!(rating_of("**Rating:** 4/5"), Some("4/5"));
    }
}
