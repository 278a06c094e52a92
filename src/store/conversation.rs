//! Replies, theirs and ours: one table from which page, feeds, collections and commands read.

mod gone;
mod latest;
mod places;
mod write;

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

pub use gone::GonePost;
pub use latest::Talked;
pub(super) use write::{erase_reply, write_reply};

use self::{places::Places, write::Words};

use super::{
    Store, StoreError, crawl, doing,
    sql::{FromRow, QueryBuilder, Row, query, query_as, query_scalar},
};
use crate::domain::{Handle, KeptReply, RemoteActor, Reply, ReplyState, ReviewId, Source, TalkCounts, Visibility};

/// Reviews asked about in one statement.
const REVIEWS_PER_QUERY: usize = 200;
/// What is read of a reply, with its author.
macro_rules! replies {
    ($rest:expr) => {
        concat!(
            "SELECT reply.seq, reply.id, reply.reviewer, reply.review, reply.in_reply_to, reply.author, reply.ours, \
             reply.state, reply.visibility, reply.source, reply.published, reply.updated, reply.received_at, \
             reply.words, remote_actor.actor AS person FROM reply \
             LEFT JOIN remote_actor ON remote_actor.id = reply.author WHERE ",
            $rest
        )
    };
}

pub(super) use replies;

/// What stands on pages, in feeds and in collections.
macro_rules! shown {
    () => {
        "reply.state = 'shown' AND reply.visibility <> 'private'"
    };
}

use shown;

/// Which reactions count: not the quotes that replies make which are not shown.
macro_rules! open {
    () => {
        "NOT EXISTS (SELECT 1 FROM reply WHERE reply.id = reaction.id AND reply.state <> 'shown')"
    };
}

pub(super) use open;

/// What became of a reply that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    New(i64),
    /// It was there and says something else now.
    Changed(i64),
    Unchanged(i64),
    /// Its id was deleted, or belongs to somebody else.
    Refused,
}

/// Which replies a command lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    All,
    /// Public ones that wait for approval.
    Waiting,
    Hidden,
    Shown,
    /// Addressed to some, the reviewer among them.
    Private,
}

/// Whose replies a command lists; the newest `limit` of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyFilter {
    /// Those under this reviewer's reviews; `None`: all, also those under no review.
    pub reviewer: Option<Handle>,
    pub which: Which,
    pub limit: i64,
}

/// A row of [`replies`].
pub(super) struct ReplyRow(pub(super) KeptReply);

impl Store {
    /// Keeps a reply, or what its author made of it since; the state of one that is there already stays.
    pub async fn keep_reply(
        &self,
        reply: &Reply,
        state: ReplyState,
        source: Source,
        at: Timestamp,
    ) -> Result<Kept, StoreError> {
        let mut transaction = self.begin().await?;
        let kept = write_reply(&mut transaction, reply, state, source, at).await?;
        transaction.commit().await.map_err(doing("commit a reply"))?;
        if matches!(kept, Kept::New(_) | Kept::Changed(_)) {
            self.talk_changed(reply.under.clone());
        }
        Ok(kept)
    }

