//! Reviews and files: the ledger, read whole at start and written one decision at a time.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Bell, Outgoing, OwnReply, Store, StoreError, answer, doing, outbox, restored,
    sql::{FromRow, QueryBuilder, Row, Transaction, query, query_as, query_scalar},
};
use crate::domain::{
    Card, Genre, Handle, Picture, Published, PublishedAnswer, Review, ReviewId, Slug,
    ledger::{Entry, FileMark, Hold, Intent, Likeness, Standing},
};

/// Rows written by one statement; SQLite takes 32,766 bound values, a review row has 19.
const ROWS_PER_INSERT: usize = 400;
/// The fact that says when the lists were last rearranged.
const REARRANGED: &str = "rearranged";

/// What is remembered of a reviewer's folder as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviewerRow {
    pub handle: Handle,
    /// First contact with the folder.
    pub adopted_at: Option<Timestamp>,
    /// First contact with its answers; later where an earlier version knew none.
    pub answers_at: Option<Timestamp>,
    /// Best value of bare ratings, pinned when first inferred.
    pub scale: Option<f64>,
}

/// One entry to write, with its text where that changed.
#[derive(Debug, Clone)]
pub struct LedgerWrite {
    pub entry: Entry,
    /// `None` leaves what is stored.
    pub content: Option<Content>,
    pub deleted: Option<Timestamp>,
}

/// The text of an entry, as published now.
#[derive(Debug, Clone)]
pub enum Content {
    /// With its card and its search text.
    Review(Box<(Published, Card, String)>),
    Answer(Box<PublishedAnswer>),
}

/// Everything that one decision changes, written in one transaction.
#[derive(Debug, Default)]
pub struct Commit {
    pub reviewer: Option<ReviewerRow>,
    /// Whose entries and files these are.
    pub handle: Option<Handle>,
    pub entries: Vec<LedgerWrite>,
    pub files: Vec<FileMark>,
    /// Paths that are no longer in the folder.
    pub files_gone: Vec<String>,
    /// Addresses that pages had until now.
    pub old_slugs: Vec<(Slug, ReviewId)>,
    pub outgoing: Vec<Outgoing>,
    /// What becomes of answers in the conversation.
    pub replies: Vec<OwnReply>,
    /// Addresses of posts that answers wait for.
    pub wanted: Vec<String>,
    /// When this was decided.
    pub at: Timestamp,
    /// The folder was compared with a restored ledger for the first time.
    pub caught_up: bool,
}

/// A review found by the search page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub reviewer: Handle,
    pub id: ReviewId,
}

/// The text of a review as stored.
#[derive(Serialize, Deserialize)]
struct StoredReview {
    review: Review,
    cover: Option<Picture>,
    pictures: BTreeMap<String, Picture>,
}

impl Store {
    pub async fn reviewer(&self, handle: &Handle) -> Result<ReviewerRow, StoreError> {
        let row = query("SELECT adopted_at, scale, answers_at FROM reviewer WHERE handle = $1")
            .bind(handle.as_str())
            .fetch_optional(&self.read)
            .await
            .map_err(doing("read the reviewer"))?;
        Ok(ReviewerRow {
            handle: handle.clone(),
            adopted_at: row.as_ref().and_then(|row| row.get::<Option<i64>, _>(0)).and_then(seconds),
            scale: row.as_ref().and_then(|row| row.get(1)),
            answers_at: row.as_ref().and_then(|row| row.get::<Option<i64>, _>(2)).and_then(seconds),
        })
    }

    /// Handles that have ever had a ledger, whether the settings still name them or not.
    pub async fn known_reviewers(&self) -> Result<Vec<String>, StoreError> {
        query_scalar("SELECT handle FROM reviewer ORDER BY handle")
            .fetch_all(&self.read)
            .await
            .map_err(doing("list the reviewers"))
    }

