//! The conversation under a review as visitors, feed readers and other servers get it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use reviewd::{
    domain::{Handle, Reaction, ReactionKind, RemoteActor, Reply, ReplyState, ReviewId, Source, Visibility},
    store::Store,
};
use serde_json::Value;

use crate::{
    peers::read_feed,
    world::{World, review_with},
};

/// A review and what is said under it, put there as if it had come in.
pub struct Thread<'a> {
    pub store: &'a Store,
    /// The id of the review's Note.
    pub note: String,
    pub under: (Handle, ReviewId),
    pub now: Timestamp,
}

impl Thread<'_> {
    /// Somebody at `m.example`, with this name and avatar.
    pub async fn meet(&self, user: &str, name: &str, avatar: Option<String>) -> String {
        let id = format!("https://m.example/users/{user}");
        self.store.keep_remote_actor(&actor(&id, name, avatar, self.now)).await.unwrap();
        id
    }

    /// What `author` says as the `number`th post, `number` minutes after the first; what is special about it is changed
    /// by `change`. Its id.
    pub async fn say(&self, author: &str, number: i64, above: &str, change: impl FnOnce(&mut Reply)) -> String {
        self.say_in(ReplyState::Shown, author, number, above, change).await
    }

    pub async fn say_in(
        &self,
        state: ReplyState,
        author: &str,
        number: i64,
        above: &str,
        change: impl FnOnce(&mut Reply),
    ) -> String {
        let id = format!("{author}/statuses/{number}");
        let mut reply = Reply {
            id: id.clone(),
            under: Some(self.under.clone()),
            in_reply_to: above.to_owned(),
            author: author.to_owned(),
            ours: false,
            content: format!("<p>Words number {number}.</p>"),
            title: None,
            warning: None,
            language: None,
            page: id.clone(),
            published: self.now - SignedDuration::from_hours(48) + SignedDuration::from_mins(number),
            updated: None,
            visibility: Visibility::Public,
            replies: None,
            mentions: vec![],
        };
        change(&mut reply);
        self.store.keep_reply(&reply, state, Source::Inbox, self.now).await.unwrap();
        id
    }

    pub async fn react(&self, kind: ReactionKind, actor: &str, emoji: Option<&str>) {
        let reaction = Reaction {
            id: Some(format!("{actor}/activities/{}", kind.as_str())),
            kind,
            object: self.note.clone(),
            under: self.under.clone(),
            actor: actor.to_owned(),
            emoji: emoji.map(str::to_owned),
            page: None,
            at: self.now,
        };
        self.store.keep_reaction(&reaction).await.unwrap();
    }
}

pub fn actor(id: &str, name: &str, avatar: Option<String>, now: Timestamp) -> RemoteActor {
    let (host, user) = (id.split('/').nth(2).unwrap(), id.rsplit('/').next().unwrap());
    RemoteActor {
        id: id.to_owned(),
        kind: "Person".to_owned(),
        inbox: format!("{id}/inbox"),
        shared_inbox: None,
        keys: vec![],
        name: name.to_owned(),
        handle: format!("{user}@{host}"),
        page: format!("https://{host}/@{user}"),
        avatar,
        bookwyrm: false,
        also_known_as: vec![],
        moved_to: None,
        fetched_at: now,
    }
}

/// Two announced reviews, the first with a tag.
pub async fn dune() -> World {
    let world = World::empty().await;
    world.save("dune.md", review_with("Dune", "Sand gets into everything.", &["tags: [sand]", "rating: 4/5"]));
    world.save("emma.md", review_with("Emma", "Matches.", &[]));
    world.settle().await;
    world
}

async fn thread(world: &World) -> Thread<'_> {
    thread_of(world, "dune.md").await
}

/// The conversation under the review in this file.
pub async fn thread_of<'a>(world: &'a World, file: &str) -> Thread<'a> {
    let entry = world.entry(file).await;
    let under = (Handle::parse("ana").unwrap(), entry.id);
    let note = format!("https://books.example/users/ana/reviews/{}", under.1);
    Thread { store: &world.running().store, note, under, now: world.now() }
}

async fn document(world: &World, address: &str) -> Value {
    let path = address.strip_prefix("https://books.example").unwrap_or(address);
    let answer = world.ask(Method::GET, path, &[("accept", "application/activity+json")]).await;
    assert_eq!(answer.status, 200, "{address}: {}", answer.text());
    answer.json()
}

const FEEDS: [&str; 3] = ["/@ana/dune/replies.xml", "/@ana/dune/replies.atom", "/@ana/dune/replies.json"];

