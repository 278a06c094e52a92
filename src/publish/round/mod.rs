//! One reconcile of one reviewer: the folder is read, compared with the ledger, and judged; the result is one commit.

mod answers;
mod events;
mod judge;
mod look;
mod put;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;

use super::{
    decide::Limits,
    desk::{Desk, FolderState, Plan, PlanItem},
    diff::{self, FoundText},
    elsewhere::Elsewhere,
    identity::{Journal, JournalError, Known, Line},
    pictures::Gallery,
    reading::Glance,
    seconds::Seconds,
};
use crate::{
    clock::Clock,
    domain::{
        Card, Genre, Problem, ReviewId, Site, Slug,
        ledger::{Entry, FileMark, Intent, Standing, Stat},
    },
    intake::folder::{self, Folder},
    store::{Aftermath, Commit, Content, LedgerWrite, OwnReply, PostSearch, ReviewerRow, Store, StoreError},
};

/// When the next look is due although nothing happened: pictures wait to be prepared.
const PICTURES_AGAIN: Duration = Duration::from_millis(20);

/// What a reconcile needs besides the desk.
pub struct Means<'a> {
    pub clock: &'a Clock,
    pub store: &'a Store,
    pub site: &'a Site,
    /// Fetches covers from other sites.
    pub elsewhere: &'a Elsewhere,
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

/// A text read in this round with what goes with it.
struct Fresh {
    /// Shared with the comparison: a first adoption holds every text of the folder at once.
    found: Arc<FoundText>,
    gallery: Gallery,
    /// Taken by whoever writes the review; answers have none.
    glance: Option<Glance>,
    stat: Stat,
    digest: String,
    problems: Vec<Problem>,
}

/// Reads the folder and decides; writes nothing but prepared pictures.
pub async fn reconcile(desk: &Desk, journal: &Journal, means: &Means<'_>) -> Result<Round, ReconcileError> {
    let mut round = Working::new(desk, journal, means);
    let (root, left_out) = (desk.root.clone(), desk.left_out.clone());
    let walked = tokio::task::spawn_blocking(move || folder::walk_without(&root, left_out.as_deref()))
        .await
        .map_err(|error| ReconcileError::Stopped(error.to_string()))?;
    match walked {
        Folder::Unreadable(why) => round.folder = FolderState::Unreadable(why),
        Folder::Missing => {
            round.folder = FolderState::Missing;
            round.events(diff::diff(desk.entries.values(), &[])).await?;
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
    content: BTreeMap<ReviewId, Content>,
    deleted: BTreeMap<ReviewId, Timestamp>,
    marks: BTreeMap<String, FileMark>,
    files_gone: Vec<String>,
    old_slugs: Vec<(Slug, ReviewId)>,
    outgoing: Vec<crate::store::Outgoing>,
    /// How the searches for posts stand that answers are for.
    posts: HashMap<String, PostSearch>,
    wanted: Vec<String>,
    replies: Vec<OwnReply>,
    lines: Vec<Line>,
    lost: BTreeMap<String, (ReviewId, Known)>,
    /// When the lost ones were published.
    lost_seconds: Vec<Timestamp>,
    /// Of publication. This and the next are made where they are wanted: an edit of one review looks through no others.
    seconds: Option<Seconds>,
    /// Whose page has which slug.
    slugs: Option<HashMap<Slug, ReviewId>>,
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
        let lost = journal.lost(&desk.reviewer.handle, |id| desk.entries.contains_key(id));
        let lost_seconds = lost.values().filter_map(|(_, known)| known.published).collect();
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
            posts: HashMap::new(),
            wanted: Vec::new(),
            replies: Vec::new(),
            lines: Vec::new(),
            lost,
            lost_seconds,
            seconds: None,
            slugs: None,
            stirred: HashMap::new(),
            twins: HashMap::new(),
            cards_back: Vec::new(),
            adopted: Vec::new(),
            sent: Vec::new(),
            pictured: false,
            next: None,
        }
    }

    fn seconds(&mut self) -> &mut Seconds {
        let (entries, lost) = (&self.desk.entries, &self.lost_seconds);
        let taken = || entries.values().map(|entry| entry.published).chain(lost.iter().copied());
        self.seconds.get_or_insert_with(|| Seconds::new(taken()))
    }

    fn slugs(&mut self) -> &mut HashMap<Slug, ReviewId> {
        let entries = &self.desk.entries;
        let pages = || entries.values().filter(|entry| entry.genre == Genre::Review && entry.answers());
        self.slugs.get_or_insert_with(|| pages().map(|entry| (entry.slug.clone(), entry.id.clone())).collect())
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
        let is_review = |(_, entry): &(&ReviewId, &Entry)| entry.genre == Genre::Review;
        let adopted = self.adopted.iter().any(|item| item.genre == Genre::Review);
        self.pictured || adopted || self.work.iter().filter(is_review).any(moved)
    }

    fn finish(mut self) -> Round {
        let rearranged = self.is_rearranged();
        // A file that waits beside its twin has not been judged yet.
        let looks = self.desk.aftermath == Aftermath::Looking;
        let caught_up = looks && self.folder == FolderState::Fine && self.twins.is_empty();
        let replies = self.own_replies();
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
                replies,
                wanted: self.wanted,
                at: self.now,
                caught_up,
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
            && commit.wanted.is_empty()
            && !commit.caught_up
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
