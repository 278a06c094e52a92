//! A file cut into its parts: metadata in one form whatever the syntax was, the text, and the heading above it.

use super::{
    SourceFile, body, bytes,
    front_matter::{self, Entry, Place, Rejected},
    html, keys, labels, markup,
    metadata::Metadata,
    name, org,
};
use crate::domain::{Format, Problem};

/// How much of a value that is not understood is repeated, in characters.
const UNCLEAR_CHARS_MAX: usize = 40;

/// The parts of a file.
#[derive(Debug)]
pub struct Sheet {
    pub entries: Vec<Entry>,
    /// Labelled lines of the text; they speak where the metadata is silent.
    pub labelled: Vec<Entry>,
    pub heading: Option<Heading>,
    pub format: Format,
    pub body: String,
    pub synopsis: Option<String>,
    /// The text in plain lines, for labelled ratings.
    pub words: String,
    pub words_line: u32,
    pub warnings: Vec<Problem>,
    /// How the file was read: `Markdown with a YAML header`, `UTF-16LE`.
    pub notes: Vec<String>,
}

/// A title found above the text.
#[derive(Debug, Clone)]
pub struct Heading {
    /// As written, without its `#`.
    pub text: String,
    pub from: String,
    /// Good enough to be preferred to the name of the file.
    pub certain: bool,
}

/// Why a file gives no sheet.
#[derive(Debug)]
pub enum NoReview {
    Skipped(String),
    Withheld(Box<Problem>),
}

/// The text of a file, with what was noticed while its bytes were read.
pub struct Decoded {
    pub text: String,
    /// What it was read as, where that is not UTF-8.
    pub encoding: Option<String>,
    pub damage: Option<Problem>,
}

/// Decodes a file and cuts it into its parts.
pub fn read(file: &SourceFile<'_>) -> Result<Sheet, NoReview> {
    let decoded = decoded(file)?;
    let mut sheet = cut(file, &decoded.text)?;
    sheet.notes.insert(0, form(&sheet, &decoded.text, file.path));
    sheet.notes.extend(decoded.encoding.map(|encoding| format!("read as {encoding}")));
    sheet.warnings.extend(decoded.damage);
    Ok(sheet)
}

/// Decodes a file that may hold a text of the reviewer's.
pub fn decoded(file: &SourceFile<'_>) -> Result<Decoded, NoReview> {
    if let Some(why) = name::never_a_review(file.path) {
        return Err(NoReview::Skipped(why.to_owned()));
    }
    if file.bytes.is_empty() {
        return Err(NoReview::Skipped("an empty file".to_owned()));
    }
    if file.bytes.len() > bytes::REVIEW_BYTES_MAX {
        return Err(withheld(
            file,
            Place::START,
            format!(
                "the file has {} kB, and a review may have {} kB",
                file.bytes.len() >> 10,
                bytes::REVIEW_BYTES_MAX >> 10
            ),
            "split it into one file for each book, or move it out of the review folder",
        ));
    }
    let decoded = bytes::decode(file.bytes).map_err(|no_text| {
        withheld(
            file,
            Place::new(no_text.line, 1),
            "the file holds no text".to_owned(),
            "save it as text in UTF-8, or move it out of the review folder",
        )
    })?;
    if decoded.text.chars().all(|c| c.is_whitespace() || markup::is_invisible(c)) {
        return Err(NoReview::Skipped("a file without text".to_owned()));
    }
    let damage = decoded.damaged.then(|| {
        Problem::warning(
            file.path,
            "some bytes of the file stand for no character",
            "save the file in UTF-8 and look for the character \u{fffd}",
        )
    });
    Ok(Decoded { text: decoded.text, encoding: decoded.encoding.map(Into::into), damage })
}

pub fn withheld(file: &SourceFile<'_>, place: Place, message: String, cure: &str) -> NoReview {
    NoReview::Withheld(Box::new(Problem::error(file.path, message, cure).at(place.line, place.column)))
}

