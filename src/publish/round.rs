//! One reconcile of one reviewer: the folder is read, compared with the ledger, and judged; the result is one commit.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;

use super::{
    decide::{self, Limits, Pending, Verdict},
    desk::{Desk, FolderState, Plan, PlanItem},
    diff::{self, Event, Found, FoundReview, Now},
    fingerprint,
    identity::{self, Journal, JournalError, Known, Line, LineEvent},
    pictures::{self, Darkroom, Gallery},
    reading::{self, Glance, Read, ReadResult, Reader},
    seconds::Seconds,
    voice::Voice,
};
use crate::{
    clock::Clock,
    domain::{
        Card, Problem, Published, Review, ReviewId, Site, Slug,
        ledger::{Entry, FileMark, FileOutcome, Hold, Intent, Standing, Stat},
    },
    fediverse::note::REPLIES_PER_PAGE,
    intake::{
        folder::{self, Folder, Walk},
        parse::{self, Reading},
    },
    store::{Commit, LedgerWrite, ReviewerRow, Store, StoreError},
};

/// When the next look is due although nothing happened: pictures wait to be prepared.
const PICTURES_AGAIN: Duration = Duration::from_millis(20);

/// What a reconcile needs besides the desk.
pub struct Means<'a> {
    pub clock: &'a Clock,
    pub store: &'a Store,
    pub site: &'a Site,
    pub limits: Limits,
    /// Called once for each file read.
    pub progress: Arc<dyn Fn() + Send + Sync>,
}

/// Everything one reconcile decided, not yet written.
pub struct Round {
    pub commit: Commit,
    pub lines: Vec<Line>,
    pub row: ReviewerRow,
    pub folder: FolderState,
    pub walk_problems: Vec<Problem>,
    pub stirred: HashMap<ReviewId, Duration>,
    pub twins: HashMap<String, Duration>,
    /// Cards of reviews that came back to the lists unchanged.
    pub cards_back: Vec<Card>,
    pub adopted: Vec<PlanItem>,
    /// What is on its way to followers with this round.
    pub sent: Vec<(ReviewId, Intent)>,
    /// Lists changed in a way that no time of a review in them tells.
    pub rearranged: bool,
    /// When to look again although nothing happens.
    pub next: Option<Duration>,
}

#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("reading the folder stopped: {0}")]
    Stopped(String),
}

/// A review read in this round with what goes with it.
struct Fresh {
    /// Shared with the comparison: a first adoption holds every text of the folder at once.
    found: Arc<FoundReview>,
    gallery: Gallery,
    /// Taken by whoever writes the review.
    glance: Option<Glance>,
    stat: Stat,
    digest: String,
    problems: Vec<Problem>,
}

/// Reads the folder and decides; writes nothing but prepared pictures.
pub async fn reconcile(desk: &Desk, journal: &Journal, means: &Means<'_>) -> Result<Round, ReconcileError> {
    let mut round = Working::new(desk, journal, means);
    let root = desk.root.clone();
    let walked = tokio::task::spawn_blocking(move || folder::walk(&root))
        .await
        .map_err(|error| ReconcileError::Stopped(error.to_string()))?;
    match walked {
        Folder::Unreadable(why) => round.folder = FolderState::Unreadable(why),
        Folder::Missing => {
            round.folder = FolderState::Missing;
            round.events(diff::diff(&desk.entries.values().cloned().collect::<Vec<_>>(), &[])).await?;
        }
        Folder::Walked(walk) => round.walked(walk).await?,
    }
    round.judge().await?;
    Ok(round.finish())
}

