//! LibraryThing's exports: the tab-delimited one, with brackets around ISBNs and dates and stray bytes of other encodings, and
//! the JSON, an object of books by their numbers.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    Brought, Passed, Row, json, markup,
    table::{Cells, Table, by_name, decoded},
    values::{isbn, list, moment, rating, tidy, titled, turned},
};

/// Collections that LibraryThing makes by itself.
const OWN_COLLECTIONS: [&str; 4] = ["Your library", "Wishlist", "Currently reading", "To read"];

/// The columns that are read, with the members of the JSON that say the same.
const COLUMNS: [(&str, &str); 17] = [
    ("Book Id", "books_id"),
    ("Title", "title"),
    ("Primary Author", "primaryauthor"),
    ("Secondary Author", "secondaryauthor"),
    ("Secondary Author Roles", "secondaryauthorroles"),
    ("Rating", "rating"),
    ("Review", "review"),
    ("Date Started", "datestarted"),
    ("Date Read", "dateread"),
    ("Entry Date", "entrydate"),
    ("ISBN", "originalisbn"),
    ("ISBNs", "isbn"),
    ("Date", "date"),
    ("Page Count", "pages"),
    ("Tags", "tags"),
    ("Collections", "collections"),
    ("Public", "public"),
];

pub fn read(bytes: Vec<u8>, take: &mut dyn FnMut(Row)) -> Result<(), String> {
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
        return books(bytes, take);
    }
    Table::open(bytes, &["Book Id", "Title", "Primary Author", "Rating"], &[])?.rows(take, row);
    Ok(())
}

fn books(bytes: Vec<u8>, take: &mut dyn FnMut(Row)) -> Result<(), String> {
    let text = decoded(bytes);
    let columns: HashMap<String, usize> = by_name(COLUMNS.iter().map(|(column, _)| *column));
    let mut line = 0;
    let mut each = |book: Value| {
        line += 1;
        if !book.is_object() {
            let why = "it is no book".to_owned();
            return take(Row::Passed(Passed { line, what: String::new(), why, is_damaged: true }));
        }
        let record = COLUMNS.iter().map(|(_, member)| cell(&book[*member])).collect();
        take(row(&Cells { line, columns: &columns, record: &record }));
    };
    json::members(text.as_bytes(), None, &mut each).map_err(|error| format!("its JSON cannot be read: {error}"))
}

/// A member as the cell of a table holds it.
fn cell(value: &Value) -> String {
    let several = |values: &mut dyn Iterator<Item = &Value>| values.map(cell).collect::<Vec<_>>().join(",");
    match value {
        Value::Null => String::new(),
        Value::Bool(yes) => yes.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(values) => several(&mut values.iter()),
        Value::Object(members) => several(&mut members.values()),
    }
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
    // Translators and editors are named in the same cell, with their roles.
    let mut roles = cells.get("Secondary Author Roles").split('|').map(str::trim);
    let second = cells.get("Secondary Author").split('|').map(str::trim);
    let second = second.filter(|_| matches!(roles.next(), None | Some("" | "Author")));
    let authors: Vec<&str> =
        std::iter::once(cells.get("Primary Author")).chain(second).filter(|name| !name.is_empty()).collect();
    Row::Review(Box::new(Brought {
        line: cells.line,
        identity: format!("librarything:{id}"),
        title,
        authors: authors.into_iter().map(|name| tidy(&turned(name))).collect(),
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
        // A book that its owner shows to nobody.
        draft: cells.get("Public") == "false",
        body,
        ..Brought::default()
    }))
}
