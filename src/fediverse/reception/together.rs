//! Likes, boosts and follows that came together: looked into together, and written in one transaction with the fact that
//! they were; at the door already, where nothing of their host waits. Only what is simple: of somebody who is known and need
//! not be fetched, about something of ours. The first activity of an actor that is not simple, and all of that actor's after
//! it, are left, so that nobody's order changes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use jiff::Timestamp;

use super::{
    Reception, Trouble, follower,
    letterbox::{Insight, Looked},
    round::{Due, Queues},
    tell_of_follow,
};
use crate::{
    domain::{Handle, RemoteActor},
    fediverse::{
        conversation::together::{Counted, Known, Said},
        inbox::{Activity, Event},
    },
    store::{Arrival, Deed, Finished, FollowState, Follower, ReceivedState, Settled, Worked},
};

/// What is known before the batch is judged.
struct Ground {
    /// Who is known, needs not be fetched, and follows.
    people: HashMap<String, RemoteActor>,
    talk: Known,
    closed: Closed,
}

/// Why nobody can follow a reviewer any more; `None` where anybody can.
type Closed = BTreeMap<Handle, Option<String>>;

#[async_trait::async_trait]
impl Insight for Reception {
    /// Other nodes may have something of the same people in their hands, so where there are several nothing is simple here.
    async fn look<'a>(&'a self, letters: &[(&Arrival, &Activity)]) -> Looked<'a> {
        let nothing = || Looked { finished: letters.iter().map(|_| None).collect(), ..Looked::default() };
        if self.store.is_shared() || !letters.iter().any(|(_, activity)| self.may_be_simple(activity)) {
            return nothing();
        }
        let mut counting = self.conversation.counting().await;
        let said: Vec<_> = letters.iter().map(|(arrival, activity)| (arrival.actor.as_str(), *activity)).collect();
        let mut ground = match self.look_into(&said, &mut counting).await {
            Ok(ground) => ground,
            Err(error) => {
                tracing::warn!(%error, "activities could not be looked into at the door: {error}");
                return nothing();
            }
        };
        let mut in_line = HashSet::new();
        let finished = letters.iter().map(|(arrival, activity)| {
            let actor = arrival.actor.as_str();
            let finished = match in_line.contains(actor) {
                true => None,
                false => self.judge(actor, activity, arrival.at, &mut ground),
            };
            if finished.is_none() {
                in_line.insert(actor);
            }
            finished
        });
        let finished = finished.collect();
        Looked { finished, people: ground.people, counts: Some((counting, ground.talk)) }
    }

    fn tell(&self, arrival: &Arrival, finished: &Finished, people: &HashMap<String, RemoteActor>) {
        let (id, actor, outcome) = (&arrival.id, &arrival.actor, &finished.outcome);
        tracing::debug!(id, actor, "{actor}: {outcome}");
        if let Deed::Follow(follow) = &finished.deed {
            self.tell_of_follow(&follow.0, people);
        }
    }
}

