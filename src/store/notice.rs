//! What the reviewer is told of: each state once, from its beginning to its end, over every restart.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{
    Store, StoreError, doing,
    sql::{QueryBuilder, Row, query, query_scalar},
};

/// Notices of states that ended are kept so long.
const KEEP: SignedDuration = SignedDuration::from_hours(24 * 90);

/// A state that somebody should know of, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Names the state; while it lasts, it is told once.
    pub key: String,
    pub kind: NoticeKind,
    /// In a sentence or two, with the cure.
    pub text: String,
}

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Changes wait for `reviewd apply`.
    Held,
    /// A review file cannot be understood.
    Broken,
    /// A folder is missing, empty or unreadable.
    Folder,
    /// Deliveries to a server were given up.
    GivenUp,
    /// A published review reached nobody for an hour.
    Undelivered,
    /// A reply waits for approval.
    Reply,
    /// Somebody asks to follow.
    Follow,
}

/// A notice as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub seq: i64,
    pub key: String,
    pub kind: String,
    pub text: String,
    pub at: Timestamp,
    pub over_at: Option<Timestamp>,
    pub failures: i64,
}

impl NoticeKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Broken => "broken",
            Self::Folder => "folder",
            Self::GivenUp => "given_up",
            Self::Undelivered => "undelivered",
            Self::Reply => "reply",
            Self::Follow => "follow",
        }
    }
}

impl Store {
    /// Compares what is with what was told: new states become notices, those that ended are closed. With `tell` the new
    /// ones wait for the command.
    pub async fn note_conditions(
        &self,
        conditions: &[Condition],
        now: Timestamp,
        tell: bool,
    ) -> Result<(), StoreError> {
        let open: BTreeSet<String> = query_scalar("SELECT key FROM notice WHERE over_at IS NULL")
            .fetch_all(&self.read)
            .await
            .map_err(doing("read the notices"))?
            .into_iter()
            .collect();
        let keys: BTreeSet<&String> = conditions.iter().map(|one| &one.key).collect();
        let begun: Vec<&Condition> = conditions.iter().filter(|one| !open.contains(&one.key)).collect();
        let ended: Vec<&String> = open.iter().filter(|key| !keys.contains(key)).collect();
        if begun.is_empty() && ended.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        for key in ended {
            query("UPDATE notice SET over_at = $2 WHERE key = $1 AND over_at IS NULL")
                .bind(key)
                .bind(now.as_second())
                .execute(&mut *transaction)
                .await
                .map_err(doing("close a notice"))?;
        }
        for condition in begun {
            query(
                "INSERT INTO notice (key, kind, text, at, told_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            )
            .bind(&condition.key)
            .bind(condition.kind.as_str())
            .bind(&condition.text)
            .bind(now.as_second())
            .bind((!tell).then(|| now.as_second()))
            .execute(&mut *transaction)
            .await
            .map_err(doing("keep a notice"))?;
        }
        query("DELETE FROM notice WHERE over_at < $1")
            .bind((now - KEEP).as_second())
            .execute(&mut *transaction)
            .await
            .map_err(doing("forget old notices"))?;
        transaction.commit().await.map_err(doing("commit the notices"))
    }

    /// Notices for which the command is still to be run, oldest first. What ended before it was told is told no more.
    pub async fn untold_notices(&self, limit: i64) -> Result<Vec<Notice>, StoreError> {
        self.notices_where("told_at IS NULL AND over_at IS NULL ORDER BY seq", limit).await
    }

    /// The newest notices, newest first.
    pub async fn notices(&self, limit: i64) -> Result<Vec<Notice>, StoreError> {
        self.notices_where("TRUE ORDER BY seq DESC", limit).await
    }

    async fn notices_where(&self, which: &'static str, limit: i64) -> Result<Vec<Notice>, StoreError> {
        let mut query = QueryBuilder::new("SELECT seq, key, kind, text, at, over_at, failures FROM notice WHERE ");
        query.push(which).push(" LIMIT ").push_bind(limit);
        let rows: Vec<Row> = query.build().fetch_all(&self.read).await.map_err(doing("read the notices"))?;
        Ok(rows
            .iter()
            .filter_map(|row| {
                Some(Notice {
                    seq: row.get(0),
                    key: row.get(1),
                    kind: row.get(2),
                    text: row.get(3),
                    at: Timestamp::from_second(row.get(4)).ok()?,
                    over_at: row.get::<Option<i64>, _>(5).and_then(|second| Timestamp::from_second(second).ok()),
                    failures: row.get(6),
                })
            })
            .collect())
    }

    /// Written before the command runs: a crash in the middle tells nothing twice.
    pub async fn mark_told(&self, seq: i64, at: Timestamp) -> Result<(), StoreError> {
        query("UPDATE notice SET told_at = $2 WHERE seq = $1")
            .bind(seq)
            .bind(at.as_second())
            .execute(&self.write)
            .await
            .map(drop)
            .map_err(doing("note that somebody was told"))
    }

    /// The command failed; with `again` it is run another time.
    pub async fn mark_failed(&self, seq: i64, again: bool) -> Result<(), StoreError> {
        query(
            "UPDATE notice SET failures = failures + 1, told_at = CASE WHEN $2 THEN NULL ELSE told_at END
             WHERE seq = $1",
        )
        .bind(seq)
        .bind(again)
        .execute(&self.write)
        .await
        .map(drop)
        .map_err(doing("note that nobody was told"))
    }
}
