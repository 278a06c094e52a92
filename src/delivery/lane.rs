//! One host and its mail: the oldest of each inbox first, each outcome on the disk before the next, and more than one at a
//! time only where the host is slow.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::OwnedSemaphorePermit, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    verdict::{self, Circumstances},
    worker::{Claim, Worker},
};
use crate::{
    domain::{Letter, Outcome},
    store::{Attempt, Cargo, DeliveryState, DueDelivery, DueHost, HostNews, Parcel, StoreError},
    telemetry::figures,
};

/// Deliveries that a lane takes up at once; after them other hosts get their turn.
pub(super) const LANE_BATCH: i64 = 32;
/// A host that has not answered so long gets another message beside the first. Until then one connection does, which is kept:
/// making one costs both sides as much as several messages.
const SLOW_AFTER: Duration = Duration::from_millis(200);
/// After a host's mail could not be read.
const LANE_AGAIN: Duration = Duration::from_secs(5);

/// Where the mail of one host is carried.
pub(super) struct Lane {
    worker: Worker,
    /// As the attempts so far have shown it.
    host: Mutex<DueHost>,
    stop: CancellationToken,
    /// Nobody else carries to this host meanwhile.
    _claim: Claim,
    _permit: OwnedSemaphorePermit,
}

impl Lane {
    pub(super) fn new(
        worker: Worker,
        host: DueHost,
        stop: CancellationToken,
        claim: Claim,
        permit: OwnedSemaphorePermit,
    ) -> Arc<Self> {
        Arc::new(Self { worker, host: Mutex::new(host), stop, _claim: claim, _permit: permit })
    }

