//! A folder, followers and a subscriber through a storm: edits, renames, answers, inboxes that fail, clocks that jump an hour
//! either way, and crashes between any two steps of the program. When it is over everybody has everything, in order.
//!
//! Ten seeds in every run; `REVIEWD_TEST_STORMS=10000 cargo test --test it storm::` makes it ten thousand, and
//! `REVIEWD_TEST_SEED=N` begins with another seed. A storm that fails tells its seed; which task comes first is not in the
//! seed, so a rare failure may need the same seed several times.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::PathBuf,
    time::Duration,
};

use reviewd::{clock::Clock, publish::publisher::Release, store::DeliveryRow};
use serde_json::json;

use super::{
    daemon::Daemon,
    neighbour::{Answer, Asked, Neighbour, Person, get},
    review,
};
use crate::{websub, world::handle};

const STORMS: u64 = 10;
const STEPS: usize = 24;
const HOMES: usize = 3;
const NAMES: usize = 8;
const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";
const CALLBACK: &str = "/callback";
/// The longest time between two attempts at an inbox that fails.
const HOUR: Duration = Duration::from_secs(3600);
/// Rounds of waiting for the calm; each is an hour on the turned clock.
const CALM_MAX: usize = 400;

struct Storm {
    daemon: Daemon,
    homes: Vec<Neighbour>,
    people: Vec<Person>,
    reader: Neighbour,
    chance: Clock,
    /// What stands in each file: words that are in no other. `None` for a draft.
    files: BTreeMap<String, Option<String>>,
    /// The same for the answers in `replies/`.
    answers: BTreeMap<String, String>,
    texts: usize,
    posts: u32,
    crashes: usize,
    told: Vec<String>,
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_storm_everybody_has_everything_in_order() {
    let first = setting("REVIEWD_TEST_SEED").unwrap_or(1);
    let storms = setting("REVIEWD_TEST_STORMS").unwrap_or(STORMS);
    for seed in first..first + storms {
        Storm::open(seed).await.blow().await;
    }
}

impl Storm {
    async fn open(seed: u64) -> Storm {
        let (chance, _) = Clock::turned("2026-11-22T12:00:00Z".parse().unwrap(), seed);
        let mut daemon = Daemon::start().await;
        daemon.stop().await;
        daemon.start_apart().await;
        let (mut homes, mut people) = (Vec::new(), Vec::new());
        for _ in 0..HOMES {
            let home = Neighbour::open(&daemon).await;
            for name in ["bob", "carol"] {
                let person = home.person(name);
                person.follows(&daemon, &home).await;
                people.push(person);
            }
            homes.push(home);
        }
        let bob = &people[0];
        let id = format!("{}/notes/1", homes[0].origin);
        let note = json!({
            "@context": "https://www.w3.org/ns/activitystreams", "id": id, "type": "Note", "attributedTo": bob.id,
            "to": [PUBLIC], "content": "<p>What do you read?</p>", "published": "2026-11-22T10:00:00Z",
        });
        homes[0].serve("/notes/1", Answer::Document(note));
        let reader = websub::reader(&daemon, &[CALLBACK]).await;
        websub::subscribe(&daemon, &reader, "/feed.xml", CALLBACK, &[]).await;
        Storm {
            daemon,
            homes,
            people,
            reader,
            chance,
            files: BTreeMap::new(),
            answers: BTreeMap::new(),
            texts: 0,
            posts: 100,
            crashes: 0,
            told: vec![format!("REVIEWD_TEST_SEED={seed}")],
        }
    }

    async fn blow(mut self) {
        for _ in 0..STEPS {
            let told = self.step().await;
            self.told.push(told);
            let seconds = [0, 0, 1, 20, 31, 100, 700, 4000][self.below(8)];
            self.daemon.look().await;
            self.daemon.pass(Duration::from_secs(seconds));
            self.told.push(format!("  {seconds} s"));
            if self.below(4) == 0 {
                self.crash().await;
            } else if self.below(2) == 0 {
                self.daemon.look().await;
            }
        }
        self.calm().await;
        self.check().await;
    }

    fn below(&self, limit: usize) -> usize {
        (self.chance.chance() * limit as f64) as usize
    }

    /// Wherever the program is at this moment, it goes no further.
    async fn crash(&mut self) {
        for _ in 0..self.below(60) {
            tokio::task::yield_now().await;
        }
        if self.below(2) == 0 {
            tokio::time::sleep(Duration::from_micros(self.below(20_000) as u64)).await;
        }
        self.daemon.crash().await;
        self.crashes += 1;
        self.told.push("  crash".to_owned());
        self.daemon.start_apart().await;
    }

    // --- what happens --------------------------------------------------------------------------------------------

