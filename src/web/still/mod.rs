//! The whole site as files that any web server hands out: what stays when the program goes.
//!
//! The copy is made of the very documents that are served. From the home page every link is followed; each document is
//! made once and laid aside; and when all are known, each is written with its links turned to the files of the others.
//! So the copy may lie at the root of the site's own address, under another one, or on a disk. Links that only the
//! running program answers lead to the site itself.

mod links;
mod place;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fs,
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::Arc,
};

use jiff::Timestamp;
use tar::{Builder, Header};
use url::Url;

use super::{
    Web, WebError,
    documents::Found,
    gate::Gate,
    interact::Questions,
    route::{self, Route},
    shelf::Shelf,
    websub::Told,
};
use crate::{
    export::{ExportError, MARK, scratch_file},
    publish::Library,
    site::{self, Trouble},
};
use links::Use;
use place::File;

/// Where following links begins; everything else is linked from there.
const ENTRANCES: [&str; 6] = ["/", "/archive", "/feeds", "/robots.txt", "/sitemap.xml", "/feed.css"];
/// What servers that know this custom show where there is nothing.
const NOTHING_HERE: &str = "404.html";
const MARK_WORDS: &str = "A copy made by `reviewd export --to site`. A newer copy replaces this whole directory.\n";
/// Redirects of ours that follow each other.
const HOPS_MAX: usize = 4;
const FILE_MODE: u32 = 0o644;

/// What is to be done with the links in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nature {
    Page,
    /// Feeds, the sitemap, `robots.txt`.
    Text,
    Style,
    Bytes,
}

/// A document as the site makes it.
struct Made {
    nature: Nature,
    body: Vec<u8>,
    changed: Timestamp,
}

/// What an address leads to.
enum Answer {
    Made(Made),
    /// A path of this site, with a fragment perhaps.
    Elsewhere(String),
    Nothing,
}

#[derive(Debug, Clone)]
enum Target {
    File(File),
    Elsewhere(String),
    Nothing,
}

/// A document that was laid aside.
struct Kept {
    address: String,
    file: File,
    nature: Nature,
    begins: u64,
    bytes: u64,
    changed: Timestamp,
}

/// A page that leads to another.
struct Signpost {
    file: File,
    to: File,
}

/// All that a copy is made of.
struct Gathered {
    origin: String,
    targets: HashMap<String, Target>,
    kept: Vec<Kept>,
    /// The documents one after the other.
    aside: fs::File,
    signposts: Vec<Signpost>,
    nothing_here: String,
    founded: Timestamp,
}

impl Web {
    /// The same site for readers whom no program answers: no search, no way in for replies, no hub.
    fn standing_still(&self) -> Self {
        Self {
            site: self.site.clone(),
            reviewers: self.reviewers.clone(),
            publisher: self.publisher.clone(),
            store: self.store.clone(),
            founded: self.founded,
            feed_id: self.feed_id.clone(),
            feed_items: self.feed_items,
            feed_full_text: self.feed_full_text,
            shelf: Shelf::new(),
            keys: self.keys.clone(),
            reception: self.reception.clone(),
            faces: self.faces.clone(),
            replies_close_after: self.replies_close_after,
            gate: Gate::new(),
            readers: Arc::clone(&self.readers),
            clock: self.clock.clone(),
            examined: Arc::clone(&self.examined),
            questions: Questions::new(),
            approves_followers: self.approves_followers,
            hub: Arc::clone(&self.hub),
            told: Told::default(),
            notices_token: None,
            source: self.source,
            still: true,
        }
    }

    /// Writes the copy as a tar archive.
    pub(super) async fn copy_into(&self, into: fs::File, scratch: &Path) -> Result<(), ExportError> {
        let still = self.standing_still();
        let gathered = Walk::new(&still, scratch_file(scratch)?.into_file()).gather().await?;
        let writing = tokio::task::spawn_blocking(move || gathered.write(into));
        Ok(writing.await.map_err(|error| ExportError::Stopped(error.to_string()))??)
    }

