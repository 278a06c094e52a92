//! The built program as a person uses it: its commands, what they print, and how they end.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: it fails by panicking, and its children get no settings from the environment"
)]

use std::{fs, net::TcpListener, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    peers::Program,
    world::{Answer, fetch, review, review_with},
};

/// A directory to work in, with a folder of reviews and settings.
pub struct Home(TempDir);

/// What a command printed, and how it ended.
pub struct Output {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Home {
    /// Without anything in it.
    pub fn bare() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn new(more: &str) -> Self {
        let home = Self::bare();
        let settings = "[site]\nlisten = \"127.0.0.1:0\"\norigin = \"https://books.example\"\ntitle = \"Ana's books\"\n\
                        [[reviewer]]\nhandle = \"ana\"\nname = \"Ana Sol\"\nfolder = \"reviews\"\n";
        home.write("reviewd.toml", &format!("{settings}{more}"));
        fs::create_dir(home.0.path().join("reviews")).unwrap();
        home
    }

    /// With these reviews.
    pub fn of(names: &[&str]) -> Self {
        let home = Self::new("");
        for name in names {
            home.save(name, &format!("{name}.md"));
        }
        home
    }

    fn save(&self, title: &str, name: &str) {
        self.write(&format!("reviews/{name}"), &review(title, "Words."));
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    pub async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reviewd"));
        let output = clean(&mut command, self.0.path()).args(arguments).output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Output { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs a command that prints one JSON document.
    pub async fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments).await;
        serde_json::from_str(&output.out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {output}"))
    }

    /// Waits until `status` says so.
    pub async fn until(&self, of: &str, wanted: u64) {
        for _ in 0..400 {
            if self.json(&["status", "--json"]).await[of] == wanted {
                return;
            }
        }
        panic!("{of} did not become {wanted}");
    }

    /// Starts the daemon and waits until it serves; where.
    pub async fn serve(&self, arguments: &[&str]) -> (Program, String) {
        let mut daemon = Program::start(Path::new(env!("CARGO_BIN_EXE_reviewd")), |command| {
            clean(command, self.0.path()).args(arguments);
        });
        let address = daemon.line(served).await;
        (daemon, address)
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ended with {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.out, self.err)
    }
}

/// Nothing of the tests' own environment counts as a setting.
fn clean<'a>(command: &'a mut Command, directory: &Path) -> &'a mut Command {
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REVIEWD_")) {
        command.env_remove(name);
    }
    command.env("NO_COLOR", "1").env_remove("NOTIFY_SOCKET").current_dir(directory)
}

/// The address in the line that says where the daemon serves.
fn served(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("serving ")?;
    let address = rest.split(" on ").nth(1)?.split(' ').next()?;
    Some(format!("http://{address}"))
}

async fn page(address: &str, path: &str) -> Answer {
    fetch(&format!("{address}{path}")).await
}

/// A port that nobody listens on now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}")).keys().map(String::as_str).collect()
}

// --- check -------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_reader_who_has_enough_is_no_breakdown() {
    let home = Home::of(&["dune"]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_reviewd"));
    command.args(["generate", "config"]).current_dir(home.path("")).stderr(std::process::Stdio::piped());
    let (nobody, pipe) = std::io::pipe().unwrap();
    drop(nobody);
    let output = command.stdout(pipe).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));
}

