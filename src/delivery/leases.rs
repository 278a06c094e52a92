//! Whether this node may carry at all, where several share a database: only while it renews its leases of hosts in time.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    store::{LEASES_HOLD, SIGN_OF_LIFE_EVERY, Store},
};

/// This node's leases. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Leases {
    /// Until when they are good, on the monotonic clock.
    good_until: Arc<watch::Sender<Duration>>,
}

impl Leases {
    /// In a store that is not shared they are good for ever; in one that is, once they were renewed.
    pub fn new(store: &Store) -> Self {
        let good_until = if store.is_shared() { Duration::ZERO } else { Duration::MAX };
        Self { good_until: Arc::new(watch::Sender::new(good_until)) }
    }

    /// Whether something may still be begun.
    pub fn hold(&self, clock: &Clock) -> bool {
        let good_until = *self.good_until.borrow();
        good_until == Duration::MAX || clock.elapsed() < good_until
    }

    /// Waits until something may be begun; `false` when told to stop.
    pub async fn good(&self, clock: &Clock, stop: &CancellationToken) -> bool {
        let mut renewed = self.good_until.subscribe();
        while !self.hold(clock) {
            tokio::select! {
                () = stop.cancelled() => return false,
                changed = renewed.changed() => if changed.is_err() { return false },
            }
        }
        true
    }

    /// Renews them until told to stop.
    pub async fn keep(&self, store: &Store, clock: &Clock, stop: &CancellationToken) {
        if !store.is_shared() {
            return;
        }
        let (mut outdated, mut life) = (false, None);
        while !stop.is_cancelled() {
            // What was renewed counts from before the question.
            let good_until = clock.elapsed() + LEASES_HOLD;
            match store.say_alive(&mut life).await {
                Ok(true) => {
                    outdated = false;
                    self.good_until.send_replace(good_until);
                    if !self.hold(clock) {
                        // The answer took longer than that.
                        continue;
                    }
                }
                Ok(false) if outdated => {}
                Ok(false) => {
                    outdated = true;
                    tracing::error!(
                        "a newer reviewd has upgraded the database: this node shows what there is and delivers nothing; \
                         upgrade it"
                    );
                }
                Err(error) => tracing::warn!(%error, "the other nodes could not be told that this one lives: {error}"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = clock.sleep(SIGN_OF_LIFE_EVERY) => {}
            }
        }
    }
}
