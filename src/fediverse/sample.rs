//! One site, one reviewer and one review for the tests of this module.

use std::collections::BTreeMap;

use crate::domain::{
    Book, Cover, Format, Handle, Isbn, Origin, Picture, Published, Rating, Review, ReviewId, Reviewer, Site, Slug,
    Text, reviewer::ProfileLink,
};

pub(super) fn site() -> Site {
    Site {
        origin: Origin::parse("https://books.example").unwrap(),
        title: "Ana reads".into(),
        description: "Book reviews".into(),
        language: "en".into(),
        source_url: "https://example.org/reviewd".into(),
    }
}

pub(super) fn picture(key: &str) -> Picture {
    Picture {
        key: key.into(),
        media_type: "image/jpeg".into(),
        width: 800,
        height: 1200,
        thumb_width: 400,
        thumb_height: 600,
        blurhash: "UBL_:rOpGG-oBUNG,qRj2so|=eE1w^n4S5NH".into(),
    }
}

pub(super) fn ana() -> Reviewer {
    Reviewer {
        handle: Handle::parse("ana").unwrap(),
        name: "Ana".into(),
        bio: "Book reviews.".into(),
        avatar: Some(picture("a11a")),
        links: vec![ProfileLink { name: "Website".into(), url: "https://ana.example/".into() }],
        also_known_as: vec!["https://old.example/users/ana".into()],
    }
}

pub(super) fn dune() -> Published {
    Published {
        reviewer: Handle::parse("ana").unwrap(),
        id: ReviewId::parse("dune-2026").unwrap(),
        guid: "urn:uuid:00000000-0000-4000-8000-000000000001".into(),
        slug: Slug::from_text("Dune 2026"),
        published: "2026-11-20T09:00:00Z".parse().unwrap(),
        updated: None,
        review: Review {
            book: Book {
                title: "Dune".into(),
                authors: vec!["Frank Herbert".into()],
                isbn: Isbn::parse("9780441172719"),
                year: Some(1990),
                series: None,
                cover: Some(Cover { source: "dune.jpg".into(), alt: None }),
                pages: Some(604),
                publisher: Some("Ace".into()),
            },
            headline: Some("Sand, power and worms".into()),
            rating: Some(Rating { raw: "4.5".into(), value: Some(4.5), best: Some(5.0) }),
            body: Text::new(Format::Markdown, "A **fantastic** book."),
            synopsis: None,
            summary: None,
            date: None,
            updated: None,
            read: vec![],
            started: None,
            tags: vec!["book review".into(), "Science Fiction".into(), "BookReview".into()],
            language: None,
            spoilers: false,
            draft: false,
            slug: Slug::from_text("Dune 2026"),
            aliases: vec![],
            id: None,
            imported: false,
            replies_closed: false,
            comments: Vec::new(),
        },
        cover: Some(picture("d00d")),
        pictures: BTreeMap::new(),
    }
}
