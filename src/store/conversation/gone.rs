//! Ids that must not come, or not come back.

use std::collections::HashSet;

use super::under;
use crate::{
    domain::{Handle, ReviewId},
    store::{
        Store, StoreError, doing,
        outbox::host_of,
        sql::{QueryBuilder, query, query_as, query_scalar},
    },
};
use jiff::Timestamp;

/// Ids of one host that are remembered as gone.
const GONE_OF_HOST_MAX: i64 = 10_000;
/// Ids of all hosts that are remembered as gone.
const GONE_MAX: i64 = 200_000;
/// Ids asked for in one statement.
const IDS_PER_QUERY: usize = 500;

/// A post that may not come back, and where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GonePost {
    pub under: Option<(Handle, ReviewId)>,
    /// The post it answered, where it was a reply that we had.
    pub in_reply_to: Option<String>,
}

impl Store {
    /// Remembers an id that may still come: a post deleted or an activity taken back before it arrived.
    pub async fn remember_gone(&self, id: &str, at: Timestamp, until: Timestamp) -> Result<(), StoreError> {
        query("INSERT INTO gone (id, host, at, until) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING")
            .bind(id)
            .bind(host_of(id).unwrap_or_default())
            .bind(at.as_millisecond())
            .bind(until.as_millisecond())
            .execute(&self.write)
            .await
            .map(drop)
            .map_err(doing("remember what is gone"))
    }

    pub async fn gone_post(&self, id: &str) -> Result<Option<GonePost>, StoreError> {
        let row: Option<(Option<String>, Option<String>, Option<String>)> =
            query_as("SELECT reviewer, review, in_reply_to FROM gone WHERE id = $1")
                .bind(id)
                .fetch_optional(&self.read)
                .await
                .map_err(doing("look for what is gone"))?;
        Ok(row.map(|(reviewer, review, in_reply_to)| GonePost {
            under: under(reviewer.as_deref(), review.as_deref()),
            in_reply_to,
        }))
    }

    /// Which of these ids are remembered as gone.
    pub async fn gone_among(&self, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
        let mut gone = HashSet::new();
        for part in ids.chunks(IDS_PER_QUERY) {
            let mut query = QueryBuilder::new("SELECT id FROM gone WHERE id IN (");
            query.push_list(part.iter().copied());
            let query = query.build_query_scalar();
            let found: Vec<String> = query.fetch_all(&self.read).await.map_err(doing("look for what is gone"))?;
            gone.extend(found);
        }
        Ok(gone)
    }

    /// Forgets what nobody will send any more, and the oldest of a host that deletes without end.
    pub async fn forget_gone(&self, now: Timestamp) -> Result<u64, StoreError> {
        let doing_it = "forget what is long gone";
        let old = query("DELETE FROM gone WHERE until < $1")
            .bind(now.as_millisecond())
            .execute(&self.write)
            .await
            .map_err(doing(doing_it))?;
        let left: i64 =
            query_scalar("SELECT COUNT(*) FROM gone").fetch_one(&self.read).await.map_err(doing(doing_it))?;
        if left <= GONE_OF_HOST_MAX {
            return Ok(old.rows_affected());
        }
        let too_many = query(
            "DELETE FROM gone WHERE id IN (
               SELECT id FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY host ORDER BY at DESC) AS of_host,
                                      ROW_NUMBER() OVER (ORDER BY at DESC) AS of_all FROM gone) AS numbered
               WHERE of_host > $1 OR of_all > $2)",
        )
        .bind(GONE_OF_HOST_MAX)
        .bind(GONE_MAX)
        .execute(&self.write)
        .await
        .map_err(doing(doing_it))?;
        Ok(old.rows_affected() + too_many.rows_affected())
    }
}
