//! The composition root: builds every part from the settings, starts and stops them in order.

mod door;
mod federation;
mod https;
mod hub;
pub mod manager;
mod nodes;
mod operator;
mod pulse;
pub mod rest;
mod sample;
pub mod secret;
pub mod sockets;
pub mod traces;
pub mod vigil;

use std::{
    fs::{self, File},
    io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use axum::{Router, extract::connect_info::IntoMakeServiceWithConnectInfo, serve::ListenerExt};
use jiff::Timestamp;
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    backup,
    clock::Clock,
    config::{Config, Poll, ReviewerSettings},
    control,
    doctor::{self, Doctor},
    domain::{Picture, Reviewer, Site, ledger::Stat},
    export::Exporter,
    faces::{self, Faces},
    fediverse::keys::KeyPlaces,
    intake::folder::PICTURE_BYTES_MAX,
    media,
    mirror::{self, Keeper, KeeperHandle, MirrorFolder},
    publish::{
        Herald, Publisher, PublisherHandle,
        decide::Limits,
        elsewhere::Elsewhere,
        identity::Journal,
        publisher::{FolderSetup, Setup},
    },
    source::SOURCE_ARCHIVE,
    store::Store,
    tls::CertificateState,
    web::{self, Web, gate::Gate, interact::Questions, readers::Readers, shelf::Shelf},
    websub::Hub,
};
use vigil::Vigil;

use door::{Door, Hearing};
use https::Https;
use nodes::{Duties, Sleepers};
use pulse::Pulse;
use sockets::Sockets;

/// How long a stop waits for what is in flight.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// Only the service and its group see the data.
const DATA_MODE: u32 = 0o750;

/// The parts that commands use with or without a daemon.
pub struct Parts {
    pub store: Store,
    pub journal: Journal,
    pub reviewers: Vec<Reviewer>,
    /// Held for as long as this process owns the data directory.
    _lock: File,
}

/// A daemon that has started.
pub struct Running {
    /// Where it listens; the port is the real one.
    pub addresses: Vec<SocketAddr>,
    /// Where plain http is answered, if anywhere.
    pub http: Vec<SocketAddr>,
    /// Where Prometheus reads, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// How it stands with the site's own certificate.
    pub certificate: Option<watch::Receiver<CertificateState>>,
    /// The operator's page, where it has an address of its own.
    pub admin: Option<SocketAddr>,
    pub origin: String,
    pub publisher: PublisherHandle,
    /// Keeps the conversation as files.
    pub mirrors: KeeperHandle,
    pub store: Store,
    /// Notified when a command changed what only a start reads: a key.
    pub restart: Arc<Notify>,
    pulse: Pulse,
    site: Site,
    hearing: Hearing,
    pub hub: Arc<Hub>,
    tasks: TaskTracker,
    stop: CancellationToken,
    socket: PathBuf,
}

/// Takes hold of the data directory and opens what lies in it.
///
/// # Errors
/// Another process holds it, the database is of a newer version, the journal is damaged, a picture of a reviewer is none.
pub async fn open(config: &Config) -> anyhow::Result<Parts> {
    let data = config.data_dir();
    if data.try_exists().is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
        bail!(
            "the data in {} is the service's own: start the service (`sudo systemctl start reviewd`), and this command asks \
             it; or use sudo",
            data.display()
        );
    }
    if !data.exists() {
        fs::create_dir_all(data).with_context(|| format!("create the data directory {}", data.display()))?;
        fs::set_permissions(data, fs::Permissions::from_mode(DATA_MODE))?;
    }
    let lock = lock(data)?;
    backup::inspect(data)?;
    let store = Store::of(&config.store).await?;
    let journal = Journal::open(&data.join("ids.jsonl"))?;
    let mut reviewers = Vec::new();
    for settings in &config.reviewers {
        let avatar = match &settings.avatar {
            Some(file) => Some(avatar(&store, file).await?),
            None => None,
        };
        reviewers.push(Reviewer {
            handle: settings.handle.clone(),
            name: settings.name.clone(),
            bio: settings.bio.clone(),
            avatar,
            links: settings.links.clone(),
            also_known_as: settings.also_known_as.clone(),
        });
    }
    Ok(Parts { store, journal, reviewers, _lock: lock })
}

/// One process at a time works on a data directory.
fn lock(data: &Path) -> anyhow::Result<File> {
    let path = data.join("lock");
    let file = File::create(&path).with_context(|| format!("open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            bail!("another reviewd works on {}; stop it first, or give this one its own [store] url", data.display())
        }
        Err(fs::TryLockError::Error(error)) => Err(error).with_context(|| format!("lock {}", path.display())),
    }
}

