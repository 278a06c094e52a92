//! Reviews as HTML pages. Pure: the same values give the same bytes.
//!
//! One function per page, from plain values to a whole document. Templates stand in `templates/` and are checked by the
//! compiler; whatever is not [`SafeHtml`] is escaped on its way into one. Links inside the site are paths; addresses for
//! others (canonical, cards, JSON-LD) begin with the origin.

pub mod admin;
mod card;
mod conversation;
mod explain;
mod head;
mod interact;
mod json_ld;
mod list;
mod pages;
mod plot;
mod review;
mod sitemap;
mod statics;
mod stats;

pub use conversation::{Admirer, Answered, Conversation, Crowd, Door, Person, Placed, Remark, reading_order};
pub use explain::{FeedsPage, Trouble, feeds, trouble};
pub use interact::{Target, Way, interact};
pub use list::{Listing, Paging};
pub use pages::{Archive, Counted, archive, author, book, home, profile, rating, search, stars_in_words, tag};
pub use review::{ReviewPage, review};
pub use sitemap::{SITEMAP_URLS_MAX, SitemapUrl, open_search, robots, sitemap, sitemap_part};
pub use statics::{Static, statics, stylesheet};
pub use stats::{Statistics, StatsPage, statistics, stats, stats_json, stats_path};

use askama::{Template, filters::HtmlSafe};

use crate::{
    domain::{Handle, Reviewer, Site},
    text::SafeHtml,
};

/// Sent with every page: nothing but our own pictures, styles and fonts, no script, no frame.
///
/// The JSON-LD element is a data block, not a script (HTML, section 4.12.1), so no directive is needed for it.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'self'; font-src 'self'; \
                                           form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Reviewers named in the masthead; all of them are named with their reviews.
const REVIEWERS_IN_MASTHEAD: usize = 6;

/// What all pages of a site share: its masthead and its reviewers.
#[derive(Debug, Clone)]
pub struct Shell<'a> {
    pub site: &'a Site,
    /// In the order of the settings. With one reviewer alone, pages do not say again and again who wrote a review.
    pub reviewers: Vec<&'a Reviewer>,
    /// For a copy that no program stands behind: nothing is offered that needs an answer.
    pub still: bool,
}

impl<'a> Shell<'a> {
    fn reviewer(&self, handle: &Handle) -> Option<&'a Reviewer> {
        self.reviewers.iter().find(|reviewer| reviewer.handle == *handle).copied()
    }

    /// The reviewer's name, or the handle of one who has left the settings while pages are still up.
    fn name(&self, handle: &Handle) -> String {
        self.reviewer(handle).map_or_else(|| format!("@{handle}"), |reviewer| reviewer.name.clone())
    }

    /// Whether a list has to say whose review it shows.
    fn many(&self) -> bool {
        self.reviewers.len() > 1
    }
}

/// The allow-list was applied when it was made (`text`).
impl HtmlSafe for SafeHtml {}

/// Rendering writes to a string and calls no fallible code of ours, so it cannot fail.
fn rendered(template: &impl Template) -> String {
    template.render().unwrap_or_default()
}

#[cfg(test)]
mod tests;
