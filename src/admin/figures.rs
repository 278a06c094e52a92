//! From counted rows to what plots show. Values in, values out.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::{
    site::admin::{Day, Share},
    store::{DeliveryState, Ended, FollowerDay, WAITS},
};

/// Days that plots of deliveries go back.
pub const DAYS: i64 = 30;
const DAY_SECONDS: i64 = 24 * 3600;

/// Days since 1970, UTC.
pub fn day_of(moment: Timestamp) -> i64 {
    moment.as_second().div_euclid(DAY_SECONDS)
}

/// The followers of all reviewers together, on each day on which that changed.
pub fn follower_points(days: &[FollowerDay]) -> Vec<(i64, u64)> {
    let mut by_day: BTreeMap<i64, Vec<&FollowerDay>> = BTreeMap::new();
    for day in days {
        by_day.entry(day.day).or_default().push(day);
    }
    let mut known: HashMap<&str, u64> = HashMap::new();
    let mut points = Vec::new();
    for (day, changes) in by_day {
        for change in changes {
            known.insert(&change.reviewer, u64::try_from(change.followers).unwrap_or(0));
        }
        points.push((day, known.values().sum()));
    }
    points
}

/// The last [`DAYS`], today's last, also those on which nothing ended.
pub fn by_day(ended: &[Ended], today: i64) -> Vec<Day> {
    let mut days: BTreeMap<i64, Share> = (today - DAYS + 1..=today).map(|day| (day, Share::default())).collect();
    for one in ended {
        if let Some(share) = days.get_mut(&one.day) {
            add(share, one);
        }
    }
    days.into_iter().map(|(day, share)| Day { day, share }).collect()
}

/// What became of deliveries at one host, and how long those that arrived took on average.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AtHost {
    pub share: Share,
    pub wait: Option<SignedDuration>,
}

pub fn by_host(ended: &[Ended]) -> HashMap<String, AtHost> {
    let mut hosts: HashMap<String, (Share, i64, i64)> = HashMap::new();
    for one in ended {
        let (share, arrived, waited) = hosts.entry(one.host.clone()).or_default();
        share.name.clone_from(&one.host);
        add(share, one);
        if one.state == DeliveryState::Delivered {
            *arrived += one.count;
            *waited = waited.saturating_add(one.waited_ms);
        }
    }
    let at_host = |(host, (share, arrived, waited)): (String, (Share, i64, i64))| {
        let wait = (arrived > 0).then(|| SignedDuration::from_millis(waited / arrived.max(1)));
        (host, AtHost { share, wait })
    };
    hosts.into_iter().map(at_host).collect()
}

/// How many of those that arrived took how long; none where none did.
pub fn by_wait(ended: &[Ended]) -> Vec<(&'static str, u64)> {
    let mut waits: Vec<(&'static str, u64)> = WAITS.iter().map(|(_, words)| (*words, 0)).collect();
    for one in ended.iter().filter(|one| one.state == DeliveryState::Delivered) {
        if let Some((_, count)) = waits.get_mut(one.wait) {
            *count += u64::try_from(one.count).unwrap_or(0);
        }
    }
    waits
}

fn add(share: &mut Share, ended: &Ended) {
    let count = u64::try_from(ended.count).unwrap_or(0);
    match ended.state {
        DeliveryState::Delivered => share.delivered += count,
        DeliveryState::Superseded => share.superseded += count,
        DeliveryState::Refused => share.refused += count,
        DeliveryState::GivenUp => share.given_up += count,
        DeliveryState::Due | DeliveryState::Held => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(day: i64, host: &str, state: DeliveryState, count: i64, waited_ms: i64) -> Ended {
        Ended { day, host: host.to_owned(), state, wait: 1, count, waited_ms }
    }

    #[test]
    fn followers_of_several_reviewers_are_added_up() {
        let day = |reviewer: &str, day, followers| FollowerDay { reviewer: reviewer.to_owned(), day, followers };
        let days = [day("ana", 1, 2), day("ana", 5, 3), day("bea", 3, 10), day("bea", 5, 0)];
        assert_eq!(follower_points(&days), [(1, 2), (3, 12), (5, 3)]);
    }

    #[test]
    fn days_without_a_delivery_are_days_too() {
        let days =
            by_day(&[ended(100, "a", DeliveryState::Refused, 2, 0), ended(70, "a", DeliveryState::Refused, 9, 0)], 100);
        assert_eq!((days.len(), days[0].day, days[29].share.refused), (30, 71, 2));
        assert!(days[..29].iter().all(|day| day.share == Share::default()), "what is older stands on no day");
    }

    #[test]
    fn a_host_takes_as_long_as_what_arrived_took() {
        let rows = [
            ended(1, "a", DeliveryState::Delivered, 3, 3_000),
            ended(2, "a", DeliveryState::Delivered, 1, 5_000),
            ended(2, "a", DeliveryState::GivenUp, 1, 999_000),
            ended(2, "b", DeliveryState::Refused, 1, 100),
        ];
        let hosts = by_host(&rows);
        assert_eq!(hosts["a"].wait, Some(SignedDuration::from_secs(2)));
        assert_eq!((hosts["a"].share.delivered, hosts["a"].share.given_up), (4, 1));
        assert_eq!(hosts["b"].wait, None);
        assert_eq!(by_wait(&rows)[1], ("10 seconds", 4));
    }
}
