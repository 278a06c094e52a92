//! Looks up the posts that answers are for: from what is known already where it is, else from where the post lives. What
//! was found is kept, so that neither a restart nor an edit asks again.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::answer_of;
use crate::{
    clock::Clock,
    domain::{
        Genre, Handle, Origin, Published, PublishedAnswer, RemoteActor, ReviewId, Site, Source, Target, Visibility,
        answer::Participant,
        conversation::{KeptReply, Reply},
        ledger::Standing,
    },
    fediverse::{
        conversation::{Conversation, place::Place},
        inbox::{self, Post, same_host},
        json::address_of,
        note,
        peers::{PeerProblem, Peers, Visit},
    },
    store::{PostSearch, Store, StoreError},
};

/// Waits between look-ups that fail, in minutes; the last one repeats. A server that was away is back in minutes or hours,
/// and a wrong address is mended by a person, whose save is looked at at once.
const WAITS_MINUTES: [i64; 8] = [1, 5, 15, 60, 180, 360, 720, 1_440];
/// Others in a conversation who are told of an answer; Mastodon takes no more than some dozens, and a post that names a
/// crowd is no conversation.
const OTHERS_MAX: usize = 10;

/// Finds posts. Cheap to clone.
#[derive(Clone)]
pub struct Finder {
    pub site: Site,
    pub store: Store,
    pub peers: Peers,
    pub conversation: Conversation,
    pub clock: Clock,
    /// Notified when an answer waits for a post.
    pub wanted: Arc<Notify>,
    /// To be notified when a post was found, or was not.
    pub found: Arc<Notify>,
}

