//! Time and chance, as arguments: the only place that asks the machine what time it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use uuid::Uuid;

/// Where the monotonic clock starts, so that moments before the start (of a delay that began in the last run) can be told.
const BEFORE_START: Duration = Duration::from_secs(400 * 24 * 3600);

/// The wall clock, a monotonic clock, waiting, and chance.
///
/// Delays are measured by [`Clock::elapsed`], which no change of the wall clock moves; what people and other servers see
/// comes from [`Clock::now`].
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    System { started: std::time::Instant },
    Turned(Arc<Turned>),
}

/// A clock turned by hand: time passes only by [`Hand::turn`].
#[derive(Debug)]
struct Turned {
    state: watch::Sender<TurnedState>,
    chance: AtomicU64,
}

#[derive(Debug, Clone, Copy)]
struct TurnedState {
    now: Timestamp,
    elapsed: Duration,
}

/// Turns a [`Clock`] made by [`Clock::turned`].
#[derive(Debug, Clone)]
pub struct Hand(Arc<Turned>);

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn system() -> Self {
        Self(Kind::System { started: std::time::Instant::now() })
    }

    /// A clock that stands at `now` until its hand is turned; `seed` fixes all its chance.
    pub fn turned(now: Timestamp, seed: u64) -> (Self, Hand) {
        let (state, _) = watch::channel(TurnedState { now, elapsed: BEFORE_START });
        let turned = Arc::new(Turned { state, chance: AtomicU64::new(seed) });
        (Self(Kind::Turned(Arc::clone(&turned))), Hand(turned))
    }

    /// The wall clock.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System { .. } => Timestamp::now(),
            Kind::Turned(turned) => turned.state.borrow().now,
        }
    }

    /// The wall clock in whole seconds, as ActivityPub peers and feeds want it.
    pub fn now_in_seconds(&self) -> Timestamp {
        Timestamp::from_second(self.now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Monotonic time; only differences mean anything.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Kind::System { started } => BEFORE_START + std::time::Instant::now().duration_since(*started),
            Kind::Turned(turned) => turned.state.borrow().elapsed,
        }
    }

    /// Waits for a monotonic duration.
    pub async fn sleep(&self, duration: Duration) {
        match &self.0 {
            Kind::System { .. } => tokio::time::sleep(duration).await,
            Kind::Turned(turned) => {
                let until = turned.state.borrow().elapsed + duration;
                let mut state = turned.state.subscribe();
                // The sender lives as long as this borrow of it, so waiting cannot fail.
                let _ = state.wait_for(|state| state.elapsed >= until).await;
            }
        }
    }

    /// A fresh identifier, ordered by time on the system clock.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn uuid(&self) -> Uuid {
        match &self.0 {
            Kind::System { .. } => Uuid::now_v7(),
            Kind::Turned(turned) => {
                let (high, low) = (turned.draw(), turned.draw());
                Uuid::from_u64_pair(high, low)
            }
        }
    }

    /// A number in `0.0..1.0`, for jitter.
    pub fn chance(&self) -> f64 {
        let bits = match &self.0 {
            Kind::System { .. } => u64::from_be_bytes(*self.uuid().as_bytes().last_chunk::<8>().unwrap_or(&[0; 8])),
            Kind::Turned(turned) => turned.draw(),
        };
        // The upper bits of a version 7 UUID's tail hold its variant; the lower 53 are random.
        (bits & ((1 << 53) - 1)) as f64 / (1_u64 << 53) as f64
    }
}

impl Hand {
    /// Lets time pass on both clocks.
    pub fn turn(&self, by: Duration) {
        self.0.state.send_modify(|state| {
            state.elapsed += by;
            state.now += by;
        });
    }

    /// Sets the wall clock alone, as an operator or NTP would: forwards or back.
    pub fn jump(&self, by: SignedDuration) {
        self.0.state.send_modify(|state| state.now += by);
    }
}

impl Turned {
    /// SplitMix64 (Steele, Lea, Flood 2014): enough chance for tests, the same for the same seed.
    fn draw(&self) -> u64 {
        let mut z = self.chance.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed).wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turned_clock_moves_only_by_hand() {
        let start: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let (clock, hand) = Clock::turned(start, 1);
        #[expect(clippy::disallowed_methods, reason = "no task tracker in a test of the clock")]
        let waiting = tokio::task::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(60)).await }
        });
        tokio::task::yield_now().await;
        hand.turn(Duration::from_secs(59));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        hand.turn(Duration::from_secs(1));
        waiting.await.unwrap();
        assert_eq!(clock.now(), start + Duration::from_secs(60));
    }

    #[test]
    fn a_jump_of_the_wall_clock_moves_no_delay() {
        let (clock, hand) = Clock::turned(Timestamp::UNIX_EPOCH, 1);
        let before = clock.elapsed();
        hand.jump(SignedDuration::from_hours(1));
        assert_eq!(clock.elapsed(), before);
        assert_eq!(clock.now().as_second(), 3600);
    }

    #[test]
    fn chance_lies_between_nothing_and_one() {
        let (clock, _hand) = Clock::turned(Timestamp::UNIX_EPOCH, 7);
        for clock in [clock, Clock::system()] {
            for _ in 0..1000 {
                assert!((0.0..1.0).contains(&clock.chance()));
            }
        }
    }
}
