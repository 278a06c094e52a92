//! Whose signature was checked lately: their keys, parsed and at hand, so that the next one costs a verification and nothing
//! else. A copy of what the store remembers, never more: who is forgotten or fetched anew there is forgotten here.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    domain::{RemoteActor, peer::ActorKey},
    fediverse::signature::{Claim, PublicKey},
};

/// Actors whose keys are at hand, at 2 kB each, as many as the store keeps of strangers; a flood beyond that empties the memory.
const ACTORS_MAX: usize = 20_000;
/// How long a key is believed without a look at the store: what another process changes there counts from then on.
const BELIEVED: Duration = Duration::from_secs(3600);

#[derive(Default)]
pub(super) struct Acquaintances(Mutex<HashMap<String, Acquaintance>>);

struct Acquaintance {
    keys: Arc<[(String, PublicKey)]>,
    since: Duration,
    fetched_at: Timestamp,
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

    /// When this actor, met lately, was fetched.
    pub(super) fn fetched_at(&self, actor: &str, now: Duration) -> Option<Timestamp> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(actor).filter(|one| now.saturating_sub(one.since) < BELIEVED).map(|one| one.fetched_at)
    }

    pub(super) fn remember(&self, actor: &RemoteActor, now: Duration) {
        let parsed = |key: &ActorKey| Some((key.id.clone(), PublicKey::from_pem(&key.pem).ok()?));
        let keys = actor.keys.iter().filter_map(parsed).collect();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ACTORS_MAX && !known.contains_key(&actor.id) {
            known.clear();
        }
        known.insert(actor.id.clone(), Acquaintance { keys, since: now, fetched_at: actor.fetched_at });
    }

    pub(super) fn forget(&self, actor: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(actor);
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::{
        domain::Origin,
        fediverse::signature::{self, KeyPair, Outgoing, Received, Signer, Spec, tests::PRIVATE, tests::PUBLIC},
    };

    const BOB: &str = "https://m.example/users/bob";

    fn bob(key: &str) -> RemoteActor {
        RemoteActor {
            id: BOB.into(),
            kind: "Person".into(),
            inbox: format!("{BOB}/inbox"),
            shared_inbox: None,
            keys: vec![ActorKey { id: format!("{BOB}#{key}"), pem: PUBLIC.into() }],
            name: "Bob".into(),
            handle: "bob@m.example".into(),
            page: BOB.into(),
            avatar: None,
            bookwyrm: false,
            also_known_as: vec![],
            moved_to: None,
            fetched_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// What bob's server signs with its key of this name.
    fn claim(key: &str) -> Claim {
        let (url, now) = (Url::parse("https://books.example/inbox").unwrap(), Timestamp::UNIX_EPOCH);
        let (key_id, pair) = (format!("{BOB}#{key}"), KeyPair::from_pem(PRIVATE).unwrap());
        let outgoing = Outgoing { method: "POST", url: &url, body: Some(b"{}"), sha256: None };
        let signer = Signer { key_id: &key_id, key: &pair };
        let mut headers = signature::sign(&outgoing, &signer, Spec::Cavage, now).unwrap();
        headers.insert("host", "books.example".parse().unwrap());
        let received = Received { method: "POST", path_and_query: "/inbox", headers: &headers, body: b"{}" };
        signature::read(&received, &Origin::parse("https://books.example").unwrap(), now).unwrap()
    }

    #[test]
    fn who_was_met_is_recognised_by_that_key_alone_and_not_for_ever() {
        let known = Acquaintances::default();
        let recognises = |actor: &str, key: &str, at| known.recognise(actor, &claim(key), at);
        assert!(!recognises(BOB, "main-key", Duration::ZERO));
        known.remember(&bob("main-key"), Duration::ZERO);
        assert!(recognises(BOB, "main-key", BELIEVED - Duration::from_secs(1)));
        assert!(!recognises(BOB, "main-key", BELIEVED));
        assert!(!recognises(BOB, "other-key", Duration::ZERO), "a key that bob does not show");
        assert!(!recognises("https://m.example/users/eve", "main-key", Duration::ZERO), "bob's key is nobody else's");
        known.remember(&bob("new-key"), Duration::ZERO);
        assert!(!recognises(BOB, "main-key", Duration::ZERO), "a key that was replaced");
        assert!(recognises(BOB, "new-key", Duration::ZERO));
        assert_eq!(known.fetched_at(BOB, Duration::ZERO), Some(Timestamp::UNIX_EPOCH));
        assert_eq!(known.fetched_at(BOB, BELIEVED), None);
        known.forget(BOB);
        assert!(!recognises(BOB, "new-key", Duration::ZERO));
    }
}