#[tokio::test]
async fn check_prints_reviews_skipped_files_and_problems_as_json() {
    let home = Home::new("");
    let facts = ["rating: 4.5/5", "date: 2024-03-01", "spoilers: true"];
    home.write("reviews/dune.md", &review_with("Dune", "One two three.", &facts));
    home.write("reviews/draft.md", &review_with("Later", "x", &["draft: true"]));
    home.write("reviews/README.md", "# About this folder\n");
    home.write("reviews/broken.md", "---\ntitle: The Desert: A Novel\n---\n\nx\n");
    let output = home.run(&["check", "--json"]).await;
    assert_eq!(output.code, 1, "{output}");
    let report: Value = serde_json::from_str(&output.out).unwrap();
    assert_eq!(keys(&report), ["reviews", "answers", "skipped", "problems", "folders", "files", "duplicates"]);
    let reviews = report["reviews"].as_array().unwrap();
    let dune = reviews.iter().find(|review| review["file"] == "dune.md").unwrap();
    let expected = json!({
        "file": "dune.md", "reviewer": "ana", "id": dune["id"], "slug": "dune", "title": "Dune", "authors": ["Ada Writer"],
        "rating": { "raw": "4.5/5", "value": 4.5, "best": 5.0 }, "date": "2024-03-01", "draft": false, "spoilers": true,
        "words": 3,
    });
    assert_eq!((dune, keys(dune)), (&expected, keys(&expected)));
    assert!(dune["id"].as_str().is_some_and(|id| !id.is_empty()));
    assert!(reviews.iter().any(|review| review["title"] == "Later" && review["draft"] == true));
    assert_eq!(reviews.len(), 2);
    assert_eq!(keys(&report["skipped"][0]), ["file", "why"]);
    assert_eq!(report["skipped"][0]["file"], "README.md");
    let problem = &report["problems"][0];
    assert_eq!(keys(problem), ["file", "line", "column", "severity", "message", "cure"]);
    assert_eq!(
        (&problem["file"], &problem["line"], &problem["column"], &problem["severity"]),
        (&json!("broken.md"), &json!(2), &json!(18), &json!("error"))
    );
}

#[tokio::test]
async fn check_names_the_place_of_each_problem_and_ends_with_1() {
    let home = Home::of(&["dune"]);
    let fine = home.run(&["check"]).await;
    assert!(fine.code == 0 && fine.out.contains("1 reviews") && fine.err.is_empty(), "{fine}");
    home.write("reviews/broken.md", "---\ntitle: The Desert: A Novel\n---\n\nx\n");
    for arguments in [&["check"][..], &["check", "reviews/broken.md"], &["check", "reviews"]] {
        let output = home.run(arguments).await;
        assert!(output.code == 1 && output.err.contains("reviews/broken.md:2:18: error: "), "{arguments:?} {output}");
    }
    assert_eq!(home.run(&["check", "reviews/dune.md"]).await.code, 0);
    assert_eq!(home.run(&["check", "reviews/none.md"]).await.code, 1);
    home.write("elsewhere.md", &review("Elsewhere", "Words."));
    let outside = home.json(&["check", "--json", "elsewhere.md"]).await;
    assert_eq!(outside["reviews"][0]["title"], "Elsewhere");
    assert!(!home.path("data").exists(), "a check writes nothing");
}

#[tokio::test]
async fn wrong_use_ends_with_2() {
    let home = Home::new("");
    for arguments in [&["--nonsense"][..], &["frobnicate"], &["preview"], &["preview", "x.md", "--as", "telegram"]] {
        let output = home.run(arguments).await;
        assert!(output.code == 2 && output.out.is_empty() && !output.err.is_empty(), "{arguments:?} {output}");
    }
}

#[tokio::test]
async fn a_typing_mistake_in_the_settings_is_named_with_what_was_meant() {
    for command in ["check", "serve", "plan", "status"] {
        let home = Home::new("[publish]\nsetle = \"5s\"\n");
        let output = home.run(&[command]).await;
        assert!(output.code == 1 && output.err.contains("reviewd.toml:10:1: error: "), "{command}: {output}");
        assert!(output.err.contains("settle"), "{output}");
    }
    let home = Home::new("[publish]\nsettle = \"5 parsecs\"\n");
    assert!(home.run(&["check"]).await.err.contains("reviewd.toml:10:10: error: "));
    let missing = home.run(&["check", "--config", "nowhere.toml"]).await;
    assert!(missing.code == 1 && missing.err.contains("nowhere.toml"), "{missing}");
}

// --- plan, apply, status, retract --------------------------------------------------------------------------------

const PLAN: [&str; 6] = ["create", "update", "delete", "adopt", "held", "reason"];

