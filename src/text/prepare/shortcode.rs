//! Shortcodes of Hugo and tags of Liquid and Nunjucks: what they mean in a review, in Markdown or HTML.

/// A tag's name and arguments: `figure src="a.jpg" alt='x'`, `include stars.html stars=5`.
pub(super) struct Tag<'a> {
    pub name: &'a str,
    /// Key (empty for a positional argument) and value, unquoted.
    arguments: Vec<(&'a str, &'a str)>,
}

/// What a tag stands for.
pub(super) enum Meaning {
    /// Only the tag goes; what it encloses stays.
    Nothing,
    Instead(String),
    /// Written at the opening and the closing tag.
    Around(String, &'static str),
    /// What it encloses is code, not Markdown.
    Code(String, &'static str),
    /// The tag and all it encloses go.
    Gone,
    Spoiler,
}

impl<'a> Tag<'a> {
    /// Arguments beyond the twentieth are nobody's.
    const ARGUMENTS_MAX: usize = 20;

    pub fn parse(inner: &'a str) -> Self {
        let inner = inner.trim().trim_end_matches('/').trim_end();
        let name_end = inner.find(char::is_whitespace).unwrap_or(inner.len());
        let (name, mut rest) = inner.split_at(name_end);
        let mut arguments = Vec::new();
        while arguments.len() < Self::ARGUMENTS_MAX {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
            if rest.is_empty() {
                break;
            }
            let key_end = rest.find(|c: char| !(c.is_alphanumeric() || "-_.".contains(c))).unwrap_or(rest.len());
            let after_key = rest.get(key_end..).unwrap_or_default().trim_start();
            let key = match after_key.strip_prefix(['=', ':']) {
                Some(after) if key_end > 0 && !after_key.starts_with(":/") => {
                    let key = rest.get(..key_end).unwrap_or_default();
                    rest = after.trim_start();
                    key
                }
                _ => "",
            };
            let (value, after) = value(rest);
            arguments.push((key, value));
            rest = after;
        }
        Self { name, arguments }
    }

    fn get(&self, keys: &[&str]) -> Option<&'a str> {
        keys.iter()
            .find_map(|key| {
                self.arguments.iter().find(|(known, value)| known.eq_ignore_ascii_case(key) && !value.is_empty())
            })
            .map(|(_, value)| *value)
    }

    fn positional(&self, at: usize) -> Option<&'a str> {
        self.arguments.iter().filter(|(key, _)| key.is_empty()).nth(at).map(|(_, value)| *value)
    }
}

/// A value at the beginning of the text, quoted or not, and what follows it.
fn value(text: &str) -> (&str, &str) {
    for quote in ['"', '\'', '`', '“', '”'] {
        if let Some(rest) = text.strip_prefix(quote) {
            let close = if quote == '“' { '”' } else { quote };
            let end = rest.find(close).unwrap_or(rest.len());
            let after = rest.get(end..).unwrap_or_default().trim_start_matches(close);
            return (rest.get(..end).unwrap_or_default(), after);
        }
    }
    text.split_at(text.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(text.len()))
}

/// `{{ … }}`: a quoted string is itself (`{{ "/a.jpg" | relative_url }}`), everything else is known to the site
/// generator only.
pub(super) fn output(inner: &str) -> String {
    let (text, rest) = value(inner);
    let is_quoted = inner.starts_with(['"', '\'']);
    if is_quoted && (rest.trim().is_empty() || rest.trim().starts_with('|')) { text.to_owned() } else { String::new() }
}

/// What the opening tag stands for.
pub(super) fn meaning(tag: &Tag<'_>) -> Meaning {
    let name = tag.name.rsplit('/').next().unwrap_or(tag.name).to_ascii_lowercase();
    match name.as_str() {
        "spoiler" | "spoilers" => Meaning::Spoiler,
        "figure" | "img" | "image" | "picture" | "imgproc" | "photo" => picture(tag),
        "ref" | "relref" | "link" | "post_url" => Meaning::Instead(tag.positional(0).map(page).unwrap_or_default()),
        "youtube" => video(tag, "https://youtu.be/"),
        "vimeo" => video(tag, "https://vimeo.com/"),
        "highlight" => {
            let language = crate::text::html::language(tag.positional(0).unwrap_or_default());
            Meaning::Code(format!("\n\n```{language}\n"), "\n```\n\n")
        }
        "details" | "collapse" | "collapsible" | "expand" | "accordion" | "toggle" => {
            let summary = tag.get(&["summary", "title", "label"]).or_else(|| tag.positional(0)).unwrap_or("Details");
            let summary = summary.replace('<', "&lt;");
            Meaning::Around(format!("\n\n<details><summary>{summary}</summary>\n\n"), "\n\n</details>\n\n")
        }
        "comment" => Meaning::Gone,
        "raw" | "rawhtml" | "verbatim" => Meaning::Nothing,
        "include" | "include_relative" | "include_cached" | "render" | "partial" => include(tag),
        _ => stars_of(tag, &name).map_or(Meaning::Nothing, Meaning::Instead),
    }
}

