//! What must be remembered about the outside world. The only module that knows SQL.

mod answer;
mod archive;
#[cfg(all(test, feature = "postgres"))]
mod both;
mod chart;
mod conversation;
mod copy;
mod crawl;
mod delivery;
mod follower;
mod health;
mod ledger;
mod mail;
mod mirror;
mod moved;
mod nodes;
mod notice;
mod outbox;
mod peer;
mod picture;
mod portrait;
#[cfg(feature = "postgres")]
mod postgres;
mod push;
mod quote;
mod reaction;
mod received;
mod restored;
mod schema;
mod sql;
mod sqlite;
#[cfg(all(test, feature = "postgres"))]
mod statements;
mod talk;
#[cfg(test)]
pub(crate) mod testing;
mod thread;
mod trouble;
mod underway;
mod websub;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

pub use answer::{OwnReply, PostSearch};
pub use archive::ArchiveBytes;
pub use chart::{Ended, FollowerDay, HostState, TalkedOf, WAITS};
pub use conversation::{GonePost, Kept, ReplyFilter, Talked, Which};
pub use copy::CopiedTable;
pub use crawl::{CRAWL_COOL_DOWN, DueCrawl, TalkLoad};
pub use delivery::{Attempt, DeliveryFigures, DeliveryFilter, HostNews};
pub use follower::{FollowState, Follower};
pub use health::Health;
pub use ledger::{Commit, Content, Hit, LedgerWrite, ReviewerRow};
pub use mail::{Cargo, DueDelivery, DueHost, Parcel, Way};
pub use mirror::MirrorFile;
pub use nodes::{Bell, Duty, LEASES_HOLD, OnDuty, SIGN_OF_LIFE_EVERY, Turn, TurnTaker};
pub use notice::{Condition, Notice, NoticeKind};
pub use outbox::{DeliveryRow, DeliveryState, Outgoing, Recipients, StoredActivity};
pub use portrait::{KnownPortrait, PortraitFile};
pub use push::Push;
pub use quote::QuoteStamp;
pub use received::{
    Arrival, Block, Deed, Finished, HostLoad, ReceivedActivity, ReceivedState, Settled, Worked, names_of,
};
pub use restored::{Aftermath, Restored};
pub use schema::SCHEMA;
pub use thread::CameBack;
pub use underway::Underway;
pub use websub::{Asked, Caps, WebsubFigures};

use crate::config::StoreSettings;

