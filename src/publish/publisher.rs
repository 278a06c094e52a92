//! The task that keeps the world equal to the folder: it reconciles at every hint, after every order, and now and then.

mod announce;
mod release;
mod report;
mod standby;

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    archive::{self, Archive},
    decide::Limits,
    desk::{Desk, FolderState, Plan},
    elsewhere::Elsewhere,
    identity::Journal,
    library::Library,
    round::{self, Means, ReconcileError},
};
use crate::{
    clock::Clock,
    domain::{
        ArchivedFeed, Card, Genre, Handle, Origin, Problem, ReviewId, Reviewer, Site,
        ledger::{Entry, FileMark, FileOutcome, Hold, Intent, Standing},
    },
    intake::watcher::{self, Watcher},
    store::{Aftermath, Commit, LedgerWrite, OnDuty, Store, StoreError},
};

pub use announce::{Announced, NotAnnounced};
pub use release::Release;

/// Events of one save come in a burst: the walk waits until they pause this long …
const BURST_PAUSE: Duration = Duration::from_millis(40);
/// … but not longer than this many pauses, so that a steady stream of saves is still published within a second.
const BURST_PAUSES_MAX: u32 = 8;
/// After a failed reconcile (disk full, database busy) the next try.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// Between two walks of a folder that the kernel cannot watch.
const POLL_INTERVAL: Duration = Duration::from_millis(800);
/// Orders that may wait for the publisher.
const ORDERS_MAX: usize = 64;

/// How the publisher is set up.
pub struct Setup {
    pub clock: Clock,
    pub store: Store,
    pub site: Site,
    /// Fetches covers from other sites, if somebody lets it run.
    pub elsewhere: Arc<Elsewhere>,
    pub limits: Limits,
    pub journal: Journal,
    pub folders: Vec<FolderSetup>,
    /// The slow timer between walks.
    pub scan_every: Duration,
    /// Most reviews in a current feed.
    pub feed_items: usize,
    /// Whether this node watches the folders; others on the same database may.
    pub duty: OnDuty,
    pub progress: Arc<dyn Fn() + Send + Sync>,
}

/// One reviewer's folder.
pub struct FolderSetup {
    pub reviewer: Reviewer,
    pub root: PathBuf,
    /// A directory in it that holds no reviews.
    pub left_out: Option<PathBuf>,
    pub rating_scale: Option<f64>,
    pub poll_always: bool,
}

/// Something a person asks of the publisher.
pub enum Order {
    /// Look at the folders now; answered when that is done.
    Look(oneshot::Sender<()>),
    Plan(oneshot::Sender<Plan>),
    /// Releases held changes, all or those named, or takes them as known to followers; answers what was released.
    Apply(Vec<String>, Release, oneshot::Sender<Plan>),
    /// Deletes a review everywhere at once.
    Retract(String, oneshot::Sender<Result<Plan, NoSuchReview>>),
    /// Tells followers of reviews that were taken in quietly.
    Announce(Vec<String>, oneshot::Sender<Result<Announced, NotAnnounced>>),
    Survey(oneshot::Sender<Vec<Survey>>),
    /// Which review or answer a name means: its id, slug, file or address; deleted ones too.
    Find(String, oneshot::Sender<Option<Named>>),
}

/// A review or an answer that was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub reviewer: Handle,
    pub genre: Genre,
    pub id: ReviewId,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no review and no answer `{0}`: name its id, its slug, its file or its address")]
pub struct NoSuchReview(pub String);

/// A reviewer's folder in figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    pub reviewer: String,
    pub folder: String,
    pub folder_state: String,
    /// Reviews that stand in pages and feeds.
    pub live: usize,
    /// Answers that stand in conversations.
    #[serde(default)]
    pub answers: usize,
    /// Answers whose post is still to be found.
    #[serde(default)]
    pub awaiting: usize,
    pub held: usize,
    pub waiting: usize,
    pub leaving: usize,
    pub drafts: usize,
    pub scheduled: usize,
    pub broken: usize,
    pub skipped: usize,
    pub hold_reason: Option<String>,
    pub problems: Vec<Problem>,
}

