//! The site's own TLS: the certificate that is shown, where it comes from, and what is wrong with it.
//!
//! TLS 1.2 and 1.3 by rustls with aws-lc-rs. Without a certificate every handshake is refused: a self-signed one would only
//! teach people to click warnings away. A certificate that is there stays until a better one is.

#[cfg(feature = "acme")]
mod acme;
mod files;
mod line;
mod pair;
#[cfg(feature = "acme")]
pub mod schedule;
mod shown;
mod state;

use std::{path::PathBuf, sync::Arc};

use tokio::sync::watch;
use tokio_rustls::rustls::{ServerConfig, crypto::aws_lc_rs, server::ResolvesServerCert};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    config::{CertificateSource, TlsSettings},
    domain::Origin,
};

pub use line::Line;
pub use pair::{Pair, Unusable};
pub use shown::{Shown, challenge_answer};
pub use state::CertificateState;

/// What browsers and servers are offered, the better first (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What keeps the certificate fresh needs to know.
pub struct Setup {
    pub settings: TlsSettings,
    pub origin: Origin,
    /// Where what authorities give is kept; made where it is needed.
    pub directory: PathBuf,
    pub clock: Clock,
    /// Somebody answers plain http, where authorities look too.
    pub has_http: bool,
    /// What is shown already: of the daemon before this one, in the same process.
    pub shown: Arc<Shown>,
}

/// TLS for the site's connections.
#[derive(Clone)]
pub struct Tls {
    pub server: Arc<ServerConfig>,
    pub shown: Arc<Shown>,
    pub state: watch::Receiver<CertificateState>,
}

/// Keeps the certificate fresh until told to stop.
pub enum Keeper {
    Files(files::Keeper),
    #[cfg(feature = "acme")]
    Acme(Box<acme::Keeper>),
}

/// Shows the certificate there is, and says what will keep it fresh.
///
/// # Errors
/// Files that cannot be used where no earlier certificate is shown, and a directory that cannot be written: each with its
/// cure. That an authority has not given a certificate yet is no error.
pub fn open(setup: Setup) -> Result<(Tls, Keeper), Unusable> {
    let (state, receiver) = watch::channel(CertificateState::default());
    let shown = Arc::clone(&setup.shown);
    shown.begin(setup.origin.name());
    let keeper = match setup.settings.certificate.clone() {
        CertificateSource::Files { certificate, key } => {
            Keeper::Files(files::Keeper::open(&setup, certificate, key, state)?)
        }
        #[cfg(feature = "acme")]
        CertificateSource::Acme(settings) => Keeper::Acme(Box::new(acme::Keeper::open(&setup, settings, state)?)),
        #[cfg(not(feature = "acme"))]
        CertificateSource::Acme(_) => return Err(Unusable::NoAcme),
    };
    let server = Arc::new(server(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>)?);
    Ok((Tls { server, shown, state: receiver }, keeper))
}

impl Keeper {
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.keep() => {}
        }
    }

    async fn keep(self) {
        match self {
            Self::Files(keeper) => keeper.run().await,
            #[cfg(feature = "acme")]
            Self::Acme(keeper) => keeper.run().await,
        }
    }
}

fn server(shown: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, Unusable> {
    let strange = |error: tokio_rustls::rustls::Error| Unusable::Library(error.to_string());
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(strange)?
        .with_no_client_auth()
        .with_cert_resolver(shown);
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    #[cfg(feature = "acme")]
    config.alpn_protocols.push(shown::CHALLENGE_PROTOCOL.to_vec());
    // Whoever comes back is spared half of the handshake, and nothing is kept for them here.
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(strange)?;
    Ok(config)
}
