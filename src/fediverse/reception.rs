//! What other servers bring to our inbox: checked at the door, put on the disk, answered, and then worked through once.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::{SignedDuration, Timestamp};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use url::Url;

use super::{
    activity::{self, Follow},
    answer,
    conversation::Conversation,
    inbox::{self, Event},
    note,
    peers::{PeerProblem, Peers, SignerProblem},
    signature::{self, Received},
};
use crate::{
    clock::Clock,
    domain::{Handle, Origin, message::Message},
    store::{
        FollowState, Follower, Outgoing, QuoteStamp, ReceivedActivity, ReceivedLoad, ReceivedState, Recipients, Store,
        StoreError,
    },
};

/// Activities taken up together; those of one actor stay in order.
const BATCH: i64 = 128;
/// Actors whose activities are worked through side by side.
const ACTORS_AT_ONCE: usize = 8;
/// Tries before an activity is given up; with the delays below about a day (Mastodon: 8).
const ATTEMPTS_MAX: u32 = 8;
/// Ids are remembered this long against replays; a signature is refused after twelve hours anyway.
const REMEMBER: SignedDuration = SignedDuration::from_hours(24 * 30);
/// Ids remembered at most, in the order they came: about 100 MB.
const REMEMBERED_MAX: i64 = 500_000;
/// Activities of one host that may wait to be worked through; a host whose own answers we wait for can send no more.
const WAITING_OF_HOST_MAX: u64 = 2_000;
/// Their bodies, in bytes.
const WAITING_BYTES_OF_HOST_MAX: u64 = 32 << 20;
/// The bodies of everybody's, in bytes.
const WAITING_BYTES_MAX: u64 = 512 << 20;
/// The longest wait between two looks at the table.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The door and what lies behind it. Cheap to clone.
#[derive(Clone)]
pub struct Reception {
    pub origin: Origin,
    pub clock: Clock,
    pub store: Store,
    pub peers: Peers,
    pub conversation: Conversation,
    pub reviewers: Arc<Vec<Handle>>,
    /// Follows wait for the reviewer's approval.
    pub approves_followers: bool,
    /// Notified when answers were stored.
    pub mail: Arc<Notify>,
    /// Notified when something was received.
    pub work: Arc<Notify>,
}

/// What the sender is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// 202: it is on the disk, or was there already, or means nothing to us.
    Taken,
    /// 400
    Unreadable(String),
    /// 401, for every trouble with a signature, so that senders knock with their other one.
    Unsigned(String),
    /// 403
    Blocked,
    /// 503: the sender comes again.
    Later(String),
}

/// Why an activity could not be worked through.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Peer(#[from] PeerProblem),
}

/// What was said of a follower.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nobody with the address {0} follows; look with `reviewd followers list`")]
pub struct NoFollower(pub String);

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

