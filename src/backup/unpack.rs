//! Takes an archive apart: everything is unpacked aside and checked before the first file comes to its place.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown},
    path::{Component, Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use aws_lc_rs::digest::{Context, SHA256};
use flate2::read::GzDecoder;
use jiff::{SignedDuration, Timestamp};
use tar::{Archive, EntryType};

use super::{
    BackupError, DATABASE, DIRECTORY_MODE, FILE_MODE, FORMAT, HEAD, Head, JOURNAL, KEYS, REVIEWS, SETTINGS, SMALL,
    SUMS, TEXT_BYTES_MAX, UNPACKING, io_error, pack::hex,
};
use crate::{
    config::StoreSettings,
    domain::{Handle, Origin},
    store::{Restored, SCHEMA, Store},
};

/// A backup made for moving that is older than this is treated as any other: what was due then is news to nobody now
/// (deliveries are given up after seven days).
const MOVING_FRESH: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Bytes copied at once.
const CHUNK_BYTES: usize = 64 << 10;

/// An archive whose head was read and found usable.
#[derive(Debug, Clone)]
pub struct Backup {
    pub file: PathBuf,
    pub head: Head,
    /// The settings file it was made with.
    pub settings: Option<Vec<u8>>,
}

/// Where a backup is restored to.
#[derive(Debug, Clone)]
pub struct Target {
    pub data: PathBuf,
    /// What the settings say of the database: its file's name, or the server that gets what is in the archive's file.
    pub store: StoreSettings,
    pub origin: Origin,
    pub folders: Vec<(Handle, PathBuf)>,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Deliveries that wait for `reviewd apply`.
    pub held: u64,
    /// Everything goes on as if nothing had happened: the original does not run any more.
    pub goes_on: bool,
    /// Folders that were filled, and those left alone because something was there.
    pub filled: Vec<PathBuf>,
    pub left: Vec<PathBuf>,
}

/// The archive's database becomes that of a server, which has to be empty.
async fn into_server(unpacked: &Store, target: &StoreSettings) -> Result<(), BackupError> {
    let server = Store::of(target).await?;
    let copied = unpacked.copy_into(&server).await;
    server.close().await;
    Ok(copied.map(drop)?)
}

impl Backup {
    /// Reads what an archive says of itself, and its settings.
    ///
    /// # Errors
    /// It is none of ours, or of a newer version.
    pub fn open(file: &Path) -> Result<Self, BackupError> {
        let mut archive = archive(file)?;
        let strange = |why: String| BackupError::Strange { file: file.to_owned(), why };
        let mut entries = archive.entries().map_err(|error| strange(error.to_string()))?;
        let mut next = || match entries.next() {
            Some(entry) => entry.map(Some).map_err(|error| strange(error.to_string())),
            None => Ok(None),
        };
        let mut first = next()?.ok_or_else(|| strange("it is empty".to_owned()))?;
        if first.path().ok().as_deref() != Some(Path::new(HEAD)) {
            return Err(strange(format!("it does not begin with {HEAD}")));
        }
        let head: Head = serde_json::from_slice(&text(&mut first).map_err(|error| strange(error.to_string()))?)
            .map_err(|error| strange(format!("{HEAD}: {error}")))?;
        if head.format > FORMAT || head.schema > SCHEMA {
            return Err(BackupError::Newer {
                file: file.to_owned(),
                made_by: head.reviewd,
                found: head.schema,
                known: SCHEMA,
            });
        }
        let mut settings = None;
        if let Some(mut second) = next()?
            && second.path().ok().as_deref() == Some(Path::new(SETTINGS))
        {
            settings = Some(text(&mut second).map_err(|error| strange(error.to_string()))?);
        }
        Ok(Self { file: file.to_owned(), head, settings })
    }

    /// Restores into an empty data directory. `resume` says that the original has not run since, so that what was due is
    /// still due; an archive made for moving says so itself.
    ///
    /// # Errors
    /// A directory that is in use or not empty, a damaged archive, no room. Nothing of it is then in its place.
    pub async fn restore(&self, target: &Target, now: Timestamp, resume: bool) -> Result<Outcome, BackupError> {
        let same_origin = self.head.origin == target.origin.as_str();
        if !same_origin && !Origin::parse(&self.head.origin).is_ok_and(|origin| origin.is_loopback()) {
            let wanted = target.origin.to_string();
            return Err(BackupError::OtherOrigin { found: self.head.origin.clone(), wanted });
        }
        let owner = must_be_empty(&target.data)?;
        let staging = target.data.join(UNPACKING);
        make_directory(&staging)?;
        let result = self.restore_by(&staging, target, now, resume, owner).await;
        if result.is_err() {
            // What stays after that is named by the next start.
            let _ = fs::remove_dir_all(&staging);
        }
        result
    }

    async fn restore_by(
        &self,
        staging: &Path,
        target: &Target,
        now: Timestamp,
        resume: bool,
        owner: Option<(u32, u32)>,
    ) -> Result<Outcome, BackupError> {
        let (backup, to) = (self.clone(), staging.to_owned());
        let unpacking = tokio::task::spawn_blocking(move || backup.unpack(&to));
        unpacking.await.map_err(|error| BackupError::Stopped(error.to_string()))??;
        let age = now.duration_since(self.head.made_at);
        let goes_on = resume || (self.head.moving && age < MOVING_FRESH);
        let store = Store::open(&staging.join(DATABASE)).await?;
        let marked = match goes_on {
            true => Ok(0),
            false => store.mark_restored(Restored { at: now, of: self.head.made_at }).await,
        };
        let moved = match (&marked, &target.store.postgres) {
            (Ok(_), Some(_)) => into_server(&store, &target.store).await,
            (Ok(_), None) | (Err(_), _) => Ok(()),
        };
        store.close().await;
        let held = marked?;
        moved?;
        let (mut filled, mut left) = (Vec::new(), Vec::new());
        for (handle, folder) in &target.folders {
            let from = staging.join(REVIEWS).join(handle.as_str());
            if !from.exists() {
                continue;
            }
            if is_empty(folder) {
                let whose = fs::metadata(folder).ok().map(|metadata| (metadata.uid(), metadata.gid()));
                let own = fs::metadata(staging).map_err(io_error("read", staging))?.uid();
                copy_tree(&from, folder)?;
                // What root restores into somebody's folder is theirs to edit.
                if let Some(owner) = whose.filter(|(user, _)| *user != own) {
                    give_tree(folder, owner)?;
                }
                filled.push(folder.clone());
            } else {
                left.push(folder.clone());
            }
        }
        let database = target.store.database.file_name().map_or(PathBuf::from(DATABASE), PathBuf::from);
        if let Some(owner) = owner {
            give_tree(staging, owner)?;
        }
        // The database last: without it nothing starts that believes itself to be whole.
        let mut names: Vec<(PathBuf, PathBuf)> = vec![(KEYS.into(), KEYS.into()), (JOURNAL.into(), JOURNAL.into())];
        names.extend(SMALL.iter().map(|name| (PathBuf::from(name), PathBuf::from(name))));
        let log = |name: &Path| PathBuf::from(format!("{}-wal", name.display()));
        if target.store.postgres.is_none() {
            names.push((log(Path::new(DATABASE)), log(&database)));
            names.push((DATABASE.into(), database));
        }
        for (name, to) in names {
            let from = staging.join(name);
            if from.exists() {
                fs::rename(&from, target.data.join(&to)).map_err(io_error("move into place", &from))?;
            }
        }
        fs::remove_dir_all(staging).map_err(io_error("remove", staging))?;
        File::open(&target.data).and_then(|data| data.sync_all()).map_err(io_error("write", &target.data))?;
        Ok(Outcome { held, goes_on, filled, left })
    }

    /// Unpacks into a directory, and compares every file with its sum.
    fn unpack(&self, into: &Path) -> Result<(), BackupError> {
        let damaged = |why: String| BackupError::Damaged { file: self.file.clone(), why };
        let mut archive = archive(&self.file)?;
        let mut found = BTreeMap::new();
        let mut wanted = None;
        for entry in archive.entries().map_err(|error| damaged(error.to_string()))? {
            let mut entry = entry.map_err(|error| damaged(error.to_string()))?;
            let path = entry.path().map_err(|error| damaged(error.to_string()))?.into_owned();
            let name = path.display().to_string();
            if entry.header().entry_type() != EntryType::Regular || !is_ours(&path) {
                return Err(BackupError::Strange {
                    file: self.file.clone(),
                    why: format!("`{name}` does not belong into one"),
                });
            }
            if name == SUMS {
                let text = text(&mut entry).map_err(|error| damaged(error.to_string()))?;
                wanted = Some(String::from_utf8(text).map_err(|_| damaged(format!("{SUMS} is not UTF-8")))?);
                break;
            }
            let modified = entry.header().mtime().unwrap_or(0);
            let sum = write_out(&mut entry, &into.join(&path), modified).map_err(|error| match error {
                Copy::Read(error) => damaged(error.to_string()),
                Copy::Write(source) => BackupError::Io { doing: "write", path: into.join(&path), source },
            })?;
            if found.insert(name.clone(), sum).is_some() {
                return Err(damaged(format!("`{name}` is in it twice")));
            }
        }
        let Some(wanted) = wanted else { return Err(damaged("its end is missing".to_owned())) };
        let sums: BTreeMap<String, String> = wanted
            .lines()
            .filter_map(|line| line.split_once("  ").map(|(sum, name)| (name.to_owned(), sum.to_owned())))
            .collect();
        if let Some(name) = sums.keys().chain(found.keys()).find(|name| sums.get(*name) != found.get(*name)) {
            return Err(damaged(format!("`{name}` is not what was packed")));
        }
        match [DATABASE, JOURNAL].into_iter().find(|name| !found.contains_key(*name)) {
            Some(name) => Err(damaged(format!("`{name}` is missing"))),
            None => Ok(()),
        }
    }
}

enum Copy {
    Read(io::Error),
    Write(io::Error),
}

fn archive(file: &Path) -> Result<Archive<GzDecoder<File>>, BackupError> {
    Ok(Archive::new(GzDecoder::new(File::open(file).map_err(io_error("open the backup", file))?)))
}

fn text(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.take(TEXT_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Only names that a backup has, and never one that leads out of the directory.
fn is_ours(path: &Path) -> bool {
    let parts: Option<Vec<&str>> = path
        .components()
        .map(|part| match part {
            Component::Normal(part) => part.to_str(),
            Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
        })
        .collect();
    match parts.as_deref() {
        Some([name]) => [HEAD, SETTINGS, DATABASE, JOURNAL, SUMS].contains(name) || SMALL.contains(name),
        Some([directory, name]) if *directory == KEYS => name.ends_with(".pem"),
        Some([directory, handle, _, ..]) => *directory == REVIEWS && Handle::parse(handle).is_ok(),
        Some(_) | None => false,
    }
}

/// Writes a file with its time, and returns its sum.
fn write_out(content: &mut impl Read, path: &Path, modified: u64) -> Result<String, Copy> {
    if let Some(directory) = path.parent() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(DIRECTORY_MODE).create(directory).map_err(Copy::Write)?;
    }
    let file = File::options().write(true).create_new(true).mode(FILE_MODE).open(path);
    let mut file = file.map_err(Copy::Write)?;
    let (mut hash, mut chunk) = (Context::new(&SHA256), vec![0; CHUNK_BYTES]);
    loop {
        let read = content.read(&mut chunk).map_err(Copy::Read)?;
        if read == 0 {
            break;
        }
        hash.update(&chunk[..read]);
        file.write_all(&chunk[..read]).map_err(Copy::Write)?;
    }
    file.set_modified(UNIX_EPOCH + Duration::from_secs(modified)).map_err(Copy::Write)?;
    file.sync_all().map_err(Copy::Write)?;
    Ok(hex(hash.finish().as_ref()))
}

/// Refuses a data directory that holds anything, and says whose it is where root restores for somebody else.
fn must_be_empty(data: &Path) -> Result<Option<(u32, u32)>, BackupError> {
    if !data.exists() {
        // systemd's /var/lib/reviewd leads to a directory that may have been moved away (DynamicUser=).
        let led_to = fs::read_link(data).ok().zip(data.parent()).map(|(to, parent)| parent.join(to));
        make_directory(led_to.as_deref().unwrap_or(data))?;
        return Ok(None);
    }
    if let Ok(lock) = File::open(data.join("lock"))
        && matches!(lock.try_lock(), Err(fs::TryLockError::WouldBlock))
    {
        return Err(BackupError::InUse(data.to_owned()));
    }
    let mut entries = fs::read_dir(data).map_err(io_error("read", data))?;
    if let Some(entry) = entries.next() {
        let found = entry.map(|entry| entry.file_name().to_string_lossy().into_owned()).unwrap_or_default();
        return Err(BackupError::NotEmpty { data: data.to_owned(), found });
    }
    let metadata = fs::metadata(data).map_err(io_error("read", data))?;
    Ok(Some((metadata.uid(), metadata.gid())))
}

fn make_directory(path: &Path) -> Result<(), BackupError> {
    fs::DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path).map_err(io_error("make", path))
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}

/// Reviews are to be read by others: they get the rights that the user's files have.
fn copy_tree(from: &Path, to: &Path) -> Result<(), BackupError> {
    fs::create_dir_all(to).map_err(io_error("make", to))?;
    for entry in fs::read_dir(from).map_err(io_error("read", from))?.flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_tree(&source, &target)?;
            continue;
        }
        let failed = io_error("write", &target);
        let mut file = File::options().write(true).create_new(true).open(&target).map_err(&failed)?;
        let mut content = File::open(&source).map_err(io_error("read", &source))?;
        io::copy(&mut content, &mut file).map_err(&failed)?;
        let modified = content.metadata().and_then(|metadata| metadata.modified()).map_err(&failed)?;
        file.set_modified(modified).map_err(&failed)?;
    }
    Ok(())
}

