//! The whole program in the test's own process: a folder, its own database, a free port, and a clock turned by hand.
//!
//! Nothing here sleeps: [`World::look`] returns when the folder has been looked at, and time passes by [`World::pass`].
#![allow(
    dead_code,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: it fails by panicking, speaks HTTP as a stranger would, and no test uses all of it"
)]

mod answer;
mod keys;
pub mod place;
mod texts;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use reqwest::{Method, header};
use reviewd::{
    app::{self, Running},
    clock::{Clock, Hand},
    config::{Config, Overrides},
    domain::{Handle, ledger::Entry},
    publish::{Plan, Survey, publisher::Release},
    store::{FollowState, Follower, StoredActivity},
};
use serde_json::Value;
use tempfile::TempDir;

pub use answer::{Answer, Item, fetch};
pub use keys::lay_out as lay_out_keys;
pub use texts::{image_bomb, picture, review, review_with};

/// Where the world begins: later than any file a test can write, so that files are old when they are looked at.
pub const START: &str = "2031-03-01T12:00:00Z";
/// The public address. Nobody connects to it; requests go to the port on loopback.
pub const ORIGIN: &str = "https://books.example";

const SETTLE: Duration = Duration::from_secs(30);
const DELETE_AFTER: Duration = Duration::from_secs(600);

/// What a world is like before it begins.
pub struct Setup<'a> {
    pub origin: Option<&'a str>,
    /// `[[reviewer]]` tables; Ana alone, with the folder `reviews`, when empty.
    pub reviewers: &'a str,
    /// Further sections of the settings.
    pub settings: &'a str,
    /// Files of the folder at first contact.
    pub files: &'a [(&'a str, &'a str)],
    /// Real time instead of a turned clock.
    pub real_time: bool,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self { origin: Some(ORIGIN), reviewers: "", settings: "", files: &[], real_time: false }
    }
}

/// A running reviewd with everything it works on. Dropping it ends it like a crash does.
pub struct World {
    home: TempDir,
    clock: Clock,
    hand: Hand,
    running: Option<Running>,
    client: reqwest::Client,
    place: place::Place,
}

impl World {
    /// An empty folder, adopted as such: what is saved from now on is announced.
    pub async fn empty() -> Self {
        Self::open(Setup::default()).await
    }

    /// A folder with these files, adopted quietly.
    pub async fn of(files: &[(&str, &str)]) -> Self {
        Self::open(Setup { files, ..Setup::default() }).await
    }

    pub async fn open(setup: Setup<'_>) -> Self {
        let mut world = Self::prepare(setup);
        world.start().await;
        world
    }

    /// Everything in its place, and nothing running yet.
    pub fn prepare(setup: Setup<'_>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (turned, hand) = Clock::turned(START.parse().unwrap(), 7);
        let clock = if setup.real_time { Clock::system() } else { turned };
        let client = reqwest::Client::builder().no_proxy().no_gzip().redirect(reqwest::redirect::Policy::none());
        let world =
            Self { home, clock, hand, running: None, client: client.build().unwrap(), place: place::Place::new() };
        world.settings(setup.origin, setup.reviewers, setup.settings);
        keys::lay_out(&world.data());
        fs::create_dir(world.folder()).unwrap();
        for (name, text) in setup.files {
            world.save(name, text);
        }
        world
    }

    /// Writes the settings; they count from the next start.
    pub fn settings(&self, origin: Option<&str>, reviewers: &str, more: &str) {
        let origin = origin.map(|origin| format!("origin = \"{origin}\"\n")).unwrap_or_default();
        let reviewers = if reviewers.is_empty() {
            "[[reviewer]]\nhandle = \"ana\"\nname = \"Ana Sol\"\nfolder = \"reviews\"\n"
        } else {
            reviewers
        };
        let store = if more.contains("[store]") { String::new() } else { self.place.settings() };
        let site = format!(
            "[site]\nlisten = \"127.0.0.1:0\"\ntitle = \"Ana's books\"\n{origin}\n{reviewers}\n{more}\n{store}"
        );
        fs::write(self.home.path().join("reviewd.toml"), site).unwrap();
    }

    // --- the program ---------------------------------------------------------------------------------------------

    /// Starts the program and waits until it has looked at the folders once.
    pub async fn start(&mut self) {
        self.running = Some(self.try_start().await.unwrap_or_else(|error| panic!("{error:#}")));
        self.look().await;
    }

    pub async fn try_start(&self) -> anyhow::Result<Running> {
        let file = Overrides { config: Some("reviewd.toml".into()), ..Overrides::default() };
        let config = Config::load(&file, &BTreeMap::new(), self.home.path()).unwrap();
        app::start(config, self.clock.clone(), Arc::new(|| {})).await
    }

    /// Stops it in good order.
    pub async fn stop(&mut self) {
        self.running.take().unwrap().stop().await;
    }

