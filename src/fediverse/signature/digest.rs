//! Digests of bodies: `Digest` of the draft and `Content-Digest` of RFC 9530.

use aws_lc_rs::digest::{self, SHA256, SHA512};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use super::{SignatureProblem, key::LENIENT};

/// `SHA-256=…`: exactly this spelling and one value only, because Takahe and PieFed compare the whole header.
pub(super) fn digest(sha256: [u8; 32]) -> String {
    format!("SHA-256={}", STANDARD.encode(sha256))
}

/// `sha-256=:…:`
pub(super) fn content_digest(sha256: [u8; 32]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(sha256))
}

/// Checks a `Digest` header: SHA-256 must be there, and every algorithm we know must match.
pub(super) fn check_digest(header: &str, body: &[u8]) -> Result<(), SignatureProblem> {
    let mut sha256_seen = false;
    for part in header.split(',') {
        let (name, value) =
            part.trim().split_once('=').ok_or(SignatureProblem::Unreadable("a digest without a value"))?;
        let value = || LENIENT.decode(value.trim()).map_err(|_| SignatureProblem::Digest);
        if name.trim().eq_ignore_ascii_case("sha-256") {
            sha256_seen = true;
            matches(&SHA256, body, &value()?)?;
        } else if name.trim().eq_ignore_ascii_case("sha-512") {
            matches(&SHA512, body, &value()?)?;
        }
    }
    if sha256_seen { Ok(()) } else { Err(SignatureProblem::Digest) }
}

/// Checks a `Content-Digest` header by the same rule.
pub(super) fn check_content_digest(header: &str, body: &[u8]) -> Result<(), SignatureProblem> {
    let fields: Dictionary = Parser::new(header)
        .parse()
        .map_err(|_| SignatureProblem::Unreadable("Content-Digest is no structured dictionary"))?;
    let mut sha256_seen = false;
    for (name, entry) in &fields {
        let algorithm = match name.as_str() {
            "sha-256" => &SHA256,
            "sha-512" => &SHA512,
            _ => continue,
        };
        let ListEntry::Item(item) = entry else { return Err(SignatureProblem::Digest) };
        let BareItem::ByteSequence(value) = &item.bare_item else { return Err(SignatureProblem::Digest) };
        matches(algorithm, body, value)?;
        sha256_seen |= name.as_str() == "sha-256";
    }
    if sha256_seen { Ok(()) } else { Err(SignatureProblem::Digest) }
}

fn matches(algorithm: &'static digest::Algorithm, body: &[u8], value: &[u8]) -> Result<(), SignatureProblem> {
    if digest::digest(algorithm, body).as_ref() == value { Ok(()) } else { Err(SignatureProblem::Digest) }
}
