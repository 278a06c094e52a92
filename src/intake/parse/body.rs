//! The reviewer's own words: what is left when synopsis, comments, forms and placeholders are taken away.

use std::sync::LazyLock;

use regex::Regex;

use super::{labels, markup};
use crate::domain::Format;

/// How many non-empty lines at the end may belong to a blog engine's form.
const FORM_LINES_MAX: usize = 60;

/// A body and what was found in it.
#[derive(Debug, Default, PartialEq)]
pub struct Body {
    pub text: String,
    pub synopsis: Option<String>,
    /// Where a synopsis begins that never ends: line counted from 0.
    pub endless_synopsis: Option<usize>,
}

/// What stands between a post and its end.
static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^ (?: leave\s+a\s+(?:reply|comment)\b.{0,40}$ | fill\s+in\s+your\s+details\s+below | you\s+are\s+commenting\s+using
        | (?:share|like)\s+this:?\s*$ | share\s+this:.{0,40}$ | related$ | post\s+a\s+comment$ | like\s+loading | loading\.\.\.$
        | cancel\s+reply$ | enter\s+your\s+comment\s+here )",
    )
    .ok()
});

static SYNOPSIS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^ (?:the\s+)? (?: (?:goodreads|amazon|publisher(?:'s|’s)?|official|book|back\s+cover|from\s+(?:goodreads|the\s+publisher|amazon))\s+
          (?:synopsis|blurb|description|summary|copy) | synopsis | blurb | klappentext | inhaltsangabe | (?:synopsis|blurb|summary|description)
          \s* (?:\(?\s*(?:from|via|by)\s+(?:goodreads|amazon|the\s+publisher|netgalley|the\s+back\s+cover)\s*\)?)
          | from\s+(?:goodreads|the\s+publisher|the\s+back\s+cover|the\s+blurb|amazon) ) \s* :? \s* $",
    )
    .ok()
});

static COMMENTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?ix)^ (?: readers?(?:['’]s?)?\s+(?:comments|responses|replies) | \d+\s+(?:comments?|responses?|thoughts\s+on\b.*) | (?:comments|responses)\s*\(\d+\) | leserkommentare ) \s* :? \s* $").ok()
});

static PLACEHOLDER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^ (?: (?://|<!--|\#|\[|\{?%|>)? \s* (?: (?-i:TODO|TBD|TBA|RTC|WIP|FIXME|XXX)\b .{0,60} | (?:todo|tbd|tba|rtc|wip)\s*(?::.{0,60})? \W* ) | (?:full\s+)?review\s+(?:to\s+come|coming\s+soon|forthcoming|pending).{0,10}
        | coming\s+soon \W* | placeholder \W* | \(?no\s+review(?:\s+yet)?\)? \W* | no\s+notes \W* | notes?\s+to\s+follow \W* ) $",
    )
    .ok()
});

/// Takes a body apart. `unfenced` texts may end in the comment form of the blog they were copied from.
pub fn read(text: &str, format: Format, unfenced: bool) -> Body {
    if matches!(format, Format::Html) {
        return Body { text: text.trim().to_owned(), ..Body::default() };
    }
    let mut text = without_invisible(text);
    if unfenced {
        text = without_form(&text);
    }
    text = without_comments(&text);
    let mut body = without_synopsis(&text, format);
    body.text = trimmed(&body.text);
    if is_placeholder(&body.text) {
        body.text.clear();
    }
    body
}

/// Whether the text only holds the place of one to come: `// TODO: Write review`, `Review to come`.
pub fn is_placeholder(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "<!--more-->");
    let matches = |line: &str| PLACEHOLDER.as_ref().is_some_and(|regex| regex.is_match(line.trim_matches(['*', '_'])));
    match (lines.next(), lines.next()) {
        (Some(only), None) => matches(only),
        _ => false,
    }
}

/// Drops empty lines around a text; keeps the indentation of its first line, which Markdown reads.
pub fn trimmed(text: &str) -> String {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() {
            break;
        }
        start += line.len();
    }
    text[start..].trim_end().to_owned()
}

