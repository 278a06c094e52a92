//! The built program as a process that can be killed: it gets its listening socket from the test, as from systemd, so that
//! its address outlives it.
#![allow(clippy::disallowed_methods, reason = "a stranger's clock and client")]

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use reviewd::store::{FollowState, Follower, Store};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{
    fediverse::neighbour::Person,
    world::{handle, lay_out_keys},
};

/// The listening socket arrives as standard input and becomes descriptor 3, where sd_listen_fds(3) wants it; `exec` keeps
/// the process id that LISTEN_PID names, and that is killed. `$0` is run first.
const AS_SYSTEMD: &str = "set -e; exec 3<&0 0</dev/null; eval \"$0\"; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"";
/// How long anything may take on a loaded machine; only a failing test waits so long.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// Between two questions whether it is ready.
const PAUSE: Duration = Duration::from_millis(5);

/// What is under way at once, at most: so much may be repeated after a kill.
pub const UNDER_WAY_MAX: usize = 16;

const SETTINGS: &str = r#"
[site]
listen = "127.0.0.1:0"
origin = "ORIGIN"

[[reviewer]]
handle = "ana"
folder = "reviews"

[publish]
settle = "0s"
announce_max = 1000
update_max = 1000
delete_max = 1000
delete_after = "0s"

[delivery]
concurrency = 8
per_host = 2

[feeds]
items = 100

[replies]
moderation = "open"
"#;

pub struct Site {
    pub origin: String,
    /// Where this process is reached; the origin, where it is the only one.
    pub door: String,
    home: TempDir,
    listener: TcpListener,
    child: Option<Child>,
    pub client: reqwest::Client,
    ground: Ground,
}

/// What the program stands on.
#[derive(Debug, Clone, Default)]
pub struct Ground {
    /// Shell commands before each start, in the folder of the settings.
    pub before: String,
    /// In a mount namespace of its own, which takes root.
    pub apart: bool,
    pub environment: Vec<(&'static str, PathBuf)>,
}

impl Site {
    /// Everything in its place, with these followers, and an empty folder that has been looked at once.
    pub async fn open(followers: &[Person]) -> Site {
        Self::open_on(Ground::default(), followers).await
    }

    pub async fn open_on(ground: Ground, followers: &[Person]) -> Site {
        let mut site = Site { ground, ..Self::laid_out(None, |settings| settings) };
        let store = site.store().await;
        keep_followers(&store, followers).await;
        store.close().await;
        site.start();
        site.ready().await;
        site
    }

    /// A directory, keys and a socket of its own, and nothing that runs. `origin` is the site's, where this is not its first
    /// process; `change` makes its settings of the usual ones.
    pub fn laid_out(origin: Option<&str>, change: impl FnOnce(String) -> String) -> Site {
        let home = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let door = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let origin = origin.map_or_else(|| door.clone(), str::to_owned);
        fs::write(home.path().join("reviewd.toml"), change(SETTINGS.replace("ORIGIN", &origin))).unwrap();
        fs::create_dir(home.path().join("reviews")).unwrap();
        lay_out_keys(&home.path().join("data"));
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).pool_max_idle_per_host(0);
        let (client, ground) = (client.build().unwrap(), Ground::default());
        Site { origin, door, home, listener, child: None, client, ground }
    }

    /// A request to this process, as one to the site.
    pub fn ask(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let host = self.origin.split("://").nth(1).unwrap();
        self.client.request(method, format!("{}{path}", self.door)).header("host", host)
    }

