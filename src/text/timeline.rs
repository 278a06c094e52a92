//! A text as a post: what is left whole by the sanitisers of Mastodon and its kin. Ours go out in it, and those of
//! strangers are shown in it.
//!
//! Mastodon keeps p br span a abbr del s pre blockquote code b strong u sub sup i em ul ol li ruby and drops the
//! other tags with their meaning
//! (<https://github.com/mastodon/mastodon/blob/main/lib/sanitize_ext/sanitize_config.rb>), so tables become lists,
//! headings bold, pictures links and footnotes numbers in brackets.

use std::sync::LazyLock;

use ammonia::Builder;

use super::links::{Base, Target, is_web};
use super::names::visible;
use super::tree::{Block, Cell, Document, Inline, LinkKind, Style, are_blank, text_of};
use super::write::{Render, Writer};
use super::{Place, SafeHtml, Shown, spoiler};

/// What a stranger's post may hold when all is done: ammonia goes over it once more, because it is the one text here
/// whose author may mean harm.
static ALLOWED: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let elements: [(&str, &[&str]); 20] = [
        ("p", &[]),
        ("br", &[]),
        ("pre", &[]),
        ("code", &[]),
        ("blockquote", &[]),
        ("ul", &[]),
        ("ol", &["start"]),
        ("li", &[]),
        ("a", &["href", "class", "rel"]),
        ("abbr", &["title"]),
        ("span", &["class"]),
        ("em", &[]),
        ("strong", &[]),
        ("del", &[]),
        ("u", &[]),
        ("sub", &[]),
        ("sup", &[]),
        ("ruby", &[]),
        ("rt", &[]),
        ("rp", &[]),
    ];
    let mut builder = Builder::empty();
    builder
        .tags(elements.iter().map(|(tag, _)| *tag).collect())
        .tag_attributes(elements.iter().map(|(tag, names)| (*tag, names.iter().copied().collect())).collect())
        .url_schemes(["http", "https"].into_iter().collect())
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(None);
    builder
});

/// Our own text, on its way to followers. Marked spoilers stay in it: the whole post stands behind a content warning
/// then, and who opened it wants to read on; the marks tell where the plot is given away and where it ends.
pub(super) fn render(document: &Document, place: &Place<'_>) -> SafeHtml {
    let base = Base::new(place.page);
    let mut post = Post { out: Writer::with_capacity(4096), voice: Voice::Ours { place, base }, in_link: false };
    post.blocks(&document.blocks);
    post.notes(&document.notes);
    post.out.finish()
}

/// A stranger's text, to be shown on our pages.
pub(super) fn render_remote(blocks: &[Block]) -> SafeHtml {
    let mut post =
        Post { out: Writer::with_capacity(1024), voice: Voice::Stranger { base: Base::new("") }, in_link: false };
    post.blocks(blocks);
    post.out.seal(&ALLOWED)
}

struct Post<'a> {
    out: Writer,
    voice: Voice<'a>,
    in_link: bool,
}

enum Voice<'a> {
    Ours { place: &'a Place<'a>, base: Base },
    Stranger { base: Base },
}

impl Render for Post<'_> {
    fn out(&mut self) -> &mut Writer {
        &mut self.out
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Paragraph(words) => self.words_in("p", words),
            Block::Words(words) => self.words(words),
            Block::Heading { words, .. } => self.strong_paragraph(words),
            Block::Quote(blocks) => self.blocks_in("blockquote", blocks),
            Block::List { start, items } => self.list(*start, items),
            Block::Code { text, .. } => self.code_block("", text),
            Block::Rule => self.text_in("p", "* * *"),
            Block::Table { head, rows } => self.table(head, rows),
            Block::Figure { content, caption } => {
                for block in content {
                    match block {
                        Block::Words(words) => self.words_in("p", words),
                        block => self.block(block),
                    }
                }
                if !are_blank(caption) {
                    self.words_in("p", caption);
                }
            }
            Block::Details { summary, content } => {
                self.strong_paragraph(summary);
                self.blocks(content);
            }
            Block::Spoiler { title, content } => {
                let title = match title.as_deref().map(str::trim) {
                    None => "[Spoiler]".to_owned(),
                    Some(title) if spoiler::is_announced(title) => format!("[{title}]"),
                    Some(title) => format!("[Spoiler: {title}]"),
                };
                self.strong_paragraph(&[Inline::Text(title)]);
                self.blocks(content);
                self.strong_paragraph(&[Inline::Text("[End of spoiler]".to_owned())]);
            }
        }
    }

    fn inline(&mut self, inline: &Inline) {
        match inline {
            Inline::Text(text) => self.text(text),
            Inline::Break => self.out.open("br"),
            Inline::Code(text) => self.text_in("code", text),
            Inline::Styled(style, words) => self.styled(*style, words),
            Inline::Abbreviation { title, words } => {
                self.out.start("abbr", &[("title", title)]);
                self.words(words);
                self.out.close("abbr");
            }
            Inline::Link { href, kind, words } => self.link(href, *kind, words),
            Inline::Picture { src, alt } => self.picture(src, alt),
            Inline::Footnote(number) => self.out.text(&format!("[{number}]")),
            Inline::Spoiler(words) => {
                self.out.text("[Spoiler: ");
                self.words(words);
                self.out.text("]");
            }
        }
    }
}

