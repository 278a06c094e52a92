//! `reviewd retract REVIEW`: deletes a review everywhere at once, without the usual wait.

use anyhow::bail;

use super::{FINE, plan};
use crate::{
    config::Config,
    control::{self, Question},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The review's id, slug, file or address
    review: String,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    let question = Question::Retract { name: arguments.review.clone() };
    let Some(retracted) = control::ask(&config.control.socket, &question).await? else {
        bail!(
            "no daemon answers at {}; start it, because it has to send the deletion",
            config.control.socket.display()
        );
    };
    plan::show(&retracted, arguments.json)?;
    Ok(FINE)
}
