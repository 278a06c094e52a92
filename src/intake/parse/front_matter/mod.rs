//! The metadata at the head of a file, in whichever syntax: keys with their values and the places where they stand.

pub mod bare;
mod json;
mod toml;
mod yaml;

/// Longest header, in bytes; the largest seen in 11,431 files has 6 kB.
pub const HEADER_BYTES_MAX: usize = 64 << 10;

/// Deepest nesting of lists and mappings.
pub const DEPTH_MAX: usize = 32;

/// Most values in a header, aliases counted as often as they are used (a YAML alias bomb ends here).
pub const VALUES_MAX: usize = 10_000;

/// Where something stands in the file as the person sees it; both counted from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

/// A key with its value, as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key: String,
    pub place: Place,
    pub value: Value,
}

/// What stands behind a key. Scalars keep their spelling: whether `2016` is a year or a rating is the role's business.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Scalar(Scalar),
    List(Vec<Value>),
    Map(Vec<Entry>),
}

/// A string, number, flag, date or null as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    pub text: String,
    /// In quotes or as a block: surely a text, never null.
    pub quoted: bool,
    pub place: Place,
}

/// A file cut into its metadata and the rest.
#[derive(Debug)]
pub struct Split<'a> {
    /// `None` where the file has no header at all.
    pub entries: Option<Vec<Entry>>,
    /// The header stands between fences, as opposed to bare lines of `key: value`.
    pub fenced: bool,
    pub body: &'a str,
    /// The line of the file on which the body begins.
    pub body_line: u32,
}

/// Metadata that cannot be read, with the place and the cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    pub place: Place,
    pub message: String,
    pub cure: String,
}

impl Place {
    pub const START: Self = Self { line: 1, column: 1 };

    pub fn new(line: usize, column: usize) -> Self {
        let narrow = |n: usize| u32::try_from(n.max(1)).unwrap_or(u32::MAX);
        Self { line: narrow(line), column: narrow(column) }
    }

    /// The place of a byte of `text`, whose first line is line `first_line` of the file.
    pub fn of_byte(text: &str, byte: usize, first_line: usize) -> Self {
        let before = text.get(..byte.min(text.len())).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self::new(first_line + before.matches('\n').count(), before[line_start..].chars().count() + 1)
    }
}

impl Rejected {
    pub fn new(place: Place, message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { place, message: message.into(), cure: cure.into() }
    }
}

impl Value {
    pub fn plain(text: impl Into<String>, place: Place) -> Self {
        Self::Scalar(Scalar { text: text.into(), quoted: false, place })
    }

    /// Null, an empty text, an empty list: a key that says nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Scalar(scalar) => scalar.is_null(),
            Self::List(items) => items.iter().all(Self::is_empty),
            Self::Map(entries) => entries.is_empty(),
        }
    }

    /// The scalars of this value, lists flattened, mappings left out.
    pub fn scalars(&self) -> Vec<&Scalar> {
        match self {
            Self::Scalar(scalar) if scalar.is_null() => Vec::new(),
            Self::Scalar(scalar) => vec![scalar],
            Self::List(items) => items.iter().flat_map(Self::scalars).collect(),
            Self::Map(_) => Vec::new(),
        }
    }

    /// The mappings of this value: itself, or those of its list.
    pub fn maps(&self) -> Vec<&[Entry]> {
        match self {
            Self::Scalar(_) => Vec::new(),
            Self::List(items) => items.iter().flat_map(Self::maps).collect(),
            Self::Map(entries) => vec![entries],
        }
    }
}

impl Scalar {
    pub fn is_null(&self) -> bool {
        let text = self.text.trim();
        text.is_empty() || (!self.quoted && matches!(text, "~" | "null" | "Null" | "NULL" | "nil" | "None"))
    }

    /// Yes or no, in every spelling of YAML 1.1; `None` for anything else.
    pub fn flag(&self) -> Option<bool> {
        match self.text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" | "t" | "1" | "x" => Some(true),
            "false" | "no" | "off" | "n" | "f" | "nil" | "0" | "never" => Some(false),
            _ => None,
        }
    }
}

