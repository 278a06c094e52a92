//! Answers go out from files: to the person answered, to the others in the conversation, and to nobody who may not see them.

use std::{fs, path::PathBuf, time::Duration};

use reviewd::{
    clock::Clock,
    domain::{
        Handle, Reply, ReplyState, Source, Visibility,
        ledger::{Entry, Standing},
    },
};
use serde_json::{Value, json};

use super::{
    PATIENCE,
    daemon::{Daemon, SETTLE},
    neighbour::{Answer, Asked, Neighbour, Person, client, get},
    review,
};

const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";
const DELETE_AFTER: Duration = Duration::from_secs(600);
const MINUTE: Duration = Duration::from_secs(60);

fn file(daemon: &Daemon, name: &str) -> PathBuf {
    daemon.data().parent().unwrap().join("reviews").join(name)
}

fn save(daemon: &Daemon, name: &str, post: &str, words: &str) {
    let path = file(daemon, name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("---\nin_reply_to: {post}\n---\n\n{words}\n")).unwrap();
}

/// Asks again until there is an answer. What is asked for is on its way already.
async fn until<T>(found: impl AsyncFn() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(found) = found().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("it never came so far")
}

fn ana() -> Handle {
    Handle::parse("ana").unwrap()
}

/// The answer that stands in a file, once it is published.
async fn published(daemon: &Daemon, name: &str) -> Entry {
    until(async || {
        let ledger = daemon.running().store.ledger(&ana()).await.unwrap();
        ledger.into_iter().find(|entry| entry.file == name && entry.standing == Standing::Live)
    })
    .await
}

/// Saves an answer and waits until it has settled.
async fn answer(daemon: &Daemon, name: &str, post: &str, words: &str) -> Entry {
    save(daemon, name, post, words);
    daemon.look().await;
    let entry = published(daemon, name).await;
    daemon.pass(SETTLE);
    daemon.look().await;
    entry
}

async fn problem(daemon: &Daemon, words: &str) -> String {
    until(async || {
        let survey = daemon.running().publisher.survey().await.unwrap().remove(0);
        survey.problems.iter().map(ToString::to_string).find(|problem| problem.contains(words))
    })
    .await
}

/// Somebody's post, found by its id and by its page.
fn post(home: &Neighbour, author: &Person, number: u32, fields: Value) -> String {
    let id = format!("{}/statuses/{number}", author.id);
    let mut note = json!({
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": id,
        "type": "Note",
        "attributedTo": author.id,
        "to": PUBLIC,
        "content": "<p>What should I read?</p>",
        "url": format!("{}/@bob/{number}", home.origin),
        "published": "2026-11-22T11:00:00Z",
    });
    for (name, value) in fields.as_object().unwrap() {
        note[name.as_str()] = value.clone();
    }
    home.serve(id.strip_prefix(&home.origin).unwrap(), Answer::Document(note.clone()));
    home.serve(&format!("/@bob/{number}"), Answer::Document(note));
    id
}

fn told(posts: &[Asked]) -> Vec<String> {
    let mut told: Vec<String> = posts.iter().map(|post| format!("{} {}", post.kind(), post.path)).collect();
    told.sort();
    told
}

