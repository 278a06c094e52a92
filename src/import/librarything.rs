//! LibraryThing's tab-delimited export: no quotes, brackets around ISBNs and dates, stray bytes of other encodings.

use super::{
    Brought, Row, markup,
    table::{Cells, Table},
    values::{isbn, list, moment, rating, tidy, titled, turned},
};

/// Collections that LibraryThing makes by itself.
const OWN_COLLECTIONS: [&str; 4] = ["Your library", "Wishlist", "Currently reading", "To read"];

pub fn read(bytes: &[u8], take: &mut dyn FnMut(Row)) -> Result<(), String> {
    Table::open(bytes, &["Book Id", "Title", "Primary Author", "Rating"], &[])?.rows(take, row);
    Ok(())
}

fn row(cells: &Cells<'_>) -> Row {
    let (title, series) = titled(cells.get("Title"));
    let id = cells.get("Book Id");
    if title.is_empty() || id.is_empty() {
        return cells.damaged(&title, "it has no title or no Book Id");
    }
    let body = markup::from_field(cells.get("Review"));
    let rating = rating(cells.get("Rating"), 5.0);
    let finished = cells.some("Date Read").and_then(moment);
    if body.is_empty() && rating.is_none() && finished.is_none() {
        return cells.passed(&title, "neither read, rated nor reviewed");
    }
    // `ISBNs` holds all of them; `ISBN` stands in brackets.
    let isbn = match isbn(cells.get("ISBN")) {
        Ok(None) => list(cells.get("ISBNs"))
            .iter()
            .find_map(|one| isbn(one).ok().flatten())
            .map_or(Ok(None), |one| Ok(Some(one))),
        found => found,
    };
    let mut tags = list(cells.get("Tags"));
    tags.extend(list(cells.get("Collections")).into_iter().filter(|one| !OWN_COLLECTIONS.contains(&one.as_str())));
    tags.dedup();
    let authors = std::iter::once(cells.get("Primary Author")).filter(|name| !name.is_empty());
    Row::Review(Box::new(Brought {
        line: cells.line,
        identity: format!("librarything:{id}"),
        title,
        authors: authors.map(|name| tidy(&turned(name))).collect(),
        bad_isbn: isbn.as_ref().err().cloned(),
        isbn: isbn.ok().flatten(),
        year: cells.some("Date").and_then(|year| year.get(..4)?.parse().ok()),
        pages: cells.get("Page Count").split_whitespace().next().and_then(|pages| pages.parse().ok()),
        series,
        rating,
        started: cells.some("Date Started").and_then(moment),
        read: finished.into_iter().collect(),
        date: finished.or_else(|| cells.some("Entry Date").and_then(moment)),
        tags,
        body,
        ..Brought::default()
    }))
}
