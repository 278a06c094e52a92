//! `reviewd check [PATH…]`: reads settings and reviews and shows every problem with its place and cure, what each file was
//! taken for, and where each value came from.

mod explain;
mod report;
mod show;

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use indicatif::ProgressBar;
use jiff::Timestamp;

use super::{FINE, PROBLEMS, table};
use crate::{
    clock::Clock,
    config::{Config, ReviewerSettings},
    control::ids,
    domain::{Answer, Genre, Problem, Review, ReviewId},
    intake::{
        folder::{self, Folder, Walk},
        kind::Kind,
        parse::{self, Fact, Reading},
    },
    publish::{
        identity,
        reading::{self, Glance, Read, ReadResult, Reader},
    },
    text,
};
use report::{AnswerRow, FileRow, FolderRow, Report, Row, Scale, ScaleFrom, Skipped, TakenFor};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Files or folders; every configured folder when none is named
    paths: Vec<PathBuf>,
    /// Where each value of this file came from, and which keys mean nothing to reviewd
    #[arg(long, value_name = "FILE", conflicts_with = "paths")]
    explain: Option<PathBuf>,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// A folder to read, or some files of it.
struct Place<'a> {
    root: PathBuf,
    reviewer: &'a ReviewerSettings,
    /// Only these files, relative to the root; all when empty.
    only: Vec<String>,
}

/// What a file was read as.
struct Understood {
    path: String,
    reading: Reading,
    glance: Glance,
    facts: Vec<Fact>,
}

pub async fn run(config: &Config, arguments: &Arguments, cwd: &Path) -> anyhow::Result<u8> {
    if let Some(file) = &arguments.explain {
        let mut report = Report::default();
        let places = places(config, std::slice::from_ref(file), cwd, &mut report);
        return explain::run(&places, report.problems, arguments.json);
    }
    let mut report = Report::default();
    let ids = ids::find(&config.control.socket, config.data_dir().join("ids.jsonl")).await?;
    let bar = if arguments.json { ProgressBar::hidden() } else { ProgressBar::no_length() };
    for place in places(config, &arguments.paths, cwd, &mut report) {
        let mut found = look(&place, &ids, &bar);
        if !arguments.json {
            let prefix = place.root.strip_prefix(cwd).unwrap_or(&place.root).to_owned();
            for problem in &mut found.problems {
                problem.file = prefix.join(&problem.file).display().to_string();
            }
            for folder in &mut found.folders {
                folder.folder = if prefix.as_os_str().is_empty() { ".".into() } else { prefix.display().to_string() };
            }
        }
        report.take_in(found);
    }
    bar.finish_and_clear();
    if arguments.json {
        table::json(&report)?;
    } else {
        show::print(&report);
    }
    Ok(if report.problems.is_empty() { FINE } else { PROBLEMS })
}

fn places<'a>(config: &'a Config, paths: &[PathBuf], cwd: &Path, report: &mut Report) -> Vec<Place<'a>> {
    if paths.is_empty() {
        let whole =
            |reviewer: &'a ReviewerSettings| Place { root: reviewer.folder.clone(), reviewer, only: Vec::new() };
        return config.reviewers.iter().map(whole).collect();
    }
    let Some(first) = config.reviewers.first() else { return Vec::new() };
    let mut places = Vec::new();
    for path in paths {
        // Without the `.` that stands for this directory.
        let full: PathBuf = cwd.join(path).components().collect();
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
    let Some(walk) = walked(place, &mut report.problems) else { return report };
    let kind = Kind::of(&walk);
    let (candidates, others) = sorted(place, &walk, &mut report.problems);
    let skipped = |file: String| Skipped { file, why: "not a kind of file that holds a review".to_owned() };
    report.skipped.extend(others.into_iter().map(skipped));
    let now = Clock::system().now();
    let reads = read(place, kind, &candidates, &walk, now, bar);
    let scale = scale(place.reviewer, &reads);
    for read in reads {
        let ReadResult::Parsed { reading, problems, glance, facts } = read.result else { continue };
        report.problems.extend(problems);
        let understood = Understood { path: read.path, reading, glance, facts };
        add(&mut report, place.reviewer, understood, scale.best, now, ids);
    }
    let name = place.root.display().to_string();
    report.folders.push(FolderRow::new(name, place.reviewer, kind, scale));
    report
}

