//! All live reviews as lists show them, indexed by what addresses ask for. Made anew at each change, then only read.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::archive::Window;
use crate::domain::{
    ArchivedFeed, Card, Handle, Isbn, Rating, ReviewId, Slug,
    address::{author_key, book_key, tag_key},
};

/// A named group of reviews: a tag, an author, a book.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// As most of its reviews write it.
    pub name: String,
    /// Newest first.
    pub cards: Vec<Arc<Card>>,
}

/// The library as of one moment.
#[derive(Debug, Default)]
pub struct Library {
    /// Counts changes; equal versions have equal content.
    pub version: u64,
    /// When a review last left, came back, or came under an older date: the lists changed, and no review's time tells.
    rearranged: Option<Timestamp>,
    /// Newest first.
    cards: Vec<Arc<Card>>,
    by_reviewer: HashMap<Handle, Vec<Arc<Card>>>,
    by_page: HashMap<(Handle, Slug), Arc<Card>>,
    by_id: HashMap<(Handle, ReviewId), Arc<Card>>,
    /// By the addresses that reviews had elsewhere; where two name the same one, the newer review has it.
    by_alias: HashMap<String, Arc<Card>>,
    tags: BTreeMap<String, Group>,
    authors: BTreeMap<String, Group>,
    books: BTreeMap<String, Group>,
    /// By stars out of five, in halves: `5`, `4.5`.
    ratings: BTreeMap<String, Group>,
    windows: HashMap<ArchivedFeed, Window>,
}

/// What a change touched. A tag, an author or a rating is a key as in addresses.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Touched {
    pub reviewers: BTreeSet<Handle>,
    pub tags: BTreeSet<String>,
    pub authors: BTreeSet<String>,
    pub ratings: BTreeSet<String>,
}

impl Touched {
    pub fn is_empty(&self) -> bool {
        self.reviewers.is_empty()
    }

    fn add(&mut self, card: &Card) {
        self.reviewers.insert(card.reviewer.clone());
        self.tags.extend(card.tags.iter().map(|tag| tag_key(tag)));
        self.authors.extend(card.book.authors.iter().map(|author| author_key(author)));
        self.ratings.extend(card.rating.as_ref().and_then(Rating::stars_key));
    }
}

impl Library {
    /// Indexes the cards of all live reviews, in any order.
    pub fn new(version: u64, mut cards: Vec<Arc<Card>>, rearranged: Option<Timestamp>) -> Self {
        cards.sort_by(|a, b| b.published.cmp(&a.published).then_with(|| a.id.cmp(&b.id)));
        let mut library = Self { version, rearranged, ..Self::default() };
        for card in &cards {
            let add = |group: &mut BTreeMap<String, Group>, key: String, name: &str| {
                let entry = group.entry(key).or_insert_with(|| Group { name: name.to_owned(), cards: Vec::new() });
                // One review may name a tag twice.
                if entry.cards.last().is_none_or(|last| !Arc::ptr_eq(last, card)) {
                    entry.cards.push(Arc::clone(card));
                }
            };
            for tag in &card.tags {
                add(&mut library.tags, tag_key(tag), tag);
            }
            for author in &card.book.authors {
                add(&mut library.authors, author_key(author), author);
            }
            add(&mut library.books, book_key(&card.book), &card.book.title);
            if let Some(stars) = card.rating.as_ref().and_then(Rating::stars_key) {
                let name = stars.clone();
                add(&mut library.ratings, stars, &name);
            }
            library.by_reviewer.entry(card.reviewer.clone()).or_default().push(Arc::clone(card));
            library.by_page.insert((card.reviewer.clone(), card.slug.clone()), Arc::clone(card));
            library.by_id.insert((card.reviewer.clone(), card.id.clone()), Arc::clone(card));
            for alias in &card.aliases {
                library.by_alias.entry(alias_key(alias)).or_insert_with(|| Arc::clone(card));
            }
        }
        library.cards = cards;
        library
    }

    /// All live reviews, newest first.
    pub fn cards(&self) -> &[Arc<Card>] {
        &self.cards
    }

