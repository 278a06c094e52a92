//! The task that keeps the mirrors: it looks when a conversation changed, when a file did, and now and then.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    diff::{self, Patience, Wanted, Wish, Written, print_of},
    disk::{self, DiskProblem, Known, Look},
    file::{self, Byline},
    place,
};
use crate::{
    clock::Clock,
    domain::{Handle, KeptReply, Origin, ReplyState, ReviewId, Slug, Visibility},
    intake::watcher::{self, Watcher},
    store::{MirrorFile, ReplyFilter, Store, StoreError, Which},
};

/// Replies of one reviewer that have files: the newest. A directory of more is of no use to a person.
const REPLIES_MAX: i64 = 10_000;
/// Events come in bursts, and so do replies: a look waits until they pause this long …
const BURST_PAUSE: Duration = Duration::from_millis(100);
/// … but not longer than this many pauses.
const BURST_PAUSES_MAX: u32 = 8;
/// Between two looks at a directory that the kernel cannot watch.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// After a look that failed (disk full, no permission) the next one.
const TRY_AGAIN: Duration = Duration::from_secs(30);
/// Orders that may wait.
const ORDERS_MAX: usize = 16;

/// One reviewer's mirror.
#[derive(Debug, Clone)]
pub struct MirrorFolder {
    pub reviewer: Handle,
    pub root: PathBuf,
    pub poll_always: bool,
}

/// How the keeper is set up.
pub struct Setup {
    pub clock: Clock,
    pub store: Store,
    pub origin: Origin,
    pub folders: Vec<MirrorFolder>,
    /// The slow timer between looks.
    pub scan_every: Duration,
}

/// Speaks to the running keeper. Cheap to clone.
#[derive(Debug, Clone)]
pub struct KeeperHandle(mpsc::Sender<oneshot::Sender<()>>);

/// The task itself.
pub struct Keeper {
    clock: Clock,
    store: Store,
    origin: Origin,
    scan_every: Duration,
    mirrors: Vec<Mirror>,
    hint: Arc<Notify>,
    orders: mpsc::Receiver<oneshot::Sender<()>>,
}

