//! Files in `replies/`: the reviewer's answers to posts. Only the header's few keys mean anything; the text stays as it is.

use super::{
    Fact, Parsed, Reading, SourceFile,
    date::{self, When},
    front_matter::{self, Place, Scalar},
    html, keys, markup,
    metadata::{Found, Metadata},
    name, org,
    sheet::{self, NoReview, rejected, withheld},
    values,
};
use crate::domain::{Answer, Format, Problem, ReviewId, Slug, Text};

/// Longest content warning, in characters: Mastodon counts it with the text, and more is no warning.
const WARNING_CHARS_MAX: usize = 500;
/// Longest address of a post, in bytes; as long as any that is believed when it comes from another server.
const ADDRESS_BYTES_MAX: usize = 2_048;

/// Reads an answer.
pub fn read(file: &SourceFile<'_>) -> Parsed {
    let mut clerk = Clerk { file, problems: Vec::new(), facts: Vec::new() };
    match clerk.answer() {
        Ok(answer) => {
            Parsed { reading: Reading::Answer(Box::new(answer)), problems: clerk.problems, facts: clerk.facts }
        }
        Err(NoReview::Skipped(why)) => {
            Parsed { reading: Reading::Skipped(why), problems: Vec::new(), facts: clerk.facts }
        }
        Err(NoReview::Withheld(problem)) => {
            clerk.problems.push(*problem);
            Parsed { reading: Reading::Withheld, problems: clerk.problems, facts: clerk.facts }
        }
    }
}

/// Collects what is said about the file while it is read.
struct Clerk<'a> {
    file: &'a SourceFile<'a>,
    problems: Vec<Problem>,
    facts: Vec<Fact>,
}

