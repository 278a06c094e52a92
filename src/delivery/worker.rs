//! Carries due deliveries to their inboxes and callbacks: a lane for each host, the oldest first, order kept for each
//! inbox. Followers' inboxes, subscribers' callbacks and callbacks to be asked are carried to side by side, each by as many
//! lanes, so that none waits for the others.
//!
//! Nothing is claimed on the disk: what was under way when the process died is due again at the next start, with the same
//! id and bytes, so it is sent at least once and counted once.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{Notify, Semaphore, mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use super::{
    leases::Leases,
    schedule::{self, NextStep, Worth},
};
use crate::{
    clock::Clock,
    domain::{Letter, Outcome, delivery::Spec, message::Kind, websub::ErrandKind},
    fediverse::sender::Sender,
    store::{Attempt, Cargo, DeliveryState, DueDelivery, DueHost, HostNews, Store, StoreError, Way},
    telemetry::figures,
    websub::Courier,
};

/// Deliveries that a lane takes up at once; after them other hosts get their turn.
const LANE_BATCH: i64 = 32;
/// Hosts looked at in one round.
const HOSTS_PER_ROUND: i64 = 512;
/// Outcomes written in one transaction at most.
const OUTCOMES_PER_COMMIT: usize = 256;
/// A host that failed this long without a break is dead: only probed, until it shows a sign of life (Mastodon's rule).
const DEAD_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often a dead host is probed.
const DEAD_PROBE: Duration = Duration::from_secs(7 * 24 * 3600);
/// The longest wait between two looks at the queue.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// The same where other nodes may have died with work in their hands.
const LOOK_AGAIN_SHARED: Duration = Duration::from_secs(2);
/// After outcomes could not be written.
const WRITE_AGAIN: Duration = Duration::from_secs(5);
/// After a host's mail could not be read.
const LANE_AGAIN: Duration = Duration::from_secs(5);
/// Inboxes that answered "gone" and wait for their actor to be asked.
const GONE_MAX: usize = 256;

/// How much is carried at once and for how long it is tried.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Hosts that are knocked at together.
    pub concurrency: usize,
    /// Inboxes of one host that are served together.
    pub per_host: usize,
    pub give_up_after: Duration,
}

/// The carrier.
#[derive(Clone)]
pub struct Worker {
    clock: Clock,
    store: Store,
    carriers: Carriers,
    limits: Limits,
    rounds: [Arc<Round>; 3],
    leases: Leases,
    outcomes: mpsc::Sender<(Attempt, oneshot::Sender<bool>)>,
    gone: mpsc::Sender<String>,
}

/// Who knocks, in either language.
#[derive(Clone)]
pub struct Carriers {
    pub inboxes: Arc<dyn Sender>,
    pub callbacks: Arc<Courier>,
}

/// Notified when deliveries were stored.
#[derive(Debug, Clone)]
pub struct Mail {
    pub inboxes: Arc<Notify>,
    pub callbacks: Arc<Notify>,
    pub questions: Arc<Notify>,
}

/// One part of the queue and its lanes.
struct Round {
    way: Way,
    mail: Arc<Notify>,
    busy: Mutex<HashSet<String>>,
    permits: Arc<Semaphore>,
    lane_free: Notify,
}

/// The other ends of a worker's channels.
pub struct WorkerEnds {
    outcomes: mpsc::Receiver<(Attempt, oneshot::Sender<bool>)>,
    /// Inboxes that answered 404 or 410: their actors are to be asked whether they are gone.
    pub gone: mpsc::Receiver<String>,
}

impl Worker {
    pub fn new(clock: Clock, store: Store, carriers: Carriers, limits: Limits, mail: Mail) -> (Self, WorkerEnds) {
        let (outcome_sender, outcomes) = mpsc::channel(OUTCOMES_PER_COMMIT);
        let (gone_sender, gone) = mpsc::channel(GONE_MAX);
        let Mail { inboxes, callbacks, questions } = mail;
        let rounds = [(Way::Inboxes, inboxes), (Way::Callbacks, callbacks), (Way::Questions, questions)];
        let rounds = rounds.map(|(way, mail)| Arc::new(Round::new(way, mail, limits.concurrency)));
        let leases = Leases::new(&store);
        let worker = Self { clock, store, carriers, limits, rounds, leases, outcomes: outcome_sender, gone: gone_sender };
        (worker, WorkerEnds { outcomes, gone })
    }

