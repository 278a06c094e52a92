//! `reviewd check [PATH…]`: reads settings and reviews and shows every problem with its place and cure.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use indicatif::ProgressBar;
use serde::Serialize;

use super::{FINE, PROBLEMS, table};
use crate::{
    clock::Clock,
    config::{Config, ReviewerSettings},
    domain::{Answer, Genre, Moment, Problem, Rating, Review, ReviewId, Severity, Slug},
    intake::{
        folder::{self, Folder},
        parse::{self, Reading},
    },
    publish::{
        identity::{self, Journal},
        reading::{self, Glance, Read, ReadResult, Reader},
    },
    text,
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Files or folders; every configured folder when none is named
    paths: Vec<PathBuf>,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// What a check found. Paths are relative to the folder that was read.
#[derive(Debug, Default, Serialize)]
struct Report {
    reviews: Vec<Row>,
    answers: Vec<AnswerRow>,
    skipped: Vec<Skipped>,
    problems: Vec<Problem>,
}

#[derive(Debug, Serialize)]
struct Row {
    file: String,
    reviewer: String,
    id: ReviewId,
    slug: Slug,
    title: String,
    authors: Vec<String>,
    rating: Option<Rating>,
    date: Option<Moment>,
    draft: bool,
    spoilers: bool,
    words: u32,
}

/// An answer to somebody's post.
#[derive(Debug, Serialize)]
struct AnswerRow {
    file: String,
    reviewer: String,
    id: ReviewId,
    in_reply_to: String,
    date: Option<Moment>,
    draft: bool,
    words: u32,
}

#[derive(Debug, Serialize)]
struct Skipped {
    file: String,
    why: String,
}

/// A folder to read, or some files of it.
struct Place<'a> {
    root: PathBuf,
    reviewer: &'a ReviewerSettings,
    /// Only these files, relative to the root; all when empty.
    only: Vec<String>,
}

pub fn run(config: &Config, arguments: &Arguments, cwd: &Path) -> anyhow::Result<u8> {
    let mut report = Report::default();
    let ids = Journal::peek(&config.data_dir().join("ids.jsonl"))?;
    let bar = if arguments.json { ProgressBar::hidden() } else { ProgressBar::no_length() };
    for place in places(config, arguments, cwd, &mut report) {
        let mut found = look(&place, &ids, &bar);
        if !arguments.json {
            let prefix = place.root.strip_prefix(cwd).unwrap_or(&place.root).to_owned();
            for problem in &mut found.problems {
                problem.file = prefix.join(&problem.file).display().to_string();
            }
        }
        report.reviews.extend(found.reviews);
        report.answers.extend(found.answers);
        report.skipped.extend(found.skipped);
        report.problems.extend(found.problems);
    }
    bar.finish_and_clear();
    if arguments.json {
        table::json(&report)?;
    } else {
        show(&report);
    }
    Ok(if report.problems.is_empty() { FINE } else { PROBLEMS })
}

fn places<'a>(config: &'a Config, arguments: &Arguments, cwd: &Path, report: &mut Report) -> Vec<Place<'a>> {
    if arguments.paths.is_empty() {
        let whole =
            |reviewer: &'a ReviewerSettings| Place { root: reviewer.folder.clone(), reviewer, only: Vec::new() };
        return config.reviewers.iter().map(whole).collect();
    }
    let Some(first) = config.reviewers.first() else { return Vec::new() };
    let mut places = Vec::new();
    for path in &arguments.paths {
        let full = cwd.join(path);
        let owner = config.reviewers.iter().find(|reviewer| full.starts_with(&reviewer.folder));
        match (owner, full.is_dir()) {
            (_, true) => places.push(Place { root: full, reviewer: owner.unwrap_or(first), only: Vec::new() }),
            (Some(reviewer), false) => {
                let only =
                    full.strip_prefix(&reviewer.folder).map(|rest| rest.display().to_string()).into_iter().collect();
                places.push(Place { root: reviewer.folder.clone(), reviewer, only });
            }
            (None, false) => match (full.parent(), full.file_name()) {
                (Some(parent), Some(name)) => places.push(Place {
                    root: parent.to_owned(),
                    reviewer: first,
                    only: vec![name.to_string_lossy().into_owned()],
                }),
                (None, _) | (_, None) => report.problems.push(Problem::error(
                    path.display().to_string(),
                    "this is neither a file nor a folder",
                    "name a review file or a folder of them",
                )),
            },
        }
    }
    places
}

