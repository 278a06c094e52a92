//! What an attempt means, for the delivery and for its host. Pure.

use std::time::Duration;

use jiff::Timestamp;

use super::schedule::{self, NextStep, Worth};
use crate::{
    domain::{Outcome, message::Kind, websub::ErrandKind},
    store::{Attempt, Cargo, DeliveryState, DueDelivery, DueHost, HostNews, Parcel},
};

/// A host that failed this long without a break is dead: only probed, until it shows a sign of life (Mastodon's rule).
const DEAD_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often a dead host is probed.
const DEAD_PROBE: Duration = Duration::from_secs(7 * 24 * 3600);

/// The moment and the chance by which an attempt is judged, and how long news is tried.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    pub now: Timestamp,
    /// In `0.0..1.0`, for jitter.
    pub chance: f64,
    pub give_up_after: Duration,
}

/// What follows from an attempt. `host` is what is known of the host from now on.
pub fn judge(
    delivery: &DueDelivery,
    parcel: &Parcel,
    outcome: &Outcome,
    host: &mut DueHost,
    circumstances: Circumstances,
) -> Attempt {
    let Circumstances { now, chance, give_up_after } = circumstances;
    let attempts = delivery.attempts + 1;
    let patience = schedule::patience(worth(parcel), give_up_after);
    let step = schedule::next_step(outcome, attempts, elapsed(parcel.created, now), chance, patience);
    let (status, error) = match outcome {
        Outcome::Delivered { .. } => (None, None),
        Outcome::Refused(status) => (Some(*status), Some(format!("refused with status {status}"))),
        Outcome::Failed { reason, status, .. } => (*status, Some(reason.clone())),
    };
    let (state, next_at) = match step {
        NextStep::Done => (DeliveryState::Delivered, now),
        NextStep::RetryAfter(delay) => (DeliveryState::Due, now + delay),
        NextStep::GiveUp if matches!(outcome, Outcome::Refused(_)) => (DeliveryState::Refused, now),
        NextStep::GiveUp => (DeliveryState::GivenUp, now),
    };
    let host_news = news(outcome, host, now, next_at);
    Attempt { seq: delivery.seq, host: host.name.clone(), state, attempts, at: now, next_at, status, error, host_news }
}

/// An attempt at something that cannot be read any more: no host is to blame, and no other attempt will help.
pub fn damaged(delivery: &DueDelivery, host: &DueHost, now: Timestamp) -> Attempt {
    Attempt {
        seq: delivery.seq,
        host: host.name.clone(),
        state: DeliveryState::GivenUp,
        attempts: delivery.attempts,
        at: now,
        next_at: now,
        status: None,
        error: Some("the message is damaged in the database; restore a backup".to_owned()),
        host_news: HostNews::Nothing,
    }
}

/// What an attempt says of its host that was not known.
fn news(outcome: &Outcome, host: &mut DueHost, now: Timestamp, next_at: Timestamp) -> HostNews {
    let answered = match outcome {
        Outcome::Delivered { spec } => *spec,
        // It answered, if only with "no": the host is well.
        Outcome::Refused(_) => None,
        Outcome::Failed { status, .. } => {
            let since = *host.failing_since.get_or_insert(now);
            host.well = false;
            let dead = elapsed(since, now) >= DEAD_AFTER;
            let closed_until = match schedule::speaks_for_host(*status) {
                _ if dead => now + DEAD_PROBE,
                true => next_at,
                false => now,
            };
            return HostNews::Failed { closed_until, dead };
        }
    };
    let known = host.well && (answered.is_none() || answered == host.spec);
    (host.well, host.failing_since, host.spec) = (true, None, answered.or(host.spec));
    if known { HostNews::Nothing } else { HostNews::Alive(answered) }
}

fn worth(parcel: &Parcel) -> Worth {
    match &parcel.cargo {
        Cargo::Activity { .. } if parcel.kind == Kind::Delete.as_str() => Worth::Promise,
        Cargo::Activity { .. } => Worth::News,
        Cargo::Errand(errand) => match errand.kind() {
            ErrandKind::Push | ErrandKind::Ping => Worth::News,
            ErrandKind::Verify | ErrandKind::Deny => Worth::Question,
        },
    }
}

/// Time between two moments, none when the clock ran back.
fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Handle, Spec};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn host() -> DueHost {
        DueHost { name: "a.example".into(), spec: None, well: false, failing_since: None, waiting: 1 }
    }

    /// Judges one outcome after the other at one host, and says what was news of it each time.
    fn news_of(host: &mut DueHost, outcomes: &[(i64, Outcome)]) -> Vec<HostNews> {
        let delivery = DueDelivery { seq: 1, parcel: 1, inbox: "https://a.example/inbox".into(), attempts: 0 };
        let cargo =
            Cargo::Activity { reviewer: Handle::parse("ana").unwrap(), body: Vec::new().into(), sha256: [0; 32] };
        let parcel = Parcel { id: "1".into(), kind: "Create".into(), cargo, created: at(0) };
        let judged = |(second, outcome): &(i64, Outcome)| {
            let give_up_after = Duration::from_secs(60 * 24 * 3600);
            let circumstances = Circumstances { now: at(*second), chance: 0.5, give_up_after };
            judge(&delivery, &parcel, outcome, host, circumstances).host_news
        };
        outcomes.iter().map(judged).collect()
    }

    fn delivered(spec: Spec) -> Outcome {
        Outcome::Delivered { spec: Some(spec) }
    }

    fn failed(status: u16) -> Outcome {
        Outcome::Failed { reason: "trouble".into(), status: Some(status), retry_after: None }
    }

    #[test]
    fn only_what_is_new_of_a_host_is_written_down() {
        let mut host = host();
        let outcomes = [
            (1, delivered(Spec::Cavage)),
            (2, delivered(Spec::Cavage)),
            (3, Outcome::Refused(403)),
            (4, delivered(Spec::Rfc9421)),
            (5, failed(500)),
            (6, Outcome::Refused(403)),
            (7, delivered(Spec::Rfc9421)),
        ];
        let expected = [
            HostNews::Alive(Some(Spec::Cavage)),
            HostNews::Nothing,
            HostNews::Nothing,
            HostNews::Alive(Some(Spec::Rfc9421)),
            HostNews::Failed { closed_until: at(5), dead: false },
            HostNews::Alive(None),
            HostNews::Nothing,
        ];
        assert_eq!(news_of(&mut host, &outcomes), expected);
        assert_eq!((host.well, host.spec), (true, Some(Spec::Rfc9421)));
    }

    #[test]
    fn a_host_is_dead_after_a_week_of_failures_without_a_break() {
        const DAY: i64 = 24 * 3600;
        let mut host = host();
        let outcomes = [(0, failed(500)), (6 * DAY, failed(500)), (7 * DAY, failed(500))];
        let closed = |day: i64, dead| HostNews::Failed { closed_until: at(day * DAY), dead };
        assert_eq!(news_of(&mut host, &outcomes), [closed(0, false), closed(6, false), closed(14, true)]);
        let outcomes = [(8 * DAY, Outcome::Refused(410)), (15 * DAY, failed(500))];
        assert_eq!(news_of(&mut host, &outcomes), [HostNews::Alive(None), closed(15, false)]);
    }
}
