//! The sockets the site is served on: those that systemd holds across our restarts, or our own.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use anyhow::{Context, bail};
use listenfd::ListenFd;

use crate::{config::Config, tls::Shown};

/// What a socket unit calls the socket on which plain http is answered (`FileDescriptorName=` of reviewd-http.socket).
const HTTP: &str = "http";
/// The names of the sockets, in their order, separated by colons (sd_listen_fds(3)).
const NAMES: &str = "LISTEN_FDNAMES";

/// Every socket the site was ever served on, kept open while settings are read again: who connects meanwhile waits in the
/// kernel and is not refused.
#[derive(Debug, Default)]
pub struct Sockets {
    /// From the service manager. Where there are any, they and no others are listened on.
    held: Vec<Held>,
    /// Ours, with the address of the settings (whose port may be 0).
    bound: Vec<(SocketAddr, TcpListener)>,
    /// The certificate is kept like a socket.
    pub shown: Arc<Shown>,
}

#[derive(Debug)]
struct Held {
    listener: TcpListener,
    /// For what leads to https, not for the site itself.
    is_http: bool,
}

/// Where the daemon is spoken to.
pub struct Listeners {
    /// The site, under TLS if it has its own.
    pub site: Vec<tokio::net::TcpListener>,
    /// Plain http that leads to https.
    pub http: Vec<tokio::net::TcpListener>,
}

impl Sockets {
    /// Takes over the sockets that the service manager passed to this process (sd_listen_fds(3)).
    ///
    /// To be called before there is a second thread: it takes the variables that name them out of the environment, so that
    /// no child believes they were meant for it.
    ///
    /// # Errors
    /// One of them is no TCP socket that listens.
    pub fn from_manager(environment: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let names: Vec<&str> = environment.get(NAMES).map(|names| names.split(':').collect()).unwrap_or_default();
        let mut passed = ListenFd::from_env();
        let mut held = Vec::new();
        for index in 0..passed.len() {
            let listener = passed.take_tcp_listener(index).with_context(|| {
                format!(
                    "socket {} of those the service manager passed; list TCP sockets only in reviewd.socket",
                    index + 1
                )
            })?;
            let is_http = names.get(index) == Some(&HTTP);
            held.extend(listener.map(|listener| Held { listener, is_http }));
        }
        Ok(Self { held, ..Self::default() })
    }

    /// Whether the service manager holds the sockets, and `[site] listen` is not used.
    pub fn are_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// The sockets for these settings.
    ///
    /// # Errors
    /// An address is in use or not ours; a trial would be reached by other machines; plain http would lead nowhere.
    pub async fn listen(&mut self, config: &Config) -> anyhow::Result<Listeners> {
        if self.are_held() {
            keep_trial_at_home(config, &self.held)?;
            return self.listen_on_held(config);
        }
        let http = config.tls.as_ref().map(|tls| tls.listen_http.as_slice()).unwrap_or_default();
        let site = self.bind(&config.site.listen, "--listen or [site] listen").await?;
        let http_listeners = self.bind(http, "[tls] listen_http").await?;
        self.bound.retain(|(address, _)| config.site.listen.contains(address) || http.contains(address));
        Ok(Listeners { site, http: http_listeners })
    }

    fn listen_on_held(&self, config: &Config) -> anyhow::Result<Listeners> {
        let these = |is_http| -> anyhow::Result<Vec<_>> {
            self.held.iter().filter(|held| held.is_http == is_http).map(|held| again(&held.listener)).collect()
        };
        let listeners = Listeners { site: these(false)?, http: these(true)? };
        if !listeners.http.is_empty() && config.tls.is_none() {
            bail!(
                "reviewd-http.socket leads to https, but the settings name no certificate; write [tls], or stop the socket: \
                 `systemctl disable --now reviewd-http.socket`"
            );
        }
        if listeners.site.is_empty() {
            bail!("reviewd-http.socket is there, and reviewd.socket is not; `systemctl start reviewd.socket`");
        }
        Ok(listeners)
    }

    async fn bind(&mut self, addresses: &[SocketAddr], setting: &str) -> anyhow::Result<Vec<tokio::net::TcpListener>> {
        let mut listeners = Vec::new();
        for address in addresses {
            if let Some((_, listener)) = self.bound.iter().find(|(known, _)| known == address) {
                listeners.push(again(listener)?);
                continue;
            }
            let bound = tokio::net::TcpListener::bind(address).await;
            let listener = bound.with_context(|| format!("listen on {address}; {}", cure(*address, setting)))?;
            let listener = listener.into_std()?;
            listeners.push(again(&listener)?);
            self.bound.push((*address, listener));
        }
        Ok(listeners)
    }
}