    /// The whole ledger of one reviewer, reviews and answers; deleted ones included because their ids are never used again.
    pub async fn ledger(&self, handle: &Handle) -> Result<Vec<Entry>, StoreError> {
        let rows: Vec<EntryRow> = query_as(
            "SELECT 'review' AS genre, id, guid, slug, file, standing, published, updated, shown, worded, told, intent, hold,
             since_ms, likeness FROM review WHERE reviewer = $1",
        )
        .bind(handle.as_str())
        .fetch_all(&self.read)
        .await
        .map_err(doing("read the ledger"))?;
        let mut entries: Vec<Entry> = rows.into_iter().map(|EntryRow(entry)| entry).collect::<Result<_, _>>()?;
        entries.extend(self.answers(handle).await?);
        Ok(entries)
    }

    pub async fn files(&self, handle: &Handle) -> Result<Vec<FileMark>, StoreError> {
        let marks: Vec<String> = query_scalar("SELECT mark FROM file WHERE reviewer = $1 ORDER BY path")
            .bind(handle.as_str())
            .fetch_all(&self.read)
            .await
            .map_err(doing("read the file marks"))?;
        marks.iter().map(|mark| parse_json("read the file marks", mark)).collect()
    }

    /// The cards of all live reviews, newest first.
    pub async fn cards(&self) -> Result<Vec<Arc<Card>>, StoreError> {
        let cards: Vec<String> =
            query_scalar("SELECT card FROM review WHERE standing = 'live' ORDER BY published DESC, id")
                .fetch_all(&self.read)
                .await
                .map_err(doing("read the cards"))?;
        cards.iter().map(|card| parse_json("read the cards", card).map(Arc::new)).collect()
    }

    /// The reviews under which comments from an old blog stand.
    pub async fn reviews_with_comments(&self) -> Result<Vec<(Handle, ReviewId)>, StoreError> {
        let rows: Vec<(String, String)> = query_as(
            "SELECT reviewer, id FROM review
             WHERE standing <> 'gone' AND content LIKE '%\"comments\":[%' ORDER BY reviewer, id",
        )
        .fetch_all(&self.read)
        .await
        .map_err(doing("read which reviews have comments"))?;
        Ok(rows.iter().filter_map(|(handle, id)| Some((Handle::parse(handle).ok()?, ReviewId::parse(id)?))).collect())
    }

    /// A review that has not been deleted, whole.
    pub async fn published(&self, handle: &Handle, id: &ReviewId) -> Result<Option<Published>, StoreError> {
        let row = query(
            "SELECT guid, slug, published, updated, content FROM review
             WHERE reviewer = $1 AND id = $2 AND standing <> 'gone'",
        )
        .bind(handle.as_str())
        .bind(id.as_str())
        .fetch_optional(&self.read)
        .await
        .map_err(doing("read a review"))?;
        let Some(row) = row else { return Ok(None) };
        let content: StoredReview = parse_json("read a review", row.get(4))?;
        Ok(Some(Published {
            reviewer: handle.clone(),
            id: id.clone(),
            guid: row.get(0),
            slug: parse_json("read a review", &quoted(row.get(1)))?,
            published: seconds(row.get(2)).unwrap_or(Timestamp::UNIX_EPOCH),
            updated: row.get::<Option<i64>, _>(3).and_then(seconds),
            review: content.review,
            cover: content.cover,
            pictures: content.pictures,
        }))
    }

    /// When the lists were last put in another order, or something left them, as readers were told.
    pub async fn last_rearranged(&self) -> Result<Option<Timestamp>, StoreError> {
        let millis: Option<i64> = query_scalar("SELECT MAX(since_ms) FROM review WHERE standing <> 'live'")
            .fetch_one(&self.read)
            .await
            .map_err(doing("read the last removal"))?;
        let told = self.fact(REARRANGED).await?.and_then(|told| told.parse().ok());
        Ok(millis.and_then(|millis| seconds(millis / 1000)).max(told))
    }

    /// To be called before readers are told.
    pub async fn keep_rearranged(&self, at: Timestamp) -> Result<(), StoreError> {
        self.remember_fact(REARRANGED, &at.to_string()).await
    }

