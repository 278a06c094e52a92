//! Carries due deliveries to their inboxes and callbacks: a lane for each host, the oldest first, order kept for each
//! inbox. Followers' inboxes, subscribers' callbacks and callbacks to be asked are carried to side by side, each by as many
//! lanes, so that none waits for the others.
//!
//! Nothing is claimed on the disk: what was under way when the process died is due again at the next start, with the same
//! id and bytes, so it is sent at least once and counted once.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use moka::future::Cache;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    lane::{LANE_BATCH, Lane},
    leases::Leases,
    recorder::{self, Desk, Recorder},
};
use crate::{
    clock::Clock,
    fediverse::sender::Sender,
    store::{Cargo, DueHost, Parcel, Store, StoreError, Way},
    websub::Courier,
};

/// Hosts looked at in one round.
const HOSTS_PER_ROUND: usize = 1_024;
/// Hosts whose mail is read together: what is read waits in memory for a free lane.
const HOSTS_PER_READ: usize = 32;
/// The longest wait between two looks at the queue.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// The same where other nodes may have died with work in their hands.
const LOOK_AGAIN_SHARED: Duration = Duration::from_secs(2);
/// Inboxes that answered "gone" and wait for their actor to be asked.
const GONE_MAX: usize = 256;
/// What is under way and kept in memory, in bytes: a thousand inboxes get the same.
const PARCELS_BYTES_MAX: u64 = 16 << 20;

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
    pub(super) clock: Clock,
    pub(super) store: Store,
    pub(super) carriers: Carriers,
    pub(super) limits: Limits,
    pub(super) desk: Desk,
    pub(super) gone: mpsc::Sender<String>,
    rounds: [Arc<Round>; 3],
    parcels: Cache<i64, Arc<Parcel>>,
    pub(super) leases: Leases,
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

/// A host that one lane has for itself until this is dropped.
pub(super) struct Claim {
    round: Arc<Round>,
    host: String,
}

/// The other ends of a worker's channels.
pub struct WorkerEnds {
    pub recorder: Recorder,
    /// Inboxes that answered 404 or 410: their actors are to be asked whether they are gone.
    pub gone: mpsc::Receiver<String>,
}

impl Worker {
    pub fn new(clock: Clock, store: Store, carriers: Carriers, limits: Limits, mail: Mail) -> (Self, WorkerEnds) {
        let (desk, recorder) = recorder::open();
        let (gone_sender, gone) = mpsc::channel(GONE_MAX);
        let Mail { inboxes, callbacks, questions } = mail;
        let rounds = [(Way::Inboxes, inboxes), (Way::Callbacks, callbacks), (Way::Questions, questions)];
        let rounds = rounds.map(|(way, mail)| Arc::new(Round::new(way, mail, limits.concurrency)));
        let parcels =
            Cache::builder().max_capacity(PARCELS_BYTES_MAX).weigher(|_, parcel: &Arc<Parcel>| weight(parcel)).build();
        let leases = Leases::new(&store);
        let worker = Self { clock, store, carriers, limits, desk, gone: gone_sender, rounds, parcels, leases };
        (worker, WorkerEnds { recorder, gone })
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
        let limit = HOSTS_PER_ROUND + busy.len();
        let mut hosts = self.store.due_hosts(round.way, self.clock.now(), limit as i64).await?;
        let may_be_more = hosts.len() >= limit;
        hosts.retain(|host| !busy.contains(&host.name));
        let mut started = 0;
        for some in hosts.chunks(HOSTS_PER_READ) {
            started += self.start_lanes_at(some, round, tasks, stop).await?;
            if stop.is_cancelled() {
                return Ok(LOOK_AGAIN);
            }
        }
        if may_be_more && started > 0 {
            return Ok(Duration::ZERO);
        }
        let next = self.store.next_due(round.way).await?;
        let wait = next.map(|next| Duration::try_from(next.duration_since(self.clock.now())).unwrap_or_default());
        // Something due now belongs to a lane under way, which wakes this loop when it ends; or to another node.
        let longest = if self.store.is_shared() { LOOK_AGAIN_SHARED } else { LOOK_AGAIN };
        Ok(wait.filter(|wait| !wait.is_zero()).unwrap_or(longest).min(longest))
    }

    /// Reads the mail of some hosts together, and starts a lane for each as soon as a place is free. Says how many.
    async fn start_lanes_at(
        &self,
        hosts: &[DueHost],
        round: &Arc<Round>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<usize, StoreError> {
        // Claimed before it is read, so that nobody carries the same meanwhile, in this process or in another.
        let claims: Vec<Claim> = hosts.iter().map(|host| Claim::new(round, &host.name)).collect();
        let names: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
        let leased = self.store.lease_hosts(&names).await?;
        let names: Vec<&str> = names.into_iter().filter(|name| leased.contains(name)).collect();
        let mut mail = self.store.mail_for(&names, self.clock.now(), LANE_BATCH).await?;
        let mut started = 0;
        for (host, claim) in hosts.iter().zip(claims).filter(|(host, _)| leased.contains(host.name.as_str())) {
            let Some(due) = mail.remove(&host.name) else {
                self.store.give_host_back(&host.name).await?;
                continue;
            };
            let permit = tokio::select! {
                () = stop.cancelled() => return Ok(started),
                permit = Arc::clone(&round.permits).acquire_owned() => permit,
            };
            // Nobody closes the semaphore.
            let Ok(permit) = permit else { return Ok(started) };
            let lane = Lane::new(self.clone(), host.clone(), stop.clone(), claim, permit);
            tasks.spawn(lane.run(due));
            started += 1;
        }
        Ok(started)
    }

    /// What a delivery brings, read once for all whom it goes to; `None` where it is damaged.
    pub(super) async fn parcel(&self, parcel: i64) -> Result<Option<Arc<Parcel>>, StoreError> {
        if let Some(found) = self.parcels.get(&parcel).await {
            return Ok(Some(found));
        }
        let Some(read) = self.store.parcel(parcel).await?.map(Arc::new) else { return Ok(None) };
        self.parcels.insert(parcel, Arc::clone(&read)).await;
        Ok(Some(read))
    }
}

impl Round {
    fn new(way: Way, mail: Arc<Notify>, concurrency: usize) -> Self {
        let permits = Arc::new(Semaphore::new(concurrency.max(1)));
        Self { way, mail, busy: Mutex::default(), permits, lane_free: Notify::new() }
    }

    fn lock_busy(&self) -> MutexGuard<'_, HashSet<String>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    fn new(round: &Arc<Round>, host: &str) -> Self {
        round.lock_busy().insert(host.to_owned());
        Self { round: Arc::clone(round), host: host.to_owned() }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.round.lock_busy().remove(&self.host);
        self.round.lane_free.notify_one();
    }
}

/// In bytes, nearly.
fn weight(parcel: &Parcel) -> u32 {
    let body = match &parcel.cargo {
        Cargo::Activity { body, .. } => body.len(),
        // Feeds are kept by those who carry them.
        Cargo::Errand(_) => 0,
    };
    u32::try_from(size_of::<Parcel>() + body).unwrap_or(u32::MAX)
}
