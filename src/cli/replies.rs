//! `reviewd replies list|answer|approve|hide|report`: the conversation under the reviews.

use std::{collections::BTreeMap, path::Path};

use clap::Subcommand;

use super::{FINE, answer, table};
use crate::{
    app,
    clock::Clock,
    config::Config,
    control::{self, Decided, Listing, Question, ReplyView, ReportView},
    domain::ReplyState,
};

/// What a table shows of a reply's words, in characters.
const WORDS_CHARS_MAX: usize = 160;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The replies, newest first, with the numbers that the other commands take
    List(List),
    /// Write the file that answers a reply, or any post
    Answer(answer::Arguments),
    /// Show replies on the page; their authors are known from then on
    Approve {
        /// Numbers or addresses of replies
        #[arg(required = true, value_name = "ID")]
        replies: Vec<String>,
    },
    /// Take replies or quotes off the page
    Hide {
        /// Numbers or addresses of replies, addresses of posts that quote
        #[arg(required = true, value_name = "ID")]
        replies: Vec<String>,
    },
    /// Complain of a reply to the people who run its author's server
    Report {
        /// The number or address of a reply
        #[arg(value_name = "ID")]
        reply: String,
        /// What is wrong with it
        #[arg(long, default_value = "")]
        words: String,
    },
}

#[derive(Debug, clap::Args)]
struct List {
    /// Under this review only: its id, slug, file or address
    review: Option<String>,
    /// Those that wait for approval
    #[arg(long, conflicts_with_all = ["hidden", "private", "reports"])]
    waiting: bool,
    /// Those that were taken off the page
    #[arg(long, conflicts_with_all = ["private", "reports"])]
    hidden: bool,
    /// Those sent to you and not to everybody; they are never on the page
    #[arg(long, conflicts_with = "reports")]
    private: bool,
    /// Complaints that other servers sent here
    #[arg(long, conflicts_with = "review")]
    reports: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub async fn run(
    config: &Config,
    arguments: &Arguments,
    environment: &BTreeMap<String, String>,
    cwd: &Path,
) -> anyhow::Result<u8> {
    match &arguments.what {
        What::List(list) if list.reports => list_reports(config, list.json).await,
        What::List(list) => list_replies(config, list).await,
        What::Answer(arguments) => answer::run(config, arguments, environment, cwd).await,
        What::Approve { replies } => decide(config, replies, ReplyState::Shown, "is shown").await,
        What::Hide { replies } => decide(config, replies, ReplyState::Hidden, "is hidden").await,
        What::Report { reply, words } => report(config, reply, words).await,
    }
}

async fn list_replies(config: &Config, list: &List) -> anyhow::Result<u8> {
    let which = match (list.waiting, list.hidden, list.private) {
        (true, _, _) => Listing::Waiting,
        (_, true, _) => Listing::Hidden,
        (_, _, true) => Listing::Private,
        (false, false, false) => Listing::All,
    };
    let question = Question::Replies { which, review: list.review.clone() };
    let rows: Vec<ReplyView> = match control::ask(&config.control.socket, &question).await? {
        Some(rows) => rows,
        None => {
            let parts = app::open(config).await?;
            let rows = control::list_replies(&parts.store, &config.site.origin, which, list.review.as_deref()).await;
            parts.store.close().await;
            rows?
        }
    };
    if list.json {
        table::json(&rows)?;
        return Ok(FINE);
    }
    if rows.is_empty() {
        println!("There are none.");
    }
    let cells = rows.into_iter().map(cells).collect();
    table::print(&["id", "state", "review", "from", "date", "words"], cells);
    Ok(FINE)
}

fn cells(row: ReplyView) -> Vec<String> {
    let words = match row.warning {
        Some(warning) => format!("[{warning}] {}", row.text),
        None => row.text,
    };
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = words.chars().take(WORDS_CHARS_MAX).collect();
    let words = if short.len() < words.len() { format!("{short}…") } else { short };
    let date = row.date.strftime("%Y-%m-%d %H:%M").to_string();
    // A comment of an old blog has a name and no account, and is changed in the file of its review.
    let (number, from) = match row.handle.as_str() {
        "" => (String::new(), row.author),
        handle => (row.number.to_string(), format!("@{handle}")),
    };
    vec![number, row.state, row.review.unwrap_or_default(), from, date, words]
}

async fn list_reports(config: &Config, json: bool) -> anyhow::Result<u8> {
    let rows: Vec<ReportView> = match control::ask(&config.control.socket, &Question::Reports).await? {
        Some(rows) => rows,
        None => {
            let parts = app::open(config).await?;
            let rows = control::list_reports(&parts.store).await;
            parts.store.close().await;
            rows?
        }
    };
    if json {
        table::json(&rows)?;
        return Ok(FINE);
    }
    if rows.is_empty() {
        println!("Nobody complained.");
    }
    let cells = rows
        .into_iter()
        .map(|row| vec![row.date.to_string(), row.reporter, row.objects.join("\n"), row.words])
        .collect();
    table::print(&["date", "from", "about", "words"], cells);
    Ok(FINE)
}

async fn decide(config: &Config, names: &[String], state: ReplyState, done: &str) -> anyhow::Result<u8> {
    let question = Question::DecideReplies { names: names.to_vec(), state };
    let decided: Vec<Decided> = match control::ask(&config.control.socket, &question).await? {
        Some(decided) => decided,
        None => {
            let parts = app::open(config).await?;
            let (store, origin) = (&parts.store, &config.site.origin);
            let decided = control::decide_replies(store, origin, &Clock::system(), names, state).await;
            parts.store.close().await;
            decided?
        }
    };
    for one in decided {
        let since = if one.changed { "now" } else { "already" };
        match one.number {
            Some(number) => println!("Reply {number} of @{} {done} {since}.", one.handle),
            None => println!("The quote by @{} is off the page, and its server is told.", one.handle),
        }
    }
    Ok(FINE)
}

async fn report(config: &Config, name: &str, words: &str) -> anyhow::Result<u8> {
    let question = Question::ReportReply { name: name.to_owned(), words: words.to_owned() };
    match control::ask::<String>(&config.control.socket, &question).await? {
        Some(whom) => println!("The server of @{whom} is told; `reviewd deliveries` says when it was."),
        None => {
            let parts = app::open(config).await?;
            let told = control::report_reply(&parts.store, &config.site.origin, &Clock::system(), name, words).await;
            parts.store.close().await;
            println!("The server of @{} will be told when the daemon runs again.", told?);
        }
    }
    Ok(FINE)
}
