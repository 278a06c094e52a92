//! `/admin/followers`: who follows, since when, and who waits.

use askama::Template;
use jiff::Timestamp;

use super::{Button, Frame, PLACES, plots};
use crate::site::{plot::Plot, rendered, statics};

#[derive(Debug, Default)]
pub struct FollowersPage {
    /// Those who wait first, then the newest.
    pub lines: Vec<FollowerLine>,
    /// How many more there are than stand here.
    pub more: usize,
    pub points: Vec<(i64, u64)>,
    pub today: i64,
    /// There are several reviewers: each line says whom it is about.
    pub many: bool,
}

#[derive(Debug)]
pub struct FollowerLine {
    pub reviewer: String,
    /// `bob@mastodon.example`, or the actor's address.
    pub name: String,
    pub actor: String,
    pub is_waiting: bool,
    pub since: Timestamp,
    pub buttons: Vec<Button>,
}

/// `/admin/followers`.
pub fn followers(frame: &Frame<'_>, page: &FollowersPage) -> String {
    rendered(&FollowersTemplate { frame, page, drawn: plots::followers(&page.points, page.today) })
}

#[derive(Template)]
#[template(path = "admin/followers.html")]
struct FollowersTemplate<'a> {
    frame: &'a Frame<'a>,
    page: &'a FollowersPage,
    drawn: Option<Plot>,
}
