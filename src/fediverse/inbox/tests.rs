use serde_json::{Map, json};

use super::*;

const BOB: &str = "https://m.example/users/bob";
const NOTE: &str = "https://books.example/users/ana/reviews/dune-2026";
const ANA: &str = "https://books.example/users/ana";
const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";

fn parse(document: &Value) -> Activity {
    read(document.to_string().as_bytes()).unwrap()
}

/// An activity of Bob's with these fields.
fn bobs(kind: &str, fields: Value) -> Value {
    let mut document = Map::new();
    document.insert("id".into(), json!("https://m.example/activities/1"));
    document.insert("type".into(), json!(kind));
    document.insert("actor".into(), json!(BOB));
    document.extend(fields.as_object().unwrap().clone());
    Value::Object(document)
}

fn check(kind: &str, fields: Value, expected: Event) {
    assert_eq!(parse(&bobs(kind, fields.clone())).event, expected, "{kind} {fields}");
}

fn answer(fields: Value) -> Value {
    let mut note = json!({
        "id": "https://m.example/posts/1",
        "type": "Note",
        "attributedTo": BOB,
        "inReplyTo": NOTE,
        "content": "<p>Yes!</p>",
        "to": [PUBLIC],
        "cc": [ANA],
        "published": "2026-11-21T08:00:00Z",
    });
    for (name, value) in fields.as_object().unwrap() {
        note[name.as_str()] = value.clone();
    }
    note
}

fn posted(note: Value) -> Event {
    parse(&bobs("Create", json!({"object": note}))).event
}

