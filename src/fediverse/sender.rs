//! One attempt to put one message into one inbox.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    context::{ACTIVITY_JSON, key_id},
    keys::KeyRing,
    signature::{self, KeyPair, Outgoing, Signer, Spec},
    signers::Signers,
};
use crate::{
    clock::Clock,
    domain::{Letter, Origin, Outcome},
    net::{Answer, Bytes, Client, HeaderValue, NetProblem, Url},
    text,
};

/// How much of a refusal's body is told, in characters.
const REASON_CHARS_MAX: usize = 200;

/// Sends a letter once. Whether it is tried again is for `delivery::schedule` to say.
#[async_trait::async_trait]
pub trait Sender: Send + Sync {
    async fn send(&self, letter: &Letter) -> Outcome;
}

/// Over HTTP, signed afresh for this attempt.
#[derive(Debug, Clone)]
pub struct HttpSender {
    origin: Origin,
    client: Client,
    clock: Clock,
    keys: Arc<KeyRing>,
    signers: Arc<Signers>,
}

impl HttpSender {
    /// `client` must be one that reaches for federation.
    pub fn new(origin: Origin, client: Client, clock: Clock, keys: Arc<KeyRing>) -> Self {
        Self { origin, client, clock, keys, signers: Arc::new(Signers::start()) }
    }

    async fn knock(&self, url: &Url, key: &KeyPair, letter: &Letter, spec: Spec) -> Result<Answer, NetProblem> {
        let now = self.clock.now();
        let (key, key_id) = (key.clone(), key_id(&self.origin.actor(&letter.reviewer)));
        let (address, body, sha256) = (url.clone(), Arc::clone(&letter.body), Some(letter.sha256));
        let signed = self.signers.run(move || {
            let outgoing = Outgoing { method: "POST", url: &address, body: Some(&body), sha256 };
            signature::sign(&outgoing, &Signer { key_id: &key_id, key: &key }, spec, now)
        });
        let mut headers = signed.await.map_err(|problem| NetProblem::Request(problem.to_string()))?;
        headers.insert("content-type", HeaderValue::from_static(ACTIVITY_JSON));
        self.client.post(url, headers, Bytes::from_owner(Arc::clone(&letter.body))).await
    }
}

#[async_trait::async_trait]
impl Sender for HttpSender {
    async fn send(&self, letter: &Letter) -> Outcome {
        let failed = |reason: String| Outcome::Failed { reason, status: None, retry_after: None };
        let Ok(url) = Url::parse(&letter.inbox) else { return failed("the inbox is no address".to_owned()) };
        let Some(key) = self.keys.reviewer(&letter.reviewer) else {
            return failed(format!("no key of @{} is loaded", letter.reviewer));
        };
        let first_spec = letter.spec.unwrap_or(Spec::Cavage);
        let first = match self.knock(&url, key, letter, first_spec).await {
            Ok(answer) => answer,
            Err(problem) => return failed(problem.to_string()),
        };
        // Who knows the other signature only says so with 401, or with 400 for a header it misses.
        if matches!(first.status, 400 | 401)
            && let Ok(Answer { status: 200..=299, .. }) = self.knock(&url, key, letter, first_spec.other()).await
        {
            return Outcome::Delivered { spec: Some(first_spec.other()) };
        }
        outcome(&first, first_spec, self.clock.now())
    }
}

/// What an answer means. Mastodon's rule (`response_error_unsalvageable?`): 501 and 4xx are final, except those that speak
/// of the moment (408, 425, 429) or of a key that could not be fetched just now (401).
fn outcome(answer: &Answer, spec: Spec, now: Timestamp) -> Outcome {
    match answer.status {
        200..=299 => Outcome::Delivered { spec: Some(spec) },
        401 | 408 | 425 | 429 => failed(answer, now),
        status @ (400..=499 | 501) => Outcome::Refused(status),
        _ => failed(answer, now),
    }
}