impl Clerk<'_> {
    fn answer(&mut self) -> Result<Answer, NoReview> {
        let file = self.file;
        let decoded = sheet::decoded(file)?;
        self.problems.extend(decoded.damage);
        let (entries, body, body_line) = parts(file, &decoded.text)?;
        let metadata = Metadata::new(&entries);
        let in_reply_to = self.in_reply_to(&metadata)?;
        if body.is_empty() {
            let cure = "write the answer below the header, or delete the file";
            return Err(withheld(file, Place::new(body_line as usize, 1), "the answer says nothing".to_owned(), cure));
        }
        if let Some(problem) = sheet::unclear_draft(file, &metadata) {
            return Err(NoReview::Withheld(Box::new(problem)));
        }
        self.ignored(&metadata);
        let from_path = name::read(file.path);
        let flag = |names: &[&str]| metadata.flag(names).is_some_and(|(_, flag)| flag);
        let hidden = metadata.flag(keys::SHOWN_FLAGS).is_some_and(|(_, shown)| !shown);
        let status = metadata.text(keys::STATUS).map(|(_, scalar)| scalar.text.trim().to_lowercase());
        Ok(Answer {
            in_reply_to,
            body,
            warning: self.warning(&metadata),
            spoilers: flag(keys::SPOILERS),
            date: self.date(&metadata)?.or(from_path.date),
            language: metadata.text(keys::LANGUAGE).and_then(|(_, scalar)| values::language(&scalar.text)),
            draft: flag(keys::DRAFT_FLAGS) || hidden || status.as_deref() == Some("draft") || from_path.draft,
            slug: Slug::from_text(file_stem(file.path)),
            id: self.id(&metadata),
            imported: metadata.flag(&["reviewdimport"]).is_some_and(|(_, flag)| flag),
        })
    }

    /// Tells of keys that mean nothing in an answer.
    fn ignored(&mut self, metadata: &Metadata<'_>) {
        const KNOWN: [&[&str]; 9] = [
            keys::IN_REPLY_TO,
            keys::WARNING,
            keys::SPOILERS,
            keys::DATE,
            keys::LANGUAGE,
            keys::DRAFT_FLAGS,
            keys::SHOWN_FLAGS,
            keys::STATUS,
            &["id", "reviewdimport"],
        ];
        let used: Vec<Place> = KNOWN.iter().flat_map(|names| metadata.all(names)).map(|found| found.place).collect();
        for found in metadata.others(&used).filter(|found| !found.value.is_empty()) {
            let from = format!("`{}` on line {}", found.key, found.place.line);
            self.facts.push(Fact { what: "ignored", value: String::new(), from });
        }
    }

    /// Without a post to answer there is nothing to publish.
    fn in_reply_to(&mut self, metadata: &Metadata<'_>) -> Result<String, NoReview> {
        let Some((found, scalar)) = metadata.text(keys::IN_REPLY_TO) else {
            let cure = "write `in_reply_to:` with the address of the post into the header (between two lines of `---`)";
            return Err(withheld(self.file, Place::START, "the file names no post that it answers".to_owned(), cure));
        };
        let address = scalar.text.trim().trim_start_matches('<').trim_end_matches('>');
        let is_address = address.len() <= ADDRESS_BYTES_MAX
            && !address.contains(char::is_whitespace)
            && (address.starts_with("https://") || address.starts_with("http://"))
            && url::Url::parse(address).is_ok_and(|url| url.has_host() && url.username().is_empty());
        if !is_address {
            let message = format!("`{}: {}` is not the address of a post", found.key, clipped(address));
            let cure = "open the post in a browser and copy its address, such as https://mastodon.example/@bob/123";
            return Err(withheld(self.file, scalar.place, message, cure));
        }
        self.fact("post answered", address, found, scalar);
        Ok(address.to_owned())
    }

    fn warning(&mut self, metadata: &Metadata<'_>) -> Option<String> {
        let (found, scalar) = metadata.text(keys::WARNING)?;
        if scalar.flag().is_some() && !scalar.quoted {
            return None;
        }
        let warning: String = markup::plain(&scalar.text).chars().take(WARNING_CHARS_MAX).collect();
        self.fact("content warning", &warning, found, scalar);
        (!warning.is_empty()).then_some(warning)
    }

    /// A date that is none could be a future one: the answer waits until somebody mends it.
    fn date(&mut self, metadata: &Metadata<'_>) -> Result<Option<crate::domain::Moment>, NoReview> {
        let Some((found, scalar)) = metadata.text(keys::DATE) else { return Ok(None) };
        match date::read(&scalar.text) {
            Some(When::At(moment) | When::From(moment, _)) => {
                self.fact("date", &moment.to_string(), found, scalar);
                Ok(Some(moment))
            }
            Some(When::Year(_)) | None => {
                let message = format!("`{}: {}` is no date", found.key, clipped(&scalar.text));
                let cure = "write the date as year-month-day, such as 2026-12-04";
                Err(withheld(self.file, scalar.place, message, cure))
            }
        }
    }

    fn id(&mut self, metadata: &Metadata<'_>) -> Option<String> {
        let (_, scalar) = metadata.text(&["id"])?;
        let text = scalar.text.trim();
        if ReviewId::parse(text).is_some() {
            return Some(text.to_owned());
        }
        let message = format!("`id: {}` cannot stand in an address, so it is not used", clipped(text));
        let cure = "use 1 to 128 letters, digits, hyphens, underscores and dots";
        let problem = Problem::warning(self.file.path, message, cure);
        self.problems.push(problem.at(scalar.place.line, scalar.place.column));
        None
    }

    fn fact(&mut self, what: &'static str, value: &str, found: &Found<'_>, scalar: &Scalar) {
        let from = format!("`{}` on line {}", found.key, scalar.place.line);
        self.facts.push(Fact { what, value: value.to_owned(), from });
    }
}

/// Header, text, and the line on which the text begins.
fn parts(file: &SourceFile<'_>, text: &str) -> Result<(Vec<front_matter::Entry>, Text, u32), NoReview> {
    let extension = file.path.rsplit('.').next().unwrap_or("").to_ascii_lowercase();
    if extension == "org" {
        let org = org::read(text);
        return Ok((org.entries, Text::new(Format::Markdown, org.body.trim()), 1));
    }
    let split = front_matter::split(text).map_err(|reason| rejected(file, reason))?;
    let format = match extension.as_str() {
        "html" | "htm" | "xhtml" => Format::Html,
        "txt" | "text" if !split.fenced => Format::Plain,
        _ => Format::Markdown,
    };
    if format == Format::Html
        && let Some(byte) = html::too_deep(split.body)
    {
        let place = Place::of_byte(split.body, byte, split.body_line as usize);
        let message = format!("the HTML is nested more than {} elements deep", html::DEPTH_MAX);
        return Err(withheld(file, place, message, "close the elements that are open here, such as `</div>`"));
    }
    Ok((split.entries.unwrap_or_default(), Text::new(format, split.body.trim()), split.body_line))
}

