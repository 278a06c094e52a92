//! What stands under a Note's id: its Create and the collections of its conversation. Counted and paged as they are at the
//! moment of asking.

use axum::{
    http::{HeaderMap, Method},
    response::Response,
};

use super::{
    Web, WebError,
    fediverse::{LIVE, plain},
};
use crate::{
    domain::{Genre, Handle, Published, ReactionKind, ReviewId, TalkCounts, message::Audience},
    fediverse::{
        activity,
        collection::{self, ITEMS_PER_PAGE},
        context::ACTIVITY_JSON,
        note::{REPLIES_PER_PAGE, Speaker},
    },
};

/// What stands under a Note's id; pages are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Activity,
    Replies { page: Option<u64> },
    Likes { page: Option<u64> },
    Shares { page: Option<u64> },
    Context { page: Option<u64> },
}

impl Web {
    async fn talk_counts(&self, handle: &Handle, id: &ReviewId) -> Result<TalkCounts, WebError> {
        let counts = self.store.conversation_counts(&[(handle.clone(), id.clone())]).await?;
        Ok(counts.first().copied().unwrap_or_default())
    }

    pub(super) async fn part(
        &self,
        method: &Method,
        headers: &HeaderMap,
        handle: &Handle,
        id: &ReviewId,
        part: Part,
    ) -> Response {
        let Some(reviewer) = self.reviewer(handle) else {
            return plain(axum::http::StatusCode::NOT_FOUND, "no such reviewer");
        };
        let published = match self.store.published(handle, id).await {
            Ok(Some(published)) => published,
            Ok(None) => return self.tombstone(method, headers, Genre::Review, handle, id).await,
            Err(error) => return self.broken(&error.into()),
        };
        if part == Part::Activity {
            let speaker = Speaker { site: &self.site, reviewer };
            let message = activity::create(&published, &speaker, Audience::Everyone);
            return self.send(method, headers, ACTIVITY_JSON, message.body, LIVE);
        }
        match self.collection(&published, part).await {
            Ok(document) => self.send_json(method, headers, ACTIVITY_JSON, &document, LIVE),
            Err(error) => self.broken(&error),
        }
    }

    async fn collection(&self, published: &Published, part: Part) -> Result<serde_json::Value, WebError> {
        let (origin, handle, id) = (&self.site.origin, &published.reviewer, &published.id);
        let counts = self.talk_counts(handle, id).await?;
        Ok(match part {
            Part::Activity => serde_json::Value::Null,
            Part::Replies { page } => {
                let number = page.unwrap_or(1);
                let (limit, offset) = window(number, REPLIES_PER_PAGE as u64);
                let items = self.store.shown_reply_ids(handle, id, limit, offset).await?;
                match page {
                    None => collection::replies(origin, handle, id, counts.replies, &items),
                    Some(number) => collection::replies_page(origin, handle, id, number, counts.replies, &items),
                }
            }
            Part::Likes { page } => self.reactions(published, "likes", ReactionKind::Like, counts.likes, page).await?,
            Part::Shares { page } => {
                self.reactions(published, "shares", ReactionKind::Boost, counts.boosts, page).await?
            }
            Part::Context { page } => {
                let number = page.unwrap_or(1);
                // The review itself is the first item.
                let (limit, offset) = match window(number, ITEMS_PER_PAGE) {
                    (limit, 0) => (limit - 1, 0),
                    (limit, offset) => (limit, offset - 1),
                };
                let replies = self.store.shown_reply_ids(handle, id, limit, offset).await?;
                collection::context(origin, handle, id, page, counts.replies, &replies)
            }
        })
    }

    async fn reactions(
        &self,
        published: &Published,
        part: &str,
        kind: ReactionKind,
        total: u64,
        page: Option<u64>,
    ) -> Result<serde_json::Value, WebError> {
        let (origin, handle, id) = (&self.site.origin, &published.reviewer, &published.id);
        let Some(number) = page else { return Ok(collection::reactions(origin, handle, id, part, total)) };
        let (limit, offset) = window(number, ITEMS_PER_PAGE);
        let items = self.store.reaction_ids(&origin.note(handle, id), kind, limit, offset).await?;
        Ok(collection::reactions_page(origin, handle, id, part, number, total, &items))
    }
}

/// Limit and offset of a page.
fn window(number: u64, size: u64) -> (i64, i64) {
    let offset = number.saturating_sub(1).saturating_mul(size);
    (i64::try_from(size).unwrap_or(i64::MAX), i64::try_from(offset).unwrap_or(i64::MAX))
}
