//! Who is out there: actors and posts of other servers, fetched with every check and remembered.
//!
//! Fetching is activitypub_federation's, through our own guarded and signing client; what a document may say is decided
//! here. A [`Visit`] is the budget of one cause, such as one incoming activity: it fetches a bounded number of documents.

mod acquaintance;
mod actor;
mod fetch;
mod problem;
mod webfinger;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use activitypub_federation::{
    config::{Data, FederationConfig},
    fetch::object_id::ObjectId,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use url::Url;

pub use problem::PeerProblem;

use self::{acquaintance::Acquaintances, actor::Known};
use super::{
    context::{instance_actor, key_id},
    inbox::{self, Post, same_host},
    json::{address_of, text_of},
    signature::{Claim, KeyPair, PublicKey},
};
use crate::{
    clock::Clock,
    domain::{Origin, RemoteActor},
    net::Client,
    store::Store,
};

/// Documents fetched for one cause (FEDERATION 8.9).
const FETCHES_MAX: u32 = 20;
/// How long an actor is believed without asking again.
const ACTOR_FRESH: SignedDuration = SignedDuration::from_hours(24);
/// A key is fetched at most once in this time, so that bad signatures cost the server they name nothing
/// (FEDERATION 3.26).
const KEY_LOOK_EVERY: Duration = Duration::from_secs(300);
/// Keys of which we remember when they were fetched; a flood beyond that empties the memory.
const KEY_LOOKS_MAX: usize = 10_000;

/// The other servers. Cheap to clone.
#[derive(Clone)]
pub struct Peers {
    config: FederationConfig<Ground>,
}

/// What every fetch stands on.
#[derive(Clone)]
struct Ground {
    origin: Origin,
    store: Store,
    clock: Clock,
    client: Client,
    signer: Arc<Signing>,
    looked: Arc<Mutex<HashMap<String, Duration>>>,
    acquaintances: Arc<Acquaintances>,
}

/// The instance actor's signature, for GETs.
struct Signing {
    key_id: String,
    key: KeyPair,
}

/// What the federation stands on at start.
pub struct Setup {
    pub origin: Origin,
    pub store: Store,
    pub clock: Clock,
    /// One that reaches for federation.
    pub client: Client,
    /// The instance actor's.
    pub key: KeyPair,
    /// Whether settings open private networks, where plain http and other ports are allowed too.
    pub opens_networks: bool,
}

/// The fetches of one cause.
pub struct Visit {
    data: Data<Ground>,
    /// Fetches past the library's own count.
    beside: std::sync::atomic::AtomicU32,
}

/// Why a signature's owner is not established.
#[derive(Debug, thiserror::Error)]
pub enum SignerProblem {
    /// Answered with 401.
    #[error("the signature is not by the key it names")]
    Forged,
    /// Answered with 401: there is no such key, or it is not its owner's.
    #[error("the key cannot be used: {0}")]
    NoKey(PeerProblem),
    /// Answered with 503, so that the sender comes again.
    #[error("the key cannot be fetched now: {0}")]
    Later(PeerProblem),
}

impl Peers {
    /// Sets up the library with our client and our data.
    ///
    /// # Errors
    /// When the library refuses its configuration.
    pub async fn new(setup: Setup) -> Result<Self, PeerProblem> {
        let Setup { origin, store, clock, client, key, opens_networks } = setup;
        let signer = Arc::new(Signing { key_id: key_id(&instance_actor(&origin)), key });
        let library = client.for_library(fetch::dress(Arc::clone(&signer), clock.clone()), fetch::tidy);
        // `debug` means: http, ports and local addresses pass the library. Our client judges them all the same, by what
        // the settings open.
        let debug = origin.is_loopback() || opens_networks;
        let domain = origin.host().to_owned();
        let ground =
            Ground { origin, store, clock, client, signer, looked: Arc::default(), acquaintances: Arc::default() };
        let config = FederationConfig::builder()
            .domain(domain)
            .app_data(ground)
            .client(library)
            .http_fetch_limit(FETCHES_MAX)
            .http_signature_compat(true)
            .debug(debug)
            .build()
            .await
            .map_err(|error| PeerProblem::Invalid(error.to_string()))?;
        Ok(Self { config })
    }

    /// A fresh budget.
    pub fn visit(&self) -> Visit {
        Visit { data: self.config.to_request_data(), beside: 0.into() }
    }

    /// Whether a signature is by this actor, whose key was checked lately; nobody is asked, nor the store.
    pub fn recognise(&self, actor: &str, claim: &Claim) -> bool {
        let ground = self.ground();
        ground.acquaintances.recognise(actor, claim, ground.clock.elapsed())
    }

