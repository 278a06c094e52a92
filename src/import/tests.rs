//! Exports of each kind, written after the formats' descriptions: what comes out, and what it reads back as.

use std::{fs, io::Write, path::Path};

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::{
    domain::Review,
    intake::parse::{self, Context, Reading, SourceFile},
};

pub(super) const GOODREADS: &str = "Book Id,Title,Author,Author l-f,Additional Authors,ISBN,ISBN13,My Rating,Average Rating,Publisher,Binding,\
Number of Pages,Year Published,Original Publication Year,Date Read,Date Added,Bookshelves,Bookshelves with positions,\
Exclusive Shelf,My Review,Spoiler,Private Notes,Read Count,Owned Copies
44767458,\"Dune (Dune, #1)\",Frank  Herbert,\"Herbert, Frank\",,\"=\"\"0441172717\"\"\",\"=\"\"9780441172719\"\"\",5,4.25,Ace,Paperback,\
412,1990,1965,2021/05/11,2021/04/01,\"favourites, space\",\"favourites (#1)\",read,\"Sand.<br/><br/>He <spoiler>wins</spoiler>. \
[b:Emma|6969] is [i]not[/i] sand.\",true,\"lent to Bob\",1,0
2,Emma,Jane Austen,\"Austen, Jane\",,\"=\"\"\"\"\",\"=\"\"\"\"\",0,4.05,,,,,1815,,2020/01/02,to-read,to-read (#3),to-read,,,,0,0
3,Middlemarch,George Eliot,\"Eliot, George\",,\"=\"\"\"\"\",\"=\"\"978014143954X\"\"\",4,4.0,,,,,1871,,2019/03/04,,,read,,,,1,0
4,Cut off,Somebody
";

/// Everything an export holds.
pub(super) fn rows(kind: Kind, export: &[u8]) -> Vec<Row> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("export");
    fs::write(&path, export).unwrap();
    let mut rows = Vec::new();
    read(kind, &path, &mut |row| rows.push(row)).unwrap();
    rows
}

pub(super) fn reviews(kind: Kind, export: &[u8]) -> Vec<Brought> {
    let review = |row| match row {
        Row::Review(review) => Some(*review),
        Row::Passed(_) => None,
    };
    rows(kind, export).into_iter().filter_map(review).collect()
}

/// The file of a review as the folder's parser understands it.
fn parsed(review: &Brought) -> Review {
    let text = file::text(review);
    let context = Context { reviewer_name: "Ana Sol", reviewer_handle: "ana", rating_scale: None, among_others: false };
    let path = format!("{}.md", file::stem(review));
    let parsed = parse::parse(&SourceFile { path: &path, bytes: text.as_bytes(), siblings: &[] }, &context);
    match parsed.reading {
        Reading::Review(review) => *review,
        other => unreachable!("{other:?} {:?}\n{text}", parsed.problems),
    }
}

pub(super) fn refused(kind: Kind, export: &[u8]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("export");
    fs::write(&path, export).unwrap();
    read(kind, &path, &mut |_| {}).unwrap_err().to_string()
}

#[test]
fn a_goodreads_export_comes_through_with_everything_but_the_private_notes() {
    let found = reviews(Kind::Goodreads, GOODREADS.as_bytes());
    assert_eq!(found.iter().map(|one| one.title.as_str()).collect::<Vec<_>>(), ["Dune", "Middlemarch"]);
    let text = file::text(&found[0]);
    insta::assert_snapshot!(text);
    assert!(!text.contains("Bob"));
    let dune = parsed(&found[0]);
    assert!(dune.imported && dune.spoilers);
    assert_eq!(dune.book.authors, ["Frank Herbert"]);
    assert_eq!(dune.book.isbn.unwrap().to_string(), "9780441172719");
    assert_eq!(dune.book.series.unwrap().position.as_deref(), Some("1"));
    assert_eq!(dune.rating.unwrap().numbers(), Some((5.0, 5.0)));
    assert_eq!(dune.read[0].to_string(), "2021-05-11");
    assert_eq!(found[1].bad_isbn.as_deref(), Some("978014143954X"));
    assert_eq!(parsed(&found[1]).body.source, "");
}

