//! Every page, read back as a browser, a search engine and a feed reader would.

mod fixtures;

use std::collections::BTreeSet;

use scraper::{ElementRef, Html, Selector};
use serde_json::Value;

use super::{CONTENT_SECURITY_POLICY, Door, Person, statics};
use fixtures::{World, stranger};

/// Texts that try to become markup, in text, in attributes and in the data block.
const ATTACKS: [&str; 4] = [
    "</script><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)' x='",
    "<!--</title><svg/onload=alert(1)>{{7*7}}",
];

fn parsed(html: &str) -> Html {
    Html::parse_document(html)
}

fn all<'a>(document: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    document.select(&Selector::parse(selector).unwrap()).collect()
}

fn attributes<'a>(document: &'a Html, selector: &str, name: &str) -> Vec<&'a str> {
    all(document, selector).iter().filter_map(|element| element.attr(name)).collect()
}

fn text_of(document: &Html, selector: &str) -> String {
    let words: Vec<String> =
        all(document, selector).iter().flat_map(|e| e.text()).map(|text| text.trim().to_owned()).collect();
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn json_ld(document: &Html) -> Value {
    let blocks = all(document, "script[type='application/ld+json']");
    assert_eq!(blocks.len(), 1);
    serde_json::from_str(&blocks[0].inner_html()).unwrap()
}

/// What holds for every page, whatever stands in it.
fn check_page(name: &str, html: &str) {
    let document = parsed(html);
    for element in
        ["html", "main", "div", "p", "span", "a", "ul", "ol", "li", "dl", "dd", "section", "article", "details"]
    {
        let opened = html.matches(&format!("<{element} ")).count() + html.matches(&format!("<{element}>")).count();
        assert_eq!(opened, html.matches(&format!("</{element}>")).count(), "{name}: every {element} is closed");
    }
    assert_eq!(all(&document, "h1").len(), 1, "{name}: one first heading");
    assert_eq!(all(&document, "main").len(), 1, "{name}: one main part");
    assert_eq!(all(&document, "head > title").len(), 1, "{name}: one title");
    assert!(attributes(&document, "html", "lang").iter().all(|lang| !lang.is_empty()), "{name}: a language");

    let ids = attributes(&document, "[id]", "id");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{name}: ids are unique");
    for target in attributes(&document, "[for]", "for").iter().chain(&attributes(
        &document,
        "[aria-labelledby]",
        "aria-labelledby",
    )) {
        assert!(ids.contains(target), "{name}: {target} is there");
    }

    for element in all(&document, "*") {
        for (attribute, value) in element.value().attrs() {
            assert!(attribute != "style" && !attribute.starts_with("on"), "{name}: {attribute}={value}");
        }
    }
    for script in all(&document, "script") {
        assert_eq!(script.attr("type"), Some("application/ld+json"), "{name}");
    }
    for picture in all(&document, "img") {
        assert!(picture.attr("alt").is_some() && picture.attr("width").is_some() && picture.attr("height").is_some());
        assert!(picture.attr("src").is_some_and(|src| src.starts_with("/media/")), "{name}: our own pictures only");
    }
    assert_eq!(all(&document, "iframe, object, embed, base, style").len(), 0, "{name}");
    for drawing in all(&document, "svg") {
        let is_told = drawing.attr("role") == Some("img") && drawing.attr("aria-labelledby").is_some();
        assert!(
            is_told || drawing.attr("aria-hidden") == Some("true"),
            "{name}: a drawing has a name or is decoration"
        );
    }
    assert!(all(&document, "footer a").len() >= 4, "{name}: a way to feeds, archive, search and source");
}

#[test]
fn every_page_is_whole_and_needs_no_script() {
    for (name, html) in World::new().pages() {
        check_page(&name, &html);
    }
}

#[test]
fn no_word_from_outside_becomes_markup_on_any_page() {
    let shape = |html: &str| all(&parsed(html), "*").iter().map(|e| e.value().name().to_owned()).collect::<Vec<_>>();
    let harmless = World::hostile("harmless").pages();
    for attack in ATTACKS {
        for ((name, html), (_, expected)) in World::hostile(attack).pages().iter().zip(&harmless) {
            check_page(name, html);
            assert_eq!(shape(html), shape(expected), "{name}: {attack} added or took an element");
        }
    }
}

#[test]
fn links_stay_on_the_site_or_name_it() {
    for (name, html) in World::new().pages() {
        let document = parsed(&html);
        // What strangers say of themselves leads to their places, and is marked so.
        for href in attributes(&document, "a[href]:not([rel~=ugc]):not([rel='nofollow noopener']), link[href]", "href")
        {
            let ours = href.starts_with('/') || href.starts_with('#') || href.starts_with("https://books.example");
            let told = ["https://code.example/", "https://ana.example", "https://social.example/"];
            assert!(ours || told.iter().any(|start| href.starts_with(start)), "{name}: {href}");
        }
    }
}

#[test]
fn every_class_of_a_rating_or_jacket_is_in_the_stylesheet() {
    let style = std::str::from_utf8(&statics()[0].bytes).unwrap();
    for halves in 0..=10 {
        assert!(style.contains(&format!(".stars-{halves} {{")));
    }
    for (_, html) in World::new().pages() {
        for class in all(&parsed(&html), ".jacket").iter().flat_map(|jacket| jacket.value().classes()) {
            assert!(style.contains(&format!(".{class} ")), "{class}");
        }
    }
}

#[test]
fn a_reviews_head_tells_everything_that_link_cards_and_readers_ask() {
    let document = parsed(&World::new().review_page("dune"));
    let meta = |name: &str| {
        attributes(&document, &format!("meta[property='{name}'], meta[name='{name}']"), "content").join("|")
    };
    for (name, content) in [
        ("og:type", "article"),
        ("og:title", "Sand, power and worms"),
        ("og:site_name", "The Reading Lamp"),
        ("og:url", "https://books.example/@ana/dune"),
        ("og:locale", "en_GB"),
        ("og:image", "https://books.example/media/dune.jpg"),
        ("og:image:alt", "Cover of Dune by Frank Herbert"),
        ("og:image:width", "1067"),
        ("article:published_time", "2026-11-21T18:30:00Z"),
        ("article:modified_time", "2026-11-22T09:00:00Z"),
        ("fediverse:creator", "@ana@books.example"),
    ] {
        assert_eq!(meta(name), content, "{name}");
    }
    assert!(meta("description").starts_with("★★★★½ (4.5/5). "));
    assert_eq!(text_of(&document, "title"), "Sand, power and worms · The Reading Lamp");
    assert_eq!(attributes(&document, "link[rel=canonical]", "href"), ["https://books.example/@ana/dune"]);
    assert_eq!(
        attributes(&document, "link[rel=alternate]", "href"),
        [
            "https://books.example/users/ana/reviews/dune",
            "/@ana/atom.xml",
            "/@ana/feed.xml",
            "/@ana/feed.json",
            "/atom.xml",
            "/feed.xml",
            "/feed.json",
            "/@ana/dune/replies.xml"
        ]
    );
    let types = attributes(&document, "link[rel=alternate]", "type");
    let feeds = ["application/atom+xml", "application/rss+xml", "application/feed+json"];
    assert_eq!(types, [&["application/activity+json"], &feeds[..], &feeds[..], &["application/rss+xml"]].concat());
    assert_eq!(attributes(&document, "link[rel=next]", "href"), ["/@ana/never-let-me-go"]);
}

#[test]
fn search_engines_read_a_schema_org_review() {
    let review = json_ld(&parsed(&World::new().review_page("dune")));
    for (pointer, expected) in [
        ("/@type", "Review"),
        ("/url", "https://books.example/@ana/dune"),
        ("/inLanguage", "en-GB"),
        ("/datePublished", "2026-11-21T18:30:00Z"),
        ("/dateModified", "2026-11-22T09:00:00Z"),
        ("/author/@type", "Person"),
        ("/author/name", "Ana Petrović"),
        ("/author/url", "https://books.example/@ana"),
        ("/publisher/name", "The Reading Lamp"),
        ("/itemReviewed/@type", "Book"),
        ("/itemReviewed/name", "Dune"),
        ("/itemReviewed/author/0/name", "Frank Herbert"),
        ("/itemReviewed/isbn", "9780441172719"),
        ("/itemReviewed/image", "https://books.example/media/dune.jpg"),
        ("/itemReviewed/datePublished", "1965"),
    ] {
        assert_eq!(review.pointer(pointer).and_then(Value::as_str), Some(expected), "{pointer}");
    }
    assert_eq!(review["commentCount"], 204);
    assert_eq!(review["reviewRating"]["ratingValue"], 4.5);
    assert_eq!(review["reviewRating"]["bestRating"], 5.0);
    assert!(review["reviewBody"].as_str().unwrap().contains("ever alone"));
}

#[test]
fn a_rating_in_words_is_no_rating_for_machines() {
    let document = parsed(&World::new().review_page("voina-i-mir"));
    assert_eq!(json_ld(&document).get("reviewRating"), None);
    assert_eq!(all(&document, ".p-rating").len(), 0);
    assert_eq!(text_of(&document, ".review-stars"), "Hilariously long");
}

#[test]
fn microformats_tell_the_review_and_its_book() {
    let document = parsed(&World::new().review_page("dune"));
    let review = "article.h-review.h-entry";
    assert_eq!(text_of(&document, &format!("{review} h1.p-name")), "Sand, power and worms");
    assert_eq!(text_of(&document, &format!("{review} > header .p-author.h-card .p-name")), "Ana Petrović");
    assert_eq!(text_of(&document, &format!("{review} .p-item.h-item .p-name")), "Dune");
    assert_eq!(attributes(&document, &format!("{review} .p-item .u-photo"), "src"), ["/media/dune-thumb.jpg"]);
    assert_eq!(attributes(&document, "data.p-rating", "value"), ["4.5"]);
    assert_eq!(attributes(&document, "data.p-best", "value"), ["5"]);
    assert_eq!(attributes(&document, ".u-uid", "href"), ["/@ana/dune"]);
    assert_eq!(attributes(&document, ".review-head .dt-published", "datetime"), ["2026-11-21T18:30:00Z"]);
    assert!(text_of(&document, ".e-content").contains("Read it for the dinner."));
    assert_eq!(text_of(&document, ".review .stars .unseen"), "4.5 out of 5");
}

#[test]
fn a_review_that_gives_the_plot_away_is_folded_and_told_nowhere_else() {
    let html = World::new().review_page("rebecca");
    let document = parsed(&html);
    assert_eq!(html.matches("did not drown").count(), 1);
    assert_eq!(text_of(&document, "details.spoiler .e-content"), "The wife did not drown.");
    assert!(attributes(&document, "details", "open").is_empty());
    assert_eq!(json_ld(&document).get("reviewBody"), None);
    assert_eq!(
        attributes(&document, "meta[name=description]", "content"),
        ["★★★½ (3.5/5). A review of Rebecca by Daphne du Maurier."]
    );
}

#[test]
fn the_publishers_words_stay_folded_and_apart() {
    let document = parsed(&World::new().review_page("dune"));
    assert!(text_of(&document, "details.synopsis").contains("planet without rain"));
    assert!(!text_of(&document, ".e-content").contains("planet without rain"));
}

#[test]
fn a_review_without_words_or_without_cover_is_still_a_page() {
    let world = World::new();
    let silent = parsed(&world.review_page("middlemarch"));
    assert_eq!(all(&silent, ".e-content").len(), 0);
    assert!(text_of(&silent, ".wordless").contains("without a review"));

    let bare = parsed(&world.review_page("voina-i-mir"));
    assert_eq!(text_of(&bare, ".review .jacket"), "Война и мир Лев Толстой");
    assert!(attributes(&bare, "meta[property='og:image']", "content").is_empty());
}

#[test]
fn a_review_in_another_language_says_so() {
    let world = World::new();
    let document = parsed(&world.review_page("kokoro"));
    assert_eq!(attributes(&document, "html", "lang"), ["en-GB"]);
    assert_eq!(attributes(&document, "article.review", "lang"), ["ja"]);
    assert_eq!(attributes(&document, "meta[property='og:locale']", "content"), ["ja"]);
    assert_eq!(attributes(&document, ".fold, .neighbours", "lang"), Vec::<&str>::new());
}

#[test]
fn a_conversation_tells_who_said_what_to_whom() {
    let document = parsed(&World::new().review_page("dune"));
    assert_eq!(text_of(&document, ".conversation-count"), "204 replies · Feed");
    assert_eq!(attributes(&document, "ol.thread > li", "id"), ["reply-1", "reply-2", "reply-3", "reply-4"]);
    let depth = |element: &ElementRef<'_>| {
        element.value().classes().find(|class| class.starts_with("depth-")).unwrap().to_owned()
    };
    let depths: Vec<String> = all(&document, "ol.thread > li").iter().map(depth).collect();
    assert_eq!(depths, ["depth-0", "depth-1", "depth-6", "depth-0"]);
    assert_eq!(text_of(&document, "#reply-1 .remark-text"), "Sand & worms .");
    assert_eq!(attributes(&document, "#reply-1 img.face", "src"), ["/media/avatars/bob.jpg"]);
    assert_eq!(attributes(&document, "#reply-1 .u-url time", "datetime"), ["2026-11-22T07:00:00Z"]);
    assert_eq!(attributes(&document, "#reply-1 .remark-meta a", "href"), ["https://social.example/@bob/1"]);
    assert_eq!(text_of(&document, "#reply-2 summary"), "Content warning: Spoilers for the end");
    assert_eq!(attributes(&document, "#reply-2 .remark-text", "lang"), ["de"]);
    assert_eq!(text_of(&document, "#reply-2 .face"), "B", "a letter where there is no portrait");
    // The thread goes on from other pages.
    let links = attributes(&document, "#reply-2 .remark-meta a, #reply-3 .remark-meta a", "href");
    assert_eq!(links[1..], ["/@ana/dune#reply-1", "/@ana/dune?page=3#reply-99"], "and no javascript: {links:?}");
    assert_eq!(text_of(&document, "#reply-3 .label"), "Reviewer");
    assert!(text_of(&document, "#reply-4").contains("somebody at gone.example"));
    assert_eq!(text_of(&document, ".crowd summary"), "12 likes 1 boost 1 quote");
    assert!(text_of(&document, ".crowd").contains("and 10 more"));
    assert_eq!(
        attributes(&document, ".conversation .pager a", "href"),
        ["/@ana/dune#conversation", "/@ana/dune?page=3#conversation"]
    );
    assert_eq!(attributes(&document, ".conversation form", "action"), ["/interact"]);
    assert!(attributes(&document, ".conversation a[rel~=ugc]", "rel").iter().all(|rel| rel.contains("nofollow")));
}

