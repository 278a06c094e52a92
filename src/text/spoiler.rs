//! Which passages give the plot away: what reviewers use to mark them, brought into one form.

use scraper::node::Element;

use super::tree::{Block, Document, Inline, Style, are_blank, text_of};

/// Headings longer than this speak of spoilers, they do not announce them; words.
const ANNOUNCEMENT_WORDS_MAX: usize = 8;

/// Whether the source may have a marked passage: a cheap look that spares parsing most texts.
pub(super) fn may_be_marked(source: &str) -> bool {
    source.contains("||") || source.contains(">!") || contains_ignore_case(source, "spoiler")
}

/// Whether the element hides a spoiler: `<spoiler>` of Goodreads, or a class such as `spoiler` or `spoilerContainer`.
pub(super) fn is_marked(element: &Element) -> bool {
    element.name() == "spoiler"
        || element.attr("class").is_some_and(|classes| {
            classes.split_ascii_whitespace().any(|class| {
                let class = class.to_ascii_lowercase();
                class.contains("spoiler") && !["free", "no-", "non", "without"].iter().any(|no| class.contains(no))
            })
        })
}

/// Whether the element only opens or closes a spoiler: the links "(view spoiler)" and "(hide spoiler)" of Goodreads.
pub(super) fn is_control(element: &Element) -> bool {
    element.name() == "a"
        && element.attr("class").is_some_and(|classes| {
            ["spoilerAction", "ShowSpoiler", "HideSpoiler"].iter().any(|name| classes.contains(name))
        })
}

/// Whether a heading or summary announces spoilers ("Spoilers ahead"), as opposed to "spoiler-free".
pub(super) fn is_announced(heading: &str) -> bool {
    speaks_of_spoilers(heading) && !words(heading).any(|word| denies(&word) || ends(&word))
}

/// Whether a line says that the spoilers are over.
fn is_end(line: &str) -> bool {
    speaks_of_spoilers(line) && words(line).any(|word| ends(&word))
}

fn speaks_of_spoilers(line: &str) -> bool {
    contains_ignore_case(line, "spoiler")
        && words(line).count() <= ANNOUNCEMENT_WORDS_MAX
        && words(line).any(|word| word.starts_with("spoiler"))
}

fn denies(word: &str) -> bool {
    const NO: [&str; 20] = [
        "no", "non", "not", "none", "without", "free", "zero", "avoid", "avoiding", "safe", "before", "sans", "ohne",
        "frei", "kein", "keine", "sin", "senza", "zonder", "sem",
    ];
    NO.contains(&word) || ((word.contains("free") || word.contains("frei")) && word.starts_with("spoiler"))
}

fn ends(word: &str) -> bool {
    ["end", "ends", "over", "past", "ende", "fin", "done", "after"].contains(&word)
}

/// Whether a paragraph is nothing but the announcement of spoilers: "**SPOILERS AHEAD**", "Spoiler warning!".
fn is_announcing_paragraph(paragraph: &[Inline]) -> bool {
    const ALLOWED: [&str; 30] = [
        "ahead",
        "below",
        "follow",
        "following",
        "warning",
        "alert",
        "section",
        "here",
        "start",
        "starts",
        "begin",
        "begins",
        "major",
        "minor",
        "mild",
        "big",
        "huge",
        "heavy",
        "some",
        "contains",
        "the",
        "achtung",
        "warnung",
        "now",
        "beware",
        "full",
        "major",
        "slight",
        "possible",
        "be",
    ];
    let text = text_of(paragraph);
    text.len() <= 80
        && is_announced(&text)
        && words(&text).all(|word| word.starts_with("spoiler") || ALLOWED.contains(&word.as_str()))
}

/// Brings announced sections and folded callouts into spoiler blocks.
pub(super) fn fold(document: &mut Document) {
    let blocks = std::mem::take(&mut document.blocks);
    document.blocks = fold_blocks(blocks);
}

fn fold_blocks(blocks: Vec<Block>) -> Vec<Block> {
    let mut out: Vec<Block> = Vec::with_capacity(blocks.len());
    // What is being hidden: the level whose next heading ends it, the title, and the blocks.
    let mut hidden: Option<(u8, String, Vec<Block>)> = None;
    for block in blocks {
        let closes = match (&hidden, &block) {
            (Some((until, ..)), Block::Heading { level, words, .. }) => *level <= *until || is_end(&text_of(words)),
            (Some(_), Block::Paragraph(words)) => is_end(&text_of(words)),
            _ => false,
        };
        if closes && let Some((_, title, content)) = hidden.take() {
            push_spoiler(&mut out, Some(title), content);
        }
        if closes && matches!(&block, Block::Paragraph(words) | Block::Heading { words, .. } if is_end(&text_of(words)))
        {
            continue;
        }
        if let Some((_, _, content)) = &mut hidden {
            content.push(block);
            continue;
        }
        match block {
            Block::Heading { level, ref words, .. } if is_announced(&text_of(words)) => {
                hidden = Some((level, text_of(words), Vec::new()));
            }
            Block::Paragraph(ref words) if is_announcing_paragraph(words) => {
                hidden = Some((u8::MAX, text_of(words), Vec::new()));
            }
            Block::Quote(blocks) => out.push(callout(blocks)),
            Block::Spoiler { title: None, content } => push_spoiler(&mut out, None, content),
            // A paragraph that is one spoiler is a block, so that it is folded as one.
            Block::Paragraph(words) => match &words[..] {
                [Inline::Spoiler(_)] => {
                    let content = words.into_iter().flat_map(unwrap_spoiler).collect();
                    push_spoiler(&mut out, None, vec![Block::Paragraph(content)]);
                }
                _ => out.push(Block::Paragraph(words)),
            },
            block => out.push(block),
        }
    }
    if let Some((level, title, content)) = hidden {
        if content.iter().all(Block::is_blank) {
            let words = vec![Inline::Text(title)];
            out.push(if level == u8::MAX {
                Block::Paragraph(words)
            } else {
                Block::Heading { level, anchor: None, words }
            });
            out.extend(content);
        } else {
            push_spoiler(&mut out, Some(title), content);
        }
    }
    out
}

