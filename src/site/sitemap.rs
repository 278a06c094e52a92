//! What machines read before they read pages: robots.txt, the sitemap, the search description.

use std::fmt::Write;

use jiff::Timestamp;

use crate::domain::Site;

/// The most addresses a sitemap may hold (<https://www.sitemaps.org/protocol.html>).
pub const SITEMAP_URLS_MAX: usize = 50_000;

/// A page for the sitemap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitemapUrl {
    /// Absolute.
    pub url: String,
    /// When its content last changed.
    pub changed: Option<Timestamp>,
}

const XML_HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// `/robots.txt`: everything may be read; search results are without end, and nobody answers from a machine, so these are
/// left alone.
pub fn robots(site: &Site) -> String {
    let left_alone = ["/search", "/interact", "/admin"].map(|path| format!("Disallow: {path}\n")).concat();
    format!("User-agent: *\n{left_alone}\nSitemap: {}\n", site.origin.at("/sitemap.xml"))
}

/// `/sitemap.xml` (`application/xml`): all addresses, or an index of parts at `/sitemap.xml?part=1` and so on where there
/// are more than [`SITEMAP_URLS_MAX`].
pub fn sitemap(site: &Site, urls: &[SitemapUrl]) -> String {
    if urls.len() <= SITEMAP_URLS_MAX {
        return url_set(urls);
    }
    let mut xml = format!("{XML_HEAD}<sitemapindex xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
    for (number, part) in (1..).zip(urls.chunks(SITEMAP_URLS_MAX)) {
        let address = site.origin.at(&format!("/sitemap.xml?part={number}"));
        let changed = part.iter().filter_map(|url| url.changed).max();
        write_entry(&mut xml, "sitemap", &address, changed);
    }
    xml + "</sitemapindex>\n"
}

/// One part of a large sitemap, counted from 1; `None` where there is no such part.
pub fn sitemap_part(urls: &[SitemapUrl], part: usize) -> Option<String> {
    urls.chunks(SITEMAP_URLS_MAX).nth(part.checked_sub(1)?).map(url_set)
}

/// `/opensearch.xml` (`application/opensearchdescription+xml`): lets a browser search the site from its address bar.
pub fn open_search(site: &Site) -> String {
    format!(
        "{XML_HEAD}<OpenSearchDescription xmlns=\"http://a9.com/-/spec/opensearch/1.1/\">\n\
         <ShortName>{}</ShortName>\n<Description>{}</Description>\n<InputEncoding>UTF-8</InputEncoding>\n\
         <Url type=\"text/html\" template=\"{}\"/>\n</OpenSearchDescription>\n",
        xml(&site.title.chars().take(OPEN_SEARCH_NAME_MAX).collect::<String>()),
        xml(&site.description),
        xml(&site.origin.at("/search?q={searchTerms}")),
    )
}

/// Characters of a `ShortName` (OpenSearch 1.1, draft 6).
const OPEN_SEARCH_NAME_MAX: usize = 16;

fn url_set(urls: &[SitemapUrl]) -> String {
    let mut xml = format!("{XML_HEAD}<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
    for url in urls {
        write_entry(&mut xml, "url", &url.url, url.changed);
    }
    xml + "</urlset>\n"
}

fn write_entry(out: &mut String, element: &str, address: &str, changed: Option<Timestamp>) {
    let _ = write!(out, "<{element}><loc>{}</loc>", xml(address));
    if let Some(changed) = changed {
        let _ = write!(out, "<lastmod>{changed}</lastmod>");
    }
    let _ = writeln!(out, "</{element}>");
}

fn xml(text: &str) -> String {
    crate::text::xml_clean(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Origin;

    fn site() -> Site {
        Site {
            origin: Origin::parse("https://books.example").unwrap(),
            title: "Ink & <Paper> quarterly review".into(),
            description: "\"Books\" read\u{0} & weighed".into(),
            language: "en".into(),
            source_url: "https://code.example/reviewd".into(),
        }
    }

    fn urls(count: usize) -> Vec<SitemapUrl> {
        let changed = Some("2026-11-22T12:00:00Z".parse().unwrap());
        (0..count).map(|n| SitemapUrl { url: format!("https://books.example/?a=1&b={n}"), changed }).collect()
    }

    #[test]
    fn a_sitemap_is_well_formed_and_splits_when_it_is_full() {
        let small = sitemap(&site(), &urls(2));
        let document = roxmltree::Document::parse(&small).unwrap();
        let name = ("http://www.sitemaps.org/schemas/sitemap/0.9", "loc");
        let locations: Vec<_> =
            document.descendants().filter(|n| n.has_tag_name(name)).filter_map(|n| n.text()).collect();
        assert_eq!(locations, ["https://books.example/?a=1&b=0", "https://books.example/?a=1&b=1"]);

        let many = urls(SITEMAP_URLS_MAX + 1);
        let index = sitemap(&site(), &many);
        assert!(roxmltree::Document::parse(&index).unwrap().root_element().has_tag_name((name.0, "sitemapindex")));
        assert!(index.contains("/sitemap.xml?part=2<"));
        assert_eq!(sitemap_part(&many, 2).unwrap().matches("<url>").count(), 1);
        assert_eq!(sitemap_part(&many, 0), None);
        assert_eq!(sitemap_part(&many, 3), None);
    }

    #[test]
    fn the_search_description_is_well_formed_whatever_the_title() {
        let xml = open_search(&site());
        roxmltree::Document::parse(&xml).unwrap();
        assert!(xml.contains("https://books.example/search?q={searchTerms}"));
    }

    #[test]
    fn robots_find_the_sitemap_and_leave_the_search_alone() {
        insta::assert_snapshot!(robots(&site()), @r"
        User-agent: *
        Disallow: /search
        Disallow: /interact
        Disallow: /admin

        Sitemap: https://books.example/sitemap.xml
        ");
    }
}
