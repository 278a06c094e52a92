//! `/admin/deliveries`: who has what, who has it not and why.

use askama::Template;
use jiff::Timestamp;

use super::{Button, Frame, PLACES, plots};
use crate::{
    domain::address::segment,
    site::{plot::Plot, rendered, statics},
};

/// The states one can ask for, with their words.
pub const STATES: [(&str, &str); 6] = [
    ("due", "due"),
    ("delivered", "delivered"),
    ("refused", "refused"),
    ("given_up", "given up"),
    ("superseded", "superseded"),
    ("held", "held"),
];

#[derive(Debug, Default)]
pub struct DeliveriesPage {
    /// As asked for; empty for all.
    pub state: String,
    pub host: String,
    pub review: String,
    /// There is no review of that name.
    pub unknown_review: bool,
    /// Newest first.
    pub lines: Vec<DeliveryLine>,
    /// The number that the next page begins below.
    pub older: Option<i64>,
    /// Nothing is newer.
    pub is_first: bool,
    /// For what the page shows as a whole.
    pub buttons: Vec<Button>,
    pub days: Vec<plots::Day>,
    pub hosts: Vec<plots::Share>,
    pub waits: Vec<(&'static str, u64)>,
}

#[derive(Debug)]
pub struct DeliveryLine {
    /// Of the review, where it is one that is there.
    pub title: String,
    pub path: Option<String>,
    /// `Create`, `Update`.
    pub kind: String,
    pub host: String,
    pub inbox: String,
    pub state: String,
    pub tries: i64,
    /// What the server said last.
    pub why: String,
    pub next: Option<Timestamp>,
    pub button: Option<Button>,
}

impl DeliveriesPage {
    fn is_of(&self, state: &str) -> bool {
        self.state == state
    }

    fn is_filtered(&self) -> bool {
        !(self.state.is_empty() && self.host.is_empty() && self.review.is_empty())
    }

    fn older_address(&self) -> Option<String> {
        self.older.map(|number| self.address(Some(number)))
    }

    /// The list from its beginning.
    pub fn first_address(&self) -> String {
        self.address(None)
    }

    /// `/admin/deliveries?state=refused&before=17`
    fn address(&self, before: Option<i64>) -> String {
        let mut pairs = Vec::new();
        for (name, value) in [("state", &self.state), ("host", &self.host), ("review", &self.review)] {
            if !value.is_empty() {
                pairs.push(format!("{name}={}", segment(value)));
            }
        }
        pairs.extend(before.map(|number| format!("before={number}")));
        let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
        format!("/admin/deliveries{query}")
    }
}

impl DeliveryLine {
    fn state_in_words(&self) -> &str {
        STATES.iter().find(|(state, _)| *state == self.state).map_or(self.state.as_str(), |(_, words)| words)
    }
}

/// `/admin/deliveries`.
pub fn deliveries(frame: &Frame<'_>, page: &DeliveriesPage) -> String {
    let drawn = [plots::days(&page.days), plots::waits(&page.waits)].into_iter().flatten().collect();
    rendered(&DeliveriesTemplate { frame, page, plots: drawn, hosts: plots::host_bars(&page.hosts) })
}

#[derive(Template)]
#[template(path = "admin/deliveries.html")]
struct DeliveriesTemplate<'a> {
    frame: &'a Frame<'a>,
    page: &'a DeliveriesPage,
    plots: Vec<Plot>,
    hosts: Vec<plots::PartedBar>,
}
