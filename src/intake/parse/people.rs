//! Names of authors: lists, "A & B", "Last, First", wikilinks; translators left out.

use super::{
    front_matter::{Entry, Value, key_name},
    markup,
};

/// Most authors kept; anthologies list dozens.
const AUTHORS_MAX: usize = 20;

/// Words in a role that mean: not an author of the work.
const OTHER_ROLES: &[&str] = &[
    "translator",
    "translated",
    "trans.",
    "transl.",
    "illustrator",
    "illustrated",
    "narrator",
    "narrated",
    "read by",
    "foreword",
    "introduction",
    "afterword",
    "cover",
    "übersetz",
    "traduct",
    "traduit",
    "reader",
    "editor of",
];

/// Words that stand in "Title by …" and begin no name.
const NO_NAMES: &[&str] = &[
    "the",
    "a",
    "an",
    "my",
    "your",
    "our",
    "his",
    "her",
    "their",
    "night",
    "day",
    "fire",
    "water",
    "light",
    "design",
    "numbers",
    "sea",
    "blood",
    "moonlight",
    "starlight",
    "one",
    "step",
    "chance",
    "any",
    "all",
    "this",
    "that",
    "black",
    "step",
    "degrees",
    "default",
    "land",
    "air",
    "proxy",
    "heart",
    "nature",
];

/// Small words inside names.
const PARTICLES: &[&str] = &[
    "de", "da", "di", "du", "del", "della", "der", "den", "van", "von", "vom", "zu", "la", "le", "los", "las", "dos",
    "das", "al", "el", "bin", "ibn", "ben", "ter", "ten", "af", "av", "y", "e", "and", "&", "with", "und", "et", "st.",
    "san", "i",
];

/// The authors in a value of any form; of an anthology that names none, its editors.
pub fn authors(value: &Value) -> Vec<String> {
    let mut names = Vec::new();
    collect(value, &mut names);
    if names.is_empty() {
        for entries in value.maps() {
            if field(entries, &["role", "type", "contribution"])
                .is_some_and(|role| role.to_lowercase().starts_with("edit"))
            {
                from_map(entries, &mut names, true);
            }
        }
    }
    unique(names)
}

/// The authors named in one text.
pub fn from_text(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    split_names(text, &mut names);
    unique(names)
}

fn unique(names: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for name in names {
        if !kept.iter().any(|have| same(have, &name)) && kept.len() < AUTHORS_MAX {
            kept.push(name);
        }
    }
    kept
}

fn collect(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Scalar(scalar) if scalar.is_null() || scalar.flag().is_some() => {}
        Value::Scalar(scalar) => split_names(&scalar.text, names),
        Value::List(items) => {
            for item in items {
                // An unquoted `[[Wikilink]]` is a list in a list, and `A, Jr.` is cut at its comma.
                collect(item, names);
            }
        }
        Value::Map(entries) => from_map(entries, names, false),
    }
}

fn field(entries: &[Entry], wanted: &[&str]) -> Option<String> {
    let entry = entries.iter().find(|entry| wanted.contains(&key_name(&entry.key).as_str()))?;
    entry.value.scalars().first().map(|scalar| scalar.text.trim().to_owned())
}

/// `{name: …, role: …}` or `{first: …, last: …}`.
fn from_map(entries: &[Entry], names: &mut Vec<String>, any_role: bool) {
    let field = |wanted: &[&str]| field(entries, wanted);
    if !any_role && field(&["role", "type", "contribution"]).is_some_and(|role| is_other_role(&role)) {
        return;
    }
    if let Some(name) = field(&["name", "fullname", "displayname", "title"]) {
        split_names(&name, names);
        return;
    }
    let parts = [field(&["first", "firstname", "given"]), field(&["middle"]), field(&["last", "lastname", "family"])];
    let whole = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if !whole.is_empty() {
        names.push(markup::plain(&whole));
    }
}

fn is_other_role(role: &str) -> bool {
    let role = role.to_lowercase();
    OTHER_ROLES.iter().any(|other| role.contains(other)) || role == "editor"
}

fn split_names(text: &str, names: &mut Vec<String>) {
    // Links are cut first, each is one name.
    let text = markup::without_links(&markup::without_tags(text));
    for part in text.split([';', '\n', '|']).flat_map(|part| part.split(" / ")) {
        for part in part
            .split(" & ")
            .flat_map(|p| p.split(" and "))
            .flat_map(|p| p.split(" und "))
            .flat_map(|p| p.split(" with "))
        {
            for name in split_commas(part) {
                push(&name, names);
            }
        }
    }
}

