//! The schema and how an older database becomes a current one. Each step is applied once, in a transaction of its own.

use sqlx::SqlitePool;

use super::{StoreError, doing};

/// In order; a step that was released is never edited.
const STEPS: &[&str] = &[
    include_str!("migrations/0001_ledger.sqlite.sql"),
    include_str!("migrations/0002_peers.sqlite.sql"),
    include_str!("migrations/0003_delivery.sqlite.sql"),
    include_str!("migrations/0004_inbox.sqlite.sql"),
    include_str!("migrations/0005_quotes.sqlite.sql"),
    include_str!("migrations/0006_conversation.sqlite.sql"),
    include_str!("migrations/0007_answers.sqlite.sql"),
    include_str!("migrations/0008_avatar.sqlite.sql"),
    include_str!("migrations/0009_mirror.sqlite.sql"),
    include_str!("migrations/0010_notices.sqlite.sql"),
    include_str!("migrations/0011_websub.sqlite.sql"),
    include_str!("migrations/0012_archive.sqlite.sql"),
    include_str!("migrations/0013_received.sqlite.sql"),
    include_str!("migrations/0014_lanes.sqlite.sql"),
    include_str!("migrations/0015_follower_day.sqlite.sql"),
];

/// The version of the schema that this program writes: the number of steps.
pub const SCHEMA: i64 = STEPS.len() as i64;

/// Applies the steps a database lacks.
pub(super) async fn upgrade(pool: &SqlitePool, path: &str) -> Result<(), StoreError> {
    let known = SCHEMA;
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(doing("begin the schema upgrade"))?;
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS schema_step (step BIGINT PRIMARY KEY)")
        .execute(&mut *transaction)
        .await
        .map_err(doing("prepare the schema"))?;
    let found: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(step), 0) FROM schema_step")
        .fetch_one(&mut *transaction)
        .await
        .map_err(doing("read the schema's version"))?;
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    for (index, step) in STEPS.iter().enumerate().skip(found as usize) {
        sqlx::raw_sql(*step).execute(&mut *transaction).await.map_err(doing("upgrade the schema"))?;
        sqlx::query("INSERT INTO schema_step (step) VALUES ($1)")
            .bind(index as i64 + 1)
            .execute(&mut *transaction)
            .await
            .map_err(doing("note the schema's version"))?;
    }
    transaction.commit().await.map_err(doing("commit the schema"))
}

#[cfg(test)]
mod tests {
    use crate::store::{Store, StoreError};

    #[tokio::test]
    async fn a_database_of_a_newer_reviewd_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("reviewd.db");
        let store = Store::open(&file).await.unwrap();
        sqlx::query("INSERT INTO schema_step (step) VALUES (99)").execute(&store.write).await.unwrap();
        store.close().await;
        assert!(matches!(Store::open(&file).await, Err(StoreError::Newer { found: 99, .. })));
    }

    #[tokio::test]
    async fn opening_twice_upgrades_once() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("deep/er/reviewd.db");
        Store::open(&file).await.unwrap().close().await;
        Store::open(&file).await.unwrap().close().await;
    }
}