#[tokio::test]
async fn an_answer_its_edit_and_its_end_reach_the_person_the_others_and_followers() {
    let daemon = Daemon::start().await;
    // An emptied folder deletes nothing.
    fs::write(file(&daemon, "README.md"), "My reviews.").unwrap();
    let (home, elsewhere) = (Neighbour::open(&daemon).await, Neighbour::open(&daemon).await);
    let bob = home.person_with("bob", json!({"url": format!("{}/@bob", home.origin)}));
    let shared = format!("{}/inbox", elsewhere.origin);
    let carol = elsewhere.person_with("carol", json!({"endpoints": {"sharedInbox": shared}}));
    let dave = home.person("dave");
    dave.follows(&daemon, &home).await;
    let tag = json!([{"type": "Mention", "href": carol.id}, {"type": "Mention", "href": daemon.ana()}]);
    let context = format!("{}/contexts/7", home.origin);
    let id = post(&home, &bob, 1, json!({"tag": tag, "summary": "Books", "context": context}));

    let page = format!("{}/@bob/1", home.origin);
    let entry = answer(&daemon, "replies/bob.md", &page, "Dune, *of course*.").await;
    let posts = home.posts(3).await;
    assert_eq!(told(&posts[1..]), ["Create /users/bob/inbox", "Create /users/dave/inbox"]);
    assert_eq!(told(&elsewhere.posts(1).await), ["Create /inbox"]);
    posts[1].claim(&daemon).await;
    let create = posts[1].json();
    let note = &create["object"];
    let address = format!("{}/replies/{}", daemon.ana(), entry.id);
    assert_eq!((&note["id"], &note["inReplyTo"], &note["type"]), (&json!(address), &json!(id), &json!("Note")));
    assert_eq!(note["to"], json!([PUBLIC]));
    assert_eq!(note["cc"], json!([format!("{}/followers", daemon.ana()), bob.id, carol.id]));
    assert_eq!((&create["to"], &create["cc"]), (&note["to"], &note["cc"]));
    let host = home.origin.strip_prefix("http://").unwrap();
    assert_eq!(note["tag"][0], json!({"type": "Mention", "href": bob.id, "name": format!("@bob@{host}")}));
    assert_eq!(note["tag"][1]["href"], carol.id);
    assert_eq!((&note["summary"], &note["context"]), (&json!("Books"), &json!(context)));
    let content = note["content"].as_str().unwrap();
    assert!(content.starts_with("<p><span class=\"h-card\"") && content.ends_with("Dune, <em>of course</em>.</p>"));
    let mut served = get(&address).await;
    served.as_object_mut().unwrap().shift_remove("@context");
    assert_eq!(served, *note);
    assert_eq!(get(&format!("{address}/activity")).await["type"], "Create");
    let store = &daemon.running().store;
    let kept = store.reply(&address).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.source, kept.reply.ours), (ReplyState::Shown, Source::Own, true));
    let browser = client().get(&address).header("accept", "text/html").send().await.unwrap();
    assert_eq!((browser.status().as_u16(), browser.headers()["location"].to_str().unwrap()), (302, page.as_str()));

    save(&daemon, "replies/bob.md", &page, "Dune, *naturally*.");
    daemon.look().await;
    daemon.pass(SETTLE);
    daemon.look().await;
    let posts = home.posts(5).await;
    assert_eq!(told(&posts[3..]), ["Update /users/bob/inbox", "Update /users/dave/inbox"]);
    let update = posts[3].json();
    assert!(update["object"]["content"].as_str().unwrap().contains("naturally"));
    assert_eq!(update["object"]["published"], note["published"]);
    assert!(update["object"]["updated"].as_str() > note["published"].as_str());
    elsewhere.posts(2).await;

    fs::remove_file(file(&daemon, "replies/bob.md")).unwrap();
    daemon.look().await;
    assert_eq!(store.reply(&address).await.unwrap().unwrap().state, ReplyState::Hidden);
    assert_eq!(get(&address).await["id"], address.as_str(), "until the Delete is sent it answers");
    daemon.pass(DELETE_AFTER);
    daemon.look().await;
    let posts = home.posts(7).await;
    assert_eq!(told(&posts[5..]), ["Delete /users/bob/inbox", "Delete /users/dave/inbox"]);
    assert_eq!(posts[5].json()["object"]["type"], "Tombstone");
    assert_eq!(told(&elsewhere.posts(3).await)[1], "Delete /inbox");
    let gone = client().get(&address).header("accept", "application/activity+json").send().await.unwrap();
    assert_eq!(gone.status().as_u16(), 410);
    assert!(store.reply(&address).await.unwrap().is_none());
}

