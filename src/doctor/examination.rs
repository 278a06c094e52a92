//! The throw-away peer of one examination: an actor that the daemon itself hosts under an address nobody can guess, its
//! key, its inbox, and what was seen to arrive. All of it lives in memory and ends with the examination, however that
//! ends: no follower, no activity and no actor of it ever reaches the store.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
};

use http::{Uri, uri::PathAndQuery};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{
    clock::Clock,
    domain::Origin,
    fediverse::{
        context::{ACTIVITY_JSON, ACTIVITYSTREAMS, key_id},
        inbox::{self, Event},
        signature::{self, KeyPair, PublicKey, Received},
    },
    net::{HeaderMap, HeaderName, HeaderValue, NetProblem, Probe},
};

/// Marks the requests of an examination, so that what arrives can be told from everybody else's.
pub const MARK: &str = "x-reviewd-doctor";
/// Requests noted in one examination, which makes about fifty.
const ARRIVALS_MAX: usize = 400;

/// Where requests find the examination under way, if one is. One at a time.
#[derive(Default)]
pub struct Room(RwLock<Option<Arc<Examination>>>);

/// One examination.
pub struct Examination {
    token: String,
    pub origin: Origin,
    pub clock: Clock,
    /// The peer's, made for this examination.
    pub key: KeyPair,
    public_pem: String,
    pub probe: Probe,
    count: AtomicU32,
    arrivals: Mutex<Vec<Arrival>>,
    knocks: Mutex<Vec<Knock>>,
    posts: Mutex<Vec<Value>>,
    refusals: Mutex<Vec<String>>,
    /// The peer's key as fetched through the public origin.
    fetched: OnceCell<PublicKey>,
    /// The reviewer's key as the actor document showed it through the public origin.
    reviewer_key: OnceLock<PublicKey>,
}

/// A marked request as it reached the daemon.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub number: u32,
    pub path_and_query: String,
    /// Of the request: what other servers signed.
    pub host: Option<String>,
    pub headers: HeaderMap,
    /// Who connected: the proxy, where there is one.
    pub peer: Option<IpAddr>,
}

/// What the peer's signed requests brought to the reviewer's inbox.
#[derive(Debug, Clone)]
pub struct Knock {
    pub event: Event,
    pub bytes: usize,
}

/// What a door answers: a status, and why where it is no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    pub why: String,
}

/// Ends the examination when it is dropped.
pub struct Guard<'a>(&'a Room);

