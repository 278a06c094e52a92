//! Builds the hub, and looks now and then whether its subscribers have what readers see.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    config::Config,
    net::{Client, Reach},
    store::Store,
    web::{Web, websub::News},
    websub::{Hub, Setup},
};

/// How often expired subscriptions and delivered feeds are cleared away.
const TIDY_EVERY: Duration = Duration::from_secs(600);
/// How long replies are gathered before subscribers are told. A storm of likes, which are in no feed, costs one look in
/// that time.
const TALK_PAUSE: Duration = Duration::from_secs(1);

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

/// Tells subscribers what changed while the program was off, or between their question and the answer to it, and what is
/// said; and clears up. What changes in reviews meanwhile is told by the publisher itself.
pub async fn keep(web: Arc<Web>, clock: Clock, stop: CancellationToken) {
    let mut looked = web.publisher.looked.clone();
    tokio::select! {
        () = stop.cancelled() => return,
        // An error means that the publisher has stopped.
        _ = looked.wait_for(|looked| *looked) => {}
    }
    let mut keeper = Keeper { talk: web.store.talk_changes(), tidy_at: clock.elapsed() + TIDY_EVERY, web, clock };
    let mut news = Some(News::Anything);
    while let Some(now) = news {
        // What is said from here on is looked at again.
        keeper.talk.mark_unchanged();
        keeper.tell(now).await;
        news = tokio::select! {
            () = stop.cancelled() => None,
            next = keeper.next_news() => Some(next),
        };
    }
}

struct Keeper {
    web: Arc<Web>,
    clock: Clock,
    talk: watch::Receiver<u64>,
    /// When it is cleared up next.
    tidy_at: Duration,
}

impl Keeper {
    async fn tell(&self, news: News<'_>) {
        let web = &self.web;
        let mut library = web.publisher.library();
        loop {
            match web.distribute(&library, news).await {
                Ok(true) => break,
                Ok(false) => library = web.publisher.library(),
                Err(error) => {
                    tracing::error!(%error, "subscribers could not be told what changed: {error}");
                    break;
                }
            }
        }
        match news {
            News::Anything | News::Reviews(_) => {
                if let Err(error) = web.ping_others(&library, None).await {
                    tracing::error!(%error, "hubs elsewhere could not be told what changed: {error}");
                }
            }
            // Hubs elsewhere are told of reviews only.
            News::Talk => {}
        }
    }

    /// Waits until there may be something to tell.
    async fn next_news(&mut self) -> News<'static> {
        let Self { web, clock, talk, tidy_at } = self;
        let talked = async {
            if talk.changed().await.is_err() {
                // Nobody is left who could say anything.
                std::future::pending::<()>().await;
            }
            clock.sleep(TALK_PAUSE).await;
        };
        tokio::select! {
            () = web.hub.joined.notified() => News::Anything,
            () = talked => News::Talk,
            () = clock.sleep(tidy_at.saturating_sub(clock.elapsed())) => {
                if let Err(error) = web.hub.tidy().await {
                    tracing::warn!(%error, "subscriptions could not be tidied: {error}");
                }
                *tidy_at = clock.elapsed() + TIDY_EVERY;
                News::Anything
            }
        }
    }
}
