//! `reviewd restore FILE`: a backup becomes a site again, in an empty data directory, and says nothing by itself that the
//! original may have said since.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::{FINE, PROBLEMS};
use crate::{
    backup::{Backup, Outcome, Target},
    clock::Clock,
    config::{self, Config, Overrides},
};

/// No secret is a setting, and the service reads them as a user of its own.
const SETTINGS_MODE: u32 = 0o644;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What `reviewd backup` made
    file: PathBuf,
    /// The original has not run since the backup: what was due then is sent, and nothing is held
    #[arg(long)]
    resume: bool,
}

pub async fn run(
    arguments: &Arguments,
    overrides: &Overrides,
    environment: &BTreeMap<String, String>,
    cwd: &Path,
) -> anyhow::Result<u8> {
    let backup = Backup::open(&arguments.file)?;
    let place = config::settings_file(overrides, environment, cwd);
    let written = match &backup.settings {
        Some(settings) if !place.exists() => Some(write_settings(&place, settings)?),
        Some(_) | None => None,
    };
    let result = restore(&backup, arguments, overrides, environment, cwd).await;
    let fine = matches!(result, Ok(Some(_)));
    if let Some(written) = written {
        match fine {
            true => println!("The settings are in {}.", written.display()),
            false => fs::remove_file(&written).with_context(|| format!("remove {}", written.display()))?,
        }
    } else if fine {
        println!("The settings in {} stay as they are.", place.display());
    }
    let Some((config, outcome)) = result? else { return Ok(PROBLEMS) };
    tell(&backup, &config, &outcome);
    Ok(FINE)
}

/// `None` when the settings have problems, which were printed.
async fn restore(
    backup: &Backup,
    arguments: &Arguments,
    overrides: &Overrides,
    environment: &BTreeMap<String, String>,
    cwd: &Path,
) -> anyhow::Result<Option<(Config, Outcome)>> {
    let config = match Config::load(overrides, environment, cwd) {
        Ok(config) => config,
        Err(problems) => {
            for problem in &problems {
                eprintln!("{problem}");
            }
            return Ok(None);
        }
    };
    let target = Target {
        data: config.data_dir().to_owned(),
        store: config.store.clone(),
        origin: config.site.origin.clone(),
        folders: config.reviewers.iter().map(|one| (one.handle.clone(), one.folder.clone())).collect(),
    };
    let outcome = backup.restore(&target, Clock::system().now(), arguments.resume).await?;
    Ok(Some((config, outcome)))
}

fn write_settings(place: &Path, settings: &[u8]) -> anyhow::Result<PathBuf> {
    let doing = || format!("write the settings {}", place.display());
    if let Some(directory) = place.parent() {
        fs::create_dir_all(directory).with_context(doing)?;
    }
    let mut file = File::options().write(true).create_new(true).mode(SETTINGS_MODE).open(place).with_context(doing)?;
    file.write_all(settings).with_context(doing)?;
    Ok(place.to_owned())
}

fn tell(backup: &Backup, config: &Config, outcome: &Outcome) {
    let (head, data) = (&backup.head, config.data_dir().display());
    println!("{} as of {} is in {data}.", head.origin, head.made_at.strftime("%Y-%m-%d %H:%M:%S UTC"));
    for folder in &outcome.filled {
        println!("The reviews are in {}.", folder.display());
    }
    for folder in &outcome.left {
        println!("{} is not empty and stays as it is; the reviews of the backup were left out.", folder.display());
    }
    for reviewer in &config.reviewers {
        if !reviewer.folder.exists() {
            println!("Bring the reviews of @{} to {} before you start.", reviewer.handle, reviewer.folder.display());
        }
        if let Some(avatar) = reviewer.avatar.as_ref().filter(|avatar| !avatar.exists()) {
            println!("Bring the picture {} too, or take `avatar` out of the settings.", avatar.display());
        }
    }
    if outcome.goes_on {
        println!("What was due is sent as soon as you start it.");
    } else {
        println!(
            "Followers may know more than this backup. So {} deliveries that were due are held, and so is whatever the first \
             look finds different in the folder. After the start: `reviewd plan` shows it, `reviewd apply` sends it, \
             `reviewd apply --quietly` takes it as known to them. New reviews go out as usual.",
            outcome.held
        );
    }
}
