//! `reviewd status`: how things stand, at a glance.

use anyhow::bail;
use serde::Serialize;

use super::{FINE, PROBLEMS, table};
use crate::{
    app,
    clock::Clock,
    config::Config,
    control::{self, Question, Status},
    doctor::LastReport,
    domain::reader::FeedReader,
    publish::{Desk, publisher},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// One JSON document
    #[arg(long)]
    json: bool,
    /// The programs that fetched feeds in the last day, and whether they ask for what they have again
    #[arg(long)]
    readers: bool,
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
    deliveries_held: i64,
    oldest_due: Option<jiff::Timestamp>,
    hosts_dead: i64,
    last_publish: Option<jiff::Timestamp>,
    alarm: Option<&'a str>,
    replies_waiting: u64,
    reports: u64,
    last_doctor: Option<&'a LastReport>,
    subscribers: i64,
    pushes_due: i64,
    folders: &'a [publisher::Survey],
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    if arguments.readers {
        return readers(config, arguments.json).await;
    }
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
        deliveries_held: status.deliveries_held,
        oldest_due: status.oldest_due,
        hosts_dead: status.hosts_dead,
        last_publish: status.last_publish,
        alarm: status.alarm.as_deref(),
        replies_waiting: status.replies_waiting,
        reports: status.reports,
        last_doctor: status.last_doctor.as_ref(),
        subscribers: status.subscribers,
        pushes_due: status.pushes_due,
        folders: &status.folders,
    };
    if arguments.json {
        table::json(&counts)?;
    } else {
        show(&counts);
    }
    let fine = counts.held == 0 && counts.broken == 0 && counts.deliveries_held == 0 && counts.alarm.is_none();
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
    if let Some(last) = counts.last_publish {
        println!("followers were last told of a review at {last}");
    }
    if let Some(alarm) = counts.alarm {
        println!("alarm: {alarm}");
    }
    if counts.deliveries_held > 0 {
        println!(
            "{} deliveries are held since a backup was restored: `reviewd apply` sends them, `reviewd apply --quietly` takes \
             them as made",
            counts.deliveries_held
        );
    }
    if counts.replies_waiting > 0 {
        println!("{} replies wait for approval: reviewd replies list --waiting", counts.replies_waiting);
    }
    if counts.reports > 0 {
        println!("{} complaints came from other servers: reviewd replies list --reports", counts.reports);
    }
    if let Some(last) = counts.last_doctor {
        let (at, failed, warnings) = (last.at, last.failed, last.warnings);
        println!("last examined {at} ({}): {failed} failed, {warnings} warnings; `reviewd doctor`", last.version);
    }
    println!("subscribers by WebSub {} · pushes due {}", counts.subscribers, counts.pushes_due);
    for folder in counts.folders {
        if let Some(reason) = &folder.hold_reason {
            println!("{reason}");
        }
        for problem in &folder.problems {
            println!("{problem}");
        }
    }
}

/// Who fetches the feeds: only a running daemon knows, since it keeps no addresses.
async fn readers(config: &Config, json: bool) -> anyhow::Result<u8> {
    let readers: Option<Vec<FeedReader>> = control::ask(&config.control.socket, &Question::FeedReaders).await?;
    let Some(readers) = readers else {
        bail!("no daemon runs, and feed readers are only counted while one does; start it with `reviewd serve`");
    };
    if json {
        table::json(&readers)?;
        return Ok(FINE);
    }
    let rows = readers
        .iter()
        .map(|one| {
            let address = one.address.map_or_else(|| "this machine".to_owned(), |address| address.to_string());
            let subscribers = one.subscribers.map(|number| number.to_string()).unwrap_or_default();
            let percent = 100 * one.conditional / one.fetches.max(1);
            let figures = [one.fetches.to_string(), format!("{percent}%"), one.unchanged.to_string()];
            [
                vec![one.agent.clone(), address, subscribers],
                figures.to_vec(),
                vec![one.last.strftime("%Y-%m-%d %H:%M").to_string()],
            ]
            .concat()
        })
        .collect();
    table::print(&["reader", "address", "readers", "fetches", "conditional", "unchanged", "last"], rows);
    Ok(FINE)
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
