//! A table of text as programs and spreadsheets save it: any delimiter, any encoding, quotes or none.

use std::{collections::HashMap, io::Cursor};

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
    reader: csv::Reader<Cursor<Vec<u8>>>,
    /// The first row, where there was no heading.
    first: Option<csv::StringRecord>,
}

/// One row, its cells by the names of their columns.
pub struct Cells<'a> {
    pub line: u64,
    columns: &'a HashMap<String, usize>,
    record: &'a csv::StringRecord,
}

impl Table {
    /// Opens a table that must have these columns. `headless` names the columns of a table that begins without a heading,
    /// by the number of its cells.
    pub fn open(bytes: &[u8], needed: &[&str], headless: &[&[&str]]) -> Result<Self, String> {
        let text = decoded(bytes);
        if text.trim().is_empty() {
            return Err("it is empty".to_owned());
        }
        let (delimiter, heading) = delimiter(&text, needed).ok_or("it holds no table")?;
        let mut columns = by_name(heading.iter());
        let mut first = None;
        let mut width = heading.len();
        if let Some(missing) = needed.iter().find(|name| !columns.contains_key(&key(name))) {
            let known = headless.iter().find(|names| names.len() == heading.len());
            match known.filter(|_| heading.get(0).is_some_and(is_number)) {
                Some(names) => {
                    columns = by_name(names.iter().copied());
                    width = names.len();
                    first = Some(heading);
                }
                None => {
                    let found = heading.iter().take(6).collect::<Vec<_>>().join(", ");
                    return Err(format!("it has no column `{missing}`; its first columns are: {found}"));
                }
            }
        }
        let reader = reader(text.into_bytes(), delimiter);
        let mut table = Self { columns, width, reader, first: None };
        if first.is_none() {
            // The heading has been read.
            let mut heading = csv::StringRecord::new();
            table.reader.read_record(&mut heading).map_err(|error| error.to_string())?;
        }
        Ok(table)
    }

    /// Hands out every row; those that are cut off or have too many cells are passed.
    pub fn rows(mut self, take: &mut dyn FnMut(Row), mut each: impl FnMut(&Cells<'_>) -> Row) {
        let mut record = self.first.take().unwrap_or_default();
        loop {
            let line = self.reader.position().line();
            match self.reader.read_record(&mut record) {
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
pub fn decoded(bytes: &[u8]) -> String {
    let encoding = match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None if std::str::from_utf8(bytes).is_ok() => encoding_rs::UTF_8,
        None => {
            let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
            detector.feed(&bytes[..bytes.len().min(SNIFFED_BYTES)], true);
            detector.guess(None, chardetng::Utf8Detection::Allow)
        }
    };
    let utf16 = |offset: usize| {
        let sample = &bytes[..bytes.len().min(SNIFFED_BYTES)];
        let zeros = sample.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
        sample.len() > 8 && zeros * 10 > sample.len() * 4
    };
    let encoding = match (utf16(1), utf16(0)) {
        (true, false) => encoding_rs::UTF_16LE,
        (false, true) => encoding_rs::UTF_16BE,
        _ => encoding,
    };
    let is_marked = encoding_rs::Encoding::for_bom(bytes).is_some();
    let stray = bytes.utf8_chunks().map(|chunk| chunk.invalid().len()).sum::<usize>();
    let text = match encoding == encoding_rs::UTF_16LE || encoding == encoding_rs::UTF_16BE || is_marked {
        false if stray > 0 && (stray < STRAY_BYTES_FEW || stray * STRAY_SHARE_MIN < bytes.len()) => mended(bytes),
        _ => encoding.decode(bytes).0.into_owned(),
    };
    text.replace('\0', "").replace("\r\n", "\n")
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
        let mut reader = reader(first_lines(text).as_bytes().to_vec(), delimiter);
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

/// Tab-separated values have no quotes: a quotation mark in them is one (LibraryThing).
fn reader(text: Vec<u8>, delimiter: u8) -> csv::Reader<Cursor<Vec<u8>>> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .quoting(delimiter != b'\t')
        .flexible(true)
        .has_headers(false)
        .from_reader(Cursor::new(text))
}

fn by_name<'a>(names: impl Iterator<Item = &'a str>) -> HashMap<String, usize> {
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
