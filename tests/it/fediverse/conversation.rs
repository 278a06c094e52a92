//! What people answer: kept once, shown by the rules, edited, taken back, found where it never reached us, and never more
//! than there is room for.

use std::time::Duration;

use reviewd::{
    domain::{Handle, KeptReply, Reaction, ReactionKind, Reply, ReplyState, ReviewId, Source, TalkCounts, Visibility},
    store::{ReplyFilter, Which},
};
use serde_json::{Value, json};

use super::{
    daemon::Daemon,
    neighbour::{Answer, Neighbour, Person, get},
    review,
};

const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";
const OPEN: &str = "[replies]\nmoderation = \"open\"";
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A site with one review, and the server next door.
struct Scene {
    daemon: Daemon,
    home: Neighbour,
    /// The id of the review's Note.
    note: String,
    review: ReviewId,
}

impl Scene {
    async fn set(settings: &str) -> Scene {
        Scene::set_with(settings, &review("Dune", "Sand gets into everything.")).await
    }

    async fn set_with(settings: &str, text: &str) -> Scene {
        let daemon = Daemon::start_with(settings).await;
        let home = Neighbour::open(&daemon).await;
        daemon.publish("dune.md", text).await;
        let review = daemon.running().store.ledger(&ana()).await.unwrap()[0].id.clone();
        Scene { note: daemon.url(&format!("/users/ana/reviews/{review}")), review, daemon, home }
    }

    /// Posts an activity and waits until it was worked through.
    async fn say(&self, person: &Person, activity: &Value) {
        assert_eq!(person.post(&self.daemon, activity).await, 202, "{activity}");
        self.daemon.worked_through().await;
    }

    /// Somebody's post in the world: their Create is sent.
    async fn reply(&self, person: &Person, number: u32, in_reply_to: &str) -> String {
        self.reply_with(person, number, in_reply_to, json!({})).await
    }

    async fn reply_with(&self, person: &Person, number: u32, in_reply_to: &str, fields: Value) -> String {
        let note = self.post(person, number, in_reply_to, fields);
        self.say(person, &create(person, number, &note)).await;
        note["id"].as_str().unwrap().to_owned()
    }

    /// A post as its author's server words it.
    fn post(&self, person: &Person, number: u32, in_reply_to: &str, fields: Value) -> Value {
        let mut note = json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": format!("{}/posts/{number}", person.id),
            "type": "Note",
            "attributedTo": person.id,
            "inReplyTo": in_reply_to,
            "content": format!("<p>Answer {number}</p>"),
            "published": self.daemon.clock.now().to_string(),
            "to": [PUBLIC],
            "cc": [self.daemon.ana()],
            "tag": [{"type": "Mention", "href": self.daemon.ana()}],
        });
        for (name, value) in fields.as_object().unwrap() {
            note[name.as_str()] = value.clone();
        }
        note
    }

    /// Serves a post at its address.
    fn publish(&self, home: &Neighbour, post: &Value) -> String {
        let id = post["id"].as_str().unwrap();
        home.serve(id.strip_prefix(&home.origin).unwrap(), Answer::Document(post.clone()));
        id.to_owned()
    }

    /// As many accounts of the server next door, each with one reply.
    async fn crowd(&self, numbers: std::ops::Range<u32>, state: ReplyState) {
        for number in numbers {
            let author = format!("{}/users/puppet{number}", self.home.origin);
            let now = self.daemon.clock.now();
            let reply = Reply {
                id: format!("{author}/posts/1"),
                under: Some((ana(), self.review.clone())),
                in_reply_to: self.note.clone(),
                page: author.clone(),
                author,
                ours: false,
                content: "<p>Spam</p>".to_owned(),
                title: None,
                warning: None,
                language: None,
                published: now,
                updated: None,
                visibility: Visibility::Public,
                replies: None,
                mentions: Vec::new(),
            };
            self.daemon.running().store.keep_reply(&reply, state, Source::Inbox, now).await.unwrap();
        }
    }

    async fn shown(&self) -> Vec<KeptReply> {
        self.daemon.running().store.replies_under(&ana(), &self.review).await.unwrap()
    }

    /// The contents that are shown, oldest first.
    async fn words(&self) -> Vec<String> {
        self.shown().await.into_iter().map(|kept| kept.reply.content).collect()
    }

    async fn kept(&self, id: &str) -> Option<KeptReply> {
        self.daemon.running().store.reply(id).await.unwrap()
    }

    async fn list(&self, which: Which) -> Vec<KeptReply> {
        let filter = ReplyFilter { reviewer: None, which, limit: 10_000 };
        self.daemon.running().store.all_replies(&filter).await.unwrap()
    }

    async fn decide(&self, id: &str, state: ReplyState) {
        let seq = self.kept(id).await.unwrap().seq;
        assert!(self.daemon.running().store.set_reply_state(seq, state).await.unwrap());
    }

    async fn counts(&self) -> TalkCounts {
        let asked = [(ana(), self.review.clone())];
        self.daemon.running().store.conversation_counts(&asked).await.unwrap()[0]
    }

    async fn reactions(&self) -> Vec<Reaction> {
        let reactions = self.daemon.running().store.reactions(&ana(), &self.review).await.unwrap();
        reactions.into_iter().map(|(reaction, _)| reaction).collect()
    }

    /// Lets time pass, and the crawler look at what is due.
    async fn crawl(&self, by: Duration) {
        self.daemon.sleep(by);
        self.daemon.crawled_through().await;
    }
}

