//! Builds and starts what talks to other servers.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use jiff::{SignedDuration, Timestamp};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::Clock,
    config::Config,
    delivery::{Carriers, Limits, Mail, Worker, WorkerEnds},
    domain::{Handle, Origin, Reviewer},
    fediverse::{
        activity,
        answer::Finder,
        conversation::{self, Conversation, Rules},
        keys::{KeyPlaces, KeyRing, WhenAbsent},
        peers::{Peers, Setup},
        reception::{Letterbox, Reception},
        sender::HttpSender,
    },
    net::{Client, Reach},
    publish::PublisherHandle,
    store::{OnDuty, Outgoing, Recipients, Store},
    web::{Web, fediverse::PublicKeys},
    websub::{Courier, Hub},
};

/// The fact under which the origin of the first follower's time is pinned.
const PINNED_ORIGIN: &str = "origin";

/// The fact that tells when this site last ran.
const LAST_ALIVE: &str = "last_alive";
/// How often that is noted.
const ALIVE_EVERY: Duration = Duration::from_secs(3600);
/// Mastodon and others stop sending to a server after seven days without an answer.
const LONG_SLEEP: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What talks to other servers, ready to be started.
pub struct Federation {
    pub reception: Reception,
    /// Looks up the posts that answers are for.
    pub finder: Finder,
    pub public_keys: PublicKeys,
    pub keys: Arc<KeyRing>,
    /// The client for other servers.
    pub client: Client,
    worker: Worker,
    ends: WorkerEnds,
}

/// Loads the keys and builds reception and delivery.
///
/// # Errors
/// A key that is missing although followers know it, another origin than the pinned one, a reviewer who vanished from the
/// settings while having followers.
pub async fn open(
    config: &Config,
    clock: &Clock,
    store: &Store,
    reviewers: &[Reviewer],
    publisher: &PublisherHandle,
    hub: &Arc<Hub>,
    tasks: &TaskTracker,
) -> anyhow::Result<Federation> {
    let origin = &config.site.origin;
    let mut wanted = Vec::new();
    for reviewer in reviewers {
        let followed = store.count_followers(&reviewer.handle).await? > 0;
        wanted.push((reviewer.handle.clone(), if followed { WhenAbsent::Refuse } else { WhenAbsent::Create }));
    }
    for name in store.known_reviewers().await? {
        let Ok(handle) = Handle::parse(&name) else { continue };
        let gone = !reviewers.iter().any(|reviewer| reviewer.handle == handle);
        if gone && store.count_followers(&handle).await? > 0 {
            bail!(
                "@{handle} has followers but is no longer in the settings; put the [[reviewer]] back, or end the account \
                 for ever with `reviewd retire {handle}`"
            );
        }
    }
    let places = KeyPlaces::configured(config);
    let keys = tokio::task::spawn_blocking(move || KeyRing::load(&places, &wanted)).await??;
    let keys = Arc::new(keys);
    have_the_same_keys(store, &keys, reviewers).await?;
    let mut public = PublicKeys { instance: keys.instance.to_public_pem()?, reviewers: HashMap::new() };
    for reviewer in reviewers {
        if let Some(key) = keys.reviewer(&reviewer.handle) {
            public.reviewers.insert(reviewer.handle.clone(), key.to_public_pem()?);
        }
    }
    let reach = Reach::for_federation(origin, &config.federation.allow_addresses);
    let client = Client::new(origin, reach).context("set up the client for other servers")?;
    let client = client.hearing_clocks(clock.clone());
    let peers = Peers::new(Setup {
        origin: origin.clone(),
        store: store.clone(),
        clock: clock.clone(),
        client: client.clone(),
        key: keys.instance.clone(),
        opens_networks: !config.federation.allow_addresses.is_empty(),
    })
    .await
    .context("set up federation")?;
    let handles: Arc<Vec<Handle>> = Arc::new(reviewers.iter().map(|reviewer| reviewer.handle.clone()).collect());
    let conversation = Conversation::new(conversation::Setup {
        origin: origin.clone(),
        clock: clock.clone(),
        store: store.clone(),
        peers: peers.clone(),
        reviewers: Arc::clone(&handles),
        rules: Rules { moderation: config.replies.moderation, close_after: config.replies.close_after },
    });
    let finder = Finder {
        site: config.site(),
        store: store.clone(),
        peers: peers.clone(),
        conversation: conversation.clone(),
        clock: clock.clone(),
        wanted: Arc::clone(&publisher.posts_wanted),
        found: Arc::clone(&publisher.hint),
    };
    let (mail, work) = (Arc::clone(&publisher.mail), Arc::new(Notify::new()));
    let letterbox = Letterbox::new(store.clone(), clock.clone(), tasks.clone(), Arc::clone(&mail), Arc::clone(&work));
    let reception = Reception {
        origin: origin.clone(),
        clock: clock.clone(),
        store: store.clone(),
        peers,
        conversation,
        reviewers: handles,
        approves_followers: config.federation.approve_followers,
        mail,
        work,
        letterbox,
    };
    let carriers = Carriers {
        inboxes: Arc::new(HttpSender::new(origin.clone(), client.clone(), clock.clone(), Arc::clone(&keys))),
        callbacks: Arc::new(Courier::new(Arc::clone(hub))),
    };
    let mail = Mail {
        inboxes: Arc::clone(&publisher.mail),
        callbacks: Arc::clone(&hub.mail),
        questions: Arc::clone(&hub.questions),
    };
    let limits = Limits {
        concurrency: config.delivery.concurrency as usize,
        per_host: config.delivery.per_host as usize,
        give_up_after: config.delivery.give_up_after,
    };
    let (worker, ends) = Worker::new(clock.clone(), store.clone(), carriers, limits, mail);
    Ok(Federation { reception, finder, public_keys: public, keys, client, worker, ends })
}