    /// When a deleted review or answer had been published, and when it was deleted.
    pub async fn tombstone(
        &self,
        genre: Genre,
        handle: &Handle,
        id: &ReviewId,
    ) -> Result<Option<(Timestamp, Timestamp)>, StoreError> {
        let query = match genre {
            Genre::Review => {
                "SELECT published, deleted FROM review WHERE reviewer = $1 AND id = $2 AND standing = 'gone'"
            }
            Genre::Answer => {
                "SELECT published, deleted FROM answer WHERE reviewer = $1 AND id = $2 AND standing = 'gone'"
            }
        };
        let row: Option<(i64, Option<i64>)> = query_as(query)
            .bind(handle.as_str())
            .bind(id.as_str())
            .fetch_optional(&self.read)
            .await
            .map_err(doing("read a tombstone"))?;
        Ok(row.and_then(|(published, deleted)| Some((seconds(published)?, seconds(deleted.unwrap_or(published))?))))
    }

    /// The review behind a slug that is not a live page's: one that waits for its Delete, was deleted, or had this address before.
    pub async fn review_behind(&self, handle: &Handle, slug: &str) -> Result<Option<(ReviewId, Standing)>, StoreError> {
        let row: Option<(String, String)> = query_as(
            "SELECT id, standing FROM review WHERE reviewer = $1 AND slug = $2
             UNION ALL
             SELECT review.id, review.standing FROM old_slug
             JOIN review ON review.reviewer = old_slug.reviewer AND review.id = old_slug.id
             WHERE old_slug.reviewer = $1 AND old_slug.slug = $2
             ORDER BY standing DESC LIMIT 1",
        )
        .bind(handle.as_str())
        .bind(slug)
        .fetch_optional(&self.read)
        .await
        .map_err(doing("find a page's review"))?;
        row.map(|(id, standing)| {
            let damaged = || damaged("find a page's review", &id, "unknown id or standing");
            Ok((ReviewId::parse(&id).ok_or_else(damaged)?, Standing::parse(&standing).ok_or_else(damaged)?))
        })
        .transpose()
    }

    /// Live reviews whose text holds every one of `words` (lower case), newest first.
    pub async fn search(&self, words: &[String], limit: i64) -> Result<Vec<Hit>, StoreError> {
        let mut query = QueryBuilder::new("SELECT reviewer, id FROM review WHERE standing = 'live'");
        for word in words {
            let pattern = format!("%{}%", word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
            query.push(" AND search LIKE ").push_bind(pattern).push(" ESCAPE '\\'");
        }
        query.push(" ORDER BY published DESC, id LIMIT ").push_bind(limit);
        let rows: Vec<(String, String)> =
            query.build_query_as().fetch_all(&self.read).await.map_err(doing("search the reviews"))?;
        Ok(rows
            .into_iter()
            .filter_map(|(reviewer, id)| {
                Some(Hit { reviewer: Handle::parse(&reviewer).ok()?, id: ReviewId::parse(&id)? })
            })
            .collect())
    }

    /// Writes one decision: all of it or nothing. Returns the number of deliveries that came to be.
    pub async fn commit(&self, commit: &Commit) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        self.still_decides(&mut transaction).await?;
        if let Some(row) = &commit.reviewer {
            write_reviewer(&mut transaction, row).await?;
        }
        if let Some(handle) = &commit.handle {
            write_entries(&mut transaction, handle, &commit.entries).await?;
            write_files(&mut transaction, handle, commit).await?;
            if commit.caught_up {
                restored::note_caught_up(&mut transaction, handle).await?;
            }
        }
        let mut deliveries = 0;
        for outgoing in &commit.outgoing {
            deliveries += outbox::enqueue(&mut transaction, outgoing).await?;
        }
        answer::want_posts(&mut transaction, &commit.wanted, commit.at).await?;
        let mut talked = Vec::new();
        for reply in &commit.replies {
            talked.extend(answer::place(&mut transaction, reply, commit.at).await?);
        }
        transaction.commit().await.map_err(doing("commit a decision"))?;
        self.ring(Bell::Library);
        if deliveries > 0 {
            self.ring(Bell::Work);
        }
        if !commit.replies.is_empty() {
            self.talk_changed(talked);
        }
        Ok(deliveries)
    }
}

