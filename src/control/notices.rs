//! What `reviewd notify` asks for.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    domain::Origin,
    store::{Store, StoreError},
};

/// Notices listed at most.
const NOTICES_MAX: i64 = 50;

/// What `reviewd notify` shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notices {
    /// The private feed's address.
    pub feed: Option<String>,
    pub notices: Vec<NoticeView>,
}

/// One state that began, and perhaps ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeView {
    pub kind: String,
    pub text: String,
    pub at: Timestamp,
    pub over_at: Option<Timestamp>,
}

/// The answer of `reviewd notify`.
pub async fn notices(store: &Store, origin: &Origin, token: Option<&str>) -> Result<Notices, StoreError> {
    let notices = store.notices(NOTICES_MAX).await?;
    Ok(Notices {
        feed: token.map(|token| origin.at(&format!("/notices/{token}.xml"))),
        notices: notices
            .into_iter()
            .map(|one| NoticeView { kind: one.kind, text: one.text, at: one.at, over_at: one.over_at })
            .collect(),
    })
}
