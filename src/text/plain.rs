//! A text as words: without markup, for search, summaries, excerpts and counting.

use std::collections::HashSet;

use super::tree::{Block, Document, Inline, Style};

/// What is left out of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Include {
    /// Everything, spoilers too: for counting.
    All,
    /// All but marked spoilers and the footnotes that only they have.
    Open,
    /// What makes a good first impression: running text only, without headings, tables, code and footnotes.
    Prose,
}

/// The words, a blank line between blocks and a newline between lines.
pub(super) fn render(document: &Document, include: Include) -> String {
    let mut plain = Plain { out: String::new(), include, marked: HashSet::new() };
    plain.blocks(&document.blocks);
    if include != Include::Prose {
        for (at, note) in document.notes.iter().enumerate() {
            if include == Include::All || plain.marked.contains(&(at + 1)) {
                plain.blocks(note);
            }
        }
    }
    plain.out
}

/// The first words in one line, cut between words with `…` where they are more than `chars_max` characters.
pub(super) fn first_words(text: &str, chars_max: usize) -> String {
    let mut out = String::new();
    let mut chars = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count() + usize::from(chars > 0);
        if chars + length > chars_max {
            return ellipsis(out, word, chars, chars_max);
        }
        if chars > 0 {
            out.push(' ');
        }
        out.push_str(word);
        chars += length;
    }
    out
}

fn ellipsis(mut out: String, next: &str, chars: usize, chars_max: usize) -> String {
    if out.is_empty() {
        // One word longer than the line: text without spaces (Japanese, Chinese, Thai) is cut anywhere.
        out.extend(next.chars().take(chars_max.saturating_sub(1)));
    } else if chars + 1 > chars_max {
        out.pop();
    }
    let kept = out.trim_end_matches([',', ';', ':', '–', '—', '-', ' ', '(', '…']).len();
    out.truncate(kept);
    if chars_max > 0 {
        out.push('…');
    }
    out
}

/// Words a reader reads; in scripts without spaces between words two characters count as one.
pub(super) fn count_words(text: &str) -> u32 {
    let mut words: u32 = 0;
    for word in text.split_whitespace() {
        let dense = word.chars().filter(|c| is_dense(*c)).count();
        if dense > 0 {
            words = words.saturating_add(u32::try_from(dense.div_ceil(2)).unwrap_or(u32::MAX));
        } else if word.chars().any(char::is_alphanumeric) {
            words = words.saturating_add(1);
        }
    }
    words
}

/// Kana, Han, Thai, Lao, Khmer and Burmese: written without spaces.
fn is_dense(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{0E00}'..='\u{0EFF}' | '\u{1780}'..='\u{17FF}' | '\u{1000}'..='\u{109F}' | '\u{20000}'..='\u{3FFFF}')
}

struct Plain {
    out: String,
    include: Include,
    /// Footnotes whose mark stands outside of spoilers.
    marked: HashSet<usize>,
}

impl Plain {
    fn blocks(&mut self, blocks: &[Block]) {
        blocks.iter().for_each(|block| self.block(block));
    }

    fn block(&mut self, block: &Block) {
        let prose_only = self.include == Include::Prose;
        match block {
            Block::Paragraph(words) | Block::Words(words) => self.paragraph(words),
            Block::Heading { .. } | Block::Code { .. } | Block::Table { .. } if prose_only => {}
            Block::Heading { words, .. } => self.paragraph(words),
            Block::Quote(blocks) => self.blocks(blocks),
            Block::List { items, .. } => items.iter().for_each(|item| self.blocks(&item.blocks)),
            Block::Code { text, .. } => {
                self.start_block();
                self.out.push_str(text.trim_end());
            }
            Block::Rule => {}
            Block::Table { head, rows } => {
                for row in std::iter::once(head).chain(rows) {
                    let mut cells = row.iter();
                    if let Some(first) = cells.next() {
                        self.paragraph(first);
                    }
                    for cell in cells {
                        self.out.push_str(" · ");
                        self.words(cell);
                    }
                }
            }
            Block::Figure { content, caption } => {
                self.blocks(content);
                if !prose_only {
                    self.paragraph(caption);
                }
            }
            Block::Details { summary, content } => {
                self.paragraph(summary);
                self.blocks(content);
            }
            Block::Spoiler { title, content } => {
                if self.include == Include::All {
                    self.start_block();
                    self.out.push_str(title.as_deref().unwrap_or_default());
                    self.blocks(content);
                }
            }
        }
    }

    fn paragraph(&mut self, words: &[Inline]) {
        self.start_block();
        self.words(words);
    }

    fn start_block(&mut self) {
        self.out.truncate(self.out.trim_end().len());
        if !self.out.is_empty() {
            self.out.push_str("\n\n");
        }
    }

    fn words(&mut self, words: &[Inline]) {
        for inline in words {
            match inline {
                Inline::Text(text) | Inline::Code(text) => self.out.push_str(text),
                Inline::Break => self.out.push('\n'),
                Inline::Styled(Style::RubyText, words) => {
                    self.out.push('(');
                    self.words(words);
                    self.out.push(')');
                }
                Inline::Styled(_, words) | Inline::Abbreviation { words, .. } | Inline::Link { words, .. } => {
                    self.words(words);
                }
                // What a picture shows is not what the reviewer says.
                Inline::Picture { .. } => {}
                Inline::Footnote(number) => {
                    self.marked.insert(*number);
                }
                Inline::Spoiler(words) => match self.include {
                    Include::All => self.words(words),
                    Include::Open | Include::Prose => self.out.push('…'),
                },
            }
        }
    }
}
