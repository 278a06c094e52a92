//! The Unix socket by which commands reach the running daemon: one JSON line asks, one JSON line answers.

mod answer;
mod asking;
mod comments;
mod counts;
mod deliveries;
mod download;
pub mod ids;
pub mod keys;
mod listening;
mod notices;
mod replies;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{Notify, watch};

pub use asking::ask;
pub use counts::Counts;
pub use deliveries::{DeliveryView, ListedDelivery, deliveries, deliveries_where};
pub use download::{backup, export};
pub use listening::{bind, serve};
pub use notices::{NoticeView, Notices, notices};

use crate::{
    backup::Source,
    clock::Clock,
    doctor::{self, Doctor, EXAMINATION_TIMEOUT, LastReport},
    domain::{Handle, ReplyState, Site, reader::FeedReader},
    export::{Exporter, Wish},
    fediverse::{
        answer::Finder,
        keys::KeyPlaces,
        reception::{NoFollower, Reception},
    },
    publish::{Plan, PublisherHandle, Survey, publisher::Release},
    store::{FollowState, Follower, Store, StoreError},
    tls::CertificateState,
};

pub use answer::{AskedPost, asked_reply};
pub use replies::{Decided, Listing, ReplyView, ReportView, decide_replies, list_replies, list_reports, report_reply};

/// Longest question, in bytes: a few thousand names for `apply`.
const QUESTION_BYTES_MAX: u64 = 1 << 20;
/// How long a command waits for the daemon's answer: a whole reconcile of a large folder may come first.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// What a command asks of the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Question {
    Status,
    /// The programs that read the feeds.
    FeedReaders,
    Plan,
    Apply {
        names: Vec<String>,
        /// Takes what is held as known to followers.
        #[serde(default)]
        quietly: bool,
    },
    Retract {
        name: String,
    },
    /// All deliveries, or those of one review.
    Deliveries {
        review: Option<String>,
    },
    Resend {
        review: String,
        host: Option<String>,
    },
    /// Everything that one host did not take.
    ResendTo {
        host: String,
    },
    Followers,
    ApproveFollower {
        name: String,
        /// Whom they follow; the first that is found when none is named.
        #[serde(default)]
        reviewer: Option<Handle>,
    },
    RemoveFollower {
        name: String,
        #[serde(default)]
        reviewer: Option<Handle>,
    },
    Blocks,
    Block {
        names: Vec<(String, Option<String>)>,
    },
    Unblock {
        name: String,
    },
    /// Answered with the archive itself.
    Backup {
        with_reviews: bool,
    },
    /// Answered with the export itself.
    Export {
        wish: Wish,
    },
    /// Tells followers of reviews that were taken in quietly.
    Announce {
        names: Vec<String>,
    },
    /// What the reviewer should know of.
    Notices,
    /// A reviewer's account goes to another one.
    Move {
        handle: String,
        to: String,
    },
    /// Ends a reviewer's account for ever.
    Retire {
        handle: String,
    },
    /// Replies of a kind, under all reviews or one.
    Replies {
        which: Listing,
        review: Option<String>,
    },
    /// Approves or hides replies by number or address: all of them, or none.
    DecideReplies {
        names: Vec<String>,
        state: ReplyState,
    },
    /// Complains of a reply to its author's server.
    ReportReply {
        name: String,
        words: String,
    },
    /// Complaints that came in.
    Reports,
    /// A post to be answered, by the number of a reply or by its address.
    AskedPost {
        name: String,
    },
    /// What is known of the post behind an address that an answer's file gives.
    Target {
        address: String,
    },
    Keys,
    /// Makes a reviewer's key anew, and starts again with it.
    RotateKey {
        handle: String,
    },
    /// Which review stands in which file.
    Ids,
    /// The whole examination of `reviewd doctor`.
    Doctor,
}

impl Question {
    /// Whether the answer decides what is published, which one node does.
    fn decides(&self) -> bool {
        matches!(self, Self::Apply { .. } | Self::Retract { .. } | Self::Announce { .. })
    }

