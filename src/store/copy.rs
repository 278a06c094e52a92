//! Everything from one database into another, whichever each of them is.

use std::collections::BTreeSet;

use super::{
    Store, StoreError, doing,
    sql::{Pool, QueryBuilder, Row, Transaction, Value, query, query_as},
};

/// Every table but the schema's own, those that others point to before them.
pub(super) const TABLES: &[&str] = &[
    "reviewer",
    "review",
    "old_slug",
    "file",
    "picture",
    "picture_source",
    "activity",
    "delivery",
    "follower",
    "follower_day",
    "fact",
    "remote_actor",
    "remote_key",
    "host",
    "received",
    "block",
    "quote_authorization",
    "reply",
    "gone",
    "reaction",
    "report",
    "crawl",
    "answer",
    "answered_post",
    "portrait",
    "mirror_file",
    "notice",
    "websub_subscription",
    "archived",
    "archive_document",
    "node",
    "lease",
];

/// Rows in memory at once; half a megabyte each where they are pictures.
const ROWS_AT_ONCE: i64 = 100;

/// How many rows of a table were copied.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CopiedTable {
    pub name: &'static str,
    pub rows: u64,
}

/// What a column holds, in the words of both databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
    Float,
    Bool,
    Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    name: String,
    pub(super) kind: Kind,
}

impl Store {
    /// Copies every row, as of one moment, into an empty database, and counts them there. Either all is there afterwards or
    /// nothing. The next numbers follow those of the original, so that none is given twice.
    ///
    /// # Errors
    /// The other database is not empty, or holds another number of rows afterwards; either cannot be read or written.
    pub async fn copy_into(&self, other: &Store) -> Result<Vec<CopiedTable>, StoreError> {
        let mut from = self.read.begin_reading().await.map_err(doing("begin to read"))?;
        let mut to = other.begin().await?;
        for table in TABLES {
            let rows = count(&mut to, table).await?;
            if rows > 0 {
                return Err(StoreError::NotEmpty { table, rows });
            }
        }
        let mut copied = Vec::new();
        for name in TABLES {
            copied.push(CopiedTable { name, rows: copy_table(&self.read, &mut from, &mut to, name).await? });
        }
        for (name, last) in numbers(&self.read, &mut from).await? {
            go_on_after(&other.write, &mut to, name, last).await?;
        }
        to.commit().await.map_err(doing("commit the copy"))?;
        Ok(copied)
    }
}

async fn copy_table(
    pool: &Pool,
    from: &mut Transaction,
    to: &mut Transaction,
    table: &'static str,
) -> Result<u64, StoreError> {
    let columns = columns(pool, from, table).await?;
    let mut pages = Pages::open(pool, from, table, &columns).await?;
    let mut read = 0;
    loop {
        let rows = pages.next(from).await?;
        if rows.is_empty() {
            break;
        }
        read += rows.len() as u64;
        write(to, table, &columns, &rows).await?;
    }
    let written = count(to, table).await?;
    let wanted = count(from, table).await?;
    if written != wanted || read != wanted {
        return Err(StoreError::Miscounted { table, wanted, written });
    }
    Ok(written)
}

async fn count(transaction: &mut Transaction, table: &'static str) -> Result<u64, StoreError> {
    let mut counting = QueryBuilder::new("SELECT COUNT(*) FROM ");
    counting.push_name(table);
    let row = counting.build().fetch_one(&mut **transaction).await.map_err(doing("count the rows of a table"))?;
    Ok(u64::try_from(row.get::<i64, _>(0)).unwrap_or(0))
}

/// The columns of a table in their order.
pub(super) async fn columns(
    pool: &Pool,
    transaction: &mut Transaction,
    table: &str,
) -> Result<Vec<Column>, StoreError> {
    let list = match pool {
        Pool::Sqlite(_) => "SELECT name, type FROM pragma_table_info($1) ORDER BY cid",
        #[cfg(feature = "postgres")]
        Pool::Postgres(_) => {
            "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT) FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
        }
    };
    let rows: Vec<(String, String)> =
        query_as(list).bind(table).fetch_all(&mut **transaction).await.map_err(doing("list the columns of a table"))?;
    Ok(rows.into_iter().filter_map(|(name, kind)| Some(Column { name, kind: Kind::parse(&kind)? })).collect())
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_uppercase().as_str() {
            "TEXT" => Self::Text,
            "BIGINT" | "INTEGER" => Self::Integer,
            "DOUBLE PRECISION" => Self::Float,
            "BOOLEAN" => Self::Bool,
            "BLOB" | "BYTEA" => Self::Bytes,
            _ => return None,
        })
    }
}

/// A table read part by part.
enum Pages {
    /// From the row with this number on.
    Rows { after: i64, table: &'static str, columns: Vec<Column> },
    /// By a cursor named after the table: sqlx remembers what a statement's columns are.
    #[cfg(feature = "postgres")]
    Cursor(String),
}

impl Pages {
    #[cfg_attr(not(feature = "postgres"), allow(unused_variables, reason = "a file needs no cursor"))]
    async fn open(
        pool: &Pool,
        transaction: &mut Transaction,
        table: &'static str,
        columns: &[Column],
    ) -> Result<Self, StoreError> {
        match pool {
            Pool::Sqlite(_) => Ok(Self::Rows { after: i64::MIN, table, columns: columns.to_vec() }),
            #[cfg(feature = "postgres")]
            Pool::Postgres(_) => {
                let name = format!("pages of {table}");
                let mut cursor = QueryBuilder::new("DECLARE ");
                cursor.push_name(&name).push(" NO SCROLL CURSOR FOR SELECT 0");
                push_columns(&mut cursor, columns);
                cursor.push(" FROM ").push_name(table);
                cursor.build().execute(&mut **transaction).await.map_err(doing("begin to read a table"))?;
                Ok(Self::Cursor(name))
            }
        }
    }