#[tokio::test]
async fn what_is_said_shows_at_once_and_makes_no_review_new() {
    let world = dune().await;
    let talk = thread(&world).await;
    assert!(world.page("/@ana/dune").await.contains("Nobody has said anything yet."));
    let before = (world.feed().await, world.feed_bytes().await);
    let other_feed = world.page("/@ana/emma").await;

    let bob = talk.meet("bob", "Bob", None).await;
    let first = talk.say(&bob, 1, &talk.note, |_| ()).await;
    assert!(world.page("/@ana/dune").await.contains("Words number 1."));
    talk.say(&bob, 1, &talk.note, |reply| reply.content = "<p>Other words.</p>".to_owned()).await;
    let page = world.page("/@ana/dune").await;
    assert!(page.contains("Other words.") && !page.contains("Words number 1."));
    talk.react(ReactionKind::Like, &bob, None).await;
    assert!(world.page("/@ana/dune").await.contains("1 like"));

    // Feeds tell how many answered, and nothing of it is a change of the review.
    assert_eq!(world.feed().await, before.0);
    let rss = world.page("/feed.xml").await;
    assert_eq!(rss.matches("<slash:comments>1</slash:comments>").count(), 1);
    assert!(rss.contains("<wfw:commentRss>https://books.example/@ana/dune/replies.xml</wfw:commentRss>"));
    let without = rss
        .replace("<slash:comments>1</slash:comments>", "")
        .replace("<wfw:commentRss>https://books.example/@ana/dune/replies.xml</wfw:commentRss>", "");
    assert_eq!(without, before.1[0], "pubDate, updated and lastBuildDate stay");
    let atom = world.page("/atom.xml").await;
    assert!(atom.contains(r#"thr:count="1""#) && atom.contains("<thr:total>1</thr:total>"));

    // A like is told in no feed, and another review's page is as it was.
    let told = world.feed_bytes().await;
    talk.react(ReactionKind::Like, &talk.meet("eve", "Eve", None).await, None).await;
    assert_eq!(world.feed_bytes().await, told);
    assert_eq!(world.page("/@ana/emma").await, other_feed);

    let store = &world.running().store;
    store.drop_reply(&first, world.now()).await.unwrap();
    assert!(!world.page("/@ana/dune").await.contains("Other words."));
    assert_eq!(world.feed_bytes().await, before.1);
}

#[tokio::test]
async fn what_waits_is_hidden_or_private_stands_nowhere() {
    let world = dune().await;
    let talk = thread(&world).await;
    let bob = talk.meet("bob", "Bob", None).await;
    let shown = talk.say(&bob, 1, &talk.note, |_| ()).await;
    let secret = |reply: &mut Reply| reply.content = "<p>Secret.</p>".to_owned();
    let waiting = talk.say_in(ReplyState::Waiting, &bob, 2, &talk.note, secret).await;
    let hidden = talk.say_in(ReplyState::Hidden, &bob, 3, &shown, secret).await;
    let private = talk
        .say(&bob, 4, &shown, |reply| {
            secret(reply);
            reply.visibility = Visibility::Private;
        })
        .await;
    // An answer to what is hidden hangs from what is shown above it.
    talk.say(&bob, 5, &hidden, |_| ()).await;

    let note = document(&world, &talk.note).await;
    let mut everywhere = vec![note.to_string(), world.page("/@ana/dune").await];
    for path in FEEDS {
        everywhere.push(world.page(path).await);
    }
    for part in ["replies", "replies?page=1", "context", "likes", "shares"] {
        everywhere.push(document(&world, &format!("{}/{part}", talk.note)).await.to_string());
    }
    for text in &everywhere {
        for kept in ["Secret", waiting.as_str(), &hidden, &private] {
            assert!(!text.contains(kept), "{kept} stands in {text}");
        }
    }
    assert_eq!(note["replies"]["totalItems"], 2);
    assert!(everywhere[1].contains("2 replies") && everywhere[1].contains("in answer to"));
    assert_eq!(world.status(&format!("/interact?uri={hidden}")).await, 404);
    assert_eq!(world.status(&format!("/interact?uri={shown}")).await, 200);
}

#[tokio::test]
async fn a_thousand_replies_are_read_in_pages_and_each_has_one_place() {
    let world = dune().await;
    let talk = thread(&world).await;
    let bob = talk.meet("bob", "Bob", None).await;
    let mut above = talk.note.clone();
    for number in 1..=1_000 {
        // Chains of ten under the review.
        let under = if number % 10 == 1 { talk.note.clone() } else { above };
        above = talk.say(&bob, number, &under, |_| ()).await;
    }
    let mut seen = BTreeSet::new();
    for page in 1..=10 {
        let html = world.page(&format!("/@ana/dune?page={page}")).await;
        assert!(html.len() < 200_000, "page {page} has {} bytes", html.len());
        assert!(html.contains("1000 replies") && html.contains(&format!("Page {page} of 10")));
        assert!(html.contains(r#"<link rel="canonical" href="https://books.example/@ana/dune">"#));
        let here: Vec<&str> = html.split("Words number ").skip(1).filter_map(|rest| rest.split('.').next()).collect();
        assert_eq!(here.len(), 100);
        seen.extend(here.into_iter().map(str::to_owned));
    }
    assert_eq!(seen.len(), 1_000);
    assert!(world.page("/@ana/dune?page=6").await.contains(r#"id="reply-555""#));
    for (address, place) in [
        ("/@ana/dune?reply=555", "/@ana/dune?page=6#reply-555"),
        ("/@ana/dune?reply=5", "/@ana/dune#reply-5"),
        ("/@ana/dune?reply=5555", "/@ana/dune"),
        ("/@ana/dune?page=11", "/@ana/dune"),
    ] {
        let answer = world.get(address).await;
        assert_eq!((answer.status, answer.header("location").as_str()), (307, place), "{address}");
    }

    // Other servers walk through it to the end.
    let mut next = Some(format!("{}/replies", talk.note));
    let mut listed = BTreeSet::new();
    while let Some(address) = next {
        let found = document(&world, &address).await;
        assert!(found["totalItems"] == 1_000 || found["partOf"] == format!("{}/replies", talk.note));
        let page = if found["first"].is_object() { &found["first"] } else { &found };
        listed.extend(page["items"].as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()));
        next = page["next"].as_str().map(str::to_owned);
    }
    assert_eq!(listed.len(), 1_000);
    let context = document(&world, &format!("{}/context", talk.note)).await;
    assert_eq!((&context["totalItems"], &context["orderedItems"]), (&Value::from(1_001), &Value::Null));
    let mut next = context["first"].as_str().map(str::to_owned);
    let mut thread = Vec::new();
    while let Some(address) = next {
        let page = document(&world, &address).await;
        thread.extend(page["orderedItems"].as_array().unwrap().clone());
        next = page["next"].as_str().map(str::to_owned);
    }
    assert_eq!((thread.len(), thread[0].as_str()), (1_001, Some(talk.note.as_str())));
}

#[tokio::test]
async fn strangers_words_are_shown_without_their_teeth() {
    let world = dune().await;
    let talk = thread(&world).await;
    let bob = talk.meet("bob", "Bob \u{202E}nimda\u{2066}", Some("https://m.example/bob.png".to_owned())).await;
    let nested = format!("{}x{}", "<span>".repeat(100_000), "</span>".repeat(100_000));
    talk.say(&bob, 1, &talk.note, |reply| reply.content = nested.clone()).await;
    talk.say(&bob, 2, &talk.note, |reply| {
        reply.content = "<p onclick=x><script>alert(1)</script><img src=\"https://t.example/pixel.gif\" alt=\"cat\"> \
                         <a href=\"javascript:alert(1)\">here</a> \u{202E}txet</p>"
            .to_owned();
        reply.warning = Some("</summary><script>alert(2)</script>\u{202E}".to_owned());
        reply.page = "javascript:alert(3)".to_owned();
        reply.language = Some("en\" onmouseover=\"alert(4)".to_owned());
    })
    .await;
    let html = world.page("/@ana/dune").await;
    assert!(html.len() < 200_000, "{}", html.len());
    assert!(html.contains("<bdi>Bob nimda</bdi>"));
    for bad in ["<script>", "javascript:", "onclick", "onmouseover=\"", "t.example", "\u{202E}", "\u{2066}"] {
        assert!(!html.contains(bad), "{bad}");
    }
    let pictures: Vec<&str> = html.split("<img").skip(1).map(|rest| rest.split(" src=\"").nth(1).unwrap()).collect();
    assert!(
        pictures.iter().all(|source| source.starts_with("/media/")),
        "nothing is linked from elsewhere: {pictures:?}"
    );
    for path in FEEDS {
        let feed = world.page(path).await;
        assert!(!feed.contains("t.example") && !feed.contains("\u{202E}") && !feed.contains("alert(1)"), "{feed}");
    }
}

#[tokio::test]
async fn the_feed_of_a_conversation_is_well_formed_and_hides_what_is_warned_of() {
    let world = dune().await;
    let talk = thread(&world).await;
    let bob = talk.meet("bob", "Bob & Söhne \u{1}", None).await;
    let first = talk.say(&bob, 1, &talk.note, |reply| reply.content = "<p>a &amp; b ]]> c\u{1}</p>".to_owned()).await;
    let second = talk
        .say(&bob, 2, &first, |reply| {
            reply.content = "<p>The worm did it.</p>".to_owned();
            reply.warning = Some("Who did it & how".to_owned());
        })
        .await;
    for path in FEEDS {
        let answer = world.get(path).await;
        let feed = answer.text();
        assert!(!feed.contains("The worm did it."), "{path}");
        assert_eq!(answer.header("cache-control"), "public, max-age=900");
        assert!(answer.header("link").contains(path), "{}", answer.header("link"));
        let tag = answer.header("etag");
        assert_eq!(world.ask(Method::GET, path, &[("if-none-match", &tag)]).await.status, 304);
    }
    let (rss, atom) = (world.page(FEEDS[0]).await, world.page(FEEDS[1]).await);
    let tree = roxmltree::Document::parse(&rss).unwrap();
    let guids: Vec<_> = tree.descendants().filter(|node| node.has_tag_name("guid")).filter_map(|n| n.text()).collect();
    assert_eq!(guids, [second.as_str(), &first], "newest first");
    let tree = roxmltree::Document::parse(&atom).unwrap();
    let answers = |node: &roxmltree::Node<'_, '_>| node.tag_name().name() == "in-reply-to";
    let answered: Vec<_> = tree.descendants().filter(answers).filter_map(|node| node.attribute("ref")).collect();
    assert_eq!(answered, [first.as_str(), world.entry("dune.md").await.guid.as_str()]);
    assert!(world.page("/@ana/dune").await.contains("replies.xml"));
    assert_eq!(world.status("/@ana/nothing/replies.xml").await, 404);
    assert!(world.page("/@ana/emma/replies.xml").await.contains("<channel>"), "an empty one, for who comes early");

    let addresses = FEEDS[..2].iter().map(|path| format!("{}{path}", world.address())).collect::<Vec<_>>();
    let Some(read) = read_feed(&addresses.iter().map(String::as_str).collect::<Vec<_>>()).await else { return };
    for feed in read.as_array().unwrap() {
        assert_eq!(feed["bozo"], false, "{feed:#}");
        assert_eq!(feed["entries"].as_array().unwrap().len(), 2);
        assert_eq!(feed["entries"][1]["id"], first.as_str());
        assert_eq!(feed["entries"][1]["author"], "Bob & Söhne");
    }
}

#[tokio::test]
async fn notes_and_collections_count_what_came_back() {
    let world = dune().await;
    let talk = thread(&world).await;
    let empty = document(&world, &format!("{}/likes", talk.note)).await;
    assert_eq!(
        (&empty["type"], &empty["totalItems"], &empty["first"]),
        (&"Collection".into(), &0.into(), &Value::Null)
    );
    for user in ["bob", "eve", "zoe"] {
        let actor = talk.meet(user, user, None).await;
        talk.react(ReactionKind::Like, &actor, (user == "eve").then_some("🐛")).await;
    }
    talk.react(ReactionKind::Boost, "https://m.example/users/bob", None).await;
    let reply = talk.say("https://m.example/users/bob", 1, &talk.note, |_| ()).await;

    let note = document(&world, &talk.note).await;
    for (part, total) in [("likes", 3), ("shares", 1), ("replies", 1)] {
        assert_eq!(note[part]["totalItems"], total, "{part}");
        let collection = document(&world, note[part]["id"].as_str().unwrap()).await;
        assert_eq!((&collection["id"], &collection["totalItems"]), (&note[part]["id"], &total.into()), "{part}");
        let first = match &collection["first"] {
            Value::String(address) => document(&world, address).await,
            embedded => embedded.clone(),
        };
        assert_eq!((&first["type"], &first["partOf"]), (&"CollectionPage".into(), &collection["id"]), "{part}");
        assert_eq!(first["items"].as_array().unwrap().len(), total, "{part}: {first:#}");
    }
    assert_eq!(note["replies"]["first"]["items"], serde_json::json!([reply]));
    let context = document(&world, note["context"].as_str().unwrap()).await;
    assert_eq!(context["type"], "OrderedCollection");
    assert_eq!(context["orderedItems"], serde_json::json!([talk.note, reply]));
    assert_eq!(context["attributedTo"], "https://books.example/users/ana");
    let page = world.page("/@ana/dune").await;
    assert!(page.contains("3 likes") && page.contains("1 boost") && page.contains("🐛"), "{page}");
}

#[tokio::test]
async fn a_conversation_that_is_closed_takes_no_answers() {
    let world = dune().await;
    world.save("emma.md", review_with("Emma", "Matches.", &["replies: closed"]));
    world.settle().await;
    let page = world.page("/@ana/emma").await;
    assert!(page.contains("This conversation is closed.") && !page.contains("action=\"/interact\""), "{page}");
    assert!(world.page("/@ana/dune").await.contains("action=\"/interact\""));
    let note = thread_of(&world, "emma.md").await.note;
    let asked: String = url::form_urlencoded::byte_serialize(note.as_bytes()).collect();
    let answer = world.get(&format!("/interact?uri={asked}")).await;
    assert_eq!((answer.status, answer.header("location").as_str()), (303, "/@ana/emma"));
}
