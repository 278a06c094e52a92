//! When to knock again at an inbox that did not answer well. Pure.

use std::time::Duration;

use crate::domain::Outcome;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The wait after the first, second, … failed attempt; the last one repeats. A hiccup costs a minute, a night's
/// outage no more than a few attempts, and a server that is rebuilt over a weekend is met again within a day.
const WAITS: [Duration; 8] = [
    MINUTE,
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    HOUR,
    Duration::from_secs(3 * 3600),
    Duration::from_secs(6 * 3600),
    Duration::from_secs(12 * 3600),
    DAY,
];

/// Share of a wait that chance takes off or adds, so that a thousand messages to one host do not return together.
const JITTER: f64 = 0.2;

/// What a `Retry-After` may ask for: no hammering, no "come back next year".
const RETRY_AFTER_LEAST: Duration = Duration::from_secs(30);
const RETRY_AFTER_MOST: Duration = DAY;

/// A Delete is a promise to the author: it is tried for longer than a review is news.
const DELETE_GIVE_UP_AFTER: Duration = Duration::from_secs(30 * 24 * 3600);

/// Whoever asked is waiting, or has gone: a question that nobody can be asked is dropped after the third try.
const QUESTION_GIVE_UP_AFTER: Duration = Duration::from_secs(4 * 60);

/// What a message is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// A review, or a feed that has changed.
    News,
    /// A Delete.
    Promise,
    /// A question to a WebSub callback that anybody may have named, and a word to one that is let go.
    Question,
}

/// What is to be done with a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    Done,
    RetryAfter(Duration),
    /// Kept and shown, never tried again: refused, or failed for too long.
    GiveUp,
}

/// What follows from an attempt.
///
/// `attempts` counts those made, this one included; `age` is how long ago the message first fell due; `chance` lies in
/// `0.0..1.0`. A delivery is given up at the first failure at or after `give_up_after`, never before.
pub fn next_step(outcome: &Outcome, attempts: u32, age: Duration, chance: f64, give_up_after: Duration) -> NextStep {
    match outcome {
        Outcome::Delivered { .. } => NextStep::Done,
        Outcome::Refused(_) => NextStep::GiveUp,
        Outcome::Failed { status: Some(status), .. } if is_final(*status) => NextStep::GiveUp,
        Outcome::Failed { .. } if age >= give_up_after => NextStep::GiveUp,
        Outcome::Failed { retry_after, .. } => {
            let asked = retry_after.map(|wait| wait.clamp(RETRY_AFTER_LEAST, RETRY_AFTER_MOST));
            NextStep::RetryAfter(wait(attempts, chance).max(asked.unwrap_or_default()))
        }
    }
}

/// Whether an inbox's answer is final: 501 and 4xx are, except those that speak of the moment (408, 425, 429) or of a key
/// that could not be fetched (401). Mastodon's rule (`response_error_unsalvageable?`), and 425 by RFC 8470.
pub fn is_final(status: u16) -> bool {
    match status {
        401 | 408 | 425 | 429 => false,
        400..=499 | 501 => true,
        _ => false,
    }
}

/// Whether a failed attempt speaks of the whole host, so that its other inboxes need not be tried: nobody answered, it asks
/// for time, or a proxy says that nobody is behind it (520 to 530 are Cloudflare's). Anything else may be one inbox's trouble.
pub fn speaks_for_host(status: Option<u16>) -> bool {
    matches!(status, None | Some(429 | 502..=504 | 520..=530))
}

/// How long a message is tried: as the settings say, a Delete for at least 30 days, a question for minutes.
pub fn patience(worth: Worth, give_up_after: Duration) -> Duration {
    match worth {
        Worth::News => give_up_after,
        Worth::Promise => give_up_after.max(DELETE_GIVE_UP_AFTER),
        Worth::Question => QUESTION_GIVE_UP_AFTER,
    }
}

