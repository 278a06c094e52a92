//! Every door by which strangers' bytes come in: whatever they are, nothing panics, and what comes out keeps its promises.

use std::{cell::RefCell, collections::BTreeMap, fs, path::PathBuf, sync::LazyLock};

use jiff::Timestamp;
use reviewd::{
    config::{Config, Overrides},
    domain::{Format, Origin, Text},
    fediverse::{
        inbox::{self, Event},
        signature::{self, KeyPair, PublicKey, Received},
    },
    import::{self, Kind},
    intake::parse::{self, Context, Reading, SourceFile},
    net::{HeaderMap, HeaderName, HeaderValue},
    text::{self, Place},
};
use tempfile::TempDir;

/// A target by its name: `review(bytes)`.
pub type Target = fn(&[u8]);

/// All of them, as `fuzz/fuzz_targets` names them.
pub const TARGETS: [(&str, Target); 7] = [
    ("front_matter", front_matter),
    ("html", html),
    ("import", import),
    ("inbox", inbox),
    ("review", review),
    ("settings", settings),
    ("signature", signature),
];

/// The first byte chooses the name of the file.
const NAMES: [&str; 8] =
    ["a.md", "a.txt", "a.html", "a.org", "_posts/2024-02-30-a.md", "replies/a.md", "a/index.md", "a.markdown"];
const KINDS: [Kind; 6] =
    [Kind::Goodreads, Kind::StoryGraph, Kind::LibraryThing, Kind::BookWyrm, Kind::Letterboxd, Kind::WordPress];
/// When every signature is looked at.
const NOW: &str = "2026-11-22T12:00:00Z";

static STRANGER: LazyLock<PublicKey> = LazyLock::new(|| {
    let pem = KeyPair::generate().and_then(|key| key.to_public_pem()).expect("a key can be made");
    PublicKey::from_pem(&pem).expect("a key can be read")
});

thread_local! {
    static FOLDER: RefCell<TempDir> = RefCell::new(tempfile::tempdir().expect("a temporary directory can be made"));
}

/// A review file of any kind, parsed and shown everywhere.
pub fn review(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    read(NAMES[usize::from(*first) % NAMES.len()], bytes);
}

/// The metadata of a review.
pub fn front_matter(data: &[u8]) {
    for (fence, name) in [("---", "a.md"), ("+++", "b.md")] {
        read(name, &[fence.as_bytes(), b"\n", data, b"\n", fence.as_bytes(), b"\n\nWords.\n"].concat());
    }
}

fn read(path: &str, bytes: &[u8]) {
    let context = Context { reviewer_name: "Ana Sol", reviewer_handle: "ana", rating_scale: None, among_others: false };
    let file = SourceFile { path, bytes, siblings: &[] };
    let parsed = parse::parse(&file, &context);
    assert_eq!(parsed, parse::parse(&file, &context), "the same bytes are the same review");
    match parsed.reading {
        Reading::Review(review) => show(&review.body),
        Reading::Answer(answer) => show(&answer.body),
        Reading::Withheld => assert!(!parsed.problems.is_empty(), "a file is withheld and nobody is told why"),
        Reading::Skipped(why) => assert!(!why.is_empty(), "a file is skipped and nobody is told why"),
    }
}

/// A stranger's HTML, as a reply and as a review.
pub fn html(data: &[u8]) {
    let source = String::from_utf8_lossy(data).into_owned();
    harmless(text::remote_html(&source).as_str());
    let _ = text::remote_markdown(&source);
    show(&Text { format: Format::Html, source });
}

fn show(text: &Text) {
    let place = Place { page: "https://books.example/@ana/a", picture: &|_| None };
    for html in [text::page_html(text, &place), text::feed_html(text, &place), text::fediverse_html(text, &place)] {
        harmless(html.as_str());
    }
    let _ = (text::plain(text), text::excerpt(text, 200), text::words(text), text::has_marked_spoilers(text));
}

/// What runs code in a browser does not come through, in whatever case. In a text every `<` is escaped, so each that is
/// left begins a tag.
fn harmless(html: &str) {
    const RUNS: [&str; 8] = ["script", "style", "iframe", "object", "embed", "form", "svg", "math"];
    let html = html.to_ascii_lowercase();
    for tag in html.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
        assert!(!RUNS.contains(&name.as_str()), "<{tag}> came through: {html}");
        assert!(!tag.contains("href=\"javascript:"), "<{tag}> came through: {html}");
    }
}

/// The body of a POST to an inbox.
pub fn inbox(data: &[u8]) {
    if let Ok(activity) = inbox::read(data) {
        let ignored = matches!(activity.event, Event::Ignored(_));
        assert!(ignored || activity.actor.starts_with("http"), "an actor is an address: {activity:?}");
    }
    if let Ok(document) = serde_json::from_slice(data) {
        let _ = inbox::read_post(&document);
    }
}

/// The headers of a signed request, and after an empty line its body.
pub fn signature(data: &[u8]) {
    let end = data.windows(2).position(|window| window == b"\n\n").unwrap_or(data.len());
    let (head, body) = data.split_at(end);
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(line[..colon].trim_ascii());
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let body = body.get(2..).unwrap_or_default();
    let received = Received { method: "POST", path_and_query: "/inbox", headers: &headers, body };
    let origin = Origin::parse("https://books.example").expect("an origin");
    let now: Timestamp = NOW.parse().expect("a moment");
    if let Ok(claim) = signature::read(&received, &origin, now) {
        assert!(!claim.verify(&STRANGER), "a stranger's key verifies what it never signed");
    }
}

/// A settings file.
pub fn settings(data: &[u8]) {
    let file = file("reviewd.toml", data);
    let folder = file.parent().map(PathBuf::from).unwrap_or_default();
    let options = Overrides { config: Some(file), ..Overrides::default() };
    match Config::load(&options, &BTreeMap::new(), &folder) {
        Ok(config) => assert!(!config.reviewers.is_empty(), "somebody reviews"),
        Err(problems) => assert!(!problems.is_empty(), "settings are refused and nobody is told why"),
    }
}

/// Somebody else's export; the first byte chooses its kind.
pub fn import(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    let file = file("export", bytes);
    // An error is an answer too.
    let _ = import::read(KINDS[usize::from(*first) % KINDS.len()], &file, &mut |_row| {});
}

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = FOLDER.with_borrow(|folder| folder.path().join(name));
    fs::write(&path, bytes).expect("a temporary file can be written");
    path
}
