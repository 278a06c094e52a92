//! `reviewd followers list|approve|remove`.

use anyhow::bail;
use clap::Subcommand;

use super::{FINE, table};
use crate::{
    app,
    config::Config,
    control::{self, FollowerView, Question},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Who follows, and who waits for approval
    List {
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
    /// Accept a follow that waits
    Approve {
        /// @name@host or the actor's address
        follower: String,
    },
    /// End a follow and say so to the follower's server
    Remove {
        /// @name@host or the actor's address
        follower: String,
    },
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    match &arguments.what {
        What::List { json } => list(config, *json).await,
        What::Approve { follower } => {
            tell(config, &Question::ApproveFollower { name: follower.clone(), reviewer: None }, "follows now").await
        }
        What::Remove { follower } => {
            tell(config, &Question::RemoveFollower { name: follower.clone(), reviewer: None }, "follows no more").await
        }
    }
}

async fn list(config: &Config, json: bool) -> anyhow::Result<u8> {
    let rows: Vec<FollowerView> = match control::ask(&config.control.socket, &Question::Followers).await? {
        Some(rows) => rows,
        None => {
            let parts = app::open(config).await?;
            let rows = control::followers(&parts.store).await?;
            parts.store.close().await;
            rows
        }
    };
    if json {
        table::json(&rows)?;
        return Ok(FINE);
    }
    if rows.is_empty() {
        println!("Nobody follows yet.");
    }
    let cells = rows
        .into_iter()
        .map(|row| {
            let name = row.handle.map_or(row.actor, |handle| format!("@{handle}"));
            vec![name, format!("@{}", row.reviewer), row.state, row.since.to_string()]
        })
        .collect();
    table::print(&["follower", "of", "state", "since"], cells);
    Ok(FINE)
}

async fn tell(config: &Config, question: &Question, done: &str) -> anyhow::Result<u8> {
    match control::ask::<String>(&config.control.socket, question).await? {
        Some(actor) => println!("{actor} {done}."),
        None => {
            bail!("no daemon answers at {}; start it, because it has to tell them", config.control.socket.display())
        }
    }
    Ok(FINE)
}