struct Working<'a> {
    desk: &'a Desk,
    journal: &'a Journal,
    means: &'a Means<'a>,
    now: Timestamp,
    elapsed: Duration,
    row: ReviewerRow,
    folder: FolderState,
    walk_problems: Vec<Problem>,
    fresh: BTreeMap<String, Fresh>,
    /// Entries as this round leaves them.
    work: BTreeMap<ReviewId, Entry>,
    content: BTreeMap<ReviewId, Box<(Published, Card, String)>>,
    deleted: BTreeMap<ReviewId, Timestamp>,
    marks: BTreeMap<String, FileMark>,
    files_gone: Vec<String>,
    old_slugs: Vec<(Slug, ReviewId)>,
    outgoing: Vec<crate::store::Outgoing>,
    lines: Vec<Line>,
    lost: BTreeMap<String, (ReviewId, Known)>,
    /// Of publication.
    seconds: Seconds,
    /// Whose page has which slug.
    slugs: HashMap<Slug, ReviewId>,
    stirred: HashMap<ReviewId, Duration>,
    twins: HashMap<String, Duration>,
    cards_back: Vec<Card>,
    adopted: Vec<PlanItem>,
    sent: Vec<(ReviewId, Intent)>,
    pictured: bool,
    next: Option<Duration>,
}

impl<'a> Working<'a> {
    fn new(desk: &'a Desk, journal: &'a Journal, means: &'a Means<'a>) -> Self {
        let in_ledger = desk.entries.keys().cloned().collect();
        let lost = journal.lost(&desk.reviewer.handle, &in_ledger);
        let lost_seconds = lost.values().filter_map(|(_, known)| known.published);
        let seconds = Seconds::new(desk.entries.values().map(|entry| entry.published).chain(lost_seconds));
        Self {
            desk,
            journal,
            means,
            now: means.clock.now_in_seconds(),
            elapsed: means.clock.elapsed(),
            row: desk.row.clone(),
            folder: FolderState::Fine,
            walk_problems: Vec::new(),
            fresh: BTreeMap::new(),
            work: BTreeMap::new(),
            content: BTreeMap::new(),
            deleted: BTreeMap::new(),
            marks: BTreeMap::new(),
            files_gone: Vec::new(),
            old_slugs: Vec::new(),
            outgoing: Vec::new(),
            lines: Vec::new(),
            lost,
            seconds,
            slugs: desk
                .entries
                .values()
                .filter(|entry| entry.answers())
                .map(|entry| (entry.slug.clone(), entry.id.clone()))
                .collect(),
            stirred: HashMap::new(),
            twins: HashMap::new(),
            cards_back: Vec::new(),
            adopted: Vec::new(),
            sent: Vec::new(),
            pictured: false,
            next: None,
        }
    }

    async fn walked(&mut self, walk: Walk) -> Result<(), ReconcileError> {
        let any_candidate = walk.files.keys().any(|path| parse::is_candidate(path));
        if !any_candidate && self.desk.entries.values().any(|entry| entry.standing == Standing::Live) {
            self.folder = FolderState::Emptied;
        }
        let sorted = reading::sort(&walk.files, &self.desk.marks, self.now);
        let reads = self.read(sorted.to_read, &walk).await?;
        self.pin_scale(&reads);
        let mut found: Vec<Found> = sorted
            .unchanged
            .into_iter()
            .map(|path| {
                let review =
                    self.desk.marks.get(&path).is_some_and(|mark| matches!(mark.outcome, FileOutcome::Review(_)));
                Found { path, now: Now::Unchanged { review } }
            })
            .collect();
        let unread = self.desk.entries.values().filter(|entry| entry.answers() && walk.is_unread(&entry.file));
        found.extend(unread.map(|entry| Found { path: entry.file.clone(), now: Now::Unchanged { review: false } }));
        let mut darkroom = Darkroom::new(self.means.store, &self.desk.root, &self.desk.reviewer.handle, &walk.files);
        for read in reads {
            let path = read.path.clone();
            if let Some(now) = self.understand(read, &walk.files, &mut darkroom).await? {
                found.push(Found { path, now });
            }
        }
        if self.folder == FolderState::Fine {
            let gone = |path: &&String| !walk.files.contains_key(*path) && !walk.is_unread(path);
            self.files_gone = self.desk.marks.keys().filter(gone).cloned().collect();
        }
        self.walk_problems = walk.problems;
        let entries: Vec<Entry> = self.desk.entries.values().cloned().collect();
        let events = diff::diff(&entries, &found);
        drop(found);
        self.events(events).await?;
        // What they hold is in the commit now.
        self.fresh.clear();
        if self.row.adopted_at.is_none() {
            self.row.adopted_at = Some(self.now);
        }
        Ok(())
    }

