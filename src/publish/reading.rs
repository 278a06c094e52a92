//! Reads and parses what changed in a folder, on all cores, and says what each file is now.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Bound,
    path::Path,
    thread,
};

use jiff::Timestamp;

use super::fingerprint;
use crate::{
    domain::{
        Handle, Problem, Review,
        ledger::{Awaited, FileMark, FileOutcome, Stat},
    },
    intake::{
        folder::{self, REVIEW_BYTES_MAX},
        kind::Kind,
        parse::{self, Context, Fact, Parsed, Reading, SourceFile},
    },
    store::PostSearch,
    text,
};

/// A file changed less than this before the walk may change again within the clock's grain, with the same state: it is read
/// once more at the next walk.
const RACY_NS: i64 = 50_000_000;
/// Length of the excerpt in lists, in characters: about three lines.
const EXCERPT_CHARS_MAX: usize = 240;

/// A file that had to be read.
#[derive(Debug)]
pub struct Read {
    pub path: String,
    pub stat: Stat,
    pub digest: String,
    pub result: ReadResult,
}

/// What reading gave.
#[derive(Debug)]
pub enum ReadResult {
    /// The same bytes as at the last reading, and nothing it depends on changed.
    Same,
    Parsed {
        reading: Reading,
        problems: Vec<Problem>,
        glance: Glance,
        /// Empty but for a reader that asks for them.
        facts: Vec<Fact>,
    },
}

/// What lists and the search page need of a text, made where it was parsed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glance {
    pub excerpt: String,
    pub words: u32,
    /// Lower case, for searching.
    pub search: String,
}

/// More texts than this in one directory make it a shelf of reviews, not the bundle of one.
const TEXTS_UNCROWDED_MAX: usize = 16;

/// Who reads, for whom.
pub struct Reader<'a> {
    pub root: &'a Path,
    pub handle: &'a Handle,
    pub name: &'a str,
    pub scale: Option<f64>,
    pub now: Timestamp,
    pub kind: Kind,
    /// Keep where each value came from, for people who ask.
    pub keeps_facts: bool,
}

/// The candidate files of a walk, split by whether they have to be read.
pub struct Sorted {
    pub unchanged: Vec<String>,
    pub to_read: Vec<String>,
}

/// Decides which files are read: new ones, those whose state changed, those whose pictures changed or wait, those whose
/// time has come, and answers for whose post a search brought something new.
pub fn sort(
    files: &BTreeMap<String, Stat>,
    marks: &HashMap<String, FileMark>,
    posts: &HashMap<String, PostSearch>,
    now: Timestamp,
) -> Sorted {
    let has_news = |awaited: &Awaited| {
        posts.get(&awaited.post).is_none_or(|post| post.target.is_some() || post.failures != awaited.failures)
    };
    let mut sorted = Sorted { unchanged: Vec::new(), to_read: Vec::new() };
    for (path, stat) in files.iter().filter(|(path, _)| parse::is_candidate(path)) {
        let unchanged = marks.get(path).is_some_and(|mark| {
            mark.stat == *stat
                && !mark.pictures_wait
                && mark.pictures.iter().all(|(picture, stat)| files.get(picture) == Some(stat))
                && !matches!(mark.outcome, FileOutcome::Scheduled(due) if due <= now)
                && !matches!(&mark.outcome, FileOutcome::Awaits(awaited) if has_news(awaited))
        });
        if unchanged { sorted.unchanged.push(path.clone()) } else { sorted.to_read.push(path.clone()) }
    }
    sorted
}

