//! One file for each command: the list of files is the list of commands.

mod announce;
mod answer;
mod apply;
mod backup;
mod block;
mod check;
mod deliveries;
mod doctor;
mod export;
mod followers;
mod generate;
mod import;
mod keys;
mod r#move;
mod notify;
mod plan;
mod preview;
mod replies;
mod resend;
mod restore;
mod retire;
mod retract;
mod serve;
mod status;
mod store;
mod table;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::{
    app::{manager::Manager, sockets::Sockets},
    config::{self, Config, Overrides},
};

/// Everything was as it should be.
const FINE: u8 = 0;
/// Problems were found and shown.
const PROBLEMS: u8 = 1;
/// Wrong use; clap's own code for it too.
const WRONG_USE: u8 = 2;

const CODES: &str = "Exit codes: 0 fine, 1 problems found, 2 wrong use. With an installed service, commands speak to it and \
                     use its settings, /etc/reviewd/reviewd.toml, unless there are others in the working directory.";

/// Publishes book reviews from a folder of plain files: feeds, a website, and the fediverse.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None, disable_help_subcommand = true, after_help = CODES)]
pub struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// The settings file [default: ./reviewd.toml, else the service's]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of reviews, where one reviewer is configured
    #[arg(long, global = true, value_name = "DIR")]
    reviews: Option<String>,
    /// Where to listen, such as 127.0.0.1:8080
    #[arg(long, global = true, value_name = "ADDR")]
    listen: Option<String>,
    /// The address under which the world sees the site
    #[arg(long, global = true, value_name = "URL")]
    origin: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch the folder and publish it (the default)
    Serve,
    /// Read settings and reviews and show every problem with its place and cure
    Check(check::Arguments),
    /// Show what would be sent to followers, and what is held
    Plan(plan::Arguments),
    /// Release what is held: everything, or what is named
    Apply(apply::Arguments),
    /// Show one review or answer as followers, feed readers or a browser will see it
    Preview(preview::Arguments),
    /// Delete a review or an answer everywhere at once
    Retract(retract::Arguments),
    /// Show how things stand
    Status(status::Arguments),
    /// Examine the site through its own public address, and say what to mend
    Doctor(doctor::Arguments),
    /// Show who has a review, who has it not and why
    Deliveries(deliveries::Arguments),
    /// Send again what was refused or given up
    Resend(resend::Arguments),
    /// List, approve or remove followers
    Followers(followers::Arguments),
    /// List, answer, approve, hide or report replies to the reviews
    Replies(replies::Arguments),
    /// Keep an actor or a domain out
    Block(block::Arguments),
    /// Let an actor or a domain in again
    Unblock(block::UnblockArguments),
    /// Show the keys that sign, or make a new one
    Keys(keys::Arguments),
    /// Turn another program's export into review files
    Import(import::Arguments),
    /// Take everything along: as a table, a feed, an account archive, or the pages as files
    Export(export::Arguments),
    /// Tell followers of reviews that were taken in quietly
    Announce(announce::Arguments),
    /// Show what you should know of, and where the private feed is
    Notify(self::notify::Arguments),
    /// Write database, keys, ids and settings to one file
    Backup(backup::Arguments),
    /// Make a site of a backup, in an empty data directory
    Restore(restore::Arguments),
    /// Copy the database into another one: SQLite to PostgreSQL, or back
    Store(store::Arguments),
    /// Move a reviewer's account to another one, with its followers
    Move(r#move::Arguments),
    /// End a reviewer's account for ever
    Retire(retire::Arguments),
    /// Print the settings file, a man page, the schema of review files, or shell completions
    Generate(generate::Arguments),
}

/// `reviewd status | head` is no breakdown: whoever reads what a command prints may have enough. The standard library turns
/// that into a panic; the daemon, whose words go to a log, keeps it.
fn end_quietly_when_nobody_reads() {
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let said = panic.payload().downcast_ref::<String>();
        if said.is_some_and(|said| said.starts_with("failed printing to std") && said.contains("Broken pipe")) {
            std::process::exit(FINE.into());
        }
        loud(panic);
    }));
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")
}