fn ana() -> Handle {
    Handle::parse("ana").unwrap()
}

fn create(person: &Person, number: u32, note: &Value) -> Value {
    person.activity("Create", number, json!({"object": note, "to": note["to"], "cc": note["cc"]}))
}

fn update(person: &Person, number: u32, note: &Value) -> Value {
    person.activity("Update", number, json!({"object": note, "to": note["to"], "cc": note["cc"]}))
}

#[tokio::test]
async fn a_stranger_waits_until_approved_and_is_known_from_then_on() {
    let scene = Scene::set("").await;
    let bob = scene
        .home
        .person_with("bob", json!({"name": "Bob", "icon": {"type": "Image", "url": "https://m.example/b.png"}}));
    let version = scene.daemon.running().store.talk_version(&ana(), &scene.review);
    let first = scene.reply(&bob, 1, &scene.note).await;
    assert!(scene.shown().await.is_empty());
    let waiting = scene.list(Which::Waiting).await;
    let author = waiting[0].author.clone().unwrap();
    assert_eq!((waiting.len(), waiting[0].reply.id.as_str(), author.name.as_str()), (1, first.as_str(), "Bob"));
    scene.decide(&first, ReplyState::Shown).await;
    scene.reply(&bob, 2, &first).await;
    assert_eq!(scene.words().await, ["<p>Answer 1</p>", "<p>Answer 2</p>"]);
    assert_eq!(scene.shown().await[1].hangs_from.as_deref(), Some(first.as_str()));
    assert!(scene.daemon.running().store.talk_version(&ana(), &scene.review) > version);
    let carol = scene.home.person("carol");
    scene.reply(&carol, 1, &scene.note).await;
    assert_eq!((scene.shown().await.len(), scene.list(Which::Waiting).await.len()), (2, 1));
}

#[tokio::test]
async fn a_reply_lives_and_dies_with_its_author() {
    let scene = Scene::set(OPEN).await;
    let bob = scene.home.person("bob");
    let id = scene.reply(&bob, 1, &scene.note).await;
    scene.say(&bob, &create(&bob, 7, &scene.post(&bob, 1, &scene.note, json!({})))).await;
    assert_eq!(scene.words().await, ["<p>Answer 1</p>"]);
    scene.daemon.sleep(MINUTE);
    let now = scene.daemon.clock.now().to_string();
    let edited = scene.post(&bob, 1, &scene.note, json!({"content": "<p>Worms!</p>", "updated": now}));
    scene.say(&bob, &update(&bob, 2, &edited)).await;
    let older = scene.post(&bob, 1, &scene.note, json!({"content": "<p>?</p>", "updated": "2026-11-22T12:00:00Z"}));
    scene.say(&bob, &update(&bob, 3, &older)).await;
    assert_eq!(scene.words().await, ["<p>Worms!</p>"]);
    let answer = scene.reply(&bob, 9, &id).await;
    scene.say(&bob, &bob.activity("Delete", 4, json!({"object": {"id": id, "type": "Tombstone"}}))).await;
    scene.say(&bob, &create(&bob, 5, &scene.post(&bob, 1, &scene.note, json!({})))).await;
    let left = scene.shown().await;
    assert_eq!((left.len(), left[0].reply.id.as_str(), left[0].hangs_from.as_deref()), (1, answer.as_str(), None));
    // A late answer to what is gone keeps its place.
    scene.reply(&bob, 10, &id).await;
    assert_eq!(scene.shown().await.len(), 2);
}

#[tokio::test]
async fn what_is_deleted_before_it_comes_does_not_come() {
    let scene = Scene::set(OPEN).await;
    let bob = scene.home.person("bob");
    let id = format!("{}/posts/1", bob.id);
    scene.say(&bob, &bob.activity("Delete", 1, json!({"object": id}))).await;
    scene.reply(&bob, 1, &scene.note).await;
    assert!(scene.shown().await.is_empty());
}

#[tokio::test]
async fn what_is_said_to_some_is_for_the_reviewer_alone() {
    let scene = Scene::set(OPEN).await;
    let bob = scene.home.person("bob");
    let to_ana = json!({"to": [scene.daemon.ana()], "cc": []});
    let private = scene.reply_with(&bob, 1, &scene.note, to_ana).await;
    let others = json!({"to": [format!("{}/followers", bob.id)], "cc": [], "tag": []});
    let not_ours = scene.reply_with(&bob, 2, &scene.note, others).await;
    assert!(scene.shown().await.is_empty() && scene.list(Which::Waiting).await.is_empty());
    assert_eq!(scene.list(Which::Private).await[0].reply.id, private);
    assert_eq!(scene.kept(&not_ours).await, None);
    scene.decide(&private, ReplyState::Shown).await;
    assert!(scene.shown().await.is_empty(), "nobody shows what was said in confidence");

    let unlisted = json!({"to": [format!("{}/followers", bob.id)], "cc": [PUBLIC, scene.daemon.ana()]});
    let id = scene.reply_with(&bob, 3, &scene.note, unlisted).await;
    assert_eq!(scene.shown().await[0].reply.visibility, Visibility::Unlisted);
    let withdrawn = scene.post(&bob, 3, &scene.note, json!({"to": [scene.daemon.ana()], "cc": []}));
    scene.say(&bob, &update(&bob, 4, &withdrawn)).await;
    assert!(scene.shown().await.is_empty());
    assert_eq!(scene.kept(&id).await.unwrap().reply.visibility, Visibility::Private);
}

