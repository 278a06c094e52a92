//! `reviewd doctor`: whether the site works as others see it, told by a round trip through its own public origin.
//!
//! The daemon examines itself: it asks its public origin as a stranger would, sees what of each request arrives, and
//! follows one of its own reviewers with a throw-away actor that it hosts for these seconds (`examination`). So names,
//! certificates, proxies and caches are passed as other servers pass them, and nobody else is needed for it.

mod certificate;
mod documents;
mod examination;
mod machine;
mod origin;
mod passage;
mod queue;
mod report;
mod trip;
mod visit;

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use examination::{Answered, Room};
pub use report::{Check, LastReport, Outcome, Report};

use self::{examination::Examination, trip::Followed, visit::Visitor};
use crate::{
    clock::Clock,
    config::Config,
    domain::{Network, Reviewer, Site},
    fediverse::{keys::KeyRing, sender::HttpSender, signature::KeyPair},
    net::{Client, NetProblem, Probe, Reach, Trust},
    store::{Store, StoreError},
};

/// An examination makes about fifty requests of at most ten seconds; one that hangs must not hang for ever.
pub const EXAMINATION_TIMEOUT: Duration = Duration::from_secs(90);
/// How long SQLite's check of the whole database may take.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(20);
/// Reviewers whose documents are asked for.
const REVIEWERS_MAX: usize = 10;
/// The fact that says which version was examined last.
const EXAMINED_VERSION: &str = "doctor_version";
/// The fact that holds the last report's summary.
const LAST_REPORT: &str = "doctor_last";
/// Addresses of every network: the doctor goes to its own origin, wherever that is.
const EVERYWHERE: [Network; 2] = [
    Network::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0),
    Network::new(std::net::IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED), 0),
];

/// What the doctor knows of the daemon it lives in.
pub struct Setup {
    pub config: Config,
    pub clock: Clock,
    pub store: Store,
    pub site: Site,
    pub reviewers: Vec<Reviewer>,
    pub keys: Arc<KeyRing>,
    /// The client for other servers, which heard their clocks.
    pub client: Client,
    pub stop: CancellationToken,
}

/// Examines a running daemon.
pub struct Doctor {
    setup: Setup,
    /// Where the daemon's doors find the examination under way.
    pub room: Arc<Room>,
    turn: tokio::sync::Mutex<()>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum NoReport {
    #[error("an examination is under way already; wait a minute and ask again")]
    Busy,
    #[error("the daemon is stopping; start it again")]
    Stopping,
}

impl Doctor {
    pub fn new(setup: Setup) -> Self {
        Self { setup, room: Arc::default(), turn: tokio::sync::Mutex::default() }
    }

