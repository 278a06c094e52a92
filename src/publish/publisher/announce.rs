//! `announce`: reviews that were taken in quietly are told to followers after all, one after the other.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use super::Publisher;
use crate::{
    domain::{
        Genre, ReviewId,
        ledger::{Entry, FileOutcome, Hold, Intent, Standing},
    },
    publish::desk::PlanItem,
    store::{Commit, LedgerWrite, StoreError},
};

/// What became of the reviews that were named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// On their way, in this order: the first at once, each further one a while after the one before it.
    pub announced: Vec<PlanItem>,
    /// Followers were told before, or are about to be.
    pub known: Vec<PlanItem>,
}

/// Why nothing is announced. One name that is wrong keeps the others back: half an order is nobody's wish.
#[derive(Debug, thiserror::Error)]
pub enum NotAnnounced {
    #[error("there is no review `{0}`: name its id, its slug, its file or its address")]
    Unknown(String),
    #[error("{0} is a draft, and drafts are told to nobody; take the mark out of the file first")]
    Draft(String),
    #[error("{0} waits for its date; it is announced by itself then")]
    Scheduled(String),
    #[error("{0} cannot be understood; `reviewd check` says why")]
    Broken(String),
    #[error("`{0}` is being deleted")]
    Leaving(String),
    #[error("`{0}` is an answer, which those who are in the conversation were told")]
    Answer(String),
    #[error("@{0} has moved to another account and announces nothing more")]
    Moved(String),
    #[error("no review was named")]
    Nothing,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Publisher {
    /// Sets the named reviews on their way; nothing where one of the names is wrong.
    pub async fn announce(&mut self, names: &[String]) -> Result<Announced, NotAnnounced> {
        let chosen = self.chosen(names)?;
        let mut announced = Announced::default();
        for index in 0..self.desks.len() {
            let desk = &self.desks[index].0;
            let of_desk: Vec<&ReviewId> = chosen.iter().filter(|(at, _)| *at == index).map(|(_, id)| id).collect();
            if of_desk.is_empty() {
                continue;
            }
            let handle = desk.reviewer.handle.clone();
            if self.setup.store.moved_to(&handle).await?.is_some() {
                return Err(NotAnnounced::Moved(handle.to_string()));
            }
            let mut entries = Vec::new();
            for id in of_desk {
                let Some(entry) = desk.entries.get(id) else { continue };
                let note = self.setup.site.origin.writing(&handle, entry.genre, id);
                let under_way = entry.intent == Intent::Create && entry.hold != Hold::Held;
                if under_way || self.setup.store.was_announced(&note).await? {
                    announced.known.push(desk.item(entry));
                    continue;
                }
                announced.announced.push(desk.item(entry));
                // While nobody was told of it, an edit changes what will be told, and a removal is told to nobody.
                let (told, since) = (None, self.setup.clock.now_in_seconds());
                entries.push(Entry { told, intent: Intent::Create, hold: Hold::Queued, since, ..entry.clone() });
            }
            let writes = entries.iter().map(|entry| LedgerWrite { entry: entry.clone(), content: None, deleted: None });
            let commit = Commit { handle: Some(handle), entries: writes.collect(), ..Commit::default() };
            self.setup.store.commit(&commit).await?;
            let elapsed = self.setup.clock.elapsed();
            let desk = &mut self.desks[index].0;
            let waiting = desk.entries.values().any(|entry| entry.hold == Hold::Queued);
            let count = entries.len();
            for (place, mut entry) in entries.into_iter().enumerate() {
                if place == 0 && !waiting {
                    entry.hold = Hold::Released;
                }
                // A moment apart, so that they keep the order in which they were named.
                let ahead = Duration::from_millis(u64::try_from(count - place).unwrap_or(0));
                desk.stirred.insert(entry.id.clone(), elapsed.saturating_sub(ahead));
                desk.entries.insert(entry.id.clone(), entry);
            }
        }
        Ok(announced)
    }

    /// The reviews behind the names, each once, in the order of the names.
    fn chosen(&self, names: &[String]) -> Result<Vec<(usize, ReviewId)>, NotAnnounced> {
        let (mut chosen, mut seen) = (Vec::new(), BTreeSet::new());
        for name in names {
            let Some((index, id)) = self.find(name, Entry::answers) else { return Err(self.not_published(name)) };
            match self.desks[index].0.entries.get(&id) {
                Some(entry) if entry.genre == Genre::Answer => return Err(NotAnnounced::Answer(name.clone())),
                Some(entry) if entry.standing == Standing::Live => {}
                Some(_) | None => return Err(NotAnnounced::Leaving(name.clone())),
            }
            if seen.insert((index, id.clone())) {
                chosen.push((index, id));
            }
        }
        if chosen.is_empty() { Err(NotAnnounced::Nothing) } else { Ok(chosen) }
    }

    /// What is known of a name that no published review has: its file may say more.
    fn not_published(&self, name: &str) -> NotAnnounced {
        let stem = |path: &str| {
            path.rsplit('/').next().and_then(|file| file.rsplit_once('.')).map(|(stem, _)| stem.to_owned())
        };
        let marks = self.desks.iter().flat_map(|(desk, _)| desk.marks.values());
        let mark = marks.into_iter().find(|mark| mark.path == name || stem(&mark.path).as_deref() == Some(name));
        match mark.map(|mark| &mark.outcome) {
            Some(FileOutcome::Draft) => NotAnnounced::Draft(name.to_owned()),
            Some(FileOutcome::Scheduled(_)) => NotAnnounced::Scheduled(name.to_owned()),
            Some(FileOutcome::Broken) => NotAnnounced::Broken(name.to_owned()),
            Some(FileOutcome::Answer(_) | FileOutcome::Awaits(_)) => NotAnnounced::Answer(name.to_owned()),
            Some(FileOutcome::Review(_) | FileOutcome::Skipped(_)) | None => NotAnnounced::Unknown(name.to_owned()),
        }
    }
}
