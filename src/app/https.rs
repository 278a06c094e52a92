//! The site's own https, where the settings want it: its certificate, who keeps that fresh, and port 80.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context;
use axum::Router;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_rustls::rustls::ServerConfig;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    door::{Door, Hearing},
    serve_on,
};
use crate::{
    clock::Clock,
    config::Config,
    domain::Origin,
    tls::{self, CertificateState, Keeper, Shown, Tls},
    web,
};

/// Opened, not yet at work.
pub struct Https {
    origin: Origin,
    tls: Tls,
    keeper: Keeper,
}

/// Reads the certificate there is. `None` where something in front of the program has one.
///
/// # Errors
/// Files that cannot be used: each with its cure.
pub fn open(config: &Config, clock: &Clock, shown: &Arc<Shown>, has_http: bool) -> anyhow::Result<Option<Https>> {
    let Some(settings) = &config.tls else { return Ok(None) };
    let setup = tls::Setup {
        settings: settings.clone(),
        origin: config.site.origin.clone(),
        directory: config.tls_dir(),
        clock: clock.clone(),
        has_http,
        shown: Arc::clone(shown),
    };
    let (tls, keeper) = tls::open(setup).context("serve https")?;
    Ok(Some(Https { origin: config.site.origin.clone(), tls, keeper }))
}

impl Https {
    /// What connections of the site speak.
    pub fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.tls.server)
    }

    /// How it stands with the certificate.
    pub fn state(&self) -> watch::Receiver<CertificateState> {
        self.tls.state.clone()
    }

    /// The site's router, as it is served under its own certificate.
    pub fn guarded(&self, router: Router) -> Router {
        web::https::guarded(router, &self.origin)
    }

    /// Answers plain http, and keeps the certificate fresh.
    pub fn start(
        self,
        listeners: Vec<TcpListener>,
        hearing: &Hearing,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Vec<(&'static str, JoinHandle<()>)> {
        let porch = web::https::porch(&self.origin, &self.tls);
        let mut parts = Vec::new();
        for listener in listeners {
            let service = porch.clone().into_make_service_with_connect_info::<SocketAddr>();
            let door = Door::new(listener, hearing.clone());
            parts.push(("plain http", tasks.spawn(serve_on(door, service, stop.clone()))));
        }
        parts.push(("the certificate's keeper", tasks.spawn(self.keeper.run(stop.clone()))));
        parts
    }
}
