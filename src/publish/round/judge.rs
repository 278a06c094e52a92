//! Pending intents judged together, and those that are due put into words.

use std::{collections::BTreeSet, time::Duration};

use super::{ReconcileError, Working};
use crate::{
    domain::{
        Genre, ReviewId,
        ledger::{Entry, Hold, Intent, Standing},
    },
    fediverse::note::REPLIES_PER_PAGE,
    publish::{
        decide::{self, ANNOUNCE_EVERY, Caution, Pending, Verdict},
        desk::FolderState,
        identity::LineEvent,
        reading,
        voice::Voice,
    },
    store::{Aftermath, Content, OwnReply},
};

impl Working<'_> {
    pub(super) async fn judge(&mut self) -> Result<(), ReconcileError> {
        let as_before = self.desk.entries.values().filter(|entry| !self.work.contains_key(&entry.id));
        let pending = as_before.chain(self.work.values()).filter(|entry| entry.intent != Intent::Nothing);
        let mut pending: Vec<Pending> = pending
            .map(|entry| {
                let stirred = self.stirred.get(&entry.id).or_else(|| self.desk.stirred.get(&entry.id)).copied();
                let quiet_for = self.elapsed.saturating_sub(stirred.unwrap_or(self.elapsed));
                let Entry { genre, intent, hold, .. } = *entry;
                Pending { id: entry.id.clone(), genre, intent, hold, quiet_for }
            })
            .collect();
        pending.sort_by(|one, other| one.id.cmp(&other.id));
        let moved = !pending.is_empty() && self.means.store.moved_to(&self.desk.reviewer.handle).await?.is_some();
        let lost = matches!(self.folder, FolderState::Missing | FolderState::Emptied);
        let caution = match self.desk.aftermath {
            Aftermath::Looking => Caution::Restored,
            Aftermath::Over | Aftermath::Held if lost => Caution::FolderLost,
            Aftermath::Over | Aftermath::Held => Caution::None,
        };
        for (id, verdict) in decide::decide(&pending, &self.means.limits, caution) {
            match verdict {
                Verdict::Settle => self.settle(&id),
                Verdict::Wait(left) => self.look_again(left),
                Verdict::Hold => self.hold(&id).await?,
                // An account that moved announces nothing; that a review is no more is told all the same.
                Verdict::Send if moved && self.entry(&id).intent != Intent::Delete => self.settle(&id),
                Verdict::Send => {
                    if self.entry(&id).hold == Hold::Queued {
                        self.next_in_line(&id);
                    }
                    self.send(&id).await?;
                }
            }
        }
        Ok(())
    }

    /// Those that wait for their turn wait from now on, in the order they had.
    fn next_in_line(&mut self, sent: &ReviewId) {
        let since = |id: &ReviewId| self.stirred.get(id).or_else(|| self.desk.stirred.get(id)).copied();
        let ids: BTreeSet<&ReviewId> = self.desk.entries.keys().chain(self.work.keys()).collect();
        let mut line: Vec<ReviewId> =
            ids.into_iter().filter(|id| *id != sent && self.entry(id).hold == Hold::Queued).cloned().collect();
        line.sort_by_key(|id| (since(id), id.clone()));
        for (place, id) in line.iter().rev().enumerate() {
            let ahead = Duration::from_millis(u64::try_from(place).unwrap_or(0));
            self.stirred.insert(id.clone(), self.elapsed.saturating_sub(ahead));
        }
        if !line.is_empty() {
            self.look_again(ANNOUNCE_EVERY);
        }
    }

    /// A held change is not sent; a held removal stays in pages and feeds too.
    pub(super) async fn hold(&mut self, id: &ReviewId) -> Result<(), ReconcileError> {
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

    /// Takes an intent as told: what the original of a restored copy did, or what nobody needs to hear.
    fn settle(&mut self, id: &ReviewId) {
        let mut entry = self.entry(id);
        match entry.intent {
            Intent::Nothing => {}
            Intent::Create | Intent::Update => entry.told = Some(entry.worded.clone()),
            Intent::Delete => {
                entry.standing = Standing::Gone;
                self.deleted.insert(id.clone(), self.now);
                self.journal_line(LineEvent::Deleted, &entry);
            }
        }
        entry.intent = Intent::Nothing;
        entry.hold = Hold::No;
        self.work.insert(id.clone(), entry);
    }

    pub(super) async fn send(&mut self, id: &ReviewId) -> Result<(), ReconcileError> {
        let mut entry = self.entry(id);
        let voice = Voice { site: self.means.site, reviewer: &self.desk.reviewer };
        match entry.intent {
            Intent::Nothing => return Ok(()),
            Intent::Create | Intent::Update => {
                let content = match self.content.get(id) {
                    Some(content) => Some(content.clone()),
                    None => self.stored(entry.genre, id).await?,
                };
                let Some(content) = content else { return Ok(()) };
                self.outgoing.extend(match entry.intent {
                    Intent::Create => voice.announce(&content, self.now),
                    Intent::Nothing | Intent::Update | Intent::Delete => {
                        let handle = &self.desk.reviewer.handle;
                        let came_back = self.means.store.came_back(handle, id, REPLIES_PER_PAGE).await?;
                        voice.amend(&content, &came_back, self.now)
                    }
                });
                entry.told = Some(entry.worded.clone());
            }
            Intent::Delete => {
                if entry.told.is_some() {
                    self.outgoing.extend(match self.stored_answer(&entry).await? {
                        Some(answer) => voice.withdraw_answer(&answer, self.now),
                        None => voice.withdraw(id, self.now),
                    });
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

    pub(super) async fn back_in_lists(&mut self, id: &ReviewId) -> Result<(), ReconcileError> {
        match self.stored(self.entry(id).genre, id).await? {
            Some(Content::Review(content)) => self.cards_back.push(content.1),
            Some(Content::Answer(answer)) => self.replies.push(OwnReply::Returns(self.reply(&answer))),
            None => {}
        }
        Ok(())
    }

    /// The text of an entry as it was published last.
    pub(super) async fn stored(&self, genre: Genre, id: &ReviewId) -> Result<Option<Content>, ReconcileError> {
        let handle = &self.desk.reviewer.handle;
        Ok(match genre {
            Genre::Review => self.means.store.published(handle, id).await?.map(|published| {
                let glance = reading::glance(&published.review);
                let card = published.card(glance.excerpt, glance.words);
                Content::Review(Box::new((published, card, glance.search)))
            }),
            Genre::Answer => self.means.store.answer(handle, id).await?.map(|answer| Content::Answer(Box::new(answer))),
        })
    }
}