    async fn document_at(&self, path: &str, route: &Route, library: &Library) -> Result<Answer, WebError> {
        let bytes = |found: Option<(String, Vec<u8>)>| match found {
            Some((_, body)) => Answer::Made(Made { nature: Nature::Bytes, body, changed: self.founded }),
            None => Answer::Nothing,
        };
        match route {
            Route::Media { key, size } => Ok(bytes(self.store.picture_bytes(key, *size).await?)),
            Route::Portrait { key } => Ok(bytes(self.store.portrait_bytes(key).await?)),
            Route::Static { path } => Ok(match site::statics().iter().find(|file| file.path == *path) {
                Some(file) => {
                    let nature = if file.content_type.starts_with("text/css") { Nature::Style } else { Nature::Bytes };
                    Answer::Made(Made { nature, body: file.bytes.clone(), changed: self.founded })
                }
                None => Answer::Nothing,
            }),
            Route::Source => {
                Ok(Answer::Made(Made { nature: Nature::Bytes, body: self.source.to_vec(), changed: self.founded }))
            }
            route => Ok(match self.find(route, library).await? {
                Found::Document(document) => Answer::Made(Made {
                    nature: if document.is_page { Nature::Page } else { Nature::Text },
                    body: document.body,
                    changed: document.last_modified,
                }),
                Found::MovedTo(path) | Found::SeeOther(path) => Answer::Elsewhere(path),
                Found::Trouble(_) => match library.by_alias(path) {
                    Some(card) => Answer::Elsewhere(format!("/@{}/{}", card.reviewer, card.slug)),
                    None => Answer::Nothing,
                },
            }),
        }
    }
}

/// The walk over all links.
struct Walk<'a> {
    web: &'a Web,
    library: Arc<Library>,
    queue: VecDeque<String>,
    targets: HashMap<String, Target>,
    kept: Vec<Kept>,
    files: HashSet<File>,
    aside: BufWriter<fs::File>,
    end: u64,
}

impl<'a> Walk<'a> {
    fn new(web: &'a Web, aside: fs::File) -> Self {
        Self {
            web,
            library: web.publisher.library(),
            queue: VecDeque::new(),
            targets: HashMap::new(),
            kept: Vec::new(),
            files: HashSet::new(),
            aside: BufWriter::new(aside),
            end: 0,
        }
    }

    async fn gather(mut self) -> Result<Gathered, ExportError> {
        let library = Arc::clone(&self.library);
        let pages = library.cards().iter().map(|card| format!("/@{}/{}", card.reviewer, card.slug));
        for address in ENTRANCES.into_iter().map(str::to_owned).chain(pages) {
            self.want(address);
        }
        while let Some(address) = self.queue.pop_front() {
            self.visit(address).await?;
        }
        let signposts = self.signposts();
        Ok(Gathered {
            origin: self.web.site.origin.to_string(),
            targets: self.targets,
            kept: self.kept,
            aside: self.aside.into_inner().map_err(io::IntoInnerError::into_error)?,
            signposts,
            nothing_here: site::trouble(&self.web.shell(), Trouble::NotFound),
            founded: self.web.founded,
        })
    }

    fn want(&mut self, address: String) {
        if !self.targets.contains_key(&address) {
            self.targets.insert(address.clone(), Target::Nothing);
            self.queue.push_back(address);
        }
    }

    async fn visit(&mut self, address: String) -> Result<(), ExportError> {
        let (path, query) = parts(&address);
        let route = route::route(path, query);
        let target = match self.web.document_at(path, &route, &self.library).await? {
            Answer::Made(made) => match File::of(path, &route) {
                Some(file) => {
                    self.keep(&address, &file, &made)?;
                    Target::File(file)
                }
                None => Target::Nothing,
            },
            Answer::Elsewhere(place) => {
                if let Some((address, _)) = local(&self.web.site.origin.to_string(), &address, &place) {
                    self.want(address);
                }
                Target::Elsewhere(place)
            }
            Answer::Nothing => Target::Nothing,
        };
        self.targets.insert(address, target);
        Ok(())
    }

    fn keep(&mut self, address: &str, file: &File, made: &Made) -> io::Result<()> {
        if !self.files.insert(file.clone()) {
            return Ok(());
        }
        let origin = self.web.site.origin.to_string();
        let mut found = Vec::new();
        changed(made.nature, &made.body, &mut |_, link| {
            found.extend(local(&origin, address, link).map(|(address, _)| address));
            None
        });
        for address in found {
            self.want(address);
        }
        self.aside.write_all(&made.body)?;
        self.kept.push(Kept {
            address: address.to_owned(),
            file: file.clone(),
            nature: made.nature,
            begins: self.end,
            bytes: made.body.len() as u64,
            changed: made.changed,
        });
        self.end += made.body.len() as u64;
        Ok(())
    }

    /// Pages for addresses that lead to a review: its id, the reviewer's, and those it had elsewhere.
    fn signposts(&mut self) -> Vec<Signpost> {
        let mut wanted = Vec::new();
        for reviewer in &self.web.reviewers {
            wanted.push((format!("/users/{}", reviewer.handle), format!("/@{}", reviewer.handle)));
        }
        for card in self.library.cards() {
            let page = format!("/@{}/{}", card.reviewer, card.slug);
            wanted.push((format!("/users/{}/reviews/{}", card.reviewer, card.id), page.clone()));
            wanted.extend(card.aliases.iter().map(|alias| (alias.clone(), page.clone())));
        }
        let mut signposts = Vec::new();
        for (from, to) in wanted {
            let Some((Target::File(to), Some(file))) =
                self.targets.get(&to).map(|target| (target.clone(), File::in_place_of(&from)))
            else {
                continue;
            };
            // A file cannot lie where another one is on the way.
            let is_free = !file.above().any(|above| self.files.contains(&above));
            if is_free && self.files.insert(file.clone()) {
                self.targets.insert(from, Target::File(file.clone()));
                signposts.push(Signpost { file, to });
            }
        }
        signposts
    }
}

