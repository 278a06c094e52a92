//! Whether whoever asks wants the page or the ActivityPub document behind the same address.

use axum::http::{HeaderMap, header::ACCEPT};

use super::encoding::quality;

/// Quality in thousandths where none is written.
const QUALITY_FULL: u16 = 1000;

/// What an address that has a page and a document is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// People, and everyone who does not say.
    Html,
    ActivityJson,
}

impl Wanted {
    pub fn of(headers: &HeaderMap) -> Self {
        if accepts_activity_json(headers) { Self::ActivityJson } else { Self::Html }
    }
}

/// Whether the request names a JSON form of ActivityPub and does not like HTML better.
///
/// `application/activity+json`, `application/ld+json` with any profile, and `application/json`, which HTML cannot serve;
/// wild cards name nothing and mean the page. Several header lines are one list (Akkoma sends two).
pub fn accepts_activity_json(headers: &HeaderMap) -> bool {
    let mut json = 0;
    // The most specific range that covers HTML counts (RFC 9110 section 12.5.1): text/html, text/*, */*.
    let mut html = [None::<u16>; 3];
    for line in headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok()) {
        for range in outside_quotes(line, ',') {
            let mut parts = outside_quotes(range, ';').map(str::trim);
            let media = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(quality).unwrap_or(QUALITY_FULL);
            match media.as_str() {
                "application/activity+json" | "application/ld+json" | "application/json" => json = json.max(quality),
                "text/html" | "application/xhtml+xml" => html[0] = html[0].max(Some(quality)),
                "text/*" => html[1] = Some(quality),
                "*/*" => html[2] = Some(quality),
                _ => {}
            }
        }
    }
    let html = html.into_iter().flatten().next().unwrap_or(0);
    json > 0 && json >= html
}

/// Splits at a separator that does not stand in a quoted string.
fn outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn check(lines: &[&str], expected: Wanted) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT, HeaderValue::from_str(line).unwrap());
        }
        assert_eq!(Wanted::of(&headers), expected, "{lines:?}");
    }

    #[test]
    fn servers_get_the_document() {
        const PROFILE: &str = r#"application/ld+json; profile="https://www.w3.org/ns/activitystreams""#;
        for lines in [
            // Mastodon
            &["application/activity+json, application/ld+json"][..],
            // Mastodon, an address pasted into its search
            &[&format!("{PROFILE}, application/activity+json, text/html;q=0.1")],
            // BookWyrm
            &[PROFILE],
            &[&format!("application/json, application/activity+json, {PROFILE}")],
            // Misskey and Fedify, in either order
            &[&format!("application/activity+json, {PROFILE}")],
            &[&format!("{PROFILE}, application/activity+json")],
            // NeoDB, Lemmy
            &["application/activity+json"],
            // Akkoma
            &["application/activity+json", PROFILE],
            &["APPLICATION/ACTIVITY+JSON;charset=utf-8"],
            &["application/activity+json, text/html"],
            &["text/html, application/activity+json"],
            &["application/activity+json;q=0.9, text/html;q=0.8"],
            &["application/activity+json, */*;q=0.1"],
            &["application/json"],
            &[r#"application/ld+json;profile="a,text/html;q=1""#],
        ] {
            check(lines, Wanted::ActivityJson);
        }
    }

    #[test]
    fn people_and_those_who_do_not_say_get_the_page() {
        for lines in [
            &[][..],
            &[""],
            &["*/*"],
            &["text/html"],
            &["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"],
            &["application/*"],
            &["text/html, application/activity+json;q=0.9"],
            &["application/activity+json;q=0.5, */*"],
            &["application/activity+json;q=0.5, text/*;q=0.6, */*;q=0.1"],
            &["application/activity+json;q=0"],
            &["application/feed+json"],
            &["application/activity+jsonx", "not a type;;;,,\""],
        ] {
            check(lines, Wanted::Html);
        }
    }
}
