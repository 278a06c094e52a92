#![expect(clippy::panic, reason = "a test may")]

use std::{collections::BTreeSet, fs, path::Path};

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::domain::{Format, Rating, Severity};

const ANA: Context<'_> =
    Context { reviewer_name: "Ana Sol", reviewer_handle: "ana", rating_scale: None, among_others: false };

fn read(path: &str, text: &str) -> Parsed {
    parse(&SourceFile { path, bytes: text.as_bytes(), siblings: &[] }, &ANA)
}

fn review(path: &str, text: &str) -> Review {
    match read(path, text).reading {
        Reading::Review(review) => *review,
        other => panic!("{path}: {other:?}"),
    }
}

/// A file of `tests/folder` with the names beside it.
struct Sample {
    path: String,
    bytes: Vec<u8>,
    siblings: Vec<String>,
}

fn folder() -> Vec<Sample> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/folder");
    let mut samples = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let entries: Vec<_> = fs::read_dir(&folder).unwrap().map(Result::unwrap).collect();
        let siblings: Vec<String> = entries.iter().map(|e| e.file_name().to_str().unwrap().to_owned()).collect();
        for entry in entries {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
                continue;
            }
            let relative = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            samples.push(Sample { path: relative, bytes: fs::read(&path).unwrap(), siblings: siblings.clone() });
        }
    }
    samples.sort_by(|a, b| a.path.cmp(&b.path));
    samples
}

fn parsed(sample: &Sample, context: &Context<'_>) -> Parsed {
    parse(&SourceFile { path: &sample.path, bytes: &sample.bytes, siblings: &sample.siblings }, context)
}

#[test]
fn a_folder_of_every_kind_reads_as_expected() {
    let expected: Json = serde_json::from_str(include_str!("../../../tests/folder/expected.json")).unwrap();
    let samples = folder();
    let bare = samples.iter().filter(|sample| is_candidate(&sample.path)).filter_map(|sample| {
        let Reading::Review(review) = parsed(sample, &ANA).reading else { return None };
        review.rating.filter(|rating| rating.best.is_none()).and_then(|rating| rating.value)
    });
    let scale = infer_scale(bare);
    assert_eq!(Some(scale), expected["rating_scale"].as_f64());
    let context = Context { rating_scale: Some(scale), ..ANA };

    let mut seen = BTreeSet::from(["expected.json".to_owned()]);
    let mut wrong = Vec::new();
    for sample in &samples {
        let Some(wanted) = expected["files"].get(&sample.path) else {
            assert!(seen.contains(&sample.path), "{} is not in expected.json", sample.path);
            continue;
        };
        seen.insert(sample.path.clone());
        let candidate = is_candidate(&sample.path);
        let got =
            if candidate { outcome(parsed(sample, &context), wanted) } else { serde_json::json!({"ignored": true}) };
        if got != *wanted {
            wrong.push(format!("{}\n  wanted {wanted}\n  got    {got}", sample.path));
        }
    }
    for path in expected["files"].as_object().unwrap().keys() {
        assert!(seen.contains(path), "{path} is in expected.json and not in the folder");
    }
    assert!(wrong.is_empty(), "{} files read otherwise:\n{}", wrong.len(), wrong.join("\n"));
}

/// The reading in the form of `expected.json`, with those fields that `wanted` asks about.
fn outcome(parsed: Parsed, wanted: &Json) -> Json {
    let warning = parsed.problems.iter().find(|problem| problem.severity == Severity::Warning).map(|p| p.line);
    match parsed.reading {
        Reading::Skipped(why) => serde_json::json!({"skipped": why}),
        Reading::Withheld => {
            let problem = parsed.problems.iter().find(|problem| problem.severity == Severity::Error).unwrap();
            assert!(!problem.cure.is_empty() && problem.line > 0 && problem.column > 0, "{problem}");
            let anywhere = wanted["problem"]["line"].is_null();
            let place = |number: u32| if anywhere { Json::Null } else { number.into() };
            serde_json::json!({"problem": {"line": place(problem.line), "column": place(problem.column)}})
        }
        Reading::Answer(answer) => serde_json::json!({"answer": {"in_reply_to": answer.in_reply_to}}),
        Reading::Review(review) => {
            let mut got = serde_json::json!({"review": fields(&review, &wanted["review"])});
            if let Some(line) = warning {
                got["warning"] = serde_json::json!({"line": line});
            }
            got
        }
    }
}

