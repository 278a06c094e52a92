//! Other people's exports, turned into review files that are then as good as any other.
//!
//! One module reads each kind of export and hands out what it found row by row; `file` writes a review as a file, and
//! `into` puts the files into a folder: never over one that is there, and never half.

pub mod blocks;
mod bookwyrm;
mod file;
pub mod goodreads;
mod into;
mod json;
mod letterboxd;
mod librarything;
mod markup;
mod storygraph;
mod table;
mod values;
mod wordpress;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_kinds;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::domain::{Comment, Isbn, Moment, Series};

pub use into::{Into, Tally};

/// Longest export that is read, in bytes: a hundred thousand rows with their texts are a fifth of it.
const EXPORT_BYTES_MAX: u64 = 512 << 20;
/// Most that comes out of a compressed export, in bytes, whatever it says of itself.
const UNPACKED_BYTES_MAX: u64 = 512 << 20;

/// Where an export comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Goodreads,
    StoryGraph,
    LibraryThing,
    BookWyrm,
    Letterboxd,
    WordPress,
}

/// One row of an export.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    Review(Box<Brought>),
    /// Not turned into a review, and why.
    Passed(Passed),
}

/// A row that became no review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Counted from 1; the item's number where the export has no lines.
    pub line: u64,
    /// Title, or whatever tells a person which row it is.
    pub what: String,
    pub why: String,
    /// Something is wrong with the row; otherwise it is just no review, such as a book on the shelf of those to read.
    pub is_damaged: bool,
}

/// A review as an export tells it. As JSON it stands in our own exports, so its names stay as they are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Brought {
    /// Line or number in the export.
    #[serde(skip)]
    pub line: u64,
    /// The export's own name of the row, the same in every export: `goodreads:12345`. Never the ISBN: one book may be
    /// reviewed twice, and an ISBN may be mended.
    pub identity: String,
    pub title: String,
    pub authors: Vec<String>,
    pub isbn: Option<Isbn>,
    /// An ISBN that is none, to be told of.
    #[serde(skip)]
    pub bad_isbn: Option<String>,
    pub year: Option<i32>,
    pub pages: Option<u32>,
    pub publisher: Option<String>,
    pub series: Option<Series>,
    /// The address of a picture, where it was asked for.
    #[serde(skip)]
    pub cover: Option<String>,
    /// Value and best.
    pub rating: Option<(f64, f64)>,
    /// A rating that is no number, as it was written: `A-`, `👍`.
    pub verdict: Option<String>,
    pub started: Option<Moment>,
    /// Once for each reading, oldest first.
    pub read: Vec<Moment>,
    pub date: Option<Moment>,
    pub updated: Option<Moment>,
    pub tags: Vec<String>,
    pub headline: Option<String>,
    pub summary: Option<String>,
    pub spoilers: bool,
    pub draft: bool,
    pub language: Option<String>,
    /// Addresses that the post's page had, as paths.
    pub former_paths: Vec<String>,
    /// The address of the page, against which relative links in the text hold.
    pub page: Option<String>,
    /// What the file is to be called; made from the title otherwise.
    pub slug: Option<String>,
    /// Markdown.
    pub body: String,
    /// What readers said, oldest first; names and words, and no addresses.
    pub comments: Vec<Comment>,
}

impl Brought {
    /// Names a picture of the cover at Open Library, for the daemon to fetch once (<https://openlibrary.org/dev/docs/api/covers>).
    pub fn with_cover(mut self) -> Self {
        let address = |isbn: &Isbn| format!("https://covers.openlibrary.org/b/isbn/{isbn}-L.jpg?default=false");
        self.cover = self.isbn.as_ref().map(address);
        self
    }
}

/// Why an export cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("open {path}")]
    Open { path: PathBuf, source: io::Error },
    #[error("{path} has more than {EXPORT_BYTES_MAX} bytes: split it")]
    TooLarge { path: PathBuf },
    #[error("{path} holds more than {UNPACKED_BYTES_MAX} bytes when unpacked, which no export of reviews does")]
    Bomb { path: PathBuf },
    #[error("{path} is no {kind} export: {why}")]
    Strange { path: PathBuf, kind: &'static str, why: String },
    #[error("{doing} {path}; nothing was changed")]
    Write { doing: &'static str, path: PathBuf, source: io::Error },
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Goodreads => "Goodreads",
            Self::StoryGraph => "StoryGraph",
            Self::LibraryThing => "LibraryThing",
            Self::BookWyrm => "BookWyrm",
            Self::Letterboxd => "Letterboxd",
            Self::WordPress => "WordPress",
        }
    }
}

/// Reads an export and hands each of its rows to `take`, in order.
///
/// # Errors
/// The file cannot be read, is too large, or is no export of this kind; rows that are damaged are passed one by one instead.
pub fn read(kind: Kind, path: &Path, take: &mut dyn FnMut(Row)) -> Result<(), ImportError> {
    let bytes = bytes_of(path)?;
    let strange = |why: String| ImportError::Strange { path: path.to_owned(), kind: kind.name(), why };
    match kind {
        Kind::Goodreads => goodreads::read(bytes, take).map_err(strange),
        Kind::StoryGraph => storygraph::read(bytes, take).map_err(strange),
        Kind::LibraryThing => librarything::read(bytes, take).map_err(strange),
        Kind::BookWyrm => bookwyrm::read(bytes, take).map_err(strange),
        Kind::Letterboxd => letterboxd::read(bytes, take).map_err(strange),
        Kind::WordPress => wordpress::read(bytes, take).map_err(strange),
    }
    .map_err(|error| match error {
        ImportError::Strange { why, .. } if why == BOMB => ImportError::Bomb { path: path.to_owned() },
        error => error,
    })
}

/// About how far rows are counted in an export, for who wants to show how far it is; `None` where that is not to be seen from
/// outside.
pub fn rows_expected(kind: Kind, path: &Path) -> Option<u64> {
    const ARCHIVES: [&[u8]; 2] = [b"PK", &[0x1f, 0x8b]];
    let mut reader = BufReader::new(File::open(path).ok()?);
    if ARCHIVES.iter().any(|magic| reader.fill_buf().is_ok_and(|head| head.starts_with(magic))) {
        return None;
    }
    let mut rows = 0;
    let mut line = Vec::new();
    while reader.by_ref().take(EXPORT_BYTES_MAX).read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        // Of items the number counts, in all else the line.
        let is_item = || line.windows(6).any(|tag| tag == b"<item>");
        rows += u64::from(kind != Kind::WordPress || is_item());
        line.clear();
    }
    Some(rows)
}

/// What a reader says of an archive that unpacks to too much.
const BOMB: &str = "too much inside";

fn bytes_of(path: &Path) -> Result<Vec<u8>, ImportError> {
    let open = |source| ImportError::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(open)?;
    let mut bytes = Vec::new();
    file.take(EXPORT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(open)?;
    if bytes.len() as u64 > EXPORT_BYTES_MAX {
        return Err(ImportError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

/// Reads a member of an archive, whatever size it claims to have.
fn unpacked(member: impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    member.take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| format!("it is damaged: {error}"))?;
    if bytes.len() as u64 > UNPACKED_BYTES_MAX { Err(BOMB.to_owned()) } else { Ok(bytes) }
}
