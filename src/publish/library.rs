//! All live reviews as lists show them, indexed by what addresses ask for. Once shown it is only read.

use std::{
    cmp::Ordering,
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
    /// As its newest review writes it.
    pub name: String,
    /// Newest first.
    pub cards: Vec<Arc<Card>>,
}

/// The library as of one moment.
#[derive(Debug, Default, PartialEq)]
pub struct Library {
    /// Counts changes; equal versions have equal content.
    pub version: u64,
    /// When a review last left, came back, or came under an older date: the lists changed, and no review's time tells.
    rearranged: Option<Timestamp>,
    /// Newest first.
    cards: Vec<Arc<Card>>,
    by_reviewer: HashMap<Handle, Vec<Arc<Card>>>,
    by_page: HashMap<Handle, HashMap<Slug, Arc<Card>>>,
    by_id: HashMap<Handle, HashMap<ReviewId, Arc<Card>>>,
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
        cards.sort_by(|a, b| order(a, b));
        let mut library = Self { version, rearranged, ..Self::default() };
        for card in &cards {
            for (shelf, key, name) in labels(card) {
                let group = library.shelf(shelf).entry(key).or_insert_with(|| Group { name, cards: Vec::new() });
                // One review may name a tag twice.
                if group.cards.last().is_none_or(|last| !Arc::ptr_eq(last, card)) {
                    group.cards.push(Arc::clone(card));
                }
            }
            library.by_reviewer.entry(card.reviewer.clone()).or_default().push(Arc::clone(card));
            library.put_in_place(card);
        }
        library.cards = cards;
        library.index_aliases();
        library
    }

    /// Becomes the library of other cards. What the two have in common is not looked at: an edit of one review among ten
    /// thousand costs the time for one.
    pub fn turn_into(&mut self, version: u64, cards: &[Arc<Card>], rearranged: Option<Timestamp>) {
        let wanted: HashSet<_> = cards.iter().map(Arc::as_ptr).collect();
        let here: HashSet<_> = self.cards.iter().map(Arc::as_ptr).collect();
        let gone: Vec<_> = self.cards.iter().filter(|card| !wanted.contains(&Arc::as_ptr(card))).cloned().collect();
        let come: Vec<_> = cards.iter().filter(|card| !here.contains(&Arc::as_ptr(card))).cloned().collect();
        for card in &gone {
            self.take_out(card);
        }
        for card in &come {
            self.put_in(card);
        }
        if gone.iter().chain(&come).any(|card| !card.aliases.is_empty()) {
            self.index_aliases();
        }
        (self.version, self.rearranged) = (version, rearranged);
        self.windows.clear();
    }

    fn take_out(&mut self, card: &Arc<Card>) {
        withdraw(&mut self.cards, card);
        for (shelf, key, _) in labels(card) {
            let groups = self.shelf(shelf);
            if let Some(group) = groups.get_mut(&key) {
                withdraw(&mut group.cards, card);
                match group.cards.first() {
                    Some(first) => group.name = name_of(shelf, &key, first),
                    None => drop(groups.remove(&key)),
                }
            }
        }
        if let Some(own) = self.by_reviewer.get_mut(&card.reviewer) {
            withdraw(own, card);
        }
        if let Some(pages) = self.by_page.get_mut(&card.reviewer) {
            pages.remove(&card.slug);
        }
        if let Some(ids) = self.by_id.get_mut(&card.reviewer) {
            ids.remove(&card.id);
        }
        if self.by_reviewer.get(&card.reviewer).is_some_and(Vec::is_empty) {
            self.by_reviewer.remove(&card.reviewer);
            self.by_page.remove(&card.reviewer);
            self.by_id.remove(&card.reviewer);
        }
    }

    fn put_in(&mut self, card: &Arc<Card>) {
        insert(&mut self.cards, card);
        for (shelf, key, name) in labels(card) {
            let group = self.shelf(shelf).entry(key.clone()).or_insert_with(|| Group { name, cards: Vec::new() });
            insert(&mut group.cards, card);
            if let Some(first) = group.cards.first() {
                group.name = name_of(shelf, &key, first);
            }
        }
        insert(self.by_reviewer.entry(card.reviewer.clone()).or_default(), card);
        self.put_in_place(card);
    }

    fn put_in_place(&mut self, card: &Arc<Card>) {
        self.by_page.entry(card.reviewer.clone()).or_default().insert(card.slug.clone(), Arc::clone(card));
        self.by_id.entry(card.reviewer.clone()).or_default().insert(card.id.clone(), Arc::clone(card));
    }

    fn index_aliases(&mut self) {
        self.by_alias.clear();
        for card in &self.cards {
            for alias in &card.aliases {
                self.by_alias.entry(alias_key(alias)).or_insert_with(|| Arc::clone(card));
            }
        }
    }

    fn shelf(&mut self, shelf: Shelf) -> &mut BTreeMap<String, Group> {
        match shelf {
            Shelf::Tag => &mut self.tags,
            Shelf::Author => &mut self.authors,
            Shelf::Book => &mut self.books,
            Shelf::Rating => &mut self.ratings,
        }
    }

    /// All live reviews, newest first.
    pub fn cards(&self) -> &[Arc<Card>] {
        &self.cards
    }

    pub fn of_reviewer(&self, handle: &Handle) -> &[Arc<Card>] {
        self.by_reviewer.get(handle).map_or(&[], Vec::as_slice)
    }

    pub fn page(&self, handle: &Handle, slug: &Slug) -> Option<&Arc<Card>> {
        self.by_page.get(handle)?.get(slug)
    }

    pub fn by_id(&self, handle: &Handle, id: &ReviewId) -> Option<&Arc<Card>> {
        self.by_id.get(handle)?.get(id)
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

/// What reviews are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shelf {
    Tag,
    Author,
    Book,
    Rating,
}