#[tokio::test]
async fn the_way_up_to_the_review_is_fetched_for_whoever_speaks_to_us() {
    let scene = Scene::set(OPEN).await;
    let far = Neighbour::open(&scene.daemon).await;
    let (bob, carol) = (scene.home.person("bob"), far.person("carol"));
    let first = scene.publish(&far, &scene.post(&carol, 1, &scene.note, json!({})));
    let second = scene.publish(&far, &scene.post(&carol, 2, &first, json!({})));
    let fetched = far.fetches();
    let silent = json!({"cc": [], "tag": []});
    let unnamed = scene.reply_with(&bob, 1, &second, silent).await;
    assert_eq!((scene.kept(&unnamed).await, far.fetches()), (None, fetched), "nobody makes us read their own threads");
    let third = scene.reply(&bob, 2, &second).await;
    let shown = scene.shown().await;
    let tree: Vec<_> = shown.iter().map(|kept| (kept.reply.id.as_str(), kept.hangs_from.as_deref())).collect();
    let expected =
        [(first.as_str(), None), (second.as_str(), Some(first.as_str())), (third.as_str(), Some(second.as_str()))];
    assert!(expected.iter().all(|one| tree.contains(one)) && tree.len() == 3, "{tree:?}");
    // A thread that is somebody else's stays theirs.
    let theirs = scene.publish(&far, &scene.post(&carol, 3, "", json!({"inReplyTo": null})));
    let answer = scene.reply(&bob, 3, &theirs).await;
    assert_eq!((scene.kept(&answer).await, scene.kept(&theirs).await), (None, None));
}

#[tokio::test]
async fn posts_that_answer_each_other_in_a_circle_lead_nowhere() {
    let scene = Scene::set(OPEN).await;
    let bob = scene.home.person("bob");
    let id = |number: u32| format!("{}/posts/{number}", bob.id);
    for (number, above) in [(1, 2), (2, 3), (3, 1)] {
        scene.publish(&scene.home, &scene.post(&bob, number, &id(above), json!({})));
    }
    let endless = scene.reply(&bob, 4, &id(1)).await;
    let itself = scene.reply(&bob, 5, &id(5)).await;
    assert_eq!((scene.kept(&endless).await, scene.kept(&itself).await), (None, None));
    // A thread that never ends is given up.
    for number in 10..60 {
        scene.publish(&scene.home, &scene.post(&bob, number, &id(number + 1), json!({})));
    }
    let before = scene.home.fetches();
    let deep = scene.reply(&bob, 6, &id(10)).await;
    assert!(scene.kept(&deep).await.is_none() && scene.home.fetches() - before <= 20);
}

#[tokio::test]
async fn a_reply_to_a_deleted_review_is_not_kept() {
    let scene = Scene::set(OPEN).await;
    let bob = scene.home.person("bob");
    let before = scene.reply(&bob, 1, &scene.note).await;
    scene.daemon.retract("dune").await;
    for (number, above) in [(2, scene.note.as_str()), (3, &before), (4, &scene.daemon.url("/users/ana/reviews/none"))] {
        let id = scene.reply(&bob, number, above).await;
        assert_eq!(scene.kept(&id).await, None, "{above}");
    }
    scene.say(&bob, &bob.activity("Like", 9, json!({"object": scene.note}))).await;
    assert!(scene.reactions().await.is_empty());
}

#[tokio::test]
async fn nobody_speaks_under_another_name() {
    let scene = Scene::set(OPEN).await;
    let far = Neighbour::open(&scene.daemon).await;
    let (bob, eve, carol) = (scene.home.person("bob"), scene.home.person("eve"), far.person("carol"));
    let bobs = scene.reply(&bob, 1, &scene.note).await;
    // A neighbour of Bob's on his own server, and a stranger.
    let forged = scene.post(&bob, 2, &scene.note, json!({}));
    scene.say(&eve, &create(&eve, 1, &forged)).await;
    scene.say(&carol, &create(&carol, 1, &forged)).await;
    let edited = scene.post(&bob, 1, &scene.note, json!({"content": "<p>I love spam</p>"}));
    scene.say(&eve, &update(&eve, 2, &edited)).await;
    let as_eve = scene.post(&bob, 1, &scene.note, json!({"attributedTo": eve.id, "content": "<p>Mine now</p>"}));
    scene.say(&eve, &update(&eve, 3, &as_eve)).await;
    scene.publish(&scene.home, &scene.post(&bob, 1, &scene.note, json!({})));
    scene.say(&eve, &eve.activity("Delete", 4, json!({"object": bobs}))).await;
    scene.say(&carol, &carol.activity("Delete", 4, json!({"object": bobs}))).await;
    // What lives elsewhere is fetched from there, and says there who wrote it.
    let elsewhere = scene.post(&carol, 5, &scene.note, json!({"attributedTo": bob.id}));
    scene.publish(&far, &elsewhere);
    scene.say(&bob, &create(&bob, 5, &elsewhere)).await;
    let shown = scene.shown().await;
    assert_eq!(scene.words().await, ["<p>Answer 1</p>"]);
    assert_eq!(shown[0].reply.author, bob.id);
    // Its server says that the post is gone: whoever said so was right.
    scene.home.serve(bobs.strip_prefix(&scene.home.origin).unwrap(), Answer::Status(410));
    scene.say(&eve, &eve.activity("Delete", 6, json!({"object": bobs}))).await;
    assert!(scene.shown().await.is_empty());
}

