//! `reviewd store copy --to URL`: everything the database holds, into an empty one of either kind.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Subcommand;

use super::{FINE, table};
use crate::{
    app,
    config::{Config, StoreSettings},
    control::{self, Question, Status},
    store::Store,
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Copy everything into an empty database: from SQLite to PostgreSQL, or back
    Copy(CopyArguments),
}

#[derive(Debug, clap::Args)]
struct CopyArguments {
    /// As in [store] url: postgres://user@host/database or sqlite://data/other.db
    #[arg(long, value_name = "URL")]
    to: String,
    /// Holds the password of that database, where it needs one
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub async fn run(config: &Config, arguments: &Arguments, cwd: &Path) -> anyhow::Result<u8> {
    match &arguments.what {
        What::Copy(arguments) => copy(config, arguments, cwd).await,
    }
}

async fn copy(config: &Config, arguments: &CopyArguments, cwd: &Path) -> anyhow::Result<u8> {
    let other = StoreSettings::parse(&arguments.to, arguments.password_file.as_deref(), cwd)
        .map_err(|why| anyhow::anyhow!("--to: {why}"))?;
    if other.postgres == config.store.postgres && (other.postgres.is_some() || other.database == config.store.database)
    {
        bail!("--to: this is the database that the settings name; name another one");
    }
    if control::ask::<Status>(&config.control.socket, &Question::Status).await?.is_some() {
        bail!("the daemon still runs, and goes on writing; stop it first, then copy");
    }
    if !config.store.may_be_there() {
        bail!("there is no database {}; nothing was published from here yet", config.store.place());
    }
    let parts = app::open(config).await?;
    let target = Store::of(&other).await?;
    let copied = parts.store.copy_into(&target).await;
    target.close().await;
    parts.store.close().await;
    let copied = copied?;
    let total: u64 = copied.iter().map(|table| table.rows).sum();
    if arguments.json {
        table::json(&copied)?;
        return Ok(FINE);
    }
    for one in copied.iter().filter(|table| table.rows > 0) {
        println!("{:>9} {}", one.rows, one.name);
    }
    println!("{total} rows are in {}, counted on both sides.", other.place());
    println!("Now set [store] url = \"{}\" and start the daemon.", arguments.to);
    Ok(FINE)
}