/// `date_read`, `dateRead`, `Date read` and `date-read` are the same key: lower case, letters and digits only.
pub fn key_name(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Cuts a text into header and body and reads the header.
///
/// # Errors
/// [`Rejected`] where there is a header and its syntax does not hold. It is never repaired by guessing.
pub fn split(text: &str) -> Result<Split<'_>, Rejected> {
    let start = text.len() - text.trim_start_matches(['\n', ' ', '\t', '\u{200B}', '\u{2060}']).len();
    // Spaces before a fence are none of ours: begin at the line.
    let start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let first_line = 1 + text[..start].matches('\n').count();
    let rest = &text[start..];
    let opening = rest.lines().next().unwrap_or("").trim();
    match opening.trim_matches(['\u{200B}', '\u{2060}']) {
        "---" | "---yaml" | "--- yaml" | "---yml" => fenced(rest, first_line, "---", yaml::read),
        "+++" | "---toml" => fenced(rest, first_line, if opening == "+++" { "+++" } else { "---" }, toml::read),
        "```yaml" | "```yml" => fenced(rest, first_line, "```", yaml::read),
        ";;;" | "---json" => fenced(rest, first_line, if opening == ";;;" { ";;;" } else { "---" }, json::read_fenced),
        dashes if is_typographic_fence(dashes) && begins_with_key(rest.split_once('\n').map_or("", |(_, r)| r)) => {
            Err(Rejected::new(
                Place::new(first_line, 1),
                "the metadata begins with a long dash, made out of `---` by the editor",
                format!("type three hyphens, `---`, on line {first_line} and on the line that ends the metadata"),
            ))
        }
        open if open == "{" || open.starts_with("{\"") => json::split(rest, first_line),
        _ => Ok(bare::split(rest, first_line)),
    }
}

fn is_typographic_fence(line: &str) -> bool {
    !line.is_empty() && line.chars().all(|c| matches!(c, '-' | '–' | '—')) && line != "-" && line != "--"
}

type Read = fn(&str, usize) -> Result<Vec<Entry>, Rejected>;

/// Reads what stands between an opening fence and the next closing one.
fn fenced<'a>(text: &'a str, first_line: usize, fence: &str, read: Read) -> Result<Split<'a>, Rejected> {
    let inner = text.split_once('\n').map_or("", |(_, inner)| inner);
    let Some((block, body)) = closing(inner, fence) else {
        if !begins_with_key(inner) {
            return Ok(Split { entries: None, fenced: false, body: text, body_line: line(first_line) });
        }
        let last = first_line + key_lines(inner);
        return Err(Rejected::new(
            Place::new(first_line, 1),
            format!("the metadata that begins with `{fence}` never ends"),
            format!("type `{fence}` on a line of its own after line {last}, the last of the metadata"),
        ));
    };
    if !begins_with_key(block) && !block.trim().is_empty() {
        // A thematic break, then prose.
        return Ok(Split { entries: None, fenced: false, body: text, body_line: line(first_line) });
    }
    if block.len() > HEADER_BYTES_MAX {
        return Err(Rejected::new(
            Place::new(first_line, 1),
            format!("the metadata is larger than {} kB", HEADER_BYTES_MAX >> 10),
            format!("close it with `{fence}` before the text of the review begins"),
        ));
    }
    let entries = read(block, first_line + 1)?;
    let body_line = first_line + 1 + block.matches('\n').count() + 1;
    Ok(Split { entries: Some(entries), fenced: true, body, body_line: line(body_line) })
}

/// Splits at the line that closes a header: block before it, body after it.
fn closing<'a>(inner: &'a str, fence: &str) -> Option<(&'a str, &'a str)> {
    let mut at = 0;
    for line in inner.split_inclusive('\n') {
        let bare = line.trim_end();
        let closes =
            bare == fence || (fence == "---" && (bare == "..." || (bare.len() > 3 && bare.bytes().all(|b| b == b'-'))));
        if closes {
            return Some((&inner[..at], &inner[at + line.len()..]));
        }
        at += line.len();
    }
    None
}

/// Whether the first line that says anything is a key of metadata, or a later one is a key that only metadata has.
fn begins_with_key(block: &str) -> bool {
    let mut lines = block.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let Some(first) = lines.next() else { return false };
    let first = first.trim_start_matches('\u{feff}');
    bare::key_of(first).is_some()
        || first.starts_with(['{', '[', '?'])
        || (first.contains('=') && bare::toml_key(first))
        || lines.take(40).any(|line| bare::key_of(line).is_some_and(|(key, _)| bare::is_telling(key)))
}

/// How many lines from the start look like metadata.
fn key_lines(block: &str) -> usize {
    let fits = |line: &&str| {
        bare::key_of(line).is_some() || bare::toml_key(line) || line.starts_with([' ', '\t', '-', '#', '[', ']'])
    };
    block.lines().take_while(fits).count()
}

fn line(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
