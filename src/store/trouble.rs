//! Whether the database takes what is written: tried now and then, so that everybody who is asked can say so, and nobody
//! waits for what cannot be.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{Store, StoreError};

/// The fact that is written to see whether anything can be.
const PROOF: &str = "proof";

/// Room that a decision with its pictures may take, in bytes: with less nothing is begun that could not be ended. A small
/// write proves nothing of the next one, because SQLite's log reuses the room it has.
const ROOM_MIN: u64 = 4 << 20;

/// Why nothing can be written at the moment; shared by all clones of a store.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    told: Arc<Mutex<Option<String>>>,
    /// Where the database's file lies, if it is one.
    directory: Option<Arc<PathBuf>>,
}

impl Store {
    /// Looks whether there is room, and writes something small to the disk. From a failure on the store is in trouble, until this succeeds.
    ///
    /// # Errors
    /// What stands against it, with the cure.
    pub async fn prove(&self) -> Result<(), StoreError> {
        let written = match self.trouble.room() {
            Some((directory, room)) if room < ROOM_MIN => Err(StoreError::NoRoom(directory.clone())),
            Some(_) | None => self.remember_fact(PROOF, "").await,
        };
        match written {
            Ok(()) => {
                if self.trouble.set(None) {
                    tracing::info!("the database can be written again: everything goes on by itself");
                }
                Ok(())
            }
            Err(error) => {
                self.suspect(&error);
                Err(error)
            }
        }
    }

    /// A write has failed: nobody tries for nothing until [`Store::prove`] succeeds.
    pub fn suspect(&self, error: &StoreError) {
        if self.trouble.set(Some(error.to_string())) {
            tracing::error!(
                %error,
                "the database cannot be written ({error}); pages and feeds go on, inboxes answer 503, and nothing is sent or \
                 published until it can"
            );
        }
    }

    /// Why nothing can be written at the moment, if so.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.get()
    }

    /// What is wrong with the site as a whole, if anything: nothing can be written, or the alarm.
    pub async fn complaint(&self) -> Result<Option<String>, StoreError> {
        match self.trouble() {
            Some(trouble) => Ok(Some(format!("nothing can be written: {trouble}"))),
            None => self.alarm().await,
        }
    }
}

impl Trouble {
    pub(super) fn of(file: &Path) -> Self {
        let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self { told: Arc::default(), directory: Some(Arc::new(directory.to_owned())) }
    }

    /// How much room a server has, it says itself.
    #[cfg(feature = "postgres")]
    pub(super) fn of_server() -> Self {
        Self { told: Arc::default(), directory: None }
    }

    /// Bytes that can still be written, and where; `None` where nobody says.
    fn room(&self) -> Option<(&PathBuf, u64)> {
        let directory = self.directory.as_deref()?;
        let figures = rustix::fs::statvfs(directory.as_path()).ok()?;
        Some((directory, figures.f_bavail.saturating_mul(figures.f_frsize)))
    }

    fn get(&self) -> Option<String> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether there was none before, or there is none any more.
    fn set(&self, trouble: Option<String>) -> bool {
        let mut known = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let turned = known.is_some() != trouble.is_some();
        *known = trouble;
        turned
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sql::raw_sql;

    async fn told(store: &Store) -> String {
        let told = store.prove().await.unwrap_err().to_string();
        assert_eq!(store.trouble().as_ref(), Some(&told));
        assert_eq!(store.complaint().await.unwrap(), Some(format!("nothing can be written: {told}")));
        told
    }

    #[tokio::test]
    async fn a_database_that_cannot_be_written_says_so_until_it_can() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("reviewd.db");
        let store = Store::open(&file).await.unwrap();
        store.prove().await.unwrap();
        assert_eq!(store.complaint().await.unwrap(), None);

        raw_sql("PRAGMA query_only = 1").execute(&store.write).await.unwrap();
        assert!(
            told(&store).await.ends_with("the database is read-only; make its file and its directory writable again")
        );
        raw_sql("PRAGMA query_only = 0").execute(&store.write).await.unwrap();
        store.prove().await.unwrap();
        assert_eq!(store.complaint().await.unwrap(), None);

        let other = Store::open(&file).await.unwrap();
        let lock = other.begin().await.unwrap();
        raw_sql("PRAGMA busy_timeout = 1").execute(&store.write).await.unwrap();
        assert!(told(&store).await.contains("another program holds the database"));
        drop(lock);
        other.close().await;
        store.prove().await.unwrap();
        assert_eq!(store.trouble(), None);
    }
}