#[test]
fn a_review_nobody_answered_has_a_quiet_line_and_the_box() {
    let document = parsed(&World::new().review_page("middlemarch"));
    assert_eq!(text_of(&document, ".conversation-count"), "Nobody has said anything yet.");
    assert_eq!(all(&document, ".thread, .crowds, .conversation .pager").len(), 0);
    let uri = attributes(&document, ".answer input[name=uri]", "value");
    assert_eq!(uri, ["https://books.example/users/ana/reviews/middlemarch"]);
    assert_eq!(attributes(&document, "link[href$='replies.xml']", "href"), Vec::<&str>::new());
}

#[test]
fn a_closed_conversation_has_no_box() {
    let mut world = World::new();
    world.conversation.door = Door::Closed;
    let document = parsed(&world.review_page("dune"));
    assert_eq!(all(&document, ".answer, .remark-answer").len(), 0);
    assert_eq!(text_of(&document, ".conversation-closed"), "This conversation is closed.");
}

#[test]
fn a_name_cannot_turn_the_line_around_or_pretend_to_be_markup() {
    for (name, shown) in [
        ("Bob \u{202E}nimda", "Bob nimda"),
        ("<b>Bob</b><script>x</script>", "Bob"),
        ("\u{3164}", "@bob@social.example"),
    ] {
        let person = Person::from_elsewhere(&stranger(name), None);
        assert_eq!((person.name.as_str(), person.address.as_str()), (shown, "@bob@social.example"));
    }
    let mut world = World::new();
    world.conversation.remarks[0].person = Person::from_elsewhere(&stranger("\u{202E}\u{2066}evil"), None);
    let html = world.review_page("dune");
    assert!(!html.contains(['\u{202E}', '\u{2066}']));
    assert!(html.contains("<bdi>evil</bdi>"), "and right-to-left letters stay among themselves");
}

