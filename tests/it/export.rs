//! Leaving with everything: what is exported reads back, and a copy of the site is whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use reviewd::{
    control,
    domain::Review,
    export::{self, Form, Wish},
    intake::parse::{self, Context, Reading, SourceFile},
};
use scraper::{Html, Selector};
use serde_json::Value;
use url::Url;

use crate::{
    commands::Home,
    world::{self, ORIGIN, Setup, World, handle, picture, review_with},
};

const GOODREADS: &str = "Book Id,Title,Author,Author l-f,Additional Authors,ISBN,ISBN13,My Rating,Average Rating,Publisher,Binding,\
Number of Pages,Year Published,Original Publication Year,Date Read,Date Added,Bookshelves,Bookshelves with positions,\
Exclusive Shelf,My Review,Spoiler,Private Notes,Read Count,Owned Copies
1,\"Dune (Dune, #1)\",Frank  Herbert,\"Herbert, Frank\",,\"=\"\"0441172717\"\"\",\"=\"\"9780441172719\"\"\",5,4.25,Ace,Paperback,412,1990,\
1965,2021/05/11,2021/04/01,\"favourites, space\",,read,\"Sand.<br/><br/>He <spoiler>wins</spoiler>. [b:Emma|6969] is [i]not[/i] \
sand: <a href=\"\"https://a.example/?a=1&amp;b=2\"\">see</a>.\",true,\"lent to Bob\",1,0
2,Good Omens,Terry Pratchett,\"Pratchett, Terry\",\"Neil Gaiman, Somebody Else\",\"=\"\"\"\"\",\"=\"\"\"\"\",0,4.25,,,,,,,2021/04/01,,,read,\
\"Both * laugh_ed_ at 5 < 6.\",,,1,0
3,Middlemarch,George Eliot,\"Eliot, George\",,\"=\"\"\"\"\",\"=\"\"\"\"\",4,4.0,,,,,1871,,2019/03/04,,,read,,,,1,0
";

const STORYGRAPH: &str = "Title,Authors,Contributors,ISBN/UID,Format,Read Status,Date Added,Last Date Read,Dates Read,Read Count,Moods,\
Pace,Star Rating,Review,Tags,Owned?
Piranesi,Susanna Clarke,,9781526622426,paperback,read,2021/01/01,2023/02/03,\"2021/05/01-2021/05/11, 2023/01/30-2023/02/03\",2,,,4.25,\
\"<div>Tides &amp; statues.</div>\",\"space, green\",No
";

const BOOKWYRM: &str = "title,author_text,remote_id,isbn_10,isbn_13,start_date,finish_date,rating,review_name,review_cw,review_content,\
review_published,shelf,shelf_name
Solaris,Stanisław Lem,https://b.example/book/1,,,2021-05-01,2021-05-11,4.5,The sea looks back,The end,<p>An <em>ocean</em>.</p><p>More.</p>,\
2021-05-12T08:00:00+00:00,read,Read
";

const LETTERBOXD: &str = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Review,Tags,Watched Date
2021-05-12,Alien,1979,https://boxd.it/abc,4.5,,In space.,horror,2021-05-11
";

const LIBRARYTHING: &str = "Book Id\tTitle\tPrimary Author\tReview\tRating\tISBN\tDate Read\tTags\tCollections
7\tEmma\tAusten, Jane\tSays \"sand\" a lot.\t3.5\t[0441172717]\t[2007-05-08]\tclassic\tYour library
";