fn failed(answer: &Answer, now: Timestamp) -> Outcome {
    let words = text::remote_text(&String::from_utf8_lossy(&answer.body), REASON_CHARS_MAX);
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let reason = match words.is_empty() {
        true => format!("status {}", answer.status),
        false => format!("status {}: {words}", answer.status),
    };
    Outcome::Failed { reason, status: Some(answer.status), retry_after: answer.wait(now) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        domain::{Handle, delivery::sha256},
        fediverse::{
            keys::{KeyPlaces, WhenAbsent},
            signature::tests::origin_of,
            stage::Stage,
        },
        net::Reach,
    };

    const NOW: &str = "2026-11-22T12:00:00Z";

    fn sender(directory: &tempfile::TempDir) -> HttpSender {
        let origin = Origin::parse("http://localhost:8080").unwrap();
        let keys = KeyRing::load(
            &KeyPlaces::directory(directory.path()),
            &[(Handle::parse("ana").unwrap(), WhenAbsent::Create)],
        )
        .unwrap();
        let client = Client::new(&origin, Reach::for_federation(&origin, &[])).unwrap();
        let (clock, _) = Clock::turned(NOW.parse().unwrap(), 1);
        HttpSender::new(origin, client, clock, Arc::new(keys))
    }

    fn letter(inbox: String, spec: Option<Spec>) -> Letter {
        let reviewer = Handle::parse("ana").unwrap();
        let body = br#"{"a":1}"#.as_slice();
        Letter { reviewer, activity: "https://a/1".into(), inbox, body: body.into(), sha256: sha256(body), spec }
    }

    /// Sends one letter to an inbox that answers with these statuses, and says which signatures it saw.
    async fn knocks(statuses: &[&'static str], spec: Option<Spec>) -> (Outcome, Vec<Spec>) {
        let directory = tempfile::tempdir().unwrap();
        let sender = sender(&directory);
        let key = sender.keys.reviewer(&Handle::parse("ana").unwrap()).unwrap().to_public_pem().unwrap();
        let key = signature::PublicKey::from_pem(&key).unwrap();
        let stage = Stage::open().await;
        for status in statuses {
            stage.answer("/inbox", status, "text/plain", "because");
        }
        let outcome = sender.send(&letter(stage.url("/inbox"), spec)).await;
        let mut seen = Vec::new();
        for request in stage.asked() {
            let received = request.received();
            let claim = signature::read(&received, &origin_of(&stage.url("")), NOW.parse().unwrap()).unwrap();
            assert!(claim.verify(&key));
            assert_eq!(claim.key_id, "http://localhost:8080/users/ana#main-key");
            assert_eq!(request.headers["content-type"], "application/activity+json");
            assert_eq!(request.body, br#"{"a":1}"#);
            seen.push(claim.spec);
        }
        (outcome, seen)
    }

    #[tokio::test]
    async fn a_letter_is_signed_by_its_reviewer_with_what_everybody_understands() {
        let (outcome, seen) = knocks(&["202 Accepted"], None).await;
        assert_eq!((outcome, seen), (Outcome::Delivered { spec: Some(Spec::Cavage) }, vec![Spec::Cavage]));
    }

    #[tokio::test]
    async fn a_refused_signature_is_followed_by_a_second_knock_with_the_other() {
        let (outcome, seen) = knocks(&["401 Unauthorized", "202 Accepted"], None).await;
        assert_eq!(
            (outcome, seen),
            (Outcome::Delivered { spec: Some(Spec::Rfc9421) }, vec![Spec::Cavage, Spec::Rfc9421])
        );
        let (outcome, seen) = knocks(&["401 Unauthorized", "200 OK"], Some(Spec::Rfc9421)).await;
        assert_eq!(
            (outcome, seen),
            (Outcome::Delivered { spec: Some(Spec::Cavage) }, vec![Spec::Rfc9421, Spec::Cavage])
        );
    }

    #[tokio::test]
    async fn two_refused_knocks_fail_with_the_first_answer() {
        let (outcome, seen) = knocks(&["401 Unauthorized", "400 Bad Request"], None).await;
        let reason = "status 401: because".to_owned();
        assert_eq!(outcome, Outcome::Failed { reason, status: Some(401), retry_after: None });
        assert_eq!(seen.len(), 2);
    }

    #[tokio::test]
    async fn an_inbox_nobody_answers_for_fails_without_a_status() {
        let directory = tempfile::tempdir().unwrap();
        for inbox in ["http://127.0.0.1:1/inbox", "https://mastodon.example/inbox", "no address"] {
            let outcome = sender(&directory).send(&letter(inbox.into(), None)).await;
            assert!(matches!(outcome, Outcome::Failed { status: None, retry_after: None, .. }), "{inbox}: {outcome:?}");
        }
    }

    #[test]
    fn answers_mean_done_never_or_later() {
        let now: Timestamp = NOW.parse().unwrap();
        let meaning = |status| {
            let answer = Answer { status, retry_after: Some("120".into()), body: vec![] };
            match outcome(&answer, Spec::Cavage, now) {
                Outcome::Delivered { .. } => "done",
                Outcome::Refused(refused) => {
                    assert_eq!(refused, status);
                    "never"
                }
                Outcome::Failed { retry_after, status: told, .. } => {
                    assert_eq!((retry_after, told), (Some(Duration::from_secs(120)), Some(status)));
                    "later"
                }
            }
        };
        for status in [200, 202, 204] {
            assert_eq!(meaning(status), "done", "{status}");
        }
        for status in [400, 403, 404, 405, 406, 410, 413, 422, 501] {
            assert_eq!(meaning(status), "never", "{status}");
        }
        for status in [301, 401, 408, 425, 429, 500, 502, 503, 504] {
            assert_eq!(meaning(status), "later", "{status}");
        }
    }
}
