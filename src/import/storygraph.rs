//! The StoryGraph's export: quarter stars, several readings in one cell, and no name for a row.

use super::{
    Brought, Row, markup,
    table::{Cells, Table},
    values::{isbn, list, moment, rating, short_hash, tidy, titled},
};
use crate::domain::Moment;

pub fn read(bytes: Vec<u8>, take: &mut dyn FnMut(Row)) -> Result<(), String> {
    Table::open(bytes, &["Title", "Authors", "Read Status", "Star Rating"], &[])?.rows(take, row);
    Ok(())
}

fn row(cells: &Cells<'_>) -> Row {
    let (title, series) = titled(cells.get("Title"));
    if title.is_empty() {
        return cells.damaged("", "it has no title");
    }
    let body = markup::from_field(cells.get("Review"));
    let rating = rating(cells.get("Star Rating"), 5.0);
    let status = cells.get("Read Status");
    let readings = readings(cells);
    if body.is_empty() && rating.is_none() && readings.is_empty() && !matches!(status, "read" | "did-not-finish") {
        return cells.passed(&title, format!("`{status}`, neither rated nor reviewed"));
    }
    let uid = cells.get("ISBN/UID");
    // A UID of the StoryGraph's own is no broken ISBN.
    let looks_like_isbn = uid.bytes().filter(u8::is_ascii_digit).count() >= 6 && !uid.contains('-');
    let isbn = isbn(uid);
    let mut tags = list(cells.get("Tags"));
    tags.extend((status == "did-not-finish").then(|| status.to_owned()));
    let finished: Vec<Moment> = readings.iter().filter_map(|(_, end)| *end).collect();
    Row::Review(Box::new(Brought {
        line: cells.line,
        identity: format!("storygraph:{}", short_hash(&[&title, cells.get("Authors"), uid])),
        title,
        authors: list(cells.get("Authors")).iter().map(|name| tidy(name)).collect(),
        bad_isbn: isbn.as_ref().err().filter(|_| looks_like_isbn).cloned(),
        isbn: isbn.ok().flatten(),
        series,
        rating,
        started: readings.last().and_then(|(start, _)| *start),
        date: finished.last().copied().or_else(|| cells.some("Date Added").and_then(moment)),
        read: finished,
        tags,
        body,
        ..Brought::default()
    }))
}

/// `2021/05/01-2021/05/11, 2023/01/02`: when each reading began, where known, and ended.
fn readings(cells: &Cells<'_>) -> Vec<(Option<Moment>, Option<Moment>)> {
    let mut readings: Vec<_> = list(cells.get("Dates Read"))
        .iter()
        .map(|part| match part.split_once('-') {
            Some((start, end)) => (moment(start), moment(end)),
            None => (None, moment(part)),
        })
        .filter(|(start, end)| start.is_some() || end.is_some())
        .collect();
    if readings.is_empty() {
        readings.extend(cells.some("Last Date Read").and_then(moment).map(|end| (None, Some(end))));
    }
    readings.sort_by_key(|(start, end)| end.or(*start).map(|moment| moment.timestamp()));
    readings
}
