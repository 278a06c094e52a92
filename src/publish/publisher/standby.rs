//! While another node watches the folders: this one shows what that one publishes, and answers what it knows.

use std::{collections::HashMap, sync::Arc};

use super::{Order, Publisher, cards_of, open_archives, open_desk};
use crate::store::{StoreError, Turn};

impl Publisher {
    /// Waits for this node's turn to publish; `None` when told to stop.
    pub(super) async fn stand_by(&mut self) -> Option<Turn> {
        let mut duty = self.setup.duty.clone();
        if let Some(turn) = duty.current() {
            return Some(turn);
        }
        // What the other one published is what there is to see.
        self.looked.send_replace(true);
        loop {
            tokio::select! {
                turn = duty.begin() => {
                    let turn = turn?;
                    // What it decided last is what is decided on. Where that cannot be read the store is away, and so is the turn.
                    self.follow().await;
                    return Some(turn);
                }
                order = self.orders.recv() => self.answer(order?).await,
                () = self.published_elsewhere.notified() => self.follow().await,
            }
        }
    }

    /// Shows what another node has published.
    async fn follow(&mut self) {
        if let Err(error) = self.read_anew().await {
            self.setup.store.suspect(&error);
            tracing::warn!(%error, "what another node published could not be read: {error}");
        }
    }

    async fn read_anew(&mut self) -> Result<(), StoreError> {
        let setup = &self.setup;
        let cards = setup.store.cards().await?;
        for (folder, (desk, _)) in setup.folders.iter().zip(&mut self.desks) {
            *desk = open_desk(setup, folder, &cards).await?;
        }
        self.rearranged = setup.store.last_rearranged().await?;
        self.archives = open_archives(setup, &cards).await?;
        let library = self.next_library();
        let mut windows = HashMap::new();
        for (feed, archive) in &mut self.archives {
            // What leaves the feeds is archived by the one who publishes.
            let turn = archive.turn(cards_of(&library, feed), self.setup.feed_items);
            windows.insert(feed.clone(), turn.window);
        }
        self.spare = Some(self.library.send_replace(Arc::new(library.with_windows(windows))));
        Ok(())
    }

    /// Answers what can be answered from the ledger. What decides anything is left unanswered: who asks looks first whose
    /// turn it is.
    async fn answer(&mut self, order: Order) {
        match order {
            Order::Look(done) => {
                self.follow().await;
                // A caller that went away is no error.
                let _ = done.send(());
            }
            Order::Plan(_) | Order::Survey(_) | Order::Find(..) => self.obey(order).await,
            Order::Apply(..) | Order::Retract(..) | Order::Announce(..) => {}
        }
    }
}
