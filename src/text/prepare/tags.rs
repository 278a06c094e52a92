//! Tags of site generators in the source: shortcodes of Hugo, Liquid, attributes of kramdown, captions of WordPress.

use super::{Scanner, Syntax, TAG_BYTES_MAX, shortcode};

impl Scanner<'_> {
    pub(super) fn brace(&mut self) -> bool {
        let from = self.at;
        let rest = self.rest();
        if rest.starts_with("{/*") {
            let Some(end) = self.find("*/}", from) else { return false };
            self.at = end + 3;
            return true;
        }
        if rest.starts_with("{:") || rest.starts_with("{#") || rest.starts_with("{.") {
            return self.attributes();
        }
        let (open, close): (&str, &'static str) = match () {
            () if rest.starts_with("{{<") => ("{{<", ">}}"),
            () if rest.starts_with("{{%") => ("{{%", "%}}"),
            () if rest.starts_with("{{") => ("{{", "}}"),
            () if rest.starts_with("{%") => ("{%", "%}"),
            () => return false,
        };
        let inner_from = from + open.len();
        let Some(end) = self.find(close, inner_from).filter(|end| end - inner_from < TAG_BYTES_MAX) else {
            return false;
        };
        let inner = self.source.get(inner_from..end).unwrap_or_default().trim().to_owned();
        self.at = end + close.len();
        match open {
            "{{" => self.out.push_str(&shortcode::output(&inner)),
            "{%" => self.tag(&inner, "end"),
            _ => self.tag(&inner, "/"),
        }
        true
    }

    /// A shortcode or Liquid tag; a closing one has its name after `end_mark`.
    fn tag(&mut self, inner: &str, end_mark: &str) {
        let inner = inner.trim_matches('-').trim();
        if let Some(name) = inner.strip_prefix(end_mark).map(str::trim) {
            let name = name.split_whitespace().next().unwrap_or_default();
            if name.eq_ignore_ascii_case("spoiler") || name.eq_ignore_ascii_case("spoilers") {
                return self.close_spoiler();
            }
            if let Some(at) = self.closers.iter().rposition(|(open, _)| open == name) {
                let (_, closer) = self.closers.remove(at);
                self.out.push_str(closer);
            }
            return;
        }
        let tag = shortcode::Tag::parse(inner);
        let close = |name: &str| if end_mark == "/" { format!("/{name}") } else { format!("end{name}") };
        match shortcode::meaning(&tag) {
            shortcode::Meaning::Nothing => {}
            shortcode::Meaning::Instead(text) => self.out.push_str(&text),
            shortcode::Meaning::Around(before, after) => {
                self.out.push_str(&before);
                self.closers.push((tag.name.to_owned(), after));
            }
            shortcode::Meaning::Code(before, after) => {
                let end = self.end_of_tag(&close(tag.name));
                self.out.push_str(&before);
                let code = self.source.get(self.at..end.0).unwrap_or_default().trim_matches('\n');
                self.out.push_str(code);
                self.out.push_str(after);
                self.at = end.1;
            }
            shortcode::Meaning::Gone => self.at = self.end_of_tag(&close(tag.name)).1,
            shortcode::Meaning::Spoiler if self.hidden.is_none() => {
                let is_block = self.syntax == Syntax::Markdown && {
                    let end = self.end_of_tag(&close(tag.name)).0;
                    self.blank_line(self.at) < end || self.at_line_start_of_output()
                };
                self.open_spoiler(is_block, None);
            }
            shortcode::Meaning::Spoiler => {}
        }
    }

    fn at_line_start_of_output(&self) -> bool {
        self.out.is_empty() || self.out.ends_with('\n')
    }

    /// Where the closing tag of this name begins and ends; the end of the text where there is none.
    fn end_of_tag(&self, name: &str) -> (usize, usize) {
        let name = name.to_ascii_lowercase();
        let mut at = self.at;
        // Closing tags are looked for a few times only: a text with more of other names is no review.
        for _ in 0..50 {
            let Some(found) = self.lower.get(at..).and_then(|rest| rest.find(&name)).map(|found| at + found) else {
                break;
            };
            let before = self.lower.get(..found).unwrap_or_default().trim_end_matches([' ', '-']);
            let after = self.lower.get(found + name.len()..).unwrap_or_default();
            let opener = ["{{<", "{{%", "{%"].iter().find(|open| before.ends_with(**open));
            let close = after.find('}').map(|close| {
                let doubled = after.get(close + 1..).is_some_and(|rest| rest.starts_with('}'));
                found + name.len() + close + 1 + usize::from(doubled)
            });
            if let (Some(opener), Some(close)) = (opener, close) {
                return (before.len() - opener.len(), close);
            }
            at = found + name.len();
        }
        (self.source.len(), self.source.len())
    }

    /// `{: .class}` of kramdown, `{#id}` and `{.class}` after headings.
    fn attributes(&mut self) -> bool {
        let line = self.rest().split('\n').next().unwrap_or_default();
        let head = line.get(..line.floor_char_boundary(200)).unwrap_or_default();
        let Some(end) = head.find('}').map(|at| at + 1) else { return false };
        let is_end_of_line = line.get(end..).unwrap_or_default().trim().is_empty();
        let is_kramdown = head.starts_with("{:") && self.out.ends_with([')', '*', '_', '`', '>']);
        if is_end_of_line || is_kramdown {
            self.at += end;
            return true;
        }
        false
    }

    /// `[caption id="…"]<img …> words[/caption]` of WordPress: the tags go, the words follow the picture.
    pub(super) fn wordpress_caption(&mut self) -> bool {
        if self.lower_rest().starts_with("[/caption]") {
            self.out.push_str("</figcaption></figure>");
            self.at += "[/caption]".len();
            return true;
        }
        if !self.lower_rest().starts_with("[caption ") {
            return false;
        }
        let Some(end) = self.find("]", self.at).filter(|end| end - self.at < TAG_BYTES_MAX) else { return false };
        let Some(close) = self.find("[/caption]", end) else { return false };
        let inner = self.source.get(end + 1..close).unwrap_or_default();
        let picture = inner.rfind('>').map_or(0, |at| at + 1);
        self.out.push_str("<figure>");
        self.out.push_str(inner.get(..picture).unwrap_or_default());
        self.out.push_str("<figcaption>");
        self.at = end + 1 + picture;
        true
    }
}
