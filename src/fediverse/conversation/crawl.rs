//! Replies to replies that never reached our inbox: found in the `replies` of the posts we know, at growing intervals,
//! each fetched from its own host (FEDERATION 5.42).

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Conversation;
use crate::{
    domain::{KeptReply, Source},
    fediverse::{
        inbox::same_host,
        json::{address_of, authority, items},
        peers::{PeerProblem, Visit},
    },
    store::{CRAWL_COOL_DOWN, DueCrawl, StoreError},
};

/// Pages of `replies` collections read in one look at a thread.
const PAGES_MAX: usize = 10;
/// Posts fetched in one look at a thread.
const POSTS_MAX: usize = 200;
/// Known posts whose replies are read in one look, those without a collection included.
const TARGETS_MAX: i64 = 50;
/// Threads looked through one after the other before what arrived is looked at again.
const THREADS_AT_ONCE: i64 = 20;
/// Waits between the looks after the last thing that happened in a thread, the first after [`CRAWL_COOL_DOWN`].
const WAITS: [SignedDuration; 4] =
    [CRAWL_COOL_DOWN, SignedDuration::from_hours(1), SignedDuration::from_hours(6), SignedDuration::from_hours(24)];
/// How often the table is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What one look at a thread may still cost.
struct Budget {
    pages: usize,
    posts: usize,
    /// Hosts that did not answer.
    silent: HashSet<String>,
}

impl Budget {
    /// A host that does not answer would make each of its posts a long wait: it is not asked again in this look.
    fn note(&mut self, address: &str, problem: &PeerProblem) {
        tracing::debug!(address, %problem, "{address} could not be read: {problem}");
        if problem.is_passing() {
            self.silent.extend(authority(address));
        }
    }
}

/// What a look at a thread brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    new: usize,
    /// The budget ended before the thread did.
    more: bool,
}

impl Conversation {
    /// Looks through threads when their time comes, until told to stop.
    pub async fn crawl(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let began = self.clock.elapsed();
            if let Err(error) = self.look_through(&stop).await {
                tracing::error!(%error, "threads could not be looked through: {error}");
            }
            let rest = LOOK_EVERY.saturating_sub(self.clock.elapsed().saturating_sub(began));
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clock.sleep(rest) => {}
            }
        }
    }

    async fn look_through(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        self.store.forget_gone(self.now()).await?;
        for due in self.store.due_crawls(self.now(), THREADS_AT_ONCE).await? {
            if stop.is_cancelled() {
                return Ok(());
            }
            let DueCrawl { handle, review, step } = &due;
            let found = match self.look_through_thread(&due).await {
                Ok(found) => found,
                Err(PeerProblem::Store(error)) => return Err(error),
                Err(problem) => {
                    tracing::debug!(%handle, %review, %problem, "the thread of {review} was not read to its end: {problem}");
                    Found { new: 0, more: false }
                }
            };
            if found.new > 0 {
                tracing::info!(%handle, %review, found = found.new, "{} more replies were found in the thread of {review}", found.new);
            }
            self.store.settle_crawl(&due, next(*step, found, self.now())).await?;
        }
        Ok(())
    }

    async fn look_through_thread(&self, due: &DueCrawl) -> Result<Found, PeerProblem> {
        let began = self.now();
        let mut budget = Budget { pages: PAGES_MAX, posts: POSTS_MAX, silent: HashSet::new() };
        let mut new = 0;
        if self.store.published(&due.handle, &due.review).await?.is_none() {
            return Ok(Found { new, more: false });
        }
        loop {
            // Each round also holds what the round before brought.
            let targets = self.store.posts_to_crawl(&due.handle, &due.review, began, TARGETS_MAX).await?;
            if targets.is_empty() {
                return Ok(Found { new, more: false });
            }
            for target in &targets {
                if budget.pages == 0 || budget.posts == 0 {
                    return Ok(Found { new, more: true });
                }
                self.store.note_crawled(target.seq, began).await?;
                new += self.look_at(target, &mut budget).await?;
            }
        }
    }

    /// Reads one post's replies; how many of them are new.
    async fn look_at(&self, target: &KeptReply, budget: &mut Budget) -> Result<usize, PeerProblem> {
        if budget.silent.contains(&authority(&target.reply.id).unwrap_or_default()) {
            return Ok(0);
        }
        if target.source == Source::Crawled && !self.read_again(target, budget).await? {
            return Ok(0);
        }
        let Some(collection) = &target.reply.replies else { return Ok(0) };
        let mut new = 0;
        for id in self.listed(collection, &target.reply.id, budget).await {
            if budget.posts == 0 {
                break;
            }
            let ours = same_host(&id, self.origin.as_str());
            if ours || self.store.reply(&id).await?.is_some() || self.store.gone_post(&id).await?.is_some() {
                continue;
            }
            if budget.silent.contains(&authority(&id).unwrap_or_default()) {
                continue;
            }
            budget.posts -= 1;
            match self.read_listed(&id).await {
                Ok(is_new) => new += usize::from(is_new),
                Err(PeerProblem::Store(error)) => return Err(error.into()),
                Err(problem) => budget.note(&id, &problem),
            }
        }
        Ok(new)
    }

    /// Reads a post that a collection names; whether it is a new reply. Only what says itself that it answers a post of the
    /// thread belongs to it.
    async fn read_listed(&self, id: &str) -> Result<bool, PeerProblem> {
        let visit = self.peers.visit();
        let post = visit.post(id).await?;
        self.take_in(&visit, &post, Source::Crawled, false).await?;
        Ok(self.store.reply(&post.id).await?.is_some())
    }

    /// A post that its server never sent us is edited and deleted without a word to us. `false` when it is gone.
    async fn read_again(&self, target: &KeptReply, budget: &mut Budget) -> Result<bool, PeerProblem> {
        budget.posts -= 1;
        let id = &target.reply.id;
        match self.peers.visit().post(id).await {
            Ok(post) if post.author == target.reply.author => {
                let says_something_else = post.updated.is_some()
                    && post.updated.map(|at| at.as_millisecond()) != target.reply.updated.map(|at| at.as_millisecond());
                if says_something_else || post.visibility != target.reply.visibility {
                    self.edit(target, &post).await?;
                }
                Ok(true)
            }
            Err(PeerProblem::Gone | PeerProblem::NotFound) => {
                self.store.drop_reply(id, self.now()).await?;
                Ok(false)
            }
            Err(PeerProblem::Store(error)) => Err(error.into()),
            Err(problem) => {
                budget.note(id, &problem);
                Ok(!problem.is_passing())
            }
            Ok(_) => Ok(true),
        }
    }

    /// The ids in a post's collection, page after page; all pages lie on the post's own host.
    async fn listed(&self, collection: &str, post: &str, budget: &mut Budget) -> Vec<String> {
        let mut ids = Vec::new();
        let mut seen = HashSet::new();
        let mut next = VecDeque::from([collection.to_owned()]);
        while let Some(address) = next.pop_front() {
            if budget.pages == 0 || !same_host(&address, post) || !seen.insert(address.clone()) {
                break;
            }
            budget.pages -= 1;
            let visit: Visit = self.peers.visit();
            let page = match visit.listing(&address).await {
                Ok(document) => read_page(&document),
                Err(problem) => {
                    budget.note(&address, &problem);
                    break;
                }
            };
            ids.extend(page.ids);
            next.extend(page.next);
            if ids.len() >= POSTS_MAX {
                break;
            }
        }
        let mut seen = HashSet::new();
        ids.retain(|id| seen.insert(id.clone()));
        ids.truncate(POSTS_MAX);
        ids
    }
}