    async fn read(&self, paths: Vec<String>, walk: &Walk) -> Result<Vec<Read>, ReconcileError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let (root, reviewer) = (self.desk.root.clone(), self.desk.reviewer.clone());
        let (files, scale, now) = (walk.files.clone(), self.scale(), self.means.clock.now());
        let marks: HashMap<String, FileMark> =
            paths.iter().filter_map(|path| Some((path.clone(), self.desk.marks.get(path)?.clone()))).collect();
        let progress = Arc::clone(&self.means.progress);
        tokio::task::spawn_blocking(move || {
            let reader = Reader { root: &root, handle: &reviewer.handle, name: &reviewer.name, scale, now };
            reader.read_all(&paths, &files, &marks, &*progress)
        })
        .await
        .map_err(|error| ReconcileError::Stopped(error.to_string()))
    }

    fn scale(&self) -> Option<f64> {
        self.desk.configured_scale.or(self.row.scale)
    }

    /// Infers the scale of bare ratings once, from the whole folder, and pins it.
    fn pin_scale(&mut self, reads: &[Read]) {
        if self.scale().is_some() {
            return;
        }
        let bare: Vec<f64> = reads
            .iter()
            .filter_map(|read| match &read.result {
                ReadResult::Parsed { reading: Reading::Review(review), .. } => {
                    review.rating.as_ref().filter(|rating| rating.best.is_none())?.value
                }
                ReadResult::Parsed { .. } | ReadResult::Same => None,
            })
            .collect();
        if !bare.is_empty() {
            let best = parse::infer_scale(bare.iter().copied());
            let reviewer = &self.desk.reviewer.handle;
            tracing::info!(%reviewer, best, "bare ratings of @{reviewer} are read as out of {best}; set rating_scale to change that");
            self.row.scale = Some(best);
        }
    }

    /// Turns a file read just now into what the comparison takes; `None` for what is no review and never was.
    async fn understand(
        &mut self,
        read: Read,
        files: &BTreeMap<String, Stat>,
        darkroom: &mut Darkroom<'_>,
    ) -> Result<Option<Now>, ReconcileError> {
        let Read { path, stat, digest, result } = read;
        let old = self.desk.marks.get(&path);
        let (reading, mut problems, glance) = match (result, old) {
            (ReadResult::Same, Some(old)) => {
                let review = matches!(old.outcome, FileOutcome::Review(_));
                self.marks.insert(path.clone(), FileMark { stat, ..old.clone() });
                return Ok(Some(Now::Unchanged { review }));
            }
            (ReadResult::Same, None) => return Ok(None),
            (ReadResult::Parsed { reading, problems, glance }, _) => (reading, problems, glance),
        };
        let mark = |outcome, problems| FileMark {
            path: path.clone(),
            stat,
            digest: digest.clone(),
            outcome,
            problems,
            pictures: Vec::new(),
            pictures_wait: false,
        };
        match reading {
            Reading::Skipped(why) => {
                let was_review = self.desk.entries.values().any(|entry| entry.answers() && entry.file == path);
                if was_review {
                    let cure = "restore its text, or delete the file to remove the review";
                    problems.push(Problem::error(&path, format!("the file is no review any more: {why}"), cure));
                }
                self.marks.insert(path.clone(), mark(FileOutcome::Skipped(why), problems));
                Ok(Some(Now::Unreadable { back: old.is_none() }))
            }
            Reading::Withheld => {
                self.marks.insert(path.clone(), mark(FileOutcome::Broken, problems));
                Ok(Some(Now::Unreadable { back: old.is_none() }))
            }
            Reading::Review(review) if review.draft => {
                self.marks.insert(path.clone(), mark(FileOutcome::Draft, problems));
                Ok(Some(Now::Draft))
            }
            Reading::Review(mut review) => {
                if let Some(scale) = self.scale() {
                    problems.extend(reading::scale_rating(&mut review, &path, scale));
                }
                let gallery = darkroom.develop(&pictures::wanted(&review, &path, files)).await?;
                problems.extend(gallery.problems.iter().cloned());
                let found = Arc::new(self.found(&path, *review, &digest, &gallery));
                let glance = Some(glance);
                self.fresh.insert(path, Fresh { found: Arc::clone(&found), gallery, glance, stat, digest, problems });
                Ok(Some(Now::Review(found)))
            }
        }
    }

    fn found(&self, path: &str, review: Review, digest: &str, gallery: &Gallery) -> FoundReview {
        let scheduled = review.date.map(|date| date.timestamp()).filter(|date| *date > self.now);
        let waited = self.desk.twins.get(path).map_or(Duration::ZERO, |since| self.elapsed.saturating_sub(*since));
        let only_pictures = self.desk.marks.get(path).is_some_and(|mark| mark.pictures_wait && mark.digest == digest);
        FoundReview {
            likeness: fingerprint::likeness(&review, digest),
            shown: fingerprint::shown(&review, gallery.cover.as_ref(), &gallery.body),
            worded: fingerprint::worded(&review, gallery.cover.as_ref(), &gallery.body),
            scheduled,
            twin_waited: waited >= self.means.limits.settle,
            only_pictures,
            review,
        }
    }

    async fn events(&mut self, events: Vec<Event>) -> Result<(), ReconcileError> {
        for event in events {
            match event {
                Event::Appeared { path } => self.appeared(&path),
                Event::Edited { id, path } => self.changed(&id, &path, true),
                Event::Returned { id, path, edited } => self.returned(&id, &path, edited).await?,
                Event::Moved { id, path, edited } => {
                    self.moved(&id, &path);
                    self.changed(&id, &path, edited);
                }
                Event::Touched { id, path } => self.changed(&id, &path, false),
                Event::Pictured { id, path } => self.pictured(&id, &path),
                Event::Merged { old, new, path } => self.merged(&old, &new, &path).await?,
                Event::Removed { id } => {
                    let mut entry = self.entry(&id);
                    entry.standing = Standing::Leaving;
                    self.intend(&mut entry, Intent::Delete);
                    self.work.insert(id, entry);
                }
                Event::Kept { id, path } => {
                    let (file, title) = (path.clone(), self.desk.title(&id));
                    tracing::warn!(file, review = %id, "{file} cannot be understood: the last good version of \"{title}\" stays up");
                }
                Event::Waits { path } => {
                    let since = self.desk.twins.get(&path).copied().unwrap_or(self.elapsed);
                    let left = self.means.limits.settle.saturating_sub(self.elapsed.saturating_sub(since));
                    self.look_again(left);
                    self.twins.insert(path.clone(), since);
                    self.fresh.remove(&path);
                    if self.desk.marks.contains_key(&path) {
                        self.files_gone.push(path);
                    }
                }
            }
        }
        self.scheduled();
        Ok(())
    }

    /// A new review: adopted quietly at first contact or when imported, else to be announced.
    fn appeared(&mut self, path: &str) {
        let Some(fresh) = self.fresh.get(path) else { return };
        let (found, modified_ns) = (Arc::clone(&fresh.found), fresh.stat.modified_ns);
        let review = &found.review;
        let adopt = self.desk.row.adopted_at.is_none() || review.imported;
        let lost = self.lost.remove(path);
        let id = match (&lost, review.id.as_deref().map(ReviewId::parse)) {
            (Some((id, _)), None) => id.clone(),
            (_, Some(Some(asked))) => identity::unused(&asked, |id| self.is_used(id)),
            (_, None | Some(None)) => {
                identity::unused(&identity::derived(&self.desk.reviewer.handle, &review.slug), |id| self.is_used(id))
            }
        };
        let known = lost.map(|(_, known)| known);
        let own_date = review.date.map(|date| date.timestamp());
        let published = match known.as_ref().and_then(|known| known.published) {
            Some(published) => published,
            None if adopt => {
                let modified = Timestamp::from_nanosecond(i128::from(modified_ns)).unwrap_or(self.now);
                self.seconds.take_before(own_date.unwrap_or(modified).min(self.now))
            }
            None => self.seconds.take_newest(self.now),
        };
        let wanted_slug = known.as_ref().and_then(|known| known.slug.clone()).unwrap_or_else(|| review.slug.clone());
        let mut entry = Entry {
            guid: known.and_then(|known| known.guid).unwrap_or_else(|| format!("urn:uuid:{}", self.means.clock.uuid())),
            slug: self.take_slug(&wanted_slug, &id),
            file: path.to_owned(),
            standing: Standing::Live,
            published,
            updated: None,
            shown: found.shown.clone(),
            told: adopt.then(|| found.worded.clone()),
            worded: found.worded.clone(),
            intent: Intent::Nothing,
            hold: Hold::No,
            since: self.now,
            likeness: found.likeness.clone(),
            id: id.clone(),
        };
        if adopt {
            self.adopted.push(PlanItem { file: path.to_owned(), id: id.clone(), title: review.book.title.clone() });
        } else {
            self.intend(&mut entry, Intent::Create);
        }
        self.journal_line(LineEvent::Minted, &entry);
        self.write(path, entry);
    }

    /// The text of a known review was read again; `edited` when somebody would see a difference.
    fn changed(&mut self, id: &ReviewId, path: &str, edited: bool) {
        let mut entry = self.entry(id);
        let Some(fresh) = self.fresh.get(path) else {
            self.work.insert(id.clone(), entry);
            return;
        };
        let found = Arc::clone(&fresh.found);
        // A file's name is a wish for an address only once: a rename keeps the one there is.
        let same_file = self.desk.entries.get(id).is_some_and(|before| before.file == path);
        let asks_anew = found.likeness.asked != entry.likeness.asked && entry.likeness.asked.is_some();
        if same_file && asks_anew {
            let slug = self.take_slug(&found.review.slug, id);
            self.old_slugs.push((std::mem::replace(&mut entry.slug, slug), id.clone()));
        }
        entry.file = path.to_owned();
        entry.shown.clone_from(&found.shown);
        entry.worded.clone_from(&found.worded);
        entry.likeness.clone_from(&found.likeness);
        if edited {
            let previous = entry.updated.unwrap_or(entry.published);
            entry.updated = Some(self.now.max(previous + Duration::from_secs(1)));
        }
        let intent = owed(&entry);
        if edited || intent != entry.intent {
            self.intend(&mut entry, intent);
        }
        self.write(path, entry);
    }

    async fn returned(&mut self, id: &ReviewId, path: &str, edited: bool) -> Result<(), ReconcileError> {
        let mut entry = self.entry(id);
        entry.standing = Standing::Live;
        entry.hold = Hold::No;
        let owed = owed(&entry);
        self.intend(&mut entry, owed);
        self.work.insert(id.clone(), entry);
        if self.fresh.contains_key(path) {
            self.changed(id, path, edited);
        } else {
            self.back_in_lists(id).await?;
        }
        Ok(())
    }

    fn moved(&mut self, id: &ReviewId, path: &str) {
        let mut entry = self.entry(id);
        entry.standing = Standing::Live;
        if entry.intent == Intent::Delete {
            entry.hold = Hold::No;
            self.intend(&mut entry, Intent::Nothing);
        }
        entry.file = path.to_owned();
        self.journal_line(LineEvent::Moved, &entry);
        self.work.insert(id.clone(), entry);
    }

    fn pictured(&mut self, id: &ReviewId, path: &str) {
        let mut entry = self.entry(id);
        let Some(fresh) = self.fresh.get(path) else { return };
        if entry.told.as_ref() == Some(&entry.worded) {
            entry.told = Some(fresh.found.worded.clone());
        }
        self.pictured = true;
        entry.shown.clone_from(&fresh.found.shown);
        entry.worded.clone_from(&fresh.found.worded);
        self.write(path, entry);
    }

    /// The entry published under the new name moments ago gives way to the old review, which takes over its text.
    async fn merged(&mut self, old: &ReviewId, new: &ReviewId, path: &str) -> Result<(), ReconcileError> {
        let mut ghost = self.entry(new);
        let shown = ghost.shown.clone();
        let worded = ghost.worded.clone();
        let likeness = ghost.likeness.clone();
        ghost.standing = Standing::Gone;
        self.intend(&mut ghost, Intent::Nothing);
        self.deleted.insert(new.clone(), self.now);
        self.journal_line(LineEvent::Deleted, &ghost);
        self.content.remove(new);
        self.work.insert(new.clone(), ghost);
        self.moved(old, path);
        if self.fresh.contains_key(path) {
            let edited = self.fresh.get(path).is_some_and(|fresh| fresh.found.shown != self.entry(old).shown);
            self.changed(old, path, edited);
            return Ok(());
        }
        let Some(published) = self.means.store.published(&self.desk.reviewer.handle, new).await? else { return Ok(()) };
        let glance = reading::glance(&published.review);
        let mut entry = self.entry(old);
        if shown != entry.shown {
            let previous = entry.updated.unwrap_or(entry.published);
            entry.updated = Some(self.now.max(previous + Duration::from_secs(1)));
        }
        (entry.shown, entry.worded, entry.likeness) = (shown, worded, likeness);
        let owed = owed(&entry);
        self.intend(&mut entry, owed);
        let published =
            Published { cover: published.cover, pictures: published.pictures, ..self.whole(&entry, published.review) };
        self.put(entry, published, glance);
        if let Some(mark) = self.desk.marks.get(path) {
            self.marks.insert(path.to_owned(), FileMark { outcome: FileOutcome::Review(old.clone()), ..mark.clone() });
        }
        Ok(())
    }

    /// Notes files whose date lies in the future, and when to look at them again.
    fn scheduled(&mut self) {
        let waiting: Vec<(String, Timestamp)> = self
            .fresh
            .iter()
            .filter(|(path, _)| !self.marks.contains_key(*path))
            .filter_map(|(path, fresh)| Some((path.clone(), fresh.found.scheduled?)))
            .collect();
        for (path, due) in waiting {
            if let Some(fresh) = self.fresh.get(&path) {
                let mark = file_mark(&path, fresh, FileOutcome::Scheduled(due));
                self.marks.insert(path, mark);
            }
        }
        let marks =
            self.desk.marks.values().filter(|mark| !self.marks.contains_key(&mark.path)).chain(self.marks.values());
        let due = marks
            .filter_map(|mark| if let FileOutcome::Scheduled(due) = mark.outcome { Some(due) } else { None })
            .min();
        if let Some(due) = due {
            self.look_again(Duration::try_from(due.duration_since(self.now)).unwrap_or_default());
        }
    }

    /// Judges every pending intent and words what is due.
    async fn judge(&mut self) -> Result<(), ReconcileError> {
        let ids: BTreeSet<ReviewId> = self.desk.entries.keys().chain(self.work.keys()).cloned().collect();
        let pending: Vec<Pending> = ids
            .into_iter()
            .map(|id| self.entry(&id))
            .filter(|entry| entry.intent != Intent::Nothing)
            .map(|entry| {
                let stirred = self.stirred.get(&entry.id).or_else(|| self.desk.stirred.get(&entry.id)).copied();
                let quiet_for = self.elapsed.saturating_sub(stirred.unwrap_or(self.elapsed));
                Pending { id: entry.id, intent: entry.intent, hold: entry.hold, quiet_for }
            })
            .collect();
        let lost = matches!(self.folder, FolderState::Missing | FolderState::Emptied);
        for (id, verdict) in decide::decide(&pending, &self.means.limits, lost) {
            match verdict {
                Verdict::Wait(left) => self.look_again(left),
                Verdict::Hold => self.hold(&id).await?,
                Verdict::Send => self.send(&id).await?,
            }
        }
        Ok(())
    }

    /// A held change is not sent; a held removal stays in pages and feeds too.
    async fn hold(&mut self, id: &ReviewId) -> Result<(), ReconcileError> {
        let mut entry = self.entry(id);
        let was_shown = self.desk.entries.get(id).is_some_and(|entry| entry.standing == Standing::Live);
        if entry.hold == Hold::Held && entry.standing == Standing::Live {
            return Ok(());
        }
        entry.hold = Hold::Held;
        entry.standing = Standing::Live;
        self.work.insert(id.clone(), entry);
        if !was_shown && !self.content.contains_key(id) {
            self.back_in_lists(id).await?;
        }
        Ok(())
    }

    async fn send(&mut self, id: &ReviewId) -> Result<(), ReconcileError> {
        let mut entry = self.entry(id);
        let voice = Voice { site: self.means.site, reviewer: &self.desk.reviewer };
        match entry.intent {
            Intent::Nothing => return Ok(()),
            Intent::Create | Intent::Update => {
                let published = match self.content.get(id) {
                    Some(content) => Some(content.0.clone()),
                    None => self.means.store.published(&self.desk.reviewer.handle, id).await?,
                };
                let Some(published) = published else { return Ok(()) };
                let handle = &self.desk.reviewer.handle;
                self.outgoing.extend(match entry.intent {
                    Intent::Create => voice.announce(&published, self.now),
                    Intent::Nothing | Intent::Update | Intent::Delete => {
                        let came_back = self.means.store.came_back(handle, id, REPLIES_PER_PAGE).await?;
                        voice.amend(&published, &came_back, self.now)
                    }
                });
                entry.told = Some(entry.worded.clone());
            }
            Intent::Delete => {
                if entry.told.is_some() {
                    self.outgoing.extend(voice.withdraw(id, self.now));
                }
                entry.standing = Standing::Gone;
                self.deleted.insert(id.clone(), self.now);
                self.journal_line(LineEvent::Deleted, &entry);
            }
        }
        self.sent.push((id.clone(), entry.intent));
        entry.intent = Intent::Nothing;
        entry.hold = Hold::No;
        self.work.insert(id.clone(), entry);
        Ok(())
    }

    async fn back_in_lists(&mut self, id: &ReviewId) -> Result<(), ReconcileError> {
        if let Some(published) = self.means.store.published(&self.desk.reviewer.handle, id).await? {
            let glance = reading::glance(&published.review);
            self.cards_back.push(published.card(glance.excerpt, glance.words));
        }
        Ok(())
    }

    /// Sets an intent and restarts its delay.
    fn intend(&mut self, entry: &mut Entry, intent: Intent) {
        entry.intent = intent;
        entry.since = self.now;
        if intent == Intent::Nothing {
            entry.hold = Hold::No;
        }
        self.stirred.insert(entry.id.clone(), self.elapsed);
    }

    /// Writes an entry with the text of its file.
    fn write(&mut self, path: &str, entry: Entry) {
        let glance = self.fresh.get_mut(path).and_then(|fresh| fresh.glance.take());
        let Some(fresh) = self.fresh.get(path) else {
            self.work.insert(entry.id.clone(), entry);
            return;
        };
        let glance = glance.unwrap_or_else(|| reading::glance(&fresh.found.review));
        let mark = file_mark(path, fresh, FileOutcome::Review(entry.id.clone()));
        if fresh.gallery.waits {
            self.next = Some(PICTURES_AGAIN);
        }
        let published = Published {
            cover: fresh.gallery.cover.clone(),
            pictures: fresh.gallery.body.clone(),
            ..self.whole(&entry, fresh.found.review.clone())
        };
        self.marks.insert(path.to_owned(), mark);
        self.put(entry, published, glance);
    }

    fn whole(&self, entry: &Entry, review: Review) -> Published {
        Published {
            reviewer: self.desk.reviewer.handle.clone(),
            id: entry.id.clone(),
            guid: entry.guid.clone(),
            slug: entry.slug.clone(),
            published: entry.published,
            updated: entry.updated,
            review,
            cover: None,
            pictures: BTreeMap::new(),
        }
    }

    fn put(&mut self, entry: Entry, published: Published, glance: Glance) {
        let card = published.card(glance.excerpt, glance.words);
        self.content.insert(entry.id.clone(), Box::new((published, card, glance.search)));
        self.work.insert(entry.id.clone(), entry);
    }

    fn entry(&self, id: &ReviewId) -> Entry {
        let entry = self.work.get(id).or_else(|| self.desk.entries.get(id)).cloned();
        entry.unwrap_or_else(|| unreachable!("events name entries of the ledger"))
    }

    fn is_used(&self, id: &ReviewId) -> bool {
        self.desk.entries.contains_key(id)
            || self.work.contains_key(id)
            || self.journal.used(&self.desk.reviewer.handle, id)
    }

    /// Gives a review the first free address of its wish.
    fn take_slug(&mut self, wish: &Slug, id: &ReviewId) -> Slug {
        let slug = identity::free_slug(wish, |slug| self.slugs.get(slug).is_some_and(|owner| owner != id));
        self.slugs.insert(slug.clone(), id.clone());
        slug
    }

    fn journal_line(&mut self, event: LineEvent, entry: &Entry) {
        let deleted = event == LineEvent::Deleted;
        self.lines.push(Line {
            at: self.now,
            event,
            reviewer: self.desk.reviewer.handle.clone(),
            id: entry.id.clone(),
            guid: (event == LineEvent::Minted).then(|| entry.guid.clone()),
            slug: (event == LineEvent::Minted).then(|| entry.slug.clone()),
            file: (!deleted).then(|| entry.file.clone()),
            published: (event == LineEvent::Minted).then_some(entry.published),
        });
    }

    fn look_again(&mut self, after: Duration) {
        if after < Duration::MAX {
            self.next = Some(self.next.map_or(after, |next| next.min(after)));
        }
    }

    /// Reviews came under an older date, left, came back, or got their pictures.
    fn is_rearranged(&self) -> bool {
        let is_live = |entry: &Entry| entry.standing == Standing::Live;
        let moved = |(id, entry): (&ReviewId, &Entry)| {
            self.desk.entries.get(id).is_some_and(|before| is_live(before) != is_live(entry))
        };
        self.pictured || !self.adopted.is_empty() || self.work.iter().any(moved)
    }

    fn finish(self) -> Round {
        let rearranged = self.is_rearranged();
        let mut content = self.content;
        let entries = self
            .work
            .into_values()
            .map(|entry| LedgerWrite {
                content: content.remove(&entry.id),
                deleted: self.deleted.get(&entry.id).copied(),
                entry,
            })
            .collect();
        let reviewer = (self.row != self.desk.row).then(|| self.row.clone());
        Round {
            commit: Commit {
                reviewer,
                handle: Some(self.desk.reviewer.handle.clone()),
                entries,
                files: self.marks.into_values().collect(),
                files_gone: self.files_gone,
                old_slugs: self.old_slugs,
                outgoing: self.outgoing,
            },
            lines: self.lines,
            row: self.row,
            folder: self.folder,
            walk_problems: self.walk_problems,
            stirred: self.stirred,
            twins: self.twins,
            cards_back: self.cards_back,
            adopted: self.adopted,
            sent: self.sent,
            rearranged,
            next: self.next,
        }
    }
}

