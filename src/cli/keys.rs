//! `reviewd keys show|rotate`: which key each reviewer signs with, and a new one when the old is lost or known to others.

use clap::Subcommand;

use super::{FINE, PROBLEMS};
use crate::{
    app,
    clock::Clock,
    config::Config,
    control::{
        self, Question,
        keys::{self, KeyView, RotatedKey},
    },
    domain::Handle,
    fediverse::keys::KeyPlaces,
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
    /// Put the key aside and make a new one; followers are told at once, or at the next start
    Rotate { handle: String },
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    match &arguments.what {
        What::Show => show(config).await,
        What::Rotate { handle } => rotate(config, handle).await,
    }
}

async fn show(config: &Config) -> anyhow::Result<u8> {
    let keys: Vec<KeyView> = match control::ask(&config.control.socket, &Question::Keys).await? {
        Some(keys) => keys,
        None => keys::show(&KeyPlaces::configured(config), &handles(config)),
    };
    let mut code = FINE;
    for KeyView { reviewer, file, key } in keys {
        match key {
            Ok(public) => println!("@{reviewer} {}\n{public}", file.display()),
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
    let question = Question::RotateKey { handle: handle.to_owned() };
    let told = control::ask(&config.control.socket, &question).await?;
    let when = if told.is_some() { "followers are told now" } else { "the next start tells the followers" };
    let RotatedKey { file, aside } = match told {
        Some(rotated) => rotated,
        None => {
            // Holds the data directory: a daemon that starts now must not sign with one key and publish another.
            let parts = app::open(config).await?;
            let rotated =
                keys::rotate(&KeyPlaces::configured(config), &handles(config), handle, Clock::system().now())?;
            parts.store.forget_public_key(handle).await?;
            parts.store.close().await;
            rotated
        }
    };
    match aside {
        Some(aside) => println!("The old key lies in {}; delete it when the new one is in use.", aside.display()),
        None => println!("There was no key."),
    }
    println!("@{handle} has a new key in {}; {when}.", file.display());
    Ok(FINE)
}

fn handles(config: &Config) -> Vec<Handle> {
    config.reviewers.iter().map(|reviewer| reviewer.handle.clone()).collect()
}