#[tokio::test]
async fn a_mountain_of_markup_and_a_name_written_backwards_do_no_harm() {
    let scene = Scene::set(OPEN).await;
    let mallory = scene.home.person_with("mallory", json!({"name": "moc.\u{202e}elgoog\u{2066} <b>Ana</b>\n"}));
    let spans = |count: usize| "<span>".repeat(count);
    let too_much = scene.post(&mallory, 1, &scene.note, json!({"content": spans(350_000)}));
    assert_eq!(mallory.post(&scene.daemon, &create(&mallory, 1, &too_much)).await, 413);
    let warning = "Spoiler\u{202e}s";
    let much = json!({"content": spans(150_000) + "deep", "summary": warning, "url": "https://victim.example/@bob/1"});
    let id = scene.reply_with(&mallory, 2, &scene.note, much).await;
    let kept = scene.kept(&id).await.unwrap();
    assert!(kept.reply.content.len() <= 20_000);
    let author = kept.author.unwrap();
    assert_eq!((author.name.as_str(), author.handle.starts_with("mallory@")), ("moc.elgoog Ana", true));
    assert_eq!(kept.reply.warning.as_deref(), Some("Spoilers"));
    assert_eq!(kept.reply.page, id, "a link to the original leads to the author's own server");
    reviewd::text::remote_html(&kept.reply.content);
}

#[tokio::test]
async fn reactions_count_once_for_each_person_and_are_undone() {
    let scene = Scene::set("").await;
    let (bob, carol) = (scene.home.person("bob"), scene.home.person("carol"));
    let like = bob.activity("Like", 1, json!({"object": scene.note}));
    scene.say(&bob, &like).await;
    scene.say(&bob, &bob.activity("Like", 2, json!({"object": scene.note}))).await;
    scene.say(&carol, &carol.activity("EmojiReact", 1, json!({"object": scene.note, "content": "🐛"}))).await;
    scene.say(&bob, &bob.activity("Announce", 3, json!({"object": scene.note, "to": [PUBLIC]}))).await;
    scene.say(&carol, &carol.activity("Like", 9, json!({"object": scene.daemon.url("/users/ana/reviews/none")}))).await;
    assert_eq!(scene.counts().await, TalkCounts { likes: 2, boosts: 1, ..TalkCounts::default() });
    let reactions = scene.reactions().await;
    assert_eq!(reactions.iter().filter(|one| one.emoji.as_deref() == Some("🐛")).count(), 1);

    // Undone by its object, by a bare id, and before it came.
    scene.say(&bob, &bob.activity("Undo", 4, json!({"object": like}))).await;
    scene.say(&bob, &bob.activity("Undo", 5, json!({"object": format!("{}/activities/3", bob.id)}))).await;
    scene.say(&bob, &bob.activity("Undo", 6, json!({"object": format!("{}/activities/7", bob.id)}))).await;
    scene.say(&bob, &bob.activity("Announce", 7, json!({"object": scene.note}))).await;
    let carols = json!({"type": "EmojiReact", "id": format!("{}/activities/1", carol.id), "object": scene.note});
    scene.say(&bob, &bob.activity("Undo", 8, json!({"object": carols}))).await;
    assert_eq!(scene.counts().await, TalkCounts { likes: 1, ..TalkCounts::default() });
    scene.say(&carol, &carol.activity("Undo", 2, json!({"object": carols}))).await;
    assert_eq!(scene.counts().await, TalkCounts::default());
}

#[tokio::test]
async fn a_quote_is_counted_while_it_quotes() {
    let scene = Scene::set("").await;
    let bob = scene.home.person("bob");
    let quoting = |fields: Value| {
        let mut post = scene.post(&bob, 1, "", json!({"inReplyTo": null, "quote": scene.note}));
        for (name, value) in fields.as_object().unwrap() {
            post[name.as_str()] = value.clone();
        }
        post
    };
    scene.say(&bob, &create(&bob, 1, &quoting(json!({})))).await;
    let quotes = scene.reactions().await;
    assert_eq!((quotes.len(), quotes[0].kind, quotes[0].actor.as_str()), (1, ReactionKind::Quote, bob.id.as_str()));
    assert_eq!(quotes[0].page.as_deref(), quotes[0].id.as_deref());
    scene.say(&bob, &update(&bob, 2, &quoting(json!({"quote": null})))).await;
    assert_eq!(scene.counts().await.quotes, 0);
    scene.say(&bob, &update(&bob, 3, &quoting(json!({})))).await;
    assert_eq!(scene.counts().await.quotes, 1);
    scene.say(&bob, &bob.activity("Delete", 4, json!({"object": quotes[0].id}))).await;
    assert_eq!(scene.counts().await.quotes, 0);
}

