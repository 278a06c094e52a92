//! Letterboxd's export: a zip of tables, or its `reviews.csv` alone. Films, and reviews of them all the same.

use std::{
    collections::{HashMap, HashSet},
    io::Cursor,
};

use super::{
    Brought, Row, markup,
    table::{Cells, Table},
    unpacked,
    values::{list, moment, rating, tidy},
};

use crate::domain::Moment;

const NEEDED: [&str; 4] = ["Date", "Name", "Year", "Letterboxd URI"];

/// A film by its name and year: reviews, ratings and the diary name it by addresses of their own.
type Film = (String, String);

pub fn read(bytes: Vec<u8>, take: &mut dyn FnMut(Row)) -> Result<(), String> {
    if !bytes.starts_with(b"PK") {
        Table::open(bytes, &NEEDED, &[])?.rows(take, row);
        return Ok(());
    }
    let mut archive =
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("the zip is damaged: {error}"))?;
    // By their names only: nothing of an archive is ever written under a name that it gives.
    let names: Vec<String> = archive.file_names().flatten().map(|name| name.into_owned()).collect();
    let mut member = |name: &str| -> Result<Option<Table>, String> {
        let Some(path) = place(&names, name) else { return Ok(None) };
        let member = archive.by_name(path).map_err(|error| format!("{name} in it is damaged: {error}"))?;
        let bytes = unpacked(member)?;
        Table::open(bytes, &NEEDED, &[]).map(Some).map_err(|why| format!("{name}: {why}"))
    };
    let mut reviewed = HashSet::new();
    member("reviews.csv")?.ok_or("the zip holds no reviews.csv")?.rows(take, |cells| {
        reviewed.insert(film(cells));
        row(cells)
    });
    let mut diary = match member("diary.csv")? {
        Some(table) => watched(table),
        None => HashMap::new(),
    };
    // A film that was rated without a word stands in this table, with its address; when it was seen, in the diary.
    if let Some(ratings) = member("ratings.csv")? {
        ratings.rows(take, |cells| {
            let film = film(cells);
            if reviewed.contains(&film) {
                return cells.passed(cells.get("Name"), "its rating stands with its review");
            }
            match row(cells) {
                Row::Review(mut rated) => {
                    rated.take_diary(diary.remove(&film).unwrap_or_default());
                    Row::Review(rated)
                }
                passed => passed,
            }
        });
    }
    if let Some(table) = member("diary.csv")? {
        table.rows(take, |cells| match (reviewed.contains(&film(cells)), diary.contains_key(&film(cells))) {
            (true, _) => cells.passed(cells.get("Name"), "the film stands with its review"),
            (false, true) => cells.passed(cells.get("Name"), "watched, neither rated nor reviewed"),
            (false, false) => cells.passed(cells.get("Name"), "the day stands with the film's rating"),
        });
    }
    Ok(())
}

/// Where a table lies in the zip: at its top, or in one directory if somebody packed it again. What was deleted, and what other
/// people wrote, lies in directories of its own, and so does what a Mac adds.
fn place<'a>(names: &'a [String], table: &str) -> Option<&'a str> {
    const OTHERS: [&str; 5] = ["deleted", "orphaned", "likes", "lists", "__MACOSX"];
    let is_it = |path: &&String| match path.rsplit_once('/') {
        None => *path == table,
        Some((directory, name)) => name == table && !directory.split('/').any(|part| OTHERS.contains(&part)),
    };
    names.iter().filter(is_it).min_by_key(|path| path.len()).map(String::as_str)
}

fn film(cells: &Cells<'_>) -> Film {
    (cells.get("Name").to_owned(), cells.get("Year").to_owned())
}

/// What the diary says of a film: the days on which it was seen, oldest first, and its tags.
#[derive(Default)]
struct Seen {
    days: Vec<Moment>,
    tags: Vec<String>,
}

fn watched(diary: Table) -> HashMap<Film, Seen> {
    let mut films: HashMap<Film, Seen> = HashMap::new();
    // Here they are only looked up; every row is accounted for later.
    diary.rows(&mut |_| {}, |cells| {
        let seen = films.entry(film(cells)).or_default();
        seen.days.extend(cells.some("Watched Date").and_then(moment));
        seen.tags.extend(list(cells.get("Tags")));
        cells.passed("", "")
    });
    for seen in films.values_mut() {
        seen.days.sort_by_key(Moment::timestamp);
    }
    films
}

impl Brought {
    fn take_diary(&mut self, seen: Seen) {
        self.read.extend(seen.days);
        for tag in seen.tags {
            if !self.tags.contains(&tag) {
                self.tags.push(tag);
            }
        }
    }
}

fn row(cells: &Cells<'_>) -> Row {
    let title = tidy(cells.get("Name"));
    let address = cells.get("Letterboxd URI");
    if title.is_empty() || address.is_empty() {
        return cells.damaged(&title, "it has no name or no Letterboxd URI");
    }
    let watched = cells.some("Watched Date").and_then(moment);
    let mut tags = vec!["film".to_owned()];
    tags.extend(list(cells.get("Tags")));
    tags.extend((cells.get("Rewatch") == "Yes").then(|| "rewatch".to_owned()));
    tags.dedup();
    Row::Review(Box::new(Brought {
        line: cells.line,
        identity: format!("letterboxd:{}", address.trim_end_matches('/').rsplit('/').next().unwrap_or(address)),
        title,
        year: cells.get("Year").parse().ok(),
        rating: rating(cells.get("Rating"), 5.0),
        read: watched.into_iter().collect(),
        date: cells.some("Date").and_then(moment).or(watched),
        tags,
        body: markup::from_field(cells.get("Review")),
        ..Brought::default()
    }))
}
