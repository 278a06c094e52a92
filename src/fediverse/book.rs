//! The book behind a review: one Edition that BookWyrm and NeoDB both read, its Work and its authors.

use serde_json::{Value, json};

use super::context::{Context, PUBLIC, with_context};
use crate::domain::{Book, Origin, Picture, address::book_key, picture::Size};

/// The Edition: BookWyrm requires `id`, `title` and `work`; NeoDB reads `localized_title`, `isbn` and the rest.
pub fn edition(origin: &Origin, book: &Book, cover: Option<&Picture>, language: &str) -> Value {
    let id = origin.book(book);
    let mut edition = json!({
        "id": id,
        "type": "Edition",
        "title": book.title,
        "authors": author_ids(origin, book),
        "author": book.authors,
        "work": work_id(origin, book),
    });
    if let Some(isbn) = &book.isbn {
        edition["isbn13"] = json!(isbn.as_str());
        if let Some(isbn10) = isbn.isbn10() {
            edition["isbn10"] = json!(isbn10);
        }
        edition["isbn"] = json!(isbn.as_str());
    }
    if let Some(publisher) = &book.publisher {
        edition["publishers"] = json!([publisher]);
        edition["publisher"] = json!([publisher]);
    }
    if let Some(pages) = book.pages {
        edition["pages"] = json!(pages);
    }
    if let Some(year) = book.year.filter(|year| (1..=9999).contains(year)) {
        edition["publishedDate"] = json!(format!("{year:04}-01-01T00:00:00Z"));
        edition["pub_year"] = json!(year);
    }
    if let Some(series) = &book.series {
        edition["series"] = json!(series.name);
        edition["seriesNumber"] = json!(series.position);
    }
    // The title is all NeoDB insists on; its language is that of the review, which is right more often than none.
    edition["localized_title"] = json!([{"lang": language, "text": book.title}]);
    edition["localized_description"] = json!([]);
    edition["external_resources"] = json!([]);
    if let Some(cover) = cover {
        let url = origin.media(cover, Size::Full);
        edition["cover_image_url"] = json!(url);
        edition["cover"] = json!({"type": "Document", "url": url, "name": book.title});
    }
    edition["url"] = json!(id);
    edition["to"] = json!([PUBLIC]);
    edition["cc"] = json!([]);
    with_context(Context::Book, edition)
}

/// The Work that BookWyrm fetches beside every Edition.
pub fn work(origin: &Origin, book: &Book) -> Value {
    let work = json!({
        "id": work_id(origin, book),
        "type": "Work",
        "title": book.title,
        "authors": author_ids(origin, book),
        "editions": [origin.book(book)],
    });
    with_context(Context::Book, work)
}

pub fn author(origin: &Origin, name: &str) -> Value {
    with_context(Context::Book, json!({"id": origin.author(name), "type": "Author", "name": name}))
}

fn work_id(origin: &Origin, book: &Book) -> String {
    origin.at(&format!("/books/{}/work", book_key(book)))
}

fn author_ids(origin: &Origin, book: &Book) -> Vec<String> {
    book.authors.iter().map(|name| origin.author(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fediverse::sample::{dune, site};

    #[test]
    fn a_book_is_an_edition_of_a_work_by_authors() {
        let (origin, dune) = (site().origin, dune());
        let book = &dune.review.book;
        insta::assert_json_snapshot!([
            edition(&origin, book, dune.cover.as_ref(), "en"),
            work(&origin, book),
            author(&origin, "Frank Herbert"),
        ]);
    }

    #[test]
    fn a_book_known_by_title_alone_is_an_edition_too() {
        let mut book = dune().review.book;
        (book.isbn, book.publisher, book.pages, book.year) = (None, None, None, Some(-800));
        book.authors.clear();
        let edition = edition(&site().origin, &book, None, "en");
        assert_eq!(edition["id"], "https://books.example/books/dune");
        assert_eq!(edition["work"], "https://books.example/books/dune/work");
        for absent in ["isbn13", "publishedDate", "pub_year", "cover", "publishers"] {
            assert!(edition.get(absent).is_none(), "{absent}");
        }
    }
}
