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
    answers: usize,
    answers_awaiting: usize,
    held: usize,
    waiting: usize,
    leaving: usize,
    drafts: usize,
    scheduled: usize,
    broken: usize,
    skipped: usize,
    followers: u64,
    followers_waiting: u64,
    deliveries_due: i64,
    deliveries_given_up: i64,
    deliveries_refused: i64,
    oldest_due: Option<jiff::Timestamp>,
    hosts_dead: i64,
    replies_waiting: u64,
    reports: u64,
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
        answers: sum(|one| one.answers),
        answers_awaiting: sum(|one| one.awaiting),
        held: sum(|one| one.held),
        waiting: sum(|one| one.waiting),
        leaving: sum(|one| one.leaving),
        drafts: sum(|one| one.drafts),
        scheduled: sum(|one| one.scheduled),
        broken: sum(|one| one.broken),
        skipped: sum(|one| one.skipped),
        followers: status.followers,
        followers_waiting: status.followers_waiting,
        deliveries_due: status.deliveries_due,
        deliveries_given_up: status.deliveries_given_up,
        deliveries_refused: status.deliveries_refused,
        oldest_due: status.oldest_due,
        hosts_dead: status.hosts_dead,
        replies_waiting: status.replies_waiting,
        reports: status.reports,
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
            let figures =
                [one.live, one.answers, one.waiting, one.held, one.leaving, one.drafts, one.scheduled, one.broken];
            let mut row = vec![format!("@{}", one.reviewer), one.folder.clone(), one.folder_state.clone()];
            row.extend(figures.map(|figure| figure.to_string()));
            row
        })
        .collect();
    let heading = [
        "reviewer",
        "folder",
        "state",
        "live",
        "answers",
        "waiting",
        "held",
        "leaving",
        "drafts",
        "scheduled",
        "broken",
    ];
    table::print(&heading, rows);
    println!(
        "followers {} (waiting {}) · deliveries due {}, given up {}, refused {} · dead hosts {}{}",
        counts.followers,
        counts.followers_waiting,
        counts.deliveries_due,
        counts.deliveries_given_up,
        counts.deliveries_refused,
        counts.hosts_dead,
        counts.oldest_due.map(|oldest| format!(" · oldest due since {oldest}")).unwrap_or_default()
    );
    if counts.replies_waiting > 0 {
        println!("{} replies wait for approval: reviewd replies list --waiting", counts.replies_waiting);
    }
    if counts.reports > 0 {
        println!("{} complaints came from other servers: reviewd replies list --reports", counts.reports);
    }
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
    let status = control::status(&parts.store, &config.site(), folders).await?;
    parts.store.close().await;
    Ok(status)
}