/// Speaks to the running publisher. Cheap to clone.
#[derive(Clone)]
pub struct PublisherHandle {
    orders: mpsc::Sender<Order>,
    pub library: watch::Receiver<Arc<Library>>,
    /// Whether the folders have been looked at since the start.
    pub looked: watch::Receiver<bool>,
    /// Notified when deliveries were stored.
    pub mail: Arc<Notify>,
    /// Notified when an answer waits for a post that is to be looked up.
    pub posts_wanted: Arc<Notify>,
    /// To be notified when there is a reason to look at the folders.
    pub hint: Arc<Notify>,
    /// To be notified when another node has published.
    pub published_elsewhere: Arc<Notify>,
    /// Whether this node decides what is published.
    pub duty: OnDuty,
}

/// Is shown each change of the library before readers are, so that those who wait for news have it no later than those who
/// happen to look.
#[async_trait::async_trait]
pub trait Herald: Send + Sync {
    async fn tell(&self, before: &Library, now: &Library);
}

/// The task itself.
pub struct Publisher {
    setup: Setup,
    desks: Vec<(Desk, Watcher)>,
    hint: Arc<Notify>,
    orders: mpsc::Receiver<Order>,
    library: watch::Sender<Arc<Library>>,
    looked: watch::Sender<bool>,
    /// The library before the present one, to be turned into the next when nobody reads it any more.
    spare: Option<Arc<Library>>,
    rearranged: Option<Timestamp>,
    archives: HashMap<ArchivedFeed, Archive>,
    /// The library changed, and the archive could not be written yet.
    unshown: bool,
    mail: Arc<Notify>,
    posts_wanted: Arc<Notify>,
    published_elsewhere: Arc<Notify>,
    herald: Option<Arc<dyn Herald>>,
}

impl Publisher {
    /// Opens the ledgers and shows what was published last, before the folders are looked at: a warm start serves at once.
    pub async fn open(setup: Setup) -> Result<(Self, PublisherHandle), ReconcileError> {
        let (order_sender, orders) = mpsc::channel(ORDERS_MAX);
        let (library, receiver) = watch::channel(Arc::new(Library::default()));
        let hint = Arc::new(Notify::new());
        let mut desks = Vec::new();
        let cards = setup.store.cards().await?;
        for folder in &setup.folders {
            let watcher = Watcher::new(&folder.root, folder.poll_always, Arc::clone(&hint));
            desks.push((open_desk(&setup, folder, &cards).await?, watcher));
        }
        let mail = Arc::new(Notify::new());
        let rearranged = setup.store.last_rearranged().await?;
        let (looked, looked_receiver) = watch::channel(false);
        let archives = open_archives(&setup, &cards).await?;
        let (posts_wanted, published_elsewhere) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let handle = PublisherHandle {
            orders: order_sender,
            library: receiver,
            looked: looked_receiver,
            mail: Arc::clone(&mail),
            posts_wanted: Arc::clone(&posts_wanted),
            hint: Arc::clone(&hint),
            published_elsewhere: Arc::clone(&published_elsewhere),
            duty: setup.duty.clone(),
        };
        let (unshown, herald) = (true, None);
        let mut publisher = Self {
            setup,
            desks,
            hint,
            orders,
            library,
            looked,
            spare: None,
            rearranged,
            archives,
            unshown,
            mail,
            posts_wanted,
            published_elsewhere,
            herald,
        };
        publisher.show().await?;
        Ok((publisher, handle))
    }

    /// From now on `herald` hears of every change first.
    pub fn announce_to(&mut self, herald: Arc<dyn Herald>) {
        self.herald = Some(herald);
    }

    /// Publishes while this is the node that does, and follows another one meanwhile, until told to stop; a reconcile that
    /// has begun is finished.
    pub async fn run(mut self) {
        while let Some(turn) = self.stand_by().await {
            self.publish(&turn.over).await;
        }
    }

