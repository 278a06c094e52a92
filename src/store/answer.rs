//! The reviewers' answers: their ledger, their place in the conversation, and the posts they are for.

use jiff::Timestamp;

use super::{
    Store, StoreError,
    conversation::{erase_reply, write_reply},
    doing,
    ledger::{EntryRow, LedgerWrite, damaged, parse_json},
    sql::{Query, Row, Transaction, query, query_as, query_scalar},
};
use crate::domain::{Handle, KeptReply, PublishedAnswer, Reply, ReplyState, ReviewId, Source, Target, ledger::Entry};

/// What becomes of an answer's place in the conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnReply {
    /// It stands there, in these words.
    Stands(Reply),
    /// It had left, and stands there again.
    Returns(Reply),
    /// Its file is gone and its Delete waits: nobody sees it, by its id.
    Leaves(String),
    /// Deleted for ever.
    Gone(String),
}

/// How the search for a post that is to be answered stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostSearch {
    /// As files give it.
    pub address: String,
    pub target: Option<Target>,
    /// Look-ups that failed.
    pub failures: u32,
    /// Why the last one did.
    pub problem: Option<String>,
    /// `None`: it is not looked for any more.
    pub next_at: Option<Timestamp>,
}

type Under = Option<(Handle, ReviewId)>;

impl Store {
    /// An answer that has not been deleted, whole.
    pub async fn answer(&self, handle: &Handle, id: &ReviewId) -> Result<Option<PublishedAnswer>, StoreError> {
        let content: Option<String> =
            query_scalar("SELECT content FROM answer WHERE reviewer = $1 AND id = $2 AND standing <> 'gone'")
                .bind(handle.as_str())
                .bind(id.as_str())
                .fetch_optional(&self.read)
                .await
                .map_err(doing("read an answer"))?;
        content.map(|content| parse_json("read an answer", &content)).transpose()
    }

    /// The reply that people read at this address.
    pub async fn reply_on_page(&self, page: &str) -> Result<Option<KeptReply>, StoreError> {
        let quoted = serde_json::Value::from(page).to_string();
        let pattern = format!("%\"page\":{}%", quoted.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        let id: Option<String> = query_scalar("SELECT id FROM reply WHERE words LIKE $1 ESCAPE '\\' LIMIT 1")
            .bind(pattern)
            .fetch_optional(&self.read)
            .await
            .map_err(doing("find a reply by its page"))?;
        match id {
            Some(id) => self.reply(&id).await,
            None => Ok(None),
        }
    }

    /// The answers of one reviewer's ledger.
    pub(super) async fn answers(&self, handle: &Handle) -> Result<Vec<Entry>, StoreError> {
        let rows: Vec<EntryRow> = query_as(
            "SELECT 'answer' AS genre, id, guid, slug, file, standing, published, updated, shown, worded, told, intent, hold,
             since_ms, likeness FROM answer WHERE reviewer = $1",
        )
        .bind(handle.as_str())
        .fetch_all(&self.read)
        .await
        .map_err(doing("read the answers"))?;
        rows.into_iter().map(|EntryRow(entry)| entry).collect()
    }

    /// How the search for every post stands that an answer was ever for.
    pub async fn post_searches(&self) -> Result<Vec<PostSearch>, StoreError> {
        self.searches(query("SELECT address, target, failures, problem, next_at FROM answered_post")).await
    }

    /// Posts that are to be looked up by now, the longest due first.
    pub async fn due_posts(&self, now: Timestamp) -> Result<Vec<PostSearch>, StoreError> {
        let due = query(
            "SELECT address, target, failures, problem, next_at FROM answered_post
             WHERE next_at <= $1 AND target IS NULL ORDER BY next_at",
        );
        self.searches(due.bind(now.as_millisecond())).await
    }

    /// When the next post is to be looked up.
    pub async fn next_post_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let millis: Option<i64> = query_scalar("SELECT MIN(next_at) FROM answered_post WHERE target IS NULL")
            .fetch_one(&self.read)
            .await
            .map_err(doing("find the next post to look up"))?;
        Ok(millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()))
    }

    async fn searches(&self, query: Query<'_, Row>) -> Result<Vec<PostSearch>, StoreError> {
        let doing_it = "read the posts to be answered";
        let rows = query.fetch_all(&self.read).await.map_err(doing(doing_it))?;
        rows.iter()
            .map(|row| {
                let target: Option<String> = row.get(1);
                Ok(PostSearch {
                    address: row.get(0),
                    target: target.map(|target| parse_json(doing_it, &target)).transpose()?,
                    failures: u32::try_from(row.get::<i64, _>(2)).unwrap_or(u32::MAX),
                    problem: row.get(3),
                    next_at: row.get::<Option<i64>, _>(4).and_then(|millis| Timestamp::from_millisecond(millis).ok()),
                })
            })
            .collect()
    }

    /// A post was found.
    pub async fn keep_target(&self, address: &str, target: &Target) -> Result<(), StoreError> {
        query(
            "INSERT INTO answered_post (address, target) VALUES ($1, $2)
             ON CONFLICT (address) DO UPDATE SET target = excluded.target, problem = NULL, next_at = NULL",
        )
        .bind(address)
        .bind(serde_json::to_string(target).unwrap_or_default())
        .execute(&self.write)
        .await
        .map(drop)
        .map_err(doing("keep a post to be answered"))
    }

    /// A post was not found; `next_at` is when it is looked for again, if ever.
    pub async fn miss_post(&self, address: &str, problem: &str, next_at: Option<Timestamp>) -> Result<(), StoreError> {
        query("UPDATE answered_post SET failures = failures + 1, problem = $2, next_at = $3 WHERE address = $1")
            .bind(address)
            .bind(problem)
            .bind(next_at.map(Timestamp::as_millisecond))
            .execute(&self.write)
            .await
            .map(drop)
            .map_err(doing("note a post that was not found"))
    }
}