/// Whoever writes `draft: maybe` meant something, and publishing is the one guess that cannot be taken back.
pub fn unclear_draft(file: &SourceFile<'_>, metadata: &Metadata<'_>) -> Option<Problem> {
    let (found, scalar) = metadata.unclear(keys::DRAFT)?;
    let (key, place) = (&found.key, scalar.place);
    let value: String = scalar.text.trim().chars().take(UNCLEAR_CHARS_MAX).collect();
    let message = format!("`{key}: {value}` is neither yes nor no");
    let cure = format!("write `{key}: true` to hold it back, or `{key}: false`");
    Some(Problem::error(file.path, message, &cure).at(place.line, place.column))
}

pub fn rejected(file: &SourceFile<'_>, rejected: Rejected) -> NoReview {
    withheld(file, rejected.place, rejected.message, &rejected.cure)
}

fn cut(file: &SourceFile<'_>, text: &str) -> Result<Sheet, NoReview> {
    let extension = file.path.rsplit('.').next().unwrap_or("").to_ascii_lowercase();
    if extension == "org" {
        return Ok(from_org(file, text));
    }
    if html::is_document(text) {
        return from_html(file, Vec::new(), text, 1);
    }
    let split = front_matter::split(text).map_err(|reason| rejected(file, reason))?;
    if split.fenced
        && let Ok(again) = front_matter::split(split.body)
        && again.fenced
    {
        let above = split.body.len() - split.body.trim_start().len();
        let line = split.body_line as usize + split.body[..above].matches('\n').count();
        return Err(withheld(
            file,
            Place::new(line, 1),
            "a second block of metadata follows the first".to_owned(),
            "join the two blocks into one between two lines of `---`",
        ));
    }
    let (fenced, body_line) = (split.fenced, split.body_line);
    let entries = split.entries.unwrap_or_default();
    if matches!(extension.as_str(), "html" | "htm" | "xhtml") || html::is_document(split.body) {
        return from_html(file, entries, split.body, body_line);
    }
    let plain = matches!(extension.as_str(), "txt" | "text") && !(fenced && looks_like_markdown(split.body));
    let format = if plain { Format::Plain } else { Format::Markdown };
    let mut body = split.body.to_owned();
    if extension == "mdx" {
        body = without_imports(&body);
    }
    Ok(from_text(file, entries, &body, body_line, format, fenced))
}

/// Markdown and plain text.
fn from_text(file: &SourceFile<'_>, entries: Vec<Entry>, text: &str, line: u32, format: Format, fenced: bool) -> Sheet {
    let head = labels::head(text, line);
    let mut heading =
        head.heading.map(|(text, place)| Heading { text, from: format!("line {}", place.line), certain: true });
    // With metadata of its own the file means its labelled lines to be read by people.
    let text = if fenced { text.to_owned() } else { without_lines(text, &head.taken) };
    if fenced {
        heading = None;
    }
    let words = text.clone();
    let mut parts = body::read(&text, format, !fenced);
    if heading.is_none() {
        (heading, parts.text) = take_heading(&parts.text, format);
    }
    let mut warnings = Vec::new();
    if let Some(index) = parts.endless_synopsis {
        warnings.push(
            Problem::warning(
                file.path,
                "the synopsis has no end, so it is shown as part of the review",
                "leave two empty lines between the synopsis and the review",
            )
            .at(line.saturating_add(u32::try_from(index).unwrap_or(0)), 1),
        );
    }
    Sheet {
        entries,
        labelled: head.entries,
        heading,
        format,
        body: parts.text,
        synopsis: parts.synopsis,
        words,
        words_line: line,
        warnings,
        notes: Vec::new(),
    }
}

fn from_org(file: &SourceFile<'_>, text: &str) -> Sheet {
    let org = org::read(text);
    from_text(file, org.entries, &org.body, 1, Format::Markdown, true)
}

