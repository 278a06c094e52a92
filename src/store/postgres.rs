//! PostgreSQL: how its server is reached, and what its errors mean to a person.

use std::{fs, io, str::FromStr, time::Duration};

use sqlx::{
    Error,
    postgres::{PgConnectOptions, PgDatabaseError, PgPoolOptions},
};

use super::{StoreError, schema, sql::Pool};
use crate::config::PostgresSettings;

/// Connections for readers.
const READERS_MAX: u32 = 4;
/// How long a statement waits for a connection. A server that restarts is back within seconds; what waits longer has a
/// sender or a visitor who would rather hear that it comes later.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a writer waits for another node or command before it reports the store as busy, as with SQLite.
const LOCK_TIMEOUT: &str = "10s";
/// A transaction whose owner has gone silent gives its lock back.
const SILENCE_TIMEOUT: &str = "60s";

/// Taken by every transaction until its end, so that there is one writer at a time in all nodes, as SQLite has it: what a
/// decision reads cannot change before it is written. A number of our own, within the database.
pub(super) const TAKE_TURN: &str = "SELECT pg_advisory_xact_lock(7247390129842610)";

/// Connections for readers and for the writer; the schema is made or brought up to date.
pub(super) async fn open(settings: &PostgresSettings) -> Result<(Pool, Pool), StoreError> {
    let options = options(settings)?;
    let path = settings.url.clone();
    let open = |source| StoreError::Open { path: path.clone(), source };
    let pool = |connections| PgPoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT);
    let write = pool(1).connect_with(options.clone()).await.map(Pool::Postgres).map_err(open)?;
    schema::upgrade(&write, &path).await?;
    let read = pool(READERS_MAX).connect_with(options).await.map(Pool::Postgres).map_err(open)?;
    Ok((read, write))
}

/// One connection that changes nothing.
pub(super) async fn open_to_look(settings: &PostgresSettings) -> Result<Pool, StoreError> {
    let options = options(settings)?.options([("default_transaction_read_only", "on")]);
    let open = |source| StoreError::Open { path: settings.url.clone(), source };
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
    pool.connect_with(options).await.map(Pool::Postgres).map_err(open)
}

fn options(settings: &PostgresSettings) -> Result<PgConnectOptions, StoreError> {
    let open = |source| StoreError::Open { path: settings.url.clone(), source };
    let mut options = PgConnectOptions::from_str(&settings.url)
        .map_err(open)?
        .options([("lock_timeout", LOCK_TIMEOUT), ("idle_in_transaction_session_timeout", SILENCE_TIMEOUT)]);
    if options.get_application_name().is_none() {
        options = options.application_name("reviewd");
    }
    if let Some(file) = &settings.password_file {
        let password =
            fs::read_to_string(file).map_err(|source| StoreError::Password { path: file.to_owned(), source })?;
        options = options.password(password.trim_end_matches(['\r', '\n']));
    }
    Ok(options)
}

/// What the server says, or its silence, with the cure where a person has one; `None` for what is no trouble with a server.
/// The codes are SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html).
pub(super) fn told(source: &Error) -> Option<String> {
    if let Some(error) = source.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>()) {
        let said = error.message();
        return Some(match cure(error.code()) {
            Some(cure) => format!("{said}; {cure}"),
            None => format!("{said} (SQLSTATE {})", error.code()),
        });
    }
    match source {
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => Some(format!(
            "the database server broke off ({error}); where it runs, what answers is no PostgreSQL: correct [store] url"
        )),
        Error::Io(error) => Some(format!(
            "the database server does not answer ({error}); start it, and it goes on by itself (nothing is lost \
             meanwhile)"
        )),
        // SQLite's pool says the same.
        Error::PoolTimedOut => Some(
            "the database does not answer; if it is a server, start it, and it goes on by itself (nothing is lost \
             meanwhile)"
                .to_owned(),
        ),
        Error::Protocol(error) => Some(format!("what answers is no PostgreSQL ({error}); correct [store] url")),
        _ => None,
    }
}

fn cure(code: &str) -> Option<&'static str> {
    Some(match code {
        "28P01" | "28000" => {
            "correct the password in the file that [store] password_file names, the user in [store] url, or the server's \
             pg_hba.conf"
        }
        "3D000" => "make the database (`sudo -u postgres createdb -O USER NAME`), or correct [store] url",
        "42501" => "let the user of [store] url own the database (`ALTER DATABASE name OWNER TO user`)",
        "25006" => "it is a standby or was made read-only: name the primary server in [store] url",
        "53100" => "make room on the disk of the database server, and it goes on by itself (nothing is lost meanwhile)",
        "53300" => "raise max_connections of the server, or end other programs; it goes on by itself",
        "55P03" => "another program holds the database; end it, and it goes on by itself (nothing is lost meanwhile)",
        "57P01" | "57P02" | "57P03" => {
            "the database server stops or starts; it goes on by itself once that is done (nothing is lost meanwhile)"
        }
        _ => return None,
    })
}

/// Whether the server cannot be had at the moment: nobody's mistake here, and over by itself when it is back.
pub(super) fn is_away(source: &Error) -> bool {
    match source {
        Error::Io(_) | Error::PoolTimedOut | Error::WorkerCrashed => true,
        _ => source
            .as_database_error()
            .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
            .is_some_and(|error| matches!(error.code(), "57P01" | "57P02" | "57P03" | "53300")),
    }
}
