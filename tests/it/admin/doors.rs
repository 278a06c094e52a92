//! By which address, under which name, with which password, and with which forms.

use std::time::Duration;

use reqwest::Method;

use super::{Form, ON_THE_SITE, OWN, PASSWORD, Visitor, locked, write_password};
use crate::{
    talk::{dune_with, thread_of},
    world::{Setup, World, review},
};
use reviewd::domain::ReplyState;

const PAGES: [&str; 6] =
    ["/admin", "/admin/replies", "/admin/deliveries", "/admin/followers", "/admin/hosts", "/admin/readers"];

#[tokio::test]
async fn without_a_wish_for_it_there_is_no_operators_page() {
    let world = World::empty().await;
    assert!(world.running().admin.is_none() && !world.data().join("admin.key").exists());
    for path in PAGES.into_iter().chain(["/admin/sign-in"]) {
        assert_eq!(world.status(path).await, 404, "{path}");
    }
    let post = world.ask(Method::POST, "/admin/apply", &[("origin", "https://books.example")]).await;
    assert_eq!(post.status, 405);
}

#[tokio::test]
async fn an_address_of_its_own_is_not_the_sites_and_answers_to_this_machines_name_only() {
    let world = World::open(Setup { settings: OWN, ..Setup::default() }).await;
    let mut visitor = Visitor::own(&world);
    for path in PAGES {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-robots-tag"), "noindex, nofollow");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'") && policy.contains("frame-ancestors 'none'")
        );
        assert!(!answer.headers.contains_key("set-cookie"), "no password, no cookie");
        assert_eq!(world.status(path).await, 404, "not on the site: {path}");
    }
    assert_eq!(visitor.get("/").await.header("location"), "/admin");
    assert_eq!(visitor.get("/admin/nothing").await.status, 404);
    let style = visitor.page("/admin").await;
    let style = style.split("href=\"").find(|rest| rest.starts_with("/static/admin.")).unwrap();
    assert_eq!(visitor.get(style.split('"').next().unwrap()).await.status, 200, "its style is there too");
    for host in ["rebound.example", "rebound.example:9465", "books.example"] {
        visitor.host = host.to_owned();
        visitor.origin = format!("http://{host}");
        assert_eq!(visitor.get("/admin").await.status, 421, "{host}");
        let form = Form { action: "/admin/apply".to_owned(), fields: Vec::new() };
        assert_eq!(visitor.send(&form).await.status, 421, "{host}");
    }
    visitor.host = "localhost:19465".to_owned();
    assert_eq!(visitor.get("/admin").await.status, 200, "the end of a tunnel has another port");
}

#[tokio::test]
async fn only_the_password_lets_in_and_guessing_slows_down() {
    let world = locked(ON_THE_SITE).await;
    let mut visitor = Visitor::of_site(&world);
    for path in PAGES {
        let answer = visitor.get(path).await;
        assert_eq!((answer.status, answer.header("location").as_str()), (303, "/admin/sign-in"), "{path}");
    }
    let asked = visitor.page("/admin/sign-in").await;
    assert!(!asked.contains("Sign out") && !asked.contains("class=\"desk-nav\""), "nothing is told at the door");
    for wrong in ["", "correct horse battery stapl", "Correct horse battery staple"] {
        let answer = visitor.sign_in(wrong).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, String::new()), "{wrong}");
    }
    let slowed = visitor.sign_in(PASSWORD).await;
    assert_eq!((slowed.status, slowed.header("retry-after").as_str()), (429, "1"));
    world.turn(Duration::from_secs(1));
    let answer = visitor.sign_in(PASSWORD).await;
    assert_eq!((answer.status, answer.header("location").as_str()), (303, "/admin"));
    let cookie = answer.header("set-cookie");
    for part in ["__Secure-reviewd-admin=", "HttpOnly", "SameSite=Strict", "Secure", "Path=/admin", "Max-Age=43200"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    for path in PAGES {
        assert_eq!(visitor.get(path).await.status, 200, "{path}");
    }
    visitor.host = "other.example".to_owned();
    assert_eq!(visitor.get("/admin").await.status, 421, "the site has one name");
    assert!(!world.get("/").await.headers.contains_key("set-cookie"), "readers get no cookie");
}

