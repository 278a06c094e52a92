//! Builds the hub, and looks now and then whether its subscribers have what readers see.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    config::Config,
    net::{Client, Reach},
    store::Store,
    web::Web,
    websub::{Hub, Setup},
};

/// How often expired subscriptions and delivered feeds are cleared away.
const TIDY_EVERY: Duration = Duration::from_secs(600);

/// The hub as the settings want it.
pub fn open(config: &Config, clock: &Clock, store: &Store) -> anyhow::Result<Arc<Hub>> {
    let origin = &config.site.origin;
    let reach = Reach::for_federation(origin, &config.federation.allow_addresses);
    Ok(Arc::new(Hub::new(Setup {
        clock: clock.clone(),
        store: store.clone(),
        client: Client::new(origin, reach).context("set up the client for WebSub callbacks")?,
        address: config.websub.hub.then(|| origin.at("/websub")),
        others: config.websub.external_hubs.clone(),
        lease: config.websub.lease,
        subscriptions_per_host: config.websub.subscriptions_per_host,
    })))
}

/// Tells subscribers what changed while the program was off, or between their question and the answer to it, and clears
/// up. What changes meanwhile is told by the publisher itself.
pub async fn keep(web: Arc<Web>, clock: Clock, stop: CancellationToken) {
    let mut looked = web.publisher.looked.clone();
    tokio::select! {
        () = stop.cancelled() => return,
        // An error means that the publisher has stopped.
        _ = looked.wait_for(|looked| *looked) => {}
    }
    loop {
        let library = web.publisher.library();
        match web.distribute(&library, None).await {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => tracing::error!(%error, "subscribers could not be told what changed: {error}"),
        }
        if let Err(error) = web.ping_others(&library, None).await {
            tracing::error!(%error, "hubs elsewhere could not be told what changed: {error}");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = web.hub.joined.notified() => {}
            () = clock.sleep(TIDY_EVERY) => {
                if let Err(error) = web.hub.tidy().await {
                    tracing::warn!(%error, "subscriptions could not be tidied: {error}");
                }
            }
        }
    }
}
