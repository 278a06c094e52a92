//! Makes the archive: first the database as of one moment, then what only grows, so that the journal is never behind it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use aws_lc_rs::digest::{Context, SHA256};
use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use super::{
    BackupError, DATABASE, FILE_MODE, FORMAT, HEAD, Head, JOURNAL, KEYS, REVIEWS, SETTINGS, SMALL, SUMS, WORKSHOP,
    io_error,
};
use crate::{
    domain::Handle,
    fediverse::keys::{KeyPlace, KeyPlaces},
    store::{SCHEMA, Store},
};

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 << 10;
/// Directories of a review folder are followed this deep.
const DEPTH_MAX: usize = 32;

/// Where everything of a site lies.
#[derive(Debug, Clone)]
pub struct Source {
    pub data: PathBuf,
    pub settings: Option<PathBuf>,
    pub origin: String,
    /// Those that came as credentials are packed too: without them followers are lost.
    pub keys: KeyPlaces,
    pub folders: Vec<(Handle, PathBuf)>,
}

/// A finished archive in a directory of its own, gone when this is dropped.
#[derive(Debug)]
pub struct Packed {
    pub file: PathBuf,
    pub bytes: u64,
    _workshop: TempDir,
}

impl Source {
    /// Packs everything, in a directory beside the database; whoever asked carries the file to its place.
    ///
    /// # Errors
    /// No room, files that cannot be read, a damaged database, a key that followers know and that is not to be had here.
    pub async fn pack(
        &self,
        store: &Store,
        now: Timestamp,
        with_reviews: bool,
        moving: bool,
    ) -> Result<Packed, BackupError> {
        let keys = self.key_files()?;
        for (handle, _) in &self.folders {
            if !keys.contains_key(&format!("{handle}.pem")) && store.count_followers(handle).await? > 0 {
                return Err(BackupError::NoKey { handle: handle.clone(), directory: self.keys.directory.clone() });
            }
        }
        let workshop = tempfile::Builder::new().prefix(WORKSHOP).tempdir_in(&self.data);
        let workshop = workshop.map_err(io_error("make a directory in", &self.data))?;
        let database = workshop.path().join(DATABASE);
        store.snapshot(&database).await?;
        let head = Head {
            format: FORMAT,
            reviewd: env!("CARGO_PKG_VERSION").to_owned(),
            schema: SCHEMA,
            origin: self.origin.clone(),
            made_at: now,
            moving,
        };
        let source = self.clone();
        let packing = tokio::task::spawn_blocking(move || {
            let file = workshop.path().join("archive.tar.gz");
            let bytes = source.write(&head, &database, &keys, &file, with_reviews)?;
            Ok(Packed { file, bytes, _workshop: workshop })
        });
        packing.await.map_err(|error| BackupError::Stopped(error.to_string()))?
    }

    /// Where each key lies, by the name of its file.
    fn key_files(&self) -> Result<BTreeMap<String, PathBuf>, BackupError> {
        let credentials =
            self.folders.iter().map(|(handle, _)| self.keys.reviewer(handle)).chain([self.keys.instance()]);
        let credentials = credentials.filter_map(|place| match place {
            KeyPlace::Credential(path) => Some(path),
            KeyPlace::File(_) => None,
        });
        let named = |path: PathBuf| Some((path.file_name()?.to_str()?.to_owned(), path));
        let files = files_of(&self.keys.directory)?.into_iter().chain(credentials).filter_map(named);
        // A credential is used in place of a file of that name, and so it is packed.
        Ok(files.filter(|(name, _)| name.ends_with(".pem")).collect())
    }

    fn write(
        &self,
        head: &Head,
        database: &Path,
        keys: &BTreeMap<String, PathBuf>,
        file: &Path,
        with_reviews: bool,
    ) -> Result<u64, BackupError> {
        let out = File::options().write(true).create_new(true).open(file).map_err(io_error("write", file))?;
        super::set_mode(file, FILE_MODE)?;
        // The fastest level: what is large in it are pictures, which shrink no more.
        let mut archive = Archive {
            tar: Builder::new(GzEncoder::new(out, Compression::fast())),
            file: file.to_owned(),
            sums: String::new(),
            now: head.made_at,
        };
        let text = serde_json::to_string_pretty(head).unwrap_or_default();
        archive.bytes(HEAD, format!("{text}\n").as_bytes())?;
        if let Some(settings) = &self.settings {
            archive.file(SETTINGS, settings)?;
        }
        archive.file(DATABASE, database)?;
        archive.journal(&self.data.join(JOURNAL))?;
        for name in SMALL {
            if self.data.join(name).exists() {
                archive.file(name, &self.data.join(name))?;
            }
        }
        for (name, key) in keys {
            archive.file(&format!("{KEYS}/{name}"), key)?;
        }
        if with_reviews {
            for (handle, folder) in &self.folders {
                archive.folder(&format!("{REVIEWS}/{handle}"), folder, 0)?;
            }
        }
        archive.finish()
    }
}