/// Asks for posts to be looked up at once, those known already aside.
pub(super) async fn want_posts(
    transaction: &mut Transaction,
    addresses: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    for address in addresses {
        query(
            "INSERT INTO answered_post (address, next_at) VALUES ($1, $2)
             ON CONFLICT (address) DO UPDATE SET next_at = excluded.next_at WHERE answered_post.target IS NULL",
        )
        .bind(address)
        .bind(now.as_millisecond())
        .execute(&mut **transaction)
        .await
        .map_err(doing("ask for a post"))?;
    }
    Ok(())
}

/// Writes the ledger's row of an answer, and its text where that changed.
pub(super) async fn write_answer(
    transaction: &mut Transaction,
    handle: &Handle,
    write: &LedgerWrite,
    content: Option<&PublishedAnswer>,
) -> Result<(), StoreError> {
    let entry = &write.entry;
    let content = content.map(serde_json::to_string).transpose();
    let content = content.map_err(|error| damaged("write an answer", entry.id.as_str(), &error.to_string()))?;
    // A row that is new always comes with its text.
    query(
        "INSERT INTO answer (reviewer, id, guid, slug, file, standing, published, updated, shown, worded, told, intent,
         hold, since_ms, likeness, content, deleted)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, COALESCE($16, ''), $17)
         ON CONFLICT (reviewer, id) DO UPDATE SET slug = excluded.slug, file = excluded.file,
         standing = excluded.standing, updated = excluded.updated, shown = excluded.shown, worded = excluded.worded,
         told = excluded.told, intent = excluded.intent, hold = excluded.hold, since_ms = excluded.since_ms,
         likeness = excluded.likeness, content = COALESCE($16, answer.content), deleted = excluded.deleted",
    )
    .bind(handle.as_str())
    .bind(entry.id.as_str())
    .bind(&entry.guid)
    .bind(entry.slug.as_str())
    .bind(&entry.file)
    .bind(entry.standing.as_str())
    .bind(entry.published.as_second())
    .bind(entry.updated.map(Timestamp::as_second))
    .bind(&entry.shown)
    .bind(&entry.worded)
    .bind(entry.told.as_ref())
    .bind(entry.intent.as_str())
    .bind(entry.hold.as_str())
    .bind(entry.since.as_millisecond())
    .bind(serde_json::to_string(&entry.likeness).unwrap_or_default())
    .bind(content)
    .bind(write.deleted.map(Timestamp::as_second))
    .execute(&mut **transaction)
    .await
    .map(drop)
    .map_err(doing("write an answer"))
}

/// Puts an answer into the conversation or takes it out, and says in which review's thread that was.
pub(super) async fn place(
    transaction: &mut Transaction,
    reply: &OwnReply,
    now: Timestamp,
) -> Result<Under, StoreError> {
    match reply {
        OwnReply::Stands(reply) | OwnReply::Returns(reply) => {
            write_reply(transaction, reply, ReplyState::Shown, Source::Own, now).await?;
        }
        OwnReply::Leaves(_) => {}
        OwnReply::Gone(id) => return Ok(erase_reply(transaction, id, now).await?.flatten()),
    }
    let (id, state) = match reply {
        OwnReply::Stands(reply) => return Ok(reply.under.clone()),
        OwnReply::Returns(reply) => (&reply.id, ReplyState::Shown),
        OwnReply::Leaves(id) | OwnReply::Gone(id) => (id, ReplyState::Hidden),
    };
    let row: Option<(Option<String>, Option<String>)> =
        query_as("UPDATE reply SET state = $2 WHERE id = $1 RETURNING reviewer, review")
            .bind(id)
            .bind(state.as_str())
            .fetch_optional(&mut **transaction)
            .await
            .map_err(doing("move an answer in its conversation"))?;
    Ok(row.and_then(|(reviewer, review)| super::conversation::under(reviewer.as_deref(), review.as_deref())))
}

/// Answers of a trial name its posts, and itself. Their ids are in the journal; the files are read anew, quietly.
pub(super) async fn forget_trial(transaction: &mut Transaction) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM reply WHERE ours",
        "DELETE FROM answer",
        "DELETE FROM answered_post",
        "DELETE FROM file WHERE path LIKE 'replies/%'",
        "UPDATE reviewer SET answers_at = NULL",
    ] {
        query(statement).execute(&mut **transaction).await.map_err(doing("forget the answers of a trial"))?;
    }
    Ok(())
}
