//! The operator's page: how things stand, and the buttons that change it. Values in, HTML out, as on the pages for readers.

mod deliveries;
mod entrance;
mod followers;
mod hosts;
mod overview;
mod plots;
mod readers;
mod replies;

pub use deliveries::{DeliveriesPage, DeliveryLine, STATES, deliveries};
pub use entrance::{refused, sign_in};
pub use followers::{FollowerLine, FollowersPage, followers};
pub use hosts::{BlockLine, HostLine, HostsPage, hosts};
pub use overview::{FolderLine, Need, NoticeLine, OverviewPage, ProblemLine, Sum, overview};
pub use plots::{Day, Share, TalkBar};
pub use readers::{ReaderLine, readers};
pub use replies::{RepliesPage, ReplyLine, ReportLine, TABS, replies};

use jiff::{SignedDuration, Timestamp};

use crate::domain::Site;

/// Sent with every page: our own style and fonts, forms to ourselves, and nothing else.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; \
                                           form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What all of the operator's pages share.
pub struct Frame<'a> {
    pub site: &'a Site,
    /// Which of [`PLACES`] it is, by its path; empty for none of them.
    pub here: &'static str,
    /// What the form before this page did.
    pub note: Option<Note>,
    /// Where one is signed in.
    pub sign_out: Option<Button>,
    /// Replies and followers that wait for approval, beside their names.
    pub replies_waiting: u64,
    pub followers_waiting: u64,
    pub now: Timestamp,
}

/// A sentence about what was done, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub text: String,
    pub is_problem: bool,
}

/// A form of one button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// The address it is sent to.
    pub action: &'static str,
    pub of: String,
    pub to: String,
    /// The page that follows.
    pub back: String,
    pub token: String,
    pub words: &'static str,
    /// To what it is done, for ears that do not see where the button stands.
    pub about: String,
    /// Opens first and asks; the sentence says what will be.
    pub asks: Option<&'static str>,
}

/// The pages, with their names.
pub const PLACES: [(&str, &str); 6] = [
    ("/admin", "Overview"),
    ("/admin/replies", "Replies"),
    ("/admin/deliveries", "Deliveries"),
    ("/admin/followers", "Followers"),
    ("/admin/hosts", "Servers"),
    ("/admin/readers", "Readers"),
];

impl Frame<'_> {
    fn title(&self) -> &'static str {
        PLACES.iter().find(|(path, _)| *path == self.here).map_or("Operator", |(_, name)| name)
    }

    /// What waits at a place.
    fn waiting(&self, path: &str) -> u64 {
        match path {
            "/admin/replies" => self.replies_waiting,
            "/admin/followers" => self.followers_waiting,
            _ => 0,
        }
    }

    fn is_at(&self, path: &str) -> bool {
        self.here == path
    }

    fn moment(&self, at: &Timestamp) -> MomentView {
        MomentView { machine: at.to_string(), exact: exact(*at), people: ago(self.now, *at) }
    }
}

/// A moment as far from now, with its date for whoever rests the pointer there.
struct MomentView {
    machine: String,
    exact: String,
    people: String,
}

/// `22 Nov 2026, 12:00 UTC`.
fn exact(at: Timestamp) -> String {
    at.strftime("%-d %b %Y, %H:%M UTC").to_string()
}

/// `22 Nov 2026`, of days since 1970.
fn date_of_day(day: i64) -> String {
    Timestamp::from_second(day.saturating_mul(24 * 3600))
        .map_or_else(|_| String::new(), |at| at.strftime("%-d %b %Y").to_string())
}

/// `3 minutes ago`, `in 2 days`.
fn ago(now: Timestamp, at: Timestamp) -> String {
    let gone = now.duration_since(at);
    match span(gone.abs()) {
        None => "just now".to_owned(),
        Some(span) if gone.is_negative() => format!("in {span}"),
        Some(span) => format!("{span} ago"),
    }
}

/// The length of a time in its largest unit; `None` for less than a minute.
fn span(length: SignedDuration) -> Option<String> {
    let minutes = length.as_mins();
    let (count, unit) = match minutes {
        0 => return None,
        1..60 => (minutes, "minute"),
        60..1440 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    Some(counted(count.unsigned_abs(), unit))
}

/// `1 reply`, `2 hosts`; the plural is regular.
fn counted(count: u64, what: &str) -> String {
    let number = super::plot::grouped(count);
    if count == 1 { format!("{number} {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_by_how_far_it_is() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        for (seconds, words) in [
            (0, "just now"),
            (-59, "just now"),
            (60, "1 minute ago"),
            (3_600, "1 hour ago"),
            (90_000, "1 day ago"),
            (864_000, "10 days ago"),
            (-7_300, "in 2 hours"),
        ] {
            assert_eq!(ago(now, now - SignedDuration::from_secs(seconds)), words, "{seconds}");
        }
        assert_eq!((exact(now), date_of_day(20_779)), ("22 Nov 2026, 12:00 UTC".into(), "22 Nov 2026".into()));
    }
}
