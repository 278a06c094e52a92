//! `/admin/hosts`: the servers that messages go to, and those that are kept out.

use askama::Template;
use jiff::{SignedDuration, Timestamp};

use super::{Button, Frame, PLACES, counted, span};
use crate::{
    domain::address::segment,
    site::{plot::grouped, rendered, statics},
};

#[derive(Debug, Default)]
pub struct HostsPage {
    /// Those in trouble first.
    pub lines: Vec<HostLine>,
    pub blocks: Vec<BlockLine>,
    /// The form that keeps somebody out: its token, and where it leads back to.
    pub block: Option<Button>,
}

#[derive(Debug, Default)]
pub struct HostLine {
    pub name: String,
    pub is_dead: bool,
    /// In a row.
    pub failures: i64,
    pub failing_since: Option<Timestamp>,
    /// Nothing is sent before.
    pub closed_until: Option<Timestamp>,
    pub due: i64,
    /// In the last thirty days.
    pub delivered: u64,
    pub failed: u64,
    /// From a review to this server's answer, on average; a server in trouble has a long one.
    pub wait: Option<SignedDuration>,
    pub buttons: Vec<Button>,
}

/// Somebody who is kept out.
#[derive(Debug)]
pub struct BlockLine {
    pub name: String,
    pub reason: Option<String>,
    pub at: Timestamp,
    pub button: Button,
}

impl HostLine {
    fn state(&self) -> &'static str {
        match (self.is_dead, self.failures) {
            (true, _) => "dead",
            (false, 1..) => "failing",
            (false, _) => "well",
        }
    }

    fn wait_in_words(&self) -> String {
        match self.wait {
            None => "–".to_owned(),
            Some(wait) => span(wait).unwrap_or_else(|| counted(wait.as_secs().max(1).unsigned_abs(), "second")),
        }
    }

    fn deliveries(&self) -> String {
        format!("/admin/deliveries?host={}", segment(&self.name))
    }
}

/// `/admin/hosts`.
pub fn hosts(frame: &Frame<'_>, page: &HostsPage) -> String {
    rendered(&HostsTemplate { frame, page })
}

#[derive(Template)]
#[template(path = "admin/hosts.html")]
struct HostsTemplate<'a> {
    frame: &'a Frame<'a>,
    page: &'a HostsPage,
}
