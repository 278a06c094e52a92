//! `/websub`: requests to the hub, and which feeds its subscribers have to be told of.
//!
//! What a subscriber is sent is what a reader gets: both are written by `Web::feed_model`.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use tokio::sync::Mutex;
use url::Url;

use super::{
    Web, WebError, gate,
    replies::Heard,
    route::{self, RepliesTo, Route, Scope},
};
use crate::{
    domain::{Handle, websub::Mode},
    feed::{Addresses, Dialect, Feed},
    publish::{Herald, Library, Touched},
    websub::{self, Refusal},
};

/// Longest request, in bytes: two addresses and a secret, all of it percent-encoded, and what the hub does not understand.
const FORM_BYTES_MAX: usize = 16 << 10;
/// How long somebody may take to say it.
const FORM_TIMEOUT: Duration = Duration::from_secs(10);
/// Feeds that hubs elsewhere are told of after one change; beyond it subjects, authors and ratings are left out, as when an
/// archive is taken in.
const PINGS_MAX: usize = 60;

/// What the subscribers of each feed were last told, so that a second look at the same state costs nothing.
#[derive(Debug, Default)]
pub struct Told(Mutex<LastTold>);

#[derive(Debug, Default)]
struct LastTold {
    /// Of the library.
    version: u64,
    /// By topic, of that version: how far the conversation had come, and the digest.
    digests: HashMap<String, (u64, String)>,
}

/// A feed that can be subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Topic {
    about: About,
    dialect: Dialect,
    /// The address that the feed itself names.
    address: String,
}

/// What a feed tells of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum About {
    Reviews(Scope),
    Replies(RepliesTo),
}

/// Which feeds are looked at for those who subscribed.
#[derive(Debug, Clone, Copy)]
pub enum News<'a> {
    /// All of them.
    Anything,
    /// Those of reviews that a change touched.
    Reviews(&'a Touched),
    /// Those of replies.
    Talk,
}

/// A feed as it is now.
enum Now {
    Feed(Box<Feed>),
    /// There is none at this moment, and there may be one again.
    Nothing,
    /// There is none any more, and why.
    Over(String),
}

/// A feed with subscribers.
#[derive(Debug)]
struct Subscribed {
    dialect: Dialect,
    address: String,
    /// Of what they have.
    digests: Vec<String>,
}

/// Takes a request to subscribe or unsubscribe: 202 when the callback will be asked, else why not, in plain text
/// (WebSub section 5.1.2).
pub(super) async fn ask(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    let client = gate::client(peer, request.headers());
    if let Some(wait) = web.gate.knock(client) {
        return gate::too_many(wait);
    }
    match web.take(request, client).await {
        Ok(Ok(())) => (StatusCode::ACCEPTED, "the callback will be asked whether it wants this\n").into_response(),
        Ok(Err(refusal)) => {
            tracing::debug!(refusal.why, "a request to the hub was not taken: {}", refusal.why);
            refused(&refusal)
        }
        Err(error) => {
            tracing::error!(%error, "a request to the hub could not be taken: {error}");
            refused(&Refusal::later(503, "the hub cannot remember anything just now", Duration::from_secs(60)))
        }
    }
}

fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = (status, format!("{}\n", refusal.why)).into_response();
    if let Some(wait) = refusal.wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    response
}

impl Web {
    async fn take(
        &self,
        request: Request<Body>,
        client: Option<std::net::IpAddr>,
    ) -> Result<Result<(), Refusal>, WebError> {
        if !self.hub.is_open() {
            return Ok(Err(Refusal::new(404, "this site has no hub")));
        }
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Ok(Err(Refusal::new(415, "send the request as application/x-www-form-urlencoded")));
        }
        let form = match tokio::time::timeout(FORM_TIMEOUT, to_bytes(request.into_body(), FORM_BYTES_MAX)).await {
            Ok(Ok(form)) => form,
            Ok(Err(_)) => return Ok(Err(Refusal::new(413, format!("a request has at most {FORM_BYTES_MAX} bytes")))),
            Err(_) => return Ok(Err(Refusal::new(408, "the request did not come"))),
        };
        let request = match websub::read(&form) {
            Ok(request) => request,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Some(topic) = self.topic(&request.topic) else {
            let why =
                format!("hub.topic is no feed of {}; take the address that a feed names as `self`", self.site.origin);
            return Ok(Err(Refusal::new(404, why)));
        };
        if let Err(refusal) = self.hub.admit(&request, &topic.address, client).await? {
            return Ok(Err(refusal));
        }
        self.first_look().await;
        let digest = match (request.mode, self.now(&topic.about, &self.publisher.library()).await?) {
            (_, Now::Feed(feed)) => printed(*feed, &[topic.dialect]).remove(0).digest,
            // A subject may have lost its last review since.
            (Mode::Unsubscribe, Now::Nothing | Now::Over(_)) => String::new(),
            (Mode::Subscribe, Now::Nothing) => return Ok(Err(Refusal::new(404, "there is no such feed"))),
            (Mode::Subscribe, Now::Over(why)) => return Ok(Err(Refusal::new(404, why))),
        };
        Ok(self.hub.ask(request, topic.address, digest).await?)
    }

