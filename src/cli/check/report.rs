//! What a check found, in the form in which programs read it.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    config::ReviewerSettings,
    domain::{Isbn, Moment, Problem, Rating, Review, ReviewId, Slug, address::book_key},
    intake::{
        kind::Kind,
        parse::{Fact, Reading},
    },
};

/// Paths are relative to the folder that was read.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub reviews: Vec<Row>,
    pub answers: Vec<AnswerRow>,
    pub skipped: Vec<Skipped>,
    pub problems: Vec<Problem>,
    /// What each folder was taken for.
    pub folders: Vec<FolderRow>,
    /// Every file that was read: what it was taken for, and what became of its keys.
    pub files: Vec<FileRow>,
    /// Books with more than one review, by their first file.
    pub duplicates: Vec<Duplicate>,
    /// The files of each book, in the order of the walk.
    #[serde(skip)]
    books: Shelf,
}

#[derive(Debug, Serialize)]
pub struct Row {
    pub file: String,
    pub reviewer: String,
    pub id: ReviewId,
    pub slug: Slug,
    pub title: String,
    pub authors: Vec<String>,
    pub rating: Option<Rating>,
    pub date: Option<Moment>,
    pub draft: bool,
    pub spoilers: bool,
    pub words: u32,
}

/// An answer to somebody's post.
#[derive(Debug, Serialize)]
pub struct AnswerRow {
    pub file: String,
    pub reviewer: String,
    pub id: ReviewId,
    pub in_reply_to: String,
    pub date: Option<Moment>,
    pub draft: bool,
    pub words: u32,
}

#[derive(Debug, Serialize)]
pub struct Skipped {
    pub file: String,
    pub why: String,
}

#[derive(Debug, Serialize)]
pub struct FolderRow {
    pub folder: String,
    pub reviewer: String,
    /// `reviews`, `jekyll`, `hugo`, `zola`, `eleventy`, `astro` or `obsidian`.
    pub kind: &'static str,
    pub scale: Scale,
    #[serde(skip)]
    pub is: Kind,
}

/// What ratings that are bare numbers are out of.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Scale {
    pub best: f64,
    pub from: ScaleFrom,
    /// How many ratings are bare numbers.
    pub ratings: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScaleFrom {
    /// `rating_scale` of the reviewer.
    Settings,
    /// Inferred from the ratings themselves.
    Ratings,
    /// No rating is a bare number.
    Nothing,
}

/// A file that was read.
#[derive(Debug, Serialize)]
pub struct FileRow {
    pub file: String,
    pub taken_for: TakenFor,
    /// `Markdown with a TOML header`; nothing where the file was not taken apart.
    pub form: Option<String>,
    pub understood: Vec<Key>,
    /// Keys that mean nothing to reviewd, as written.
    pub ignored: Vec<String>,
}

/// A key of a header, with what it is understood to be.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Key {
    pub key: String,
    pub means: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TakenFor {
    Review,
    Draft,
    /// A review or an answer whose date has not come.
    Scheduled,
    Answer,
    /// Not a review; `skipped` says why.
    Skipped,
    /// Not readable; a problem says where.
    Withheld,
}

#[derive(Debug, Serialize)]
pub struct Duplicate {
    pub title: String,
    pub authors: Vec<String>,
    pub files: Vec<String>,
}

/// Reviews by the work they are about. ISBNs differ between editions, and titles between languages, so either counts.
#[derive(Debug, Default)]
struct Shelf {
    books: Vec<Duplicate>,
    by_isbn: HashMap<Isbn, usize>,
    by_key: HashMap<String, usize>,
}

impl Report {
    /// Adds what another place gave.
    pub fn take_in(&mut self, other: Self) {
        self.reviews.extend(other.reviews);
        self.answers.extend(other.answers);
        self.skipped.extend(other.skipped);
        self.problems.extend(other.problems);
        self.folders.extend(other.folders);
        self.files.extend(other.files);
        // Two reviewers may read the same book: that is no duplicate.
        self.duplicates.extend(other.books.books.into_iter().filter(|book| book.files.len() > 1));
    }

    /// Remembers which book a file is about.
    pub fn note_book(&mut self, file: &str, review: &Review) {
        let Shelf { books, by_isbn, by_key } = &mut self.books;
        let book = &review.book;
        let by_name = book_key(&crate::domain::Book { isbn: None, ..book.clone() });
        let known = book.isbn.as_ref().and_then(|isbn| by_isbn.get(isbn)).or_else(|| by_key.get(&by_name)).copied();
        let at = known.unwrap_or_else(|| {
            books.push(Duplicate { title: book.title.clone(), authors: book.authors.clone(), files: Vec::new() });
            books.len() - 1
        });
        if let Some(entry) = books.get_mut(at) {
            entry.files.push(file.to_owned());
        }
        by_key.entry(by_name).or_insert(at);
        if let Some(isbn) = &book.isbn {
            by_isbn.entry(isbn.clone()).or_insert(at);
        }
    }