async fn avatar(store: &Store, file: &Path) -> anyhow::Result<Picture> {
    let name = file.display().to_string();
    let metadata =
        fs::metadata(file).with_context(|| format!("open the avatar {name}; correct `avatar` in the settings"))?;
    if metadata.len() > PICTURE_BYTES_MAX {
        bail!("the avatar {name} has {} bytes; make it smaller than {PICTURE_BYTES_MAX}", metadata.len());
    }
    let bytes = fs::read(file).with_context(|| format!("read the avatar {name}"))?;
    let prepared = media::prepare(&bytes).with_context(|| format!("use the avatar {name}"))?;
    store.keep_picture(&prepared.picture, &prepared.full, &prepared.thumb, &name, Stat::default()).await?;
    Ok(prepared.picture)
}

/// Limits of the settings in the words of the decision.
pub fn limits(config: &Config) -> Limits {
    Limits {
        settle: config.publish.settle,
        delete_after: config.publish.delete_after,
        announce_max: config.publish.announce_max as usize,
        update_max: config.publish.update_max as usize,
        delete_max: config.publish.delete_max as usize,
    }
}

/// Starts the daemon on sockets of its own.
///
/// # Errors
/// As [`start_on`].
pub async fn start(config: Config, clock: Clock, progress: Arc<dyn Fn() + Send + Sync>) -> anyhow::Result<Running> {
    start_on(&mut Sockets::default(), config, clock, progress).await
}

