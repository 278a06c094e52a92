//! One review or reply as an item of a feed: everything the three writers need, made once.

use jiff::Timestamp;

use super::{Author, clean, line};
use crate::domain::{
    Book, Comment, Format, Isbn, Moment, Origin, Published, Rating, Review, Reviewer, Site, Text,
    address::tag_key,
    picture::{Picture, Size},
    rating::number,
};
use crate::text::{self, Place, SafeHtml, Shown};

/// Longest title of an item, in characters; a list in a reader shows far fewer.
const TITLE_CHARS_MAX: usize = 250;

/// Longest name of somebody who commented, in characters.
const NAME_CHARS_MAX: usize = 100;

/// Longest summary, in characters: one or two sentences.
const SUMMARY_CHARS_MAX: usize = 280;

/// Width at which a cover stands in the text, in pixels; readers without a style sheet would fill the screen with it.
const COVER_WIDTH_SHOWN_MAX: u32 = 300;

/// What the markup of an item takes beside its texts, in bytes; generous, for the largest of the three dialects.
const MARKUP_BYTES: usize = 3000;

/// A review as an item, or a reply to one.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// `urn:uuid:…`: the same in every dialect and every feed, for ever.
    pub guid: String,
    /// The page where people read it.
    pub page: String,
    /// Plain text without `<`: "Dune by Frank Herbert — ★★★★½". Readers disagree on markup in titles.
    pub title: String,
    /// Plain text, one or two sentences, free of spoilers.
    pub summary: String,
    /// HTML with absolute addresses: cover, rating in words, book, and the whole text without its spoilers.
    pub content: String,
    pub published: Timestamp,
    /// The last visible change of the text itself, else `published`: replies to a review do not make it new.
    pub updated: Timestamp,
    pub author: Author,
    /// BCP 47.
    pub language: String,
    pub tags: Vec<Tag>,
    /// What a review is about; `None` for a reply.
    pub reviewed: Option<Reviewed>,
    /// What a reply answers; `None` for a review.
    pub answers: Option<Answers>,
    pub cover: Option<Cover>,
    /// The ActivityPub id, and the author's fediverse address (`@ana@books.example`), empty for who has none.
    pub note: String,
    pub account: String,
    pub replies: Option<Replies>,
}

/// A book and what the reviewer thinks of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reviewed {
    pub book: Book,
    /// Our page about the book.
    pub book_page: String,
    pub rating: Option<Rating>,
    /// When the book was begun and last finished, as precisely as the reviewer says.
    pub started: Option<Moment>,
    pub finished: Option<Moment>,
}

/// The item that a reply answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// Its id in its feed.
    pub guid: String,
    pub page: String,
}

/// A reply, with everything strangers wrote made fit for a page already.
#[derive(Debug, Clone)]
pub struct Said<'a> {
    /// The ActivityPub id.
    pub id: &'a str,
    /// Where it stands on our site.
    pub page: String,
    /// One line of visible characters.
    pub name: &'a str,
    /// `@bob@mastodon.example`; empty for who has none.
    pub account: &'a str,
    /// The author's own page.
    pub profile: Option<&'a str>,
    pub warning: Option<&'a str>,
    pub content: &'a SafeHtml,
    pub language: Option<&'a str>,
    pub published: Timestamp,
    pub updated: Option<Timestamp>,
    /// The review or the reply that it answers.
    pub answers: Answers,
}

/// A tag with its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// As the reviewer wrote it.
    pub name: String,
    /// What makes two tags the same.
    pub key: String,
    /// Where the tags of this site are listed; the Atom `scheme` and RSS `domain`.
    pub scheme: String,
}

/// The book's cover, in pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    /// Stands in the content too: different addresses would be two attachments in Miniflux.
    pub url: String,
    pub media_type: String,
    pub width: u32,
    pub height: u32,
    pub thumb_url: String,
    pub thumb_width: u32,
    pub thumb_height: u32,
    pub alt: String,
}

/// The answers a review has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replies {
    pub count: u32,
    /// Their RSS feed.
    pub feed: String,
}