async fn write_reviewer(transaction: &mut Transaction, row: &ReviewerRow) -> Result<(), StoreError> {
    query(
        "INSERT INTO reviewer (handle, adopted_at, scale, answers_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (handle) DO UPDATE SET adopted_at = excluded.adopted_at, scale = excluded.scale,
         answers_at = excluded.answers_at",
    )
    .bind(row.handle.as_str())
    .bind(row.adopted_at.map(Timestamp::as_second))
    .bind(row.scale)
    .bind(row.answers_at.map(Timestamp::as_second))
    .execute(&mut **transaction)
    .await
    .map(drop)
    .map_err(doing("write the reviewer"))
}

async fn write_entries(
    transaction: &mut Transaction,
    handle: &Handle,
    writes: &[LedgerWrite],
) -> Result<(), StoreError> {
    let (reviews, answers): (Vec<_>, Vec<_>) = writes.iter().partition(|write| write.entry.genre == Genre::Review);
    for write in answers {
        let content = if let Some(Content::Answer(content)) = &write.content { Some(&**content) } else { None };
        answer::write_answer(transaction, handle, write, content).await?;
    }
    // First the rows without new text: they free the slugs that new rows may take.
    for write in reviews.iter().filter(|write| write.content.is_none()) {
        update_entry(transaction, handle, write).await?;
    }
    let whole: Vec<_> = reviews
        .iter()
        .filter_map(|write| match &write.content {
            Some(Content::Review(content)) => Some((*write, &**content)),
            Some(Content::Answer(_)) | None => None,
        })
        .collect();
    for rows in whole.chunks(ROWS_PER_INSERT) {
        let mut query = QueryBuilder::new(
            "INSERT INTO review (reviewer, id, guid, slug, file, standing, published, updated, shown, worded, told, intent,
             hold, since_ms, likeness, content, card, search, deleted) ",
        );
        let mut failed = None;
        query.push_values(rows, |mut values, (write, (published, card, search))| {
            let entry = &write.entry;
            let content = StoredReview {
                review: published.review.clone(),
                cover: published.cover.clone(),
                pictures: published.pictures.clone(),
            };
            let texts = (|| {
                Ok::<_, serde_json::Error>((
                    serde_json::to_string(&entry.likeness)?,
                    serde_json::to_string(&content)?,
                    serde_json::to_string(card)?,
                ))
            })();
            let (likeness, content, card) = texts.unwrap_or_else(|error| {
                failed = Some(error);
                Default::default()
            });
            values
                .push_bind(handle.as_str())
                .push_bind(entry.id.as_str())
                .push_bind(&entry.guid)
                .push_bind(entry.slug.as_str())
                .push_bind(&entry.file)
                .push_bind(entry.standing.as_str())
                .push_bind(entry.published.as_second())
                .push_bind(entry.updated.map(Timestamp::as_second))
                .push_bind(&entry.shown)
                .push_bind(&entry.worded)
                .push_bind(entry.told.as_ref())
                .push_bind(entry.intent.as_str())
                .push_bind(entry.hold.as_str())
                .push_bind(entry.since.as_millisecond())
                .push_bind(likeness)
                .push_bind(content)
                .push_bind(card)
                .push_bind(search)
                .push_bind(write.deleted.map(Timestamp::as_second));
        });
        if let Some(error) = failed {
            return Err(damaged("write a review", handle.as_str(), &error.to_string()));
        }
        query.push(
            " ON CONFLICT (reviewer, id) DO UPDATE SET slug = excluded.slug, file = excluded.file,
             standing = excluded.standing, updated = excluded.updated, shown = excluded.shown, worded = excluded.worded,
             told = excluded.told, intent = excluded.intent, hold = excluded.hold, since_ms = excluded.since_ms,
             likeness = excluded.likeness, content = excluded.content, card = excluded.card, search = excluded.search,
             deleted = excluded.deleted",
        );
        query.build().execute(&mut **transaction).await.map_err(doing("write the reviews"))?;
    }
    Ok(())
}