    /// The actor behind a signature, once the signature is shown to be theirs.
    ///
    /// A key that we remember and that does not fit is looked at once more, because keys are rotated.
    pub async fn signer(&self, visit: &Visit, claim: &Claim) -> Result<RemoteActor, SignerProblem> {
        let ground = self.ground();
        let known = ground.store.remote_actor_by_key(&claim.key_id).await;
        let known = known.map_err(|error| SignerProblem::Later(error.into()))?;
        if let Some(actor) = known.filter(|actor| verifies(actor, claim)) {
            ground.acquaintances.remember(&actor, ground.clock.elapsed());
            return Ok(actor);
        }
        if !ground.may_look(&claim.key_id) {
            return Err(SignerProblem::Forged);
        }
        let actor = visit.owner_of_key(&claim.key_id).await.map_err(|problem| match problem.is_passing() {
            true => {
                ground.look_again(&claim.key_id);
                SignerProblem::Later(problem)
            }
            false => SignerProblem::NoKey(problem),
        })?;
        if !verifies(&actor, claim) {
            return Err(SignerProblem::Forged);
        }
        ground.acquaintances.remember(&actor, ground.clock.elapsed());
        Ok(actor)
    }

    /// Forgets an account that is gone.
    pub async fn forget(&self, actor: &str) -> Result<(), PeerProblem> {
        let ground = self.ground();
        ground.store.forget_remote_actor(actor).await?;
        ground.acquaintances.forget(actor);
        Ok(())
    }

    /// Whether an actor was fetched so lately that it is believed without asking again.
    pub fn is_fresh(&self, actor: &RemoteActor) -> bool {
        self.was_fetched_lately(actor.fetched_at)
    }

    /// The same of an actor whose key is at hand; the store is not asked.
    pub fn is_fresh_acquaintance(&self, actor: &str) -> bool {
        let ground = self.ground();
        let fetched_at = ground.acquaintances.fetched_at(actor, ground.clock.elapsed());
        fetched_at.is_some_and(|at| self.was_fetched_lately(at))
    }

    fn was_fetched_lately(&self, at: Timestamp) -> bool {
        self.ground().clock.now().duration_since(at) < ACTOR_FRESH
    }

    /// The library derefs its configuration to our data.
    fn ground(&self) -> &Ground {
        &self.config
    }

    /// Whether we have met this actor, without fetching anything.
    pub async fn knows(&self, actor: &str) -> Result<bool, PeerProblem> {
        Ok(self.ground().store.remote_actor(actor).await?.is_some())
    }
}

impl Visit {
    /// An actor as remembered, or fetched where that is a day old; a server that is away does not make it unknown.
    pub async fn actor(&self, id: &str) -> Result<RemoteActor, PeerProblem> {
        let Some(known) = self.data.store.remote_actor(id).await? else { return self.actor_anew(id).await };
        if self.data.clock.now().duration_since(known.fetched_at) < ACTOR_FRESH {
            return Ok(known);
        }
        match self.actor_anew(id).await {
            Err(problem) if problem.is_passing() => Ok(known),
            other => other,
        }
    }

    /// An actor as its server describes it now.
    pub async fn actor_anew(&self, id: &str) -> Result<RemoteActor, PeerProblem> {
        let url = self.theirs(id).await?;
        let known: Known = if url.domain().is_some() {
            ObjectId::from(url).dereference_forced(&self.data).await?
        } else {
            Known::from_document(self.document(id).await?, &url, &self.data).await?
        };
        Ok(known.into_actor())
    }

    /// The actor who owns a key, by the key's address: the actor and the key must name each other.
    ///
    /// The address leads to the actor (`#main-key`), to a stub or a Key that names its owner (GoToSocial, `/main-key`).
    pub async fn owner_of_key(&self, key_id: &str) -> Result<RemoteActor, PeerProblem> {
        let address = key_id.split('#').next().unwrap_or_default();
        let document = self.document(address).await?;
        let owner = address_of(&document["owner"])
            .or_else(|| address_of(&document["publicKey"]["owner"]))
            .or_else(|| address_of(&document["id"]))
            .ok_or_else(|| PeerProblem::Invalid("the key names no owner".to_owned()))?;
        if !same_host(&owner, key_id) {
            return Err(PeerProblem::Invalid("the key belongs to another host".to_owned()));
        }
        let whole = document["id"] == owner.as_str() && !document["inbox"].is_null();
        let actor = if whole {
            let url = self.theirs(&owner).await?;
            Known::from_document(document, &url, &self.data).await?.into_actor()
        } else {
            self.actor_anew(&owner).await?
        };
        match actor.key(key_id) {
            Some(_) => Ok(actor),
            None => Err(PeerProblem::Invalid("the actor does not show this key".to_owned())),
        }
    }

