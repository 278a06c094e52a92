//! The whole program in this process, for other servers to talk to: unlike a `World` it lives on a loopback origin, which
//! stays its own over a restart, and has keys of its own. Its clock is turned by the test alone.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use reviewd::{
    app::{self, Running},
    backup::{Backup, BackupError, Outcome, Target},
    clock::{Clock, Hand},
    config::{Config, Overrides},
    domain::Origin,
    store::{DeliveryRow, Follower},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::world::place::Place;

/// When every test begins.
const START: &str = "2026-11-22T12:00:00Z";
/// Until a save is told to followers.
pub const SETTLE: Duration = Duration::from_secs(30);

const SETTINGS: &str = r#"
[site]
listen = "127.0.0.1:0"
SITE

[[reviewer]]
handle = "ana"
name = "Ana"
folder = "reviews"

[publish]
settle = "30s"
# No events: the folder is looked at when the test says so.
poll = "always"
"#;

pub struct Daemon {
    pub clock: Clock,
    hand: Hand,
    running: Option<Running>,
    /// Where it runs, if not with the test: what ends there ends in the middle of what it did.
    runtime: Option<Runtime>,
    config: Config,
    /// Where it was at its first start.
    origin: String,
    folder: TempDir,
    place: Place,
}

impl Daemon {
    /// Starts one with an empty folder.
    pub async fn start() -> Daemon {
        Daemon::start_with("").await
    }

    /// Starts one with more settings.
    pub async fn start_with(settings: &str) -> Daemon {
        Daemon::start_on("", settings).await
    }

    /// Starts one that the world knows by another name, as behind a proxy.
    pub async fn start_at(origin: &str, settings: &str) -> Daemon {
        Daemon::start_on(&format!("origin = \"{origin}\""), settings).await
    }