/// Newest first.
fn order(a: &Card, b: &Card) -> Ordering {
    b.published.cmp(&a.published).then_with(|| a.id.cmp(&b.id)).then_with(|| a.reviewer.cmp(&b.reviewer))
}

/// The groups of a review: key, and name as the review writes it.
fn labels(card: &Card) -> impl Iterator<Item = (Shelf, String, String)> {
    let tags = card.tags.iter().map(|tag| (Shelf::Tag, tag_key(tag), tag.clone()));
    let authors = card.book.authors.iter().map(|author| (Shelf::Author, author_key(author), author.clone()));
    let book = (Shelf::Book, book_key(&card.book), card.book.title.clone());
    let rating = card.rating.as_ref().and_then(Rating::stars_key).map(|stars| (Shelf::Rating, stars.clone(), stars));
    tags.chain(authors).chain([book]).chain(rating)
}

/// A group is named as its newest review writes it.
fn name_of(shelf: Shelf, key: &str, newest: &Card) -> String {
    let own = labels(newest).find(|(of, other, _)| *of == shelf && other == key);
    own.map_or_else(|| key.to_owned(), |(_, _, name)| name)
}

/// One review may name a tag twice, and stands in its group once.
fn insert(cards: &mut Vec<Arc<Card>>, card: &Arc<Card>) {
    if let Err(place) = cards.binary_search_by(|other| order(other, card)) {
        cards.insert(place, Arc::clone(card));
    }
}

fn withdraw(cards: &mut Vec<Arc<Card>>, card: &Arc<Card>) {
    if let Ok(place) = cards.binary_search_by(|other| order(other, card)) {
        cards.remove(place);
    }
}

/// `/2015/dune/`, `2015/dune` and `/2015/dune` are one address.
fn alias_key(path: &str) -> String {
    percent_decode_str(path.trim_matches('/')).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Book;

    /// Some small number decides everything about a review, so that groups, addresses and times meet often.
    fn card(id: u8, look: u8) -> Arc<Card> {
        let handle = if id.is_multiple_of(3) { "bob" } else { "ana" };
        let word = |number: u8| {
            ["Sand", "sand", "Worms and  more", "worms and more", "Été"][usize::from(number % 5)].to_owned()
        };
        Arc::new(Card {
            reviewer: Handle::parse(handle).unwrap(),
            id: ReviewId::parse(&format!("r{id}")).unwrap(),
            guid: format!("urn:uuid:{id}"),
            slug: Slug::from_text(&format!("page {id}")),
            published: Timestamp::from_second(i64::from(look % 7) * 100).unwrap(),
            updated: None,
            date: None,
            book: Book {
                title: word(look / 3),
                authors: (0..look % 3).map(|number| word(look + number)).collect(),
                isbn: None,
                year: None,
                series: None,
                cover: None,
                pages: None,
                publisher: None,
            },
            headline: None,
            rating: look.is_multiple_of(2).then(|| Rating {
                raw: String::new(),
                value: Some(f64::from(look % 5)),
                best: Some(5.0),
            }),
            tags: (0..look % 4).map(|number| word(look / 2 + number)).collect(),
            language: None,
            spoilers: false,
            excerpt: String::new(),
            words: 0,
            bytes: 0,
            cover: None,
            aliases: (0..look % 2).map(|_| format!("/old/{}", look % 6)).collect(),
        })
    }

    proptest! {
        #[test]
        fn a_library_that_was_turned_is_the_one_made_anew(
            steps in proptest::collection::vec(proptest::collection::vec((0_u8..30, any::<u8>(), any::<bool>()), 0..6), 1..12)
        ) {
            let mut live: BTreeMap<u8, Arc<Card>> = BTreeMap::new();
            let mut turned = Library::default();
            for (version, step) in (1..).zip(steps) {
                for (id, look, goes) in step {
                    if goes { live.remove(&id) } else { live.insert(id, card(id, look)) };
                }
                let cards: Vec<_> = live.values().cloned().collect();
                turned.turn_into(version, &cards, None);
                prop_assert_eq!(&turned, &Library::new(version, cards, None));
            }
        }
    }
}