#[tokio::test]
async fn an_account_that_goes_takes_everything_with_it() {
    let scene = Scene::set(OPEN).await;
    let (bob, carol) = (scene.home.person("bob"), scene.home.person("carol"));
    let bobs = scene.reply(&bob, 1, &scene.note).await;
    scene.reply(&carol, 1, &bobs).await;
    scene.say(&bob, &bob.activity("Like", 2, json!({"object": scene.note}))).await;
    scene.say(&bob, &bob.activity("Delete", 3, json!({"object": bob.id}))).await;
    let left = scene.shown().await;
    assert_eq!(
        (left.len(), left[0].reply.author.as_str(), left[0].hangs_from.as_deref()),
        (1, carol.id.as_str(), None)
    );
    assert!(scene.reactions().await.is_empty());
}

#[tokio::test]
async fn who_is_blocked_is_hidden_and_heard_no_more() {
    let scene = Scene::set(OPEN).await;
    let far = Neighbour::open_at(&scene.daemon, "127.0.0.1").await;
    let (bob, carol) = (scene.home.person("bob"), far.person("carol"));
    for person in [&bob, &carol] {
        scene.reply(person, 1, &scene.note).await;
        scene.say(person, &person.activity("Like", 2, json!({"object": scene.note}))).await;
    }
    scene.daemon.run(&["block", &bob.id]).await;
    assert_eq!((scene.words().await.len(), scene.counts().await.likes), (1, 1));
    assert_eq!(bob.post(&scene.daemon, &bob.activity("Like", 3, json!({"object": scene.note}))).await, 403);
    // Carol's whole server, and what others tell of it.
    scene.daemon.run(&["block", "127.0.0.1"]).await;
    assert_eq!((scene.words().await.len(), scene.counts().await.likes), (0, 0));
    let dave = scene.home.person("dave");
    let carols = scene.publish(&far, &scene.post(&carol, 3, &scene.note, json!({})));
    scene.say(&dave, &dave.activity("Announce", 1, json!({"object": carols}))).await;
    assert_eq!(scene.kept(&carols).await, None);
    assert_eq!(scene.list(Which::Hidden).await.len(), 2);
}

#[tokio::test]
async fn a_complaint_is_kept_for_a_person_to_read() {
    let scene = Scene::set("").await;
    let server = scene.home.person_with("server", json!({"type": "Application"}));
    for number in 1..=25 {
        let flag = json!({"object": [scene.daemon.ana(), scene.note], "content": "Rude\u{202e}."});
        scene.say(&server, &server.activity("Flag", number, flag)).await;
    }
    let reports = scene.daemon.running().store.reports().await.unwrap();
    assert_eq!(reports.len(), 20, "one host does not fill the list");
    assert_eq!(
        (reports[0].words.as_str(), &reports[0].objects),
        ("Rude.", &vec![scene.daemon.ana(), scene.note.clone()])
    );
}

#[tokio::test]
async fn a_closed_review_takes_no_more_replies() {
    let closed = "---\ntitle: Dune\nauthor: Frank Herbert\nreplies: closed\n---\n\nSand.\n";
    let scene = Scene::set_with(OPEN, closed).await;
    let bob = scene.home.person("bob");
    scene.reply(&bob, 1, &scene.note).await;
    assert!(scene.shown().await.is_empty());
    scene.say(&bob, &bob.activity("Like", 2, json!({"object": scene.note}))).await;
    assert_eq!(scene.counts().await.likes, 1);

    let scene = Scene::set("[replies]\nmoderation = \"open\"\nclose_after = \"3d\"").await;
    let bob = scene.home.person("bob");
    let first = scene.reply(&bob, 1, &scene.note).await;
    scene.daemon.sleep(DAY * 3);
    scene.reply(&bob, 2, &first).await;
    assert_eq!(scene.words().await, ["<p>Answer 1</p>"]);
}

#[tokio::test]
async fn what_was_approved_and_then_rewritten_waits_again_where_everything_is_held() {
    let scene = Scene::set("[replies]\nmoderation = \"hold\"").await;
    let bob = scene.home.person("bob");
    let id = scene.reply(&bob, 1, &scene.note).await;
    scene.decide(&id, ReplyState::Shown).await;
    let second = scene.reply(&bob, 2, &scene.note).await;
    assert_eq!(scene.kept(&second).await.unwrap().state, ReplyState::Waiting);
    let edited = scene.post(&bob, 1, &scene.note, json!({"content": "<p>Buy pills</p>"}));
    scene.say(&bob, &update(&bob, 3, &edited)).await;
    assert!(scene.shown().await.is_empty());
}

#[tokio::test]
async fn a_flood_fills_neither_the_page_nor_the_list() {
    let scene = Scene::set(OPEN).await;
    let bob = scene.home.person("bob");
    for number in 1..=25 {
        scene.reply(&bob, number, &scene.note).await;
    }
    assert_eq!(scene.shown().await.len(), 20, "a new account has its say and no more");
    // Deleting makes no room.
    let id = scene.shown().await[0].reply.id.clone();
    scene.say(&bob, &bob.activity("Delete", 90, json!({"object": id}))).await;
    scene.reply(&bob, 30, &scene.note).await;
    assert_eq!(scene.shown().await.len(), 19);
    scene.daemon.sleep(DAY);
    scene.reply(&bob, 31, &scene.note).await;
    assert_eq!(scene.shown().await.len(), 20);
}