impl Gathered {
    fn write(mut self, into: fs::File) -> io::Result<()> {
        let mut tar = Builder::new(BufWriter::new(into));
        append(&mut tar, MARK, MARK_WORDS.as_bytes(), self.founded)?;
        append(&mut tar, NOTHING_HERE, self.nothing_here.as_bytes(), self.founded)?;
        for kept in &self.kept {
            self.aside.seek(SeekFrom::Start(kept.begins))?;
            let mut body = Vec::new();
            Read::by_ref(&mut self.aside).take(kept.bytes).read_to_end(&mut body)?;
            let body = changed(kept.nature, &body, &mut |used, link| self.turned(kept, used, link)).unwrap_or(body);
            append(&mut tar, &kept.file.path(), &body, kept.changed)?;
        }
        for Signpost { file, to } in &self.signposts {
            let (there, address) = (file.to(to), format!("{}{}", self.origin, to.address()));
            let page = format!(
                "<!doctype html>\n<meta charset=\"utf-8\">\n<title>{there}</title>\n\
                 <link rel=\"canonical\" href=\"{address}\">\n<meta http-equiv=\"refresh\" content=\"0; url={there}\">\n\
                 <p><a href=\"{there}\">{address}</a></p>\n"
            );
            append(&mut tar, &file.path(), page.as_bytes(), self.founded)?;
        }
        tar.into_inner()?.flush()
    }

    /// A link of a document as it stands in the copy; `None` where it may stay.
    fn turned(&self, from: &Kept, used: Use, link: &str) -> Option<String> {
        let (mut address, mut fragment) = local(&self.origin, &from.address, link)?;
        for _ in 0..HOPS_MAX {
            match self.targets.get(&address)? {
                Target::Elsewhere(place) => {
                    let (there, anchor) = local(&self.origin, &address, place)?;
                    (address, fragment) = (there, anchor.or(fragment));
                }
                Target::Nothing => {
                    let anchor = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
                    return Some(format!("{}{address}{anchor}", self.origin));
                }
                Target::File(file) => {
                    let anchor = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
                    return match used {
                        Use::Follows => Some(format!("{}{anchor}", from.file.to(file))),
                        // The name of a page is known to others, and servers lead from it to its directory.
                        Use::Names if file.address().trim_end_matches('/') == address.trim_end_matches('/') => None,
                        Use::Names => Some(format!("{}{}{anchor}", self.origin, file.address())),
                    };
                }
            }
        }
        None
    }
}

/// A document with its links changed; `None` where it has none.
fn changed(nature: Nature, body: &[u8], each: &mut dyn FnMut(Use, &str) -> Option<String>) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok();
    let changed = match nature {
        Nature::Bytes => return None,
        Nature::Page => links::in_html(text?, each),
        Nature::Style => links::in_style(text?, &mut |address| each(Use::Follows, address)),
        Nature::Text => {
            let text = links::in_text(text?, &mut |address| each(Use::Names, address));
            match each(Use::Follows, "/feed.css") {
                Some(style) => text.replacen("href=\"/feed.css\"?>", &format!("href=\"{style}\"?>"), 1),
                None => text,
            }
        }
    };
    Some(changed.into_bytes())
}

/// The path with its query, and the fragment, of a link to this site.
fn local(origin: &str, base: &str, link: &str) -> Option<(String, Option<String>)> {
    if link.is_empty() || link.starts_with('#') {
        return None;
    }
    let url = Url::parse(origin).ok()?.join(base).ok()?.join(link).ok()?;
    if url.origin().ascii_serialization() != origin {
        return None;
    }
    let address = match url.query() {
        Some(query) if !query.is_empty() => format!("{}?{query}", url.path()),
        _ => url.path().to_owned(),
    };
    Some((address, url.fragment().map(str::to_owned)))
}

fn parts(address: &str) -> (&str, Option<&str>) {
    address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)))
}

fn append(tar: &mut Builder<impl Write>, path: &str, body: &[u8], changed: Timestamp) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_size(body.len() as u64);
    header.set_mode(FILE_MODE);
    header.set_mtime(u64::try_from(changed.as_second()).unwrap_or(0));
    tar.append_data(&mut header, path, body)
}