    pub async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("the program runs")
    }

    /// Waits until the folders as they are now have been looked at.
    pub async fn look(&self) {
        self.running().publisher.look().await.expect("the publisher runs");
    }

    /// Looks, lets time pass, and looks again.
    pub async fn pass(&self, time: Duration) {
        self.look().await;
        self.hand.turn(time);
        self.look().await;
    }

    /// Lets the settling time pass: what waits to be announced is.
    pub async fn settle(&self) {
        self.pass(SETTLE).await;
    }

    /// Lets so much time pass that removals are final.
    pub async fn delete_after(&self) {
        self.pass(DELETE_AFTER).await;
    }

    /// Turns the clock without looking.
    pub fn turn(&self, time: Duration) {
        self.hand.turn(time);
    }

    /// Sets the wall clock alone.
    pub fn jump(&self, hours: i64) {
        self.hand.jump(jiff::SignedDuration::from_hours(hours));
    }

    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    pub async fn plan(&self) -> Plan {
        self.running().publisher.plan().await.unwrap()
    }

    /// Releases what is held under these names, or everything.
    pub async fn apply(&self, names: &[&str]) -> Plan {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.running().publisher.apply(names, Release::Send).await.unwrap()
    }

    pub async fn retract(&self, name: &str) -> Plan {
        self.running().publisher.retract(name.to_owned()).await.unwrap().unwrap()
    }

    /// The state of the only reviewer's folder.
    pub async fn survey(&self) -> Survey {
        self.running().publisher.survey().await.unwrap().remove(0)
    }

    /// Every problem, as `file:line:column: severity: message (cure)`.
    pub async fn problems(&self) -> Vec<String> {
        self.survey().await.problems.iter().map(ToString::to_string).collect()
    }

    // --- the folder ----------------------------------------------------------------------------------------------

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn folder(&self) -> PathBuf {
        self.home.path().join("reviews")
    }

    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Saves a file as editors do: written beside the old one, then renamed over it.
    pub fn save(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let beside = self.home.path().join("beside.tmp");
        fs::write(&beside, content).unwrap();
        fs::rename(beside, path).unwrap();
    }

    pub fn rename(&self, from: &str, to: &str) {
        fs::create_dir_all(self.path(to).parent().unwrap()).unwrap();
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub fn copy(&self, from: &str, to: &str) {
        self.save(to, fs::read(self.path(from)).unwrap());
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    // --- what it shows -------------------------------------------------------------------------------------------

    /// Where it really listens.
    pub fn address(&self) -> String {
        format!("http://{}", self.running().addresses[0])
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[]).await
    }

    pub async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let origin = self.running().origin.clone();
        let host = origin.split("://").nth(1).unwrap().to_owned();
        let mut request = self.client.request(method, format!("{}{path}", self.address()));
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request = request.header(header::HOST, host);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(path, request.send().await.unwrap_or_else(|error| panic!("{path}: {error}"))).await
    }

    /// A page or document that has to be there.
    pub async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text().to_owned()
    }

    pub async fn status(&self, path: &str) -> u16 {
        self.get(path).await.status
    }

    /// The items of `/feed.json`, newest first.
    pub async fn feed(&self) -> Vec<Item> {
        self.feed_at("/feed.json").await
    }

    pub async fn feed_at(&self, path: &str) -> Vec<Item> {
        let feed: Value = serde_json::from_str(&self.page(path).await).unwrap();
        feed["items"].as_array().unwrap().iter().map(Item::new).collect()
    }

    /// The titles in `/feed.json`, newest first.
    pub async fn titles(&self) -> Vec<String> {
        self.feed().await.into_iter().map(|item| item.title).collect()
    }

    /// The bytes of all three feeds.
    pub async fn feed_bytes(&self) -> Vec<String> {
        let mut bytes = Vec::new();
        for path in ["/feed.xml", "/atom.xml", "/feed.json"] {
            bytes.push(self.page(path).await);
        }
        bytes
    }

    // --- what it remembers ---------------------------------------------------------------------------------------

    /// Everything followers of Ana were ever told, oldest first.
    pub async fn activities(&self) -> Vec<StoredActivity> {
        self.running().store.activities(&handle("ana")).await.unwrap()
    }

    /// The same as kinds and slugs: `Create dune`.
    pub async fn told(&self) -> Vec<String> {
        let entries = self.running().store.ledger(&handle("ana")).await.unwrap();
        let slug = |object: &str| {
            let of = entries.iter().find(|entry| object.ends_with(&format!("/{}", entry.id)));
            of.map_or_else(|| object.to_owned(), |entry| entry.slug.to_string())
        };
        self.activities().await.iter().map(|one| format!("{} {}", one.kind, slug(&one.object))).collect()
    }

    /// Ana gets a follower on a server that nobody answers for.
    pub async fn follow(&self, name: &str) {
        let actor = format!("https://127.0.0.1:9/{name}");
        let follower = Follower {
            reviewer: handle("ana"),
            inbox: format!("{actor}/inbox"),
            shared_inbox: Some("https://127.0.0.1:9/inbox".to_owned()),
            follow_id: format!("{actor}/follows/1"),
            actor,
            state: FollowState::Accepted,
            bookwyrm: false,
            since: self.now(),
        };
        self.running().store.keep_follower(&follower, &[]).await.unwrap();
    }

    /// Every copy of what was told, as `Create INBOX`.
    pub async fn deliveries(&self) -> Vec<String> {
        let rows = self.running().store.deliveries(None, 100).await.unwrap();
        rows.into_iter().map(|row| format!("{} {}", row.kind, row.inbox)).collect()
    }

    /// Every review that was ever published, deleted ones included, in order of publication.
    pub async fn ledger(&self) -> Vec<Entry> {
        let mut entries = self.running().store.ledger(&handle("ana")).await.unwrap();
        entries.sort_by_key(|entry| entry.published);
        entries
    }

    /// The review that stands in this file now.
    pub async fn entry(&self, file: &str) -> Entry {
        let ledger = self.ledger().await;
        let found = ledger.iter().find(|entry| entry.answers() && entry.file == file).cloned();
        found.unwrap_or_else(|| panic!("no review stands in {file}: {ledger:#?}"))
    }

    /// The lines of the journal of ids.
    pub fn journal(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.data().join("ids.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Loses the database, as a disk does; the journal stays.
    pub fn lose_database(&self) {
        assert!(self.running.is_none(), "stop the program first");
        if self.place.lose() {
            return;
        }
        for entry in fs::read_dir(self.data()).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with("reviewd.db") {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    }
}

pub fn handle(name: &str) -> Handle {
    Handle::parse(name).unwrap()
}
