//! Visitors of a conversation: whose faces they see, and how they get home to answer.

use fantoccini::Locator;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::HeaderMap;
use reviewd::domain::{Handle, ReactionKind};
use serde_json::{Value, json};

use super::{
    daemon::Daemon,
    neighbour::{Answer, Neighbour, client, get},
    review,
};
use crate::{
    peers::Browser,
    talk::{Thread, actor},
    world::image_bomb,
};

const SUBSCRIBE: &str = "http://ostatus.org/schema/1.0/subscribe";

/// A daemon with one review, and a server next door.
async fn dune() -> (Daemon, Neighbour) {
    let daemon = Daemon::start().await;
    daemon.publish("dune.md", &review("Dune", &"Sand gets into everything, even the sentences. ".repeat(30))).await;
    let home = Neighbour::open(&daemon).await;
    (daemon, home)
}

async fn thread(daemon: &Daemon) -> Thread<'_> {
    let store = &daemon.running().store;
    let ana = Handle::parse("ana").unwrap();
    let entry = store.ledger(&ana).await.unwrap().remove(0);
    let note = daemon.url(&format!("/users/ana/reviews/{}", entry.id));
    Thread { store, note, under: (ana, entry.id), now: daemon.clock.now() }
}

async fn page(daemon: &Daemon) -> String {
    client().get(daemon.door("/@ana/dune")).send().await.unwrap().text().await.unwrap()
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let image = image::RgbImage::from_fn(width, height, |x, _| image::Rgb([(x % 256) as u8, 120, 60]));
    image.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

#[tokio::test]
async fn a_face_is_fetched_once_made_small_and_served_by_us() {
    let (daemon, home) = dune().await;
    let talk = thread(&daemon).await;
    let source = format!("{}/bob.png", home.origin);
    home.serve("/bob.png", Answer::File("image/png", png(900, 400)));
    let bob = talk.meet("bob", "Bob", Some(source.clone())).await;
    talk.say(&bob, 1, &talk.note, |_| ()).await;
    assert!(page(&daemon).await.contains("aria-hidden=\"true\">B</span>"), "a letter until it is here");
    let shown = daemon.when(async || Some(page(&daemon).await).filter(|page| page.contains("/media/avatars/"))).await;
    assert!(!shown.contains(&source));
    let path = shown.split("src=\"/media/avatars/").nth(1).unwrap().split('"').next().unwrap();
    let file = client().get(daemon.door(&format!("/media/avatars/{path}"))).send().await.unwrap();
    assert!(file.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    let face = image::load_from_memory(&file.bytes().await.unwrap()).unwrap();
    assert_eq!((face.width(), face.height()), (96, 96));
    for number in 2..6 {
        talk.say(&bob, number, &talk.note, |_| ()).await;
        assert!(page(&daemon).await.contains(path));
    }
    assert_eq!(home.fetches(), 1);
}

#[tokio::test]
async fn an_avatar_that_is_a_bomb_or_none_leaves_the_letter() {
    let (daemon, home) = dune().await;
    let talk = thread(&daemon).await;
    let files = [
        ("bomb", Answer::File("image/png", image_bomb())),
        ("page", Answer::File("text/html", b"<html>".to_vec())),
        ("svg", Answer::File("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec())),
        ("huge", Answer::File("image/png", vec![0; 5 << 20])),
        ("none", Answer::Status(404)),
        ("loop", Answer::Header(302, "location", "/loop.png".to_owned())),
    ];
    for (number, (name, answer)) in (1..).zip(files) {
        home.serve(&format!("/{name}.png"), answer);
        let somebody = talk.meet(name, name, Some(format!("{}/{name}.png", home.origin))).await;
        talk.say(&somebody, number, &talk.note, |_| ()).await;
    }
    page(&daemon).await;
    let people: Vec<String> =
        ["bomb", "page", "svg", "huge", "none", "loop"].map(|name| format!("https://m.example/users/{name}")).into();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let known = daemon
        .when(async || {
            let known = talk.store.portraits(&people).await.unwrap();
            (known.len() == people.len()).then_some(known)
        })
        .await;
    assert!(known.values().all(|portrait| portrait.file.is_none()), "{known:?}");
    let fetches = home.fetches();
    talk.react(ReactionKind::Like, people[0], None).await;
    let shown = page(&daemon).await;
    assert!(!shown.contains("/media/avatars/") && shown.contains("aria-hidden=\"true\">B</span>"));
    assert_eq!(home.fetches(), fetches, "nobody is asked again before a day has passed");
}

/// What the neighbour says about one of its names.
fn finger(home: &Neighbour, name: &str, links: Value) -> String {
    let account = format!("{name}@{}", home.origin.split("://").nth(1).unwrap());
    let resource = utf8_percent_encode(&format!("acct:{account}"), NON_ALPHANUMERIC).to_string();
    let document = json!({"subject": format!("acct:{account}"), "links": links});
    home.serve(&format!("/.well-known/webfinger?resource={resource}"), Answer::Document(document));
    account
}

/// Sends the form as a browser would; the page that follows.
async fn walk(daemon: &Daemon, uri: &str, account: &str, site: &str) -> (u16, String) {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("uri", uri)
        .append_pair("account", account)
        .finish();
    let mut headers = HeaderMap::new();
    headers.insert("sec-fetch-site", site.parse().unwrap());
    headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    let answer = client().post(daemon.door("/interact")).headers(headers).body(form).send().await.unwrap();
    assert_eq!(answer.headers().get("location"), None);
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Where a page sends its visitor.
fn way(page: &str) -> Option<&str> {
    page.split("http-equiv=\"refresh\" content=\"0; url=").nth(1)?.split('"').next()
}

#[tokio::test]
async fn the_box_leads_to_the_visitors_own_server_and_nowhere_else() {
    let (daemon, home) = dune().await;
    let talk = thread(&daemon).await;
    let own = |path: &str| format!("{}{path}", home.origin);
    let uri = utf8_percent_encode(&talk.note, NON_ALPHANUMERIC).to_string();
    let subscribe = json!({"rel": SUBSCRIBE, "template": own("/authorize_interaction?uri={uri}")});
    let intent = json!({"rel": "https://w3id.org/fep/3b86/Create", "template": own("/compose?re={inReplyTo}")});
    let bob = finger(&home, "bob", json!([subscribe]));
    let eve = finger(&home, "eve", json!([subscribe, intent]));
    let zoe = finger(&home, "zoe", json!([{"rel": SUBSCRIBE, "template": "javascript:alert('{uri}')"}]));

    for (account, expected) in [
        (&bob, Some(own(&format!("/authorize_interaction?uri={uri}")))),
        (&format!("@{bob}"), Some(own(&format!("/authorize_interaction?uri={uri}")))),
        (&eve, Some(own(&format!("/compose?re={uri}")))),
        (&zoe, None),
        (&bob.replace("bob", "nobody"), None),
        (&"not an address".to_owned(), None),
        (&format!("ana@{}", daemon.url("").split("://").nth(1).unwrap()), None),
    ] {
        let (status, page) = walk(&daemon, &talk.note, account, "same-origin").await;
        assert_eq!(status, 200, "{account}");
        assert_eq!(way(&page).map(|to| to.replace("&#38;", "&")), expected, "{account}: {page}");
        assert!(expected.is_some() || page.contains(&talk.note), "the address to be pasted is there: {page}");
    }
    // From elsewhere nobody is sent on, and nobody's server is asked.
    let fetches = home.fetches();
    let (_, page) = walk(&daemon, &talk.note, &bob, "cross-site").await;
    assert!(way(&page).is_none() && page.contains(&format!("value=\"{bob}\"")), "{page}");
    for uri in ["https://evil.example/1", "", &daemon.url("/users/ana"), &daemon.url("/users/ana/reviews/other")] {
        assert_eq!(walk(&daemon, uri, &bob, "same-origin").await.0, 404, "{uri}");
    }
    assert_eq!(home.fetches(), fetches);
    let (status, _) = walk(&daemon, &talk.note, &"x".repeat(20_000), "same-origin").await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn a_visitor_reads_the_thread_and_walks_home_to_answer() {
    let Some(browser) = Browser::start().await else { return };
    let (daemon, home) = dune().await;
    let talk = thread(&daemon).await;
    home.serve("/bob.png", Answer::File("image/png", png(300, 300)));
    said(&daemon, &talk, &format!("{}/bob.png", home.origin)).await;
    let bob = finger(
        &home,
        "bob",
        json!([{"rel": SUBSCRIBE, "template": format!("{}/authorize_interaction?uri={{uri}}", home.origin)}]),
    );
    let uri = utf8_percent_encode(&talk.note, NON_ALPHANUMERIC).to_string();
    let answer = Answer::File("text/html", b"<!doctype html><title>Bob's server</title>".to_vec());
    home.serve(&format!("/authorize_interaction?uri={uri}"), answer);
    page(&daemon).await;
    daemon.when(async || Some(()).filter(|()| home.fetches() > 0)).await;
    daemon.when(async || Some(()).filter(|()| page_has_face(&home))).await;

    let address = daemon.url("/@ana/dune");
    for scheme in ["light", "dark"] {
        browser.prefer_colour_scheme(scheme).await;
        browser.open(&address).await;
        for width in [390, 1280] {
            browser.screenshot(&format!("conversation-{scheme}"), width).await;
            let wide = browser.client.execute("return document.documentElement.scrollWidth", vec![]).await.unwrap();
            assert!(wide.as_u64() <= Some(width.into()), "the page is {wide} wide on a screen of {width}");
        }
    }
    browser
        .client
        .execute("document.querySelectorAll('.crowd').forEach(crowd => crowd.open = true)", vec![])
        .await
        .unwrap();
    browser.screenshot("conversation-people", 1280).await;
    browser.screenshot("conversation-people", 390).await;
    let remarks = browser.client.find_all(Locator::Css(".thread > li")).await.unwrap();
    assert_eq!(remarks.len(), 12);
    let open = browser.client.find(Locator::Css(".remark-fold")).await.unwrap().attr("open").await.unwrap();
    assert_eq!(open, None, "what is warned of is folded");
    assert_eq!(browser.complaints().await, Vec::<String>::new());

    let field = browser.client.find(Locator::Css("#answer-account")).await.unwrap();
    field.send_keys(&bob).await.unwrap();
    browser.follow(Locator::Css(".answer button")).await;
    assert_eq!(browser.client.title().await.unwrap(), "Bob's server");
    let there = browser.client.current_url().await.unwrap();
    assert_eq!(there.as_str(), format!("{}/authorize_interaction?uri={uri}", home.origin));

    for (name, path, form) in
        [("interact", format!("/interact?uri={uri}"), ""), ("interact-again", String::new(), "nobody")]
    {
        if !path.is_empty() {
            browser.open(&daemon.url(&path)).await;
        }
        if !form.is_empty() {
            browser.client.find(Locator::Css("#answer-account")).await.unwrap().send_keys(form).await.unwrap();
            browser.follow(Locator::Css(".answer button")).await;
        }
        browser.screenshot(name, 1280).await;
        browser.screenshot(name, 390).await;
    }
    assert!(get(&talk.note).await["replies"]["totalItems"] == 12);

    daemon.publish("emma.md", &review("Emma", "Matches.")).await;
    browser.open(&daemon.url("/@ana/emma")).await;
    browser.screenshot("conversation-none", 1280).await;
    let print = json!({"media": "print"});
    browser.devtools("Emulation.setEmulatedMedia", print).await;
    browser.open(&address).await;
    browser.screenshot("conversation-print", 900).await;
    let hidden =
        "return [...document.querySelectorAll('.answer, .remark-answer')].every(part => part.offsetHeight === 0)";
    assert_eq!(browser.client.execute(hidden, vec![]).await.unwrap(), true, "nobody answers on paper");
}

fn page_has_face(home: &Neighbour) -> bool {
    home.asked().iter().any(|asked| asked.path == "/bob.png")
}

/// A thread of everything: deep, long, warned of, right to left, and the reviewer's own words.
async fn said(daemon: &Daemon, talk: &Thread<'_>, face: &str) {
    let bob = talk.meet("bob", "Bob", Some(face.to_owned())).await;
    let long = "Dr. Maximiliane-Henriette von und zu Hohenberg-Schwarzenstein (she/her), librarian at large";
    let max = talk.meet("a_very_long_user_name_that_goes_on_and_on", long, None).await;
    let rima = talk.meet("rima", "ريما القارئة", None).await;
    let ana = daemon.ana();
    let post = "<p><span class=\"h-card\"><a href=\"https://m.example/@ana\" class=\"u-url mention\">@<span>ana</span></a></span> \
                I read it on a beach, of all places, and for a week I found sand in it that was not mine. The dinner \
                scene is still the best thing in it.</p><p>Have you read the second one? \
                <a href=\"https://library.example/catalogue/messiah\"><span class=\"invisible\">https://</span>\
                <span class=\"ellipsis\">library.example/catalogue/mess</span><span class=\"invisible\">iah</span></a></p>";
    let first = talk.say(&bob, 1, &talk.note, |reply| reply.content = post.to_owned()).await;
    let mut above = first;
    for number in 2..=8 {
        let author = if number % 2 == 0 { &max } else { &bob };
        above =
            talk.say(author, number, &above, |reply| reply.content = "<p>And then what happened?</p>".to_owned()).await;
    }
    talk.say(&ana, 9, &above, |reply| {
        reply.content = "<p>Thank you, both of you. The second one is on the pile; it will be a while.</p>".to_owned();
        reply.ours = true;
    })
    .await;
    talk.say(&max, 10, &talk.note, |reply| {
        reply.warning = Some("Who dies, and how".to_owned());
        reply.content = "<p>The duke, in the first third, of a tooth.</p>".to_owned();
        reply.updated = Some(talk.now);
    })
    .await;
    talk.say(&rima, 11, &talk.note, |reply| {
        reply.content = "<p>قرأته مرتين، وفي كل مرة أجد فيه كتابا آخر.</p>".to_owned();
        reply.language = Some("ar".to_owned());
    })
    .await;
    talk.say(&rima, 12, &talk.note, |reply| reply.content = String::new()).await;
    for number in 0..14 {
        let id = format!("https://m.example/users/reader{number}");
        talk.store.keep_remote_actor(&actor(&id, &format!("Reader {number}"), None, talk.now)).await.unwrap();
        talk.react(ReactionKind::Like, &id, (number % 5 == 0).then_some("📚")).await;
    }
    talk.react(ReactionKind::Boost, &max, None).await;
}