    /// A post as its server words it now; its author is on the same host.
    pub async fn post(&self, id: &str) -> Result<Post, PeerProblem> {
        let document = self.document(id).await?;
        if text_of(&document["type"]) == Some("Tombstone") {
            return Err(PeerProblem::Gone);
        }
        let post = inbox::read_post(&document).ok_or_else(|| PeerProblem::Invalid("not a post".to_owned()))?;
        if !same_host(&post.id, &post.author) {
            return Err(PeerProblem::Invalid("the author is on another host".to_owned()));
        }
        Ok(post)
    }

    /// Any document, whose id is the address that answered.
    pub async fn document(&self, id: &str) -> Result<Value, PeerProblem> {
        let document = fetch::document(self, &self.theirs(id).await?).await?;
        // A redirect may have led to another host, which is then the document's own.
        self.theirs(&address_of(&document["id"]).unwrap_or_default()).await?;
        Ok(document)
    }

    /// A collection, or a page of one. Some servers give their pages no id, or that of the whole collection; the ids listed
    /// are only addresses to be looked at.
    pub async fn listing(&self, address: &str) -> Result<Value, PeerProblem> {
        match self.document(address).await {
            Ok(document) if document["id"] == address => Ok(document),
            Ok(_) | Err(PeerProblem::Invalid(_)) => fetch::of_host(self, &self.theirs(address).await?).await,
            Err(problem) => Err(problem),
        }
    }

    /// The actor behind `bob@mastodon.example`, which must claim that handle in return.
    pub async fn resolve(&self, handle: &str) -> Result<RemoteActor, PeerProblem> {
        webfinger::resolve(self, handle).await
    }

    /// What the host of `bob@mastodon.example` says about that handle: its WebFinger answer, nothing of it checked.
    pub async fn web_finger(&self, handle: &str) -> Result<Value, PeerProblem> {
        webfinger::answer(self, handle).await
    }

    /// A trial's neighbours on loopback have no certificates.
    fn scheme(&self) -> &'static str {
        if self.data.origin.is_loopback() { "http" } else { "https" }
    }

    /// Nothing is ever fetched from ourselves (what is ours we know, FEDERATION 8.21), nor from whom we keep out.
    async fn theirs(&self, id: &str) -> Result<Url, PeerProblem> {
        if same_host(id, self.data.origin.as_str()) {
            return Err(PeerProblem::Refused("the address is our own".to_owned()));
        }
        let url = Url::parse(id).map_err(|error| PeerProblem::Invalid(error.to_string()))?;
        self.data.refuse_blocked(&url).await?;
        Ok(url)
    }

    /// Counts a fetch that the library does not see.
    fn count(&self) -> Result<(), PeerProblem> {
        let beside = self.beside.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        if beside + self.data.request_count() > FETCHES_MAX { Err(PeerProblem::TooMany) } else { Ok(()) }
    }
}

fn verifies(actor: &RemoteActor, claim: &Claim) -> bool {
    let key = actor.key(&claim.key_id).and_then(|key| PublicKey::from_pem(&key.pem).ok());
    key.is_some_and(|key| claim.verify(&key))
}

impl Ground {
    /// A blocked actor, host or domain is not fetched (FEDERATION 8.37).
    async fn refuse_blocked(&self, url: &Url) -> Result<(), PeerProblem> {
        let host = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        match self.store.is_blocked(Some(url.as_str()), &host).await? {
            true => Err(PeerProblem::Refused(format!("{host} is blocked"))),
            false => Ok(()),
        }
    }

    /// Whether this key may be fetched now; counts as a look.
    fn may_look(&self, key_id: &str) -> bool {
        let now = self.clock.elapsed();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.get(key_id).is_some_and(|at| now.saturating_sub(*at) < KEY_LOOK_EVERY) {
            return false;
        }
        if looked.len() >= KEY_LOOKS_MAX {
            looked.clear();
        }
        looked.insert(key_id.to_owned(), now);
        true
    }

    /// Forgets a look that brought no answer.
    fn look_again(&self, key_id: &str) {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).remove(key_id);
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Peers")
    }
}

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Visit")
    }
}

#[cfg(test)]
mod tests;