impl Finder {
    /// Looks up what is wanted until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let wait = match self.look_up_due().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::error!(%error, "the posts to be answered could not be looked up: {error}");
                    Some(Duration::from_secs(60))
                }
            };
            let due = async {
                match wait {
                    Some(wait) => self.clock.sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wanted.notified() => {}
                () = due => {}
            }
        }
    }

    /// Looks up every post that is due, and says how long until the next one is.
    async fn look_up_due(&self) -> Result<Option<Duration>, StoreError> {
        for search in self.store.due_posts(self.clock.now()).await? {
            self.look_up(&search).await?;
            self.found.notify_one();
        }
        let next = self.store.next_post_at().await?;
        Ok(next.map(|next| Duration::try_from(next.duration_since(self.clock.now())).unwrap_or_default()))
    }

    async fn look_up(&self, search: &PostSearch) -> Result<(), StoreError> {
        let address = &search.address;
        match self.find(address).await {
            Ok(target) => {
                tracing::info!(
                    post = address,
                    author = target.author.id,
                    "{address} was found, by @{}",
                    target.author.handle
                );
                self.store.keep_target(address, &target).await
            }
            Err(problem) => {
                let next_at = next_look(&problem, search.failures, self.clock.now());
                tracing::warn!(post = address, %problem, "{address} is to be answered, but {problem}");
                self.store.miss_post(address, &problem.to_string(), next_at).await
            }
        }
    }

    /// What an answer needs to know of the post at an address: its id, or the page where people read it.
    pub async fn find(&self, address: &str) -> Result<Target, PeerProblem> {
        let visit = self.peers.visit();
        if same_host(address, self.site.origin.as_str()) {
            return match reply_number(address) {
                Some(number) => match self.store.reply_by_seq(number).await? {
                    Some(kept) if kept.reply.ours => self.own(&kept.reply.id).await,
                    Some(kept) => self.of_kept(&visit, kept).await,
                    None => Err(PeerProblem::NotFound),
                },
                None => self.own(address.split(['?', '#']).next().unwrap_or(address)).await,
            };
        }
        let address = address.split('#').next().unwrap_or(address);
        if let Some(kept) = self.kept(address).await? {
            return self.of_kept(&visit, kept).await;
        }
        let document = visit.document(address).await?;
        if document["type"] == "Tombstone" {
            return Err(PeerProblem::Gone);
        }
        let post = inbox::read_post(&document).ok_or_else(|| PeerProblem::Invalid("not a post".to_owned()))?;
        if !same_host(&post.id, &post.author) {
            return Err(PeerProblem::Invalid("its author is on another host".to_owned()));
        }
        // By its page it was not recognised.
        if let Some(kept) = self.store.reply(&post.id).await? {
            return self.of_kept(&visit, kept).await;
        }
        let author = visit.actor(&post.author).await?;
        let under = self.thread_of(&visit, &post).await?;
        let others = self.others(&visit, &post.mentions, &post.author).await;
        Ok(Target {
            author: participant(&author),
            others,
            warning: post.warning,
            visibility: post.visibility,
            context: address_of(&document["context"]).or_else(|| address_of(&document["conversation"])),
            under,
            page: post.page,
            id: post.id,
        })
    }

    /// A post that came to us before: what is private is not to be had again.
    async fn kept(&self, address: &str) -> Result<Option<KeptReply>, StoreError> {
        match self.store.reply(address).await? {
            Some(kept) => Ok(Some(kept)),
            None => self.store.reply_on_page(address).await,
        }
    }

    async fn of_kept(&self, visit: &Visit, kept: KeptReply) -> Result<Target, PeerProblem> {
        let reply: Reply = kept.reply;
        let author = match kept.author {
            Some(author) => author,
            None => visit.actor(&reply.author).await?,
        };
        let others = self.others(visit, &reply.mentions, &reply.author).await;
        Ok(Target {
            author: participant(&author),
            others,
            warning: reply.warning,
            visibility: reply.visibility,
            context: None,
            under: reply.under,
            page: reply.page,
            id: reply.id,
        })
    }

    /// A review or an answer of our own.
    async fn own(&self, address: &str) -> Result<Target, PeerProblem> {
        let origin = &self.site.origin;
        let none = || PeerProblem::Invalid("no review and no answer of this site has this address".to_owned());
        if let Some((handle, id)) = answer_of(origin, address) {
            return match self.store.answer(&handle, &id).await? {
                Some(answer) => Ok(of_own_answer(&answer, origin)),
                None if self.store.tombstone(Genre::Answer, &handle, &id).await?.is_some() => Err(PeerProblem::Gone),
                None => Err(none()),
            };
        }
        let (handle, id) = match note::review_of(origin, address) {
            Some(named) => named,
            None => self.review_on_page(address).await?.ok_or_else(none)?,
        };
        match self.store.published(&handle, &id).await? {
            Some(review) => Ok(of_review(&review, origin)),
            None if self.store.tombstone(Genre::Review, &handle, &id).await?.is_some() => Err(PeerProblem::Gone),
            None => Err(none()),
        }
    }

    async fn review_on_page(&self, address: &str) -> Result<Option<(Handle, ReviewId)>, StoreError> {
        let Ok(url) = Url::parse(address) else { return Ok(None) };
        let mut parts = url.path_segments().into_iter().flatten();
        let handle = parts.next().and_then(|at| at.strip_prefix('@')).and_then(|name| Handle::parse(name).ok());
        let (Some(handle), Some(slug)) = (handle, parts.next()) else { return Ok(None) };
        let behind = self.store.review_behind(&handle, slug).await?;
        Ok(behind.filter(|(_, standing)| *standing != Standing::Gone).map(|(id, _)| (handle, id)))
    }

    /// The review of ours in whose thread a post stands; the post is kept there, like any that a crawl finds.
    async fn thread_of(&self, visit: &Visit, post: &Post) -> Result<Option<(Handle, ReviewId)>, StoreError> {
        let Some(above) = &post.in_reply_to else { return Ok(None) };
        let found = async {
            self.conversation.take_in(visit, post, Source::Crawled, true).await?;
            match self.store.reply(&post.id).await? {
                Some(kept) => Ok(kept.reply.under),
                // Under a review that takes no more replies, an answer of ours has its place all the same.
                None => Ok(match self.conversation.way(visit, above, true).await?.place {
                    Place::Under(under) => under,
                    Place::Nowhere(_) => None,
                }),
            }
        };
        match found.await {
            Ok(under) => Ok(under),
            Err(PeerProblem::Store(error)) => Err(error),
            Err(problem) => {
                tracing::debug!(post = post.id, %problem, "the thread of {} is not to be had: {problem}", post.id);
                Ok(None)
            }
        }
    }

    /// Whom a post names besides its author and us. Somebody who cannot be found is not told.
    async fn others(&self, visit: &Visit, mentions: &[String], author: &str) -> Vec<Participant> {
        let mut others: Vec<Participant> = Vec::new();
        let origin = self.site.origin.as_str();
        for id in mentions.iter().filter(|id| *id != author && !same_host(id, origin)) {
            if others.len() == OTHERS_MAX {
                break;
            }
            match visit.actor(id).await {
                Ok(actor) if others.iter().all(|one| one.id != actor.id) => others.push(participant(&actor)),
                Ok(_) => {}
                Err(problem) => tracing::debug!(actor = id, %problem, "{id} is not told of an answer: {problem}"),
            }
        }
        others
    }
}

