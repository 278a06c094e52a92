//! Over TLS with a server nobody here wrote: Fedify finds the handle, checks every signature and reads every document.

use std::{fs, path::Path, sync::Mutex, time::Duration};

use reviewd::{
    domain::{Handle, ReviewId},
    store::Store,
};
use serde_json::{Value, json};

use super::{PATIENCE, review};
use crate::peers::{Authority, Fedify, Received, Reviewd};

const SETTINGS: &str = r#"
[[reviewer]]
handle = "ana"
name = "Ana"
folder = "reviews"

[publish]
settle = "1s"
delete_after = "1s"
announce_max = 2
"#;

/// A follower called bob, and a reviewer called ana whose folder holds a review already. `None` without the peers.
async fn bob_and_ana(authority: &Authority) -> Option<(Fedify, Reviewd)> {
    let fedify = Fedify::start(authority).await?;
    let lay_out =
        |folder: &Path| fs::write(folder.join("emma.md"), review("Emma", "Handsome, clever, and rich.")).unwrap();
    let reviewd = Reviewd::behind_tls(authority, SETTINGS, lay_out).await?;
    Some((fedify, reviewd))
}

async fn follow(fedify: &Fedify, reviewd: &Reviewd) -> Received {
    fedify.follow(&reviewd.handle("ana")).await;
    fedify.expect("Accept").await
}

/// What arrived, Accepts aside.
async fn about_reviews(fedify: &Fedify) -> Vec<Received> {
    let mut received = fedify.received().await;
    received.retain(|one| one.kind != "Accept");
    received
}

fn text<'a>(document: &'a Value, pointer: &str) -> &'a str {
    document.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {document:#}"))
}

fn time(document: &Value, pointer: &str) -> jiff::Timestamp {
    text(document, pointer).parse().unwrap()
}

