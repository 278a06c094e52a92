//! SQLite: how its file is opened, and what its errors mean to a person.

use std::{path::Path, time::Duration};

use sqlx::{
    Connection as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{StoreError, schema, sql::Pool};

/// Connections for readers; writers queue on one of their own because SQLite has one writer.
const READERS_MAX: u32 = 4;
/// How long a writer waits for another process (a backup, a second command) before it reports the store as busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Statements that each connection keeps prepared: all there are, those of several lengths included.
const STATEMENTS_KEPT: usize = 512;
/// How long a look waits for a daemon's write.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// Page cache of each connection, in KiB: small, because the operating system caches the file anyway.
const CACHE_KIB: i64 = 4096;

/// Connections for readers and for the writer; the file is made when absent, and its schema brought up to date.
pub(super) async fn open(file: &Path) -> Result<(Pool, Pool), StoreError> {
    let path = file.display().to_string();
    // FULL: what was answered or sent must survive a power cut (DESIGN section 4).
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .pragma("cache_size", (-CACHE_KIB).to_string())
        .statement_cache_capacity(STATEMENTS_KEPT);
    let open = |source| StoreError::Open { path: path.clone(), source };
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        // Never closed: where descriptors or memory are used up, it could not be opened again.
        .idle_timeout(None)
        .max_lifetime(None)
        // A file does not go away as a server does.
        .test_before_acquire(false)
        // On a full disk SQLite ends a transaction by itself, and sqlx, whose own ROLLBACK then fails, would count it as
        // open for ever: such a connection is replaced.
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        .connect_with(options.clone())
        .await
        .map_err(open)?;
    let write = Pool::Sqlite(write);
    schema::upgrade(&write, &path).await?;
    let read = SqlitePoolOptions::new()
        .max_connections(READERS_MAX)
        .min_connections(READERS_MAX)
        .idle_timeout(None)
        .max_lifetime(None)
        // A file does not go away as a server does.
        .test_before_acquire(false)
        .connect_with(options.create_if_missing(false))
        .await
        .map_err(open)?;
    Ok((Pool::Sqlite(read), write))
}

/// One connection that only reads: an older database stays as it is.
pub(super) async fn open_to_look(file: &Path) -> Result<Pool, StoreError> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(LOOK_TIMEOUT);
    let open = |source| StoreError::Open { path: file.display().to_string(), source };
    SqlitePoolOptions::new().max_connections(1).connect_with(options).await.map(Pool::Sqlite).map_err(open)
}

/// What the database says, with the cure where a person has one. The numbers are SQLite's primary result codes
/// (https://www.sqlite.org/rescode.html), the lowest byte of what it answers.
pub(super) fn told(source: &sqlx::Error) -> String {
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