    /// Keeps what an author made of a reply, in the state where it stands from now on: nobody ever sees the new words in
    /// the old state.
    pub async fn edit_reply(
        &self,
        reply: &Reply,
        state: ReplyState,
        source: Source,
        at: Timestamp,
    ) -> Result<Kept, StoreError> {
        let mut transaction = self.begin().await?;
        let kept = write_reply(&mut transaction, reply, state, source, at).await?;
        let (Kept::New(seq) | Kept::Changed(seq) | Kept::Unchanged(seq)) = kept else { return Ok(kept) };
        let moved = query("UPDATE reply SET state = $2 WHERE seq = $1 AND state <> $2")
            .bind(seq)
            .bind(state.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(doing("change a reply's state"))?;
        transaction.commit().await.map_err(doing("commit an edited reply"))?;
        if moved.rows_affected() > 0 || !matches!(kept, Kept::Unchanged(_)) {
            self.talk_changed(reply.under.clone());
        }
        Ok(kept)
    }

    pub async fn reply(&self, id: &str) -> Result<Option<KeptReply>, StoreError> {
        let row: Option<ReplyRow> = query_as(replies!("reply.id = $1"))
            .bind(id)
            .fetch_optional(&self.read)
            .await
            .map_err(doing("read a reply"))?;
        Ok(row.map(|ReplyRow(kept)| kept))
    }

    /// The reply with the number that commands use.
    pub async fn reply_by_seq(&self, seq: i64) -> Result<Option<KeptReply>, StoreError> {
        let row: Option<ReplyRow> = query_as(replies!("reply.seq = $1"))
            .bind(seq)
            .fetch_optional(&self.read)
            .await
            .map_err(doing("read a reply"))?;
        Ok(row.map(|ReplyRow(kept)| kept))
    }

    /// Shows, hides or sets back a reply, as a person decides: whoever was shown is known from then on. `false` without
    /// such a reply, or where nothing changes.
    pub async fn set_reply_state(&self, seq: i64, state: ReplyState) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let row: Option<(Option<String>, Option<String>)> = query_as(
            "UPDATE reply SET state = $2, approved = $3
             WHERE seq = $1 AND (state <> $2 OR approved <> $3) RETURNING reviewer, review",
        )
        .bind(seq)
        .bind(state.as_str())
        .bind(state == ReplyState::Shown)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(doing("change a reply's state"))?;
        let Some((reviewer, review)) = row else { return Ok(false) };
        let under = under(reviewer.as_deref(), review.as_deref());
        if let Some((handle, review)) = under.as_ref().filter(|_| state == ReplyState::Shown) {
            // Now its own answers are looked for.
            crawl::touch(&mut transaction, handle, review, Timestamp::UNIX_EPOCH).await?;
        }
        transaction.commit().await.map_err(doing("commit a reply's state"))?;
        self.talk_changed(under);
        Ok(true)
    }

