//! One reviewer's folder and ledger as they are in memory between two reconciles.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{decide::Limits, round::Round};
use crate::{
    clock::Clock,
    domain::{
        Card, Genre, Problem, ReviewId, Reviewer,
        ledger::{Entry, FileMark, Hold, Intent, Standing},
    },
    store::{Aftermath, Content, Restored, ReviewerRow, Store, StoreError},
};

/// Everything that is known of one reviewer's folder.
pub struct Desk {
    pub reviewer: Reviewer,
    pub root: PathBuf,
    /// A directory in the folder that holds no reviews: the conversation as files.
    pub left_out: Option<PathBuf>,
    /// The scale of bare ratings from the settings.
    pub configured_scale: Option<f64>,
    pub row: ReviewerRow,
    pub entries: BTreeMap<ReviewId, Entry>,
    pub marks: HashMap<String, FileMark>,
    pub cards: HashMap<ReviewId, Arc<Card>>,
    pub folder: FolderState,
    /// What the walk itself found wrong: links that lead out, directories that cannot be read.
    pub walk_problems: Vec<Problem>,
    /// Whether the ledger came out of a backup, and how far that is settled.
    pub restored: Option<Restored>,
    pub aftermath: Aftermath,
    /// Monotonic time of the last change of each pending intent.
    pub(super) stirred: HashMap<ReviewId, Duration>,
    /// Since when a file stands beside its identical twin.
    pub(super) twins: HashMap<String, Duration>,
}

/// The folder at the last walk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FolderState {
    #[default]
    Fine,
    Missing,
    /// There, without a single review file, while the ledger holds live reviews.
    Emptied,
    Unreadable(String),
}

/// What would be sent, and what is held: the answer of `reviewd plan`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub create: Vec<PlanItem>,
    pub update: Vec<PlanItem>,
    pub delete: Vec<PlanItem>,
    /// Taken into pages, feeds and outbox without an announcement.
    pub adopt: Vec<PlanItem>,
    pub held: Vec<PlanItem>,
    /// Why anything is held.
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanItem {
    pub file: String,
    pub id: ReviewId,
    pub title: String,
    /// Left out for reviews.
    #[serde(default, skip_serializing_if = "Genre::is_review")]
    pub genre: Genre,
}

impl Desk {
    /// Takes up where the last run left: delays that had begun go on, as far as the wall clock can be believed.
    pub async fn open(
        store: &Store,
        clock: &Clock,
        reviewer: Reviewer,
        root: PathBuf,
        configured_scale: Option<f64>,
        limits: &Limits,
    ) -> Result<Self, StoreError> {
        let handle = reviewer.handle.clone();
        let entries: BTreeMap<_, _> =
            store.ledger(&handle).await?.into_iter().map(|entry| (entry.id.clone(), entry)).collect();
        let marks = store.files(&handle).await?.into_iter().map(|mark| (mark.path.clone(), mark)).collect();
        let row = store.reviewer(&handle).await?;
        let (restored, aftermath) = (store.restored().await?, store.aftermath(&handle).await?);
        let now = clock.now();
        let stirred = entries
            .values()
            .filter(|entry| entry.intent != Intent::Nothing)
            .map(|entry| {
                let waited = Duration::try_from(now.duration_since(entry.since)).unwrap_or_default();
                let waited = waited.min(limits.delete_after.max(limits.settle));
                (entry.id.clone(), clock.elapsed().saturating_sub(waited))
            })
            .collect();
        Ok(Self {
            reviewer,
            root,
            left_out: None,
            configured_scale,
            row,
            entries,
            marks,
            cards: HashMap::new(),
            folder: FolderState::Fine,
            walk_problems: Vec::new(),
            restored,
            aftermath,
            stirred,
            twins: HashMap::new(),
        })
    }