/// Gives what was unpacked to whoever owns its place; only root can, and only root has to.
fn give_tree(path: &Path, (user, group): (u32, u32)) -> Result<(), BackupError> {
    let metadata = fs::symlink_metadata(path).map_err(io_error("read", path))?;
    if (metadata.uid(), metadata.gid()) != (user, group) {
        chown(path, Some(user), Some(group)).map_err(io_error("give to the owner of its place", path))?;
    }
    if metadata.is_dir() {
        for entry in fs::read_dir(path).map_err(io_error("read", path))?.flatten() {
            give_tree(&entry.path(), (user, group))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_whose_directory_was_moved_away_is_no_obstacle() {
        let home = tempfile::tempdir().unwrap();
        let (data, private) = (home.path().join("reviewd"), home.path().join("private/reviewd"));
        std::os::unix::fs::symlink("private/reviewd", &data).unwrap();
        assert_eq!(must_be_empty(&data).unwrap(), None);
        assert!(private.is_dir());
        fs::write(private.join("reviewd.db"), "x").unwrap();
        assert!(matches!(must_be_empty(&data), Err(BackupError::NotEmpty { .. })));
    }

    #[test]
    fn only_what_a_backup_holds_is_unpacked_and_nothing_leads_out() {
        for (name, ours) in [
            ("backup.json", true),
            ("reviewd.db", true),
            ("keys/ana.pem", true),
            ("reviews/ana/2026/dune.md", true),
            ("notices.token", true),
            ("../reviewd.db", false),
            ("/etc/passwd", false),
            ("keys/../../x.pem", false),
            ("reviews/ana/../../x", false),
            ("reviews/../x/y", false),
            ("keys/ana.sh", false),
            ("keys/deep/ana.pem", false),
            ("reviews/ana", false),
            ("lock", false),
            (".bashrc", false),
        ] {
            assert_eq!(is_ours(Path::new(name)), ours, "{name}");
        }
    }
}
