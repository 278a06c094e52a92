//! Cutting finished HTML to a size, between blocks, with everything closed and a link to the rest.

use super::SafeHtml;
use super::write::Writer;

/// After the end of one of these a text may be cut.
const BLOCKS: [&str; 10] = ["p", "li", "ul", "ol", "blockquote", "pre", "table", "figure", "details", "div"];

/// Where a text may be cut, and what is open there.
struct Cut {
    at: usize,
    open: Vec<String>,
    /// In the middle of a paragraph, between words: only where no block fits.
    is_in_words: bool,
}

/// The longest beginning of whole blocks that, with the link after it, has at most `bytes_max` bytes. A first block
/// that is itself too long is cut between words. Texts that fit come back as they are.
pub(super) fn at_paragraph(html: &SafeHtml, bytes_max: usize, more: (&str, &str)) -> SafeHtml {
    let source = html.as_str();
    if source.len() <= bytes_max {
        return html.clone();
    }
    let mut link = Writer::default();
    link.open("p");
    link.start("a", &[("href", more.0)]);
    link.text(more.1);
    link.close("a");
    link.close("p");
    let link = link.into_string();
    let room = bytes_max.saturating_sub(link.len());
    let (mut at_block, mut in_words): (Option<Cut>, Option<Cut>) = (None, None);
    for_each_cut(source, |cut| {
        let closing: usize = cut.open.iter().map(|tag| tag.len() + 3).sum();
        let fits = cut.at + closing + if cut.is_in_words { "…".len() } else { 0 } <= room;
        if fits {
            if cut.is_in_words { in_words = Some(cut) } else { at_block = Some(cut) }
        }
        fits
    });
    let mut out = String::with_capacity(bytes_max);
    if let Some(cut) = at_block.or(in_words) {
        out.push_str(source.get(..cut.at).unwrap_or_default());
        if cut.is_in_words {
            out.push('…');
        }
        cut.open.iter().rev().for_each(|tag| out.push_str(&format!("</{tag}>")));
    }
    out.push_str(&link);
    SafeHtml(out)
}

/// Walks through well-formed HTML of our own and offers every place for a cut, until one is refused twice as far as
/// any other could still fit.
fn for_each_cut(source: &str, mut offer: impl FnMut(Cut) -> bool) {
    let mut open: Vec<String> = Vec::new();
    let mut at = 0;
    let mut refused = false;
    while at < source.len() && !refused {
        let rest = source.get(at..).unwrap_or_default();
        let next = rest.find('<').unwrap_or(rest.len());
        let is_text = open.iter().any(|tag| tag == "p") && !open.iter().any(|tag| tag == "a");
        if is_text {
            let spaces = rest.get(..next).unwrap_or_default().match_indices(' ');
            for (space, _) in spaces {
                refused |= !offer(Cut { at: at + space, open: open.clone(), is_in_words: true });
                if refused {
                    break;
                }
            }
        }
        at += next;
        let Some(tag) = source.get(at..).and_then(|rest| rest.split_inclusive('>').next()) else { break };
        at += tag.len();
        let name: String = tag.trim_start_matches(['<', '/']).chars().take_while(char::is_ascii_alphanumeric).collect();
        if tag.starts_with("</") {
            if let Some(last) = open.iter().rposition(|open| *open == name) {
                open.truncate(last);
            }
            if BLOCKS.contains(&name.as_str()) {
                refused |= !offer(Cut { at, open: open.clone(), is_in_words: false });
            }
        } else if !name.is_empty() && !matches!(name.as_str(), "br" | "hr" | "img") {
            open.push(name);
        }
    }
}
