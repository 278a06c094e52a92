//! One way to say SQL to both databases: [`query`], [`query_as`] and [`query_scalar`] have the shape of sqlx's, over an enum
//! of its pools, transactions and rows.
//!
//! A statement has one text for SQLite and PostgreSQL; CONTRIBUTING says what both understand. What cannot be said in one
//! text stands in [`value`] and [`row`].

mod builder;
mod row;
mod value;

use std::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

#[cfg(feature = "postgres")]
use sqlx::{AssertSqlSafe, PgPool, Postgres};
use sqlx::{Error, SqlSafeStr, SqlStr, Sqlite, SqlitePool};

pub(super) use self::{
    builder::{QueryBuilder, in_parts},
    row::{FromRow, Row},
    value::Value,
};
use self::{row::Scalar, value::Bind};

/// Connections to one of the databases. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    #[cfg(feature = "postgres")]
    Postgres(PgPool),
}

/// A transaction; dropped without [`Transaction::commit`] it never was.
pub(super) struct Transaction(Connection);

/// What the statements of a transaction run on.
pub(super) enum Connection {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// Where a statement runs.
pub(super) enum On<'c> {
    Pool(&'c Pool),
    Connection(&'c mut Connection),
}

/// What a statement without rows did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done(u64);

/// A statement with its values, and what its rows are read as.
#[must_use = "a statement does nothing before it is executed"]
pub(super) struct Query<'q, T> {
    statement: SqlStr,
    values: Vec<Value<'q>>,
    /// Whether the connection keeps it prepared.
    persistent: bool,
    /// By a [`QueryBuilder`], whose values have no numbers.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "SQLite needs none"))]
    is_built: bool,
    read: fn(Row) -> Result<T, Error>,
    reads: PhantomData<fn() -> T>,
}

/// A statement whose rows are read by hand.
pub(super) fn query<'q>(statement: impl SqlSafeStr) -> Query<'q, Row> {
    Query::new(statement, Vec::new(), Ok)
}

/// A statement whose rows are `T`.
pub(super) fn query_as<'q, T: FromRow>(statement: impl SqlSafeStr) -> Query<'q, T> {
    Query::new(statement, Vec::new(), |row| T::from_row(&row))
}

/// A statement whose rows have one column.
pub(super) fn query_scalar<'q, T: Scalar>(statement: impl SqlSafeStr) -> Query<'q, T> {
    Query::new(statement, Vec::new(), |row| T::scalar(&row))
}

/// Runs a statement on whichever database it is for, reading its rows on the way.
macro_rules! run {
    ($query:expr, $on:expr, $fetch:ident) => {{
        let query = $query;
        let read = query.read;
        match $on.into() {
            On::Pool(Pool::Sqlite(pool)) => {
                query.for_sqlite()?.try_map(move |row| read(Row::Sqlite(row))).$fetch(pool).await
            }
            On::Connection(Connection::Sqlite(transaction)) => {
                query.for_sqlite()?.try_map(move |row| read(Row::Sqlite(row))).$fetch(&mut **transaction).await
            }
            #[cfg(feature = "postgres")]
            On::Pool(Pool::Postgres(pool)) => {
                query.for_postgres()?.try_map(move |row| read(Row::Postgres(row))).$fetch(pool).await
            }
            #[cfg(feature = "postgres")]
            On::Connection(Connection::Postgres(transaction)) => {
                query.for_postgres()?.try_map(move |row| read(Row::Postgres(row))).$fetch(&mut **transaction).await
            }
        }
    }};
}

impl<'q, T: Send + Unpin> Query<'q, T> {
    fn new(statement: impl SqlSafeStr, values: Vec<Value<'q>>, read: fn(Row) -> Result<T, Error>) -> Self {
        let (statement, persistent, is_built) = (statement.into_sql_str(), true, false);
        Self { statement, values, persistent, is_built, read, reads: PhantomData }
    }

    /// Gives the next `$n` its value.
    pub(super) fn bind(mut self, value: impl Bind<'q>) -> Self {
        self.values.push(value.value());
        self
    }

    pub(super) async fn fetch_all<'c>(self, on: impl Into<On<'c>>) -> Result<Vec<T>, Error> {
        run!(self, on, fetch_all)
    }

