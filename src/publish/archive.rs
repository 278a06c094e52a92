//! Which reviews stand in the current feed, and which in the archive documents behind it (RFC 5005 section 4).
//!
//! A review moves into the archive when newer ones push it out of the feed, or at once when it came under an old date. Its
//! place there is for ever, in the order of arrival, so an archive document only grows at its end until it is full. An
//! archived review that changes stands in the current feed again, and later in a newer document; the version that readers
//! have from the old one is not touched, and they keep the newer of two entries with the same id.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;

use crate::domain::{Archived, Card, Handle, ReviewId};

/// Reviews in one archive document.
pub const DOCUMENT_ITEMS_MAX: u32 = 50;
/// About how many bytes a document may have, current or archived: what readers and validators take (W3C: 5,000,000;
/// FreshRSS: 3 MiB).
const DOCUMENT_BYTES_MAX: u64 = 1 << 20;
/// A review so large that others would have to leave the feed for it, in bytes: it goes behind the feed before them.
const GIANT_BYTES: u64 = DOCUMENT_BYTES_MAX / 2;
/// What the markup of an item takes beside its text, in bytes.
const MARKUP_BYTES: u64 = 3000;
/// One of so many places in the current feed may hold an old review that changed; the rest is for new ones, so that a change
/// of a whole folder hides nothing.
const PLACES_FOR_CHANGED: usize = 5;

/// The archive of one feed.
#[derive(Debug, Default)]
pub struct Archive {
    /// How many reviews came into each document, and their bytes together; those that left since are counted.
    documents: Vec<Fill>,
    /// When the newest archived version of a review was made.
    places: HashMap<Handle, HashMap<ReviewId, Timestamp>>,
    /// Archived reviews that are in no list now: taken back, or about to be.
    absent: HashSet<(Handle, ReviewId)>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Fill {
    items: u32,
    bytes: u64,
}

/// The current feed, and what is behind it.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Window {
    /// Newest first.
    pub cards: Vec<Arc<Card>>,
    /// The archive's documents, from the oldest: how many places of each are taken. All but the last are full.
    pub documents: Vec<u32>,
    /// The last document takes no more reviews.
    pub last_is_full: bool,
}

/// What follows from a change of the library.
#[derive(Debug, Default)]
pub struct Turn {
    pub window: Window,
    /// To be written before the window is shown.
    pub archived: Vec<Archived>,
    /// Archived reviews that left the lists or came back: what was kept of their documents' bytes is no longer true.
    pub left: Vec<(Handle, ReviewId)>,
    pub returned: Vec<(Handle, ReviewId)>,
    /// What the documents hold then.
    documents: Vec<Fill>,
}

impl Archive {
    /// The archive as it was written down, in any order. `weight` is that of a review still there.
    pub fn new(rows: impl IntoIterator<Item = Archived>, weight: impl Fn(&Handle, &ReviewId) -> Option<u64>) -> Self {
        let mut archive = Self::default();
        for row in rows {
            let bytes = weight(&row.reviewer, &row.id).unwrap_or(0);
            fill(&mut archive.documents, &row, bytes);
            archive.note(&row);
            if row.absent {
                archive.absent.insert((row.reviewer, row.id));
            }
        }
        archive
    }

    /// Lays the live reviews, newest first, out over the current feed and the archive. Nothing is changed by that until
    /// [`Archive::take`], because what follows has to be written first.
    pub fn turn(&self, cards: &[Arc<Card>], items_max: usize) -> Turn {
        let (left, returned) = self.miss(cards);
        let unarchived = cards.iter().filter(|card| !self.holds(card)).cloned();
        let (mut changed, new): (Vec<_>, Vec<_>) = unarchived.partition(|card| self.place(card).is_some());
        changed.sort_by_key(|card| (Reverse(card.changed()), card.id.clone()));
        let mut passed = changed.split_off(changed.len().min((items_max / PLACES_FOR_CHANGED).max(1)));
        let mut shown: Vec<(Timestamp, Arc<Card>)> = changed.into_iter().map(|card| (card.changed(), card)).collect();
        shown.extend(new.into_iter().map(|card| (card.published, card)));
        shown.sort_by(|(a, one), (b, other)| (Reverse(a), &one.id).cmp(&(Reverse(b), &other.id)));
        let mut room = Room { items: items_max.max(1), bytes: DOCUMENT_BYTES_MAX, is_fresh: true };
        let (shown, over): (Vec<_>, Vec<_>) = shown.into_iter().partition(|(_, card)| room.takes(weight(card)));
        passed.extend(over.into_iter().map(|(_, card)| card));
        // The oldest first, so that documents read in order tell the reviews in order.
        passed.sort_by_key(|card| (card.published, card.id.clone()));
        let mut documents = self.documents.clone();
        let archived = passed.iter().map(|card| archive(&mut documents, card)).collect();
        let mut window: Vec<Arc<Card>> = shown.into_iter().map(|(_, card)| card).collect();
        window.sort_by(|a, b| (Reverse(a.published), &a.id).cmp(&(Reverse(b.published), &b.id)));
        let last_is_full = documents.last().is_some_and(Fill::is_full);
        let filled = documents.iter().map(|fill| fill.items).collect();
        Turn { window: Window { cards: window, documents: filled, last_is_full }, archived, left, returned, documents }
    }

