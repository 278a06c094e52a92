//! `reviewd block` and `reviewd unblock`: keeps actors and whole domains out.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::{FINE, PROBLEMS, table};
use crate::{
    config::Config,
    control::{self, BlockView, Question},
    fediverse::reception::Blocking,
    import::blocks::{self, BlockList},
};

/// A list of a hundred thousand domains is more than one question holds, and more than one answer's time.
const NAMES_AT_ONCE: usize = 500;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// An actor's address or a domain; the list of blocks without one
    name: Option<String>,
    /// Why, for your own memory
    #[arg(long)]
    reason: Option<String>,
    /// A block list as Mastodon exports it (CSV), or a plain list of domains or accounts
    #[arg(long, value_name = "CSV", conflicts_with = "name")]
    import: Option<PathBuf>,
    /// Block also what the list only limits (severity `silence` or `noop`)
    #[arg(long, requires = "import")]
    limited: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub struct UnblockArguments {
    /// An actor's address or a domain
    name: String,
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    let names = match (&arguments.name, &arguments.import) {
        (Some(name), _) => vec![(name.clone(), arguments.reason.clone())],
        (None, Some(file)) => {
            let bytes = std::fs::read(file).with_context(|| format!("read {}", file.display()))?;
            listed(blocks::read(&bytes), arguments.limited, file)?
        }
        (None, None) => return list(config, arguments.json).await,
    };
    let mut all = Blocking::default();
    for names in names.chunks(NAMES_AT_ONCE) {
        match control::ask::<Blocking>(&config.control.socket, &Question::Block { names: names.to_vec() }).await? {
            Some(blocking) => all.join(blocking),
            None => return no_daemon(config),
        }
    }
    println!("{} blocked; {} follows ended.", all.blocked, all.ended);
    for refused in &all.refused {
        eprintln!("{refused}");
    }
    Ok(if all.refused.is_empty() { FINE } else { PROBLEMS })
}

/// The names of a list that are to be blocked; what is left out is said.
fn listed(list: BlockList, limited: bool, file: &Path) -> anyhow::Result<Vec<(String, Option<String>)>> {
    let mut names = list.blocked;
    if limited {
        names.extend(list.limited.into_iter().map(|name| (name, None)));
    } else if !list.limited.is_empty() {
        println!(
            "Left alone, because the list only limits them: {}; `--limited` blocks these too.",
            list.limited.len()
        );
    }
    if !list.obfuscated.is_empty() {
        println!("Left out, because asterisks hide whom they mean: {}.", list.obfuscated.len());
    }
    if names.is_empty() {
        bail!("{} names nobody to block; its first column must hold a domain in each line", file.display());
    }
    Ok(names)
}

pub async fn unblock(config: &Config, arguments: &UnblockArguments) -> anyhow::Result<u8> {
    match control::ask::<bool>(&config.control.socket, &Question::Unblock { name: arguments.name.clone() }).await? {
        Some(true) => println!("{} is no longer blocked.", arguments.name),
        Some(false) => {
            println!("{} was not blocked.", arguments.name);
            return Ok(PROBLEMS);
        }
        None => return no_daemon(config),
    }
    Ok(FINE)
}

async fn list(config: &Config, json: bool) -> anyhow::Result<u8> {
    let Some(blocks) = control::ask::<Vec<BlockView>>(&config.control.socket, &Question::Blocks).await? else {
        return no_daemon(config);
    };
    if json {
        table::json(&blocks)?;
        return Ok(FINE);
    }
    if blocks.is_empty() {
        println!("Nobody is blocked.");
    }
    let cells = blocks
        .into_iter()
        .map(|block| vec![block.name, block.reason.unwrap_or_default(), block.at.to_string()])
        .collect();
    table::print(&["blocked", "reason", "since"], cells);
    Ok(FINE)
}

fn no_daemon(config: &Config) -> anyhow::Result<u8> {
    bail!("no daemon answers at {}; start it first", config.control.socket.display())
}
