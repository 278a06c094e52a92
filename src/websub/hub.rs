//! The hub's decisions: whose request is taken, and what is put on the queue.

use std::{net::IpAddr, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::{
    pace::Pace,
    request::{Refusal, Request},
};
use crate::{
    clock::Clock,
    domain::websub::{Intent, Mode},
    net::Client,
    store::{Asked, Caps, Push, Store, StoreError},
};

/// FreshRSS takes leases under 23 hours for a broken hub, and asks anew when as much is left.
const LEASE_LEAST: Duration = Duration::from_secs(24 * 3600);
/// A subscriber who is gone without a word is pushed to no longer than this.
const LEASE_MOST: Duration = Duration::from_secs(30 * 24 * 3600);

/// All subscriptions together: beyond any reviewer's readers, and some 20 MB of disk at the worst.
const SUBSCRIPTIONS_MAX: i64 = 10_000;
/// Requests that wait for their callback's word; each is asked within seconds.
const WAITING_MAX: i64 = 1_000;

/// Requests an hour from one client: an aggregator that takes every subject's feed.
const PER_CLIENT: u32 = 300;
/// Questions an hour to one callback with a subscription: renewals, and whoever learned of its secret address.
const PER_CALLBACK: u32 = 20;
/// Questions an hour to callbacks at a host that has confirmed none yet: nobody is knocked at more often for a stranger.
const PER_STRANGE_HOST: u32 = 20;
/// The same at a host with subscriptions.
const PER_KNOWN_HOST: u32 = 300;
/// Questions an hour to strange hosts together.
const STRANGERS: u32 = 2_000;

/// The fact that tells up to which change hubs elsewhere know the feeds.
const PINGED: &str = "websub_pinged";

/// What the hub is made of.
pub struct Setup {
    pub clock: Clock,
    pub store: Store,
    /// One that reaches for federation.
    pub client: Client,
    /// Whether there is a hub of our own, and its address.
    pub address: Option<String>,
    /// Hubs elsewhere.
    pub others: Vec<String>,
    /// What a subscriber gets who names no time.
    pub lease: Duration,
    pub subscriptions_per_host: u32,
}

/// The hub.
pub struct Hub {
    setup: Setup,
    pace: Pace,
    /// Notified when something for subscribers, or for hubs elsewhere, was stored.
    pub mail: Arc<Notify>,
    /// Notified when a question to a callback was stored.
    pub questions: Arc<Notify>,
    /// Notified when somebody subscribed: the feed may have changed since they asked.
    pub joined: Notify,
}

impl Hub {
    pub fn new(setup: Setup) -> Self {
        let (mail, questions) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        Self { setup, pace: Pace::default(), mail, questions, joined: Notify::new() }
    }

    /// The hubs that feeds name, our own first: most readers take no other.
    pub fn addresses(&self) -> Vec<String> {
        self.setup.address.iter().chain(&self.setup.others).cloned().collect()
    }

    /// The hub of our own, where there is one.
    pub fn own_address(&self) -> Option<String> {
        self.setup.address.clone()
    }

    /// Whether anybody can subscribe here.
    pub fn is_open(&self) -> bool {
        self.setup.address.is_some()
    }

    pub fn has_others(&self) -> bool {
        !self.setup.others.is_empty()
    }

    pub(super) fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Whether a request for the feed at `topic` may go on: its callback may be asked, and was not too often.
    ///
    /// # Errors
    /// In the inner result why not; in the outer one a breakdown on our side.
    pub async fn admit(
        &self,
        request: &Request,
        topic: &str,
        client: Option<IpAddr>,
    ) -> Result<Result<(), Refusal>, StoreError> {
        let Setup { clock, store, client: net, .. } = &self.setup;
        if let Err(no_entry) = net.admit(&request.callback).await {
            return Ok(Err(Refusal::new(400, format!("hub.callback cannot be asked: {no_entry}"))));
        }
        let (now, callback) = (clock.elapsed(), request.callback.as_str());
        let host = request.callback.host_str().unwrap_or_default();
        let port = request.callback.port_or_known_default().unwrap_or_default();
        let stands = store.subscription(topic, callback, clock.now()).await?.is_some();
        let known = stands || store.subscriptions_beside(callback).await? > 0;
        let by_client = client.and_then(|client| self.pace.take(&format!("client {client}"), PER_CLIENT, now));
        let wait = by_client.or_else(|| {
            // Strangers who name other callbacks there use up nothing of whoever knows this one.
            if stands {
                return self.pace.take(&format!("callback {callback}"), PER_CALLBACK, now);
            }
            let most = if known { PER_KNOWN_HOST } else { PER_STRANGE_HOST };
            let by_host = self.pace.take(&format!("host {host}:{port}"), most, now);
            by_host.or_else(|| if known { None } else { self.pace.take("strangers", STRANGERS, now) })
        });
        Ok(match wait {
            Some(wait) => Err(Refusal::later(429, format!("too many requests for callbacks at {host}"), wait)),
            None => Ok(()),
        })
    }

    /// Takes an admitted request for one of our feeds, whose canonical address is `topic` and whose `digest` is that of its
    /// present state. The callback is asked afterwards (section 5.3).
    ///
    /// # Errors
    /// As for [`Hub::admit`].
    pub async fn ask(
        &self,
        request: Request,
        topic: String,
        digest: String,
    ) -> Result<Result<(), Refusal>, StoreError> {
        let lease = request.lease.unwrap_or(self.setup.lease).clamp(LEASE_LEAST, LEASE_MOST);
        let intent = Intent {
            mode: request.mode,
            topic,
            named: request.topic,
            callback: request.callback.to_string(),
            lease_seconds: u32::try_from(lease.as_secs()).unwrap_or(u32::MAX),
            secret: request.secret,
            digest,
        };
        let caps = Caps {
            per_host: i64::from(self.setup.subscriptions_per_host),
            all: SUBSCRIPTIONS_MAX,
            waiting: WAITING_MAX,
        };
        let host = request.callback.host_str().unwrap_or_default();
        let minute = Duration::from_secs(60);
        Ok(match self.setup.store.ask_callback(&self.id(), &intent, caps, self.setup.clock.now()).await? {
            Asked::Taken => {
                self.questions.notify_one();
                Ok(())
            }
            Asked::NoSubscription => Err(Refusal::new(404, "there is no such subscription")),
            Asked::HostFull => {
                Err(Refusal::new(403, format!("{} subscriptions are the most for callbacks at {host}", caps.per_host)))
            }
            Asked::Full => Err(Refusal::later(503, "this hub has as many subscriptions as it can carry", 60 * minute)),
            Asked::Busy => Err(Refusal::later(503, "too many requests wait for their callbacks", minute)),
        })
    }

    /// The feeds that somebody here subscribed to, each with the digests of what its subscribers have.
    pub async fn subscribed(&self) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        let mut topics: Vec<(String, Vec<String>)> = Vec::new();
        for (topic, digest) in self.setup.store.subscribed_topics(self.setup.clock.now()).await? {
            match topics.last_mut() {
                Some((last, digests)) if *last == topic => digests.push(digest),
                Some(_) | None => topics.push((topic, vec![digest])),
            }
        }
        Ok(topics)
    }

    /// Puts feeds (address, digest, bytes) on their way to whoever has an older state of them.
    pub async fn push(&self, feeds: Vec<(String, String, Vec<u8>)>) -> Result<u64, StoreError> {
        let pushes: Vec<Push> =
            feeds.into_iter().map(|(topic, digest, body)| Push { id: self.id(), topic, digest, body }).collect();
        if pushes.is_empty() {
            return Ok(0);
        }
        let deliveries = self.setup.store.push(&pushes, self.setup.clock.now()).await?;
        if deliveries > 0 {
            self.mail.notify_one();
            for push in &pushes {
                tracing::debug!(topic = push.topic, "{} is on its way to its subscribers", push.topic);
            }
        }
        Ok(deliveries)
    }

    /// Ends the subscriptions to a feed that is no more.
    pub async fn deny(&self, topic: &str, reason: &str) -> Result<(), StoreError> {
        let ended = self.setup.store.deny_topic(topic, reason, &self.id(), self.setup.clock.now()).await?;
        if ended > 0 {
            tracing::info!(topic, ended, "{topic} is no more: {ended} subscriptions to it have ended");
            self.questions.notify_one();
        }
        Ok(())
    }

    /// Up to which change hubs elsewhere were told; `None` before the first time.
    pub async fn pinged(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.setup.store.fact(PINGED).await?.and_then(|moment| moment.parse().ok()))
    }

    /// Tells hubs elsewhere which feeds changed, up to a moment.
    pub async fn ping(&self, topics: Vec<String>, until: Timestamp) -> Result<(), StoreError> {
        let topics: Vec<(String, String)> = topics.into_iter().map(|topic| (self.id(), topic)).collect();
        let (note, now) = (until.to_string(), self.setup.clock.now());
        if self.setup.store.ping_hubs(&self.setup.others, &topics, (PINGED, &note), now).await? > 0 {
            self.mail.notify_one();
        }
        Ok(())
    }

    /// Forgets what nobody needs any more.
    pub async fn tidy(&self) -> Result<(), StoreError> {
        let expired = self.setup.store.tidy_websub(self.setup.clock.now()).await?;
        if expired > 0 {
            tracing::info!(expired, "{expired} subscriptions by WebSub were not renewed and have ended");
        }
        Ok(())
    }

    /// What a mode does to a subscription once its callback said yes.
    pub(super) async fn confirmed(&self, intent: &Intent, asked_at: Timestamp) -> Result<(), StoreError> {
        let (topic, callback) = (&intent.topic, &intent.callback);
        match intent.mode {
            Mode::Subscribe => {
                // "Measured from the time the verification request was made" (section 5.3).
                let expires = asked_at + Duration::from_secs(u64::from(intent.lease_seconds));
                self.setup.store.keep_subscription(intent, asked_at, expires).await?;
                tracing::info!(topic, callback, %expires, "{callback} subscribed to {topic} until {expires}");
                self.joined.notify_one();
            }
            Mode::Unsubscribe => {
                self.setup.store.drop_subscription(topic, callback).await?;
                tracing::info!(topic, callback, "{callback} unsubscribed from {topic}");
            }
        }
        Ok(())
    }

    fn id(&self) -> String {
        format!("urn:uuid:{}", self.setup.clock.uuid())
    }
}
