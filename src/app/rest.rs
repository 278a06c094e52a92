//! The parts of a site while no daemon runs, for commands that do what it would do.

use std::{fs::File, sync::Arc};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Parts, elsewhere, federation, feed_id, folders, founded, hub, limits, open};
use crate::{
    clock::Clock,
    config::Config,
    doctor::Room,
    faces::Faces,
    publish::{Publisher, PublisherHandle, publisher::Setup},
    source::SOURCE_ARCHIVE,
    store::{Duty, Store},
    web::{self, Web, gate::Gate, interact::Questions, readers::Readers, shelf::Shelf},
};

/// A publisher that does what it is told and nothing by itself.
pub struct AtRest {
    pub publisher: Publisher,
    pub handle: PublisherHandle,
    pub store: Store,
    /// Held for as long as this process owns the data directory.
    _lock: File,
}

/// Opens ledgers and library as a start would, without looking at the folders.
///
/// # Errors
/// As [`open`].
pub async fn publisher(config: &Config) -> anyhow::Result<AtRest> {
    at_rest(config, open(config).await?).await
}

async fn at_rest(config: &Config, parts: Parts) -> anyhow::Result<AtRest> {
    let (duty, _nobody) = parts.store.duty(Duty::Folder, Clock::system(), CancellationToken::new(), false).await?;
    let setup = Setup {
        clock: Clock::system(),
        store: parts.store.clone(),
        site: config.site(),
        elsewhere: elsewhere(config, &Clock::system(), &parts.store)?,
        limits: limits(config),
        journal: parts.journal,
        folders: folders(config, &parts.reviewers),
        scan_every: config.publish.scan_every,
        feed_items: config.feeds.items as usize,
        duty,
        progress: Arc::new(|| {}),
    };
    let (publisher, handle) = Publisher::open(setup).await?;
    Ok(AtRest { publisher, handle, store: parts.store, _lock: parts._lock })
}

/// The site as it was published last, served to nobody.
///
/// # Errors
/// As a start: what keeps the site from starting keeps it from being copied.
pub async fn web(config: &Config) -> anyhow::Result<(Web, AtRest)> {
    let (clock, parts) = (Clock::system(), open(config).await?);
    federation::pin_origin(config, &parts.store).await?;
    let reviewers = parts.reviewers.clone();
    let rest = at_rest(config, parts).await?;
    let (store, handle) = (&rest.store, &rest.handle);
    let hub = hub::open(config, &clock, store)?;
    let federation = federation::open(config, &clock, store, &reviewers, handle, &hub, &TaskTracker::new()).await?;
    let web = Web {
        site: config.site(),
        reviewers,
        publisher: handle.clone(),
        store: store.clone(),
        founded: founded(store, &clock).await?,
        feed_id: feed_id(store, &clock).await?,
        feed_items: config.feeds.items as usize,
        feed_full_text: config.feeds.full_text,
        shelf: Shelf::new(),
        keys: federation.public_keys,
        reception: federation.reception,
        faces: Faces::new(store.clone(), clock.clone(), federation::client_for_pictures(config)?),
        replies_close_after: config.replies.close_after,
        gate: Gate::new(),
        readers: Arc::new(Readers::default()),
        clock,
        examined: Arc::new(Room::default()),
        questions: Questions::new(),
        approves_followers: config.federation.approve_followers,
        hub,
        told: web::websub::Told::default(),
        notices_token: None,
        source: SOURCE_ARCHIVE,
        still: false,
    };
    Ok((web, rest))
}