use self::sql::{Pool, Transaction, query, query_scalar};

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    read: Pool,
    write: Pool,
    talk: Arc<talk::Talk>,
    trouble: trouble::Trouble,
    /// This one among others on the same database; `None` where there can be no other.
    node: Option<nodes::Node>,
    /// Actors that were new, since the start.
    strangers: Arc<AtomicU64>,
    blocks: Arc<received::Blocks>,
}

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "the database {path} was written by a newer reviewd (schema {found}, this one knows {known}): upgrade reviewd, or restore an older backup"
    )]
    Newer { path: String, found: i64, known: i64 },
    #[error("open the database {path}: {}", told(.source))]
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
    #[error("read the database's password from {path}: {source}; correct [store] password_file")]
    Password { path: PathBuf, source: std::io::Error },
    #[error("the other database is not empty: its table {table} has {rows} rows; name one that is, or empty it")]
    NotEmpty { table: &'static str, rows: u64 },
    #[error("{written} of {wanted} rows of the table {table} were copied; nothing was kept of the copy, try again")]
    Miscounted { table: &'static str, wanted: u64, written: u64 },
    #[error("another node watches the folders and decides what is published; give the command there")]
    TakenOver,
    #[error("create the directory {path}: {source}")]
    Directory { path: PathBuf, source: std::io::Error },
}

/// What the database says, with the cure where a person has one.
fn told(source: &sqlx::Error) -> String {
    #[cfg(feature = "postgres")]
    if let Some(told) = postgres::told(source) {
        return told;
    }
    sqlite::told(source)
}

/// `map_err(doing("read the ledger"))`: errors say what was being done, once.
fn doing(doing: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Sql { doing, source }
}

impl Store {
    /// Opens the store that the settings name and brings its schema up to date.
    ///
    /// # Errors
    /// A database of a newer version, one that cannot be reached, a directory that cannot be made.
    pub async fn of(settings: &StoreSettings) -> Result<Self, StoreError> {
        // The settings of a program that was built without it name no server.
        #[cfg(feature = "postgres")]
        if let Some(server) = &settings.postgres {
            let (read, write) = postgres::open(server).await?;
            let name = query_scalar("SELECT CAST(pg_catalog.gen_random_uuid() AS TEXT)")
                .fetch_one(&read)
                .await
                .map_err(doing("name this node"))?;
            return Ok(Self {
                read,
                write,
                talk: Arc::default(),
                trouble: trouble::Trouble::of_server(),
                node: Some(nodes::Node::new(name)),
                strangers: Arc::default(),
                blocks: Arc::default(),
            });
        }
        Self::open(&settings.database).await
    }

    /// Opens the SQLite file, made with its directory when absent, and brings its schema up to date.
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory)
                .map_err(|source| StoreError::Directory { path: directory.to_owned(), source })?;
        }
        let (read, write) = sqlite::open(file).await?;
        let (talk, trouble) = (Arc::default(), trouble::Trouble::of(file));
        let (strangers, blocks) = (Arc::default(), Arc::default());
        Ok(Self { read, write, talk, trouble, node: None, strangers, blocks })
    }

    /// A transaction that holds the write lock from its first statement, so that it cannot fail half-way on a busy store.
    async fn begin(&self) -> Result<Transaction, StoreError> {
        self.write.begin().await.map_err(doing("begin a transaction"))
    }

    /// A single remembered fact, such as the pinned origin.
    pub async fn fact(&self, name: &str) -> Result<Option<String>, StoreError> {
        query_scalar("SELECT value FROM fact WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.read)
            .await
            .map_err(doing("read a fact"))
    }

    pub async fn remember_fact(&self, name: &str, value: &str) -> Result<(), StoreError> {
        query("INSERT INTO fact (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
            .bind(name)
            .bind(value)
            .execute(&self.write)
            .await
            .map(drop)
            .map_err(doing("remember a fact"))
    }

    async fn forget_fact(&self, name: &str) -> Result<(), StoreError> {
        query("DELETE FROM fact WHERE name = $1")
            .bind(name)
            .execute(&self.write)
            .await
            .map(drop)
            .map_err(doing("forget a fact"))
    }

    /// Whether the database still answers a read and could take a write.
    pub async fn ping(&self) -> Result<(), StoreError> {
        query("SELECT 1").execute(&self.read).await.map(drop).map_err(doing("ask the database"))
    }

    /// Whether the database answers a read, and the one connection that writes is not held by somebody for ever.
    pub async fn ping_both(&self) -> Result<(), StoreError> {
        self.ping().await?;
        query("SELECT 1").execute(&self.write).await.map(drop).map_err(doing("ask the database"))
    }

    /// Whether a database server cannot be had at the moment, which is nobody's mistake here and over when it is back.
    pub fn is_away(&self, error: &StoreError) -> bool {
        #[cfg(feature = "postgres")]
        if let (Pool::Postgres(_), StoreError::Sql { source, .. }) = (&self.read, error) {
            return postgres::is_away(source);
        }
        let _ = error;
        false
    }

    /// Waits for running statements and closes the file.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::{sql::raw_sql, *};

    #[tokio::test]
    async fn a_transaction_that_sqlite_ended_by_itself_does_not_block_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("reviewd.db")).await.unwrap();
        for _ in 0..3 {
            let mut transaction = store.begin().await.unwrap();
            // What a full disk makes SQLite do.
            raw_sql("ROLLBACK").execute(&mut *transaction).await.unwrap();
            drop(transaction);
        }
        store.begin().await.unwrap().commit().await.unwrap();
        store.remember_fact("after", "it").await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_is_told_with_its_cure_and_nothing_stays_broken() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("reviewd.db")).await.unwrap();
        raw_sql("PRAGMA max_page_count = 1").execute(&store.write).await.unwrap();
        let words = "words ".repeat(100_000);
        let problem = store.remember_fact("long", &words).await.unwrap_err().to_string();
        assert_eq!(
            problem,
            "remember a fact: the disk is full; make room, and it goes on by itself (nothing is lost meanwhile)"
        );
        raw_sql("PRAGMA max_page_count = 1000000").execute(&store.write).await.unwrap();
        store.remember_fact("long", &words).await.unwrap();
    }
}
