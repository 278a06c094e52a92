//! `reviewd resend REVIEW [--to HOST]`: sends again what was refused, given up or waits, with the same id and bytes.

use anyhow::bail;

use super::FINE;
use crate::{
    config::Config,
    control::{self, Question},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The review's id, slug, file or address
    review: String,
    /// Only to this server
    #[arg(long, value_name = "HOST")]
    to: Option<String>,
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    let question = Question::Resend { review: arguments.review.clone(), host: arguments.to.clone() };
    match control::ask::<u64>(&config.control.socket, &question).await? {
        Some(0) => println!("Everything about this review was delivered; there is nothing to send again."),
        Some(count) => println!("{count} deliveries are on their way again."),
        None => bail!("no daemon answers at {}; start it, because it has to send", config.control.socket.display()),
    }
    Ok(FINE)
}
