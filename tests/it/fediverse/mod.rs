//! Federation as others see it: followers get every review, and nobody can make the daemon do what they may not.
#![allow(clippy::disallowed_methods, reason = "other servers have their own clocks, clients and tasks")]

mod account;
mod announce;
mod answers;
#[cfg(feature = "postgres")]
mod away;
mod conversation;
mod covers;
pub mod daemon;
mod delivery;
pub mod doctor;
mod fedify;
mod fedify_answers;
mod inbox;
mod misbehaviour;
mod moving;
pub mod neighbour;
mod proxies;
mod proxy;
mod restore;
mod storm;
mod two_daemons;
mod visitors;

use std::time::Duration;

/// How long a test waits for what must come; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A review as a person writes it, in Markdown.
fn review(title: &str, words: &str) -> String {
    format!("---\ntitle: {title}\nauthor: Frank Herbert\nrating: 4.5/5\n---\n\n{words}\n")
}
