//! Several nodes on one PostgreSQL database, each a process that is killed at any moment: the world outside must see one site.
//!
//! `REVIEWD_TEST_SEED=N` begins with another seed.
#![allow(clippy::disallowed_methods, reason = "the kills come from outside, with clocks of their own")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use reqwest::Method;
use reviewd::{clock::Clock, config::StoreSettings, domain::Spec, store::Store};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    fediverse::neighbour::Person,
    kills::{
        sink::{Arrival, Sink},
        site::{PATIENCE, Site, UNDER_WAY_MAX, keep_followers},
    },
    postgres::Server,
    world::{picture, review},
};

const NODES: usize = 3;
/// The last one has no folder.
const WITH_FOLDER: usize = 2;
const FOLLOWERS: usize = 60;
const HOSTS: u8 = 12;
const KILLS: usize = 4;
/// The longest wait for the moment to kill at.
const MOMENT_MAX: Duration = Duration::from_millis(1500);

struct Club {
    nodes: Vec<Site>,
    reviews: TempDir,
    sink: Sink,
    chance: Clock,
    titles: BTreeSet<String>,
    _server: Server,
}

impl Club {
    /// `None` where there is no PostgreSQL.
    async fn open() -> Option<Self> {
        let server = Server::start_or_skip()?;
        let url = server.url(&server.empty());
        let seed = std::env::var("REVIEWD_TEST_SEED").ok().map_or(1, |seed| seed.parse().unwrap());
        let (chance, _) = Clock::turned(Clock::system().now(), seed);
        let (reviews, sink) = (tempfile::tempdir().unwrap(), Sink::open(HOSTS, chance.clone()).await);
        let folder = reviews.path().display().to_string();
        let mut nodes: Vec<Site> = Vec::new();
        for number in 0..NODES {
            let origin = nodes.first().map(|first| first.origin.clone());
            nodes.push(Site::laid_out(origin.as_deref(), |settings| {
                let settings = format!("{settings}\n[store]\nurl = \"{url}\"\n");
                match number < WITH_FOLDER {
                    true => settings.replace("\"reviews\"", &format!("\"{folder}\"")),
                    false => settings.replace("[publish]", "[publish]\nwatch = false"),
                }
            }));
        }
        let settings = StoreSettings::parse(&url, None, nodes[0].home()).unwrap();
        let store = Store::of(&settings).await.unwrap();
        let followers: Vec<Person> = (0..FOLLOWERS).map(|number| sink.person(number)).collect();
        keep_followers(&store, &followers).await;
        store.close().await;
        for node in &mut nodes {
            node.start();
            node.ready().await;
        }
        Some(Self { nodes, reviews, sink, chance, titles: BTreeSet::new(), _server: server })
    }

    fn below(&self, limit: usize) -> usize {
        ((self.chance.chance() * limit as f64) as usize).min(limit - 1)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.reviews.path().join(name)
    }

    /// A new review with its cover, which lies there first.
    fn save_new(&mut self) {
        let number = self.titles.len() + 1;
        let title = format!("Title {number}");
        fs::write(self.file(&format!("book-{number}.jpg")), picture([number as u8 * 20, 90, 40])).unwrap();
        let beside = self.file(".beside");
        fs::write(&beside, review(&title, "Words of a review.")).unwrap();
        fs::rename(beside, self.file(&format!("book-{number}.md"))).unwrap();
        self.titles.insert(title);
    }

    /// The Creates that came, by inbox.
    fn creates(&self) -> BTreeMap<String, Vec<Arrival>> {
        let mut by_inbox = BTreeMap::<String, Vec<Arrival>>::new();
        for arrival in self.sink.arrivals().into_iter().filter(|arrival| arrival.kind == "Create") {
            by_inbox.entry(arrival.inbox.clone()).or_default().push(arrival);
        }
        by_inbox
    }

    /// Waits until every follower has every review.
    async fn everybody_has_all(&self) {
        let distinct = |arrivals: &Vec<Arrival>| arrivals.iter().map(|one| &one.id).collect::<BTreeSet<_>>().len();
        let began = Instant::now();
        loop {
            let creates = self.creates();
            let served = creates.values().filter(|arrivals| distinct(arrivals) == self.titles.len()).count();
            if served == FOLLOWERS {
                return;
            }
            let logs: Vec<String> = self.nodes.iter().map(Site::log).collect();
            assert!(began.elapsed() < PATIENCE, "{served} of {FOLLOWERS} have all:\n{}", logs.join("\n=====\n"));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn every_node_shows_all(&self) {
        for node in &self.nodes {
            let wanted: Vec<&String> = self.titles.iter().collect();
            node.when("every node shows every review", async || node.feed().await.keys().collect::<Vec<_>>() == wanted)
                .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_node_is_killed_nobody_misses_anything_and_nobody_is_told_twice() {
    let Some(mut club) = Club::open().await else { return };
    for kill in 0..KILLS {
        club.save_new();
        let enough = 1 + club.below(FOLLOWERS - 1);
        club.sink.arrive(enough, MOMENT_MAX).await;
        // The first one started watches the folder.
        let victim = if kill == 0 { 0 } else { club.below(NODES) };
        club.nodes[victim].kill().await;
        club.everybody_has_all().await;
        club.save_new();
        club.everybody_has_all().await;
        club.nodes[victim].start();
        club.nodes[victim].ready().await;
    }
    club.every_node_shows_all().await;

    let mut repeats = 0;
    for (inbox, arrivals) in club.creates() {
        let mut first = BTreeMap::new();
        for arrival in &arrivals {
            let known = first.entry(arrival.id.clone()).or_insert_with(|| arrival.body.clone());
            assert_eq!(*known, arrival.body, "{inbox} got other bytes under one id");
        }
        repeats += arrivals.len() - first.len();
    }
    println!("{repeats} deliveries came again after {KILLS} kills");
    assert!(repeats <= KILLS * UNDER_WAY_MAX, "{repeats} came again, more than was under way");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_the_folder_serves_it_all_and_takes_what_others_say() {
    let Some(mut club) = Club::open().await else { return };
    club.save_new();
    club.everybody_has_all().await;
    club.every_node_shows_all().await;
    let bare = club.nodes.last().unwrap();
    let feed = bare.get("/feed.json").await;
    let cover = feed["items"][0]["image"].as_str().expect("a cover").strip_prefix(&bare.origin).unwrap().to_owned();
    let answer = bare.ask(Method::GET, &cover).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200, "{cover}");
    assert!(!answer.bytes().await.unwrap().is_empty());

    let refused = bare.command(&["apply"]).stderr(std::process::Stdio::piped()).output().await.unwrap();
    assert!(
        !refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("another node"),
        "{refused:?}"
    );

    let note =
        bare.get("/users/ana/outbox?page=1").await["orderedItems"][0]["object"]["id"].as_str().unwrap().to_owned();
    let stranger = club.sink.person(FOLLOWERS + 1);
    let like = stranger.activity("Like", 1, json!({"object": note}));
    let body = like.to_string();
    let mut headers = stranger.sign(Spec::Cavage, &format!("{}/inbox", bare.origin), body.as_bytes());
    headers.insert("content-type", "application/activity+json".parse().unwrap());
    let answer = bare.ask(Method::POST, "/inbox").headers(headers).body(body).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 202);
    let likes = format!("{}/likes", note.strip_prefix(&bare.origin).unwrap());
    for node in &club.nodes {
        let counted = async || node.get(&likes).await["totalItems"] == 1;
        node.when("every node counts the like", counted).await;
    }
}