impl Reception {
    /// Takes what is simple from the heads of the queues, and works through it.
    ///
    /// # Errors
    /// Nothing was written, and everything stands in its queue.
    pub(super) async fn together(&self, queues: &mut Queues) -> Result<(), Trouble> {
        let simple = |due: &Due| due.activity.as_ref().is_ok_and(|activity| self.may_be_simple(activity));
        if !queues.values().any(|queue| queue.front().is_some_and(simple)) {
            return Ok(());
        }
        let mut counting = self.conversation.counting().await;
        let all = queues.iter().flat_map(|(actor, queue)| queue.iter().map(move |due| (actor.as_str(), due)));
        let said: Vec<_> = all.filter_map(|(actor, due)| Some((actor, due.activity.as_ref().ok()?))).collect();
        let mut ground = self.look_into(&said, &mut counting).await?;
        let (mut worked, mut taken, next_at) = (Worked::default(), Vec::new(), self.clock.now());
        for (actor, queue) in &*queues {
            for due in queue {
                let Ok(activity) = &due.activity else { break };
                let Some(Finished { deed, outcome }) = self.judge(actor, activity, due.received.at, &mut ground) else {
                    break;
                };
                worked.deeds.push(deed);
                let (seq, state) = (due.received.seq, ReceivedState::Done);
                worked.settled.push(Settled { seq, state, outcome, next_at });
                taken.push(actor.clone());
            }
        }
        if worked.settled.is_empty() {
            return Ok(());
        }
        self.store.keep_worked(&worked).await?;
        counting.note(ground.talk);
        drop(counting);
        for (actor, settled) in taken.iter().zip(&worked.settled) {
            if let Some(due) = queues.get_mut(actor).and_then(VecDeque::pop_front) {
                self.told(&due.received, settled);
            }
        }
        for deed in &worked.deeds {
            if let Deed::Follow(follow) = deed {
                self.tell_of_follow(&follow.0, &ground.people);
            }
        }
        Ok(())
    }

    fn tell_of_follow(&self, follower: &Follower, people: &HashMap<String, RemoteActor>) {
        if let Some(person) = people.get(&follower.actor) {
            tell_of_follow(follower, person);
        }
        self.mail.notify_one();
    }

    fn may_be_simple(&self, activity: &Activity) -> bool {
        match &activity.event {
            Event::Liked { .. } | Event::Boosted { .. } => true,
            // Whether a follow waits for approval depends on whether it was approved before.
            Event::Followed { .. } => !self.approves_followers,
            _ => false,
        }
    }

    /// Asks what has to be known of these, each with who says it.
    async fn look_into(&self, said: &[(&str, &Activity)], counted: &mut Counted) -> Result<Ground, Trouble> {
        let simple: Vec<(&str, &Activity)> =
            said.iter().copied().filter(|(_, activity)| self.may_be_simple(activity)).collect();
        let follows = |activity: &Activity| matches!(activity.event, Event::Followed { .. });
        let to_be_read: BTreeSet<&str> = simple
            .iter()
            .filter(|(actor, activity)| follows(activity) || !self.peers.is_fresh_acquaintance(actor))
            .map(|(actor, _)| *actor)
            .collect();
        let mut people = HashMap::new();
        if !to_be_read.is_empty() {
            people = self.store.remote_actors(&Vec::from_iter(to_be_read)).await?;
            people.retain(|_, person| self.peers.is_fresh(person));
        }
        let said: Vec<Said<'_>> = simple.iter().filter_map(|(actor, activity)| Said::read(activity, actor)).collect();
        let talk = self.conversation.known(&said, counted).await?;
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

    /// What one activity comes to; `None` where it is not simple.
    fn judge(&self, actor: &str, activity: &Activity, at: Timestamp, ground: &mut Ground) -> Option<Finished> {
        let is_known = || ground.people.contains_key(actor) || self.peers.is_fresh_acquaintance(actor);
        if !self.may_be_simple(activity) || !is_known() {
            return None;
        }
        if let Some(said) = Said::read(activity, actor) {
            let (reaction, outcome) = ground.talk.judge(&said)?;
            return Some(Finished { deed: reaction.map_or(Deed::Nothing, Deed::React), outcome });
        }
        let Event::Followed { object } = &activity.event else { return None };
        let nothing = |outcome: String| Some(Finished { deed: Deed::Nothing, outcome });
        let Some(reviewer) = self.reviewer_of(object) else { return nothing("follows nobody here".to_owned()) };
        if let Some(why) = ground.closed.get(&reviewer)? {
            return nothing(why.clone());
        }
        let (person, state) = (ground.people.get(actor)?, FollowState::Accepted);
        let follower = follower(&reviewer, actor, person, activity.id.as_deref(), state, at);
        let accept = self.accept(&follower);
        Some(Finished { deed: Deed::Follow(Box::new((follower, accept))), outcome: format!("follows @{reviewer}") })
    }
}
