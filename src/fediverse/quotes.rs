//! Quotes taken back: the stamp that allowed one is revoked, and whoever may show the quote is told (FEP-044f).

use jiff::{SignedDuration, Timestamp};

use super::activity;
use crate::{
    domain::{Origin, Reaction},
    store::{Outgoing, QuoteStamp, Recipients, Store, StoreError},
};

/// How long a post that was taken off the page is refused as a quote; nobody sends it again after that.
const REFUSED_FOR: SignedDuration = SignedDuration::from_hours(24 * 366);

/// Takes a quote off the page, and with it the stamp, where it has one. It is not counted and not stamped again.
pub async fn withdraw(store: &Store, origin: &Origin, quote: &Reaction, at: Timestamp) -> Result<(), StoreError> {
    if let Some(post) = &quote.id {
        store.remember_gone(post, at, at + REFUSED_FOR).await?;
        if let Some(stamp) = store.quote_stamp_of(post).await? {
            revoke(store, origin, &stamp, Some(&quote.actor), at).await?;
        }
    }
    store.drop_reaction(&quote.object, &quote.actor, quote.kind).await?;
    Ok(())
}

/// Revokes a stamp: its address answers 404 from then on, and the server of the quoting post, followers and everybody who
/// heard of the stamp get a `Delete` of it, upon which they show the quote no more. `author` wrote the quoting post.
pub async fn revoke(
    store: &Store,
    origin: &Origin,
    stamp: &QuoteStamp,
    author: Option<&str>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let known = match author {
        Some(author) => store.remote_actor(author).await?,
        None => None,
    };
    let inboxes = known.map(|author| author.inbox).into_iter().collect();
    let outgoing = Outgoing {
        reviewer: stamp.reviewer.clone(),
        message: activity::revoke_quote(origin, &stamp.reviewer, &stamp.number),
        to: Recipients::Conversation { inboxes, followers: true },
        at,
    };
    store.drop_quote_stamp(stamp, &outgoing).await?;
    tracing::info!(quote = stamp.quoted_by, "{} may quote no more", stamp.quoted_by);
    Ok(())
}
