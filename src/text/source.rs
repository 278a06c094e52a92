//! A text as plain CommonMark, for those who take Markdown: the `Review.content` of NeoDB.
//!
//! Marked spoilers are kept in NeoDB's own marks: `>! ` before each line of a block, `>! words !<` in a line.

use super::links::is_web;
use super::tree::{Block, Cell, Document, Inline, Item, Style, are_blank};

/// The Markdown; relative links and pictures are left as their words, because nobody elsewhere can open them.
pub(super) fn render(document: &Document) -> String {
    let mut parts: Vec<String> = document.blocks.iter().map(block).collect();
    for (at, note) in document.notes.iter().enumerate() {
        parts.push(format!("[^{}]: {}", at + 1, indented(&blocks(note), "    ")));
    }
    parts.retain(|part| !part.trim().is_empty());
    parts.join("\n\n")
}

fn blocks(blocks: &[Block]) -> String {
    blocks.iter().map(block).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Paragraph(words) | Block::Words(words) => paragraph(words),
        Block::Heading { level, words, .. } => {
            format!("{} {}", "#".repeat(usize::from(*level).clamp(1, 6)), inlines(words).replace("\\\n", " "))
        }
        Block::Quote(content) => prefixed(&blocks(content), "> "),
        Block::List { start, items } => list(*start, items),
        Block::Code { language, text } => {
            let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
            let fence = "`".repeat(longest.max(2) + 1);
            format!("{fence}{language}\n{}\n{fence}", text.trim_end_matches('\n'))
        }
        Block::Rule => "---".to_owned(),
        Block::Table { head, rows } => table(head, rows),
        Block::Figure { content, caption } => {
            let parts = [blocks(content), paragraph(caption)];
            parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("\n\n")
        }
        Block::Details { summary, content } if are_blank(summary) => blocks(content),
        Block::Details { summary, content } => format!("**{}**\n\n{}", inlines(summary), blocks(content)),
        Block::Spoiler { content, .. } => prefixed(&blocks(content), ">! "),
    }
}

fn list(start: Option<u64>, items: &[Item]) -> String {
    let is_tight = items.iter().flat_map(|item| &item.blocks).all(|block| !matches!(block, Block::Paragraph(_)));
    let items = items.iter().zip(0_u64..).map(|(item, at)| {
        let marker = start.map_or_else(|| "- ".to_owned(), |start| format!("{}. ", start.saturating_add(at)));
        let task = match item.task {
            Some(true) => "[x] ",
            Some(false) => "[ ] ",
            None => "",
        };
        let content: Vec<String> = item.blocks.iter().map(block).collect();
        let content = content.join(if is_tight { "\n" } else { "\n\n" });
        format!("{marker}{task}{}", indented(&content, &" ".repeat(marker.len())))
    });
    items.collect::<Vec<_>>().join(if is_tight { "\n" } else { "\n\n" })
}

fn table(head: &[Cell], rows: &[Vec<Cell>]) -> String {
    let columns = rows.iter().map(Vec::len).chain([head.len()]).max().unwrap_or_default();
    let row = |cells: &[Cell]| {
        let cells = (0..columns).map(|at| {
            let cell = cells.get(at).map(|cell| inlines(cell)).unwrap_or_default();
            // Those outside of code have their backslash already.
            cell.replace("\\\n", " ").replace("\\|", "|").replace('|', "\\|")
        });
        format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
    };
    let mut lines = vec![row(head), format!("|{}", " --- |".repeat(columns))];
    lines.extend(rows.iter().map(|cells| row(cells)));
    lines.join("\n")
}

