//! What site generators and note-taking programs understand and no Markdown parser does: shortcodes, Liquid tags,
//! wikilinks, MDX, comments, and spoilers over several paragraphs. Turned into Markdown or HTML, or taken out, before
//! the text is parsed; code is left alone.

mod shortcode;
mod spoilers;
mod tags;
mod wikilink;

use std::borrow::Cow;
use std::collections::HashMap;

/// Longer tags are text; bytes.
const TAG_BYTES_MAX: usize = 4_000;

/// Obsidian's own names of paragraphs have six letters.
const BLOCK_ID_BYTES_MIN: usize = 4;

/// Whose syntax the text is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Markdown,
    Html,
}

/// The text with everything in it that its parser would not know.
pub(super) fn prepare(source: &str, syntax: Syntax) -> Cow<'_, str> {
    const SIGNS: [&str; 15] = [
        "{{", "{%", "{:", "{#", "{/*", "[[", "<!--", "%%", "||", ">!", "spoiler", "import ", "export ", "[caption",
        " ^",
    ];
    if !SIGNS.iter().any(|sign| source.contains(sign)) && !crate::text::spoiler::may_be_marked(source) {
        return Cow::Borrowed(source);
    }
    Cow::Owned(translate(source, syntax))
}

fn translate(source: &str, syntax: Syntax) -> String {
    let mut scanner = Scanner {
        source,
        lower: source.to_ascii_lowercase(),
        syntax,
        at: 0,
        out: String::with_capacity(source.len() + 64),
        next: HashMap::new(),
        ticks: HashMap::new(),
        hidden: None,
        closers: Vec::new(),
    };
    scanner.run();
    scanner.out
}

struct Scanner<'a> {
    source: &'a str,
    /// In ASCII lower case, so that every offset is the same.
    lower: String,
    syntax: Syntax,
    at: usize,
    out: String,
    /// The next place of a closing sign, remembered so that a thousand openers cost one search.
    next: HashMap<&'static str, Option<usize>>,
    /// The same for runs of backticks, by their length.
    ticks: HashMap<usize, Option<usize>>,
    /// The spoiler that is open.
    hidden: Option<Hidden>,
    /// What to write where shortcodes are closed that were turned into something with an end.
    closers: Vec<(String, &'static str)>,
}

struct Hidden {
    /// Over several paragraphs: its tags stand between blank lines.
    is_block: bool,
    /// Where it ends and how many bytes its end has, where that is known from the beginning.
    end: Option<(usize, usize)>,
}

