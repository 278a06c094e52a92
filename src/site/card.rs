//! A review in a list, its cover and its rating: the parts that many pages share.

use crate::domain::{
    Book, Card, Moment, Picture, Rating,
    address::{author_key, book_key, tag_path},
    book::join_names,
    picture::Size,
    rating::number,
};

use super::Shell;

/// Authors named before "and 37 others".
const AUTHORS_NAMED: usize = 3;
/// Tags shown with a review in a list.
const CARD_TAGS: usize = 3;
/// From this length on, in characters, a title is set smaller.
pub(super) const LONG_TITLE_CHARS: usize = 60;
/// Words a minute of a reader in no hurry.
const READING_SPEED: u32 = 230;
/// Palettes and designs of a jacket; the stylesheet has a class for each.
pub(super) const JACKET_PALETTES: u64 = 8;
const JACKET_DESIGNS: u64 = 5;

/// A review in a list.
pub(super) struct CardView {
    pub path: String,
    /// The headline where there is one, else the book's title.
    pub title: String,
    /// So long that it is set smaller.
    pub long: bool,
    /// The book's title where the headline stands above it.
    pub work: Option<String>,
    pub authors: String,
    pub reviewer: Option<Link>,
    pub date: DateView,
    pub stars: Option<StarsView>,
    pub cover: CoverView,
    pub excerpt: String,
    pub spoilers: bool,
    pub tags: Vec<Link>,
    pub language: Option<String>,
}

pub(super) struct Link {
    pub name: String,
    pub path: String,
}

pub(super) struct DateView {
    /// For `<time datetime>`.
    pub machine: String,
    pub people: String,
}

/// A rating for the eye and for the ear.
pub(super) struct StarsView {
    /// Half stars out of ten, where the rating is a number.
    pub halves: Option<usize>,
    /// `4.5 out of 5`, or the raw form.
    pub words: String,
    /// `4.5/5`, or the raw form.
    pub short: String,
    pub value: Option<String>,
    pub best: Option<String>,
}

/// A cover, or a jacket set from title and author where there is none.
pub(super) enum CoverView {
    Picture(PictureView),
    Jacket(Jacket),
}

pub(super) struct PictureView {
    pub thumb: String,
    pub full: String,
    pub alt: String,
    pub width: u32,
    pub height: u32,
    pub thumb_width: u32,
}

/// Class names and words of a typographic cover. It repeats what stands beside it, so it is hidden from screen readers.
pub(super) struct Jacket {
    pub classes: String,
    pub title: String,
    pub author: String,
}

impl CardView {
    pub fn new(shell: &Shell<'_>, card: &Card) -> Self {
        let title = card.headline.as_ref().unwrap_or(&card.book.title);
        Self {
            path: card_path(card),
            title: title.clone(),
            long: title.chars().count() > LONG_TITLE_CHARS,
            work: card.headline.is_some().then(|| card.book.title.clone()),
            authors: short_names(&card.book.authors),
            reviewer: shell
                .many()
                .then(|| Link { name: shell.name(&card.reviewer), path: format!("/@{}", card.reviewer) }),
            date: DateView::new(card.shown_date()),
            stars: card.rating.as_ref().map(StarsView::new),
            cover: CoverView::new(&card.book, card.cover.as_ref()),
            excerpt: card.excerpt.clone(),
            spoilers: card.spoilers,
            tags: tag_links(card.tags.iter().take(CARD_TAGS)),
            language: card.language.clone().filter(|language| *language != shell.site.language),
        }
    }
}

impl DateView {
    pub fn new(moment: Moment) -> Self {
        Self { machine: moment.to_string(), people: moment.for_people() }
    }
}

impl StarsView {
    pub fn new(rating: &Rating) -> Self {
        let numbers = rating.numbers();
        Self {
            halves: rating.share().map(|share| (share * 10.0).round() as usize),
            words: rating.in_words(),
            short: numbers
                .map_or_else(|| rating.raw.clone(), |(value, best)| format!("{}/{}", number(value), number(best))),
            value: numbers.map(|(value, _)| number(value)),
            best: numbers.map(|(_, best)| number(best)),
        }
    }
}