    pub fn of_reviewer(&self, handle: &Handle) -> &[Arc<Card>] {
        self.by_reviewer.get(handle).map_or(&[], Vec::as_slice)
    }

    pub fn page(&self, handle: &Handle, slug: &Slug) -> Option<&Arc<Card>> {
        self.by_page.get(&(handle.clone(), slug.clone()))
    }

    pub fn by_id(&self, handle: &Handle, id: &ReviewId) -> Option<&Arc<Card>> {
        self.by_id.get(&(handle.clone(), id.clone()))
    }

    /// The review that had this path elsewhere or before.
    pub fn by_alias(&self, path: &str) -> Option<&Arc<Card>> {
        self.by_alias.get(&alias_key(path))
    }

    /// Tags by key, in alphabetical order.
    pub fn tags(&self) -> &BTreeMap<String, Group> {
        &self.tags
    }

    pub fn authors(&self) -> &BTreeMap<String, Group> {
        &self.authors
    }

    pub fn books(&self) -> &BTreeMap<String, Group> {
        &self.books
    }

    /// Ratings by their number of stars out of five, in halves.
    pub fn ratings(&self) -> &BTreeMap<String, Group> {
        &self.ratings
    }

    /// What stands in a current feed, and how much behind it.
    pub fn window(&self, feed: &ArchivedFeed) -> Option<&Window> {
        self.windows.get(feed)
    }

    pub fn with_windows(mut self, windows: HashMap<ArchivedFeed, Window>) -> Self {
        self.windows = windows;
        self
    }

    /// Other reviews of the same work: the same ISBN, or the same key.
    pub fn same_book(&self, card: &Card) -> Vec<Arc<Card>> {
        let isbn: Option<&Isbn> = card.book.isbn.as_ref();
        let same = |other: &&Arc<Card>| {
            (other.id != card.id || other.reviewer != card.reviewer)
                && (isbn.is_some() && other.book.isbn.as_ref() == isbn || other.book.title == card.book.title)
        };
        let by_key = self.books.get(&book_key(&card.book)).map_or(&[][..], |group| &group.cards);
        by_key.iter().filter(same).cloned().collect()
    }

    /// The reviews before and after this one in the reviewer's own order: (older, newer).
    pub fn neighbours(&self, card: &Card) -> (Option<&Arc<Card>>, Option<&Arc<Card>>) {
        let own = self.of_reviewer(&card.reviewer);
        let Some(at) = own.iter().position(|other| other.id == card.id) else { return (None, None) };
        (own.get(at + 1), at.checked_sub(1).and_then(|newer| own.get(newer)))
    }

    /// Whose reviews and which tags' differ from those of an older library; a card that is the same in memory is the same.
    pub fn touched_since(&self, older: &Self) -> Touched {
        let mut touched = Touched::default();
        let known = |library: &Self| library.cards.iter().map(Arc::as_ptr).collect::<HashSet<_>>();
        for (one, others) in [(self, known(older)), (older, known(self))] {
            for card in one.cards.iter().filter(|card| !others.contains(&Arc::as_ptr(card))) {
                touched.add(card);
            }
        }
        touched
    }

    /// Whose reviews and which tags' changed after a moment.
    pub fn touched_after(&self, moment: Timestamp) -> Touched {
        let mut touched = Touched::default();
        for card in self.cards.iter().filter(|card| card.changed() > moment) {
            touched.add(card);
        }
        // What left is told by its time alone, so everybody's reviews may be others now.
        if self.rearranged.is_some_and(|rearranged| rearranged > moment) {
            touched.reviewers.extend(self.by_reviewer.keys().cloned());
        }
        touched
    }

    /// When anything here last changed; `None` while there is nothing.
    pub fn changed(&self) -> Option<Timestamp> {
        self.changed_among(&self.cards)
    }

    /// When a list of these reviews last changed.
    pub fn changed_among(&self, cards: &[Arc<Card>]) -> Option<Timestamp> {
        cards.iter().map(|card| card.changed()).max().max(self.rearranged)
    }
}

/// `/2015/dune/`, `2015/dune` and `/2015/dune` are one address.
fn alias_key(path: &str) -> String {
    percent_decode_str(path.trim_matches('/')).decode_utf8_lossy().into_owned()
}
