//! A reviewer's shelf in figures: how many reviews in each month, which ratings, whose books, how many pages.

mod count;
mod page;
mod plot;

pub use count::{Statistics, statistics};
pub use page::{StatsPage, stats};

/// The same as a page at an address of its own, for programs.
pub fn stats_json(statistics: &Statistics) -> String {
    serde_json::to_string_pretty(statistics).unwrap_or_default()
}

/// Where the figures of all reviewers, or of one, are to be found; of all years, or of one.
///
/// Not below `/@{handle}/`: there a book called "Stats" has its review.
pub fn stats_path(handle: Option<&crate::domain::Handle>, year: Option<i16>) -> String {
    let base = handle.map_or_else(|| "/stats".to_owned(), |handle| format!("/stats/@{handle}"));
    year.map_or(base.clone(), |year| format!("{base}?year={year}"))
}
