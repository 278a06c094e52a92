//! What a check found, for people: the reviews, what was left alone and why, which keys mean nothing, and the problems.

use std::collections::{BTreeMap, HashMap};

use super::{
    super::table,
    report::{Report, ScaleFrom, TakenFor},
};
use crate::domain::{Rating, Severity, book::join_names, rating::number};

/// Files named for one reason, and keys named in one line; `--json` has them all.
const NAMED_MAX: usize = 6;
const KEYS_MAX: usize = 24;

pub fn print(report: &Report) {
    reviews(report);
    answers(report);
    for folder in &report.folders {
        println!("{} is {}", folder.folder, folder.is);
        if folder.is.is_mixed() {
            println!(
                "  files that nothing says to be reviews are passed over; `folder` in the settings may name the directory \
                 of the reviews, to have all of it"
            );
        }
        let (best, change) = (number(folder.scale.best), "; `rating_scale` in the settings changes that");
        match (folder.scale.from, folder.scale.ratings) {
            (ScaleFrom::Settings, _) => println!("  ratings without a scale count to {best}, as the settings say"),
            (ScaleFrom::Ratings, 1) => println!("  one rating without a scale is read as out of {best}{change}"),
            (ScaleFrom::Ratings, ratings) => {
                println!("  {ratings} ratings without a scale are read as out of {best}{change}");
            }
            (ScaleFrom::Nothing, _) => {}
        }
    }
    keys(report);
    for book in &report.duplicates {
        let by = if book.authors.is_empty() { String::new() } else { format!(" by {}", join_names(&book.authors)) };
        println!("{}{by} is reviewed {} times: {}", book.title, book.files.len(), few(&book.files));
    }
    left_alone(report);
    for problem in &report.problems {
        eprintln!("{problem}");
    }
    let errors = report.problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    println!(
        "{} reviews, {} answers, {} files passed over, {errors} errors, {} warnings",
        report.reviews.len(),
        report.answers.len(),
        report.skipped.len(),
        report.problems.len() - errors
    );
}

fn reviews(report: &Report) {
    let taken: HashMap<&str, TakenFor> = report.files.iter().map(|row| (row.file.as_str(), row.taken_for)).collect();
    let state = |file: &str, draft: bool| match taken.get(file) {
        _ if draft => "draft",
        Some(TakenFor::Scheduled) => "waits for its date",
        _ => "",
    };
    let rows = report.reviews.iter().map(|row| {
        let rating = row.rating.as_ref().map(Rating::label).unwrap_or_default();
        let date = row.date.map(|date| date.date().to_string()).unwrap_or_default();
        let state = state(&row.file, row.draft).to_owned();
        vec![row.file.clone(), row.title.clone(), row.authors.join(", "), rating, date, state]
    });
    table::print(&["file", "title", "author", "rating", "date", ""], rows.collect());
}

fn answers(report: &Report) {
    let rows = report.answers.iter().map(|row| {
        let state = if row.draft { "draft" } else { "" };
        vec![row.file.clone(), row.in_reply_to.clone(), row.words.to_string(), state.to_owned()]
    });
    table::print(&["file", "answers", "words", ""], rows.collect());
}

fn keys(report: &Report) {
    let understood: Vec<String> = report
        .understood()
        .into_iter()
        .map(|(key, means, count)| match key == means {
            true => format!("{key} {count}"),
            false => format!("{key} as {means} {count}"),
        })
        .collect();
    if !understood.is_empty() {
        println!("keys understood: {}", listed(&understood, KEYS_MAX));
    }
    let ignored: Vec<String> =
        report.ignored().into_iter().map(|(key, count, file)| format!("{key} {count} ({file})")).collect();
    if !ignored.is_empty() {
        println!("keys ignored: {}", listed(&ignored, KEYS_MAX));
    }
}

/// Files by the reason why they are no reviews.
fn left_alone(report: &Report) {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for skipped in &report.skipped {
        by_reason.entry(&skipped.why).or_default().push(skipped.file.clone());
    }
    for (why, files) in by_reason {
        println!("passed over, {why}: {}", few(&files));
    }
}

fn few(files: &[String]) -> String {
    listed(files, NAMED_MAX)
}

fn listed(names: &[String], most: usize) -> String {
    match names.get(..most) {
        Some(first) if names.len() > most => format!("{} and {} more", first.join(", "), names.len() - most),
        Some(_) | None => names.join(", "),
    }
}
