//! No two reviews of a reviewer are published in the same second: equal times confuse feed readers. Pure.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

/// Notes before this are refused by Misskey (`isSafeT`); older reviews keep their own date on the page.
const EARLIEST: i64 = 946_684_800;

/// The seconds that are taken.
#[derive(Debug, Default)]
pub struct Seconds {
    taken: BTreeSet<i64>,
    /// From a taken second to one before it that may be free: ten thousand files with one date are no ten thousand steps each.
    before: HashMap<i64, i64>,
}

impl Seconds {
    pub fn new(taken: impl Iterator<Item = Timestamp>) -> Self {
        Self { taken: taken.map(Timestamp::as_second).collect(), before: HashMap::new() }
    }

    /// Takes this second, or the last free one before it: what has happened does not reach into the future, however many
    /// files were copied just now. Only at the earliest possible time the next free one after it.
    pub fn take_before(&mut self, wanted: Timestamp) -> Timestamp {
        let mut second = wanted.as_second().max(EARLIEST);
        let mut passed = Vec::new();
        while self.taken.contains(&second) {
            passed.push(second);
            second = self.before.get(&second).copied().unwrap_or(second - 1);
        }
        self.before.extend(passed.into_iter().map(|taken| (taken, second)));
        if second >= EARLIEST {
            return self.take(second);
        }
        let after = (EARLIEST..).find(|second| !self.taken.contains(second));
        self.take(after.unwrap_or(EARLIEST))
    }

    /// Takes this second, or the one after the newest: a clock that was set back puts nothing below what readers have.
    pub fn take_newest(&mut self, now: Timestamp) -> Timestamp {
        let after = self.taken.last().map_or(EARLIEST, |newest| newest + 1);
        self.take(now.as_second().max(after))
    }

    fn take(&mut self, second: i64) -> Timestamp {
        self.taken.insert(second);
        // Seconds of the calendar's range came in, and a neighbour goes out.
        Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_has_happened_is_put_before_and_what_happens_after() {
        let mut seconds = Seconds::new([at(EARLIEST + 100)].into_iter());
        for (wanted, taken) in [(100, 99), (100, 98), (98, 97), (200, 200), (200, 199), (99, 96), (101, 101), (101, 95)]
        {
            assert_eq!(seconds.take_before(at(EARLIEST + wanted)).as_second() - EARLIEST, taken, "{wanted}");
        }
        for (now, taken) in [(150, 201), (150, 202), (500, 500)] {
            assert_eq!(seconds.take_newest(at(EARLIEST + now)).as_second() - EARLIEST, taken, "{now}");
        }
    }

    #[test]
    fn ancient_reviews_stand_after_the_earliest_time() {
        let mut seconds = Seconds::default();
        for taken in 0..5 {
            assert_eq!(seconds.take_before(Timestamp::UNIX_EPOCH).as_second() - EARLIEST, taken);
        }
    }

    #[test]
    fn many_of_one_date_are_quickly_apart() {
        let mut seconds = Seconds::default();
        for n in 0..100_000 {
            assert_eq!(seconds.take_before(at(EARLIEST + 200_000)), at(EARLIEST + 200_000 - n));
        }
    }
}
