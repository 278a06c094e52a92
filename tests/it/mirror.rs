//! The conversation as files: what a person does with them, and what nothing else does to the conversation.
#![allow(clippy::disallowed_methods, reason = "test code: the built program gets no settings from the environment")]

use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt as _, path::PathBuf, time::Duration};

use reviewd::{
    domain::{RemoteActor, Reply, ReplyState, ReviewId, Source, Visibility},
    store::{MirrorFile, ReplyFilter, Which},
};
use serde_json::Value;
use tokio::process::Command;

use crate::world::{Setup, World, handle, review};

const SHOWN: &str = "dune/2031-03-01-bob@social.example-1.md";
const HIDDEN: &str = "hidden/dune/2031-03-01-bob@social.example-1.md";
const WAITING: &str = "waiting/dune/2031-03-01-bob@social.example-1.md";
const A_WHILE: Duration = Duration::from_secs(10);

/// A world with a review of Dune, and the directory of its conversation.
struct Talk {
    world: World,
    root: PathBuf,
}

impl Talk {
    async fn new() -> Self {
        Self::with("", "data/conversation/ana").await
    }

    /// With a further line about Ana in the settings.
    async fn with(line: &str, root: &str) -> Self {
        let reviewers = format!("[[reviewer]]\nhandle = \"ana\"\nname = \"Ana Sol\"\nfolder = \"reviews\"\n{line}\n");
        let dune = review("Dune", "Worms.");
        let files = [("dune.md", dune.as_str())];
        let world = World::open(Setup { reviewers: &reviewers, files: &files, ..Setup::default() }).await;
        let root = world.home().join(root);
        Self { world, root }
    }

    async fn review(&self) -> ReviewId {
        self.world.entry("dune.md").await.id
    }

    /// Bob's nth post, an answer to the review.
    async fn reply(&self, n: u32) -> Reply {
        let review = self.review().await;
        Reply {
            id: format!("https://social.example/users/bob/statuses/{n}"),
            in_reply_to: format!("https://books.example/users/ana/reviews/{review}"),
            under: Some((handle("ana"), review)),
            author: "https://social.example/users/bob".into(),
            ours: false,
            content: format!("<p>Answer <strong>{n}</strong></p>"),
            title: None,
            warning: None,
            language: None,
            page: format!("https://social.example/@bob/{n}"),
            published: self.world.now(),
            updated: None,
            visibility: Visibility::Public,
            replies: None,
            mentions: vec![],
        }
    }

    /// Bob answers.
    async fn comes(&self, n: u32, state: ReplyState) {
        let reply = self.reply(n).await;
        self.keep(&reply, state).await;
    }

    async fn keep(&self, reply: &Reply, state: ReplyState) {
        let store = &self.world.running().store;
        let bob = RemoteActor {
            id: "https://social.example/users/bob".into(),
            kind: "Person".into(),
            inbox: "https://127.0.0.1:9/bob/inbox".into(),
            shared_inbox: None,
            keys: vec![],
            name: "Bob".into(),
            handle: "bob@social.example".into(),
            page: "https://social.example/@bob".into(),
            avatar: None,
            bookwyrm: false,
            also_known_as: vec![],
            moved_to: None,
            fetched_at: self.world.now(),
        };
        store.keep_remote_actor(&bob).await.unwrap();
        store.keep_reply(reply, state, Source::Inbox, self.world.now()).await.unwrap();
        self.look().await;
    }

    async fn look(&self) {
        self.world.running().mirrors.look().await.expect("the keeper runs");
    }

    /// Looks, lets time pass, and looks again.
    async fn pass(&self, time: Duration) {
        self.look().await;
        self.world.turn(time);
        self.look().await;
    }

    /// Every file of a reply, sorted.
    fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut directories = vec![self.root.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => directories.push(path),
                    false => found.push(path.strip_prefix(&self.root).unwrap().to_str().unwrap().to_owned()),
                }
            }
        }
        found.retain(|path| path != "README.txt");
        found.sort();
        found
    }

    fn mv(&self, from: &str, to: &str) {
        fs::create_dir_all(self.root.join(to).parent().unwrap()).unwrap();
        fs::rename(self.root.join(from), self.root.join(to)).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.root.join(path), text).unwrap();
    }

    /// The numbers of the replies on the page.
    async fn shown(&self) -> Vec<i64> {
        let store = &self.world.running().store;
        let replies = store.replies_under(&handle("ana"), &self.review().await).await.unwrap();
        replies.iter().map(|kept| kept.seq).collect()
    }

    /// Runs the built program in this world's directory.
    async fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reviewd"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REVIEWD_")) {
            command.env_remove(name);
        }
        let output =
            command.env("NO_COLOR", "1").current_dir(self.world.home()).args(arguments).output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let (_, out, err) = self.run(arguments).await;
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}{err}"))
    }
}

