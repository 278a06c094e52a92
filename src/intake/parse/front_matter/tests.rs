use super::*;

fn read(text: &str) -> Vec<(String, String)> {
    let show = |value: &Value| match value {
        Value::Scalar(scalar) => scalar.text.clone(),
        other => other.scalars().iter().map(|s| s.text.clone()).collect::<Vec<_>>().join("|"),
    };
    let split = split(text).unwrap();
    split.entries.unwrap_or_default().iter().map(|e| (e.key.clone(), show(&e.value))).collect()
}

fn refused(text: &str) -> (u32, u32, String) {
    let rejected = split(text).unwrap_err();
    (rejected.place.line, rejected.place.column, rejected.cure)
}

#[test]
fn every_syntax_gives_the_same_keys() {
    for text in [
        "---\ntitle: Dune\ntags: [a, b]\n---\nbody",
        "\n\n---\ntitle: 'Dune'\ntags:\n- a\n- b\n...\nbody",
        "+++\ntags = ['a', 'b']\ntitle = \"Dune\"\n+++\nbody",
        "{\"title\": \"Dune\", \"tags\": [\"a\", \"b\"]}\nbody",
        "title: Dune\ntags: [a, b]\n\nbody",
        "title: Dune\ntags:\n  - a\n  - b\n---\nbody",
    ] {
        let mut entries = read(text);
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.0.clone()));
        assert_eq!(entries, [("title".into(), "Dune".into()), ("tags".into(), "a|b".into())], "{text}");
        assert_eq!(split(text).unwrap().body.trim(), "body", "{text}");
    }
}

#[test]
fn a_key_twice_without_a_fence_is_a_list() {
    assert_eq!(read("isbn: 1\nauthor: A\nauthor: B\n\nx")[1], ("author".into(), "A|B".into()));
}

#[test]
fn a_header_without_a_fence_may_be_one_line_or_stand_right_above_a_heading() {
    assert_eq!(read("Date: 2018-07-22 18:42\n\n# Dune\n\nx").len(), 1);
    assert_eq!(read("Tags: a, b\nMood:🎵\n# Dune\nx").len(), 2);
    assert_eq!(split("Tags: a\n# Dune\nx").unwrap().body, "# Dune\nx");
    assert!(read("Date: none of your business.\n\nx").is_empty());
}

#[test]
fn prose_is_no_header() {
    for text in [
        "---\n\nA break, then prose.\n\n---\n",
        "Warning: it is long.\nAnd: it is good.\n\nText",
        "Dune\n====\n\ntext",
        "{ this is no JSON",
        "",
    ] {
        assert!(split(text).unwrap().entries.is_none(), "{text}");
    }
}

#[test]
fn broken_metadata_is_refused_with_place_and_cure() {
    for (text, line, column, cure) in [
        (
            "---\ntitle: The Middle Ages: A Very Short Introduction\nrating: 4\n---\nx",
            2,
            23,
            "write line 2 as `title: \"The Middle Ages: A Very Short Introduction\"`",
        ),
        (
            "---\nrating: 4\ntitle: 'Nine Lives: My Time As MI6's Top Spy'\n---\nx",
            3,
            36,
            "write line 3 as `title: \"Nine Lives: My Time As MI6's Top Spy\"`",
        ),
        (
            "---\ntitle: A\nreview: \"An insight into politics.”\nrating: 3\ntags: [\"x\"]\n---\nx",
            3,
            9,
            "write line 3 as `review: \"An insight into politics.\"`",
        ),
        ("---\nauthor: \"\"Thomas Merton\"\n---\nx", 2, 11, "write line 2 as `author: \"Thomas Merton\"`"),
        ("---\nimage: a\ntitle: T\nimage: [b]\n---\nx", 4, 1, "delete one of the two `image:` lines (2 and 4)"),
        ("---\ntitle: T\ntags:\n\t- a\n---\nx", 4, 1, "replace the tab on line 4 by two spaces"),
        (
            "---\ntitle: T\nrating: 4\n\nText.",
            1,
            1,
            "type `---` on a line of its own after line 3, the last of the metadata",
        ),
        ("+++\ntitle = Dune\n+++\nx", 2, 9, "write line 2 as `title = \"Dune\"`"),
        ("—\ntitle: T\n—\nx", 1, 1, "type three hyphens, `---`, on line 1 and on the line that ends the metadata"),
    ] {
        assert_eq!(refused(text), (line, column, cure.to_owned()), "{text}");
    }
}

#[test]
fn bombs_are_refused() {
    let deep = format!("---\na: {}\n---\n", "[".repeat(40) + &"]".repeat(40));
    assert!(split(&deep).unwrap_err().message.contains("nested"));
    let mut bomb = String::from("---\na: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (name, of) in [('b', 'a'), ('c', 'b'), ('d', 'c'), ('e', 'd'), ('f', 'e')] {
        bomb.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{of}"); 10].join(", ")));
    }
    bomb.push_str("---\n");
    assert!(split(&bomb).unwrap_err().message.contains("values"));
}