impl Reception {
    /// Checks one request and puts it on the disk. Nothing is fetched before the digest, the date, the host and the
    /// block list have been looked at.
    pub async fn take(&self, received: &Received<'_>) -> Verdict {
        if let Some(trouble) = self.store.trouble() {
            return Verdict::Later(trouble);
        }
        let now = self.clock.now();
        let claim = match signature::read(received, &self.origin, now) {
            Ok(claim) => claim,
            Err(problem) => return Verdict::Unsigned(problem.to_string()),
        };
        let activity = match inbox::read(received.body) {
            Ok(activity) => activity,
            Err(problem) => return Verdict::Unreadable(problem.to_string()),
        };
        let Some(host) = host_of(&claim.key_id) else { return Verdict::Unsigned("the key has no host".to_owned()) };
        match self.store.is_blocked(Some(&activity.actor), &host).await {
            Ok(true) => return Verdict::Blocked,
            Ok(false) => {}
            Err(error) => return later(&error),
        }
        if matches!(activity.event, Event::AccountDeleted | Event::ProfileChanged) {
            // The key of a deleted account is gone, and who we never met changes nothing here.
            match self.peers.knows(&activity.actor).await {
                Ok(true) => {}
                Ok(false) => return Verdict::Taken,
                Err(error) => return later(&error),
            }
        }
        let signer = match self.peers.signer(&self.peers.visit(), &claim).await {
            Ok(signer) => signer,
            Err(problem @ (SignerProblem::Forged | SignerProblem::NoKey(_))) => {
                return Verdict::Unsigned(problem.to_string());
            }
            Err(problem @ SignerProblem::Later(_)) => return later(&problem),
        };
        if signer.id != activity.actor {
            // Forwarded by somebody else: their word counts for nothing here.
            tracing::debug!(signer = signer.id, actor = activity.actor, "an activity of another actor was passed over");
            return Verdict::Taken;
        }
        match self.store.received_load(&host_of(&signer.id).unwrap_or_default()).await {
            Ok(load) if is_full(&load) => return Verdict::Later("too much waits to be worked through".to_owned()),
            Ok(_) => {}
            Err(error) => return later(&error),
        }
        let id = match (&activity.id, &activity.event) {
            // The same Follow may come again to be accepted again; a replay has the same date.
            (Some(id), Event::Followed { .. }) => format!("{id} {}", claim.signed_at.as_second()),
            (Some(id), _) => id.clone(),
            (None, _) => hash(&signer.id, received.body),
        };
        match self.store.keep_received(&id, &signer.id, received.body, now).await {
            Ok(new) => {
                if new {
                    self.work.notify_one();
                }
                match self.store.revive_host(&host, now).await {
                    Ok(true) => self.mail.notify_one(),
                    Ok(false) => {}
                    Err(error) => tracing::warn!(host, %error, "{host} lives, but could not be noted: {error}"),
                }
                Verdict::Taken
            }
            Err(error) => {
                self.store.suspect(&error);
                later(&error)
            }
        }
    }

    /// Works through what was received until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.work_through().await {
                Ok(0) => {}
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

    /// Works through one batch and returns its size.
    pub async fn work_through(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        self.store.forget_received(now - REMEMBER, REMEMBERED_MAX).await?;
        let due = self.store.due_received(now, BATCH).await?;
        let count = due.len();
        let mut by_actor: BTreeMap<String, Vec<ReceivedActivity>> = BTreeMap::new();
        for received in due {
            by_actor.entry(received.actor.clone()).or_default().push(received);
        }
        let mut running: JoinSet<Result<(), StoreError>> = JoinSet::new();
        for group in by_actor.into_values() {
            if running.len() >= ACTORS_AT_ONCE
                && let Some(Ok(Err(error))) = running.join_next().await
            {
                return Err(error);
            }
            let reception = self.clone();
            running.spawn(async move {
                for received in group {
                    reception.settle(&received).await?;
                }
                Ok(())
            });
        }
        let mut settled = Ok(count);
        while let Some(done) = running.join_next().await {
            if let Ok(Err(error)) = done {
                settled = Err(error);
            }
        }
        settled
    }

