//! An authority as instant-acme speaks to it, through our own client, and what its refusals mean.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use http_body_util::BodyExt;
use instant_acme::{Account, AccountCredentials, BodyWrapper, BytesResponse, Error, HttpClient, NewAccount, Problem};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::kept::Kept;
use crate::{
    clock::Clock,
    config::AcmeSettings,
    net::{Answer, AuthorityClient, Bytes, NetProblem},
};

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("{0}")]
    Said(String),
    /// It has forgotten our account.
    #[error("the authority does not know this account any more")]
    NoAccount,
    #[error(transparent)]
    Kept(#[from] super::super::Unusable),
}

/// The account as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptAccount {
    contact: Option<String>,
    credentials: AccountCredentials,
}

/// The authority of the settings.
pub struct Authority {
    settings: AcmeSettings,
    client: AuthorityClient,
    clock: Clock,
    /// How long it wants to be left alone, as it said last.
    wait: Arc<watch::Sender<Option<Duration>>>,
}

impl Authority {
    pub fn new(settings: AcmeSettings, client: AuthorityClient, clock: Clock) -> Self {
        Self { settings, client, clock, wait: Arc::default() }
    }

    /// What its answers since the last call asked for.
    pub fn asked_to_wait(&self) -> Option<Duration> {
        self.wait.send_replace(None)
    }

    /// Our account there: the one that is kept, or a new one.
    pub async fn account(&self, kept: &Kept) -> Result<Account, Refused> {
        let contact = self.settings.contact.clone();
        let addresses: Vec<String> = contact.iter().map(|address| format!("mailto:{address}")).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let builder = || Account::builder_with_http(Box::new(self.wire()));
        if let Some(known) = kept.account::<KeptAccount>() {
            let account = builder().from_credentials(known.credentials).await.map_err(|error| self.refused(error))?;
            if known.contact != contact {
                account.update_contacts(&addresses).await.map_err(|error| self.refused(error))?;
                if let Some(known) = kept.account::<KeptAccount>() {
                    kept.keep_account(&KeptAccount { contact, ..known })?;
                }
            }
            return Ok(account);
        }
        let new = NewAccount { contact: &addresses, terms_of_service_agreed: true, only_return_existing: false };
        let made = builder().create(&new, self.settings.directory.clone(), None).await;
        let (account, credentials) = made.map_err(|error| self.refused(error))?;
        kept.keep_account(&KeptAccount { contact, credentials })?;
        tracing::info!("an account was opened at {}", self.settings.directory);
        Ok(account)
    }

    /// What an error means to a person.
    pub fn refused(&self, error: Error) -> Refused {
        let directory = &self.settings.directory;
        Refused::Said(match error {
            Error::Api(problem) if is_of_type(&problem, "accountDoesNotExist") => return Refused::NoAccount,
            Error::Api(problem) => format!("{directory} refused: {}", said(&problem)),
            Error::Json(_) => format!("{directory} does not speak ACME; correct [tls] directory"),
            Error::Timeout(_) => format!("{directory} did not come to a decision in time"),
            Error::Other(error) => match error.downcast_ref::<NetProblem>() {
                Some(problem) => format!("{directory} was not reached: {problem}"),
                None => format!("{directory}: {error}"),
            },
            other => format!("{directory}: {other}"),
        })
    }

    fn wire(&self) -> Wire {
        Wire { client: self.client.clone(), clock: self.clock.clone(), wait: Arc::clone(&self.wait) }
    }
}

fn is_of_type(problem: &Problem, name: &str) -> bool {
    problem.r#type.as_deref().and_then(|kind| kind.rsplit(':').next()) == Some(name)
}

/// Whether the authority came here and did not find what it wanted (RFC 8555 section 6.7).
pub fn is_about_the_way(problem: &Problem) -> bool {
    ["connection", "dns", "incorrectResponse", "tls", "unauthorized"].iter().any(|name| is_of_type(problem, name))
}

/// A problem document (RFC 8555 section 6.7) in words: `DNS problem: NXDOMAIN looking up A for books.example (dns)`.
pub fn said(problem: &Problem) -> String {
    let kind = problem.r#type.as_deref().and_then(|kind| kind.rsplit(':').next()).unwrap_or("no reason given");
    let of_names = problem.subproblems.iter().filter_map(|sub| sub.detail.clone());
    let details: Vec<String> = problem.detail.clone().into_iter().chain(of_names).collect();
    match details.is_empty() {
        true => kind.to_owned(),
        false => format!("{} ({kind})", details.join("; ")),
    }
}

/// Requests of instant-acme on our client.
struct Wire {
    client: AuthorityClient,
    clock: Clock,
    wait: Arc<watch::Sender<Option<Duration>>>,
}

impl HttpClient for Wire {
    fn request(
        &self,
        request: http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let (client, clock, wait) = (self.client.clone(), self.clock.clone(), Arc::clone(&self.wait));
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let Ok(body) = body.collect().await;
            let request = http::Request::from_parts(parts, body.to_bytes());
            let answer = client.send(request).await.map_err(|problem| Error::Other(Box::new(problem)))?;
            let status = answer.status();
            let retry_after = answer.headers().get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            if !status.is_success() && retry_after.is_some() {
                let asked =
                    Answer { status: status.as_u16(), retry_after: retry_after.map(str::to_owned), body: Vec::new() };
                wait.send_replace(asked.wait(clock.now()));
            }
            Ok(BytesResponse::from(answer.map(|bytes| BodyWrapper::from(bytes.to_vec()))))
        })
    }
}
