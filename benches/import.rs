//! 10,000 rows of a Goodreads export become review files. Beside it, in the same run: the same files written by nothing
//! but `fs::write` and `fs::rename`, which no import can beat.
//!
//! `cargo bench --bench import -- [--rows 10000] [--bytes 1500] [--runs 3]`; the last line is JSON.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench measures real time and stops at whatever is wrong"
)]

mod common;

use std::{
    fmt::Write,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use common::{milliseconds, option};
use reviewd::import::{self, Into, Kind, Row, Tally};
use serde_json::json;

const HEADING: &str = "Book Id,Title,Author,Author l-f,Additional Authors,ISBN,ISBN13,My Rating,Average Rating,Publisher,Binding,\
Number of Pages,Year Published,Original Publication Year,Date Read,Date Added,Bookshelves,Bookshelves with positions,\
Exclusive Shelf,My Review,Spoiler,Private Notes,Read Count,Owned Copies";

fn main() {
    let (rows, bytes, runs) = (option("rows", 10_000), option("bytes", 1_500), option("runs", 3).max(1));
    let load = common::load();
    let home = tempfile::tempdir().unwrap();
    let export = home.path().join("export.csv");
    fs::write(&export, goodreads(rows, bytes)).unwrap();
    println!("{rows} rows with reviews of about {bytes} bytes, {} bytes in all", export.metadata().unwrap().len());

    let (mut imports, mut agains, mut plains) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..runs {
        let folder = home.path().join(format!("reviews-{run}"));
        let (first, written) = imported(&export, &folder);
        assert_eq!(written, rows, "every row becomes a file");
        let (again, written) = imported(&export, &folder);
        assert_eq!(written, 0, "nothing is new the second time");
        let plain = written_plainly(&folder, &home.path().join(format!("plain-{run}")));
        println!(
            "import {:>8} ms   again {:>8} ms   the same files plainly {:>8} ms",
            milliseconds(first),
            milliseconds(again),
            milliseconds(plain)
        );
        imports.push(first);
        agains.push(again);
        plains.push(plain);
    }
    let (first, again, plain) = (median(imports), median(agains), median(plains));
    println!(
        "{}",
        json!({ "bench": "import", "rows": rows, "bytes": bytes, "runs": runs, "import_ms": milliseconds(first),
            "rows_a_second": (rows as f64 / first.as_secs_f64()).round(), "again_ms": milliseconds(again),
            "plain_writes_ms": milliseconds(plain),
            "of_plain_writes": (100.0 * plain.as_secs_f64() / first.as_secs_f64()).round() / 100.0,
            "peak_megabytes": peak_megabytes(), "load_before": load, "machine": common::machine() })
    );
}

fn imported(export: &Path, folder: &Path) -> (Duration, usize) {
    let begun = Instant::now();
    let mut into = Into::open(folder, false).unwrap();
    let mut written = 0;
    import::read(Kind::Goodreads, export, &mut |row| match row {
        Row::Review(mut review) => match into.put(&mut review).unwrap() {
            Tally::New(_) => written += 1,
            Tally::Known(_) => {}
        },
        Row::Passed(passed) => panic!("line {}: {}", passed.line, passed.why),
    })
    .unwrap();
    into.finish().unwrap();
    (begun.elapsed(), written)
}

/// Writes the bytes of every file of `like` into `folder`, each aside and then moved.
fn written_plainly(like: &Path, folder: &Path) -> Duration {
    let files: Vec<(std::ffi::OsString, Vec<u8>)> = fs::read_dir(like)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap()))
        .collect();
    let begun = Instant::now();
    let stage = folder.join(".stage");
    fs::create_dir_all(&stage).unwrap();
    for (name, bytes) in &files {
        fs::write(stage.join(name), bytes).unwrap();
    }
    for (name, _) in &files {
        fs::rename(stage.join(name), folder.join(name)).unwrap();
    }
    begun.elapsed()
}

fn goodreads(rows: usize, bytes: usize) -> String {
    let mut table = format!("{HEADING}\n");
    let sentence =
        "The worms are the <i>least</i> of it &amp; what stays is [b:how patient|1] this book is with power. ";
    for row in 0..rows {
        let mut words = String::new();
        while words.len() < bytes {
            words.push_str(sentence);
            if words.len().is_multiple_of(5) {
                words.push_str("<br/><br/>");
            }
        }
        let (day, stars) = (1 + row % 28, row % 6);
        writeln!(
            table,
            "{row},\"Book {row} (Series {}, #{})\",Ada Writer,\"Writer, Ada\",,\"=\"\"0441172717\"\"\",\"=\"\"9780441172719\"\"\",{stars},\
             4.25,Ace,Paperback,412,1990,1965,2021/05/{day:02},2021/04/01,\"favourites, space\",,read,\"{words}\",,,1,0",
            row / 7,
            row % 7 + 1
        )
        .unwrap();
    }
    table
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// What this process held at most: the export, its rows, and the names of all files.
fn peak_megabytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    (kibibytes * 1024.0 / 1e4).round() / 100.0
}