/// The number of a reply in the address of its place on our page: `/@ana/dune?reply=12#reply-12`.
fn reply_number(address: &str) -> Option<i64> {
    let by_name = || Url::parse(address).ok()?.query_pairs().find(|(key, _)| key == "reply")?.1.parse().ok();
    address.rsplit_once("#reply-").and_then(|(_, number)| number.parse().ok()).or_else(by_name)
}

/// When to look again after so many failures before this one. What is gone for good does not come back.
fn next_look(problem: &PeerProblem, failures: u32, now: Timestamp) -> Option<Timestamp> {
    match problem {
        PeerProblem::Gone => None,
        PeerProblem::NotFound
        | PeerProblem::Refused(_)
        | PeerProblem::Invalid(_)
        | PeerProblem::Unreachable(_)
        | PeerProblem::TooMany
        | PeerProblem::Store(_) => {
            let at = usize::try_from(failures).unwrap_or(usize::MAX).min(WAITS_MINUTES.len() - 1);
            Some(now + SignedDuration::from_mins(WAITS_MINUTES[at]))
        }
    }
}

fn participant(actor: &RemoteActor) -> Participant {
    Participant {
        id: actor.id.clone(),
        handle: actor.handle.clone(),
        page: actor.page.clone(),
        inbox: Some(actor.inbox.clone()),
        shared_inbox: actor.shared_inbox.clone(),
    }
}

fn ourselves(handle: &Handle, origin: &Origin) -> Participant {
    Participant {
        id: origin.actor(handle),
        handle: format!("{handle}@{}", origin.host()),
        page: origin.profile(handle),
        inbox: None,
        shared_inbox: None,
    }
}

fn of_review(review: &Published, origin: &Origin) -> Target {
    Target {
        id: origin.note(&review.reviewer, &review.id),
        page: origin.page(&review.reviewer, &review.slug),
        author: ourselves(&review.reviewer, origin),
        others: Vec::new(),
        warning: note::has_spoilers(review).then(|| note::warning(review)),
        visibility: Visibility::Public,
        context: None,
        under: Some((review.reviewer.clone(), review.id.clone())),
    }
}

/// Going on with what one said oneself goes to the same people; in private, to the one person it was said to.
fn of_own_answer(answer: &PublishedAnswer, origin: &Origin) -> Target {
    let before = &answer.target;
    let id = origin.answer(&answer.reviewer, &answer.id);
    let (author, others) = match answer.visibility() {
        Visibility::Private => (before.author.clone(), Vec::new()),
        Visibility::Public | Visibility::Unlisted => {
            let everybody = [&before.author].into_iter().chain(&before.others).filter(|one| !one.is_ours());
            (ourselves(&answer.reviewer, origin), everybody.cloned().collect())
        }
    };
    Target {
        page: id.clone(),
        id,
        author,
        others,
        warning: super::warning(&answer.answer, before),
        visibility: answer.visibility(),
        context: before.context.clone(),
        under: before.under.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_that_is_not_found_is_looked_for_ever_more_rarely_and_one_that_is_gone_no_more() {
        let now = Timestamp::UNIX_EPOCH;
        let wait = |failures| next_look(&PeerProblem::NotFound, failures, now).map(|at| at.as_second() / 60);
        assert_eq!([0, 1, 3, 7, 99].map(wait), [Some(1), Some(5), Some(60), Some(1_440), Some(1_440)]);
        assert_eq!(next_look(&PeerProblem::Gone, 0, now), None);
    }
}
