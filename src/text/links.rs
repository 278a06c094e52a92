//! Where a link of a text leads once the text stands on a page, in a feed or in somebody's timeline.

use std::sync::LazyLock;

use regex::Regex;
use url::Url;

/// Longer addresses are no links; bytes.
const ADDRESS_BYTES_MAX: usize = 4_000;

/// The page of the review, against which everything is resolved.
pub(super) struct Base {
    page: Option<Url>,
    /// Goes before every id of this text, so that several reviews can stand on one page.
    prefix: String,
}

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// `http` and `https`, absolute.
    Web(String),
    /// `mailto:`
    Mail(String),
    /// Something on the same page; without `#`.
    Fragment(String),
    /// Not to be linked: unknown schemes, scripts, nonsense.
    Nowhere,
}

impl Base {
    pub fn new(page: &str) -> Self {
        Self { page: Url::parse(page).ok(), prefix: id_prefix(page) }
    }

    pub fn target(&self, href: &str) -> Target {
        let href = href.trim();
        if href.is_empty() || href.len() > ADDRESS_BYTES_MAX {
            return Target::Nowhere;
        }
        if let Some(fragment) = href.strip_prefix('#') {
            return if fragment.is_empty() { Target::Nowhere } else { Target::Fragment(fragment.to_owned()) };
        }
        match Url::parse(href) {
            Ok(url) => absolute(url),
            Err(url::ParseError::RelativeUrlWithoutBase) => match &self.page {
                Some(page) => page.join(&page_of_file(href)).map_or(Target::Nowhere, absolute),
                None => Target::Nowhere,
            },
            Err(_) => Target::Nowhere,
        }
    }

    /// The absolute web address, fragments included.
    pub fn web(&self, href: &str) -> Option<String> {
        match self.target(href) {
            Target::Web(url) => Some(url),
            Target::Fragment(fragment) => {
                let mut url = self.page.clone()?;
                url.set_fragment(Some(&self.heading_id(&fragment)));
                Some(url.into())
            }
            Target::Mail(_) | Target::Nowhere => None,
        }
    }
}

impl Base {
    pub fn note_id(&self, number: usize) -> String {
        format!("{}fn-{number}", self.prefix)
    }

    /// The id of a footnote's first mark in the text.
    pub fn mark_id(&self, number: usize) -> String {
        format!("{}fnref-{number}", self.prefix)
    }

    /// The id of the heading with this anchor.
    pub fn heading_id(&self, anchor: &str) -> String {
        format!("{}h-{}", self.prefix, anchor_of(anchor))
    }
}

/// The anchor that Markdown programs give a heading: lower case, hyphens for spaces, no punctuation.
pub(super) fn anchor_of(text: &str) -> String {
    let mut out = String::new();
    for c in text.trim().chars().take(80) {
        match c {
            ' ' | '-' => out.push('-'),
            '_' => out.push('_'),
            c if c.is_alphanumeric() => out.extend(c.to_lowercase()),
            _ => {}
        }
    }
    out
}

/// The last part of the page's address, in letters that are safe in an id.
fn id_prefix(page: &str) -> String {
    let last = page.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let name: String = last.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(60).collect();
    format!("{}-", if name.is_empty() { "review" } else { &name })
}

fn absolute(url: Url) -> Target {
    match url.scheme() {
        "http" | "https" if url.has_host() => Target::Web(url.into()),
        "mailto" => Target::Mail(url.into()),
        _ => Target::Nowhere,
    }
}

/// A link from file to file (`../2021-04-05-hyperion.md`) leads to that review's page beside this one.
fn page_of_file(href: &str) -> String {
    static FILE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"^(?:\.{1,2}/|[^/?#:]+/)*?(?:\d{4}-\d{1,2}-\d{1,2}-)?([^/?#:]+?)(?:/index)?\.(?:md|markdown|mdx)(#.*)?$",
        )
        .ok()
    });
    if !href.contains(".m") {
        return href.to_owned();
    }
    match FILE.as_ref().and_then(|file| file.captures(href)) {
        Some(found) => {
            let fragment = found.get(2).map_or("", |fragment| fragment.as_str());
            format!("{}{fragment}", found.get(1).map_or("", |stem| stem.as_str()))
        }
        None => href.to_owned(),
    }
}

/// Whether a picture's address is one that anybody can open.
pub(super) fn is_web(address: &str) -> bool {
    let address = address.get(..8).unwrap_or(address).to_ascii_lowercase();
    address.starts_with("https://") || address.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(href: &str, expected: Option<&str>) {
        assert_eq!(Base::new("https://books.example/@ana/dune").web(href).as_deref(), expected, "{href}");
    }

    #[test]
    fn links_are_absolute_and_lead_to_the_web_only() {
        check("https://a.example", Some("https://a.example/"));
        check("//a.example/b", Some("https://a.example/b"));
        check("/about", Some("https://books.example/about"));
        check("hyperion", Some("https://books.example/@ana/hyperion"));
        check("#end", Some("https://books.example/@ana/dune#dune-h-end"));
        check("../2021-04-05-hyperion.md#plot", Some("https://books.example/@ana/hyperion#plot"));
        check("hyperion/index.md", Some("https://books.example/@ana/hyperion"));
        for nowhere in [
            "javascript:alert(1)",
            "JaVaScRiPt:x",
            " java\nscript:x",
            "data:text/html,x",
            "mailto:a@b.example",
            "file:///etc/passwd",
            "",
            "http://",
        ] {
            check(nowhere, None);
        }
    }
}
