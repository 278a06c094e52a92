//! The section `[tls]`: a certificate by ACME or from files, never half of either.

use std::{net::SocketAddr, path::PathBuf};

use super::{
    AcmeSettings, CertificateSource, TlsSettings, check,
    source::{Place, Section},
    value::{self, Refusal, Value},
};
use crate::domain::Problem;

/// Let's Encrypt (<https://letsencrypt.org/docs/acme-protocol-updates/>).
const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

/// The section as written, before it is known where the site listens.
pub struct Written {
    certificate: CertificateSource,
    listen_http: Option<Vec<SocketAddr>>,
}

impl Written {
    /// Whoever comes to port 443 first comes to port 80 of the same address.
    pub fn beside(self, listen: &[SocketAddr]) -> TlsSettings {
        let listen_http = self.listen_http.unwrap_or_else(|| {
            let https = listen.iter().filter(|address| address.port() == HTTPS_PORT);
            https.map(|address| SocketAddr::new(address.ip(), HTTP_PORT)).collect()
        });
        TlsSettings { certificate: self.certificate, listen_http }
    }
}

/// Each key with its place.
struct Keys {
    acme: Option<(bool, Place)>,
    agree_to_terms: Option<(bool, Place)>,
    contact: Option<(String, Place)>,
    directory: Option<(String, Place)>,
    directory_ca: Option<(PathBuf, Place)>,
    certificate: Option<(PathBuf, Place)>,
    key: Option<(PathBuf, Place)>,
    listen_http: Option<(Vec<SocketAddr>, Place)>,
}

/// `None` where something in front of the program has the certificate, and where the section is wrong.
pub fn written(mut section: Section, places: &mut check::Places, problems: &mut Vec<Problem>) -> Option<Written> {
    let keys = Keys::read(&mut section);
    let is_readable = section.problems.is_empty();
    problems.extend(section.finish());
    match keys.source() {
        _ if !is_readable => None,
        Ok(Some((certificate, place))) => {
            places.tls = Some(place);
            Some(Written { certificate, listen_http: keys.listen_http.map(|(addresses, _)| addresses) })
        }
        Ok(None) => None,
        Err(problem) => {
            problems.push(*problem);
            None
        }
    }
}

type Sourced = Result<Option<(CertificateSource, Place)>, Box<Problem>>;

impl Keys {
    fn read(section: &mut Section) -> Self {
        Self {
            acme: section.read_at("acme", "true", |value, _| value::yes_or_no(value)),
            agree_to_terms: section.read_at("agree_to_terms", "true", |value, _| value::yes_or_no(value)),
            contact: section.read_at("contact", "\"ana@books.example\"", |value, _| contact(value)),
            directory: section.read_at("directory", &format!("\"{DIRECTORY}\""), |value, _| directory(value)),
            directory_ca: section.read_at("directory_ca", "\"/etc/reviewd/ca.pem\"", value::path),
            certificate: section.read_at("certificate", "\"/etc/reviewd/tls/fullchain.pem\"", value::path),
            key: section.read_at("key", "\"/etc/reviewd/tls/privkey.pem\"", value::path),
            listen_http: section.read_at("listen_http", "\"[::]:80\", or false", |value, _| listen_http(value)),
        }
    }

    /// Where the certificate comes from, and where that is said.
    fn source(&self) -> Sourced {
        let acme = self.acme.as_ref().filter(|(on, _)| *on);
        match (acme, &self.certificate, &self.key) {
            (Some((_, place)), None, None) => self.acme(place),
            (None, Some((certificate, place)), Some((key, _))) => {
                let files = CertificateSource::Files { certificate: certificate.clone(), key: key.clone() };
                Ok(Some((files, place.clone())))
            }
            (Some(_), Some((_, place)), _) | (Some(_), None, Some((_, place))) => refuse(
                place,
                "the certificate is asked for by acme, and named as a file too",
                "take out acme = true, or certificate and key",
            ),
            (None, Some((_, place)), None) => {
                refuse(place, "certificate: its key is missing", "name the file of its private key as `key`")
            }
            (None, None, Some((_, place))) => {
                refuse(place, "key: its certificate is missing", "name the file of the chain as `certificate`")
            }
            (None, None, None) => self.nothing(),
        }
    }

    fn acme(&self, place: &Place) -> Sourced {
        if !cfg!(feature = "acme") {
            return refuse(
                place,
                "acme: this reviewd was built without ACME",
                "build it with `cargo build --release --features acme`, or name `certificate` and `key`",
            );
        }
        if !self.agree_to_terms.as_ref().is_some_and(|(agrees, _)| *agrees) {
            return refuse(
                place,
                "acme: an authority gives certificates only to who agrees to its terms of service",
                "read them (Let's Encrypt: https://letsencrypt.org/repository/), and write agree_to_terms = true",
            );
        }
        let value = |key: &Option<(String, Place)>| key.as_ref().map(|(value, _)| value.clone());
        let settings = AcmeSettings {
            contact: value(&self.contact),
            directory: value(&self.directory).unwrap_or_else(|| DIRECTORY.to_owned()),
            directory_ca: self.directory_ca.as_ref().map(|(file, _)| file.clone()),
        };
        Ok(Some((CertificateSource::Acme(settings), place.clone())))
    }

    /// No certificate; then what else is said here would have no effect.
    fn nothing(&self) -> Sourced {
        let written = [
            self.contact.as_ref().map(|(_, place)| ("contact", place)),
            self.directory.as_ref().filter(|(url, _)| url != DIRECTORY).map(|(_, place)| ("directory", place)),
            self.directory_ca.as_ref().map(|(_, place)| ("directory_ca", place)),
            self.agree_to_terms.as_ref().filter(|(agrees, _)| *agrees).map(|(_, place)| ("agree_to_terms", place)),
            self.listen_http.as_ref().map(|(_, place)| ("listen_http", place)),
        ];
        match written.into_iter().flatten().next() {
            None => Ok(None),
            Some((name, place)) => refuse(
                place,
                &format!("{name}: nothing says where the certificate comes from"),
                "write acme = true, or name `certificate` and `key`",
            ),
        }
    }
}

fn refuse(place: &Place, message: &str, cure: &str) -> Sourced {
    Err(Box::new(place.problem(format!("[tls] {message}"), cure)))
}

/// An e-mail address, as far as a server can tell; with or without `mailto:`.
fn contact(value: &Value) -> Result<String, Refusal> {
    let text = value::words(value)?;
    let address = text.trim().trim_start_matches("mailto:");
    match address.split_once('@') {
        Some((local, host)) if !local.is_empty() && host.contains('.') && !address.contains([' ', ',', '?', '<']) => {
            Ok(address.to_owned())
        }
        _ => Err(format!("`{text}` is no e-mail address")),
    }
}

fn directory(value: &Value) -> Result<String, Refusal> {
    let address = value::web_address(value)?;
    if address.starts_with("https://") { Ok(address) } else { Err(format!("`{address}` is not https")) }
}

/// Addresses, or `false` for none.
fn listen_http(value: &Value) -> Result<Vec<SocketAddr>, Refusal> {
    match value::yes_or_no(value) {
        Ok(false) => Ok(Vec::new()),
        Ok(true) => Err("true names no address".into()),
        Err(_) => value::list(value::socket)(value),
    }
}
