//! `reviewd check --explain FILE`: where each value of a file came from.

use serde::Serialize;

use super::{
    super::{FINE, PROBLEMS, table},
    Place, read,
    report::{Scale, ScaleFrom, TakenFor},
    scale, sorted, walked,
};
use crate::{
    clock::Clock,
    domain::{Problem, rating::number},
    intake::{
        kind::Kind,
        parse::{self, Fact, Reading},
    },
    publish::reading::{self, ReadResult},
};
use indicatif::ProgressBar;

/// Longest value that is shown whole, in characters.
const VALUE_CHARS_MAX: usize = 100;

#[derive(Debug, Serialize)]
struct Explanation {
    file: String,
    taken_for: TakenFor,
    /// Why it is no review.
    why: Option<String>,
    facts: Vec<Origin>,
    ignored: Vec<String>,
    problems: Vec<Problem>,
}

/// A value and where it was found.
#[derive(Debug, Serialize)]
struct Origin {
    what: &'static str,
    value: String,
    from: String,
}

pub fn run(places: &[Place<'_>], mut problems: Vec<Problem>, json: bool) -> anyhow::Result<u8> {
    let explained = places.first().and_then(|place| explain(place, &mut problems));
    let has_problems = !problems.is_empty() || explained.as_ref().is_some_and(|found| !found.problems.is_empty());
    match explained {
        Some(explained) if json => table::json(&explained)?,
        Some(explained) => print(&explained),
        None => {}
    }
    for problem in &problems {
        eprintln!("{problem}");
    }
    Ok(if has_problems { PROBLEMS } else { FINE })
}

/// Reads the whole folder, since the scale of a rating is the folder's, and tells of one file.
fn explain(place: &Place<'_>, problems: &mut Vec<Problem>) -> Option<Explanation> {
    let [wanted] = place.only.as_slice() else {
        let cure = "name one file of a review folder";
        problems.push(Problem::error(place.root.display().to_string(), "only a file can be explained", cure));
        return None;
    };
    let walk = walked(place, problems)?;
    let kind = Kind::of(&walk);
    sorted(place, &walk, problems);
    let candidates: Vec<String> =
        walk.files.keys().filter(|path| parse::is_candidate(path) || *path == wanted).cloned().collect();
    let now = Clock::system().now();
    let reads = read(place, kind, &candidates, &walk, now, &ProgressBar::hidden());
    let scale = scale(place.reviewer, &reads);
    let read = reads.into_iter().find(|read| read.path == *wanted)?;
    let ReadResult::Parsed { mut reading, problems: mut own, facts, .. } = read.result else { return None };
    let (ignored, facts): (Vec<Fact>, Vec<Fact>) = facts.into_iter().partition(|fact| fact.what == "ignored");
    let mut facts: Vec<Origin> = facts.into_iter().map(Origin::from).collect();
    if let Reading::Review(review) = &mut reading {
        let is_bare = review.rating.as_ref().is_some_and(|rating| rating.value.is_some() && rating.best.is_none());
        facts.extend(is_bare.then(|| scale_told(scale)));
        own.extend(reading::scale_rating(review, wanted, scale.best));
    }
    Some(Explanation {
        file: wanted.clone(),
        taken_for: TakenFor::of(&reading, now),
        why: if let Reading::Skipped(why) = &reading { Some(why.clone()) } else { None },
        facts,
        ignored: ignored.into_iter().map(|fact| fact.from).collect(),
        problems: own,
    })
}

fn scale_told(scale: Scale) -> Origin {
    let from = match scale.from {
        ScaleFrom::Settings => "`rating_scale` in the settings".to_owned(),
        ScaleFrom::Ratings | ScaleFrom::Nothing => format!("{} bare ratings in the folder", scale.ratings),
    };
    Origin { what: "rating scale", value: number(scale.best), from }
}

fn print(explained: &Explanation) {
    let why = explained.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    println!("{} is taken for {}{why}", explained.file, explained.taken_for.word());
    let rows = explained.facts.iter().map(|fact| vec![fact.what.to_owned(), clipped(&fact.value), fact.from.clone()]);
    table::print(&["what", "value", "from"], rows.collect());
    if !explained.ignored.is_empty() {
        println!("ignored: {}", explained.ignored.join(", "));
    }
    for problem in &explained.problems {
        eprintln!("{problem}");
    }
}

fn clipped(value: &str) -> String {
    let line = value.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(VALUE_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

impl From<Fact> for Origin {
    fn from(fact: Fact) -> Self {
        Self { what: fact.what, value: fact.value, from: fact.from }
    }
}
