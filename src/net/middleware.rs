//! The same guarded client for a library that wants to make its own requests (activitypub_federation).

use std::sync::Arc;

use http::Extensions;
use reqwest::{Request, Response, header::HeaderMap};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next};
use url::Url;

use super::client::{Client, NetProblem, REDIRECTS_MAX, redirect};

/// Gives a request to this address its headers; the flag says that a first attempt was answered with 401.
pub type Dress = Arc<dyn Fn(&Url, bool) -> HeaderMap + Send + Sync>;
/// Sets an answer's headers right before the library looks at them.
pub type Tidy = fn(&mut HeaderMap);

impl Client {
    /// A client for GETs by a library: each hop is judged, dressed and, after a 401, dressed once more.
    ///
    /// Only success and 410 reach the library; any other status is [`NetProblem::Status`], whatever the body says.
    pub fn for_library(&self, dress: Dress, tidy: Tidy) -> ClientWithMiddleware {
        let guarded = Guarded { client: self.clone(), dress, tidy };
        ClientBuilder::new(self.http.clone()).with(guarded).build()
    }
}

struct Guarded {
    client: Client,
    dress: Dress,
    tidy: Tidy,
}

#[async_trait::async_trait]
impl Middleware for Guarded {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        for _ in 0..=REDIRECTS_MAX {
            let mut response = self.knock(&request, false, extensions, next.clone()).await?;
            if response.status().as_u16() == 401 {
                response = self.knock(&request, true, extensions, next.clone()).await?;
            }
            match redirect(&response).map_err(Error::middleware)? {
                Some(url) => *request.url_mut() = url,
                None if !response.status().is_success() && response.status().as_u16() != 410 => {
                    return Err(Error::middleware(NetProblem::Status(response.status().as_u16())));
                }
                None => {
                    (self.tidy)(response.headers_mut());
                    return Ok(response);
                }
            }
        }
        Err(Error::middleware(NetProblem::Redirects))
    }
}

impl NetProblem {
    /// What went wrong below a library that used [`Client::for_library`].
    pub fn below(error: Error) -> Self {
        match error {
            Error::Middleware(error) => error.downcast().unwrap_or_else(|other| Self::Request(other.to_string())),
            Error::Reqwest(error) => error.into(),
        }
    }
}

impl Guarded {
    async fn knock(
        &self,
        request: &Request,
        again: bool,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        self.client.reach.admit(request.url()).await.map_err(|refusal| Error::middleware(NetProblem::from(refusal)))?;
        let mut attempt =
            request.try_clone().ok_or_else(|| Error::middleware(NetProblem::Request("a streamed body".to_owned())))?;
        for (name, value) in &(self.dress)(attempt.url(), again) {
            attempt.headers_mut().insert(name.clone(), value.clone());
        }
        next.run(attempt, extensions).await
    }
}
