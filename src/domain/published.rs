//! A review as the world sees it: what the file says, with the identity and times that the ledger pinned.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Book, Handle, Moment, Picture, Rating, Review, ReviewId, Slug};

/// Everything that feeds, the page and the Note of a live review are made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    pub reviewer: Handle,
    pub id: ReviewId,
    /// `urn:uuid:…`, the same in every feed and for ever.
    pub guid: String,
    /// Pinned; the review's page is `/@{reviewer}/{slug}`.
    pub slug: Slug,
    /// Whole seconds, never changed after first publication.
    pub published: Timestamp,
    /// Whole seconds; `None` until the first visible change, then strictly increasing.
    pub updated: Option<Timestamp>,
    /// The rating is on its scale.
    pub review: Review,
    pub cover: Option<Picture>,
    /// Pictures in the body by their address as written there.
    pub pictures: BTreeMap<String, Picture>,
}

/// What a list shows of a review; one is kept in memory for every live review.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    pub reviewer: Handle,
    pub id: ReviewId,
    pub guid: String,
    pub slug: Slug,
    pub published: Timestamp,
    pub updated: Option<Timestamp>,
    pub date: Option<Moment>,
    pub book: Book,
    pub headline: Option<String>,
    pub rating: Option<Rating>,
    pub tags: Vec<String>,
    pub language: Option<String>,
    /// The whole text gives the plot away: the excerpt is empty.
    pub spoilers: bool,
    /// Plain text of the first words, free of spoilers.
    pub excerpt: String,
    pub words: u32,
    /// Length of the texts as written, in bytes.
    #[serde(default)]
    pub bytes: u32,
    pub cover: Option<Picture>,
    /// Addresses the review had elsewhere or before, as its file names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

impl Published {
    /// When the review was last visibly changed, or published.
    pub fn changed(&self) -> Timestamp {
        self.updated.unwrap_or(self.published)
    }

    /// The headline where there is one, else "TITLE by AUTHOR".
    pub fn heading(&self) -> String {
        self.review.headline.clone().unwrap_or_else(|| self.review.book.by_line())
    }

    /// The card of this review; `excerpt` and `words` come from the text module.
    pub fn card(&self, excerpt: String, words: u32) -> Card {
        Card {
            reviewer: self.reviewer.clone(),
            id: self.id.clone(),
            guid: self.guid.clone(),
            slug: self.slug.clone(),
            published: self.published,
            updated: self.updated,
            date: self.review.date,
            book: self.review.book.clone(),
            headline: self.review.headline.clone(),
            rating: self.review.rating.clone(),
            tags: self.review.tags.clone(),
            language: self.review.language.clone(),
            spoilers: self.review.spoilers,
            excerpt,
            words,
            bytes: u32::try_from(self.review.body.source.len()).unwrap_or(u32::MAX),
            cover: self.cover.clone(),
            aliases: self.review.aliases.clone(),
        }
    }
}

impl Card {
    pub fn changed(&self) -> Timestamp {
        self.updated.unwrap_or(self.published)
    }

    /// The date shown to people: the reviewer's own, else that of publication.
    pub fn shown_date(&self) -> Moment {
        self.date.unwrap_or(Moment::Instant(self.published))
    }
}