const WORDPRESS: &str = "<?xml version=\"1.0\"?>\n<rss><channel><link>https://blog.example</link>
<item><title>Book Review: Ubik by Philip K. Dick</title><link>https://blog.example/2021/05/ubik/</link>
<content:encoded><![CDATA[Spray &amp; coins.\n\nTwo <em>lines</em>\nhere.]]></content:encoded><wp:post_id>7</wp:post_id>
<wp:post_date_gmt>2021-05-12 08:00:00</wp:post_date_gmt><wp:post_name>ubik</wp:post_name><wp:status>publish</wp:status>
<wp:post_type>post</wp:post_type><category domain=\"post_tag\"><![CDATA[space]]></category>
<wp:comment><wp:comment_author>Bob the reader</wp:comment_author><wp:comment_author_email>bob@example.org</wp:comment_author_email>
<wp:comment_date_gmt>2021-05-13 09:00:00</wp:comment_date_gmt><wp:comment_content><![CDATA[I <em>liked</em> it.]]></wp:comment_content>
<wp:comment_approved>1</wp:comment_approved></wp:comment></item></channel></rss>";

/// What has to survive: everything a file says but where it came from and how a number was written.
fn reviews(folder: &Path) -> BTreeMap<String, Review> {
    let context =
        Context { reviewer_name: "Ana Sol", reviewer_handle: "ana", rating_scale: Some(5.0), among_others: false };
    let mut reviews = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let (name, bytes) = (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
        let parsed = parse::parse(&SourceFile { path: &name, bytes: &bytes, siblings: &[] }, &context);
        let Reading::Review(mut review) = parsed.reading else { panic!("{name}: {:?}", parsed.problems) };
        if let Some(rating) = review.rating.as_mut().filter(|rating| rating.numbers().is_some()) {
            rating.raw.clear();
        }
        review.body.source = review.body.source.trim().to_owned();
        reviews.insert(name, *review);
    }
    reviews
}

fn differing(one: &BTreeMap<String, Review>, other: &BTreeMap<String, Review>) -> Vec<String> {
    let names: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let differ = names.into_iter().filter(|name| one.get(*name) != other.get(*name));
    differ.map(|name| format!("{name}:\n{:#?}\n{:#?}", one.get(name), other.get(name))).collect()
}