#[tokio::test]
async fn plan_and_apply_work_where_no_daemon_runs() {
    let home = Home::of(&["dune", "emma"]);
    for _ in 0..2 {
        let plan = home.json(&["plan", "--json"]).await;
        assert_eq!(keys(&plan), PLAN);
        assert_eq!(plan["adopt"].as_array().unwrap().len(), 2, "a plan changes nothing: {plan:#}");
        assert_eq!(keys(&plan["adopt"][0]), ["file", "id", "title"]);
    }
    assert!(home.run(&["apply"]).await.out.contains("Nothing is held"));
    let plan = home.json(&["plan", "--json"]).await;
    assert_eq!(plan, json!({ "create": [], "update": [], "delete": [], "adopt": [], "held": [], "reason": null }));
    home.save("Ulysses", "ulysses.md");
    assert_eq!(home.json(&["plan", "--json"]).await["create"][0]["title"], "Ulysses");
    for n in 0..6 {
        home.save(&format!("Book {n}"), &format!("book-{n}.md"));
    }
    let plan = home.json(&["plan", "--json"]).await;
    assert_eq!((plan["held"].as_array().unwrap().len(), plan["create"].as_array().unwrap().len()), (7, 0), "{plan:#}");
    assert!(plan["reason"].as_str().unwrap().contains("7 new"), "{plan:#}");
    let table = home.run(&["plan"]).await;
    assert!(table.code == 0 && table.out.contains("Book 3") && table.out.contains("reviewd apply"), "{table}");
    assert_eq!(home.run(&["apply", "no-such-review"]).await.code, 1);
    assert_eq!(home.json(&["apply", "--json", "book-3"]).await["create"].as_array().unwrap().len(), 1);
    assert_eq!(home.json(&["apply", "--json"]).await["create"].as_array().unwrap().len(), 6);
    assert!(home.json(&["plan", "--json"]).await["held"].as_array().unwrap().is_empty());
    let status = home.json(&["status", "--json"]).await;
    assert_eq!((&status["running"], &status["live"], &status["held"]), (&json!(false), &json!(9), &json!(0)));
    let refused = home.run(&["retract", "dune"]).await;
    assert!(refused.code == 1 && refused.err.contains("no daemon"), "{refused}");
}

#[tokio::test]
async fn commands_talk_to_the_daemon_that_runs() {
    let home = Home::of(&["dune", "emma"]);
    let (mut daemon, address) = home.serve(&["serve"]).await;
    let until = |wanted: Value, of: &'static str| {
        let home = &home;
        async move {
            for _ in 0..400 {
                let status = home.json(&["status", "--json"]).await;
                if status[of] == wanted {
                    return status;
                }
            }
            panic!("{of} did not become {wanted}");
        }
    };
    let status = until(json!(2), "live").await;
    assert_eq!((&status["running"], &status["origin"]), (&json!(true), &json!("https://books.example")));
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    for n in 0..6 {
        home.save(&format!("Book {n}"), &format!("book-{n}.md"));
    }
    until(json!(6), "held").await;
    let plan = home.json(&["plan", "--json"]).await;
    assert_eq!((keys(&plan), plan["held"].as_array().unwrap().len()), (PLAN.to_vec(), 6), "{plan:#}");
    let table = home.run(&["status"]).await;
    assert!(table.code == 1 && table.out.contains("6 new") && table.out.contains("reviewd apply"), "{table}");
    assert_eq!(home.json(&["apply", "--json", "book-0", "book-1"]).await["create"].as_array().unwrap().len(), 2);
    let released = home.run(&["apply"]).await;
    assert!(released.code == 0 && released.out.contains("Book 5"), "{released}");
    assert_eq!(page(&address, "/@ana/emma").await.status, 200);
    let retracted = home.json(&["retract", "--json", "emma"]).await;
    assert_eq!(retracted["delete"][0]["title"], "emma");
    assert_eq!(page(&address, "/@ana/emma").await.status, 410);
    let refused = home.run(&["retract", "no-such-review"]).await;
    assert!(refused.code == 1 && refused.err.contains("no-such-review"), "{refused}");
    assert!(daemon.terminate().await.success());
    assert!(!home.path("data/control.sock").exists());
    assert_eq!(home.json(&["status", "--json"]).await["running"], false);
}