    /// How often each ignored key stands in the files, the most frequent first, and one file that has it.
    pub fn ignored(&self) -> Vec<(&str, usize, &str)> {
        let mut counted: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
        for file in self.files.iter().filter(|file| file.taken_for != TakenFor::Skipped) {
            for key in &file.ignored {
                counted.entry(key).or_insert((0, &file.file)).0 += 1;
            }
        }
        let mut ignored: Vec<_> = counted.into_iter().map(|(key, (count, file))| (key, count, file)).collect();
        ignored.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        ignored
    }

    /// How often each key was understood, and as what, the most frequent first.
    pub fn understood(&self) -> Vec<(&str, &'static str, usize)> {
        let mut counted: BTreeMap<(&str, &'static str), usize> = BTreeMap::new();
        let taken = self.files.iter().filter(|file| file.taken_for != TakenFor::Skipped);
        for key in taken.flat_map(|file| &file.understood) {
            *counted.entry((&key.key, key.means)).or_default() += 1;
        }
        let mut understood: Vec<_> = counted.into_iter().map(|((key, means), count)| (key, means, count)).collect();
        understood.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(b.0)));
        understood
    }
}

impl FolderRow {
    pub fn new(folder: String, reviewer: &ReviewerSettings, kind: Kind, scale: Scale) -> Self {
        Self { folder, reviewer: reviewer.handle.to_string(), kind: kind.name(), scale, is: kind }
    }
}

impl FileRow {
    pub fn new(file: &str, taken_for: TakenFor, facts: &[Fact]) -> Self {
        let mut row = Self {
            file: file.to_owned(),
            taken_for,
            form: facts.iter().find(|fact| fact.what == "form").map(|fact| fact.value.clone()),
            understood: Vec::new(),
            ignored: Vec::new(),
        };
        for fact in facts {
            for key in keys_of(fact) {
                match fact.what {
                    "ignored" => row.ignored.push(key.to_owned()),
                    means => row.understood.push(Key { key: key.to_owned(), means }),
                }
            }
        }
        row.understood.dedup();
        row
    }
}

/// The keys that a fact names in backticks.
fn keys_of(fact: &Fact) -> impl Iterator<Item = &str> {
    fact.from.split('`').skip(1).step_by(2)
}

impl TakenFor {
    pub fn of(reading: &Reading, now: Timestamp) -> Self {
        let waits = |date: Option<Moment>| date.is_some_and(|date| date.begins() > now);
        match reading {
            Reading::Review(review) if review.draft => Self::Draft,
            Reading::Answer(answer) if answer.draft => Self::Draft,
            Reading::Review(review) if waits(review.date) => Self::Scheduled,
            Reading::Answer(answer) if waits(answer.date) => Self::Scheduled,
            Reading::Review(_) => Self::Review,
            Reading::Answer(_) => Self::Answer,
            Reading::Skipped(_) => Self::Skipped,
            Reading::Withheld => Self::Withheld,
        }
    }

    /// For a table, where a review is what one expects.
    pub fn word(self) -> &'static str {
        match self {
            Self::Review => "a review",
            Self::Draft => "a draft, kept private",
            Self::Scheduled => "a review that waits for its date",
            Self::Answer => "an answer to a post",
            Self::Skipped => "not a review",
            Self::Withheld => "not readable as it stands",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::parse::{Context, SourceFile, parse};

    fn noted(texts: &[&str]) -> Vec<Vec<String>> {
        let mut report = Report::default();
        let context = Context { reviewer_name: "Ana", reviewer_handle: "ana", rating_scale: None, among_others: false };
        for (text, number) in texts.iter().zip(1..) {
            let path = format!("{number}.md");
            let file = SourceFile { path: &path, bytes: text.as_bytes(), siblings: &[] };
            let Reading::Review(review) = parse(&file, &context).reading else { unreachable!("{text}") };
            report.note_book(&path, &review);
        }
        let mut all = Report::default();
        all.take_in(report);
        all.duplicates.into_iter().map(|book| book.files).collect()
    }

    #[test]
    fn two_files_are_about_one_book_by_its_isbn_or_by_title_and_author() {
        let emma = "---\ntitle: Emma\nauthor: Jane Austen\n---\nx";
        let again = "---\ntitle: EMMA\nauthor: Jane Austen\nisbn: 9780141439587\n---\nx";
        let in_german = "---\ntitle: Emma auf Deutsch\nauthor: Austen\nisbn: 9780141439587\n---\nx";
        let another = "---\ntitle: Emma\nauthor: Somebody Else\n---\nx";
        assert_eq!(noted(&[emma, again, in_german, another]), [["1.md", "2.md", "3.md"]]);
        assert_eq!(noted(&[emma, another]), Vec::<Vec<String>>::new());
    }
}
