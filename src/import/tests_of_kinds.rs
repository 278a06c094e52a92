//! Further exports: what spreadsheets do to tables, LibraryThing's JSON, BookWyrm's archive, Letterboxd's zip.

use std::fs;

use super::{tests::*, *};

#[test]
fn tabs_are_a_table_with_or_without_marks_around_cells() {
    // "Unicode text" of a spreadsheet: tabs, and marks around what holds a comma, a mark or a line end.
    let table = "Book Id\tTitle\tAuthor l-f\tMy Rating\tExclusive Shelf\tMy Review\n\
1\tDune\t\"Herbert, Frank\"\t4\tread\t\"He said \"\"sand\"\".\n\nTwice.\"\n2\tEmma\t\"Austen, Jane\"\t3\tread\tFine.\n";
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(table.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let found = reviews(Kind::Goodreads, &utf16);
    let found: Vec<_> = found.iter().map(|one| (one.line, one.body.as_str())).collect();
    assert_eq!(found, [(2, "He said \"sand\".\n\nTwice."), (5, "Fine.")]);
    let short = "Book Id\tTitle\tMy Rating\tExclusive Shelf\tMy Review\n1\tDune\t4\tread\t\"He said \"\"sand\"\".\"\n";
    assert_eq!(reviews(Kind::Goodreads, short.as_bytes())[0].body, "He said \"sand\".");
    // LibraryThing's marks are marks.
    let marks = "Book Id\tTitle\tPrimary Author\tRating\tReview\n\
1\t\"Repent, Harlequin!\" Said\tEllison, Harlan\t4\tIt \"works\", so\n";
    let found = reviews(Kind::LibraryThing, marks.as_bytes());
    let (title, body) = (found[0].title.as_str(), found[0].body.as_str());
    assert_eq!((title, body), ("\"Repent, Harlequin!\" Said", "It \"works\", so"));
}

#[test]
fn a_row_is_named_by_the_line_it_begins_on() {
    let table = "Book Id,Title,My Rating,Exclusive Shelf,My Review\n\n\n1,Dune,4,read,\"a\n\nb\"\n\n2,Emma,3,read\n\
3,Ubik,5,read,x";
    let lines: Vec<_> = rows(Kind::Goodreads, table.as_bytes()).iter().map(Row::line).collect();
    assert_eq!(lines, [4, 8, 9]);
}

#[test]
fn librarythings_json_says_what_its_table_says() {
    let export = r#"{"7": {"books_id": "7", "title": "Good Omens", "primaryauthor": "Pratchett, Terry",
        "secondaryauthor": "Gaiman, Neil|Kidd, Tom", "secondaryauthorroles": "Author|Illustrator", "rating": 4.5,
        "review": "Says <i>armageddon</i>.", "isbn": {"0": "0060853980", "2": "9780060853983"},
        "originalisbn": "0060853980", "dateread": "2007-05-08", "tags": ["comic", "end"],
        "collections": ["Your library", "Loved"], "pages": "412 ", "date": "1990"},
      "8": {"books_id": "8", "title": "Emma", "primaryauthor": "Austen, Jane", "rating": 3, "public": "false"},
      "9": {"books_id": "9", "title": "Later", "primaryauthor": "Some, One"}, "10": 7}"#;
    let found = reviews(Kind::LibraryThing, export.as_bytes());
    let omens = &found[0];
    assert_eq!((omens.identity.as_str(), omens.rating, omens.pages), ("librarything:7", Some((4.5, 5.0)), Some(412)));
    assert_eq!(omens.authors, ["Terry Pratchett", "Neil Gaiman"], "an illustrator is no author");
    assert_eq!(omens.isbn.as_ref().unwrap().to_string(), "9780060853983");
    assert_eq!(omens.body, "Says *armageddon*.");
    assert_eq!(omens.tags, ["comic", "end", "Loved"]);
    assert_eq!(omens.read[0].to_string(), "2007-05-08");
    assert!(found[1].draft, "what its owner shows to nobody");
    let passed: Vec<_> = rows(Kind::LibraryThing, export.as_bytes()).iter().skip(2).map(Row::line).collect();
    assert_eq!(passed, [3, 4]);
    assert!(refused(Kind::LibraryThing, &export.as_bytes()[..200]).contains("JSON cannot be read"));
}

