//! The pages as Chromium shows them: on a phone and on a desk, by day and by night.

use fantoccini::Locator;

use crate::{
    peers::Browser,
    world::{Setup, World, picture, review_with},
};

async fn world() -> World {
    let mut world = World::prepare(Setup { origin: None, ..Setup::default() });
    world.save("cover.jpg", picture([120, 40, 40]));
    let words =
        "Sand gets into everything in this book, even the sentences.\n\n> Fear is the mind-killer.\n\nA ||secret||.";
    let facts = ["rating: 4.5/5", "date: 2024-03-01", "tags: [science fiction]", "cover: cover.jpg"];
    world.save("dune.md", review_with("Dune", words, &facts));
    for n in 0..30 {
        let date = format!("date: 2023-01-{:02}", n % 28 + 1);
        let title = format!("A Book With {} in Its Title", "Averylongword".repeat(1 + n % 4));
        world.save(&format!("book-{n}.md"), review_with(&title, "Words.", &["rating: 3/5", &date]));
    }
    world.start().await;
    world
}

#[tokio::test]
async fn pages_show_whole_and_without_complaint_at_every_width() {
    let Some(browser) = Browser::start().await else { return };
    let world = world().await;
    let origin = world.running().origin.clone();
    for (name, path, title) in [
        ("home", "/", "Ana's books"),
        ("review", "/@ana/dune", "Dune"),
        ("archive", "/archive", "Ana's books"),
        ("search", "/search?q=sand", "sand"),
        ("missing", "/nothing-here", "Ana's books"),
    ] {
        browser.open(&format!("{origin}{path}")).await;
        let shown = browser.client.title().await.unwrap();
        assert!(shown.contains(title), "{path}: {shown}");
        for width in [390, 1280] {
            let shot = image::open(browser.screenshot(&format!("site-{name}"), width).await).unwrap().to_rgb8();
            assert_eq!(shot.width(), width, "{path}");
            let first = *shot.get_pixel(0, 0);
            let drawn = shot.pixels().filter(|pixel| **pixel != first).count();
            assert!(drawn * 200 > shot.pixels().len(), "{path} is empty at {width}: {drawn} pixels are drawn");
            let overflow = number(&browser, "document.documentElement.scrollWidth - window.innerWidth").await;
            assert!(overflow <= 0, "{path} is {overflow} pixels wider than {width}");
        }
        let complaints = browser.complaints().await;
        // The browser reports the 404 of a page that is not there; that is the only one.
        let complaints: Vec<_> = complaints.iter().filter(|said| !said.contains("/nothing-here")).collect();
        assert!(complaints.is_empty(), "{path}: {complaints:?}");
    }
}

#[tokio::test]
async fn a_reader_finds_the_cover_and_walks_from_home_to_the_review_and_its_author() {
    let Some(browser) = Browser::start().await else { return };
    let world = world().await;
    browser.open(&world.running().origin).await;
    browser.follow(Locator::Css("a[href$='/@ana/dune']")).await;
    let heading = browser.client.find(Locator::Css("h1")).await.unwrap().text().await.unwrap();
    assert!(heading.contains("Dune"), "{heading}");
    let cover = "[...document.images].filter(i => i.complete && i.naturalWidth > 0 && i.offsetWidth > 0).length";
    assert_eq!(number(&browser, cover).await, 1, "the cover is shown");
    assert_eq!(number(&browser, "[...document.images].filter(i => !i.hasAttribute('alt')).length").await, 0);
    browser.follow(Locator::LinkText("Ada Writer")).await;
    let address = browser.client.current_url().await.unwrap();
    assert_eq!(address.path(), "/authors/ada-writer");
    assert!(browser.complaints().await.is_empty());
}

#[tokio::test]
async fn the_page_follows_the_readers_wish_for_light_or_dark() {
    let Some(browser) = Browser::start().await else { return };
    let world = world().await;
    let mut brightness = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer_colour_scheme(scheme).await;
        browser.open(&format!("{}/@ana/dune", world.running().origin)).await;
        let shot = browser.screenshot(&format!("site-review-{scheme}"), 1280).await;
        let pixel = *image::open(shot).unwrap().to_rgb8().get_pixel(0, 600);
        brightness.push(pixel.0.iter().map(|part| u32::from(*part)).sum::<u32>());
    }
    assert!(brightness[0] > 600 && brightness[1] < 200, "{brightness:?}");
}

async fn number(browser: &Browser, expression: &str) -> i64 {
    let value = browser.client.execute(&format!("return {expression}"), Vec::new()).await.unwrap();
    value.as_i64().unwrap_or_else(|| panic!("{expression}: {value}"))
}
