//! Whose signature was checked lately: their keys, parsed and at hand, so that the next one costs a verification and nothing
//! else. A copy of what the store remembers, never more: who is forgotten or fetched anew there is forgotten here.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    domain::RemoteActor,
    fediverse::signature::{Claim, PublicKey},
};

/// Actors whose keys are at hand, at 2 kB each; a flood beyond that empties the memory.
const ACTORS_MAX: usize = 10_000;
/// How long a key is believed without a look at the store: what another process changes there counts from then on.
const BELIEVED: Duration = Duration::from_secs(3600);

#[derive(Default)]
pub(super) struct Acquaintances(Mutex<HashMap<String, Acquaintance>>);

struct Acquaintance {
    keys: Arc<[(String, PublicKey)]>,
    since: Duration,
}

impl Acquaintances {
    /// Whether this actor, met lately, made the signature.
    pub(super) fn recognise(&self, actor: &str, claim: &Claim, now: Duration) -> bool {
        let keys = {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(actor).filter(|one| now.saturating_sub(one.since) < BELIEVED).map(|one| Arc::clone(&one.keys))
        };
        keys.is_some_and(|keys| keys.iter().any(|(id, key)| *id == claim.key_id && claim.verify(key)))
    }

    pub(super) fn remember(&self, actor: &RemoteActor, now: Duration) {
        let parsed = |key: &crate::domain::peer::ActorKey| Some((key.id.clone(), PublicKey::from_pem(&key.pem).ok()?));
        let keys = actor.keys.iter().filter_map(parsed).collect();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ACTORS_MAX && !known.contains_key(&actor.id) {
            known.clear();
        }
        known.insert(actor.id.clone(), Acquaintance { keys, since: now });
    }

    pub(super) fn forget(&self, actor: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(actor);
    }
}