    /// Takes a reply away for good. Its id is remembered, so that no crawl and no late `Create` brings it back, and
    /// replies to it keep their place in the thread.
    pub async fn drop_reply(&self, id: &str, at: Timestamp) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let dropped = erase_reply(&mut transaction, id, at).await?;
        transaction.commit().await.map_err(doing("commit a dropped reply"))?;
        if let Some(under) = &dropped {
            self.talk_changed(under.clone());
        }
        Ok(dropped.is_some())
    }

    /// Takes away everything an actor wrote.
    pub async fn drop_replies_of(&self, author: &str, at: Timestamp) -> Result<u64, StoreError> {
        let ids: Vec<String> = query_scalar("SELECT id FROM reply WHERE author = $1")
            .bind(author)
            .fetch_all(&self.read)
            .await
            .map_err(doing("find an author's replies"))?;
        let mut touched = HashSet::new();
        let mut transaction = self.begin().await?;
        for id in &ids {
            touched.extend(erase_reply(&mut transaction, id, at).await?.flatten());
        }
        transaction.commit().await.map_err(doing("commit dropped replies"))?;
        self.talk_changed(touched);
        Ok(ids.len() as u64)
    }

    /// Hides what these authors wrote, in whatever state it stands.
    pub async fn hide_replies_of(&self, authors: &[String]) -> Result<u64, StoreError> {
        let mut touched = HashSet::new();
        let mut hidden = 0;
        for author in authors {
            let rows: Vec<(Option<String>, Option<String>)> = query_as(
                "UPDATE reply SET state = 'hidden', approved = FALSE WHERE author = $1 AND state <> 'hidden'
                 RETURNING reviewer, review",
            )
            .bind(author)
            .fetch_all(&self.write)
            .await
            .map_err(doing("hide an author's replies"))?;
            hidden += rows.len() as u64;
            touched.extend(rows.iter().filter_map(|(reviewer, review)| under(reviewer.as_deref(), review.as_deref())));
        }
        self.talk_changed(touched);
        Ok(hidden)
    }

    /// Everybody who wrote or reacted, once each.
    pub async fn talkers(&self) -> Result<Vec<String>, StoreError> {
        query_scalar("SELECT author FROM reply WHERE NOT ours UNION SELECT actor FROM reaction")
            .fetch_all(&self.read)
            .await
            .map_err(doing("list those who answered"))
    }

    /// Every reply shown under a review, oldest first.
    pub async fn replies_under(&self, handle: &Handle, review: &ReviewId) -> Result<Vec<KeptReply>, StoreError> {
        self.thread(handle, review, i64::MAX, 0).await
    }

    /// A part of the replies shown under a review, oldest first.
    pub async fn thread(
        &self,
        handle: &Handle,
        review: &ReviewId,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<KeptReply>, StoreError> {
        let rows: Vec<ReplyRow> = query_as(replies!(concat!(
            "reply.reviewer = $1 AND reply.review = $2 AND ",
            shown!(),
            " ORDER BY reply.published, reply.seq LIMIT $3 OFFSET $4"
        )))
        .bind(handle.as_str())
        .bind(review.as_str())
        .bind(limit)
        .bind(offset)
        .fetch_all(&self.read)
        .await
        .map_err(doing("read a thread"))?;
        let places = self.places(handle, review).await?;
        let hang = |ReplyRow(kept): ReplyRow| KeptReply { hangs_from: places.above(&kept.reply.id), ..kept };
        Ok(rows.into_iter().map(hang).collect())
    }

    async fn places(&self, handle: &Handle, review: &ReviewId) -> Result<Places, StoreError> {
        let rows: Vec<(String, String, bool)> = query_as(concat!(
            "SELECT id, in_reply_to, ",
            shown!(),
            " FROM reply WHERE reviewer = $1 AND review = $2
             UNION ALL
             SELECT id, in_reply_to, FALSE FROM gone
             WHERE reviewer = $1 AND review = $2 AND in_reply_to IS NOT NULL"
        ))
        .bind(handle.as_str())
        .bind(review.as_str())
        .fetch_all(&self.read)
        .await
        .map_err(doing("read how a thread hangs together"))?;
        Ok(Places::new(rows))
    }

    /// Replies as commands list them, newest first.
    pub async fn all_replies(&self, filter: &ReplyFilter) -> Result<Vec<KeptReply>, StoreError> {
        macro_rules! listed {
            ($which:expr) => {
                replies!(concat!($which, " AND ($1 IS NULL OR reply.reviewer = $1) ORDER BY reply.seq DESC LIMIT $2"))
            };
        }
        let query = match filter.which {
            Which::All => listed!("TRUE"),
            Which::Waiting => listed!("reply.state = 'waiting' AND reply.visibility <> 'private'"),
            Which::Hidden => listed!("reply.state = 'hidden'"),
            Which::Shown => listed!(shown!()),
            Which::Private => listed!("reply.visibility = 'private'"),
        };
        let rows: Vec<ReplyRow> = query_as(query)
            .bind(filter.reviewer.as_ref().map(Handle::as_str))
            .bind(filter.limit)
            .fetch_all(&self.read)
            .await
            .map_err(doing("list replies"))?;
        Ok(rows.into_iter().map(|ReplyRow(kept)| kept).collect())
    }

    /// Public replies that wait for approval.
    pub async fn count_waiting_replies(&self) -> Result<u64, StoreError> {
        let count: i64 = query_scalar("SELECT COUNT(*) FROM reply WHERE state = 'waiting' AND visibility <> 'private'")
            .fetch_one(&self.read)
            .await
            .map_err(doing("count replies"))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// What came back to these reviews, in their order.
    pub async fn conversation_counts(&self, reviews: &[(Handle, ReviewId)]) -> Result<Vec<TalkCounts>, StoreError> {
        let mut found: HashMap<(String, String), TalkCounts> = HashMap::new();
        for part in reviews.chunks(REVIEWS_PER_QUERY) {
            let mut query = QueryBuilder::new("SELECT reviewer, review, 'reply', COUNT(*) FROM reply WHERE ");
            query.push(shown!()).push(" AND ");
            push_reviews(&mut query, part);
            query.push(
                " GROUP BY reviewer, review UNION ALL SELECT reviewer, review, kind, COUNT(*) FROM reaction WHERE ",
            );
            push_reviews(&mut query, part);
            query.push(" AND object NOT IN (SELECT id FROM reply WHERE ");
            push_reviews(&mut query, part);
            query.push(") AND ").push(open!()).push(" GROUP BY reviewer, review, kind");
            let rows: Vec<(String, String, String, i64)> =
                query.build_query_as().fetch_all(&self.read).await.map_err(doing("count what came back"))?;
            for (reviewer, review, kind, count) in rows {
                let counts = found.entry((reviewer, review)).or_default();
                let count = u64::try_from(count).unwrap_or(0);
                match kind.as_str() {
                    "like" => counts.likes = count,
                    "boost" => counts.boosts = count,
                    "quote" => counts.quotes = count,
                    _ => counts.replies = count,
                }
            }
        }
        let key = |(handle, review): &(Handle, ReviewId)| (handle.to_string(), review.to_string());
        Ok(reviews.iter().map(|review| found.get(&key(review)).copied().unwrap_or_default()).collect())
    }

    /// Whether a person approved an earlier reply of this author and none is hidden: who had to be hidden once is read
    /// again before being shown.
    pub async fn is_known_author(&self, author: &str) -> Result<bool, StoreError> {
        let found: Option<i64> = query_scalar(
            "SELECT 1 FROM reply WHERE author = $1 AND approved
             AND NOT EXISTS (SELECT 1 FROM reply AS other WHERE other.author = $1 AND other.state = 'hidden') LIMIT 1",
        )
        .bind(author)
        .fetch_optional(&self.read)
        .await
        .map_err(doing("look for an author's approved replies"))?;
        Ok(found.is_some())
    }
}

pub(super) fn under(reviewer: Option<&str>, review: Option<&str>) -> Option<(Handle, ReviewId)> {
    Some((Handle::parse(reviewer?).ok()?, ReviewId::parse(review?)?))
}

/// `(reviewer = $ AND review = $) OR …`
fn push_reviews(query: &mut QueryBuilder<'_>, reviews: &[(Handle, ReviewId)]) {
    query.push("(");
    for (index, (handle, review)) in reviews.iter().enumerate() {
        query.push(if index == 0 { "(reviewer = " } else { " OR (reviewer = " }).push_bind(handle.to_string());
        query.push(" AND review = ").push_bind(review.to_string()).push(")");
    }
    query.push(")");
}

fn millis(millis: i64) -> Result<Timestamp, sqlx::Error> {
    Timestamp::from_millisecond(millis).map_err(|error| sqlx::Error::Decode(error.into()))
}

impl FromRow for ReplyRow {
    fn from_row(row: &Row) -> Result<Self, sqlx::Error> {
        let unknown = |what: &str| sqlx::Error::Decode(format!("a reply's {what} is unknown").into());
        let words: Words =
            serde_json::from_str(row.try_get("words")?).map_err(|error| sqlx::Error::Decode(error.into()))?;
        let reply = Reply {
            id: row.try_get("id")?,
            under: under(row.try_get("reviewer")?, row.try_get("review")?),
            in_reply_to: row.try_get("in_reply_to")?,
            author: row.try_get("author")?,
            ours: row.try_get("ours")?,
            content: words.content,
            title: words.title,
            warning: words.warning,
            language: words.language,
            page: words.page,
            published: millis(row.try_get("published")?)?,
            updated: row.try_get::<Option<i64>, _>("updated")?.map(millis).transpose()?,
            visibility: Visibility::parse(row.try_get("visibility")?),
            replies: words.replies,
            mentions: words.mentions,
        };
        // A copy that this release cannot read is fetched again when somebody asks for the actor.
        let author: Option<RemoteActor> =
            row.try_get::<Option<&str>, _>("person")?.and_then(|actor| serde_json::from_str(actor).ok());
        Ok(Self(KeptReply {
            seq: row.try_get("seq")?,
            reply,
            state: ReplyState::parse(row.try_get("state")?).ok_or_else(|| unknown("state"))?,
            hangs_from: None,
            author,
            received_at: millis(row.try_get("received_at")?)?,
            source: Source::parse(row.try_get("source")?).ok_or_else(|| unknown("source"))?,
        }))
    }
}

#[cfg(test)]
pub(super) mod tests;
