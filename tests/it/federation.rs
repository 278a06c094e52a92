//! FEDERATION.md shows what the program really makes: its examples are the snapshots of `src/fediverse`.

use std::fs;

use serde_json::Value;

/// Before an example: `<!-- snapshot: note__tests__a_review_is_a_note -->`, perhaps with `[2]` for one of several.
const MARK: &str = "<!-- snapshot: ";
const OPEN: &str = " -->\n```json\n";
const CLOSE: &str = "\n```";

#[test]
fn the_examples_in_federation_md_are_what_is_sent() {
    let page = fs::read_to_string("FEDERATION.md").unwrap();
    assert!(page.matches(MARK).count() >= 5, "FEDERATION.md has lost its examples");
    let current = with_current_examples(&page);
    if current != page {
        let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/FEDERATION.md");
        fs::write(file, current).unwrap();
        panic!("what is sent has changed; look at the difference, then: cp {file} FEDERATION.md");
    }
}

/// The page with every example replaced by its snapshot.
fn with_current_examples(page: &str) -> String {
    let mut parts = page.split(MARK);
    let mut current = parts.next().unwrap().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(OPEN).unwrap();
        let (_shown, rest) = rest.split_once(CLOSE).unwrap();
        let example = serde_json::to_string_pretty(&snapshot(name)).unwrap();
        current.push_str(&format!("{MARK}{name}{OPEN}{example}{CLOSE}{rest}"));
    }
    current
}

fn snapshot(name: &str) -> Value {
    let (name, index) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
        Some((name, index)) => (name, Some(index.parse::<usize>().unwrap())),
        None => (name, None),
    };
    let file = format!("src/fediverse/snapshots/reviewd__fediverse__{name}.snap");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let (_header, document) = text.trim_start_matches("---\n").split_once("\n---\n").unwrap();
    let document: Value = serde_json::from_str(document).unwrap();
    index.map_or(document.clone(), |index| document[index].clone())
}