#[tokio::test]
async fn exports_of_every_kind_are_imported_served_exported_and_imported_again_unchanged() {
    let home = Home::new("");
    for (kind, export) in [
        ("goodreads", GOODREADS),
        ("storygraph", STORYGRAPH),
        ("bookwyrm", BOOKWYRM),
        ("letterboxd", LETTERBOXD),
        ("librarything", LIBRARYTHING),
        ("wordpress", WORDPRESS),
    ] {
        fs::write(home.path(kind), export).unwrap();
        let output = home.run(&["import", kind, kind, "--into", "reviews"]).await;
        assert_eq!(output.code, 0, "{kind}: {output}");
    }
    let first = reviews(&home.path("reviews"));
    assert_eq!(first.len(), 8);
    let (daemon, address) = home.serve(&[]).await;
    home.until("live", 8).await;
    // A comment of the blog stands on the page as what it is, and nowhere else.
    let page = world::fetch(&format!("{address}/@ana/ubik")).await.text().to_owned();
    assert!(
        page.contains("From the old blog") && page.contains("Bob the reader") && page.contains("I <em>liked</em> it.")
    );
    assert!(page.contains("Nobody has said anything yet"), "it is no reply");
    for feed in ["/feed.json", "/feed.xml"] {
        assert!(!world::fetch(&format!("{address}{feed}")).await.text().contains("Bob the reader"));
    }
    // It counts as something said about the review, and is read where replies are.
    let ubik = world::fetch(&format!("{address}/tags/space/feed.xml")).await.text().to_owned();
    assert!(ubik.contains("<slash:comments>1</slash:comments>") && ubik.contains("/@ana/ubik/replies.xml"), "{ubik}");
    let said = world::fetch(&format!("{address}/@ana/ubik/replies.xml")).await.text().to_owned();
    assert!(
        said.contains("<dc:creator>Bob the reader</dc:creator>") && said.contains("I <em>liked</em> it."),
        "{said}"
    );
    assert!(said.contains("/@ana/ubik#comment-1</link>") && !said.contains("socialInteract"), "{said}");
    assert!(page.contains("id=\"comment-1\""));
    let listed = home.json(&["replies", "list", "--json"]).await;
    let [comment] = listed.as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!((comment["state"].as_str(), comment["author"].as_str()), (Some("imported"), Some("Bob the reader")));
    assert_eq!((comment["review"].as_str(), comment["text"].as_str()), (Some("ubik"), Some("I *liked* it.")));
    assert!(!listed.to_string().contains("bob@example.org"));
    let exported = home.json(&["export", "--to", "csv", "--out", "mine.csv", "--json"]).await;
    assert_eq!((exported["reviews"].as_u64(), exported["files"].as_u64()), (Some(8), Some(1)));
    assert_ne!(home.run(&["export", "--to", "csv", "--out", "mine.csv"]).await.code, 0, "nothing is overwritten");
    drop(daemon);

    let output = home.run(&["import", "goodreads", "mine.csv", "--into", "again"]).await;
    assert_eq!(output.code, 0, "{output}");
    let second = reviews(&home.path("again"));
    assert_eq!(differing(&first, &second), [""; 0]);
    // Once more into the same place: nothing is new.
    let output = home.run(&["import", "goodreads", "mine.csv", "--into", "again"]).await;
    assert!(output.out.contains("0 files written") && output.out.contains("8 there already"), "{output}");

    // Without the daemon the same table comes out.
    let output = home.run(&["export", "--to", "csv", "--out", "without.csv"]).await;
    assert_eq!(output.code, 0, "{output}");
    let read = |name: &str| fs::read_to_string(home.path(name)).unwrap();
    assert_eq!(read("without.csv"), read("mine.csv"));

    // Another program sees Goodreads' own columns only: whole stars, HTML, and nothing private.
    let plain = without_our_column(&read("mine.csv"));
    assert!(plain.contains("<spoiler>wins</spoiler>") && plain.contains("\"Dune (Dune, #1)\""), "{plain}");
    assert!(!plain.contains("lent to Bob"));
    fs::write(home.path("plain.csv"), plain.replace(",,Good Omens", ",99,Good Omens")).unwrap();
    let changed = read("mine.csv").replacen("Tides &amp; statues.", "Tides of March.", 1);
    fs::write(home.path("changed.csv"), changed).unwrap();
    home.run(&["import", "goodreads", "changed.csv", "--into", "changed"]).await;
    let piranesi = &reviews(&home.path("changed"))["piranesi.md"];
    assert_eq!(piranesi.body.source, "Tides of March.", "what somebody changed in the table counts");
    assert_eq!(piranesi.rating.as_ref().unwrap().numbers(), Some((4.25, 5.0)));
}

