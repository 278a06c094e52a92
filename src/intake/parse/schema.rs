//! The metadata of a review as a JSON Schema, by which editors complete and explain keys.
//!
//! It is made from the lists of `keys`, so it names what the parser reads. It is as lenient as the parser: a schema that
//! marks good files teaches people to look away.

use serde_json::{Value, json};

use super::keys;

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// A text, or a number that is one: `1984`.
    Text,
    /// A text, several, or mappings with a name.
    Names,
    /// A date, written as a text or understood as one by the editor.
    Date,
    Dates,
    Rating,
    /// A number, or a text that holds one.
    Number,
    /// The same; `published` may be a flag.
    Year,
    Flag,
    /// A list, or a text with commas.
    List,
    /// A list of mappings; blog engines know a flag of this name.
    Comments,
    /// An address, a path, or a mapping that holds one.
    Picture,
}

/// A role with the key that the documentation names for it.
struct Role {
    key: &'static str,
    /// Every key that is read, this one among them.
    keys: &'static [&'static str],
    shape: Shape,
    description: &'static str,
    examples: &'static [&'static str],
}

const ROLES: &[Role] = &[
    Role {
        key: "title",
        keys: keys::POST_TITLE,
        shape: Shape::Text,
        description: "The book's title, or the post's own where `book_title` names the book. Without it the first heading \
                      counts, else the file's name. A series may stand in it: `The Final Empire (Mistborn, #1)`.",
        examples: &["Dune"],
    },
    Role {
        key: "book_title",
        keys: keys::WORK_TITLE,
        shape: Shape::Text,
        description: "The book's title, where `title` is a headline of the post's own.",
        examples: &["Dune"],
    },
    Role {
        key: "author",
        keys: keys::AUTHOR,
        shape: Shape::Names,
        description: "Who wrote the book: one name or a list. Your own name here is understood as yours, not as the \
                      author's.",
        examples: &["Frank Herbert"],
    },
    Role {
        key: "book_author",
        keys: keys::WORK_AUTHOR,
        shape: Shape::Names,
        description: "Who wrote the book, where `author` is you.",
        examples: &["Frank Herbert"],
    },
    Role {
        key: "rating",
        keys: keys::RATING,
        shape: Shape::Rating,
        description: "`4.5/5`, a bare number on the scale of your folder, stars, a letter (`B+`), a thumb, or a word. A \
                      word, a letter or a thumb is shown as it stands.",
        examples: &["4.5/5", "8/10", "★★★★½", "A-"],
    },
    Role {
        key: "rating_max",
        keys: keys::RATING_BEST,
        shape: Shape::Number,
        description: "The best value of a bare `rating`.",
        examples: &["10"],
    },
    Role {
        key: "date",
        keys: keys::DATE,
        shape: Shape::Date,
        description: "When the review was written. A date in the future waits for its day.",
        examples: &["2026-11-21", "2026-11-21T20:15:00+01:00"],
    },
    Role {
        key: "created",
        keys: keys::CREATED,
        shape: Shape::Date,
        description: "Counts where there is no `date`.",
        examples: &["2026-11-21"],
    },
    Role {
        key: "updated",
        keys: keys::UPDATED,
        shape: Shape::Date,
        description: "When you last changed the review.",
        examples: &["2026-11-22"],
    },
    Role {
        key: "started",
        keys: keys::STARTED,
        shape: Shape::Dates,
        description: "When you began to read.",
        examples: &["2026-11-01"],
    },
    Role {
        key: "finished",
        keys: keys::READ,
        shape: Shape::Dates,
        description: "When you finished the book; a list where you read it more than once. A month is enough.",
        examples: &["2026-11-20", "2026-11"],
    },
    Role {
        key: "isbn",
        keys: keys::ISBN,
        shape: Shape::Text,
        description: "ISBN-10 or ISBN-13, with or without hyphens. In quotes, or a leading zero may be lost.",
        examples: &["978-0-441-17271-9"],
    },
    Role {
        key: "publication_year",
        keys: keys::YEAR,
        shape: Shape::Year,
        description: "When the book first came out; negative before the common era.",
        examples: &["1965"],
    },
    Role {
        key: "series",
        keys: keys::SERIES,
        shape: Shape::Text,
        description: "The series that the book belongs to.",
        examples: &["Dune"],
    },
    Role {
        key: "series_number",
        keys: keys::SERIES_POSITION,
        shape: Shape::Text,
        description: "The book's place in the series.",
        examples: &["1", "2.5"],
    },
    Role {
        key: "pages",
        keys: keys::PAGES,
        shape: Shape::Number,
        description: "How many pages the book has.",
        examples: &["412"],
    },
    Role {
        key: "publisher",
        keys: keys::PUBLISHER,
        shape: Shape::Text,
        description: "Who published the book.",
        examples: &["Ace"],
    },
    Role {
        key: "cover",
        keys: keys::COVER,
        shape: Shape::Picture,
        description: "A picture of the cover, relative to this file. `cover.jpg` in the directory of a review needs no key.",
        examples: &["dune.jpg"],
    },
    Role {
        key: "cover_alt",
        keys: keys::COVER_ALT,
        shape: Shape::Text,
        description: "What the cover shows, for people who do not see it.",
        examples: &["A dune under two moons"],
    },
    Role {
        key: "tags",
        keys: keys::TAGS,
        shape: Shape::List,
        description: "What the review is filed under; a list, or one text with commas.",
        examples: &["science fiction"],
    },
    Role {
        key: "summary",
        keys: keys::SUMMARY,
        shape: Shape::Text,
        description: "One sentence of yours, for lists and link cards.",
        examples: &["Worms, and patience with power."],
    },
    Role {
        key: "synopsis",
        keys: keys::BLURB,
        shape: Shape::Text,
        description: "What the publisher says about the book; shown folded, and sent to nobody.",
        examples: &[],
    },
    Role {
        key: "review",
        keys: keys::OWN_WORDS,
        shape: Shape::Text,
        description: "The review itself, where it does not stand below the metadata.",
        examples: &[],
    },
    Role {
        key: "language",
        keys: keys::LANGUAGE,
        shape: Shape::Text,
        description: "The language of the review (BCP 47), where it is not the site's.",
        examples: &["en", "pt-BR"],
    },
    Role {
        key: "spoilers",
        keys: keys::SPOILERS,
        shape: Shape::Flag,
        description: "The whole review gives the plot away: it stands behind a warning everywhere. Single passages are marked \
                      in the text, `<spoiler>…</spoiler>`.",
        examples: &[],
    },
    Role {
        key: "draft",
        keys: keys::DRAFT_FLAGS,
        shape: Shape::Flag,
        description: "Published nowhere while it is true; on a review that was published it takes the review back.",
        examples: &[],
    },
    Role {
        key: "published",
        keys: keys::SHOWN_FLAGS,
        shape: Shape::Text,
        description: "`false` is a draft. A year here is the book's.",
        examples: &["false"],
    },
    Role {
        key: "status",
        keys: keys::STATUS,
        shape: Shape::List,
        description: "`draft`, `private` and the like are drafts; `to-read` without words or a rating is no review.",
        examples: &["draft", "read"],
    },
    Role {
        key: "slug",
        keys: keys::SLUG,
        shape: Shape::Text,
        description: "The last part of the page's address; made from the file's name otherwise.",
        examples: &["dune"],
    },
    Role {
        key: "permalink",
        keys: keys::PERMALINK,
        shape: Shape::Text,
        description: "The page's address on the blog this file comes from: its last part becomes the slug, and the old path \
                      leads to the page.",
        examples: &["/2026/11/dune/"],
    },
    Role {
        key: "aliases",
        keys: keys::ALIASES,
        shape: Shape::List,
        description: "Paths that the page had before or elsewhere: they lead to it.",
        examples: &["/2019/old-dune/"],
    },
    Role {
        key: "id",
        keys: &["id"],
        shape: Shape::Text,
        description: "The permanent id by which other servers know the review. Only to be set by hand if you know why.",
        examples: &[],
    },
    Role {
        key: "replies",
        keys: &["replies"],
        shape: Shape::Flag,
        description: "`closed`: the conversation takes no more replies.",
        examples: &["closed"],
    },
    Role {
        key: "reviewd_import",
        keys: &["reviewdimport"],
        shape: Shape::Text,
        description: "Written by `reviewd import`: which row of which export this was. The review is taken in without an \
                      announcement, and not imported again.",
        examples: &["goodreads:44767458"],
    },
    Role {
        key: "comments",
        keys: keys::COMMENTS,
        shape: Shape::Comments,
        description: "What readers said under the review on the blog it comes from: a list of `name`, `date` and `text` \
                      (Markdown). Shown below the review, and sent to nobody.",
        examples: &[],
    },
    Role {
        key: "in_reply_to",
        keys: keys::IN_REPLY_TO,
        shape: Shape::Text,
        description: "This file is an answer: the address of the post that it answers. Such files lie in `replies/`.",
        examples: &["https://social.example/@bob/1"],
    },
    Role {
        key: "warning",
        keys: keys::WARNING,
        shape: Shape::Text,
        description: "In an answer: the content warning before it.",
        examples: &["The end of Dune"],
    },
];

