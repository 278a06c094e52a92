//! Letterboxd's export: a zip of tables, or its `reviews.csv` alone. Films, and reviews of them all the same.

use std::{collections::HashSet, io::Cursor};

use super::{
    BOMB, Brought, Row, markup,
    table::{Cells, Table},
    unpacked,
    values::{list, moment, rating, tidy},
};

const NEEDED: [&str; 4] = ["Date", "Name", "Year", "Letterboxd URI"];

pub fn read(bytes: &[u8], take: &mut dyn FnMut(Row)) -> Result<(), String> {
    if !bytes.starts_with(b"PK") {
        Table::open(bytes, &NEEDED, &[])?.rows(take, row);
        return Ok(());
    }
    let mut archive =
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("the zip is damaged: {error}"))?;
    // By their names only: nothing of an archive is ever written under a name that it gives.
    let mut member = |name: &str| -> Result<Option<Vec<u8>>, String> {
        match archive.by_name(name) {
            Ok(member) => unpacked(member).map(Some),
            Err(zip::result::ZipError::FileNotFound) => Ok(None),
            Err(error) => Err(format!("{name} in it is damaged: {error}")),
        }
    };
    let reviews = member("reviews.csv")?.ok_or("the zip holds no reviews.csv")?;
    let mut reviewed = HashSet::new();
    Table::open(&reviews, &NEEDED, &[])?.rows(take, |cells| {
        reviewed.insert((cells.get("Name").to_owned(), cells.get("Year").to_owned()));
        row(cells)
    });
    // A film that was rated without a word stands in this table only.
    match member("ratings.csv") {
        Ok(Some(ratings)) => Table::open(&ratings, &NEEDED, &[])?.rows(take, |cells| {
            match reviewed.contains(&(cells.get("Name").to_owned(), cells.get("Year").to_owned())) {
                true => cells.passed(cells.get("Name"), "its rating stands with its review"),
                false => row(cells),
            }
        }),
        Ok(None) => {}
        Err(why) if why == BOMB => return Err(why),
        Err(why) => return Err(format!("ratings.csv: {why}")),
    }
    Ok(())
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