/// The table as a program sees it that does not know our column.
fn without_our_column(table: &str) -> String {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(table.as_bytes());
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in reader.records() {
        writer.write_record(record.unwrap().iter().take(24)).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// A site with several pages of everything, pictures, odd names, and two reviewers.
async fn large_site() -> World {
    let world = World::prepare(Setup {
        reviewers: "[[reviewer]]\nhandle = \"ana\"\nname = \"Ana Sol\"\nfolder = \"reviews\"\n\
                    [[reviewer]]\nhandle = \"bo\"\nname = \"Bo\"\nfolder = \"others\"\n",
        settings: "[feeds]\nitems = 10\n",
        ..Setup::default()
    });
    fs::create_dir(world.home().join("others")).unwrap();
    fs::write(world.home().join("others/emma.md"), review_with("Emma", "By Bo.", &["rating: 3/5"])).unwrap();
    world.save("cover.jpg", picture([200, 0, 0]));
    for number in 0..64 {
        let date = format!("date: 20{:02}-03-04", 10 + number % 12);
        let facts = ["tags: [Science Fiction, \"50% off\", \"a/b?c\"]", "rating: 4.5/5", date.as_str()];
        world.save(&format!("book-{number}.md"), review_with(&format!("Book {number}"), "Words.", &facts));
    }
    let facts = ["cover: cover.jpg", "aliases: [/2019/old-dune/, /old.html]", "isbn: 9780441172719", "spoilers: true"];
    let words = "See [the other](/@ana/book-1), [its tag](/tags/science-fiction), [an answer](/interact?uri=x) and \
                 [my page](https://books.example/@ana).\n\n![A map](cover.jpg)\n\nWrite `<a href=\"/nowhere\">`.";
    world.save("dune.md", review_with("Dune", words, &facts));
    world
}

async fn exported(world: &World, form: Form, reviewer: Option<&str>) -> PathBuf {
    let path = world.home().join(format!("export-{form:?}-{}", reviewer.unwrap_or("all")));
    let mut file = tokio::fs::File::create(&path).await.unwrap();
    let wish = Wish { form, reviewer: reviewer.map(handle) };
    control::export(&world.data().join("control.sock"), &wish, &mut file).await.unwrap().unwrap();
    path
}

#[tokio::test]
async fn every_link_of_a_static_copy_leads_to_a_file_of_it() {
    let mut world = large_site().await;
    world.start().await;
    // Pictures are prepared one after the other.
    world.settle().await;
    let copy = world.home().join("copy");
    export::unpack(&exported(&world, Form::Site, None).await, &copy).unwrap();
    let files = files_under(&copy);
    for expected in [
        "index.html",
        "404.html",
        "page/2/index.html",
        "@ana/dune/index.html",
        "@bo/emma/index.html",
        "@ana/page/4/index.html",
        "tags/science-fiction/page/2/index.html",
        "tags/b%3Fc/index.html",
        "tags/50%25-off/feed.xml",
        "books/9780441172719/index.html",
        "authors/ada-writer/index.html",
        "ratings/4.5/index.html",
        "archive/index.html",
        "archive/year/2011/index.html",
        "feed.xml",
        "@ana/atom.xml",
        "feed/archive/1.xml",
        "feed/archive/1.json",
        "sitemap.xml",
        "robots.txt",
        "2019/old-dune/index.html",
        "old.html",
    ] {
        assert!(files.contains(expected), "{expected} is not among {files:#?}");
    }
    assert!(files.iter().any(|file| file.starts_with("media/") && file.ends_with(".jpg")));
    let mut broken = Vec::new();
    let mut followed = 0;
    for file in &files {
        for link in links_of(&copy, file) {
            followed += 1;
            if let Some(why) = broken_link(&copy, file, &link) {
                broken.push(format!("{file}: {link}: {why}"));
            }
        }
    }
    // The scheme of a tag in a feed is a name, and the answer form is the site's own.
    broken.retain(|one| !one.contains(&format!(" {ORIGIN}/tags/:")) && !one.contains("/interact?uri=x"));
    assert_eq!(broken, [""; 0]);
    assert!(followed > 2000, "only {followed} links were found");

    let dune = fs::read_to_string(copy.join("@ana/dune/index.html")).unwrap();
    assert!(dune.contains("href=\"../book-1/index.html\""), "{dune}");
    assert!(dune.contains(&format!("<link rel=\"canonical\" href=\"{ORIGIN}/@ana/dune\">")), "{dune}");
    assert!(dune.contains("&lt;a href=\"/nowhere\"&gt;"), "words are no links: {dune}");
    assert!(
        !dune.contains("action=\"/search\"") && !dune.contains("answer-form"),
        "nothing asks a program that is gone"
    );
    let served = world.page("/@ana/dune").await;
    let prose = |page: &str| {
        Html::parse_document(page).select(&selector(".e-content")).next().map(|one| one.text().collect::<String>())
    };
    assert!(prose(&dune).is_some());
    assert_eq!(prose(&dune), prose(&served));
    // What stands behind the feeds of everything and of each reviewer is in their archives; a tag's feed is its newest.
    assert!(!files.iter().any(|file| file.contains("/from/")));
}

#[tokio::test]
async fn an_account_archive_holds_what_is_served_under_the_same_ids() {
    let mut world = large_site().await;
    world.start().await;
    world.settle().await;
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(
        fs::File::open(exported(&world, Form::ActivitypubArchive, Some("ana")).await).unwrap(),
    ));
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for member in tar.entries().unwrap() {
        let mut member = member.unwrap();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        files.insert(member.path().unwrap().display().to_string(), bytes);
    }
    let json = |name: &str| serde_json::from_slice::<Value>(&files[name]).unwrap();
    let (actor, outbox) = (json("actor.json"), json("outbox.json"));
    assert_eq!(actor["id"], format!("{ORIGIN}/users/ana"));
    assert!(actor["publicKey"]["publicKeyPem"].as_str().unwrap().contains("BEGIN PUBLIC KEY"));
    let items = outbox["orderedItems"].as_array().unwrap();
    assert_eq!((items.len(), outbox["totalItems"].as_u64()), (65, Some(65)));
    let activity_json = [("accept", "application/activity+json")];
    for item in items.iter().step_by(16).chain(items.iter().find(|item| item["object"]["attachment"].is_array())) {
        let path = item["id"].as_str().unwrap().strip_prefix(ORIGIN).unwrap().to_owned();
        let served = world.ask(reqwest::Method::GET, &path, &activity_json).await;
        let served: Value = serde_json::from_str(served.text()).unwrap();
        assert_eq!((&served["id"], &served["object"]["id"]), (&item["id"], &item["object"]["id"]));
        assert_eq!(served["object"]["content"], item["object"]["content"]);
    }
    let dune = items.iter().find(|item| item["object"]["attachment"][0].is_object()).expect("dune has a cover");
    let picture = dune["object"]["attachment"][0]["url"].as_str().unwrap().trim_start_matches('/');
    assert!(files[picture].starts_with(&[0xff, 0xd8]), "{picture} is a JPEG");
}

#[tokio::test]
async fn a_feed_and_a_list_of_feeds_hold_everything() {
    let mut world = large_site().await;
    world.start().await;
    let feed: Value = serde_json::from_slice(&fs::read(exported(&world, Form::Jsonfeed, None).await).unwrap()).unwrap();
    assert_eq!(feed["items"].as_array().unwrap().len(), 66);
    let served: Value = serde_json::from_str(&world.page("/feed.json").await).unwrap();
    assert_eq!(feed["items"][0]["id"], served["items"][0]["id"]);
    let own: Value =
        serde_json::from_slice(&fs::read(exported(&world, Form::Jsonfeed, Some("bo")).await).unwrap()).unwrap();
    assert_eq!(own["items"].as_array().unwrap().len(), 1);
    let opml = fs::read_to_string(exported(&world, Form::Opml, None).await).unwrap();
    let opml = roxmltree::Document::parse(&opml).unwrap();
    let feeds: Vec<_> = opml.descendants().filter_map(|node| node.attribute("xmlUrl")).collect();
    assert_eq!(feeds, ["/atom.xml", "/@ana/atom.xml", "/@bo/atom.xml"].map(|path| format!("{ORIGIN}{path}")));
    for feed in feeds {
        assert_eq!(world.status(feed.strip_prefix(ORIGIN).unwrap()).await, 200);
    }
}

#[tokio::test]
async fn an_export_that_cannot_be_made_says_why_and_leaves_nothing() {
    let home = Home::of(&["Dune"]);
    let output = home.run(&["export", "--to", "csv", "--out", "out/x.csv"]).await;
    assert!(output.code == 1 && output.err.contains("there is no database"), "{output}");
    let (_daemon, _) = home.serve(&[]).await;
    home.until("live", 1).await;
    let output = home.run(&["export", "--to", "csv", "--reviewer", "nobody", "--out", "out/x.csv"]).await;
    assert!(output.code == 1 && output.err.contains("no reviewer @nobody"), "{output}");
    fs::create_dir(home.path("photos")).unwrap();
    fs::File::create(home.path("photos/cat.jpg")).unwrap().write_all(b"cat").unwrap();
    let output = home.run(&["export", "--to", "site", "--out", "photos"]).await;
    assert!(output.code == 1 && output.err.contains("no copy made by reviewd"), "{output}");
    assert_eq!(files_under(&home.path("photos")), BTreeSet::from(["cat.jpg".to_owned()]));
    assert_eq!(files_under(&home.path("out")), BTreeSet::new());
    for _ in 0..2 {
        let output = home.run(&["export", "--to", "site", "--out", "copy"]).await;
        assert!(output.code == 0 && home.path("copy/@ana/dune/index.html").exists(), "{output}");
    }
}

fn selector(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

/// Every file below, by its path there.
fn files_under(directory: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).unwrap().map(|entry| entry.unwrap()) {
            if entry.file_type().unwrap().is_dir() {
                waiting.push(entry.path());
            } else {
                files.insert(entry.path().strip_prefix(directory).unwrap().display().to_string());
            }
        }
    }
    files
}