impl CoverView {
    pub fn new(book: &Book, picture: Option<&Picture>) -> Self {
        match picture {
            Some(picture) => Self::Picture(PictureView::new(picture, book.cover_alt())),
            None => Self::Jacket(Jacket::new(book)),
        }
    }
}

impl PictureView {
    pub fn new(picture: &Picture, alt: String) -> Self {
        Self {
            thumb: format!("/media/{}", picture.file_name(Size::Thumb)),
            full: format!("/media/{}", picture.file_name(Size::Full)),
            alt,
            width: picture.width,
            height: picture.height,
            thumb_width: picture.thumb_width,
        }
    }
}

impl Jacket {
    /// The same book always wears the same jacket.
    fn new(book: &Book) -> Self {
        let hash = fnv1a(&book.title);
        let longest_word = book.title.split_whitespace().map(|word| word.chars().count()).max().unwrap_or(0);
        let size = match (book.title.chars().count(), longest_word) {
            (0..=12, 0..=8) => "xl",
            (0..=30, 0..=10) => "l",
            (0..=60, 0..=14) => "m",
            _ => "s",
        };
        let (palette, design) = (hash % JACKET_PALETTES, hash / JACKET_PALETTES % JACKET_DESIGNS);
        Self {
            classes: format!("jacket jacket-p{palette} jacket-d{design} jacket-{size}"),
            title: book.title.clone(),
            author: match book.authors.as_slice() {
                [first, _, _, ..] => format!("{first} and others"),
                few => join_names(few),
            },
        }
    }
}

pub(super) fn card_path(card: &Card) -> String {
    format!("/@{}/{}", card.reviewer, card.slug)
}

pub(super) fn tag_links<'t>(tags: impl Iterator<Item = &'t String>) -> Vec<Link> {
    tags.map(|tag| Link { name: tag.clone(), path: tag_path(tag) }).collect()
}

pub(super) fn author_links(names: &[String]) -> Vec<Link> {
    names.iter().map(|name| Link { name: name.clone(), path: author_path(name) }).collect()
}

pub(super) fn author_path(name: &str) -> String {
    format!("/authors/{}", author_key(name))
}

pub(super) fn book_path(book: &Book) -> String {
    format!("/books/{}", book_key(book))
}

/// "A, B and C", or "A, B, C and 37 others".
pub(super) fn short_names(names: &[String]) -> String {
    if names.len() <= AUTHORS_NAMED + 1 {
        return join_names(names);
    }
    format!("{} and {} others", names[..AUTHORS_NAMED].join(", "), names.len() - AUTHORS_NAMED)
}

/// `1965`, `600 BC`.
pub(super) fn year_in_words(year: &i32) -> String {
    if *year < 0 { format!("{} BC", year.unsigned_abs()) } else { year.to_string() }
}

/// "1 minute’s read", "7 minutes’ read"; `None` for a text too short to say it.
pub(super) fn reading_time(words: u32) -> Option<String> {
    match words.div_ceil(READING_SPEED) {
        _ if words < READING_SPEED / 2 => None,
        1 => Some("1 minute’s read".to_owned()),
        minutes => Some(format!("{minutes} minutes’ read")),
    }
}

/// FNV-1a, 64 bits (RFC 9923): stable across releases, unlike the standard library's hasher.
pub(super) fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_authors_do_not_fill_a_page() {
        let names = |count: usize| (1..=count).map(|n| format!("A{n}")).collect::<Vec<_>>();
        assert_eq!(short_names(&names(2)), "A1 and A2");
        assert_eq!(short_names(&names(4)), "A1, A2, A3 and A4");
        assert_eq!(short_names(&names(40)), "A1, A2, A3 and 37 others");
    }

    #[test]
    fn a_jacket_never_changes() {
        // <http://www.isthe.com/chongo/tech/comp/fnv/>, test vector of the algorithm's authors.
        assert_eq!(fnv1a("foobar"), 0x8594_4171_F739_67E8);
    }

    #[test]
    fn a_reading_time_is_told_from_half_a_minute_on() {
        assert_eq!(reading_time(0), None);
        assert_eq!(reading_time(150).unwrap(), "1 minute’s read");
        assert_eq!(reading_time(1_000).unwrap(), "5 minutes’ read");
    }
}