    async fn publish(&mut self, over: &CancellationToken) {
        while !over.is_cancelled() {
            let wait = self.reconcile_all().await;
            let clock = self.setup.clock.clone();
            tokio::select! {
                () = over.cancelled() => return,
                order = self.orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => return,
                },
                () = self.hint.notified() => self.let_burst_pass().await,
                () = clock.sleep(wait) => {}
            }
        }
    }

    /// Looks at every folder once and returns how long until the next look is due.
    pub async fn reconcile_all(&mut self) -> Duration {
        let mut wait = self.setup.scan_every;
        for index in 0..self.desks.len() {
            let (_, watcher) = &mut self.desks[index];
            let watching = watcher.keep();
            wait = wait.min(watcher::interval(watching, self.setup.scan_every, POLL_INTERVAL));
            let span = tracing::debug_span!("reconcile", reviewer = %self.desks[index].0.reviewer.handle);
            match self.reconcile(index).instrument(span).await {
                Ok(Some(next)) => wait = wait.min(next),
                Ok(None) => {}
                Err(error) => {
                    if let ReconcileError::Store(error) = &error {
                        self.setup.store.suspect(error);
                    }
                    let reviewer = &self.desks[index].0.reviewer.handle;
                    tracing::error!(%reviewer, %error, "the folder of @{reviewer} could not be published: {error}; trying again in {} s", TRY_AGAIN.as_secs());
                    wait = wait.min(TRY_AGAIN);
                }
            }
        }
        self.looked.send_replace(true);
        wait
    }

    async fn reconcile(&mut self, index: usize) -> Result<Option<Duration>, ReconcileError> {
        let setup = &mut self.setup;
        let means = Means {
            clock: &setup.clock,
            store: &setup.store,
            site: &setup.site,
            elsewhere: &setup.elsewhere,
            limits: setup.limits,
            progress: Arc::clone(&setup.progress),
        };
        let desk = &mut self.desks[index].0;
        let mut round = round::reconcile(desk, &setup.journal, &means).await?;
        report::folder(desk, &round);
        if !round.is_empty() {
            if !round.lines.is_empty() {
                // An id that is written to the journal is used up: not before the rest can be kept too.
                setup.store.prove().await?;
            }
            setup.journal.append(std::mem::take(&mut round.lines))?;
            let deliveries = setup.store.commit(&round.commit).await?;
            if deliveries > 0 {
                self.mail.notify_one();
            }
            if !round.commit.wanted.is_empty() {
                self.posts_wanted.notify_one();
            }
        }
        report::round(desk, &round);
        let (next, visible) = (round.next, round.is_visible());
        if round.rearranged {
            let now = setup.clock.now_in_seconds();
            let at = self.rearranged.map_or(now, |last| now.max(last + Duration::from_secs(1)));
            self.rearranged = Some(at);
            // By a restart no feed becomes an older one.
            if let Err(error) = setup.store.keep_rearranged(at).await {
                tracing::warn!(%error, "when the lists changed could not be noted: {error}");
            }
        }
        let held_before = desk.hold_reason();
        desk.take(round);
        if desk.aftermath == Aftermath::Held && desk.hold_reason().is_none() {
            setup.store.set_aftermath(&desk.reviewer.handle, Aftermath::Over).await?;
            desk.aftermath = Aftermath::Over;
        }
        if let Some(reason) = desk.hold_reason().filter(|reason| held_before.as_ref() != Some(reason)) {
            tracing::warn!(reviewer = %desk.reviewer.handle, "{reason}");
        }
        self.unshown |= visible;
        if self.unshown {
            self.show().await?;
        }
        Ok(next)
    }

    /// Puts the library as it is now before the readers, after what left the feeds has been archived and subscribers are
    /// served.
    async fn show(&mut self) -> Result<(), StoreError> {
        let library = self.next_library();
        let mut windows = HashMap::new();
        for (feed, archive) in &mut self.archives {
            let turn = archive.turn(cards_of(&library, feed), self.setup.feed_items);
            if !(turn.archived.is_empty() && turn.left.is_empty() && turn.returned.is_empty()) {
                self.setup.store.turn_archive(feed, &turn.archived, &turn.left, &turn.returned).await?;
                archive.take(&turn);
            }
            windows.insert(feed.clone(), turn.window);
        }
        let (before, now) = (Arc::clone(&self.library.borrow()), Arc::new(library.with_windows(windows)));
        if let Some(herald) = &self.herald {
            herald.tell(&before, &now).await;
        }
        drop(before);
        self.spare = Some(self.library.send_replace(now));
        self.unshown = false;
        Ok(())
    }

    fn next_library(&mut self) -> Library {
        let cards = self.desks.iter().flat_map(|(desk, _)| desk.cards.values().cloned()).collect::<Vec<_>>();
        let version = self.library.borrow().version + 1;
        match self.spare.take().and_then(Arc::into_inner) {
            Some(mut spare) => {
                spare.turn_into(version, &cards, self.rearranged);
                spare
            }
            None => Library::new(version, cards, self.rearranged),
        }
    }

    async fn let_burst_pass(&self) {
        for _ in 0..BURST_PAUSES_MAX {
            let more = tokio::time::timeout(BURST_PAUSE, self.hint.notified()).await;
            if more.is_err() {
                return;
            }
        }
    }

    /// Answers an order. A caller that went away is no error.
    async fn obey(&mut self, order: Order) {
        match order {
            Order::Look(done) => {
                self.reconcile_all().await;
                let _ = done.send(());
            }
            Order::Plan(answer) => {
                let _ = answer.send(self.plan());
            }
            Order::Apply(names, release, answer) => {
                let released = self.apply(&names, release).await;
                self.reconcile_all().await;
                let _ = answer.send(released);
            }
            Order::Retract(name, answer) => {
                let result = self.retract(&name).await;
                self.reconcile_all().await;
                let _ = answer.send(result);
            }
            Order::Announce(names, answer) => {
                let announced = self.announce(&names).await;
                self.reconcile_all().await;
                let _ = answer.send(announced);
            }
            Order::Find(name, answer) => {
                let found = self.find(&name, |_| true).and_then(|(index, id)| {
                    let desk = &self.desks[index].0;
                    let genre = desk.entries.get(&id)?.genre;
                    Some(Named { reviewer: desk.reviewer.handle.clone(), genre, id })
                });
                let _ = answer.send(found);
            }
            Order::Survey(answer) => {
                let _ = answer.send(self.desks.iter().map(|(desk, _)| survey(desk)).collect());
            }
        }
    }

    fn plan(&self) -> Plan {
        self.desks.iter().fold(Plan::default(), |plan, (desk, _)| plan.join(desk.plan()))
    }

    /// Marks a review for deletion without delay; its file, if it is still there, is passed over until it changes.
    async fn retract(&mut self, name: &str) -> Result<Plan, NoSuchReview> {
        let (index, id) = self.find(name, Entry::answers).ok_or_else(|| NoSuchReview(name.to_owned()))?;
        let desk = &mut self.desks[index].0;
        let mut plan = Plan::default();
        let item = desk.entries.get(&id).map(|entry| desk.item(entry));
        let Some(entry) = desk.entries.get_mut(&id) else { return Err(NoSuchReview(name.to_owned())) };
        entry.intent = Intent::Delete;
        entry.hold = Hold::Released;
        plan.delete.extend(item);
        if let Some(mark) = desk.marks.get_mut(&entry.file) {
            mark.outcome =
                FileOutcome::Skipped("retracted; delete the file, or change it to publish it anew".to_owned());
            let commit = Commit {
                handle: Some(desk.reviewer.handle.clone()),
                entries: vec![LedgerWrite { entry: entry.clone(), content: None, deleted: None }],
                files: vec![FileMark::clone(mark)],
                ..Commit::default()
            };
            if let Err(error) = self.setup.store.commit(&commit).await {
                tracing::error!(%error, "the retraction of {name} is not on the disk yet: {error}");
            }
        }
        Ok(plan)
    }

    /// A review by its id, slug, file or address.
    fn find(&self, name: &str, among: impl Fn(&Entry) -> bool) -> Option<(usize, ReviewId)> {
        let last = name.trim_end_matches('/').rsplit('/').next().unwrap_or(name);
        let by = |accept: &dyn Fn(&Entry) -> bool| {
            self.desks.iter().enumerate().find_map(|(index, (desk, _))| {
                let entry = desk.entries.values().find(|entry| among(entry) && accept(entry))?;
                Some((index, entry.id.clone()))
            })
        };
        by(&|entry| entry.file == name)
            .or_else(|| by(&|entry| entry.id.as_str() == last))
            .or_else(|| by(&|entry| entry.slug.as_str() == last))
    }
}