#[tokio::test]
async fn a_session_outlives_a_restart_and_ends_with_time_and_with_signing_out() {
    let mut world = locked(ON_THE_SITE).await;
    let mut visitor = Visitor::of_site(&world);
    visitor.sign_in(PASSWORD).await;
    let before = visitor.form("/admin", "/admin/sign-out", "").await;
    world.restart().await;
    visitor.address = world.address();
    assert_eq!(visitor.get("/admin").await.status, 200);
    assert_eq!(visitor.send(&before).await.status, 403, "a form of before the restart is none of ours");
    world.turn(Duration::from_secs(12 * 3600));
    assert_eq!(visitor.get("/admin").await.header("location"), "/admin/sign-in", "it has expired");

    visitor.sign_in(PASSWORD).await;
    let (mut other, cookie) = (Visitor::of_site(&world), visitor.cookie.clone());
    other.sign_in(PASSWORD).await;
    let form = visitor.form("/admin", "/admin/sign-out", "").await;
    assert_eq!(other.send(&form).await.status, 403, "the form of one session is nothing in another");
    let ended = visitor.send(&form).await;
    assert!(ended.status == 303 && ended.header("set-cookie").contains("Max-Age=0"), "{ended:?}");
    visitor.cookie = cookie;
    assert_eq!(visitor.get("/admin").await.status, 303, "a copy of the cookie does not live on");
    assert_eq!(other.get("/admin").await.status, 303, "nor do the operator's other browsers");
    let forged = "__Secure-reviewd-admin=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    visitor.cookie = Some(forged.to_owned());
    assert_eq!(visitor.get("/admin").await.status, 303);
}

#[tokio::test]
async fn a_password_that_everybody_can_read_lets_nothing_start() {
    let world = World::prepare(Setup { settings: ON_THE_SITE, ..Setup::default() });
    let problem = world.try_start().await.err().map(|error| format!("{error:#}")).unwrap();
    assert!(problem.contains("reviewd generate password --into"), "{problem}");
    write_password(&world, 0o644);
    let problem = world.try_start().await.err().map(|error| format!("{error:#}")).unwrap();
    assert!(problem.contains("can be read by everybody") && problem.contains("chmod o="), "{problem}");
    assert!(!problem.contains(PASSWORD));
}

#[tokio::test]
async fn an_own_address_may_have_a_password_and_then_any_name() {
    let world = locked(&format!("{OWN}password_file = \"admin.password\"\n")).await;
    let mut visitor = Visitor::own(&world);
    visitor.host = "box.lan:9465".to_owned();
    visitor.origin = "http://box.lan:9465".to_owned();
    assert_eq!(visitor.get("/admin").await.header("location"), "/admin/sign-in");
    assert_eq!(visitor.sign_in(PASSWORD).await.status, 303);
    assert_eq!(visitor.get("/admin").await.status, 200);
    assert_eq!(world.status("/admin").await, 404);
}