fn whole(event: Event) -> Post {
    match event {
        Event::Posted(Told::Whole(post)) | Event::Edited(Told::Whole(post)) => *post,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_follow_is_read_with_its_object_as_address_object_or_list() {
    for object in [json!(ANA), json!({"id": ANA, "type": "Person"}), json!([ANA]), json!({"@id": ANA})] {
        check("Follow", json!({"object": object}), Event::Followed { object: ANA.into() });
    }
    let activity = parse(&bobs("Follow", json!({"object": ANA, "actor": {"id": BOB, "type": "Person"}})));
    assert_eq!((activity.actor.as_str(), activity.id.as_deref()), (BOB, Some("https://m.example/activities/1")));
    check("Follow", json!({"object": ANA, "id": null}), Event::Ignored(Ignored::NoObject));
}

#[test]
fn what_is_taken_back_is_known_by_what_it_was_about_or_by_its_id() {
    let undo = |inner: Value| json!({"object": inner});
    let id = "https://m.example/follows/7";
    check(
        "Undo",
        undo(json!({"type": "Follow", "id": id, "actor": BOB, "object": ANA})),
        Event::Unfollowed { object: Some(ANA.into()), follow: Some(id.into()) },
    );
    check(
        "Undo",
        undo(json!({"type": "Like", "object": NOTE})),
        Event::Unliked { object: Some(NOTE.into()), like: None },
    );
    check(
        "Undo",
        undo(json!({"type": "EmojiReact", "id": id, "object": {"id": NOTE}})),
        Event::Unliked { object: Some(NOTE.into()), like: Some(id.into()) },
    );
    check(
        "Undo",
        undo(json!({"type": "Announce", "id": id})),
        Event::Unboosted { object: None, boost: Some(id.into()) },
    );
    check(
        "Undo",
        undo(json!({"type": "Block", "object": ANA})),
        Event::Unblocked { object: Some(ANA.into()), block: None },
    );
    check("Undo", undo(json!(id)), Event::TookBack { id: id.into() });
    check("Undo", undo(json!({"type": "Follow"})), Event::Ignored(Ignored::NoObject));
    let others = json!({"type": "Follow", "id": id, "actor": "https://m.example/users/eve", "object": ANA});
    check("Undo", undo(others), Event::Ignored(Ignored::NotTheirs));
}

#[test]
fn an_answer_is_read_whole() {
    let note = answer(json!({
        "contentMap": {"de": "<p>Ja!</p>"},
        "summary": "Spoilers",
        "updated": "2026-11-21T09:00:00.5Z",
        "url": [{"type": "Link", "href": "https://m.example/1.json"}, {"mediaType": "text/html", "href": "https://m.example/@bob/1"}],
        "tag": [{"type": "Mention", "href": ANA}, {"type": "Hashtag", "href": "https://m.example/t"}],
        "replies": {"id": "https://m.example/posts/1/replies", "type": "Collection"},
    }));
    let post = whole(posted(note));
    assert_eq!(post.in_reply_to.as_deref(), Some(NOTE));
    assert_eq!((post.content.as_str(), post.language.as_deref()), ("<p>Yes!</p>", Some("de")));
    assert_eq!((post.warning.as_deref(), post.title), (Some("Spoilers"), None));
    assert_eq!(post.page, "https://m.example/@bob/1");
    assert_eq!(post.mentions, [ANA]);
    assert_eq!(post.replies.as_deref(), Some("https://m.example/posts/1/replies"));
    assert_eq!(post.updated.unwrap().to_string(), "2026-11-21T09:00:00.5Z");
    assert_eq!(post.visibility, Visibility::Public);
}

#[test]
fn an_abstract_is_a_warning_only_where_the_post_is_marked() {
    let warning = |fields: Value| whole(posted(answer(fields))).warning;
    let spoilers = Some("Spoilers & more".to_owned());
    let html = "<p>Spoilers &amp; more</p>";
    assert_eq!(warning(json!({"type": "Article", "summary": html, "name": "On Dune"})), None);
    assert_eq!(warning(json!({"type": "Page", "summary": html, "sensitive": false})), None);
    assert_eq!(warning(json!({"type": "Article", "summary": html, "sensitive": true})), spoilers);
    for kind in ["Note", "Question", "Review", "Comment", "Quotation"] {
        assert_eq!(warning(json!({"type": kind, "summary": "Spoilers & more"})), spoilers, "{kind}");
    }
}

#[test]
fn everybody_is_named_in_many_ways() {
    for public in [json!([PUBLIC]), json!(PUBLIC), json!("as:Public"), json!(["Public"]), json!([ANA, PUBLIC])] {
        let post = whole(posted(answer(json!({"to": public, "cc": []}))));
        assert_eq!(post.visibility, Visibility::Public, "{public}");
    }
    let post = whole(posted(answer(json!({"to": ["https://m.example/users/bob/followers"], "cc": "as:Public"}))));
    assert_eq!(post.visibility, Visibility::Unlisted);
}

#[test]
fn a_post_for_some_is_seen_as_such_and_names_them() {
    for (private, audience) in [
        (json!({"to": [ANA], "cc": []}), vec![ANA.to_owned()]),
        (json!({"to": [], "cc": []}), vec![]),
        (json!({"to": null, "cc": null}), vec![]),
    ] {
        let post = whole(posted(answer(private.clone())));
        assert_eq!((post.visibility, post.audience), (Visibility::Private, audience), "{private}");
    }
    let hidden = answer(json!({"to": [ANA], "cc": []}));
    let post = whole(parse(&bobs("Update", json!({"object": hidden}))).event);
    assert_eq!(post.visibility, Visibility::Private);
    let unaddressed = answer(json!({"to": null, "cc": null}));
    let post = whole(parse(&bobs("Create", json!({"object": unaddressed, "to": PUBLIC}))).event);
    assert_eq!((post.visibility, post.audience), (Visibility::Public, vec![PUBLIC.to_owned()]));
}

#[test]
fn what_lives_elsewhere_is_an_address_and_what_belongs_to_another_is_ignored() {
    let foreign =
        answer(json!({"id": "https://victim.example/posts/1", "attributedTo": "https://victim.example/users/v"}));
    assert_eq!(posted(foreign), Event::Posted(Told::At("https://victim.example/posts/1".into())));
    let others = answer(json!({"attributedTo": "https://m.example/users/eve"}));
    assert_eq!(posted(others), Event::Ignored(Ignored::NotTheirs));
    let port = answer(json!({"id": "https://m.example:8443/posts/1"}));
    assert_eq!(posted(port), Event::Posted(Told::At("https://m.example:8443/posts/1".into())));
    assert_eq!(posted(json!("https://m.example/posts/1")), Event::Posted(Told::At("https://m.example/posts/1".into())));
}

#[test]
fn an_activity_must_come_from_its_own_host() {
    let stolen = bobs("Like", json!({"id": "https://victim.example/1", "object": NOTE}));
    assert_eq!(parse(&stolen).event, Event::Ignored(Ignored::NotTheirs));
    assert_eq!(parse(&bobs("Like", json!({"id": null, "object": NOTE}))).id, None);
}

#[test]
fn votes_are_not_answers() {
    let vote = answer(json!({"name": "Yes", "content": null}));
    assert_eq!(posted(vote.clone()), Event::Ignored(Ignored::Vote));
    assert_eq!(posted(json!([vote, vote])), Event::Ignored(Ignored::Vote));
}

#[test]
fn quotes_are_found_by_every_word_in_use() {
    for words in [
        json!({"quote": NOTE}),
        json!({"quoteUrl": NOTE}),
        json!({"quoteUri": NOTE}),
        json!({"_misskey_quote": NOTE}),
        json!({"tag": [{"type": "Link", "mediaType": "application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\"", "href": NOTE}]}),
        json!({"tag": {"type": "Link", "rel": "https://misskey-hub.net/ns#_misskey_quote", "href": NOTE}}),
    ] {
        assert_eq!(whole(posted(answer(words.clone()))).quotes.as_deref(), Some(NOTE), "{words}");
    }
    assert_eq!(whole(posted(answer(json!({})))).quotes, None);
}

#[test]
fn likes_and_reactions_are_one_kind() {
    let liked = |emoji: Option<&str>| Event::Liked { object: NOTE.into(), emoji: emoji.map(str::to_owned) };
    check("Like", json!({"object": NOTE}), liked(None));
    check("Like", json!({"object": NOTE, "content": "🦊"}), liked(Some("🦊")));
    check("Like", json!({"object": NOTE, "_misskey_reaction": ":blob:"}), liked(Some(":blob:")));
    check("EmojiReact", json!({"object": NOTE, "content": "👍"}), liked(Some("👍")));
    check("EmojiReact", json!({"object": NOTE, "content": ""}), liked(None));
    check("EmojiReact", json!({"object": NOTE, "content": "x".repeat(65)}), liked(None));
    check("Like", json!({"object": {}}), Event::Ignored(Ignored::NoObject));
}

#[test]
fn a_boost_counts_by_its_address_and_never_by_the_copy_it_carries() {
    let boosted = |object: &str| Event::Boosted { object: object.into(), visibility: Visibility::Public };
    check("Announce", json!({"object": NOTE}), boosted(NOTE));
    let copy = json!({"id": "https://victim.example/1", "type": "Note", "content": "forged", "attributedTo": "https://victim.example/u"});
    check("Announce", json!({"object": copy}), boosted("https://victim.example/1"));
    let wrapped =
        json!({"id": "https://l.example/1", "type": "Create", "actor": "https://l.example/u", "object": {"id": NOTE}});
    check("Announce", json!({"object": wrapped}), Event::Ignored(Ignored::Wrapped));
}

#[test]
fn a_boost_for_followers_only_is_seen_as_such() {
    let followers = "https://m.example/users/bob/followers";
    for (to, cc, visibility) in [
        (json!([PUBLIC]), json!([ANA, followers]), Visibility::Public),
        (json!([followers]), json!([PUBLIC, ANA]), Visibility::Unlisted),
        (json!([followers]), json!([ANA]), Visibility::Private),
        (json!([]), json!([]), Visibility::Private),
        (json!(null), json!(null), Visibility::Public),
    ] {
        let fields = json!({"object": NOTE, "to": to, "cc": cc});
        check("Announce", fields, Event::Boosted { object: NOTE.into(), visibility });
    }
}

#[test]
fn an_actor_speaks_for_itself_only() {
    check("Delete", json!({"object": BOB}), Event::AccountDeleted);
    check("Delete", json!({"object": {"id": BOB, "type": "Person"}}), Event::AccountDeleted);
    let post = "https://m.example/posts/1";
    for object in [json!(post), json!({"id": post}), json!({"id": post, "type": "Tombstone"})] {
        check("Delete", json!({"object": object}), Event::Deleted { object: post.into() });
    }
    check("Delete", json!({"object": NOTE}), Event::Ignored(Ignored::NotTheirs));
    check("Update", json!({"object": {"id": BOB, "type": "Person"}}), Event::ProfileChanged);
    check("Update", json!({"object": BOB}), Event::ProfileChanged);
    check(
        "Update",
        json!({"object": {"id": "https://m.example/users/eve", "type": "Person"}}),
        Event::Ignored(Ignored::NotTheirs),
    );
    let target = "https://new.example/users/bob";
    check("Move", json!({"object": BOB, "target": target}), Event::Moved { target: target.into() });
    check("Move", json!({"object": ANA, "target": target}), Event::Ignored(Ignored::NotTheirs));
}

#[test]
fn blocks_reports_and_answers_to_our_follows_are_read() {
    check("Block", json!({"object": ANA}), Event::Blocked { object: ANA.into() });
    let reported = |objects: &[&str], words: &str| Event::Reported {
        objects: objects.iter().map(ToString::to_string).collect(),
        words: words.into(),
    };
    check("Flag", json!({"object": [ANA, NOTE], "content": "rude"}), reported(&[ANA, NOTE], "rude"));
    check("Flag", json!({"object": ANA}), reported(&[ANA], ""));
    check(
        "Flag",
        json!({"object": [{"id": NOTE}], "content": "x".repeat(6_000)}),
        reported(&[NOTE], &"x".repeat(5_000)),
    );
    check(
        "Accept",
        json!({"object": {"id": "https://books.example/follows/1", "type": "Follow"}}),
        Event::Accepted { object: "https://books.example/follows/1".into() },
    );
    check(
        "Reject",
        json!({"object": "https://books.example/follows/1"}),
        Event::Rejected { object: "https://books.example/follows/1".into() },
    );
}

#[test]
fn a_wish_to_quote_names_both_posts() {
    let id = "https://m.example/posts/2";
    let asked = |instrument: Value| {
        let event = parse(&bobs("QuoteRequest", json!({"object": NOTE, "instrument": instrument}))).event;
        let Event::AskedToQuote { request, quoting } = event else { unreachable!("{event:?}") };
        assert_eq!((request.id.as_str(), request.actor.as_str()), ("https://m.example/activities/1", BOB));
        assert_eq!((request.object.as_str(), request.instrument.as_str()), (NOTE, id));
        quoting
    };
    assert_eq!(asked(json!(id)), Told::At(id.into()));
    let note = answer(json!({"id": id, "inReplyTo": null, "to": [ANA], "cc": [], "quote": NOTE}));
    let Told::Whole(quoting) = asked(note) else { unreachable!() };
    assert_eq!((quoting.quotes.as_deref(), quoting.visibility), (Some(NOTE), Visibility::Private));
    let others = answer(json!({"id": id, "attributedTo": "https://m.example/users/eve", "quote": NOTE}));
    check("QuoteRequest", json!({"object": NOTE, "instrument": others}), Event::Ignored(Ignored::NotTheirs));
    check("QuoteRequest", json!({"object": NOTE}), Event::Ignored(Ignored::NoObject));
}

#[test]
fn everything_else_is_ignored_and_nothing_is_an_error() {
    for kind in ["Dislike", "Add", "Remove", "Join", "View", "Listen", "Invite", "Travel", ""] {
        check(kind, json!({"object": NOTE}), Event::Ignored(Ignored::Type));
    }
    check(
        "Create",
        json!({"object": {"id": "https://m.example/c", "type": "ChatMessage", "attributedTo": BOB}}),
        Event::Ignored(Ignored::Type),
    );
    for document in
        [json!({}), json!({"type": "Person", "id": BOB}), json!({"actor": BOB}), json!({"type": 1, "actor": 2})]
    {
        assert_eq!(parse(&document).event, Event::Ignored(Ignored::NoActivity), "{document}");
    }
}

#[test]
fn ids_are_http_addresses_of_sane_length() {
    for object in [
        json!("javascript:alert(1)"),
        json!("acct:bob@m.example"),
        json!("https://u:p@m.example/"),
        json!(7),
        json!("not an address"),
        json!(format!("https://m.example/{}", "x".repeat(2_048))),
    ] {
        check("Like", json!({"object": object}), Event::Ignored(Ignored::NoObject));
    }
}

#[test]
fn deep_long_and_broken_bodies_are_refused() {
    assert_eq!(read(b"{"), Err(Unreadable::NotJson));
    assert_eq!(read(b"[]"), Err(Unreadable::NotJson));
    assert_eq!(read(b"\xff"), Err(Unreadable::NotJson));
    let nested = |depth: usize| format!(r#"{{"a":{}1{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert!(read(nested(31).as_bytes()).is_ok());
    assert_eq!(read(nested(32).as_bytes()), Err(Unreadable::TooMuch));
    assert!(read(nested(10_000).as_bytes()).is_err());
    let listed = |length: usize| format!(r#"{{"a":[{}1]}}"#, "1,".repeat(length - 1));
    assert!(read(listed(1_000).as_bytes()).is_ok());
    assert_eq!(read(listed(1_001).as_bytes()), Err(Unreadable::TooMuch));
}

fn any_json() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        prop::sample::select(vec![BOB, NOTE, ANA, PUBLIC, "as:Public", "https://m.example/1"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let names = ["id", "type", "object", "to", "content", "attributedTo", "tag", "href", "url", "name", "quote"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(names.to_vec()), inner), 0..6)
                .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

proptest::proptest! {
    #[test]
    fn no_json_makes_the_reader_panic(
        kind in proptest::sample::select(vec!["Create", "Update", "Undo", "Delete", "Flag", "Announce", "QuoteRequest", "Move"]),
        object in any_json(),
        other in any_json(),
    ) {
        parse(&bobs(kind, json!({"object": object, "target": other.clone(), "instrument": other})));
    }
}
