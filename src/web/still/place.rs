//! Where a document of the site lies in a static copy, and how one file refers to another. Pure.

use percent_encoding::percent_decode_str;

use crate::{
    domain::address::segment,
    web::{conversation::Part, route::Route},
};

/// The longest name that every file system takes, in bytes, with room for what is added to it.
const NAME_BYTES_MAX: usize = 200;
/// What Windows, and browsers, do not take for a part of a name.
const RESERVED: &str = "<>:\"\\|?*%/";
/// What a directory shows.
const INDEX: &str = "index.html";

/// A file of the copy, by the parts of its path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct File(Vec<String>);

impl File {
    /// The file of a document; `None` where a document lives only while the program runs.
    pub fn of(path: &str, route: &Route) -> Option<Self> {
        let (is_page, part) = kind(route)?;
        let mut parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(name).collect();
        match (is_page, part) {
            (true, part) => {
                parts.extend(part.into_iter().flat_map(|(key, value)| [key.to_owned(), value]));
                parts.push(INDEX.to_owned());
            }
            (false, None) => {}
            // `feed.xml?from=50` is `feed/from/50.xml`.
            (false, Some((key, value))) => {
                let last = parts.pop()?;
                let (stem, extension) = last.rsplit_once('.')?;
                parts.extend([stem.to_owned(), key.to_owned(), format!("{value}.{extension}")]);
            }
        }
        Some(Self(parts))
    }

    /// The page that stands in for a path that is none of the site's own documents.
    pub fn in_place_of(path: &str) -> Option<Self> {
        let mut parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(name).collect();
        let last = parts.last()?;
        if !(last.ends_with(".html") || last.ends_with(".htm")) {
            parts.push(INDEX.to_owned());
        }
        Some(Self(parts))
    }

    /// The path in the archive.
    pub fn path(&self) -> String {
        self.0.join("/")
    }

    /// Directories on the way to it.
    pub fn above(&self) -> impl Iterator<Item = Self> + '_ {
        (1..self.0.len()).map(|length| Self(self.0[..length].to_vec()))
    }

    /// How `self` names `target`: relative, so that the copy may lie anywhere, on a disk too.
    pub fn to(&self, target: &Self) -> String {
        let shared = self.0.iter().zip(&target.0).take_while(|(one, other)| one == other).count();
        let shared = shared.min(self.0.len() - 1).min(target.0.len() - 1);
        let up = "../".repeat(self.0.len() - 1 - shared);
        let down: Vec<String> = target.0[shared..].iter().map(|part| in_address(part)).collect();
        format!("{up}{}", down.join("/"))
    }

    /// The path of its address where the copy is the whole of a site.
    pub fn address(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|part| in_address(part)).collect();
        let path = format!("/{}", parts.join("/"));
        path.strip_suffix(INDEX).map_or(path.clone(), str::to_owned)
    }
}

