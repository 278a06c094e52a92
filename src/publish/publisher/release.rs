//! `apply`: held changes are let go, sent or taken as known.

use super::Publisher;
use crate::{
    domain::ledger::{Hold, Intent},
    publish::desk::Plan,
    store::Aftermath,
};

/// How held changes are let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    Send,
    /// Followers know already: nothing is sent.
    Quietly,
}

impl Publisher {
    /// Releases held intents: all, or those whose id, slug or file is named, or whose reviewer is.
    pub async fn apply(&mut self, names: &[String], release: Release) -> Plan {
        let mut released = Plan { reason: self.settle_restore(names, release).await, ..Plan::default() };
        for (desk, _) in &mut self.desks {
            let before = desk.plan();
            let handle = desk.reviewer.handle.to_string();
            let chosen: Vec<_> = desk
                .entries
                .values()
                .filter(|entry| entry.hold == Hold::Held)
                .filter(|entry| {
                    let named = |name: &String| {
                        name == entry.id.as_str()
                            || name == entry.slug.as_str()
                            || *name == entry.file
                            || name.trim_start_matches('@') == handle
                    };
                    names.is_empty() || names.iter().any(named)
                })
                .cloned()
                .collect();
            for mut entry in chosen {
                entry.hold = match release {
                    Release::Send => Hold::Released,
                    Release::Quietly => Hold::Known,
                };
                let item = before.held.iter().find(|item| item.id == entry.id).cloned();
                match entry.intent {
                    Intent::Nothing => {}
                    Intent::Create => released.create.extend(item),
                    Intent::Update => released.update.extend(item),
                    Intent::Delete => released.delete.extend(item),
                }
                // Kept in memory only: the reconcile that follows writes the entry with what it sends.
                desk.entries.insert(entry.id.clone(), entry);
            }
        }
        released
    }

    /// With everything that a restore held, its deliveries go too. Says what became of them.
    async fn settle_restore(&mut self, names: &[String], release: Release) -> Option<String> {
        if !names.is_empty() || self.setup.store.restored().await.ok()?.is_none() {
            return None;
        }
        for (desk, _) in &mut self.desks {
            // The first look is still to come where the folder is away: what it finds is held then.
            if desk.aftermath == Aftermath::Held {
                match self.setup.store.set_aftermath(&desk.reviewer.handle, Aftermath::Over).await {
                    Ok(()) => desk.aftermath = Aftermath::Over,
                    Err(error) => tracing::warn!(%error, "that the restore is settled could not be noted: {error}"),
                }
            }
        }
        let now = self.setup.clock.now();
        let (done, what) = match release {
            Release::Send => (self.setup.store.release_held_deliveries(now).await, "are on their way"),
            Release::Quietly => (self.setup.store.drop_held_deliveries().await, "count as made"),
        };
        match done {
            Ok(0) => None,
            Ok(count) => {
                self.mail.notify_one();
                Some(format!("{count} deliveries that were due in the backup {what}"))
            }
            Err(error) => {
                tracing::error!(%error, "the deliveries held since the restore stay held: {error}");
                None
            }
        }
    }
}
