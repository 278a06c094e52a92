//! `reviewd keys show`: which key each reviewer signs with.

use clap::Subcommand;

use super::{FINE, PROBLEMS};
use crate::{config::Config, fediverse::keys};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The public key of each reviewer, and where its private half lies
    Show,
}

pub fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    let What::Show = arguments.what;
    let mut code = FINE;
    for reviewer in &config.reviewers {
        let path = config.data_dir().join("keys").join(format!("{}.pem", reviewer.handle));
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
