//! Who is kept out: actors and whole domains, one by one or by the thousand.

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Reception, host_of};
use crate::{
    fediverse::{peers::PeerProblem, quotes},
    store::{StoreError, names_of},
};

/// Why a name was not put on the block list or taken off it.
#[derive(Debug, thiserror::Error)]
pub enum BlockProblem {
    #[error("`{0}` is neither a domain nor an actor's address")]
    NoName(String),
    #[error("the account was not found ({0}); name the actor's address (https://...) instead")]
    Peer(#[from] PeerProblem),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of a wish to keep others out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocking {
    pub blocked: usize,
    /// Follows that ended by it.
    pub ended: usize,
    /// Names that could not be blocked, each with the reason.
    pub refused: Vec<String>,
}

impl Blocking {
    /// Adds what came of more of the same wish.
    pub fn join(&mut self, more: Self) {
        self.blocked += more.blocked;
        self.ended += more.ended;
        self.refused.extend(more.refused);
    }
}

impl Reception {
    /// Keeps actors and whole domains out, each with a reason: ends their follows, hides what they said and takes back what
    /// they were allowed to quote. A name that means nobody does not keep the others from being blocked.
    pub async fn block(&self, names: &[(String, Option<String>)]) -> Result<Blocking, PeerProblem> {
        let mut blocking = Blocking::default();
        let mut out = HashSet::new();
        for (name, reason) in names {
            match self.name_to_block(name).await {
                Ok(name) => {
                    self.store.keep_block(&name, reason.as_deref(), self.clock.now()).await?;
                    blocking.blocked += 1;
                    out.insert(name);
                }
                Err(BlockProblem::Store(error)) => return Err(error.into()),
                Err(problem) => blocking.refused.push(format!("{name}: {problem}")),
            }
        }
        let is_out = |actor: &str| names_for(actor).iter().any(|name| out.contains(name));
        for follower in self.store.followers(None).await?.iter().filter(|follower| is_out(&follower.actor)) {
            self.store.drop_follower(&follower.reviewer, &follower.actor, &[]).await?;
            blocking.ended += 1;
        }
        for (stamp, author) in self.store.quote_stamps().await? {
            if is_out(author.as_deref().unwrap_or(&stamp.quoted_by)) {
                quotes::revoke(&self.store, &self.origin, &stamp, author.as_deref(), self.clock.now_in_seconds())
                    .await?;
            }
        }
        self.conversation.shut_out(is_out).await?;
        self.mail.notify_one();
        Ok(blocking)
    }

    pub async fn unblock(&self, name: &str) -> Result<bool, BlockProblem> {
        Ok(self.store.drop_block(&self.name_to_block(name).await?).await?)
    }

    /// What a block list holds: an actor's id, also for `@bob@mastodon.example`, or a domain, perhaps with a port.
    async fn name_to_block(&self, name: &str) -> Result<String, BlockProblem> {
        let name = name.trim().trim_start_matches(['@', '.', '*']);
        if name.contains('@') && !name.contains("://") {
            return Ok(match self.find(name).await? {
                Some(follower) => follower.actor,
                None => self.peers.visit().resolve(name).await?.id,
            });
        }
        let address = if name.contains("://") { name.to_owned() } else { format!("https://{name}") };
        match Url::parse(&address) {
            Ok(url) if url.path().len() > 1 => Ok(address),
            Ok(_) | Err(_) => host_of(&address).ok_or_else(|| BlockProblem::NoName(name.to_owned())),
        }
    }
}

/// The names by which a block may mean an actor.
fn names_for(actor: &str) -> BTreeSet<String> {
    names_of(Some(actor), &host_of(actor).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_means_an_actor_its_host_or_a_domain_above_it() {
        let bob = "https://social.m.example:8443/users/bob";
        let names = names_for(bob);
        for name in [bob, "social.m.example:8443", "social.m.example", "m.example", "example"] {
            assert!(names.contains(name), "{name}");
        }
        for name in ["https://social.m.example:8443/users/eve", "other.m.example", "ocial.m.example", "8443", ""] {
            assert!(!names.contains(name), "{name}");
        }
    }
}
