//! The built program is killed (SIGKILL) in the middle of its work, again and again, and afterwards the outside world must
//! look as if nothing had happened.
//!
//! Twenty kills in every run; `REVIEWD_TEST_KILLS=1000 cargo test --test it kills::` makes it a thousand, and
//! `REVIEWD_TEST_SEED=N` begins with another seed. A story that fails tells its seed; what the kernel schedules is not in
//! the seed, so a rare failure may need the same seed several times.
#![allow(clippy::disallowed_methods, reason = "the kills come from outside, with clocks and tasks of their own")]

mod check;
pub mod sink;
pub mod site;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::Duration,
};

use reviewd::{
    backup::Backup,
    clock::Clock,
    domain::{ReactionKind, Spec},
    store::Store,
};
use serde_json::json;
use tokio::task::JoinSet;
use url::Url;

use crate::{fediverse::neighbour::Person, world::review};
use sink::Sink;
use site::Site;

const KILLS: usize = 20;
/// Kills in one story, between an empty folder and the check.
const KILLS_PER_STORY: usize = 20;
const FOLLOWERS: usize = 24;
const HOSTS: u8 = 6;
/// Reviews there are at least: an emptied folder is held, which is another story.
const REVIEWS_MIN: usize = 4;
const REVIEWS_MAX: usize = 12;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// The longest wait for the moment to kill at.
const MOMENT_MAX: Duration = Duration::from_millis(1500);

struct Story {
    seed: u64,
    chance: Clock,
    sink: Sink,
    site: Site,
    /// Title and words of each file.
    files: BTreeMap<String, (String, String)>,
    texts: usize,
    strangers: usize,
    likes: Likes,
    told: Vec<String>,
}

/// What was posted to the inbox: actor and the review liked.
#[derive(Default)]
struct Likes {
    /// Answered with 202.
    taken: BTreeSet<(String, String)>,
    /// Sent; perhaps it arrived.
    posted: BTreeSet<(String, String)>,
}