fn wait(attempts: u32, chance: f64) -> Duration {
    let step = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let base = WAITS.get(step).copied().unwrap_or(DAY);
    base.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Spec;

    const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

    fn failed(retry_after: Option<Duration>) -> Outcome {
        Outcome::Failed { reason: "HTTP 503".into(), status: Some(503), retry_after }
    }

    fn wait_after(attempts: u32, chance: f64, retry_after: Option<Duration>) -> Duration {
        match next_step(&failed(retry_after), attempts, Duration::ZERO, chance, WEEK) {
            NextStep::RetryAfter(wait) => wait,
            step @ (NextStep::Done | NextStep::GiveUp) => unreachable!("{step:?}"),
        }
    }

    #[test]
    fn the_waits_are_those_we_promise() {
        let minutes: Vec<_> = (1..=10).map(|attempts| wait_after(attempts, 0.5, None).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 5, 15, 60, 180, 360, 720, 1440, 1440, 1440]);
    }

    #[test]
    fn success_and_refusal_end_a_delivery_whatever_its_age() {
        for age in [Duration::ZERO, WEEK * 9] {
            let delivered = Outcome::Delivered { spec: Some(Spec::Cavage) };
            assert_eq!(next_step(&delivered, 1, age, 0.5, WEEK), NextStep::Done);
            assert_eq!(next_step(&Outcome::Refused(403), 1, age, 0.5, WEEK), NextStep::GiveUp);
        }
    }

    #[test]
    fn an_answer_is_final_or_worth_another_try() {
        for status in [400, 403, 404, 405, 406, 410, 413, 415, 422, 501] {
            let outcome = Outcome::Failed { reason: String::new(), status: Some(status), retry_after: None };
            assert_eq!(next_step(&outcome, 1, Duration::ZERO, 0.5, WEEK), NextStep::GiveUp, "{status}");
        }
        for status in [301, 401, 408, 425, 429, 500, 502, 503, 504, 521] {
            let outcome = Outcome::Failed { reason: String::new(), status: Some(status), retry_after: None };
            let step = next_step(&outcome, 1, Duration::ZERO, 0.5, WEEK);
            assert_eq!(step, NextStep::RetryAfter(MINUTE), "{status}");
        }
    }

    #[test]
    fn one_inbox_in_trouble_is_not_the_whole_host() {
        for status in [None, Some(429), Some(502), Some(503), Some(504), Some(521)] {
            assert!(speaks_for_host(status), "{status:?}");
        }
        for status in [Some(301), Some(401), Some(408), Some(500)] {
            assert!(!speaks_for_host(status), "{status:?}");
        }
    }

    #[test]
    fn a_failure_is_given_up_at_its_age_and_not_before() {
        let second = Duration::from_secs(1);
        let step = |age| next_step(&failed(None), 12, age, 0.5, WEEK);
        assert!(matches!(step(WEEK - second), NextStep::RetryAfter(_)));
        assert_eq!(step(WEEK), NextStep::GiveUp);
    }

    #[test]
    fn a_delete_is_tried_for_thirty_days() {
        assert_eq!(patience(Worth::News, WEEK), WEEK);
        assert_eq!(patience(Worth::Promise, WEEK), DELETE_GIVE_UP_AFTER);
        assert_eq!(patience(Worth::Promise, DELETE_GIVE_UP_AFTER * 2), DELETE_GIVE_UP_AFTER * 2);
    }

    #[test]
    fn a_question_to_somebody_silent_is_asked_three_times() {
        let (mut age, mut asked) = (Duration::ZERO, 1);
        let patience = patience(Worth::Question, WEEK);
        while let NextStep::RetryAfter(wait) = next_step(&failed(None), asked, age, 0.5, patience) {
            (age, asked) = (age + wait, asked + 1);
        }
        assert_eq!(asked, 3);
    }

    #[test]
    fn what_an_inbox_asks_for_is_honoured_within_reason() {
        let asked = |seconds| wait_after(1, 0.5, Some(Duration::from_secs(seconds))).as_secs();
        assert_eq!(asked(0), 60);
        assert_eq!(asked(600), 600);
        assert_eq!(asked(31_536_000), 24 * 3600);
    }

    proptest! {
        #[test]
        fn waits_never_shrink(attempts in 1_u32..200, chance in 0.0..1.0) {
            prop_assert!(wait_after(attempts, chance, None) <= wait_after(attempts + 1, chance, None));
        }

        #[test]
        fn until_they_are_daily_not_even_chance_shrinks_them(attempts in 1_u32..8, before in 0.0..1.0, after in 0.0..1.0) {
            prop_assert!(wait_after(attempts, before, None) < wait_after(attempts + 1, after, None));
        }

        #[test]
        fn a_wait_lies_within_its_jitter(attempts in any::<u32>(), chance in 0.0..1.0) {
            let (middle, wait) = (wait_after(attempts, 0.5, None), wait_after(attempts, chance, None));
            prop_assert!(wait >= middle.mul_f64(0.79) && wait <= middle.mul_f64(1.21));
        }

        #[test]
        fn a_dead_host_is_given_up_within_two_days_of_its_time(
            chances in proptest::collection::vec(0.0..1.0, 64),
            asked in proptest::option::of(0_u64..999_999),
            days in 1_u32..31,
        ) {
            let patience = DAY * days;
            let mut age = Duration::ZERO;
            for (attempt, chance) in (1..).zip(chances) {
                match next_step(&failed(asked.map(Duration::from_secs)), attempt, age, chance, patience) {
                    NextStep::RetryAfter(wait) => age += wait,
                    NextStep::GiveUp => break,
                    NextStep::Done => prop_assert!(false, "a failure is not done"),
                }
            }
            prop_assert!(age >= patience && age < patience + 2 * DAY, "{age:?}");
        }
    }
}