    /// The next rows; their first column is not the table's.
    async fn next(&mut self, transaction: &mut Transaction) -> Result<Vec<Row>, StoreError> {
        let rows = match self {
            Self::Rows { after, table, columns } => {
                let mut page = QueryBuilder::new("SELECT rowid");
                push_columns(&mut page, columns);
                page.push(" FROM ").push_name(table).push(" WHERE rowid > ").push_bind(*after);
                page.push(" ORDER BY rowid LIMIT ").push_bind(ROWS_AT_ONCE);
                let rows = page.build().fetch_all(&mut **transaction).await;
                if let Some(last) = rows.as_ref().ok().and_then(|rows| rows.last()) {
                    *after = last.get(0);
                }
                rows
            }
            #[cfg(feature = "postgres")]
            Self::Cursor(name) => {
                let mut page = QueryBuilder::new("FETCH 100 FROM ");
                page.push_name(name);
                page.build().fetch_all(&mut **transaction).await
            }
        };
        rows.map_err(doing("read a table"))
    }
}

pub(super) fn push_columns(query: &mut QueryBuilder<'_>, columns: &[Column]) {
    for column in columns {
        query.push(", ").push_name(&column.name);
    }
}

async fn write(to: &mut Transaction, table: &str, columns: &[Column], rows: &[Row]) -> Result<(), StoreError> {
    let mut insert = QueryBuilder::new("INSERT INTO ");
    insert.push_name(table).push(" (");
    for (index, column) in columns.iter().enumerate() {
        insert.push(if index == 0 { "" } else { ", " }).push_name(&column.name);
    }
    insert.push(") ");
    let mut damaged = None;
    insert.push_values(rows, |mut values, row| {
        for (index, column) in columns.iter().enumerate() {
            let value = value(row, index + 1, column.kind).unwrap_or_else(|error| {
                damaged = Some(error);
                Value::Text(None)
            });
            values.push_bind(value);
        }
    });
    if let Some(error) = damaged {
        return Err(doing("read a table")(error));
    }
    insert.build().execute(&mut **to).await.map(drop).map_err(doing("write a table"))
}

pub(super) fn value(row: &Row, index: usize, kind: Kind) -> Result<Value<'_>, sqlx::Error> {
    Ok(match kind {
        Kind::Text => Value::Text(row.try_get::<Option<&str>, _>(index)?.map(Into::into)),
        Kind::Integer => Value::Integer(row.try_get(index)?),
        Kind::Float => Value::Float(row.try_get(index)?),
        Kind::Bool => Value::Bool(row.try_get(index)?),
        Kind::Bytes => Value::Bytes(row.try_get::<Option<Vec<u8>>, _>(index)?.map(Into::into)),
    })
}

/// The last number that each numbered table has given.
async fn numbers(pool: &Pool, from: &mut Transaction) -> Result<Vec<(&'static str, i64)>, StoreError> {
    let list = match pool {
        Pool::Sqlite(_) => "SELECT name, seq FROM sqlite_sequence",
        #[cfg(feature = "postgres")]
        Pool::Postgres(_) => {
            "SELECT CAST(owner.relname AS TEXT), COALESCE(pg_sequence_last_value(numbers.oid::regclass), 0)
             FROM pg_class AS numbers JOIN pg_depend ON pg_depend.objid = numbers.oid AND pg_depend.deptype = 'i'
             JOIN pg_class AS owner ON owner.oid = pg_depend.refobjid
             WHERE numbers.relkind = 'S' AND owner.relnamespace = current_schema()::regnamespace"
        }
    };
    let rows: Vec<(String, i64)> =
        query_as(list).fetch_all(&mut **from).await.map_err(doing("read the numbers given"))?;
    let last: BTreeSet<(String, i64)> = rows.into_iter().collect();
    Ok(last
        .into_iter()
        .filter_map(|(name, last)| Some((*TABLES.iter().find(|table| **table == name)?, last)))
        .collect())
}

async fn go_on_after(pool: &Pool, to: &mut Transaction, table: &'static str, last: i64) -> Result<(), StoreError> {
    let doing_it = "set the next number";
    if last == 0 {
        return Ok(());
    }
    match pool {
        Pool::Sqlite(_) => {
            query("DELETE FROM sqlite_sequence WHERE name = $1")
                .bind(table)
                .execute(&mut **to)
                .await
                .map_err(doing(doing_it))?;
            query("INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)")
                .bind(table)
                .bind(last)
                .execute(&mut **to)
                .await
                .map_err(doing(doing_it))?;
        }
        #[cfg(feature = "postgres")]
        Pool::Postgres(_) => {
            query("SELECT setval(pg_get_serial_sequence($1, 'seq'), $2)")
                .bind(table)
                .bind(last)
                .execute(&mut **to)
                .await
                .map_err(doing(doing_it))?;
        }
    }
    Ok(())
}