impl Room {
    /// Opens the room for an examination; the guard closes it whatever happens.
    pub fn enter(&self, examination: Arc<Examination>) -> Guard<'_> {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(examination);
        Guard(self)
    }

    /// The examination under way.
    fn current(&self) -> Option<Arc<Examination>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes a request that carries the mark of the examination under way.
    pub fn notice(&self, target: &Uri, headers: &HeaderMap, host: Option<&str>, peer: Option<IpAddr>) {
        let Some(mark) = headers.get(MARK) else { return };
        let Some(examination) = self.current() else { return };
        let marked = mark.to_str().ok().and_then(|mark| mark.split_once('.'));
        let Some((_, number)) = marked.filter(|(token, _)| *token == examination.token) else { return };
        let mut arrivals = lock(&examination.arrivals);
        if let (Ok(number), true) = (number.parse(), arrivals.len() < ARRIVALS_MAX) {
            let path_and_query = target.path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
            let (host, headers) = (host.map(str::to_owned), headers.clone());
            arrivals.push(Arrival { number, path_and_query, host, headers, peer });
        }
    }

    /// A request at one of the site's inboxes, where it is the throw-away peer's: judged as everybody's, noted here only.
    pub async fn knock(&self, received: &Received<'_>) -> Option<Answered> {
        let examination = self.current()?;
        let is_ours = std::str::from_utf8(received.body).is_ok_and(|body| body.contains(&examination.token));
        if is_ours { Some(examination.knock(received).await) } else { None }
    }

    /// The throw-away actor's document, for whoever knows the token.
    pub fn actor(&self, token: &str) -> Option<Value> {
        Some(self.current().filter(|one| one.token == token)?.document())
    }

    /// What comes to the throw-away actor's inbox.
    pub fn deliver(&self, token: &str, received: &Received<'_>) -> Option<Answered> {
        Some(self.current().filter(|one| one.token == token)?.deliver(received))
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        *self.0.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Examination {
    /// `key` is thrown away with it.
    pub fn new(origin: Origin, clock: Clock, key: KeyPair, public_pem: String, probe: Probe) -> Self {
        Self {
            token: format!("{}{}", clock.uuid().simple(), clock.uuid().simple()),
            origin,
            clock,
            key,
            public_pem,
            probe,
            count: AtomicU32::new(0),
            arrivals: Mutex::default(),
            knocks: Mutex::default(),
            posts: Mutex::default(),
            refusals: Mutex::default(),
            fetched: OnceCell::new(),
            reviewer_key: OnceLock::new(),
        }
    }

    /// A part of the token, for ids that must be fresh and may be seen.
    pub fn name(&self) -> &str {
        self.token.get(..16).unwrap_or_default()
    }

    /// The throw-away actor's id.
    pub fn actor(&self) -> String {
        self.origin.at(&format!("/doctor/{}/actor", self.token))
    }

    pub fn inbox(&self) -> String {
        self.origin.at(&format!("/doctor/{}/inbox", self.token))
    }

    fn document(&self) -> Value {
        let id = self.actor();
        json!({
            "@context": [ACTIVITYSTREAMS, "https://w3id.org/security/v1"],
            "id": id,
            "type": "Application",
            "preferredUsername": "doctor",
            "inbox": self.inbox(),
            "publicKey": {"id": key_id(&id), "owner": id, "publicKeyPem": self.public_pem},
        })
    }

    /// The mark of the next request, and its number.
    pub fn mark(&self, headers: &mut HeaderMap) -> u32 {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        if let Ok(mark) = HeaderValue::try_from(format!("{}.{number}", self.token)) {
            headers.insert(HeaderName::from_static(MARK), mark);
        }
        number
    }

    /// How a marked request reached the daemon; `None` when it did not.
    pub fn arrival(&self, number: u32) -> Option<Arrival> {
        lock(&self.arrivals).iter().find(|arrival| arrival.number == number).cloned()
    }

    pub fn knocks(&self) -> Vec<Knock> {
        lock(&self.knocks).clone()
    }

    /// What the peer's inbox took, verified.
    pub fn posts(&self) -> Vec<Value> {
        lock(&self.posts).clone()
    }

    /// Why one of the two inboxes refused something last.
    pub fn last_refusal(&self) -> Option<String> {
        lock(&self.refusals).last().cloned()
    }

    /// Remembers the key that the peer checks the reviewer's signatures with.
    pub fn trust(&self, key: PublicKey) {
        // The first one stays: one reviewer is followed in one examination.
        let _ = self.reviewer_key.set(key);
    }

    async fn knock(&self, received: &Received<'_>) -> Answered {
        let claim = match signature::read(received, &self.origin, self.clock.now()) {
            Ok(claim) => claim,
            Err(problem) => return self.refuse(401, &problem),
        };
        let activity = match inbox::read(received.body) {
            Ok(activity) => activity,
            Err(problem) => return self.refuse(400, &problem),
        };
        let key = match self.fetched.get_or_try_init(|| self.fetch_key()).await {
            Ok(key) => key,
            Err(why) => return self.refuse(401, &format!("the key of the signature cannot be fetched: {why}")),
        };
        if claim.key_id != key_id(&self.actor()) || !claim.verify(key) {
            return self.refuse(401, &"the signature is not by the key it names");
        }
        lock(&self.knocks).push(Knock { event: activity.event, bytes: received.body.len() });
        Answered { status: 202, why: String::new() }
    }

    /// As any server's key is fetched: by the actor's address, through the public origin.
    async fn fetch_key(&self) -> Result<PublicKey, String> {
        let actor = self.actor();
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static(ACTIVITY_JSON));
        let seen = self.probe.get(&actor, headers).await.map_err(|problem: NetProblem| problem.to_string())?;
        if seen.status != 200 {
            return Err(format!("{actor} answered with status {}", seen.status));
        }
        let document: Value = serde_json::from_slice(&seen.body).map_err(|error| error.to_string())?;
        let pem = document["publicKey"]["publicKeyPem"].as_str().unwrap_or_default();
        PublicKey::from_pem(pem).map_err(|problem| problem.to_string())
    }

    fn deliver(&self, received: &Received<'_>) -> Answered {
        let claim = match signature::read(received, &self.origin, self.clock.now()) {
            Ok(claim) => claim,
            Err(problem) => return self.refuse(401, &problem),
        };
        match self.reviewer_key.get() {
            Some(key) if claim.verify(key) => {}
            Some(_) => return self.refuse(401, &"the signature is not by the key that the actor document shows"),
            None => return self.refuse(401, &"the actor document showed no key"),
        }
        match serde_json::from_slice(received.body) {
            Ok(document) => {
                lock(&self.posts).push(document);
                Answered { status: 202, why: String::new() }
            }
            Err(error) => self.refuse(400, &error),
        }
    }

    fn refuse(&self, status: u16, why: &dyn std::fmt::Display) -> Answered {
        let why = why.to_string();
        lock(&self.refusals).push(why.clone());
        Answered { status, why }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
