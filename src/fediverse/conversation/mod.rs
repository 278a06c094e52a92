//! What other people say to our reviews: replies, likes, boosts, quotes and complaints, as they arrive or are found.
//!
//! A post stands under a review when its `inReplyTo` leads there, each step of the way known or fetched from where it
//! lives. Whether it is shown is decided by the settings and by people; how much of it there may be, by `limits`.

mod arrivals;
mod crawl;
mod limits;
pub(in crate::fediverse) mod place;
mod reactions;
pub(in crate::fediverse) mod together;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    inbox::{Event, Post, Told, same_host},
    json::authority,
    note,
    peers::{PeerProblem, Peers, Visit},
};
use crate::{
    clock::Clock,
    domain::{Handle, Moderation, Origin, ReviewId},
    store::Store,
};

/// Posts fetched in an hour because of one host's hints about posts that may belong to a thread.
const HINTS_PER_HOST: u32 = 30;
const HINTS_EVERY: Duration = Duration::from_secs(3600);
/// Hosts whose hints are counted; a flood beyond that waits for the next hour.
const HINTING_HOSTS_MAX: usize = 10_000;

/// The conversation, as far as it comes from elsewhere. Cheap to clone.
#[derive(Clone)]
pub struct Conversation {
    origin: Origin,
    clock: Clock,
    store: Store,
    peers: Peers,
    reviewers: Arc<Vec<Handle>>,
    rules: Rules,
    hints: Arc<Mutex<Hints>>,
    /// Held from counting what there is to adding to it: what comes at the same time is counted one by one.
    counting: Arc<tokio::sync::Mutex<together::Counted>>,
}

/// What the settings say of replies.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub moderation: Moderation,
    /// A review takes no more replies when it is so old; `None`: never.
    pub close_after: Option<Duration>,
}

/// What the conversation stands on.
pub struct Setup {
    pub origin: Origin,
    pub clock: Clock,
    pub store: Store,
    pub peers: Peers,
    pub reviewers: Arc<Vec<Handle>>,
    pub rules: Rules,
}

/// How often each host made us look at a post since the hour began.
#[derive(Default)]
struct Hints {
    since: Duration,
    by_host: HashMap<String, u32>,
}

impl Conversation {
    pub fn new(setup: Setup) -> Self {
        let Setup { origin, clock, store, peers, reviewers, rules } = setup;
        Self { origin, clock, store, peers, reviewers, rules, hints: Arc::default(), counting: Arc::default() }
    }

    /// Does what an event of the conversation asks, and says what was done. `None`: the event is about something else.
    ///
    /// # Errors
    /// When something could not be fetched or kept; passing troubles are worth another attempt.
    pub async fn hear(&self, id: Option<&str>, actor: &str, event: &Event) -> Result<Option<String>, PeerProblem> {
        let done = match event {
            Event::Posted(told) => self.posted(actor, told).await?,
            Event::Edited(told) => self.edited(actor, told).await?,
            Event::Deleted { object } => self.deleted(actor, object).await?,
            Event::Liked { object, emoji } => self.liked(id, actor, object, emoji.as_deref()).await?,
            Event::Unliked { object, like } => self.unliked(actor, object.as_deref(), like.as_deref()).await?,
            Event::Boosted { object, visibility } => self.boosted(id, actor, object, *visibility).await?,
            Event::Unboosted { object, boost } => self.unboosted(actor, object.as_deref(), boost.as_deref()).await?,
            Event::Reported { objects, words } => self.reported(actor, objects, words).await?,
            Event::Followed { .. }
            | Event::Unfollowed { .. }
            | Event::AccountDeleted
            | Event::ProfileChanged
            | Event::TookBack { .. }
            | Event::Blocked { .. }
            | Event::Unblocked { .. }
            | Event::Moved { .. }
            | Event::Accepted { .. }
            | Event::Rejected { .. }
            | Event::AskedToQuote { .. }
            | Event::Ignored(_) => return Ok(None),
        };
        Ok(Some(done))
    }

    /// An account is gone, and everything it said with it; how many posts and reactions that were.
    pub async fn forget_actor(&self, actor: &str) -> Result<u64, PeerProblem> {
        let replies = self.store.drop_replies_of(actor, self.clock.now()).await?;
        Ok(replies + self.store.drop_reactions_of(actor).await?)
    }

    /// Hides what blocked actors wrote and drops what they did; how many posts were hidden. `covers` says whom a block
    /// means.
    pub async fn shut_out(&self, covers: impl Fn(&str) -> bool) -> Result<u64, PeerProblem> {
        let out: Vec<String> = self.store.talkers().await?.into_iter().filter(|actor| covers(actor)).collect();
        for actor in &out {
            self.store.drop_reactions_of(actor).await?;
        }
        Ok(self.store.hide_replies_of(&out).await?)
    }

    /// The post that an activity tells of: its own words, or fetched from where it lives.
    pub(in crate::fediverse) async fn told(&self, visit: &Visit, told: &Told) -> Result<Option<Post>, PeerProblem> {
        match told {
            Told::Whole(post) => Ok(Some((**post).clone())),
            Told::At(id) => fetched(visit.post(id).await),
        }
    }

    /// The review to whose conversation a post of ours belongs: a live review's Note, or an answer of ours under one.
    async fn ours(&self, id: &str) -> Result<Option<(Handle, ReviewId)>, PeerProblem> {
        if !same_host(id, self.origin.as_str()) {
            return Ok(None);
        }
        if let Some((handle, review)) = note::review_of(&self.origin, id) {
            return Ok(self.store.published(&handle, &review).await?.map(|_| (handle, review)));
        }
        Ok(self.store.reply(id).await?.filter(|kept| kept.reply.ours).and_then(|kept| kept.reply.under))
    }

    /// Whether an actor or its host is kept out.
    async fn is_shut_out(&self, actor: &str) -> Result<bool, PeerProblem> {
        Ok(self.store.is_blocked(Some(actor), &authority(actor).unwrap_or_default()).await?)
    }

    /// Whether one of our reviewers is among these actors.
    fn names_us(&self, actors: &[String]) -> bool {
        self.reviewers.iter().any(|handle| actors.contains(&self.origin.actor(handle)))
    }

    /// Whether a post that a host only hints at may be fetched; counts as a hint.
    fn may_follow_hint(&self, actor: &str) -> bool {
        let now = self.clock.elapsed();
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(hints.since) >= HINTS_EVERY {
            *hints = Hints { since: now, by_host: HashMap::new() };
        }
        let host = authority(actor).unwrap_or_default();
        if hints.by_host.len() >= HINTING_HOSTS_MAX && !hints.by_host.contains_key(&host) {
            return false;
        }
        let count = hints.by_host.entry(host).or_default();
        *count += 1;
        *count <= HINTS_PER_HOST
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// What is nowhere to be had is none; what may be had later is an error.
fn fetched<T>(answer: Result<T, PeerProblem>) -> Result<Option<T>, PeerProblem> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(problem) if problem.is_passing() => Err(problem),
        Err(_) => Ok(None),
    }
}
