//! A private certificate authority that lives as long as the test.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;

/// Signs certificates for `localhost`. Clients trust it by file: `SSL_CERT_FILE` for reviewd, whose trust is the
/// system's store, and `NODE_EXTRA_CA_CERTS` for Node.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// Files in the authority's folder, in PEM.
pub struct Certificate {
    pub chain: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "reviewd tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("authority.pem"), issuer.pem()).unwrap();
        Authority { issuer, folder }
    }

    /// The authority's own certificate: what a client has to trust.
    pub fn bundle(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// A certificate for `localhost` and the loopback addresses; `name` tells the files apart.
    pub fn issue(&self, name: &str) -> Certificate {
        self.issue_for(name, &["localhost", "127.0.0.1", "::1"], None)
    }

    /// A certificate for these hosts, valid from one year before until this day, or for a very long time.
    pub fn issue_for(&self, name: &str, hosts: &[&str], until: Option<jiff::civil::Date>) -> Certificate {
        let mut params =
            CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap();
        params.use_authority_key_identifier_extension = true;
        if let Some(until) = until {
            let day = |date: jiff::civil::Date| {
                rcgen::date_time_ymd(
                    date.year().into(),
                    date.month().try_into().unwrap(),
                    date.day().try_into().unwrap(),
                )
            };
            (params.not_before, params.not_after) = (day(until - jiff::Span::new().years(1)), day(until));
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let write = |ending: &str, content: String| write(self.folder.path(), &format!("{name}.{ending}"), content);
        Certificate { chain: write("pem", certificate.pem()), key: write("key", key.serialize_pem()) }
    }
}

fn write(folder: &Path, name: &str, content: String) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path
}
