//! What one node tells the others, by the server's NOTIFY: only that something changed; what it is they read themselves.
//!
//! A bell that nobody hears (a server that restarts, a node that dies before it rang) costs time and nothing else: whoever
//! listens takes a gap for every bell at once, and what is due is looked for now and then anyway.

use std::collections::HashSet;

use tokio_util::sync::CancellationToken;

use crate::{
    domain::{Handle, ReviewId},
    store::{Store, StoreError},
};

/// The channel of NOTIFY.
#[cfg(feature = "postgres")]
const CHANNEL: &str = "reviewd";
/// Bells carried in one go.
const BELLS_MAX: usize = 256;

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Bell {
    /// Something waits to be delivered, or to be worked through.
    Work,
    /// Reviews.
    Library,
    /// The conversation under a review, or one that stands under none.
    Talk(Option<(Handle, ReviewId)>),
    /// Perhaps all of it: there was a gap.
    Anything,
}

impl Bell {
    fn text(&self, node: &str) -> String {
        match self {
            Self::Work => format!("{node} work"),
            Self::Library => format!("{node} library"),
            Self::Talk(None) => format!("{node} talk"),
            Self::Talk(Some((handle, review))) => format!("{node} talk {handle} {review}"),
            Self::Anything => format!("{node} anything"),
        }
    }

    /// `None` where this node rang itself, or one of another version that rings differently rang.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only a server has several nodes"))]
    fn read(text: &str, node: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        let (from, what) = words.split_first()?;
        if *from == node {
            return None;
        }
        Some(match what {
            ["work"] => Self::Work,
            ["library"] => Self::Library,
            ["talk"] => Self::Talk(None),
            ["talk", handle, review] => Self::Talk(Some((Handle::parse(handle).ok()?, ReviewId::parse(review)?))),
            _ => Self::Anything,
        })
    }
}

impl Store {
    /// To be called after what changed was committed.
    pub(in crate::store) fn ring(&self, bell: Bell) {
        if let Some(node) = &self.node {
            // Where nobody carries it, the process ends.
            let _ = node.bells.send(bell);
        }
    }

    /// Carries this node's bells to the others until told to stop.
    pub async fn carry_bells(&self, stop: &CancellationToken) {
        let Some(node) = &self.node else { return stop.cancelled().await };
        let mut unsent = node.unsent.lock().await;
        let mut bells = Vec::with_capacity(BELLS_MAX);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                count = unsent.recv_many(&mut bells, BELLS_MAX) => if count == 0 { return },
            }
            let bells: HashSet<Bell> = bells.drain(..).collect();
            for bell in bells {
                if let Err(error) = self.carry(&bell.text(&node.name)).await {
                    // Whoever would hear it has lost the same server, and takes the gap for every bell.
                    tracing::debug!(%error, "the other nodes could not be told: {error}");
                }
            }
        }
    }

    #[cfg(feature = "postgres")]
    async fn carry(&self, text: &str) -> Result<(), StoreError> {
        use crate::store::{doing, sql::query};
        query("SELECT CAST(pg_notify($1, $2) AS TEXT)")
            .bind(CHANNEL)
            .bind(text)
            .execute(&self.read)
            .await
            .map(drop)
            .map_err(doing("tell the other nodes"))
    }

    #[cfg(not(feature = "postgres"))]
    #[allow(clippy::unused_async, reason = "as with a server")]
    async fn carry(&self, _text: &str) -> Result<(), StoreError> {
        Ok(())
    }

    /// Listens to the other nodes, and passes on what they ring, until told to stop.
    #[cfg(feature = "postgres")]
    pub async fn hear_bells(&self, clock: &crate::clock::Clock, stop: &CancellationToken, mut heard: impl FnMut(Bell)) {
        use std::time::Duration;

        use sqlx::postgres::{PgListener, PgPoolOptions};

        use crate::store::sql::Pool;

        /// Between two tries to reach a server that is away.
        const TRY_AGAIN: Duration = Duration::from_secs(1);

        let (Some(node), Pool::Postgres(pool)) = (&self.node, &self.read) else { return stop.cancelled().await };
        // A connection for ever, which the readers are not to miss.
        let own = PgPoolOptions::new().max_connections(1).connect_lazy_with(pool.connect_options().as_ref().clone());
        while !stop.is_cancelled() {
            let listening = async {
                let mut listener = PgListener::connect_with(&own).await?;
                listener.listen(CHANNEL).await?;
                heard(Bell::Anything);
                // `None`: the connection was lost, and with it whatever was rung meanwhile.
                while let Some(bell) = listener.try_recv().await? {
                    if let Some(bell) = Bell::read(bell.payload(), &node.name) {
                        heard(bell);
                    }
                }
                Ok::<(), sqlx::Error>(())
            };
            tokio::select! {
                () = stop.cancelled() => break,
                done = listening => if let Err(error) = done {
                    tracing::debug!(%error, "the other nodes cannot be heard: {error}");
                },
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = clock.sleep(TRY_AGAIN) => {}
            }
        }
        own.close().await;
    }

    #[cfg(not(feature = "postgres"))]
    pub async fn hear_bells(&self, _clock: &crate::clock::Clock, stop: &CancellationToken, _heard: impl FnMut(Bell)) {
        stop.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_is_heard_as_it_was_rung_and_never_by_oneself() {
        let review = (Handle::parse("ana").unwrap(), ReviewId::parse("0123456789").unwrap());
        for bell in [Bell::Work, Bell::Library, Bell::Talk(None), Bell::Talk(Some(review)), Bell::Anything] {
            let text = bell.text("one");
            assert_eq!(Bell::read(&text, "one"), None);
            assert_eq!(Bell::read(&text, "two"), Some(bell));
        }
        assert_eq!(Bell::read("one something new", "two"), Some(Bell::Anything));
        assert_eq!(Bell::read("", "two"), Some(Bell::Anything));
    }
}
