//! Faces of people elsewhere: fetched when a page first shows them, made small, kept, and looked at again rarely.
//!
//! A page never waits for a face and never links to one elsewhere: until it is here, and where none is to be had, the
//! first letter of the name stands in its place.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::SignedDuration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    clock::Clock,
    media,
    net::{Client, NetProblem},
    store::{PortraitFile, Store, StoreError},
};

/// Tasks that fetch at the same time: a slow server holds up one of them.
pub const FETCHERS: usize = 4;
/// Faces waiting to be fetched; the rest is asked for when the page is made again.
const WAITING_MAX: usize = 500;
/// Largest file fetched, in bytes; Mastodon takes avatars of up to 8 MB and serves them far smaller.
const FILE_BYTES_MAX: usize = 4 << 20;
/// How long a face is believed.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long nothing is asked where there was no face.
const LOOK_AGAIN_AFTER_FAILURE: SignedDuration = SignedDuration::from_hours(24);
const ACCEPT: &str = "image/webp, image/png, image/jpeg, image/gif";

/// The faces we have and those we want. Cheap to clone.
#[derive(Clone)]
pub struct Faces {
    store: Store,
    clock: Clock,
    client: Client,
    wanted: mpsc::Sender<Wanted>,
    queue: Arc<tokio::sync::Mutex<mpsc::Receiver<Wanted>>>,
    /// Actors whose face waits or is being fetched.
    under_way: Arc<Mutex<HashSet<String>>>,
    /// Counts the faces that came.
    version: Arc<AtomicU64>,
}

/// Somebody whose face a page would show.
#[derive(Debug, Clone)]
struct Wanted {
    actor: String,
    source: String,
}

/// Why there is no face.
#[derive(Debug, thiserror::Error)]
enum NoFace {
    #[error("it is at no web address")]
    NoAddress,
    #[error(transparent)]
    Net(#[from] NetProblem),
    #[error(transparent)]
    Refused(#[from] media::Refused),
    #[error("decoding it stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

impl Faces {
    /// `client` says how far faces may be fetched from.
    pub fn new(store: Store, clock: Clock, client: Client) -> Self {
        let (wanted, queue) = mpsc::channel(WAITING_MAX);
        Self {
            store,
            clock,
            client,
            wanted,
            queue: Arc::new(tokio::sync::Mutex::new(queue)),
            under_way: Arc::default(),
            version: Arc::default(),
        }
    }

    /// Changes when a face has come, so that pages are made again.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The file names of these actors' faces under `/media/avatars/`, as far as they are here; the others are sent for.
    /// Each is an actor's id with the address of the avatar.
    pub async fn of(&self, people: &[(&str, &str)]) -> Result<HashMap<String, String>, StoreError> {
        let actors: Vec<&str> = people.iter().map(|(actor, _)| *actor).collect();
        let known = self.store.portraits(&actors).await?;
        let now = self.clock.now();
        let mut faces = HashMap::new();
        for (actor, source) in people {
            let portrait = known.get(*actor);
            if portrait.is_none_or(|known| known.source != *source || known.look_again_at <= now) {
                self.send_for(actor, source);
            }
            // A face from an earlier address stays until the new one is here.
            if let Some(file) = portrait.and_then(|known| known.file.clone()) {
                faces.insert((*actor).to_owned(), file);
            }
        }
        Ok(faces)
    }

    fn send_for(&self, actor: &str, source: &str) {
        if !self.under_way().insert(actor.to_owned()) {
            return;
        }
        let wanted = Wanted { actor: actor.to_owned(), source: source.to_owned() };
        if self.wanted.try_send(wanted).is_err() {
            self.under_way().remove(actor);
        }
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches what is wanted until told to stop; [`FETCHERS`] of these run side by side.
    pub async fn run(self, stop: CancellationToken) {
        let next = async || self.queue.lock().await.recv().await;
        loop {
            let wanted = tokio::select! {
                () = stop.cancelled() => return,
                wanted = next() => match wanted {
                    Some(wanted) => wanted,
                    None => return,
                },
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.look(&wanted) => {}
            }
            self.under_way().remove(&wanted.actor);
        }
    }

    /// Looks at one face and keeps what comes of it.
    async fn look(&self, wanted: &Wanted) {
        let Wanted { actor, source } = wanted;
        let face = self.fetch(source).await;
        if let Err(why) = &face {
            tracing::debug!(actor, source, %why, "the avatar of {actor} is not shown: {why}");
        }
        let face = face.ok();
        let file =
            face.as_ref().map(|face| PortraitFile { key: &face.key, media_type: face.media_type, bytes: &face.bytes });
        let wait = if file.is_some() { LOOK_AGAIN } else { LOOK_AGAIN_AFTER_FAILURE };
        let now = self.clock.now();
        let again = now.checked_add(wait).unwrap_or(now);
        match self.store.keep_portrait(actor, source, file, now, again).await {
            Ok(()) if face.is_some() => {
                self.version.fetch_add(1, Ordering::AcqRel);
            }
            Ok(()) => {}
            Err(error) => tracing::warn!(actor, %error, "the avatar of {actor} could not be kept: {error}"),
        }
    }

    async fn fetch(&self, source: &str) -> Result<media::Portrait, NoFace> {
        let url = Url::parse(source).map_err(|_| NoFace::NoAddress)?;
        let fetched = self.client.get(&url, ACCEPT, FILE_BYTES_MAX).await?;
        if fetched.status != 200 {
            return Err(NetProblem::Status(fetched.status).into());
        }
        Ok(tokio::task::spawn_blocking(move || media::portrait(&fetched.body)).await??)
    }
}