    async fn start_on(site: &str, settings: &str) -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("reviewd.toml");
        let place = Place::new();
        let store = if settings.contains("[store]") { String::new() } else { place.settings() };
        fs::write(&file, format!("{}\n{settings}\n{store}\n", SETTINGS.replace("SITE", site))).unwrap();
        fs::create_dir(folder.path().join("reviews")).unwrap();
        let options = Overrides { config: Some(file), ..Overrides::default() };
        let config = Config::load(&options, &BTreeMap::new(), folder.path()).unwrap();
        let (clock, hand) = Clock::turned(START.parse().unwrap(), 7);
        let mut daemon =
            Daemon { clock, hand, running: None, runtime: None, config, origin: String::new(), folder, place };
        daemon.start_again().await;
        daemon.origin = daemon.running().origin.clone();
        daemon.look().await;
        daemon
    }

    /// Starts it on what it left, at the same address.
    pub async fn start_again(&mut self) {
        let running = app::start(self.config.clone(), self.clock.clone(), std::sync::Arc::new(|| {})).await.unwrap();
        self.config.site.listen = running.addresses.clone();
        self.running = Some(running);
    }

    /// Starts it on what it left, on threads of its own, so that it can crash.
    pub async fn start_apart(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let started = app::start(self.config.clone(), self.clock.clone(), std::sync::Arc::new(|| {}));
        let running = runtime.spawn(started).await.unwrap().unwrap();
        self.config.site.listen = running.addresses.clone();
        self.running = Some(running);
        self.end_runtime().await;
        self.runtime = Some(runtime);
    }

    /// Ends it wherever it is.
    pub async fn crash(&mut self) {
        self.end_runtime().await;
        self.running = None;
    }

    async fn end_runtime(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10))).await.unwrap();
        }
    }

    pub async fn stop(&mut self) {
        self.running.take().unwrap().stop().await;
        self.end_runtime().await;
    }

    /// Sets the wall clock alone.
    pub fn jump(&self, hours: i64) {
        self.hand.jump(jiff::SignedDuration::from_hours(hours));
    }

    /// The reviewer has another name from the next start on.
    pub fn rename(&mut self, name: &str) {
        self.config.reviewers[0].name = name.to_owned();
    }

    /// Changes a setting from the next start on.
    pub fn set(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
    }

    /// Another account of the same person, from the next start on.
    pub fn also_known_as(&mut self, actor: &str) {
        self.config.reviewers[0].also_known_as = vec![actor.to_owned()];
    }

    /// Begins anew, with the folder of another daemon and its journal of ids.
    pub fn take_over(&mut self, other: &Daemon) {
        fs::remove_dir_all(self.data()).unwrap();
        fs::create_dir(self.data()).unwrap();
        self.place.lose();
        fs::copy(other.data().join("ids.jsonl"), self.data().join("ids.jsonl")).unwrap();
        self.config.reviewers[0].folder = other.config.reviewers[0].folder.clone();
    }

    /// A command that does not go well; what it says.
    pub async fn refuse(&self, arguments: &[&str]) -> String {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_reviewd"));
        command.args(arguments).args(["--config", "reviewd.toml"]).current_dir(self.folder.path());
        let output = command.output().await.unwrap();
        assert!(!output.status.success(), "reviewd {arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Lets time pass while nothing runs.
    pub fn sleep(&self, time: Duration) {
        self.hand.turn(time);
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("it was started")
    }

    /// Where a path of the site really answers.
    pub fn door(&self, path: &str) -> String {
        format!("http://{}{path}", self.running().addresses[0])
    }

    /// An address of the site, as the world knows it.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running().origin)
    }

    /// Packs everything while it runs.
    pub async fn back_up(&self, with_reviews: bool) -> PathBuf {
        self.try_to_back_up(with_reviews).await.unwrap()
    }

    pub async fn try_to_back_up(&self, with_reviews: bool) -> Result<PathBuf, BackupError> {
        let file = self.folder.path().join("backup.tar.gz");
        let source = app::source(&self.config);
        let packed = source.pack(&self.running().store, self.clock.now(), with_reviews, false).await?;
        fs::copy(&packed.file, &file).unwrap();
        Ok(file)
    }

    /// Loses the data directory and restores it; the folder is as it was last. Not started yet.
    pub async fn restore(&mut self, file: &Path, resume: bool) -> Outcome {
        if self.running.is_some() {
            self.stop().await;
        }
        fs::remove_dir_all(self.data()).unwrap();
        self.place.lose();
        let target = Target {
            data: self.data(),
            store: self.config.store.clone(),
            origin: Origin::parse(&self.origin).unwrap(),
            folders: Vec::new(),
        };
        Backup::open(file).unwrap().restore(&target, self.clock.now(), resume).await.unwrap()
    }

    /// Takes a file out of the folder.
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.folder.path().join("reviews").join(name)).unwrap();
    }

    pub fn save(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join("reviews").join(name), text).unwrap();
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn ana(&self) -> String {
        self.url("/users/ana")
    }

    /// Saves a review and lets it settle: its activity is on the disk, and on its way.
    pub async fn publish(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join("reviews").join(name), text).unwrap();
        self.look().await;
        self.pass(SETTLE);
        self.look().await;
    }

    /// Deletes a review everywhere at once.
    pub async fn retract(&self, name: &str) {
        self.running().publisher.retract(name.to_owned()).await.unwrap().unwrap();
    }

    /// Lets the publisher look at the folder, and waits until it has.
    pub async fn look(&self) {
        self.running().publisher.look().await.unwrap();
    }

    /// Lets time pass. The carrier looks whether anything fell due.
    pub fn pass(&self, by: Duration) {
        self.hand.turn(by);
        self.running().publisher.mail.notify_one();
        self.running().hub.mail.notify_one();
        self.running().hub.questions.notify_one();
    }

    /// Lets time pass until the next try of a delivery.
    pub async fn pass_until_next_try(&self) {
        let now = self.clock.now().as_millisecond();
        let due = self.deliveries().await.into_iter().filter(|one| one.state == "due");
        let next = due.map(|one| one.next_at_ms).min().expect("something is due");
        self.pass(Duration::from_millis(u64::try_from(next - now).unwrap_or(0)));
    }

    pub async fn deliveries(&self) -> Vec<DeliveryRow> {
        self.running().store.deliveries(None, 1_000).await.unwrap()
    }

    /// The deliveries of one kind, once all of them satisfy `wanted`.
    pub async fn deliveries_when(&self, kind: &str, wanted: impl Fn(&DeliveryRow) -> bool) -> Vec<DeliveryRow> {
        let found = async || {
            let mut rows = self.deliveries().await;
            rows.retain(|row| row.kind == kind);
            (!rows.is_empty() && rows.iter().all(&wanted)).then_some(rows)
        };
        self.when(found).await
    }

    pub async fn followers(&self) -> Vec<Follower> {
        self.running().store.followers(None).await.unwrap()
    }

    /// Waits until there are so many followers.
    pub async fn followers_when(&self, count: usize) -> Vec<Follower> {
        self.when(async || Some(self.followers().await).filter(|followers| followers.len() == count)).await
    }

    /// Waits until everything that was received by now has been worked through.
    pub async fn worked_through(&self) {
        let store = &self.running().store;
        self.when(async || store.due_received(self.clock.now(), 1).await.unwrap().is_empty().then_some(())).await;
    }

    /// Waits until every thread that is due has been looked through for replies elsewhere.
    pub async fn crawled_through(&self) {
        let store = &self.running().store;
        self.when(async || store.due_crawls(self.clock.now(), 1).await.unwrap().is_empty().then_some(())).await;
    }

    /// Another command on the same settings, as a person would type it; what it prints.
    pub async fn run(&self, arguments: &[&str]) -> String {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_reviewd"));
        command.args(arguments).args(["--config", "reviewd.toml"]).current_dir(self.folder.path());
        let output = command.output().await.unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "reviewd {arguments:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub async fn run_json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(&[arguments, &["--json"]].concat()).await).unwrap()
    }

    /// Asks again until there is an answer. What is asked for is on its way already; nothing is timed by this.
    pub async fn when<T>(&self, found: impl AsyncFn() -> Option<T>) -> T {
        let asking = async {
            loop {
                if let Some(found) = found().await {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        match tokio::time::timeout(super::PATIENCE, asking).await {
            Ok(found) => found,
            Err(_) => panic!("it never came so far: {:#?}\n{:#?}", self.deliveries().await, self.followers().await),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A runtime must not be waited for within another one.
            runtime.shutdown_background();
        }
    }
}
