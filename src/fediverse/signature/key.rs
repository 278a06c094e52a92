//! RSA keys: ours, and those that others publish.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{self, KeyPair as _, ParsedPublicKey, RsaKeyPair},
};
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};

/// Longest public key accepted, in bytes of DER: 4,096 bits as SPKI are 550. A longer one costs too much to verify with.
const PUBLIC_DER_BYTES_MAX: usize = 600;
/// Longest PEM looked at, in bytes.
const PEM_BYTES_MAX: usize = 16_384;

/// Base64 as found in the wild: with or without padding.
pub(super) const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An RSA-2048 key pair of an actor of ours. Cloning shares it.
#[derive(Clone)]
pub struct KeyPair(Arc<RsaKeyPair>);

/// A public key of anybody, parsed once.
#[derive(Clone)]
pub struct PublicKey(ParsedPublicKey);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    #[error("no PEM block `{0}` found")]
    NoPem(&'static str),
    #[error("the key is not an RSA key of 2,048 to 4,096 bits: {0}")]
    Rejected(String),
    #[error("the key could not be made or used")]
    Failed,
}

impl KeyPair {
    /// A fresh key; takes a quarter of a second of CPU.
    pub fn generate() -> Result<Self, KeyProblem> {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyProblem::Failed)?;
        Ok(Self(Arc::new(key)))
    }

    /// Reads `-----BEGIN PRIVATE KEY-----` (PKCS#8), or the older `BEGIN RSA PRIVATE KEY`.
    pub fn from_pem(pem: &str) -> Result<Self, KeyProblem> {
        let rejected = |rejected: aws_lc_rs::error::KeyRejected| KeyProblem::Rejected(rejected.to_string());
        let key = match pem_block(pem, "PRIVATE KEY") {
            Some(der) => RsaKeyPair::from_pkcs8(&der).map_err(rejected)?,
            None => {
                let der = pem_block(pem, "RSA PRIVATE KEY").ok_or(KeyProblem::NoPem("PRIVATE KEY"))?;
                RsaKeyPair::from_der(&der).map_err(rejected)?
            }
        };
        Ok(Self(Arc::new(key)))
    }

    /// PKCS#8 PEM: a secret, for the key file only.
    pub fn to_private_pem(&self) -> Result<String, KeyProblem> {
        let der = self.0.as_der().map_err(|_| KeyProblem::Failed)?;
        Ok(to_pem("PRIVATE KEY", der.as_ref()))
    }

    /// SPKI PEM with `\n` line ends, as the actor document shows it.
    pub fn to_public_pem(&self) -> Result<String, KeyProblem> {
        let der = self.0.public_key().as_der().map_err(|_| KeyProblem::Failed)?;
        Ok(to_pem("PUBLIC KEY", der.as_ref()))
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256; 0.7 ms of CPU.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyProblem> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| KeyProblem::Failed)?;
        Ok(signature)
    }
}

impl PublicKey {
    /// Reads SPKI (`BEGIN PUBLIC KEY`) or PKCS#1 (`BEGIN RSA PUBLIC KEY`), with any line ends and stray white space.
    pub fn from_pem(pem: &str) -> Result<Self, KeyProblem> {
        let der = pem_block(pem, "PUBLIC KEY")
            .or_else(|| pem_block(pem, "RSA PUBLIC KEY"))
            .ok_or(KeyProblem::NoPem("PUBLIC KEY"))?;
        if der.len() > PUBLIC_DER_BYTES_MAX {
            return Err(KeyProblem::Rejected("too long".to_owned()));
        }
        let key = ParsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, der)
            .map_err(|rejected| KeyProblem::Rejected(rejected.to_string()))?;
        Ok(Self(key))
    }

    /// Whether `signature` is this key's over `message`, by RSASSA-PKCS1-v1_5 with SHA-256; 25 µs.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(message, signature).is_ok()
    }
}

/// Shows no secret.
impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(..)")
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(..)")
    }
}

/// The bytes between `-----BEGIN {label}-----` and `-----END {label}-----`.
fn pem_block(pem: &str, label: &str) -> Option<Vec<u8>> {
    if pem.len() > PEM_BYTES_MAX {
        return None;
    }
    let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let base64: String = body.split_whitespace().collect();
    LENIENT.decode(base64).ok()
}

fn to_pem(label: &str, der: &[u8]) -> String {
    /// RFC 7468 section 2.
    const LINE_CHARS: usize = 64;
    let base64 = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in base64.as_bytes().chunks(LINE_CHARS) {
        pem.extend(line.iter().map(|byte| char::from(*byte)));
        pem.push('\n');
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fediverse::signature::tests::{PKCS1_PUBLIC, PRIVATE, PUBLIC};

    #[test]
    fn a_key_made_here_survives_its_own_pem() {
        let made = KeyPair::generate().unwrap();
        let read = KeyPair::from_pem(&made.to_private_pem().unwrap()).unwrap();
        let public = PublicKey::from_pem(&made.to_public_pem().unwrap()).unwrap();
        assert!(public.verify(b"words", &read.sign(b"words").unwrap()));
        assert!(!public.verify(b"other words", &read.sign(b"words").unwrap()));
    }

    #[test]
    fn openssl_and_we_write_the_same_pem() {
        let key = KeyPair::from_pem(PRIVATE).unwrap();
        assert_eq!(key.to_public_pem().unwrap(), PUBLIC);
        assert_eq!(key.to_private_pem().unwrap(), PRIVATE);
    }

    #[test]
    fn public_keys_are_read_in_every_spelling() {
        let signature = KeyPair::from_pem(PRIVATE).unwrap().sign(b"words").unwrap();
        let crlf = PUBLIC.replace('\n', "\r\n");
        let spaced = PUBLIC.replace('\n', "  \n") + " \t";
        let one_line = PUBLIC.replace('\n', " ");
        for pem in [PUBLIC, PKCS1_PUBLIC, &crlf, &spaced, &one_line] {
            assert!(PublicKey::from_pem(pem).unwrap().verify(b"words", &signature), "{pem}");
        }
    }

    #[test]
    fn what_is_no_rsa_key_is_refused() {
        let ed25519 = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA7ljBpbqsNqqr5Vn3bkpxQoUtt7GGW4I5lQXHtG9o+pA=\n\
                       -----END PUBLIC KEY-----\n";
        let long = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", "A".repeat(1_200));
        for bad in ["", "hello", ed25519, PRIVATE, &long, "-----BEGIN PUBLIC KEY----- % -----END PUBLIC KEY-----"] {
            assert!(PublicKey::from_pem(bad).is_err(), "{bad}");
        }
        assert!(KeyPair::from_pem(PUBLIC).is_err());
    }

    #[test]
    fn a_key_shows_nothing_of_itself() {
        assert_eq!(format!("{:?}", KeyPair::from_pem(PRIVATE).unwrap()), "KeyPair(..)");
    }
}
