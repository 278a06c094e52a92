//! An account that leaves for another one: the other must name this one first, or anybody could take its followers.

use super::{activity, peers::PeerProblem, reception::Reception};
use crate::{
    domain::Handle,
    store::{Outgoing, Recipients, StoreError},
};

/// Why an account does not move.
#[derive(Debug, thiserror::Error)]
pub enum MoveProblem {
    #[error("the account {target} was not found ({source}); name it as @name@host or by the address of its actor")]
    NotFound { target: String, source: PeerProblem },
    #[error(
        "{target} does not say that it is the same person, so no server would follow it there. Name {own} among its \
         aliases first: on Mastodon under Preferences, Account, Moving from a different account; on reviewd with \
         also_known_as = [\"{own}\"] below its [[reviewer]]"
    )]
    NotTheSame { target: String, own: String },
    #[error("{target} has moved on to {next} itself; name that one")]
    MovedOn { target: String, next: String },
    #[error("@{0} has ended for ever and cannot move")]
    Ended(Handle),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reception {
    /// Moves an account: its actor names the target from now on, followers are told, and nothing new is announced. Returns
    /// the target's id and how many inboxes are told.
    ///
    /// # Errors
    /// The target cannot be found, or does not name this account in `alsoKnownAs`; nothing has changed then.
    pub async fn move_away(&self, reviewer: &Handle, target: &str) -> Result<(String, u64), MoveProblem> {
        if self.store.is_retired(reviewer).await? {
            return Err(MoveProblem::Ended(reviewer.clone()));
        }
        let visit = self.peers.visit();
        let found = match target.trim_start_matches("acct:") {
            address if address.contains("://") => visit.actor_anew(address).await,
            handle => match visit.resolve(handle.trim_start_matches('@')).await {
                // The aliases of today, not those of a day ago.
                Ok(known) => visit.actor_anew(&known.id).await,
                Err(problem) => Err(problem),
            },
        };
        let there = found.map_err(|source| MoveProblem::NotFound { target: target.to_owned(), source })?;
        let own = self.origin.actor(reviewer);
        if !there.also_known_as.contains(&own) {
            return Err(MoveProblem::NotTheSame { target: there.id, own });
        }
        if let Some(next) = there.moved_to {
            return Err(MoveProblem::MovedOn { target: there.id, next });
        }
        let at = self.clock.now_in_seconds();
        let message = activity::move_to(&self.origin, reviewer, &there.id, at);
        let words = Outgoing { reviewer: reviewer.clone(), message, to: Recipients::AllFollowers, at };
        let told = self.store.move_away(reviewer, &there.id, &words).await?;
        self.mail.notify_one();
        tracing::info!(%reviewer, target = there.id, "@{reviewer} lives at {} now; {told} servers are being told", there.id);
        Ok((there.id, told))
    }
}