/// A text with a digit in it, or none; patterns hold for texts alone.
const NUMBER: &str = "^$|[0-9]";
/// What blog engines write where one may be switched on or off.
const FLAG: &str = "^([Tt]rue|[Ff]alse|[Yy]es|[Nn]o|[Oo]n|[Oo]ff|[Oo]pen|[Cc]losed|[Ee]nabled|[Dd]isabled)?$";
const FLAG_OR_NUMBER: &str = "^([Tt]rue|[Ff]alse|[Yy]es|[Nn]o)?$|[0-9]";

/// The schema (draft 2020-12).
pub fn schema() -> Value {
    let properties: serde_json::Map<String, Value> =
        ROLES.iter().map(|role| (role.key.to_owned(), property(role))).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A review for reviewd",
        "description": "The metadata at the head of a review file, YAML or TOML. Nothing is required, and other keys are \
                        passed over. Upper and lower case, spaces, hyphens and underscores make no difference between keys; \
                        keys of the book may stand in a mapping `book:`.",
        "type": "object",
        "properties": properties,
        "additionalProperties": true,
    })
}

fn property(role: &Role) -> Value {
    let own = super::front_matter::key_name(role.key);
    let others: Vec<&str> = role.keys.iter().copied().filter(|key| *key != own).collect();
    let also = if others.is_empty() { String::new() } else { format!(" Also read: {}.", others.join(", ")) };
    let mut property = shape(role.shape);
    property["description"] = json!(format!("{}{also}", role.description));
    if !role.examples.is_empty() {
        property["examples"] = json!(role.examples);
    }
    property
}

