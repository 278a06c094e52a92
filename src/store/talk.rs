//! Which conversations have changed since the start: a number for each review, and one that wakes whoever waits.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

use super::Store;
use crate::domain::{Handle, ReviewId};

/// In memory: whoever remembers a number from before a restart has lost what it stood for as well.
#[derive(Debug, Default)]
pub(super) struct Talk {
    versions: Mutex<HashMap<(Handle, ReviewId), u64>>,
    changes: watch::Sender<u64>,
}

impl Store {
    /// Grows with every change of the conversation under a review; part of the key under which its page is kept.
    pub fn talk_version(&self, handle: &Handle, review: &ReviewId) -> u64 {
        let versions = self.talk.versions.lock().unwrap_or_else(PoisonError::into_inner);
        versions.get(&(handle.clone(), review.clone())).copied().unwrap_or(0)
    }

    /// Grows with every change of any conversation, also of replies that stand under no review.
    pub fn talk_changes(&self) -> watch::Receiver<u64> {
        self.talk.changes.subscribe()
    }

    /// To be called after the transaction that changed the conversation was committed.
    pub(super) fn talk_changed(&self, reviews: impl IntoIterator<Item = (Handle, ReviewId)>) {
        {
            let mut versions = self.talk.versions.lock().unwrap_or_else(PoisonError::into_inner);
            for review in reviews {
                *versions.entry(review).or_default() += 1;
            }
        }
        self.talk.changes.send_modify(|changes| *changes += 1);
    }
}