// --- files -------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_reply_stands_as_a_file_and_moving_it_to_hidden_and_back_moves_the_reply() {
    let talk = Talk::new().await;
    assert!(!talk.root.exists());
    talk.comes(1, ReplyState::Shown).await;
    assert_eq!(talk.files(), [SHOWN]);
    let text = talk.read(SHOWN);
    for part in
        ["number: 1\n", "state: shown\n", "author: \"Bob\"", "\"@bob@social.example\"", "date: 2031-03-01T12:00:00Z"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("https://books.example/@ana/dune\n") && text.ends_with("\nAnswer **1**\n"), "{text}");

    talk.mv(SHOWN, "hidden/1.md");
    talk.look().await;
    assert_eq!((talk.shown().await, talk.files()), (vec![], vec![HIDDEN.to_owned()]));
    assert!(talk.read(HIDDEN).contains("state: hidden\n"));

    talk.mv(HIDDEN, SHOWN);
    talk.look().await;
    assert_eq!((talk.shown().await, talk.files()), (vec![1], vec![SHOWN.to_owned()]));
}

#[tokio::test]
async fn moving_a_file_out_of_waiting_approves_its_author() {
    let talk = Talk::new().await;
    talk.comes(1, ReplyState::Waiting).await;
    assert_eq!(talk.files(), [WAITING]);
    let store = &talk.world.running().store;
    assert!(!store.is_known_author("https://social.example/users/bob").await.unwrap());
    talk.mv(WAITING, "yes.md");
    talk.look().await;
    assert_eq!((talk.shown().await, talk.files()), (vec![1], vec![SHOWN.to_owned()]));
    assert!(store.is_known_author("https://social.example/users/bob").await.unwrap());
}

#[tokio::test]
async fn a_text_editor_is_enough() {
    let talk = Talk::new().await;
    talk.comes(1, ReplyState::Waiting).await;
    talk.write(WAITING, &talk.read(WAITING).replace("state: waiting", "state: shown"));
    talk.look().await;
    assert_eq!((talk.shown().await, talk.files()), (vec![1], vec![SHOWN.to_owned()]));
    let before = talk.read(SHOWN);
    talk.write(SHOWN, &before.replace("Answer", "I never said this"));
    talk.pass(A_WHILE).await;
    assert_eq!(talk.read(SHOWN), before);
    talk.write(SHOWN, &before.replace("state: shown", "state: hidden"));
    talk.look().await;
    assert_eq!((talk.shown().await, talk.files()), (vec![], vec![HIDDEN.to_owned()]));
}

#[tokio::test]
async fn what_is_deleted_hides_nothing_and_is_written_again() {
    let talk = Talk::new().await;
    talk.comes(1, ReplyState::Shown).await;
    talk.comes(2, ReplyState::Hidden).await;
    let files = talk.files();
    for vanished in ["dune", "hidden", ""] {
        fs::remove_dir_all(talk.root.join(vanished)).unwrap();
        talk.look().await;
        assert_eq!(talk.shown().await, [1]);
        talk.pass(A_WHILE).await;
        assert_eq!((talk.shown().await, talk.files()), (vec![1], files.clone()), "{vanished}");
    }
    fs::remove_dir_all(&talk.root).unwrap();
    let Talk { mut world, root } = talk;
    world.restart().await;
    let talk = Talk { world, root };
    talk.look().await;
    assert_eq!((talk.shown().await, talk.files()), (vec![1], files));
}

#[tokio::test]
async fn what_was_moved_while_the_daemon_was_off_is_understood_and_what_a_command_did_is_not_undone() {
    let mut talk = Talk::new().await;
    talk.comes(1, ReplyState::Shown).await;
    talk.comes(2, ReplyState::Shown).await;
    talk.world.stop().await;
    talk.mv(SHOWN, "hidden/1.md");
    let (code, out, err) = talk.run(&["replies", "hide", "2"]).await;
    assert_eq!((code, out.as_str()), (0, "Reply 2 of @bob@social.example is hidden now.\n"), "{err}");
    talk.world.start().await;
    talk.look().await;
    assert_eq!(talk.shown().await, Vec::<i64>::new());
    assert_eq!(talk.files(), [HIDDEN.to_owned(), HIDDEN.replace("-1.", "-2.")]);
}

