//! Stores for tests: a file, or with `REVIEWD_TEST_STORE=postgres` a database of its own on a server of the tests' own.

use std::path::Path;

use super::Store;
use crate::config::StoreSettings;

#[cfg(feature = "postgres")]
#[path = "../../tests/postgres/mod.rs"]
pub(super) mod server;

/// An empty store in the directory, or on the server.
pub(crate) async fn open(directory: &Path) -> Store {
    Store::of(&settings(directory)).await.unwrap()
}

/// Where an empty store is; it may be opened more than once.
#[cfg(feature = "postgres")]
pub(super) fn settings(directory: &Path) -> StoreSettings {
    if server::is_chosen() { on_server(directory) } else { in_file(directory) }
}

#[cfg(not(feature = "postgres"))]
pub(super) fn settings(directory: &Path) -> StoreSettings {
    in_file(directory)
}

pub(super) fn in_file(directory: &Path) -> StoreSettings {
    StoreSettings { database: directory.join("reviewd.db"), postgres: None }
}

#[cfg(feature = "postgres")]
fn on_server(directory: &Path) -> StoreSettings {
    let server = server::shared();
    let at = |url| StoreSettings { postgres: Some(at(url)), ..in_file(directory) };
    at(server.url(&server.copy_of_template(|url| prepare(at(url.to_owned())))))
}

#[cfg(feature = "postgres")]
pub(super) fn at(url: String) -> crate::config::PostgresSettings {
    crate::config::PostgresSettings { url, password_file: None }
}

/// Brings the template's schema up to date, on a thread of its own because the test's is within its runtime.
#[cfg(feature = "postgres")]
fn prepare(template: StoreSettings) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let made = std::thread::spawn(move || {
        runtime.block_on(async { Store::of(&template).await.unwrap().close().await });
    });
    made.join().unwrap();
}
