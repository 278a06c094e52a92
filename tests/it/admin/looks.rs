//! The operator's page as Chromium shows it, and what one does there with a mouse.

use std::time::Duration;

use fantoccini::Locator;
use jiff::SignedDuration;
use reviewd::{
    domain::ReplyState,
    store::{DeliveryState, FollowState, HostNews},
};

use super::{
    ON_THE_SITE, PASSWORD,
    desk::{end, follow, know, shut},
    write_password,
};
use crate::{
    peers::Browser,
    talk::thread_of,
    world::{Setup, World, review, review_with},
};

const PAGES: [(&str, &str); 9] = [
    ("overview", "/admin"),
    ("replies", "/admin/replies"),
    ("replies-shown", "/admin/replies?which=shown"),
    ("deliveries", "/admin/deliveries"),
    ("deliveries-refused", "/admin/deliveries?state=refused"),
    ("followers", "/admin/followers"),
    ("hosts", "/admin/hosts"),
    ("readers", "/admin/readers"),
    ("complaints", "/admin/replies?which=reports"),
];

/// A server with a long name.
const FAR: &str = "a-very-long-name.of-a-server.example";

/// A trial on this machine with the page on the site, behind its password.
async fn trial(files: &[(&str, &str)]) -> World {
    let mut world = World::prepare(Setup { origin: None, settings: ON_THE_SITE, files, ..Setup::default() });
    write_password(&world, 0o600);
    world.start().await;
    world
}

/// Weeks of life: reviews, followers who came and went, servers of all kinds, replies, things to mend.
async fn busy() -> World {
    let world = trial(&[]).await;
    let store = &world.running().store;
    let hosts = [
        ("mastodon.example", DeliveryState::Delivered, 1),
        ("gts.example", DeliveryState::Delivered, 30),
        ("bookwyrm.example", DeliveryState::Delivered, 400),
        (FAR, DeliveryState::Refused, 5),
        ("dead.example", DeliveryState::GivenUp, 200_000),
    ];
    for (host, _, _) in hosts {
        shut(&world, host).await;
    }
    for (week, title) in ["Dune", "Emma", "The Left Hand of Darkness", "Middlemarch", "Pale Fire"].iter().enumerate() {
        for n in 0..6 {
            let host = hosts[(week + n) % hosts.len()].0;
            follow(&world, &format!("reader{week}{n}"), host, FollowState::Accepted, true).await;
        }
        world.save(&format!("book-{week}.md"), review_with(title, "Sand gets into everything.", &["rating: 4/5"]));
        world.settle().await;
        store.note_followers(world.now()).await.unwrap();
        for (host, state, wait) in hosts {
            end(&world, host, state, wait).await;
        }
        world.turn(Duration::from_secs(5 * 24 * 3600));
    }
    for (host, _, _) in &hosts[..4] {
        know(&world, host, HostNews::Alive(None)).await;
    }
    let closed_until = world.now() + SignedDuration::from_hours(20);
    know(&world, "dead.example", HostNews::Failed { closed_until, dead: true }).await;
    follow(&world, "zoe", "mastodon.example", FollowState::Waiting, true).await;
    let ana = crate::world::handle("ana");
    store.drop_follower(&ana, "https://gts.example/users/reader01", &[]).await.unwrap();
    store.note_followers(world.now()).await.unwrap();
    store.keep_block("spam.example", Some("floods"), world.now()).await.unwrap();
    let talk = thread_of(&world, "book-0.md").await;
    let note = format!("{}/users/ana/reviews/{}", world.running().origin, talk.under.1);
    let talk = crate::talk::Thread { note, ..talk };
    let bob = talk.meet("bob", "Bob Newman", None).await;
    let eve = talk.meet("eve_with_a_rather_long_name", "Eve", None).await;
    let long = "Words that go on and on, as they do. ".repeat(20);
    talk.say_in(ReplyState::Waiting, &bob, 1, &talk.note, |reply| reply.content = format!("<p>{long}</p>")).await;
    talk.say_in(ReplyState::Waiting, &eve, 2, &talk.note, |reply| reply.warning = Some("the ending".into())).await;
    for number in 3..7 {
        talk.say_in(ReplyState::Shown, &bob, number, &talk.note, |_| {}).await;
    }
    talk.say_in(ReplyState::Hidden, &eve, 8, &talk.note, |_| {}).await;
    world.save("broken.md", "---\ntitle: The Desert: A Novel\n---\n\nx\n");
    for n in 0..7 {
        world.save(&format!("held-{n}.md"), review(&format!("A Book Found in the Attic, Volume {n}"), "Words."));
    }
    world.settle().await;
    world
}

