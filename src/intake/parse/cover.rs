//! Where the cover is: a key in any of its forms, resolved to an address or to a path inside the review folder.

use super::{
    front_matter::{Entry, Place, Value, key_name},
    keys, markup,
    metadata::Metadata,
};
use crate::domain::Cover;

/// Where the cover is, from a text, a mapping or a list; relative paths are resolved against the file's folder.
pub fn named(metadata: &Metadata<'_>, path: &str) -> Option<(Cover, Place, String)> {
    for found in metadata.all(keys::COVER) {
        if let Some(source) = picture_address(found.value).and_then(|text| resolve(&text, path)) {
            let alt = picture_alt(found.value)
                .or_else(|| metadata.text(keys::COVER_ALT).map(|(_, scalar)| markup::plain(&scalar.text)))
                .filter(|alt| !alt.is_empty());
            return Some((Cover { source, alt }, found.place, found.key.clone()));
        }
    }
    None
}

fn picture_address(value: &Value) -> Option<String> {
    match value {
        Value::Scalar(scalar) if scalar.is_null() => None,
        Value::Scalar(scalar) => Some(scalar.text.trim().to_owned()),
        Value::List(items) => items.iter().find_map(picture_address),
        Value::Map(entries) => field(
            entries,
            &["src", "url", "image", "path", "file", "source", "href", "filename", "large", "feature", "teaser"],
        ),
    }
}

fn picture_alt(value: &Value) -> Option<String> {
    value
        .maps()
        .first()
        .and_then(|entries| field(entries, &["alt", "alttext", "description", "caption", "title"]))
        .map(|alt| markup::plain(&alt))
}

fn field(entries: &[Entry], names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        let entry = entries.iter().find(|entry| key_name(&entry.key) == *name)?;
        entry.value.scalars().first().map(|scalar| scalar.text.trim().to_owned())
    })
}

/// An `http(s)` address as it is, a path relative to the root of the review folder; `None` for what is no picture.
fn resolve(text: &str, path: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('!');
    let inner = text.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]"));
    let text = inner.map_or(text, |inner| inner.split('|').next().unwrap_or(inner)).trim();
    let text = match text.split_once("](") {
        Some((_, address)) if text.starts_with('[') => address.split([')', ' ']).next().unwrap_or(address),
        _ => text,
    };
    if let Some(rest) = text.strip_prefix("//") {
        return Some(format!("https://{rest}"));
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        return url::Url::parse(text).ok().filter(|url| url.host().is_some()).map(|_| text.to_owned());
    }
    let text = text.split(['?', '#']).next().unwrap_or(text);
    let named = text.contains('.') && !text.contains([':', '\n', '{', '<']) && !text.ends_with('.');
    let extension = text.rsplit('.').next().unwrap_or("").to_ascii_lowercase();
    if !named
        || !matches!(extension.as_str(), "jpg" | "jpeg" | "png" | "gif" | "webp" | "avif" | "svg" | "bmp" | "jfif")
    {
        return None;
    }
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8().ok()?.replace('\\', "/");
    // A path in a link of Obsidian begins at the vault.
    let rooted = decoded.starts_with('/') || (inner.is_some() && decoded.contains('/') && !decoded.starts_with('.'));
    let folder = if rooted { "" } else { path.rsplit_once('/').map_or("", |(folder, _)| folder) };
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in decoded.split('/') {
        match part {
            "" | "." | "~" | "@" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_are_found_from_the_root_of_the_folder() {
        for (text, path, expected) in [
            ("cover.jpg", "dune/index.md", Some("dune/cover.jpg")),
            ("./cover.jpg", "dune/index.md", Some("dune/cover.jpg")),
            ("../images/d%20x.png", "a/dune.md", Some("images/d x.png")),
            ("/assets/d.png", "a/dune.md", Some("assets/d.png")),
            ("../../../etc/x.jpg", "a/dune.md", Some("etc/x.jpg")),
            ("https://x.example/a.jpg", "a.md", Some("https://x.example/a.jpg")),
            ("//x.example/a.jpg", "a.md", Some("https://x.example/a.jpg")),
            ("[[covers/dune.jpg]]", "a.md", Some("covers/dune.jpg")),
            ("[[covers/dune.jpg]]", "Books/a.md", Some("covers/dune.jpg")),
            ("[[dune.jpg|200]]", "Books/a.md", Some("Books/dune.jpg")),
            ("hardcover", "a.md", None),
            ("data:image/png;base64,xx", "a.md", None),
            ("true", "a.md", None),
        ] {
            assert_eq!(resolve(text, path).as_deref(), expected, "{text}");
        }
    }
}