#[test]
fn every_row_that_became_no_review_is_named_with_its_line_and_reason() {
    let passed: Vec<_> = rows(Kind::Goodreads, GOODREADS.as_bytes())
        .into_iter()
        .filter_map(|row| match row {
            Row::Passed(passed) => Some((passed.line, passed.what, passed.is_damaged)),
            Row::Review(_) => None,
        })
        .collect();
    assert_eq!(passed, [(3, "Emma".to_owned(), false), (5, "4, Cut off, Somebody".to_owned(), true)]);
}

#[test]
fn a_spreadsheets_copy_is_read_all_the_same() {
    let expected: Vec<_> = reviews(Kind::Goodreads, GOODREADS.as_bytes());
    let utf16: Vec<u8> = GOODREADS.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(reviews(Kind::Goodreads, &utf16), expected, "UTF-16 without a mark");
    let marked: Vec<u8> = [vec![0xff, 0xfe], utf16].concat();
    assert_eq!(reviews(Kind::Goodreads, &marked), expected, "UTF-16");
    let windows = format!("\u{feff}{}", GOODREADS.replace('\n', "\r\n"));
    assert_eq!(reviews(Kind::Goodreads, windows.as_bytes()), expected, "a mark and CRLF");
    let semicolons =
        "Book Id;Title;Author;My Rating;Exclusive Shelf;Date Read\n1;Dune;Frank Herbert;4;read;2020/01/02\n";
    assert_eq!(reviews(Kind::Goodreads, semicolons.as_bytes())[0].rating, Some((4.0, 5.0)));
    let headless = GOODREADS.lines().skip(1).collect::<Vec<_>>().join("\n");
    assert_eq!(reviews(Kind::Goodreads, headless.as_bytes()).len(), 2);
}

#[test]
fn a_storygraph_export_keeps_quarter_stars_and_every_reading() {
    let export = "Title,Authors,Contributors,ISBN/UID,Format,Read Status,Date Added,Last Date Read,Dates Read,Read Count,\
Moods,Pace,Star Rating,Review,Tags,Owned?
Dune,\"Frank Herbert, Ed Itor\",,9780441172719,paperback,read,2021/01/01,2023/02/03,\"2021/05/01-2021/05/11, 2023/01/30-2023/02/03\",2,\
,,4.25,\"<div>Sand.</div>\",space,No
Emma,Jane Austen,,9.78053E+12,paperback,read,2021/01/01,,,1,,,3.5,,,No
Later,Some One,,uid-1,ebook,to-read,2021/01/01,,,0,,,,,,No
";
    let found = reviews(Kind::StoryGraph, export.as_bytes());
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].rating, Some((4.25, 5.0)));
    assert_eq!(found[0].read.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2021-05-11", "2023-02-03"]);
    assert_eq!(parsed(&found[0]).read.len(), 2);
    assert_eq!(found[1].bad_isbn.as_deref(), Some("9.78053E+12"));
}

#[test]
fn a_librarything_export_loses_its_brackets_and_stray_bytes() {
    let mut export = b"Book Id\tTitle\tPrimary Author\tReview\tRating\tISBN\tDate Read\tTags\tCollections\n\
7\tDune\tHerbert, Frank\tSays \"sand\" a lot, na\xefve.\t4.5\t[0441172717]\t[2007-05-08]\tspace\tYour library\n"
        .to_vec();
    export.push(b'\n');
    let found = reviews(Kind::LibraryThing, &export);
    assert_eq!(found[0].authors, ["Frank Herbert"]);
    assert_eq!(found[0].body, "Says \"sand\" a lot, naïve.");
    assert_eq!(found[0].isbn.as_ref().unwrap().to_string(), "9780441172719");
    assert_eq!(found[0].read[0].to_string(), "2007-05-08");
    assert_eq!(found[0].tags, ["space"]);
}