/// The folder's files; nothing, and a problem, where there is no folder to be read.
fn walked(place: &Place<'_>, problems: &mut Vec<Problem>) -> Option<Walk> {
    let name = place.root.display().to_string();
    match folder::walk_without(&place.root, place.reviewer.mirror.as_deref()) {
        Folder::Walked(walk) => Some(walk),
        Folder::Missing => {
            let cure = "create it, or correct `folder` in the settings";
            problems.push(Problem::error(name, "the review folder does not exist", cure));
            None
        }
        Folder::Unreadable(why) => {
            problems.push(Problem::error(name, why, "give reviewd the right to read it"));
            None
        }
    }
}

/// What is read, and what is no kind of file that holds a review.
fn sorted(place: &Place<'_>, walk: &Walk, problems: &mut Vec<Problem>) -> (Vec<String>, Vec<String>) {
    problems.extend(walk.problems.iter().filter(|_| place.only.is_empty()).cloned());
    for missing in place.only.iter().filter(|path| !walk.files.contains_key(*path)) {
        problems.push(Problem::error(missing, "there is no such file", "check its name"));
    }
    let chosen = |path: &&String| place.only.is_empty() || place.only.contains(path);
    let is_read = |path: &String| parse::is_candidate(path) || !place.only.is_empty();
    walk.files.keys().filter(chosen).cloned().partition(is_read)
}

fn read(place: &Place<'_>, kind: Kind, paths: &[String], walk: &Walk, now: Timestamp, bar: &ProgressBar) -> Vec<Read> {
    let reader = Reader {
        root: &place.root,
        handle: &place.reviewer.handle,
        name: &place.reviewer.name,
        scale: place.reviewer.rating_scale,
        now,
        kind,
        keeps_facts: true,
    };
    reader.read_all(paths, &walk.files, &HashMap::new(), &|| bar.inc(1))
}

/// What bare numbers are out of, and who says so.
fn scale(reviewer: &ReviewerSettings, reads: &[Read]) -> Scale {
    let bare: Vec<f64> = bare_ratings(reads).collect();
    match reviewer.rating_scale {
        Some(best) => Scale { best, from: ScaleFrom::Settings, ratings: bare.len() },
        None => Scale {
            best: parse::infer_scale(bare.iter().copied()),
            from: if bare.is_empty() { ScaleFrom::Nothing } else { ScaleFrom::Ratings },
            ratings: bare.len(),
        },
    }
}

fn bare_ratings(reads: &[Read]) -> impl Iterator<Item = f64> + '_ {
    reads.iter().filter_map(|read| match &read.result {
        ReadResult::Parsed { reading: Reading::Review(review), .. } => {
            review.rating.as_ref().filter(|rating| rating.best.is_none())?.value
        }
        ReadResult::Parsed { .. } | ReadResult::Same => None,
    })
}

fn add(
    report: &mut Report,
    reviewer: &ReviewerSettings,
    understood: Understood,
    scale: f64,
    now: Timestamp,
    ids: &BTreeMap<(String, String), ReviewId>,
) {
    let Understood { path, reading, glance, facts } = understood;
    report.files.push(FileRow::new(&path, TakenFor::of(&reading, now), &facts));
    match reading {
        Reading::Answer(answer) => report.answers.push(answer_row(reviewer, path, *answer, ids)),
        Reading::Withheld => {}
        Reading::Skipped(why) => report.skipped.push(Skipped { file: path, why }),
        Reading::Review(mut review) => {
            report.problems.extend(reading::scale_rating(&mut review, &path, scale));
            report.note_book(&path, &review);
            report.reviews.push(row(reviewer, path, *review, &glance, ids));
        }
    }
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
        id: known
            .or_else(asked)
            .unwrap_or_else(|| identity::derived(&reviewer.handle, Genre::Review, &review.slug, None)),
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
        id: known
            .or_else(asked)
            .unwrap_or_else(|| identity::derived(&reviewer.handle, Genre::Answer, &answer.slug, None)),
        file,
        reviewer: reviewer.handle.to_string(),
        date: answer.date,
        draft: answer.draft,
        words: text::words(&answer.body),
        in_reply_to: answer.in_reply_to,
    }
}
