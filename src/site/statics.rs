//! Stylesheet, fonts and icons. Each address holds its content's hash, so a browser may keep it for ever.

use std::{fmt::Write, sync::LazyLock};

use aws_lc_rs::digest;

/// A file served with `Cache-Control: public, max-age=31536000, immutable`.
#[derive(Debug, PartialEq, Eq)]
pub struct Static {
    /// `/static/site.0123456789abcdef.css`.
    pub path: String,
    pub content_type: &'static str,
    pub bytes: Vec<u8>,
}

/// Bytes of the SHA-256 that stand in an address.
const HASH_BYTES: usize = 8;

const STYLE: &str = include_str!("static/site.css");
/// What the operator's page has beside it.
const ADMIN_STYLE: &str = include_str!("static/admin.css");

/// What the stylesheet names by `url("NAME")`.
const PARTS: [(&str, &str, &[u8]); 4] = [
    ("text.woff2", "font/woff2", include_bytes!("static/fonts/text.woff2")),
    ("display.woff2", "font/woff2", include_bytes!("static/fonts/display.woff2")),
    ("italic.woff2", "font/woff2", include_bytes!("static/fonts/italic.woff2")),
    ("stars.svg", "image/svg+xml", include_bytes!("static/stars.svg")),
];

static STATICS: LazyLock<Vec<Static>> = LazyLock::new(|| {
    let mut files: Vec<Static> =
        PARTS.iter().map(|(name, content_type, bytes)| Static::new(name, content_type, bytes.to_vec())).collect();
    let mut style = STYLE.to_owned();
    for ((name, _, _), file) in PARTS.iter().zip(&files) {
        style = style.replace(&format!("url(\"{name}\")"), &format!("url(\"{}\")", file.path));
    }
    files.push(Static::new("admin.css", "text/css; charset=utf-8", ADMIN_STYLE.as_bytes().to_vec()));
    files.insert(0, Static::new("site.css", "text/css; charset=utf-8", style.into_bytes()));
    files.insert(1, Static::new("icon.svg", "image/svg+xml", include_bytes!("static/icon.svg").to_vec()));
    files
});

/// Every file under `/static/`.
pub fn statics() -> &'static [Static] {
    &STATICS
}

/// The address of the stylesheet.
pub fn stylesheet() -> &'static str {
    &STATICS[0].path
}

/// The address of the operator's stylesheet.
pub(super) fn admin_stylesheet() -> &'static str {
    STATICS.last().map_or("", |file| &file.path)
}

pub(super) fn icon() -> &'static str {
    &STATICS[1].path
}

/// The fonts that every first screen is set in, to be asked for before the stylesheet is read.
pub(super) fn first_fonts() -> [&'static str; 2] {
    [&STATICS[2].path, &STATICS[3].path]
}

impl Static {
    fn new(name: &str, content_type: &'static str, bytes: Vec<u8>) -> Self {
        let hash = digest::digest(&digest::SHA256, &bytes);
        let hash = hash.as_ref().iter().take(HASH_BYTES).fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        Self { path: format!("/static/{stem}.{hash}.{extension}"), content_type, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stylesheet_names_only_files_we_serve() {
        let style = std::str::from_utf8(&statics()[0].bytes).unwrap();
        let named: Vec<&str> = style.split("url(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(named.len() >= PARTS.len());
        for path in named {
            assert!(statics().iter().any(|file| file.path == path), "{path}");
        }
        assert!(!style.contains("//") && !style.contains("@import"), "nothing comes from elsewhere");
    }

    #[test]
    fn fonts_stay_small() {
        let bytes: usize =
            statics().iter().filter(|file| file.content_type == "font/woff2").map(|file| file.bytes.len()).sum();
        assert!(bytes < 120_000, "{bytes}");
    }
}
