//! Which conversations have changed since the start: a number for each review, and one that wakes whoever waits.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

use super::{Bell, Store};
use crate::domain::{Handle, ReviewId};

/// In memory: whoever remembers a number from before a restart has lost what it stood for as well.
#[derive(Debug, Default)]
pub(super) struct Talk {
    versions: Mutex<Versions>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Versions {
    by_review: HashMap<(Handle, ReviewId), u64>,
    /// How often any of them may have changed elsewhere.
    gaps: u64,
}

impl Talk {
    fn note(&self, review: &(Handle, ReviewId)) {
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        *versions.by_review.entry(review.clone()).or_default() += 1;
    }
}

impl Store {
    /// Grows with every change of the conversation under a review; part of the key under which its page is kept.
    pub fn talk_version(&self, handle: &Handle, review: &ReviewId) -> u64 {
        let versions = self.talk.versions.lock().unwrap_or_else(PoisonError::into_inner);
        versions.by_review.get(&(handle.clone(), review.clone())).copied().unwrap_or(0) + versions.gaps
    }

    /// Grows with every change of any conversation, also of replies that stand under no review.
    pub fn talk_changes(&self) -> watch::Receiver<u64> {
        self.talk.changes.subscribe()
    }

    /// To be called after the transaction that changed the conversation was committed.
    pub(super) fn talk_changed(&self, reviews: impl IntoIterator<Item = (Handle, ReviewId)>) {
        let mut reviews = reviews.into_iter().peekable();
        if reviews.peek().is_none() {
            self.ring(Bell::Talk(None));
        }
        for review in reviews {
            self.talk.note(&review);
            self.ring(Bell::Talk(Some(review)));
        }
        self.talk.changes.send_modify(|changes| *changes += 1);
    }

    /// Another node says that the conversation changed.
    pub fn talk_heard(&self, review: Option<&(Handle, ReviewId)>) {
        if let Some(review) = review {
            self.talk.note(review);
        }
        self.talk.changes.send_modify(|changes| *changes += 1);
    }

    /// Other nodes may have changed any conversation.
    pub fn talk_missed(&self) {
        self.talk.versions.lock().unwrap_or_else(PoisonError::into_inner).gaps += 1;
        self.talk.changes.send_modify(|changes| *changes += 1);
    }
}
