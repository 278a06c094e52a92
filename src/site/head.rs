//! The head of a page: what search engines, link cards, feed readers and fediverse servers read.

use crate::domain::{Handle, Picture, Reviewer, picture::Size};

use super::{Shell, card::Link, json_ld::JsonLd};

/// Everything between `<head>` and `</head>` that differs from page to page.
pub(super) struct Head {
    /// The page's own title; the template adds the site's.
    pub title: String,
    pub description: String,
    /// Path with query. Mastodon follows a canonical link only on the same origin.
    pub path: String,
    pub kind: Kind,
    pub image: Option<HeadImage>,
    /// RFC 3339.
    pub published: Option<String>,
    pub modified: Option<String>,
    /// `@ana@books.example`: whom a link card on Mastodon names as the author.
    pub creator: Option<String>,
    /// BCP 47.
    pub language: String,
    /// The nearest feed first: readers that take only one take the first.
    pub feeds: Vec<FeedLink>,
    /// The feed of the conversation.
    pub replies: Option<Link>,
    /// The id of the actor or Note that this page shows.
    pub activity: Option<String>,
    pub older: Option<String>,
    pub newer: Option<String>,
    /// Search results and error pages are not for search engines.
    pub indexed: bool,
    pub json_ld: Option<JsonLd>,
}

/// <https://ogp.me/#types>
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Website,
    Article,
    Profile,
}

pub(super) struct HeadImage {
    /// Absolute.
    pub url: String,
    pub alt: String,
    pub width: u32,
    pub height: u32,
    pub media_type: String,
}

/// Three feeds of the same reviews, told apart by their address.
pub(super) struct FeedLink {
    pub title: String,
    /// `/`, `/@ana/` or `/tags/poetry/`.
    pub base: String,
}

impl Head {
    /// A page in the site's language with the site's feeds.
    pub fn new(shell: &Shell<'_>, title: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            description: shell.site.description.clone(),
            path: path.into(),
            kind: Kind::Website,
            image: None,
            published: None,
            modified: None,
            creator: None,
            language: shell.site.language.clone(),
            feeds: vec![FeedLink { title: shell.site.title.clone(), base: "/".to_owned() }],
            replies: None,
            activity: None,
            older: None,
            newer: None,
            indexed: true,
            json_ld: None,
        }
    }

    /// Puts feeds of this page's own before the site's.
    pub fn with_feeds(mut self, title: String, base: String) -> Self {
        self.feeds.insert(0, FeedLink { title, base });
        self
    }

    pub fn hidden(mut self) -> Self {
        self.indexed = false;
        self
    }

    /// `en_GB`, as <https://ogp.me/#optional> wants it.
    pub fn locale(&self) -> String {
        self.language.replace('-', "_")
    }

    pub fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Website => "website",
            Kind::Article => "article",
            Kind::Profile => "profile",
        }
    }
}

impl HeadImage {
    pub fn new(shell: &Shell<'_>, picture: &Picture, alt: String) -> Self {
        Self {
            url: shell.site.origin.media(picture, Size::Full),
            alt,
            width: picture.width,
            height: picture.height,
            media_type: picture.media_type.clone(),
        }
    }
}

/// `@ana@books.example`.
pub(super) fn fediverse_address(shell: &Shell<'_>, handle: &Handle) -> String {
    format!("@{handle}@{}", shell.site.origin.host())
}

/// The reviewer's feeds, named so that a reader can tell them from the site's.
pub(super) fn reviewer_feeds(shell: &Shell<'_>, reviewer: &Reviewer) -> (String, String) {
    (format!("{} · {}", reviewer.name, shell.site.title), format!("/@{}/", reviewer.handle))
}