    pub(super) async fn fetch_optional<'c>(self, on: impl Into<On<'c>>) -> Result<Option<T>, Error> {
        run!(self, on, fetch_optional)
    }

    pub(super) async fn fetch_one<'c>(self, on: impl Into<On<'c>>) -> Result<T, Error> {
        run!(self, on, fetch_one)
    }

    pub(super) async fn execute<'c>(self, on: impl Into<On<'c>>) -> Result<Done, Error> {
        Ok(Done(match on.into() {
            On::Pool(Pool::Sqlite(pool)) => self.for_sqlite()?.execute(pool).await?.rows_affected(),
            On::Connection(Connection::Sqlite(transaction)) => {
                self.for_sqlite()?.execute(&mut **transaction).await?.rows_affected()
            }
            #[cfg(feature = "postgres")]
            On::Pool(Pool::Postgres(pool)) => self.for_postgres()?.execute(pool).await?.rows_affected(),
            #[cfg(feature = "postgres")]
            On::Connection(Connection::Postgres(transaction)) => {
                self.for_postgres()?.execute(&mut **transaction).await?.rows_affected()
            }
        }))
    }

    fn for_sqlite(self) -> Result<sqlx::query::Query<'q, Sqlite, sqlx::sqlite::SqliteArguments>, Error> {
        Ok(sqlx::query_with(self.statement, value::for_sqlite(self.values)?).persistent(self.persistent))
    }

    #[cfg(feature = "postgres")]
    fn for_postgres(self) -> Result<sqlx::query::Query<'q, Postgres, sqlx::postgres::PgArguments>, Error> {
        let statement = match self.is_built {
            true => AssertSqlSafe(builder::numbered(self.statement.as_str())).into_sql_str(),
            false => self.statement,
        };
        Ok(sqlx::query_with(statement, value::for_postgres(self.values)?).persistent(self.persistent))
    }
}

/// Statements without values, several of them where a `;` stands between.
#[must_use = "a statement does nothing before it is executed"]
pub(super) struct Raw(SqlStr);

pub(super) fn raw_sql(statements: impl SqlSafeStr) -> Raw {
    Raw(statements.into_sql_str())
}

impl Raw {
    pub(super) async fn execute<'c>(self, on: impl Into<On<'c>>) -> Result<(), Error> {
        let statements = sqlx::raw_sql(self.0);
        match on.into() {
            On::Pool(Pool::Sqlite(pool)) => statements.execute(pool).await.map(drop),
            On::Connection(Connection::Sqlite(transaction)) => statements.execute(&mut **transaction).await.map(drop),
            #[cfg(feature = "postgres")]
            On::Pool(Pool::Postgres(pool)) => statements.execute(pool).await.map(drop),
            #[cfg(feature = "postgres")]
            On::Connection(Connection::Postgres(transaction)) => statements.execute(&mut **transaction).await.map(drop),
        }
    }
}

impl Pool {
    /// A transaction that holds the right to write from its beginning, so that it cannot fail half-way, and sees what every
    /// writer before it has written: there is one writer at a time, as SQLite has it.
    pub(super) async fn begin(&self) -> Result<Transaction, Error> {
        Ok(Transaction(match self {
            Self::Sqlite(pool) => Connection::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => {
                let mut transaction = pool.begin().await?;
                sqlx::query(super::postgres::TAKE_TURN).execute(&mut *transaction).await?;
                Connection::Postgres(transaction)
            }
        }))
    }

    /// A transaction that reads everything as it is at its beginning, and holds up no writer.
    pub(super) async fn begin_reading(&self) -> Result<Transaction, Error> {
        Ok(Transaction(match self {
            Self::Sqlite(pool) => Connection::Sqlite(pool.begin().await?),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => {
                Connection::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?)
            }
        }))
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Transaction {
    pub(super) async fn commit(self) -> Result<(), Error> {
        match self.0 {
            Connection::Sqlite(transaction) => transaction.commit().await,
            #[cfg(feature = "postgres")]
            Connection::Postgres(transaction) => transaction.commit().await,
        }
    }
}

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

impl Done {
    pub(super) fn rows_affected(self) -> u64 {
        self.0
    }
}

impl<'c> From<&'c Pool> for On<'c> {
    fn from(pool: &'c Pool) -> Self {
        Self::Pool(pool)
    }
}

impl<'c> From<&'c mut Connection> for On<'c> {
    fn from(connection: &'c mut Connection) -> Self {
        Self::Connection(connection)
    }
}