impl Named {
    /// The id of its Note.
    pub fn note(&self, origin: &Origin) -> String {
        origin.writing(&self.reviewer, self.genre, &self.id)
    }
}

impl PublisherHandle {
    /// Sends an order and waits for its answer; `None` when the publisher has stopped.
    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Option<T> {
        let (sender, receiver) = oneshot::channel();
        self.orders.send(order(sender)).await.ok()?;
        receiver.await.ok()
    }

    pub async fn look(&self) -> Option<()> {
        self.ask(Order::Look).await
    }

    pub async fn plan(&self) -> Option<Plan> {
        self.ask(Order::Plan).await
    }

    pub async fn apply(&self, names: Vec<String>, release: Release) -> Option<Plan> {
        self.ask(|answer| Order::Apply(names, release, answer)).await
    }

    pub async fn retract(&self, name: String) -> Option<Result<Plan, NoSuchReview>> {
        self.ask(|answer| Order::Retract(name, answer)).await
    }

    pub async fn announce(&self, names: Vec<String>) -> Option<Result<Announced, NotAnnounced>> {
        self.ask(|answer| Order::Announce(names, answer)).await
    }

    pub async fn find(&self, name: String) -> Option<Option<Named>> {
        self.ask(|answer| Order::Find(name, answer)).await
    }

