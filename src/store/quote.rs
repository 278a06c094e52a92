//! Stamps that allow posts elsewhere to quote a review (FEP-044f).

use super::{
    Outgoing, Store, StoreError, doing, outbox,
    sql::{query, query_as},
};
use crate::domain::Handle;

/// One allowed quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteStamp {
    pub reviewer: Handle,
    /// The last part of the stamp's address.
    pub number: String,
    pub note: String,
    pub quoted_by: String,
}

impl Store {
    /// The stamp of a post that was allowed to quote before: asking again gives the same one.
    pub async fn quote_stamp_of(&self, quoted_by: &str) -> Result<Option<QuoteStamp>, StoreError> {
        let row: Option<(String, String, String, String)> =
            query_as("SELECT reviewer, number, note, quoted_by FROM quote_authorization WHERE quoted_by = $1")
                .bind(quoted_by)
                .fetch_optional(&self.read)
                .await
                .map_err(doing("find a quote's stamp"))?;
        Ok(row.and_then(stamp))
    }

    pub async fn quote_stamp(&self, reviewer: &Handle, number: &str) -> Result<Option<QuoteStamp>, StoreError> {
        let row: Option<(String, String, String, String)> = query_as(
            "SELECT reviewer, number, note, quoted_by FROM quote_authorization WHERE reviewer = $1 AND number = $2",
        )
        .bind(reviewer.as_str())
        .bind(number)
        .fetch_optional(&self.read)
        .await
        .map_err(doing("read a quote's stamp"))?;
        Ok(row.and_then(stamp))
    }

    /// Keeps a stamp together with the Accept that names it.
    pub async fn keep_quote_stamp(&self, stamp: &QuoteStamp, answer: &Outgoing) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        query(
            "INSERT INTO quote_authorization (reviewer, number, note, quoted_by, at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (quoted_by) DO NOTHING",
        )
        .bind(stamp.reviewer.as_str())
        .bind(&stamp.number)
        .bind(&stamp.note)
        .bind(&stamp.quoted_by)
        .bind(answer.at.as_second())
        .execute(&mut *transaction)
        .await
        .map_err(doing("keep a quote's stamp"))?;
        outbox::enqueue(&mut transaction, answer).await?;
        transaction.commit().await.map_err(doing("commit a quote's stamp"))
    }

    /// Every stamp, with the author of the quoting post where that is known.
    pub async fn quote_stamps(&self) -> Result<Vec<(QuoteStamp, Option<String>)>, StoreError> {
        let rows: Vec<(String, String, String, String, Option<String>)> = query_as(
            "SELECT quote_authorization.reviewer, number, note, quoted_by, reaction.actor FROM quote_authorization
             LEFT JOIN reaction ON reaction.id = quoted_by AND reaction.kind = 'quote'",
        )
        .fetch_all(&self.read)
        .await
        .map_err(doing("list the stamps of quotes"))?;
        let with_author =
            |(reviewer, number, note, quoted_by, author)| Some((stamp((reviewer, number, note, quoted_by))?, author));
        Ok(rows.into_iter().filter_map(with_author).collect())
    }

    /// Takes a stamp away together with the Delete that says so.
    pub async fn drop_quote_stamp(&self, stamp: &QuoteStamp, words: &Outgoing) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        query("DELETE FROM quote_authorization WHERE reviewer = $1 AND number = $2")
            .bind(stamp.reviewer.as_str())
            .bind(&stamp.number)
            .execute(&mut *transaction)
            .await
            .map_err(doing("drop a quote's stamp"))?;
        outbox::enqueue(&mut transaction, words).await?;
        transaction.commit().await.map_err(doing("commit a dropped stamp"))
    }
}

fn stamp((reviewer, number, note, quoted_by): (String, String, String, String)) -> Option<QuoteStamp> {
    Some(QuoteStamp { reviewer: Handle::parse(&reviewer).ok()?, number, note, quoted_by })
}
