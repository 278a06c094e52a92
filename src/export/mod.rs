//! Everything a site holds, in forms that other programs take: nobody stays because leaving is hard.
//!
//! Here is what a form looks like; `web::export` reads the site and makes it.

mod activitypub;
mod table;
mod unpack;

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::{domain::Handle, store::StoreError};

pub use activitypub::{Account, Attached, write as write_account};
pub use table::Table;
pub use unpack::{Refused, unpack};

/// The file by which a directory is known as a copy made here, to be replaced by a newer one.
pub const MARK: &str = ".reviewd-copy";
/// Files that are being made have this name in the data directory, so that what a crash left can be told.
const SCRATCH: &str = ".export-";

/// What is made of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// An account as Mastodon exports it: `actor.json`, `outbox.json`, pictures; `tar.gz`.
    ActivitypubArchive,
    /// Every review whole in one JSON Feed.
    Jsonfeed,
    /// The table of Goodreads' export.
    Csv,
    /// The addresses of the feeds.
    Opml,
    /// The pages as files; a `tar` on its way.
    Site,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    pub form: Form,
    /// Of this reviewer alone.
    pub reviewer: Option<Handle>,
}

/// An export that was made.
#[derive(Debug)]
pub struct Exported {
    pub file: NamedTempFile,
    pub reviews: u64,
}

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no reviewer @{0} in the settings")]
    NoReviewer(Handle),
    #[error("an archive holds one account: choose it with --reviewer ({0})")]
    WhichReviewer(String),
    #[error("a copy is of the whole site: leave --reviewer out")]
    WholeSite,
    #[error("nothing was published from here yet, so there is nothing to take along")]
    Nothing,
    #[error("make the export: {0}")]
    Write(#[from] io::Error),
    #[error("making the export stopped: {0}")]
    Stopped(String),
}

/// Whoever can make exports: the site as it is served.
#[async_trait::async_trait]
pub trait Exporter: Send + Sync {
    /// Makes an export, in a file of its own under `scratch`.
    async fn export(&self, wish: &Wish, scratch: &Path) -> Result<Exported, ExportError>;
}

impl Form {
    /// What an export is called where nobody names it.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::ActivitypubArchive => "archive.tar.gz",
            Self::Jsonfeed => "reviews.json",
            Self::Csv => "goodreads_library_export.csv",
            Self::Opml => "feeds.opml",
            Self::Site => "site",
        }
    }
}

/// A new file under `scratch`, gone when it is dropped.
pub fn scratch_file(scratch: &Path) -> io::Result<NamedTempFile> {
    fs::create_dir_all(scratch)?;
    tempfile::Builder::new().prefix(SCRATCH).tempfile_in(scratch)
}