#[test]
fn the_way_to_the_visitors_server_is_named_and_needs_no_script() {
    let pages = World::new().pages();
    let page = |wanted: &str| parsed(&pages.iter().find(|(name, _)| name == wanted).unwrap().1);
    let open = page("interact-open");
    let refresh = attributes(&open, "meta[http-equiv=refresh]", "content");
    assert_eq!(refresh, ["0; url=https://social.example/authorize?uri=x&y='"]);
    assert_eq!(text_of(&open, ".answer-way strong"), "social.example");
    for name in ["interact", "interact-again", "interact-search"] {
        assert_eq!(all(&page(name), "meta[http-equiv]").len(), 0, "{name}");
        assert_eq!(attributes(&page(name), ".answer-copy", "value"), ["https://books.example/users/ana/reviews/dune"]);
    }
    assert_eq!(all(&page("interact-again"), "[role=alert], [aria-invalid]").len(), 2);
}

#[test]
fn a_profile_names_its_actor_its_feeds_and_the_persons_other_addresses() {
    let pages = World::new().pages();
    let (_, html) = pages.iter().find(|(name, _)| name == "profile").unwrap();
    let document = parsed(html);
    assert_eq!(attributes(&document, "a[rel~=me]", "href"), ["https://ana.example", "https://social.example/@ana"]);
    assert_eq!(
        attributes(&document, "link[rel=alternate]", "href")[..4],
        ["https://books.example/users/ana", "/@ana/atom.xml", "/@ana/feed.xml", "/@ana/feed.json"]
    );
    assert_eq!(attributes(&document, "meta[property='og:type']", "content"), ["profile"]);
}

