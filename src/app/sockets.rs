//! The sockets the site is served on: those that systemd holds across our restarts, or our own.

use std::net::{SocketAddr, TcpListener};

use anyhow::{Context, bail};
use listenfd::ListenFd;

use crate::config::Config;

/// Every socket the site was ever served on, kept open while settings are read again: who connects meanwhile waits in the
/// kernel and is not refused.
#[derive(Debug, Default)]
pub struct Sockets {
    /// From the service manager. Where there are any, they and no others are listened on.
    held: Vec<TcpListener>,
    /// Ours, with the address of the settings (whose port may be 0).
    bound: Vec<(SocketAddr, TcpListener)>,
}

impl Sockets {
    /// Takes over the sockets that the service manager passed to this process (sd_listen_fds(3)).
    ///
    /// To be called before there is a second thread: it takes the variables that name them out of the environment, so that
    /// no child believes they were meant for it.
    ///
    /// # Errors
    /// One of them is no TCP socket that listens.
    pub fn from_manager() -> anyhow::Result<Self> {
        let mut passed = ListenFd::from_env();
        let mut held = Vec::new();
        for index in 0..passed.len() {
            let listener = passed.take_tcp_listener(index).with_context(|| {
                format!(
                    "socket {} of those the service manager passed; list TCP sockets only in reviewd.socket",
                    index + 1
                )
            })?;
            held.extend(listener);
        }
        Ok(Self { held, bound: Vec::new() })
    }

    /// Whether the service manager holds the sockets, and `[site] listen` is not used.
    pub fn are_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// The sockets for these settings.
    ///
    /// # Errors
    /// An address is in use or not ours; a trial would be reached by other machines.
    pub async fn listen(&mut self, config: &Config) -> anyhow::Result<Vec<tokio::net::TcpListener>> {
        if self.are_held() {
            keep_trial_at_home(config, &self.held)?;
            return self.held.iter().map(again).collect();
        }
        let mut listeners = Vec::new();
        for address in &config.site.listen {
            if let Some((_, listener)) = self.bound.iter().find(|(known, _)| known == address) {
                listeners.push(again(listener)?);
                continue;
            }
            let listener = tokio::net::TcpListener::bind(address).await.with_context(|| {
                format!("listen on {address}; choose another address with --listen or [site] listen")
            })?;
            let listener = listener.into_std()?;
            listeners.push(again(&listener)?);
            self.bound.push((*address, listener));
        }
        self.bound.retain(|(address, _)| config.site.listen.contains(address));
        Ok(listeners)
    }
}

/// A second handle on the same socket: it stays open when the daemon that serves it ends.
fn again(listener: &TcpListener) -> anyhow::Result<tokio::net::TcpListener> {
    let listener = listener.try_clone().context("share a listening socket")?;
    listener.set_nonblocking(true)?;
    Ok(tokio::net::TcpListener::from_std(listener)?)
}

/// What `config` checks of `[site] listen`, for sockets that it has not seen.
fn keep_trial_at_home(config: &Config, held: &[TcpListener]) -> anyhow::Result<()> {
    if !config.site.origin.is_loopback() {
        return Ok(());
    }
    for listener in held {
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
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::Overrides;

    fn settings(listen: &str) -> Config {
        let options = Overrides { listen: Some(listen.to_owned()), ..Overrides::default() };
        Config::load(&options, &BTreeMap::new(), std::path::Path::new("/nowhere")).unwrap()
    }

    fn addresses(listeners: &[tokio::net::TcpListener]) -> Vec<SocketAddr> {
        listeners.iter().map(|listener| listener.local_addr().unwrap()).collect()
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
        second[0].accept().await.unwrap();
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
        let mut sockets = Sockets { held: vec![held], bound: Vec::new() };
        // Port 1 would need a right that the service does not have.
        let listeners = sockets.listen(&settings("127.0.0.1:1")).await.unwrap();
        assert_eq!(addresses(&listeners), [address]);
    }

    #[tokio::test]
    async fn a_trial_on_localhost_is_not_served_to_other_machines() {
        let held = TcpListener::bind("0.0.0.0:0").unwrap();
        let mut sockets = Sockets { held: vec![held], bound: Vec::new() };
        let error = sockets.listen(&settings("127.0.0.1:0")).await.unwrap_err().to_string();
        assert!(error.contains("which other machines can reach") && error.contains("origin"), "{error}");
    }
}
