//! `reviewd import`: another program's export becomes review files.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::{FINE, PROBLEMS, runtime, table};
use crate::import::{self, Into, Kind, Passed, Row, Tally};

/// A program that was interrupted, as shells count it: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Where the export comes from
    #[arg(value_enum)]
    from: From,
    /// The export, as the site gave it
    file: PathBuf,
    /// The folder that takes the review files
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Name covers by their ISBN at Open Library, from where the daemon fetches each once
    #[arg(long)]
    covers: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum From {
    Goodreads,
    Storygraph,
    Librarything,
    Bookwyrm,
    Letterboxd,
    Wordpress,
}

/// What an import did.
#[derive(Debug, Default, Serialize)]
struct Account {
    written: Vec<Written>,
    /// Rows whose file was there already.
    unchanged: usize,
    passed: Vec<Line>,
    damaged: Vec<Line>,
    isbns: Vec<Line>,
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Written {
    file: String,
    title: String,
}

#[derive(Debug, Serialize)]
struct Line {
    line: u64,
    what: String,
    why: String,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    // Only the import itself runs here; the other threads hear of Ctrl-C meanwhile.
    let runtime = runtime()?;
    let stop = Arc::new(AtomicBool::new(false));
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let heard = Arc::clone(&stop);
    let listening = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        heard.store(true, Ordering::Relaxed);
        // The import sees it at its next row, and removes what it has put aside.
        std::future::pending().await
    };
    runtime.block_on(async {
        let arguments = arguments.clone();
        tokio::select! {
            done = tokio::task::spawn_blocking(move || bring(&arguments, &stop)) => done?,
            never = listening => match never {},
        }
    })
}

fn bring(arguments: &Arguments, stop: &AtomicBool) -> anyhow::Result<u8> {
    let kind = arguments.from.kind();
    let mut into = Into::open(&arguments.into, arguments.dry_run)?;
    let mut account = Account { dry_run: arguments.dry_run, ..Account::default() };
    let mut trouble = None;
    let bar = bar(import::rows_expected(kind, &arguments.file));
    let stopped = || stop.load(Ordering::Relaxed);
    import::read(kind, &arguments.file, &mut |row| {
        bar.set_position(row.line());
        let row = match row {
            Row::Review(review) if arguments.covers => Row::Review(Box::new(review.with_cover())),
            row => row,
        };
        if trouble.is_none() && !stopped() {
            trouble = account.take(row, &mut into).err();
        }
    })?;
    bar.finish_and_clear();
    if stopped() {
        eprintln!("interrupted: nothing was written");
        return Ok(INTERRUPTED);
    }
    if let Some(trouble) = trouble {
        return Err(trouble.into());
    }
    into.finish()?;
    if arguments.json {
        table::json(&account)?;
    } else {
        show(&account, &arguments.into.display().to_string());
    }
    Ok(if account.damaged.is_empty() { FINE } else { PROBLEMS })
}

impl Account {
    fn take(&mut self, row: Row, into: &mut Into) -> Result<(), import::ImportError> {
        match row {
            Row::Review(mut review) => {
                if let Some(isbn) = &review.bad_isbn {
                    let why = format!("`{isbn}` is no valid ISBN; the file has none");
                    self.isbns.push(Line { line: review.line, what: review.title.clone(), why });
                }
                match into.put(&mut review)? {
                    Tally::New(file) => {
                        self.written.push(Written { file: file.display().to_string(), title: review.title.clone() });
                    }
                    Tally::Known(_) => self.unchanged += 1,
                }
            }
            Row::Passed(Passed { line, what, why, is_damaged }) => {
                let list = if is_damaged { &mut self.damaged } else { &mut self.passed };
                list.push(Line { line, what, why });
            }
        }
        Ok(())
    }
}

fn show(account: &Account, folder: &str) {
    for line in account.damaged.iter().chain(&account.isbns) {
        println!("line {}: {}: {}", line.line, line.what, line.why);
    }
    let mut reasons: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
    for line in &account.passed {
        reasons.entry(&line.why).or_default().push(line);
    }
    for (why, lines) in reasons {
        let list: Vec<String> = lines.iter().map(|line| format!("{} ({})", line.what, line.line)).collect();
        println!("not reviews ({why}), with their lines: {}", list.join(", "));
    }
    if account.dry_run {
        for written in &account.written {
            println!("would write {}: {}", written.file, written.title);
        }
    }
    println!(
        "{} {} in {folder}; {} there already; {} rows are no reviews, {} are damaged",
        account.written.len(),
        if account.dry_run { "files would be written" } else { "files written" },
        account.unchanged,
        account.passed.len(),
        account.damaged.len(),
    );
}

/// On a terminal only; elsewhere it draws nothing.
fn bar(rows: Option<u64>) -> ProgressBar {
    let (bar, template) = match rows {
        Some(rows) => (ProgressBar::new(rows), "{wide_bar} {pos}/{len}"),
        None => (ProgressBar::new_spinner(), "{spinner} reading row {pos}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

impl From {
    fn kind(self) -> Kind {
        match self {
            Self::Goodreads => Kind::Goodreads,
            Self::Storygraph => Kind::StoryGraph,
            Self::Librarything => Kind::LibraryThing,
            Self::Bookwyrm => Kind::BookWyrm,
            Self::Letterboxd => Kind::Letterboxd,
            Self::Wordpress => Kind::WordPress,
        }
    }
}
