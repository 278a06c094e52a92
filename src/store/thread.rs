//! The ids of a conversation in order, for the collections that other servers walk through.

use super::{Store, StoreError, doing, sql::query_scalar};
use crate::domain::{Handle, ReactionKind, ReviewId, TalkCounts};

/// What came back to a review, as its Note tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CameBack {
    pub counts: TalkCounts,
    /// Ids of the first replies shown, oldest first.
    pub first_replies: Vec<String>,
}

impl Store {
    /// The numbers, and at most `replies_max` ids of replies.
    pub async fn came_back(
        &self,
        handle: &Handle,
        review: &ReviewId,
        replies_max: usize,
    ) -> Result<CameBack, StoreError> {
        let counts = self.conversation_counts(&[(handle.clone(), review.clone())]).await?;
        let counts = counts.first().copied().unwrap_or_default();
        let limit = i64::try_from(replies_max).unwrap_or(i64::MAX);
        let first_replies = match counts.replies {
            0 => Vec::new(),
            _ => self.shown_reply_ids(handle, review, limit, 0).await?,
        };
        Ok(CameBack { counts, first_replies })
    }

    /// Ids of the replies shown under a review, oldest first.
    pub async fn shown_reply_ids(
        &self,
        handle: &Handle,
        review: &ReviewId,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<String>, StoreError> {
        query_scalar(
            "SELECT id FROM reply WHERE reviewer = $1 AND review = $2 AND state = 'shown' AND visibility <> 'private'
             ORDER BY published, seq LIMIT $3 OFFSET $4",
        )
        .bind(handle.as_str())
        .bind(review.as_str())
        .bind(limit)
        .bind(offset)
        .fetch_all(&self.read)
        .await
        .map_err(doing("list the replies of a thread"))
    }

    /// Ids of the activities by which people reacted to a post, oldest first; some reactions came without one.
    pub async fn reaction_ids(
        &self,
        object: &str,
        kind: ReactionKind,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<String>, StoreError> {
        query_scalar(
            "SELECT id FROM reaction WHERE object = $1 AND kind = $2 AND id IS NOT NULL ORDER BY at, actor
             LIMIT $3 OFFSET $4",
        )
        .bind(object)
        .bind(kind.as_str())
        .bind(limit)
        .bind(offset)
        .fetch_all(&self.read)
        .await
        .map_err(doing("list the reactions to a post"))
    }
}
