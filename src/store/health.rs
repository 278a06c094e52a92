//! Whether the database is whole: looked at, never changed.

use std::{path::Path, time::Duration};

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

use super::{Store, StoreError, doing, schema};

/// How long a look waits for a daemon's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Faults listed; one is enough to need a backup.
const FAULTS_MAX: usize = 5;

/// What a look at the database found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The schema's version, and the one that this program makes of it.
    pub schema: i64,
    pub known: i64,
    /// What SQLite's own check complains of; empty where all is well.
    pub faults: Vec<String>,
}

impl Store {
    /// Looks at the database that is open.
    pub async fn health(&self) -> Result<Health, StoreError> {
        look(&self.read).await
    }

    /// Looks at a database file without opening it for writing: an older one stays as it is.
    pub async fn examine(file: &Path) -> Result<Health, StoreError> {
        let options = SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(BUSY_TIMEOUT);
        let open = |source| StoreError::Open { path: file.display().to_string(), source };
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.map_err(open)?;
        let health = look(&pool).await;
        pool.close().await;
        health
    }
}

async fn look(pool: &SqlitePool) -> Result<Health, StoreError> {
    let schema = sqlx::query_scalar("SELECT COALESCE(MAX(step), 0) FROM schema_step").fetch_one(pool);
    let schema: i64 = schema.await.map_err(doing("read the schema's version"))?;
    let told: Vec<String> = sqlx::query_scalar("SELECT quick_check FROM pragma_quick_check")
        .fetch_all(pool)
        .await
        .map_err(doing("check the database"))?;
    let faults = told.into_iter().filter(|line| line != "ok").take(FAULTS_MAX).collect();
    Ok(Health { schema, known: schema::SCHEMA, faults })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_database_is_looked_at_and_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("reviewd.db");
        let store = Store::open(&file).await.unwrap();
        let whole = Health { schema: schema::SCHEMA, known: schema::SCHEMA, faults: vec![] };
        assert_eq!(store.health().await.unwrap(), whole);
        assert_eq!(Store::examine(&file).await.unwrap(), whole);
        sqlx::query("DELETE FROM schema_step WHERE step > 2").execute(&store.write).await.unwrap();
        store.close().await;
        for _ in 0..2 {
            assert_eq!(Store::examine(&file).await.unwrap().schema, 2);
        }
    }

    #[tokio::test]
    async fn a_damaged_database_is_recognised() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("reviewd.db");
        let store = Store::open(&file).await.unwrap();
        for n in 0..200 {
            store.remember_fact(&format!("fact {n}"), &"words ".repeat(200)).await.unwrap();
        }
        store.close().await;
        let mut bytes = std::fs::read(&file).unwrap();
        let end = bytes.len();
        bytes[end - 40_960..end - 20_480].fill(0x55);
        std::fs::write(&file, bytes).unwrap();
        let health = Store::examine(&file).await;
        assert!(health.as_ref().map_or(true, |health| !health.faults.is_empty()), "{health:?}");
        std::fs::write(&file, "no database at all, just words in a file").unwrap();
        assert!(Store::examine(&file).await.is_err());
    }
}