/// What goes on when the kill comes.
#[derive(Debug, Clone, Copy)]
enum Scene {
    FanOut,
    Inbox,
    Rescan,
    Backup,
    Start,
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_it_is_killed_nobody_misses_anything_and_nobody_is_told_twice() {
    let kills = setting("REVIEWD_TEST_KILLS").map_or(KILLS, |kills| usize::try_from(kills).unwrap());
    let first = setting("REVIEWD_TEST_SEED").unwrap_or(1);
    for seed in (first..).take(kills.div_ceil(KILLS_PER_STORY)) {
        Story::open(seed).await.live(KILLS_PER_STORY).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_inbox_took_is_on_the_disk_before_the_answer_is() {
    let mut story = Story::open(setting("REVIEWD_TEST_SEED").unwrap_or(1)).await;
    story.save_new();
    story.sink.arrive(FOLLOWERS, site::PATIENCE).await;
    for _ in 0..5 {
        let stranger = story.stranger();
        let like = story.like(&stranger).await;
        assert_eq!(post(&story.site, &stranger, &like).await, Some(202));
        story.site.kill().await;
        let (store, _directory) = story.site.copy_of_store().await;
        let about = (stranger.id.clone(), like["object"].as_str().unwrap().to_owned());
        story.is_kept(&store, &about, like["id"].as_str().unwrap()).await;
        story.site.start();
        story.site.ready().await;
    }
}

impl Story {
    async fn open(seed: u64) -> Story {
        let (chance, _) = Clock::turned(Clock::system().now(), seed);
        let sink = Sink::open(HOSTS, chance.clone()).await;
        let followers: Vec<Person> = (0..FOLLOWERS).map(|number| sink.person(number)).collect();
        let site = Site::open(&followers).await;
        let (files, likes, told) = (BTreeMap::new(), Likes::default(), Vec::new());
        let mut story = Story { seed, chance, sink, site, files, texts: 0, strangers: FOLLOWERS, likes, told };
        for _ in 0..REVIEWS_MIN {
            story.save_new();
        }
        story
    }

    async fn live(mut self, kills: usize) {
        for number in 0..kills {
            let others = [Scene::Inbox, Scene::Rescan, Scene::Backup, Scene::Start];
            let scene = if number % 2 == 0 { Scene::FanOut } else { others[number / 2 % others.len()] };
            self.told.push(format!("life {number}: {scene:?}"));
            self.play(scene).await;
            self.sink.next_life().await;
            self.site.start();
            if self.below(3) > 0 {
                self.site.ready().await;
            }
        }
        self.check().await;
    }

    fn below(&self, limit: usize) -> usize {
        (self.chance.chance() * limit as f64) as usize
    }

    /// Goes on until a random moment of the scene, and kills.
    async fn play(&mut self, scene: Scene) {
        match scene {
            Scene::FanOut => {
                for _ in 0..=self.below(3) {
                    self.edit();
                }
                let arrivals = 1 + self.below(2 * FOLLOWERS);
                self.sink.arrive(arrivals, MOMENT_MAX).await;
                self.site.kill().await;
            }
            Scene::Inbox => self.kill_while_posting().await,
            Scene::Rescan => {
                for name in self.files.keys() {
                    // The same bytes with another time: everything has to be read again.
                    let text = fs::read(self.site.review(name)).unwrap();
                    self.site.save(name, std::str::from_utf8(&text).unwrap());
                }
                self.edit();
                self.rename();
                self.wait(400).await;
                self.site.kill().await;
            }
            Scene::Backup => self.kill_while_packing().await,
            Scene::Start => {
                self.site.kill().await;
                self.edit();
                self.sink.next_life().await;
                self.site.start();
                self.wait(700).await;
                self.site.kill().await;
            }
        }
    }

    async fn wait(&mut self, millis_max: usize) {
        let millis = self.below(millis_max);
        self.told.push(format!("  killed after {millis} ms"));
        tokio::time::sleep(Duration::from_millis(millis as u64)).await;
    }

    // --- the folder ----------------------------------------------------------------------------------------------

    fn save_new(&mut self) {
        self.texts += 1;
        let (name, title) = (format!("book-{}.md", self.texts), format!("Title {}", self.texts));
        self.save(name, title);
    }

    fn save(&mut self, name: String, title: String) {
        self.texts += 1;
        let words = format!("Words number {} end.", self.texts);
        self.site.save(&name, &review(&title, &words));
        self.told.push(format!("  {name}: {title}, {words}"));
        self.files.insert(name, (title, words));
    }

    fn some_file(&self) -> String {
        self.files.keys().nth(self.below(self.files.len())).unwrap().clone()
    }

    fn edit(&mut self) {
        let count = self.files.len();
        match self.below(6) {
            0..=1 if count < REVIEWS_MAX => self.save_new(),
            2 if count > REVIEWS_MIN => {
                let name = self.some_file();
                fs::remove_file(self.site.review(&name)).unwrap();
                self.files.remove(&name);
                self.told.push(format!("  {name} is removed"));
            }
            _ => {
                let name = self.some_file();
                let title = self.files[&name].0.clone();
                self.save(name, title);
            }
        }
    }

    fn rename(&mut self) {
        self.texts += 1;
        let (from, to) = (self.some_file(), format!("renamed-{}.md", self.texts));
        fs::rename(self.site.review(&from), self.site.review(&to)).unwrap();
        let text = self.files.remove(&from).unwrap();
        self.told.push(format!("  {from} is {to} now"));
        self.files.insert(to, text);
    }

    // --- the others ----------------------------------------------------------------------------------------------

    fn stranger(&mut self) -> Person {
        self.strangers += 1;
        self.sink.person(self.strangers)
    }

    /// A Like of some review that is there.
    async fn like(&mut self, stranger: &Person) -> serde_json::Value {
        let outbox = self.site.get("/users/ana/outbox?page=1").await;
        let notes: Vec<String> = outbox["orderedItems"]
            .as_array()
            .map(|items| items.iter().filter_map(|item| item["object"]["id"].as_str().map(str::to_owned)).collect())
            .unwrap_or_default();
        assert!(!notes.is_empty(), "no review stands in the outbox: {outbox}");
        let note = &notes[self.below(notes.len())];
        stranger.activity("Like", 1, json!({"object": note}))
    }

    async fn kill_while_posting(&mut self) {
        self.site.ready().await;
        let mut posting = JoinSet::new();
        for _ in 0..12 {
            let stranger = self.stranger();
            let like = self.like(&stranger).await;
            let (url, client) = (format!("{}/inbox", self.site.origin), self.site.client.clone());
            let about = (stranger.id.clone(), like["object"].as_str().unwrap().to_owned());
            self.likes.posted.insert(about.clone());
            posting.spawn(async move { (about, like["id"].clone(), knock(&client, &url, &stranger, &like).await) });
        }
        let enough = self.below(12);
        let mut taken = Vec::new();
        while taken.len() < enough
            && let Some(Ok((about, id, status))) = posting.join_next().await
        {
            assert_eq!(status, Some(202), "{about:?}");
            taken.push((about, id));
        }
        self.site.kill().await;
        while let Some(posted) = posting.try_join_next() {
            if let Ok((about, id, Some(202))) = posted {
                taken.push((about, id));
            }
        }
        self.told.push(format!("  killed after {} answers", taken.len()));
        let (store, _directory) = self.site.copy_of_store().await;
        for (about, id) in taken {
            self.is_kept(&store, &about, id.as_str().unwrap()).await;
            self.likes.taken.insert(about);
        }
    }

    /// A like that was answered with 202 is on the disk: it waits, or it is counted, and never both.
    async fn is_kept(&self, store: &Store, about: &(String, String), id: &str) {
        let waiting = store.due_received(self.chance.now() + DAY, i64::MAX).await.unwrap();
        // What it is known by begins with its own id.
        let waits = waiting.iter().any(|one| one.id.starts_with(&format!("{id} ")));
        let counted = store.reaction(&about.1, &about.0, ReactionKind::Like).await.unwrap().is_some();
        assert!(waits || counted, "{about:?} was answered with 202 and is not on the disk");
        assert!(!(waits && counted), "{about:?} is counted, and would be worked through again");
    }

    async fn kill_while_packing(&mut self) {
        self.site.ready().await;
        let name = format!("backup-{}.tar.gz", self.told.len());
        let mut command = self.site.command(&["backup", &name]).spawn().unwrap();
        self.edit();
        self.wait(500).await;
        self.site.kill().await;
        command.wait().await.unwrap();
        let file = self.site.home().join(name);
        if file.exists() {
            Backup::open(&file).unwrap_or_else(|error| panic!("a backup is there and is none: {error}"));
        }
    }
}

/// Posts to the shared inbox; `None` where the connection broke.
pub async fn post(site: &Site, person: &Person, activity: &serde_json::Value) -> Option<u16> {
    knock(&site.client, &format!("{}/inbox", site.origin), person, activity).await
}

pub async fn knock(client: &reqwest::Client, url: &str, person: &Person, activity: &serde_json::Value) -> Option<u16> {
    let body = activity.to_string();
    let mut headers = person.sign(Spec::Cavage, url, body.as_bytes());
    let host = Url::parse(url).unwrap()[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
    headers.insert("host", host.parse().unwrap());
    let request = client.post(url).header("content-type", "application/activity+json").headers(headers).body(body);
    Some(request.send().await.ok()?.status().as_u16())
}

impl Drop for Story {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("REVIEWD_TEST_SEED={}\n{}\n--- the log:\n{}", self.seed, self.told.join("\n"), self.site.log());
        }
    }
}
