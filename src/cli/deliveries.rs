//! `reviewd deliveries [REVIEW]`: who has it, who has it not and why, and when the next try is.

use super::{FINE, table};
use crate::{
    app,
    config::Config,
    control::{self, DeliveryView, Question},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The review's id, slug, file or address; all deliveries without one
    review: Option<String>,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    let question = Question::Deliveries { review: arguments.review.clone() };
    let rows: Vec<DeliveryView> = match control::ask(&config.control.socket, &question).await? {
        Some(rows) => rows,
        None => without_daemon(config, arguments.review.as_deref()).await?,
    };
    if arguments.json {
        table::json(&rows)?;
        return Ok(FINE);
    }
    if rows.is_empty() {
        println!("Nothing was sent yet.");
    }
    let cells = rows
        .into_iter()
        .map(|row| {
            let last = row.last_error.or(row.last_status.map(|status| status.to_string())).unwrap_or_default();
            let next = row.next_at.map(|next| next.to_string()).unwrap_or_default();
            vec![row.review, row.kind, row.host, row.state, row.attempts.to_string(), last, next]
        })
        .collect();
    table::print(&["review", "type", "host", "state", "tries", "last", "next try"], cells);
    Ok(FINE)
}

async fn without_daemon(config: &Config, review: Option<&str>) -> anyhow::Result<Vec<DeliveryView>> {
    let parts = app::open(config).await?;
    let mut rows = control::deliveries(&parts.store, None).await?;
    if let Some(review) = review {
        let last = review.trim_end_matches('/').rsplit('/').next().unwrap_or(review);
        let mut ids = vec![last.to_owned()];
        for reviewer in &parts.reviewers {
            let entries = parts.store.ledger(&reviewer.handle).await?;
            let named = entries.into_iter().filter(|entry| entry.slug.as_str() == last || entry.file == review);
            ids.extend(named.map(|entry| entry.id.to_string()));
        }
        rows.retain(|row| ids.contains(&row.review));
    }
    parts.store.close().await;
    Ok(rows)
}
