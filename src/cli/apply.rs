//! `reviewd apply`: releases what is held.

use super::{FINE, PROBLEMS, plan};
use crate::{
    app,
    config::Config,
    control::{self, Question},
    publish::{Plan, publisher::Release},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Ids, slugs, files or @reviewers; everything that is held when none is named
    names: Vec<String>,
    /// Followers know already, after a restore for instance: nothing is sent
    #[arg(long)]
    quietly: bool,
    /// One JSON document: what was released
    #[arg(long)]
    json: bool,
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    let question = Question::Apply { names: arguments.names.clone(), quietly: arguments.quietly };
    let released = match control::ask(&config.control.socket, &question).await? {
        Some(plan) => plan,
        None => without_daemon(config, arguments).await?,
    };
    let nothing = released == Plan::default();
    if arguments.json {
        plan::show(&released, true)?;
    } else if nothing {
        println!("Nothing is held{}.", if arguments.names.is_empty() { "" } else { " under these names" });
    } else {
        println!("{}", if arguments.quietly { "Taken as known:" } else { "Released:" });
        plan::show(&released, false)?;
    }
    Ok(if nothing && !arguments.names.is_empty() { PROBLEMS } else { FINE })
}

/// Does what the daemon would do: reconciles, releases, and leaves the deliveries for the next start.
async fn without_daemon(config: &Config, arguments: &Arguments) -> anyhow::Result<Plan> {
    let release = if arguments.quietly { Release::Quietly } else { Release::Send };
    let mut rest = app::rest::publisher(config).await?;
    let _duty = rest.store.take_folder().await?;
    rest.publisher.reconcile_all().await;
    let released = rest.publisher.apply(&arguments.names, release).await;
    rest.publisher.reconcile_all().await;
    rest.store.close().await;
    Ok(released)
}