    /// Carries what is due, beginning with what was read already, until it is through or the host as a whole fails.
    pub(super) async fn run(self: Arc<Self>, due: Vec<DueDelivery>) {
        let carried = self.carry_all(due).await;
        let host = self.host().name.clone();
        if let Err(error) = carried {
            tracing::error!(host, %error, "the mail for {host} stays due: {error}");
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = self.worker.clock.sleep(LANE_AGAIN) => {}
            }
        }
        if let Err(error) = self.worker.store.give_host_back(&host).await {
            tracing::debug!(host, %error, "{host} stays with this node: {error}");
        }
    }

    async fn carry_all(self: &Arc<Self>, mut due: Vec<DueDelivery>) -> Result<(), StoreError> {
        let (host, mut waiting) = {
            let host = self.host();
            (host.name.clone(), host.waiting)
        };
        while !due.is_empty() && !self.stop.is_cancelled() {
            waiting = waiting.saturating_sub(due.len());
            if !self.carry(due).await? || waiting == 0 {
                return Ok(());
            }
            let now = self.worker.clock.now();
            due = self.worker.store.mail_for(&[&host], now, LANE_BATCH).await?.remove(&host).unwrap_or_default();
        }
        Ok(())
    }

    /// Carries some deliveries, each to an inbox of its own, so whatever order they end in, each inbox keeps its own. Says
    /// whether the lane goes on.
    async fn carry(self: &Arc<Self>, due: Vec<DueDelivery>) -> Result<bool, StoreError> {
        let (mut due, mut under_way, mut goes_on) = (due.into_iter(), JoinSet::new(), Ok(true));
        loop {
            if self.stop.is_cancelled() || !self.worker.leases.hold(&self.worker.clock) {
                goes_on = goes_on.map(|_| false);
            }
            let busy = under_way.len();
            let another = matches!(goes_on, Ok(true)) && busy < self.worker.limits.per_host.max(1) && due.len() > 0;
            tokio::select! {
                biased;
                Some(done) = under_way.join_next() => {
                    // What is under way is finished, whatever became of the others.
                    goes_on = goes_on.and_then(|goes_on| Ok(done.unwrap_or(Ok(false))? && goes_on));
                }
                () = self.until_slow(busy), if another => {
                    let Some(delivery) = due.next() else { continue };
                    let lane = Arc::clone(self);
                    under_way.spawn(async move { lane.attempt(&delivery).await });
                }
                else => return goes_on,
            }
        }
    }

    /// Ends at once where nothing is under way, else when the host has turned out to be slow; after a stop not at all.
    async fn until_slow(&self, under_way: usize) {
        if under_way > 0 {
            self.worker.clock.sleep(SLOW_AFTER).await;
            if self.stop.is_cancelled() {
                std::future::pending().await
            }
        }
    }

    /// Makes one attempt and records it. Says whether the lane goes on.
    async fn attempt(&self, delivery: &DueDelivery) -> Result<bool, StoreError> {
        let Some(parcel) = self.worker.parcel(delivery.parcel).await? else {
            let attempt = verdict::damaged(delivery, &self.host(), self.worker.clock.now());
            let inbox = &delivery.inbox;
            tracing::error!(inbox, "what was to go to {inbox} is damaged in the database; restore a backup");
            return Ok(self.worker.desk.record(attempt).await);
        };
        let began = self.worker.clock.elapsed();
        let span = tracing::debug_span!("delivery", activity = parcel.id, inbox = delivery.inbox);
        let outcome = self.knock(delivery, &parcel).instrument(span).await;
        figures::delivery(word(&outcome), self.worker.clock.elapsed().saturating_sub(began));
        let circumstances = Circumstances {
            now: self.worker.clock.now(),
            chance: self.worker.clock.chance(),
            give_up_after: self.worker.limits.give_up_after,
        };
        let attempt = verdict::judge(delivery, &parcel, &outcome, &mut self.host(), circumstances);
        let closed = matches!(attempt.host_news, HostNews::Failed { closed_until, .. } if closed_until > attempt.at);
        self.tell(delivery, &parcel, &outcome, &attempt);
        Ok(self.worker.desk.record(attempt).await && !closed)
    }

    async fn knock(&self, delivery: &DueDelivery, parcel: &Parcel) -> Outcome {
        match &parcel.cargo {
            Cargo::Activity { reviewer, body, sha256 } => {
                let letter = Letter {
                    reviewer: reviewer.clone(),
                    activity: parcel.id.clone(),
                    inbox: delivery.inbox.clone(),
                    body: Arc::clone(body),
                    sha256: *sha256,
                    spec: self.host().spec,
                };
                self.worker.carriers.inboxes.send(&letter).await
            }
            Cargo::Errand(errand) => self.worker.carriers.callbacks.run(&delivery.inbox, errand).await,
        }
    }

    fn host(&self) -> MutexGuard<'_, DueHost> {
        self.host.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, delivery: &DueDelivery, parcel: &Parcel, outcome: &Outcome, attempt: &Attempt) {
        let (activity, kind, inbox) = (&parcel.id, &parcel.kind, &delivery.inbox);
        match (outcome, attempt.state) {
            (Outcome::Delivered { .. }, _) => tracing::debug!(activity, inbox, "{activity} was delivered to {inbox}"),
            (Outcome::Refused(status), _) if matches!(parcel.cargo, Cargo::Errand(_)) => {
                tracing::info!(activity, inbox, status, "{inbox} refused {kind} with status {status}");
            }
            (Outcome::Refused(status), _) => {
                tracing::warn!(activity, inbox, status, "{inbox} refused {activity} with status {status}");
                if matches!(status, 404 | 410) && self.worker.gone.try_send(inbox.clone()).is_err() {
                    tracing::debug!(inbox, "too many inboxes are gone at once; {inbox} is asked another time");
                }
            }
            (Outcome::Failed { reason, .. }, DeliveryState::Due) => {
                tracing::info!(
                    activity,
                    inbox,
                    "{inbox} did not take {activity} ({reason}); next try at {}",
                    attempt.next_at
                );
            }
            (Outcome::Failed { reason, .. }, _) if matches!(parcel.cargo, Cargo::Errand(_)) => {
                tracing::info!(activity, inbox, "{kind} to {inbox} is given up: {reason}");
            }
            (Outcome::Failed { reason, .. }, _) => {
                tracing::error!(
                    activity,
                    inbox,
                    "{activity} could not be delivered to {inbox} and is given up: {reason}; `reviewd resend` tries again"
                );
            }
        }
    }
}

/// The outcome as a label.
fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered { .. } => "delivered",
        Outcome::Refused(_) => "refused",
        Outcome::Failed { .. } => "failed",
    }
}
