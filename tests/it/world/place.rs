//! Where a world's database is: a file in its directory, or with `REVIEWD_TEST_STORE=postgres` one of its own on a server of
//! the tests' own.

#[cfg(feature = "postgres")]
use crate::postgres;

/// Left to the server when the world ends.
pub struct Place {
    #[cfg(feature = "postgres")]
    database: Option<String>,
}

#[cfg(feature = "postgres")]
impl Place {
    pub fn new() -> Self {
        let chosen = postgres::is_chosen();
        Self { database: chosen.then(|| postgres::shared().copy_of_template(|url| prepare(url.to_owned()))) }
    }

    /// The section of the settings that says so; empty where it is the default.
    pub fn settings(&self) -> String {
        let url = |name: &String| format!("[store]\nurl = \"{}\"\n", postgres::shared().url(name));
        self.database.as_ref().map(url).unwrap_or_default()
    }

    /// Loses a database that is no file. `false`: it is one.
    pub fn lose(&self) -> bool {
        if let Some(name) = &self.database {
            postgres::shared().lose(name);
        }
        self.database.is_some()
    }
}

#[cfg(feature = "postgres")]
impl Drop for Place {
    fn drop(&mut self) {
        if let Some(name) = self.database.take() {
            postgres::shared().leave(name);
        }
    }
}

/// Brings the template's schema up to date, on a thread of its own because the test's is within its runtime.
#[cfg(feature = "postgres")]
fn prepare(url: String) {
    use reviewd::{config::StoreSettings, store::Store};
    let settings = StoreSettings::parse(&url, None, std::path::Path::new("/")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let made = std::thread::spawn(move || {
        runtime.block_on(async { Store::of(&settings).await.unwrap().close().await });
    });
    made.join().unwrap();
}

#[cfg(not(feature = "postgres"))]
impl Place {
    pub fn new() -> Self {
        Self {}
    }

    pub fn settings(&self) -> String {
        String::new()
    }

    pub fn lose(&self) -> bool {
        false
    }
}