async fn sign_in(browser: &Browser, world: &World) {
    browser.open(&format!("{}/admin", world.running().origin)).await;
    let field = browser.client.find(Locator::Css("input[type=password]")).await.unwrap();
    field.send_keys(PASSWORD).await.unwrap();
    press(browser, "//button[.='Sign in']").await;
    assert_eq!(browser.client.current_url().await.unwrap().path(), "/admin");
}

async fn press(browser: &Browser, button: &str) {
    browser.follow(Locator::XPath(button)).await;
}

async fn words(browser: &Browser, selector: &str) -> String {
    browser.client.find(Locator::Css(selector)).await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn pages_show_whole_by_day_and_by_night_on_a_desk_and_on_a_phone() {
    let Some(browser) = Browser::start().await else { return };
    for (site, world) in [("empty", trial(&[]).await), ("busy", busy().await)] {
        let origin = world.running().origin.clone();
        browser.open(&format!("{origin}/admin/sign-in")).await;
        browser.screenshot(&format!("admin-{site}-sign-in"), 390).await;
        sign_in(&browser, &world).await;
        for scheme in ["dark", "light"] {
            browser.prefer_colour_scheme(scheme).await;
            for (name, path) in PAGES {
                browser.open(&format!("{origin}{path}")).await;
                for width in [390, 1280] {
                    browser.screenshot(&format!("admin-{site}-{name}-{scheme}"), width).await;
                    let overflow = "return document.documentElement.scrollWidth - window.innerWidth";
                    let overflow = browser.client.execute(overflow, Vec::new()).await.unwrap();
                    assert!(overflow.as_i64().unwrap() <= 0, "{site} {path} is {overflow} pixels wider than {width}");
                }
                // The next page comes by a transition, which a change of the window's width ends.
                let mut complaints = browser.complaints().await;
                complaints.retain(|said| !said.contains("Transition was"));
                assert!(complaints.is_empty(), "{path}: {complaints:?}");
            }
        }
        browser.client.delete_all_cookies().await.unwrap();
    }
}

#[tokio::test]
async fn the_operator_signs_in_approves_a_reply_sends_again_and_signs_out() {
    let Some(browser) = Browser::start().await else { return };
    let world = busy().await;
    let origin = world.running().origin.clone();
    sign_in(&browser, &world).await;
    assert!(words(&browser, "main").await.contains("7 changes of @ana are held"));
    browser.set_width(1280).await;

    press(&browser, "//nav//a[contains(., 'Replies')]").await;
    press(&browser, "//li[contains(., 'the ending')]//button[starts-with(., 'Show')]").await;
    assert!(words(&browser, ".note").await.ends_with("is shown."));
    browser.open(&format!("{origin}/@ana/book-0")).await;
    assert!(words(&browser, ".thread").await.contains("the ending"), "it stands on the page");

    browser.open(&format!("{origin}/admin/deliveries?state=refused")).await;
    press(&browser, "//tr[contains(., 'Pale Fire')]//button[starts-with(., 'Send again')]").await;
    assert_eq!(words(&browser, ".note").await, "1 delivery is on its way again.");
    let rows = world.running().store.deliveries(None, 1000).await.unwrap();
    let refused = rows.iter().filter(|row| row.host == FAR && row.state == "refused" && row.last_status == Some(401));
    assert_eq!(refused.count(), 4, "of five, one is not refused any more: {rows:#?}");

    // What asks first does nothing until it is answered.
    browser.open(&format!("{origin}/admin/followers")).await;
    let store = &world.running().store;
    let before = store.followers(None).await.unwrap().len();
    let remove = browser.client.find(Locator::XPath("(//summary[starts-with(., 'Remove')])[1]")).await.unwrap();
    remove.click().await.unwrap();
    assert_eq!(store.followers(None).await.unwrap().len(), before);
    press(&browser, "//details[@open]//button[starts-with(., 'Remove')]").await;
    assert_eq!(store.followers(None).await.unwrap().len(), before - 1);

    press(&browser, "//button[.='Sign out']").await;
    browser.open(&format!("{origin}/admin/followers")).await;
    assert_eq!(browser.client.current_url().await.unwrap().path(), "/admin/sign-in");
}
