//! The archive documents of feeds: which review stands where, and the bytes that readers have seen.

use jiff::Timestamp;

use super::{
    Store, StoreError, doing,
    sql::{QueryBuilder, Row, query, query_as},
};
use crate::domain::{Archived, ArchivedFeed, Handle, ReviewId};

/// Rows written by one statement; SQLite takes 32,766 parameters.
const ROWS_PER_STATEMENT: usize = 1000;

/// The bytes of an archive document as they were read first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveBytes {
    /// Compressed by zstd.
    pub body: Vec<u8>,
    /// The newest change of a review in it.
    pub changed: Timestamp,
}

impl Store {
    /// The whole archive of a feed, in order.
    pub async fn archived(&self, feed: &ArchivedFeed) -> Result<Vec<Archived>, StoreError> {
        let rows = query(
            "SELECT document, position, reviewer, id, changed, absent FROM archived WHERE feed = $1 ORDER BY document, position",
        )
        .bind(feed.key())
        .fetch_all(&self.read)
        .await
        .map_err(doing("read an archive"))?;
        Ok(rows.iter().filter_map(archived).collect())
    }

    /// The reviews of one archive document, in order.
    pub async fn archived_in(&self, feed: &ArchivedFeed, document: u32) -> Result<Vec<Archived>, StoreError> {
        let rows = query(
            "SELECT document, position, reviewer, id, changed, absent FROM archived WHERE feed = $1 AND document = $2
             ORDER BY position",
        )
        .bind(feed.key())
        .bind(i64::from(document))
        .fetch_all(&self.read)
        .await
        .map_err(doing("read an archive document"))?;
        Ok(rows.iter().filter_map(archived).collect())
    }

    /// Writes the newly archived, and forgets the bytes of documents whose reviews left the lists or came back.
    pub async fn turn_archive(
        &self,
        feed: &ArchivedFeed,
        archived: &[Archived],
        left: &[(Handle, ReviewId)],
        returned: &[(Handle, ReviewId)],
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for rows in archived.chunks(ROWS_PER_STATEMENT) {
            let mut insert =
                QueryBuilder::new("INSERT INTO archived (feed, document, position, reviewer, id, changed) ");
            insert.push_values(rows, |mut row, one| {
                row.push_bind(feed.key())
                    .push_bind(i64::from(one.document))
                    .push_bind(i64::from(one.position))
                    .push_bind(one.reviewer.as_str())
                    .push_bind(one.id.as_str())
                    .push_bind(one.changed.as_second());
            });
            insert.build().execute(&mut *transaction).await.map_err(doing("archive reviews"))?;
        }
        let moved = left.iter().map(|one| (one, true)).chain(returned.iter().map(|one| (one, false)));
        for ((reviewer, id), absent) in moved {
            for statement in [
                "UPDATE archived SET absent = $4 WHERE feed = $1 AND reviewer = $2 AND id = $3",
                "DELETE FROM archive_document WHERE feed = $1 AND $4 = $4 AND document IN
                 (SELECT document FROM archived WHERE feed = $1 AND reviewer = $2 AND id = $3)",
            ] {
                query(statement)
                    .bind(feed.key())
                    .bind(reviewer.as_str())
                    .bind(id.as_str())
                    .bind(absent)
                    .execute(&mut *transaction)
                    .await
                    .map_err(doing("forget an archive document"))?;
            }
        }
        transaction.commit().await.map_err(doing("commit the archive"))
    }

    /// The bytes that readers of this document have seen, if any has.
    pub async fn archive_bytes(
        &self,
        feed: &ArchivedFeed,
        (document, length): (u32, u32),
        dialect: &str,
    ) -> Result<Option<ArchiveBytes>, StoreError> {
        let row: Option<(Vec<u8>, i64)> = query_as(
            "SELECT body, changed FROM archive_document WHERE feed = $1 AND document = $2 AND length = $3 AND dialect = $4",
        )
        .bind(feed.key())
        .bind(i64::from(document))
        .bind(i64::from(length))
        .bind(dialect)
        .fetch_optional(&self.read)
        .await
        .map_err(doing("read an archive document"))?;
        Ok(row
            .map(|(body, changed)| ArchiveBytes { body, changed: Timestamp::from_second(changed).unwrap_or_default() }))
    }

    /// Pins the bytes of a document at its first reading; returns those that were first, if somebody else's were.
    pub async fn pin_archive_bytes(
        &self,
        feed: &ArchivedFeed,
        (document, length): (u32, u32),
        dialect: &str,
        bytes: ArchiveBytes,
    ) -> Result<ArchiveBytes, StoreError> {
        let done = query(
            "INSERT INTO archive_document (feed, document, length, dialect, body, changed)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (feed, document, length, dialect) DO NOTHING",
        )
        .bind(feed.key())
        .bind(i64::from(document))
        .bind(i64::from(length))
        .bind(dialect)
        .bind(&bytes.body)
        .bind(bytes.changed.as_second())
        .execute(&self.write)
        .await
        .map_err(doing("pin an archive document"))?;
        if done.rows_affected() > 0 {
            return Ok(bytes);
        }
        Ok(self.archive_bytes(feed, (document, length), dialect).await?.unwrap_or(bytes))
    }
}

fn archived(row: &Row) -> Option<Archived> {
    Some(Archived {
        document: u32::try_from(row.get::<i64, _>(0)).ok()?,
        position: u32::try_from(row.get::<i64, _>(1)).ok()?,
        reviewer: Handle::parse(&row.get::<String, _>(2)).ok()?,
        id: ReviewId::parse(&row.get::<String, _>(3))?,
        changed: Timestamp::from_second(row.get(4)).ok()?,
        absent: row.get(5),
    })
}
