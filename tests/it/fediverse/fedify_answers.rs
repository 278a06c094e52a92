//! A server nobody here wrote gets our answer, sees its edit, and its end.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::review;
use crate::peers::{Authority, Fedify, Reviewd};

const SETTINGS: &str = r#"
[[reviewer]]
handle = "ana"
name = "Ana"
folder = "reviews"

[publish]
settle = "1s"
delete_after = "1s"
"#;

fn answer(post: &str, words: &str) -> String {
    format!("---\nin_reply_to: {post}\n---\n\n{words}\n")
}

fn text<'a>(document: &'a Value, pointer: &str) -> &'a str {
    document.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {document:#}"))
}

#[tokio::test]
async fn a_post_elsewhere_and_a_reply_to_a_review_are_answered_from_files() {
    let authority = Authority::new();
    let Some(fedify) = Fedify::start(&authority).await else { return };
    let lay_out = |folder: &Path| fs::write(folder.join("emma.md"), review("Emma", "Clever, and rich.")).unwrap();
    let reviewd = Reviewd::behind_tls(&authority, SETTINGS, lay_out).await.unwrap();
    fs::create_dir(reviewd.reviews().join("replies")).unwrap();

    // Somebody who follows nobody here asks the world.
    let asked = fedify.ask("post", json!({"as": "carol", "html": "<p>What should I read?</p>"})).await;
    let question = text(&asked, "/note").to_owned();
    reviewd.save("replies/carol.md", &answer(&question, "*Emma*, of course."));
    let create = fedify.expect("Create").await;
    assert_eq!(create.inbox, "/users/carol/inbox");
    assert_eq!(text(&create.raw, "/object/inReplyTo"), question);
    assert_eq!(text(&create.raw, "/object/tag/0/href"), fedify.actor("carol"));
    let content = text(&create.raw, "/object/content");
    assert!(content.contains("@<span>carol</span>") && content.contains("<em>Emma</em>, of course."), "{content}");
    let id = text(&create.raw, "/object/id").to_owned();
    let found = fedify.find(&id).await.unwrap();
    assert_eq!((text(&found, "/content"), text(&found, "/inReplyTo")), (content, question.as_str()));

    reviewd.save("replies/carol.md", &answer(&question, "*Persuasion*, of course."));
    let update = fedify.expect("Update").await;
    assert_eq!((update.inbox.as_str(), text(&update.raw, "/object/id")), ("/users/carol/inbox", id.as_str()));
    assert!(text(&update.raw, "/object/content").contains("Persuasion"));
    assert!(text(&fedify.find(&id).await.unwrap(), "/content").contains("Persuasion"));

    fs::remove_file(reviewd.reviews().join("replies/carol.md")).unwrap();
    let delete = fedify.expect("Delete").await;
    assert_eq!((delete.inbox.as_str(), text(&delete.raw, "/object/id")), ("/users/carol/inbox", id.as_str()));
    let gone = fedify.find(&id).await;
    assert!(gone.is_err() || gone.is_ok_and(|found| found["type"] == "Tombstone"));

    // A follower answers a review, and is answered.
    fedify.follow(&reviewd.handle("ana")).await;
    fedify.expect("Accept").await;
    reviewd.save("dune.md", &review("Dune", "Sand."));
    let dune = fedify.expect("Create").await;
    let note = text(&dune.raw, "/object/id").to_owned();
    let reply = fedify.reply(&note, "<p>And worms!</p>").await;
    reviewd.save("replies/bob.md", &answer(&reply, "The worms are the least of it."));
    let create = fedify.expect("Create").await;
    assert_eq!(text(&create.raw, "/object/inReplyTo"), reply);
    assert_eq!(text(&create.raw, "/object/context"), format!("{note}/context"));
}