/// Starts the daemon: listens first, shows what was published last, then looks at the folders.
///
/// # Errors
/// A port in use, a data directory in use or damaged: each names the place and the cure.
pub async fn start_on(
    sockets: &mut Sockets,
    mut config: Config,
    clock: Clock,
    progress: Arc<dyn Fn() + Send + Sync>,
) -> anyhow::Result<Running> {
    let sockets::Listeners { site: listeners, http } = sockets.listen(&config).await?;
    let addresses: Vec<SocketAddr> = listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
    let http_addresses: Vec<SocketAddr> = http.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
    if let Some(first) = addresses.first() {
        config.bound_to(*first);
    }
    sample::lay_out(&config)?;
    let Parts { store, journal, reviewers, _lock } = open(&config).await?;
    let https = https::open(&config, &clock, &sockets.shown, !http.is_empty())?;
    let certificate = https.as_ref().map(Https::state);
    let site = config.site();
    let founded = founded(&store, &clock).await?;
    let feed_id = feed_id(&store, &clock).await?;
    let beats = Arc::new(AtomicU64::new(0));
    let elsewhere = elsewhere(&config, &clock, &store)?;
    let stop = CancellationToken::new();
    let duties = Duties::new(&store, &clock, &stop, config.publish.watch).await?;
    let setup = Setup {
        clock: clock.clone(),
        store: store.clone(),
        site: site.clone(),
        elsewhere: Arc::clone(&elsewhere),
        limits: limits(&config),
        journal,
        folders: folders(&config, &reviewers),
        scan_every: config.publish.scan_every,
        feed_items: config.feeds.items as usize,
        duty: duties.folder.clone(),
        progress: {
            let beats = Arc::clone(&beats);
            Arc::new(move || {
                beats.fetch_add(1, Ordering::Relaxed);
                progress();
            })
        },
    };
    // Before the publisher remembers what a trial said.
    federation::pin_origin(&config, &store).await?;
    let (mut publisher, handle) = Publisher::open(setup).await?;
    let tasks = TaskTracker::new();
    let hub = hub::open(&config, &clock, &store)?;
    let federation = federation::open(&config, &clock, &store, &reviewers, &handle, &hub, &tasks).await?;
    let faces = Faces::new(store.clone(), clock.clone(), federation::client_for_pictures(&config)?);
    let notices_token = config.notify.feed.then(|| vigil::token(config.data_dir())).transpose()?;
    let readers = Arc::new(Readers::default());
    let doctor = Arc::new(Doctor::new(doctor::Setup {
        config: config.clone(),
        clock: clock.clone(),
        store: store.clone(),
        site: site.clone(),
        reviewers: reviewers.clone(),
        keys: Arc::clone(&federation.keys),
        client: federation.client.clone(),
        stop: stop.clone(),
    }));
    let web = Arc::new(Web {
        site: site.clone(),
        reviewers,
        publisher: handle.clone(),
        store: store.clone(),
        founded,
        feed_id,
        feed_items: config.feeds.items as usize,
        feed_full_text: config.feeds.full_text,
        shelf: Shelf::new(),
        keys: federation.public_keys.clone(),
        reception: federation.reception.clone(),
        gate: Gate::new(),
        readers: Arc::clone(&readers),
        clock: clock.clone(),
        examined: Arc::clone(&doctor.room),
        questions: Questions::new(),
        faces: faces.clone(),
        replies_close_after: config.replies.close_after,
        approves_followers: config.federation.approve_followers,
        hub: Arc::clone(&hub),
        told: web::websub::Told::default(),
        notices_token: notices_token.clone(),
        source: SOURCE_ARCHIVE,
        still: false,
    });
    publisher.announce_to(Arc::clone(&web) as Arc<dyn Herald>);
    federation.tell_of_changed_profiles(&web).await?;
    // Whatever may fail comes before the first task: a start that did not succeed leaves nothing running.
    let control = control::bind(&config.control.socket)?;
    let restart = Arc::new(Notify::new());
    let desk = Arc::new(control::Desk {
        publisher: handle.clone(),
        store: store.clone(),
        reception: federation.reception.clone(),
        finder: federation.finder.clone(),
        clock: clock.clone(),
        site: site.clone(),
        feed_readers: {
            let clock = clock.clone();
            Arc::new(move || readers.list(clock.now()))
        },
        keys: KeyPlaces::configured(&config),
        journal: config.data_dir().join("ids.jsonl"),
        restart: Arc::clone(&restart),
        doctor: Arc::clone(&doctor),
        notices_token,
        source: source(&config),
        exporter: Arc::clone(&web) as Arc<dyn Exporter>,
        certificate: certificate.clone(),
    });
    let operator = operator::open(&config, &desk, &web).await?;
    let mut metrics_address = None;
    let mut router = web::router(Arc::clone(&web));
    if let Some(address) = config.metrics.listen {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("listen on {address}; choose another address in [metrics] listen"))?;
        router = web::figures::counted(router);
        metrics_address = Some(listener.local_addr()?);
        let figures = web::figures::router(Arc::clone(&web), clock.clone(), certificate.clone());
        let stopping = stop.clone();
        tasks.spawn(async move {
            let served = axum::serve(listener, figures).with_graceful_shutdown(stopping.cancelled_owned()).await;
            if let Err(error) = served {
                tracing::error!(%error, "serving the metrics ended: {error}");
            }
        });
    }
    let mut admin_address = None;
    match operator {
        Some((page, Some(listener))) => {
            admin_address = Some(listener.local_addr()?);
            tasks.spawn(operator::serve(listener, page, stop.clone()));
        }
        Some((page, None)) => router = router.merge(page),
        None => {}
    }
    let (hearing, mut parts) = (Hearing::new(), Vec::new());
    if let Some(https) = &https {
        router = https.guarded(router);
    }
    for listener in listeners {
        let door = Door::new(listener, hearing.clone()).guarded(https.as_ref().map(Https::server));
        let service = router.clone().into_make_service_with_connect_info::<SocketAddr>();
        parts.push(("serving", tasks.spawn(serve_on(door, service, stop.clone()))));
    }
    if let Some(https) = https {
        parts.extend(https.start(http, &hearing, &tasks, &stop));
    }
    let vigil = Vigil {
        clock: clock.clone(),
        store: store.clone(),
        publisher: handle.clone(),
        site: site.origin.to_string(),
        command: config.notify.command.clone(),
        certificate: certificate.clone(),
    };
    let (mut folder, inbox) = (duties.folder.clone(), duties.inbox.clone());
    let sleepers =
        Sleepers { publisher: handle.clone(), hub: Arc::clone(&hub), received: Arc::clone(&federation.reception.work) };
    duties.start(&store, &clock, sleepers, &tasks, &stop);
    tasks.spawn({
        let mut folder = folder.clone();
        async move {
            while let Some(turn) = folder.begin().await {
                vigil.run(turn.over.clone()).await;
            }
        }
    });
    let looked = handle.looked.clone();
    tasks.spawn(async move { doctor.after_upgrade(looked).await });
    parts.extend(federation.start(&tasks, &stop, &folder, inbox));
    tasks.spawn(elsewhere.run(Arc::clone(&handle.hint), stop.clone()));
    for _ in 0..faces::FETCHERS {
        tasks.spawn(faces.clone().run(stop.clone()));
    }
    tasks.spawn({
        let (mut folder, clock) = (folder.clone(), clock.clone());
        async move {
            while let Some(turn) = folder.begin().await {
                hub::keep(Arc::clone(&web), clock.clone(), turn.over.clone()).await;
            }
        }
    });
    let (mut keeper, mirrors) = Keeper::new(mirror::keeper::Setup {
        clock: clock.clone(),
        store: store.clone(),
        origin: site.origin.clone(),
        folders: mirror_folders(&config),
        scan_every: config.publish.scan_every,
    });
    tasks.spawn(async move {
        while let Some(turn) = folder.begin().await {
            keeper.run(turn.over.clone()).await;
        }
    });
    let answering = tasks.spawn(control::serve(control, desk, tasks.clone(), stop.clone()));
    parts.push(("the control socket", answering));
    let publishing = tasks.spawn(async move {
        let _lock = _lock;
        publisher.run().await;
    });
    parts.push(("the publisher", publishing));
    let pulse = Pulse { clock, publisher: handle.clone(), store: store.clone(), beats, parts };
    Ok(Running {
        addresses,
        http: http_addresses,
        metrics: metrics_address,
        certificate,
        admin: admin_address,
        origin: site.origin.to_string(),
        publisher: handle,
        mirrors,
        store,
        restart,
        pulse,
        site,
        hearing,
        hub,
        tasks,
        stop,
        socket: config.control.socket.clone(),
    })
}

