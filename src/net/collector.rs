//! Posts to the one address that the settings name for traces.

use std::time::Duration;

use reqwest::{header::CONTENT_TYPE, redirect::Policy};

use super::client::NetProblem;

/// A collector stands beside the program, or in the same building.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A client for one collector. It follows nothing, so the guard against private networks has nothing to guard.
#[derive(Debug, Clone)]
pub struct Collector {
    http: reqwest::Client,
    url: String,
}

impl Collector {
    /// # Errors
    /// When no trust store can be loaded.
    pub fn new(url: String) -> Result<Self, NetProblem> {
        #[expect(clippy::disallowed_methods, reason = "it asks one address of the settings only, and follows nothing")]
        let builder = reqwest::Client::builder().no_proxy().redirect(Policy::none()).timeout(TIMEOUT);
        let http = builder.build().map_err(|error| NetProblem::Request(error.to_string()))?;
        Ok(Self { http, url })
    }

    /// Posts a JSON document.
    ///
    /// # Errors
    /// When nobody answers, or not with a success.
    pub async fn post(&self, document: String) -> Result<(), NetProblem> {
        let request = self.http.post(&self.url).header(CONTENT_TYPE, "application/json").body(document);
        let answer = request.send().await.map_err(|error| NetProblem::Request(error.to_string()))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(NetProblem::Status(status.as_u16())),
        }
    }
}