impl Entry {
    pub fn new(published: &Published, reviewer: &Reviewer, site: &Site) -> Self {
        let (review, origin) = (&published.review, &site.origin);
        let page = origin.page(&published.reviewer, &published.slug);
        let cover = published.cover.as_ref().map(|picture| Cover::new(picture, &review.book, origin));
        Self {
            guid: clean(&published.guid),
            title: title(review),
            summary: summary(review),
            content: content(published, &page, cover.as_ref(), site),
            published: published.published,
            updated: published.changed(),
            author: Author::new(reviewer, origin),
            language: line(review.language.as_ref().unwrap_or(&site.language)),
            tags: review.tags.iter().map(|tag| Tag::new(tag, origin)).filter(|tag| !tag.key.is_empty()).collect(),
            reviewed: Some(Reviewed {
                book: review.book.clone(),
                book_page: origin.book(&review.book),
                rating: review.rating.clone(),
                started: review.started,
                finished: review.read.last().copied(),
            }),
            answers: None,
            cover,
            note: origin.note(&published.reviewer, &published.id),
            account: format!("@{}@{}", published.reviewer, origin.host()),
            replies: None,
            page,
        }
    }

    /// A reply to a review as an item of the feed of its conversation.
    ///
    /// What stands behind a content warning is left out: readers have no fold for it.
    pub fn reply(said: &Said<'_>, to: &Published, site: &Site) -> Self {
        let content = match said.warning {
            None => said.content.to_string(),
            Some(warning) => {
                let link = format!(r#"<a href="{}">Read it on {}</a>"#, escaped(&said.page), escaped(&site.title));
                format!("<p>Content warning: {}. {link}.</p>", escaped(warning))
            }
        };
        let words = || text::excerpt(&Text::new(Format::Html, said.content.as_str()), SUMMARY_CHARS_MAX);
        let language = said.language.unwrap_or(&site.language);
        Self {
            guid: line(said.id),
            title: cut(&plain_title(&format!("{} on {}", said.name, to.review.book.by_line())), TITLE_CHARS_MAX),
            summary: line(&said.warning.map_or_else(words, |warning| format!("Content warning: {warning}"))),
            content: clean(&content),
            published: said.published,
            updated: said.updated.unwrap_or(said.published).max(said.published),
            author: Author { name: line(said.name), url: said.profile.map(line), avatar: None },
            language: line(language),
            tags: Vec::new(),
            reviewed: None,
            answers: Some(said.answers.clone()),
            cover: None,
            note: line(said.id),
            account: line(said.account),
            replies: None,
            page: said.page.clone(),
        }
    }

    /// A comment from the blog a review comes from, the one with this number: a name, a day and words, and no account.
    pub fn comment(comment: &Comment, number: usize, to: &Published, site: &Site) -> Self {
        let page = site.origin.page(&to.reviewer, &to.slug);
        let words = Text::new(Format::Markdown, clean(&comment.text));
        // They are a stranger's words wherever they stand: no pictures, and links that recommend nothing.
        let html = text::feed_html(&words, &Place { page: &page, picture: &|_| None });
        let said = Said {
            id: &format!("{}#comment-{number}", site.origin.note(&to.reviewer, &to.id)),
            page: format!("{page}#comment-{number}"),
            name: &text::remote_text(&comment.name, NAME_CHARS_MAX),
            account: "",
            profile: None,
            warning: None,
            content: &text::remote_html(html.as_str()),
            language: to.review.language.as_deref(),
            published: comment.date.map_or(to.published, |date| date.timestamp()),
            updated: None,
            answers: Answers { guid: to.guid.clone(), page: page.clone() },
        };
        Self::reply(&said, to, site)
    }

    /// The entry with the number of its replies, whose feed stands under the review's page.
    pub fn with_replies(mut self, count: u32) -> Self {
        self.replies = Some(Replies { count, feed: format!("{}/replies.xml", self.page) });
        self
    }

    /// The entry with its first lines instead of the whole text, for who wants readers to come to the site.
    pub fn shortened(mut self) -> Self {
        let (summary, page) = (escaped(&self.summary), escaped(&self.page));
        self.content = format!("<p>{summary}</p><p><a href=\"{page}\">Read the whole review</a></p>");
        self
    }

    /// The book in one line: "Dune by Frank Herbert (1965)".
    pub(super) fn citation(&self) -> Option<String> {
        let book = &self.reviewed.as_ref()?.book;
        Some(match book.year {
            Some(year) => format!("{} ({year})", book.by_line()),
            None => book.by_line(),
        })
    }

    pub(super) fn isbn(&self) -> Option<&Isbn> {
        self.reviewed.as_ref()?.book.isbn.as_ref()
    }

    /// Value and best of the rating, where it has numbers.
    pub(super) fn rating(&self) -> Option<(f64, f64)> {
        self.reviewed.as_ref()?.rating.as_ref()?.numbers()
    }

    /// The book and its reading for programs, as properties of schema.org's `Review`, `Book` and `ReadAction`: the only
    /// namespace that carries them past the W3C validator without a warning, if they are flat text (no attributes). None is
    /// named like an element of RSS or Atom, since some readers match local names.
    pub(super) fn schema(&self) -> Vec<(&'static str, String)> {
        let Some(reviewed) = &self.reviewed else { return Vec::new() };
        let book = &reviewed.book;
        let mut properties = vec![("itemReviewed", book.title.clone())];
        if let Some((value, best)) = self.rating() {
            properties.push(("ratingValue", number(value)));
            properties.push(("bestRating", number(best)));
        }
        properties.extend(book.isbn.iter().map(|isbn| ("isbn", isbn.to_string())));
        properties.extend(book.authors.iter().map(|name| ("contributor", name.clone())));
        properties.extend(book.year.map(|year| ("copyrightYear", year.to_string())));
        if let Some(series) = &book.series {
            properties.push(("isPartOf", series.name.clone()));
            properties.extend(series.position.iter().map(|position| ("position", position.clone())));
        }
        properties.extend(book.pages.map(|pages| ("numberOfPages", pages.to_string())));
        properties.extend(reviewed.started.map(|day| ("startTime", day.calendar())));
        properties.extend(reviewed.finished.map(|day| ("endTime", day.calendar())));
        properties
    }

    /// About how many bytes the entry takes in the largest dialect, Atom, which escapes the HTML.
    pub(super) fn bytes(&self) -> usize {
        let escapes = self.content.bytes().filter(|byte| b"<>&\"'".contains(byte)).count();
        MARKUP_BYTES + self.content.len() + 5 * escapes + self.summary.len() + 2 * self.title.len()
    }
}

impl Author {
    pub fn new(reviewer: &Reviewer, origin: &Origin) -> Self {
        Self {
            name: line(&reviewer.name),
            url: Some(origin.profile(&reviewer.handle)),
            avatar: reviewer.avatar.as_ref().map(|picture| origin.media(picture, Size::Thumb)),
        }
    }
}

impl Tag {
    fn new(tag: &str, origin: &Origin) -> Self {
        let name = line(tag);
        Self { key: tag_key(&name), name, scheme: origin.at("/tags/") }
    }
}

impl Cover {
    fn new(picture: &Picture, book: &Book, origin: &Origin) -> Self {
        Self {
            url: origin.media(picture, Size::Full),
            media_type: picture.media_type.clone(),
            width: picture.width,
            height: picture.height,
            thumb_url: origin.media(picture, Size::Thumb),
            thumb_width: picture.thumb_width,
            thumb_height: picture.thumb_height,
            alt: line(&book.cover_alt()),
        }
    }

