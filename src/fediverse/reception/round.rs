//! Behind the door: what was received is worked through once, those of one actor in the order in which they came.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use jiff::SignedDuration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{Reception, Trouble, host_of};
use crate::{
    fediverse::inbox::{self, Activity, Event, Unreadable},
    store::{ReceivedActivity, ReceivedState, Settled, StoreError},
};

/// Activities taken up together; those of one actor stay in order.
const BATCH: usize = 256;
/// Actors whose activities are worked through side by side.
const ACTORS_AT_ONCE: usize = 8;
/// Tries before an activity is given up; with the delays below about a day (Mastodon: 8).
const ATTEMPTS_MAX: u32 = 8;
/// Ids are remembered this long against replays; a signature is refused after twelve hours anyway.
const REMEMBER: SignedDuration = SignedDuration::from_hours(24 * 30);
/// Ids remembered at most, in the order they came: about 100 MB.
const REMEMBERED_MAX: i64 = 500_000;
/// How often ids are forgotten: it is a walk through all of them.
const FORGET_EVERY: Duration = Duration::from_secs(3600);
/// After several came together more are on their way, and they are worked through together too.
const BURST_PAUSE: Duration = Duration::from_millis(25);
/// The longest wait between two looks at the table.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// An activity whose turn has come, read once.
pub(super) struct Due {
    pub received: ReceivedActivity,
    pub activity: Result<Activity, Unreadable>,
}

/// What is due, by actor, in the order in which it came.
pub(super) type Queues = BTreeMap<String, VecDeque<Due>>;