impl Scanner<'_> {
    fn run(&mut self) {
        let mut at_line_start = true;
        while let Some(byte) = self.source.as_bytes().get(self.at).copied() {
            if let Some((end, length)) = self.hidden.as_ref().and_then(|hidden| hidden.end)
                && self.at >= end
            {
                self.at = end + length;
                self.close_spoiler();
                continue;
            }
            if at_line_start && self.syntax == Syntax::Markdown && self.line() {
                continue;
            }
            at_line_start = byte == b'\n';
            let was = self.at;
            let is_known = match byte {
                b'`' if self.syntax == Syntax::Markdown => self.code_span(),
                b'\\' => self.escaped(),
                b'<' => self.angle(),
                b'{' => self.brace(),
                b'[' | b'!' => self.bracket(),
                b'%' => self.obsidian_comment(),
                b'^' => self.block_id(),
                b'>' => self.reddit_spoiler(),
                _ => false,
            };
            if !is_known {
                self.copy(was, char_length(byte));
            }
        }
        if self.hidden.is_some() {
            // A spoiler that is never closed hides the rest: better too much than the end of the book.
            self.close_spoiler();
        }
        while let Some((_, closer)) = self.closers.pop() {
            self.out.push_str(closer);
        }
    }

    fn rest(&self) -> &str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn lower_rest(&self) -> &str {
        self.lower.get(self.at..).unwrap_or_default()
    }

    fn copy(&mut self, from: usize, length: usize) {
        let to = (from + length).min(self.source.len());
        self.out.push_str(self.source.get(from..to).unwrap_or_default());
        self.at = to;
    }

    /// Where the sign stands next, at or after `from`.
    fn find(&mut self, sign: &'static str, from: usize) -> Option<usize> {
        match self.next.get(sign) {
            Some(None) => return None,
            Some(Some(at)) if *at >= from => return Some(*at),
            _ => {}
        }
        let found = self.lower.get(from..).and_then(|rest| rest.find(sign)).map(|at| from + at);
        self.next.insert(sign, found);
        found
    }

    /// The place of the next blank line (a quote's counts); the end of the text where there is none.
    fn blank_line(&mut self, from: usize) -> usize {
        let mut at = from;
        if let Some(Some(known)) = self.next.get("\n\n").filter(|known| known.is_some_and(|known| known >= from)) {
            return *known;
        }
        while let Some(newline) = self.source.get(at..).and_then(|rest| rest.find('\n')) {
            let end = at + newline;
            let next = self.source.get(end + 1..).unwrap_or_default();
            let line = next.split('\n').next().unwrap_or_default();
            if line.trim_matches([' ', '\t', '\r', '>']).is_empty() {
                self.next.insert("\n\n", Some(end));
                return end;
            }
            at = end + 1;
        }
        self.next.insert("\n\n", Some(self.source.len()));
        self.source.len()
    }

    /// What counts at the beginning of a line only. Whether the line (or more) is dealt with.
    fn line(&mut self) -> bool {
        let line = self.rest().split_inclusive('\n').next().unwrap_or_default();
        let trimmed = line.trim_start_matches([' ', '\t', '>']);
        let (length, indent) = (line.len(), line.len() - trimmed.len());
        if let Some(fence) = fence_of(trimmed) {
            let from = self.at;
            let end = self.fence_end(from + length, fence);
            self.copy(from, end - from);
            return true;
        }
        if indent == 0 && is_mdx(trimmed) {
            let mut depth = 0_i64;
            for line in self.rest().to_owned().split_inclusive('\n') {
                depth += line.matches(['{', '[', '(']).count() as i64 - line.matches(['}', ']', ')']).count() as i64;
                self.at += line.len();
                if depth <= 0 || line.trim().is_empty() {
                    break;
                }
            }
            return true;
        }
        let is_attributes = trimmed.starts_with("{:") && trimmed.trim_end().ends_with('}');
        if is_attributes && indent < 4 {
            self.at += length;
            return true;
        }
        if indent == 0 && trimmed.starts_with("||") {
            return self.bars_over_paragraphs();
        }
        if line.starts_with(">!") && self.hidden.is_none() {
            return self.neodb_spoiler(length);
        }
        false
    }

    /// Where the code block ends that began before `from`: after its closing fence, or with the text.
    fn fence_end(&self, from: usize, fence: &str) -> usize {
        let mut at = from;
        for line in self.source.get(from..).unwrap_or_default().split_inclusive('\n') {
            at += line.len();
            let line = line.trim_start_matches([' ', '\t', '>']).trim_end();
            if line.len() >= fence.len() && line.starts_with(fence) && line.chars().all(|c| fence.starts_with(c)) {
                return at;
            }
        }
        at
    }

    fn code_span(&mut self) -> bool {
        let from = self.at;
        let run = self.rest().len() - self.rest().trim_start_matches('`').len();
        let end = match self.ticks.get(&run) {
            Some(None) => None,
            Some(Some(at)) if *at >= from + run => Some(*at),
            _ => {
                let found = find_run(self.source, from + run, run);
                self.ticks.insert(run, found);
                found
            }
        };
        match end {
            Some(end) if end < self.blank_line(from) => self.copy(from, end + run - from),
            _ => self.copy(from, run),
        }
        true
    }

    fn escaped(&mut self) -> bool {
        let next = self.source.as_bytes().get(self.at + 1).copied();
        if next.is_some_and(|byte| b"<{[!`%>|".contains(&byte)) {
            self.copy(self.at, 2);
            return true;
        }
        false
    }

    fn angle(&mut self) -> bool {
        let from = self.at;
        if self.rest().starts_with("<!--") {
            // An open comment goes to the end of the text, as in a browser.
            self.at = self.find("-->", from + 4).map_or(self.source.len(), |end| end + 3);
            return true;
        }
        for (open, close) in [("<script", "</script"), ("<style", "</style")] {
            let after = self.lower_rest().strip_prefix(open).and_then(|rest| rest.bytes().next());
            if after.is_some_and(|byte| byte.is_ascii_whitespace() || byte == b'>') {
                let end = self.find(close, from).unwrap_or(self.source.len());
                let close_end = self.source.get(end..).and_then(|rest| rest.find('>')).map(|at| end + at + 1);
                self.at = close_end.unwrap_or(self.source.len());
                return true;
            }
        }
        if self.lower_rest().starts_with("</spoiler") {
            return self.spoiler_tag('>', false);
        }
        if self.lower_rest().starts_with("<spoiler") {
            return self.spoiler_tag('>', true);
        }
        if self.lower_rest().starts_with("<span") && self.syntax == Syntax::Markdown {
            return self.spoiler_span();
        }
        false
    }

    fn bracket(&mut self) -> bool {
        if self.lower_rest().starts_with("[spoiler") {
            return self.spoiler_tag(']', true);
        }
        if self.lower_rest().starts_with("[/spoiler") {
            return self.spoiler_tag(']', false);
        }
        if self.syntax == Syntax::Html {
            return self.wordpress_caption();
        }
        let Some((length, text)) = wikilink::read(self.rest()) else { return false };
        self.out.push_str(&text);
        self.at += length;
        true
    }

    /// `… the end. ^a1b2c3`: the name of a paragraph in Obsidian, for links to it. What is shorter may be a power.
    fn block_id(&mut self) -> bool {
        let line = self.rest().split('\n').next().unwrap_or_default();
        let name = line.strip_prefix('^').unwrap_or_default().trim_end();
        let is_name = name.len() >= BLOCK_ID_BYTES_MIN
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && name.chars().any(|c| c.is_ascii_alphabetic());
        if self.syntax == Syntax::Html || !is_name || !self.out.ends_with(' ') {
            return false;
        }
        self.at += line.len();
        true
    }

    fn obsidian_comment(&mut self) -> bool {
        let stands_alone =
            self.source.get(..self.at).is_some_and(|before| !before.ends_with(|c: char| !c.is_whitespace()));
        if self.syntax == Syntax::Html || !stands_alone || !self.rest().starts_with("%%") {
            return false;
        }
        let from = self.at + 2;
        let Some(end) = self.find("%%", from) else { return false };
        self.at = end + 2;
        true
    }
}