    /// Takes over what has been written down.
    pub fn take(&mut self, turn: &Turn) {
        self.documents.clone_from(&turn.documents);
        for row in &turn.archived {
            self.note(row);
        }
        self.absent.retain(|key| !turn.returned.contains(key));
        self.absent.extend(turn.left.iter().cloned());
    }

    /// Whether this version of the review is in the archive.
    pub fn holds(&self, card: &Card) -> bool {
        self.place(card).is_some_and(|changed| changed >= card.changed())
    }

    fn place(&self, card: &Card) -> Option<Timestamp> {
        self.places.get(&card.reviewer)?.get(&card.id).copied()
    }

    /// Which archived reviews left the lists, and which came back.
    fn miss(&self, cards: &[Arc<Card>]) -> (Vec<Key>, Vec<Key>) {
        let here = cards.iter().filter(|card| self.place(card).is_some()).count();
        let archived: usize = self.places.values().map(HashMap::len).sum();
        let returned: Vec<_> = match self.absent.is_empty() {
            true => Vec::new(),
            false => cards.iter().map(|card| key(card)).filter(|key| self.absent.contains(key)).collect(),
        };
        if archived - here == self.absent.len() - returned.len() {
            return (Vec::new(), returned);
        }
        let live: HashSet<(&Handle, &ReviewId)> = cards.iter().map(|card| (&card.reviewer, &card.id)).collect();
        let places = self.places.iter().flat_map(|(handle, ids)| ids.keys().map(move |id| (handle, id)));
        let absent = places.filter(|place| !live.contains(place)).map(|(handle, id)| (handle.clone(), id.clone()));
        (absent.filter(|key| !self.absent.contains(key)).collect(), returned)
    }

    fn note(&mut self, row: &Archived) {
        let of_reviewer = self.places.entry(row.reviewer.clone()).or_default();
        let newest = of_reviewer.entry(row.id.clone()).or_insert(row.changed);
        *newest = row.changed.max(*newest);
    }
}

/// What the current feed still takes, asked from its newest review on.
struct Room {
    items: usize,
    bytes: u64,
    /// Nothing was asked for yet.
    is_fresh: bool,
}

impl Room {
    fn takes(&mut self, bytes: u64) -> bool {
        let is_giant = bytes > GIANT_BYTES;
        let is_newest = std::mem::take(&mut self.is_fresh);
        let fits = self.items > 0 && (bytes <= self.bytes || is_newest);
        if fits {
            self.items -= 1;
            // The newest stays whatever its size, and a giant sends nobody away: it goes by itself when a newer one comes.
            self.bytes = self.bytes.saturating_sub(if is_newest && is_giant { 0 } else { bytes });
        } else if !is_giant {
            // A feed without gaps: what is older than a review that found no room finds none.
            self.items = 0;
        }
        fits
    }
}

/// The place of a review behind all others.
fn archive(documents: &mut Vec<Fill>, card: &Card) -> Archived {
    let bytes = weight(card);
    let last = documents.last().copied().unwrap_or(Fill { items: DOCUMENT_ITEMS_MAX, bytes: 0 });
    let opens = last.is_full() || (last.items > 0 && last.bytes + bytes > DOCUMENT_BYTES_MAX);
    let place = Archived {
        document: u32::try_from(documents.len()).unwrap_or(u32::MAX) + u32::from(opens),
        position: if opens { 0 } else { last.items },
        reviewer: card.reviewer.clone(),
        id: card.id.clone(),
        changed: card.changed(),
        absent: false,
    };
    fill(documents, &place, bytes);
    place
}

fn fill(documents: &mut Vec<Fill>, row: &Archived, bytes: u64) {
    let index = row.document.max(1) as usize - 1;
    if documents.len() <= index {
        documents.resize(index + 1, Fill::default());
    }
    if let Some(fill) = documents.get_mut(index) {
        fill.items = fill.items.max(row.position + 1);
        fill.bytes += bytes;
    }
}

impl Fill {
    fn is_full(&self) -> bool {
        self.items >= DOCUMENT_ITEMS_MAX || self.bytes >= DOCUMENT_BYTES_MAX
    }
}

