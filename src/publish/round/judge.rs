//! Pending intents judged together, and those that are due put into words.

use std::collections::BTreeSet;

use super::{ReconcileError, Working};
use crate::{
    domain::{
        ReviewId,
        ledger::{Hold, Intent, Standing},
    },
    publish::{
        decide::{self, Pending, Verdict},
        desk::FolderState,
        identity::LineEvent,
        reading,
        voice::Voice,
    },
};

impl Working<'_> {
    pub(super) async fn judge(&mut self) -> Result<(), ReconcileError> {
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

    pub(super) async fn send(&mut self, id: &ReviewId) -> Result<(), ReconcileError> {
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
                self.outgoing.extend(match entry.intent {
                    Intent::Create => voice.announce(&published, self.now),
                    Intent::Nothing | Intent::Update | Intent::Delete => voice.amend(&published, self.now),
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

    pub(super) async fn back_in_lists(&mut self, id: &ReviewId) -> Result<(), ReconcileError> {
        if let Some(published) = self.means.store.published(&self.desk.reviewer.handle, id).await? {
            let glance = reading::glance(&published.review);
            self.cards_back.push(published.card(glance.excerpt, glance.words));
        }
        Ok(())
    }
}