/// Nodes on one database speak with the same keys: a server that has fetched one key refuses what another signed.
///
/// # Errors
/// Another node has another key.
async fn have_the_same_keys(store: &Store, keys: &KeyRing, reviewers: &[Reviewer]) -> anyhow::Result<()> {
    if !store.is_shared() {
        return Ok(());
    }
    let own = reviewers.iter().filter_map(|one| Some((one.handle.to_string(), keys.reviewer(&one.handle)?)));
    for (name, key) in own.chain([("the instance".to_owned(), &keys.instance)]) {
        let public = key.to_public_pem()?;
        if store.settle_public_key(&name, &public).await? != public {
            bail!(
                "the key of {name} is not the one that this site's other nodes have: copy their keys/*.pem to this node, \
                 or give all of them the same credentials"
            );
        }
    }
    Ok(())
}

/// The client for pictures that strangers show of themselves.
pub fn client_for_pictures(config: &Config) -> anyhow::Result<Client> {
    let origin = &config.site.origin;
    let reach = Reach::for_pictures(origin, &config.federation.allow_addresses);
    Client::new(origin, reach).context(
        "set up the client for pictures; without certificates of authorities install the package ca-certificates",
    )
}

/// Ids are made from the origin and last for ever: another one is another site. A trial on loopback pins nothing, and what
/// it told its own machine is forgotten when it moves to a real domain.
pub async fn pin_origin(config: &Config, store: &Store) -> anyhow::Result<()> {
    let origin = &config.site.origin;
    match store.fact(PINNED_ORIGIN).await? {
        Some(pinned) if pinned == origin.as_str() => Ok(()),
        Some(pinned) if !Origin::parse(&pinned).is_ok_and(|pinned| pinned.is_loopback()) => bail!(
            "this site is {pinned}, and other servers know it by that name, but the settings say {origin}; set [site] \
             origin back, or begin anew with an empty data directory (followers do not come along without `reviewd move`)"
        ),
        Some(_) => {
            store.forget_trial().await?;
            Ok(store.remember_fact(PINNED_ORIGIN, origin.as_str()).await?)
        }
        None => Ok(store.remember_fact(PINNED_ORIGIN, origin.as_str()).await?),
    }
}

impl Federation {
    /// Tells followers of a profile that changed since the last start. After a long sleep all are told anyway: a server that
    /// had given us up takes any signed request as a sign of life.
    pub async fn tell_of_changed_profiles(&self, web: &Web) -> anyhow::Result<()> {
        let clock = &self.reception.clock;
        let last: Option<Timestamp> = web.store.fact(LAST_ALIVE).await?.and_then(|last| last.parse().ok());
        let slept = last.is_some_and(|last| clock.now().duration_since(last) > LONG_SLEEP);
        web.store.remember_fact(LAST_ALIVE, &clock.now().to_string()).await?;
        for reviewer in &web.reviewers {
            let person = web.person(reviewer).await?;
            let name = format!("profile {}", reviewer.handle);
            let (known, now) = (web.store.fact(&name).await?, person.to_string());
            if known.as_deref() == Some(&now) && !slept {
                continue;
            }
            if known.is_some() {
                let at = clock.now_in_seconds();
                let message = activity::update_person(&web.site.origin, &reviewer.handle, person, at);
                let outgoing =
                    Outgoing { reviewer: reviewer.handle.clone(), message, to: Recipients::EveryoneReached, at };
                web.store.post(&[outgoing]).await?;
            }
            web.store.remember_fact(&name, &now).await?;
        }
        Ok(())
    }

    /// Starts delivering and working through the inbox; the tasks that must not end before the stop, by name.
    pub fn start(
        self,
        tasks: &TaskTracker,
        stop: &CancellationToken,
        folder: &OnDuty,
        mut inbox: OnDuty,
    ) -> [(&'static str, JoinHandle<()>); 2] {
        let store = self.reception.store.clone();
        let WorkerEnds { recorder, mut gone } = self.ends;
        // Ends by itself when the last lane has recorded its outcome.
        tasks.spawn(recorder.run(store, self.reception.clock.clone(), stop.clone()));
        let delivering = tasks.spawn(self.worker.run(tasks.clone(), stop.clone()));
        let mut crawling = inbox.clone();
        let receiving = tasks.spawn({
            let reception = self.reception.clone();
            async move {
                while let Some(turn) = inbox.begin().await {
                    reception.clone().run(turn.over.clone()).await;
                }
            }
        });
        tasks.spawn({
            let (finder, mut folder) = (self.finder, folder.clone());
            async move {
                while let Some(turn) = folder.begin().await {
                    finder.clone().run(turn.over.clone()).await;
                }
            }
        });
        tasks.spawn({
            let conversation = self.reception.conversation.clone();
            async move {
                while let Some(turn) = crawling.begin().await {
                    conversation.clone().crawl(turn.over.clone()).await;
                }
            }
        });
        let (reception, stop) = (self.reception, stop.clone());
        tasks.spawn({
            let (reception, stop) = (reception.clone(), stop.clone());
            async move {
                loop {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = reception.clock.sleep(ALIVE_EVERY) => {}
                    }
                    let now = reception.clock.now().to_string();
                    if let Err(error) = reception.store.remember_fact(LAST_ALIVE, &now).await {
                        tracing::warn!(%error, "that the site runs could not be noted: {error}");
                    }
                }
            }
        });
        tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    inbox = gone.recv() => match inbox {
                        Some(inbox) => reception.ask_whether_gone(&inbox).await,
                        None => return,
                    }
                }
            }
        });
        [("delivery", delivering), ("the inbox", receiving)]
    }
}