#[tokio::test]
async fn a_form_from_elsewhere_a_forged_one_and_a_replayed_one_do_nothing() {
    let world = dune_with(OWN).await;
    let talk = thread_of(&world, "dune.md").await;
    let bob = talk.meet("bob", "Bob", None).await;
    let first = talk.say_in(ReplyState::Waiting, &bob, 1, &talk.note, |_| {}).await;
    let second = talk.say_in(ReplyState::Waiting, &bob, 2, &talk.note, |_| {}).await;
    let store = &world.running().store;
    let state = async |id: &str| store.reply(id).await.unwrap().unwrap().state;
    let number = async |id: &str| store.reply(id).await.unwrap().unwrap().seq.to_string();
    let (one, two) = (number(&first).await, number(&second).await);

    let visitor = Visitor::own(&world);
    let form = visitor.form("/admin/replies", "/admin/replies/approve", &one).await;
    for headers in [
        [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
        [("origin", "null"), ("sec-fetch-site", "")],
        [("origin", ""), ("sec-fetch-site", "")],
        [("origin", visitor.origin.as_str()), ("sec-fetch-site", "same-site")],
        [("origin", "http://localhost:1"), ("sec-fetch-site", "same-origin")],
    ] {
        assert_eq!(visitor.send_with(&form, &headers).await.status, 403, "{headers:?}");
    }
    for forged in [
        form.clone().set("token", ""),
        form.clone().set("token", "AAAA"),
        form.clone().set("of", &two),
        form.clone().set("to", "m.example"),
        Form { action: "/admin/replies/hide".to_owned(), ..form.clone() },
        Form { action: "/admin/block".to_owned(), ..form.clone() },
    ] {
        let answer = visitor.send(&forged).await;
        assert!(answer.status == 403 && answer.text().contains("Nothing was done"), "{forged:?}: {answer:?}");
    }
    assert_eq!(visitor.send(&form.clone().set("back", &"x".repeat(20_000))).await.status, 413);
    assert_eq!((state(&first).await, state(&second).await), (ReplyState::Waiting, ReplyState::Waiting));

    let done = visitor.send(&form).await;
    assert!(done.status == 303 && done.header("location").starts_with("/admin/replies?which=waiting&note="));
    assert_eq!(state(&first).await, ReplyState::Shown);
    let hide = visitor.form("/admin/replies?which=shown", "/admin/replies/hide", &one).await;
    visitor.send(&hide).await;
    assert_eq!(state(&first).await, ReplyState::Hidden);
    let replayed = visitor.send(&form).await;
    assert!(replayed.status == 409 && replayed.text().contains("second time"), "{replayed:?}");
    assert_eq!(state(&first).await, ReplyState::Hidden, "what was hidden since stays hidden");
    let late = visitor.form("/admin/replies", "/admin/replies/approve", &two).await;
    world.turn(Duration::from_secs(13 * 3600));
    assert_eq!(visitor.send(&late).await.status, 403, "it lay open for too long");
}

#[tokio::test]
async fn looking_changes_nothing() {
    let world = dune_with(OWN).await;
    let talk = thread_of(&world, "dune.md").await;
    let bob = talk.meet("bob", "Bob", None).await;
    talk.say_in(ReplyState::Waiting, &bob, 1, &talk.note, |_| {}).await;
    world.follow("carol").await;
    for n in 0..7 {
        world.save(&format!("book-{n}.md"), review(&format!("Book {n}"), "Words."));
    }
    world.settle().await;
    let facts = async || {
        let store = &world.running().store;
        let followers = store.followers(None).await.unwrap();
        (world.survey().await, world.told().await, store.count_waiting_replies().await.unwrap(), followers)
    };
    let before = facts().await;
    let visitor = Visitor::own(&world);
    let form = visitor.form("/admin", "/admin/apply", "@ana").await;
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.fields).finish();
    for action in [
        "apply",
        "apply-quietly",
        "resend",
        "resend-to",
        "replies/approve",
        "replies/hide",
        "followers/approve",
        "followers/remove",
        "block",
        "unblock",
        "sign-out",
    ] {
        let answer = visitor.get(&format!("/admin/{action}?{query}")).await;
        assert_eq!(answer.status, 404, "{action}");
    }
    for path in PAGES {
        visitor.page(path).await;
        assert_eq!(visitor.ask(Method::HEAD, path, &[], String::new()).await.status, 200);
        for method in [Method::PUT, Method::DELETE] {
            assert_eq!(visitor.ask(method, path, &[], String::new()).await.status, 405);
        }
    }
    assert_eq!(facts().await, before);
}
