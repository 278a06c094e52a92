//! Reviews as the table that Goodreads exports and everybody imports.

use std::io::{self, Write};

use crate::{
    domain::{Format, Moment, Origin, Published},
    import::{Brought, goodreads},
    text,
};

/// A table in the making.
pub struct Table<W: Write>(csv::Writer<W>);

impl<W: Write> Table<W> {
    /// Begins with the heading.
    pub fn new(into: W) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(into);
        writer.write_record(goodreads::heading())?;
        Ok(Self(writer))
    }

    pub fn put(&mut self, published: &Published, origin: &Origin) -> io::Result<()> {
        Ok(self.0.write_record(goodreads::cells(&brought(published, origin)))?)
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A review of ours as an import would bring it: under its own id, which is never another review's.
fn brought(published: &Published, origin: &Origin) -> Brought {
    let review = &published.review;
    let body = match review.body.format {
        Format::Markdown => review.body.source.trim().to_owned(),
        Format::Html | Format::Plain => text::markdown_source(&review.body).trim().to_owned(),
    };
    let numbers = review.rating.as_ref().and_then(|rating| rating.numbers());
    Brought {
        identity: format!("reviewd:{}", origin.note(&published.reviewer, &published.id)),
        title: review.book.title.clone(),
        authors: review.book.authors.clone(),
        isbn: review.book.isbn.clone(),
        year: review.book.year,
        pages: review.book.pages,
        publisher: review.book.publisher.clone(),
        series: review.book.series.clone(),
        rating: numbers,
        verdict: review.rating.as_ref().filter(|_| numbers.is_none()).map(|rating| rating.raw.clone()),
        started: review.started,
        read: review.read.clone(),
        date: Some(review.date.unwrap_or(Moment::Instant(published.published))),
        updated: review.updated,
        tags: review.tags.clone(),
        headline: review.headline.clone(),
        summary: review.summary.clone(),
        spoilers: review.spoilers,
        language: review.language.clone(),
        former_paths: review.aliases.clone(),
        slug: Some(published.slug.to_string()),
        page: Some(origin.page(&published.reviewer, &published.slug)),
        body,
        comments: review.comments.clone(),
        ..Brought::default()
    }
}
