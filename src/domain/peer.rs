//! Somebody elsewhere in the fediverse.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An actor of another server, as its own document describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteActor {
    /// The address of the actor document, which is also who it is.
    pub id: String,
    /// The first type it names: `Person`, `Group`, `Service`.
    pub kind: String,
    pub inbox: String,
    pub shared_inbox: Option<String>,
    pub keys: Vec<ActorKey>,
    /// One line, cleaned; the user name where the actor gives none.
    pub name: String,
    /// `bob@mastodon.example`, as the actor's own host would write it.
    pub handle: String,
    /// The profile page for people.
    pub page: String,
    pub avatar: Option<String>,
    /// Takes a `Review` instead of a `Note`.
    pub bookwyrm: bool,
    pub also_known_as: Vec<String>,
    pub moved_to: Option<String>,
    pub fetched_at: Timestamp,
}

/// A public key that an actor shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorKey {
    pub id: String,
    pub pem: String,
}

impl RemoteActor {
    /// Whether the actor shows this key.
    pub fn key(&self, key_id: &str) -> Option<&ActorKey> {
        self.keys.iter().find(|key| key.id == key_id)
    }

    /// Where a message for this actor and others on its server goes.
    pub fn shared_or_own_inbox(&self) -> &str {
        self.shared_inbox.as_deref().unwrap_or(&self.inbox)
    }
}
