//! The conversation as commands see it: what was said, what is done with it, and complaints both ways.

use std::{cmp::Reverse, collections::HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Desk, comments};
use crate::{
    clock::Clock,
    domain::{Handle, KeptReply, Origin, Reaction, ReplyState, Report, ReviewId, Slug, Visibility},
    fediverse::{activity, peers::PeerProblem, quotes},
    mirror::file::Byline,
    store::{Outgoing, Recipients, ReplyFilter, Store, StoreError, Which},
    text,
};

/// Replies listed at most, the newest; `replies list REVIEW` narrows them down.
const LISTED_MAX: i64 = 1_000;
/// Replies looked through for those of one review.
const SEARCHED_MAX: i64 = 100_000;
/// Longest words of a complaint, in characters: what Mastodon takes is cut at 5,000.
const COMPLAINT_CHARS_MAX: usize = 5_000;
/// Longest words shown of anything that others wrote, in characters.
pub(super) const WORDS_CHARS_MAX: usize = 20_000;

/// Which replies are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listing {
    All,
    Waiting,
    Shown,
    Hidden,
    /// Sent to the reviewer and not to everybody: never on the page.
    Private,
}

/// A reply, as `reviewd replies list` shows it. Everything in it is plain text without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyView {
    pub number: i64,
    /// `shown`, `waiting`, `hidden`, or `private` whatever its state; `imported` for a comment of an old blog, which stands in
    /// the file of its review and has the number 0.
    pub state: String,
    pub visibility: Visibility,
    pub reviewer: Option<Handle>,
    /// The slug of the review it stands under.
    pub review: Option<String>,
    /// Written by one of this site's reviewers.
    pub ours: bool,
    pub author: String,
    /// `bob@social.example`
    pub handle: String,
    /// The author's id.
    #[serde(default)]
    pub actor: String,
    /// Where people read it.
    pub address: String,
    pub id: String,
    pub in_reply_to: String,
    pub date: Timestamp,
    pub warning: Option<String>,
    /// Markdown.
    pub text: String,
}

/// A complaint that another server sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportView {
    pub number: i64,
    pub reporter: String,
    pub objects: Vec<String>,
    pub words: String,
    pub date: Timestamp,
}

