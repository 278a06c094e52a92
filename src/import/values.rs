//! Cells as values: dates, ISBNs, numbers, names and lists, with the traps of each export.

use jiff::civil::Date;

use crate::domain::{Isbn, Moment, Series};

/// `2021/05/11`, `2021-05-11`, `2021-5-1`, `2021/05`, `[2007-05-08]`, or an instant with its zone.
pub fn moment(text: &str) -> Option<Moment> {
    let text = text.trim().trim_matches(['[', ']']).trim();
    if text.len() > 10
        && let Ok(instant) = text.parse()
    {
        return Some(Moment::Instant(instant));
    }
    let day = text.split(['T', ' ']).next()?;
    let mut parts = day.split(['/', '-']);
    let year: i16 = parts.next()?.parse().ok().filter(|year| (1000..=9999).contains(year))?;
    let month: i8 = parts.next()?.parse().ok()?;
    match parts.next() {
        Some(day) => Date::new(year, month, day.parse().ok()?).ok().map(Moment::Day),
        None => Date::new(year, month, 1).ok().map(Moment::Month),
    }
}

/// A number above zero: exports write 0 for "no rating".
pub fn rating(text: &str, best: f64) -> Option<(f64, f64)> {
    let value: f64 = text.replace(',', ".").parse().ok()?;
    (value > 0.0 && value <= best).then_some((value, best))
}

/// A valid ISBN, or the text of one that is none. A spreadsheet's `9.78053E+12` has lost its digits.
pub fn isbn(text: &str) -> Result<Option<Isbn>, String> {
    let bare = text.trim().trim_start_matches('=').trim_matches('"').trim_matches(['[', ']']).trim();
    if bare.is_empty() {
        return Ok(None);
    }
    match Isbn::parse(bare) {
        Some(isbn) => Ok(Some(isbn)),
        None => Err(bare.to_owned()),
    }
}

/// Parts between commas, without empty ones and repetitions.
pub fn list(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        if !parts.iter().any(|known| known == part) {
            parts.push(part.to_owned());
        }
    }
    parts
}

/// `Herbert, Frank` as people say it.
pub fn turned(name: &str) -> String {
    match name.split_once(',') {
        Some((last, first)) if !first.trim().is_empty() && !first.contains(',') => {
            format!("{} {}", first.trim(), last.trim())
        }
        _ => name.trim().to_owned(),
    }
}

/// White space as one space each: Goodreads puts several into names.
pub fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `The Final Empire (Mistborn, #1)`: the title, and the series it names at its end.
pub fn titled(text: &str) -> (String, Option<Series>) {
    let whole = || (tidy(text), None);
    let Some((title, rest)) = text.trim().strip_suffix(')').and_then(|inside| inside.rsplit_once('(')) else {
        return whole();
    };
    let Some((name, position)) = rest.rsplit_once('#') else { return whole() };
    // "(Series A, #1; Series B, #4)" names two: the first is meant.
    let (name, position) = match rest.split_once(';') {
        Some((first, _)) => first.rsplit_once('#').unwrap_or((name, position)),
        None => (name, position),
    };
    let name = tidy(name.trim().trim_end_matches(','));
    if title.trim().is_empty() || name.is_empty() || !position.starts_with(|c: char| c.is_ascii_digit()) {
        return whole();
    }
    (tidy(title), Some(Series { name, position: Some(position.trim().to_owned()) }))
}

/// FNV-1a in hexadecimal: a short name of a row whose export gives it none. It must never change.
pub fn short_hash(parts: &[&str]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in parts.join("\u{1f}").bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_export_are_read() {
        for (text, expected) in [
            ("2021/05/11", Some("2021-05-11")),
            ("2021-5-1", Some("2021-05-01")),
            ("2021/05", Some("2021-05")),
            ("[2007-05-08]", Some("2007-05-08")),
            ("2020-01-02 03:04:05", Some("2020-01-02")),
            ("2020-01-02T03:04:05Z", Some("2020-01-02T03:04:05Z")),
            ("2021/13/01", None),
            ("", None),
            ("May", None),
        ] {
            assert_eq!(moment(text).map(|moment| moment.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_series_at_the_end_of_a_title_is_taken_out() {
        let check = |text: &str, title: &str, series: Option<(&str, &str)>| {
            let (found, named) = titled(text);
            let named = named.map(|series| (series.name, series.position.unwrap()));
            assert_eq!((found.as_str(), named), (title, series.map(|(a, b)| (a.to_owned(), b.to_owned()))), "{text}");
        };
        check("The Final Empire (Mistborn, #1)", "The Final Empire", Some(("Mistborn", "1")));
        check("A (B, #1; C, #4)", "A", Some(("B", "1")));
        check("Novellas (Penric #1-3)", "Novellas", Some(("Penric", "1-3")));
        check("Dune (Deluxe)", "Dune (Deluxe)", None);
        check("(Everything)", "(Everything)", None);
    }

    #[test]
    fn an_isbn_is_mended_or_told_of() {
        assert_eq!(isbn("=\"0312195516\"").unwrap().unwrap().to_string(), "9780312195519");
        assert_eq!(isbn("=\"\""), Ok(None));
        assert_eq!(isbn("9.78053E+12"), Err("9.78053E+12".to_owned()));
    }

    #[test]
    fn the_name_of_a_row_never_changes() {
        assert_eq!(short_hash(&["Dune", "Frank Herbert"]), short_hash(&["Dune", "Frank Herbert"]));
        assert_ne!(short_hash(&["ab", "c"]), short_hash(&["a", "bc"]));
    }
}