impl Round {
    /// Whether there is anything to write.
    pub fn is_empty(&self) -> bool {
        let commit = &self.commit;
        commit.reviewer.is_none()
            && commit.entries.is_empty()
            && commit.files.is_empty()
            && commit.files_gone.is_empty()
            && commit.outgoing.is_empty()
    }

    /// Whether lists, pages or feeds change.
    pub fn is_visible(&self) -> bool {
        !self.commit.entries.is_empty() || !self.cards_back.is_empty()
    }

    /// The plan this round would leave, on top of the desk's.
    pub fn plan(&self) -> Plan {
        Plan { adopt: self.adopted.clone(), ..Plan::default() }
    }
}

/// What followers are still to be told of a live review.
fn owed(entry: &Entry) -> Intent {
    match &entry.told {
        None => Intent::Create,
        Some(told) if *told == entry.worded => Intent::Nothing,
        Some(_) => Intent::Update,
    }
}

fn file_mark(path: &str, fresh: &Fresh, outcome: FileOutcome) -> FileMark {
    FileMark {
        path: path.to_owned(),
        stat: fresh.stat,
        digest: fresh.digest.clone(),
        outcome,
        problems: fresh.problems.clone(),
        pictures: fresh.gallery.used.clone(),
        pictures_wait: fresh.gallery.waits,
    }
}
