//! What is kept of an authority: the account, the certificate with its key, and what went wrong. A directory for each, so that
//! a change of the authority, and back, loses nothing.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use tempfile::NamedTempFile;

use super::super::{Pair, Unusable, schedule::Failures};

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

const ACCOUNT: &str = "account.json";

/// What is kept of one authority, for one host.
#[derive(Debug, Clone)]
pub struct Kept {
    directory: PathBuf,
    host: String,
}

impl Kept {
    /// The place for the authority with this address, made if it is not there.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn of(parent: &Path, authority: &str, host: &str) -> Result<Self, Unusable> {
        let directory = parent.join(name(authority));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(&directory)
            .map_err(|source| Unusable::Write { path: directory.clone(), source })?;
        Ok(Self { directory, host: host.to_owned() })
    }

    /// Key and chain in one file: there is never a new one beside an old one.
    fn certificate(&self) -> String {
        format!("{}.pem", self.host)
    }

    fn failures_of_host(&self) -> String {
        format!("{}.failures.json", self.host)
    }

    /// The certificate, where there is one that can be used.
    pub fn pair(&self) -> Option<Pair> {
        let path = self.directory.join(self.certificate());
        let pem = fs::read(&path).ok()?;
        let place = path.display().to_string();
        match Pair::from_pem(&pem, &place, &pem, &place, &self.host) {
            Ok(pair) => Some(pair),
            Err(unusable) => {
                tracing::warn!("{unusable}; a new one is asked for");
                None
            }
        }
    }

    pub fn keep_pair(&self, chain: &str, key: &str) -> Result<(), Unusable> {
        self.write(&self.certificate(), format!("{}\n{}\n", key.trim_end(), chain.trim_end()).as_bytes())
    }

    pub fn account<T: DeserializeOwned>(&self) -> Option<T> {
        self.read(ACCOUNT)
    }

    pub fn keep_account(&self, account: &impl Serialize) -> Result<(), Unusable> {
        self.write_json(ACCOUNT, account)
    }

    /// The authority knows it no more.
    pub fn forget_account(&self) {
        // Where it was not, it need not go.
        let _ = fs::remove_file(self.directory.join(ACCOUNT));
    }

    pub fn failures(&self) -> Failures {
        self.read(&self.failures_of_host()).unwrap_or_default()
    }

    pub fn keep_failures(&self, failures: &Failures) -> Result<(), Unusable> {
        if *failures == Failures::default() {
            // Where there were none, there is no file.
            let _ = fs::remove_file(self.directory.join(self.failures_of_host()));
            return Ok(());
        }
        self.write_json(&self.failures_of_host(), failures)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let bytes = fs::read(self.directory.join(name)).ok()?;
        serde_json::from_slice(&bytes)
            .inspect_err(|error| {
                tracing::warn!(%error, "{} is damaged and made anew: {error}", self.directory.join(name).display());
            })
            .ok()
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), Unusable> {
        let json = serde_json::to_vec_pretty(value).map_err(|error| Unusable::Library(error.to_string()))?;
        self.write(name, &json)
    }

    /// Written aside and moved into place: a whole file or the old one.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Unusable> {
        let path = self.directory.join(name);
        let written = || -> io::Result<()> {
            let mut file = NamedTempFile::new_in(&self.directory)?;
            file.as_file().set_permissions(fs::Permissions::from_mode(FILE_MODE))?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        written().map_err(|source| Unusable::Write { path: path.clone(), source })
    }
}

/// `https://acme.example/directory` → `acme.example-directory`.
fn name(authority: &str) -> String {
    let bare = authority.trim_start_matches("https://").trim_end_matches('/');
    bare.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_authority_has_a_directory_that_nobody_else_reads() {
        let home = tempfile::tempdir().unwrap();
        for (authority, expected) in [
            ("https://acme-v02.api.letsencrypt.org/directory", "acme-v02.api.letsencrypt.org-directory"),
            ("https://localhost:9443/acme/local/directory", "localhost-9443-acme-local-directory"),
            ("https://evil.example/../..", "evil.example-..-.."),
        ] {
            let kept = Kept::of(home.path(), authority, "books.example").unwrap();
            assert_eq!(kept.directory, home.path().join(expected));
            kept.keep_pair("chain", "key").unwrap();
            for (path, mode) in [(kept.directory.clone(), 0o700), (kept.directory.join("books.example.pem"), 0o600)] {
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
            }
        }
    }

    #[test]
    fn what_is_damaged_counts_as_absent() {
        let home = tempfile::tempdir().unwrap();
        let kept = Kept::of(home.path(), "https://acme.example/", "books.example").unwrap();
        let failures = Failures { count: 3, ..Failures::default() };
        kept.keep_failures(&failures).unwrap();
        assert_eq!(kept.failures(), failures);
        fs::write(kept.directory.join(kept.failures_of_host()), "{").unwrap();
        assert_eq!(kept.failures(), Failures::default());
        kept.keep_pair("no chain", "no key").unwrap();
        assert!(kept.pair().is_none());
    }
}