    pub async fn survey(&self) -> Option<Vec<Survey>> {
        self.ask(Order::Survey).await
    }

    /// The library as it is now.
    pub fn library(&self) -> Arc<Library> {
        Arc::clone(&self.library.borrow())
    }
}

/// A reviewer's ledger and cards, as the store has them.
async fn open_desk(setup: &Setup, folder: &FolderSetup, cards: &[Arc<Card>]) -> Result<Desk, StoreError> {
    let (reviewer, root) = (folder.reviewer.clone(), folder.root.clone());
    let mut desk = Desk::open(&setup.store, &setup.clock, reviewer, root, folder.rating_scale, &setup.limits).await?;
    desk.left_out = folder.left_out.clone();
    let own = cards.iter().filter(|card| card.reviewer == folder.reviewer.handle);
    desk.cards = own.map(|card| (card.id.clone(), Arc::clone(card))).collect();
    Ok(desk)
}

fn cards_of<'a>(library: &'a Library, feed: &ArchivedFeed) -> &'a [Arc<Card>] {
    match feed {
        ArchivedFeed::Everything => library.cards(),
        ArchivedFeed::Reviewer(handle) => library.of_reviewer(handle),
    }
}

/// The archives of all feeds that have one.
async fn open_archives(setup: &Setup, cards: &[Arc<Card>]) -> Result<HashMap<ArchivedFeed, Archive>, StoreError> {
    let weights: HashMap<_, _> =
        cards.iter().map(|card| ((card.reviewer.clone(), card.id.clone()), archive::weight(card))).collect();
    let own = setup.folders.iter().map(|folder| ArchivedFeed::Reviewer(folder.reviewer.handle.clone()));
    let mut archives = HashMap::new();
    for feed in own.chain([ArchivedFeed::Everything]) {
        let rows = setup.store.archived(&feed).await?;
        let weight = |handle: &Handle, id: &ReviewId| weights.get(&(handle.clone(), id.clone())).copied();
        archives.insert(feed, Archive::new(rows, weight));
    }
    Ok(archives)
}

/// Counts what a desk holds.
pub fn survey(desk: &Desk) -> Survey {
    let mut survey = Survey {
        reviewer: desk.reviewer.handle.to_string(),
        folder: desk.root.display().to_string(),
        folder_state: match &desk.folder {
            FolderState::Fine => "fine".to_owned(),
            FolderState::Missing => "missing".to_owned(),
            FolderState::Emptied => "empty".to_owned(),
            FolderState::Unreadable(why) => why.clone(),
        },
        hold_reason: desk.hold_reason(),
        problems: desk.problems(),
        ..Survey::default()
    };
    for entry in desk.entries.values() {
        match entry.standing {
            Standing::Live if entry.genre == Genre::Answer => survey.answers += 1,
            Standing::Live => survey.live += 1,
            Standing::Leaving => survey.leaving += 1,
            Standing::Gone => {}
        }
        if entry.hold == Hold::Held {
            survey.held += 1;
        } else if entry.intent != Intent::Nothing {
            survey.waiting += 1;
        }
    }
    for mark in desk.marks.values() {
        match mark.outcome {
            FileOutcome::Review(_) | FileOutcome::Answer(_) => {}
            FileOutcome::Awaits(_) => survey.awaiting += 1,
            FileOutcome::Draft => survey.drafts += 1,
            FileOutcome::Scheduled(_) => survey.scheduled += 1,
            FileOutcome::Skipped(_) => survey.skipped += 1,
            FileOutcome::Broken => survey.broken += 1,
        }
    }
    survey
}