#[tokio::test]
async fn a_restart_an_edit_and_a_rename_ask_for_nothing_again() {
    let mut daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    let id = post(&home, &home.person("bob"), 1, json!({}));
    let before = answer(&daemon, "replies/bob.md", &id, "Dune.").await;
    home.posts(1).await;
    let fetches = home.fetches();
    daemon.stop().await;
    home.serve("/users/bob/statuses/1", Answer::Status(500));
    home.serve("/users/bob", Answer::Status(500));
    fs::rename(file(&daemon, "replies/bob.md"), file(&daemon, "replies/2026-11-22-bob.md")).unwrap();
    daemon.start_again().await;
    daemon.look().await;
    daemon.pass(DELETE_AFTER);
    daemon.look().await;
    assert_eq!(published(&daemon, "replies/2026-11-22-bob.md").await.id, before.id);
    save(&daemon, "replies/2026-11-22-bob.md", &id, "Dune Messiah.");
    daemon.look().await;
    daemon.pass(SETTLE);
    daemon.look().await;
    let posts = home.posts(2).await;
    assert_eq!(told(&posts), ["Create /users/bob/inbox", "Update /users/bob/inbox"]);
    assert_eq!(posts[0].json()["object"]["id"], posts[1].json()["object"]["id"]);
    assert_eq!(home.fetches(), fetches);
}

#[tokio::test]
async fn a_private_post_is_answered_in_private() {
    let daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    let bob = home.person_with("bob", json!({"endpoints": {"sharedInbox": format!("{}/inbox", home.origin)}}));
    let (carol, dave) = (home.person("carol"), home.person("dave"));
    dave.follows(&daemon, &home).await;
    let id = format!("{}/statuses/9", bob.id);
    let message = Reply {
        id: id.clone(),
        under: None,
        in_reply_to: format!("{}/reviews/x", daemon.ana()),
        author: bob.id.clone(),
        ours: false,
        content: "<p>Between us</p>".to_owned(),
        title: None,
        warning: None,
        language: None,
        page: format!("{}/@bob/9", home.origin),
        published: daemon.clock.now(),
        updated: None,
        visibility: Visibility::Private,
        replies: None,
        mentions: vec![daemon.ana(), carol.id.clone()],
    };
    let store = &daemon.running().store;
    store.keep_reply(&message, ReplyState::Waiting, Source::Inbox, daemon.clock.now()).await.unwrap();
    for (number, address) in [(1, id), (2, format!("{}/@bob/9", home.origin))] {
        let entry = answer(&daemon, &format!("replies/{number}.md"), &address, "I keep it.").await;
        let posts = home.posts(1 + number).await;
        let create = posts[number].json();
        assert_eq!(posts[number].path, "/users/bob/inbox");
        let note = &create["object"];
        for part in [&create, note] {
            assert_eq!((&part["to"], &part["cc"]), (&json!([bob.id]), &json!([])));
        }
        assert_eq!(note["tag"].as_array().unwrap().len(), 1);
        assert!(!create.to_string().contains("Public") && !create.to_string().contains("/followers"));
        let address = format!("{}/replies/{}", daemon.ana(), entry.id);
        for accept in ["application/activity+json", "text/html"] {
            let served = client().get(&address).header("accept", accept).send().await.unwrap();
            assert!([403, 404].contains(&served.status().as_u16()));
            assert!(!served.text().await.unwrap().contains("I keep it."));
        }
    }
    fs::remove_file(file(&daemon, "replies/1.md")).unwrap();
    daemon.look().await;
    daemon.pass(DELETE_AFTER);
    daemon.look().await;
    let delete = home.posts(4).await.remove(3);
    assert_eq!((delete.path.as_str(), &delete.json()["to"]), ("/users/bob/inbox", &json!([bob.id])));
}

