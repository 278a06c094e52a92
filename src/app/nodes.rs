//! This node among others on the same database: its duties, and what they tell each other.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::Clock,
    publish::PublisherHandle,
    store::{Bell, Duty, OnDuty, Store, StoreError, TurnTaker},
    websub::Hub,
};

/// What exactly one node does at a time.
pub struct Duties {
    /// Watching the folders, deciding, and whatever belongs to that.
    pub folder: OnDuty,
    /// Working through what came in.
    pub inbox: OnDuty,
    takers: Vec<TurnTaker>,
}

/// Whoever is woken when another node rings.
pub struct Sleepers {
    pub publisher: PublisherHandle,
    pub hub: Arc<Hub>,
    /// Notified when something waits to be worked through.
    pub received: Arc<Notify>,
}

impl Duties {
    /// `watches`: whether this node ever takes the folders.
    pub async fn new(
        store: &Store,
        clock: &Clock,
        stop: &CancellationToken,
        watches: bool,
    ) -> Result<Self, StoreError> {
        let (folder, folder_taker) = store.duty(Duty::Folder, clock.clone(), stop.clone(), watches).await?;
        let (inbox, inbox_taker) = store.duty(Duty::Inbox, clock.clone(), stop.clone(), true).await?;
        let mut takers = vec![inbox_taker];
        if watches {
            takers.push(folder_taker);
        }
        Ok(Self { folder, inbox, takers })
    }

    /// Takes duties as they become free, and tells and hears the other nodes.
    pub fn start(
        self,
        store: &Store,
        clock: &Clock,
        sleepers: Sleepers,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) {
        for taker in self.takers {
            tasks.spawn(taker.run());
        }
        if !store.is_shared() {
            return;
        }
        tasks.spawn({
            let (store, stop) = (store.clone(), stop.clone());
            async move { store.carry_bells(&stop).await }
        });
        let (store, clock, stop) = (store.clone(), clock.clone(), stop.clone());
        tasks.spawn(async move {
            let heard = |bell| sleepers.wake(&store, bell);
            store.hear_bells(&clock, &stop, heard).await;
        });
    }
}

impl Sleepers {
    fn wake(&self, store: &Store, bell: Bell) {
        match bell {
            Bell::Work => self.work(),
            Bell::Library => self.publisher.published_elsewhere.notify_one(),
            Bell::Talk(review) => store.talk_heard(review.as_ref()),
            Bell::Anything => {
                self.work();
                self.publisher.published_elsewhere.notify_one();
                store.talk_missed();
            }
        }
    }

    fn work(&self) {
        self.publisher.mail.notify_one();
        self.hub.mail.notify_one();
        self.hub.questions.notify_one();
        self.received.notify_one();
        // An answer may have found its post, or wait for one.
        self.publisher.posts_wanted.notify_one();
    }
}