    /// How long the answer may take.
    fn patience(&self) -> Duration {
        if *self == Self::Doctor { EXAMINATION_TIMEOUT + ANSWER_TIMEOUT } else { ANSWER_TIMEOUT }
    }
}

/// What the daemon answers: what was asked for, or why not.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Done(Value),
    Refused(String),
}

/// What `reviewd status` shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub origin: String,
    pub folders: Vec<Survey>,
    pub followers: u64,
    pub followers_waiting: u64,
    pub deliveries_due: i64,
    pub deliveries_given_up: i64,
    pub deliveries_refused: i64,
    /// Held since a restore.
    #[serde(default)]
    pub deliveries_held: i64,
    pub oldest_due: Option<Timestamp>,
    pub hosts_dead: i64,
    /// When followers were last told of a review.
    #[serde(default)]
    pub last_publish: Option<Timestamp>,
    /// What is wrong with the site as a whole.
    #[serde(default)]
    pub alarm: Option<String>,
    /// Public ones, for approval.
    pub replies_waiting: u64,
    /// Complaints received from other servers.
    pub reports: u64,
    /// How the last examination went.
    #[serde(default)]
    pub last_doctor: Option<LastReport>,
    /// By WebSub.
    pub subscribers: i64,
    pub pushes_due: i64,
    /// Of the site's own https.
    #[serde(default)]
    pub certificate: Option<CertificateState>,
}

/// A follower, as `reviewd followers list` shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowerView {
    pub reviewer: String,
    pub actor: String,
    /// `bob@mastodon.example`, where known.
    pub handle: Option<String>,
    pub inbox: String,
    pub state: String,
    pub since: Timestamp,
}

/// Where an account went, and how many inboxes are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    pub target: String,
    pub told: u64,
}

/// Who is kept out, as `reviewd block` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockView {
    pub name: String,
    pub reason: Option<String>,
    pub at: Timestamp,
}

/// Answers questions for the daemon, or in its place where none runs.
pub struct Desk {
    pub publisher: PublisherHandle,
    pub store: Store,
    pub reception: Reception,
    pub finder: Finder,
    pub clock: Clock,
    pub site: Site,
    /// The programs that read the feeds.
    pub feed_readers: std::sync::Arc<dyn Fn() -> Vec<FeedReader> + Send + Sync>,
    pub keys: KeyPlaces,
    /// The journal of ids.
    pub journal: PathBuf,
    /// Notified to begin anew with the same settings.
    pub restart: Arc<Notify>,
    pub doctor: std::sync::Arc<Doctor>,
    /// The secret in the private feed's address.
    pub notices_token: Option<String>,
    /// What a backup is made of.
    pub source: Source,
    pub exporter: Arc<dyn Exporter>,
    /// `None`: the site has no certificate of its own.
    pub certificate: Option<watch::Receiver<CertificateState>>,
}

#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("open the control socket {path}: {source}; name another one in [control] socket")]
    Bind { path: PathBuf, source: io::Error },
    #[error(
        "the control socket {path} is not open to you: become a member of its group (for a service: `sudo adduser $USER \
         reviewd`, then log in anew), or use sudo"
    )]
    Forbidden { path: PathBuf },
    #[error("talk to the daemon through {path}: {source}")]
    Talk { path: PathBuf, source: io::Error },
    #[error("the daemon behind {path} did not answer within {} seconds; look at its log", patience.as_secs())]
    Silent { path: PathBuf, patience: Duration },
    #[error(
        "the daemon behind {path} answered what this reviewd does not understand ({detail}); both must be the same version"
    )]
    Strange { path: PathBuf, detail: String },
    #[error(
        "that is too much at once ({bytes} bytes of at most {QUESTION_BYTES_MAX}); name fewer, and ask again for the rest"
    )]
    TooLong { bytes: u64 },
    #[error("{0}")]
    Refused(String),
}