fn without_invisible(text: &str) -> String {
    if text.chars().any(markup::is_invisible) {
        text.chars().filter(|c| !markup::is_invisible(*c)).collect()
    } else {
        text.to_owned()
    }
}

/// Cuts the comment form of a blog engine off the end.
fn without_form(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut cut = None;
    let mut seen = 0;
    for (index, line) in lines.iter().enumerate().rev() {
        let line = markup::visible(line);
        if line.is_empty() {
            continue;
        }
        seen += 1;
        if seen > FORM_LINES_MAX {
            break;
        }
        if FORM.as_ref().is_some_and(|regex| regex.is_match(&line)) && !is_fenced(&lines, index) {
            // A form is made of short lines; a paragraph below means that the post goes on.
            let prose = lines[index..].iter().filter(|line| line.chars().count() > 200).count();
            if prose == 0 {
                cut = Some(index);
            }
        }
    }
    match cut {
        Some(index) => lines[..index].join("\n"),
        None => text.to_owned(),
    }
}

/// Whether a line stands inside a fenced block of code.
fn is_fenced(lines: &[&str], index: usize) -> bool {
    lines[..index].iter().filter(|line| is_code_fence(line)).count() % 2 == 1
}

fn is_code_fence(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("```") || line.starts_with("~~~")
}

/// Cuts a section of readers' comments, up to the next heading of its rank.
fn without_comments(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let start = (0..lines.len()).find(|index| {
        let rank = heading_rank(lines[*index]);
        let words = heading_words(lines[*index]);
        rank > 0 && COMMENTS.as_ref().is_some_and(|regex| regex.is_match(&words)) && !is_fenced(&lines, *index)
    });
    let Some(start) = start else { return text.to_owned() };
    let rank = heading_rank(lines[start]);
    let end = (start + 1..lines.len())
        .find(|index| (1..=rank).contains(&heading_rank(lines[*index])) && !is_fenced(&lines, *index))
        .unwrap_or(lines.len());
    [&lines[..start], &lines[end..]].concat().join("\n")
}

/// 1 to 6 for an ATX heading, 7 for a line that is nothing but bold or ends in a colon, 0 for anything else.
fn heading_rank(line: &str) -> usize {
    let line = line.trim();
    let hashes = line.bytes().take_while(|byte| *byte == b'#').count();
    if (1..=6).contains(&hashes) && line[hashes..].starts_with(' ') {
        return hashes;
    }
    let bold = (line.starts_with("**") && line.ends_with("**")) || (line.starts_with("__") && line.ends_with("__"));
    usize::from(bold && line.len() > 4) * 7
}

fn heading_words(line: &str) -> String {
    let line = line.trim().trim_start_matches('#').trim_end_matches('#');
    markup::visible(line.trim_matches(|c: char| c.is_whitespace() || "*_:".contains(c)))
}

/// Keeps the publisher's blurb apart from the reviewer's words.
///
/// Under a Markdown heading it ends at the next heading, otherwise at a rule or a double empty line (the customer's form).
/// A blurb that would leave nothing is the reviewer's own summary and stays.
fn without_synopsis(text: &str, format: Format) -> Body {
    let lines: Vec<&str> = text.lines().collect();
    let is_label =
        |line: &&str| line.len() < 80 && SYNOPSIS.as_ref().is_some_and(|regex| regex.is_match(&heading_words(line)));
    let whole = || Body { text: text.to_owned(), ..Body::default() };
    let Some(start) = lines.iter().position(is_label) else { return whole() };
    let rank = heading_rank(lines[start]);
    if is_fenced(&lines, start) {
        return whole();
    }
    let Some(end) = synopsis_end(&lines, start, rank, format) else {
        return Body { endless_synopsis: Some(start), ..whole() };
    };
    let blurb = trimmed(&lines[start + 1..end].join("\n"));
    let rest = [&lines[..start], &lines[end..]].concat().join("\n");
    if blurb.is_empty() || rest.trim().is_empty() {
        return whole();
    }
    Body { text: rest, synopsis: Some(blurb), endless_synopsis: None }
}

