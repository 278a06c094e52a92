//! Writes what became of attempts: those that wait together in one transaction.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    store::{Attempt, Store},
};

/// Outcomes written in one transaction at most.
const OUTCOMES_PER_COMMIT: usize = 256;
/// After several came together more are on their way, and one sync of the disk does for all.
const GATHER: Duration = Duration::from_millis(4);
/// After outcomes could not be written.
const WRITE_AGAIN: Duration = Duration::from_secs(5);

/// Where lanes hand in what became of their attempts.
#[derive(Clone)]
pub(super) struct Desk(mpsc::Sender<(Attempt, oneshot::Sender<bool>)>);

/// Takes what lanes hand in.
pub struct Recorder(mpsc::Receiver<(Attempt, oneshot::Sender<bool>)>);

pub(super) fn open() -> (Desk, Recorder) {
    let (sender, receiver) = mpsc::channel(OUTCOMES_PER_COMMIT);
    (Desk(sender), Recorder(receiver))
}

impl Desk {
    /// Waits until the outcome is on the disk, with whatever else waits for it; `false` where it will not be.
    pub(super) async fn record(&self, attempt: Attempt) -> bool {
        let (done, written) = oneshot::channel();
        self.0.send((attempt, done)).await.is_ok() && written.await.unwrap_or(false)
    }
}

impl Recorder {
    /// Writes outcomes until every lane is gone.
    ///
    /// What cannot be written is kept until it can: the lanes wait, so that a full disk does not send the same again and again.
    pub async fn run(mut self, store: Store, clock: Clock, stop: CancellationToken) {
        let mut handed_in = Vec::with_capacity(OUTCOMES_PER_COMMIT);
        let mut healthy = true;
        while self.0.recv_many(&mut handed_in, OUTCOMES_PER_COMMIT).await > 0 {
            if handed_in.len() > 1 {
                tokio::time::sleep(GATHER).await;
                while handed_in.len() < OUTCOMES_PER_COMMIT
                    && let Ok(another) = self.0.try_recv()
                {
                    handed_in.push(another);
                }
            }
            let (attempts, waiting): (Vec<Attempt>, Vec<_>) = handed_in.drain(..).unzip();
            let written = loop {
                let Err(error) = store.record_attempts(&attempts).await else { break true };
                healthy = false;
                store.suspect(&error);
                tokio::select! {
                    () = stop.cancelled() => {
                        let count = attempts.len();
                        tracing::error!(%error, "{count} outcomes could not be written, so these deliveries are made again: {error}");
                        break false;
                    }
                    () = clock.sleep(WRITE_AGAIN) => {}
                }
            };
            if written && !healthy {
                // What is wrong still has been told.
                healthy = store.prove().await.is_ok();
            }
            for done in waiting {
                // A lane that no longer waits has nothing to learn.
                let _ = done.send(written);
            }
        }
    }
}