#[test]
fn a_bookwyrm_table_and_archive_come_through() {
    let table = "title,author_text,remote_id,isbn_10,isbn_13,start_date,finish_date,rating,review_name,review_cw,review_content,\
review_published,shelf,shelf_name
Dune,Frank Herbert,https://b.example/book/1,,9780441172719,2021-05-01,2021-05-11,4.5,Sand and power,,<p>Sand.</p>,\
2021-05-12T08:00:00+00:00,read,Read
";
    let found = reviews(Kind::BookWyrm, table.as_bytes());
    let review = parsed(&found[0]);
    assert_eq!((review.headline.as_deref(), review.book.title.as_str()), (Some("Sand and power"), "Dune"));
    let json = r#"{"books":[{"edition":{"id":"https://b.example/book/1","title":"Dune","isbn13":"9780441172719","pages":412},
        "authors":[{"name":"Frank Herbert"}],
        "reviews":[{"id":9,"name":"Sand","content":"<p>Sand &amp; worms.</p>","rating":"4.0","published_date":"2021-05-12T08:00:00Z"}],
        "readthroughs":[{"start_date":"2021-05-01","finish_date":"2021-05-11"}],"shelves":[{"identifier":"read","name":"Read"}]}]}"#;
    let found = reviews(Kind::BookWyrm, &tar_gz(&[("x/archive.json", json.as_bytes())]));
    assert_eq!(found[0].body, "Sand & worms.");
    assert_eq!((found[0].rating, found[0].read.len()), (Some((4.0, 5.0)), 1));
}

#[test]
fn a_letterboxd_zip_holds_reviews_and_bare_ratings() {
    let reviews_csv = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Review,Tags,Watched Date
2021-05-12,Alien,1979,https://boxd.it/abc,4.5,,In space.,horror,2021-05-11
";
    let ratings = "Date,Name,Year,Letterboxd URI,Rating
2021-05-12,Alien,1979,https://boxd.it/1,4.5
2021-06-01,Heat,1995,https://boxd.it/2,4
";
    let found = reviews(Kind::Letterboxd, &zipped(&[("reviews.csv", reviews_csv), ("ratings.csv", ratings)]));
    assert_eq!(found.iter().map(|one| one.title.as_str()).collect::<Vec<_>>(), ["Alien", "Heat"]);
    assert_eq!(reviews(Kind::Letterboxd, reviews_csv.as_bytes())[0].tags, ["film", "horror"]);
}

