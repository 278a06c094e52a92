//! `reviewd backup FILE`: database, keys, ids and settings in one file, as of one moment, while the daemon runs.

use std::path::PathBuf;

use anyhow::{Context, bail};
use tempfile::NamedTempFile;

use super::FINE;
use crate::{
    app,
    backup::{self, Packed},
    clock::Clock,
    config::Config,
    control::{self, Question, Status},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where to write it, such as reviewd.tar.gz; nobody else can read it, because the private keys are in it
    file: PathBuf,
    /// The folders of reviews too
    #[arg(long)]
    with_reviews: bool,
    /// The site moves to another machine: this one does not start again, and what is due is sent from there
    #[arg(long)]
    moving: bool,
    /// Replace the file if there is one
    #[arg(long)]
    force: bool,
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    let file = &arguments.file;
    if file.exists() && !arguments.force {
        bail!("{} is there already; name another file, or replace it with --force", file.display());
    }
    let directory = match file.parent() {
        Some(parent) if parent != std::path::Path::new("") => parent,
        _ => std::path::Path::new("."),
    };
    // Written aside and moved into place: under its name there is a whole backup or none.
    let aside = NamedTempFile::new_in(directory).with_context(|| format!("write in {}", directory.display()))?;
    let mut writer = tokio::fs::File::from_std(aside.reopen()?);
    let bytes = if arguments.moving {
        if control::ask::<Status>(&config.control.socket, &Question::Status).await?.is_some() {
            bail!("the daemon still runs, and goes on sending; stop it first, then pack what moves");
        }
        None
    } else {
        control::backup(&config.control.socket, arguments.with_reviews, &mut writer).await?
    };
    let (bytes, _held) = match bytes {
        Some(bytes) => (bytes, None),
        None => without_daemon(config, arguments, &mut writer).await.map(|(bytes, held)| (bytes, Some(held)))?,
    };
    writer.sync_all().await.with_context(|| format!("write {}", file.display()))?;
    if arguments.force {
        aside.persist(file)?;
    } else {
        aside.persist_noclobber(file)?;
    }
    if arguments.moving {
        backup::mark_moved_away(config.data_dir(), Clock::system().now())?;
        println!("{} does not start again here; restore {} where it goes on.", config.site.origin, file.display());
    } else {
        println!("{}: {bytes} bytes, with the private keys: keep it where only you can read it.", file.display());
    }
    Ok(FINE)
}

/// The data directory is held until the end: nobody starts on it between what moves and the mark that it moved.
async fn without_daemon(
    config: &Config,
    arguments: &Arguments,
    writer: &mut tokio::fs::File,
) -> anyhow::Result<(u64, app::Parts)> {
    if !config.store.may_be_there() {
        bail!("there is no database {}; nothing was published from here yet", config.store.place());
    }
    let parts = app::open(config).await?;
    let now = Clock::system().now();
    let packed = app::source(config).pack(&parts.store, now, arguments.with_reviews, arguments.moving).await;
    parts.store.close().await;
    let Packed { file, bytes, .. } = &packed?;
    let mut packed = tokio::fs::File::open(file).await?;
    tokio::io::copy(&mut packed, writer).await?;
    Ok((*bytes, parts))
}