#[tokio::test]
async fn a_second_daemon_is_told_what_the_first_one_holds() {
    let home = Home::of(&["dune"]);
    let (mut daemon, address) = home.serve(&["serve"]).await;
    let second = home.run(&["serve"]).await;
    assert!(second.code == 1 && second.err.contains("another reviewd works on"), "{second}");
    assert!(second.err.contains(&home.path("data").display().to_string()), "{second}");
    let port = address.rsplit_once("127.0.0.1").unwrap().1;
    let elsewhere = Home::of(&["dune"]);
    let taken = elsewhere.run(&["serve", "--listen", &format!("127.0.0.1{port}")]).await;
    assert!(taken.code == 1 && taken.err.contains(&format!("127.0.0.1{port}")), "{taken}");
    assert!(taken.err.contains("--listen") && taken.err.to_lowercase().contains("in use"), "{taken}");
    assert_eq!(page(&address, "/healthz").await.status, 200, "the first one goes on");
    assert!(daemon.terminate().await.success());
}

// --- preview and generate ----------------------------------------------------------------------------------------

#[tokio::test]
async fn preview_shows_a_review_in_every_form() {
    let home = Home::new("");
    home.write(
        "reviews/dune.md",
        &review_with("Dune", "Sand *everywhere*.", &["rating: 4.5/5", "isbn: 9780441172719"]),
    );
    let note = home.json(&["preview", "reviews/dune.md", "--as", "note"]).await;
    assert_eq!(note["type"], "Note", "{note:#}");
    assert!(note["id"].as_str().unwrap().starts_with("https://books.example/users/ana/reviews/"), "{note:#}");
    assert!(note["content"].as_str().unwrap().contains("<em>everywhere</em>"), "{note:#}");
    let mastodon = home.run(&["preview", "reviews/dune.md"]).await;
    assert!(mastodon.code == 0 && mastodon.out.contains("Sand") && !mastodon.out.contains("<p>"), "{mastodon}");
    let rss = home.run(&["preview", "reviews/dune.md", "--as", "rss"]).await;
    assert_eq!(feed_rs::parser::parse(rss.out.as_bytes()).unwrap().entries.len(), 1, "{rss}");
    let html = home.run(&["preview", "reviews/dune.md", "--as", "html"]).await;
    assert!(html.out.contains("<em>everywhere</em>") && html.out.contains("https://books.example/@ana/dune"), "{html}");
    home.write("reviews/broken.md", "---\ntitle: The Desert: A Novel\n---\n\nx\n");
    let broken = home.run(&["preview", "reviews/broken.md"]).await;
    assert!(broken.code == 1 && broken.out.is_empty() && broken.err.contains("broken.md:2:18: error: "), "{broken}");
    let missing = home.run(&["preview", "reviews/none.md"]).await;
    assert!(missing.code == 1 && missing.err.contains("none.md"), "{missing}");
}

#[tokio::test]
async fn a_preview_shows_the_id_that_was_published() {
    let home = Home::of(&["dune"]);
    home.run(&["apply"]).await;
    fs::rename(home.path("reviews/dune.md"), home.path("reviews/herbert.md")).unwrap();
    home.run(&["apply"]).await;
    let checked = home.json(&["check", "--json"]).await["reviews"][0]["id"].clone();
    let note = home.json(&["preview", "reviews/herbert.md", "--as", "note"]).await;
    assert!(note["id"].as_str().unwrap().ends_with(&format!("/{}", checked.as_str().unwrap())), "{note:#}");
    let journal = fs::read_to_string(home.path("data/ids.jsonl")).unwrap();
    let minted: Value = serde_json::from_str(journal.lines().next().unwrap()).unwrap();
    assert_eq!(minted["id"], checked);
}

#[tokio::test]
async fn generated_settings_are_the_defaults_and_load() {
    let home = Home::bare();
    let settings = home.run(&["generate", "config"]).await;
    assert_eq!(settings.code, 0, "{settings}");
    home.write("reviewd.toml", &settings.out);
    fs::create_dir(home.path("reviews")).unwrap();
    assert_eq!(home.run(&["check"]).await.code, 0);
    let man = home.run(&["generate", "man"]).await;
    assert!(man.code == 0 && man.out.contains(".TH reviewd"), "{man}");
    for shell in ["bash", "zsh", "fish"] {
        let completions = home.run(&["generate", "completions", shell]).await;
        assert!(completions.code == 0 && completions.out.contains("retract"), "{shell}");
    }
    let help = home.run(&["--help"]).await;
    for command in ["serve", "check", "plan", "apply", "preview", "status", "retract", "generate"] {
        assert!(help.out.contains(&format!("  {command} ")), "{command}: {help}");
    }
}

