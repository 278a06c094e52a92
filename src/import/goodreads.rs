//! Goodreads' `goodreads_library_export.csv`: 24 columns, 31 in older ones, sometimes without a heading. Other sites
//! read it too, so our own table of reviews is one, with a further column that says exactly what Goodreads' columns cannot.

use super::{
    Brought, Row, markup,
    table::{Cells, Table},
    values::{isbn, list, moment, rating, tidy, titled},
};
use crate::domain::{Moment, rating::number};

/// The column of our own: the whole review as JSON. Other programs pass over columns that they do not know.
const EXACT: &str = "Reviewd";

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

/// The heading of our own table.
pub fn heading() -> Vec<&'static str> {
    COLUMNS.into_iter().chain([EXACT]).collect()
}

/// A review as a row under [`heading`].
pub fn cells(review: &Brought) -> Vec<String> {
    let exact = serde_json::to_string(review).unwrap_or_default();
    COLUMNS.into_iter().map(|column| cell(review, column)).chain([exact]).collect()
}

/// What Goodreads would write of a review in one of its columns.
fn cell(review: &Brought, column: &str) -> String {
    let first = || review.authors.first().cloned().unwrap_or_default();
    let spreadsheet = |digits: Option<String>| format!("=\"{}\"", digits.unwrap_or_default());
    let day = |moment: Option<&Moment>| moment.map(|one| one.calendar().replace('-', "/")).unwrap_or_default();
    match column {
        "Title" => match review.series.as_ref().and_then(|series| Some((&series.name, series.position.as_ref()?))) {
            Some((name, position)) => format!("{} ({name}, #{position})", review.title),
            None => review.title.clone(),
        },
        "Author" => first(),
        "Author l-f" => match first().rsplit_once(' ') {
            Some((given, family)) => format!("{family}, {given}"),
            None => first(),
        },
        "Additional Authors" => review.authors.iter().skip(1).cloned().collect::<Vec<_>>().join(", "),
        "ISBN" => spreadsheet(review.isbn.as_ref().and_then(|isbn| isbn.isbn10())),
        "ISBN13" => spreadsheet(review.isbn.as_ref().map(ToString::to_string)),
        // Whole stars; 0 would be "not rated", so the worst is one.
        "My Rating" => review.rating.map_or_else(|| "0".to_owned(), |(value, best)| number(stars(value, best))),
        "Publisher" => review.publisher.clone().unwrap_or_default(),
        "Number of Pages" => review.pages.map(|pages| pages.to_string()).unwrap_or_default(),
        "Original Publication Year" => review.year.map(|year| year.to_string()).unwrap_or_default(),
        "Date Read" => day(review.read.last()),
        "Date Added" => day(review.date.as_ref()),
        "Bookshelves" => review.tags.join(", "),
        "Exclusive Shelf" => "read".to_owned(),
        "My Review" => markup::to_field(&review.body, review.page.as_deref()),
        "Spoiler" => if review.spoilers { "true" } else { "" }.to_owned(),
        "Read Count" => review.read.len().max(1).to_string(),
        "Owned Copies" => "0".to_owned(),
        // Goodreads' own numbers and what only it knows.
        _ => String::new(),
    }
}

fn stars(value: f64, best: f64) -> f64 {
    (value / best * 5.0).round().clamp(1.0, 5.0)
}

/// The exact values, each where its cells still say the same: what somebody changed in a spreadsheet counts.
fn with_exact(seen: Brought, exact: Brought, cells: &Cells<'_>) -> Brought {
    let same = |columns: &[&str]| columns.iter().all(|column| cells.get(column) == cell(&exact, column).trim());
    let title = same(&["Title"]);
    let (authors, rating) = (same(&["Author", "Additional Authors"]), same(&["My Rating"]));
    let (isbn, read, date) = (same(&["ISBN", "ISBN13"]), same(&["Date Read"]), same(&["Date Added"]));
    let (tags, body) = (same(&["Bookshelves"]), same(&["My Review"]));
    Brought {
        title: if title { exact.title } else { seen.title },
        series: if title { exact.series } else { seen.series },
        authors: if authors { exact.authors } else { seen.authors },
        rating: if rating { exact.rating } else { seen.rating },
        verdict: exact.verdict.filter(|_| rating),
        isbn: if isbn { exact.isbn } else { seen.isbn },
        read: if read { exact.read } else { seen.read },
        date: if date { exact.date } else { seen.date },
        tags: if tags { exact.tags } else { seen.tags },
        body: if body { exact.body } else { seen.body },
        line: seen.line,
        bad_isbn: seen.bad_isbn,
        publisher: seen.publisher,
        pages: seen.pages,
        year: seen.year,
        spoilers: seen.spoilers,
        ..exact
    }
}

pub fn read(bytes: Vec<u8>, take: &mut dyn FnMut(Row)) -> Result<(), String> {
    let table = Table::open(bytes, &["Book Id", "Title", "My Rating", "Exclusive Shelf"], &[&COLUMNS, &OLD_COLUMNS])?;
    table.rows(take, row);
    Ok(())
}

fn row(cells: &Cells<'_>) -> Row {
    let (title, series) = titled(cells.get("Title"));
    let id = cells.get("Book Id");
    let exact: Option<Brought> = cells.some(EXACT).and_then(|json| serde_json::from_str(json).ok());
    if title.is_empty() || (id.is_empty() && exact.is_none()) {
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
    let seen = Brought {
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
    };
    Row::Review(Box::new(match exact {
        Some(exact) => with_exact(seen, exact, cells),
        None => seen,
    }))
}
