//! `reviewd move [HANDLE] --to ACTOR`: the account lives elsewhere from now on, and its followers are asked to come along.

use anyhow::bail;

use super::FINE;
use crate::{
    config::Config,
    control::{self, Moved, Question},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Whose account, where there are several reviewers
    handle: Option<String>,
    /// The account it moves to: @ana@social.example, or the address of its actor
    #[arg(long, value_name = "ACTOR")]
    to: String,
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    let handle = match (&arguments.handle, config.reviewers.as_slice()) {
        (Some(handle), _) => handle.trim_start_matches('@').to_owned(),
        (None, [only]) => only.handle.to_string(),
        (None, _) => bail!("there are several reviewers; name the one who moves: `reviewd move HANDLE --to ACTOR`"),
    };
    let question = Question::Move { handle: handle.clone(), to: arguments.to.clone() };
    let Some(Moved { target, told }) = control::ask(&config.control.socket, &question).await? else {
        bail!(
            "no daemon answers at {}; start it, because it has to tell the followers",
            config.control.socket.display()
        )
    };
    println!(
        "@{handle} lives at {target} now, and {told} servers are being told; what their people do is up to them. From here \
         nothing new is announced any more. Leave reviewd running for some weeks: servers that were away ask it where you \
         went."
    );
    Ok(FINE)
}