#[tokio::test]
async fn files_follow_edits_deletions_and_who_may_see_a_reply() {
    let talk = Talk::new().await;
    talk.comes(1, ReplyState::Shown).await;
    let mut reply = talk.reply(2).await;
    reply.visibility = Visibility::Private;
    talk.keep(&reply, ReplyState::Waiting).await;
    assert_eq!(talk.files(), [SHOWN]);

    let mut edited = talk.reply(1).await;
    edited.content = "<p>Said otherwise</p>".into();
    edited.updated = Some(talk.world.now());
    talk.keep(&edited, ReplyState::Shown).await;
    assert!(talk.read(SHOWN).ends_with("\nSaid otherwise\n"));

    talk.write("dune/notes.md", "My notes about these answers.");
    talk.world.running().store.drop_reply(&edited.id, talk.world.now()).await.unwrap();
    talk.look().await;
    assert_eq!(talk.files(), ["dune/notes.md"]);
    assert_eq!(talk.world.running().store.mirror_files(&handle("ana")).await.unwrap(), Vec::<MirrorFile>::new());
}

#[tokio::test]
async fn the_daemons_own_writes_are_no_changes() {
    let talk = Talk::new().await;
    for n in 1..=5 {
        talk.comes(n, [ReplyState::Shown, ReplyState::Waiting, ReplyState::Hidden][n as usize % 3]).await;
    }
    let states = || {
        let state = |path: &String| {
            let state = fs::metadata(talk.root.join(path)).unwrap();
            (state.ino(), state.ctime(), state.ctime_nsec())
        };
        talk.files().iter().map(|path| (path.clone(), state(path))).collect::<BTreeMap<_, _>>()
    };
    let before = states();
    let talked = talk.world.running().store.talk_changes();
    let changes = *talked.borrow();
    for _ in 0..3 {
        talk.pass(Duration::from_secs(600)).await;
    }
    assert_eq!(states(), before);
    assert_eq!(*talked.borrow(), changes);
}

#[tokio::test]
async fn a_move_is_noticed_without_anybody_asking() {
    let talk = Talk::new().await;
    talk.comes(1, ReplyState::Shown).await;
    let mut talked = talk.world.running().store.talk_changes();
    talk.mv(SHOWN, HIDDEN);
    tokio::time::timeout(Duration::from_secs(60), talked.changed()).await.expect("the move was noticed").unwrap();
    assert_eq!(talk.shown().await, Vec::<i64>::new());
}

