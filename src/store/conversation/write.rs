//! One reply written or removed, inside the transaction of whoever decides it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Kept, under};
use crate::{
    domain::{Handle, Reply, ReplyState, ReviewId, Source},
    store::{
        StoreError, doing,
        outbox::host_of,
        sql::{Row, Transaction, query, query_as, query_scalar},
    },
};

/// How long the id of a deleted reply is refused; servers do not send one again after that (FEDERATION 5.23).
const GONE_FOR: SignedDuration = SignedDuration::from_hours(24 * 366);

/// The parts of a reply that nothing asks for by SQL.
#[derive(Serialize, Deserialize)]
pub(super) struct Words {
    pub content: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    pub page: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replies: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
}

/// Writes a reply inside somebody's transaction, who then has to call `talk_changed` after the commit.
pub(in crate::store) async fn write_reply(
    transaction: &mut Transaction,
    reply: &Reply,
    state: ReplyState,
    source: Source,
    at: Timestamp,
) -> Result<Kept, StoreError> {
    let doing_it = "keep a reply";
    let gone: Option<i64> = query_scalar("SELECT 1 FROM gone WHERE id = $1")
        .bind(&reply.id)
        .fetch_optional(&mut **transaction)
        .await
        .map_err(doing(doing_it))?;
    if gone.is_some() {
        return Ok(Kept::Refused);
    }
    let words = serde_json::to_string(&Words {
        content: reply.content.clone(),
        title: reply.title.clone(),
        warning: reply.warning.clone(),
        language: reply.language.clone(),
        page: reply.page.clone(),
        replies: reply.replies.clone(),
        mentions: reply.mentions.clone(),
    })
    .unwrap_or_default();
    let before: Option<(i64, String, String, Option<i64>, String)> =
        query_as("SELECT seq, author, words, updated, visibility FROM reply WHERE id = $1")
            .bind(&reply.id)
            .fetch_optional(&mut **transaction)
            .await
            .map_err(doing(doing_it))?;
    let updated = reply.updated.map(Timestamp::as_millisecond);
    if let Some((seq, author, said, edited, visibility)) = before {
        if author != reply.author {
            return Ok(Kept::Refused);
        }
        if (said.as_str(), edited, visibility.as_str()) == (&words, updated, reply.visibility.as_str()) {
            return Ok(Kept::Unchanged(seq));
        }
        query("UPDATE reply SET words = $2, updated = $3, visibility = $4 WHERE seq = $1")
            .bind(seq)
            .bind(words)
            .bind(updated)
            .bind(reply.visibility.as_str())
            .execute(&mut **transaction)
            .await
            .map_err(doing(doing_it))?;
        return Ok(Kept::Changed(seq));
    }
    let seq = query_scalar(
        "INSERT INTO reply (id, reviewer, review, in_reply_to, author, host, ours, state, visibility, source, published,
         updated, received_at, words) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING seq",
    )
    .bind(&reply.id)
    .bind(reply.under.as_ref().map(|(handle, _)| handle.as_str()))
    .bind(reply.under.as_ref().map(|(_, review)| review.as_str()))
    .bind(&reply.in_reply_to)
    .bind(&reply.author)
    .bind(host_of(&reply.author).unwrap_or_default())
    .bind(reply.ours)
    .bind(state.as_str())
    .bind(reply.visibility.as_str())
    .bind(source.as_str())
    .bind(reply.published.as_millisecond())
    .bind(updated)
    .bind(at.as_millisecond())
    .bind(words)
    .fetch_one(&mut **transaction)
    .await
    .map_err(doing(doing_it))?;
    Ok(Kept::New(seq))
}

/// Removes a reply inside somebody's transaction, who then has to call `talk_changed` after the commit. `None` without
/// such a reply.
pub(in crate::store) async fn erase_reply(
    transaction: &mut Transaction,
    id: &str,
    at: Timestamp,
) -> Result<Option<Option<(Handle, ReviewId)>>, StoreError> {
    let doing_it = "drop a reply";
    let row: Option<Row> =
        query("DELETE FROM reply WHERE id = $1 RETURNING reviewer, review, in_reply_to, host, author")
            .bind(id)
            .fetch_optional(&mut **transaction)
            .await
            .map_err(doing(doing_it))?;
    let Some(row) = row else { return Ok(None) };
    let (reviewer, review): (Option<String>, Option<String>) = (row.get(0), row.get(1));
    let (in_reply_to, host, author): (String, String, String) = (row.get(2), row.get(3), row.get(4));
    // What was done with it, and what it did itself: a reply may quote.
    query("DELETE FROM reaction WHERE object = $1 OR (id = $1 AND actor = $2)")
        .bind(id)
        .bind(&author)
        .execute(&mut **transaction)
        .await
        .map_err(doing(doing_it))?;
    query(
        "INSERT INTO gone (id, host, author, reviewer, review, in_reply_to, at, until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET until = excluded.until",
    )
    .bind(id)
    .bind(host)
    .bind(author)
    .bind(&reviewer)
    .bind(&review)
    .bind(in_reply_to)
    .bind(at.as_millisecond())
    .bind((at + GONE_FOR).as_millisecond())
    .execute(&mut **transaction)
    .await
    .map_err(doing(doing_it))?;
    Ok(Some(under(reviewer.as_deref(), review.as_deref())))
}
