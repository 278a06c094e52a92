//! What follows from each thing that happened to a file.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    ReconcileError, Working,
    put::{file_mark, owed},
};
use crate::{
    domain::{
        Genre, Published, PublishedAnswer, ReviewId, Slug,
        ledger::{Entry, FileMark, FileOutcome, Hold, Intent, Standing},
    },
    publish::{
        desk::PlanItem,
        diff::Event,
        identity::{self, LineEvent},
        reading,
    },
    store::{Aftermath, Content},
};

impl Working<'_> {
    pub(super) async fn events(&mut self, events: Vec<Event>) -> Result<(), ReconcileError> {
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
                    // What a person released was something else: a removal waits and is counted like any other.
                    if entry.intent != Intent::Delete && entry.hold != Hold::Held {
                        entry.hold = Hold::No;
                    }
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

    /// A new review or answer: adopted quietly at first contact or when imported, else to be announced.
    pub(super) fn appeared(&mut self, path: &str) {
        let Some(fresh) = self.fresh.get(path) else { return };
        let (found, modified_ns) = (Arc::clone(&fresh.found), fresh.stat.modified_ns);
        let (writing, genre) = (&found.writing, found.writing.genre());
        let adopt = self.is_first_contact(path, genre) || writing.imported();
        let lost = self.lost.remove(path);
        let id = match (&lost, writing.id().map(ReviewId::parse)) {
            (Some((id, _)), None) => id.clone(),
            (_, Some(Some(asked))) => identity::unused(&asked, |id| self.is_used(id)),
            (_, None | Some(None)) => identity::unused(&self.mint(genre, writing.slug()), |id| self.is_used(id)),
        };
        let known = lost.map(|(_, known)| known);
        let own_date = writing.date().map(|date| date.timestamp());
        let published = match known.as_ref().and_then(|known| known.published) {
            Some(published) => published,
            None if adopt => {
                let wanted = own_date.unwrap_or(self.written(modified_ns)).min(self.now);
                self.seconds().take_before(wanted)
            }
            None if self.desk.aftermath == Aftermath::Looking => {
                let written = self.written(modified_ns);
                self.seconds().take_before(written)
            }
            None => {
                let now = self.now;
                self.seconds().take_newest(now)
            }
        };
        let slug = known.as_ref().and_then(|known| known.slug.clone()).unwrap_or_else(|| writing.slug().clone());
        let mut entry = Entry {
            genre,
            guid: known.and_then(|known| known.guid).unwrap_or_else(|| format!("urn:uuid:{}", self.means.clock.uuid())),
            slug: match genre {
                Genre::Review => self.take_slug(&slug, &id),
                Genre::Answer => slug,
            },
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
            self.adopted.push(PlanItem { file: path.to_owned(), id: id.clone(), title: writing.title(), genre });
        } else {
            self.intend(&mut entry, Intent::Create);
        }
        self.journal_line(LineEvent::Minted, &entry);
        self.write(path, entry);
    }

    /// The id of a text by its slug. After a restore the ids that the original minted since are unknown, deleted ones too:
    /// what the first look finds is most likely known under its plain id, what comes later gets one that is new.
    fn mint(&self, genre: Genre, slug: &Slug) -> ReviewId {
        let since =
            self.desk.restored.filter(|_| self.desk.aftermath != Aftermath::Looking).map(|restored| restored.at);
        identity::derived(&self.desk.reviewer.handle, genre, slug, since)
    }

    fn written(&self, modified_ns: i64) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(modified_ns)).unwrap_or(self.now).min(self.now)
    }

    /// The text of a known review was read again; `edited` when somebody would see a difference.
    pub(super) fn changed(&mut self, id: &ReviewId, path: &str, edited: bool) {
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
            let slug = self.take_slug(found.writing.slug(), id);
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

    pub(super) async fn returned(&mut self, id: &ReviewId, path: &str, edited: bool) -> Result<(), ReconcileError> {
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

    pub(super) fn moved(&mut self, id: &ReviewId, path: &str) {
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

    pub(super) fn pictured(&mut self, id: &ReviewId, path: &str) {
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
    pub(super) async fn merged(&mut self, old: &ReviewId, new: &ReviewId, path: &str) -> Result<(), ReconcileError> {
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
        let genre = self.entry(old).genre;
        let Some(content) = self.stored(genre, new).await? else { return Ok(()) };
        let mut entry = self.entry(old);
        if shown != entry.shown {
            let previous = entry.updated.unwrap_or(entry.published);
            entry.updated = Some(self.now.max(previous + Duration::from_secs(1)));
        }
        (entry.shown, entry.worded, entry.likeness) = (shown, worded, likeness);
        let owed = owed(&entry);
        self.intend(&mut entry, owed);
        let outcome = match content {
            Content::Review(content) => {
                let (published, ..) = *content;
                let glance = reading::glance(&published.review);
                let published = Published {
                    cover: published.cover,
                    pictures: published.pictures,
                    ..self.whole(&entry, published.review)
                };
                self.put(entry, published, glance);
                FileOutcome::Review(old.clone())
            }
            Content::Answer(answer) => {
                let answer = PublishedAnswer {
                    id: entry.id.clone(),
                    published: entry.published,
                    updated: entry.updated,
                    ..*answer
                };
                self.content.insert(old.clone(), Content::Answer(Box::new(answer)));
                self.work.insert(old.clone(), entry);
                FileOutcome::Answer(old.clone())
            }
        };
        if let Some(mark) = self.desk.marks.get(path) {
            self.marks.insert(path.to_owned(), FileMark { outcome, ..mark.clone() });
        }
        Ok(())
    }

    /// Notes files whose date lies in the future, and when to look at them again.
    pub(super) fn scheduled(&mut self) {
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
        let due = |mark: &FileMark| if let FileOutcome::Scheduled(due) = mark.outcome { Some(due) } else { None };
        let as_before = self.desk.marks.values().filter(|mark| due(mark).is_some());
        let marks = as_before.filter(|mark| !self.marks.contains_key(&mark.path)).chain(self.marks.values());
        let due = marks.filter_map(due).min();
        if let Some(due) = due {
            self.look_again(Duration::try_from(due.duration_since(self.now)).unwrap_or_default());
        }
    }
}