/// A mirror between two looks.
struct Mirror {
    folder: MirrorFolder,
    watcher: Watcher,
    patience: Patience,
    known: Known,
    /// Rendered files by number, with a print of what they were rendered from.
    rendered: HashMap<i64, (u64, Wanted)>,
    /// What was last said to be wrong: it is said once.
    trouble: Option<String>,
}

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Disk(#[from] DiskProblem),
    #[error("the look was cut short: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

impl KeeperHandle {
    /// Waits until the mirrors have been looked at; `None` when the keeper has stopped.
    pub async fn look(&self) -> Option<()> {
        let (done, looked) = oneshot::channel();
        self.0.send(done).await.ok()?;
        looked.await.ok()
    }
}

impl Keeper {
    pub fn new(setup: Setup) -> (Self, KeeperHandle) {
        let hint = Arc::new(Notify::new());
        let (sender, orders) = mpsc::channel(ORDERS_MAX);
        let mirror = |folder: MirrorFolder| Mirror {
            watcher: Watcher::new(&folder.root, folder.poll_always, Arc::clone(&hint)),
            folder,
            patience: Patience::default(),
            known: Known::new(),
            rendered: HashMap::new(),
            trouble: None,
        };
        let Setup { clock, store, origin, folders, scan_every } = setup;
        let mirrors = folders.into_iter().map(mirror).collect();
        (Self { clock, store, origin, scan_every, mirrors, hint, orders }, KeeperHandle(sender))
    }

    /// Looks until told to stop; a look that has begun is finished.
    pub async fn run(&mut self, stop: CancellationToken) {
        let mut talk = self.store.talk_changes();
        let clock = self.clock.clone();
        loop {
            // What changes from here on is looked at again.
            talk.mark_unchanged();
            let wait = self.look().await;
            tokio::select! {
                () = stop.cancelled() => return,
                order = self.orders.recv() => match order {
                    Some(done) => {
                        self.look().await;
                        // Whoever asked may have gone away.
                        let _ = done.send(());
                    }
                    None => return,
                },
                changed = talk.changed() => match changed {
                    Ok(()) => self.let_burst_pass().await,
                    Err(_) => return,
                },
                () = self.hint.notified() => self.let_burst_pass().await,
                () = clock.sleep(wait) => {}
            }
        }
    }

    async fn let_burst_pass(&self) {
        for _ in 0..BURST_PAUSES_MAX {
            if tokio::time::timeout(BURST_PAUSE, self.hint.notified()).await.is_err() {
                return;
            }
        }
    }

    /// Looks at every mirror once and returns how long until the next look is due.
    async fn look(&mut self) -> Duration {
        let mut wait = self.scan_every;
        for index in 0..self.mirrors.len() {
            let watching = self.mirrors[index].watcher.keep();
            let there = self.mirrors[index].folder.root.exists();
            if there {
                wait = wait.min(watcher::interval(watching, self.scan_every, POLL_INTERVAL));
            }
            let looked = self.look_at(index).await;
            let mirror = &mut self.mirrors[index];
            // A directory that was just made is watched from now on.
            mirror.watcher.keep();
            let (reviewer, root) = (&mirror.folder.reviewer, mirror.folder.root.display());
            let trouble = match looked {
                Ok((next, trouble)) => {
                    wait = wait.min(next.unwrap_or(wait));
                    trouble
                }
                Err(error) => {
                    wait = wait.min(TRY_AGAIN);
                    Some(error.to_string())
                }
            };
            if let Some(trouble) = trouble.as_ref().filter(|now| mirror.trouble.as_ref() != Some(now)) {
                tracing::error!(%reviewer, "the conversation of @{reviewer} could not be mirrored in {root}: {trouble}; what is shown on the page stays as it is");
            }
            mirror.trouble = trouble;
        }
        wait
    }

    async fn look_at(&mut self, index: usize) -> Result<(Option<Duration>, Option<String>), Trouble> {
        let Mirror { folder, known, .. } = &mut self.mirrors[index];
        let (reviewer, root, before) = (folder.reviewer.clone(), folder.root.clone(), std::mem::take(known));
        let remembered = self.store.mirror_files(&reviewer).await?;
        let written: BTreeMap<String, Written> =
            remembered.into_iter().map(|file| (file.reply, Written { path: file.path, state: file.state })).collect();
        let look = tokio::task::spawn_blocking(move || disk::look(&root, &before)).await??;
        let mut wanted = self.wanted(index).await?;
        let wishes = diff::wishes(&wanted, &written, &look.standing);
        if !wishes.is_empty() {
            self.grant(&reviewer, &wishes).await?;
            wanted = self.wanted(index).await?;
        }
        let now = self.clock.elapsed();
        let mirror = &mut self.mirrors[index];
        let steps = diff::steps(&wanted, &written, &look.standing, &mut mirror.patience, now);
        let trouble = look.problems().first().map(ToString::to_string);
        if steps.write.is_empty() && steps.remove.is_empty() {
            mirror.known = look.known;
            self.remember(&reviewer, &wanted, &written).await?;
            return Ok((steps.next, trouble));
        }
        let root = mirror.folder.root.clone();
        let applied = move |look: Look, wanted: BTreeMap<String, Wanted>| {
            let done = disk::apply(&root, &look, &steps, &wanted);
            (done, look.known, wanted, steps.next)
        };
        let (done, known, wanted, next) = tokio::task::spawn_blocking(move || applied(look, wanted)).await?;
        self.mirrors[index].known = known;
        done?;
        self.remember(&reviewer, &wanted, &written).await?;
        Ok((next, trouble))
    }

    /// Does what files wish.
    async fn grant(&self, reviewer: &Handle, wishes: &[Wish]) -> Result<(), StoreError> {
        for wish in wishes {
            let Wish { number, id, path, state } = wish;
            if self.store.set_reply_state(*number, *state).await? {
                let done = match state {
                    ReplyState::Shown => "is shown",
                    ReplyState::Waiting => "waits for approval",
                    ReplyState::Hidden => "is hidden",
                };
                tracing::info!(%reviewer, reply = id, "reply {number} {done} now, because its file was put at {path} or says so");
            }
        }
        Ok(())
    }

    /// Remembers how files were written, where that changed.
    async fn remember(
        &self,
        reviewer: &Handle,
        wanted: &BTreeMap<String, Wanted>,
        written: &BTreeMap<String, Written>,
    ) -> Result<(), StoreError> {
        let changed = |(id, reply): (&String, &Wanted)| {
            let same = written.get(id).is_some_and(|last| last.path == reply.path && last.state == reply.state);
            (!same).then(|| MirrorFile { reply: id.clone(), path: reply.path.clone(), state: reply.state })
        };
        let changed: Vec<MirrorFile> = wanted.iter().filter_map(changed).collect();
        let gone: Vec<String> = written.keys().filter(|id| !wanted.contains_key(*id)).cloned().collect();
        if changed.is_empty() && gone.is_empty() {
            return Ok(());
        }
        self.store.keep_mirror_files(reviewer, &changed, &gone).await
    }

    /// Every reply that has a file, as it should stand.
    async fn wanted(&mut self, index: usize) -> Result<BTreeMap<String, Wanted>, Trouble> {
        let mirror = &mut self.mirrors[index];
        let reviewer = &mirror.folder.reviewer;
        let filter = ReplyFilter { reviewer: Some(reviewer.clone()), which: Which::All, limit: REPLIES_MAX };
        let replies = self.store.all_replies(&filter).await?;
        let slugs = if replies.is_empty() { HashMap::new() } else { self.store.slugs_of_talk(reviewer).await? };
        let (origin, mut rendered) = (self.origin.clone(), std::mem::take(&mut mirror.rendered));
        // Cleaning thousands of posts takes seconds: not on the threads that carry everybody's connections.
        let (wanted, rendered) = tokio::task::spawn_blocking(move || {
            let mut wanted = BTreeMap::new();
            let mut kept = HashMap::new();
            for reply in replies.iter().filter(|reply| reply.reply.visibility != Visibility::Private) {
                let Some((handle, review)) = &reply.reply.under else { continue };
                let file = render_once(reply, handle, review, slugs.get(review), &origin, &mut rendered);
                wanted.insert(reply.reply.id.clone(), file.1.clone());
                kept.insert(reply.seq, file);
            }
            (wanted, kept)
        })
        .await?;
        self.mirrors[index].rendered = rendered;
        Ok(wanted)
    }
}

/// Renders a file, or takes it as it was rendered from the same reply.
fn render_once(
    reply: &KeptReply,
    handle: &Handle,
    review: &ReviewId,
    slug: Option<&Slug>,
    origin: &Origin,
    rendered: &mut HashMap<i64, (u64, Wanted)>,
) -> (u64, Wanted) {
    let by = Byline::of(reply, origin);
    let print = print_of(format!("{:?} {:?} {slug:?} {by:?}", reply.reply, reply.state).as_bytes());
    if let Some(same) = rendered.remove(&reply.seq).filter(|(last, _)| *last == print) {
        return same;
    }
    let (directory, page) = match slug {
        Some(slug) => (slug.as_str(), origin.page(handle, slug)),
        None => (review.as_str(), origin.note(handle, review)),
    };
    let name = place::file_name(reply.reply.published, &by.handle, reply.seq);
    let wanted = Wanted {
        number: reply.seq,
        state: reply.state,
        ours: reply.reply.ours,
        path: place::path(directory, reply.state, &name),
        text: file::write(reply, &by, &page),
    };
    (print, wanted)
}
