//! Statements whose length depends on what they are given.

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;

use super::{
    Query,
    row::{FromRow, Row, Scalar},
    value::{Bind, Value},
};

/// A statement put together from texts of the program and values; a value never becomes part of the text.
pub(in crate::store) struct QueryBuilder<'q> {
    text: String,
    values: Vec<Value<'q>>,
}

/// Values one after the other, with something between them.
pub(in crate::store) struct Separated<'b, 'q> {
    builder: &'b mut QueryBuilder<'q>,
    separator: &'static str,
    is_first: bool,
}

impl<'q> QueryBuilder<'q> {
    pub(in crate::store) fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    pub(in crate::store) fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// The name of a table or a column, out of the databases' own catalogue.
    pub(in crate::store) fn push_name(&mut self, name: &str) -> &mut Self {
        let _ = write!(self.text, "\"{}\"", name.replace('"', "\"\""));
        self
    }

    pub(in crate::store) fn push_bind(&mut self, value: impl Bind<'q>) -> &mut Self {
        self.values.push(value.value());
        let _ = write!(self.text, "${}", self.values.len());
        self
    }

    pub(in crate::store) fn separated(&mut self, separator: &'static str) -> Separated<'_, 'q> {
        Separated { builder: self, separator, is_first: true }
    }

    /// `VALUES (…), (…)`, a row for each of `rows`.
    pub(in crate::store) fn push_values<R>(
        &mut self,
        rows: impl IntoIterator<Item = R>,
        mut push_row: impl FnMut(Separated<'_, 'q>, R),
    ) -> &mut Self {
        self.push("VALUES ");
        for (index, row) in rows.into_iter().enumerate() {
            self.push(if index == 0 { "(" } else { ", (" });
            push_row(self.separated(", "), row);
            self.push(")");
        }
        self
    }

    pub(in crate::store) fn build(self) -> Query<'q, Row> {
        Query::new(AssertSqlSafe(self.text), self.values, Ok).once()
    }

    pub(in crate::store) fn build_query_as<T: FromRow>(self) -> Query<'q, T> {
        Query::new(AssertSqlSafe(self.text), self.values, |row| T::from_row(&row)).once()
    }

    pub(in crate::store) fn build_query_scalar<T: Scalar>(self) -> Query<'q, T> {
        Query::new(AssertSqlSafe(self.text), self.values, |row| T::scalar(&row)).once()
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