/// Status and document under an id, as a server asks for it.
async fn fetch(authority: &Authority, id: &str) -> (u16, Value) {
    let trusted = reqwest::Certificate::from_pem(&fs::read(authority.bundle()).unwrap()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([trusted]).no_proxy().build().unwrap();
    let answer = client.get(id).header("accept", "application/activity+json").send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

#[tokio::test]
async fn a_follower_sees_the_whole_life_of_a_review() {
    let authority = Authority::new();
    let Some((fedify, reviewd)) = bob_and_ana(&authority).await else { return };
    let ana = format!("{}/users/ana", reviewd.origin);

    let accept = follow(&fedify, &reviewd).await;
    assert_eq!((accept.actor.as_str(), accept.inbox.as_str()), (ana.as_str(), "/users/bob/inbox"));
    assert_eq!(accept.raw["object"]["type"], "Follow");
    assert_eq!(accept.raw["object"]["actor"], fedify.actor("bob"));

    let words = "Sand gets into everything.\n\nI was **thirsty** throughout, and glad of it.";
    fs::create_dir(reviewd.reviews().join("dune")).unwrap();
    fs::copy("tests/folder/covers/flights.jpg", reviewd.reviews().join("dune/cover.jpg")).unwrap();
    reviewd.save("dune/index.md", &review("Dune\ncover: cover.jpg", words));
    let create = fedify.expect("Create").await;
    let note = text(&create.raw, "/object/id").to_owned();
    let content = text(&create.raw, "/object/content");
    for seen in [
        "Dune",
        "Frank Herbert",
        "★★★★½",
        "Sand gets into everything.",
        "<strong>thirsty</strong> throughout, and glad",
    ] {
        assert!(content.contains(seen), "no {seen:?} in {content}");
    }
    assert_eq!((text(&create.raw, "/object/type"), create.actor.as_str()), ("Note", ana.as_str()));
    assert_eq!(create.raw["object"]["updated"], Value::Null);
    assert_eq!(text(&create.raw, "/object/attachment/0/mediaType"), "image/jpeg");
    assert_eq!(text(&create.raw, "/object/attachment/0/name"), "Cover of Dune by Frank Herbert");
    assert_eq!(fetch(&authority, text(&create.raw, "/object/attachment/0/url")).await.0, 200);
    assert_eq!(text(&fedify.find(&note).await.unwrap(), "/content"), content);

    reviewd.save("dune/index.md", &review("Dune\ncover: cover.jpg", "Better at the second reading."));
    let first = fedify.expect("Update").await;
    assert!(text(&first.raw, "/object/content").contains("Better at the second reading."));
    assert_eq!(first.raw["object"]["published"], create.raw["object"]["published"]);
    assert!(time(&first.raw, "/object/updated") > time(&create.raw, "/object/published"));

    for draft in 1..=5 {
        reviewd.save("dune/index.md", &review("Dune\ncover: cover.jpg", &format!("Draft number {draft}.")));
    }
    let second = fedify.expect("Update").await;
    assert!(text(&second.raw, "/object/content").contains("Draft number 5."));
    assert!(time(&second.raw, "/object/updated") > time(&first.raw, "/object/updated"));

    fs::remove_dir_all(reviewd.reviews().join("dune")).unwrap();
    let delete = fedify.expect("Delete").await;
    assert_eq!((text(&delete.raw, "/object/type"), text(&delete.raw, "/object/id")), ("Tombstone", note.as_str()));
    let (status, tombstone) = fetch(&authority, &note).await;
    assert_eq!((status, text(&tombstone, "/type"), text(&tombstone, "/id")), (410, "Tombstone", note.as_str()));

    let kinds: Vec<String> = about_reviews(&fedify).await.into_iter().map(|one| one.kind).collect();
    assert_eq!(kinds, ["Create", "Update", "Update", "Delete"], "five saves are one Update, and old reviews none");
    let posts = fedify.posts().await;
    assert!(posts.as_array().unwrap().iter().all(|post| post["refusal"].is_null()), "{posts:#}");
}

#[tokio::test]
async fn who_unfollows_gets_nothing_until_following_again() {
    let authority = Authority::new();
    let Some((fedify, mut reviewd)) = bob_and_ana(&authority).await else { return };
    let first = follow(&fedify, &reviewd).await;
    fedify.unfollow(&reviewd.handle("ana")).await;
    reviewd.logged("follows @ana no more").await;
    reviewd.save("missed.md", &review("Missed", "Nobody is told."));
    reviewd.logged("is on its way").await;

    let again = follow(&fedify, &reviewd).await;
    assert_ne!(again.id, first.id);
    reviewd.save("met.md", &review("Met", "Bob is told."));
    assert!(text(&fedify.expect("Create").await.raw, "/object/content").contains("Bob is told."));
    assert_eq!(about_reviews(&fedify).await.len(), 1);
}

#[tokio::test]
async fn a_stop_between_save_and_delivery_loses_nothing() {
    let authority = Authority::new();
    let Some((fedify, mut reviewd)) = bob_and_ana(&authority).await else { return };
    follow(&fedify, &reviewd).await;
    reviewd.save("dune.md", &review("Dune", "Written before the stop."));
    reviewd.logged("changed in pages and feeds").await;
    reviewd.stop().await;
    reviewd.save("solaris.md", &review("Solaris", "Written while nothing ran."));
    reviewd.start_again().await;
    let mut told = Vec::new();
    for _ in 0..2 {
        told.push(text(&fedify.expect("Create").await.raw, "/object/content").contains("Written while nothing ran."));
    }
    told.sort_unstable();
    assert_eq!(told, [false, true]);

    // Everything that was under way at the second stop has been sent by the time of a third review.
    reviewd.stop().await;
    reviewd.start_again().await;
    reviewd.save("third.md", &review("Third", "Written at the end."));
    assert!(text(&fedify.expect("Create").await.raw, "/object/content").contains("Written at the end."));
    assert_eq!(about_reviews(&fedify).await.len(), 3);
}

#[tokio::test]
async fn a_bulk_change_is_held_until_it_is_applied() {
    let authority = Authority::new();
    let Some((fedify, mut reviewd)) = bob_and_ana(&authority).await else { return };
    follow(&fedify, &reviewd).await;
    for number in 1..=3 {
        reviewd.save(&format!("{number}.md"), &review(&format!("Volume {number}"), "One of many."));
    }
    reviewd.logged("reviewd apply").await;
    let plan: Value = serde_json::from_str(&reviewd.run(&["plan", "--json"]).await).unwrap();
    assert_eq!(plan["held"].as_array().map(Vec::len), Some(3), "{plan:#}");
    assert_eq!(about_reviews(&fedify).await.len(), 0);

    reviewd.run(&["apply"]).await;
    let mut titles = Vec::new();
    for _ in 0..3 {
        titles.push(fedify.expect("Create").await.raw["object"]["tag"].to_string());
    }
    titles.sort_unstable();
    titles.dedup();
    assert_eq!(titles.len(), 3);
    let deliveries: Value = serde_json::from_str(&reviewd.run(&["deliveries", "--json"]).await).unwrap();
    let created = deliveries.as_array().unwrap().iter().filter(|one| one["type"] == json!("Create")).count();
    assert_eq!(created, 3, "{deliveries:#}");
}

#[tokio::test]
async fn what_people_answer_stands_under_the_review_until_they_think_better_of_it() {
    let authority = Authority::new();
    let Some(fedify) = Fedify::start(&authority).await else { return };
    let settings = format!("{SETTINGS}\n[replies]\nmoderation = \"open\"\n");
    let lay_out =
        |folder: &Path| fs::write(folder.join("emma.md"), review("Emma", "Handsome, clever, and rich.")).unwrap();
    let Some(reviewd) = Reviewd::behind_tls(&authority, &settings, lay_out).await else { return };
    follow(&fedify, &reviewd).await;
    reviewd.save("dune.md", &review("Dune", "Sand gets into everything."));
    let note = text(&fedify.expect("Create").await.raw, "/object/id").to_owned();
    let talk = Talk::under(&reviewd, &note).await;

    let answer = fedify.reply(&note, "<p>The worms, though.</p>").await;
    talk.when(|talk| talk.replies == ["<p>The worms, though.</p>"]).await;
    fedify.edit(&answer, "<p>The worms above all.</p>").await;
    talk.when(|talk| talk.replies == ["<p>The worms above all.</p>"]).await;

    let like = fedify.like(&note).await;
    fedify.ask("react", json!({"note": note, "emoji": "🐛", "as": "carol"})).await;
    let boost = fedify.boost(&note).await;
    talk.when(|talk| (talk.likes, talk.boosts) == (2, 1)).await;
    fedify.undo(&like).await;
    fedify.undo(&boost).await;
    talk.when(|talk| (talk.likes, talk.boosts) == (1, 0)).await;

    let quoting = fedify.quote(&note, "<p>Read this.</p>").await;
    let accept = fedify.expect("Accept").await;
    assert_eq!(accept.raw["object"]["type"], "QuoteRequest");
    let (status, stamp) = fetch(&authority, text(&accept.raw, "/result")).await;
    assert_eq!((status, text(&stamp, "/type")), (200, "QuoteAuthorization"));
    assert_eq!((text(&stamp, "/interactingObject"), text(&stamp, "/interactionTarget")), (quoting.as_str(), &*note));
    talk.when(|talk| talk.quotes == 1).await;

    fedify.delete(&answer).await;
    fedify.delete(&quoting).await;
    talk.when(|talk| talk.replies.is_empty() && talk.quotes == 0).await;
}

/// What the store of a running daemon holds under a review.
struct Talk {
    store: Store,
    review: (Handle, ReviewId),
    last: Mutex<String>,
}

#[derive(Debug)]
struct Said {
    replies: Vec<String>,
    likes: u64,
    boosts: u64,
    quotes: u64,
}

impl Talk {
    async fn under(reviewd: &Reviewd, note: &str) -> Talk {
        let review = note.rsplit('/').next().unwrap();
        let review = (Handle::parse("ana").unwrap(), ReviewId::parse(review).unwrap());
        Talk { store: Store::open(&reviewd.data().join("reviewd.db")).await.unwrap(), review, last: Mutex::default() }
    }

    /// Waits until what was said is this.
    async fn when(&self, wanted: impl Fn(&Said) -> bool) {
        let (handle, review) = &self.review;
        let asking = async {
            loop {
                let shown = self.store.replies_under(handle, review).await.unwrap();
                let counts = self.store.conversation_counts(&[self.review.clone()]).await.unwrap()[0];
                let replies = shown.into_iter().map(|kept| kept.reply.content).collect();
                let said = Said { replies, likes: counts.likes, boosts: counts.boosts, quotes: counts.quotes };
                if wanted(&said) {
                    return;
                }
                *self.last.lock().unwrap() = format!("{said:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, asking).await;
        assert!(came.is_ok(), "it never came so far: {}", self.last.lock().unwrap());
    }
}
