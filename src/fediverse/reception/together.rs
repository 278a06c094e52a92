//! Likes, boosts and follows that came together: looked into together, and written in one transaction with the fact that
//! they were. Only what is simple: of somebody who is known and need not be fetched, about something of ours. The first
//! activity of an actor that is not simple, and all of that actor's after it, are left, so that nobody's order changes.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::{
    Reception, Trouble, follower,
    round::{Due, Queues},
    tell_of_follow,
};
use crate::{
    domain::{Handle, Reaction, RemoteActor},
    fediverse::{
        conversation::together::{Known, Said},
        inbox::{Activity, Event},
    },
    store::{FollowState, Follower, Outgoing, ReceivedState, Settled, Worked},
};

/// What an activity comes to.
enum Deed {
    Nothing,
    React(Reaction),
    Follow(Box<(Follower, Outgoing)>),
}

/// What is known before the batch is judged.
struct Ground {
    people: HashMap<String, RemoteActor>,
    talk: Known,
    closed: Closed,
}

/// Why nobody can follow a reviewer any more; `None` where anybody can.
type Closed = BTreeMap<Handle, Option<String>>;

impl Reception {
    /// Takes what is simple from the heads of the queues, and works through it.
    ///
    /// # Errors
    /// Nothing was written, and everything stands in its queue.
    pub(super) async fn together(&self, queues: &mut Queues) -> Result<(), Trouble> {
        if !queues.values().any(|queue| queue.front().is_some_and(|due| self.may_be_simple(due))) {
            return Ok(());
        }
        let counting = self.conversation.counting().await;
        let Ground { people, mut talk, closed } = self.look_into(queues).await?;
        let (mut worked, mut taken, next_at) = (Worked::default(), Vec::new(), self.clock.now());
        for (actor, queue) in &*queues {
            let Some(person) = people.get(actor) else { continue };
            for due in queue {
                let Some((deed, outcome)) = self.judge(due, person, &mut talk, &closed) else { break };
                match deed {
                    Deed::Nothing => {}
                    Deed::React(reaction) => worked.reactions.push(reaction),
                    Deed::Follow(follow) => worked.follows.push((follow.0, Some(follow.1))),
                }
                let (seq, state) = (due.received.seq, ReceivedState::Done);
                worked.settled.push(Settled { seq, state, outcome, next_at });
                taken.push(actor.clone());
            }
        }
        if worked.settled.is_empty() {
            return Ok(());
        }
        self.store.keep_worked(&worked).await?;
        drop(counting);
        for (actor, settled) in taken.iter().zip(&worked.settled) {
            if let Some(due) = queues.get_mut(actor).and_then(VecDeque::pop_front) {
                self.told(&due.received, settled);
            }
        }
        for (follower, _) in &worked.follows {
            if let Some(person) = people.get(&follower.actor) {
                tell_of_follow(follower, person);
            }
        }
        if !worked.follows.is_empty() {
            self.mail.notify_one();
        }
        Ok(())
    }

    fn may_be_simple(&self, due: &Due) -> bool {
        let Ok(activity) = &due.activity else { return false };
        match &activity.event {
            Event::Liked { .. } | Event::Boosted { .. } => true,
            // Whether a follow waits for approval depends on whether it was approved before.
            Event::Followed { .. } => !self.approves_followers,
            _ => false,
        }
    }

    async fn look_into(&self, queues: &Queues) -> Result<Ground, Trouble> {
        let simple: Vec<(&str, &Activity)> = queues
            .iter()
            .flat_map(|(actor, queue)| queue.iter().map(move |due| (actor.as_str(), due)))
            .filter(|(_, due)| self.may_be_simple(due))
            .filter_map(|(actor, due)| Some((actor, due.activity.as_ref().ok()?)))
            .collect();
        let actors: BTreeSet<&str> = simple.iter().map(|(actor, _)| *actor).collect();
        let mut people = self.store.remote_actors(&Vec::from_iter(actors)).await?;
        people.retain(|_, person| self.peers.is_fresh(person));
        let said: Vec<Said<'_>> = simple.iter().filter_map(|(actor, activity)| Said::read(activity, actor)).collect();
        let talk = self.conversation.known(&said).await?;
        let mut closed = Closed::new();
        for (_, activity) in &simple {
            if let Event::Followed { object } = &activity.event
                && let Some(reviewer) = self.reviewer_of(object)
                && !closed.contains_key(&reviewer)
            {
                let why = self.why_unfollowable(&reviewer).await?;
                closed.insert(reviewer, why);
            }
        }
        Ok(Ground { people, talk, closed })
    }

    /// What one activity comes to, and that in words; `None` where it is not simple.
    fn judge(&self, due: &Due, person: &RemoteActor, talk: &mut Known, closed: &Closed) -> Option<(Deed, String)> {
        let activity = due.activity.as_ref().ok().filter(|_| self.may_be_simple(due))?;
        if let Some(said) = Said::read(activity, &person.id) {
            let (reaction, outcome) = talk.judge(&said)?;
            return Some((reaction.map_or(Deed::Nothing, Deed::React), outcome));
        }
        let Event::Followed { object } = &activity.event else { return None };
        let Some(reviewer) = self.reviewer_of(object) else {
            return Some((Deed::Nothing, "follows nobody here".to_owned()));
        };
        if let Some(why) = closed.get(&reviewer)? {
            return Some((Deed::Nothing, why.clone()));
        }
        let state = FollowState::Accepted;
        let follower = follower(&reviewer, &person.id, person, activity.id.as_deref(), state, due.received.at);
        let accept = self.accept(&follower);
        Some((Deed::Follow(Box::new((follower, accept))), format!("follows @{reviewer}")))
    }
}
