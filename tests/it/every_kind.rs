//! The folder of files of every kind: what became of each, and what feedparser and newsboat make of its feeds.

use std::{path::Path, process::Stdio};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    peers::{locate, repository},
    world::{Setup, World, handle},
};

/// The whole folder `tests/folder`, served where it can be connected to: readers follow the addresses in the feeds.
async fn every_kind_of_file() -> World {
    let settings = "[feeds]\nitems = 500\n";
    // In real time: readers know what time it is.
    let mut world = World::prepare(Setup { origin: None, settings, real_time: true, ..Setup::default() });
    copy(&repository().join("tests/folder"), &world.folder());
    std::fs::remove_file(world.path("expected.json")).unwrap();
    world.start().await;
    // Covers are prepared a few at a time.
    for _ in 0..3 {
        world.look().await;
    }
    world
}

pub fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What a reader must find, made from the ledger and from what `tests/folder/expected.json` says of the files: not from
/// any feed.
async fn expectation(world: &World) -> Value {
    let text = std::fs::read_to_string(repository().join("tests/folder/expected.json")).unwrap();
    let files: Value = serde_json::from_str(&text).unwrap();
    let mut entries = world.ledger().await;
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.published));
    let items = entries.iter().map(|entry| {
        let review = &files["files"][&entry.file]["review"];
        let mut item = json!({
            "id": entry.guid,
            "link": format!("{}/@ana/{}", world.running().origin, entry.slug),
            "published": entry.published.to_string(),
            "author": "Ana Sol",
        });
        if let Some(value) = review["rating"]["value"].as_f64() {
            item["rating"] = json!(value.to_string());
        }
        if let Some(isbn) = review["isbn"].as_str() {
            item["isbn"] = json!(isbn);
        }
        item
    });
    json!({
        "title": "Ana's books",
        "items": items.collect::<Vec<_>>(),
        // The words of a spoiler, of a draft, and of a file that cannot be understood.
        "absent": ["Not finished, him or me", "Never published."],
    })
}

#[tokio::test]
async fn every_file_is_a_review_or_a_problem_or_named_as_neither() {
    let world = every_kind_of_file().await;
    let text = std::fs::read_to_string(repository().join("tests/folder/expected.json")).unwrap();
    let files: Value = serde_json::from_str(&text).unwrap();
    let (ledger, problems) = (world.ledger().await, world.survey().await.problems);
    let marks = world.running().store.files(&handle("ana")).await.unwrap();
    let now = world.now();
    for (name, expected) in files["files"].as_object().unwrap() {
        let live = ledger.iter().find(|entry| entry.file == *name);
        let mark = marks.iter().any(|mark| mark.path == *name);
        let review = &expected["review"];
        let future = review["date"].as_str().is_some_and(|date| date > now.to_string().as_str());
        if review.is_object() && review["draft"] == false && !future {
            let entry = live.unwrap_or_else(|| panic!("{name} is no review"));
            if let Some(slug) = review["slug"].as_str() {
                assert!(entry.slug.as_str().starts_with(slug), "{name}: {}", entry.slug);
            }
        } else {
            assert!(live.is_none(), "{name} is published");
            assert_eq!(mark, expected["ignored"] != true, "{name} is passed over without a word");
        }
        if expected["problem"].is_object() {
            let told = problems.iter().find(|problem| problem.file == *name);
            let told = told.unwrap_or_else(|| panic!("nothing is told of {name}"));
            assert!(!told.message.is_empty() && !told.cure.is_empty(), "{told}");
        }
    }
    assert!(ledger.len() > 60, "only {} reviews", ledger.len());
}

#[tokio::test]
async fn feedparser_finds_every_review_in_every_feed() {
    let Some(python) = locate("PYTHON") else { return };
    let world = every_kind_of_file().await;
    let expected = expectation(&world).await;
    read(&world, Command::new(python).arg(script("check_feedparser.py")), expected).await;
}

#[tokio::test]
async fn newsboat_finds_every_review_once() {
    let (Some(newsboat), Some(python)) = (locate("NEWSBOAT"), locate("PYTHON")) else { return };
    let world = every_kind_of_file().await;
    let expected = expectation(&world).await;
    let directories = [newsboat, python].map(|program| program.parent().unwrap().display().to_string());
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", directories.join(":"));
    read(&world, Command::new("sh").arg(script("check_newsboat.sh")).env("PATH", path), expected).await;
}

fn script(name: &str) -> std::path::PathBuf {
    repository().join("tests/readers").join(name)
}

/// Runs a reader over the feeds; it says itself what is wrong.
async fn read(world: &World, command: &mut Command, expected: Value) {
    let file = world.home().join("expected.json");
    std::fs::write(&file, expected.to_string()).unwrap();
    let output = command.arg(&world.running().origin).arg(file).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = output.await.unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{:?}\n{said}", output.status.code());
}