fn from_html(file: &SourceFile<'_>, mut entries: Vec<Entry>, text: &str, line: u32) -> Result<Sheet, NoReview> {
    if let Some(byte) = html::too_deep(text) {
        return Err(withheld(
            file,
            Place::of_byte(text, byte, line as usize),
            format!("the HTML is nested more than {} elements deep", html::DEPTH_MAX),
            "close the elements that are open here, such as `</div>`, or save the review as Markdown",
        ));
    }
    let document = html::read(text);
    for entry in document.entries {
        if entries.iter().all(|have| have.key != entry.key) {
            entries.push(entry);
        }
    }
    let head = labels::head(&document.words, line);
    Ok(Sheet {
        entries,
        labelled: head.entries,
        heading: document.heading.map(|text| Heading {
            text,
            from: "the document's heading".to_owned(),
            certain: true,
        }),
        format: Format::Html,
        body: if document.words.trim().is_empty() && !document.body.contains("<img") {
            String::new()
        } else {
            document.body
        },
        synopsis: None,
        words: document.words,
        words_line: line,
        warnings: Vec::new(),
        notes: Vec::new(),
    })
}

/// What kind of text and metadata it is, in words: `Markdown with a TOML header`.
fn form(sheet: &Sheet, text: &str, path: &str) -> String {
    if path.to_ascii_lowercase().ends_with(".org") {
        return "Org".to_owned();
    }
    let format = match sheet.format {
        Format::Markdown => "Markdown",
        Format::Html => "HTML",
        Format::Plain => "plain text",
    };
    let header = match text.trim_start().lines().next().unwrap_or("").trim() {
        _ if sheet.entries.is_empty() => "",
        "+++" | "---toml" => " with a TOML header",
        fence if fence.starts_with(['{', ';']) || fence == "---json" => " with a JSON header",
        fence if fence.starts_with("---") || fence.starts_with("```") => " with a YAML header",
        _ if sheet.format == Format::Html => "",
        _ => " with a header without a fence",
    };
    let labels = if sheet.labelled.is_empty() { "" } else { " with labelled lines" };
    format!("{format}{}", if header.is_empty() { labels } else { header })
}

fn without_lines(text: &str, taken: &[usize]) -> String {
    if taken.is_empty() {
        return text.to_owned();
    }
    let kept = text.split_inclusive('\n').enumerate().filter(|(index, _)| !taken.contains(index));
    kept.map(|(_, line)| line).collect()
}

/// Takes the first heading out of the text: `# Dune`, `Dune` over `====`, or a first line that calls itself a review.
fn take_heading(text: &str, format: Format) -> (Option<Heading>, String) {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or("");
    let second = lines.next().unwrap_or("");
    let rest = |skipped: usize| body::trimmed(&text.split_inclusive('\n').skip(skipped).collect::<String>());
    let found =
        |text: &str| Some(Heading { text: text.to_owned(), from: "the first heading".to_owned(), certain: true });
    let hashes = first.bytes().take_while(|byte| *byte == b'#').count();
    let underlined = second.len() >= 3 && second.trim_end().bytes().all(|byte| byte == b'=');
    if underlined && labels::is_heading_like(first) {
        return (found(first.trim()), rest(2));
    }
    if matches!(format, Format::Markdown) && (1..=6).contains(&hashes) && first[hashes..].starts_with(' ') {
        return (found(first[hashes..].trim().trim_end_matches('#')), rest(1));
    }
    if labels::is_title_line(first) && (second.trim().is_empty()) {
        return (found(first.trim()), rest(1));
    }
    let short = labels::is_heading_like(first) && first.chars().count() <= 80 && second.trim().is_empty();
    if short && !first.is_empty() && matches!(format, Format::Plain) && text.lines().count() > 2 {
        let heading = Heading { text: first.trim().to_owned(), from: "the first line".to_owned(), certain: false };
        return (Some(heading), text.to_owned());
    }
    (None, text.to_owned())
}

/// A text with headings, links or emphasis as Markdown writes them.
fn looks_like_markdown(text: &str) -> bool {
    text.contains("](")
        || text.contains("**")
        || text.lines().any(|line| line.starts_with("# ") || line.starts_with("## "))
}

/// MDX begins with lines for its compiler.
fn without_imports(text: &str) -> String {
    let kept = text.split_inclusive('\n').skip_while(|line| {
        let line = line.trim();
        line.is_empty()
            || (line.starts_with("import ") && line.contains([';', '\'', '"']))
            || line.starts_with("export const ")
    });
    kept.collect()
}
