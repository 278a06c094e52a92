//! One file with all that the review folder does not hold: made while the daemon runs, restored on another machine.
//!
//! It is a gzipped tar that any machine opens: `backup.json` (what it is), `reviewd.toml`, `reviewd.db` as of one moment,
//! `ids.jsonl`, `keys/*.pem`, with `--with-reviews` also `reviews/{handle}/…`, and last `SHA256SUMS` over the rest, in the
//! form that `sha256sum -c` reads.
//!
//! What a restored copy may say by itself is the store's and the publisher's business (`store::Restored`).

mod pack;
mod unpack;

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{domain::Handle, store::StoreError};

pub use pack::{Packed, Source};
pub use unpack::{Backup, Outcome, Target};

/// The form of the archive; another one is another number.
const FORMAT: u32 = 1;
const HEAD: &str = "backup.json";
const SETTINGS: &str = "reviewd.toml";
const DATABASE: &str = "reviewd.db";
const JOURNAL: &str = "ids.jsonl";
const KEYS: &str = "keys";
const REVIEWS: &str = "reviews";
const SUMS: &str = "SHA256SUMS";
/// Small files of the data directory that are part of its identity, where they are: the address of the private feed.
const SMALL: &[&str] = &["notices.token"];
/// Longest `backup.json`, settings and list of sums, in bytes; the last has a line for each review and picture.
const TEXT_BYTES_MAX: u64 = 64 << 20;
/// Keys are in it: nobody else may read it.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// Directories in the data directory that a backup works in; what a crash left of them is swept away at the next start.
const WORKSHOP: &str = ".backup-";
/// Where a restore unpacks; while it is there the data directory is no use to anybody.
const UNPACKING: &str = ".restoring";
/// Says that the data went to another machine: two that both go on would say everything twice.
const MOVED_AWAY: &str = "moved-away";

/// What an archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub format: u32,
    /// The version of the program that made it.
    pub reviewd: String,
    /// The version of the database's schema.
    pub schema: i64,
    pub origin: String,
    pub made_at: Timestamp,
    /// Made with `--moving`: its original was stopped and does not start again, so what was due is still due.
    pub moving: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{} is no backup of reviewd: {why}; name a file that `reviewd backup` made", file.display())]
    Strange { file: PathBuf, why: String },
    #[error("{} is damaged: {why}; use another backup", file.display())]
    Damaged { file: PathBuf, why: String },
    #[error(
        "{} was made by reviewd {made_by} with schema {found}, and this one knows {known}: install that version or a newer one first",
        file.display()
    )]
    Newer { file: PathBuf, made_by: String, found: i64, known: i64 },
    #[error("a reviewd works on {}: stop it, and restore into an empty directory", .0.display())]
    InUse(PathBuf),
    #[error(
        "{} is not empty ({found}): a restore never overwrites; move it aside (`mv {0} {0}.before`) and restore again",
        data.display()
    )]
    NotEmpty { data: PathBuf, found: String },
    #[error(
        "this is a backup of {found}, but the settings say {wanted}: ids are made from the address and cannot change; correct [site] origin, or see `reviewd move`"
    )]
    OtherOrigin { found: String, wanted: String },
    #[error(
        "the key of @{handle}, which followers know, is not in {}, and a backup without it would lose them: where it is a \
         credential of the service, have the running service make the backup, or say where the file lies (`sudo \
         CREDENTIALS_DIRECTORY=/etc/reviewd/keys reviewd backup …`)",
        directory.display()
    )]
    NoKey { handle: Handle, directory: PathBuf },
    #[error("reading the files stopped: {0}")]
    Stopped(String),
}

fn io_error<'a>(doing: &'static str, path: &'a Path) -> impl Fn(io::Error) -> BackupError + 'a {
    move |source| BackupError::Io { doing, path: path.to_owned(), source }
}

/// Refuses a data directory that must not be worked on, and sweeps away what a crash left in one that may. The caller
/// holds its lock.
///
/// # Errors
/// A restore that did not end, or data that went to another machine: both say what to do.
pub fn inspect(data: &Path) -> Result<(), Unusable> {
    if data.join(UNPACKING).exists() {
        return Err(Unusable::HalfRestored(data.to_owned()));
    }
    if data.join(MOVED_AWAY).exists() {
        return Err(Unusable::MovedAway(data.join(MOVED_AWAY)));
    }
    for entry in fs::read_dir(data).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(WORKSHOP) {
            // What cannot be removed now is tried again at the next start.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

/// Why nothing may work on a data directory.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("a restore into {} did not end; empty the directory and run `reviewd restore` again", .0.display())]
    HalfRestored(PathBuf),
    #[error(
        "this data went to another machine with `reviewd backup --moving`, and only one of the two may go on; if the other one \
         never ran, remove {}",
        .0.display()
    )]
    MovedAway(PathBuf),
}

/// Marks a data directory as one whose place has been taken.
///
/// # Errors
/// When the mark cannot be written: then both would go on.
pub fn mark_moved_away(data: &Path, at: Timestamp) -> Result<(), BackupError> {
    let path = data.join(MOVED_AWAY);
    let written = File::create(&path).and_then(|mut file| {
        writeln!(file, "packed with `reviewd backup --moving` at {at}")?;
        file.sync_all()
    });
    written.map_err(io_error("write", &path))
}

fn set_mode(path: &Path, mode: u32) -> Result<(), BackupError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(io_error("set the rights of", path))
}