    /// Carries until told to stop; attempts under way are finished and recorded.
    pub async fn run(self, tasks: TaskTracker, stop: CancellationToken) {
        let [inboxes, callbacks, questions] = &self.rounds;
        tokio::join!(
            self.carry(inboxes, &tasks, &stop),
            self.carry(callbacks, &tasks, &stop),
            self.carry(questions, &tasks, &stop),
            self.leases.keep(&self.store, &self.clock, &stop)
        );
    }

    async fn carry(&self, round: &Arc<Round>, tasks: &TaskTracker, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let wait = match self.start_lanes(round, tasks, stop).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(%error, "the deliveries could not be looked at: {error}");
                    LOOK_AGAIN
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = round.mail.notified() => {}
                () = round.lane_free.notified() => {}
                () = self.clock.sleep(wait) => {}
            }
        }
    }

    /// Starts a lane for every host that has something due and none yet, and says how long nothing more will be due.
    ///
    /// Looking at the queue costs a walk through everything due, so one look serves all the hosts it finds, each as soon
    /// as a place is free.
    async fn start_lanes(
        &self,
        round: &Arc<Round>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Duration, StoreError> {
        // A lane that ends while the hosts are read or wait for a place may have closed its host: it wakes this loop, and the
        // host is judged anew at the next look.
        let busy = round.lock_busy().clone();
        if !self.leases.good(&self.clock, stop).await {
            return Ok(LOOK_AGAIN);
        }
        let hosts = self.store.due_hosts(round.way, self.clock.now(), HOSTS_PER_ROUND).await?;
        for host in hosts.into_iter().filter(|host| !busy.contains(&host.name)) {
            let permit = tokio::select! {
                () = stop.cancelled() => return Ok(LOOK_AGAIN),
                permit = Arc::clone(&round.permits).acquire_owned() => permit,
            };
            // Nobody closes the semaphore.
            let Ok(permit) = permit else { return Ok(LOOK_AGAIN) };
            if !self.store.lease_host(&host.name).await? {
                continue;
            }
            round.lock_busy().insert(host.name.clone());
            let (worker, round, stop) = (self.clone(), Arc::clone(round), stop.clone());
            tasks.spawn(async move {
                if let Err(error) = worker.lane(&host, &stop).await {
                    tracing::error!(host = host.name, %error, "the mail for {} stays due: {error}", host.name);
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = worker.clock.sleep(LANE_AGAIN) => {}
                    }
                }
                if let Err(error) = worker.store.give_host_back(&host.name).await {
                    tracing::debug!(host = host.name, %error, "{} is given back when its lease ends: {error}", host.name);
                }
                round.lock_busy().remove(&host.name);
                drop(permit);
                round.lane_free.notify_one();
            });
        }
        let next = self.store.next_due(round.way).await?;
        let wait = next.map(|next| Duration::try_from(next.duration_since(self.clock.now())).unwrap_or_default());
        // Something due now belongs to a lane under way, which wakes this loop when it ends; or to another node.
        let longest = if self.store.is_shared() { LOOK_AGAIN_SHARED } else { LOOK_AGAIN };
        Ok(wait.filter(|wait| !wait.is_zero()).unwrap_or(longest).min(longest))
    }

    /// Carries what is due at one host, a few at a time, until it is through or the host as a whole fails.
    async fn lane(&self, host: &DueHost, stop: &CancellationToken) -> Result<(), StoreError> {
        let mut spec = host.spec;
        loop {
            let due = self.store.due_at(&host.name, self.clock.now(), LANE_BATCH).await?;
            if due.is_empty() || stop.is_cancelled() || !self.leases.hold(&self.clock) {
                return Ok(());
            }
            // The batch holds one delivery of each inbox, so whatever order they end in, each inbox keeps its own.
            for together in due.chunks(self.limits.per_host.max(1)) {
                let mut under_way = JoinSet::new();
                for delivery in together {
                    let (worker, host, delivery) = (self.clone(), host.clone(), delivery.clone());
                    let span = tracing::debug_span!("delivery", activity = delivery.activity, inbox = delivery.inbox);
                    under_way.spawn(async move { worker.attempt(&delivery, &host, spec).await }.instrument(span));
                }
                let mut goes_on = !stop.is_cancelled() && self.leases.hold(&self.clock);
                while let Some(done) = under_way.join_next().await {
                    let (accepted, more) = done.unwrap_or((None, false));
                    spec = accepted.or(spec);
                    goes_on &= more;
                }
                if !goes_on {
                    return Ok(());
                }
            }
        }
    }

    /// Makes one attempt and records it. Says which signature was accepted, and whether the lane goes on.
    async fn attempt(&self, delivery: &DueDelivery, host: &DueHost, spec: Option<Spec>) -> (Option<Spec>, bool) {
        let began = self.clock.elapsed();
        let outcome = match &delivery.cargo {
            Cargo::Activity { reviewer, body } => {
                let letter = Letter {
                    reviewer: reviewer.clone(),
                    activity: delivery.activity.clone(),
                    inbox: delivery.inbox.clone(),
                    body: body.clone(),
                    spec,
                };
                self.carriers.inboxes.send(&letter).await
            }
            Cargo::Errand(errand) => self.carriers.callbacks.run(&delivery.inbox, errand).await,
        };
        figures::delivery(word(&outcome), self.clock.elapsed().saturating_sub(began));
        let accepted = match &outcome {
            Outcome::Delivered { spec } => *spec,
            Outcome::Refused(_) | Outcome::Failed { .. } => None,
        };
        let attempt = self.judge(delivery, &outcome, host);
        let closed = matches!(attempt.host_news, HostNews::Failed { closed_until, .. } if closed_until > attempt.at);
        self.tell(delivery, &outcome, &attempt);
        (accepted, self.record(attempt).await && !closed)
    }

    /// What follows from an attempt, for the delivery and for the host.
    fn judge(&self, delivery: &DueDelivery, outcome: &Outcome, host: &DueHost) -> Attempt {
        let now = self.clock.now();
        let attempts = delivery.attempts + 1;
        let age = elapsed(delivery.created, now);
        let give_up_after = schedule::patience(worth(delivery), self.limits.give_up_after);
        let step = schedule::next_step(outcome, attempts, age, self.clock.chance(), give_up_after);
        let (status, error) = match outcome {
            Outcome::Delivered { .. } => (None, None),
            Outcome::Refused(status) => (Some(*status), Some(format!("refused with status {status}"))),
            Outcome::Failed { reason, status, .. } => (*status, Some(reason.clone())),
        };
        let (state, next_at) = match step {
            NextStep::Done => (DeliveryState::Delivered, now),
            NextStep::RetryAfter(delay) => (DeliveryState::Due, now + delay),
            NextStep::GiveUp if matches!(outcome, Outcome::Refused(_)) => (DeliveryState::Refused, now),
            NextStep::GiveUp => (DeliveryState::GivenUp, now),
        };
        let host_news = match outcome {
            Outcome::Delivered { spec } => HostNews::Alive(*spec),
            // It answered, if only with "no": the host is well.
            Outcome::Refused(_) => HostNews::Alive(None),
            Outcome::Failed { status, .. } => {
                let dead = host.failing_since.is_some_and(|since| elapsed(since, now) >= DEAD_AFTER);
                let closed_until = match schedule::speaks_for_host(*status) {
                    _ if dead => now + DEAD_PROBE,
                    true => next_at,
                    false => now,
                };
                HostNews::Failed { closed_until, dead }
            }
        };
        Attempt {
            seq: delivery.seq,
            host: delivery.host.clone(),
            state,
            attempts,
            at: now,
            next_at,
            status,
            error,
            host_news,
        }
    }

    /// Waits until the outcome is on the disk, with whatever else waits for it.
    async fn record(&self, attempt: Attempt) -> bool {
        let (done, written) = oneshot::channel();
        self.outcomes.send((attempt, done)).await.is_ok() && written.await.unwrap_or(false)
    }

    fn tell(&self, delivery: &DueDelivery, outcome: &Outcome, attempt: &Attempt) {
        let (activity, inbox) = (&delivery.activity, &delivery.inbox);
        match (outcome, attempt.state) {
            (Outcome::Delivered { .. }, _) => tracing::debug!(activity, inbox, "{activity} was delivered to {inbox}"),
            (Outcome::Refused(status), _) if matches!(delivery.cargo, Cargo::Errand(_)) => {
                let kind = &delivery.kind;
                tracing::info!(activity, inbox, status, "{inbox} refused {kind} with status {status}");
            }
            (Outcome::Refused(status), _) => {
                tracing::warn!(activity, inbox, status, "{inbox} refused {activity} with status {status}");
                if matches!(status, 404 | 410) && self.gone.try_send(inbox.clone()).is_err() {
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
            (Outcome::Failed { reason, .. }, _) if matches!(delivery.cargo, Cargo::Errand(_)) => {
                let kind = &delivery.kind;
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

impl Round {
    fn new(way: Way, mail: Arc<Notify>, concurrency: usize) -> Self {
        let permits = Arc::new(Semaphore::new(concurrency.max(1)));
        Self { way, mail, busy: Mutex::default(), permits, lane_free: Notify::new() }
    }

    fn lock_busy(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WorkerEnds {
    /// Writes outcomes until every lane is gone: those that wait together in one transaction.
    ///
    /// What cannot be written is kept until it can: the lanes wait, so that a full disk does not send the same again and again.
    pub async fn record(
        mut outcomes: mpsc::Receiver<(Attempt, oneshot::Sender<bool>)>,
        store: Store,
        clock: Clock,
        stop: CancellationToken,
    ) {
        let mut batch = Vec::with_capacity(OUTCOMES_PER_COMMIT);
        let mut healthy = true;
        while outcomes.recv_many(&mut batch, OUTCOMES_PER_COMMIT).await > 0 {
            let attempts: Vec<Attempt> = batch.iter().map(|(attempt, _)| attempt.clone()).collect();
            let written = loop {
                let Err(error) = store.record_attempts(&attempts).await else { break true };
                healthy = false;
                store.suspect(&error);
                tokio::select! {
                    () = stop.cancelled() => {
                        let count = attempts.len();
                        tracing::error!(%error, "{count} outcomes could not be written, so these deliveries are made again: {error}");
                        break false;
                    }
                    () = clock.sleep(WRITE_AGAIN) => {}
                }
            };
            if written && !healthy {
                // What is wrong still has been told.
                healthy = store.prove().await.is_ok();
            }
            for (_, done) in batch.drain(..) {
                // A lane that no longer waits has nothing to learn.
                let _ = done.send(written);
            }
        }
    }

    /// Parts the ends: the recorder's, and the inboxes that are gone.
    pub fn part(self) -> (mpsc::Receiver<(Attempt, oneshot::Sender<bool>)>, mpsc::Receiver<String>) {
        (self.outcomes, self.gone)
    }
}

fn worth(delivery: &DueDelivery) -> Worth {
    match &delivery.cargo {
        Cargo::Activity { .. } if delivery.kind == Kind::Delete.as_str() => Worth::Promise,
        Cargo::Activity { .. } => Worth::News,
        Cargo::Errand(errand) => match errand.kind() {
            ErrandKind::Push | ErrandKind::Ping => Worth::News,
            ErrandKind::Verify | ErrandKind::Deny => Worth::Question,
        },
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

/// Time between two moments, none when the clock ran back.
fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