impl Desk {
    /// Answers one question.
    pub async fn answer(&self, question: Question) -> Answer {
        let stopping = || Answer::Refused("the daemon is stopping; start it again".to_owned());
        if question.decides() && !self.publisher.duty.is_ours() {
            return Answer::Refused(StoreError::TakenOver.to_string());
        }
        match question {
            Question::Status => match self.publisher.survey().await {
                Some(folders) => {
                    let certificate = self.certificate.as_ref().map(|certificate| certificate.borrow().clone());
                    told(status(&self.store, &self.site, folders, certificate).await)
                }
                None => stopping(),
            },
            Question::FeedReaders => done(&(self.feed_readers)()),
            Question::Plan => self.publisher.plan().await.map_or_else(stopping, |plan: Plan| done(&plan)),
            Question::Apply { names, quietly } => {
                let release = if quietly { Release::Quietly } else { Release::Send };
                self.publisher.apply(names, release).await.map_or_else(stopping, |plan| done(&plan))
            }
            Question::Backup { .. } | Question::Export { .. } => {
                Answer::Refused("what is asked for is no line of text".to_owned())
            }
            Question::Announce { names } => match self.publisher.announce(names).await {
                Some(announced) => told(announced),
                None => stopping(),
            },
            Question::Retract { name } => match self.publisher.retract(name).await {
                Some(Ok(plan)) => done(&plan),
                Some(Err(error)) => Answer::Refused(error.to_string()),
                None => stopping(),
            },
            Question::Deliveries { review } => match self.object(review.as_deref()).await {
                Some(object) => told(deliveries(&self.store, object.as_deref()).await),
                None => no_review(review.as_deref()),
            },
            Question::Resend { review, host } => match self.object(Some(&review)).await {
                Some(Some(object)) => {
                    let sent = self.store.resend(&object, host.as_deref(), self.clock.now()).await;
                    self.publisher.mail.notify_one();
                    told(sent)
                }
                Some(None) | None => no_review(Some(&review)),
            },
            Question::ResendTo { host } => {
                let sent = self.store.resend_to(&host, self.clock.now()).await;
                self.publisher.mail.notify_one();
                told(sent)
            }
            Question::Followers => told(followers(&self.store).await),
            Question::ApproveFollower { name, reviewer } => {
                follower(self.reception.approve(&name, reviewer.as_ref()).await)
            }
            Question::RemoveFollower { name, reviewer } => {
                follower(self.reception.remove(&name, reviewer.as_ref()).await)
            }
            Question::Blocks => told(blocks(&self.store).await),
            Question::Block { names } => told(self.reception.block(&names).await),
            Question::Notices => told(notices(&self.store, &self.site.origin, self.notices_token.as_deref()).await),
            Question::Move { handle, to } => match self.reviewer(&handle) {
                Some(reviewer) => {
                    let moved = self.reception.move_away(reviewer, &to).await;
                    told(moved.map(|(target, told)| Moved { target, told }))
                }
                None => no_reviewer(&handle),
            },
            Question::Retire { handle } => match self.reviewer(&handle) {
                Some(reviewer) => told(self.reception.retire(reviewer).await),
                None => no_reviewer(&handle),
            },
            Question::Doctor => told(self.doctor.examine().await),
            Question::Unblock { name } => told(self.reception.unblock(&name).await),
            Question::Replies { which, review } => {
                told(list_replies(&self.store, &self.site.origin, which, review.as_deref()).await)
            }
            Question::DecideReplies { names, state } => {
                let decided = decide_replies(&self.store, &self.site.origin, &self.clock, &names, state).await;
                self.publisher.mail.notify_one();
                told(decided)
            }
            Question::ReportReply { name, words } => told(self.report(&name, &words).await),
            Question::AskedPost { name } => told(self.asked_post(&name).await),
            Question::Target { address } => told(self.target(&address).await),
            Question::Reports => told(list_reports(&self.store).await),
            Question::Keys => done(&keys::show(&self.keys, &self.reception.reviewers)),
            Question::RotateKey { handle } => {
                let rotated = keys::rotate(&self.keys, &self.reception.reviewers, &handle, self.clock.now());
                if rotated.is_ok() {
                    if let Err(error) = self.store.forget_public_key(&handle).await {
                        return Answer::Refused(error.to_string());
                    }
                    self.restart.notify_one();
                }
                told(rotated)
            }
            Question::Ids => told(ids::read(&self.journal)),
        }
    }