/// What became of one reply, or of a quote, which has no number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    pub number: Option<i64>,
    pub handle: String,
    /// `false`: it was so already.
    pub changed: bool,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum ReplyProblem {
    #[error("there is no reply `{0}`; look with `reviewd replies list`")]
    NoReply(String),
    #[error("there is no review `{0}`")]
    NoReview(String),
    #[error("reply {0} is your own; edit or delete its file in the directory replies/ of the review folder")]
    Ours(i64),
    #[error("reply {0} was not sent to everybody, so it is never shown")]
    Private(i64),
    #[error("reply {0} stands under none of the reviews here, so nobody can complain of it from here")]
    NoPlace(i64),
    #[error("the inbox of {0} is not known; start the daemon, which can ask their server")]
    NoInbox(String),
    #[error("the author's server did not say where it takes complaints: {0}")]
    Peer(#[from] PeerProblem),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The rows of `reviewd replies list`, newest first.
pub async fn list_replies(
    store: &Store,
    origin: &Origin,
    which: Listing,
    review: Option<&str>,
) -> Result<Vec<ReplyView>, ReplyProblem> {
    let place = match review {
        Some(name) => Some(find_review(store, name).await?.ok_or_else(|| ReplyProblem::NoReview(name.to_owned()))?),
        None => None,
    };
    let filter = ReplyFilter {
        reviewer: place.as_ref().map(|(handle, _)| handle.clone()),
        which: match which {
            Listing::All => Which::All,
            Listing::Waiting => Which::Waiting,
            Listing::Shown => Which::Shown,
            Listing::Hidden => Which::Hidden,
            Listing::Private => Which::Private,
        },
        limit: if place.is_some() { SEARCHED_MAX } else { LISTED_MAX },
    };
    let replies = store.all_replies(&filter).await?;
    let chosen = replies.into_iter().filter(|kept| place.is_none() || kept.reply.under == place);
    let mut slugs = Slugs::default();
    let mut views = Vec::new();
    for kept in chosen.take(LISTED_MAX as usize) {
        let review = match &kept.reply.under {
            Some((handle, review)) => Some(slugs.of(store, handle, review).await?),
            None => None,
        };
        views.push(view(&kept, review, origin));
    }
    if which == Listing::All {
        views.extend(comments::list(store, origin, place.as_ref()).await?);
        views.sort_by_key(|view| Reverse(view.date));
        views.truncate(LISTED_MAX as usize);
    }
    Ok(views)
}

/// What a decision is about.
enum Said {
    Reply(Box<KeptReply>),
    /// A post that quotes.
    Quote(Reaction),
}

/// Approves or hides replies by number or address, and takes quotes back by address: all that are named, or none.
pub async fn decide_replies(
    store: &Store,
    origin: &Origin,
    clock: &Clock,
    names: &[String],
    state: ReplyState,
) -> Result<Vec<Decided>, ReplyProblem> {
    let mut all = Vec::new();
    for name in names {
        all.push(find_said(store, name, state).await?);
    }
    let mut decided = Vec::new();
    for said in all {
        decided.push(match said {
            Said::Reply(kept) => {
                let changed = store.set_reply_state(kept.seq, state).await?;
                Decided { number: Some(kept.seq), handle: Byline::of(&kept, origin).handle, changed }
            }
            Said::Quote(quote) => {
                let handle = store.remote_actor(&quote.actor).await?.map_or(quote.actor.clone(), |known| known.handle);
                quotes::withdraw(store, origin, &quote, clock.now_in_seconds()).await?;
                Decided { number: None, handle: text::clean_name(&handle), changed: true }
            }
        });
    }
    Ok(decided)
}

/// What a name means, if it may come into this state.
async fn find_said(store: &Store, name: &str, state: ReplyState) -> Result<Said, ReplyProblem> {
    let kept = match find_reply(store, name).await {
        Err(ReplyProblem::NoReply(_)) if state == ReplyState::Hidden => {
            let quote = store.quote_by(name).await?;
            return quote.map(Said::Quote).ok_or_else(|| ReplyProblem::NoReply(name.to_owned()));
        }
        found => found?,
    };
    match (kept.reply.ours, kept.reply.visibility, state) {
        (true, _, _) => Err(ReplyProblem::Ours(kept.seq)),
        (false, Visibility::Private, ReplyState::Shown) => Err(ReplyProblem::Private(kept.seq)),
        (false, _, _) => Ok(Said::Reply(Box::new(kept))),
    }
}

/// Puts a complaint of a reply among the deliveries, to the inbox of its author; whom it is of.
pub async fn report_reply(
    store: &Store,
    origin: &Origin,
    clock: &Clock,
    name: &str,
    words: &str,
) -> Result<String, ReplyProblem> {
    let kept = find_reply(store, name).await?;
    let inbox = kept.author.as_ref().map(|author| author.inbox.clone());
    let inbox = inbox.ok_or_else(|| ReplyProblem::NoInbox(kept.reply.author.clone()))?;
    complain(store, origin, clock, &kept, inbox, words).await
}

/// Complaints received, newest first.
pub async fn list_reports(store: &Store) -> Result<Vec<ReportView>, StoreError> {
    let reports = store.reports().await?;
    let view = |report: Report| ReportView {
        number: report.seq,
        reporter: text::remote_text(&report.reporter, WORDS_CHARS_MAX),
        objects: report.objects.iter().map(|object| text::remote_text(object, WORDS_CHARS_MAX)).collect(),
        words: text::remote_text(&report.words, WORDS_CHARS_MAX),
        date: report.at,
    };
    Ok(reports.into_iter().map(view).collect())
}

impl Desk {
    /// The same as [`report_reply`], asking the author's server where its inbox is if nobody remembers.
    pub(super) async fn report(&self, name: &str, words: &str) -> Result<String, ReplyProblem> {
        let kept = find_reply(&self.store, name).await?;
        let inbox = match &kept.author {
            Some(author) => author.inbox.clone(),
            None => self.reception.peers.visit().actor(&kept.reply.author).await?.inbox,
        };
        let whom = complain(&self.store, &self.site.origin, &self.clock, &kept, inbox, words).await?;
        self.publisher.mail.notify_one();
        Ok(whom)
    }
}

async fn complain(
    store: &Store,
    origin: &Origin,
    clock: &Clock,
    kept: &KeptReply,
    inbox: String,
    words: &str,
) -> Result<String, ReplyProblem> {
    let reply = &kept.reply;
    if reply.ours {
        return Err(ReplyProblem::Ours(kept.seq));
    }
    let Some((reviewer, _)) = reply.under.clone() else { return Err(ReplyProblem::NoPlace(kept.seq)) };
    let words: String = words.chars().take(COMPLAINT_CHARS_MAX).collect();
    let number = clock.uuid().to_string();
    let message = activity::flag(origin, &reviewer, &reply.author, &reply.id, &words, &number);
    let outgoing = Outgoing { reviewer, message, to: Recipients::Inbox(inbox), at: clock.now_in_seconds() };
    store.post(&[outgoing]).await?;
    tracing::info!(
        reply = reply.id,
        "a complaint of reply {} is on its way to the server of {}",
        kept.seq,
        reply.author
    );
    Ok(Byline::of(kept, origin).handle)
}

/// A reply by its number, its id or the address people read it at.
pub(super) async fn find_reply(store: &Store, name: &str) -> Result<KeptReply, ReplyProblem> {
    let found = match name.trim_start_matches('#').parse::<i64>() {
        Ok(number) => store.reply_by_seq(number).await?,
        Err(_) => match store.reply(name).await? {
            Some(kept) => Some(kept),
            None => {
                let filter = ReplyFilter { reviewer: None, which: Which::All, limit: SEARCHED_MAX };
                store.all_replies(&filter).await?.into_iter().find(|kept| kept.reply.page == name)
            }
        },
    };
    found.ok_or_else(|| ReplyProblem::NoReply(name.to_owned()))
}

/// A review by its file, id, slug or address.
async fn find_review(store: &Store, name: &str) -> Result<Option<(Handle, ReviewId)>, StoreError> {
    let last = name.trim_end_matches('/').rsplit('/').next().unwrap_or(name);
    for handle in store.known_reviewers().await?.iter().filter_map(|handle| Handle::parse(handle).ok()) {
        let entries = store.ledger(&handle).await?;
        let named = entries.into_iter().find(|entry| {
            entry.answers() && (entry.file == name || entry.id.as_str() == last || entry.slug.as_str() == last)
        });
        if let Some(entry) = named {
            return Ok(Some((handle, entry.id)));
        }
    }
    Ok(None)
}

/// Slugs looked up once for each reviewer.
#[derive(Default)]
struct Slugs(HashMap<Handle, HashMap<ReviewId, Slug>>);

impl Slugs {
    async fn of(&mut self, store: &Store, handle: &Handle, review: &ReviewId) -> Result<String, StoreError> {
        if !self.0.contains_key(handle) {
            self.0.insert(handle.clone(), store.slugs_of_talk(handle).await?);
        }
        let slug = self.0.get(handle).and_then(|slugs| slugs.get(review));
        Ok(slug.map_or_else(|| review.to_string(), ToString::to_string))
    }
}

fn view(kept: &KeptReply, review: Option<String>, origin: &Origin) -> ReplyView {
    let reply = &kept.reply;
    let plain = |text: &str| text::remote_text(text, WORDS_CHARS_MAX);
    let by = Byline::of(kept, origin);
    ReplyView {
        number: kept.seq,
        state: match reply.visibility {
            Visibility::Private => Visibility::Private.as_str().to_owned(),
            Visibility::Public | Visibility::Unlisted => kept.state.as_str().to_owned(),
        },
        visibility: reply.visibility,
        reviewer: reply.under.as_ref().map(|(handle, _)| handle.clone()),
        review,
        ours: reply.ours,
        author: by.name,
        handle: by.handle,
        actor: plain(&reply.author),
        address: plain(&reply.page),
        id: plain(&reply.id),
        in_reply_to: plain(&reply.in_reply_to),
        date: reply.published,
        warning: reply.warning.as_deref().map(plain),
        text: plain(&text::remote_markdown(&reply.content)),
    }
}
