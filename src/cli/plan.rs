//! `reviewd plan`: what would be sent, and what is held.

use std::sync::Arc;

use super::{FINE, table};
use crate::{
    app,
    clock::Clock,
    config::Config,
    control::{self, Question},
    publish::{
        Desk, Plan,
        round::{self, Means},
    },
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    let plan = match control::ask(&config.control.socket, &Question::Plan).await? {
        Some(plan) => plan,
        None => without_daemon(config).await?,
    };
    show(&plan, arguments.json)?;
    Ok(FINE)
}

/// Compares folder and ledger as the daemon would at its start, and writes nothing of it.
async fn without_daemon(config: &Config) -> anyhow::Result<Plan> {
    let parts = app::open(config).await?;
    let (clock, site, limits) = (Clock::system(), config.site(), app::limits(config));
    let mut plan = Plan::default();
    for folder in app::folders(config, &parts.reviewers) {
        let mut desk =
            Desk::open(&parts.store, &clock, folder.reviewer, folder.root, folder.rating_scale, &limits).await?;
        desk.left_out = folder.left_out;
        let elsewhere = app::elsewhere(config, &clock, &parts.store)?;
        let means = Means {
            clock: &clock,
            store: &parts.store,
            site: &site,
            elsewhere: &elsewhere,
            limits,
            progress: Arc::new(|| {}),
        };
        let round = round::reconcile(&desk, &parts.journal, &means).await?;
        let adopted = round.plan();
        desk.preview(round);
        plan = plan.join(desk.plan()).join(adopted);
    }
    parts.store.close().await;
    Ok(plan)
}

/// Prints a plan as a table or as JSON.
pub fn show(plan: &Plan, json: bool) -> anyhow::Result<()> {
    if json {
        return table::json(plan);
    }
    let kinds = [
        ("create", &plan.create),
        ("update", &plan.update),
        ("delete", &plan.delete),
        ("adopt quietly", &plan.adopt),
        ("held", &plan.held),
    ];
    let rows: Vec<Vec<String>> = kinds
        .iter()
        .flat_map(|(kind, items)| {
            items
                .iter()
                .map(|item| vec![(*kind).to_owned(), item.title.clone(), item.file.clone(), item.id.to_string()])
        })
        .collect();
    if rows.is_empty() && plan.reason.is_none() {
        println!("Followers have what is in the folder: there is nothing to send.");
    }
    table::print(&["what", "title", "file", "id"], rows);
    if let Some(reason) = &plan.reason {
        println!("{reason}");
    }
    Ok(())
}
