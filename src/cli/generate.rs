//! `reviewd generate`: the settings file, a man page, shell completions.

use std::io;

use clap::{CommandFactory, Subcommand};
use clap_complete::Shell;

use super::{Cli, FINE};
use crate::config::EXAMPLE;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every setting with its default and reason
    Config,
    /// The man page
    Man,
    /// Completions for a shell
    Completions { shell: Shell },
}

pub fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let mut command = Cli::command();
    match &arguments.what {
        What::Config => print!("{EXAMPLE}"),
        What::Man => clap_mangen::Man::new(command).render(&mut io::stdout())?,
        What::Completions { shell } => clap_complete::generate(*shell, &mut command, "reviewd", &mut io::stdout()),
    }
    Ok(FINE)
}
