//! Short texts in one line: titles, hashtags, the names of strangers.

use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{html, limits, tree};

/// Display names are cut here, characters; Mastodon allows 30, Misskey 50.
const NAME_CHARS_MAX: usize = 80;
/// Tags longer than this are sentences, characters.
const HASHTAG_CHARS_MAX: usize = 100;
/// Titles are cut here, bytes.
const TITLE_BYTES_MAX: usize = 2_000;
/// Accents on one letter; more are "zalgo" that grows over its neighbours.
const ACCENTS_MAX: usize = 4;

/// `science fiction` → `ScienceFiction`; `None` where nothing of the tag can stand in a hashtag.
///
/// Letters of every script, digits and their accents stay; Mastodon wants at least one that is not a digit. One word
/// keeps its case, several are joined in camel case so that screen readers tell them apart.
pub fn hashtag(tag: &str) -> Option<String> {
    let tag: String = tag.nfc().filter(|c| !matches!(c, '\'' | '’' | '`')).collect();
    let words: Vec<&str> =
        tag.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c)).filter(|word| !word.is_empty()).collect();
    let joined = match words[..] {
        [word] => word.to_owned(),
        _ => words.iter().map(|word| capitalised(word)).collect(),
    };
    let is_one = joined.chars().any(char::is_alphabetic) && joined.chars().count() <= HASHTAG_CHARS_MAX;
    is_one.then_some(joined)
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Without the characters that XML 1.0 cannot hold (section 2.2): every string goes through here before any feed
/// writer.
pub fn xml_clean(text: &str) -> String {
    text.chars()
        .filter(|c| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..))
        .collect()
}

/// A title as its words: tags, entities, emphasis and links of Markdown taken off, in one line.
///
/// Only marks that stand like marks go: `M*A*S*H`, `snake_case` and `A < B` are titles.
pub fn title_text(title: &str) -> String {
    let title = cut(title, TITLE_BYTES_MAX);
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let without_markdown = without_marks(title);
    let text = match without_markdown.contains(['<', '&']) && limits::html_fits(&without_markdown) {
        true => html_words(&without_markdown),
        false => without_markdown,
    };
    let text = one_line(&text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>());
    if text.is_empty() { one_line(title) } else { text }
}

fn html_words(source: &str) -> String {
    let document = html::read(source);
    tree::text_of(&tree::flatten(document.blocks))
}

fn without_marks(title: &str) -> String {
    static MARKS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
        let marks = [
            (r"!?\[([^\[\]]+)\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)", "$1"),
            (r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]+)\]\]", "$1"),
            (r"(^|[\s(“”‘’—–:,/-])\*\*([^\s*](?:[^*]*[^\s*])?)\*\*($|[\s.,;:!?)“”‘’—–/-])", "$1$2$3"),
            (r"(^|[\s(“”‘’—–:,/-])__([^\s_](?:[^_]*[^\s_])?)__($|[\s.,;:!?)“”‘’—–/-])", "$1$2$3"),
            (r"(^|[\s(“”‘’—–:,/-])\*([^\s*](?:[^*]*[^\s*])?)\*($|[\s.,;:!?)“”‘’—–/-])", "$1$2$3"),
            (r"(^|[\s(“”‘’—–:,/-])_([^\s_](?:[^_]*[^\s_])?)_($|[\s.,;:!?)“”‘’—–/-])", "$1$2$3"),
            (r"`([^`]+)`", "$1"),
            (r"^#{1,6}\s+(.*?)\s*#*$", "$1"),
            (r"\\([\[\]*_`#\\<>])", "$1"),
        ];
        marks.into_iter().filter_map(|(mark, words)| Some((Regex::new(mark).ok()?, words))).collect()
    });
    if !title.contains(['[', '*', '_', '`', '#', '\\']) {
        return title.to_owned();
    }
    MARKS.iter().fold(title.to_owned(), |title, (mark, words)| mark.replace_all(&title, *words).into_owned())
}

