//! Who reads the feeds, and how: kept in memory for a day, so that a reviewer sees readers and an operator sees programs
//! that fetch without asking whether anything is new.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::http::{HeaderMap, StatusCode, header};
use jiff::{SignedDuration, Timestamp};

use crate::domain::reader::FeedReader;

/// How long an address is remembered after it was seen last, and counted at all.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);
/// Programs that are remembered at once; further ones are not counted until others are forgotten.
const READERS_MAX: usize = 4000;
/// Of what a program calls itself, in characters.
const AGENT_CHARS_MAX: usize = 80;

/// The programs seen in the last day.
#[derive(Debug, Default)]
pub struct Readers(Mutex<HashMap<(String, Option<IpAddr>), FeedReader>>);

impl Readers {
    /// Notes one fetch of a feed and how it was answered.
    pub fn note(&self, address: Option<IpAddr>, headers: &HeaderMap, status: StatusCode, now: Timestamp) {
        let full = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("(no name)");
        let agent: String = full.chars().filter(|c| !c.is_control()).take(AGENT_CHARS_MAX).collect();
        let mut readers = self.lock();
        if readers.len() >= READERS_MAX {
            forget(&mut readers, now);
        }
        let key = (agent, address);
        if readers.len() >= READERS_MAX && !readers.contains_key(&key) {
            return;
        }
        let new = FeedReader {
            agent: key.0.clone(),
            address,
            subscribers: None,
            fetches: 0,
            conditional: 0,
            unchanged: 0,
            since: now,
            last: now,
        };
        let reader = readers.entry(key).or_insert(new);
        if now.duration_since(reader.since) > REMEMBERED {
            // Yesterday's counts would hide how it behaves today.
            (reader.fetches, reader.conditional, reader.unchanged, reader.since) = (0, 0, 0, now);
        }
        reader.last = now;
        reader.subscribers = subscribers(full).or(reader.subscribers);
        reader.fetches += 1;
        let conditional =
            headers.contains_key(header::IF_NONE_MATCH) || headers.contains_key(header::IF_MODIFIED_SINCE);
        reader.conditional += u64::from(conditional);
        reader.unchanged += u64::from(status == StatusCode::NOT_MODIFIED);
    }

    /// The programs of the last day, those that fetch most first.
    pub fn list(&self, now: Timestamp) -> Vec<FeedReader> {
        let mut readers = self.lock();
        forget(&mut readers, now);
        let mut list: Vec<_> = readers.values().cloned().collect();
        list.sort_by(|a, b| b.fetches.cmp(&a.fetches).then_with(|| a.agent.cmp(&b.agent)));
        list
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, Option<IpAddr>), FeedReader>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget(readers: &mut HashMap<(String, Option<IpAddr>), FeedReader>, now: Timestamp) {
    readers.retain(|_, reader| now.duration_since(reader.last) <= REMEMBERED);
}

/// Services that read for many say for how many: `Feedbin feed-id:1 - 12 subscribers`.
fn subscribers(agent: &str) -> Option<u32> {
    let before = agent.split("subscriber").next().filter(|before| before.len() < agent.len())?;
    before.trim_end().rsplit(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn start() -> Timestamp {
        "2026-11-22T08:00:00Z".parse().unwrap()
    }

    fn headers(agent: &str, tag: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, agent.parse().unwrap());
        headers.extend(tag.map(|tag| (header::IF_NONE_MATCH, tag.parse().unwrap())));
        headers
    }

    #[test]
    fn a_programs_fetches_are_counted_by_how_it_asks() {
        let readers = Readers::default();
        let address = "203.0.113.7".parse().ok();
        readers.note(address, &headers("Feedbin feed-id:1 - 12 subscribers", None), StatusCode::OK, start());
        let again = headers("Feedbin feed-id:1 - 12 subscribers", Some("\"a\""));
        readers.note(address, &again, StatusCode::NOT_MODIFIED, start() + HOUR);
        readers.note(None, &headers("curl/8", None), StatusCode::OK, start() + HOUR);
        let list = readers.list(start() + HOUR);
        assert_eq!(list.len(), 2);
        assert_eq!((list[0].fetches, list[0].conditional, list[0].unchanged), (2, 1, 1));
        assert_eq!(list[0].subscribers, Some(12));
    }

    #[test]
    fn an_address_is_forgotten_after_a_day() {
        let readers = Readers::default();
        readers.note("203.0.113.7".parse().ok(), &headers("a", None), StatusCode::OK, start());
        assert_eq!(readers.list(start() + HOUR * 24).len(), 1);
        assert!(readers.list(start() + HOUR * 25).is_empty());
    }

    #[test]
    fn invented_names_fill_no_memory() {
        let readers = Readers::default();
        for number in 0..READERS_MAX + 100 {
            readers.note(None, &headers(&format!("bot {number}"), None), StatusCode::OK, start());
        }
        assert_eq!(readers.list(start()).len(), READERS_MAX);
    }

    #[test]
    fn a_service_says_for_how_many_it_reads() {
        for (agent, expected) in [
            ("Feedly/1.0 (+http://www.feedly.com/fetcher.html; 16 subscribers; like FeedFetcher-Google)", Some(16)),
            ("NewsBlur Feed Fetcher - 1 subscriber - http://www.newsblur.com", Some(1)),
            ("subscribers", None),
            ("Miniflux/2.2.6", None),
        ] {
            assert_eq!(subscribers(agent), expected, "{agent}");
        }
    }
}
