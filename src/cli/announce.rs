//! `reviewd announce REVIEW…`: followers are told of reviews that were taken in quietly.

use super::{FINE, table};
use crate::{
    app,
    config::Config,
    control::{self, Question},
    publish::publisher::Announced,
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Ids, slugs, files or addresses of the reviews, in the order in which followers are to hear of them
    #[arg(required = true, value_name = "REVIEW")]
    names: Vec<String>,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    let question = Question::Announce { names: arguments.names.clone() };
    let announced = match control::ask(&config.control.socket, &question).await? {
        Some(announced) => announced,
        None => without_daemon(config, arguments).await?,
    };
    if arguments.json {
        table::json(&announced)?;
        return Ok(FINE);
    }
    for item in &announced.known {
        println!("{} ({}) is announced already.", item.title, item.file);
    }
    for item in &announced.announced {
        println!("{} ({}) will be announced.", item.title, item.file);
    }
    if announced.announced.len() > 1 {
        println!("The first goes out now, and then one a minute.");
    }
    Ok(FINE)
}

/// Puts the announcements down; the next start sends them.
async fn without_daemon(config: &Config, arguments: &Arguments) -> anyhow::Result<Announced> {
    let mut rest = app::rest::publisher(config).await?;
    let _duty = rest.store.take_folder().await?;
    rest.publisher.reconcile_all().await;
    let announced = rest.publisher.announce(&arguments.names).await?;
    rest.publisher.reconcile_all().await;
    rest.store.close().await;
    Ok(announced)
}
