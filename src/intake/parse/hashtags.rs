//! `#review #politics/anarchy`: a line of tags in the text, as Obsidian, Logseq and Bear have them.

/// Longest tag, in characters; more is no tag.
const TAG_CHARS_MAX: usize = 60;

/// The tags of a text's lines that are nothing but tags, and the text without these lines. A first line with one alone
/// stays: `#Dune` is a heading whose writer forgot the space.
pub fn taken(text: &str) -> Option<(Vec<String>, String)> {
    if !text.contains('#') {
        return None;
    }
    let (mut tags, mut kept) = (Vec::new(), String::with_capacity(text.len()));
    let (mut fenced, mut is_first) = (false, true);
    for line in text.split_inclusive('\n') {
        fenced ^= line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        let found = if fenced { None } else { tags_of(line) };
        match found.filter(|found| !is_first || found.len() > 1) {
            Some(found) => tags.extend(found),
            None => kept.push_str(line),
        }
        is_first &= line.trim().is_empty();
    }
    (!tags.is_empty()).then_some((tags, kept))
}

/// The tags of a line that holds nothing else. `#1` is a number.
fn tags_of(line: &str) -> Option<Vec<String>> {
    // Four spaces make code.
    if line.starts_with("    ") || line.starts_with('\t') {
        return None;
    }
    let tag = |word: &str| {
        let name = word.strip_prefix('#')?.trim_end_matches([',', ';']);
        let fits = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '/'))
            && name.chars().any(char::is_alphabetic)
            && name.chars().count() <= TAG_CHARS_MAX;
        fits.then(|| name.to_owned())
    };
    let tags = line.split_whitespace().map(tag).collect::<Option<Vec<_>>>()?;
    (!tags.is_empty()).then_some(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_tags_are_taken_and_everything_else_stays() {
        let check = |text: &str, expected: Option<(&[&str], &str)>| {
            let found = taken(text);
            let found = found.as_ref().map(|(tags, text)| (tags.iter().map(String::as_str).collect(), text.as_str()));
            assert_eq!(found, expected.map(|(tags, text)| (tags.to_vec(), text)), "{text}");
        };
        check("Good.\n\n#review #politics/anarchy\n", Some((&["review", "politics/anarchy"], "Good.\n\n")));
        check("#book #fiction\nGood.", Some((&["book", "fiction"], "Good.")));
        check("#Dune\nGood.", None);
        check("Good.\n#read-again", Some((&["read-again"], "Good.\n")));
        for text in
            ["Good #1.", "# Dune\nx", "x\n## Two", "We are\n#1", "a\n```\n#include\n```", "x\n    #code", "#", "x"]
        {
            check(text, None);
        }
    }
}