fn fields(review: &Review, wanted: &Json) -> Json {
    let none = serde_json::Map::new();
    let wanted = wanted.as_object().unwrap_or(&none);
    let rating = |rating: &Rating| serde_json::json!({"raw": rating.raw, "value": rating.value, "best": rating.best});
    let synopsis = review.synopsis.as_ref().map(|text| text.source.as_str());
    let mut got = serde_json::Map::new();
    for (field, value) in wanted {
        let found = match field.as_str() {
            "title" => review.book.title.clone().into(),
            "authors" => review.book.authors.clone().into(),
            "rating" => review.rating.as_ref().map(rating).unwrap_or_default(),
            "date" => review.date.map(|date| date.to_string()).into(),
            "draft" => review.draft.into(),
            "spoilers" => review.spoilers.into(),
            "isbn" => review.book.isbn.as_ref().map(ToString::to_string).into(),
            "year" => review.book.year.into(),
            "series" => serde_json::to_value(&review.book.series).unwrap(),
            "cover" => review.book.cover.as_ref().map(|cover| cover.source.clone()).into(),
            "tags" => review.tags.clone().into(),
            "read" => review.read.iter().map(ToString::to_string).collect::<Vec<_>>().into(),
            "headline" => review.headline.clone().into(),
            "summary" => review.summary.clone().into(),
            "language" => review.language.clone().into(),
            "slug" => review.slug.to_string().into(),
            "aliases" => review.aliases.clone().into(),
            "id" => review.id.clone().into(),
            "imported" => review.imported.into(),
            "format" => serde_json::to_value(review.body.format).unwrap(),
            "body" => review.body.source.clone().into(),
            "synopsis" => synopsis.into(),
            "words_none" => review.body.is_empty().into(),
            "body_has" if review.body.source.contains(value.as_str().unwrap()) => value.clone(),
            "synopsis_has" if synopsis.is_some_and(|text| text.contains(value.as_str().unwrap())) => value.clone(),
            "body_lacks" => {
                let words = value.as_array().unwrap();
                words.iter().filter(|w| !review.body.source.contains(w.as_str().unwrap())).cloned().collect()
            }
            "body_has" => format!("no such words in: {}", review.body.source).into(),
            "synopsis_has" => format!("no such words in: {synopsis:?}").into(),
            other => panic!("expected.json asks for {other}"),
        };
        got.insert(field.clone(), found);
    }
    got.into()
}

#[test]
fn no_raw_header_is_ever_published() {
    for sample in folder().iter().filter(|sample| is_candidate(&sample.path)) {
        let Reading::Review(review) = parsed(sample, &ANA).reading else { continue };
        let first = review.body.source.lines().next().unwrap_or("");
        assert!(!first.starts_with("---") && !first.starts_with("+++"), "{}: {first}", sample.path);
        assert!(!first.starts_with("title:") && !first.starts_with("author:"), "{}: {first}", sample.path);
    }
}

#[test]
fn the_size_of_a_file_has_a_limit() {
    let parsed = read("long.md", &"word ".repeat(REVIEW_BYTES_MAX / 5 + 1));
    assert_eq!(parsed.reading, Reading::Withheld);
    assert!(parsed.problems[0].message.contains("1024 kB"), "{}", parsed.problems[0]);
}

#[test]
fn what_may_be_a_draft_is_not_published() {
    for (value, expected) in
        [("maybe", None), ("draft", None), ("'true'", Some(true)), ("off", Some(false)), ("", Some(false))]
    {
        let parsed = read("dune.md", &format!("---\ntitle: Dune\nauthor: Frank Herbert\ndraft: {value}\n---\nx"));
        match (&parsed.reading, expected) {
            (Reading::Review(review), Some(draft)) => assert_eq!(review.draft, draft, "{value}"),
            (Reading::Withheld, None) => {
                let said = parsed.problems[0].to_string();
                assert!(said.contains("dune.md:4:8") && said.contains("write `draft: true`"), "{said}");
                assert!(parsed.facts.iter().all(|fact| fact.what != "ignored"), "{:?}", parsed.facts);
            }
            (reading, _) => panic!("draft: {value}: {reading:?}"),
        }
    }
}

