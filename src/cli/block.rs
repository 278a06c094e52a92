//! `reviewd block` and `reviewd unblock`: keeps actors and whole domains out.

use std::path::PathBuf;

use anyhow::{Context, bail};

use super::{FINE, PROBLEMS, table};
use crate::{
    config::Config,
    control::{self, BlockView, Question},
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
    /// A block list as Mastodon exports it: CSV whose first column is the domain
    #[arg(long, value_name = "CSV", conflicts_with = "name")]
    import: Option<PathBuf>,
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
            let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
            let names = domains(&text);
            if names.is_empty() {
                bail!("{} names no domain; its first column must hold one in each line", file.display());
            }
            names
        }
        (None, None) => return list(config, arguments.json).await,
    };
    let mut ended = 0;
    for names in names.chunks(NAMES_AT_ONCE) {
        match control::ask::<usize>(&config.control.socket, &Question::Block { names: names.to_vec() }).await? {
            Some(follows) => ended += follows,
            None => return no_daemon(config),
        }
    }
    println!("{} blocked; {ended} follows ended.", names.len());
    Ok(FINE)
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

/// The domains of Mastodon's export (`#domain,#severity,…`) or of a plain list, with the public comment as the reason.
fn domains(text: &str) -> Vec<(String, Option<String>)> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    let heading = lines.next_if(|line| line.trim_start_matches('#').starts_with("domain"));
    let comment = heading.and_then(|heading| heading.split(',').position(|column| column.contains("public_comment")));
    lines
        .filter_map(|line| {
            let columns: Vec<&str> = line.split(',').map(|column| column.trim_matches('"').trim()).collect();
            let domain = columns.first().filter(|domain| domain.contains('.') && !domain.contains(' '))?;
            let reason = comment.and_then(|at| columns.get(at)).filter(|reason| !reason.is_empty());
            Some(((*domain).to_owned(), reason.map(|reason| (*reason).to_owned())))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_lists_are_read_as_mastodon_exports_them() {
        let csv = "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\n\
                   spam.example,suspend,FALSE,FALSE,\"floods\",FALSE\nbad.example,silence,FALSE,FALSE,,FALSE\n";
        assert_eq!(
            domains(csv),
            [("spam.example".to_owned(), Some("floods".to_owned())), ("bad.example".to_owned(), None)]
        );
        assert_eq!(domains("a.example\n\nnot a domain\nb.example\n").len(), 2);
    }
}
