//! One attempt at one callback: a question, a feed, a word of farewell; and pings to hubs elsewhere.

use std::sync::Arc;

use aws_lc_rs::hmac;
use moka::future::Cache;
use url::{Url, form_urlencoded};

use super::hub::Hub;
use crate::{
    domain::{
        Outcome,
        websub::{Denial, Errand, Intent, Mode},
    },
    feed::Dialect,
    net::{Answer, Bytes, HeaderMap, HeaderValue, NetProblem},
    store::StoreError,
};

/// Feeds under way that are kept in memory, in bytes: a thousand subscribers read the same few.
const FEEDS_BYTES_MAX: u64 = 16 << 20;

/// Runs errands. Whether one is tried again is for `delivery::schedule` to say.
pub struct Courier {
    hub: Arc<Hub>,
    feeds: Cache<i64, Bytes>,
}

impl Courier {
    pub fn new(hub: Arc<Hub>) -> Self {
        let weigh = |_: &i64, feed: &Bytes| u32::try_from(feed.len()).unwrap_or(u32::MAX);
        Self { hub, feeds: Cache::builder().max_capacity(FEEDS_BYTES_MAX).weigher(weigh).build() }
    }

    /// Makes one attempt at an address.
    pub async fn run(&self, address: &str, errand: &Errand) -> Outcome {
        let Ok(url) = Url::parse(address) else { return failed("it is no address".to_owned()) };
        let ran = match errand {
            Errand::Push { message, topic } => self.push(&url, address, *message, topic).await,
            Errand::Verify(intent) => self.verify(&url, intent).await,
            Errand::Deny(denial) => self.deny(&url, denial).await,
            Errand::Ping { topic } => self.ping(&url, topic).await,
        };
        ran.unwrap_or_else(|error| failed(error.to_string()))
    }

    /// Brings a feed whole, with its type and links, signed where a secret was given (WebSub section 7).
    async fn push(&self, url: &Url, callback: &str, message: i64, topic: &str) -> Result<Outcome, StoreError> {
        let setup = self.hub.setup();
        let Some(subscription) = setup.store.subscription(topic, callback, setup.clock.now()).await? else {
            // It ended while this was under way.
            return Ok(Outcome::Refused(410));
        };
        let Some(feed) = self.feed(message).await? else { return Ok(Outcome::Refused(410)) };
        let mut headers = HeaderMap::new();
        let dialect = Dialect::of_address(topic);
        insert(&mut headers, "content-type", dialect.map_or("application/octet-stream", Dialect::content_type));
        let hubs = self.hub.addresses().into_iter().map(|hub| format!("<{hub}>; rel=\"hub\""));
        // In one header: "the Hub SHOULD combine these" (section 7).
        let links: Vec<String> = hubs.chain([format!("<{topic}>; rel=\"self\"")]).collect();
        insert(&mut headers, "link", &links.join(", "));
        if let Some(secret) = &subscription.secret {
            insert(&mut headers, "x-hub-signature", &signature(secret, &feed));
        }
        let answer = match setup.client.post(url, headers, feed).await {
            Ok(answer) => answer,
            Err(problem) => return Ok(failed(problem.to_string())),
        };
        if answer.status == 410 {
            setup.store.drop_subscription(topic, callback).await?;
            tracing::info!(topic, callback, "{callback} is gone: its subscription to {topic} has ended");
        }
        Ok(self.outcome(&answer))
    }

    /// The bytes of a push, read once for all its subscribers.
    async fn feed(&self, message: i64) -> Result<Option<Bytes>, StoreError> {
        if let Some(feed) = self.feeds.get(&message).await {
            return Ok(Some(feed));
        }
        let body = self.hub.setup().store.push_body(message).await?.filter(|body| !body.is_empty());
        let Some(body) = body.map(Bytes::from) else { return Ok(None) };
        self.feeds.insert(message, body.clone()).await;
        Ok(Some(body))
    }