/// Whether a document is a page, and which part of one its query asks for.
fn kind(route: &Route) -> Option<(bool, Option<(&'static str, String)>)> {
    let numbered = |page: &u32| (*page > 1).then(|| ("page", page.to_string()));
    match route {
        Route::Home { page }
        | Route::Profile { page, .. }
        | Route::Tag { page, .. }
        | Route::Book { page, .. }
        | Route::Author { page, .. }
        | Route::Rating { page, .. } => Some((true, numbered(page))),
        Route::Review { part: Part::Page(page), .. } => Some((true, numbered(page))),
        Route::Archive { year } => Some((true, year.map(|year| ("year", year.to_string())))),
        Route::Feeds => Some((true, None)),
        Route::Feed { from, .. } => Some((false, (*from > 0).then(|| ("from", from.to_string())))),
        Route::Sitemap { part } => Some((false, part.map(|part| ("part", part.to_string())))),
        Route::Replies { .. }
        | Route::FeedArchive { .. }
        | Route::FeedStyle
        | Route::Media { .. }
        | Route::Portrait { .. }
        | Route::Static { .. }
        | Route::Robots
        | Route::Source => Some((false, None)),
        // The page on which a reply stands is found by asking.
        Route::Review { part: Part::Around(_), .. }
        | Route::Search { .. }
        | Route::Hub
        | Route::OpenSearch
        | Route::Health
        | Route::Ready
        | Route::Elsewhere { .. }
        | Route::Unknown => None,
    }
}

/// A part of a path as a name that every file system takes and that no other part has.
fn name(part: &str) -> String {
    let part = percent_decode_str(part).decode_utf8_lossy();
    let mut name = String::new();
    for (index, c) in part.chars().enumerate() {
        let leads = index == 0 && c == '.' && part != ".well-known";
        if leads || c.is_control() || RESERVED.contains(c) {
            c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| name.push_str(&format!("%{byte:02X}")));
        } else {
            name.push(c);
        }
    }
    if name.len() > NAME_BYTES_MAX {
        let sum = part
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        name.truncate(name.floor_char_boundary(NAME_BYTES_MAX));
        name.push_str(&format!("-{sum:016x}"));
    }
    name
}

/// A name as a part of an address; `@` may stand in one (RFC 3986 section 3.3), and people read it.
fn in_address(name: &str) -> String {
    segment(name).replace("%40", "@")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::route::route;

    fn file(address: &str) -> Option<String> {
        let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
        File::of(path, &route(path, query)).map(|file| file.path())
    }

    #[test]
    fn every_document_has_a_file_that_a_web_server_finds() {
        for (address, expected) in [
            ("/", Some("index.html")),
            ("/?page=2", Some("page/2/index.html")),
            ("/@ana", Some("@ana/index.html")),
            ("/@ana/dune", Some("@ana/dune/index.html")),
            ("/@ana/dune?page=3", Some("@ana/dune/page/3/index.html")),
            ("/@ana/dune?reply=3", None),
            ("/archive?year=2024", Some("archive/year/2024/index.html")),
            ("/feed.xml", Some("feed.xml")),
            ("/tags/sf/feed.xml?from=50", Some("tags/sf/feed/from/50.xml")),
            ("/feed/archive/1.xml", Some("feed/archive/1.xml")),
            ("/tags/caf%C3%A9", Some("tags/café/index.html")),
            ("/tags/a%2Fb", Some("tags/a%2Fb/index.html")),
            ("/tags/%2E%2E", Some("tags/%2E./index.html")),
            ("/tags/50%25", Some("tags/50%25/index.html")),
            ("/search?q=x", None),
            ("/websub", None),
            ("/interact", None),
        ] {
            assert_eq!(file(address).as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn files_name_each_other_wherever_the_copy_lies() {
        let of = |address: &str| {
            let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
            File::of(path, &route(path, query)).unwrap()
        };
        for (from, to, expected) in [
            ("/", "/", "index.html"),
            ("/", "/@ana/dune", "@ana/dune/index.html"),
            ("/@ana/dune", "/", "../../index.html"),
            ("/@ana/dune", "/@ana/emma", "../emma/index.html"),
            ("/@ana/dune", "/@ana", "../index.html"),
            ("/@ana", "/@ana/feed.xml", "feed.xml"),
            ("/tags/a", "/tags/a%2Fb", "../a%252Fb/index.html"),
            ("/?page=2", "/feed.css", "../../feed.css"),
        ] {
            assert_eq!(of(from).to(&of(to)), expected, "{from} to {to}");
        }
        assert_eq!(of("/@ana/dune").address(), "/@ana/dune/");
        assert_eq!(of("/tags/a/feed.xml?from=50").address(), "/tags/a/feed/from/50.xml");
    }

    #[test]
    fn names_stay_apart_and_within_limits() {
        let long = "x".repeat(400);
        assert!(name(&long).len() < 255 && name(&long) != name(&format!("{long}y")));
        assert_ne!(name("a%2Fb"), name("a%252Fb"));
    }
}