/// The line after the blurb's last.
fn synopsis_end(lines: &[&str], start: usize, rank: usize, format: Format) -> Option<usize> {
    let first = (start + 1..lines.len()).find(|index| !lines[*index].trim().is_empty())?;
    for index in first + 1..lines.len() {
        let line = lines[index];
        let text = line.trim();
        let next_heading = heading_rank(line) > 0 && (rank == 0 || heading_rank(line) <= rank.max(6));
        let own_words = text.len() < 40
            && matches!(
                heading_words(text).to_lowercase().as_str(),
                "review"
                    | "my review"
                    | "my thoughts"
                    | "thoughts"
                    | "my opinion"
                    | "the review"
                    | "meine meinung"
                    | "opinion"
                    | "my take"
                    | "book review"
            );
        if next_heading || own_words {
            return Some(index);
        }
        if labels::is_rule(text) && index > first {
            return Some(index + 1);
        }
        let double = text.is_empty() && lines.get(index + 1).is_some_and(|next| next.trim().is_empty());
        if double
            && (rank == 0 || matches!(format, Format::Plain))
            && lines[index..].iter().any(|l| !l.trim().is_empty())
        {
            return Some(index);
        }
        // A blurb set as a quotation ends with it.
        let quoted = lines[first].trim_start().starts_with('>');
        if quoted && !text.is_empty() && !text.starts_with('>') && lines[index - 1].trim().is_empty() {
            return Some(index);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_synopsis_ends_at_a_double_empty_line_or_the_next_heading() {
        let plain = read("Goodreads Synopsis\n\nOne.\n\nTwo.\n\n\nMine.\n", Format::Plain, true);
        assert_eq!((plain.text.as_str(), plain.synopsis.as_deref()), ("Mine.", Some("One.\n\nTwo.")));
        let markdown = read("## Synopsis\n\nOne.\n\n## Thoughts\n\nMine.", Format::Markdown, false);
        assert_eq!((markdown.text.as_str(), markdown.synopsis.as_deref()), ("## Thoughts\n\nMine.", Some("One.")));
        let quoted = read("**Blurb:**\n\n> One.\n\nMine.", Format::Markdown, false);
        assert_eq!((quoted.text.as_str(), quoted.synopsis.as_deref()), ("Mine.", Some("> One.")));
    }

    #[test]
    fn a_synopsis_without_an_end_stays_in_the_text() {
        let body = read("Synopsis\n\nOne.\n\nTwo.", Format::Plain, true);
        assert_eq!(body.endless_synopsis, Some(0));
        assert!(body.text.contains("Two."));
        assert_eq!(read("## Synopsis\n\nOnly this.", Format::Markdown, false).synopsis, None);
    }

    #[test]
    fn the_comment_form_is_cut_only_near_the_end_and_only_in_unfenced_text() {
        let form = "Good.\n\n\nLeave a Reply\n\nFill in your details below or click an icon\n\nConnecting to %s";
        assert_eq!(read(form, Format::Plain, true).text, "Good.");
        assert_eq!(read(form, Format::Markdown, false).text, form);
        let early = format!("Related\n\n{}\n\nend", "A long paragraph of the review goes on here. ".repeat(9));
        assert!(read(&early, Format::Plain, true).text.starts_with("Related"));
        let code = "a\n\n```\nLeave a Reply\n```";
        assert_eq!(read(code, Format::Markdown, true).text, code);
    }

    #[test]
    fn readers_comments_are_cut_and_what_follows_stays() {
        let text = "Good.\n\n## Reader comments\n\nBob: no!\n\n### Re\n\nx\n\n## Links\n\nl";
        assert_eq!(read(text, Format::Markdown, false).text, "Good.\n\n## Links\n\nl");
    }

    #[test]
    fn placeholders_are_no_words() {
        for text in ["// TODO: Write review", "TODO", "Review to come", "coming soon…", "<!-- TODO: write -->"] {
            assert_eq!(read(text, Format::Markdown, false).text, "", "{text}");
        }
        assert_ne!(read("Todo el mundo lo ama.\n\nY yo.", Format::Markdown, false).text, "");
    }
}
