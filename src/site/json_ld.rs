//! schema.org `Review` as JSON-LD, for search engines.

use std::fmt;

use askama::filters::HtmlSafe;
use serde_json::{Value, json};

use crate::{
    domain::{Book, Published, Reviewer, picture::Size},
    text,
};

use super::Shell;

/// JSON that can stand in a script element: it holds no `<`.
pub(super) struct JsonLd(String);

impl JsonLd {
    fn new(value: &Value) -> Self {
        // Inside strings only, where JSON allows the escape: no text can end the element (HTML, section 4.12.1.3).
        Self(value.to_string().replace('<', "\\u003c"))
    }

    /// <https://schema.org/Review>. A review that gives the plot away as a whole keeps its text to itself.
    pub fn review(shell: &Shell<'_>, published: &Published, reviewer: &Reviewer, comments: usize) -> Self {
        let origin = &shell.site.origin;
        let review = &published.review;
        let page = origin.page(&published.reviewer, &published.slug);
        let mut value = json!({
            "@context": "https://schema.org",
            "@type": "Review",
            "@id": page,
            "url": page,
            "name": published.heading(),
            "inLanguage": review.language.as_deref().unwrap_or(&shell.site.language),
            "datePublished": published.published.to_string(),
            "dateModified": published.changed().to_string(),
            "author": {
                "@type": "Person",
                "name": reviewer.name,
                "url": origin.profile(&reviewer.handle),
                "sameAs": reviewer.links.iter().map(|link| &link.url).collect::<Vec<_>>(),
            },
            "publisher": {"@type": "Organization", "name": shell.site.title, "url": origin.home()},
            "itemReviewed": book(shell, published),
        });
        if let Some((rating, best)) = review.rating.as_ref().and_then(|rating| rating.numbers()) {
            value["reviewRating"] =
                json!({"@type": "Rating", "ratingValue": rating, "bestRating": best, "worstRating": 0});
        }
        if !review.spoilers && !review.body.is_empty() {
            value["reviewBody"] = text::plain(&review.body).into();
        }
        if comments > 0 {
            value["commentCount"] = comments.into();
        }
        if !review.tags.is_empty() {
            value["keywords"] = json!(review.tags);
        }
        Self::new(&value)
    }
}

fn book(shell: &Shell<'_>, published: &Published) -> Value {
    let book: &Book = &published.review.book;
    let mut value = json!({
        "@type": "Book",
        "name": book.title,
        "author": book.authors.iter().map(|name| json!({"@type": "Person", "name": name})).collect::<Vec<_>>(),
        "url": shell.site.origin.book(book),
    });
    if let Some(isbn) = &book.isbn {
        value["isbn"] = isbn.as_str().into();
    }
    if let Some(picture) = &published.cover {
        value["image"] = shell.site.origin.media(picture, Size::Full).into();
    }
    if let Some(year) = book.year {
        value["datePublished"] = iso_year(year).into();
    }
    if let Some(pages) = book.pages {
        value["numberOfPages"] = pages.into();
    }
    if let Some(publisher) = &book.publisher {
        value["publisher"] = json!({"@type": "Organization", "name": publisher});
    }
    if let Some(series) = &book.series {
        value["isPartOf"] = json!({"@type": "BookSeries", "name": series.name});
        if let Some(position) = &series.position {
            value["position"] = position.as_str().into();
        }
    }
    value
}

/// Four digits at least, with a sign before the common era (ISO 8601).
fn iso_year(year: i32) -> String {
    if year < 0 { format!("-{:04}", year.unsigned_abs()) } else { format!("{year:04}") }
}

impl fmt::Display for JsonLd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for JsonLd {}
