//! What the pages show and what the buttons do.

use jiff::{SignedDuration, Timestamp};
use reviewd::{
    domain::ReplyState,
    store::{Attempt, DeliveryState, FollowState, Follower, HostNews},
};

use super::{OWN, Visitor};
use crate::{
    talk::{dune_with, thread_of},
    world::{World, handle, review},
};

/// What became of the deliveries to a host, without anything being sent: those that nobody wrote down yet.
pub async fn end(world: &World, host: &str, state: DeliveryState, after: i64) {
    let store = &world.running().store;
    let rows = store.deliveries(None, 1000).await.unwrap();
    let at = world.now() + SignedDuration::from_secs(after);
    let (status, error) = match state {
        DeliveryState::Delivered => (202, None),
        _ => (401, Some("401: <signature> expired".to_owned())),
    };
    for row in rows.iter().filter(|row| row.host == host && row.last_status.is_none()) {
        let ended =
            Attempt { seq: row.seq, state, at, status: Some(status), error: error.clone(), ..attempt(host, at) };
        store.record_attempts(&[ended]).await.unwrap();
    }
}

/// Nothing is sent to a host from now on: the queue leaves it alone.
pub async fn shut(world: &World, host: &str) {
    world.running().store.record_attempts(&[attempt(host, world.now())]).await.unwrap();
}

/// What is known of a host.
pub async fn know(world: &World, host: &str, host_news: HostNews) {
    let told = Attempt { host_news, ..attempt(host, world.now()) };
    world.running().store.record_attempts(&[told]).await.unwrap();
}

/// An attempt at no delivery, after which its host is closed for a year.
fn attempt(host: &str, at: Timestamp) -> Attempt {
    Attempt {
        seq: -1,
        host: host.to_owned(),
        state: DeliveryState::Due,
        attempts: 1,
        at,
        next_at: at,
        status: None,
        error: None,
        host_news: HostNews::Failed { closed_until: at + SignedDuration::from_hours(24 * 365), dead: false },
    }
}

/// Somebody follows Ana; `shared` where the host has one inbox for all.
pub async fn follow(world: &World, name: &str, host: &str, state: FollowState, shared: bool) {
    let actor = format!("https://{host}/users/{name}");
    let follower = Follower {
        reviewer: handle("ana"),
        inbox: format!("{actor}/inbox"),
        shared_inbox: shared.then(|| format!("https://{host}/inbox")),
        follow_id: format!("{actor}/follows/1"),
        actor,
        state,
        bookwyrm: false,
        since: world.now(),
    };
    world.running().store.keep_follower(&follower, &[]).await.unwrap();
}

