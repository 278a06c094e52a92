//! From reviews to figures. Nothing is guessed: what a file does not say is not counted, and how many did not say it is.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use serde::Serialize;

use crate::domain::{
    Card, Handle, Origin,
    address::{author_key, book_key, tag_key},
};

/// Authors, subjects and ratings in words that are named; a list beyond that is the archive's.
const NAMED_MAX: usize = 12;
/// Half stars in a whole rating: none to ten.
const HALVES: usize = 10;
/// Latest decade that a book can be from: more is a typing mistake, and an axis to the year 20000 shows nothing.
const DECADE_MAX: i32 = 2090;

/// What a shelf comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    /// Address of the page that shows these figures to people.
    pub page: String,
    /// Whose reviews; `None` for everybody's.
    pub reviewer: Option<Handle>,
    /// The one year that is counted; `None` for all of them.
    pub year: Option<i16>,
    pub reviews: usize,
    /// Different books: a book read and reviewed again is one.
    pub books: usize,
    /// Different authors of books.
    pub authors: usize,
    /// Written by the reviewers.
    pub words: u64,
    pub pages: Pages,
    pub ratings: Ratings,
    /// Newest first; a year without a review is left out.
    pub years: Vec<Year>,
    /// Oldest first, without gaps; by the year in which the book appeared, where a review tells it.
    pub decades: Vec<Decade>,
    /// Most reviewed first.
    pub top_authors: Vec<Named>,
    pub top_subjects: Vec<Named>,
}

/// Pages of the books reviewed, where their reviews tell them.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Pages {
    /// Reviews that tell the pages of their book.
    pub known: usize,
    pub total: u64,
    /// Of the books that are known, rounded.
    pub average: Option<u64>,
    pub longest: Option<Volume>,
    pub shortest: Option<Volume>,
}