#[tokio::test]
async fn a_server_that_invents_accounts_fills_neither_the_page_nor_the_list() {
    let scene = Scene::set(OPEN).await;
    // What is too much for a page waits, and what is too much for the list is not kept.
    scene.crowd(0..199, ReplyState::Shown).await;
    let state = async |number| {
        let puppet = scene.home.person(&format!("late{number}"));
        let id = scene.reply(&puppet, number, &scene.note).await;
        scene.kept(&id).await.map(|kept| kept.state)
    };
    assert_eq!(state(1).await, Some(ReplyState::Shown));
    assert_eq!(state(2).await, Some(ReplyState::Waiting));
    scene.crowd(200..398, ReplyState::Waiting).await;
    assert_eq!(state(3).await, Some(ReplyState::Waiting));
    assert_eq!(state(4).await, None);
    // A quiet server is still heard.
    let far = Neighbour::open(&scene.daemon).await;
    let carol = far.person("carol");
    scene.reply(&carol, 1, &scene.note).await;
    assert_eq!((scene.shown().await.len(), scene.list(Which::Waiting).await.len()), (201, 200));
}

#[tokio::test]
async fn deeper_replies_are_found_where_they_live() {
    let scene = Scene::set(OPEN).await;
    let far = Neighbour::open(&scene.daemon).await;
    let (bob, carol, dave) = (scene.home.person("bob"), far.person("carol"), far.person("dave"));
    // Carol answers Bob and Dave answers Carol; nobody tells us.
    let bobs = format!("{}/posts/1", bob.id);
    let (carols, daves) = (format!("{}/posts/1", carol.id), format!("{}/posts/1", dave.id));
    let collection = |of: &str| format!("{of}/replies");
    let carols_post = scene.post(&carol, 1, &bobs, json!({"replies": collection(&carols), "tag": [], "cc": []}));
    scene.publish(&far, &carols_post);
    scene.publish(&far, &scene.post(&dave, 1, &carols, json!({})));
    let unrelated = scene.publish(&far, &scene.post(&dave, 2, &format!("{}/posts/99", dave.id), json!({})));
    let page = |of: &str, items: &[&str], next: Option<String>| json!({"id": format!("{of}?page=1"), "type": "CollectionPage", "items": items, "next": next});
    let list = |of: &str, first: Value| json!({"id": of, "type": "Collection", "first": first});
    let bobs_list = collection(&bobs);
    // The second page, and one on another host that is not his to speak for.
    let first = page(&bobs_list, &[&scene.note, &unrelated], Some(format!("{bobs_list}?page=2")));
    let mut second = page(&bobs_list, &[&carols, &carols], Some(collection(&unrelated)));
    second["id"] = json!(format!("{bobs_list}?page=2"));
    scene.publish(&scene.home, &list(&bobs_list, first));
    scene.publish(&scene.home, &second);
    scene.publish(&far, &list(&collection(&carols), page(&collection(&carols), &[&daves], None)));

    scene.reply_with(&bob, 1, &scene.note, json!({"replies": bobs_list})).await;
    let before = far.fetches();
    scene.crawl(MINUTE * 14).await;
    assert_eq!((scene.shown().await.len(), far.fetches()), (1, before));
    scene.crawl(MINUTE * 2).await;
    let tree: Vec<_> = scene.shown().await.into_iter().map(|kept| (kept.reply.id, kept.hangs_from)).collect();
    let expected = [(bobs.clone(), None), (carols.clone(), Some(bobs)), (daves, Some(carols.clone()))];
    assert!(tree.len() == 3 && expected.iter().all(|one| tree.contains(one)), "{tree:#?}");
    assert_eq!(scene.kept(&unrelated).await, None);

    // Their servers do not know us: what became of their posts is seen at the next looks.
    let path = carols.strip_prefix(&far.origin).unwrap();
    let updated = scene.daemon.clock.now().to_string();
    let mut edited = carols_post.clone();
    edited["content"] = json!("<p>Sand, rather.</p>");
    edited["updated"] = json!(updated);
    far.serve(path, Answer::Document(edited));
    scene.crawl(MINUTE * 16).await;
    assert_eq!(scene.kept(&carols).await.unwrap().reply.content, "<p>Sand, rather.</p>");
    far.serve(path, Answer::Status(410));
    scene.crawl(MINUTE * 61).await;
    assert_eq!(scene.kept(&carols).await, None);
    assert_eq!(scene.shown().await.len(), 2);
}

#[tokio::test]
async fn a_boost_leads_to_a_reply_that_never_came() {
    let scene = Scene::set(OPEN).await;
    let far = Neighbour::open(&scene.daemon).await;
    let (bob, carol) = (scene.home.person("bob"), far.person("carol"));
    let bobs = scene.reply(&bob, 1, &scene.note).await;
    let carols = scene.publish(&far, &scene.post(&carol, 1, &bobs, json!({"tag": [], "cc": []})));
    scene.say(&bob, &bob.activity("Announce", 2, json!({"object": carols}))).await;
    assert_eq!(scene.shown().await.len(), 2);
    // Hints are cheap to give and are not followed without end.
    let before = far.fetches();
    for number in 100..140 {
        let nothing = format!("{}/posts/{number}", carol.id);
        scene.say(&bob, &bob.activity("Announce", number, json!({"object": nothing}))).await;
    }
    assert!(far.fetches() - before <= 30);
}