// --- serve -------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn without_any_settings_a_sample_is_made_and_served() {
    let home = Home::bare();
    let (mut daemon, address) = home.serve(&["--listen", "127.0.0.1:0"]).await;
    let port = address.rsplit_once(':').unwrap().1;
    let mut home_page = page(&address, "/").await;
    for _ in 0..400 {
        if home_page.text().contains("Frankenstein") {
            break;
        }
        home_page = page(&address, "/").await;
    }
    assert!(home_page.text().contains("Frankenstein"), "{}", home_page.text());
    assert!(home_page.text().contains(&format!("http://localhost:{port}/")), "{}", home_page.text());
    assert_eq!(page(&address, "/@reviewer/frankenstein").await.status, 200);
    assert!(home.path("reviews/frankenstein.md").exists() && home.path("data/reviewd.db").exists());
    assert!(daemon.terminate().await.success());
    fs::remove_file(home.path("reviews/frankenstein.md")).unwrap();
    let (mut daemon, _) = home.serve(&["--listen", "127.0.0.1:0"]).await;
    assert!(daemon.terminate().await.success());
    assert!(!home.path("reviews/frankenstein.md").exists(), "the sample comes once");
}

#[tokio::test]
async fn a_configured_folder_that_is_missing_is_not_made() {
    let home = Home::new("");
    fs::remove_dir(home.path("reviews")).unwrap();
    let (mut daemon, address) = home.serve(&["serve"]).await;
    assert_eq!(page(&address, "/").await.status, 200);
    assert_eq!(home.json(&["status", "--json"]).await["folders"][0]["folder_state"], "missing");
    assert!(daemon.terminate().await.success());
    assert!(daemon.said().contains("reviews is missing") && !home.path("reviews").exists());
}

#[tokio::test]
async fn a_hangup_reads_the_settings_again_and_a_typing_mistake_in_them_stops_nothing() {
    let home = Home::of(&["dune"]);
    let listen = format!("127.0.0.1:{}", free_port());
    let (mut daemon, address) = home.serve(&["serve", "--listen", &listen]).await;
    let settings = fs::read_to_string(home.path("reviewd.toml")).unwrap();
    home.write("reviewd.toml", &settings.replace("Ana's books", "Ana's library"));
    daemon.signal("HUP").await;
    daemon.line(served).await;
    assert!(page(&address, "/").await.text().contains("Ana&#39;s library"));
    home.write("reviewd.toml", &settings.replace("title", "titel"));
    daemon.signal("HUP").await;
    daemon.line(|line| line.contains("the old ones stay in force").then_some(())).await;
    assert!(page(&address, "/").await.text().contains("Ana&#39;s library"));
    home.write("reviewd.toml", &settings.replace("Ana's books", "Ana's shelf"));
    daemon.signal("HUP").await;
    daemon.line(|line| line.contains("read again").then_some(())).await;
    daemon.line(served).await;
    assert!(page(&address, "/").await.text().contains("Ana&#39;s shelf"));
    home.write("reviewd.toml", &settings.replace("title", "titel"));
    daemon.signal("HUP").await;
    daemon.line(|line| line.contains("the old ones stay in force").then_some(())).await;
    assert!(daemon.terminate().await.success(), "it still ends when asked to");
}

#[tokio::test]
async fn options_beat_the_environment_and_that_beats_the_file() {
    let home = Home::of(&["dune"]);
    fs::create_dir(home.path("others")).unwrap();
    home.write("others/emma.md", &review("Emma", "Words."));
    let reviews = |output: Value| output["reviews"][0]["title"].as_str().unwrap().to_owned();
    assert_eq!(reviews(home.json(&["check", "--json"]).await), "dune");
    assert_eq!(reviews(home.json(&["check", "--json", "--reviews", "others"]).await), "Emma");
    let mut command = Command::new(env!("CARGO_BIN_EXE_reviewd"));
    let command = clean(&mut command, home.0.path()).env("REVIEWD_SITE__ORIGIN", "https://env.example");
    let output = command.args(["status", "--json"]).output().await.unwrap();
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["origin"], "https://env.example");
    let option = command.args(["--origin", "https://option.example"]).output().await.unwrap();
    let status: Value = serde_json::from_slice(&option.stdout).unwrap();
    assert_eq!(status["origin"], "https://option.example");
}
