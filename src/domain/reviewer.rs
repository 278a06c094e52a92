//! Who reviews, and the site they share.

use serde::{Deserialize, Serialize};

use super::{Handle, Origin, Picture};

/// A person with a folder of reviews: one actor, one profile, one set of feeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reviewer {
    pub handle: Handle,
    pub name: String,
    /// Plain text or Markdown, one paragraph or a few.
    pub bio: String,
    pub avatar: Option<Picture>,
    /// Addresses that are this person too (`rel="me"`).
    pub links: Vec<ProfileLink>,
    /// Ids of the person's other fediverse accounts.
    pub also_known_as: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileLink {
    /// "Website", "Mastodon".
    pub name: String,
    pub url: String,
}

/// What all pages and feeds share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    pub origin: Origin,
    pub title: String,
    /// One sentence for feeds and search engines.
    pub description: String,
    /// BCP 47 tag of the pages, and of reviews that name none.
    pub language: String,
    /// Where the source code of the running program is to be had (AGPL-3.0 section 13).
    pub source_url: String,
}
