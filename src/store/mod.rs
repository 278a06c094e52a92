//! What must be remembered about the outside world. The only module that knows SQL.

mod answer;
mod archive;
mod chart;
mod conversation;
mod crawl;
mod delivery;
mod follower;
mod health;
mod ledger;
mod mail;
mod mirror;
mod moved;
mod notice;
mod outbox;
mod peer;
mod picture;
mod portrait;
mod push;
mod quote;
mod reaction;
mod received;
mod restored;
mod schema;
mod talk;
mod thread;
mod trouble;
mod underway;
mod websub;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use sqlx::{
    Connection as _, Sqlite, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

pub use answer::{OwnReply, PostSearch};
pub use archive::ArchiveBytes;
pub use chart::{Ended, FollowerDay, HostState, TalkedOf, WAITS};
pub use conversation::{GonePost, Kept, ReplyFilter, Talked, Which};
pub use crawl::{CRAWL_COOL_DOWN, DueCrawl, TalkLoad};
pub use delivery::{Attempt, DeliveryFigures, DeliveryFilter, HostNews};
pub use follower::{FollowState, Follower};
pub use health::Health;
pub use ledger::{Commit, Content, Hit, LedgerWrite, ReviewerRow};
pub use mail::{Cargo, DueDelivery, DueHost, Parcel, Way};
pub use mirror::MirrorFile;
pub use notice::{Condition, Notice, NoticeKind};
pub use outbox::{DeliveryRow, DeliveryState, Outgoing, Recipients, StoredActivity};
pub use portrait::{KnownPortrait, PortraitFile};
pub use push::Push;
pub use quote::QuoteStamp;
pub use received::{Arrival, Block, HostLoad, ReceivedActivity, ReceivedState, Settled, Worked, names_of};
pub use restored::{Aftermath, Restored};
pub use schema::SCHEMA;
pub use thread::CameBack;
pub use underway::Underway;
pub use websub::{Asked, Caps, WebsubFigures};

/// Connections for readers; writers queue on one of their own because SQLite has one writer.
const READERS_MAX: u32 = 4;
/// How long a writer waits for another process (a backup, a second command) before it reports the store as busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Page cache of each connection, in KiB: small, because the operating system caches the file anyway.
const CACHE_KIB: i64 = 4096;

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    read: SqlitePool,
    write: SqlitePool,
    talk: Arc<talk::Talk>,
    trouble: trouble::Trouble,
    /// Actors that were new, since the start.
    strangers: Arc<AtomicU64>,
}

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "the database {path} was written by a newer reviewd (schema {found}, this one knows {known}): upgrade reviewd, or restore an older backup"
    )]
    Newer { path: String, found: i64, known: i64 },
    #[error("open the database {path}: {source}")]
    Open { path: String, source: sqlx::Error },
    #[error("{doing}: {}", told(.source))]
    Sql { doing: &'static str, source: sqlx::Error },
    #[error("{doing}: the row {row} is damaged: {detail}; restore a backup")]
    Damaged { doing: &'static str, row: String, detail: String },
    #[error(
        "the disk is full: {} has less than 4 MB left; make room, and it goes on by itself (nothing is lost meanwhile)",
        .0.display()
    )]
    NoRoom(PathBuf),
    #[error("create the directory {path}: {source}")]
    Directory { path: PathBuf, source: std::io::Error },
}

/// What the database says, with the cure where a person has one. The numbers are SQLite's primary result codes
/// (https://www.sqlite.org/rescode.html), the lowest byte of what it answers.
fn told(source: &sqlx::Error) -> String {
    let code = source.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<u32>().ok());
    let told = match code.map(|code| code & 0xff) {
        Some(5 | 6) => {
            "another program holds the database; end it, and it goes on by itself (nothing is lost meanwhile)"
        }
        Some(8) => "the database is read-only; make its file and its directory writable again",
        Some(13) => "the disk is full; make room, and it goes on by itself (nothing is lost meanwhile)",
        Some(_) | None => return source.to_string(),
    };
    told.to_owned()
}

/// `map_err(doing("read the ledger"))`: errors say what was being done, once.
fn doing(doing: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Sql { doing, source }
}

impl Store {
    /// Opens the SQLite file, made with its directory when absent, and brings its schema up to date.
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory)
                .map_err(|source| StoreError::Directory { path: directory.to_owned(), source })?;
        }
        let path = file.display().to_string();
        // FULL: what was answered or sent must survive a power cut (DESIGN section 4).
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .pragma("cache_size", (-CACHE_KIB).to_string());
        let open = |source| StoreError::Open { path: path.clone(), source };
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            // Never closed: where descriptors or memory are used up, it could not be opened again.
            .idle_timeout(None)
            .max_lifetime(None)
            // On a full disk SQLite ends a transaction by itself, and sqlx, whose own ROLLBACK then fails, would count it as
            // open for ever: such a connection is replaced.
            .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .connect_with(options.clone())
            .await
            .map_err(open)?;
        schema::upgrade(&write, &path).await?;
        let read = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .min_connections(READERS_MAX)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.create_if_missing(false))
            .await
            .map_err(open)?;
        Ok(Self { read, write, talk: Arc::default(), trouble: trouble::Trouble::of(file), strangers: Arc::default() })
    }

    /// A transaction that holds the write lock from its first statement, so that it cannot fail half-way on a busy store.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.write.begin_with("BEGIN IMMEDIATE").await.map_err(doing("begin a transaction"))
    }

    /// A single remembered fact, such as the pinned origin.
    pub async fn fact(&self, name: &str) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar("SELECT value FROM fact WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.read)
            .await
            .map_err(doing("read a fact"))
    }

    pub async fn remember_fact(&self, name: &str, value: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO fact (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value)
        .execute(&self.write)
        .await
        .map(drop)
        .map_err(doing("remember a fact"))
    }

    async fn forget_fact(&self, name: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM fact WHERE name = $1")
            .bind(name)
            .execute(&self.write)
            .await
            .map(drop)
            .map_err(doing("forget a fact"))
    }

    /// Whether the database still answers a read and could take a write.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.read).await.map(drop).map_err(doing("ask the database"))
    }

    /// Whether the database answers a read, and the one connection that writes is not held by somebody for ever.
    pub async fn ping_both(&self) -> Result<(), StoreError> {
        self.ping().await?;
        sqlx::query("SELECT 1").execute(&self.write).await.map(drop).map_err(doing("ask the database"))
    }

    /// Waits for running statements and closes the file.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_transaction_that_sqlite_ended_by_itself_does_not_block_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("reviewd.db")).await.unwrap();
        for _ in 0..3 {
            let mut transaction = store.begin().await.unwrap();
            // What a full disk makes SQLite do.
            sqlx::raw_sql("ROLLBACK").execute(&mut *transaction).await.unwrap();
            drop(transaction);
        }
        store.begin().await.unwrap().commit().await.unwrap();
        store.remember_fact("after", "it").await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_is_told_with_its_cure_and_nothing_stays_broken() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("reviewd.db")).await.unwrap();
        sqlx::raw_sql("PRAGMA max_page_count = 1").execute(&store.write).await.unwrap();
        let words = "words ".repeat(100_000);
        let problem = store.remember_fact("long", &words).await.unwrap_err().to_string();
        assert_eq!(
            problem,
            "remember a fact: the disk is full; make room, and it goes on by itself (nothing is lost meanwhile)"
        );
        sqlx::raw_sql("PRAGMA max_page_count = 1000000").execute(&store.write).await.unwrap();
        store.remember_fact("long", &words).await.unwrap();
    }
}