fn include(tag: &Tag<'_>) -> Meaning {
    let file = tag.positional(0).unwrap_or_default();
    let stem = file.rsplit('/').next().unwrap_or(file).split('.').next().unwrap_or_default().to_ascii_lowercase();
    if tag.get(&["src", "url", "image_path", "file", "image"]).is_some() {
        return picture(tag);
    }
    if stem.contains("youtube") {
        return video(tag, "https://youtu.be/");
    }
    stars_of(tag, &stem).map_or(Meaning::Nothing, Meaning::Instead)
}

fn picture(tag: &Tag<'_>) -> Meaning {
    let named = tag.get(&["src", "url", "image_path", "file", "image", "path", "link"]);
    let Some(src) = named.or_else(|| tag.positional(0)).filter(|src| !src.contains(['<', '>', '\n'])) else {
        return Meaning::Nothing;
    };
    let caption = tag.get(&["caption", "title"]).map(|text| text.replace('\n', " ")).unwrap_or_default();
    let alt = tag.get(&["alt"]).or_else(|| tag.positional(1)).unwrap_or(&caption).replace(['[', ']', '\n'], " ");
    if caption.is_empty() {
        return Meaning::Instead(format!("![{alt}](<{src}>)"));
    }
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    Meaning::Instead(format!(
        "\n\n<figure><img src=\"{}\" alt=\"{}\"><figcaption>{}</figcaption></figure>\n\n",
        escape(src),
        escape(&alt),
        escape(&caption)
    ))
}

fn video(tag: &Tag<'_>, site: &str) -> Meaning {
    let id = tag.get(&["id", "video", "video_id"]).or_else(|| tag.positional(0)).unwrap_or_default();
    let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_id { Meaning::Instead(format!("<{site}{id}>")) } else { Meaning::Nothing }
}

/// `stars=4.5` or `rating="4"` → `★★★★½`.
fn stars_of(tag: &Tag<'_>, name: &str) -> Option<String> {
    let speaks_of_stars = name.contains("star") || name.contains("rating");
    let value = tag.get(&["stars", "rating", "value", "score"]).or_else(|| {
        let last = tag.arguments.iter().rev().find(|(key, _)| key.is_empty());
        last.map(|(_, value)| *value)
    })?;
    if !speaks_of_stars {
        return None;
    }
    let Ok(stars) = value.trim().parse::<f32>() else {
        // A rating that is no number ("👍") is said as it is.
        let is_sign = !value.is_empty() && value.chars().count() <= 12 && !value.contains(['<', '.', '/', '{']);
        return is_sign.then(|| value.to_owned());
    };
    if !(0.0..=10.0).contains(&stars) {
        return None;
    }
    let half = if stars.fract() >= 0.25 && stars.fract() < 0.75 { "½" } else { "" };
    let whole = if half.is_empty() { stars.round() } else { stars.trunc() };
    // At most ten.
    Some(format!("{}{half}", "★".repeat(whole as usize)))
}

/// The address of another file of the folder: what `{{< ref "hyperion.md" >}}` leads to.
fn page(file: &str) -> String {
    let file = file.trim().trim_matches(['"', '\'']);
    if file.contains(".m") || file.contains('#') { file.to_owned() } else { format!("{file}.md") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_with_and_without_names_and_quotes() {
        let tag = Tag::parse(r#"figure src="a b.jpg" alt='x "y"' width=300 "caption here" http://a.example"#);
        assert_eq!(tag.name, "figure");
        let expected =
            [("src", "a b.jpg"), ("alt", "x \"y\""), ("width", "300"), ("", "caption here"), ("", "http://a.example")];
        assert_eq!(tag.arguments, expected);
    }

    #[test]
    fn stars_are_said_in_stars() {
        fn check(tag: &str, expected: &str) {
            match meaning(&Tag::parse(tag)) {
                Meaning::Instead(text) => assert_eq!(text, expected, "{tag}"),
                _ => assert_eq!("", expected, "{tag}"),
            }
        }
        check("include stars.html stars=5", "★★★★★");
        check("include stars.html stars=4.5", "★★★★½");
        check("myrating rating=\"👍\"", "👍");
        check("include footer.html", "");
        check("rating 3", "★★★");
        check("rating 300", "");
    }
}