fn unwrap_spoiler(inline: Inline) -> Vec<Inline> {
    match inline {
        Inline::Spoiler(words) => words,
        inline => vec![inline],
    }
}

/// Joins a spoiler without a title to one that stands directly before it.
fn push_spoiler(out: &mut Vec<Block>, title: Option<String>, content: Vec<Block>) {
    if content.is_empty() && title.is_none() {
        return;
    }
    match out.last_mut() {
        Some(Block::Spoiler { content: before, .. }) if title.is_none() => before.extend(content),
        _ => out.push(Block::Spoiler { title, content }),
    }
}

/// Obsidian's callouts: `> [!spoiler]- Title`. The kind is taken off; a spoiler is folded.
fn callout(mut blocks: Vec<Block>) -> Block {
    let Some(Block::Paragraph(words)) = blocks.first_mut() else { return Block::Quote(blocks) };
    let Some(Inline::Text(text)) = words.first_mut() else { return Block::Quote(blocks) };
    let Some((kind, rest)) = text.strip_prefix("[!").and_then(|text| text.split_once(']')) else {
        return Block::Quote(blocks);
    };
    let is_spoiler = is_announced(kind);
    let is_kind = !kind.is_empty() && kind.len() <= 20 && kind.chars().all(|c| c.is_alphanumeric() || c == '-');
    if !is_kind {
        return Block::Quote(blocks);
    }
    *text = rest.trim_start_matches(['-', '+']).trim_start().to_owned();
    if are_blank(words) {
        blocks.remove(0);
    }
    if is_spoiler { Block::Spoiler { title: None, content: blocks } } else { Block::Quote(blocks) }
}

/// Whether any passage is marked.
pub(super) fn any(document: &Document) -> bool {
    document.blocks.iter().chain(document.notes.iter().flatten()).any(in_block)
}

fn in_block(block: &Block) -> bool {
    match block {
        Block::Spoiler { .. } => true,
        Block::Paragraph(words) | Block::Words(words) | Block::Heading { words, .. } => in_words(words),
        Block::Quote(blocks) => blocks.iter().any(in_block),
        Block::List { items, .. } => items.iter().flat_map(|item| &item.blocks).any(in_block),
        Block::Table { head, rows } => head.iter().chain(rows.iter().flatten()).any(|cell| in_words(cell)),
        Block::Figure { content, caption: words } | Block::Details { summary: words, content } => {
            in_words(words) || content.iter().any(in_block)
        }
        Block::Code { .. } | Block::Rule => false,
    }
}

pub(super) fn in_words(words: &[Inline]) -> bool {
    words.iter().any(|inline| match inline {
        Inline::Spoiler(_) => true,
        Inline::Styled(Style::Invisible, _) => false,
        Inline::Styled(_, words) | Inline::Abbreviation { words, .. } | Inline::Link { words, .. } => in_words(words),
        Inline::Text(_) | Inline::Break | Inline::Code(_) | Inline::Picture { .. } | Inline::Footnote(_) => false,
    })
}

fn words(line: &str) -> impl Iterator<Item = String> + '_ {
    line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

fn contains_ignore_case(text: &str, lower: &str) -> bool {
    let Some((first, rest)) = lower.as_bytes().split_first() else { return true };
    // The first letter by itself: this runs over every text at a cold start.
    text.bytes().enumerate().any(|(at, byte)| {
        byte.to_ascii_lowercase() == *first
            && text.as_bytes().get(at + 1..at + lower.len()).is_some_and(|found| found.eq_ignore_ascii_case(rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_that_announce_spoilers_are_told_from_those_that_deny_them() {
        for heading in
            ["Spoilers", "Spoilers ahead", "SPOILERS!", "Plot (contains spoilers)", "⚠️ Spoiler", "Spoilery bits"]
        {
            assert!(is_announced(heading), "{heading}");
        }
        for heading in
            ["Spoiler-free review", "No spoilers", "Spoilerfrei", "What I thought", "End of spoilers", "Despoilers"]
        {
            assert!(!is_announced(heading), "{heading}");
        }
    }
}