    /// Examines the daemon, for at most [`EXAMINATION_TIMEOUT`], and remembers how it went.
    pub async fn examine(&self) -> Result<Report, NoReport> {
        let Ok(_turn) = self.turn.try_lock() else { return Err(NoReport::Busy) };
        let checks = Mutex::new(Vec::new());
        let looking = tokio::time::timeout(EXAMINATION_TIMEOUT, self.look(&checks));
        let in_time = tokio::select! {
            () = self.setup.stop.cancelled() => return Err(NoReport::Stopping),
            looked = looking => looked.is_ok(),
        };
        let mut checks = checks.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !in_time {
            checks.push(Check::failed(
                "time",
                format!("not finished after {} seconds", EXAMINATION_TIMEOUT.as_secs()),
                "some requests got no answer; what came after them was not looked at",
                "look at what is reported last, and at the web server's log",
            ));
        }
        let report = report(&self.setup.site, self.setup.clock.now_in_seconds(), checks);
        let remembered = match serde_json::to_string(&report.summary()) {
            Ok(summary) => {
                self.setup.store.remember_fact(LAST_REPORT, &summary).await.map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        // On a full disk, of all times, the report itself must be told.
        if let Err(error) = remembered {
            tracing::warn!(error, "how the examination went could not be noted for `status`: {error}");
        }
        Ok(report)
    }

    /// Examines the daemon once after each upgrade, as soon as it is ready; what is wrong stands in the log and in `status`.
    pub async fn after_upgrade(&self, mut looked: watch::Receiver<bool>) {
        let store = &self.setup.store;
        let version = env!("CARGO_PKG_VERSION");
        let known = match store.fact(EXAMINED_VERSION).await {
            Ok(known) => known,
            Err(error) => return tracing::warn!(%error, "whether this is an upgrade could not be read: {error}"),
        };
        // At the very first start there is nothing to compare with, and often no web server yet.
        if known.as_deref().is_some_and(|known| known != version) {
            let ready = tokio::select! {
                () = self.setup.stop.cancelled() => false,
                ready = looked.wait_for(|looked| *looked) => ready.is_ok(),
            };
            if !ready {
                return;
            }
            match self.examine().await {
                Ok(report) => tell(&report),
                Err(why) => return tracing::info!(%why, "the examination after the upgrade was put off: {why}"),
            }
        }
        if known.as_deref() != Some(version)
            && let Err(error) = store.remember_fact(EXAMINED_VERSION, version).await
        {
            tracing::warn!(%error, "the version could not be noted: {error}");
        }
    }

    async fn look(&self, checks: &Mutex<Vec<Check>>) {
        let Setup { config, clock, store, site, .. } = &self.setup;
        let found = |found: Vec<Check>| checks.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
        found(machine(config).await);
        let health = tokio::time::timeout(DATABASE_TIMEOUT, store.health()).await;
        found(vec![match health {
            Ok(health) => machine::database(config, health),
            Err(_) => Check::skipped("database", "it is too large to be checked in the time there is"),
        }]);
        found(queue::examine(store, clock.now()).await);
        let (dns, addresses) = origin::dns(&site.origin).await;
        found(vec![dns]);
        found(way_in(site, &addresses, clock.now()).await);
        let examination = match self.prepare().await {
            Ok(examination) => Arc::new(examination),
            Err(why) => return found(vec![Check::skipped("origin", why)]),
        };
        let _guard = self.room.enter(Arc::clone(&examination));
        let visitor = Visitor { examination };
        let (check, reply) = origin::leads_here(&visitor).await;
        found(vec![check]);
        let Some(reply) = reply else {
            let names = ["clock", "webfinger", "actor", "negotiation", "feeds", "signed_headers", "body_size"];
            let names = names.into_iter().chain(trip::STEPS);
            return found(names.map(|name| Check::skipped(name, "the origin does not lead here")).collect());
        };
        let others = self.setup.client.skews().and_then(crate::net::Skews::median);
        found(vec![origin::clock(&reply, others, clock.now()), passage::client_address(&reply)]);
        found(vec![origin::ready(&visitor).await]);
        let followed = self.documents(&visitor, &found).await;
        found(documents::feeds(&visitor).await);
        found(vec![passage::headers(&visitor).await]);
        found(vec![passage::body_size(&visitor).await]);
        found(self.trip(&visitor, followed).await);
    }

    /// Everything an examination needs of its own; a fresh key takes a quarter of a second.
    async fn prepare(&self) -> Result<Examination, String> {
        let made = tokio::task::spawn_blocking(|| {
            let key = KeyPair::generate()?;
            let pem = key.to_public_pem()?;
            Ok::<_, crate::fediverse::signature::key::KeyProblem>((key, pem))
        });
        let (key, pem) = made.await.map_err(|error| error.to_string())?.map_err(|problem| problem.to_string())?;
        let origin = &self.setup.site.origin;
        let probe = Probe::new(origin, Trust::System, None).map_err(|problem| problem.to_string())?;
        Ok(Examination::new(origin.clone(), self.setup.clock.clone(), key, pem, probe))
    }

    /// What others look up, for each reviewer; the first whose actor is as it should be is followed then.
    async fn documents(&self, visitor: &Visitor, found: &(impl Fn(Vec<Check>) + Sync)) -> Option<Followed<'_>> {
        found(documents::well_known(visitor).await);
        let cards = self.setup.store.cards().await.unwrap_or_default();
        let mut followed = None;
        for reviewer in self.setup.reviewers.iter().take(REVIEWERS_MAX) {
            found(vec![documents::webfinger(visitor, reviewer).await]);
            let (check, shown) = documents::actor(visitor, reviewer).await;
            found(vec![check]);
            let newest = cards.iter().filter(|card| card.reviewer == reviewer.handle).max_by_key(|card| card.published);
            found(documents::negotiation(visitor, reviewer, newest.map(|card| &**card)).await);
            if let (None, Some((document, key))) = (&followed, shown) {
                followed = Some(Followed { site: &self.setup.site, reviewer, document, key });
            }
        }
        followed
    }

    async fn trip(&self, visitor: &Visitor, followed: Option<Followed<'_>>) -> Vec<Check> {
        let skipped = |why: &str| trip::STEPS.map(|name| Check::skipped(name, why)).to_vec();
        let Some(followed) = followed else { return skipped("no actor document could be had") };
        let origin = &self.setup.site.origin;
        let client: Result<Client, NetProblem> = Client::new(origin, Reach::for_federation(origin, &EVERYWHERE));
        match client {
            Ok(client) => {
                let keys = Arc::clone(&self.setup.keys);
                let sender = HttpSender::new(origin.clone(), client, self.setup.clock.clone(), keys);
                trip::make(visitor, &followed, &sender).await
            }
            Err(problem) => skipped(&problem.to_string()),
        }
    }
}

/// What can be seen without a daemon: the machine, and the way to where it would answer.
pub async fn without_daemon(config: &Config, clock: &Clock) -> Report {
    let site = config.site();
    let mut checks = vec![Check::failed(
        "daemon",
        format!("no daemon answers at {}", config.control.socket.display()),
        "nothing is published, delivered or received, and the round trip cannot be made",
        "start it (`systemctl start reviewd`, or `reviewd serve`), or name its settings with --config; what is said below \
         of rights is true of your own user, not of the service's",
    )];
    checks.push(port(config).await);
    checks.extend(machine(config).await);
    checks.push(match (machine::closed(config), config.store.may_be_there()) {
        (Some(why), _) => Check::skipped("database", why),
        (None, true) => machine::database(config, Store::examine(&config.store).await),
        (None, false) => Check::skipped("database", "there is none yet; the first start makes it"),
    });
    let (dns, addresses) = origin::dns(&site.origin).await;
    checks.push(dns);
    checks.extend(way_in(&site, &addresses, clock.now()).await);
    report(&site, clock.now_in_seconds(), checks)
}

/// The settings could not be read, so there is nothing else to look at.
pub fn without_settings(problems: &[crate::domain::Problem], at: Timestamp) -> Report {
    let check = |problem: &crate::domain::Problem| {
        let measured = format!("{}:{}:{}: {}", problem.file, problem.line, problem.column, problem.message);
        Check::failed("settings", measured, "reviewd does not start with these settings", &problem.cure)
    };
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Report { version, origin: String::new(), at, checks: problems.iter().map(check).collect(), beyond: Vec::new() }
}

/// A daemon runs, and this user may not speak to it: nothing else could be said truly.
pub fn without_rights(config: &Config, clock: &Clock) -> Report {
    let check = Check::failed(
        "control_socket",
        format!("{} is not open to you", config.control.socket.display()),
        "commands of this user do not reach the daemon, so nothing else could be looked at",
        "become a member of the socket's group (for a service: `sudo adduser $USER reviewd`, then log in anew), or use sudo",
    );
    let mut report = report(&config.site(), clock.now_in_seconds(), vec![check]);
    report.beyond.clear();
    report
}

/// How the last examination went; `None` when there was none.
pub async fn last(store: &Store) -> Result<Option<LastReport>, StoreError> {
    let text = store.fact(LAST_REPORT).await?;
    // Another version's summary that cannot be read is no summary.
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

async fn machine(config: &Config) -> Vec<Check> {
    let config = config.clone();
    let looking = tokio::task::spawn_blocking(move || machine::examine(&config));
    looking.await.unwrap_or_else(|error| vec![Check::skipped("settings", error.to_string())])
}

async fn way_in(site: &Site, addresses: &[SocketAddr], now: Timestamp) -> Vec<Check> {
    let origin = &site.origin;
    let mut checks = vec![origin::certificate(origin, now).await, origin::http_to_https(origin).await];
    checks.extend(origin::addresses(origin, addresses).await);
    checks
}

/// Whether the daemon could listen where the settings say.
async fn port(config: &Config) -> Check {
    let name = "listen";
    for address in &config.site.listen {
        if let Err(error) = tokio::net::TcpListener::bind(address).await {
            let cure = match error.kind() {
                std::io::ErrorKind::AddrInUse => {
                    format!(
                        "find who it is (`ss -ltnp 'sport = :{}'`) and stop it, or choose another [site] listen",
                        address.port()
                    )
                }
                std::io::ErrorKind::PermissionDenied => {
                    "choose a port above 1023 and put a web server in front, or let systemd hold the socket (deploy/)"
                        .to_owned()
                }
                _ => "correct [site] listen: it must be an address of this machine".to_owned(),
            };
            return Check::failed(name, format!("{address}: {error}"), "reviewd cannot start", cure);
        }
    }
    let all: Vec<String> = config.site.listen.iter().map(SocketAddr::to_string).collect();
    Check::ok(name, format!("{} is free", all.join(", ")))
}

fn report(site: &Site, at: Timestamp, checks: Vec<Check>) -> Report {
    let (version, origin) = (env!("CARGO_PKG_VERSION").to_owned(), site.origin.to_string());
    let mut beyond = vec![
        "The round trip is made in memory: what the store does with a follower is not part of it. The checks `deliveries` \
         and `inbox` say whether the queues on the disk move."
            .to_owned(),
    ];
    if !site.origin.is_loopback() {
        beyond.insert(
            0,
            "Every request of this examination began on this machine. Whether firewall, router and DNS let the rest of \
             the world in, only somebody outside can say: look the account up on another server once."
                .to_owned(),
        );
        beyond.push("Whether other servers block this one: `reviewd deliveries` shows who refuses.".to_owned());
    }
    Report { version, origin, at, checks, beyond }
}

fn tell(report: &Report) {
    for check in &report.checks {
        match check.outcome {
            Outcome::Failed => tracing::error!(check = check.name, "{check}"),
            Outcome::Warning => tracing::warn!(check = check.name, "{check}"),
            Outcome::Ok | Outcome::Skipped => {}
        }
    }
    let (failed, warnings) = (report.count(Outcome::Failed), report.count(Outcome::Warning));
    tracing::info!(
        failed,
        warnings,
        "examined after the upgrade to {}: {failed} checks failed, {warnings} warn; `reviewd doctor` shows all",
        report.version
    );
}

/// The rights of the control socket, as a person at the command line finds them.
pub fn control_socket(path: &Path) -> Check {
    machine::control_socket(path)
}
