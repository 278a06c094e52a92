//! Prepared documents: each made once for each change of the library, kept within a bound, served many times.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use jiff::Timestamp;
use moka::future::Cache;

use super::representation::{Policy, Representation};

/// All codings of all kept documents together, in bytes: the current feeds and the hundreds of pages that are asked for.
const SHELF_BYTES_MAX: u64 = 32 << 20;

/// A document before it is compressed and tagged.
#[derive(Debug)]
pub struct Document {
    pub status: StatusCode,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    pub last_modified: Timestamp,
    pub policy: Policy,
    /// `Link` headers: target and parameters.
    pub links: Vec<(String, String)>,
    pub is_page: bool,
}

/// What stands on the shelf under an address.
#[derive(Debug)]
pub struct Prepared {
    pub status: StatusCode,
    pub representation: Representation,
}

/// The shelf. Cheap to clone.
#[derive(Clone)]
pub struct Shelf(Cache<(u64, String), Arc<Prepared>>);

impl Shelf {
    pub fn new() -> Self {
        let weigh = |key: &(u64, String), prepared: &Arc<Prepared>| {
            u32::try_from(key.1.len() + prepared.representation.bytes()).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(SHELF_BYTES_MAX).weigher(weigh).build())
    }

    /// The document of an address as of a version, made by `make` when it is not there; many who ask at once wait for one
    /// making. Compression runs beside the threads that serve.
    pub async fn get<E>(
        &self,
        version: u64,
        address: &str,
        make: impl Future<Output = Result<Document, E>>,
    ) -> Result<Arc<Prepared>, Arc<E>>
    where
        E: Send + Sync + From<tokio::task::JoinError> + 'static,
    {
        let key = (version, address.to_owned());
        if let Some(prepared) = self.0.get(&key).await {
            return Ok(prepared);
        }
        self.0
            .try_get_with(key, async move {
                let document = make.await?;
                Ok(tokio::task::spawn_blocking(move || Arc::new(prepare(document))).await?)
            })
            .await
    }
}

impl Default for Shelf {
    fn default() -> Self {
        Self::new()
    }
}

impl Prepared {
    pub fn respond(&self, method: &Method, headers: &axum::http::HeaderMap) -> axum::response::Response {
        let mut response = self.representation.respond(method, headers);
        if response.status() == StatusCode::OK {
            *response.status_mut() = self.status;
        }
        response
    }
}

fn prepare(document: Document) -> Prepared {
    let Document { status, content_type, body, last_modified, policy, links, is_page } = document;
    let mut representation = Representation::new(content_type, body, last_modified, policy);
    for (target, parameters) in &links {
        representation = representation.with_link(target, parameters);
    }
    if is_page {
        for (name, value) in super::PAGE_HEADERS {
            let value = axum::http::HeaderValue::from_static(value);
            representation = representation.with_header(axum::http::HeaderName::from_static(name), value);
        }
    }
    Prepared { status, representation }
}