    fn html(&self) -> String {
        let width = self.width.min(COVER_WIDTH_SHOWN_MAX);
        let height = u64::from(self.height) * u64::from(width) / u64::from(self.width.max(1));
        format!(
            r#"<p><img src="{}" alt="{}" width="{width}" height="{height}"></p>"#,
            escaped(&self.url),
            escaped(&self.alt)
        )
    }
}

/// The headline where there is one, with the book where the headline does not name it; then the stars.
///
/// A review that gives the plot away as a whole has no headline here, which may do the same.
fn title(review: &Review) -> String {
    let book = review.book.by_line();
    let heading = match &review.headline {
        Some(headline) if !review.spoilers => {
            let headline = without_spoilers(headline, review);
            if headline.to_lowercase().contains(&review.book.title.to_lowercase()) {
                headline
            } else {
                format!("{headline} · {book}")
            }
        }
        Some(_) | None => book,
    };
    let heading = cut(&plain_title(&heading), TITLE_CHARS_MAX);
    // Of a title of nothing but what XML cannot hold.
    let heading = if heading.is_empty() { "A review".to_owned() } else { heading };
    match review.rating.as_ref().and_then(rating_mark) {
        Some(mark) => format!("{heading} — {mark}"),
        None => heading,
    }
}

/// In one line, without what some readers take for markup.
fn plain_title(text: &str) -> String {
    line(text).replace('<', "‹").replace('>', "›")
}

/// Stars where the rating is a number above nothing, else the reviewer's own word.
fn rating_mark(rating: &Rating) -> Option<String> {
    let stars = rating.stars().map(|stars| stars.trim_end_matches('☆').to_owned()).filter(|stars| !stars.is_empty());
    let mark = stars.unwrap_or_else(|| rating.in_words());
    let mark = cut(&plain_title(&mark), TITLE_CHARS_MAX);
    (!mark.is_empty()).then_some(mark)
}

fn summary(review: &Review) -> String {
    let rating = match &review.rating {
        Some(rating) if rating.numbers().is_some() => format!("{}.", rating.in_words()),
        Some(rating) if !rating.raw.trim().is_empty() => format!("Rating: {}.", rating.raw.trim()),
        Some(_) | None => String::new(),
    };
    let words = if review.spoilers {
        "This review gives the plot away and stands on its own page.".to_owned()
    } else if let Some(summary) = &review.summary {
        cut(&line(&without_spoilers(summary, review)), SUMMARY_CHARS_MAX)
    } else {
        text::excerpt(&review.body, SUMMARY_CHARS_MAX)
    };
    line(&format!("{rating} {words}"))
}

/// A single line of the metadata without the spoilers marked in it.
fn without_spoilers(text: &str, review: &Review) -> String {
    let text = Text::new(review.body.format, text);
    if text::has_marked_spoilers(&text) { text::plain(&text) } else { text.source }
}

fn content(published: &Published, page: &str, cover: Option<&Cover>, site: &Site) -> String {
    let review = &published.review;
    let mut html = cover.map(Cover::html).unwrap_or_default();
    html.push_str(&book_line(review));
    if let Some(rating) = &review.rating {
        html.push_str(&format!("<p>Rating: {}</p>", escaped(&line(&rating.in_words()))));
    }
    if review.spoilers {
        let link = format!(r#"<a href="{}">Read it on {}</a>"#, escaped(page), escaped(&site.title));
        html.push_str(&format!("<p>This review gives the plot away. {link}.</p>"));
    } else {
        html.push_str(&body(published, page, &site.origin));
    }
    clean(&html)
}

fn body(published: &Published, page: &str, origin: &Origin) -> String {
    let picture = |address: &str| {
        let picture = published.pictures.get(address)?;
        Some(Shown { url: origin.media(picture, Size::Full), width: picture.width, height: picture.height })
    };
    // Cleaned before it is rendered too, so that dropping a character later cannot join what the allow-list saw apart.
    let body = Text::new(published.review.body.format, clean(&published.review.body.source));
    text::feed_html(&body, &Place { page, picture: &picture }).to_string()
}

/// "*Dune* by Frank Herbert · 1965 · Dune 1 · 412 pages · read 3 September 2020".
///
/// The reading date stands here, since an item's date is that of its publication.
fn book_line(review: &Review) -> String {
    let book = &review.book;
    let title = escaped(&book.title);
    let first = format!("<cite>{title}</cite>{}", escaped(book.by_line().strip_prefix(&book.title).unwrap_or("")));
    let series = book.series.as_ref().map(|series| match &series.position {
        Some(position) => format!("{} {position}", series.name),
        None => series.name.clone(),
    });
    let rest = [
        book.year.map(|year| if year < 0 { format!("{} BCE", -i64::from(year)) } else { year.to_string() }),
        series,
        book.publisher.clone(),
        book.pages.map(|pages| format!("{pages} pages")),
        review.read.last().map(|read| format!("read {}", read.for_people())),
    ];
    let rest: String = rest.into_iter().flatten().map(|part| format!(" · {}", escaped(&line(&part)))).collect();
    format!("<p>{first}{rest}</p>")
}

/// At most `chars_max` characters, cut at a word.
fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let head: String = text.chars().take(chars_max).collect();
    let head = head.rsplit_once(' ').map_or(head.as_str(), |(words, _)| words);
    format!("{head}…")
}

/// Text as HTML, in content and in attributes. Not `&apos;`, which older HTML does not know.
pub(super) fn escaped(text: &str) -> String {
    quick_xml::escape::partial_escape(text).replace('"', "&quot;")
}
