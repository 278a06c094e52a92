//! When an authority is asked, and how: decided from what is known. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::Validity;

/// After the first failure. Let's Encrypt takes five failed validations an hour for a name
/// (<https://letsencrypt.org/docs/rate-limits/>): with doubling, four fall into the first hour.
const RETRY_FIRST: Duration = Duration::from_secs(5 * 60);
/// Between a certificate and the next one, however short it lives.
pub const PAUSE: Duration = RETRY_FIRST;
/// However often it failed.
const RETRY_MAX: Duration = Duration::from_secs(12 * 3600);
/// However long an authority wants to be left alone.
const ASKED_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Sites that failed together do not come back together.
const SPREAD: f64 = 0.2;
/// Failures that a restart makes good again; after them it waits too, or a service that is restarted every ten seconds would
/// use up what the authority allows.
const RESTARTS_FREE: u32 = 4;
/// A failure is told as one that lasts.
const LASTS_FROM: u32 = 3;

/// Two thirds of a lifetime, as Let's Encrypt advises: a month remains of ninety days.
const RENEW_AT: f64 = 2.0 / 3.0;
/// Of the lifetime, over which renewals are spread.
const RENEW_SPREAD: f64 = 1.0 / 30.0;

/// How an authority sees that the name is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// It asks port 80 for a file.
    #[serde(rename = "http-01")]
    Http01,
    /// It asks port 443 for a certificate made for the purpose.
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
}

/// What went wrong since the last success.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    pub count: u32,
    pub reason: String,
    /// Not before.
    pub next_try: Option<Timestamp>,
    /// The authority itself said when.
    pub authority_said: bool,
}

impl Failures {
    /// One more, at `now`; `asked` is how long the authority wants to be left alone.
    pub fn and(&self, reason: String, asked: Option<Duration>, now: Timestamp, chance: f64) -> Self {
        let count = self.count.saturating_add(1);
        let doubled = RETRY_FIRST.saturating_mul(1 << (count - 1).min(16)).min(RETRY_MAX);
        let own = doubled.mul_f64(1.0 + SPREAD * chance);
        let next = now + own.max(asked.unwrap_or_default().min(ASKED_MAX));
        // Nobody wants to read of nanoseconds.
        let next = Timestamp::from_second(next.as_second()).unwrap_or(next);
        Self { count, reason, next_try: Some(next), authority_said: asked.is_some_and(|asked| asked > own) }
    }

    /// When a program that starts at `now` asks: at once, unless that could anger the authority.
    pub fn first_try(&self, now: Timestamp) -> Timestamp {
        let Some(next) = self.next_try else { return now };
        let is_plausible =
            next.duration_since(now) <= SignedDuration::try_from(ASKED_MAX).unwrap_or(SignedDuration::MAX);
        let must_wait = self.authority_said || self.count >= RESTARTS_FREE;
        if must_wait && is_plausible { next.max(now) } else { now }
    }

    /// It is not a hiccup any more.
    pub fn last(&self) -> bool {
        self.count >= LASTS_FROM
    }
}

/// When a certificate is renewed; `chance` lies between 0 and 1.
pub fn renew_at(validity: Validity, chance: f64) -> Timestamp {
    let part = (RENEW_AT + RENEW_SPREAD * chance).clamp(0.0, 1.0);
    let seconds = validity.lifetime().as_secs_f64() * part;
    validity.not_before + SignedDuration::from_secs(seconds as i64)
}

/// Which proof is given. Where both are possible, each try takes the other one: a firewall or a proxy may be in the way of
/// one of them.
pub fn proof(offered: &[Proof], has_http: bool, failures: u32) -> Option<Proof> {
    let possible = |proof: &Proof| offered.contains(proof) && (*proof != Proof::Http01 || has_http);
    let order = match failures % 2 {
        0 => [Proof::Http01, Proof::TlsAlpn01],
        _ => [Proof::TlsAlpn01, Proof::Http01],
    };
    order.into_iter().find(possible)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_certificate_of_ninety_days_is_renewed_with_a_month_to_go() {
        let validity = Validity { not_before: at("2026-11-01T00:00:00Z"), not_after: at("2027-01-30T00:00:00Z") };
        assert_eq!(renew_at(validity, 0.0), at("2026-12-31T00:00:00Z"));
        assert_eq!(renew_at(validity, 1.0), at("2027-01-03T00:00:00Z"));
    }

    #[test]
    fn four_failures_fall_into_the_first_hour_and_then_they_are_rare() {
        let start = at("2026-11-22T12:00:00Z");
        let (mut failures, mut now, mut tries) = (Failures::default(), start, Vec::new());
        for _ in 0..12 {
            tries.push(now.duration_since(start).as_mins());
            failures = failures.and("no DNS".into(), None, now, 0.0);
            now = failures.next_try.unwrap();
        }
        assert_eq!(tries, [0, 5, 15, 35, 75, 155, 315, 635, 1275, 1995, 2715, 3435]);
    }

    #[test]
    fn what_the_authority_asks_for_is_kept_even_over_a_restart() {
        let now = at("2026-11-22T12:00:00Z");
        let limited = Failures::default().and("too many".into(), Some(Duration::from_secs(7200)), now, 0.5);
        assert_eq!(limited.next_try, Some(at("2026-11-22T14:00:00Z")));
        assert_eq!(limited.first_try(now), at("2026-11-22T14:00:00Z"));
        let once = Failures::default().and("no DNS".into(), None, now, 0.5);
        assert_eq!(once.first_try(now), now);
        let often = (0..4).fold(Failures::default(), |failures, _| failures.and("no DNS".into(), None, now, 0.5));
        assert_eq!(often.first_try(now), often.next_try.unwrap());
        // A clock that was wrong for a while holds nobody up for years.
        assert_eq!(often.first_try(at("2020-01-01T00:00:00Z")), at("2020-01-01T00:00:00Z"));
    }

    #[test]
    fn every_try_takes_the_other_proof_where_both_are_possible() {
        use Proof::{Http01, TlsAlpn01};
        for (offered, has_http, failures, expected) in [
            (&[Http01, TlsAlpn01][..], true, 0, Some(Http01)),
            (&[Http01, TlsAlpn01], true, 1, Some(TlsAlpn01)),
            (&[Http01, TlsAlpn01], true, 2, Some(Http01)),
            (&[Http01, TlsAlpn01], false, 0, Some(TlsAlpn01)),
            (&[Http01], true, 1, Some(Http01)),
            (&[Http01], false, 0, None),
            (&[], true, 0, None),
        ] {
            assert_eq!(proof(offered, has_http, failures), expected, "{offered:?} {has_http} {failures}");
        }
    }

    proptest! {
        #[test]
        fn waits_never_shrink_and_never_exceed_a_week(count in 0_u32..100, asked in proptest::option::of(0_u64..1 << 40), chance in 0.0..1.0) {
            let now = at("2026-11-22T12:00:00Z");
            let before = Failures { count, ..Failures::default() };
            let wait = |failures: &Failures| failures.next_try.unwrap().duration_since(now);
            let next = before.and(String::new(), asked.map(Duration::from_secs), now, chance);
            let later = next.and(String::new(), asked.map(Duration::from_secs), now, chance);
            prop_assert!(wait(&later) >= wait(&next));
            prop_assert!(wait(&later) <= SignedDuration::from_hours(7 * 24));
        }
    }
}
