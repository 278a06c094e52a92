//! Statements whose length depends on what they are given.

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;

use super::{
    Query,
    row::{FromRow, Row, Scalar},
    value::{Bind, Value},
};

/// Rows written by one statement at most.
const PART_MAX: usize = 256;
/// Up to here each length is a statement of its own.
const SHORT_MAX: usize = 16;

/// A statement put together from texts of the program and values; a value never becomes part of the text.
///
/// A value stands as `?`: of a thousand `$1` to `$1000` SQLite looks each name up among all others.
pub(in crate::store) struct QueryBuilder<'q> {
    text: String,
    values: Vec<Value<'q>>,
    /// Whether the same text will come again: what has another length each time would drive out the others.
    recurs: bool,
}

/// Values one after the other, with something between them.
pub(in crate::store) struct Separated<'b, 'q> {
    builder: &'b mut QueryBuilder<'q>,
    separator: &'static str,
    is_first: bool,
}

/// Cuts a list into parts of few lengths, so that a few statements, which stay prepared, do for any list.
pub(in crate::store) fn in_parts<T>(mut list: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = list.len().checked_ilog2().map(|bits| match list.len() {
            short @ ..=SHORT_MAX => short,
            _ => (1 << bits).min(PART_MAX),
        })?;
        let (part, rest) = list.split_at(length);
        list = rest;
        Some(part)
    })
}

/// Whether statements of this length stay prepared.
fn recurs(length: usize) -> bool {
    length <= SHORT_MAX || length.is_power_of_two()
}

impl<'q> QueryBuilder<'q> {
    pub(in crate::store) fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), values: Vec::new(), recurs: true }
    }

    /// A text without a `?`, which stands for a value.
    pub(in crate::store) fn push(&mut self, text: &'static str) -> &mut Self {
        debug_assert!(!text.contains('?'), "{text}");
        self.text.push_str(text);
        self
    }

    /// The name of a table or a column, out of the databases' own catalogue.
    pub(in crate::store) fn push_name(&mut self, name: &str) -> &mut Self {
        let _ = write!(self.text, "\"{}\"", name.replace('"', "\"\""));
        self.recurs = false;
        self
    }

    pub(in crate::store) fn push_bind(&mut self, value: impl Bind<'q>) -> &mut Self {
        self.values.push(value.value());
        self.text.push('?');
        self
    }

    /// `?, ?, ?)`, the end of `IN (…)`. The last value stands there several times where that makes the length a power of two.
    pub(in crate::store) fn push_list<V: Bind<'q> + Clone>(
        &mut self,
        values: impl IntoIterator<Item = V>,
    ) -> &mut Self {
        let mut list = self.separated(", ");
        let (mut length, mut last) = (0_usize, None);
        for value in values {
            list.push_bind(value.clone());
            (length, last) = (length + 1, Some(value));
        }
        for value in std::iter::repeat_n(last, length.next_power_of_two() - length).flatten() {
            list.push_bind(value);
        }
        self.push(")")
    }

    fn separated(&mut self, separator: &'static str) -> Separated<'_, 'q> {
        Separated { builder: self, separator, is_first: true }
    }

    /// `VALUES (…), (…)`, a row for each of `rows`.
    pub(in crate::store) fn push_values<R>(
        &mut self,
        rows: impl IntoIterator<Item = R>,
        mut push_row: impl FnMut(Separated<'_, 'q>, R),
    ) -> &mut Self {
        self.push("VALUES ");
        let mut length = 0_usize;
        for row in rows {
            self.push(if length == 0 { "(" } else { ", (" });
            push_row(self.separated(", "), row);
            self.push(")");
            length += 1;
        }
        self.recurs &= recurs(length);
        self
    }

    pub(in crate::store) fn build(self) -> Query<'q, Row> {
        self.statement(Ok)
    }

    pub(in crate::store) fn build_query_as<T: FromRow>(self) -> Query<'q, T> {
        self.statement(|row| T::from_row(&row))
    }

    pub(in crate::store) fn build_query_scalar<T: Scalar>(self) -> Query<'q, T> {
        self.statement(|row| T::scalar(&row))
    }

    fn statement<T: Send + Unpin>(self, read: fn(Row) -> Result<T, sqlx::Error>) -> Query<'q, T> {
        Query { is_built: true, persistent: self.recurs, ..Query::new(AssertSqlSafe(self.text), self.values, read) }
    }
}

impl<'q> Separated<'_, 'q> {
    pub(in crate::store) fn push_bind(&mut self, value: impl Bind<'q>) -> &mut Self {
        if !std::mem::take(&mut self.is_first) {
            self.builder.push(self.separator);
        }
        self.builder.push_bind(value);
        self
    }
}

/// The same statement with `$1`, `$2` … for each `?`, as PostgreSQL wants it.
#[cfg(feature = "postgres")]
pub(super) fn numbered(text: &str) -> String {
    let mut numbered = String::with_capacity(text.len() * 2);
    for (number, piece) in text.split('?').enumerate() {
        if number > 0 {
            let _ = write!(numbered, "${number}");
        }
        numbered.push_str(piece);
    }
    numbered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_any_length_is_one_of_few_statements() {
        let list: Vec<usize> = (0..3 * PART_MAX + 7).collect();
        let parts: Vec<&[usize]> = in_parts(&list).collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        assert_eq!(lengths, [PART_MAX, PART_MAX, PART_MAX, 7]);
        assert_eq!(in_parts(&list[..45]).map(<[usize]>::len).collect::<Vec<_>>(), [32, 13]);
        assert_eq!(parts.concat(), list);
        assert_eq!(in_parts::<usize>(&[]).count(), 0);
        for (length, text) in [(1, "IN (?)"), (2, "IN (?, ?)"), (3, "IN (?, ?, ?, ?)"), (4, "IN (?, ?, ?, ?)")] {
            let mut builder = QueryBuilder::new("IN (");
            builder.push_list((0..length).map(i64::from));
            assert_eq!(builder.text, text);
            assert!(
                matches!(builder.values.last(), Some(Value::Integer(Some(last))) if *last == i64::from(length) - 1)
            );
            assert!(builder.recurs);
        }
    }

    #[test]
    fn rows_of_another_number_each_time_stay_prepared_nowhere() {
        for (rows, recurs) in [(1_i64, true), (3, true), (17, false), (32, true)] {
            let mut builder = QueryBuilder::new("INSERT INTO t ");
            builder.push_values(0..rows, |mut row, value| {
                row.push_bind(value).push_bind(value);
            });
            assert_eq!(builder.recurs, recurs, "{rows}");
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn the_server_is_given_numbers() {
        assert_eq!(numbered("a IN (?, ?) AND b = ?"), "a IN ($1, $2) AND b = $3");
        assert_eq!(numbered("SELECT 0"), "SELECT 0");
    }
}
