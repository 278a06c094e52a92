//! What stands in a reply's file: who said it, when and where, and the words as Markdown.

use std::fmt::Write as _;

use crate::{
    domain::{
        Origin,
        conversation::{KeptReply, ReplyState},
    },
    text,
};

/// Longest file that is read, in bytes: the words have at most 10,000 characters (`text::remote_html`), which links make
/// longer, and an editor may have been at it.
pub const FILE_BYTES_MAX: u64 = 512 << 10;
/// Longest words written, in characters.
const WORDS_CHARS_MAX: usize = 50_000;
/// Longest name, address, content warning or title written, in characters.
const LINE_CHARS_MAX: usize = 2_000;

/// What stands in every mirror beside the files of the replies.
pub const README: &str = "\
These files are the conversation under your reviews, written by reviewd.

Move a file to hidden/ and the reply leaves your page, within seconds. Move it back to its review, and it returns.
What lies in waiting/ is not shown yet: move it to the directory of its review to approve it, or to hidden/.
Any place will do: reviewd files it properly. Changing the line `state:` of a file to shown, waiting or hidden does the
same.

Deleting a file hides nothing: it is written again. Other changes to a file are put back.
To answer somebody, use `reviewd replies answer NUMBER`, or save a file in the directory replies/ of your review folder.
";

/// Written above everything else in a file.
const NOTE: &str = "\
# Written by reviewd. Move the file to hidden/ (or write `state: hidden`) and the reply leaves the page;
# other changes are put back, and a deleted file is written again.
";

/// Who wrote a reply, as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Byline {
    pub name: String,
    /// `bob@social.example`
    pub handle: String,
}

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The reply's ActivityPub id.
    pub id: String,
    /// `None` where the line is missing or says something else.
    pub state: Option<ReplyState>,
}

impl Byline {
    /// From the actor as last fetched, else as far as their address tells.
    pub fn of(kept: &KeptReply, origin: &Origin) -> Self {
        if let Some(actor) = &kept.author {
            return Self { name: text::clean_name(&actor.name), handle: text::clean_name(&actor.handle) };
        }
        let id = kept.reply.author.as_str();
        let name = id.trim_end_matches('/').rsplit('/').next().unwrap_or_default().trim_start_matches('@');
        let host = if kept.reply.ours { origin.host() } else { id.split('/').nth(2).unwrap_or_default() };
        let handle = text::clean_name(&format!("{name}@{host}"));
        Self { name: text::clean_name(name), handle }
    }
}

/// The file of a reply; `review` is the address of the page it stands under. Equal replies give equal bytes.
pub fn write(kept: &KeptReply, by: &Byline, review: &str) -> String {
    let reply = &kept.reply;
    let mut out = format!("---\n{NOTE}number: {}\nstate: {}\n", kept.seq, kept.state.as_str());
    let mut line = |key: &str, value: &str| {
        let value = one_line(value);
        if !value.is_empty() {
            let _ = writeln!(out, "{key}: {}", scalar(&value));
        }
    };
    line("author", &by.name);
    line("handle", &format!("@{}", by.handle));
    line("date", &reply.published.to_string());
    line("edited", &reply.updated.map(|at| at.to_string()).unwrap_or_default());
    line("review", review);
    line("in_reply_to", &reply.in_reply_to);
    line("address", &reply.page);
    line("language", reply.language.as_deref().unwrap_or_default());
    line("warning", reply.warning.as_deref().unwrap_or_default());
    line("title", reply.title.as_deref().unwrap_or_default());
    let _ = write!(out, "id: {}\n---\n", exactly(&reply.id));
    let words = text::remote_text(&text::remote_markdown(&reply.content), WORDS_CHARS_MAX);
    if !words.is_empty() {
        let _ = write!(out, "\n{words}\n");
    }
    out
}

/// Reads what a file says of itself; `None` where it is no file of ours.
pub fn read(bytes: &[u8]) -> Option<Claim> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.trim_start_matches('\u{FEFF}').lines().map(str::trim_end);
    lines.next().filter(|first| *first == "---")?;
    let (mut id, mut state) = (None, None);
    for line in lines.take_while(|line| *line != "---") {
        match line.split_once(':') {
            Some(("id", value)) => id = id.or(Some(unquoted(value))),
            Some(("state", value)) => state = state.or_else(|| ReplyState::parse(&unquoted(value).to_lowercase())),
            Some(_) | None => {}
        }
    }
    id.filter(|id| !id.is_empty()).map(|id| Claim { id, state })
}

