//! `reviewd retire HANDLE`: ends a reviewer's account for ever.

use anyhow::bail;

use super::{FINE, WRONG_USE};
use crate::{
    config::Config,
    control::{self, Question},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    handle: String,
    /// Needed, because nothing brings the account back
    #[arg(long)]
    for_ever: bool,
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    let handle = arguments.handle.trim_start_matches('@').to_owned();
    if !arguments.for_ever {
        eprintln!(
            "Every server that knows @{handle} will delete the account with all its reviews, and the name can never be \
             used again. Run `reviewd retire {handle} --for-ever` if that is what you want."
        );
        return Ok(WRONG_USE);
    }
    match control::ask::<u64>(&config.control.socket, &Question::Retire { handle: handle.clone() }).await? {
        Some(count) => println!(
            "{count} servers are being told that @{handle} has ended. Leave reviewd running until `reviewd status` shows no \
             deliveries due, then take the [[reviewer]] out of the settings."
        ),
        None => {
            bail!("no daemon answers at {}; start it, because it has to tell them", config.control.socket.display())
        }
    }
    Ok(FINE)
}
