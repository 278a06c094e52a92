//! Spoilers in the source: every mark that a parser would not know, or would close at the end of its paragraph, becomes
//! a `<spoiler>` element; one over several paragraphs stands between blank lines, so that it encloses them.

use super::{Hidden, Scanner, Syntax, TAG_BYTES_MAX};

impl Scanner<'_> {
    /// `<spoiler>`, `</spoiler>`, `[spoiler]`, `[/spoiler]`.
    pub(super) fn spoiler_tag(&mut self, end: char, opens: bool) -> bool {
        let head = self.rest().get(..self.rest().floor_char_boundary(200)).unwrap_or_default();
        let Some(length) = head.find(end).map(|at| at + 1) else { return false };
        let inner = head.get(1..length - 1).unwrap_or_default();
        let after_name = inner.trim_start_matches('/').get("spoiler".len()..).unwrap_or_default();
        if inner.contains(['<', '[', '\n']) || after_name.starts_with(|c: char| c.is_alphanumeric()) {
            return false;
        }
        self.at += length;
        match (opens, self.hidden.is_some()) {
            (true, false) => {
                let close = if end == '>' { "</spoiler" } else { "[/spoiler]" };
                let close = self.find(close, self.at).unwrap_or(self.source.len());
                let is_block =
                    self.syntax == Syntax::Markdown && (self.blank_line(self.at) < close || close == self.source.len());
                self.open_spoiler(is_block, None);
            }
            (false, true) => self.close_spoiler(),
            (true, true) | (false, false) => {}
        }
        true
    }

    /// `<span class="spoiler">` over several paragraphs, which the end of the first would close.
    pub(super) fn spoiler_span(&mut self) -> bool {
        let head = self.lower_rest();
        let tag = head.get(..head.floor_char_boundary(300)).unwrap_or_default();
        let Some(length) = tag.find('>').map(|at| at + 1) else { return false };
        if self.hidden.is_some() || !tag.get(..length).unwrap_or_default().contains("spoiler") {
            return false;
        }
        let from = self.at + length;
        let Some(end) = matching_span(&self.lower, from) else { return false };
        if self.blank_line(from) > end {
            return false;
        }
        self.at = from;
        self.open_spoiler(true, Some((end, "</span>".len())));
        true
    }

    /// `||` at the beginning of one paragraph and at the end of a later one.
    pub(super) fn bars_over_paragraphs(&mut self) -> bool {
        let from = self.at + 2;
        let Some(end) = self.find("||", from) else { return false };
        let after = self.source.get(end + 2..).unwrap_or_default();
        let line_after = after.split('\n').next().unwrap_or_default().trim();
        if self.hidden.is_some() || !line_after.is_empty() || self.blank_line(from) > end {
            return false;
        }
        self.at = from;
        self.open_spoiler(true, Some((end, 2)));
        true
    }

    /// A line that begins with `>!`: a spoiler block of NeoDB; with `!<` in the same paragraph one of Reddit.
    pub(super) fn neodb_spoiler(&mut self, length: usize) -> bool {
        let from = self.at + 2;
        if self.find("!<", from).is_some_and(|end| end < self.blank_line(from)) {
            return false;
        }
        let end = self.at + length;
        self.at = from;
        self.open_spoiler(true, Some((end, 0)));
        true
    }

    pub(super) fn reddit_spoiler(&mut self) -> bool {
        if self.hidden.is_some() || self.syntax == Syntax::Html || !self.rest().starts_with(">!") {
            return false;
        }
        let from = self.at + 2;
        let Some(end) = self.find("!<", from).filter(|end| end - from < TAG_BYTES_MAX) else { return false };
        self.at = from;
        let is_block = self.blank_line(from) < end;
        self.open_spoiler(is_block, Some((end, 2)));
        true
    }

    pub(super) fn open_spoiler(&mut self, is_block: bool, end: Option<(usize, usize)>) {
        self.hidden = Some(Hidden { is_block, end });
        self.out.push_str(if is_block { "\n\n<spoiler>\n\n" } else { "<spoiler>" });
    }

    pub(super) fn close_spoiler(&mut self) {
        if let Some(hidden) = self.hidden.take() {
            self.out.push_str(if hidden.is_block { "\n\n</spoiler>\n\n" } else { "</spoiler>" });
        }
    }
}

/// The `</span>` that belongs to a `<span>` opened just before `from`.
fn matching_span(lower: &str, from: usize) -> Option<usize> {
    let (mut at, mut depth) = (from, 1);
    for _ in 0..64 {
        let rest = lower.get(at..)?;
        let close = rest.find("</span>")?;
        match rest.get(..close)?.find("<span") {
            Some(open) => (at, depth) = (at + open + 5, depth + 1),
            None if depth == 1 => return Some(at + close),
            None => (at, depth) = (at + close + 7, depth - 1),
        }
    }
    None
}
