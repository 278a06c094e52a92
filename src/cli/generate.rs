//! `reviewd generate`: the settings file, a man page, the schema of review files, shell completions.

use std::{io, path::PathBuf};

use anyhow::Context;
use clap::{CommandFactory, Subcommand};
use clap_complete::Shell;

use super::{Cli, FINE};
use crate::{app::secret, config::EXAMPLE, intake::parse::schema};

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
    Man {
        /// Write it, and one for each command, into this directory instead of printing it
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
    },
    /// The metadata of review files as a JSON Schema, by which editors complete and explain keys
    Schema,
    /// A password for the operator's page, printed, and written into a file that nobody else reads
    Password {
        /// A new file, to be named in [admin] password_file
        #[arg(long, value_name = "FILE")]
        into: Option<PathBuf>,
    },
    /// Completions for a shell
    Completions { shell: Shell },
}

pub fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let mut command = Cli::command();
    match &arguments.what {
        What::Config => print!("{EXAMPLE}"),
        What::Man { into: Some(directory) } => {
            clap_mangen::generate_to(command, directory)
                .with_context(|| format!("write the man pages into {}", directory.display()))?;
        }
        What::Schema => println!("{}", serde_json::to_string_pretty(&schema::schema())?),
        What::Password { into } => {
            let password = secret::fresh()?;
            if let Some(file) = into {
                secret::write(file, &password).with_context(|| {
                    format!("write the password into {}, which must not be there yet", file.display())
                })?;
            }
            println!("{password}");
        }
        What::Man { into: None } => clap_mangen::Man::new(command).render(&mut io::stdout())?,
        What::Completions { shell } => clap_complete::generate(*shell, &mut command, "reviewd", &mut io::stdout()),
    }
    Ok(FINE)
}