impl Reader<'_> {
    /// Reads and parses `paths` on all cores, in their order. `progress` is called once for each file.
    pub fn read_all(
        &self,
        paths: &[String],
        files: &BTreeMap<String, Stat>,
        marks: &HashMap<String, FileMark>,
        progress: &(dyn Fn() + Sync),
    ) -> Vec<Read> {
        let siblings = siblings(paths, files);
        let one = |path: &String| {
            let beside = siblings.get(directory(path)).map_or(&[][..], |siblings| siblings.of(path));
            let read = self.read(path, files.get(path).copied().unwrap_or_default(), beside, marks.get(path), files);
            progress();
            read
        };
        let workers = thread::available_parallelism().map_or(1, usize::from).min(paths.len().div_ceil(32)).max(1);
        if workers == 1 {
            return paths.iter().map(one).collect();
        }
        let share = paths.len().div_ceil(workers);
        thread::scope(|scope| {
            let readers: Vec<_> =
                paths.chunks(share).map(|share| scope.spawn(|| share.iter().map(one).collect::<Vec<_>>())).collect();
            // A reader that panicked gives nothing: its files are read again at the next walk.
            readers.into_iter().flat_map(|reader| reader.join().unwrap_or_default()).collect()
        })
    }

    fn read(
        &self,
        path: &str,
        stat: Stat,
        siblings: &[String],
        mark: Option<&FileMark>,
        files: &BTreeMap<String, Stat>,
    ) -> Read {
        let racy = self.now.as_nanosecond() as i64 - stat.changed_ns < RACY_NS;
        let stat = if racy { Stat { changed_ns: 0, ..stat } } else { stat };
        let bytes = match folder::read(self.root, path, REVIEW_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(problem) => {
                let problems = vec![problem];
                let result = ReadResult::Parsed {
                    reading: Reading::Withheld,
                    problems,
                    glance: Glance::default(),
                    facts: Vec::new(),
                };
                return Read { path: path.to_owned(), stat, digest: String::new(), result };
            }
        };
        let digest = fingerprint::of_bytes(&bytes);
        let same = mark.is_some_and(|mark| {
            mark.digest == digest
                && !mark.pictures_wait
                && mark.pictures.iter().all(|(picture, stat)| files.get(picture) == Some(stat))
                && (mark.outcome.is_published() || matches!(mark.outcome, FileOutcome::Draft | FileOutcome::Skipped(_)))
        });
        let result = if same {
            ReadResult::Same
        } else {
            let Parsed { reading, problems, mut facts } = self.parse(path, &bytes, siblings);
            if !self.keeps_facts {
                facts.clear();
            }
            let glance = if let Reading::Review(review) = &reading { glance(review) } else { Glance::default() };
            ReadResult::Parsed { reading, problems, glance, facts }
        };
        Read { path: path.to_owned(), stat, digest, result }
    }

    /// Parses one file and puts its rating on the scale, where one is known.
    pub fn parse(&self, path: &str, bytes: &[u8], siblings: &[String]) -> Parsed {
        let context = Context {
            reviewer_name: self.name,
            reviewer_handle: self.handle.as_str(),
            rating_scale: self.scale,
            among_others: self.kind.is_mixed(),
        };
        parse::parse(&SourceFile { path, bytes, siblings }, &context)
    }
}

/// What lists show of a review and the search page looks through.
pub fn glance(review: &Review) -> Glance {
    let read = text::glance(&review.body, EXCERPT_CHARS_MAX);
    let excerpt = match (&review.summary, review.spoilers) {
        (_, true) => String::new(),
        (Some(summary), false) => summary.clone(),
        (None, false) => read.excerpt,
    };
    let book = &review.book;
    let names = [Some(&book.title), review.headline.as_ref(), book.series.as_ref().map(|series| &series.name)];
    let mut search: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
    search.extend(book.authors.iter().chain(&review.tags).map(String::as_str));
    search.push(&read.plain);
    Glance { excerpt, words: read.words, search: search.join("\n").to_lowercase() }
}

/// Gives a bare rating its scale; one that lies outside is dropped with a warning.
pub fn scale_rating(review: &mut Review, path: &str, scale: f64) -> Option<Problem> {
    match review.rating.take()?.on_scale(scale) {
        Ok(rating) => {
            review.rating = Some(rating);
            None
        }
        Err(outside) => Some(Problem::warning(
            path,
            format!("{outside}; the review is published without a rating"),
            format!("correct it, write it as \"{} / 10\", or set rating_scale in the settings", outside.raw),
        )),
    }
}

fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// The files of one directory, so arranged that 10,000 reviews in it do not look through 10,000 names each.
#[derive(Default)]
struct Siblings {
    names: Vec<String>,
    /// By lower-case stem, where the directory is crowded.
    by_stem: HashMap<String, Vec<String>>,
}

impl Siblings {
    /// The names that the file may want. In a crowded directory a picture belongs to the review of its own name: a
    /// `cover.jpg` there is nobody's.
    fn of(&self, path: &str) -> &[String] {
        if self.by_stem.is_empty() {
            return &self.names;
        }
        self.by_stem.get(&stem(name(path))).map_or(&[], Vec::as_slice)
    }
}

/// Of the directories in which these files lie.
fn siblings<'a>(paths: &'a [String], files: &BTreeMap<String, Stat>) -> HashMap<&'a str, Siblings> {
    let mut wanted: HashMap<&str, HashSet<String>> = HashMap::new();
    for path in paths {
        wanted.entry(directory(path)).or_default().insert(stem(name(path)));
    }
    let of = |(directory, stems): (&'a str, HashSet<String>)| (directory, siblings_in(directory, &stems, files));
    wanted.into_iter().map(of).collect()
}

fn siblings_in(directory: &str, stems: &HashSet<String>, files: &BTreeMap<String, Stat>) -> Siblings {
    let inside = if directory.is_empty() { String::new() } else { format!("{directory}/") };
    let from = (Bound::Included(inside.as_str()), Bound::Unbounded);
    let below = files.range::<str, _>(from).map_while(|(path, _)| path.strip_prefix(&inside));
    let names: Vec<&str> = below.filter(|name| !name.contains('/')).collect();
    let texts = names.iter().filter(|name| parse::is_candidate(name));
    let mut siblings = Siblings::default();
    if texts.take(TEXTS_UNCROWDED_MAX + 1).count() > TEXTS_UNCROWDED_MAX {
        for name in names {
            let stem = stem(name);
            if stems.contains(&stem) {
                siblings.by_stem.entry(stem).or_default().push(name.to_owned());
            }
        }
    } else {
        siblings.names = names.into_iter().map(str::to_owned).collect();
    }
    siblings
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn stem(name: &str) -> String {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_lowercase()
}