struct Archive {
    tar: Builder<GzEncoder<File>>,
    file: PathBuf,
    /// In the form of `sha256sum`.
    sums: String,
    now: Timestamp,
}

impl Archive {
    fn bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), BackupError> {
        self.sum(name, &hex(aws_lc_rs::digest::digest(&SHA256, bytes).as_ref()));
        self.entry(name, bytes.len() as u64, u64::try_from(self.now.as_second()).unwrap_or(0), bytes)
    }

    fn file(&mut self, name: &str, path: &Path) -> Result<(), BackupError> {
        let mut file = File::open(path).map_err(io_error("read", path))?;
        let metadata = file.metadata().map_err(io_error("read", path))?;
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let mut hashed = Hashed { inner: &mut file, hash: Context::new(&SHA256), left: metadata.len() };
        self.entry(name, metadata.len(), modified.unwrap_or_default().as_secs(), &mut hashed)?;
        let sum = hex(hashed.hash.finish().as_ref());
        self.sum(name, &sum);
        Ok(())
    }

    /// Whole lines only: the daemon may be writing the next one.
    fn journal(&mut self, path: &Path) -> Result<(), BackupError> {
        let mut bytes = fs::read(path).map_err(io_error("read", path))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        bytes.truncate(whole);
        self.bytes(JOURNAL, &bytes)
    }

    /// Plain files only: what a link points to is not part of the folder.
    fn folder(&mut self, name: &str, folder: &Path, depth: usize) -> Result<(), BackupError> {
        if depth > DEPTH_MAX || !folder.exists() {
            return Ok(());
        }
        let mut entries: Vec<_> =
            fs::read_dir(folder).map_err(io_error("read", folder))?.filter_map(Result::ok).collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, Some(part)) = (entry.path(), entry.file_name().to_str().map(str::to_owned)) else {
                tracing::warn!("{}: a name that is no UTF-8 is left out of the backup", entry.path().display());
                continue;
            };
            let name = format!("{name}/{part}");
            match entry.file_type().map_err(io_error("read", &path))? {
                kind if kind.is_dir() => self.folder(&name, &path, depth + 1)?,
                // A file may go while the folder is worked on; what is there is what counts.
                kind if kind.is_file() => match self.file(&name, &path) {
                    Err(BackupError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                    other => other?,
                },
                _ => {}
            }
        }
        Ok(())
    }

    fn entry(&mut self, name: &str, bytes: u64, modified: u64, content: impl Read) -> Result<(), BackupError> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes);
        header.set_mode(FILE_MODE);
        header.set_mtime(modified);
        self.tar.append_data(&mut header, name, content).map_err(io_error("write", &self.file))
    }

    fn sum(&mut self, name: &str, sum: &str) {
        self.sums.push_str(&format!("{sum}  {name}\n"));
    }

    fn finish(mut self) -> Result<u64, BackupError> {
        let sums = std::mem::take(&mut self.sums);
        self.entry(SUMS, sums.len() as u64, u64::try_from(self.now.as_second()).unwrap_or(0), sums.as_bytes())?;
        let failed = io_error("write", &self.file);
        let mut out = self.tar.into_inner().and_then(GzEncoder::finish).map_err(&failed)?;
        out.flush().and_then(|()| out.sync_all()).map_err(&failed)?;
        Ok(out.metadata().map_err(&failed)?.len())
    }
}

/// Hashes what is read through it, and gives exactly as many bytes as were announced: a file that shrinks meanwhile is
/// filled up with zeros, so that the entries after it stay in their places.
struct Hashed<'a> {
    inner: &'a mut File,
    hash: Context,
    left: u64,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len()).min(CHUNK_BYTES);
        if most == 0 {
            return Ok(0);
        }
        let read = match self.inner.read(&mut buffer[..most])? {
            0 => {
                buffer[..most].fill(0);
                most
            }
            read => read,
        };
        self.hash.update(&buffer[..read]);
        self.left -= read as u64;
        Ok(read)
    }
}

fn files_of(directory: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(io_error("read", directory))?,
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
