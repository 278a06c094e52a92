//! What statements answer.

use sqlx::{ColumnIndex, Error, Row as _, sqlite::SqliteRow};

/// A row of either database.
pub(in crate::store) enum Row {
    Sqlite(SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::postgres::PgRow),
}

/// What a row can be read as.
pub(in crate::store) trait FromRow: Sized + Send + Unpin {
    fn from_row(row: &Row) -> Result<Self, Error>;
}

/// What the only column of a row can be read as.
pub(in crate::store) trait Scalar: Sized + Send + Unpin {
    fn scalar(row: &Row) -> Result<Self, Error>;
}

/// A column by its number or its name.
#[cfg(not(feature = "postgres"))]
pub(in crate::store) trait Index: ColumnIndex<SqliteRow> {}
#[cfg(not(feature = "postgres"))]
impl<I: ColumnIndex<SqliteRow>> Index for I {}

/// A column by its number or its name.
#[cfg(feature = "postgres")]
pub(in crate::store) trait Index: ColumnIndex<SqliteRow> + ColumnIndex<sqlx::postgres::PgRow> {}
#[cfg(feature = "postgres")]
impl<I: ColumnIndex<SqliteRow> + ColumnIndex<sqlx::postgres::PgRow>> Index for I {}

/// What a column can be read as.
pub(in crate::store) trait Column<'r>: Sized {
    fn read(row: &'r Row, index: impl Index) -> Result<Self, Error>;
}

impl Row {
    /// # Panics
    /// Where the statement has no such column, or one of another type: its tests find that.
    #[allow(clippy::panic, reason = "as sqlx's own: the statement and the program do not fit together")]
    pub(in crate::store) fn get<'r, T: Column<'r>, I: Index>(&'r self, index: I) -> T {
        self.try_get(index).unwrap_or_else(|error| panic!("read a column: {error}"))
    }

    pub(in crate::store) fn try_get<'r, T: Column<'r>, I: Index>(&'r self, index: I) -> Result<T, Error> {
        T::read(self, index)
    }
}

macro_rules! column {
    ($($type:ty),*) => {$(
        impl<'r> Column<'r> for $type {
            fn read(row: &'r Row, index: impl Index) -> Result<Self, Error> {
                match row {
                    Row::Sqlite(row) => row.try_get(index),
                    #[cfg(feature = "postgres")]
                    Row::Postgres(row) => row.try_get(index),
                }
            }
        }
    )*};
}

column!(
    String,
    Option<String>,
    &'r str,
    Option<&'r str>,
    bool,
    Option<bool>,
    f64,
    Option<f64>,
    Vec<u8>,
    Option<Vec<u8>>
);

impl<'r> Column<'r> for Option<i64> {
    fn read(row: &'r Row, index: impl Index) -> Result<Self, Error> {
        match row {
            Row::Sqlite(row) => row.try_get(index),
            #[cfg(feature = "postgres")]
            Row::Postgres(row) => integer(row, index),
        }
    }
}

impl<'r> Column<'r> for i64 {
    fn read(row: &'r Row, index: impl Index) -> Result<Self, Error> {
        match row {
            Row::Sqlite(row) => row.try_get(index),
            #[cfg(feature = "postgres")]
            Row::Postgres(row) => {
                integer(row, index)?.ok_or_else(|| Error::Decode(Box::new(sqlx::error::UnexpectedNullError)))
            }
        }
    }
}

/// SQLite's integers are of one size; PostgreSQL's literals and lengths are of a smaller one than its columns.
#[cfg(feature = "postgres")]
fn integer(row: &sqlx::postgres::PgRow, index: impl Index) -> Result<Option<i64>, Error> {
    use sqlx::{TypeInfo as _, ValueRef as _};
    let value = row.try_get_raw(&index)?;
    if value.type_info().name() == "INT4" {
        return Ok(row.try_get::<Option<i32>, _>(index)?.map(i64::from));
    }
    row.try_get(index)
}

impl<T: for<'r> Column<'r> + Send + Unpin> Scalar for T {
    fn scalar(row: &Row) -> Result<Self, Error> {
        row.try_get(0)
    }
}

macro_rules! tuples {
    ($($($name:ident $index:tt),+;)*) => {$(
        impl<$($name),+> FromRow for ($($name,)+)
        where
            $($name: for<'r> Column<'r> + Send + Unpin),+
        {
            fn from_row(row: &Row) -> Result<Self, Error> {
                Ok(($(row.try_get($index)?,)+))
            }
        }
    )*};
}

tuples! {
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8;
}