async fn update_entry(transaction: &mut Transaction, handle: &Handle, write: &LedgerWrite) -> Result<(), StoreError> {
    let entry = &write.entry;
    query(
        "UPDATE review SET slug = $3, file = $4, standing = $5, told = $6, intent = $7, hold = $8, since_ms = $9,
         deleted = $10, likeness = $11 WHERE reviewer = $1 AND id = $2",
    )
    .bind(handle.as_str())
    .bind(entry.id.as_str())
    .bind(entry.slug.as_str())
    .bind(&entry.file)
    .bind(entry.standing.as_str())
    .bind(entry.told.as_ref())
    .bind(entry.intent.as_str())
    .bind(entry.hold.as_str())
    .bind(entry.since.as_millisecond())
    .bind(write.deleted.map(Timestamp::as_second))
    .bind(serde_json::to_string(&entry.likeness).unwrap_or_default())
    .execute(&mut **transaction)
    .await
    .map(drop)
    .map_err(doing("update the ledger"))
}

async fn write_files(transaction: &mut Transaction, handle: &Handle, commit: &Commit) -> Result<(), StoreError> {
    for path in &commit.files_gone {
        query("DELETE FROM file WHERE reviewer = $1 AND path = $2")
            .bind(handle.as_str())
            .bind(path)
            .execute(&mut **transaction)
            .await
            .map_err(doing("forget a file"))?;
    }
    for marks in commit.files.chunks(ROWS_PER_INSERT) {
        let mut query = QueryBuilder::new("INSERT INTO file (reviewer, path, mark) ");
        query.push_values(marks, |mut values, mark| {
            values
                .push_bind(handle.as_str())
                .push_bind(&mark.path)
                .push_bind(serde_json::to_string(mark).unwrap_or_default());
        });
        query.push(" ON CONFLICT (reviewer, path) DO UPDATE SET mark = excluded.mark");
        query.build().execute(&mut **transaction).await.map_err(doing("note the files"))?;
    }
    for (slug, id) in &commit.old_slugs {
        query(
            "INSERT INTO old_slug (reviewer, slug, id) VALUES ($1, $2, $3)
             ON CONFLICT (reviewer, slug) DO UPDATE SET id = excluded.id",
        )
        .bind(handle.as_str())
        .bind(slug.as_str())
        .bind(id.as_str())
        .execute(&mut **transaction)
        .await
        .map_err(doing("remember an old address"))?;
    }
    Ok(())
}

/// Wraps the result so that a damaged row is reported by name instead of stopping the whole read in sqlx.
pub(super) struct EntryRow(pub(super) Result<Entry, StoreError>);

impl FromRow for EntryRow {
    fn from_row(row: &Row) -> Result<Self, sqlx::Error> {
        let id: String = row.try_get("id")?;
        Ok(Self(entry(row, &id).ok_or_else(|| damaged("read the ledger", &id, "a value is out of its range"))))
    }
}

fn entry(row: &Row, id: &str) -> Option<Entry> {
    let text = |column: &str| row.try_get::<String, _>(column).ok();
    Some(Entry {
        genre: if text("genre")? == "answer" { Genre::Answer } else { Genre::Review },
        id: ReviewId::parse(id)?,
        guid: text("guid")?,
        slug: serde_json::from_str(&quoted(&text("slug")?)).ok()?,
        file: text("file")?,
        standing: Standing::parse(&text("standing")?)?,
        published: seconds(row.try_get("published").ok()?)?,
        updated: row.try_get::<Option<i64>, _>("updated").ok()?.and_then(seconds),
        shown: text("shown")?,
        worded: text("worded")?,
        told: row.try_get("told").ok()?,
        intent: Intent::parse(&text("intent")?)?,
        hold: Hold::parse(&text("hold")?)?,
        since: Timestamp::from_millisecond(row.try_get("since_ms").ok()?).ok()?,
        likeness: serde_json::from_str::<Likeness>(&text("likeness")?).ok()?,
    })
}

pub(super) fn seconds(value: i64) -> Option<Timestamp> {
    Timestamp::from_second(value).ok()
}

/// A plain string as JSON, for the newtypes that are made by their parsers only.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

pub(super) fn parse_json<T: serde::de::DeserializeOwned>(doing: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| damaged(doing, &text.chars().take(60).collect::<String>(), &error.to_string()))
}

pub(super) fn damaged(doing: &'static str, row: &str, detail: &str) -> StoreError {
    StoreError::Damaged { doing, row: row.to_owned(), detail: detail.to_owned() }
}