#[tokio::test]
async fn an_answer_waits_for_a_post_that_cannot_be_reached() {
    let mut daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    let bob = home.person("bob");
    let id = format!("{}/statuses/1", bob.id);
    home.serve("/users/bob/statuses/1", Answer::Status(503));
    save(&daemon, "replies/bob.md", &id, "Dune.");
    daemon.look().await;
    let told = problem(&daemon, "replies/bob.md:1:1: warning: the answer waits").await;
    assert!(told.contains(&id) && told.contains("503") && told.contains("next look"), "{told}");
    let fetches = home.fetches();
    daemon.stop().await;
    daemon.start_again().await;
    daemon.look().await;
    assert_eq!(home.fetches(), fetches, "a restart does not hurry");
    daemon.pass(MINUTE);
    home.fetched(fetches + 1).await;
    problem(&daemon, "12:06:00Z").await;
    post(&home, &bob, 1, json!({}));
    daemon.pass(5 * MINUTE);
    published(&daemon, "replies/bob.md").await;
    daemon.pass(SETTLE);
    daemon.look().await;
    assert_eq!(home.posts(1).await[0].kind(), "Create");
    assert!(daemon.running().publisher.survey().await.unwrap()[0].problems.is_empty());
}

#[tokio::test]
async fn a_post_that_is_gone_is_not_asked_for_until_the_file_is_saved_again() {
    let daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    let bob = home.person("bob");
    let id = format!("{}/statuses/1", bob.id);
    home.serve("/users/bob/statuses/1", Answer::Status(410));
    save(&daemon, "replies/bob.md", &id, "Dune.");
    daemon.look().await;
    problem(&daemon, "it is gone for good (delete the file").await;
    let fetches = home.fetches();
    for _ in 0..3 {
        daemon.pass(24 * 60 * MINUTE);
        daemon.look().await;
    }
    assert_eq!(home.fetches(), fetches);
    post(&home, &bob, 1, json!({}));
    answer(&daemon, "replies/bob.md", &id, "Dune, then.").await;
    assert_eq!(home.posts(1).await[0].kind(), "Create");
}

#[tokio::test]
async fn an_answer_that_was_sent_is_not_moved_to_another_post() {
    let daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    let bob = home.person("bob");
    let (first, second) = (post(&home, &bob, 1, json!({})), post(&home, &bob, 2, json!({})));
    answer(&daemon, "replies/bob.md", &first, "Dune.").await;
    home.posts(1).await;
    save(&daemon, "replies/bob.md", &second, "Emma.");
    daemon.look().await;
    let told = problem(&daemon, "cannot be changed").await;
    assert!(told.contains(&first) && told.contains("error"), "{told}");
    daemon.pass(DELETE_AFTER);
    daemon.look().await;
    home.posts(1).await;
    // The same post by the address of its page is the same post.
    save(&daemon, "replies/bob.md", &format!("{}/@bob/1", home.origin), "Dune, twice.");
    daemon.look().await;
    until(async || (daemon.running().publisher.survey().await.unwrap()[0].awaiting == 0).then_some(())).await;
    daemon.pass(SETTLE);
    daemon.look().await;
    assert_eq!(told_kinds(&home.posts(2).await), ["Create", "Update"]);
}

fn told_kinds(posts: &[Asked]) -> Vec<String> {
    posts.iter().map(Asked::kind).collect()
}

#[tokio::test]
async fn an_answer_in_the_thread_of_a_review_stands_under_it() {
    let daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    let bob = home.person("bob");
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    let dune = daemon.running().store.ledger(&ana()).await.unwrap().remove(0).id;
    let note = format!("{}/reviews/{dune}", daemon.ana());
    let first = post(&home, &bob, 1, json!({"inReplyTo": note}));
    let second = post(&home, &bob, 2, json!({"inReplyTo": first, "to": [], "cc": [PUBLIC]}));
    let entry = answer(&daemon, "replies/bob.md", &second, "Thank you.").await;
    let create = home.posts(1).await[0].json();
    let object = &create["object"];
    assert_eq!(object["context"], format!("{note}/context"));
    assert_eq!(object["to"], json!([format!("{}/followers", daemon.ana())]), "an unlisted post is answered unlisted");
    assert_eq!(object["cc"], json!([PUBLIC, bob.id]));
    let store = &daemon.running().store;
    let shown = store.replies_under(&ana(), &dune).await.unwrap();
    assert_eq!(shown.len(), 1);
    let address = format!("{}/replies/{}", daemon.ana(), entry.id);
    let browser = client().get(&address).header("accept", "text/html").send().await.unwrap();
    let location = browser.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(location, format!("/@ana/dune?reply={0}#reply-{0}", shown[0].seq));
}

