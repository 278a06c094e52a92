//! Asks the site through its public origin, and brings together what was answered and what arrived.

use std::sync::Arc;

use serde_json::Value;

use super::examination::{Arrival, Examination};
use crate::{
    domain::Origin,
    fediverse::signature::{self, Outgoing, Signer, Spec},
    net::{HeaderMap, HeaderName, HeaderValue, NetProblem, Seen, Url},
};

/// Somebody from outside, for one examination.
pub struct Visitor {
    pub examination: Arc<Examination>,
}

/// An answer, and the request as it reached the daemon (`None` when it did not, or was stripped of its mark).
#[derive(Debug, Clone)]
pub struct Reply {
    pub seen: Seen,
    pub arrival: Option<Arrival>,
}

impl Visitor {
    pub fn origin(&self) -> &Origin {
        &self.examination.origin
    }

    pub async fn get(&self, url: &str, headers: &[(&'static str, &str)]) -> Result<Reply, NetProblem> {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::try_from(*value).map_err(|error| NetProblem::Request(error.to_string()))?;
            all.insert(HeaderName::from_static(name), value);
        }
        let number = self.examination.mark(&mut all);
        let seen = self.examination.probe.get(url, all).await?;
        Ok(Reply { seen, arrival: self.examination.arrival(number) })
    }

    /// Posts an activity, signed by the throw-away peer.
    pub async fn post(&self, url: &str, activity: &Value, spec: Spec) -> Result<(Reply, HeaderMap), NetProblem> {
        let broken = |error: String| NetProblem::Request(error);
        let body = activity.to_string().into_bytes();
        let target = Url::parse(url).map_err(|error| broken(error.to_string()))?;
        let key_id = crate::fediverse::context::key_id(&self.examination.actor());
        let signer = Signer { key_id: &key_id, key: &self.examination.key };
        let outgoing = Outgoing { method: "POST", url: &target, body: Some(&body), sha256: None };
        let now = self.examination.clock.now();
        let mut headers =
            signature::sign(&outgoing, &signer, spec, now).map_err(|problem| broken(problem.to_string()))?;
        headers.insert("content-type", HeaderValue::from_static(crate::fediverse::context::ACTIVITY_JSON));
        let number = self.examination.mark(&mut headers);
        let seen = self.examination.probe.post(url, headers.clone(), body).await?;
        Ok((Reply { seen, arrival: self.examination.arrival(number) }, headers))
    }
}

impl Reply {
    /// Who answered, as far as they say: ` (server: nginx)`.
    pub fn server(&self) -> String {
        self.seen.header("server").map(|server| format!(" (server: {server})")).unwrap_or_default()
    }

    /// Where a redirect leads; `None` where it is none.
    pub fn redirect(&self) -> Option<&str> {
        matches!(self.seen.status, 301 | 302 | 303 | 307 | 308)
            .then(|| self.seen.header("location").unwrap_or("nowhere"))
    }

    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.seen.body).ok()
    }

    /// The media type without its parameters.
    pub fn media_type(&self) -> &str {
        self.seen.header("content-type").and_then(|all| all.split(';').next()).unwrap_or("").trim()
    }
}
