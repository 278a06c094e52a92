//! Whether the database is whole: looked at, never changed.

use super::{
    Store, StoreError, doing, schema,
    sql::{Pool, query_scalar},
    sqlite,
};
use crate::config::StoreSettings;

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

    /// Looks at a database without opening it for writing: an older one stays as it is.
    pub async fn examine(settings: &StoreSettings) -> Result<Health, StoreError> {
        let pool = open_to_look(settings).await?;
        let health = look(&pool).await;
        pool.close().await;
        health
    }
}

async fn open_to_look(settings: &StoreSettings) -> Result<Pool, StoreError> {
    #[cfg(feature = "postgres")]
    if let Some(server) = &settings.postgres {
        return super::postgres::open_to_look(server).await;
    }
    sqlite::open_to_look(&settings.database).await
}

async fn look(pool: &Pool) -> Result<Health, StoreError> {
    let schema = query_scalar("SELECT COALESCE(MAX(step), 0) FROM schema_step").fetch_one(pool);
    let schema: i64 = schema.await.map_err(doing("read the schema's version"))?;
    let told: Vec<String> = match pool {
        Pool::Sqlite(_) => query_scalar("SELECT quick_check FROM pragma_quick_check")
            .fetch_all(pool)
            .await
            .map_err(doing("check the database"))?,
        // Whether its files are whole is the server's own business (`pg_amcheck`).
        #[cfg(feature = "postgres")]
        Pool::Postgres(_) => Vec::new(),
    };
    let faults = told.into_iter().filter(|line| line != "ok").take(FAULTS_MAX).collect();
    Ok(Health { schema, known: schema::SCHEMA, faults })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sql::query;

    #[tokio::test]
    async fn a_database_is_looked_at_and_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("reviewd.db");
        let settings = StoreSettings { database: file.clone(), postgres: None };
        let store = Store::open(&file).await.unwrap();
        let whole = Health { schema: schema::SCHEMA, known: schema::SCHEMA, faults: vec![] };
        assert_eq!(store.health().await.unwrap(), whole);
        assert_eq!(Store::examine(&settings).await.unwrap(), whole);
        query("DELETE FROM schema_step WHERE step > 2").execute(&store.write).await.unwrap();
        store.close().await;
        for _ in 0..2 {
            assert_eq!(Store::examine(&settings).await.unwrap().schema, 2);
        }
    }

    #[tokio::test]
    async fn a_damaged_database_is_recognised() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("reviewd.db");
        let settings = StoreSettings { database: file.clone(), postgres: None };
        let store = Store::open(&file).await.unwrap();
        for n in 0..200 {
            store.remember_fact(&format!("fact {n}"), &"words ".repeat(200)).await.unwrap();
        }
        store.close().await;
        let mut bytes = std::fs::read(&file).unwrap();
        let end = bytes.len();
        bytes[end - 40_960..end - 20_480].fill(0x55);
        std::fs::write(&file, bytes).unwrap();
        let health = Store::examine(&settings).await;
        assert!(health.as_ref().map_or(true, |health| !health.faults.is_empty()), "{health:?}");
        std::fs::write(&file, "no database at all, just words in a file").unwrap();
        assert!(Store::examine(&settings).await.is_err());
    }
}