pub(super) const WORDPRESS: &str = "<?xml version=\"1.0\"?>\n<rss><channel><link>https://blog.example</link>\u{0}\n\
<wp:base_blog_url>https://blog.example</wp:base_blog_url><atom:link href=\"x\"/>
<item><title>Book Review: Dune by Frank Herbert</title><link>https://blog.example/2021/05/dune/</link>
<content:encoded><![CDATA[Sand &amp; worms.\n\nTwo <em>lines</em>\nhere.]]></content:encoded><wp:post_id>7</wp:post_id>
<wp:post_date_gmt>2021-05-12 08:00:00</wp:post_date_gmt><wp:post_name>dune</wp:post_name><wp:status>publish</wp:status>
<wp:post_type>post</wp:post_type><category domain=\"post_tag\"><![CDATA[space]]></category>
<wp:comment><wp:comment_author><![CDATA[Bob]]></wp:comment_author><wp:comment_author_email>bob@example.org</wp:comment_author_email>\
<wp:comment_author_url>https://bob.example</wp:comment_author_url><wp:comment_author_IP>192.0.2.7</wp:comment_author_IP>\
<wp:comment_date_gmt>2021-05-13 09:00:00</wp:comment_date_gmt><wp:comment_content><![CDATA[Nice, \"sand\".\n\nAnd <em>worms</em>.]]></wp:comment_content>\
<wp:comment_approved>1</wp:comment_approved><wp:comment_type>comment</wp:comment_type></wp:comment>
<wp:comment><wp:comment_author>Spammer</wp:comment_author><wp:comment_content>Buy</wp:comment_content><wp:comment_approved>spam</wp:comment_approved></wp:comment>
<wp:comment><wp:comment_author>Other blog</wp:comment_author><wp:comment_content>[...] dune</wp:comment_content>\
<wp:comment_approved>1</wp:comment_approved><wp:comment_type>pingback</wp:comment_type></wp:comment></item>
<item><title>Secret</title><content:encoded><![CDATA[Not yet.]]></content:encoded><wp:post_id>8</wp:post_id>
<wp:post_date_gmt>0000-00-00 00:00:00</wp:post_date_gmt><wp:status>draft</wp:status><wp:post_type>post</wp:post_type></item>
<item><title>sand.jpg</title><wp:post_id>9</wp:post_id><wp:post_type>attachment</wp:post_type><wp:status>inherit</wp:status></item>
</channel></rss>";

#[test]
fn a_wordpress_export_that_is_not_quite_xml_gives_its_posts() {
    let found = reviews(Kind::WordPress, WORDPRESS.as_bytes());
    assert_eq!(found.len(), 2);
    insta::assert_snapshot!(file::text(&found[0]));
    let dune = parsed(&found[0]);
    assert_eq!((dune.book.title.as_str(), &dune.book.authors[..]), ("Dune", &["Frank Herbert".to_owned()][..]));
    assert_eq!(dune.aliases, ["/2021/05/dune/"]);
    let text = file::text(&found[0]);
    assert!(!["bob@", "bob.example", "192.0.2", "Buy", "[...]"].iter().any(|private| text.contains(private)), "{text}");
    let [comment] = &dune.comments[..] else { unreachable!("{:?}", dune.comments) };
    assert_eq!((comment.name.as_str(), comment.text.as_str()), ("Bob", "Nice, \"sand\".\n\nAnd *worms*."));
    assert_eq!(comment.date.unwrap().to_string(), "2021-05-13T09:00:00Z");
    assert!(parsed(&found[1]).draft, "a draft stays one");
}

#[test]
fn a_post_with_more_comments_than_a_file_takes_keeps_the_oldest_and_says_so() {
    let comment = "<wp:comment><wp:comment_author>Bob</wp:comment_author><wp:comment_content>".to_owned()
        + &"Many \"words\". ".repeat(100)
        + "</wp:comment_content><wp:comment_approved>1</wp:comment_approved></wp:comment>";
    let export = WORDPRESS.replacen("</item>", &format!("{}</item>", comment.repeat(200)), 1);
    let rows = rows(Kind::WordPress, export.as_bytes());
    let Row::Review(dune) = &rows[0] else { unreachable!("{rows:?}") };
    let read = parsed(dune);
    assert!(read.comments.len() > 10 && read.comments.len() == dune.comments.len());
    let Row::Passed(passed) = &rows[1] else { unreachable!("{rows:?}") };
    assert!(passed.why.contains(&format!("newest {} comments", 201 - dune.comments.len())), "{}", passed.why);
}

#[test]
fn an_export_of_another_kind_is_named_and_refused() {
    for (kind, export, expected) in [
        (Kind::Goodreads, "Title;Author\nDune;Herbert\n", "no Goodreads export: it has no column `Book Id`"),
        (Kind::StoryGraph, GOODREADS, "no StoryGraph export: it has no column `Authors`"),
        (Kind::Goodreads, "", "it is empty"),
        (Kind::WordPress, GOODREADS, "it holds no <rss>"),
        (Kind::Letterboxd, "PK\u{3}\u{4}rubbish", "the zip is damaged"),
    ] {
        let error = refused(kind, export.as_bytes());
        assert!(error.contains(expected), "{error}");
    }
    assert!(refused(Kind::BookWyrm, &tar_gz(&[("other.json", b"{}")])).contains("holds no archive.json"));
    assert!(refused(Kind::BookWyrm, &[0x1f, 0x8b, 8, 0, 1]).contains("damaged"));
}

#[test]
fn a_name_in_an_archive_that_leads_elsewhere_writes_nothing() {
    let export = zipped(&[
        ("../../evil.csv", "x"),
        ("reviews.csv", "Date,Name,Year,Letterboxd URI\n2020-01-01,Heat,1995,u/1\n"),
    ]);
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("deep/er/reviews");
    let mut into = Into::open(&folder, false).unwrap();
    for review in &mut reviews(Kind::Letterboxd, &export) {
        review.slug = Some("../../../evil".to_owned());
        into.put(review).unwrap();
    }
    into.finish().unwrap();
    assert_eq!(names(&folder), ["evil.md"]);
}

#[test]
fn an_import_done_twice_writes_nothing_new_and_leaves_what_was_edited() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("reviews");
    let import = |dry: bool| {
        let mut into = Into::open(&folder, dry).unwrap();
        let tallies: Vec<_> =
            reviews(Kind::Goodreads, GOODREADS.as_bytes()).iter_mut().map(|one| into.put(one).unwrap()).collect();
        into.finish().unwrap();
        tallies.iter().filter(|tally| matches!(tally, Tally::New(_))).count()
    };
    assert_eq!(import(true), 2);
    assert!(!folder.exists(), "a dry run writes nothing");
    assert_eq!(import(false), 2);
    assert_eq!(names(&folder), ["dune.md", "middlemarch.md"]);
    let edited = fs::read_to_string(folder.join("dune.md")).unwrap().replace("Sand.", "More sand.");
    fs::create_dir(folder.join("space")).unwrap();
    fs::remove_file(folder.join("dune.md")).unwrap();
    fs::write(folder.join("space/a-new-name.md"), &edited).unwrap();
    assert_eq!(import(false), 0);
    assert_eq!(fs::read_to_string(folder.join("space/a-new-name.md")).unwrap(), edited);
}

#[test]
fn a_file_that_is_there_is_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("dune.md"), "My own words.").unwrap();
    let mut into = Into::open(directory.path(), false).unwrap();
    for review in &mut reviews(Kind::Goodreads, GOODREADS.as_bytes()) {
        into.put(review).unwrap();
    }
    // One that appears while the import runs is another matter: it stops, takes back what it put, and says so.
    fs::write(directory.path().join("middlemarch.md"), "Written just now.").unwrap();
    let error = into.finish().unwrap_err().to_string();
    assert!(error.contains("middlemarch.md"), "{error}");
    assert_eq!(fs::read_to_string(directory.path().join("dune.md")).unwrap(), "My own words.");
    assert_eq!(fs::read_to_string(directory.path().join("middlemarch.md")).unwrap(), "Written just now.");
    assert_eq!(names(directory.path()), ["dune.md", "middlemarch.md"], "nothing was changed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0..GOODREADS.len()) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("export");
        for kind in [Kind::Goodreads, Kind::StoryGraph, Kind::LibraryThing, Kind::BookWyrm, Kind::Letterboxd, Kind::WordPress] {
            for export in [&bytes[..], &GOODREADS.as_bytes()[..cut], &WORDPRESS.as_bytes()[..cut.min(WORDPRESS.len())]] {
                fs::write(&path, export).unwrap();
                let _ = read(kind, &path, &mut |_| {});
            }
        }
    }

    #[test]
    fn any_words_read_back_from_the_file(title in "[ -~à-ü]{1,40}", words in "[a-zA-Zà-ü1-9 \n,.!?'\"*_<>&#;~|=+()\\[\\]-]{0,80}") {
        prop_assume!(title.chars().any(char::is_alphabetic));
        let review = Brought {
            identity: "goodreads:1".to_owned(),
            title: values::tidy(&title),
            authors: vec!["Ada Writer".to_owned()],
            date: Some(Moment::Instant(Timestamp::UNIX_EPOCH)),
            body: markup::from_html(&words.replace('&', "&amp;").replace('<', "&lt;").replace('\n', "<br>")),
            ..Brought::default()
        };
        let read = parsed(&review);
        let shown = crate::text::plain(&read.body);
        prop_assert_eq!(values::tidy(&shown), values::tidy(&words));
    }
}

pub(super) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

pub(super) fn zipped(members: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

pub(super) fn tar_gz(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append_data(&mut header, name, *bytes).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}
