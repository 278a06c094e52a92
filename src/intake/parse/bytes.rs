//! From the bytes of a file to its text, in whichever encoding an editor left them.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Largest file that is read as a review; the largest of 11,431 seen has 235 kB.
pub const REVIEW_BYTES_MAX: usize = 1 << 20;

/// How much of a file without a byte order mark is looked at to tell UTF-16 from a binary file.
const SNIFFED_BYTES: usize = 4096;

/// A file's text with `\n` line ends and without a byte order mark, and what was met on the way.
#[derive(Debug)]
pub struct Decoded {
    pub text: String,
    /// Name of the encoding where it is not UTF-8.
    pub encoding: Option<&'static str>,
    /// Some bytes stood for no character and became U+FFFD.
    pub damaged: bool,
}

/// A file that holds no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoText {
    /// The line on which the first byte stands that no text has.
    pub line: usize,
}

/// Reads UTF-8, UTF-16 with or without a byte order mark, and otherwise what the bytes look like (Windows-1252, …).
pub fn decode(bytes: &[u8]) -> Result<Decoded, NoText> {
    let (encoding, skip) = Encoding::for_bom(bytes).or_else(|| bare_utf16(bytes)).unwrap_or((UTF_8, 0));
    let bytes = &bytes[skip..];
    if encoding != UTF_8 {
        let (text, damaged) = encoding.decode_without_bom_handling(bytes);
        return finish(&text, Some(encoding.name()), damaged);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => finish(text, None, false),
        Err(_) => legacy(bytes),
    }
}

/// Bytes that are no UTF-8: an older encoding, or UTF-8 with a few stray bytes.
fn legacy(bytes: &[u8]) -> Result<Decoded, NoText> {
    if bytes.contains(&0) {
        return Err(no_text(bytes));
    }
    let (mut good, mut bad) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    if good > bad {
        return finish(&String::from_utf8_lossy(bytes), None, true);
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let encoding = detector.guess(None, chardetng::Utf8Detection::Deny);
    let (text, damaged) = encoding.decode_without_bom_handling(bytes);
    finish(&text, Some(encoding.name()), damaged)
}

/// UTF-16 without a mark: of Latin text every other byte is zero.
fn bare_utf16(bytes: &[u8]) -> Option<(&'static Encoding, usize)> {
    let sniffed = &bytes[..bytes.len().min(SNIFFED_BYTES) & !1];
    let zeros = |offset: usize| sniffed.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, half) = (zeros(0), zeros(1), sniffed.len() / 2);
    if half < 2 {
        return None;
    }
    match (even, odd) {
        (even, odd) if odd * 10 >= half * 4 && even * 50 <= half => Some((UTF_16LE, 0)),
        (even, odd) if even * 10 >= half * 4 && odd * 50 <= half => Some((UTF_16BE, 0)),
        _ => None,
    }
}

fn finish(text: &str, encoding: Option<&'static str>, damaged: bool) -> Result<Decoded, NoText> {
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}');
    if text.contains('\0') || text.chars().filter(|c| control(*c) && *c < '\u{80}').count() * 4 > text.len() {
        let at = text.find(control).unwrap_or(0);
        return Err(NoText { line: 1 + text[..at].matches('\n').count() });
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() };
    Ok(Decoded { text, encoding, damaged })
}

fn no_text(bytes: &[u8]) -> NoText {
    let at = bytes.iter().position(|byte| *byte == 0).unwrap_or(0);
    NoText { line: 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, little: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        let text = "Title: Süße Träume\nAuthor: Zoë Čapek\n";
        let marked = |mark: &[u8], bytes: Vec<u8>| [mark, &bytes].concat();
        for bytes in [
            text.as_bytes().to_vec(),
            marked(b"\xef\xbb\xbf", text.as_bytes().to_vec()),
            marked(b"\xff\xfe", utf16(text, true)),
            marked(b"\xfe\xff", utf16(text, false)),
            utf16(text, true),
            utf16(text, false),
            text.replace('\n', "\r\n").into_bytes(),
            text.replace('\n', "\r").into_bytes(),
        ] {
            assert_eq!(decode(&bytes).unwrap().text, text);
        }
    }

    #[test]
    fn latin_1_and_windows_1252_are_recognised() {
        let bytes = b"Caf\xe9 na\xefve \x93quoted\x94 \x96 d\xe9j\xe0 vu, une \xe9t\xe9 enti\xe8re";
        let decoded = decode(bytes).unwrap();
        assert_eq!(decoded.text, "Café naïve “quoted” – déjà vu, une été entière");
        assert_eq!(decoded.encoding, Some("windows-1252"));
    }

    #[test]
    fn one_stray_byte_does_not_garble_a_utf_8_text() {
        let decoded = decode("Käse, Brötchen, Süßes \u{1}".replace('\u{1}', "").as_bytes()).unwrap();
        assert!(!decoded.damaged);
        let mut bytes = "Käse, Brötchen, Süßes ".as_bytes().to_vec();
        bytes.push(0xfc);
        let decoded = decode(&bytes).unwrap();
        assert_eq!(decoded.text, "Käse, Brötchen, Süßes \u{fffd}");
        assert!(decoded.damaged);
    }

    #[test]
    fn binary_files_are_no_text() {
        assert!(decode(&[0; 4096]).is_err());
        assert!(decode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0\0\0\x01\0\x08\x06").is_err());
        assert_eq!(decode(b"one\ntwo\0three").unwrap_err(), NoText { line: 2 });
    }
}
