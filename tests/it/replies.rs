//! The feeds of everything that is answered, of the site and of each reviewer.

use reqwest::Method;
use reviewd::domain::{Reply, ReplyState, Visibility};

use crate::{
    peers::{newsboat, read_feed},
    talk::{dune, thread_of},
    world::World,
};

const ALL: [&str; 6] =
    ["/replies.xml", "/replies.atom", "/replies.json", "/@ana/replies.xml", "/@ana/replies.atom", "/@ana/replies.json"];

/// What stands in `<guid>` or `<id>` of the items, in their order.
async fn guids(world: &World, path: &str) -> Vec<String> {
    let feed = world.page(path).await;
    if path.ends_with(".json") {
        let json: serde_json::Value = serde_json::from_str(&feed).unwrap();
        return json["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
    }
    let tree = roxmltree::Document::parse(&feed).unwrap();
    let items = tree.descendants().filter(|node| ["item", "entry"].contains(&node.tag_name().name()));
    let id = |item: roxmltree::Node<'_, '_>| {
        let id = item.children().find(|node| ["guid", "id"].contains(&node.tag_name().name())).unwrap();
        id.text().unwrap().to_owned()
    };
    items.map(id).collect()
}

#[tokio::test]
async fn one_feed_has_the_answers_to_every_review_and_says_what_each_is_about() {
    let world = dune().await;
    for path in ALL {
        assert_eq!(guids(&world, path).await, Vec::<String>::new(), "{path}");
    }
    let (sand, matches) = (thread_of(&world, "dune.md").await, thread_of(&world, "emma.md").await);
    let bob = sand.meet("bob", "Bob & <b>Söhne</b> \u{1}", None).await;
    let first = sand.say(&bob, 1, &sand.note, |_| ()).await;
    let second = matches.say(&bob, 2, &matches.note, |reply| reply.content = "<p>a ]]> b\u{FFFF}</p>".into()).await;
    let third = sand.say(&bob, 3, &first, |reply| reply.warning = Some("Plot".into())).await;
    for path in ALL {
        assert_eq!(guids(&world, path).await, [third.as_str(), &second, &first], "{path}");
        let answer = world.get(path).await;
        assert!(answer.text().contains("Dune") && answer.text().contains("Emma"), "{}", answer.text());
        assert!(!answer.text().contains("Words number 3."), "what is warned of is left out");
        assert!(answer.header("link").contains("rel=\"hub\"") && answer.header("link").contains("rel=\"self\""));
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let tag = answer.header("etag");
        assert_eq!(world.ask(Method::GET, path, &[("if-none-match", &tag)]).await.status, 304);
        let person = world.ask(Method::GET, path, &[("sec-fetch-dest", "document")]).await;
        let shown = if path.ends_with(".json") { "application/feed+json" } else { "text/xml" };
        assert!(person.header("content-type").starts_with(shown), "{path}: {}", person.header("content-type"));
    }
    let atom = world.page("/replies.atom").await;
    let tree = roxmltree::Document::parse(&atom).unwrap();
    let answers = tree.descendants().filter(|node| node.tag_name().name() == "in-reply-to");
    let answered: Vec<_> = answers.filter_map(|node| node.attribute("ref")).collect();
    let (dune, emma) = (world.entry("dune.md").await.guid, world.entry("emma.md").await.guid);
    assert_eq!(answered, [first.as_str(), &emma, &dune]);
    let feeds = world.page("/feeds").await;
    for path in ALL {
        assert!(feeds.contains(path), "/feeds does not list {path}");
    }
    assert_eq!(world.status("/@nobody/replies.xml").await, 404);

    let addresses: Vec<String> = ALL.iter().map(|path| format!("{}{path}", world.address())).collect();
    let xml: Vec<&str> = addresses.iter().map(String::as_str).filter(|address| !address.ends_with(".json")).collect();
    if let Some(read) = read_feed(&xml).await {
        for feed in read.as_array().unwrap() {
            assert_eq!(feed["bozo"], false, "{feed:#}");
            assert_eq!(feed["entries"].as_array().unwrap().len(), 3);
        }
    }
    if let Some(read) = newsboat(&xml[..1]).await {
        assert_eq!(read["articles"].as_array().unwrap().len(), 3, "{read:#}");
    }
}

#[tokio::test]
async fn only_what_is_shown_under_a_review_that_is_there_stands_in_it() {
    let world = dune().await;
    let (sand, matches) = (thread_of(&world, "dune.md").await, thread_of(&world, "emma.md").await);
    let bob = sand.meet("bob", "Bob", None).await;
    let shown = sand.say(&bob, 1, &sand.note, |_| ()).await;
    sand.say_in(ReplyState::Waiting, &bob, 2, &sand.note, |_| ()).await;
    sand.say_in(ReplyState::Hidden, &bob, 3, &sand.note, |_| ()).await;
    sand.say(&bob, 4, &sand.note, |reply: &mut Reply| reply.visibility = Visibility::Private).await;
    let elsewhere = |reply: &mut Reply| reply.under = None;
    sand.say(&bob, 5, "https://m.example/users/eve/statuses/1", elsewhere).await;
    let other = matches.say(&bob, 6, &matches.note, |_| ()).await;
    for path in ALL {
        assert_eq!(guids(&world, path).await, [other.as_str(), &shown], "{path}");
    }
    world.remove("emma.md");
    world.look().await;
    for path in ALL {
        assert_eq!(guids(&world, path).await, [shown.as_str()], "{path}: it has left the lists");
    }
    assert_eq!(guids(&world, "/@ana/emma/replies.xml").await, [other.as_str()], "its page answers until it is deleted");
    world.delete_after().await;
    assert_eq!(world.status("/@ana/emma/replies.xml").await, 404);
}

#[tokio::test]
async fn the_fifty_that_came_last_are_in_it_however_old_they_say_they_are() {
    let world = dune().await;
    let sand = thread_of(&world, "dune.md").await;
    let bob = sand.meet("bob", "Bob", None).await;
    for number in 2..=60 {
        sand.say(&bob, number, &sand.note, |_| ()).await;
    }
    // Found late, and written before all others.
    let oldest = sand.say(&bob, 1, &sand.note, |_| ()).await;
    for path in ["/replies.xml", "/@ana/replies.atom", "/@ana/dune/replies.json"] {
        let ids = guids(&world, path).await;
        assert_eq!((ids.len(), ids.last()), (50, Some(&oldest)), "{path}");
        assert!(ids[0].ends_with("/60"), "{path}: {}", ids[0]);
    }
}
