//! Every address the program serves, made in one place from the site's origin.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    Book, Genre, Handle, ReviewId, Slug,
    picture::{Picture, Size},
};

/// RFC 3986 unreserved characters stay as they are in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Scheme, host and port of the site, without a trailing slash: `https://books.example`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin {
    text: String,
    /// Host with its port where one is written: `books.example`, `localhost:8080`.
    host: String,
    loopback: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no origin: write scheme and host only, such as https://books.example")]
pub struct NoOrigin(String);

impl Origin {
    /// Reads `https://host[:port]` with an optional trailing slash; plain http is allowed on loopback hosts only.
    pub fn parse(text: &str) -> Result<Self, NoOrigin> {
        let refuse = || NoOrigin(text.to_owned());
        let url = Url::parse(text).map_err(|_| refuse())?;
        let loopback = match url.host() {
            Some(url::Host::Domain(domain)) => domain == "localhost" || domain.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(refuse()),
        };
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !bare || !(url.scheme() == "https" || (url.scheme() == "http" && loopback)) {
            return Err(refuse());
        }
        let name = url.host_str().ok_or_else(refuse)?;
        let host = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        Ok(Self { text: format!("{}://{host}", url.scheme()), host, loopback })
    }

    /// The origin of a trial on this machine: `http://localhost:8080`.
    pub fn localhost(port: u16) -> Self {
        let host = if port == 80 { "localhost".to_owned() } else { format!("localhost:{port}") };
        Self { text: format!("http://{host}"), host, loopback: true }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host with its port where one is written; what stands after the second `@` of a fediverse address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host alone: the name that a certificate has to be for. An IPv6 address stands without its brackets.
    pub fn name(&self) -> &str {
        let host = match self.host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => &self.host,
        };
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Whether it is reached by https.
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// A trial on this machine: ids made here never leave it.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// An absolute address for a path that begins with `/`.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    pub fn home(&self) -> String {
        self.at("/")
    }

    /// The reviewer's HTML profile.
    pub fn profile(&self, handle: &Handle) -> String {
        self.at(&format!("/@{handle}"))
    }

    /// The HTML page of a review.
    pub fn page(&self, handle: &Handle, slug: &Slug) -> String {
        self.at(&format!("/@{handle}/{slug}"))
    }

    /// The actor's id.
    pub fn actor(&self, handle: &Handle) -> String {
        self.at(&format!("/users/{handle}"))
    }

    /// The id of the review's Note.
    pub fn note(&self, handle: &Handle, id: &ReviewId) -> String {
        self.at(&format!("/users/{handle}/reviews/{id}"))
    }

    /// The id of the Note by which a reviewer answers somebody.
    pub fn answer(&self, handle: &Handle, id: &ReviewId) -> String {
        self.at(&format!("/users/{handle}/replies/{id}"))
    }

    /// The id of the Note behind an entry of the ledger.
    pub fn writing(&self, handle: &Handle, genre: Genre, id: &ReviewId) -> String {
        match genre {
            Genre::Review => self.note(handle, id),
            Genre::Answer => self.answer(handle, id),
        }
    }

    pub fn tag(&self, tag: &str) -> String {
        self.at(&tag_path(tag))
    }

    /// The Edition document and the book's page.
    pub fn book(&self, book: &Book) -> String {
        self.at(&format!("/books/{}", book_key(book)))
    }

    pub fn author(&self, name: &str) -> String {
        self.at(&format!("/authors/{}", author_key(name)))
    }

    pub fn media(&self, picture: &Picture, size: Size) -> String {
        self.at(&format!("/media/{}", picture.file_name(size)))
    }
}

/// `/tags/{tag}`, percent-encoded; tags are compared in lower case.
pub fn tag_path(tag: &str) -> String {
    format!("/tags/{}", segment(&tag_key(tag)))
}

/// What makes two tags the same: lower case, inner white space as one hyphen.
pub fn tag_key(tag: &str) -> String {
    tag.to_lowercase().split_whitespace().collect::<Vec<_>>().join("-")
}

/// The key of a book in `/books/{key}`: its ISBN-13, else a slug of title and first author.
pub fn book_key(book: &Book) -> String {
    match (&book.isbn, book.authors.first()) {
        (Some(isbn), _) => isbn.to_string(),
        (None, Some(author)) => Slug::from_text(&format!("{} {author}", book.title)).to_string(),
        (None, None) => Slug::from_text(&book.title).to_string(),
    }
}

/// The key of an author in `/authors/{author}`.
pub fn author_key(name: &str) -> String {
    Slug::from_text(name).to_string()
}

/// Percent-encodes one path segment.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Origin {
    type Error = NoOrigin;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_and_host_and_nothing_else() {
        assert_eq!(Origin::parse("https://Books.Example/").unwrap().as_str(), "https://books.example");
        assert_eq!(Origin::parse("http://localhost:8080").unwrap().host(), "localhost:8080");
        for bad in ["books.example", "http://books.example", "https://a@b", "https://b/path", "ftp://b", "https://b?q"]
        {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_trial_has_the_origin_that_would_be_read() {
        for port in [80, 443, 8080] {
            let read = Origin::parse(&format!("http://localhost:{port}")).unwrap();
            assert_eq!(Origin::localhost(port), read);
        }
    }

    #[test]
    fn addresses_are_safe_for_any_name() {
        let origin = Origin::parse("https://b.example").unwrap();
        assert_eq!(origin.tag("Science  Fiction"), "https://b.example/tags/science-fiction");
        assert_eq!(origin.tag("a/b?c"), "https://b.example/tags/a%2Fb%3Fc");
        assert_eq!(origin.author("Gabriel García Márquez"), "https://b.example/authors/gabriel-garcia-marquez");
    }
}
