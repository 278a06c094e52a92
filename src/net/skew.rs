//! What other servers' clocks say, in passing: every answer carries a `Date`, so nobody has to be asked the time.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimeParser};
use reqwest::header::{DATE, HeaderMap};

use crate::clock::Clock;

/// Servers remembered; the median of a few dozen is not moved by one that is wrong.
const HOSTS_MAX: usize = 64;
/// Fewer say nothing.
const HOSTS_MIN: usize = 3;
/// What was said longer ago says nothing of the clock as it is now.
const FRESH: SignedDuration = SignedDuration::from_hours(24);

/// The latest word of each host, the newest last.
#[derive(Debug, Clone)]
pub struct Skews {
    clock: Clock,
    heard: Arc<Mutex<VecDeque<Heard>>>,
}

#[derive(Debug, Clone)]
struct Heard {
    host: String,
    at: Timestamp,
    ahead: SignedDuration,
}

impl Skews {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, heard: Arc::default() }
    }

    /// Notes the `Date` of an answer that came just now.
    pub(super) fn note(&self, host: &str, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| DateTimeParser::new().relaxed_weekday(true).parse_timestamp(date).ok());
        let Some(date) = date else { return };
        let at = self.clock.now();
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.retain(|one| one.host != host);
        if heard.len() >= HOSTS_MAX {
            heard.pop_front();
        }
        heard.push_back(Heard { host: host.to_owned(), at, ahead: at.duration_since(date) });
    }

    /// How far this machine's clock runs ahead of most others, and how many they are; `None` where too few were heard.
    pub fn median(&self) -> Option<(SignedDuration, usize)> {
        let now = self.clock.now();
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = heard.iter().filter(|one| now.duration_since(one.at).abs() < FRESH);
        let mut ahead: Vec<SignedDuration> = fresh.map(|one| one.ahead).collect();
        ahead.sort();
        let median = ahead.get(ahead.len() / 2).copied()?;
        (ahead.len() >= HOSTS_MIN).then_some((median, ahead.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_clock_among_others_changes_nothing() {
        let (clock, hand) = Clock::turned("2026-11-22T13:00:00Z".parse().unwrap(), 1);
        let skews = Skews::new(clock);
        let say = |host: &str, date: &str| skews.note(host, &HeaderMap::from_iter([(DATE, date.parse().unwrap())]));
        say("a.example", "Sun, 22 Nov 2026 12:00:00 GMT");
        say("wrong.example", "Sun, 22 Nov 1970 12:00:00 GMT");
        assert_eq!(skews.median(), None);
        say("b.example", "Sun, 22 Nov 2026 12:00:01 GMT");
        say("c.example", "Sun, 22 Nov 2026 11:59:59 GMT");
        say("nonsense.example", "noon");
        assert_eq!(skews.median(), Some((SignedDuration::from_secs(3601), 4)));
        for n in 0..200 {
            say(&format!("{n}.example"), "Sun, 22 Nov 2026 13:00:00 GMT");
        }
        assert_eq!(skews.median(), Some((SignedDuration::ZERO, HOSTS_MAX)));
        hand.turn(std::time::Duration::from_secs(25 * 3600));
        assert_eq!(skews.median(), None);
    }
}
