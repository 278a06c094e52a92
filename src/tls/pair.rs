//! A certificate with its key, read from PEM and found to belong together.

use std::{fmt, fs, io, os::unix::fs::PermissionsExt, path::Path, path::PathBuf, sync::Arc};

use tokio_rustls::rustls::{
    self, InconsistentKeys,
    client::verify_server_name,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem, pem::PemObject},
    server::ParsedCertificate,
    sign::CertifiedKey,
};

use crate::domain::Validity;

/// A chain has a few kilobytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Everybody on the machine may read it. A group may: that is how a service is given a key.
const EVERYBODY_MASK: u32 = 0o004;

/// A certificate that can be shown.
#[derive(Clone)]
pub struct Pair {
    pub certified: Arc<CertifiedKey>,
    pub validity: Validity,
}

/// Why a certificate cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("read the {what} {}: {source}; {}", path.display(), cure(source))]
    Read { what: &'static str, path: PathBuf, source: io::Error },
    #[error("the {what} {} has {bytes} bytes; name a PEM file", path.display())]
    TooLong { what: &'static str, path: PathBuf, bytes: u64 },
    #[error("the key {} can be read by everybody on this machine (mode {mode:03o}): run `chmod 640 {}`", path.display(), path.display())]
    Open { path: PathBuf, mode: u32 },
    #[error("{0} holds no certificate in PEM; name the whole chain, such as certbot's fullchain.pem")]
    NoCertificate(String),
    #[error(
        "{0} holds no private key in PEM; name the key that the certificate was made for, such as certbot's privkey.pem"
    )]
    NoKey(String),
    #[error(
        "the key in {key} is not the one that the certificate in {chain} was made for; name two files that belong together"
    )]
    Mismatch { chain: String, key: String },
    #[error("{place} cannot be used: {detail}; get another certificate")]
    Damaged { place: String, detail: String },
    #[error("the certificate in {place} is for another name than {host}; get one for the host of [site] origin")]
    OtherName { place: String, host: String },
    #[error("write what the authority gave to {}: {source}; see that this user may write there", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Authority(String),
    #[error("TLS does not work: {0}")]
    Library(String),
    #[cfg(not(feature = "acme"))]
    #[error("this reviewd was built without ACME")]
    NoAcme,
}

fn cure(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "let the service's group read it (`chgrp reviewd`, `chmod 640`), and enter its directory"
        }
        _ => "correct `certificate` and `key` below [tls]",
    }
}

impl Pair {
    /// Reads the two files. That it has ended, or is not valid yet, is no reason to show none.
    pub fn read(chain: &Path, key: &Path, host: &str) -> Result<Self, Unusable> {
        let chain_pem = read("certificate", chain)?;
        let key_pem = read("key", key)?;
        let mode = fs::metadata(key).map_or(0, |metadata| metadata.permissions().mode() & 0o777);
        if mode & EVERYBODY_MASK != 0 {
            return Err(Unusable::Open { path: key.to_owned(), mode });
        }
        Self::from_pem(&chain_pem, &chain.display().to_string(), &key_pem, &key.display().to_string(), host)
    }

    /// Makes sure that the two belong together, and to `host`. The places are named where something is wrong.
    pub fn from_pem(
        chain: &[u8],
        chain_place: &str,
        key: &[u8],
        key_place: &str,
        host: &str,
    ) -> Result<Self, Unusable> {
        let damaged = |place: &str, detail: String| Unusable::Damaged { place: place.to_owned(), detail };
        let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| damaged(chain_place, error.to_string()))?;
        let Some(first) = certificates.first().cloned() else {
            return Err(Unusable::NoCertificate(chain_place.to_owned()));
        };
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            pem::Error::NoItemsFound => Unusable::NoKey(key_place.to_owned()),
            error => damaged(key_place, error.to_string()),
        })?;
        let certified =
            CertifiedKey::from_der(certificates, key, &aws_lc_rs::default_provider()).map_err(|error| match error {
                rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    Unusable::Mismatch { chain: chain_place.to_owned(), key: key_place.to_owned() }
                }
                error => damaged(key_place, error.to_string()),
            })?;
        let parsed = ParsedCertificate::try_from(&first).map_err(|error| damaged(chain_place, error.to_string()))?;
        let name = ServerName::try_from(host).map_err(|error| Unusable::Library(error.to_string()))?;
        verify_server_name(&parsed, &name)
            .map_err(|_| Unusable::OtherName { place: chain_place.to_owned(), host: host.to_owned() })?;
        let validity = Validity::read(&first).ok_or_else(|| damaged(chain_place, "it has no dates".to_owned()))?;
        Ok(Self { certified: Arc::new(certified), validity })
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a certificate until {}", self.validity.not_after)
    }
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, Unusable> {
    let failed = |source| Unusable::Read { what, path: path.to_owned(), source };
    let bytes = fs::metadata(path).map_err(failed)?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(Unusable::TooLong { what, path: path.to_owned(), bytes });
    }
    fs::read(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    /// A self-signed certificate for this name, with its key.
    fn made(name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// What is said of two files with this content.
    fn refusal(chain: &str, key: &str, mode: u32) -> String {
        let home = tempfile::tempdir().unwrap();
        let (chain_file, key_file) = (home.path().join("chain.pem"), home.path().join("key.pem"));
        fs::write(&chain_file, chain).unwrap();
        fs::write(&key_file, key).unwrap();
        fs::set_permissions(&key_file, fs::Permissions::from_mode(mode)).unwrap();
        let refused = Pair::read(&chain_file, &key_file, "books.example").unwrap_err().to_string();
        refused.replace(&format!("{}/", home.path().display()), "")
    }

    #[test]
    fn what_belongs_together_is_read() {
        let (chain, key) = made("books.example");
        let pair = Pair::from_pem(chain.as_bytes(), "chain", key.as_bytes(), "key", "books.example").unwrap();
        assert!(pair.validity.not_after > pair.validity.not_before);
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_cure() {
        let ((chain, key), (other_chain, other_key)) = (made("books.example"), made("films.example"));
        for (chain, key, mode, expected) in [
            (
                &chain,
                &other_key,
                0o600,
                "the key in key.pem is not the one that the certificate in chain.pem was made for",
            ),
            (&other_chain, &other_key, 0o600, "the certificate in chain.pem is for another name than books.example"),
            (&chain, &key, 0o644, "can be read by everybody on this machine (mode 644): run `chmod 640 key.pem`"),
            (&key, &key, 0o600, "chain.pem holds no certificate in PEM; name the whole chain"),
            (&chain, &chain, 0o600, "key.pem holds no private key in PEM"),
            (&String::new(), &key, 0o600, "chain.pem holds no certificate in PEM"),
        ] {
            let refused = refusal(chain, key, mode);
            assert!(refused.contains(expected), "{refused}");
        }
        let missing = Pair::read(Path::new("/nowhere/chain.pem"), Path::new("/nowhere/key.pem"), "books.example");
        let missing = missing.unwrap_err().to_string();
        assert!(missing.contains("/nowhere/chain.pem") && missing.contains("correct `certificate`"), "{missing}");
    }
}