#[test]
fn facts_say_where_each_value_came_from_and_what_was_ignored() {
    let facts = read("dune.md", "---\ntitle: Dune\nwriter: Frank Herbert\nmood: dry\n---\nx").facts;
    let from = |what: &str| facts.iter().find(|fact| fact.what == what).map(|fact| fact.from.clone());
    assert_eq!(from("authors").as_deref(), Some("`writer` on line 3"));
    assert_eq!(from("ignored").as_deref(), Some("`mood` on line 4"));
}

#[test]
fn the_reviewers_own_name_is_never_the_author_of_the_book() {
    for author in ["Ana Sol", "ana sol", "ana", "Ana", "[[Ana Sol]]"] {
        let review = review("x.md", &format!("---\ntitle: Emma\nauthor: \"{author}\"\n---\nx"));
        assert!(review.book.authors.is_empty(), "{author}: {:?}", review.book.authors);
    }
}

#[test]
fn a_review_always_has_a_title() {
    for (path, text) in [
        ("★★★.md", "x"),
        ("---.md", "x"),
        ("a.md", "---\ntitle: \"\"\n---\nx"),
        ("b.html", "<h1> </h1>x"),
        ("c.md", "---\ntitle: \"<b></b>\"\n---\nx"),
    ] {
        assert!(!review(path, text).book.title.is_empty(), "{path}");
    }
}

#[test]
fn a_plain_text_stays_plain_and_an_html_text_html() {
    assert_eq!(review("a.txt", "Emma by Jane Austen\n\n# no heading").body.format, Format::Plain);
    assert_eq!(review("a.md", "text").body.format, Format::Markdown);
    assert_eq!(review("a.html", "<p>text</p>").body.format, Format::Html);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), name in "[a-z0-9 ._/-]{0,20}", end in 0..6_usize) {
        let path = format!("{name}{}", [".md", ".txt", ".html", ".org", ".mdx", ""][end]);
        parse(&SourceFile { path: &path, bytes: &bytes, siblings: std::slice::from_ref(&path) }, &ANA);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,300}", fence in 0..5_usize, end in 0..5_usize) {
        let fence = ["---\n", "+++\n", "{\"", "title: ", ""][fence];
        let text = format!("{fence}title: {text}\nrating: {text}\n{fence}{text}");
        read(["a.md", "b.txt", "c.html", "d.org", "2020-01-01-é.md"][end], &text);
    }

    #[test]
    fn no_mutation_of_a_sample_makes_it_panic(index in any::<prop::sample::Index>(), cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        static SAMPLES: std::sync::LazyLock<Vec<Sample>> = std::sync::LazyLock::new(folder);
        let sample = index.get(&SAMPLES);
        let mut bytes = sample.bytes.clone();
        for (at, byte) in cuts {
            if bytes.is_empty() { break; }
            let at = at.index(bytes.len());
            match byte % 4 {
                0 => { bytes.truncate(at.max(1)); }
                1 => { bytes.insert(at, byte); }
                2 => { bytes.remove(at); }
                _ => bytes[at] = byte,
            }
        }
        let file = SourceFile { path: &sample.path, bytes: &bytes, siblings: &sample.siblings };
        let parsed = parse(&file, &Context { rating_scale: Some(5.0), among_others: true, ..ANA });
        let told = parsed.problems.iter().any(|problem| problem.severity == Severity::Error);
        prop_assert_eq!(told, parsed.reading == Reading::Withheld);
    }

    #[test]
    fn every_value_of_a_key_is_read_or_left_out(key in 0..12_usize, value in "\\PC{0,40}") {
        let key = ["title", "author", "rating", "date", "isbn", "tags", "cover", "series", "published", "status", "slug", "read"][key];
        let quoted = serde_json::to_string(&value).unwrap();
        read("a.md", &format!("---\n{key}: {quoted}\n---\nx"));
    }
}
