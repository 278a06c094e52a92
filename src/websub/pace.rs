//! How often somebody may have a callback asked: a hub must not be a way to knock at other people's doors.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// The time in which requests are counted.
const WINDOW: Duration = Duration::from_secs(3600);
/// Names that are counted at once; when there are more, those whose time is over are forgotten.
const NAMES_MAX: usize = 20_000;
/// How often that is tried: looking at all of them for each request would be work to be had for nothing.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Counts, for each name, what it had in its last hour. In memory: after a restart everybody begins anew.
#[derive(Debug, Default)]
pub struct Pace(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    by_name: HashMap<String, Count>,
    /// When names may be forgotten again.
    next_sweep: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    began: Duration,
    times: u32,
}

impl Pace {
    /// Counts once more for `name`, at `now` on the monotonic clock; how long to wait when that is more than `most` an hour.
    pub fn take(&self, name: &str, most: u32, now: Duration) -> Option<Duration> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.by_name.len() >= NAMES_MAX && !counts.by_name.contains_key(name) {
            if now >= counts.next_sweep {
                counts.by_name.retain(|_, count| now < count.began + WINDOW);
                counts.next_sweep = now + SWEEP_EVERY;
            }
            if counts.by_name.len() >= NAMES_MAX {
                return Some(SWEEP_EVERY);
            }
        }
        let fresh = Count { began: now, times: 0 };
        let count = counts.by_name.entry(name.to_owned()).or_insert(fresh);
        if now >= count.began + WINDOW {
            *count = fresh;
        }
        if count.times >= most {
            return Some(count.began + WINDOW - now);
        }
        count.times += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_had_enough_waits_for_the_rest_of_the_hour_and_others_do_not() {
        let (pace, start, minute) = (Pace::default(), Duration::from_secs(9), Duration::from_secs(60));
        assert!((0..3).all(|_| pace.take("a", 3, start).is_none()));
        assert_eq!(pace.take("a", 3, start + minute), Some(59 * minute));
        assert_eq!(pace.take("b", 3, start + minute), None);
        assert_eq!(pace.take("a", 3, start + 60 * minute), None);
    }

    #[test]
    fn a_million_names_do_not_fill_the_memory() {
        let pace = Pace::default();
        let now = Duration::from_secs(9);
        let taken = (0..100_000).filter(|name| pace.take(&name.to_string(), 1, now).is_none()).count();
        assert_eq!(taken, NAMES_MAX);
        assert_eq!(pace.take("later", 1, now + WINDOW), None);
    }
}
