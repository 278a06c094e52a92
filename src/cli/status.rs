//! `reviewd status`: how things stand, at a glance.

use serde::Serialize;

use super::{FINE, PROBLEMS, table};
use crate::{
    app,
    clock::Clock,
    config::Config,
    control::{self, Question, Status},
    publish::{Desk, publisher},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// The figures by name, over all folders.
#[derive(Debug, Serialize)]
struct Counts<'a> {
    running: bool,
    version: &'a str,
    origin: &'a str,
    live: usize,
    held: usize,
    waiting: usize,
    leaving: usize,
    drafts: usize,
    scheduled: usize,
    broken: usize,
    skipped: usize,
    folders: &'a [publisher::Survey],
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    let answer = control::ask(&config.control.socket, &Question::Status).await?;
    let running = answer.is_some();
    let status: Status = match answer {
        Some(status) => status,
        None => without_daemon(config).await?,
    };
    let sum = |figure: fn(&publisher::Survey) -> usize| status.folders.iter().map(figure).sum();
    let counts = Counts {
        running,
        version: &status.version,
        origin: &status.origin,
        live: sum(|one| one.live),
        held: sum(|one| one.held),
        waiting: sum(|one| one.waiting),
        leaving: sum(|one| one.leaving),
        drafts: sum(|one| one.drafts),
        scheduled: sum(|one| one.scheduled),
        broken: sum(|one| one.broken),
        skipped: sum(|one| one.skipped),
        folders: &status.folders,
    };
    if arguments.json {
        table::json(&counts)?;
    } else {
        show(&counts);
    }
    let fine = counts.held == 0 && counts.broken == 0;
    Ok(if fine { FINE } else { PROBLEMS })
}

fn show(counts: &Counts<'_>) {
    let state = if counts.running { "running" } else { "not running" };
    println!("reviewd {} at {}: {state}", counts.version, counts.origin);
    let rows = counts
        .folders
        .iter()
        .map(|one| {
            let figures = [one.live, one.waiting, one.held, one.leaving, one.drafts, one.scheduled, one.broken];
            let mut row = vec![format!("@{}", one.reviewer), one.folder.clone(), one.folder_state.clone()];
            row.extend(figures.map(|figure| figure.to_string()));
            row
        })
        .collect();
    let heading =
        ["reviewer", "folder", "state", "live", "waiting", "held", "leaving", "drafts", "scheduled", "broken"];
    table::print(&heading, rows);
    for folder in counts.folders {
        if let Some(reason) = &folder.hold_reason {
            println!("{reason}");
        }
        for problem in &folder.problems {
            println!("{problem}");
        }
    }
}

async fn without_daemon(config: &Config) -> anyhow::Result<Status> {
    let parts = app::open(config).await?;
    let mut folders = Vec::new();
    for folder in app::folders(config, &parts.reviewers) {
        let (clock, limits) = (Clock::system(), app::limits(config));
        let desk = Desk::open(&parts.store, &clock, folder.reviewer, folder.root, folder.rating_scale, &limits).await?;
        folders.push(publisher::survey(&desk));
    }
    parts.store.close().await;
    Ok(Status { version: env!("CARGO_PKG_VERSION").to_owned(), origin: config.site.origin.to_string(), folders })
}
