//! Copies of the database, and what a copy must not do: what it says was due may have been done since by the original.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    DeliveryState, Store, StoreError, doing,
    sql::{Pool, Transaction, query},
};
use crate::domain::Handle;

/// The fact that this database was restored from a backup.
const RESTORED: &str = "restored";

/// Of which moment a restored database is, and when it was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    pub at: Timestamp,
    pub of: Timestamp,
}

/// Where a reviewer's folder stands after a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Aftermath {
    /// Nothing was restored, or a person has settled what came of it.
    #[default]
    Over,
    /// The folder has not been compared with the restored ledger yet: whatever differs may be known to followers.
    Looking,
    /// It has; what differed is held until a person says whether it is to be sent.
    Held,
}

impl Aftermath {
    fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Over => None,
            Self::Looking => Some("looking"),
            Self::Held => Some("held"),
        }
    }

    fn parse(text: Option<&str>) -> Self {
        match text {
            Some("looking") => Self::Looking,
            Some(_) => Self::Held,
            None => Self::Over,
        }
    }
}

impl Store {
    /// Writes a copy as of one moment to an SQLite file that does not exist yet; readers and the writer go on meanwhile.
    ///
    /// # Errors
    /// No room, no right to write there, a damaged database.
    pub async fn snapshot(&self, into: &Path) -> Result<(), StoreError> {
        match &self.read {
            Pool::Sqlite(_) => query("VACUUM INTO $1")
                .bind(into.display().to_string())
                .execute(&self.read)
                .await
                .map(drop)
                .map_err(doing("copy the database")),
            #[cfg(feature = "postgres")]
            Pool::Postgres(_) => {
                let file = Self::open(into).await?;
                let copied = self.copy_into(&file).await;
                file.close().await;
                copied.map(drop)
            }
        }
    }

    /// Makes a restored copy quiet: what was on its way, and what was about to be said, waits for a person, because the
    /// original may have said it. The next start takes the profiles as told, for the same reason.
    pub async fn mark_restored(&self, restored: Restored) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let held = query("UPDATE delivery SET state = $1 WHERE state = $2")
            .bind(DeliveryState::Held.as_str())
            .bind(DeliveryState::Due.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(doing("hold what was due"))?
            .rows_affected();
        for statement in [
            "UPDATE review SET hold = 'held' WHERE intent <> 'nothing'",
            "UPDATE answer SET hold = 'held' WHERE intent <> 'nothing'",
            "DELETE FROM fact WHERE name = 'last_alive' OR name LIKE 'profile %' OR name LIKE 'after restore %'",
            "INSERT INTO fact (name, value) SELECT 'after restore ' || handle, 'looking' FROM reviewer",
        ] {
            query(statement).execute(&mut *transaction).await.map_err(doing("make a restored copy quiet"))?;
        }
        let value = serde_json::to_string(&restored).unwrap_or_default();
        query("INSERT INTO fact (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
            .bind(RESTORED)
            .bind(value)
            .execute(&mut *transaction)
            .await
            .map_err(doing("remember a restore"))?;
        transaction.commit().await.map_err(doing("commit a restore"))?;
        Ok(held)
    }

    /// Whether this database came out of a backup.
    pub async fn restored(&self) -> Result<Option<Restored>, StoreError> {
        Ok(self.fact(RESTORED).await?.and_then(|text| serde_json::from_str(&text).ok()))
    }

    pub async fn aftermath(&self, reviewer: &Handle) -> Result<Aftermath, StoreError> {
        Ok(Aftermath::parse(self.fact(&aftermath_fact(reviewer)).await?.as_deref()))
    }

    pub async fn set_aftermath(&self, reviewer: &Handle, aftermath: Aftermath) -> Result<(), StoreError> {
        let name = aftermath_fact(reviewer);
        match aftermath.as_str() {
            Some(value) => self.remember_fact(&name, value).await,
            None => self.forget_fact(&name).await,
        }
    }

    /// Deliveries held since a restore are due again.
    pub async fn release_held_deliveries(&self, now: Timestamp) -> Result<u64, StoreError> {
        query("UPDATE delivery SET state = $1, next_at = $2 WHERE state = $3")
            .bind(DeliveryState::Due.as_str())
            .bind(now.as_millisecond())
            .bind(DeliveryState::Held.as_str())
            .execute(&self.write)
            .await
            .map(|done| done.rows_affected())
            .map_err(doing("release held deliveries"))
    }

    /// Deliveries held since a restore count as made: nobody is told.
    pub async fn drop_held_deliveries(&self) -> Result<u64, StoreError> {
        query("UPDATE delivery SET state = $1 WHERE state = $2")
            .bind(DeliveryState::Superseded.as_str())
            .bind(DeliveryState::Held.as_str())
            .execute(&self.write)
            .await
            .map(|done| done.rows_affected())
            .map_err(doing("drop held deliveries"))
    }
}

/// Written with what the first look found, so that a crash between the two leaves both or neither.
pub(super) async fn note_caught_up(transaction: &mut Transaction, reviewer: &Handle) -> Result<(), StoreError> {
    query("UPDATE fact SET value = $1 WHERE name = $2")
        .bind(Aftermath::Held.as_str())
        .bind(aftermath_fact(reviewer))
        .execute(&mut **transaction)
        .await
        .map(drop)
        .map_err(doing("note the first look after a restore"))
}

fn aftermath_fact(reviewer: &Handle) -> String {
    format!("after restore {reviewer}")
}
