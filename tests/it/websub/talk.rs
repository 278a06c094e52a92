//! Feeds of replies are told like any other, and a reply makes no review new.

use std::collections::BTreeSet;

use reviewd::domain::{Handle, ReactionKind, ReplyState};

use super::*;
use crate::talk::Thread;

const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

async fn thread<'a>(daemon: &'a Daemon, slug: &str) -> Thread<'a> {
    let handle = Handle::parse("ana").unwrap();
    let store = &daemon.running().store;
    let (review, _) = store.review_behind(&handle, slug).await.unwrap().unwrap();
    let note = daemon.url(&format!("/users/ana/reviews/{review}"));
    Thread { store, note, under: (handle, review), now: daemon.clock.now() }
}

/// So many posts in all, while time goes on.
async fn posts(daemon: &Daemon, reader: &Neighbour, count: usize) -> Vec<Asked> {
    let came = async || {
        daemon.pass(2 * SECOND);
        let here = reader.asked().into_iter().filter(|asked| !asked.body.is_empty()).count();
        (here >= count).then_some(())
    };
    daemon.when(came).await;
    reader.posts(count).await
}

/// Everything that was under way has been looked at.
async fn quiet(daemon: &Daemon) {
    for _ in 0..20 {
        daemon.pass(MINUTE);
        daemon.look().await;
    }
}

#[tokio::test]
async fn who_follows_a_conversation_is_sent_what_is_said_changed_and_hidden_in_it() {
    let daemon = Daemon::start().await;
    daemon.publish("dune.md", &review("Dune", "", "Sand.")).await;
    daemon.publish("emma.md", &review("Emma", "", "Rich.")).await;
    let talk = thread(&daemon, "dune").await;
    let feeds = ["/replies.xml", "/@ana/replies.json", "/@ana/dune/replies.atom"];
    let others = ["/@ana/emma/replies.xml", "/feed.xml"];
    let callbacks: Vec<String> = feeds.iter().chain(&others).map(|path| format!("/cb{path}")).collect();
    let reader = reader(&daemon, &callbacks.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for callback in &callbacks {
        subscribe(&daemon, &reader, callback.trim_start_matches("/cb"), callback, &[("hub.secret", SECRET)]).await;
    }
    let bob = talk.meet("bob", "Bob", None).await;
    let expected: BTreeSet<String> = feeds.iter().map(|path| format!("/cb{path}")).collect();
    let mut count = 0;
    for words in ["<p>Said.</p>", "<p>Changed.</p>", ""] {
        match words {
            "" => {
                let said = talk.store.latest_replies(reviewd::store::Talked::Anywhere, 1).await.unwrap().remove(0);
                talk.store.set_reply_state(said.seq, ReplyState::Hidden).await.unwrap();
            }
            words => drop(talk.say(&bob, 1, &talk.note, |reply| reply.content = words.to_owned()).await),
        }
        let posts = posts(&daemon, &reader, count + feeds.len()).await.split_off(count);
        assert_eq!(posts.iter().map(|post| post.path.clone()).collect::<BTreeSet<_>>(), expected, "{words}");
        for post in &posts {
            assert_eq!(String::from_utf8_lossy(&post.body).contains("Bob"), !words.is_empty());
            is_the_feed(&daemon, post, post.path.trim_start_matches("/cb"), Some(SECRET)).await;
        }
        count += feeds.len();
    }
    talk.react(ReactionKind::Like, &bob, None).await;
    quiet(&daemon).await;
    reader.posts(count).await;
}

#[tokio::test]
async fn a_reply_makes_no_feed_of_reviews_new() {
    let mut daemon = Daemon::start().await;
    daemon.publish("dune.md", &review("Dune", "sand", "Sand.")).await;
    let reader = reader(&daemon, &["/all", "/tag", "/late"]).await;
    subscribe(&daemon, &reader, "/feed.xml", "/all", &[]).await;
    subscribe(&daemon, &reader, "/tags/sand/atom.xml", "/tag", &[]).await;
    let talk = thread(&daemon, "dune").await;
    let bob = talk.meet("bob", "Bob", None).await;
    talk.say(&bob, 1, &talk.note, |_| ()).await;
    quiet(&daemon).await;
    // Everything is looked at again when somebody joins, and when the program starts.
    subscribe(&daemon, &reader, "/feed.xml", "/late", &[]).await;
    quiet(&daemon).await;
    daemon.stop().await;
    daemon.start_again().await;
    daemon.look().await;
    quiet(&daemon).await;
    reader.posts(0).await;
    let feed = client().get(daemon.door("/feed.xml")).send().await.unwrap().text().await.unwrap();
    assert!(feed.contains("<slash:comments>1</slash:comments>"), "who looks sees it");

    // The next real change brings the number along.
    daemon.publish("dune.md", &review("Dune", "sand", "More sand.")).await;
    for post in reader.posts(3).await {
        let path = if post.path == "/tag" { "/tags/sand/atom.xml" } else { "/feed.xml" };
        is_the_feed(&daemon, &post, path, None).await;
    }
}

#[tokio::test]
async fn what_is_said_while_the_program_is_off_is_told_at_its_start() {
    let mut daemon = Daemon::start().await;
    daemon.publish("dune.md", &review("Dune", "", "Sand.")).await;
    let reader = reader(&daemon, &["/cb"]).await;
    subscribe(&daemon, &reader, "/@ana/dune/replies.xml", "/cb", &[]).await;
    daemon.stop().await;
    daemon.set(|config| config.websub.hub = false);
    daemon.start_again().await;
    let talk = thread(&daemon, "dune").await;
    let bob = talk.meet("bob", "Bob", None).await;
    talk.say(&bob, 1, &talk.note, |_| ()).await;
    quiet(&daemon).await;
    reader.posts(0).await;
    daemon.stop().await;
    daemon.set(|config| config.websub.hub = true);
    daemon.start_again().await;
    is_the_feed(&daemon, &reader.posts(1).await[0], "/@ana/dune/replies.xml", None).await;
}

#[tokio::test]
async fn who_follows_a_conversation_that_is_over_or_elsewhere_is_told_so() {
    let daemon = Daemon::start().await;
    daemon.publish("dune.md", &review("Dune", "", "Sand.")).await;
    daemon.publish("emma.md", &review("Emma", "", "Rich.")).await;
    let reader = reader(&daemon, &["/dune", "/emma"]).await;
    subscribe(&daemon, &reader, "/@ana/dune/replies.xml", "/dune", &[]).await;
    subscribe(&daemon, &reader, "/@ana/emma/replies.atom", "/emma", &[]).await;
    daemon.retract("dune").await;
    daemon.publish("emma.md", &review("Emma", "", "Rich.").replace("rating", "slug: emma-woodhouse\nrating")).await;
    let ended = async || {
        daemon.pass(11 * MINUTE);
        (reader.fetches() == 4).then_some(())
    };
    daemon.when(ended).await;
    subscriptions_when(&daemon, 0).await;
    let reason = |callback: &str| {
        let told = reader
            .asked()
            .into_iter()
            .find(|asked| asked.path.starts_with(callback) && asked.parameter("hub.mode").as_deref() == Some("denied"));
        told.unwrap().parameter("hub.reason").unwrap()
    };
    assert_eq!(reason("/dune"), "there is no such review any more");
    assert_eq!(reason("/emma"), format!("the review stands at {} now", daemon.url("/@ana/emma-woodhouse")));
    let request =
        request(&daemon, "subscribe", &daemon.url("/@ana/dune/replies.xml"), "http://localhost:9/", &[]).await;
    assert_eq!(request, (404, "there is no such review any more\n".to_owned()));
}