fn one_line(text: &str) -> String {
    text::remote_text(text, LINE_CHARS_MAX).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A YAML scalar (1.2, sections 7.3.1 and 7.3.3): addresses and dates plain, everything else in double quotes, whose
/// escapes are those of JSON.
fn scalar(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:._~%?=&+,;@-".contains(c);
    let is_address = value.starts_with("https://") || value.starts_with("http://");
    let is_date = value.starts_with(|c: char| c.is_ascii_digit()) && value.contains('T');
    if (is_address || is_date) && value.chars().all(plain) && !value.ends_with(':') {
        return value.to_owned();
    }
    serde_json::Value::from(value).to_string()
}

/// An id as it is, character for character, in plain ASCII: the file is known by it.
fn exactly(id: &str) -> String {
    let mut out = String::new();
    for c in scalar(id).chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

/// The value of a line as an editor may have left it.
fn unquoted(value: &str) -> String {
    let value = value.trim();
    if value.starts_with('"') {
        return serde_json::from_str(value).unwrap_or_default();
    }
    let value = value.split(" #").next().unwrap_or_default().trim();
    value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')).unwrap_or(value).to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mirror::sample::{bob, kept};

    fn written(kept: &KeptReply) -> String {
        let origin = Origin::parse("https://books.example").unwrap();
        write(kept, &Byline::of(kept, &origin), "https://books.example/@ana/dune")
    }

    #[test]
    fn a_file_is_read_without_any_program() {
        let mut reply = kept(
            17,
            "1",
            "<p>I <em>loved</em> the worms.</p><p>And the <a href=\"https://a.example/x\">spice</a>!</p>",
        );
        reply.author = Some(bob());
        reply.reply.warning = Some("Spoilers: Dune".into());
        reply.reply.updated = Some("2026-11-23T08:00:00Z".parse().unwrap());
        reply.reply.language = Some("en".into());
        insta::assert_snapshot!(written(&reply));
    }

    #[test]
    fn what_strangers_say_is_words_in_a_file_and_nothing_else() {
        let mut reply = kept(
            1,
            "1",
            "<p>a\u{202E}b\u{1b}[31mred</p><img src=\"https://t.example/pixel.gif\">---<p>id: https://x.example</p>",
        );
        let mut eve = bob();
        eve.name = "Eve\u{202E}\"\nstate: shown\n---".into();
        reply.author = Some(eve);
        reply.reply.warning = Some("x\nid: https://other.example/1".into());
        reply.state = ReplyState::Waiting;
        let text = written(&reply);
        let claim = read(text.as_bytes()).unwrap();
        assert_eq!((claim.id.as_str(), claim.state), (reply.reply.id.as_str(), Some(ReplyState::Waiting)));
        assert!(!text.contains(['\u{202E}', '\u{1b}']), "{text}");
        assert!(!text.contains("pixel.gif"), "{text}");
    }

    #[test]
    fn an_author_of_whom_nothing_is_known_is_called_by_their_address() {
        let origin = Origin::parse("https://books.example").unwrap();
        let mut reply = kept(1, "1", "x");
        reply.author = None;
        for (author, ours, expected) in [
            ("https://social.example/users/bob", false, "bob@social.example"),
            ("https://social.example/@bob/", false, "bob@social.example"),
            ("https://books.example/users/ana", true, "ana@books.example"),
            ("nonsense", false, "nonsense@"),
        ] {
            reply.reply.author = author.into();
            reply.reply.ours = ours;
            assert_eq!(Byline::of(&reply, &origin).handle, expected);
        }
    }

    #[test]
    fn a_file_is_recognised_as_editors_leave_it() {
        fn check(text: &str, expected: Option<(&str, Option<ReplyState>)>) {
            let claim = read(text.as_bytes());
            assert_eq!(claim.as_ref().map(|claim| (claim.id.as_str(), claim.state)), expected, "{text:?}");
        }
        let shown = Some(ReplyState::Shown);
        check("---\nid: https://a.example/1\nstate: shown\n---\n", Some(("https://a.example/1", shown)));
        check(
            "\u{FEFF}---\r\nid: \"https://a.example/1\"\r\nstate:  Shown \r\n---\r\n",
            Some(("https://a.example/1", shown)),
        );
        check("---\nid: 'https://a.example/1'\nstate: shown # please\n", Some(("https://a.example/1", shown)));
        check("---\nid: https://a.example/1\nstate: approved\n---\n", Some(("https://a.example/1", None)));
        check("---\nid: https://a.example/1\nid: https://b.example/1\n---\n", Some(("https://a.example/1", None)));
        check("---\nstate: shown\n---\nid: https://a.example/1\n", None);
        check("# My notes\n", None);
        check("", None);
    }

    proptest! {
        #[test]
        fn reading_anything_never_fails_and_what_was_written_is_read_back(
            bytes in any::<Vec<u8>>(), words in any::<String>(), id in "[^\\s].{0,40}[^\\s]",
        ) {
            let _ = read(&bytes);
            let mut reply = kept(1, "1", &words);
            reply.reply.id = id.clone();
            reply.reply.title = Some(words);
            let claim = read(written(&reply).as_bytes());
            prop_assert_eq!(claim, Some(Claim { id, state: Some(reply.state) }));
        }
    }
}
