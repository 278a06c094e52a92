//! `reviewd notify`: what you should know of, and where the private feed is.

use serde::Serialize;

use super::{FINE, table};
use crate::{
    app::{self, vigil},
    clock::Clock,
    config::Config,
    control::{self, NoticeView, Notices, Question},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Run the [notify] command once with a trial notice
    #[arg(long)]
    test: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Shown<'a> {
    feed: Option<&'a str>,
    notices: &'a [NoticeView],
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    if arguments.test {
        vigil::try_command(&config.notify.command, config.site.origin.as_str(), Clock::system().now_in_seconds())
            .await?;
        println!("The command was run and ended well.");
        return Ok(FINE);
    }
    let Notices { feed, notices } = match control::ask(&config.control.socket, &Question::Notices).await? {
        Some(notices) => notices,
        None => {
            let parts = app::open(config).await?;
            let token = vigil::known_token(config.data_dir()).filter(|_| config.notify.feed);
            let notices = control::notices(&parts.store, &config.site.origin, token.as_deref()).await?;
            parts.store.close().await;
            notices
        }
    };
    if arguments.json {
        table::json(&Shown { feed: feed.as_deref(), notices: &notices })?;
        return Ok(FINE);
    }
    match &feed {
        Some(feed) => println!("Follow this private feed to be told: {feed}\nWhoever has the address can read it."),
        None => println!("There is no private feed: [notify] feed is off, or the daemon has not run yet."),
    }
    let rows = notices
        .iter()
        .map(|one| {
            let over = one.over_at.map(|at| at.to_string()).unwrap_or_else(|| "goes on".to_owned());
            vec![one.at.to_string(), over, one.kind.clone(), one.text.clone()]
        })
        .collect();
    table::print(&["since", "until", "what", ""], rows);
    Ok(FINE)
}
