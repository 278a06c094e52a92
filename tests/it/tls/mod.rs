//! The site's own https: the whole program with a certificate of its own, nothing in front of it.
#![allow(clippy::disallowed_methods, reason = "clients here are strangers, and an authority's clock is the real one")]

#[cfg(feature = "acme")]
mod acme;
#[cfg(feature = "acme")]
mod apart;
mod files;
mod restart;

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use reviewd::{
    app::{self, Running, sockets::Sockets},
    clock::{Clock, Hand},
    config::{Config, Overrides},
    tls::CertificateState,
};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore, SupportedProtocolVersion,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
        version,
    },
};

use crate::world::review;

/// Everything a loaded machine may take for one step.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks while the clock is turned for what happens somewhere else.
const GLANCE: Duration = Duration::from_millis(50);

/// A site with one review, on a clock that begins with the real one: certificates are made by that.
struct Site {
    hand: Hand,
    clock: Clock,
    config: Config,
    sockets: Sockets,
    running: Option<Running>,
    home: TempDir,
}

impl Site {
    /// With these lines below `[site]`, and whatever sections follow.
    async fn start(settings: &str) -> Site {
        Site::try_start(settings).await.unwrap()
    }

    async fn try_start(settings: &str) -> anyhow::Result<Site> {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("reviews")).unwrap();
        fs::write(home.path().join("reviews/dune.md"), review("Dune", "Words.")).unwrap();
        let (clock, hand) = Clock::turned(Timestamp::now(), 7);
        let config = read(home.path(), settings);
        let mut site = Site { hand, clock, config, sockets: Sockets::default(), running: None, home };
        site.begin().await?;
        Ok(site)
    }

    async fn begin(&mut self) -> anyhow::Result<()> {
        let started = app::start_on(&mut self.sockets, self.config.clone(), self.clock.clone(), Arc::new(|| {})).await;
        let running = started?;
        let mut looked = running.publisher.looked.clone();
        tokio::time::timeout(PATIENCE, looked.wait_for(|looked| *looked)).await.unwrap().unwrap();
        self.running = Some(running);
        Ok(())
    }

    /// As SIGHUP does it: in this process, on the same sockets.
    async fn reload(&mut self) {
        self.running.take().unwrap().stop().await;
        self.begin().await.unwrap();
    }

    async fn stop(mut self) {
        self.running.take().unwrap().stop().await;
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    fn https(&self) -> SocketAddr {
        self.running().addresses[0]
    }

    fn http(&self) -> SocketAddr {
        self.running().http[0]
    }

    fn state(&self) -> CertificateState {
        self.running().certificate.as_ref().unwrap().borrow().clone()
    }

    /// Waits until it stands so with the certificate.
    async fn comes_to(&self, wanted: impl FnMut(&CertificateState) -> bool) -> CertificateState {
        let mut state = self.running().certificate.clone().unwrap();
        match tokio::time::timeout(PATIENCE, state.wait_for(wanted)).await {
            Ok(reached) => reached.unwrap().clone(),
            Err(_) => panic!("it never came to that: {:?}", self.state()),
        }
    }

    /// Lets time pass, a step at a time, until it stands so with the certificate: what is waited for happens elsewhere too.
    async fn turns_to(&self, step: Duration, wanted: impl Fn(&CertificateState) -> bool) -> CertificateState {
        let mut state = self.running().certificate.clone().unwrap();
        let turning = async {
            loop {
                self.hand.turn(step);
                if let Ok(reached) = tokio::time::timeout(GLANCE, state.wait_for(&wanted)).await {
                    return reached.unwrap().clone();
                }
            }
        };
        match tokio::time::timeout(PATIENCE, turning).await {
            Ok(reached) => reached,
            Err(_) => panic!("it never came to that: {:?}", self.state()),
        }
    }

    fn data(&self) -> PathBuf {
        self.config.data_dir().to_owned()
    }
}

fn read(home: &Path, settings: &str) -> Config {
    let file = home.join("reviewd.toml");
    let reviewer = "[[reviewer]]\nhandle = \"ana\"\nfolder = \"reviews\"\n[publish]\npoll = \"always\"\n";
    fs::write(&file, format!("[site]\n{settings}\n{reviewer}")).unwrap();
    let options = Overrides { config: Some(file), ..Overrides::default() };
    Config::load(&options, &BTreeMap::new(), home).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// Who believes the authorities of this file, and nobody else.
struct Stranger {
    roots: Arc<RootCertStore>,
    bundle: PathBuf,
}

impl Stranger {
    fn who_believes(bundle: &Path) -> Stranger {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_file_iter(bundle).unwrap() {
            roots.add(root.unwrap()).unwrap();
        }
        Stranger { roots: Arc::new(roots), bundle: bundle.to_owned() }
    }

    /// A client that finds `host` at this address.
    fn client(&self, host: &str, address: SocketAddr) -> reqwest::Client {
        let roots = reqwest::Certificate::from_pem_bundle(&fs::read(&self.bundle).unwrap()).unwrap();
        reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only(roots)
            .redirect(reqwest::redirect::Policy::none())
            .resolve(host, address)
            .build()
            .unwrap()
    }

    /// One handshake; an address as `name` means that no name is sent.
    async fn greet(
        &self,
        address: SocketAddr,
        name: &str,
        protocols: &[&[u8]],
        versions: &[&'static SupportedProtocolVersion],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await
    }

    /// The certificate that `host` is shown.
    async fn shown(&self, address: SocketAddr, host: &str) -> std::io::Result<Vec<u8>> {
        let stream = self.greet(address, host, &[b"http/1.1"], &[&version::TLS13]).await?;
        Ok(stream.get_ref().1.peer_certificates().unwrap()[0].to_vec())
    }
}