fn file_stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// So much of a value as a message repeats.
fn clipped(text: &str) -> String {
    let mut shown: String = text.chars().take(80).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Severity;

    const POST: &str = "https://mastodon.example/@bob/123";

    fn parsed(path: &str, text: &str) -> Parsed {
        read(&SourceFile { path, bytes: text.as_bytes(), siblings: &[] })
    }

    fn answer(path: &str, text: &str) -> Answer {
        match parsed(path, text) {
            Parsed { reading: Reading::Answer(answer), .. } => *answer,
            other => unreachable!("{path} is no answer: {other:?}"),
        }
    }

    #[test]
    fn a_header_names_the_post_and_the_rest_is_the_answer() {
        let text = format!(
            "---\nin_reply_to: {POST}\ncw: Dune's end\nlang: en_GB\ndate: 2026-11-22\n---\n\n# Yes\n\nThanks!\n"
        );
        let answer = answer("replies/2026-11-21-bob-dune.md", &text);
        assert_eq!(answer.in_reply_to, POST);
        assert_eq!(answer.body, Text::new(Format::Markdown, "# Yes\n\nThanks!"));
        assert_eq!(answer.warning.as_deref(), Some("Dune's end"));
        assert_eq!(answer.language.as_deref(), Some("en-GB"));
        assert_eq!(answer.date.unwrap().to_string(), "2026-11-22");
        assert_eq!(answer.slug.as_str(), "2026-11-21-bob-dune");
        assert!(!answer.draft && !answer.spoilers && !answer.imported && answer.id.is_none());
    }

    #[test]
    fn the_post_is_named_in_many_spellings() {
        for header in [
            format!("---\nin-reply-to: {POST}\n---\n"),
            format!("+++\ninReplyTo = \"{POST}\"\n+++\n"),
            format!("---\nreply_to: <{POST}>\n---\n"),
            format!("---\nin_reply_to:\n  - {POST}\n---\n"),
            format!("in_reply_to: {POST}\n\n"),
        ] {
            assert_eq!(answer("replies/a.md", &format!("{header}Thanks.")).in_reply_to, POST, "{header}");
        }
    }

    #[test]
    fn what_is_no_answer_is_withheld_with_place_and_cure() {
        for (text, expected) in [
            ("Thanks.", "1:1: error: the file names no post"),
            ("---\nin_reply_to: bob\n---\nThanks.", "2:14: error: `in_reply_to: bob` is not the address"),
            ("---\nin_reply_to: https://bob@m.example/1\n---\nThanks.", "2:14: error: "),
            ("---\nin_reply_to: javascript:alert(1)\n---\nThanks.", "is not the address of a post"),
            ("---\nin_reply_to: https://m.example/1\n---\n\n", "the answer says nothing"),
            ("---\nin_reply_to: https://m.example/1\ndate: soon\n---\nThanks.", "`date: soon` is no date"),
            ("---\nin_reply_to: [\n---\nThanks.", "error: "),
        ] {
            let Parsed { reading, problems, .. } = parsed("replies/a.md", text);
            assert_eq!((reading, problems[0].severity), (Reading::Withheld, Severity::Error), "{text}");
            assert!(problems[0].to_string().contains(expected), "{}", problems[0]);
        }
    }

    #[test]
    fn keys_that_mean_nothing_in_an_answer_are_told() {
        let text = format!("---\nin_reply_to: {POST}\nlang: en\ndraft: false\nmood: glad\n---\nThanks.");
        let facts = parsed("replies/a.md", &text).facts;
        let ignored: Vec<_> = facts.iter().filter(|fact| fact.what == "ignored").map(|fact| &fact.from).collect();
        assert_eq!(ignored, ["`mood` on line 5"]);
    }

    #[test]
    fn drafts_wait_and_empty_files_are_passed_over() {
        assert!(answer("replies/a.md", &format!("---\nin_reply_to: {POST}\ndraft: true\n---\nNo.")).draft);
        let unclear = parsed("replies/a.md", &format!("---\nin_reply_to: {POST}\ndraft: later\n---\nNo."));
        assert_eq!(unclear.reading, Reading::Withheld);
        assert!(answer("replies/drafts/a.md", &format!("---\nin_reply_to: {POST}\n---\nNo.")).draft);
        for (path, text) in [("replies/a.md", ""), ("replies/README.md", "How I answer.")] {
            assert!(matches!(parsed(path, text).reading, Reading::Skipped(_)), "{path}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(head in ".{0,60}", text in "\\PC{0,200}") {
            for path in ["replies/a.md", "replies/a.org", "replies/a.html", "replies/a.txt"] {
                parsed(path, &format!("---\nin_reply_to: {head}\n---\n{text}"));
                parsed(path, &text);
            }
        }
    }
}
