//! The reviews in figures: one number everywhere, as a page, as JSON and on the map of the site.

use crate::{
    peers::Browser,
    world::{Setup, World, review_with},
};

async fn shelf(origin: Option<&str>) -> World {
    let mut world = World::prepare(Setup { origin, ..Setup::default() });
    for (name, title, facts) in [
        ("dune.md", "Dune", &["rating: 4.5/5", "date: 2024-03-01", "pages: 617", "year: 1965", "tags: [desert]"][..]),
        ("emma.md", "Emma", &["rating: 3/5", "date: 2024-03-20", "pages: 480", "year: 1815"]),
        ("stoner.md", "Stoner", &["rating: 5/5", "date: 2023-11-02", "tags: [desert, quiet]"]),
        ("again.md", "Dune", &["rating: B+", "date: 2025-01-05"]),
        ("stats.md", "Persuasion", &["date: 2025-02-05", "draft: true"]),
    ] {
        world.save(name, review_with(title, "One two three.", facts));
    }
    world.start().await;
    world
}

#[tokio::test]
async fn the_figures_are_the_same_on_the_page_and_for_programs() {
    let world = shelf(Setup::default().origin).await;
    let all = world.get("/stats.json").await;
    assert_eq!(all.header("content-type"), "application/json");
    let all = all.json();
    assert_eq!(
        (&all["reviews"], &all["books"], &all["authors"], &all["words"]),
        (&4.into(), &3.into(), &1.into(), &12.into())
    );
    assert_eq!(all["pages"]["total"], 1097);
    assert_eq!((&all["pages"]["known"], &all["pages"]["average"]), (&2.into(), &549.into()));
    assert_eq!(all["pages"]["longest"]["url"], "https://books.example/@ana/dune");
    assert_eq!(all["ratings"]["average_stars"], 4.17);
    assert_eq!(all["ratings"]["in_words"][0]["name"], "B+");
    assert_eq!(all["years"][1]["year"], 2024);
    assert_eq!(all["years"][1]["months"][2], 2);
    assert_eq!(all["top_subjects"][0]["name"], "desert");
    assert_eq!(all["page"], "https://books.example/stats");

    let page = world.page("/stats").await;
    for words in ["4.17", "1,097", "March 2024: 2 reviews", "1960s", "B+", "href=\"/stats.json\"", "/stats?year=2023"] {
        assert!(page.contains(words), "{words}");
    }
    let of_2024 = world.get("/stats.json?year=2024").await.json();
    assert_eq!((&of_2024["reviews"], &of_2024["year"]), (&2.into(), &2024.into()));
    assert!(world.page("/stats?year=2024").await.contains("The most in a month were 2 reviews in March 2024."));
    let ana = world.get("/stats/@ana.json").await.json();
    assert_eq!((&ana["reviewer"], &ana["reviews"]), (&"ana".into(), &4.into()));
    for missing in ["/stats?year=1999", "/stats/@nobody", "/stats/ana", "/stats.xml"] {
        assert_eq!(world.status(missing).await, 404, "{missing}");
    }
    assert_eq!(world.status("/stats?year=soon").await, 200, "what is no year asks for all of them");
}

#[tokio::test]
async fn people_find_the_figures_and_a_save_changes_them() {
    let world = shelf(Setup::default().origin).await;
    assert!(world.page("/sitemap.xml").await.contains("<loc>https://books.example/stats</loc>"));
    for page in ["/", "/@ana/dune", "/archive"] {
        assert!(world.page(page).await.contains("href=\"/stats\""), "{page}");
    }
    assert!(world.page("/@ana").await.contains("href=\"/stats/@ana\""));
    let asked = world.get("/stats.json").await;
    world.save("more.md", review_with("More", "x", &["date: 2025-05-05"]));
    world.look().await;
    let headers = [("if-none-match", asked.header("etag"))];
    let again =
        world.ask(reqwest::Method::GET, "/stats.json", &headers.each_ref().map(|(n, v)| (*n, v.as_str()))).await;
    assert_eq!((again.status, again.json()["reviews"].as_u64()), (200, Some(5)));
}

#[tokio::test]
async fn a_reviewers_figures_are_where_people_look_unless_a_book_is_called_so() {
    let world = shelf(Setup::default().origin).await;
    let answer = world.get("/@ana/stats").await;
    assert_eq!((answer.status, answer.header("location").as_str()), (307, "/stats/@ana"));
    world.save("stats.md", review_with("Stats", "A book about numbers.", &[]));
    world.look().await;
    assert!(world.page("/@ana/stats").await.contains("A book about numbers."));
    assert!(world.page("/stats/@ana").await.contains("All years"));
}

#[tokio::test]
async fn an_empty_site_counts_nothing() {
    let world = World::empty().await;
    assert!(world.page("/stats").await.contains("nothing to count yet"));
    assert_eq!(world.get("/stats.json").await.json()["reviews"], 0);
    assert!(!world.page("/sitemap.xml").await.contains("/stats"));
}

#[tokio::test]
async fn the_plots_are_drawn_at_every_width_by_day_and_by_night() {
    let Some(browser) = Browser::start().await else { return };
    let world = shelf(None).await;
    let origin = world.running().origin.clone();
    for (name, path) in [("stats", "/stats"), ("stats-year", "/stats?year=2024")] {
        for scheme in ["light", "dark"] {
            browser.prefer_colour_scheme(scheme).await;
            browser.open(&format!("{origin}{path}")).await;
            for width in [390, 1280] {
                browser.screenshot(&format!("site-{name}-{scheme}"), width).await;
                let script = "const plots = [...document.querySelectorAll('svg[role=img]')]; \
                              const text = plots.flatMap(plot => [...plot.querySelectorAll('text')]); \
                              return [document.documentElement.scrollWidth - window.innerWidth, plots.length, \
                              Math.min(...plots.map(plot => plot.getBoundingClientRect().width)), \
                              Math.min(...text.map(one => one.getBoundingClientRect().height)), \
                              text.filter(one => { const box = one.getBoundingClientRect(); \
                              return box.left < 0 || box.right > window.innerWidth }).length]";
                let seen = browser.client.execute(script, Vec::new()).await.unwrap();
                let seen: Vec<f64> = seen.as_array().unwrap().iter().map(|one| one.as_f64().unwrap()).collect();
                let [overflow, plots, narrowest, lowest, outside] = seen[..] else { panic!("{seen:?}") };
                assert!(overflow <= 0.0 && outside == 0.0, "{path} is wider than {width}: {seen:?}");
                assert!(plots >= 3.0 && narrowest > 250.0, "{path} at {width}: {seen:?}");
                assert!(lowest >= 9.0, "{path} at {width}: letters of {lowest} pixels");
            }
        }
    }
    assert!(browser.complaints().await.is_empty());
}