/// Runs the command line and says how it went: 0 fine, 1 problems found, 2 wrong use.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    if !matches!(cli.command, None | Some(Command::Serve)) {
        end_quietly_when_nobody_reads();
    }
    let environment = config::environment();
    let options = &cli.options;
    let overrides = Overrides {
        config: options.config.clone(),
        reviews: options.reviews.clone(),
        listen: options.listen.clone(),
        origin: options.origin.clone(),
        speaks_to_daemon: !matches!(cli.command, None | Some(Command::Serve)),
    };
    match &cli.command {
        Some(Command::Generate(arguments)) => return finished(generate::run(arguments)),
        Some(Command::Import(arguments)) => return finished(import::run(arguments)),
        _ => {}
    }
    let cwd = match config::working_directory() {
        Ok(cwd) => cwd,
        Err(error) => return failed(&anyhow::Error::new(error).context("find the working directory")),
    };
    if let Some(Command::Restore(arguments)) = &cli.command {
        return match runtime() {
            Ok(runtime) => finished(runtime.block_on(restore::run(arguments, &overrides, &environment, &cwd))),
            Err(error) => failed(&error),
        };
    }
    let config = match Config::load(&overrides, &environment, &cwd) {
        Ok(config) => config,
        Err(problems) => {
            if let Some(Command::Doctor(arguments)) = &cli.command {
                return finished(doctor::without_settings(&problems, arguments));
            }
            for problem in &problems {
                eprintln!("{problem}");
            }
            if let (None | Some(Command::Serve), Some(first)) = (&cli.command, problems.first()) {
                Manager::of(&environment).failed(&first.to_string());
            }
            return ExitCode::from(PROBLEMS);
        }
    };
    let command = cli.command.unwrap_or(Command::Serve);
    // Before there is a second thread, for it changes the environment.
    let sockets = match &command {
        Command::Serve => Sockets::from_manager(),
        _ => Ok(Sockets::default()),
    };
    let sockets = match sockets {
        Ok(sockets) => sockets,
        Err(error) => return failed(&error),
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let result = runtime.block_on(async {
        match command {
            Command::Serve => serve::run(config, &overrides, &environment, &cwd, sockets).await,
            Command::Check(arguments) => check::run(&config, &arguments, &cwd).await,
            Command::Plan(arguments) => plan::run(&config, &arguments).await,
            Command::Apply(arguments) => apply::run(&config, &arguments).await,
            Command::Preview(arguments) => preview::run(&config, &arguments, &cwd).await,
            Command::Retract(arguments) => retract::run(&config, &arguments).await,
            Command::Status(arguments) => status::run(&config, &arguments).await,
            Command::Doctor(arguments) => doctor::run(&config, &arguments).await,
            Command::Deliveries(arguments) => deliveries::run(&config, &arguments).await,
            Command::Resend(arguments) => resend::run(&config, &arguments).await,
            Command::Followers(arguments) => followers::run(&config, &arguments).await,
            Command::Replies(arguments) => replies::run(&config, &arguments, &environment, &cwd).await,
            Command::Block(arguments) => block::run(&config, &arguments).await,
            Command::Unblock(arguments) => block::unblock(&config, &arguments).await,
            Command::Keys(arguments) => keys::run(&config, &arguments).await,
            Command::Move(arguments) => r#move::run(&config, &arguments).await,
            Command::Retire(arguments) => retire::run(&config, &arguments).await,
            Command::Export(arguments) => export::run(&config, &arguments).await,
            Command::Announce(arguments) => announce::run(&config, &arguments).await,
            Command::Notify(arguments) => self::notify::run(&config, &arguments).await,
            Command::Backup(arguments) => backup::run(&config, &arguments).await,
            Command::Restore(arguments) => restore::run(&arguments, &overrides, &environment, &cwd).await,
            Command::Store(arguments) => store::run(&config, &arguments, &cwd).await,
            Command::Generate(arguments) => generate::run(&arguments),
            Command::Import(arguments) => import::run(&arguments),
        }
    });
    finished(result)
}

fn finished(result: anyhow::Result<u8>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("reviewd: {error:#}");
    ExitCode::from(PROBLEMS)
}
