//! What other servers bring to our inbox: checked at the door, put on the disk, answered, and then worked through once.

mod blocks;
mod letterbox;
mod round;
mod together;

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use tokio::sync::Notify;
use url::Url;

pub use self::{
    blocks::{BlockProblem, Blocking},
    letterbox::Letterbox,
};

use super::{
    activity::{self, Follow},
    answer,
    conversation::Conversation,
    inbox::{self, Activity, Event, Told},
    note,
    peers::{PeerProblem, Peers, SignerProblem, Visit},
    signature::{self, Claim, Received},
};
use crate::{
    clock::Clock,
    domain::{Handle, Origin, RemoteActor, message::Message},
    store::{Arrival, FollowState, Follower, Outgoing, QuoteStamp, Recipients, Store, StoreError},
};

/// Bytes of a hash that is remembered: enough where the id and the date stand beside it.
const HASH_BYTES: usize = 16;

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
    pub letterbox: Letterbox,
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
        // Who was met lately is known by the key at hand; the letterbox looks at the block list.
        if !self.peers.recognise(&activity.actor, &claim)
            && let Some(verdict) = self.stop_at_the_door(&activity, &claim).await
        {
            return verdict;
        }
        let id = match (&activity.id, &activity.event) {
            // A complaint that is sent again says nothing new.
            (Some(id), Event::Reported { .. }) => id.clone(),
            (id, _) => {
                let signed_at = claim.signed_at.as_second();
                format!("{} {signed_at} {}", id.as_deref().unwrap_or_default(), hash(&activity.actor, received.body))
            }
        };
        let Some(host) = host_of(&activity.actor) else { return Verdict::Unsigned("the actor has no host".to_owned()) };
        let arrival = Arrival { id, actor: activity.actor.clone(), body: received.body.to_vec(), at: now };
        self.letterbox.put(arrival, activity, host, self).await
    }

    /// Finds out who signed where that is not known yet, and what the sender is answered if it goes no further.
    async fn stop_at_the_door(&self, activity: &Activity, claim: &Claim) -> Option<Verdict> {
        let Some(host) = host_of(&claim.key_id) else {
            return Some(Verdict::Unsigned("the key has no host".to_owned()));
        };
        match self.store.is_blocked(Some(&activity.actor), &host).await {
            Ok(true) => return Some(Verdict::Blocked),
            Ok(false) => {}
            Err(error) => return Some(later(&error)),
        }
        if matches!(activity.event, Event::AccountDeleted | Event::ProfileChanged) {
            // The key of a deleted account is gone, and who we never met changes nothing here.
            match self.peers.knows(&activity.actor).await {
                Ok(true) => {}
                Ok(false) => return Some(Verdict::Taken),
                Err(error) => return Some(later(&error)),
            }
        }
        let signer = match self.peers.signer(&self.peers.visit(), claim).await {
            Ok(signer) => signer,
            Err(problem @ (SignerProblem::Forged | SignerProblem::NoKey(_))) => {
                return Some(Verdict::Unsigned(problem.to_string()));
            }
            Err(problem @ SignerProblem::Later(_)) => return Some(later(&problem)),
        };
        (signer.id != activity.actor).then(|| {
            // Forwarded by somebody else: their word counts for nothing here.
            tracing::debug!(signer = signer.id, actor = activity.actor, "an activity of another actor was passed over");
            Verdict::Taken
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
        if let Some(why) = self.why_unfollowable(&reviewer).await? {
            return Ok(why);
        }
        let waiting = self.approves_followers
            && self.store.follower(&reviewer, actor).await?.is_none_or(|known| known.state == FollowState::Waiting);
        let state = if waiting { FollowState::Waiting } else { FollowState::Accepted };
        let follower = follower(&reviewer, actor, &remote, follow_id, state, since);
        let answers = if waiting { Vec::new() } else { vec![self.accept(&follower)] };
        self.store.keep_follower(&follower, &answers).await?;
        self.mail.notify_one();
        tell_of_follow(&follower, &remote);
        Ok(format!("follows @{reviewer}"))
    }

    /// Why nobody can follow a reviewer any more, if so.
    async fn why_unfollowable(&self, reviewer: &Handle) -> Result<Option<String>, StoreError> {
        if self.store.is_retired(reviewer).await? {
            return Ok(Some(format!("follows @{reviewer}, whose account has ended")));
        }
        let moved = self.store.moved_to(reviewer).await?;
        Ok(moved.map(|target| format!("follows @{reviewer}, who lives at {target} now")))
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

    /// Everybody may quote a review: the Note says so, and the stamp lets third servers check it. A quoting post that is not
    /// for everybody comes inside the request (Mastodon): it is not to be had otherwise.
    async fn asked_to_quote(
        &self,
        actor: &str,
        request: &activity::QuoteRequest,
        quoting: &Told,
    ) -> Result<String, Trouble> {
        let Some(reviewer) = self.who_may_be_quoted(&request.object).await? else {
            return Ok("asks to quote what is not there".to_owned());
        };
        let visit = self.peers.visit();
        if self.store.gone_post(&request.instrument).await?.is_some() {
            return self.refuse_quote(&visit, reviewer, request).await;
        }
        let Some(quoting) = self.conversation.told(&visit, quoting).await? else {
            return Ok(format!("{} is not there", request.instrument));
        };
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

    /// A post that the reviewer took off the page may not ask again.
    async fn refuse_quote(
        &self,
        visit: &Visit,
        reviewer: Handle,
        request: &activity::QuoteRequest,
    ) -> Result<String, Trouble> {
        let message = activity::reject_quote(&self.origin, &reviewer, request, &self.clock.uuid().to_string());
        let to = Recipients::Inbox(visit.actor(&request.actor).await?.inbox);
        self.store.post(&[Outgoing { reviewer, message, to, at: self.clock.now() }]).await?;
        self.mail.notify_one();
        Ok(format!("may not quote {}", request.object))
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

/// A follow in our words.
fn follower(
    reviewer: &Handle,
    actor: &str,
    remote: &RemoteActor,
    follow_id: Option<&str>,
    state: FollowState,
    since: Timestamp,
) -> Follower {
    Follower {
        reviewer: reviewer.clone(),
        actor: actor.to_owned(),
        inbox: remote.inbox.clone(),
        shared_inbox: remote.shared_inbox.clone(),
        follow_id: follow_id.unwrap_or_default().to_owned(),
        state,
        bookwyrm: remote.bookwyrm,
        since,
    }
}

fn tell_of_follow(follower: &Follower, remote: &RemoteActor) {
    let Follower { reviewer, actor, state, .. } = follower;
    let waits = if *state == FollowState::Waiting { " and waits for approval" } else { "" };
    tracing::info!(%reviewer, follower = actor, "{} follows @{reviewer}{waits}", remote.handle);
}

/// Host with its port: on loopback other ports are other servers.
fn host_of(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let host = url.host_str()?.to_ascii_lowercase();
    Some(url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
}

/// What tells one request from another, with its id and its date. The id alone does not: BookWyrm deletes a post under the id
/// of its Create, GoToSocial gives all edits of a post one id, and snac all likes of one, before and after they are taken
/// back. A replay has the same date.
fn hash(actor: &str, body: &[u8]) -> String {
    let whole = [actor.as_bytes(), b"\n", body].concat();
    digest(&SHA256, &whole).as_ref()[..HASH_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn later(error: &dyn std::error::Error) -> Verdict {
    Verdict::Later(error.to_string())
}
