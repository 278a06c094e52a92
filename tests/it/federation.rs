//! FEDERATION.md shows what the program really makes: its examples are the snapshots of `src/fediverse`.

use std::fs;

use serde_json::Value;

/// Before an example: `<!-- snapshot: note__tests__a_review_is_a_note -->`, perhaps with `[2]` for one of several.
const MARK: &str = "<!-- snapshot: ";

#[test]
fn the_examples_in_federation_md_are_what_is_sent() {
    let page = fs::read_to_string("FEDERATION.md").unwrap();
    let examples: Vec<_> = page.split(MARK).skip(1).collect();
    assert!(examples.len() >= 5, "FEDERATION.md has only {} examples", examples.len());
    for example in examples {
        let (name, rest) = example.split_once(" -->\n```json\n").unwrap();
        let (shown, _) = rest.split_once("\n```").unwrap();
        let shown: Value = serde_json::from_str(shown).unwrap();
        assert_eq!(shown, snapshot(name), "the example `{name}` has changed: copy the new one into FEDERATION.md");
    }
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