/// Commas part names, except in "Last, First" and "King, Jr."
fn split_commas(text: &str) -> Vec<String> {
    let pieces: Vec<&str> = text.split(',').map(str::trim).filter(|piece| !piece.is_empty()).collect();
    let words = |piece: &str| piece.split_whitespace().count();
    let suffix = |piece: &str| {
        matches!(
            piece.trim_end_matches('.').to_lowercase().as_str(),
            "jr" | "sr" | "phd" | "ph.d" | "md" | "m.d" | "ii" | "iii" | "esq"
        )
    };
    match pieces.as_slice() {
        [last, first] if suffix(first) => vec![format!("{last}, {first}")],
        [last, first] if words(last) == 1 && words(first) <= 3 && !is_other_role(first) => {
            vec![format!("{first} {last}")]
        }
        [last, first] if words(last) <= 3 && words(first) <= 3 && starts_small(last) => vec![format!("{first} {last}")],
        _ => {
            let mut names: Vec<String> = Vec::new();
            for piece in pieces {
                match names.last_mut() {
                    Some(last) if suffix(piece) => *last = format!("{last}, {piece}"),
                    _ => names.push(piece.to_owned()),
                }
            }
            names
        }
    }
}

fn starts_small(name: &str) -> bool {
    name.split_whitespace().next().is_some_and(|word| PARTICLES.contains(&word.to_lowercase().as_str()))
}

fn push(name: &str, names: &mut Vec<String>) {
    let name = markup::plain(name);
    let name = name.trim_start_matches(['@', '"', '“']).trim_end_matches(['"', '”', ',']).trim();
    let name = ["by ", "By ", "von ", "de "].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    let lower = name.to_lowercase();
    let mut kept = name;
    if let Some((before, inside)) = name.rsplit_once('(') {
        if is_other_role(inside) {
            return;
        }
        if inside.to_lowercase().starts_with("author") || inside.to_lowercase().starts_with("ed") {
            kept = before.trim();
        }
    }
    let nobody = matches!(
        lower.as_str(),
        "" | "unknown" | "n/a" | "none" | "et al." | "et al" | "various" | "others" | "?" | "null"
    ) || OTHER_ROLES.iter().any(|role| lower.starts_with(role))
        || !name.chars().any(char::is_alphanumeric)
        || name.contains("{{");
    if !nobody && kept.chars().count() <= 120 {
        names.push(kept.to_owned());
    }
}

/// Whether two names mean the same person: letters and digits alike, whatever the case and the dots.
pub fn same(one: &str, other: &str) -> bool {
    let bare = |name: &str| key_name(&deunicode::deunicode(name));
    !one.is_empty() && bare(one) == bare(other)
}

/// Whether a text reads like a person's name (or two): two to six words, each with a capital or a particle between.
pub fn looks_like_a_name(text: &str) -> bool {
    let text = text.trim();
    if text.chars().any(|c| c.is_ascii_digit() || "?!:;()[]/".contains(c)) {
        return false;
    }
    let words: Vec<&str> = text.split_whitespace().flat_map(|word| word.split(',')).filter(|w| !w.is_empty()).collect();
    if !(2..=9).contains(&words.len()) {
        return false;
    }
    let capital = |word: &str| {
        word.chars()
            .find(|c| c.is_alphabetic())
            .is_some_and(|c| c.is_uppercase() || !(c.is_lowercase() || c.is_uppercase()))
    };
    let named = |word: &&&str| capital(word) && !NO_NAMES.contains(&word.to_lowercase().as_str());
    let fits =
        |word: &&str| capital(word) || PARTICLES.contains(&word.to_lowercase().as_str()) || word.starts_with("d'");
    let first_is_named = words.first().is_some_and(|word| named(&word));
    first_is_named && words.iter().all(fits) && words.last().is_some_and(|word| capital(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(from_text(text), expected, "{text}");
    }

    #[test]
    fn names_are_split_and_turned_round() {
        check("Frank Herbert", &["Frank Herbert"]);
        check("Neil Gaiman & Terry Pratchett", &["Neil Gaiman", "Terry Pratchett"]);
        check("Neil Gaiman, Terry Pratchett and Ana Sol", &["Neil Gaiman", "Terry Pratchett", "Ana Sol"]);
        check("Le Guin, Ursula K.", &["Ursula K. Le Guin"]);
        check("Herbert, Frank", &["Frank Herbert"]);
        check("Martin Luther King, Jr.", &["Martin Luther King, Jr."]);
        check("[[Authors/Olga Tokarczuk|Olga Tokarczuk]]", &["Olga Tokarczuk"]);
        check("Han Kang, Deborah Smith (Translator)", &["Han Kang"]);
        check("by Plato", &["Plato"]);
        check("J.R.R. Tolkien; Christopher Tolkien", &["J.R.R. Tolkien", "Christopher Tolkien"]);
        check("bell hooks", &["bell hooks"]);
        check("unknown", &[]);
    }

    #[test]
    fn names_are_told_from_other_words() {
        for name in [
            "Ali Hazelwood",
            "Ursula K. Le Guin",
            "Simone de Beauvoir",
            "Neil Gaiman and Terry Pratchett",
            "J. K. Rowling",
        ] {
            assert!(looks_like_a_name(name), "{name}");
        }
        for text in ["Me", "the Sea", "Black Hole", "step guide", "Moonlight Road", "2 o'clock", "lantern light"] {
            assert!(!looks_like_a_name(text), "{text}");
        }
    }

    #[test]
    fn names_are_compared_without_dots_and_accents() {
        assert!(same("J. R. R. Tolkien", "JRR Tolkien"));
        assert!(same("Zoë", "zoe"));
        assert!(!same("", ""));
    }
}
