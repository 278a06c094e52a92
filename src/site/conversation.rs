//! The conversation under a review: who answered what, who liked it, and how to answer from one's own account.

use jiff::Timestamp;
use url::Url;

use crate::{
    domain::{Moment, Origin, RemoteActor, Reviewer, picture::Size},
    text::{self, SafeHtml},
};

use super::{
    card::{DateView, JACKET_PALETTES, fnv1a},
    list::Paging,
};

/// Steps to the side that a reply in a reply takes at most; deeper ones say whom they answer.
const DEPTH_SHOWN_MAX: usize = 6;

/// What the page of a review shows of its conversation.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    /// Those of this page, in [`reading_order`].
    pub remarks: Vec<Remark>,
    pub paging: Paging,
    pub likes: Crowd,
    pub boosts: Crowd,
    pub quotes: Crowd,
    pub door: Door,
}

/// Whether the review takes replies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Door {
    /// By everybody; the ActivityPub id that their servers open.
    Open { note: String },
    /// What was said stays, and nothing is added.
    #[default]
    Closed,
}

/// A reply, somebody else's or the reviewer's own.
#[derive(Debug, Clone)]
pub struct Remark {
    /// The number that commands know it by, and its anchor on the page.
    pub number: i64,
    pub person: Person,
    /// How deep in the thread; 0 answers the review.
    pub depth: usize,
    /// The reply that it answers, where that is not the review.
    pub answers: Option<Answered>,
    /// Plain text.
    pub title: Option<String>,
    /// Plain text: what stands before a fold.
    pub warning: Option<String>,
    pub content: SafeHtml,
    /// BCP 47.
    pub language: Option<String>,
    pub published: Timestamp,
    pub updated: Option<Timestamp>,
    /// Where the original stands; no link where it is no web address.
    pub original: Option<String>,
    /// The ActivityPub id, for answering it from one's own account.
    pub id: String,
}

/// Who a reply answers, and where that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub number: i64,
    pub name: String,
    /// The page of the conversation it stands on.
    pub page: u32,
}

/// Somebody in the conversation.
#[derive(Debug, Clone)]
pub struct Person {
    /// One line of visible characters.
    pub name: String,
    /// `@bob@mastodon.example`.
    pub address: String,
    /// The profile, on our site or theirs.
    page: Option<String>,
    face: Face,
    is_reviewer: bool,
}

/// A portrait that we serve, or the first letter of the name.
#[derive(Debug, Clone)]
enum Face {
    Portrait(String),
    Letter { letter: String, palette: u64 },
}

/// The people behind a number.
#[derive(Debug, Clone, Default)]
pub struct Crowd {
    pub total: usize,
    /// The newest of them.
    pub people: Vec<Admirer>,
}

/// Who liked, boosted or quoted.
#[derive(Debug, Clone)]
pub struct Admirer {
    pub person: Person,
    /// The emoji of a reaction.
    pub emoji: Option<String>,
    /// The post that quotes.
    pub page: Option<String>,
}

impl Person {
    /// Somebody from elsewhere; `portrait` is a path of this site.
    pub fn from_elsewhere(actor: &RemoteActor, portrait: Option<String>) -> Self {
        let address = text::clean_name(&format!("@{}", actor.handle));
        let name = Some(text::clean_name(&actor.name)).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| address.clone());
        let face = portrait.map_or_else(|| Face::letter(&name, &actor.id), Face::Portrait);
        Self { face, name, address, page: outside(&actor.page), is_reviewer: false }
    }

    /// Somebody of whom nothing but the id is known any more.
    pub fn unknown(id: &str) -> Self {
        let url = Url::parse(id).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or("elsewhere");
        let name = text::clean_name(&format!("somebody at {host}"));
        Self { face: Face::letter(host, id), name, address: String::new(), page: outside(id), is_reviewer: false }
    }

    pub fn reviewer(reviewer: &Reviewer, origin: &Origin) -> Self {
        let portrait = reviewer.avatar.as_ref().map(|avatar| format!("/media/{}", avatar.file_name(Size::Thumb)));
        let face = portrait.map_or_else(|| Face::letter(&reviewer.name, reviewer.handle.as_str()), Face::Portrait);
        Self {
            name: reviewer.name.clone(),
            address: format!("@{}@{}", reviewer.handle, origin.host()),
            page: Some(format!("/@{}", reviewer.handle)),
            face,
            is_reviewer: true,
        }
    }

    pub(super) fn page(&self) -> Option<&str> {
        self.page.as_deref()
    }

    /// What links to other people's places say of themselves.
    pub(super) fn rel(&self) -> &'static str {
        if self.is_reviewer { "author" } else { "nofollow noopener ugc" }
    }

    pub(super) fn is_reviewer(&self) -> bool {
        self.is_reviewer
    }

    pub(super) fn portrait(&self) -> Option<&str> {
        match &self.face {
            Face::Portrait(path) => Some(path),
            Face::Letter { .. } => None,
        }
    }

    /// The letter and the class of its colours.
    pub(super) fn letter(&self) -> (&str, u64) {
        match &self.face {
            Face::Letter { letter, palette } => (letter, *palette),
            Face::Portrait(_) => ("", 0),
        }
    }
}

impl Face {
    /// The same person always wears the same colours.
    fn letter(name: &str, id: &str) -> Self {
        let letter = name.chars().find(|c| c.is_alphanumeric()).unwrap_or('·');
        Self::Letter { letter: letter.to_uppercase().collect(), palette: fnv1a(id) % JACKET_PALETTES }
    }
}

impl Crowd {
    /// `1 like`, `12 likes`.
    pub(super) fn count(&self, one: &str) -> String {
        counted(self.total, one)
    }