    /// Takes over what a round would change, for [`Desk::plan`]. Intents that the round would send are put back: they are
    /// what the plan shows.
    pub fn preview(&mut self, round: Round) {
        let sent = round.sent.clone();
        self.take(round);
        for (id, intent) in sent {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.intent = intent;
            }
        }
    }

    /// Takes over what a committed round changed.
    pub(super) fn take(&mut self, round: Round) {
        self.row = round.row;
        self.folder = round.folder;
        self.walk_problems = round.walk_problems;
        if round.commit.caught_up {
            self.aftermath = Aftermath::Held;
        }
        self.stirred.extend(round.stirred);
        self.twins = round.twins;
        for write in round.commit.entries {
            let entry = write.entry;
            match (entry.standing, write.content) {
                (Standing::Live, Some(Content::Review(content))) => {
                    self.cards.insert(entry.id.clone(), Arc::new(content.1));
                }
                (Standing::Live, Some(Content::Answer(_)) | None) => {}
                (Standing::Leaving | Standing::Gone, _) => {
                    self.cards.remove(&entry.id);
                }
            }
            if entry.intent == Intent::Nothing {
                self.stirred.remove(&entry.id);
            }
            self.entries.insert(entry.id.clone(), entry);
        }
        for card in round.cards_back {
            self.cards.insert(card.id.clone(), Arc::new(card));
        }
        for path in round.commit.files_gone {
            self.marks.remove(&path);
        }
        for mark in round.commit.files {
            self.marks.insert(mark.path.clone(), mark);
        }
    }

    /// What waits to be sent and what is held, as of the last reconcile.
    pub fn plan(&self) -> Plan {
        let mut plan = Plan::default();
        for entry in self.entries.values() {
            let item = self.item(entry);
            match (entry.intent, entry.hold) {
                (Intent::Nothing, _) => {}
                (_, Hold::Held) => plan.held.push(item),
                (Intent::Create, Hold::No | Hold::Released | Hold::Known | Hold::Queued) => plan.create.push(item),
                (Intent::Update, Hold::No | Hold::Released | Hold::Known | Hold::Queued) => plan.update.push(item),
                (Intent::Delete, Hold::No | Hold::Released | Hold::Known | Hold::Queued) => plan.delete.push(item),
            }
        }
        plan.reason = self.hold_reason();
        plan
    }

    /// An entry as plans show it.
    pub fn item(&self, entry: &Entry) -> PlanItem {
        let (file, id, genre) = (entry.file.clone(), entry.id.clone(), entry.genre);
        PlanItem { file, title: self.title(&id), id, genre }
    }

    /// The book's title, as the card or the ledger knows it; of an answer the post it is for.
    pub fn title(&self, id: &ReviewId) -> String {
        let from_ledger = || {
            self.entries.get(id).map(|entry| match entry.genre {
                Genre::Review => entry.likeness.title.clone(),
                Genre::Answer => format!("answer to {}", entry.likeness.title),
            })
        };
        self.cards.get(id).map_or_else(|| from_ledger().unwrap_or_default(), |card| card.book.title.clone())
    }

    /// Why intents are held, in a sentence that ends with the cure.
    pub fn hold_reason(&self) -> Option<String> {
        let held = |genre, intent| {
            let is_held = |entry: &&Entry| entry.hold == Hold::Held && entry.genre == genre && entry.intent == intent;
            Some(self.entries.values().filter(is_held).count()).filter(|count| *count > 0)
        };
        let of = |genre: Genre| {
            let kinds: Vec<String> =
                [(Intent::Create, "new"), (Intent::Update, "changed"), (Intent::Delete, "removed")]
                    .into_iter()
                    .filter_map(|(intent, word)| held(genre, intent).map(|count| format!("{count} {word}")))
                    .collect();
            (!kinds.is_empty()).then(|| format!("{} {}", kinds.join(", "), genre.plural()))
        };
        let kinds: Vec<String> = Genre::ALL.into_iter().filter_map(of).collect();
        if kinds.is_empty() {
            return None;
        }
        let cause = match &self.folder {
            FolderState::Missing => format!("the folder {} is missing", self.root.display()),
            FolderState::Emptied => format!("the folder {} is empty", self.root.display()),
            FolderState::Fine | FolderState::Unreadable(_) => self.cause_of_hold(),
        };
        let reviewer = &self.reviewer.handle;
        Some(format!(
            "{cause}: {} of @{reviewer} are held; look with `reviewd plan` and release them with `reviewd apply`",
            kinds.join(" and ")
        ))
    }

    fn cause_of_hold(&self) -> String {
        match (self.aftermath, self.restored) {
            (Aftermath::Looking | Aftermath::Held, Some(restored)) => {
                let of = restored.of.strftime("%Y-%m-%d %H:%M");
                format!(
                    "restored from a backup of {of} UTC, so followers may know already (then `reviewd apply --quietly`)"
                )
            }
            (Aftermath::Over, _) | (_, None) => "too many changes at once".to_owned(),
        }
    }

    /// Every problem of the folder as it is now.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.walk_problems.clone();
        problems.extend(self.marks.values().flat_map(|mark| mark.problems.iter().cloned()));
        problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        problems
    }
}

impl Plan {
    /// Adds another reviewer's plan.
    pub fn join(mut self, other: Self) -> Self {
        self.create.extend(other.create);
        self.update.extend(other.update);
        self.delete.extend(other.delete);
        self.adopt.extend(other.adopt);
        self.held.extend(other.held);
        self.reason = match (self.reason, other.reason) {
            (Some(one), Some(two)) => Some(format!("{one}\n{two}")),
            (one, two) => one.or(two),
        };
        self
    }
}