#[tokio::test]
async fn everybody_in_the_conversation_hears_of_an_edit_and_of_the_end() {
    let scene = Scene::set(OPEN).await;
    let bob = scene.home.person("bob");
    let far = Neighbour::open(&scene.daemon).await;
    let carol = far.person("carol");
    scene.reply(&bob, 1, &scene.note).await;
    scene.say(&carol, &carol.activity("Like", 1, json!({"object": scene.note}))).await;
    assert_eq!(get(&scene.note).await["type"], "Note");
    scene.daemon.publish("dune.md", &review("Dune", "Sand, and worms.")).await;
    assert_eq!(scene.home.posts(1).await[0].kind(), "Update");
    assert_eq!(far.posts(1).await[0].kind(), "Update");
    scene.daemon.retract("dune").await;
    assert_eq!(scene.home.posts(2).await[1].kind(), "Delete");
    assert_eq!(far.posts(2).await[1].kind(), "Delete");
}

#[tokio::test]
async fn a_boost_for_followers_only_is_nobodys_business() {
    let scene = Scene::set(OPEN).await;
    let (bob, carol) = (scene.home.person("bob"), scene.home.person("carol"));
    let boost = |to: Value| json!({"object": scene.note, "to": to, "cc": [scene.daemon.ana()]});
    scene.say(&bob, &bob.activity("Announce", 1, boost(json!([format!("{}/followers", bob.id)])))).await;
    assert!(scene.reactions().await.is_empty());
    scene.say(&carol, &carol.activity("Announce", 1, boost(json!([PUBLIC])))).await;
    assert_eq!(scene.counts().await.boosts, 1);
}

#[tokio::test]
async fn who_had_to_be_hidden_waits_again() {
    let scene = Scene::set("").await;
    let bob = scene.home.person("bob");
    let first = scene.reply(&bob, 1, &scene.note).await;
    scene.decide(&first, ReplyState::Shown).await;
    let second = scene.reply(&bob, 2, &scene.note).await;
    scene.decide(&second, ReplyState::Hidden).await;
    let third = scene.reply(&bob, 3, &scene.note).await;
    assert_eq!(scene.kept(&third).await.unwrap().state, ReplyState::Waiting);
    assert_eq!(scene.words().await, ["<p>Answer 1</p>"]);
}

#[tokio::test]
async fn lists_of_answers_are_read_whatever_they_call_themselves() {
    let scene = Scene::set(OPEN).await;
    let bob = scene.home.person("bob");
    let bobs = format!("{}/posts/1", bob.id);
    let list = format!("{bobs}/replies");
    let answers: Vec<String> =
        (2..5).map(|number| scene.publish(&scene.home, &scene.post(&bob, number, &bobs, json!({})))).collect();
    let page = |number: usize| format!("{list}?page={number}");
    let serve = |address: &str, document: Value| {
        scene.home.serve(address.strip_prefix(&scene.home.origin).unwrap(), Answer::Document(document));
    };
    // Without an id, with that of the whole list, and with its own in another order.
    serve(&list, json!({"type": "Collection", "items": [answers[0]], "next": page(1)}));
    serve(&page(1), json!({"id": bobs, "type": "CollectionPage", "items": [answers[1]], "next": page(2)}));
    serve(&page(2), json!({"id": format!("{list}?limit=20&page=2"), "type": "CollectionPage", "items": [answers[2]]}));
    scene.publish(&scene.home, &scene.post(&bob, 1, &scene.note, json!({})));
    scene.reply_with(&bob, 1, &scene.note, json!({"replies": list})).await;
    scene.crawl(MINUTE * 16).await;
    assert_eq!(scene.shown().await.len(), 4);
}

#[tokio::test]
async fn a_block_list_is_taken_whole() {
    let scene = Scene::set(OPEN).await;
    let far = Neighbour::open_at(&scene.daemon, "127.0.0.1").await;
    scene.reply(&far.person("bob"), 1, &scene.note).await;
    let host = far.origin.split("://").nth(1).unwrap();
    let list = scene.daemon.data().parent().unwrap().join("blocks.csv");
    let import = async |rows: &str| {
        std::fs::write(&list, format!("#domain,#severity,#public_comment\n{rows}")).unwrap();
        scene.daemon.run(&["block", "--import", list.to_str().unwrap()]).await
    };
    let told = import("spam.example,suspend,\"lies, and\nmore.example\"\nloud.example,silence,\n").await;
    assert!(told.contains("1 blocked") && told.contains("only limits"), "{told}");
    let blocks = scene.daemon.run_json(&["block"]).await;
    assert_eq!((&blocks[0]["name"], blocks.as_array().unwrap().len()), (&json!("spam.example"), 1));
    assert_eq!(scene.shown().await.len(), 1);
    import(&format!("{host},suspend,\nother.example,suspend,\n")).await;
    assert!(scene.shown().await.is_empty());

    // One that means nobody keeps no other from being blocked.
    std::fs::write(&list, format!("nobody@{host}\nlate.example\n")).unwrap();
    let told = scene.daemon.refuse(&["block", "--import", list.to_str().unwrap()]).await;
    assert!(told.contains(&format!("nobody@{host}")), "{told}");
    assert!(scene.daemon.running().store.is_blocked(None, "late.example").await.unwrap());
}

