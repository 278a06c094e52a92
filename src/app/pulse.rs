//! Whether the daemon is alive: not that a timer fires, but that every main part still does its work.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinHandle;

use crate::{
    clock::Clock,
    publish::PublisherHandle,
    store::{Store, StoreError},
};

/// Feels the main parts. Each of them runs until the daemon stops, so one that has ended is a breakdown.
pub struct Pulse {
    pub clock: Clock,
    pub publisher: PublisherHandle,
    pub store: Store,
    /// Beats once for each file that the publisher reads: a long first reading is life too.
    pub beats: Arc<AtomicU64>,
    /// The tasks by name.
    pub parts: Vec<(&'static str, JoinHandle<()>)>,
}

impl Pulse {
    /// What is wrong, if anything: a part that has ended, a store or a publisher that did not answer within `patience`.
    pub async fn ailment(&self, patience: Duration) -> Option<String> {
        if let Some((name, _)) = self.parts.iter().find(|(_, task)| task.is_finished()) {
            return Some(format!("{name} has ended although nobody asked it to"));
        }
        let (store, publisher) = tokio::join!(self.ask_store(patience), self.ask_publisher(patience));
        store.or(publisher)
    }

    async fn ask_store(&self, patience: Duration) -> Option<String> {
        tokio::select! {
            answer = self.store.ping_both() => answer.err().and_then(|error| self.ailing(&error)),
            () = self.clock.sleep(patience) => Some(format!("the store has not answered for {} s", patience.as_secs())),
        }
    }

    /// A database server that is away is no ailment of ours: a restart would only take the pages away too.
    fn ailing(&self, error: &StoreError) -> Option<String> {
        if self.store.is_away(error) {
            self.store.suspect(error);
            return None;
        }
        Some(format!("the store does not work: {error}"))
    }

    async fn ask_publisher(&self, patience: Duration) -> Option<String> {
        let before = self.beats.load(Ordering::Relaxed);
        tokio::select! {
            answer = self.publisher.survey() => match answer {
                Some(_) => None,
                None => Some("the publisher is gone".to_owned()),
            },
            () = self.clock.sleep(patience) => (self.beats.load(Ordering::Relaxed) == before).then(|| {
                format!("the publisher has neither answered nor read a file for {} s", patience.as_secs())
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use tokio_util::{sync::CancellationToken, task::TaskTracker};

    use super::*;
    use crate::{
        clock::Hand,
        config::{Config, Overrides},
        publish::{Publisher, identity::Journal, publisher::Setup},
    };

    const PATIENCE: Duration = Duration::from_secs(30);

    /// A publisher without folders, which nobody lets run yet.
    async fn pulse() -> (Pulse, Publisher, Hand, (TempDir, CancellationToken)) {
        let home = tempfile::tempdir().unwrap();
        let (clock, hand) = Clock::turned("2026-11-22T12:00:00Z".parse().unwrap(), 7);
        let config = Config::load(&Overrides::default(), &Default::default(), home.path()).unwrap();
        let store = Store::open(&home.path().join("reviewd.db")).await.unwrap();
        let stop = CancellationToken::new();
        let setup = Setup {
            duty: store.duty(crate::store::Duty::Folder, clock.clone(), stop.clone(), true).await.unwrap().0,
            clock: clock.clone(),
            store: store.clone(),
            site: config.site(),
            elsewhere: crate::app::elsewhere(&config, &clock, &store).unwrap(),
            feed_items: config.feeds.items as usize,
            limits: crate::app::limits(&config),
            journal: Journal::open(&home.path().join("ids.jsonl")).unwrap(),
            folders: Vec::new(),
            scan_every: Duration::from_secs(300),
            progress: Arc::new(|| {}),
        };
        let (publisher, handle) = Publisher::open(setup).await.unwrap();
        let pulse = Pulse { clock, publisher: handle, store, beats: Arc::default(), parts: Vec::new() };
        (pulse, publisher, hand, (home, stop))
    }

    /// What the publisher is found to be while patience runs out.
    async fn publisher(pulse: &Pulse, hand: &Hand, meanwhile: impl FnOnce()) -> Option<String> {
        let found = pulse.ask_publisher(PATIENCE);
        tokio::pin!(found);
        tokio::select! {
            biased;
            found = &mut found => return found,
            () = tokio::task::yield_now() => {}
        }
        meanwhile();
        hand.turn(PATIENCE);
        found.await
    }

    #[tokio::test]
    async fn a_publisher_at_work_is_alive() {
        let (mut pulse, publisher, _hand, (_home, stop)) = pulse().await;
        let tasks = TaskTracker::new();
        pulse.parts.push(("the publisher", tasks.spawn(publisher.run())));
        assert_eq!(pulse.ailment(PATIENCE).await, None);
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        assert_eq!(pulse.ailment(PATIENCE).await.unwrap(), "the publisher has ended although nobody asked it to");
    }

    #[tokio::test]
    async fn a_publisher_that_hangs_is_not_alive_although_its_task_is() {
        let (pulse, _hanging, hand, _home) = pulse().await;
        let found = publisher(&pulse, &hand, || {}).await;
        assert_eq!(found.unwrap(), "the publisher has neither answered nor read a file for 30 s");
    }

    #[tokio::test]
    async fn a_long_reading_is_life() {
        let (pulse, _reading, hand, _home) = pulse().await;
        let beats = Arc::clone(&pulse.beats);
        let found = publisher(&pulse, &hand, || {
            beats.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(found.await, None);
    }

    #[tokio::test]
    async fn a_store_that_does_not_answer_is_an_ailment() {
        let (pulse, _publisher, _hand, _home) = pulse().await;
        pulse.store.close().await;
        let found = pulse.ask_store(PATIENCE).await.unwrap();
        assert!(found.starts_with("the store does not work"), "{found}");
    }
}