#[tokio::test]
async fn a_mirror_in_the_review_folder_holds_no_reviews() {
    let talk = Talk::with("mirror = \"reviews/talk\"", "reviews/talk").await;
    for n in 1..=8 {
        talk.comes(n, ReplyState::Shown).await;
    }
    assert_eq!(talk.files().len(), 8);
    talk.world.settle().await;
    assert_eq!(talk.world.titles().await, ["Dune by Ada Writer"]);
    let survey = talk.world.survey().await;
    assert_eq!((survey.live, survey.held, survey.skipped, survey.broken), (1, 0, 0, 0), "{survey:?}");
    assert_eq!(talk.json(&["check", "--json"]).await["reviews"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn whoever_wants_no_files_gets_none() {
    let talk = Talk::with("mirror = false", "data/conversation/ana").await;
    talk.comes(1, ReplyState::Shown).await;
    assert!(!talk.root.exists());
    assert_eq!(talk.shown().await, [1]);
}

#[tokio::test]
async fn a_lost_database_brings_nothing_back_that_its_file_hides() {
    let mut talk = Talk::new().await;
    talk.comes(1, ReplyState::Hidden).await;
    talk.world.stop().await;
    talk.world.lose_database();
    talk.world.start().await;
    talk.look().await;
    assert_eq!(talk.files(), [HIDDEN]);
    talk.comes(2, ReplyState::Shown).await;
    talk.comes(1, ReplyState::Shown).await;
    let hidden = ReplyFilter { reviewer: None, which: Which::Hidden, limit: 9 };
    let hidden = talk.world.running().store.all_replies(&hidden).await.unwrap();
    assert_eq!(
        hidden.iter().map(|kept| kept.reply.page.as_str()).collect::<Vec<_>>(),
        ["https://social.example/@bob/1"]
    );
}

// --- commands ----------------------------------------------------------------------------------------------------

#[tokio::test]
async fn replies_are_listed_approved_and_hidden_by_command_with_and_without_a_daemon() {
    let mut talk = Talk::new().await;
    talk.comes(1, ReplyState::Waiting).await;
    talk.comes(2, ReplyState::Shown).await;
    let mut private = talk.reply(3).await;
    private.visibility = Visibility::Private;
    private.content = "<p>Just for\u{202E} you</p>".into();
    talk.keep(&private, ReplyState::Waiting).await;
    for _ in 0..2 {
        let numbers = |rows: &Value| {
            rows.as_array().unwrap().iter().map(|row| row["number"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(numbers(&talk.json(&["replies", "list", "--json"]).await), [3, 2, 1]);
        assert_eq!(numbers(&talk.json(&["replies", "list", "dune", "--json"]).await), [3, 2, 1]);
        let waiting = talk.json(&["replies", "list", "--waiting", "--json"]).await;
        assert_eq!(numbers(&waiting), [1]);
        let row = &waiting[0];
        assert_eq!((row["review"].as_str(), row["handle"].as_str()), (Some("dune"), Some("bob@social.example")));
        assert_eq!((row["state"].as_str(), row["text"].as_str()), (Some("waiting"), Some("Answer **1**")));
        let private = talk.json(&["replies", "list", "--private", "--json"]).await;
        assert_eq!((numbers(&private), private[0]["text"].as_str()), (vec![3], Some("Just for you")));
        let (_, table, _) = talk.run(&["replies", "list"]).await;
        assert!(table.contains("@bob@social.example") && table.contains("Answer **1**"), "{table}");
        let (_, status, _) = talk.run(&["status"]).await;
        assert!(status.contains("1 replies wait for approval"), "{status}");

        let (code, out, _) = talk.run(&["replies", "approve", "1"]).await;
        assert_eq!((code, out.as_str()), (0, "Reply 1 of @bob@social.example is shown now.\n"));
        let (code, out, _) = talk.run(&["replies", "approve", "https://social.example/@bob/1"]).await;
        assert_eq!((code, out.as_str()), (0, "Reply 1 of @bob@social.example is shown already.\n"));
        let (code, out, _) = talk.run(&["replies", "hide", "#1"]).await;
        assert_eq!((code, out.as_str()), (0, "Reply 1 of @bob@social.example is hidden now.\n"));
        assert_eq!(numbers(&talk.json(&["replies", "list", "--hidden", "--json"]).await), [1]);
        for (arguments, why) in [
            (["replies", "approve", "99"], "there is no reply `99`"),
            (["replies", "approve", "3"], "never shown"),
            (["replies", "list", "emma"], "there is no review `emma`"),
        ] {
            let (code, _, err) = talk.run(&arguments).await;
            assert!(code == 1 && err.contains(why), "{arguments:?}: {code}: {err}");
        }
        if talk.world.is_running() {
            talk.world.running().store.set_reply_state(1, ReplyState::Waiting).await.unwrap();
            talk.world.stop().await;
        }
    }
    talk.world.start().await;
    talk.look().await;
    assert_eq!(talk.shown().await, [2]);
}

#[tokio::test]
async fn a_command_that_names_one_wrong_reply_changes_none() {
    let talk = Talk::new().await;
    talk.comes(1, ReplyState::Waiting).await;
    let (code, _, err) = talk.run(&["replies", "approve", "1", "99"]).await;
    assert!(code == 1 && err.contains("there is no reply `99`"), "{err}");
    assert_eq!(talk.shown().await, Vec::<i64>::new());
}

#[tokio::test]
async fn a_complaint_goes_to_the_authors_server_and_to_nobody_else() {
    let talk = Talk::new().await;
    talk.world.follow("carol").await;
    talk.comes(1, ReplyState::Shown).await;
    let (code, out, err) = talk.run(&["replies", "report", "1", "--words", "Spam for\nwatches."]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("@bob@social.example"), "{out}");
    assert_eq!(talk.world.deliveries().await, ["Flag https://127.0.0.1:9/bob/inbox"]);
    let flag = talk.world.activities().await.pop().unwrap();
    let flag: Value = serde_json::from_slice(&flag.body).unwrap();
    assert_eq!(
        flag["object"],
        serde_json::json!(["https://social.example/users/bob", "https://social.example/users/bob/statuses/1"])
    );
    assert_eq!(
        (flag["actor"].as_str(), flag["content"].as_str()),
        (Some("https://books.example/users/ana"), Some("Spam for\nwatches."))
    );
    assert!(!talk.world.page("/users/ana/outbox?page=1").await.contains("Flag"));
    let (code, out, _) = talk.run(&["deliveries"]).await;
    assert!(code == 0 && out.contains("Flag"), "{out}");
}

#[tokio::test]
async fn complaints_received_are_listed_and_counted() {
    let talk = Talk::new().await;
    let store = &talk.world.running().store;
    let objects = ["https://books.example/users/ana".to_owned()];
    store.keep_report("https://social.example/actor", &objects, "Rude\u{1b}[31m.", talk.world.now()).await.unwrap();
    let rows = talk.json(&["replies", "list", "--reports", "--json"]).await;
    assert_eq!(
        (rows[0]["reporter"].as_str(), rows[0]["words"].as_str()),
        (Some("https://social.example/actor"), Some("Rude[31m."))
    );
    let (_, status, _) = talk.run(&["status"]).await;
    assert!(status.contains("1 complaints"), "{status}");
}
