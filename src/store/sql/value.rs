//! What statements are given: every value with its type, also where it is absent, because PostgreSQL asks for it.

use std::borrow::Cow;

use sqlx::{Arguments as _, Error, error::BoxDynError, sqlite::SqliteArguments};

/// A value on its way into a statement.
#[derive(Debug)]
pub(in crate::store) enum Value<'q> {
    Text(Option<Cow<'q, str>>),
    Integer(Option<i64>),
    Float(Option<f64>),
    Bool(Option<bool>),
    Bytes(Option<Cow<'q, [u8]>>),
}

/// What may be given to a statement.
pub(in crate::store) trait Bind<'q> {
    fn value(self) -> Value<'q>;
}

macro_rules! bind {
    ($($type:ty => $kind:ident($value:ident) $to:expr;)*) => {$(
        impl<'q> Bind<'q> for $type {
            fn value(self) -> Value<'q> {
                let $value = self;
                Value::$kind(Some($to))
            }
        }

        impl<'q> Bind<'q> for Option<$type> {
            fn value(self) -> Value<'q> {
                Value::$kind(self.map(|$value| $to))
            }
        }
    )*};
}

bind! {
    &'q str => Text(text) Cow::Borrowed(text);
    &'q String => Text(text) Cow::Borrowed(text.as_str());
    String => Text(text) Cow::Owned(text);
    i64 => Integer(number) number;
    f64 => Float(number) number;
    bool => Bool(is) is;
    &'q [u8] => Bytes(bytes) Cow::Borrowed(bytes);
    &'q Vec<u8> => Bytes(bytes) Cow::Borrowed(bytes.as_slice());
    Vec<u8> => Bytes(bytes) Cow::Owned(bytes);
}

impl<'q> Bind<'q> for &'q Option<String> {
    fn value(self) -> Value<'q> {
        self.as_ref().value()
    }
}

impl<'q> Bind<'q> for Value<'q> {
    fn value(self) -> Self {
        self
    }
}

pub(super) fn for_sqlite(values: Vec<Value<'_>>) -> Result<SqliteArguments, Error> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        let added: Result<(), BoxDynError> = match value {
            Value::Text(text) => arguments.add(text.map(Cow::into_owned)),
            Value::Integer(number) => arguments.add(number),
            Value::Float(number) => arguments.add(number),
            Value::Bool(is) => arguments.add(is),
            Value::Bytes(bytes) => arguments.add(bytes.map(Cow::into_owned)),
        };
        added.map_err(Error::Encode)?;
    }
    Ok(arguments)
}

#[cfg(feature = "postgres")]
pub(super) fn for_postgres(values: Vec<Value<'_>>) -> Result<sqlx::postgres::PgArguments, Error> {
    let mut arguments = sqlx::postgres::PgArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        let added: Result<(), BoxDynError> = match value {
            Value::Text(text) => arguments.add(text.map(without_nul)),
            Value::Integer(number) => arguments.add(number),
            Value::Float(number) => arguments.add(number),
            Value::Bool(is) => arguments.add(is),
            Value::Bytes(bytes) => arguments.add(bytes.as_deref()),
        };
        added.map_err(Error::Encode)?;
    }
    Ok(arguments)
}

/// PostgreSQL takes no U+0000 in a text (https://www.postgresql.org/docs/current/datatype-character.html): the replacement
/// character stands for it, in what is stored and in what is looked for.
#[cfg(feature = "postgres")]
fn without_nul(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { text }
}