    fn reviewer(&self, handle: &str) -> Option<&Handle> {
        self.reception.reviewers.iter().find(|one| one.as_str() == handle)
    }

    /// The Note's id of a review named by id, slug, file or address; `Some(None)` when none is named, `None` when there is
    /// no such review.
    pub async fn object(&self, review: Option<&str>) -> Option<Option<String>> {
        let Some(name) = review else { return Some(None) };
        if name.contains("/users/") {
            return Some(Some(name.to_owned()));
        }
        let named = self.publisher.find(name.to_owned()).await??;
        Some(Some(named.note(&self.site.origin)))
    }
}

/// The figures of `reviewd status`.
pub async fn status(
    store: &Store,
    site: &Site,
    folders: Vec<Survey>,
    certificate: Option<CertificateState>,
) -> Result<Status, StoreError> {
    let figures = store.delivery_figures().await?;
    let websub = store.websub_figures().await?;
    let followers = store.followers(None).await?;
    let accepted = followers.iter().filter(|one| one.state == FollowState::Accepted).count() as u64;
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        origin: site.origin.to_string(),
        folders,
        followers: accepted,
        followers_waiting: followers.len() as u64 - accepted,
        deliveries_due: figures.due,
        deliveries_given_up: figures.given_up,
        deliveries_refused: figures.refused,
        deliveries_held: figures.held,
        oldest_due: figures.oldest_due,
        hosts_dead: figures.hosts_dead,
        last_publish: store.underway().await?.last_publish,
        alarm: store.complaint().await?,
        replies_waiting: store.count_waiting_replies().await?,
        reports: store.reports().await?.len() as u64,
        last_doctor: doctor::last(store).await?,
        subscribers: websub.subscriptions,
        pushes_due: websub.pushes_due,
        certificate,
    })
}

/// The rows of `reviewd followers list`.
pub async fn followers(store: &Store) -> Result<Vec<FollowerView>, StoreError> {
    let mut views = Vec::new();
    for follower in store.followers(None).await? {
        views.push(follower_view(store, follower).await?);
    }
    Ok(views)
}

/// A follower with the name they are known by.
pub async fn follower_view(store: &Store, follower: Follower) -> Result<FollowerView, StoreError> {
    let known = store.remote_actor(&follower.actor).await?;
    Ok(FollowerView {
        reviewer: follower.reviewer.to_string(),
        handle: known.map(|known| known.handle),
        actor: follower.actor,
        inbox: follower.inbox,
        state: follower.state.as_str().to_owned(),
        since: follower.since,
    })
}

/// The rows of `reviewd block` without a name.
pub async fn blocks(store: &Store) -> Result<Vec<BlockView>, StoreError> {
    let blocks = store.blocks().await?;
    Ok(blocks.into_iter().map(|block| BlockView { name: block.name, reason: block.reason, at: block.at }).collect())
}

fn no_reviewer(handle: &str) -> Answer {
    Answer::Refused(format!("there is no reviewer @{handle} in the settings"))
}

fn no_review(name: Option<&str>) -> Answer {
    Answer::Refused(format!("there is no review `{}`", name.unwrap_or_default()))
}

fn follower(result: Result<Result<Follower, NoFollower>, StoreError>) -> Answer {
    match result {
        Ok(Ok(follower)) => done(&follower.actor),
        Ok(Err(nobody)) => Answer::Refused(nobody.to_string()),
        Err(error) => Answer::Refused(error.to_string()),
    }
}

fn told<T: Serialize, E: std::fmt::Display>(result: Result<T, E>) -> Answer {
    match result {
        Ok(value) => done(&value),
        Err(error) => Answer::Refused(error.to_string()),
    }
}

fn done<T: Serialize>(value: &T) -> Answer {
    match serde_json::to_value(value) {
        Ok(value) => Answer::Done(value),
        Err(error) => Answer::Refused(error.to_string()),
    }
}
