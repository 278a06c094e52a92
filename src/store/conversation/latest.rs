//! The newest replies, for feeds.

use std::collections::{HashMap, hash_map};

use super::{ReplyRow, places::Places, replies, shown};
use crate::{
    domain::{Handle, KeptReply, ReviewId},
    store::{Store, StoreError, doing, sql::query_as},
};

/// Whose conversations are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Talked<'a> {
    /// Under every live review.
    Anywhere,
    /// Under this reviewer's live reviews.
    With(&'a Handle),
    /// Under one review, live or about to go.
    Under(&'a Handle, &'a ReviewId),
}

impl Store {
    /// The replies shown that came last, newest arrival first: an old one that was found late is news all the same.
    pub async fn latest_replies(&self, talked: Talked<'_>, limit: usize) -> Result<Vec<KeptReply>, StoreError> {
        macro_rules! latest {
            ($which:expr) => {
                replies!(concat!(shown!(), " AND ", $which, " ORDER BY reply.seq DESC LIMIT $1"))
            };
        }
        macro_rules! live {
            () => {
                "EXISTS (SELECT 1 FROM review WHERE review.reviewer = reply.reviewer AND review.id = reply.review \
                 AND review.standing = 'live')"
            };
        }
        let query = match talked {
            Talked::Anywhere => query_as(latest!(live!())),
            Talked::With(_) => query_as(latest!(concat!("reply.reviewer = $2 AND ", live!()))),
            Talked::Under(..) => query_as(latest!("reply.reviewer = $2 AND reply.review = $3")),
        };
        let query = query.bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let query = match talked {
            Talked::Anywhere => query,
            Talked::With(handle) => query.bind(handle.as_str()),
            Talked::Under(handle, review) => query.bind(handle.as_str()).bind(review.as_str()),
        };
        let rows: Vec<ReplyRow> = query.fetch_all(&self.read).await.map_err(doing("read the newest replies"))?;
        let mut threads: HashMap<(Handle, ReviewId), Places> = HashMap::new();
        let mut latest = Vec::new();
        for ReplyRow(mut kept) in rows {
            if let Some((handle, review)) = &kept.reply.under {
                let places = match threads.entry((handle.clone(), review.clone())) {
                    hash_map::Entry::Occupied(known) => known.into_mut(),
                    hash_map::Entry::Vacant(place) => place.insert(self.places(handle, review).await?),
                };
                kept.hangs_from = places.above(&kept.reply.id);
            }
            latest.push(kept);
        }
        Ok(latest)
    }
}