fn cure(address: SocketAddr, setting: &str) -> String {
    match address.port() {
        1..1024 => format!(
            "a port below 1024 takes root or, better, a socket of systemd (deploy/README.md); or choose another address with \
             {setting}"
        ),
        _ => format!("choose another address with {setting}"),
    }
}

/// A second handle on the same socket: it stays open when the daemon that serves it ends.
fn again(listener: &TcpListener) -> anyhow::Result<tokio::net::TcpListener> {
    let listener = listener.try_clone().context("share a listening socket")?;
    listener.set_nonblocking(true)?;
    Ok(tokio::net::TcpListener::from_std(listener)?)
}

/// What `config` checks of `[site] listen`, for sockets that it has not seen.
fn keep_trial_at_home(config: &Config, held: &[Held]) -> anyhow::Result<()> {
    if !config.site.origin.is_loopback() {
        return Ok(());
    }
    for Held { listener, .. } in held {
        let address = listener.local_addr()?;
        if !address.ip().to_canonical().is_loopback() {
            bail!(
                "reviewd.socket listens on {address}, which other machines can reach, but the origin is {}; set [site] \
                 origin to the site's public address, or ListenStream=127.0.0.1:8080",
                config.site.origin
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CertificateSource, Overrides, TlsSettings};

    fn settings(listen: &str) -> Config {
        let options = Overrides { listen: Some(listen.to_owned()), ..Overrides::default() };
        Config::load(&options, &BTreeMap::new(), std::path::Path::new("/nowhere")).unwrap()
    }

    fn addresses(listeners: &Listeners) -> Vec<SocketAddr> {
        listeners.site.iter().map(|listener| listener.local_addr().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_socket_of_ours_stays_open_while_settings_are_read_again() {
        let mut sockets = Sockets::default();
        let first = sockets.listen(&settings("127.0.0.1:0")).await.unwrap();
        let address = addresses(&first);
        drop(first);
        // Nobody accepts now, and yet nobody is refused.
        let _waiting = std::net::TcpStream::connect(address[0]).unwrap();
        let second = sockets.listen(&settings("127.0.0.1:0")).await.unwrap();
        assert_eq!(addresses(&second), address);
        second.site[0].accept().await.unwrap();
    }

    #[tokio::test]
    async fn an_address_that_is_no_longer_in_the_settings_is_given_back() {
        let mut sockets = Sockets::default();
        let first = addresses(&sockets.listen(&settings("127.0.0.1:0")).await.unwrap())[0];
        let second = addresses(&sockets.listen(&settings("[::1]:0")).await.unwrap())[0];
        assert!(std::net::TcpStream::connect(first).is_err());
        std::net::TcpStream::connect(second).unwrap();
    }

    #[tokio::test]
    async fn sockets_of_the_service_manager_take_the_place_of_the_settings() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap();
        let mut sockets = Sockets { held: vec![Held { listener: held, is_http: false }], ..Sockets::default() };
        // Port 1 would need a right that the service does not have.
        let listeners = sockets.listen(&settings("127.0.0.1:1")).await.unwrap();
        assert_eq!(addresses(&listeners), [address]);
    }

    #[tokio::test]
    async fn a_socket_for_plain_http_wants_a_certificate_to_lead_to_and_a_site() {
        let held = |is_http| Held { listener: TcpListener::bind("127.0.0.1:0").unwrap(), is_http };
        let mut both = Sockets { held: vec![held(true), held(false)], ..Sockets::default() };
        let error = both.listen(&settings("127.0.0.1:0")).await.err().unwrap().to_string();
        assert!(
            error.contains("write [tls]") && error.contains("systemctl disable --now reviewd-http.socket"),
            "{error}"
        );
        let mut config = settings("127.0.0.1:0");
        let certificate = CertificateSource::Files { certificate: "chain.pem".into(), key: "key.pem".into() };
        config.tls = Some(TlsSettings { certificate, listen_http: Vec::new() });
        let listeners = both.listen(&config).await.unwrap();
        assert_eq!((listeners.site.len(), listeners.http.len()), (1, 1));
        let mut alone = Sockets { held: vec![held(true)], ..Sockets::default() };
        let error = alone.listen(&config).await.err().unwrap().to_string();
        assert!(error.contains("systemctl start reviewd.socket"), "{error}");
    }

    #[tokio::test]
    async fn a_trial_on_localhost_is_not_served_to_other_machines() {
        let held = TcpListener::bind("0.0.0.0:0").unwrap();
        let mut sockets = Sockets { held: vec![Held { listener: held, is_http: false }], ..Sockets::default() };
        let error = sockets.listen(&settings("127.0.0.1:0")).await.err().unwrap().to_string();
        assert!(error.contains("which other machines can reach") && error.contains("origin"), "{error}");
    }
}
