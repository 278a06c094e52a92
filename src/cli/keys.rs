//! `reviewd keys show|rotate`: which key each reviewer signs with, and a new one when the old is lost or known to others.

use std::{fs, path::PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;

use super::{FINE, PROBLEMS};
use crate::{
    app,
    clock::Clock,
    config::Config,
    domain::Handle,
    fediverse::keys::{self, KeyFileProblem, WhenAbsent},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The public key of each reviewer, and where its private half lies
    Show,
    /// Put the key aside and make a new one; followers are told at the next start
    Rotate { handle: String },
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    match &arguments.what {
        What::Show => show(config),
        What::Rotate { handle } => rotate(config, handle).await,
    }
}

fn show(config: &Config) -> anyhow::Result<u8> {
    let mut code = FINE;
    for reviewer in &config.reviewers {
        let path = key_file(config, &reviewer.handle);
        match keys::load(&path) {
            Ok(key) => println!("@{} {}\n{}", reviewer.handle, path.display(), key.to_public_pem()?),
            Err(problem) => {
                eprintln!("{problem}");
                code = PROBLEMS;
            }
        }
    }
    Ok(code)
}

/// Servers learn a new key from the Update of the profile that the next start sends, or by looking at the actor again when
/// a signature fails: Mastodon and BookWyrm do, GoToSocial and NeoDB keep the old key until they refresh the account.
async fn rotate(config: &Config, handle: &str) -> anyhow::Result<u8> {
    let handle = handle.trim_start_matches('@');
    let Some(reviewer) = config.reviewers.iter().find(|reviewer| reviewer.handle.as_str() == handle) else {
        bail!("there is no reviewer @{handle} in the settings");
    };
    // Holds the data directory: the daemon must not sign with one key and publish another.
    let parts = app::open(config).await.context("stop the daemon before its key changes")?;
    let path = key_file(config, &reviewer.handle);
    match keys::load(&path) {
        Ok(_) => {
            let aside = path.with_extension(format!("{}.pem", Clock::system().now().as_second()));
            fs::rename(&path, &aside).with_context(|| format!("put {} aside", path.display()))?;
            println!("The old key lies in {}; delete it when the new one is in use.", aside.display());
        }
        Err(KeyFileProblem::Missing { .. }) => println!("There was no key."),
        Err(problem) => return Err(problem.into()),
    }
    keys::load_or_create(&path, WhenAbsent::Create)?;
    parts.store.close().await;
    println!("@{handle} has a new key in {}; the next start tells the followers.", path.display());
    Ok(FINE)
}

fn key_file(config: &Config, handle: &Handle) -> PathBuf {
    config.data_dir().join("keys").join(format!("{handle}.pem"))
}