    pub fn start(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.home().join("log")).unwrap();
        let mut command = Command::new(if self.ground.apart { "unshare" } else { "sh" });
        if self.ground.apart {
            command.args(["-m", "--", "sh"]);
        }
        command.args(["-c", AS_SYSTEMD, &self.ground.before, env!("CARGO_BIN_EXE_reviewd"), "serve"]);
        command.current_dir(self.home()).envs(self.ground.environment.iter().cloned());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REVIEWD_")) {
            command.env_remove(name);
        }
        command.env("NO_COLOR", "1").stdin(Stdio::from(OwnedFd::from(self.listener.try_clone().unwrap())));
        self.child = Some(command.kill_on_drop(true).stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    /// SIGKILL, and the end.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.start_kill().unwrap();
        let status = child.wait().await.unwrap();
        assert!(status.code().is_none(), "it ended by itself before it was killed: {status}");
    }

    pub fn pid(&self) -> String {
        self.child.as_ref().and_then(Child::id).expect("it runs").to_string()
    }

    /// The data directory, as the running program sees it.
    pub fn data(&self) -> PathBuf {
        let data = self.home().join("data");
        if self.ground.apart { PathBuf::from(format!("/proc/{}/root{}", self.pid(), data.display())) } else { data }
    }

    /// Waits until this is so.
    pub async fn when(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let began = Instant::now();
        while !is_so().await {
            assert!(began.elapsed() < PATIENCE, "it never came so far: {what}\n{}", self.log());
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What `/readyz` says.
    pub async fn readiness(&self) -> String {
        let answer = self.ask(reqwest::Method::GET, "/readyz").send().await.unwrap();
        format!("{} {}", answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Waits until it has looked at its folder.
    pub async fn ready(&self) {
        let began = Instant::now();
        loop {
            let answer = self.ask(reqwest::Method::GET, "/readyz").send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "it does not become ready");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Another command on the same settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reviewd"));
        command.args(arguments).args(["--config", "reviewd.toml"]).current_dir(self.home());
        command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        command
    }

    pub async fn get(&self, path: &str) -> Value {
        let request = self.ask(reqwest::Method::GET, path).header("accept", "application/activity+json");
        let answer = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&answer).unwrap_or_default()
    }

    /// Title and text of every item of the feed.
    pub async fn feed(&self) -> BTreeMap<String, String> {
        let feed = self.get("/feed.json").await;
        let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
        let items = feed["items"].as_array().cloned().unwrap_or_default();
        let title = |item: &Value| text(item, "title").split(" by ").next().unwrap_or_default().to_owned();
        items.iter().map(|item| (title(item), text(item, "content_html"))).collect()
    }

    /// What it remembers, beside the running program.
    pub async fn store(&self) -> Store {
        Store::open(&self.home().join("data/reviewd.db")).await.unwrap()
    }

    /// The same, where the running program has its data on a disk of its own.
    pub async fn store_inside(&self) -> Store {
        Store::open(&self.data().join("reviewd.db")).await.unwrap()
    }

    /// A copy of what lies on the disk now, for looking at it while nothing runs.
    pub async fn copy_of_store(&self) -> (Store, TempDir) {
        let aside = tempfile::tempdir().unwrap();
        for name in ["reviewd.db", "reviewd.db-wal"] {
            let from = self.home().join("data").join(name);
            if from.exists() {
                fs::copy(from, aside.path().join(name)).unwrap();
            }
        }
        (Store::open(&aside.path().join("reviewd.db")).await.unwrap(), aside)
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn review(&self, name: &str) -> PathBuf {
        self.home().join("reviews").join(name)
    }

    /// Saves a review as editors do: beside the old one, then over it.
    pub fn save(&self, name: &str, text: &str) {
        let beside = self.home().join("beside.tmp");
        fs::write(&beside, text).unwrap();
        fs::rename(beside, self.review(name)).unwrap();
    }

    /// The end of what it logged.
    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.home().join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

/// These people follow.
pub async fn keep_followers(store: &Store, followers: &[Person]) {
    for person in followers {
        let follower = Follower {
            reviewer: handle("ana"),
            actor: person.id.clone(),
            inbox: person.inbox(),
            shared_inbox: None,
            follow_id: format!("{}/follows/1", person.id),
            state: FollowState::Accepted,
            bookwyrm: false,
            since: person.clock.now(),
        };
        store.keep_follower(&follower, &[]).await.unwrap();
    }
}
