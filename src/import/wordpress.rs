//! WordPress' WXR: RSS with the posts of a blog, often not quite XML.

use quick_xml::{Reader, events::Event};

use super::{
    Brought, Passed, Row, markup,
    table::decoded,
    values::{moment, tidy},
};
use crate::domain::{Comment, Moment};

/// Comments that a file takes, in bytes: its metadata may have 64 kB, and says other things too.
const COMMENTS_BYTES_MAX: usize = 40 << 10;
/// What stands around a comment, in bytes.
const COMMENT_BYTES: usize = 64;
/// Nesting that no export has.
const DEPTH_MAX: usize = 200;

/// What is collected of an item.
#[derive(Default)]
struct Item {
    title: String,
    link: String,
    content: String,
    excerpt: String,
    id: String,
    date: String,
    date_utc: String,
    modified_utc: String,
    name: String,
    status: String,
    kind: String,
    password: String,
    tags: Vec<String>,
    comments: Vec<Comment>,
    /// Those for which a file has no room.
    comments_left_out: usize,
    /// All of them, in bytes.
    comments_bytes: usize,
}

/// What is collected of a comment. Its author's addresses are not.
#[derive(Default)]
struct Said {
    name: String,
    date_utc: String,
    content: String,
    approved: String,
    kind: String,
}

pub fn read(bytes: Vec<u8>, take: &mut dyn FnMut(Row)) -> Result<(), String> {
    // Two of eight exports name an undeclared prefix or hold a NUL: so no namespaces, and no character that XML cannot hold.
    let text = crate::text::xml_clean(&decoded(bytes));
    if !text.contains("<rss") || !text.contains("<item") {
        return Err("it holds no <rss> with <item>s; export it under Tools, Export, All content".to_owned());
    }
    let mut reader = Reader::from_str(&text);
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    reader.config_mut().allow_dangling_amp = true;
    let mut walk = Walk::default();
    loop {
        match reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(event) => walk.event(&event, take),
            Err(error) => {
                let line = walk.line_at(&text, reader.buffer_position());
                let why = format!("the file cannot be read from here on: {error}");
                take(Row::Passed(Passed { line, what: walk.item.title.clone(), why, is_damaged: true }));
                break;
            }
        }
    }
    if walk.is_in_item {
        let why = "the file ends in the middle of it".to_owned();
        take(Row::Passed(Passed { line: walk.number, what: walk.item.title, why, is_damaged: true }));
    }
    Ok(())
}

#[derive(Default)]
struct Walk {
    item: Item,
    number: u64,
    is_in_item: bool,
    comment: Option<Said>,
    path: Vec<String>,
    category: Option<String>,
    text: String,
    site: String,
}

impl Walk {
    fn event(&mut self, event: &Event<'_>, take: &mut dyn FnMut(Row)) {
        match event {
            Event::Start(start) => {
                let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
                match name.as_str() {
                    "item" => {
                        self.is_in_item = true;
                        self.number += 1;
                        self.item = Item::default();
                    }
                    "wp:comment" => self.comment = Some(Said::default()),
                    "category" => {
                        let domain =
                            start.attributes().with_checks(false).flatten().find(|one| one.key.as_ref() == b"domain");
                        self.category = domain.map(|one| String::from_utf8_lossy(&one.value).into_owned());
                    }
                    _ => {}
                }
                self.text.clear();
                if self.path.len() < DEPTH_MAX {
                    self.path.push(name);
                }
            }
            Event::Text(text) => self.text.push_str(&String::from_utf8_lossy(text)),
            Event::CData(data) => self.text.push_str(&String::from_utf8_lossy(data)),
            Event::GeneralRef(entity) => self.text.push_str(&resolved(&String::from_utf8_lossy(entity))),
            Event::End(end) => {
                let name = String::from_utf8_lossy(end.name().as_ref()).into_owned();
                self.path.pop();
                self.ended(&name, take);
                self.text.clear();
            }
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Eof => {}
        }
    }

    fn ended(&mut self, name: &str, take: &mut dyn FnMut(Row)) {
        let text = std::mem::take(&mut self.text);
        if name == "wp:comment" {
            if let Some(comment) = self.comment.take().and_then(Said::into_comment) {
                self.item.keep(comment);
            }
            return;
        }
        if let Some(comment) = &mut self.comment {
            match name {
                "wp:comment_author" => comment.name = tidy(&markup::words(&text)),
                "wp:comment_date_gmt" => comment.date_utc = text.trim().to_owned(),
                "wp:comment_content" => comment.content = text,
                "wp:comment_approved" => comment.approved = text.trim().to_owned(),
                "wp:comment_type" => comment.kind = text.trim().to_owned(),
                // The author's e-mail, IP and site among them.
                _ => {}
            }
            return;
        }
        if !self.is_in_item {
            if name == "wp:base_blog_url" || (name == "link" && self.site.is_empty()) {
                self.site = text.trim().to_owned();
            }
            return;
        }
        let item = &mut self.item;
        match name {
            "item" => {
                self.is_in_item = false;
                let mut item = std::mem::take(item);
                let left_out = std::mem::take(&mut item.comments_left_out);
                let what = item.title.clone();
                take(item.into_row(self.number, &self.site));
                if left_out > 0 {
                    let why = format!("its newest {left_out} comments found no room in the metadata of a file");
                    take(Row::Passed(Passed { line: self.number, what, why, is_damaged: false }));
                }
            }
            "title" => item.title = tidy(&markup::words(&text)),
            "link" => item.link = text.trim().to_owned(),
            "content:encoded" => item.content = text,
            "excerpt:encoded" => item.excerpt = text,
            "wp:post_id" => item.id = text.trim().to_owned(),
            "wp:post_date" => item.date = text.trim().to_owned(),
            "wp:post_date_gmt" => item.date_utc = text.trim().to_owned(),
            "wp:post_modified_gmt" => item.modified_utc = text.trim().to_owned(),
            "wp:post_name" => item.name = text.trim().to_owned(),
            "wp:status" => item.status = text.trim().to_owned(),
            "wp:post_type" => item.kind = text.trim().to_owned(),
            "wp:post_password" => item.password = text.trim().to_owned(),
            "category" => {
                let is_tag = matches!(self.category.as_deref(), Some("post_tag" | "category"));
                let name = tidy(&text);
                if is_tag && !name.is_empty() && name != "Uncategorized" && !item.tags.contains(&name) {
                    item.tags.push(name);
                }
            }
            _ => {}
        }
    }