impl Post<'_> {
    /// Entities are resolved by now, so this is where the invisible characters of strangers can be caught.
    fn text(&mut self, text: &str) {
        match self.voice {
            Voice::Ours { .. } => self.out.text(text),
            Voice::Stranger { .. } => self.out.text(&visible(text)),
        }
    }

    fn strong_paragraph(&mut self, words: &[Inline]) {
        if are_blank(words) {
            return;
        }
        self.out.open("p");
        self.words_in("strong", words);
        self.out.close("p");
    }

    fn styled(&mut self, style: Style, words: &[Inline]) {
        let tag = match style {
            Style::Emphasis | Style::Cited => "em",
            Style::Strong | Style::Marked => "strong",
            Style::Deleted => "del",
            Style::Inserted | Style::Underlined => "u",
            Style::Keyboard => "code",
            Style::Subscript => "sub",
            Style::Superscript => "sup",
            Style::Ruby => "ruby",
            Style::RubyText => return self.ruby_text(words),
            Style::Quoted => {
                self.out.text("“");
                self.words(words);
                return self.out.text("”");
            }
            Style::Small | Style::Invisible | Style::Ellipsis => return self.words(words),
        };
        self.words_in(tag, words);
    }

    fn link(&mut self, href: &str, kind: LinkKind, words: &[Inline]) {
        let (address, is_stranger) = match &self.voice {
            Voice::Ours { base, .. } => (base.web(href), false),
            Voice::Stranger { base } => match base.target(href) {
                Target::Web(address) => (Some(address), true),
                Target::Mail(_) | Target::Fragment(_) | Target::Nowhere => (None, true),
            },
        };
        let Some(address) = address.filter(|_| !self.in_link) else { return self.words(words) };
        let mut attributes = vec![("href", address.as_str())];
        match kind {
            LinkKind::Plain => {}
            LinkKind::Mention => attributes.push(("class", "mention")),
            LinkKind::Hashtag => attributes.push(("class", "mention hashtag")),
        }
        if is_stranger {
            attributes.push(("rel", "nofollow noopener ugc"));
        }
        self.out.start("a", &attributes);
        self.in_link = true;
        if is_stranger && shows_itself(href, words) {
            self.shortened(words)
        } else {
            self.words(words)
        }
        self.in_link = false;
        self.out.close("a");
        if is_stranger && let Some(host) = hidden_host(&address, words) {
            self.out.text(&format!(" [{host}]"));
        }
    }

    /// Mastodon's way of showing a long address: its beginning and end in spans that a style sheet hides.
    fn shortened(&mut self, words: &[Inline]) {
        for inline in words {
            let (class, words) = match inline {
                Inline::Styled(Style::Invisible, words) => ("invisible", words),
                Inline::Styled(Style::Ellipsis, words) => ("ellipsis", words),
                inline => {
                    self.inline(inline);
                    continue;
                }
            };
            self.out.start("span", &[("class", class)]);
            self.words(words);
            self.out.close("span");
        }
    }

    fn picture(&mut self, src: &str, alt: &str) {
        let address = match &self.voice {
            Voice::Stranger { .. } => return self.text(alt),
            Voice::Ours { place, base } => match (place.picture)(src) {
                Some(Shown { url, .. }) => Some(url),
                None => base.web(src).filter(|_| is_web(src)),
            },
        };
        match address {
            Some(address) => {
                let label = format!("🖼 {alt}").trim_end().to_owned();
                self.link(&address, LinkKind::Plain, &[Inline::Text(label)]);
            }
            None => self.out.text(alt),
        }
    }

    /// One item for a row, one line for a cell, with the head of its column before it.
    fn table(&mut self, head: &[Cell], rows: &[Vec<Cell>]) {
        self.out.open("ul");
        if rows.is_empty() {
            self.row(&[], head);
        }
        rows.iter().for_each(|row| self.row(head, row));
        self.out.close("ul");
    }

    fn row(&mut self, head: &[Cell], row: &[Cell]) {
        self.out.open("li");
        let mut is_first = true;
        for (at, cell) in row.iter().enumerate().filter(|(_, cell)| !are_blank(cell)) {
            if !is_first {
                if head.is_empty() { self.out.text(" · ") } else { self.out.open("br") }
            }
            is_first = false;
            if let Some(label) = head.get(at).filter(|label| !are_blank(label)) {
                self.words_in("strong", label);
                self.out.text(": ");
            }
            self.words(cell);
        }
        self.out.close("li");
    }

    fn notes(&mut self, notes: &[Vec<Block>]) {
        for (at, note) in notes.iter().enumerate() {
            let mark = Inline::Text(format!("[{}] ", at + 1));
            match note.split_first() {
                Some((Block::Paragraph(words), rest)) => {
                    self.out.open("p");
                    self.inline(&mark);
                    self.words(words);
                    self.out.close("p");
                    self.blocks(rest);
                }
                _ => {
                    self.words_in("p", &[mark]);
                    self.blocks(note);
                }
            }
        }
    }
}

/// Whether the words of a link are its address and nothing else: only then may a part of them be hidden
/// (CVE-2023-36462 was a link that showed another address than it led to).
fn shows_itself(href: &str, words: &[Inline]) -> bool {
    text_of(words).trim_end_matches('/') == href.trim_end_matches('/')
}

/// The host a link really leads to, where its words look like an address on another one.
fn hidden_host(address: &str, words: &[Inline]) -> Option<String> {
    let text = text_of(words);
    let shown = text.trim().trim_start_matches("https://").trim_start_matches("http://");
    let shown = shown.split(['/', '?', '#']).next().unwrap_or_default();
    if !shown.contains('.') || shown.ends_with('.') || shown.contains(char::is_whitespace) || shown.contains("..") {
        return None;
    }
    let url = url::Url::parse(address).ok()?;
    let host = url.host_str()?;
    let is_same = url::Url::parse(&format!("https://{shown}")).ok().is_some_and(|shown| {
        let bare = |host: &str| host.trim_start_matches("www.").to_owned();
        shown.host_str().map(bare) == Some(bare(host))
    });
    (!is_same).then(|| host.to_owned())
}