/// Reads a place as the daemon would.
fn look(place: &Place<'_>, ids: &BTreeMap<(String, String), ReviewId>, bar: &ProgressBar) -> Report {
    let mut report = Report::default();
    let name = place.root.display().to_string();
    let walk = match folder::walk_without(&place.root, place.reviewer.mirror.as_deref()) {
        Folder::Walked(walk) => walk,
        Folder::Missing => {
            let cure = "create it, or correct `folder` in the settings";
            report.problems.push(Problem::error(name, "the review folder does not exist", cure));
            return report;
        }
        Folder::Unreadable(why) => {
            report.problems.push(Problem::error(name, why, "give reviewd the right to read it"));
            return report;
        }
    };
    report.problems.extend(walk.problems.iter().filter(|_| place.only.is_empty()).cloned());
    let chosen = |path: &&String| place.only.is_empty() || place.only.contains(path);
    let (candidates, others): (Vec<String>, Vec<String>) =
        walk.files.keys().filter(chosen).cloned().partition(|path| parse::is_candidate(path) || !place.only.is_empty());
    report.skipped.extend(
        others.into_iter().map(|file| Skipped { file, why: "not a kind of file that holds a review".to_owned() }),
    );
    for missing in place.only.iter().filter(|path| !walk.files.contains_key(*path)) {
        report.problems.push(Problem::error(missing, "there is no such file", "check its name"));
    }
    let reader = Reader {
        root: &place.root,
        handle: &place.reviewer.handle,
        name: &place.reviewer.name,
        scale: place.reviewer.rating_scale,
        now: Clock::system().now(),
    };
    let reads = reader.read_all(&candidates, &walk.files, &HashMap::new(), &|| bar.inc(1));
    let scale = place.reviewer.rating_scale.unwrap_or_else(|| parse::infer_scale(bare_ratings(&reads)));
    for read in reads {
        let ReadResult::Parsed { reading, problems, glance } = read.result else { continue };
        report.problems.extend(problems);
        match reading {
            Reading::Answer(answer) => report.answers.push(answer_row(place.reviewer, read.path, *answer, ids)),
            Reading::Withheld => {}
            Reading::Skipped(why) => report.skipped.push(Skipped { file: read.path, why }),
            Reading::Review(mut review) => {
                report.problems.extend(reading::scale_rating(&mut review, &read.path, scale));
                report.reviews.push(row(place.reviewer, read.path, *review, &glance, ids));
            }
        }
    }
    report
}

fn bare_ratings(reads: &[Read]) -> impl Iterator<Item = f64> + '_ {
    reads.iter().filter_map(|read| match &read.result {
        ReadResult::Parsed { reading: Reading::Review(review), .. } => {
            review.rating.as_ref().filter(|rating| rating.best.is_none())?.value
        }
        ReadResult::Parsed { .. } | ReadResult::Same => None,
    })
}

fn row(
    reviewer: &ReviewerSettings,
    file: String,
    review: Review,
    glance: &Glance,
    ids: &BTreeMap<(String, String), ReviewId>,
) -> Row {
    let asked = || review.id.as_deref().and_then(ReviewId::parse);
    let known = ids.get(&(reviewer.handle.to_string(), file.clone())).cloned();
    Row {
        id: known.or_else(asked).unwrap_or_else(|| identity::derived(&reviewer.handle, Genre::Review, &review.slug)),
        file,
        reviewer: reviewer.handle.to_string(),
        slug: review.slug,
        title: review.book.title,
        authors: review.book.authors,
        rating: review.rating,
        date: review.date,
        draft: review.draft,
        spoilers: review.spoilers,
        words: glance.words,
    }
}

fn answer_row(
    reviewer: &ReviewerSettings,
    file: String,
    answer: Answer,
    ids: &BTreeMap<(String, String), ReviewId>,
) -> AnswerRow {
    let asked = || answer.id.as_deref().and_then(ReviewId::parse);
    let known = ids.get(&(reviewer.handle.to_string(), file.clone())).cloned();
    AnswerRow {
        id: known.or_else(asked).unwrap_or_else(|| identity::derived(&reviewer.handle, Genre::Answer, &answer.slug)),
        file,
        reviewer: reviewer.handle.to_string(),
        date: answer.date,
        draft: answer.draft,
        words: text::words(&answer.body),
        in_reply_to: answer.in_reply_to,
    }
}

fn show(report: &Report) {
    let rows = report
        .reviews
        .iter()
        .map(|row| {
            let rating = row.rating.as_ref().map(Rating::label).unwrap_or_default();
            let date = row.date.map(|date| date.date().to_string()).unwrap_or_default();
            let state = if row.draft { "draft" } else { "" };
            vec![row.file.clone(), row.title.clone(), row.authors.join(", "), rating, date, state.to_owned()]
        })
        .collect();
    table::print(&["file", "title", "author", "rating", "date", ""], rows);
    let answers = report.answers.iter().map(|row| {
        let state = if row.draft { "draft" } else { "" };
        vec![row.file.clone(), row.in_reply_to.clone(), row.words.to_string(), state.to_owned()]
    });
    table::print(&["file", "answers", "words", ""], answers.collect());
    for skipped in &report.skipped {
        println!("{}: passed over: {}", skipped.file, skipped.why);
    }
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