#[test]
fn pages_of_a_list_lead_to_each_other() {
    let pages = World::new().pages();
    let page = |wanted: &str| parsed(&pages.iter().find(|(name, _)| name == wanted).unwrap().1);
    let first = page("home");
    assert_eq!(attributes(&first, "[rel=prev]", "href"), Vec::<&str>::new());
    assert_eq!(attributes(&first, "[rel=next]", "href"), ["/?page=2", "/?page=2"]);
    let second = page("home-2");
    assert_eq!(attributes(&second, "link[rel=canonical]", "href"), ["https://books.example/?page=2"]);
    assert_eq!(attributes(&second, "[rel=prev]", "href"), ["/", "/"]);
    assert_eq!(attributes(&second, "[rel=next]", "href"), ["/?page=3", "/?page=3"]);
    assert_eq!(all(&second, ".front-lead").len(), 0, "only the front page has a lead");
}

#[test]
fn errors_and_searches_are_not_for_search_engines() {
    for (name, html) in World::new().pages() {
        let hidden = ["trouble", "search", "interact"].iter().any(|start| name.starts_with(start));
        let document = parsed(&html);
        assert_eq!(!attributes(&document, "meta[name=robots]", "content").is_empty(), hidden, "{name}");
        assert_eq!(attributes(&document, "link[rel=canonical]", "href").is_empty(), hidden, "{name}");
    }
}