fn shape(shape: Shape) -> Value {
    let text = json!({"type": ["string", "number", "boolean", "null"]});
    match shape {
        Shape::Text | Shape::Rating | Shape::Flag => text,
        Shape::Number => json!({"type": ["number", "string", "null"], "pattern": NUMBER}),
        Shape::Year => json!({"type": ["number", "string", "boolean", "null"], "pattern": FLAG_OR_NUMBER}),
        Shape::Date => json!({"type": ["string", "number", "boolean", "null"], "pattern": NUMBER}),
        // `read` and `completed` may be a flag, `read` a mapping, and a reading one that holds its days.
        Shape::Dates => json!({"anyOf": [
            {"type": ["string", "number", "boolean", "null"], "pattern": FLAG_OR_NUMBER},
            {"type": "array", "items": {"type": ["string", "number", "object", "null"], "pattern": NUMBER}},
            {"type": "object"},
        ]}),
        Shape::Comments => json!({"anyOf": [
            {"type": ["boolean", "null"]},
            {"type": "string", "pattern": FLAG},
            {"type": "array", "items": {"type": "object", "required": ["text"], "properties": {
                "name": {"type": "string", "description": "Who said it."},
                "date": {"type": "string", "pattern": NUMBER, "description": "When."},
                "text": {"type": "string", "description": "What, in Markdown."},
            }}},
        ]}),
        Shape::List => json!({"anyOf": [text, {"type": "array", "items": text}]}),
        Shape::Names => json!({"anyOf": [
            text,
            {"type": "array", "items": {"type": ["string", "number", "object", "null"]}},
            {"type": "object"},
        ]}),
        Shape::Picture => json!({"anyOf": [
            {"type": ["string", "boolean", "null"]},
            {"type": "array", "items": {"type": ["string", "object", "null"]}},
            {"type": "object"},
        ]}),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::intake::parse::{
        self, Context, Reading, SourceFile,
        front_matter::{self, Scalar, key_name},
    };

    /// The part of JSON Schema that ours is written in.
    fn fits(schema: &Value, value: &Value) -> bool {
        for (word, rule) in schema.as_object().unwrap() {
            let holds = match word.as_str() {
                "description" | "examples" => true,
                "pattern" => {
                    let pattern = regex::Regex::new(rule.as_str().unwrap()).unwrap();
                    value.as_str().is_none_or(|text| pattern.is_match(text))
                }
                "required" => value.as_object().is_none_or(|members| {
                    rule.as_array().unwrap().iter().all(|key| members.contains_key(key.as_str().unwrap()))
                }),
                "properties" => rule
                    .as_object()
                    .unwrap()
                    .iter()
                    .all(|(key, rule)| value.get(key).is_none_or(|value| fits(rule, value))),
                "anyOf" => rule.as_array().unwrap().iter().any(|schema| fits(schema, value)),
                "items" => value.as_array().is_none_or(|items| items.iter().all(|item| fits(rule, item))),
                "type" => {
                    let own = match value {
                        Value::Null => "null",
                        Value::Bool(_) => "boolean",
                        Value::Number(_) => "number",
                        Value::String(_) => "string",
                        Value::Array(_) => "array",
                        Value::Object(_) => "object",
                    };
                    rule == own || rule.as_array().is_some_and(|types| types.iter().any(|one| one == own))
                }
                other => unreachable!("{other} is not looked at by this test"),
            };
            if !holds {
                return false;
            }
        }
        true
    }

    fn as_json(value: &front_matter::Value) -> Value {
        let scalar = |scalar: &Scalar| match scalar.text.parse::<f64>() {
            _ if scalar.quoted => json!(scalar.text),
            _ if scalar.is_null() => Value::Null,
            _ if ["true", "false"].contains(&scalar.text.as_str()) => json!(scalar.text == "true"),
            Ok(number) => json!(number),
            Err(_) => json!(scalar.text),
        };
        match value {
            front_matter::Value::Scalar(one) => scalar(one),
            front_matter::Value::List(items) => items.iter().map(as_json).collect(),
            front_matter::Value::Map(entries) => {
                Value::Object(entries.iter().map(|entry| (entry.key.clone(), as_json(&entry.value))).collect())
            }
        }
    }

    fn files(directory: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            match fs::read(&entry).map(String::from_utf8) {
                Ok(Ok(text)) => found.push((entry.display().to_string(), text)),
                Ok(Err(_)) => {}
                Err(_) => files(&entry, found),
            }
        }
    }

    #[test]
    fn every_documented_key_is_one_that_the_parser_reads() {
        for role in ROLES {
            let own = key_name(role.key);
            assert!(role.keys.contains(&own.as_str()), "{} is not among {:?}", role.key, role.keys);
        }
        let schema = schema();
        let properties = schema["properties"].as_object().unwrap();
        assert_eq!(properties.len(), ROLES.len(), "a key stands twice");
        assert!(properties["rating"]["description"].as_str().unwrap().contains("Also read: myrating"));
    }

    #[test]
    fn the_metadata_of_every_sample_fits_the_schema() {
        let schema = schema();
        let mut samples = Vec::new();
        files(Path::new("tests/folder"), &mut samples);
        let mut checked = 0;
        for (path, text) in samples {
            let Ok(split) = front_matter::split(&text) else { continue };
            for entry in split.entries.unwrap_or_default() {
                let name = key_name(&entry.key);
                for role in ROLES.iter().filter(|role| role.keys.contains(&name.as_str())) {
                    let value = as_json(&entry.value);
                    // `book:` and `review:` may be mappings of keys, which are read one by one.
                    if !value.is_object() {
                        assert!(fits(&schema["properties"][role.key], &value), "{path}: {}: {value}", entry.key);
                        checked += 1;
                    }
                }
            }
        }
        assert!(checked > 200, "only {checked} values were found");
    }

    /// The examples of the README: their file's name in brackets before the block, and the block.
    fn examples() -> Vec<(String, String)> {
        let readme = include_str!("../../../README.md");
        let forms = readme.split("### The forms it may have").nth(1).unwrap().split("\n## ").next().unwrap();
        let mut examples = Vec::new();
        let mut parts = forms.split("```");
        while let (Some(before), Some(block)) = (parts.next(), parts.next()) {
            let name = before.rsplit_once("(`").unwrap().1.split('`').next().unwrap();
            examples.push((name.to_owned(), block.split_once('\n').unwrap().1.to_owned()));
        }
        examples
    }

    #[test]
    fn every_form_that_the_readme_shows_is_read_as_the_same_review() {
        let context =
            Context { reviewer_name: "Ana Sol", reviewer_handle: "ana", rating_scale: Some(5.0), among_others: false };
        let examples = examples();
        assert_eq!(examples.len(), 6);
        for (name, text) in examples {
            let parsed = parse::parse(&SourceFile { path: &name, bytes: text.as_bytes(), siblings: &[] }, &context);
            let Reading::Review(review) = parsed.reading else { unreachable!("{name}: {:?}\n{text}", parsed.problems) };
            assert_eq!(
                (review.book.title.as_str(), review.book.authors.as_slice()),
                ("Dune", &["Frank Herbert".to_owned()][..]),
                "{text}"
            );
            let rating = review.rating.as_ref().and_then(|rating| rating.value);
            assert_eq!(rating, Some(4.5), "{text}");
            assert!(review.body.source.contains("The worms are the least of it."), "{text}");
            assert!(!review.body.source.contains("A boy goes"), "{text}");
        }
    }

    #[test]
    fn what_no_review_says_does_not_fit() {
        let schema = schema();
        for (key, value) in [
            ("rating", json!([1, 2])),
            ("tags", json!({"a": 1})),
            ("draft", json!([])),
            ("pages", json!({})),
            ("pages", json!("many")),
            ("publication_year", json!("long ago")),
            ("date", json!("yesterday")),
            ("finished", json!("yesterday")),
            ("finished", json!(["2020-01-01", "soon"])),
            ("comments", json!("Nice!")),
            ("comments", json!([{"name": "Bob"}])),
        ] {
            assert!(!fits(&schema["properties"][key], &value), "{key}: {value}");
        }
    }
}