    /// Works through one. What became of it has to be written: otherwise it comes again, and again for nothing.
    async fn settle(&self, received: &ReceivedActivity) -> Result<(), StoreError> {
        let now = self.clock.now();
        let attempts = received.attempts + 1;
        let span = tracing::debug_span!("inbox", id = received.id, actor = received.actor);
        let (state, outcome, next_at) = match self.obey(received).instrument(span).await {
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
        let (id, actor) = (&received.id, &received.actor);
        match state {
            ReceivedState::Done => tracing::debug!(id, actor, "{actor}: {outcome}"),
            ReceivedState::Due => tracing::info!(id, actor, "{actor}: {outcome}; trying again at {next_at}"),
            ReceivedState::GivenUp => tracing::warn!(id, actor, "{actor}: {outcome}; passed over"),
        }
        let noted = self.store.settle_received(received.seq, state, &outcome, next_at).await;
        noted.inspect_err(|error| self.store.suspect(error))
    }

    /// Does what an activity asks, and says what was done.
    async fn obey(&self, received: &ReceivedActivity) -> Result<String, Trouble> {
        let Ok(activity) = inbox::read(&received.body) else { return Ok("unreadable".to_owned()) };
        let actor = &received.actor;
        if let Some(done) = self.conversation.hear(activity.id.as_deref(), actor, &activity.event).await? {
            return Ok(done);
        }
        Ok(match activity.event {
            Event::Followed { object } => self.followed(actor, activity.id.as_deref(), &object, received.at).await?,
            Event::Unfollowed { object, follow } => {
                self.unfollowed(actor, object.as_deref(), follow.as_deref()).await?
            }
            Event::TookBack { id } if self.conversation.took_back(actor, &id).await? => {
                "took back a reaction".to_owned()
            }
            Event::TookBack { id } => self.unfollowed(actor, None, Some(&id)).await?,
            Event::Blocked { object } => self.unfollowed(actor, Some(&object), None).await?,
            Event::AccountDeleted => {
                let follows = self.store.drop_follower_everywhere(actor).await?;
                let said = self.conversation.forget_actor(actor).await?;
                self.store.forget_remote_actor(actor).await?;
                format!("the account is gone; {follows} follows ended, {said} replies and reactions went")
            }
            Event::ProfileChanged => self.profile_changed(actor).await?,
            Event::Moved { target } => self.moved(actor, &target).await?,
            Event::AskedToQuote(request) => self.asked_to_quote(actor, &request).await?,
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

    /// A follow is answered each time it comes: servers that lost their state ask again.
    async fn followed(
        &self,
        actor: &str,
        follow_id: Option<&str>,
        object: &str,
        since: Timestamp,
    ) -> Result<String, Trouble> {
        let Some(reviewer) = self.reviewer_of(object) else { return Ok("follows nobody here".to_owned()) };
        let remote = self.peers.visit().actor(actor).await?;
        if self.store.is_retired(&reviewer).await? {
            return Ok(format!("follows @{reviewer}, whose account has ended"));
        }
        if let Some(target) = self.store.moved_to(&reviewer).await? {
            return Ok(format!("follows @{reviewer}, who lives at {target} now"));
        }
        let waiting = self.approves_followers
            && self.store.follower(&reviewer, actor).await?.is_none_or(|known| known.state == FollowState::Waiting);
        let follower = Follower {
            reviewer: reviewer.clone(),
            actor: actor.to_owned(),
            inbox: remote.inbox.clone(),
            shared_inbox: remote.shared_inbox.clone(),
            follow_id: follow_id.unwrap_or_default().to_owned(),
            state: if waiting { FollowState::Waiting } else { FollowState::Accepted },
            bookwyrm: remote.bookwyrm,
            since,
        };
        let answers = if waiting { Vec::new() } else { vec![self.accept(&follower)] };
        self.store.keep_follower(&follower, &answers).await?;
        self.mail.notify_one();
        tracing::info!(%reviewer, follower = actor, "{} follows @{reviewer}{}", remote.handle, if waiting { " and waits for approval" } else { "" });
        Ok(format!("follows @{reviewer}"))
    }

    async fn unfollowed(&self, actor: &str, object: Option<&str>, follow: Option<&str>) -> Result<String, Trouble> {
        for known in self.store.followers(None).await?.into_iter().filter(|known| known.actor == actor) {
            let meant = object.is_some_and(|object| self.reviewer_of(object).as_ref() == Some(&known.reviewer))
                || follow.is_some_and(|follow| follow == known.follow_id);
            if meant {
                self.store.drop_follower(&known.reviewer, actor, &[]).await?;
                tracing::info!(reviewer = %known.reviewer, follower = actor, "{actor} follows @{} no more", known.reviewer);
                return Ok(format!("follows @{} no more", known.reviewer));
            }
        }
        Ok("took back what was not here".to_owned())
    }

    async fn profile_changed(&self, actor: &str) -> Result<String, Trouble> {
        let remote = self.peers.visit().actor_anew(actor).await?;
        for known in self.store.followers(None).await?.into_iter().filter(|known| known.actor == actor) {
            let follower = Follower {
                inbox: remote.inbox.clone(),
                shared_inbox: remote.shared_inbox.clone(),
                bookwyrm: remote.bookwyrm,
                ..known
            };
            self.store.keep_follower(&follower, &[]).await?;
        }
        Ok("the profile was read again".to_owned())
    }

    /// Everybody may quote a review: the Note says so, and the stamp lets third servers check it.
    async fn asked_to_quote(&self, actor: &str, request: &activity::QuoteRequest) -> Result<String, Trouble> {
        let Some(reviewer) = self.who_may_be_quoted(&request.object).await? else {
            return Ok("asks to quote what is not there".to_owned());
        };
        let visit = self.peers.visit();
        let quoting = visit.post(&request.instrument).await?;
        if quoting.author != actor || quoting.quotes.as_deref() != Some(request.object.as_str()) {
            return Ok(format!("{} does not quote {}", request.instrument, request.object));
        }
        let stamp = match self.store.quote_stamp_of(&request.instrument).await? {
            Some(stamp) => stamp,
            None => QuoteStamp {
                reviewer: reviewer.clone(),
                number: self.clock.uuid().simple().to_string(),
                note: request.object.clone(),
                quoted_by: request.instrument.clone(),
            },
        };
        let address = activity::quote_authorization_id(&self.origin, &reviewer, &stamp.number);
        let number = self.clock.uuid().to_string();
        let message = activity::accept_quote(&self.origin, &reviewer, request, &number, &address);
        let to = Recipients::Inbox(visit.actor(actor).await?.inbox);
        let answer = Outgoing { reviewer, message, to, at: self.clock.now() };
        self.store.keep_quote_stamp(&stamp, &answer).await?;
        self.conversation.quoted(&quoting).await?;
        self.mail.notify_one();
        Ok(format!("may quote {}", request.object))
    }

    /// The reviewer whose review or public answer has this id.
    async fn who_may_be_quoted(&self, note: &str) -> Result<Option<Handle>, StoreError> {
        if let Some((reviewer, id)) = note::review_of(&self.origin, note) {
            return Ok(self.store.published(&reviewer, &id).await?.map(|_| reviewer));
        }
        let Some((reviewer, id)) = answer::answer_of(&self.origin, note) else { return Ok(None) };
        let answer = self.store.answer(&reviewer, &id).await?;
        Ok(answer.filter(answer::goes_to_followers).map(|_| reviewer))
    }

    /// A follower lives elsewhere now, if the new account says so too; it follows again from there by itself.
    async fn moved(&self, actor: &str, target: &str) -> Result<String, Trouble> {
        let there = self.peers.visit().actor_anew(target).await?;
        if !there.also_known_as.iter().any(|known| known == actor) {
            return Ok(format!("{target} does not say that it is the same account"));
        }
        let follows = self.store.drop_follower_everywhere(actor).await?;
        Ok(format!("moved to {target}; {follows} follows ended"))
    }

    /// An inbox answered 404 or 410: whoever is gone for good is no follower any more.
    pub async fn ask_whether_gone(&self, inbox: &str) {
        let followers = match self.store.followers(None).await {
            Ok(followers) => followers,
            Err(error) => return tracing::error!(%error, "the followers could not be read: {error}"),
        };
        let there = |one: &&Follower| one.inbox == inbox || one.shared_inbox.as_deref() == Some(inbox);
        for follower in followers.iter().filter(there) {
            let actor = &follower.actor;
            match self.peers.visit().actor_anew(actor).await {
                Err(PeerProblem::Gone) => match self.account_gone(actor).await {
                    Ok(()) => tracing::info!(follower = actor, "{actor} is gone for good and follows nobody any more"),
                    Err(error) => {
                        tracing::error!(follower = actor, %error, "{actor} is gone, but stays listed: {error}")
                    }
                },
                Ok(remote) => {
                    let moved = Follower { inbox: remote.inbox, shared_inbox: remote.shared_inbox, ..follower.clone() };
                    if let Err(error) = self.store.keep_follower(&moved, &[]).await {
                        tracing::error!(follower = actor, %error, "the inbox of {actor} could not be noted: {error}");
                    }
                }
                Err(problem) => tracing::debug!(follower = actor, %problem, "{actor} could not be asked: {problem}"),
            }
        }
    }

    async fn account_gone(&self, actor: &str) -> Result<(), PeerProblem> {
        self.store.drop_follower_everywhere(actor).await?;
        self.conversation.forget_actor(actor).await.map(drop)
    }

    /// Approves a follow that waits.
    pub async fn approve(
        &self,
        name: &str,
        reviewer: Option<&Handle>,
    ) -> Result<Result<Follower, NoFollower>, StoreError> {
        let Some(mut follower) = self.find(name, reviewer).await? else { return Ok(Err(NoFollower(name.to_owned()))) };
        follower.state = FollowState::Accepted;
        self.store.approve_follower(&follower, &[self.accept(&follower)]).await?;
        self.mail.notify_one();
        Ok(Ok(follower))
    }

    /// Ends a follow, and says so to the follower's server.
    pub async fn remove(
        &self,
        name: &str,
        reviewer: Option<&Handle>,
    ) -> Result<Result<Follower, NoFollower>, StoreError> {
        let Some(follower) = self.find(name, reviewer).await? else { return Ok(Err(NoFollower(name.to_owned()))) };
        let number = self.clock.uuid().to_string();
        let words = activity::reject(&self.origin, &follower.reviewer, &self.follow(&follower), &number);
        let outgoing = self.to_personal_inbox(&follower, words);
        self.store.drop_follower(&follower.reviewer, &follower.actor, &[outgoing]).await?;
        self.mail.notify_one();
        Ok(Ok(follower))
    }

    /// Ends a reviewer's account for ever: everyone ever reached is told, and the actor answers 410 once they have been.
    pub async fn retire(&self, reviewer: &Handle) -> Result<u64, StoreError> {
        let at = self.clock.now_in_seconds();
        let message = activity::delete_person(&self.origin, reviewer);
        let words = Outgoing { reviewer: reviewer.clone(), message, to: Recipients::EveryoneEver, at };
        let deliveries = self.store.retire(reviewer, &words, at).await?;
        self.mail.notify_one();
        Ok(deliveries)
    }

    /// Keeps an actor or a whole domain out, ends its follows and hides what it said.
    pub async fn block(&self, name: &str, reason: Option<&str>) -> Result<usize, BlockProblem> {
        let name = self.name_to_block(name).await?;
        self.store.keep_block(&name, reason, self.clock.now()).await?;
        let mut ended = 0;
        for follower in self.store.followers(None).await? {
            let host = host_of(&follower.actor).unwrap_or_default();
            if self.store.is_blocked(Some(&follower.actor), &host).await? {
                self.store.drop_follower(&follower.reviewer, &follower.actor, &[]).await?;
                ended += 1;
            }
        }
        self.conversation.shut_out(|actor| covers(&name, actor)).await?;
        Ok(ended)
    }

    pub async fn unblock(&self, name: &str) -> Result<bool, BlockProblem> {
        Ok(self.store.drop_block(&self.name_to_block(name).await?).await?)
    }

    /// What a block list holds: an actor's id, also for `@bob@mastodon.example`, or a domain, perhaps with a port.
    async fn name_to_block(&self, name: &str) -> Result<String, BlockProblem> {
        let name = name.trim().trim_start_matches(['@', '.', '*']);
        if name.contains('@') && !name.contains("://") {
            return Ok(match self.find(name, None).await? {
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

    /// A follower by actor id or by `@bob@host`; of one reviewer, or the first of anybody's.
    async fn find(&self, name: &str, reviewer: Option<&Handle>) -> Result<Option<Follower>, StoreError> {
        for follower in self.store.followers(reviewer).await? {
            if follower.actor == name {
                return Ok(Some(follower));
            }
            let known = self.store.remote_actor(&follower.actor).await?;
            if known.is_some_and(|known| known.handle == name.trim_start_matches('@')) {
                return Ok(Some(follower));
            }
        }
        Ok(None)
    }

    /// GoToSocial takes an Accept in the personal inbox only.
    fn accept(&self, follower: &Follower) -> Outgoing {
        let number = self.clock.uuid().to_string();
        let message = activity::accept(&self.origin, &follower.reviewer, &self.follow(follower), &number);
        self.to_personal_inbox(follower, message)
    }

    fn to_personal_inbox(&self, follower: &Follower, message: Message) -> Outgoing {
        let to = Recipients::Inbox(follower.inbox.clone());
        Outgoing { reviewer: follower.reviewer.clone(), message, to, at: self.clock.now() }
    }

    fn follow(&self, follower: &Follower) -> Follow {
        Follow {
            id: follower.follow_id.clone(),
            actor: follower.actor.clone(),
            object: self.origin.actor(&follower.reviewer),
        }
    }

    fn reviewer_of(&self, actor: &str) -> Option<Handle> {
        self.reviewers.iter().find(|handle| self.origin.actor(handle) == actor).cloned()
    }
}

/// A flood is told to come again, so that it does not lie on our disk.
fn is_full(load: &ReceivedLoad) -> bool {
    load.of_host >= WAITING_OF_HOST_MAX
        || load.bytes_of_host >= WAITING_BYTES_OF_HOST_MAX
        || load.bytes >= WAITING_BYTES_MAX
}

/// Host with its port: on loopback other ports are other servers.
fn host_of(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let host = url.host_str()?.to_ascii_lowercase();
    Some(url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
}

/// Whether a block of this name means an actor: it is the actor, its host with or without port, or a domain above it.
fn covers(name: &str, actor: &str) -> bool {
    let host = host_of(actor).unwrap_or_default();
    let bare = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map(|(bare, _)| bare);
    let bare = bare.unwrap_or(&host);
    name == actor || name == host || name == bare || bare.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
}

fn hash(actor: &str, body: &[u8]) -> String {
    let whole = [actor.as_bytes(), b"\n", body].concat();
    let hash: String = digest(&SHA256, &whole).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha-256:{hash}")
}

fn later(error: &dyn std::error::Error) -> Verdict {
    Verdict::Later(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_means_an_actor_its_host_or_a_domain_above_it() {
        let bob = "https://social.m.example:8443/users/bob";
        for name in [bob, "social.m.example:8443", "social.m.example", "m.example", "example"] {
            assert!(covers(name, bob), "{name}");
        }
        for name in ["https://social.m.example:8443/users/eve", "other.m.example", "ocial.m.example", "8443", ""] {
            assert!(!covers(name, bob), "{name}");
        }
    }

    #[test]
    fn a_flood_is_told_to_come_again() {
        let some = ReceivedLoad { of_host: 10, bytes_of_host: 1 << 20, bytes: 2 << 20 };
        assert!(!is_full(&some));
        assert!(is_full(&ReceivedLoad { of_host: WAITING_OF_HOST_MAX, ..some }));
        assert!(is_full(&ReceivedLoad { bytes_of_host: WAITING_BYTES_OF_HOST_MAX, ..some }));
        assert!(is_full(&ReceivedLoad { bytes: WAITING_BYTES_MAX, ..some }));
    }
}