    /// Which feed an address names, in whatever spelling; `None` where it is no feed of ours.
    fn topic(&self, address: &str) -> Option<Topic> {
        let url = Url::parse(address).ok()?;
        let ours = Url::parse(self.site.origin.as_str()).ok()?;
        if url.origin() != ours.origin() || !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        let origin = &self.site.origin;
        let (about, addresses, dialect) = match route::route(url.path(), url.query()) {
            Route::Feed { scope, dialect, from: 0 } => {
                let addresses = Addresses::under(&origin.at(&scope.path()));
                (About::Reviews(scope), addresses, dialect)
            }
            Route::Replies { to, dialect } => {
                let addresses = Addresses::of_replies(&origin.at(&to.path()));
                (About::Replies(to), addresses, dialect)
            }
            _ => return None,
        };
        Some(Topic { address: addresses.of(dialect).to_owned(), about, dialect })
    }

    async fn now(&self, about: &About, library: &Library) -> Result<Now, WebError> {
        match about {
            About::Reviews(scope) => Ok(match (self.feed_model(scope, 0, library).await?, scope) {
                (Some(feed), _) => Now::Feed(Box::new(feed)),
                (None, Scope::Reviewer(handle)) => no_reviewer(handle),
                (None, Scope::Everything | Scope::Tag(_) | Scope::Author(_) | Scope::Rating(_)) => Now::Nothing,
            }),
            About::Replies(to) => Ok(match (self.replies_model(to, library).await?, to) {
                (Heard::Feed(feed), _) => Now::Feed(feed),
                (Heard::Moved(path), _) => {
                    Now::Over(format!("the review stands at {} now", self.site.origin.at(&path)))
                }
                (Heard::Nothing, RepliesTo::Review(..)) => Now::Over("there is no such review any more".to_owned()),
                (Heard::Nothing, RepliesTo::Reviewer(handle)) => no_reviewer(handle),
                (Heard::Nothing, RepliesTo::Everybody) => Now::Nothing,
            }),
        }
    }

    /// How far the conversation of a feed has come; reviews do not change by what is said about them.
    fn said(&self, about: &About, library: &Library) -> u64 {
        match about {
            About::Reviews(_) => 0,
            About::Replies(to) => self.talk_state(to, library),
        }
    }

    /// Puts every subscribed feed on its way to those who have an older state of it. `false` when a newer library came in
    /// between, which has to be looked at instead.
    ///
    /// Doing it twice is doing it once: what each subscriber has is noted in the transaction that stores the push.
    pub async fn distribute(&self, library: &Library, news: News<'_>) -> Result<bool, WebError> {
        if !self.hub.is_open() {
            return Ok(true);
        }
        let mut feeds: HashMap<About, Vec<Subscribed>> = HashMap::new();
        for (address, digests) in self.hub.subscribed().await? {
            let Some(topic) = self.topic(&address) else {
                self.hub.deny(&address, "this feed has another address now").await?;
                continue;
            };
            if news.is_of(&topic.about) {
                feeds.entry(topic.about).or_default().push(Subscribed { dialect: topic.dialect, address, digests });
            }
        }
        // One after the other, because a feed may have a megabyte; and each by itself, so that a change need not wait until
        // all feeds were looked at.
        for (about, topics) in feeds {
            let mut told = self.told.0.lock().await;
            if library.version < told.version {
                return Ok(false);
            }
            if library.version > told.version {
                *told = LastTold { version: library.version, digests: HashMap::new() };
            }
            self.distribute_one(&about, topics, library, &mut told).await?;
        }
        Ok(true)
    }

    async fn distribute_one(
        &self,
        about: &About,
        mut topics: Vec<Subscribed>,
        library: &Library,
        told: &mut LastTold,
    ) -> Result<(), WebError> {
        // Before the feed is made: what is said meanwhile is looked at again.
        let said = self.said(about, library);
        topics.retain(|topic| {
            let now = told.digests.get(&topic.address).filter(|(then, _)| *then == said);
            !now.is_some_and(|(_, now)| topic.digests.iter().all(|digest| digest == now))
        });
        if topics.is_empty() {
            return Ok(());
        }
        let feed = match self.now(about, library).await? {
            Now::Feed(feed) => *feed,
            // A subject may have a review again, so its subscriptions run on.
            Now::Nothing => return Ok(()),
            Now::Over(why) => {
                for topic in &topics {
                    self.hub.deny(&topic.address, &why).await?;
                }
                return Ok(());
            }
        };
        let dialects: Vec<Dialect> = topics.iter().map(|topic| topic.dialect).collect();
        let mut news = Vec::new();
        for (printed, Subscribed { address, digests, .. }) in printed(feed, &dialects).into_iter().zip(topics) {
            told.digests.insert(address.clone(), (said, printed.digest.clone()));
            if digests.iter().any(|digest| *digest != printed.digest) {
                news.push((address, printed.digest, printed.body));
            }
        }
        self.hub.push(news).await?;
        Ok(())
    }