/// The name of a stranger as it may stand in our pages: one line of visible characters, without tags, without what
/// turns the direction of the line around, and of a bounded length. May be empty.
pub fn clean_name(name: &str) -> String {
    let name = cut(name, NAME_CHARS_MAX * 40);
    let name = match name.contains(['<', '&']) && limits::html_fits(name) {
        true => html_words(name),
        false => name.to_owned(),
    };
    let visible = visible(&name);
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= NAME_CHARS_MAX {
        return line;
    }
    let mut short: String = line.chars().take(NAME_CHARS_MAX - 1).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// Plain text of a stranger (a content warning, a description): lines kept, invisible and misleading characters
/// gone, at most `chars_max` characters.
pub fn remote_text(text: &str, chars_max: usize) -> String {
    let visible = visible(cut(text, chars_max.saturating_mul(8)));
    let text = visible.trim();
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect()
}

/// Without controls, direction marks, invisible characters and heaps of accents.
pub(super) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut accents = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        accents = if is_combining_mark(c) { accents + 1 } else { 0 };
        if accents > ACCENTS_MAX {
            continue;
        }
        match c {
            '\n' | '\t' => out.push(c),
            '\r' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            // Joiners shape emoji families and the letters of Persian and Indic scripts, never Latin ones.
            '\u{200C}' | '\u{200D}' => {
                let joins = |c: Option<&char>| c.is_some_and(|c| !c.is_ascii());
                if joins(out.chars().next_back().as_ref()) && joins(chars.peek()) {
                    out.push(c);
                }
            }
            c if c.is_control() || is_invisible(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// Direction controls (Unicode TR36 "bidirectional spoofing"), zero-width characters, fillers that look like nothing,
/// tag characters.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{206F}'
        | '\u{00AD}' | '\u{034F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}' | '\u{2060}'..='\u{2065}' | '\u{2800}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFC}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// At most so many bytes, cut between characters.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_hashtags_that_mastodon_recognises() {
        fn check(tag: &str, expected: Option<&str>) {
            assert_eq!(hashtag(tag).as_deref(), expected, "{tag}");
        }
        check("science fiction", Some("ScienceFiction"));
        check("sci-fi", Some("SciFi"));
        check("fiction", Some("fiction"));
        check("LGBTQ+", Some("LGBTQ"));
        check("children's books", Some("ChildrensBooks"));
        check("[[Hard SF]]", Some("HardSF"));
        check("読書", Some("読書"));
        check("हिन्दी", Some("हिन्दी"));
        check("élan vital", Some("ÉlanVital"));
        check("e\u{301}lan", Some("élan"));
        check("2024", None);
        check("2024 reads", Some("2024Reads"));
        check("📚", None);
        check("", None);
        check(&"x".repeat(101), None);
    }

    #[test]
    fn titles_lose_their_markup_and_nothing_else() {
        fn check(title: &str, expected: &str) {
            assert_eq!(title_text(title), expected);
        }
        check("[How to Destroy the World](https://a.example/x_(y))", "How to Destroy the World");
        check("The Children of H&uacute;rin", "The Children of Húrin");
        check("<cite>Dune</cite> &amp; others", "Dune & others");
        check("*Dune* and **Emma**", "Dune and Emma");
        check("_Never_ __Let__ Me Go", "Never Let Me Go");
        check("[[books/Dune|Dune]]", "Dune");
        check("# 1984", "1984");
        check("  two\n lines ", "two lines");
        for kept in [
            "M*A*S*H",
            "snake_case_title",
            "A < B",
            "1984.",
            "- minus",
            "C#",
            "2 * 3 * 4",
            "<3",
            "AT&T",
            "#Girlboss",
            "¿Qué?",
        ] {
            check(kept, kept);
        }
    }

    #[test]
    fn names_of_strangers_hold_no_hidden_characters() {
        fn check(name: &str, expected: &str) {
            assert_eq!(clean_name(name), expected);
        }
        check("Bob", "Bob");
        check("Bob \u{202E}nimda", "Bob nimda");
        check("ad\u{200B}min", "admin");
        check("ad\u{200D}min", "admin");
        check("👩\u{200D}👩\u{200D}👧", "👩\u{200D}👩\u{200D}👧");
        check("می\u{200C}خواهم", "می\u{200C}خواهم");
        check("<b>Bob</b><script>alert(1)</script>", "Bob");
        check("a\u{0}b\nc", "ab c");
        check("\u{3164}", "");
        check("Tom & Jerry", "Tom & Jerry");
        assert_eq!(clean_name(&"x".repeat(1_000_000)).chars().count(), NAME_CHARS_MAX);
        assert_eq!(clean_name(&format!("e{}", "\u{301}".repeat(500))), format!("e{}", "\u{301}".repeat(ACCENTS_MAX)));
    }
}
