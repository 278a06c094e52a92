//! A folder that somebody works on without mercy: random edits, renames, copies, mistakes, restarts and clock jumps. However
//! it went, feeds, pages and followers end with what is in the folder, and each was told every review once.

use std::{collections::BTreeMap, time::Duration};

use reviewd::clock::Clock;
use serde_json::Value;

use crate::world::{START, Setup, World, review, review_with};

const STEPS: usize = 60;
const NAMES: usize = 7;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What stands in a file.
#[derive(Debug, Clone, PartialEq)]
struct Text {
    title: String,
    /// In no other text.
    words: String,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Good,
    Draft,
    Broken,
}

struct Simulation {
    world: World,
    chance: Clock,
    files: BTreeMap<String, Text>,
    texts: usize,
    story: Vec<String>,
}

#[tokio::test]
async fn however_somebody_works_on_a_folder_everybody_ends_with_what_is_in_it() {
    for seed in 0..12 {
        Simulation::run(seed).await;
    }
}

impl Simulation {
    async fn run(seed: u64) {
        let (chance, _) = Clock::turned(START.parse().unwrap(), seed);
        let world = World::open(Setup::default()).await;
        let mut simulation =
            Self { world, chance, files: BTreeMap::new(), texts: 0, story: vec![format!("seed {seed}")] };
        for _ in 0..STEPS {
            simulation.step().await;
        }
        simulation.mend().await;
        simulation.check().await;
    }

    fn below(&self, limit: usize) -> usize {
        (self.chance.chance() * limit as f64) as usize
    }

    fn some_file(&self) -> Option<String> {
        self.files.keys().nth(self.below(self.files.len().max(1))).cloned()
    }

    fn some_name(&self) -> String {
        let folder = ["", "", "a/", "b/c/"][self.below(4)];
        format!("{folder}book-{}.md", self.below(NAMES))
    }

    fn save(&mut self, name: String, text: Text) {
        let content = match text.state {
            State::Good => review(&text.title, &text.words),
            State::Draft => review_with(&text.title, &text.words, &["draft: true"]),
            State::Broken => format!("---\ntitle: a: b: {}\n---\n\n{}\n", text.title, text.words),
        };
        self.world.save(&name, content);
        self.files.insert(name, text);
    }

    fn new_words(&mut self) -> String {
        self.texts += 1;
        format!("Words number {} end.", self.texts)
    }

    async fn step(&mut self) {
        let told = match (self.below(14), self.some_file()) {
            (0..=3, _) | (_, None) => {
                let (name, words) = (self.some_name(), self.new_words());
                let title = format!("Title {}", self.below(NAMES));
                self.save(name.clone(), Text { title, words, state: State::Good });
                format!("write {name}")
            }
            (4..=5, Some(name)) => {
                let words = self.new_words();
                let text = Text { words, ..self.files[&name].clone() };
                self.save(name.clone(), text);
                format!("edit {name}")
            }
            (6, Some(name)) => {
                let state = [State::Good, State::Draft, State::Broken][self.below(3)];
                let text = Text { state, ..self.files[&name].clone() };
                self.save(name.clone(), text);
                format!("make {name} {state:?}")
            }
            (7..=8, Some(name)) => {
                let to = self.some_name();
                self.world.rename(&name, &to);
                let text = self.files.remove(&name).unwrap();
                self.files.insert(to.clone(), text);
                format!("rename {name} to {to}")
            }
            (9, Some(name)) => {
                let to = self.some_name();
                self.world.copy(&name, &to);
                self.files.insert(to.clone(), self.files[&name].clone());
                format!("copy {name} to {to}")
            }
            (10, Some(name)) => {
                self.world.remove(&name);
                self.files.remove(&name);
                format!("remove {name}")
            }
            (11, Some(_)) => {
                self.world.restart().await;
                "restart".to_owned()
            }
            (12, Some(_)) => {
                let hours = self.below(9) as i64 - 4;
                self.world.jump(hours);
                format!("jump {hours} h")
            }
            (_, Some(_)) => {
                self.world.apply(&[]).await;
                "apply".to_owned()
            }
        };
        self.story.push(told);
        // Often several things happen between two looks, sometimes much time passes.
        let seconds = [0, 0, 1, 20, 31, 700][self.below(6)];
        if seconds > 0 {
            self.world.pass(Duration::from_secs(seconds)).await;
            self.story.push(format!("wait {seconds} s"));
        }
    }

    /// Somebody corrects what is broken, releases what is held, and goes to bed.
    async fn mend(&mut self) {
        let broken: Vec<_> = self.files.iter().filter(|(_, text)| text.state == State::Broken).collect();
        let mended: Vec<_> = broken
            .into_iter()
            .map(|(name, text)| (name.clone(), Text { state: State::Good, ..text.clone() }))
            .collect();
        for (name, text) in mended {
            self.save(name, text);
        }
        for _ in 0..3 {
            self.world.pass(DAY).await;
            self.world.apply(&[]).await;
        }
    }

    async fn check(&self) {
        let story = self.story.join("\n");
        let published: BTreeMap<&String, &Text> =
            self.files.iter().filter(|(_, text)| text.state == State::Good).collect();
        let ledger = self.world.ledger().await;
        let live: Vec<_> = ledger.iter().filter(|entry| entry.answers()).collect();
        let mut live_files: Vec<_> = live.iter().map(|entry| &entry.file).collect();
        live_files.sort();
        assert_eq!(
            live_files,
            published.keys().copied().collect::<Vec<_>>(),
            "what is live is not the folder\n{story}"
        );
        let mut said: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
        for activity in self.world.activities().await {
            let body = serde_json::from_slice(&activity.body).unwrap();
            said.entry(activity.object).or_default().push((activity.kind, body));
        }
        let feed = self.world.feed().await;
        assert_eq!(feed.len(), live.len(), "{story}");
        for entry in &live {
            let words = &published[&entry.file].words;
            let item = feed.iter().find(|item| item.guid == entry.guid).unwrap_or_else(|| panic!("{entry:?}\n{story}"));
            assert!(item.content.contains(words), "the feed tells an older text of {}: {item:?}\n{story}", entry.file);
            let page = self.world.page(&format!("/@ana/{}", entry.slug)).await;
            assert!(page.contains(words), "the page of {} shows an older text\n{story}", entry.file);
            let said = said.iter().find(|(object, _)| object.ends_with(&format!("/{}", entry.id)));
            let (_, last) = said.and_then(|(_, said)| said.last()).unwrap_or_else(|| panic!("{entry:?}\n{story}"));
            let content = last["object"]["content"].as_str().unwrap_or_default();
            assert!(content.contains(words), "followers have an older text of {}: {last:#}\n{story}", entry.file);
        }
        for (object, said) in &said {
            let kinds: Vec<&str> = said.iter().map(|(kind, _)| kind.as_str()).collect();
            let is_live = live.iter().any(|entry| object.ends_with(&format!("/{}", entry.id)));
            let inner = kinds.strip_prefix(&["Create"]).unwrap_or_else(|| panic!("{object}: {kinds:?}\n{story}"));
            let inner = if is_live { Some(inner) } else { inner.strip_suffix(&["Delete"]) };
            let inner = inner.unwrap_or_else(|| panic!("{object} is gone, but {kinds:?}\n{story}"));
            assert!(inner.iter().all(|kind| *kind == "Update"), "{object}: {kinds:?}\n{story}");
        }
        let mut ids: Vec<_> = ledger.iter().map(|entry| &entry.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), ledger.len(), "{story}");
    }
}