#[test]
fn text_stands_out_from_the_paper_by_day_and_by_night() {
    let style = std::str::from_utf8(&statics()[0].bytes).unwrap();
    let (day, rest) = style.split_once("@media (prefers-color-scheme: dark)").unwrap();
    for (scheme, rules) in [("light", day), ("dark", rest)] {
        let colour = |name: &str| {
            let after = rules.split_once(&format!("--{name}: #")).unwrap().1;
            u32::from_str_radix(&after[..6], 16).unwrap()
        };
        for (text, ground) in
            [("ink", "paper"), ("ink-soft", "paper"), ("accent", "paper"), ("ink", "paper-raised"), ("paper", "accent")]
        {
            let contrast = contrast(colour(text), colour(ground));
            assert!(contrast >= 4.5, "{scheme}: {text} on {ground} is {contrast:.1}, and WCAG 2.2 AA wants 4.5");
        }
    }
}

/// <https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio>
fn contrast(one: u32, other: u32) -> f64 {
    let luminance = |colour: u32| {
        let channel = |shift: u32| {
            let value = f64::from(colour >> shift & 0xFF) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
    };
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

#[test]
fn a_small_page_reads_well_in_its_source() {
    let pages = World::new().pages();
    let mut html = pages.iter().find(|(name, _)| name == "search-nothing").unwrap().1.clone();
    for file in statics() {
        let stem = file.path.split('.').next().unwrap();
        html = html.replace(&file.path, &format!("{stem}.HASH"));
    }
    insta::assert_snapshot!(html);
}

#[test]
fn templates_never_turn_escaping_off() {
    let within = |directory: &str| std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let templates =
        within("src/site/templates").chain(within("src/site/templates/admin")).filter(|path| path.is_file());
    for path in templates {
        let source = std::fs::read_to_string(&path).unwrap();
        assert!(!source.contains("|safe") && !source.contains("| safe") && !source.contains("escape"), "{path:?}");
    }
}

#[test]
fn figures_are_plots_with_a_name_and_a_table() {
    let world = World::new();
    let document = parsed(&world.stats_page(None, None));
    let plots = all(&document, "svg[role=img]");
    assert!(plots.len() >= 3, "months, stars and decades");
    for plot in plots {
        let whole = plot.parent().and_then(ElementRef::wrap).unwrap();
        let within = |selector: &str| whole.select(&Selector::parse(selector).unwrap()).count();
        assert_eq!((within("svg > title"), within("svg > desc"), within("details table")), (1, 1, 1));
    }
    assert_eq!(text_of(&document, ".sums > div:first-child"), "reviews 8");
    assert_eq!(attributes(&document, ".years [aria-current]", "href"), ["/stats", "/stats"]);
    let ana = parsed(&world.stats_page(Some("ana"), None));
    assert_eq!(text_of(&ana, "h1"), "All years");
    assert_eq!(text_of(&ana, ".label"), "Statistics · Ana Petrović");
    assert_eq!(attributes(&ana, "link[type='application/json']", "href"), ["/stats/@ana.json"]);
}

#[test]
fn a_years_figures_read_well_in_their_source() {
    let mut world = World::new();
    world.published.truncate(2);
    let html = world.stats_page(None, Some(2026));
    let main = html.split("<main").nth(1).and_then(|rest| rest.split("</main>").next()).unwrap();
    insta::assert_snapshot!(main);
}

#[test]
fn figures_for_programs_are_stable() {
    let world = World::new();
    let figures = crate::site::statistics(&world.cards()[..2], &world.site.origin, None, None);
    insta::assert_snapshot!(crate::site::stats_json(&figures));
}

#[test]
fn the_policy_lets_in_what_a_page_uses_and_nothing_more() {
    insta::assert_snapshot!(CONTENT_SECURITY_POLICY.replace("; ", "\n"), @r"
    default-src 'none'
    img-src 'self'
    style-src 'self'
    font-src 'self'
    form-action 'self'
    base-uri 'none'
    frame-ancestors 'none'
    ");
}