#[tokio::test]
async fn a_reply_that_quotes_is_no_quote_before_it_is_shown() {
    let scene = Scene::set("").await;
    let bob = scene.home.person("bob");
    let id = scene.reply_with(&bob, 1, &scene.note, json!({"quote": scene.note})).await;
    assert!(scene.reactions().await.is_empty());
    assert_eq!(scene.counts().await.quotes, 0);
    scene.decide(&id, ReplyState::Shown).await;
    assert_eq!((scene.reactions().await.len(), scene.counts().await.quotes), (1, 1));
    scene.decide(&id, ReplyState::Hidden).await;
    assert!(scene.reactions().await.is_empty());
}

#[tokio::test]
async fn what_comes_under_an_id_that_was_used_before_is_heard_all_the_same() {
    let scene = Scene::set(OPEN).await;
    let bob = scene.home.person("bob");
    // GoToSocial gives all edits of a post one id, and BookWyrm deletes under the id of the Create.
    let id = scene.reply(&bob, 1, &scene.note).await;
    for words in ["<p>One</p>", "<p>Two</p>"] {
        let edited = scene.post(&bob, 1, &scene.note, json!({"content": words}));
        scene.say(&bob, &update(&bob, 2, &edited)).await;
        assert_eq!(scene.words().await, [words]);
    }
    scene.say(&bob, &bob.activity("Delete", 1, json!({"object": id}))).await;
    assert!(scene.words().await.is_empty());
    // snac makes the id of a like from the post.
    let like = bob.activity("Like", 3, json!({"object": scene.note}));
    scene.say(&bob, &like).await;
    scene.say(&bob, &bob.activity("Undo", 4, json!({"object": like}))).await;
    assert!(scene.reactions().await.is_empty());
    // The same request is a replay.
    scene.say(&bob, &like).await;
    assert!(scene.reactions().await.is_empty());
    scene.daemon.sleep(MINUTE);
    scene.say(&bob, &like).await;
    assert_eq!(scene.counts().await.likes, 1);
}

#[tokio::test]
async fn what_lies_behind_the_door_is_counted_together_and_each_ones_in_its_order() {
    let scene = Scene::set("").await;
    let people: Vec<Person> = ["bob", "carol", "dave"].map(|name| scene.home.person(name)).to_vec();
    for person in &people {
        scene.say(person, &person.activity("Like", 1, json!({"object": scene.daemon.ana()}))).await;
    }
    let store = &scene.daemon.running().store;
    let lay_down = async |person: &Person, activity: &Value| {
        let (id, now) = (activity["id"].as_str().unwrap(), scene.daemon.clock.now());
        assert!(store.keep_received(id, &person.id, activity.to_string().as_bytes(), now).await.unwrap());
    };
    let like = |person: &Person, number| person.activity("Like", number, json!({"object": scene.note}));
    let version = store.talk_version(&ana(), &scene.review);
    for person in &people {
        lay_down(person, &like(person, 2)).await;
        lay_down(person, &person.activity("Announce", 3, json!({"object": scene.note}))).await;
    }
    let bob = &people[0];
    // What needs a look behind the door has everything there worked through.
    let nothing = |number| bob.activity("Undo", number, json!({"object": format!("{}/nothing", bob.id)}));
    scene.say(bob, &nothing(4)).await;
    let counts = store.conversation_counts(&[(ana(), scene.review.clone())]).await.unwrap();
    assert_eq!((counts[0].likes, counts[0].boosts), (3, 3));
    let changes = store.talk_version(&ana(), &scene.review) - version;
    assert!((1..6).contains(&changes), "the page changes once for many, not {changes} times for 6");

    let taken_back = bob.activity("Undo", 5, json!({"object": like(bob, 2)}));
    for activity in
        [&taken_back, &like(bob, 6), &bob.activity("Undo", 7, json!({"object": like(bob, 6)})), &like(bob, 8)]
    {
        lay_down(bob, activity).await;
    }
    scene.say(bob, &nothing(9)).await;
    let stands = store.reaction(&scene.note, &bob.id, ReactionKind::Like).await.unwrap().unwrap();
    assert_eq!(stands.id.as_deref(), like(bob, 8)["id"].as_str(), "the last word counts");
}

#[tokio::test]
async fn what_comes_by_the_door_is_counted_at_once_and_stands_in_line_behind_what_waits() {
    let scene = Scene::set("").await;
    let bob = scene.home.person("bob");
    let about = |kind, number| bob.activity(kind, number, json!({"object": scene.note}));
    scene.say(&bob, &about("Like", 1)).await;
    let store = &scene.daemon.running().store;
    let stands = async || store.reaction(&scene.note, &bob.id, ReactionKind::Like).await.unwrap();
    let id = |activity: &Value| activity["id"].as_str().map(str::to_owned);
    scene.say(&bob, &bob.activity("Undo", 2, json!({"object": about("Like", 1)}))).await;
    assert_eq!(stands().await, None);
    scene.say(&bob, &about("Like", 3)).await;
    assert_eq!(stands().await.unwrap().id, id(&about("Like", 3)));
    for number in 0..20 {
        let like = about("Like", 10 + 2 * number);
        let undo = bob.activity("Undo", 11 + 2 * number, json!({"object": like}));
        for activity in [like, undo] {
            assert_eq!(bob.post(&scene.daemon, &activity).await, 202);
        }
    }
    scene.say(&bob, &about("Like", 99)).await;
    assert_eq!(stands().await.unwrap().id, id(&about("Like", 99)), "in the order in which they came");
}
