//! What every syntax is read into and every rendering is written from: a text as closed sets of blocks and inlines.
//!
//! The sets are the allow-list: what has no variant here (scripts, styles, forms, ids, classes) cannot come out.

/// A text with its footnotes taken out of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Document {
    pub blocks: Vec<Block>,
    /// The footnotes in the order of their numbers; the first has number 1.
    pub notes: Vec<Vec<Block>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    Paragraph(Vec<Inline>),
    /// Words that stand directly in a list item, without a paragraph around them.
    Words(Vec<Inline>),
    Heading {
        level: u8,
        /// As the reviewer wrote it; only ever compared, never written.
        anchor: Option<String>,
        words: Vec<Inline>,
    },
    Quote(Vec<Block>),
    List {
        /// The first number; `None` is a bulleted list.
        start: Option<u64>,
        items: Vec<Item>,
    },
    Code {
        /// Letters, digits and `+-_#` only; may be empty.
        language: String,
        text: String,
    },
    Rule,
    Table {
        /// May be empty.
        head: Vec<Cell>,
        rows: Vec<Vec<Cell>>,
    },
    Figure {
        content: Vec<Block>,
        caption: Vec<Inline>,
    },
    Details {
        summary: Vec<Inline>,
        content: Vec<Block>,
    },
    Spoiler {
        /// What the reviewer called it ("Spoilers ahead").
        title: Option<String>,
        content: Vec<Block>,
    },
}

pub(super) type Cell = Vec<Inline>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Item {
    /// Whether the task is done, where the item is one.
    pub task: Option<bool>,
    pub blocks: Vec<Block>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inline {
    Text(String),
    Break,
    Code(String),
    Styled(Style, Vec<Inline>),
    Abbreviation {
        title: String,
        words: Vec<Inline>,
    },
    Link {
        /// As written: may be relative, may have any scheme.
        href: String,
        kind: LinkKind,
        words: Vec<Inline>,
    },
    Picture {
        src: String,
        alt: String,
    },
    /// The number of the footnote.
    Footnote(usize),
    Spoiler(Vec<Inline>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Emphasis,
    Strong,
    Deleted,
    Inserted,
    Underlined,
    Marked,
    Small,
    Cited,
    Quoted,
    Keyboard,
    Subscript,
    Superscript,
    Ruby,
    RubyText,
    /// Mastodon's shortened links: the part that is not shown.
    Invisible,
    /// Mastodon's shortened links: the part followed by an ellipsis.
    Ellipsis,
}

/// What a link is for, in the fediverse's classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkKind {
    Plain,
    Mention,
    Hashtag,
}

impl Inline {
    pub fn link(href: impl Into<String>, words: Vec<Inline>) -> Self {
        Self::Link { href: href.into(), kind: LinkKind::Plain, words }
    }
}

impl Block {
    /// Whether nothing of it would be seen.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Paragraph(words) | Self::Words(words) | Self::Heading { words, .. } => are_blank(words),
            Self::Quote(blocks) => blocks.iter().all(Self::is_blank),
            Self::List { items, .. } => items.iter().all(|item| item.blocks.iter().all(Self::is_blank)),
            Self::Code { text, .. } => text.trim().is_empty(),
            Self::Table { head, rows } => head.iter().chain(rows.iter().flatten()).all(|cell| are_blank(cell)),
            Self::Figure { content, caption } => are_blank(caption) && content.iter().all(Self::is_blank),
            Self::Details { summary, content } => are_blank(summary) && content.iter().all(Self::is_blank),
            Self::Spoiler { content, .. } => content.iter().all(Self::is_blank),
            Self::Rule => false,
        }
    }
}

/// Whether nothing of the words would be seen.
pub(super) fn are_blank(words: &[Inline]) -> bool {
    words.iter().all(|inline| match inline {
        Inline::Text(text) | Inline::Code(text) => text.trim().is_empty(),
        Inline::Break => true,
        Inline::Styled(_, words) | Inline::Abbreviation { words, .. } | Inline::Link { words, .. } => are_blank(words),
        Inline::Spoiler(words) => are_blank(words),
        Inline::Picture { .. } | Inline::Footnote(_) => false,
    })
}

