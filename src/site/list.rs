//! Long lists of reviews, page by page.

use std::sync::Arc;

use crate::domain::Card;

use super::{Shell, card::CardView, head::Head};

/// Where a list stands among its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// Counted from 1; the first holds the newest reviews. The page's address is `?page=2` and so on.
    pub page: u32,
    /// At least 1.
    pub pages: u32,
    /// Reviews, or replies, on all pages together.
    pub total: usize,
}

/// One page of a list of reviews, newest first.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    pub cards: &'a [Arc<Card>],
    pub paging: Paging,
}

impl Default for Paging {
    /// Nothing, on one page.
    fn default() -> Self {
        Self::single(0)
    }
}

impl Paging {
    /// Everything on one page.
    pub fn single(total: usize) -> Self {
        Self { page: 1, pages: 1, total }
    }

    /// The address of this page of the list at `base`.
    pub(super) fn path(self, base: &str) -> String {
        numbered(base, self.page)
    }

    fn newer(self, base: &str) -> Option<String> {
        (self.page > 1).then(|| numbered(base, self.page - 1))
    }

    fn older(self, base: &str) -> Option<String> {
        (self.page < self.pages).then(|| numbered(base, self.page + 1))
    }

    pub(super) fn linked(self, mut head: Head, base: &str) -> Head {
        if self.page > 1 {
            let comma = if head.title.is_empty() { "" } else { ", " };
            head.title = format!("{}{comma}page {}", head.title, self.page);
        }
        head.newer = self.newer(base);
        head.older = self.older(base);
        head
    }
}

fn numbered(base: &str, page: u32) -> String {
    match (page, base.contains('?')) {
        (1, _) => base.to_owned(),
        (_, true) => format!("{base}&page={page}"),
        (_, false) => format!("{base}?page={page}"),
    }
}

/// A list as templates show it.
pub(super) struct List {
    pub cards: Vec<CardView>,
    pub paging: Paging,
    pub newer: Option<String>,
    pub older: Option<String>,
}

impl List {
    pub fn new(shell: &Shell<'_>, listing: &Listing<'_>, base: &str) -> Self {
        Self {
            cards: listing.cards.iter().map(|card| CardView::new(shell, card)).collect(),
            paging: listing.paging,
            newer: listing.paging.newer(base),
            older: listing.paging.older(base),
        }
    }

    /// "1 review", "12 reviews".
    pub fn count(&self) -> String {
        match self.paging.total {
            1 => "1 review".to_owned(),
            total => format!("{total} reviews"),
        }
    }
}