fn paragraph(words: &[Inline]) -> String {
    inlines(words).split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// A line of a paragraph. What would begin a heading, list or quote, which may stand after any line end, is a word here.
fn line(text: &str) -> String {
    let text = text.trim_start();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match text.as_bytes().get(digits) {
        Some(b'.' | b')') if (1..10).contains(&digits) => {
            let (number, rest) = text.split_at(digits);
            format!("{number}\\{rest}")
        }
        Some(b'#' | b'+' | b'-' | b'=' | b'~') if digits == 0 => format!("\\{text}"),
        _ => text.to_owned(),
    }
}

fn inlines(words: &[Inline]) -> String {
    let mut out = String::new();
    for inline in words {
        match inline {
            Inline::Text(text) => escape(text, &mut out),
            Inline::Break => out.push_str("\\\n"),
            Inline::Code(text) => {
                let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
                let ticks = "`".repeat(longest + 1);
                let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
                out.push_str(&format!("{ticks}{pad}{text}{pad}{ticks}"));
            }
            Inline::Styled(style, words) => styled(*style, words, &mut out),
            Inline::Abbreviation { words, .. } => out.push_str(&inlines(words)),
            Inline::Link { href, words, .. } if is_web(href) => {
                out.push_str(&format!("[{}]({})", inlines(words), destination(href)));
            }
            Inline::Link { words, .. } => out.push_str(&inlines(words)),
            Inline::Picture { src, alt } => {
                let mut label = String::new();
                escape(alt, &mut label);
                out.push_str(&if is_web(src) { format!("![{label}]({})", destination(src)) } else { label });
            }
            Inline::Footnote(number) => out.push_str(&format!("[^{number}]")),
            Inline::Spoiler(words) => out.push_str(&format!(">! {} !<", inlines(words).trim())),
        }
    }
    out
}

fn styled(style: Style, words: &[Inline], out: &mut String) {
    let mark = match style {
        Style::Emphasis | Style::Cited => "*",
        Style::Strong | Style::Marked => "**",
        Style::Deleted => "~~",
        Style::Keyboard => "`",
        Style::Inserted | Style::Underlined | Style::Small | Style::Quoted | Style::Subscript | Style::Superscript => {
            ""
        }
        Style::Ruby | Style::RubyText | Style::Invisible | Style::Ellipsis => "",
    };
    let inner = inlines(words);
    let text = inner.trim();
    if mark.is_empty() || text.is_empty() {
        return out.push_str(&inner);
    }
    // Marks must touch the words, the white space goes outside.
    let before = inner.len() - inner.trim_start().len();
    let after = inner.trim_end().len();
    out.push_str(inner.get(..before).unwrap_or_default());
    out.push_str(&format!("{mark}{text}{mark}"));
    out.push_str(inner.get(after..).unwrap_or_default());
}

fn escape(text: &str, out: &mut String) {
    for (at, c) in text.char_indices() {
        let is_mark = match c {
            '\\' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '|' => true,
            // `==highlight==`
            '=' => text[..at].ends_with(c) || text[at + 1..].starts_with(c),
            // One alone strikes out as well, where it ends a word.
            '~' => text[..at].ends_with(|before: char| !before.is_whitespace()) || text[at + 1..].starts_with(c),
            '&' => begins_entity(&text[at + 1..]),
            _ => false,
        };
        if is_mark {
            out.push('\\');
        }
        out.push(c);
    }
}

/// Whether what follows an ampersand makes it one character: `copy;`, `#233;`.
fn begins_entity(rest: &str) -> bool {
    let name = rest.strip_prefix('#').unwrap_or(rest);
    name.find(|c: char| !c.is_ascii_alphanumeric()).is_some_and(|end| end > 0 && name[end..].starts_with(';'))
}

fn destination(href: &str) -> String {
    href.replace(' ', "%20").replace('(', "%28").replace(')', "%29").replace('<', "%3C").replace('>', "%3E")
}

fn prefixed(text: &str, prefix: &str) -> String {
    text.lines().map(|line| format!("{prefix}{line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Every line but the first moved to the right.
fn indented(text: &str, by: &str) -> String {
    let mut lines = text.lines();
    let mut out = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        out.push('\n');
        if !line.is_empty() {
            out.push_str(by);
            out.push_str(line);
        }
    }
    out
}