/// The words without markup, spoilers included; a line break is a space.
pub(super) fn text_of(words: &[Inline]) -> String {
    let mut out = String::new();
    collect_text(words, &mut out);
    out
}

fn collect_text(words: &[Inline], out: &mut String) {
    for inline in words {
        match inline {
            Inline::Text(text) | Inline::Code(text) => out.push_str(text),
            Inline::Break => out.push(' '),
            Inline::Styled(_, words) | Inline::Abbreviation { words, .. } | Inline::Link { words, .. } => {
                collect_text(words, out);
            }
            Inline::Spoiler(words) => collect_text(words, out),
            Inline::Picture { alt, .. } => out.push_str(alt),
            Inline::Footnote(_) => {}
        }
    }
}

/// Appends text, joining it to a text before it.
pub(super) fn push_text(words: &mut Vec<Inline>, text: &str) {
    if text.is_empty() {
        return;
    }
    if let Some(Inline::Text(last)) = words.last_mut() {
        last.push_str(text);
    } else {
        words.push(Inline::Text(text.to_owned()));
    }
}

/// Blocks where only words may stand (table cells, captions, summaries): one after the other on lines of their own.
pub(super) fn flatten(blocks: Vec<Block>) -> Vec<Inline> {
    let mut words: Vec<Inline> = Vec::new();
    for block in blocks {
        let part = flatten_block(block);
        if are_blank(&part) && !part.iter().any(|inline| matches!(inline, Inline::Picture { .. })) {
            continue;
        }
        if !words.is_empty() {
            words.push(Inline::Break);
        }
        words.extend(part);
    }
    words
}

fn flatten_block(block: Block) -> Vec<Inline> {
    match block {
        Block::Paragraph(words) | Block::Words(words) => words,
        Block::Heading { words, .. } => vec![Inline::Styled(Style::Strong, words)],
        Block::Quote(blocks) => flatten(blocks),
        Block::List { items, .. } => flatten(items.into_iter().flat_map(|item| item.blocks).collect()),
        Block::Code { text, .. } => vec![Inline::Code(text)],
        Block::Rule => Vec::new(),
        Block::Table { head, rows } => {
            let cells = head.into_iter().chain(rows.into_iter().flatten());
            flatten(cells.map(Block::Words).collect())
        }
        Block::Figure { mut content, caption } => {
            content.push(Block::Words(caption));
            flatten(content)
        }
        Block::Details { summary, mut content } => {
            content.insert(0, Block::Words(summary));
            flatten(content)
        }
        Block::Spoiler { content, .. } => vec![Inline::Spoiler(flatten(content))],
    }
}

/// Cuts the words at line breaks that stand two or more together: how many exports write paragraphs.
/// Outer white space and single breaks at either end go.
pub(super) fn paragraphs(words: Vec<Inline>) -> Vec<Vec<Inline>> {
    let mut paragraphs = Vec::new();
    let mut current: Vec<Inline> = Vec::new();
    let mut breaks = 0;
    for inline in words {
        match inline {
            Inline::Break => breaks += 1,
            Inline::Text(text) if breaks > 0 && text.trim().is_empty() => {}
            inline => {
                if breaks > 1 {
                    paragraphs.push(std::mem::take(&mut current));
                } else if breaks == 1 && !current.is_empty() {
                    current.push(Inline::Break);
                }
                breaks = 0;
                current.push(inline);
            }
        }
    }
    paragraphs.push(current);
    paragraphs.iter_mut().for_each(trim);
    paragraphs.retain(|words| !are_blank(words));
    paragraphs
}

/// Takes the white space off both ends and around line breaks.
pub(super) fn trim(words: &mut Vec<Inline>) {
    while let Some(Inline::Break) = words.last() {
        words.pop();
    }
    let count = words.len();
    for at in 0..count {
        let after_break = at == 0 || matches!(words.get(at - 1), Some(Inline::Break));
        let before_break = at + 1 == count || matches!(words.get(at + 1), Some(Inline::Break));
        if let Some(Inline::Text(text)) = words.get_mut(at) {
            if after_break {
                text.drain(..text.len() - text.trim_start().len());
            }
            if before_break {
                text.truncate(text.trim_end().len());
            }
        }
    }
    words.retain(|inline| !matches!(inline, Inline::Text(text) if text.is_empty()));
}