fn char_length(first: u8) -> usize {
    match first {
        0xF0.. => 4,
        0xE0.. => 3,
        0xC0.. => 2,
        _ => 1,
    }
}

/// The fence a line opens: its run of backticks or tildes.
fn fence_of(line: &str) -> Option<&str> {
    let sign = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = line.len() - line.trim_start_matches(sign).len();
    let info = line.get(length..)?;
    (length >= 3 && !(sign == '`' && info.contains('`'))).then(|| line.get(..length)).flatten()
}

/// `import X from 'y'`, `import 'y'`, `export const …`: lines of MDX, not of a reviewer.
fn is_mdx(line: &str) -> bool {
    if let Some(rest) = line.strip_prefix("import ") {
        let rest = rest.trim_end().trim_end_matches(';');
        let quoted = rest.ends_with('"') || rest.ends_with('\'');
        return quoted && (rest.contains(" from ") || rest.starts_with(['"', '\'']));
    }
    line.strip_prefix("export ").is_some_and(|rest| {
        ["const ", "let ", "var ", "function ", "default ", "async ", "{", "* from"]
            .iter()
            .any(|word| rest.starts_with(word))
            && rest.contains(['=', '(', '{', ';', '\''])
    })
}

/// The next run of exactly so many backticks.
fn find_run(source: &str, from: usize, length: usize) -> Option<usize> {
    let bytes = source.as_bytes();
    let mut at = from;
    while let Some(found) = bytes.get(at..)?.iter().position(|byte| *byte == b'`') {
        let start = at + found;
        let run = bytes.get(start..)?.iter().take_while(|byte| **byte == b'`').count();
        if run == length {
            return Some(start);
        }
        at = start + run;
    }
    None
}