    /// Tells hubs elsewhere which feeds changed: those touched by a change, or by all changes since they were last told.
    pub async fn ping_others(&self, library: &Library, touched: Option<&Touched>) -> Result<(), WebError> {
        if !self.hub.has_others() {
            return Ok(());
        }
        let Some(until) = library.changed() else { return Ok(()) };
        let touched = match (touched, self.hub.pinged().await?) {
            (Some(touched), _) => touched.clone(),
            (None, Some(pinged)) => library.touched_after(pinged),
            // The first time: hubs begin with what comes from now on.
            (None, None) => return Ok(self.hub.ping(Vec::new(), until).await?),
        };
        if touched.is_empty() {
            return Ok(());
        }
        let mut scopes = vec![Scope::Everything];
        scopes.extend(touched.reviewers.into_iter().map(Scope::Reviewer));
        let groups = touched.tags.into_iter().map(Scope::Tag);
        let groups = groups.chain(touched.authors.into_iter().map(Scope::Author));
        let groups: Vec<Scope> = groups.chain(touched.ratings.into_iter().map(Scope::Rating)).collect();
        if (scopes.len() + groups.len()) * Dialect::ALL.len() <= PINGS_MAX {
            scopes.extend(groups);
        }
        let topics = scopes.iter().flat_map(|scope| {
            let addresses = Addresses::under(&self.site.origin.at(&scope.path()));
            Dialect::ALL.map(|dialect| addresses.of(dialect).to_owned())
        });
        Ok(self.hub.ping(topics.collect(), until).await?)
    }

    /// What a person reads who opens the hub's address.
    pub(super) fn about_hub(&self) -> Option<String> {
        let feed = self.site.origin.at("/feed.xml");
        self.hub.is_open().then(|| {
            format!(
                "This is the WebSub hub of {title}.\n\n\
                 Feed readers that speak WebSub (https://www.w3.org/TR/websub/) ask here to be told of new reviews at \
                 once. You need not do anything: subscribe to a feed, such as {feed}, and your reader finds its way.\n\n\
                 It serves the feeds of this site only, which {feeds} lists. Requests are POSTed as forms with \
                 hub.mode, hub.topic and hub.callback.\n",
                title = self.site.title,
                feeds = self.site.origin.at("/feeds"),
            )
        })
    }
}

#[async_trait::async_trait]
impl Herald for Web {
    async fn tell(&self, before: &Library, now: &Library) {
        let touched = now.touched_since(before);
        if let Err(error) = self.distribute(now, News::Reviews(&touched)).await {
            tracing::error!(%error, "subscribers are told later than readers: {error}");
        }
        if let Err(error) = self.ping_others(now, Some(&touched)).await {
            tracing::error!(%error, "hubs elsewhere are told later than readers: {error}");
        }
    }
}

impl Scope {
    fn is_touched(&self, touched: &Touched) -> bool {
        match self {
            Self::Everything => !touched.is_empty(),
            Self::Reviewer(handle) => touched.reviewers.contains(handle),
            Self::Tag(tag) => touched.tags.contains(&crate::domain::address::tag_key(tag)),
            Self::Author(key) => touched.authors.contains(key),
            Self::Rating(stars) => touched.ratings.contains(stars),
        }
    }
}

impl News<'_> {
    fn is_of(self, about: &About) -> bool {
        match (self, about) {
            (Self::Anything, _) | (Self::Talk, About::Replies(_)) => true,
            (Self::Reviews(touched), About::Reviews(scope)) => scope.is_touched(touched),
            (Self::Reviews(_), About::Replies(_)) | (Self::Talk, About::Reviews(_)) => false,
        }
    }
}

fn no_reviewer(handle: &Handle) -> Now {
    Now::Over(format!("there is no reviewer {handle} any more"))
}

/// A feed as sent.
struct Printed {
    body: Vec<u8>,
    /// Of what is news in it. Left out are the time of the whole feed, which moves when any review of the site is taken
    /// back, and how many answered a review: replies have feeds of their own, and nobody is sent fifty reviews again
    /// because of one.
    digest: String,
}

/// The feed in these dialects, in their order.
fn printed(mut feed: Feed, dialects: &[Dialect]) -> Vec<Printed> {
    let bodies: Vec<Vec<u8>> = dialects.iter().map(|dialect| feed.write(*dialect).into_bytes()).collect();
    feed.updated = Timestamp::UNIX_EPOCH;
    for entry in &mut feed.entries {
        entry.replies = None;
    }
    let digests = dialects.iter().map(|dialect| digest(&SHA256, feed.write(*dialect).as_bytes()));
    let hex = digests.map(|digest| digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect());
    bodies.into_iter().zip(hex).map(|(body, digest)| Printed { body, digest }).collect()
}