/// A book with its pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Volume {
    pub title: String,
    pub pages: u32,
    /// The review's page.
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ratings {
    /// Reviews whose rating is a number on a known scale.
    pub rated: usize,
    /// Their mean, as stars out of five, to the hundredth.
    pub average_stars: Option<f64>,
    /// By half stars out of five, rounded to the nearest; from none to five.
    pub stars: Vec<Stars>,
    /// Ratings that are words, letters or thumbs, as written; the most frequent first.
    pub in_words: Vec<Named>,
    pub unrated: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stars {
    pub stars: f64,
    pub reviews: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Year {
    pub year: i16,
    pub reviews: usize,
    /// Of the books of that year that tell them.
    pub pages: u64,
    /// January first.
    pub months: [usize; 12],
    /// The same for pages.
    pub pages_by_month: [u64; 12],
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decade {
    /// Its first year; negative before the common era.
    pub decade: i32,
    pub reviews: usize,
}

/// An author, a subject or a rating with the number of its reviews.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Named {
    pub name: String,
    pub reviews: usize,
    /// The site's page about it, where there is one.
    pub url: Option<String>,
}

/// Counts reviews; those of one year where `year` says so, by the date that people are shown.
pub fn statistics(cards: &[Arc<Card>], origin: &Origin, reviewer: Option<&Handle>, year: Option<i16>) -> Statistics {
    let counted: Vec<&Card> =
        cards.iter().map(Arc::as_ref).filter(|card| year.is_none_or(|year| year_of(card) == year)).collect();
    let different = |keys: &mut dyn Iterator<Item = String>| keys.collect::<HashSet<_>>().len();
    Statistics {
        page: origin.at(&super::stats_path(reviewer, year)),
        reviewer: reviewer.cloned(),
        year,
        reviews: counted.len(),
        books: different(&mut counted.iter().map(|card| book_key(&card.book))),
        authors: different(&mut counted.iter().flat_map(|card| &card.book.authors).map(|name| author_key(name))),
        words: counted.iter().map(|card| u64::from(card.words)).sum(),
        pages: pages(&counted, origin),
        ratings: ratings(&counted),
        years: years(&counted),
        decades: decades(&counted),
        top_authors: top(counted.iter().flat_map(|card| &card.book.authors), author_key, |name| {
            Some(origin.author(name))
        }),
        top_subjects: top(counted.iter().flat_map(|card| &card.tags), tag_key, |tag| Some(origin.tag(tag))),
    }
}

fn year_of(card: &Card) -> i16 {
    card.shown_date().date().year()
}

fn pages(cards: &[&Card], origin: &Origin) -> Pages {
    let mut known: Vec<(u32, &Card)> =
        cards.iter().filter_map(|card| card.book.pages.map(|pages| (pages, *card))).collect();
    // Among books of one length the older review is named, so that a new one does not change the page.
    known.sort_by_key(|(pages, card)| (*pages, card.published));
    let total: u64 = known.iter().map(|(pages, _)| u64::from(*pages)).sum();
    let count = known.len() as u64;
    let volume = |(pages, card): &(u32, &Card)| Volume {
        title: card.book.title.clone(),
        pages: *pages,
        url: origin.page(&card.reviewer, &card.slug),
    };
    let longest =
        known.iter().rev().take_while(|(pages, _)| known.last().is_some_and(|(most, _)| most == pages)).last();
    Pages {
        known: known.len(),
        total,
        average: (count > 0).then(|| (total + count / 2) / count.max(1)),
        longest: longest.map(volume),
        // One book alone is not the longest and the shortest at once.
        shortest: known.first().filter(|(pages, _)| longest.is_some_and(|(most, _)| most > pages)).map(volume),
    }
}

fn ratings(cards: &[&Card]) -> Ratings {
    let mut stars = [0_usize; HALVES + 1];
    let (mut rated, mut sum, mut unrated) = (0_usize, 0.0, 0);
    let mut words: Vec<&String> = Vec::new();
    for card in cards {
        match card.rating.as_ref().map(|rating| (rating.share(), &rating.raw)) {
            Some((Some(share), _)) => {
                rated += 1;
                sum += share * 5.0;
                let halves = (share * HALVES as f64).round() as usize;
                if let Some(reviews) = stars.get_mut(halves.min(HALVES)) {
                    *reviews += 1;
                }
            }
            Some((None, raw)) => words.push(raw),
            None => unrated += 1,
        }
    }
    Ratings {
        rated,
        average_stars: (rated > 0).then(|| (sum / rated.max(1) as f64 * 100.0).round() / 100.0),
        stars: (0_u32..)
            .zip(stars)
            .map(|(halves, reviews)| Stars { stars: f64::from(halves) / 2.0, reviews })
            .collect(),
        in_words: top(words.into_iter(), |raw| raw.to_lowercase(), |_| None),
        unrated,
    }
}

fn years(cards: &[&Card]) -> Vec<Year> {
    let mut years: BTreeMap<i16, Year> = BTreeMap::new();
    for card in cards {
        let date = card.shown_date().date();
        let year = years.entry(date.year()).or_insert_with(|| Year {
            year: date.year(),
            reviews: 0,
            pages: 0,
            months: [0; 12],
            pages_by_month: [0; 12],
        });
        let month = usize::try_from(date.month() - 1).unwrap_or(0);
        let pages = u64::from(card.book.pages.unwrap_or(0));
        year.reviews += 1;
        year.pages += pages;
        if let (Some(reviews), Some(sum)) = (year.months.get_mut(month), year.pages_by_month.get_mut(month)) {
            *reviews += 1;
            *sum += pages;
        }
    }
    years.into_values().rev().collect()
}

/// Without gaps from the oldest decade on, but not through antiquity: where centuries lie between, they are left out.
fn decades(cards: &[&Card]) -> Vec<Decade> {
    let mut found: BTreeMap<i32, usize> = BTreeMap::new();
    for year in cards.iter().filter_map(|card| card.book.year).filter(|year| *year <= DECADE_MAX) {
        *found.entry(year.div_euclid(10) * 10).or_default() += 1;
    }
    let known: Vec<i32> = found.keys().copied().collect();
    for pair in known.windows(2) {
        if let [from, to] = pair
            && to - from <= 100
        {
            for decade in (*from..*to).step_by(10) {
                found.entry(decade).or_default();
            }
        }
    }
    found.into_iter().map(|(decade, reviews)| Decade { decade, reviews }).collect()
}

/// The names that stand in most reviews, under the spelling that came first.
fn top<'n>(
    names: impl Iterator<Item = &'n String>,
    key: impl Fn(&str) -> String,
    url: impl Fn(&str) -> Option<String>,
) -> Vec<Named> {
    let mut counted: HashMap<String, (&'n String, usize)> = HashMap::new();
    for name in names {
        counted.entry(key(name)).or_insert((name, 0)).1 += 1;
    }
    let mut named: Vec<Named> =
        counted.into_values().map(|(name, reviews)| Named { name: name.clone(), reviews, url: url(name) }).collect();
    named.sort_by(|a, b| b.reviews.cmp(&a.reviews).then_with(|| a.name.cmp(&b.name)));
    named.truncate(NAMED_MAX);
    named
}