/// About how many bytes a review takes in a feed: its text, a third more for markup, and what stands around it.
pub fn weight(card: &Card) -> u64 {
    MARKUP_BYTES + u64::from(card.bytes) * 4 / 3
}

/// A review of whichever reviewer.
type Key = (Handle, ReviewId);

fn key(card: &Card) -> Key {
    (card.reviewer.clone(), card.id.clone())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Book, Slug};

    const ITEMS: usize = 50;

    fn card(number: u32, published: i64, updated: Option<i64>, bytes: u32) -> Arc<Card> {
        let title = format!("Book {number}");
        Arc::new(Card {
            reviewer: Handle::parse("ana").unwrap(),
            id: ReviewId::parse(&format!("r{number}")).unwrap(),
            guid: format!("urn:uuid:{number}"),
            slug: Slug::from_text(&title),
            published: Timestamp::from_second(published).unwrap(),
            updated: updated.map(|second| Timestamp::from_second(second).unwrap()),
            date: None,
            book: Book {
                title,
                authors: vec![],
                isbn: None,
                year: None,
                series: None,
                cover: None,
                pages: None,
                publisher: None,
            },
            headline: None,
            rating: None,
            tags: vec![],
            language: None,
            spoilers: false,
            excerpt: String::new(),
            words: 0,
            bytes,
            cover: None,
            aliases: vec![],
        })
    }

    /// A reader that has followed every link, and what is on the disk.
    #[derive(Default)]
    struct Site {
        archive: Archive,
        rows: Vec<Archived>,
        cards: BTreeMap<u32, Arc<Card>>,
    }

    impl Site {
        fn write(&mut self, number: u32, published: i64, updated: Option<i64>) {
            self.cards.insert(number, card(number, published, updated, 1000));
        }

        fn turn(&mut self) -> Turn {
            let mut cards: Vec<_> = self.cards.values().cloned().collect();
            cards.sort_by_key(|card| (Reverse(card.published), card.id.clone()));
            let turn = self.archive.turn(&cards, ITEMS);
            self.archive.take(&turn);
            self.rows.extend(turn.archived.iter().cloned());
            turn
        }

        /// The newest version of each review that the documents and the current feed give together.
        fn read(&self, window: &Window) -> BTreeMap<String, Timestamp> {
            let mut read = BTreeMap::new();
            let versions = self.rows.iter().map(|row| (row.id.to_string(), row.changed));
            let current = window.cards.iter().map(|card| (card.id.to_string(), card.changed()));
            for (id, changed) in versions.chain(current) {
                let known = read.entry(id).or_insert(changed);
                *known = changed.max(*known);
            }
            read.retain(|id, _| self.cards.values().any(|card| card.id.as_str() == id));
            read
        }

        fn truth(&self) -> BTreeMap<String, Timestamp> {
            self.cards.values().map(|card| (card.id.to_string(), card.changed())).collect()
        }
    }

    #[test]
    fn the_newest_fifty_are_current_and_the_rest_is_archived_in_order() {
        let mut site = Site::default();
        (1..=120).for_each(|number| site.write(number, i64::from(number) * 1000, None));
        let turn = site.turn();
        assert_eq!(turn.window.cards.len(), 50);
        assert_eq!(turn.window.cards[0].id.as_str(), "r120");
        assert_eq!(turn.window.documents, [50, 20]);
        assert!(!turn.window.last_is_full);
        let first: Vec<_> = turn.archived.iter().map(|row| row.id.as_str()).take(3).collect();
        assert_eq!(first, ["r1", "r2", "r3"]);
        assert_eq!(site.read(&turn.window), site.truth());
    }

    #[test]
    fn one_giant_review_does_not_empty_the_feed() {
        let mut site = Site::default();
        (1..=30).for_each(|number| site.write(number, i64::from(number) * 1000, None));
        site.cards.insert(31, card(31, 31_000, None, 1 << 20));
        let ids = |turn: &Turn| turn.window.cards.iter().map(|card| card.id.to_string()).collect::<Vec<_>>();
        let newest = site.turn();
        assert_eq!((ids(&newest).len(), ids(&newest)[0].as_str(), newest.archived.len()), (31, "r31", 0));
        site.write(32, 32_000, None);
        let turn = site.turn();
        assert_eq!((ids(&turn).len(), turn.archived.len()), (31, 1), "it goes behind the feed, and the others stay");
        assert_eq!(turn.archived[0].id.as_str(), "r31");
        assert_eq!(site.read(&turn.window), site.truth());
        // Many of some size leave in their order, without gaps.
        (33..=60).for_each(|number| {
            site.cards.insert(
                number,
                card(number, i64::from(number) * 1000, None, if number % 3 == 0 { 150_000 } else { 10 }),
            );
        });
        let turn = site.turn();
        let numbers: Vec<u32> = ids(&turn).iter().map(|id| id[1..].parse().unwrap()).collect();
        assert_eq!(numbers, (61 - numbers.len() as u32..=60).rev().collect::<Vec<_>>());
        assert_eq!(site.read(&turn.window), site.truth());
    }

    #[test]
    fn nothing_is_in_two_places_until_it_changes() {
        let mut site = Site::default();
        for number in 1..=130 {
            site.write(number, i64::from(number) * 1000, None);
            let turn = site.turn();
            assert_eq!(turn.window.cards.len() + site.rows.len(), number as usize);
        }
    }

    #[test]
    fn an_old_review_that_changed_is_current_again_and_then_in_a_newer_document() {
        let mut site = Site::default();
        (1..=120).for_each(|number| site.write(number, i64::from(number) * 1000, None));
        site.turn();
        let before = site.rows.clone();
        site.write(3, 3000, Some(900_000));
        let turn = site.turn();
        assert!(turn.window.cards.iter().any(|card| card.id.as_str() == "r3"));
        assert_eq!(site.rows[..before.len()], before);
        (121..=200).for_each(|number| site.write(number, 1_000_000 + i64::from(number), None));
        let turn = site.turn();
        assert!(!turn.window.cards.iter().any(|card| card.id.as_str() == "r3"));
        assert_eq!(site.rows.iter().filter(|row| row.id.as_str() == "r3").count(), 2);
        assert_eq!(site.read(&turn.window), site.truth());
    }

    #[test]
    fn a_change_of_everything_leaves_room_for_what_is_new() {
        let mut site = Site::default();
        (1..=120).for_each(|number| site.write(number, i64::from(number) * 1000, None));
        site.turn();
        (1..=60).for_each(|number| site.write(number, i64::from(number) * 1000, Some(900_000 + i64::from(number))));
        let turn = site.turn();
        assert_eq!(turn.window.cards.len(), 50);
        assert!((90..=120).all(|number| turn.window.cards.iter().any(|card| card.id.as_str() == format!("r{number}"))));
        assert_eq!(site.read(&turn.window), site.truth());
    }

    #[test]
    fn long_reviews_make_shorter_documents() {
        let mut site = Site::default();
        for number in 1..=20 {
            site.cards.insert(number, card(number, i64::from(number), None, 300_000));
        }
        let turn = site.turn();
        assert_eq!(turn.window.cards.len(), 2);
        assert_eq!(turn.window.documents, [2, 2, 2, 2, 2, 2, 2, 2, 2]);
    }

    #[test]
    fn a_review_taken_back_is_missed_once() {
        let mut site = Site::default();
        (1..=120).for_each(|number| site.write(number, i64::from(number) * 1000, None));
        site.turn();
        let taken = site.cards.remove(&60).unwrap();
        assert_eq!(site.turn().left, [key(&taken)]);
        assert!(site.turn().left.is_empty());
        site.cards.insert(60, Arc::clone(&taken));
        let turn = site.turn();
        assert_eq!((turn.left, turn.returned), (vec![], vec![key(&taken)]));
        assert!(!turn.window.cards.contains(&taken), "it is where it was");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn whoever_reads_everything_has_the_newest_of_everything(
            steps in proptest::collection::vec((1_u32..150, 0_u8..10, 0_i64..100_000), 1..200)
        ) {
            let mut site = Site::default();
            let mut now = 200_000;
            // An id that left comes back as it was, or never.
            let mut away = BTreeMap::new();
            for (number, deed, old) in steps {
                now += 1;
                match (deed, site.cards.get(&number).cloned()) {
                    (0, Some(known)) => {
                        site.cards.remove(&number);
                        away.insert(number, known);
                    }
                    (_, None) if away.contains_key(&number) => {
                        site.cards.extend(away.remove_entry(&number));
                    }
                    (0, None) => {}
                    (1..=3, Some(known)) => site.write(number, known.published.as_second(), Some(now)),
                    (4..=6, None) => site.write(number, old, None),
                    (_, None) => site.write(number, now, None),
                    (_, Some(_)) => {}
                }
                let turn = site.turn();
                prop_assert!(turn.window.cards.len() <= ITEMS);
                prop_assert_eq!(site.read(&turn.window), site.truth());
                // A restart reads the same archive back.
                let weights = |_: &Handle, _: &ReviewId| Some(weight(&card(1, 1, None, 1000)));
                let again = Archive::new(site.rows.clone(), weights);
                let mut cards: Vec<_> = site.cards.values().cloned().collect();
                cards.sort_by_key(|card| (Reverse(card.published), card.id.clone()));
                prop_assert_eq!(again.turn(&cards, ITEMS).window, turn.window);
            }
        }
    }
}