#[tokio::test]
async fn what_is_held_is_named_and_released_by_a_button() {
    let world = dune_with(OWN).await;
    let visitor = Visitor::own(&world);
    assert!(visitor.page("/admin").await.contains("Nothing waits for you."));
    for n in 0..7 {
        world.save(&format!("book-{n}.md"), review(&format!("Book {n}"), "Words."));
    }
    world.save("broken.md", "---\ntitle: The Desert: A Novel\n---\n\nx\n");
    world.settle().await;
    let page = visitor.page("/admin").await;
    for words in ["7 changes of @ana are held", "Book 3 (book-3.md)", "and 1 more", "broken.md:2:", "problem-cure"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let told = world.told().await.len();
    let form = visitor.form("/admin", "/admin/apply", "@ana").await;
    assert_eq!(visitor.press(&form).await, "Released: 7 new.");
    world.settle().await;
    assert_eq!(world.told().await.len(), told + 7);
    // A notice may still tell that they were.
    assert!(!visitor.page("/admin").await.contains("changes of @ana are held"));
}

#[tokio::test]
async fn a_reply_is_shown_hidden_and_its_author_kept_out() {
    let world = dune_with(OWN).await;
    let talk = thread_of(&world, "dune.md").await;
    let bob = talk.meet("bob", "Bob <b>Bold</b>", None).await;
    let id = talk.say_in(ReplyState::Waiting, &bob, 1, &talk.note, |_| {}).await;
    let number = talk.store.reply(&id).await.unwrap().unwrap().seq.to_string();
    let visitor = Visitor::own(&world);
    let page = visitor.page("/admin/replies").await;
    assert!(page.contains("Words number 1.") && page.contains("bob@m.example") && !page.contains("<b>"), "{page}");
    assert!(page.contains("class=\"count\">1<"), "the menu says that one waits");
    assert!(!world.page("/@ana/dune").await.contains("Words number 1."));

    let show = visitor.form("/admin/replies", "/admin/replies/approve", &number).await;
    assert_eq!(visitor.press(&show).await, format!("Reply {number} of bob@m.example is shown."));
    assert!(world.page("/@ana/dune").await.contains("Words number 1."));
    let hide = visitor.form("/admin/replies?which=shown", "/admin/replies/hide", &number).await;
    visitor.press(&hide).await;
    assert!(!world.page("/@ana/dune").await.contains("Words number 1."));
    let show = visitor.form("/admin/replies?which=hidden", "/admin/replies/approve", &number).await;
    visitor.press(&show).await;
    assert!(world.page("/@ana/dune").await.contains("Words number 1."));

    let block = visitor.form("/admin/replies?which=shown", "/admin/block", &bob).await;
    assert!(visitor.press(&block).await.contains("is kept out"));
    assert!(!world.page("/@ana/dune").await.contains("Words number 1."));
    let form =
        visitor.form("/admin/hosts", "/admin/block", "").await.set("name", "spam.example").set("reason", "floods");
    assert!(visitor.press(&form).await.starts_with("spam.example is kept out"));
    assert!(visitor.page("/admin/hosts").await.contains("floods"));
    let form = visitor.form("/admin/hosts", "/admin/unblock", "spam.example").await;
    assert!(visitor.press(&form).await.starts_with("spam.example is no longer kept out"));
    let blocks = talk.store.blocks().await.unwrap();
    assert_eq!(blocks.iter().map(|block| block.name.as_str()).collect::<Vec<_>>(), [bob.as_str()]);
    let empty = visitor.form("/admin/hosts", "/admin/block", "").await.set("name", " ");
    visitor.press(&empty).await;
    assert_eq!(talk.store.blocks().await.unwrap().len(), 1, "no name keeps nobody out");
}

#[tokio::test]
async fn followers_are_let_in_and_sent_away() {
    let world = dune_with(OWN).await;
    shut(&world, "m.example").await;
    follow(&world, "carol", "m.example", FollowState::Waiting, false).await;
    follow(&world, "dave", "m.example", FollowState::Accepted, false).await;
    let visitor = Visitor::own(&world);
    let carol = "https://m.example/users/carol";
    let form = visitor.form("/admin/followers", "/admin/followers/approve", carol).await;
    assert_eq!(visitor.press(&form).await, format!("{carol} follows @ana now."));
    let store = &world.running().store;
    assert_eq!(store.follower(&handle("ana"), carol).await.unwrap().unwrap().state, FollowState::Accepted);
    let form = visitor.form("/admin/followers", "/admin/followers/remove", carol).await;
    visitor.press(&form).await;
    assert!(store.follower(&handle("ana"), carol).await.unwrap().is_none());
    assert_eq!(store.count_followers(&handle("ana")).await.unwrap(), 1);
}

#[tokio::test]
async fn deliveries_are_found_by_what_became_of_them_and_sent_again() {
    let world = dune_with(OWN).await;
    for (name, host) in [("a", "one.example"), ("b", "two.example"), ("c", "two.example")] {
        shut(&world, host).await;
        follow(&world, name, host, FollowState::Accepted, false).await;
    }
    world.save("emma.md", review("Emma", "Other matches."));
    world.settle().await;
    end(&world, "one.example", DeliveryState::Delivered, 1).await;
    end(&world, "two.example", DeliveryState::Refused, 2).await;
    let visitor = Visitor::own(&world);
    let page = visitor.page("/admin/deliveries?state=refused").await;
    assert_eq!(page.matches("401: &#60;signature&#62; expired").count(), 2, "{page}");
    assert!(!page.contains("one.example/users/a/inbox"), "{page}");
    let all = visitor.page("/admin/deliveries").await;
    assert!(all.contains("Deliveries by server") && all.contains("3 ended in the last 30 days; 2 failed."), "{all}");
    assert!(visitor.page("/admin/deliveries?host=none.example").await.contains("There are none of these."));
    assert!(visitor.page("/admin/deliveries?review=nothing").await.contains("There is no review"));
    assert!(visitor.page("/admin/deliveries?state=%27%22&before=x").await.contains("one.example"));
    let hosts = visitor.page("/admin/hosts").await;
    assert!(hosts.contains("one.example") && hosts.contains("two.example"), "{hosts}");

    let states = async || {
        let rows = world.running().store.deliveries(None, 100).await.unwrap();
        let of = |row: &reviewd::store::DeliveryRow| (row.host.clone(), row.state.clone());
        rows.iter().filter(|row| row.kind == "Update").map(of).collect::<Vec<_>>()
    };
    let entry = world.entry("emma.md").await;
    let note = format!("https://books.example/users/ana/reviews/{}", entry.id);
    let form = visitor.form("/admin/deliveries?review=emma&host=one.example", "/admin/resend", &note).await;
    assert_eq!(visitor.press(&form).await, "There was nothing to send again.", "what arrived is not sent again");
    let form = visitor.form("/admin/deliveries?host=two.example", "/admin/resend-to", "two.example").await;
    assert_eq!(visitor.press(&form).await, "2 deliveries are on their way again.");
    assert_eq!(visitor.send(&form).await.status, 409, "once");
    let states = states().await;
    assert!(states.contains(&("one.example".into(), "delivered".into())), "{states:?}");
    assert!(!states.contains(&("two.example".into(), "refused".into())), "{states:?}");
}

#[tokio::test]
async fn a_long_list_is_read_page_by_page() {
    let world = dune_with(OWN).await;
    shut(&world, "big.example").await;
    for n in 0..120 {
        follow(&world, &format!("u{n}"), "big.example", FollowState::Accepted, false).await;
    }
    world.save("emma.md", review("Emma", "Other matches."));
    world.settle().await;
    let visitor = Visitor::own(&world);
    let page = visitor.page("/admin/deliveries").await;
    let older = page.split("href=\"").find(|rest| rest.starts_with("/admin/deliveries?before=")).unwrap();
    let older = visitor.page(older.split('"').next().unwrap()).await;
    let lines = |page: &str| page.matches("data-label=\"Server\"").count();
    assert_eq!((lines(&page), lines(&older)), (100, 20));
    assert!(older.contains("The newest") && !older.contains("Older"));
}
