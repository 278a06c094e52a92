//! Covers that lie elsewhere: fetched once, and kept like those of the folder, because no page of ours shows anything from
//! another site.
//!
//! A review does not wait for its cover. What comes later is put into page and feeds; followers are told only of a cover
//! that came before their copy was sent.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    clock::Clock,
    domain::ledger::Stat,
    intake::folder::PICTURE_BYTES_MAX,
    media,
    net::{Client, NetProblem},
    store::{Store, StoreError},
};

/// Addresses waiting to be fetched; those beyond are asked for again at the next look.
const WAITING_MAX: usize = 2_000;
/// Covers that come before the folder is looked at again, while more are on their way.
const BATCH: usize = 20;
/// Pauses before further tries, where the server may answer later.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(60), Duration::from_secs(600), Duration::from_secs(3_600), Duration::from_secs(6 * 3_600)];
/// Addresses remembered as useless; beyond that all are forgotten, and tried anew when their file is read.
const FAILURES_MAX: usize = 10_000;
const ACCEPT: &str = "image/webp, image/png, image/jpeg, image/gif";

/// What is fetched, and what cannot be.
pub struct Elsewhere {
    store: Store,
    clock: Clock,
    client: Client,
    wanted: mpsc::Sender<String>,
    queue: tokio::sync::Mutex<mpsc::Receiver<String>>,
    known: Mutex<HashMap<String, State>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    UnderWay,
    Failed(String),
}

/// Why a cover could not be had.
#[derive(Debug, thiserror::Error)]
enum NoCover {
    #[error("this is no web address")]
    NoAddress,
    #[error(transparent)]
    Net(#[from] NetProblem),
    #[error(transparent)]
    Refused(#[from] media::Refused),
    #[error("decoding it stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NoCover {
    /// Whether another try may end differently.
    fn is_passing(&self) -> bool {
        match self {
            Self::Net(problem) => problem.is_passing(),
            Self::Store(_) => true,
            Self::NoAddress | Self::Refused(_) | Self::Stopped(_) => false,
        }
    }
}

/// Whether a picture's address leads to another site.
pub fn is_elsewhere(address: &str) -> bool {
    address.starts_with("https://") || address.starts_with("http://")
}

impl Elsewhere {
    /// `client` says how far pictures may be fetched from.
    pub fn new(store: Store, clock: Clock, client: Client) -> Arc<Self> {
        let (wanted, queue) = mpsc::channel(WAITING_MAX);
        Arc::new(Self { store, clock, client, wanted, queue: tokio::sync::Mutex::new(queue), known: Mutex::default() })
    }

    /// Asks for a picture that the store does not have. It is on its way.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn send_for(&self, address: &str) -> Result<(), String> {
        let mut known = self.known();
        match known.get(address) {
            Some(State::Failed(why)) => return Err(why.clone()),
            Some(State::UnderWay) => return Ok(()),
            None => {}
        }
        if known.len() >= FAILURES_MAX {
            known.retain(|_, state| *state == State::UnderWay);
        }
        if self.wanted.try_send(address.to_owned()).is_ok() {
            known.insert(address.to_owned(), State::UnderWay);
        }
        Ok(())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, State>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches what is asked for until told to stop, one after the other; `hint` is notified of what came. What has to be
    /// tried again waits beside the others.
    pub async fn run(self: Arc<Self>, hint: Arc<Notify>, stop: CancellationToken) {
        let mut queue = self.queue.lock().await;
        let mut later = tokio::task::JoinSet::new();
        let mut came = 0;
        loop {
            if came > 0 && (came >= BATCH || queue.is_empty()) {
                hint.notify_one();
                came = 0;
            }
            let address = tokio::select! {
                () = stop.cancelled() => return,
                address = queue.recv() => address,
                Some(_) = later.join_next() => {
                    came += 1;
                    continue;
                }
            };
            let Some(address) = address else { return };
            let fetched = tokio::select! {
                () = stop.cancelled() => return,
                fetched = self.fetch(&address) => fetched,
            };
            match fetched {
                Err(problem) if problem.is_passing() => {
                    later.spawn(Arc::clone(&self).try_again(address, stop.clone()));
                }
                ended => {
                    self.end(&address, ended);
                    came += 1;
                }
            }
        }
    }

    async fn try_again(self: Arc<Self>, address: String, stop: CancellationToken) {
        for pause in PAUSES {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clock.sleep(pause) => {}
            }
            match self.fetch(&address).await {
                Err(problem) if problem.is_passing() && pause != PAUSES[PAUSES.len() - 1] => {}
                ended => return self.end(&address, ended),
            }
        }
    }

    fn end(&self, address: &str, fetched: Result<(), NoCover>) {
        let mut known = self.known();
        match fetched {
            Ok(()) => {
                known.remove(address);
            }
            Err(problem) => {
                known.insert(address.to_owned(), State::Failed(problem.to_string()));
            }
        }
    }

    async fn fetch(&self, address: &str) -> Result<(), NoCover> {
        let url = Url::parse(address).map_err(|_| NoCover::NoAddress)?;
        let fetched = self.client.get(&url, ACCEPT, PICTURE_BYTES_MAX as usize).await?;
        if fetched.status != 200 {
            return Err(NetProblem::Status(fetched.status).into());
        }
        let prepared = tokio::task::spawn_blocking(move || media::prepare(&fetched.body)).await??;
        self.store.keep_picture(&prepared.picture, &prepared.full, &prepared.thumb, address, Stat::default()).await?;
        Ok(())
    }
}
