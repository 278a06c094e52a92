//! The schema and how an older database becomes a current one. Each step is applied once, in a transaction of its own.

use super::{
    StoreError, doing,
    sql::{Pool, query, query_scalar, raw_sql},
};

/// One step for each database; they make the same tables with the same columns.
struct Step {
    sqlite: &'static str,
    #[cfg(feature = "postgres")]
    postgres: &'static str,
}

macro_rules! steps {
    ($($name:literal),* $(,)?) => {
        &[$(Step {
            sqlite: include_str!(concat!("migrations/", $name, ".sqlite.sql")),
            #[cfg(feature = "postgres")]
            postgres: include_str!(concat!("migrations/", $name, ".postgres.sql")),
        }),*]
    };
}

/// In order; a step that was released is never edited.
const STEPS: &[Step] = steps![
    "0001_ledger",
    "0002_peers",
    "0003_delivery",
    "0004_inbox",
    "0005_quotes",
    "0006_conversation",
    "0007_answers",
    "0008_avatar",
    "0009_mirror",
    "0010_notices",
    "0011_websub",
    "0012_archive",
    "0013_received",
    "0014_lanes",
    "0015_follower_day",
    "0016_nodes",
    "0017_reaction",
];

/// The version of the schema that this program writes: the number of steps.
pub const SCHEMA: i64 = STEPS.len() as i64;

/// Applies the steps a database lacks.
pub(super) async fn upgrade(pool: &Pool, path: &str) -> Result<(), StoreError> {
    apply(pool, path, STEPS).await
}

async fn apply(pool: &Pool, path: &str, steps: &[Step]) -> Result<(), StoreError> {
    let known = steps.len() as i64;
    let mut transaction = pool.begin().await.map_err(doing("begin the schema upgrade"))?;
    raw_sql("CREATE TABLE IF NOT EXISTS schema_step (step BIGINT PRIMARY KEY)")
        .execute(&mut *transaction)
        .await
        .map_err(doing("prepare the schema"))?;
    let found: i64 = query_scalar("SELECT COALESCE(MAX(step), 0) FROM schema_step")
        .fetch_one(&mut *transaction)
        .await
        .map_err(doing("read the schema's version"))?;
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    for (index, step) in steps.iter().enumerate().skip(found as usize) {
        let statements = match pool {
            Pool::Sqlite(_) => step.sqlite,
            #[cfg(feature = "postgres")]
            Pool::Postgres(_) => step.postgres,
        };
        raw_sql(statements).execute(&mut *transaction).await.map_err(doing("upgrade the schema"))?;
        query("INSERT INTO schema_step (step) VALUES ($1)")
            .bind(index as i64 + 1)
            .execute(&mut *transaction)
            .await
            .map_err(doing("note the schema's version"))?;
    }
    transaction.commit().await.map_err(doing("commit the schema"))
}

#[cfg(test)]
mod tests {
    use sqlx::{SqlitePool, sqlite::SqliteConnectOptions};

    use super::*;
    use crate::{
        domain::{Handle, ReactionKind},
        store::{Store, testing},
    };

    #[tokio::test]
    async fn a_database_of_a_newer_reviewd_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let settings = testing::settings(directory.path());
        let store = Store::of(&settings).await.unwrap();
        query("INSERT INTO schema_step (step) VALUES (99)").execute(&store.write).await.unwrap();
        store.close().await;
        assert!(matches!(Store::of(&settings).await, Err(StoreError::Newer { found: 99, .. })));
    }

    #[tokio::test]
    async fn opening_twice_upgrades_once() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("deep/er/reviewd.db");
        Store::open(&file).await.unwrap().close().await;
        Store::open(&file).await.unwrap().close().await;
    }

    #[tokio::test]
    async fn reactions_of_an_older_database_are_all_there() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("reviewd.db");
        let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
        let pool = Pool::Sqlite(SqlitePool::connect_with(options).await.unwrap());
        apply(&pool, "the old one", &STEPS[..16]).await.unwrap();
        let old = "INSERT INTO reaction (object, actor, kind, id, host, reviewer, review, emoji, page, at) VALUES
                   ('https://b.example/1', 'https://m.example/bob', 'like', 'https://m.example/likes/1', 'm.example',
                    'ana', 'dune', '❤', NULL, 5000),
                   ('https://b.example/1', 'https://m.example/bob', 'boost', NULL, 'm.example', 'ana', 'dune', NULL, NULL, 6000)";
        raw_sql(old).execute(&pool).await.unwrap();
        pool.close().await;
        let store = Store::open(&file).await.unwrap();
        let bob = "https://m.example/bob";
        let like = store.reaction("https://b.example/1", bob, ReactionKind::Like).await.unwrap().unwrap();
        assert_eq!((like.id.as_deref(), like.emoji.as_deref()), (Some("https://m.example/likes/1"), Some("❤")));
        assert_eq!((like.at.as_millisecond(), like.under.0), (5000, Handle::parse("ana").unwrap()));
        assert_eq!(store.drop_reactions_of(bob).await.unwrap(), 2);
    }
}