    fn line_at(&self, text: &str, position: u64) -> u64 {
        let end = usize::try_from(position).unwrap_or(text.len()).min(text.len());
        text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count() as u64 + 1
    }
}

impl Said {
    /// What people said and the blogger let stand; pingbacks are other blogs talking.
    fn into_comment(self) -> Option<Comment> {
        let text = markup::from_wordpress(&self.content);
        let stands = self.approved == "1" && matches!(self.kind.as_str(), "" | "comment") && !text.is_empty();
        let name = if self.name.is_empty() { "Somebody".to_owned() } else { self.name };
        stands.then(|| Comment { name, date: utc(&self.date_utc), text })
    }
}

impl Item {
    fn keep(&mut self, comment: Comment) {
        // Around each stand its keys, and quotes in it take two bytes.
        let bytes = COMMENT_BYTES + comment.name.len() + comment.text.len() * 5 / 4;
        if self.comments_bytes + bytes > COMMENTS_BYTES_MAX {
            self.comments_left_out += 1;
        } else {
            self.comments_bytes += bytes;
            self.comments.push(comment);
        }
    }

    fn into_row(self, number: u64, site: &str) -> Row {
        let what = if self.title.is_empty() { format!("item {number}") } else { self.title.clone() };
        let passed = |why: &str, is_damaged| {
            Row::Passed(Passed { line: number, what: what.clone(), why: why.to_owned(), is_damaged })
        };
        match (self.kind.as_str(), self.status.as_str()) {
            ("post", "publish" | "draft" | "pending" | "future" | "private" | "inherit" | "") => {}
            ("post", "trash") => return passed("a post in the bin", false),
            ("post", "auto-draft") => return passed("a draft that was never saved", false),
            ("post", other) => return passed(&format!("a post with the status `{other}`"), false),
            ("", _) => return passed("an item without a type", true),
            (kind, _) => return passed(&format!("a {kind}, not a post"), false),
        }
        let body = markup::from_wordpress(&self.content);
        if self.title.is_empty() && body.is_empty() {
            return passed("a post without title and text", false);
        }
        if self.id.is_empty() {
            return passed("a post without a post_id", true);
        }
        let published = utc(&self.date_utc).or_else(|| moment(&self.date));
        let url = url::Url::parse(&self.link).ok();
        let path = url.as_ref().map(|url| url.path().to_owned()).filter(|path| path.len() > 1);
        let host = url::Url::parse(site).ok().or(url).and_then(|url| url.host_str().map(str::to_owned));
        Row::Review(Box::new(Brought {
            line: number,
            identity: format!("wordpress:{}/{}", host.unwrap_or_default(), self.id),
            title: self.title,
            // Whoever wrote a draft, a private post or one behind a password meant it for nobody.
            draft: self.status != "publish" || !self.password.is_empty(),
            updated: utc(&self.modified_utc)
                .filter(|updated| published.is_some_and(|date| updated.timestamp() > date.timestamp())),
            date: published,
            tags: self.tags,
            summary: Some(markup::words(&self.excerpt)).filter(|words| !words.is_empty()),
            comments: self.comments,
            former_paths: path.into_iter().collect(),
            slug: Some(self.name).filter(|name| !name.is_empty()),
            body,
            ..Brought::default()
        }))
    }
}

/// `2020-01-02 03:04:05`; WordPress writes zeros for drafts.
fn utc(text: &str) -> Option<Moment> {
    let text = text.split_once(' ').map(|(day, time)| format!("{day}T{time}Z"))?;
    text.parse().ok().map(Moment::Instant)
}

/// The five entities of XML, and characters by number; another one is left as it stands.
fn resolved(entity: &str) -> String {
    let by_number = || {
        let digits = entity.strip_prefix('#')?;
        let number = match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => digits.parse().ok()?,
        };
        char::from_u32(number).map(String::from)
    };
    match entity {
        "amp" => "&".to_owned(),
        "lt" => "<".to_owned(),
        "gt" => ">".to_owned(),
        "quot" => "\"".to_owned(),
        "apos" => "'".to_owned(),
        _ => by_number().unwrap_or_else(|| format!("&{entity};")),
    }
}