    async fn step(&mut self) -> String {
        let some = self.files.keys().nth(self.below(self.files.len().max(1))).cloned();
        match (self.below(16), some) {
            (0..=3, _) | (_, None) => {
                let name = format!("book-{}.md", self.below(NAMES));
                self.write(&name)
            }
            (4..=5, Some(name)) => self.write(&name),
            (6, Some(name)) => {
                fs::remove_file(self.path(&name)).unwrap();
                self.files.remove(&name);
                format!("{name} is removed")
            }
            (7, Some(name)) => {
                self.texts += 1;
                let to = format!("renamed-{}.md", self.texts);
                fs::rename(self.path(&name), self.path(&to)).unwrap();
                let words = self.files.remove(&name).unwrap();
                self.files.insert(to.clone(), words);
                format!("{name} is {to} now")
            }
            (8, Some(name)) => {
                self.put(&name, "---\ntitle: Later\ndraft: true\n---\n\nNot yet.\n");
                self.files.insert(name.clone(), None);
                format!("{name} is a draft")
            }
            (9..=10, Some(_)) => self.answer(),
            (11..=12, Some(_)) => self.trouble(),
            (13, Some(_)) => {
                let hours = [-1, 1][self.below(2)];
                self.daemon.jump(hours);
                format!("the clock jumps {hours} h")
            }
            (14, Some(_)) => {
                let person = self.people[self.below(self.people.len())].clone();
                self.posts += 1;
                let like = person.activity("Like", self.posts, json!({"object": self.daemon.url("/users/ana")}));
                // Taken or not: it is a sign of life.
                let status = person.post(&self.daemon, &like).await;
                format!("{} is alive ({status})", person.id)
            }
            (_, Some(_)) => {
                self.daemon.stop().await;
                self.daemon.start_apart().await;
                "restart".to_owned()
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.daemon.data().parent().unwrap().join("reviews").join(name)
    }

    /// Saves as editors do: beside the old one, then over it.
    fn put(&self, name: &str, text: &str) {
        let (path, beside) = (self.path(name), self.daemon.data().join("beside.tmp"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&beside, text).unwrap();
        fs::rename(beside, path).unwrap();
    }

    fn new_words(&mut self) -> String {
        self.texts += 1;
        format!("Words number {} end.", self.texts)
    }

    fn write(&mut self, name: &str) -> String {
        let words = self.new_words();
        self.put(name, &review(&format!("Title of {name}"), &words));
        self.files.insert(name.to_owned(), Some(words.clone()));
        format!("{name}: {words}")
    }

    fn answer(&mut self) -> String {
        let name = format!("replies/answer-{}.md", self.below(2));
        if self.answers.contains_key(&name) && self.below(3) == 0 {
            fs::remove_file(self.path(&name)).unwrap();
            self.answers.remove(&name);
            return format!("{name} is removed");
        }
        let words = self.new_words();
        let post = format!("{}/notes/1", self.homes[0].origin);
        self.put(&name, &format!("---\nin_reply_to: {post}\n---\n\n{words}\n"));
        self.answers.insert(name.clone(), words.clone());
        format!("{name}: {words}")
    }

    /// An inbox, or the subscriber, has some bad hours.
    fn trouble(&mut self) -> String {
        let bad = [
            Answer::Status(500),
            Answer::Status(503),
            Answer::Breaks,
            Answer::Closes(""),
            Answer::Header(429, "retry-after", "90".into()),
        ];
        let bad = bad[self.below(5)].clone();
        let times = 1 + self.below(4);
        let answers = std::iter::repeat_n(bad.clone(), times);
        let number = self.below(self.people.len() + 1);
        match self.people.get(number) {
            Some(person) => {
                self.homes[number / 2].answer(&person.inbox(), answers);
                format!("{} answers {times} times {bad:?}", person.id)
            }
            None => {
                self.reader.answer(CALLBACK, answers);
                format!("the subscriber answers {times} times {bad:?}")
            }
        }
    }

    // --- afterwards ----------------------------------------------------------------------------------------------

    /// Everybody is well again, held changes are released, and time passes until nothing is left to be done.
    async fn calm(&mut self) {
        for person in &self.people {
            self.homes.iter().for_each(|home| home.forget_script(&person.inbox()));
        }
        self.reader.forget_script(CALLBACK);
        for _ in 0..CALM_MAX {
            self.daemon.look().await;
            self.daemon.pass(HOUR);
            self.daemon.look().await;
            self.daemon.running().publisher.apply(Vec::new(), Release::Send).await.unwrap();
            tokio::time::sleep(Duration::from_millis(3)).await;
            if self.unrest().await.is_none() {
                return;
            }
        }
        panic!("it does not come to rest: {:?}", self.unrest().await);
    }

    async fn rows(&self) -> Vec<DeliveryRow> {
        self.daemon.running().store.deliveries(None, 100_000).await.unwrap()
    }

    /// What is still to be done.
    async fn unrest(&self) -> Option<String> {
        let rows = self.rows().await;
        if let Some(row) = rows.iter().find(|row| row.state == "due") {
            return Some(format!("{row:?}"));
        }
        let ledger = self.daemon.running().store.ledger(&handle("ana")).await.unwrap();
        let wanted = self.files.iter().filter_map(|(file, words)| Some((file, words.as_ref()?)));
        for (file, words) in wanted.chain(&self.answers) {
            let entry = ledger.iter().find(|entry| entry.answers() && &entry.file == file);
            let last = entry.and_then(|entry| {
                let ending = format!("/{}", entry.id);
                let inbox = self.people[0].inbox();
                rows.iter().rev().find(|row| row.inbox == inbox && row.object.ends_with(&ending))
            });
            let came =
                last.and_then(|last| self.came(&last.inbox).into_iter().rfind(|one| one.json()["id"] == last.activity));
            if !came.is_some_and(|came| String::from_utf8_lossy(&came.body).contains(words.as_str())) {
                return Some(format!("{file} was not told with {words}: {entry:?}"));
            }
        }
        for entry in &ledger {
            let stands =
                self.files.get(&entry.file).is_some_and(Option::is_some) || self.answers.contains_key(&entry.file);
            let ending = format!("/{}", entry.id);
            let last = rows.iter().rev().find(|row| row.object.ends_with(&ending));
            if !(stands && entry.answers()) && last.is_some_and(|last| last.kind != "Delete") {
                return Some(format!("{} is gone, and no Delete was told", entry.file));
            }
        }
        None
    }

    fn came(&self, inbox: &str) -> Vec<Asked> {
        let home = self.homes.iter().find(|home| inbox.starts_with(&home.origin));
        let asked = home.map(Neighbour::asked).unwrap_or_default();
        let path = inbox.replace(home.map_or("", |home| home.origin.as_str()), "");
        asked.into_iter().filter(|asked| asked.method == "POST" && asked.path == path).collect()
    }

    async fn check(&self) {
        let feed = get(&self.daemon.url("/feed.json")).await;
        let items = feed["items"].as_array().unwrap();
        let wanted: Vec<&String> = self.files.values().flatten().collect();
        assert_eq!(items.len(), wanted.len(), "the feed is not the folder: {feed:#}");
        for words in wanted {
            let shown = items.iter().any(|item| item["content_html"].as_str().unwrap().contains(words));
            assert!(shown, "the feed lacks {words}: {feed:#}");
        }
        self.check_subscriber().await;
        let rows = self.rows().await;
        let mut by_inbox: BTreeMap<&str, Vec<&DeliveryRow>> = BTreeMap::new();
        for row in rows.iter().filter(|row| !row.is_feed) {
            assert!(matches!(row.state.as_str(), "delivered" | "superseded"), "{row:#?}");
            by_inbox.entry(&row.inbox).or_default().push(row);
        }
        assert!(by_inbox.len() >= self.people.len());
        let mut bodies: HashMap<String, Vec<u8>> = HashMap::new();
        for (inbox, rows) in by_inbox {
            let came = self.came(inbox);
            self.check_inbox(inbox, &came, &rows);
            for came in came {
                let id = came.json()["id"].as_str().unwrap().to_owned();
                let known = bodies.entry(id.clone()).or_insert_with(|| came.body.clone());
                assert!(*known == came.body, "{id} came with other bytes");
            }
        }
    }

    fn check_inbox(&self, inbox: &str, came: &[Asked], rows: &[&DeliveryRow]) {
        let id = |asked: &Asked| asked.json()["id"].as_str().unwrap().to_owned();
        let ids: Vec<String> = came.iter().map(id).collect();
        let mut once = ids.clone();
        once.dedup();
        let place = |id: &String| {
            let place = rows.iter().position(|row| &row.activity == id);
            place.unwrap_or_else(|| panic!("{inbox}: nobody meant to send {id}: {ids:#?}"))
        };
        let places: Vec<usize> = once.iter().map(place).collect();
        assert!(places.is_sorted_by(|one, next| one < next), "{inbox}: out of order: {places:?} {ids:#?}");
        let mut deleted = HashSet::new();
        for row in rows {
            let times = ids.iter().filter(|id| **id == row.activity).count();
            let most = usize::try_from(row.attempts).unwrap() + self.crashes;
            assert!(times <= most, "{inbox}: {} came {times} times: {row:#?}", row.activity);
            assert!(times > 0 || row.state != "delivered", "{inbox}: {} never came", row.activity);
            assert!(times == 0 || !deleted.contains(&row.object), "{inbox}: {} came after the Delete", row.activity);
            if row.kind == "Delete" && times > 0 {
                deleted.insert(&row.object);
            }
        }
    }

    /// What the subscriber was pushed last is the feed as it stands.
    async fn check_subscriber(&self) {
        let feed = reqwest::get(self.daemon.url("/feed.xml")).await.unwrap().bytes().await.unwrap();
        let asked = self.reader.asked();
        let last = asked.iter().rfind(|asked| asked.method == "POST" && asked.path == CALLBACK);
        let last = String::from_utf8_lossy(&last.expect("something was pushed").body).into_owned();
        for words in self.files.values().flatten() {
            assert!(last.contains(words.as_str()), "the subscriber lacks {words}");
        }
        assert_eq!(last, String::from_utf8_lossy(&feed), "the subscriber has another feed");
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.told.join("\n"));
        }
    }
}
