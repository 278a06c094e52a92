//! A table of text as programs and spreadsheets save it: any delimiter, any encoding, quotes or none.

use std::{
    collections::HashMap,
    io::{self, Cursor},
};

use super::{Passed, Row};

/// Longest encoding detection, in bytes.
const SNIFFED_BYTES: usize = 1 << 20;
/// So few bytes tell no encoding …
const STRAY_BYTES_FEW: usize = 8;
/// … and nor do they where only one in so many is not UTF-8.
const STRAY_SHARE_MIN: usize = 200;
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// A table with a heading.
pub struct Table {
    columns: HashMap<String, usize>,
    width: usize,
    reader: csv::Reader<Cursor<String>>,
}

/// One row, its cells by the names of their columns.
pub struct Cells<'a> {
    pub line: u64,
    pub columns: &'a HashMap<String, usize>,
    pub record: &'a csv::StringRecord,
}

impl Table {
    /// Opens a table that must have these columns. `headless` names the columns of a table that begins without a heading,
    /// by the number of its cells.
    pub fn open(bytes: Vec<u8>, needed: &[&str], headless: &[&[&str]]) -> Result<Self, String> {
        let mut text = decoded(bytes);
        if text.trim().is_empty() {
            return Err("it is empty".to_owned());
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let (delimiter, heading) = delimiter(&text, needed).ok_or("it holds no table")?;
        let mut columns = by_name(heading.iter());
        let mut is_headless = false;
        let mut width = heading.len();
        if let Some(missing) = needed.iter().find(|name| !columns.contains_key(&key(name))) {
            let known = headless.iter().find(|names| names.len() == heading.len());
            match known.filter(|_| heading.get(0).is_some_and(is_number)) {
                Some(names) => {
                    columns = by_name(names.iter().copied());
                    width = names.len();
                    is_headless = true;
                }
                None => {
                    let found = heading.iter().take(6).collect::<Vec<_>>().join(", ");
                    return Err(format!("it has no column `{missing}`; its first columns are: {found}"));
                }
            }
        }
        let quoting = delimiter != b'\t' || encloses(&text, width);
        let reader = reader(Cursor::new(text), delimiter, quoting);
        let mut table = Self { columns, width, reader };
        if !is_headless {
            // The heading has been read.
            let mut heading = csv::StringRecord::new();
            table.reader.read_record(&mut heading).map_err(|error| error.to_string())?;
        }
        Ok(table)
    }

    /// Hands out every row; those that are cut off or have too many cells are passed.
    pub fn rows(mut self, take: &mut dyn FnMut(Row), mut each: impl FnMut(&Cells<'_>) -> Row) {
        let mut record = csv::StringRecord::new();
        loop {
            let read = self.reader.read_record(&mut record);
            // Counted back from its end: before it, empty lines may have been passed over.
            let lines = 1 + record.iter().flat_map(str::bytes).filter(|byte| *byte == b'\n').count() as u64;
            let line = self.reader.position().line().saturating_sub(lines);
            match read {
                Ok(false) => return,
                Ok(true) if record.iter().all(|cell| cell.trim().is_empty()) => {}
                Ok(true) if record.len() != self.width => {
                    let (found, wanted) = (record.len(), self.width);
                    let why =
                        format!("it has {found} cells where the heading has {wanted}: it is cut off or badly quoted");
                    let what = record.iter().take(3).collect::<Vec<_>>().join(", ").chars().take(80).collect();
                    take(Row::Passed(Passed { line, what, why, is_damaged: true }));
                }
                Ok(true) => take(each(&Cells { line, columns: &self.columns, record: &record })),
                Err(error) => {
                    let why = format!("it cannot be read: {error}");
                    take(Row::Passed(Passed { line, what: String::new(), why, is_damaged: true }));
                }
            }
        }
    }
}

impl Cells<'_> {
    /// A cell without white space around it; empty where there is no such column.
    pub fn get(&self, column: &str) -> &str {
        self.columns.get(&key(column)).and_then(|index| self.record.get(*index)).unwrap_or_default().trim()
    }

    /// The same, `None` for an empty cell.
    pub fn some(&self, column: &str) -> Option<&str> {
        Some(self.get(column)).filter(|cell| !cell.is_empty())
    }

    pub fn passed(&self, what: &str, why: impl Into<String>) -> Row {
        Row::Passed(Passed { line: self.line, what: what.to_owned(), why: why.into(), is_damaged: false })
    }

    pub fn damaged(&self, what: &str, why: impl Into<String>) -> Row {
        Row::Passed(Passed { line: self.line, what: what.to_owned(), why: why.into(), is_damaged: true })
    }
}

/// The text in whatever encoding: by its mark, as UTF-8, as UTF-16 without a mark (every second byte is zero), as UTF-8 with
/// some stray bytes, else guessed. Line ends become line feeds.
pub fn decoded(bytes: Vec<u8>) -> String {
    let mut text = match String::from_utf8(bytes) {
        // Nothing is copied: an export may have half a gigabyte.
        Ok(text) if !text.contains('\0') => text,
        Ok(text) => guessed(text.as_bytes()),
        Err(error) => guessed(error.as_bytes()),
    };
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    text.retain(|c| c != '\0');
    if text.contains("\r\n") { text.replace("\r\n", "\n") } else { text }
}

fn guessed(bytes: &[u8]) -> String {
    let sample = &bytes[..bytes.len().min(SNIFFED_BYTES)];
    let zeros = |offset: usize| {
        let zeros = sample.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
        sample.len() > 8 && zeros * 10 > sample.len() * 4
    };
    if let Some((encoding, _)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode(bytes).0.into_owned();
    }
    match (zeros(1), zeros(0)) {
        (true, false) => return encoding_rs::UTF_16LE.decode(bytes).0.into_owned(),
        (false, true) => return encoding_rs::UTF_16BE.decode(bytes).0.into_owned(),
        _ => {}
    }
    let stray = bytes.utf8_chunks().map(|chunk| chunk.invalid().len()).sum::<usize>();
    if stray < STRAY_BYTES_FEW || stray * STRAY_SHARE_MIN < bytes.len() {
        return mended(bytes);
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(sample, true);
    detector.guess(None, chardetng::Utf8Detection::Allow).decode(bytes).0.into_owned()
}

/// UTF-8 into which some bytes of Windows' western encoding have strayed.
fn mended(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.push_str(&encoding_rs::WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0);
    }
    text
}

/// The delimiter under which the heading has the needed columns, else the most columns.
fn delimiter(text: &str, needed: &[&str]) -> Option<(u8, csv::StringRecord)> {
    let mut best: Option<(usize, u8, csv::StringRecord)> = None;
    for delimiter in DELIMITERS {
        let mut reader = reader(first_lines(text).as_bytes(), delimiter, delimiter != b'\t');
        let mut heading = csv::StringRecord::new();
        if !reader.read_record(&mut heading).unwrap_or(false) {
            continue;
        }
        let names = by_name(heading.iter());
        let fit = needed.iter().filter(|name| names.contains_key(&key(name))).count() * 1000 + heading.len();
        if best.as_ref().is_none_or(|(known, ..)| fit > *known) {
            best = Some((fit, delimiter, heading));
        }
    }
    best.map(|(_, delimiter, heading)| (delimiter, heading))
}

/// Enough of the text to hold the heading, cut where a character ends.
fn first_lines(text: &str) -> &str {
    &text[..text.floor_char_boundary(64 << 10)]
}

/// Whether quotation marks in a tab-separated table enclose cells, as spreadsheets save it ("Unicode text"), or are marks like
/// any other, as in LibraryThing's. Where only one way gives whole rows that is it; where both do, every cell with a mark has
/// to be enclosed in them, and one has to need it.
fn encloses(text: &str, width: usize) -> bool {
    let misfits = |quoting| {
        let rows = reader(text.as_bytes(), b'\t', quoting).into_records();
        rows.filter(|row| row.as_ref().is_ok_and(|row| row.len() != width)).count()
    };
    let (plain, enclosed) = (misfits(false), misfits(true));
    if plain + enclosed > 0 {
        return enclosed < plain;
    }
    let inner = |cell: &str| cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')).map(str::to_owned);
    let mut needs = false;
    for cell in text.lines().flat_map(|line| line.split('\t')).filter(|cell| cell.contains('"')) {
        let Some(inner) = inner(cell).filter(|inner| !inner.replace("\"\"", "").contains('"')) else { return false };
        needs |= inner.contains(',') || inner.contains("\"\"");
    }
    needs
}

fn reader<R: io::Read>(text: R, delimiter: u8, quoting: bool) -> csv::Reader<R> {
    csv::ReaderBuilder::new().delimiter(delimiter).quoting(quoting).flexible(true).has_headers(false).from_reader(text)
}

pub fn by_name<'a>(names: impl Iterator<Item = &'a str>) -> HashMap<String, usize> {
    let mut columns = HashMap::new();
    for (index, name) in names.enumerate() {
        columns.entry(key(name)).or_insert(index);
    }
    columns
}

/// `Book Id`, `book_id` and `BOOK ID` are one column.
fn key(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn is_number(cell: &str) -> bool {
    !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit())
}