/// Every address that a file of the copy names.
fn links_of(copy: &Path, file: &str) -> BTreeSet<String> {
    let Ok(text) = fs::read_to_string(copy.join(file)) else { return BTreeSet::new() };
    let mut links = BTreeSet::new();
    if file.ends_with(".html") {
        let page = Html::parse_document(&text);
        for attribute in ["href", "src", "action"] {
            let elements = page
                .select(&selector(&format!("[{attribute}]")))
                .map(|one| one.value().attr(attribute).unwrap().to_owned())
                .collect::<Vec<_>>();
            links.extend(elements);
        }
        for element in page.select(&selector("[srcset]")) {
            let candidates = element.value().attr("srcset").unwrap().split(", ");
            links.extend(candidates.map(|one| one.split(' ').next().unwrap().to_owned()));
        }
    } else if file.ends_with(".css") {
        links.extend(text.split("url(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
    } else if file.ends_with(".xml") || file.ends_with(".json") || file.ends_with(".txt") {
        for rest in text.split(ORIGIN).skip(1) {
            let path = rest.split(|c: char| c.is_whitespace() || "\"'<>\\)&".contains(c)).next().unwrap();
            links.insert(format!("{ORIGIN}{path}"));
        }
    }
    links
}

/// Why a web server with this copy, and nothing else, would not answer.
fn broken_link(copy: &Path, file: &str, link: &str) -> Option<String> {
    let served_at =
        Url::parse(&format!("{ORIGIN}/")).unwrap().join(&file.replace('%', "%25").replace('?', "%3F")).unwrap();
    let url = served_at.join(link).ok()?;
    if url.origin() != served_at.origin() {
        return None;
    }
    // A static file has no queries.
    if url.query().is_some() {
        return Some("it asks a program".to_owned());
    }
    let path = percent_encoding::percent_decode_str(url.path()).decode_utf8().unwrap().into_owned();
    let target = copy.join(path.trim_start_matches('/'));
    let target = if target.is_dir() { target.join("index.html") } else { target };
    if !target.is_file() {
        return Some(format!("there is no {}", target.display()));
    }
    let fragment = url.fragment().filter(|fragment| !fragment.is_empty())?;
    let page = fs::read_to_string(&target).unwrap();
    (!page.contains(&format!("id=\"{fragment}\""))).then(|| format!("nothing there is called {fragment}"))
}

#[test]
fn a_broken_link_is_found() {
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("@ana")).unwrap();
    fs::write(copy.path().join("@ana/index.html"), "<p id=\"a\">").unwrap();
    fs::write(copy.path().join("index.html"), "").unwrap();
    for (link, fine) in [
        ("@ana/index.html", true),
        ("/@ana", true),
        ("@ana/#a", true),
        ("https://elsewhere.example/", true),
        ("@ana/#b", false),
        ("/?page=2", false),
        ("@bo/index.html", false),
    ] {
        assert_eq!(broken_link(copy.path(), "index.html", link).is_none(), fine, "{link}");
    }
}
