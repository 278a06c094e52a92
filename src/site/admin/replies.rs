//! `/admin/replies`: what was said, and whether it is shown.

use askama::Template;
use jiff::Timestamp;

use super::{Button, Frame, PLACES, plots};
use crate::site::{rendered, statics};

/// The lists, with their names.
pub const TABS: [(&str, &str); 5] = [
    ("waiting", "Waiting"),
    ("shown", "Shown"),
    ("hidden", "Hidden"),
    ("private", "Private"),
    ("reports", "Complaints"),
];

#[derive(Debug, Default)]
pub struct RepliesPage {
    /// Which of [`TABS`].
    pub tab: &'static str,
    pub lines: Vec<ReplyLine>,
    pub reports: Vec<ReportLine>,
    /// How many more there are than stand here.
    pub more: usize,
    pub talk: Vec<plots::TalkBar>,
}

#[derive(Debug)]
pub struct ReplyLine {
    pub number: i64,
    pub author: String,
    /// `bob@mastodon.example`
    pub handle: String,
    /// Where people read it; only an address that is safe to follow.
    pub address: Option<String>,
    /// Of the review it stands under.
    pub under: Option<(String, Option<String>)>,
    pub date: Timestamp,
    pub warning: Option<String>,
    /// Plain text.
    pub text: String,
    pub is_ours: bool,
    pub buttons: Vec<Button>,
}

/// A complaint from another server.
#[derive(Debug)]
pub struct ReportLine {
    pub reporter: String,
    pub objects: Vec<String>,
    pub words: String,
    pub date: Timestamp,
}

impl RepliesPage {
    fn is_at(&self, tab: &str) -> bool {
        self.tab == tab
    }

    /// What an empty list says.
    fn nothing(&self) -> &'static str {
        match self.tab {
            "waiting" => "No reply waits for you.",
            "shown" => "No reply is shown yet.",
            "hidden" => "No reply is hidden.",
            "private" => "Nobody wrote to you in private.",
            _ => "No server has complained.",
        }
    }
}

/// `/admin/replies`.
pub fn replies(frame: &Frame<'_>, page: &RepliesPage) -> String {
    rendered(&RepliesTemplate { frame, page, talk: plots::talk_bars(&page.talk) })
}

#[derive(Template)]
#[template(path = "admin/replies.html")]
struct RepliesTemplate<'a> {
    frame: &'a Frame<'a>,
    page: &'a RepliesPage,
    talk: Vec<plots::PartedBar>,
}
