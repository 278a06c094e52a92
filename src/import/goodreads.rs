//! Goodreads' `goodreads_library_export.csv`: 24 columns, 31 in older ones, sometimes without a heading.

use super::{
    Brought, Row, markup,
    table::{Cells, Table},
    values::{isbn, list, moment, rating, tidy, titled},
};

/// Shelves that everybody has; what people name themselves is a tag.
const OWN_SHELVES: [&str; 3] = ["read", "to-read", "currently-reading"];

const COLUMNS: [&str; 24] = [
    "Book Id",
    "Title",
    "Author",
    "Author l-f",
    "Additional Authors",
    "ISBN",
    "ISBN13",
    "My Rating",
    "Average Rating",
    "Publisher",
    "Binding",
    "Number of Pages",
    "Year Published",
    "Original Publication Year",
    "Date Read",
    "Date Added",
    "Bookshelves",
    "Bookshelves with positions",
    "Exclusive Shelf",
    "My Review",
    "Spoiler",
    "Private Notes",
    "Read Count",
    "Owned Copies",
];

/// With those that Goodreads dropped in 2021.
const OLD_COLUMNS: [&str; 31] = [
    "Book Id",
    "Title",
    "Author",
    "Author l-f",
    "Additional Authors",
    "ISBN",
    "ISBN13",
    "My Rating",
    "Average Rating",
    "Publisher",
    "Binding",
    "Number of Pages",
    "Year Published",
    "Original Publication Year",
    "Date Read",
    "Date Added",
    "Bookshelves",
    "Bookshelves with positions",
    "Exclusive Shelf",
    "My Review",
    "Spoiler",
    "Private Notes",
    "Read Count",
    "Recommended For",
    "Recommended By",
    "Owned Copies",
    "Original Purchase Date",
    "Original Purchase Location",
    "Condition",
    "Condition Description",
    "BCID",
];

pub fn read(bytes: &[u8], take: &mut dyn FnMut(Row)) -> Result<(), String> {
    let table = Table::open(bytes, &["Book Id", "Title", "My Rating", "Exclusive Shelf"], &[&COLUMNS, &OLD_COLUMNS])?;
    table.rows(take, row);
    Ok(())
}

fn row(cells: &Cells<'_>) -> Row {
    let (title, series) = titled(cells.get("Title"));
    let id = cells.get("Book Id");
    if title.is_empty() || id.is_empty() {
        return cells.damaged(&title, "it has no title or no Book Id");
    }
    let body = markup::from_field(cells.get("My Review"));
    let rating = rating(cells.get("My Rating"), 5.0);
    let shelf = cells.get("Exclusive Shelf");
    let finished = cells.some("Date Read").and_then(moment);
    if body.is_empty() && rating.is_none() && finished.is_none() && shelf != "read" {
        return cells.passed(&title, format!("on the shelf `{shelf}`, neither rated nor reviewed"));
    }
    let isbn = match isbn(cells.get("ISBN13")) {
        Ok(None) => isbn(cells.get("ISBN")),
        found => found,
    };
    let mut authors = vec![tidy(cells.get("Author"))];
    authors.extend(list(cells.get("Additional Authors")).iter().map(|name| tidy(name)));
    authors.retain(|name| !name.is_empty());
    let mut tags = list(cells.get("Bookshelves"));
    tags.extend(cells.some("Exclusive Shelf").map(str::to_owned));
    tags.retain(|tag| !OWN_SHELVES.contains(&tag.as_str()));
    tags.dedup();
    let year = cells.some("Original Publication Year").or(cells.some("Year Published"));
    Row::Review(Box::new(Brought {
        line: cells.line,
        identity: format!("goodreads:{id}"),
        title,
        authors,
        bad_isbn: isbn.as_ref().err().cloned(),
        isbn: isbn.ok().flatten(),
        year: year.and_then(|year| year.parse().ok()),
        pages: cells.get("Number of Pages").parse().ok(),
        publisher: cells.some("Publisher").map(tidy),
        series,
        rating,
        read: finished.into_iter().collect(),
        date: finished.or_else(|| cells.some("Date Added").and_then(moment)),
        tags,
        spoilers: cells.get("Spoiler").eq_ignore_ascii_case("true"),
        body,
        ..Brought::default()
    }))
}