#[test]
fn a_bookwyrm_archive_keeps_private_reviews_private_and_reads_around_a_broken_book() {
    let json = r#"{"id": "https://b.example/user/ana", "books": [
        {"edition": {"id": "https://b.example/book/1", "title": "Dune", "firstPublishedDate": "1965-01-01T00:00:00Z"},
         "reviews": [
          {"id": "https://b.example/user/ana/review/1", "published": "2021-05-12T08:00:00.123+00:00", "summary": null,
           "name": "Sand", "content": "<p>All may read.</p>", "rating": 4,
           "to": ["https://www.w3.org/ns/activitystreams#Public"], "cc": []},
          {"id": "https://b.example/user/ana/review/2", "published": "2021-05-13T08:00:00Z",
           "published_date": "2021-05-13T08:00:00Z", "summary": "The end", "content": "<p>For friends.</p>",
           "to": ["https://b.example/user/ana/followers"], "cc": []}],
         "comments": [{"content": "On page 9."}], "quotations": [{"quote": "Fear"}]},
        {"edition": {"title": "Broken", "pages": "many"}},
        {"edition": {"id": "https://b.example/book/3", "title": "Emma"}, "readthroughs": [{"finish_date": "2020-02-03"}]}]}"#;
    let archive = tar_gz(&[("avatar.png", b"x"), ("archive.json", json.as_bytes())]);
    let found = reviews(Kind::BookWyrm, &archive);
    assert_eq!(found.iter().map(|one| one.draft).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(found[0].year, Some(1965));
    assert_eq!(found[0].date.unwrap().to_string(), "2021-05-12T08:00:00.123Z");
    assert!(found[1].spoilers && !found[0].spoilers);
    let passed = |row| match row {
        Row::Passed(passed) => Some((passed.line, passed.what, passed.is_damaged)),
        Row::Review(_) => None,
    };
    let passed: Vec<_> = rows(Kind::BookWyrm, &archive).into_iter().filter_map(passed).collect();
    let expected = [(1, "Dune", false), (1, "Dune", false), (2, "Broken", true)];
    assert_eq!(passed, expected.map(|(line, what, is_damaged)| (line, what.to_owned(), is_damaged)));
    let cut = tar_gz(&[("archive.json", &json.as_bytes()[..900])]);
    assert!(refused(Kind::BookWyrm, &cut).contains("archive.json in it cannot be read"));
}

#[test]
fn letterboxds_diary_tells_when_a_rated_film_was_seen() {
    let reviews_csv = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Review,Tags,Watched Date
2021-05-12,Alien,1979,https://boxd.it/abc,4.5,,In space.,horror,2021-05-11
2023-05-12,Alien,1979,https://boxd.it/abd,5,Yes,Again.,,2023-05-11
";
    let ratings = "Date,Name,Year,Letterboxd URI,Rating
2021-05-12,Alien,1979,https://boxd.it/1,5
2021-06-01,Heat,1995,https://boxd.it/2,4
";
    let diary = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date
2021-05-12,Alien,1979,https://boxd.it/abc,4.5,,horror,2021-05-11
2022-01-02,Heat,1995,https://boxd.it/d2,4,Yes,\"crime, la\",2022-01-01
2021-06-01,Heat,1995,https://boxd.it/d1,4,,,2021-05-31
2021-07-01,Ran,1985,https://boxd.it/d3,,,,2021-06-30
";
    let deleted = reviews_csv.replace("In space.", "Taken back.");
    // Packed again, as a Mac does it.
    let export = zipped(&[
        ("letterboxd-ana/deleted/reviews.csv", &deleted),
        ("__MACOSX/reviews.csv", "x"),
        ("letterboxd-ana/reviews.csv", reviews_csv),
        ("letterboxd-ana/ratings.csv", ratings),
        ("letterboxd-ana/diary.csv", diary),
    ]);
    let found = reviews(Kind::Letterboxd, &export);
    assert_eq!(found.iter().map(|one| one.title.as_str()).collect::<Vec<_>>(), ["Alien", "Alien", "Heat"]);
    assert_eq!((found[0].tags.join(" "), found[1].tags.join(" ")), ("film horror".into(), "film rewatch".into()));
    let heat = &found[2];
    assert_eq!(heat.read.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2021-05-31", "2022-01-01"]);
    assert_eq!(heat.tags, ["film", "crime", "la"]);
    let why = |row: Row| match row {
        Row::Passed(passed) => passed.why,
        Row::Review(review) => review.title,
    };
    let told: Vec<_> = rows(Kind::Letterboxd, &export).into_iter().map(why).skip(4).collect();
    let day = "the day stands with the film's rating";
    assert_eq!(told, ["the film stands with its review", day, day, "watched, neither rated nor reviewed"]);
}

#[test]
fn a_bare_ampersand_in_a_wordpress_export_ends_nothing() {
    let export =
        WORDPRESS.replace("Book Review: Dune by", "Sand & Worms: Dune by").replace("<title>Secret", "<title>Q&A");
    let titles: Vec<_> = reviews(Kind::WordPress, export.as_bytes()).into_iter().map(|one| one.title).collect();
    assert_eq!(titles, ["Sand & Worms: Dune by Frank Herbert", "Q&A"]);
}

#[test]
fn an_import_that_fails_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("deep/er");
    drop(Into::open(&folder, false).unwrap());
    assert!(!directory.path().join("deep").exists(), "directories that were made for nothing");
    let mut into = Into::open(&folder, false).unwrap();
    for review in &mut reviews(Kind::Goodreads, GOODREADS.as_bytes()) {
        into.put(review).unwrap();
    }
    into.finish().unwrap();
    assert_eq!(names(&folder), ["dune.md", "middlemarch.md"]);
}

#[test]
fn how_many_rows_an_export_has_is_seen_before_it_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("export");
    let lines = GOODREADS.lines().count() as u64;
    for (kind, export, expected) in [
        (Kind::Goodreads, GOODREADS.as_bytes(), Some(lines)),
        (Kind::WordPress, WORDPRESS.as_bytes(), Some(3)),
        (Kind::Letterboxd, b"PK\x03\x04", None),
    ] {
        fs::write(&path, export).unwrap();
        assert_eq!(rows_expected(kind, &path), expected);
    }
}
