//! The pages that explain: how to follow the reviews, and why there is no page to show.

use askama::Template;

use crate::domain::{Reviewer, address::tag_path};

use super::{
    REVIEWERS_IN_MASTHEAD, Shell,
    card::{Link, author_path},
    head::{FeedLink, Head, fediverse_address},
    pages::{Counted, stars_in_words},
    rendered, statics,
};

/// Why there is no page to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// There never was such a page.
    NotFound,
    /// The review was taken back by its reviewer, for good.
    Gone,
    /// Too many requests from one client.
    TooMany,
    /// Something broke on our side.
    Broken,
    /// Starting, stopping or overloaded: soon again.
    Unavailable,
    /// The request was meant for another host (RFC 9110, section 15.5.20).
    Misdirected,
}

/// What there is to follow: subjects, authors of books, and ratings by their stars have feeds of their own.
#[derive(Debug, Clone, Default)]
pub struct FeedsPage {
    /// The site has a hub of its own.
    pub hub: bool,
    /// Feeds carry whole reviews.
    pub full_text: bool,
    pub tags: Vec<Counted>,
    pub authors: Vec<Counted>,
    pub ratings: Vec<Counted>,
}

/// One list of feeds: what it is called, and each feed with the number of its reviews.
struct FeedList {
    id: &'static str,
    title: &'static str,
    feeds: Vec<(FeedLink, usize)>,
}

/// `/feeds`: the feeds, and what one does with them.
pub fn feeds(shell: &Shell<'_>, page: &FeedsPage) -> String {
    let mut head = Head::new(shell, "Feeds", "/feeds");
    head.description = format!("How to follow {}.", shell.site.title);
    let everything = FeedLink { title: "All reviews".to_owned(), base: "/".to_owned() };
    let own = |reviewer: &&Reviewer| FeedLink {
        title: format!("Reviews by {}", reviewer.name),
        base: format!("/@{}/", reviewer.handle),
    };
    let feeds = std::iter::once(everything).chain(shell.reviewers.iter().map(own)).collect();
    let people = shell
        .reviewers
        .iter()
        .map(|reviewer| Link {
            name: fediverse_address(shell, &reviewer.handle),
            path: format!("/@{}", reviewer.handle),
        })
        .collect();
    let everybody = Link { name: "Everything that is said".to_owned(), path: "/replies".to_owned() };
    let to = |reviewer: &&Reviewer| Link {
        name: format!("Replies to {}", reviewer.name),
        path: format!("/@{}/replies", reviewer.handle),
    };
    let replies = std::iter::once(everybody).chain(shell.reviewers.iter().map(to)).collect();
    let lists = vec![
        FeedList::new("ratings", "By rating", &page.ratings, |stars| {
            (stars_in_words(stars), format!("/ratings/{stars}"))
        }),
        FeedList::new("subjects", "By subject", &page.tags, |tag| (tag.to_owned(), tag_path(tag))),
        FeedList::new("authors", "By author of the book", &page.authors, |name| (name.to_owned(), author_path(name))),
    ];
    rendered(&FeedsTemplate { shell, head, feeds, replies, page, lists, people })
}

impl FeedList {
    fn new(id: &'static str, title: &'static str, groups: &[Counted], link: impl Fn(&str) -> (String, String)) -> Self {
        let feed = |group: &Counted| {
            let (title, path) = link(&group.name);
            (FeedLink { title, base: format!("{path}/") }, group.reviews)
        };
        Self { id, title, feeds: groups.iter().map(feed).collect() }
    }
}

/// An error page, to be sent with [`Trouble::status`].
pub fn trouble(shell: &Shell<'_>, trouble: Trouble) -> String {
    rendered(&TroubleTemplate { shell, head: Head::new(shell, trouble.title(), "/").hidden(), trouble })
}

impl Trouble {
    /// The HTTP status it is sent with.
    pub fn status(self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Gone => 410,
            Self::Misdirected => 421,
            Self::TooMany => 429,
            Self::Broken => 500,
            Self::Unavailable => 503,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::NotFound => "No such page",
            Self::Gone => "Taken back",
            Self::Misdirected => "Wrong address",
            Self::TooMany => "Too fast",
            Self::Broken => "Out of order",
            Self::Unavailable => "Back in a moment",
        }
    }

    fn explanation(self) -> &'static str {
        match self {
            Self::NotFound => "This leaf is missing from the volume. The address may be mistyped, or it never existed.",
            Self::Gone => "There was a review here. Its reviewer has taken it back, and it will not return.",
            Self::Misdirected => "This request was meant for another site. Check the address and try again.",
            Self::TooMany => "You turn the pages faster than we can print them. Wait a minute, then go on.",
            Self::Broken => "Something broke on our side. It has been noted; try again a little later.",
            Self::Unavailable => "The press is being cleaned. Try again in a few seconds.",
        }
    }
}

#[derive(Template)]
#[template(path = "feeds.html")]
struct FeedsTemplate<'a> {
    shell: &'a Shell<'a>,
    head: Head,
    feeds: Vec<FeedLink>,
    /// Each with its address but for the extension.
    replies: Vec<Link>,
    page: &'a FeedsPage,
    lists: Vec<FeedList>,
    people: Vec<Link>,
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroubleTemplate<'a> {
    shell: &'a Shell<'a>,
    head: Head,
    trouble: Trouble,
}
