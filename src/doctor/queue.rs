//! Whether what is to be carried is carried: deliveries, received activities, and when something was last published.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::report::Check;
use crate::store::{Store, StoreError, Way};

/// Something that is due is taken up within seconds; after this the carrier does not work.
const OVERDUE: Duration = Duration::from_secs(600);
/// A message that waits longer than this waits for a server that is away.
const OLD: SignedDuration = SignedDuration::from_hours(24);

/// All checks of the store's queues.
pub async fn examine(store: &Store, now: Timestamp) -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, found) in [
        ("deliveries", deliveries(store, now).await),
        ("dead_hosts", dead_hosts(store).await),
        ("inbox", inbox(store, now).await),
        ("last_publish", last_publish(store, now).await),
    ] {
        checks.push(found.unwrap_or_else(|error| {
            Check::failed(
                name,
                error.to_string(),
                "the database does not answer",
                "see the checks `database` and `disk_space`",
            )
        }));
    }
    checks
}

async fn deliveries(store: &Store, now: Timestamp) -> Result<Check, StoreError> {
    let name = "deliveries";
    let figures = store.delivery_figures().await?;
    let overdue = store.due_hosts(Way::Inboxes, now - OVERDUE, 1).await?;
    let oldest = figures.oldest_due.map(|oldest| now.duration_since(oldest));
    let mut measured = format!("{} due", figures.due);
    if let Some(age) = oldest {
        measured.push_str(&format!(", the oldest for {}", age_of(age)));
    }
    if figures.given_up + figures.refused > 0 {
        measured.push_str(&format!("; {} given up, {} refused", figures.given_up, figures.refused));
    }
    Ok(if let Some(host) = overdue.first() {
        Check::failed(
            name,
            format!("{measured}; mail for {} should have left more than ten minutes ago", host.name),
            "nothing is being carried: followers do not get what is published",
            "restart reviewd; nothing is lost by it. Then send the log of the minutes before to the maintainers",
        )
    } else if oldest.is_some_and(|age| age > OLD) {
        Check::warning(
            name,
            measured,
            "some server has been away for a day; it is tried for a week",
            "look with `reviewd deliveries` which, and why; there is nothing to do if it is only that one",
        )
    } else {
        Check::ok(name, measured)
    })
}

async fn dead_hosts(store: &Store) -> Result<Check, StoreError> {
    let name = "dead_hosts";
    let dead = store.delivery_figures().await?.hosts_dead;
    Ok(if dead > 0 {
        Check::warning(
            name,
            format!("{dead} servers have not answered for a week"),
            "followers there get nothing until their server shows a sign of life",
            "usually nothing: servers end. If it is most of them, look at this machine's way out (DNS, firewall)",
        )
    } else {
        Check::ok(name, "none")
    })
}

async fn inbox(store: &Store, now: Timestamp) -> Result<Check, StoreError> {
    let name = "inbox";
    let overdue = store.due_received(now - OVERDUE, 1).await?;
    Ok(if overdue.is_empty() {
        Check::ok(name, "what was received has been worked through")
    } else {
        Check::failed(
            name,
            "something received waits for more than ten minutes",
            "follows and replies are taken and not answered",
            "restart reviewd; nothing is lost by it. Then send the log of the minutes before to the maintainers",
        )
    })
}

async fn last_publish(store: &Store, now: Timestamp) -> Result<Check, StoreError> {
    let name = "last_publish";
    let cards = store.cards().await?;
    Ok(match cards.iter().map(|card| card.changed()).max() {
        Some(newest) => Check::ok(
            name,
            format!("{} reviews, the newest dated {} ago", cards.len(), age_of(now.duration_since(newest))),
        ),
        None => Check::ok(name, "nothing is published yet"),
    })
}

/// In the largest unit that fits, which is as exact as a glance needs.
fn age_of(age: SignedDuration) -> String {
    match age.as_secs() {
        seconds if seconds < 120 => format!("{} s", seconds.max(0)),
        seconds if seconds < 2 * 3600 => format!("{} minutes", seconds / 60),
        seconds if seconds < 48 * 3600 => format!("{} hours", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        for (seconds, expected) in
            [(-5, "0 s"), (119, "119 s"), (7_199, "119 minutes"), (172_799, "47 hours"), (864_000, "10 days")]
        {
            assert_eq!(age_of(SignedDuration::from_secs(seconds)), expected);
        }
    }
}
