//! Wrong passwords: each makes the next try of that client wait longer.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::clock::Clock;

/// Slips that cost nothing.
const FREE: u32 = 3;
/// Longest wait; a password of the length that is demanded is not found at any pace.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// When a slip is forgotten.
const MEMORY: Duration = Duration::from_secs(3600);
/// Clients remembered at most; beyond that all others share one place.
const CLIENTS_MAX: usize = 10_000;

/// Counts the failures of each client; `None` is a program on this machine.
pub struct Patience {
    clock: Clock,
    failures: Mutex<HashMap<Option<IpAddr>, Failures>>,
}

#[derive(Clone, Copy, Default)]
struct Failures {
    count: u32,
    last: Duration,
}

impl Patience {
    pub fn new(clock: Clock) -> Self {
        Self { clock, failures: Mutex::default() }
    }

    /// How long this client has to wait before a password of theirs is looked at.
    pub fn wait(&self, client: Option<IpAddr>) -> Option<Duration> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.elapsed();
        failures.retain(|_, one| now.saturating_sub(one.last) < MEMORY);
        let known = failures.get(&place(&failures, client))?;
        let doublings = known.count.checked_sub(FREE)?;
        let wait = Duration::from_secs(1_u64 << doublings.min(16)).min(WAIT_MAX);
        (known.last + wait).checked_sub(now).filter(|left| !left.is_zero())
    }

    pub fn failed(&self, client: Option<IpAddr>) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let place = place(&failures, client);
        let known = failures.entry(place).or_default();
        *known = Failures { count: known.count.saturating_add(1), last: self.clock.elapsed() };
    }

    pub fn succeeded(&self, client: Option<IpAddr>) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(&client);
    }
}

fn place(failures: &HashMap<Option<IpAddr>, Failures>, client: Option<IpAddr>) -> Option<IpAddr> {
    if failures.len() >= CLIENTS_MAX && !failures.contains_key(&client) { None } else { client }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn every_wrong_password_after_a_few_makes_the_next_try_wait_longer() {
        let (clock, hand) = Clock::turned(Timestamp::UNIX_EPOCH, 1);
        let patience = Patience::new(clock);
        let guesser = "203.0.113.7".parse().ok();
        for _ in 0..FREE - 1 {
            patience.failed(guesser);
            assert_eq!(patience.wait(guesser), None);
        }
        let mut waits = Vec::new();
        for _ in 0..12 {
            patience.failed(guesser);
            let wait = patience.wait(guesser).unwrap();
            waits.push(wait.as_secs());
            hand.turn(wait);
            assert_eq!(patience.wait(guesser), None);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(patience.wait("203.0.113.8".parse().ok()), None, "others do not wait");
        patience.failed(guesser);
        patience.succeeded(guesser);
        assert_eq!(patience.wait(guesser), None);
    }

    #[test]
    fn slips_are_forgotten_in_an_hour() {
        let (clock, hand) = Clock::turned(Timestamp::UNIX_EPOCH, 1);
        let patience = Patience::new(clock);
        for _ in 0..5 {
            patience.failed(None);
        }
        hand.turn(MEMORY);
        assert_eq!(patience.wait(None), None);
        patience.failed(None);
        assert_eq!(patience.wait(None), None);
    }
}