    pub(super) fn beyond(&self) -> usize {
        self.total.saturating_sub(self.people.len())
    }
}

impl Conversation {
    /// The paths of the pages before and after this one of the review at `path`.
    pub(super) fn earlier(&self, path: &str) -> Option<String> {
        (self.paging.page > 1).then(|| conversation_page(path, self.paging.page - 1))
    }

    pub(super) fn later(&self, path: &str) -> Option<String> {
        (self.paging.page < self.paging.pages).then(|| conversation_page(path, self.paging.page + 1))
    }

    pub(super) fn count(&self) -> String {
        match self.paging.total {
            1 => "1 reply".to_owned(),
            total => format!("{total} replies"),
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        self.paging.total == 0 && self.likes.total + self.boosts.total + self.quotes.total == 0
    }

    pub(super) fn note(&self) -> Option<&str> {
        match &self.door {
            Door::Open { note } => Some(note),
            Door::Closed => None,
        }
    }
}

impl Remark {
    pub(super) fn indent(&self) -> usize {
        self.depth.min(DEPTH_SHOWN_MAX)
    }

    pub(super) fn date(&self) -> DateView {
        DateView::new(Moment::Instant(self.published))
    }

    pub(super) fn edited(&self) -> Option<DateView> {
        self.updated.map(|updated| DateView::new(Moment::Instant(updated)))
    }

    pub(super) fn original(&self) -> Option<String> {
        self.original.as_deref().and_then(outside)
    }

    /// The reply that this one answers: a fragment on the same page, else the other page of the review at `path`.
    pub(super) fn answered(&self, path: &str, page: &u32) -> Option<(String, &str)> {
        let answered = self.answers.as_ref()?;
        let anchor = format!("#reply-{}", answered.number);
        let there = match (answered.page == *page, answered.page) {
            (true, _) => anchor,
            (false, 1) => format!("{path}{anchor}"),
            (false, other) => format!("{path}?page={other}{anchor}"),
        };
        Some((there, &answered.name))
    }
}

fn conversation_page(path: &str, page: u32) -> String {
    if page == 1 { format!("{path}#conversation") } else { format!("{path}?page={page}#conversation") }
}

fn counted(total: usize, one: &str) -> String {
    if total == 1 { format!("1 {one}") } else { format!("{total} {one}s") }
}

/// An address that a link may lead to: strangers also send `javascript:` and worse.
fn outside(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    (matches!(url.scheme(), "https" | "http") && url.has_host()).then(|| url.into())
}

/// A place in the order of reading: which post, how deep, and below which other one it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Index among the posts as given.
    pub post: usize,
    pub depth: usize,
    pub under: Option<usize>,
}

/// Posts as people read a thread: each with all its answers below it before the next one.
///
/// `parents` says for each post, oldest first, which other it answers (by index); who answers nobody stands under the
/// review. Posts that answer each other in a ring begin with the oldest of them. Takes any depth.
pub fn reading_order(parents: &[Option<usize>]) -> Vec<Placed> {
    let mut answers: Vec<Vec<usize>> = vec![Vec::new(); parents.len()];
    for (post, parent) in parents.iter().enumerate() {
        if let Some(answers) = parent.and_then(|parent| answers.get_mut(parent)) {
            answers.push(post);
        }
    }
    let is_first = |post: &usize| parents[*post].is_none_or(|parent| parent >= parents.len());
    let mut order = Vec::with_capacity(parents.len());
    let mut placed = vec![false; parents.len()];
    // What is left after the first ones is rings and what hangs from them.
    for first in (0..parents.len()).filter(is_first).chain(0..parents.len()) {
        let mut waiting = vec![Placed { post: first, depth: 0, under: None }];
        while let Some(place) = waiting.pop() {
            if std::mem::replace(&mut placed[place.post], true) {
                continue;
            }
            order.push(place);
            let below = |post: &usize| Placed { post: *post, depth: place.depth + 1, under: Some(place.post) };
            waiting.extend(answers[place.post].iter().rev().map(below));
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parents: &[Option<usize>], expected: &[(usize, usize)]) {
        let order: Vec<_> = reading_order(parents).iter().map(|place| (place.post, place.depth)).collect();
        assert_eq!(order, expected);
    }

    #[test]
    fn each_post_is_followed_by_its_answers() {
        check(&[], &[]);
        check(&[None, None], &[(0, 0), (1, 0)]);
        check(&[None, None, Some(0), Some(2), Some(0)], &[(0, 0), (2, 1), (3, 2), (4, 1), (1, 0)]);
        check(&[Some(1), None], &[(1, 0), (0, 1)]);
    }

    #[test]
    fn a_ring_of_answers_is_read_once() {
        check(&[Some(0)], &[(0, 0)]);
        check(&[Some(1), Some(0), None, Some(1)], &[(2, 0), (0, 0), (1, 1), (3, 2)]);
        check(&[Some(9)], &[(0, 0)]);
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_answers_is_followed_to_its_end() {
        let parents: Vec<Option<usize>> = (0..100_000_usize).map(|post| post.checked_sub(1)).collect();
        let order = reading_order(&parents);
        assert_eq!((order.len(), order[99_999].depth, order[99_999].post), (100_000, 99_999, 99_999));
    }

    #[test]
    fn only_web_addresses_become_links() {
        assert_eq!(outside("https://m.example/@bob").as_deref(), Some("https://m.example/@bob"));
        for bad in ["javascript:alert(1)", "data:text/html,x", "//m.example", "", "https:", "file:///etc/passwd"] {
            assert_eq!(outside(bad), None, "{bad}");
        }
    }
}
