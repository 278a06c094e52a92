//! Review files as people write them: bytes in, a review or problems out. Pure, and never a panic.
//!
//! [`parse`] decodes the bytes, cuts the file into metadata and text (`sheet`), reads each role from the place that knows
//! it best (`review`) and says where it found what. Metadata whose syntax does not hold is never repaired by guessing:
//! the file is withheld and its problem names line, column and cure.

mod answer;
mod body;
mod bytes;
mod cover;
mod date;
pub mod front_matter;
mod html;
// A table to be read at a glance.
#[rustfmt::skip]
mod keys;
mod labels;
mod markup;
mod metadata;
mod name;
mod org;
mod people;
mod rating;
mod review;
pub mod schema;
mod sheet;
mod title;
mod values;

pub use bytes::REVIEW_BYTES_MAX;
pub use name::{is_answer, is_candidate};
pub use rating::infer_scale;

use crate::domain::{Answer, Problem, Review};

/// One file of a review folder.
#[derive(Debug, Clone, Copy)]
pub struct SourceFile<'a> {
    /// Relative to the review folder, parted by `/`.
    pub path: &'a str,
    pub bytes: &'a [u8],
    /// Names of the files beside it, for the `cover.jpg` of a page bundle.
    pub siblings: &'a [String],
}

/// What is known about the folder before a file of it is read.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// An `author:` of this name is the reviewer, not the author of the work.
    pub reviewer_name: &'a str,
    pub reviewer_handle: &'a str,
    /// Best value of bare numbers, once it is known; see [`infer_scale`].
    pub rating_scale: Option<f64>,
}

/// What a file turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    Review(Box<Review>),
    /// A file in `replies/` that answers a post.
    Answer(Box<Answer>),
    /// Not a review, and why: "a README, not a review", "an empty file".
    Skipped(String),
    /// Not readable as it stands; a problem of [`Severity::Error`](crate::domain::Severity) says where and what to type.
    Withheld,
}

/// A reading with everything there is to say about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    pub reading: Reading,
    pub problems: Vec<Problem>,
    /// Which key or place gave which value, for people who ask why.
    pub facts: Vec<Fact>,
}

/// Where a value of the review came from; `what` is `ignored` for keys that no role asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub what: &'static str,
    pub value: String,
    /// `` `book.title` on line 3 ``, `file name`, `first heading`.
    pub from: String,
}

/// Reads one file.
pub fn parse(file: &SourceFile<'_>, context: &Context<'_>) -> Parsed {
    if is_answer(file.path) {
        return answer::read(file);
    }
    match sheet::read(file) {
        Ok(sheet) => review::assemble(file, context, sheet),
        Err(sheet::NoReview::Skipped(why)) => {
            Parsed { reading: Reading::Skipped(why), problems: Vec::new(), facts: Vec::new() }
        }
        Err(sheet::NoReview::Withheld(problem)) => {
            Parsed { reading: Reading::Withheld, problems: vec![*problem], facts: Vec::new() }
        }
    }
}

#[cfg(test)]
mod tests;
