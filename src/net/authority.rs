//! Talks to the one authority that the settings name for certificates.

use std::time::Duration;

use reqwest::{
    Certificate,
    header::{HeaderValue, USER_AGENT},
    redirect::Policy,
};
use tokio_util::bytes::Bytes;

use super::client::{NetProblem, body};
use crate::domain::Origin;

/// An authority signs, and may be busy: longer than for other servers, whom nobody waits for either.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A chain of certificates has some kilobytes.
const BODY_BYTES_MAX: usize = 1 << 20;

/// A client for one authority. Its address, also a private one, was chosen by whoever wrote the settings; it follows no
/// redirect.
#[derive(Debug, Clone)]
pub struct AuthorityClient {
    http: reqwest::Client,
    agent: HeaderValue,
}

impl AuthorityClient {
    /// `roots` in PEM are the only ones believed, where there are any; otherwise it is the system's trust store.
    ///
    /// # Errors
    /// Roots that are none; no trust store.
    pub fn new(origin: &Origin, roots: Option<&[u8]>) -> Result<Self, NetProblem> {
        let failed = |error: reqwest::Error| NetProblem::Request(error.to_string());
        #[expect(
            clippy::disallowed_methods,
            reason = "it asks one authority of the settings only, and follows nothing"
        )]
        let builder = reqwest::Client::builder();
        let mut builder = builder.no_proxy().https_only(true).redirect(Policy::none()).timeout(TIMEOUT);
        if let Some(pem) = roots {
            let roots = Certificate::from_pem_bundle(pem).map_err(failed)?;
            if roots.is_empty() {
                return Err(NetProblem::Request("there is no certificate in PEM".to_owned()));
            }
            builder = builder.tls_certs_only(roots);
        }
        // RFC 8555 section 6.1 wants to know who asks.
        let agent = format!("reviewd/{} (+{}/)", env!("CARGO_PKG_VERSION"), origin);
        let agent = HeaderValue::from_str(&agent).map_err(|error| NetProblem::Request(error.to_string()))?;
        Ok(Self { http: builder.build().map_err(failed)?, agent })
    }

    /// Sends one request, and reads the whole answer.
    ///
    /// # Errors
    /// No answer; a status is an answer, whatever it is.
    pub async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, NetProblem> {
        let failed = |error: reqwest::Error| NetProblem::Request(error.to_string());
        let mut request = reqwest::Request::try_from(request).map_err(failed)?;
        request.headers_mut().insert(USER_AGENT, self.agent.clone());
        let mut response = self.http.execute(request).await?;
        let bytes = body(&mut response, BODY_BYTES_MAX).await?.ok_or(NetProblem::TooLong(BODY_BYTES_MAX))?;
        let mut answer = http::Response::new(Bytes::from(bytes));
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }
}