/// What a command on the same settings prints, with this editor.
async fn run_with_editor(daemon: &Daemon, editor: &str, arguments: &[&str]) -> String {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_reviewd"));
    let home = daemon.data().parent().unwrap().to_owned();
    command.args(arguments).args(["--config", "reviewd.toml"]).current_dir(home);
    let output = command.env_remove("VISUAL").env("EDITOR", editor).output().await.unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn written(told: &str) -> String {
    let (_, rest) = told.split_once("The answer is in reviews/").unwrap();
    rest.split_once(".md").unwrap().0.to_owned() + ".md"
}

#[tokio::test]
async fn commands_write_answers_and_show_what_became_of_them() {
    let daemon = Daemon::start().await;
    // A command names its file by the day of the machine, which must not lie ahead of the daemon's.
    daemon.pass(Duration::try_from(Clock::system().now().duration_since(daemon.clock.now())).unwrap_or_default());
    let home = Neighbour::open(&daemon).await;
    let bob = home.person("bob");
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    let dune = daemon.running().store.ledger(&ana()).await.unwrap().remove(0).id;
    let id = post(&home, &bob, 1, json!({"inReplyTo": format!("{}/reviews/{dune}", daemon.ana())}));

    let told = daemon.run(&["replies", "answer", &id, "--text", "Thank *you*."]).await;
    let first = written(&told);
    assert!(first.starts_with("replies/20") && first.ends_with("-bob-dune.md"), "{told}");
    assert!(told.contains("It goes to @bob@localhost"), "{told}");
    daemon.look().await;
    published(&daemon, &first).await;
    daemon.pass(SETTLE);
    daemon.look().await;
    let create = home.posts(1).await[0].json();
    assert!(create["object"]["content"].as_str().unwrap().contains("Thank <em>you</em>."));

    let checked = daemon.run_json(&["check"]).await;
    assert_eq!((&checked["answers"][0]["file"], &checked["answers"][0]["in_reply_to"]), (&json!(first), &json!(id)));
    // The settings leave the port to the kernel.
    let shown = daemon.run(&["preview", &format!("reviews/{first}"), "--as", "note"]).await;
    let mut shown: Value = serde_json::from_str(&shown.replace("http://localhost:0/", &daemon.url("/"))).unwrap();
    for changing in ["@context", "published"] {
        shown.as_object_mut().unwrap().shift_remove(changing);
    }
    let mut sent = create["object"].clone();
    sent.as_object_mut().unwrap().shift_remove("published");
    assert_eq!(shown, sent);
    let deliveries = daemon.run_json(&["deliveries", &first]).await;
    assert_eq!((&deliveries[0]["inbox"], &deliveries[0]["type"]), (&json!(bob.inbox()), &json!("Create")));
    let status = daemon.run_json(&["status"]).await;
    assert_eq!((&status["live"], &status["answers"], &status["answers_awaiting"]), (&json!(1), &json!(1), &json!(0)));

    // The post came into the thread with the answer, and has a number now.
    let number = daemon.running().store.reply(&id).await.unwrap().unwrap().seq.to_string();
    let told = run_with_editor(&daemon, "sed -i '4s/^$/From the editor./'", &["replies", "answer", &number]).await;
    let second = written(&told);
    assert_ne!(first, second);
    let text = fs::read_to_string(file(&daemon, &second)).unwrap();
    assert_eq!(text, format!("---\nin_reply_to: {id}\n---\nFrom the editor.\n"));
    daemon.look().await;
    published(&daemon, &second).await;
    daemon.run(&["retract", &first]).await;
    let posts = home.posts(2).await;
    assert_eq!((posts[1].kind().as_str(), &posts[1].json()["object"]["id"]), ("Delete", &create["object"]["id"]));
}