/// What a collection or a page of one lists.
struct Page {
    ids: Vec<String>,
    next: Option<String>,
}

/// A `Collection` with its first page inside or elsewhere, or a `CollectionPage`; ordered or not.
fn read_page(document: &Value) -> Page {
    let listed = |page: &Value| -> Vec<String> {
        ["items", "orderedItems"].iter().flat_map(|name| items(&page[*name])).filter_map(address_of).collect()
    };
    let mut ids = listed(document);
    let first = &document["first"];
    let next = match first.is_object() {
        true => {
            ids.extend(listed(first));
            // A page that is only named by its id has its items there.
            let named =
                if first["items"].is_null() && first["orderedItems"].is_null() { address_of(first) } else { None };
            named.or_else(|| address_of(&first["next"]))
        }
        false => address_of(first).or_else(|| address_of(&document["next"])),
    };
    Page { ids, next }
}

/// When a thread is looked through again after a look; `None`: when something happens in it.
fn next(step: u32, found: Found, now: Timestamp) -> Option<(u32, Timestamp)> {
    let step = match found {
        Found { new: 1.., .. } => 0,
        Found { more: true, .. } => return Some((step, now + CRAWL_COOL_DOWN)),
        Found { .. } => step + 1,
    };
    let wait = WAITS.get(usize::try_from(step).unwrap_or(WAITS.len()))?;
    Some((step, now + *wait))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_thread_is_looked_through_less_and_less_often_until_something_is_found() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let wait = |step, new, more| {
            next(step, Found { new, more }, now).map(|(step, at)| (step, at.duration_since(now).as_hours()))
        };
        assert_eq!(wait(0, 0, false), Some((1, 1)));
        assert_eq!(wait(1, 0, false), Some((2, 6)));
        assert_eq!(wait(2, 0, false), Some((3, 24)));
        assert_eq!(wait(3, 0, false), None);
        assert_eq!(wait(3, 2, true), Some((0, 0)), "what is found begins the schedule anew");
        assert_eq!(wait(3, 0, true), Some((3, 0)), "what is left is read soon");
    }

    #[test]
    fn replies_are_listed_in_many_ways() {
        let one = "https://m.example/1";
        let check = |document: Value, ids: usize, next: Option<&str>| {
            let page = read_page(&document);
            assert_eq!((page.ids.len(), page.next.as_deref()), (ids, next), "{document}");
        };
        let page_2 = "https://m.example/r?page=2";
        check(json!({"type": "Collection", "items": [one, {"id": one}]}), 2, None);
        check(json!({"type": "OrderedCollection", "orderedItems": one}), 1, None);
        check(json!({"type": "Collection", "first": page_2}), 0, Some(page_2));
        check(json!({"type": "Collection", "first": {"items": [one], "next": page_2}}), 1, Some(page_2));
        check(json!({"type": "Collection", "first": {"type": "CollectionPage", "id": page_2}}), 0, Some(page_2));
        check(json!({"type": "CollectionPage", "items": [], "next": page_2}), 0, Some(page_2));
        check(json!({"type": "CollectionPage", "items": [1, null, "no address"]}), 0, None);
        check(json!("nothing"), 0, None);
    }
}
