//! What a file of the folder is published as: a review, or an answer to somebody's post.

use serde::{Deserialize, Serialize};

use super::{Answer, Moment, Review, Slug, answer::Target};

/// The two things a reviewer publishes from files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Genre {
    #[default]
    Review,
    Answer,
}

/// A text of the reviewer's, read and understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Writing {
    Review(Review),
    /// With the post it answers.
    Answer(Answer, Box<Target>),
}

impl Genre {
    pub const ALL: [Self; 2] = [Self::Review, Self::Answer];

    /// What several of them are called.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Review => "reviews",
            Self::Answer => "answers",
        }
    }

    pub fn is_review(&self) -> bool {
        *self == Self::Review
    }
}

impl Writing {
    pub fn genre(&self) -> Genre {
        match self {
            Self::Review(_) => Genre::Review,
            Self::Answer(..) => Genre::Answer,
        }
    }

    /// `id:` as its metadata gives it.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Review(review) => review.id.as_deref(),
            Self::Answer(answer, _) => answer.id.as_deref(),
        }
    }

    /// Taken in without telling anybody, whatever its number.
    pub fn imported(&self) -> bool {
        match self {
            Self::Review(review) => review.imported,
            Self::Answer(answer, _) => answer.imported,
        }
    }

    pub fn date(&self) -> Option<Moment> {
        match self {
            Self::Review(review) => review.date,
            Self::Answer(answer, _) => answer.date,
        }
    }

    pub fn slug(&self) -> &Slug {
        match self {
            Self::Review(review) => &review.slug,
            Self::Answer(answer, _) => &answer.slug,
        }
    }

    /// The book's title, or what the answer is for.
    pub fn title(&self) -> String {
        match self {
            Self::Review(review) => review.book.title.clone(),
            Self::Answer(_, target) => format!("answer to {}", target.id),
        }
    }
}