/// Serves whoever comes to this door until told to stop.
async fn serve_on(door: Door, service: IntoMakeServiceWithConnectInfo<Router, SocketAddr>, stop: CancellationToken) {
    let door = door.tap_io(|caller| {
        if let Err(error) = caller.set_nodelay() {
            tracing::debug!(%error, "a connection keeps Nagle's delay: {error}");
        }
    });
    if let Err(error) = axum::serve(door, service).with_graceful_shutdown(stop.cancelled_owned()).await {
        tracing::error!(%error, "serving ended: {error}");
    }
}

/// What fetches covers from other sites.
pub fn elsewhere(config: &Config, clock: &Clock, store: &Store) -> anyhow::Result<Arc<Elsewhere>> {
    Ok(Elsewhere::new(store.clone(), clock.clone(), federation::client_for_pictures(config)?))
}

/// Each reviewer with the folder of the settings.
pub fn folders(config: &Config, reviewers: &[Reviewer]) -> Vec<FolderSetup> {
    config
        .reviewers
        .iter()
        .zip(reviewers)
        .map(|(settings, reviewer)| FolderSetup {
            reviewer: reviewer.clone(),
            root: settings.folder.clone(),
            left_out: settings.mirror.clone(),
            rating_scale: settings.rating_scale,
            poll_always: match config.publish.poll {
                Poll::Always => true,
                Poll::Auto => false,
            },
        })
        .collect()
}

/// What a backup is made of.
pub fn source(config: &Config) -> backup::Source {
    backup::Source {
        data: config.data_dir().to_owned(),
        settings: config.file.clone(),
        origin: config.site.origin.to_string(),
        keys: KeyPlaces::configured(config),
        folders: config.reviewers.iter().map(|one| (one.handle.clone(), one.folder.clone())).collect(),
    }
}

/// The mirrors of the settings; reviewers without one are left out.
fn mirror_folders(config: &Config) -> Vec<MirrorFolder> {
    let poll_always = config.publish.poll == Poll::Always;
    let folder = |settings: &ReviewerSettings| {
        Some(MirrorFolder { reviewer: settings.handle.clone(), root: settings.mirror.clone()?, poll_always })
    };
    config.reviewers.iter().filter_map(folder).collect()
}

/// When this site began, remembered at its first start.
async fn founded(store: &Store, clock: &Clock) -> anyhow::Result<Timestamp> {
    if let Some(text) = store.fact("founded").await? {
        return text.parse().context("read when the site was founded");
    }
    let now = clock.now_in_seconds();
    store.settle_fact("founded", &now.to_string()).await?.parse().context("read when the site was founded")
}

/// What all feed ids begin with, minted at the first start: no title, path or domain is in it.
async fn feed_id(store: &Store, clock: &Clock) -> anyhow::Result<String> {
    if let Some(id) = store.fact("feed_id").await? {
        return Ok(id);
    }
    Ok(store.settle_fact("feed_id", &format!("urn:uuid:{}", clock.uuid())).await?)
}

impl Running {
    /// How things stand, as `reviewd status` shows it; `None` while the daemon stops or the store does not answer.
    pub async fn status(&self) -> Option<control::Status> {
        let folders = self.publisher.survey().await?;
        let certificate = self.certificate.as_ref().map(|certificate| certificate.borrow().clone());
        control::status(&self.store, &self.site, folders, certificate).await.ok()
    }

    /// Finishes what is in flight, then closes the store. What does not finish in time is taken up at the next start.
    pub async fn stop(self) {
        self.hearing.end().await;
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(STOP_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::warn!("some connections did not end within {} s and were cut", STOP_TIMEOUT.as_secs());
        }
        if let Err(error) = self.store.say_farewell().await {
            tracing::debug!(%error, "the other nodes wait for this one a little: {error}");
        }
        self.store.close().await;
        // A socket that is gone already is what was wanted.
        let _ = fs::remove_file(&self.socket);
    }
}