impl Reception {
    /// Works through what was received until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut forget_at = Duration::ZERO;
        while !stop.is_cancelled() {
            if self.clock.elapsed() >= forget_at {
                forget_at = self.clock.elapsed() + FORGET_EVERY;
                if let Err(error) = self.store.forget_received(self.clock.now() - REMEMBER, REMEMBERED_MAX).await {
                    tracing::warn!(%error, "old ids could not be forgotten: {error}");
                }
            }
            match self.work_through().await {
                Ok(0) => {
                    if let Err(error) = self.letterbox.weigh().await {
                        tracing::warn!(%error, "what waits could not be counted: {error}");
                    }
                }
                Ok(count) if count > 1 && count < BATCH => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(BURST_PAUSE) => continue,
                    }
                }
                Ok(_) => continue,
                Err(error) => tracing::error!(%error, "the inbox could not be worked through: {error}"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.work.notified() => {}
                () = self.clock.sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Works through one batch and returns its size: what is simple together, the rest one by one.
    pub async fn work_through(&self) -> Result<usize, StoreError> {
        let due = self.store.due_received(self.clock.now(), BATCH as i64).await?;
        let count = due.len();
        let mut queues = Queues::new();
        for received in due {
            let activity = inbox::read(&received.body);
            queues.entry(received.actor.clone()).or_default().push_back(Due { received, activity });
        }
        if let Err(error) = self.together(&mut queues).await {
            // Nothing of it was written: one by one, the one that does not go holds up nobody else.
            tracing::warn!(%error, "activities could not be worked through together: {error}");
        }
        self.one_by_one(queues).await?;
        Ok(count)
    }

    async fn one_by_one(&self, queues: Queues) -> Result<(), StoreError> {
        let mut running: JoinSet<Result<(), StoreError>> = JoinSet::new();
        for queue in queues.into_values() {
            if running.len() >= ACTORS_AT_ONCE
                && let Some(Ok(Err(error))) = running.join_next().await
            {
                return Err(error);
            }
            let reception = self.clone();
            running.spawn(async move {
                for due in queue {
                    reception.settle(&due).await?;
                }
                Ok(())
            });
        }
        let mut settled = Ok(());
        while let Some(done) = running.join_next().await {
            if let Ok(Err(error)) = done {
                settled = Err(error);
            }
        }
        settled
    }

    /// Works through one. What became of it has to be written: otherwise it comes again, and again for nothing.
    async fn settle(&self, due: &Due) -> Result<(), StoreError> {
        let (now, received) = (self.clock.now(), &due.received);
        let attempts = received.attempts + 1;
        let span = tracing::debug_span!("inbox", id = received.id, actor = received.actor);
        let (state, outcome, next_at) = match self.obey(due).instrument(span).await {
            Ok(outcome) => (ReceivedState::Done, outcome, now),
            Err(trouble) => {
                let passing = match &trouble {
                    Trouble::Store(_) => true,
                    Trouble::Peer(problem) => problem.is_passing(),
                };
                let delay = Duration::from_secs(u64::from(attempts).pow(4) + 15);
                match passing && attempts < ATTEMPTS_MAX {
                    true => (ReceivedState::Due, trouble.to_string(), now + delay),
                    false => (ReceivedState::GivenUp, trouble.to_string(), now),
                }
            }
        };
        let settled = Settled { seq: received.seq, state, outcome, next_at };
        self.store.settle_received(&settled).await.inspect_err(|error| self.store.suspect(error))?;
        self.told(received, &settled);
        Ok(())
    }

    /// Says what became of one, and lets more of its host come.
    pub(super) fn told(&self, received: &ReceivedActivity, settled: &Settled) {
        let (id, actor, outcome) = (&received.id, &received.actor, &settled.outcome);
        match settled.state {
            ReceivedState::Done => tracing::debug!(id, actor, "{actor}: {outcome}"),
            ReceivedState::Due => {
                tracing::info!(id, actor, "{actor}: {outcome}; trying again at {}", settled.next_at);
                return;
            }
            ReceivedState::GivenUp => tracing::warn!(id, actor, "{actor}: {outcome}; passed over"),
        }
        self.letterbox.lighten(&host_of(actor).unwrap_or_default(), received.body.len());
    }

    /// Does what an activity asks, and says what was done.
    async fn obey(&self, due: &Due) -> Result<String, Trouble> {
        let (Ok(activity), received) = (&due.activity, &due.received) else { return Ok("unreadable".to_owned()) };
        let actor = &received.actor;
        if let Some(done) = self.conversation.hear(activity.id.as_deref(), actor, &activity.event).await? {
            return Ok(done);
        }
        Ok(match &activity.event {
            Event::Followed { object } => self.followed(actor, activity.id.as_deref(), object, received.at).await?,
            Event::Unfollowed { object, follow } => {
                self.unfollowed(actor, object.as_deref(), follow.as_deref()).await?
            }
            Event::TookBack { id } if self.conversation.took_back(actor, id).await? => {
                "took back a reaction".to_owned()
            }
            Event::TookBack { id } => self.unfollowed(actor, None, Some(id)).await?,
            Event::Blocked { object } => self.unfollowed(actor, Some(object), None).await?,
            Event::AccountDeleted => {
                let follows = self.store.drop_follower_everywhere(actor).await?;
                let said = self.conversation.forget_actor(actor).await?;
                self.peers.forget(actor).await?;
                format!("the account is gone; {follows} follows ended, {said} replies and reactions went")
            }
            Event::ProfileChanged => self.profile_changed(actor).await?,
            Event::Moved { target } => self.moved(actor, target).await?,
            Event::AskedToQuote { request, quoting } => self.asked_to_quote(actor, request, quoting).await?,
            Event::Posted(_)
            | Event::Edited(_)
            | Event::Deleted { .. }
            | Event::Liked { .. }
            | Event::Unliked { .. }
            | Event::Boosted { .. }
            | Event::Unboosted { .. }
            | Event::Unblocked { .. }
            | Event::Reported { .. }
            | Event::Accepted { .. }
            | Event::Rejected { .. } => "noted".to_owned(),
            Event::Ignored(reason) => format!("means nothing here ({reason:?})"),
        })
    }
}
