//! `/admin`: what needs a person first, then how things stand.

use askama::Template;
use jiff::Timestamp;

use super::{Button, Frame, PLACES, plots};
use crate::site::{plot::Plot, rendered, statics};

/// Everything that `status` tells.
#[derive(Debug, Default)]
pub struct OverviewPage {
    pub needs: Vec<Need>,
    pub sums: Vec<Sum>,
    pub folders: Vec<FolderLine>,
    pub problems: Vec<ProblemLine>,
    /// Newest first.
    pub notices: Vec<NoticeLine>,
    /// Days since 1970 with the number of followers from then on.
    pub followers: Vec<(i64, u64)>,
    pub today: i64,
    pub days: Vec<plots::Day>,
    pub last_publish: Option<Timestamp>,
    /// Of the program.
    pub version: String,
    /// How the last examination went: when, and in words.
    pub examined: Option<(Timestamp, String)>,
}

/// Something that waits for a person.
#[derive(Debug)]
pub struct Need {
    pub title: String,
    pub words: String,
    /// Names of what it is about, the first few.
    pub items: Vec<String>,
    pub link: Option<(&'static str, &'static str)>,
    pub buttons: Vec<Button>,
}

/// A number with what it counts.
#[derive(Debug)]
pub struct Sum {
    pub number: String,
    pub what: &'static str,
    pub note: Option<String>,
    pub link: Option<&'static str>,
}

#[derive(Debug)]
pub struct FolderLine {
    pub reviewer: String,
    pub folder: String,
    pub state: String,
    /// With its name, the live ones first; none are left out.
    pub figures: Vec<(&'static str, usize)>,
}

/// What is wrong in a file, and what to do.
#[derive(Debug)]
pub struct ProblemLine {
    /// `dune.md:2:8`
    pub place: String,
    pub message: String,
    pub cure: String,
    /// The file is withheld, or its last good version stays.
    pub is_error: bool,
}

#[derive(Debug)]
pub struct NoticeLine {
    pub text: String,
    pub at: Timestamp,
    pub over_at: Option<Timestamp>,
}

/// `/admin`.
pub fn overview(frame: &Frame<'_>, page: &OverviewPage) -> String {
    let plots = [plots::followers(&page.followers, page.today), plots::days(&page.days)];
    rendered(&OverviewTemplate { frame, page, plots: plots.into_iter().flatten().collect() })
}

#[derive(Template)]
#[template(path = "admin/overview.html")]
struct OverviewTemplate<'a> {
    frame: &'a Frame<'a>,
    page: &'a OverviewPage,
    plots: Vec<Plot>,
}