    /// Asks whether the callback's owner wants what was asked for in their name (section 5.3).
    async fn verify(&self, callback: &Url, intent: &Intent) -> Result<Outcome, StoreError> {
        let setup = self.hub.setup();
        // Two identifiers: enough chance that nobody guesses it.
        let challenge = format!("{}{}", setup.clock.uuid().simple(), setup.clock.uuid().simple());
        let lease = intent.lease_seconds.to_string();
        let mut question =
            vec![("hub.mode", intent.mode.as_str()), ("hub.topic", &intent.named), ("hub.challenge", &challenge)];
        match intent.mode {
            Mode::Subscribe => question.push(("hub.lease_seconds", &lease)),
            Mode::Unsubscribe => {}
        }
        let asked_at = setup.clock.now();
        match setup.client.ask(&with_question(callback, &question)).await {
            Ok(Answer { status: 200..=299, body, .. }) if body == challenge.as_bytes() => {
                self.hub.confirmed(intent, asked_at).await?;
                Ok(Outcome::Delivered { spec: None })
            }
            // Any answer is the last word: "MUST consider other response codes to mean that the request has failed".
            Ok(answer) => Ok(Outcome::Refused(answer.status)),
            Err(NetProblem::NoEntry(no_entry)) => {
                tracing::info!(callback = intent.callback, "{} is not asked: {no_entry}", intent.callback);
                Ok(Outcome::Refused(403))
            }
            Err(problem) => Ok(failed(problem.to_string())),
        }
    }

    /// Says that a subscription has ended (section 5.2).
    async fn deny(&self, callback: &Url, denial: &Denial) -> Result<Outcome, StoreError> {
        let word = [("hub.mode", "denied"), ("hub.topic", &*denial.named), ("hub.reason", &*denial.reason)];
        Ok(match self.hub.setup().client.ask(&with_question(callback, &word)).await {
            // Whatever it answers, it was told.
            Ok(_) => Outcome::Delivered { spec: None },
            Err(problem) => failed(problem.to_string()),
        })
    }

    /// Tells a hub elsewhere that a feed changed. The recommendation leaves the manner open (section 6); this is the one
    /// that public hubs have in common.
    async fn ping(&self, hub: &Url, topic: &str) -> Result<Outcome, StoreError> {
        let pairs = [("hub.mode", "publish"), ("hub.url", topic), ("hub.topic", topic)];
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let mut headers = HeaderMap::new();
        insert(&mut headers, "content-type", "application/x-www-form-urlencoded");
        Ok(match self.hub.setup().client.post(hub, headers, form.into_bytes()).await {
            Ok(answer) => self.outcome(&answer),
            Err(problem) => failed(problem.to_string()),
        })
    }

    /// What an answer to a POST means: only success is one (section 7), and what stays wrong is not repeated.
    fn outcome(&self, answer: &Answer) -> Outcome {
        match answer.status {
            200..=299 => Outcome::Delivered { spec: None },
            408 | 425 | 429 => self.later(answer),
            status @ 400..=499 => Outcome::Refused(status),
            _ => self.later(answer),
        }
    }

    fn later(&self, answer: &Answer) -> Outcome {
        let retry_after = answer.wait(self.hub.setup().clock.now());
        let reason = format!("status {}", answer.status);
        Outcome::Failed { reason, status: Some(answer.status), retry_after }
    }
}

fn failed(reason: String) -> Outcome {
    Outcome::Failed { reason, status: None, retry_after: None }
}

/// The callback with further parameters at the end; its own stay as they are, whatever their names (section 5.1).
fn with_question(callback: &Url, pairs: &[(&str, &str)]) -> Url {
    let question = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let query = match callback.query().filter(|query| !query.is_empty()) {
        Some(own) => format!("{own}&{question}"),
        None => question,
    };
    let mut url = callback.clone();
    url.set_query(Some(&query));
    url
}

/// `sha256=` and the HMAC of the body in lower-case hex (section 7.1).
fn signature(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, body);
    tag.as_ref().iter().fold("sha256=".to_owned(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// A header of our own making; what cannot stand in one is left out.
fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callbacks_own_query_stays_and_the_question_follows() {
        let pairs = [("hub.mode", "subscribe"), ("hub.topic", "https://b.example/feed.xml?a=1&b=2")];
        for (callback, expected) in [
            ("https://r.example/cb", "https://r.example/cb?hub.mode=subscribe"),
            ("https://r.example/cb?", "https://r.example/cb?hub.mode=subscribe"),
            ("https://r.example/?x=%20&hub.mode=a+b", "https://r.example/?x=%20&hub.mode=a+b&hub.mode=subscribe"),
        ] {
            let asked = with_question(&Url::parse(callback).unwrap(), &pairs);
            let topic = "&hub.topic=https%3A%2F%2Fb.example%2Ffeed.xml%3Fa%3D1%26b%3D2";
            assert_eq!(asked.as_str(), format!("{expected}{topic}"));
        }
    }

    #[test]
    fn a_signature_is_the_hmac_of_the_body() {
        // RFC 4231, test case 2.
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature("Jefe", b"what do ya want for nothing?"), expected);
    }
}
