//! The work reviewed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The work a review is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Book {
    pub title: String,
    /// In the order of the title page; never the reviewer.
    pub authors: Vec<String>,
    pub isbn: Option<Isbn>,
    /// Year of publication; negative for years before the common era.
    pub year: Option<i32>,
    pub series: Option<Series>,
    pub cover: Option<Cover>,
    pub pages: Option<u32>,
    pub publisher: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    pub name: String,
    /// As written: `1`, `2.5`, `1-3`.
    pub position: Option<String>,
}

/// Where the cover is to be had: a path relative to the review folder's root, or an `http(s)` address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    pub source: String,
    /// The reviewer's description of the picture; readers get "Cover of TITLE by AUTHOR" otherwise.
    pub alt: Option<String>,
}

/// A valid ISBN-13, digits only; ISBN-10 is converted when read (ISO 2108).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Isbn(String);

impl Book {
    /// "TITLE by AUTHOR, AUTHOR and AUTHOR", or the title alone.
    pub fn by_line(&self) -> String {
        match self.authors.as_slice() {
            [] => self.title.clone(),
            authors => format!("{} by {}", self.title, join_names(authors)),
        }
    }

    /// The description of the cover for people who do not see it.
    pub fn cover_alt(&self) -> String {
        self.cover
            .as_ref()
            .and_then(|cover| cover.alt.clone())
            .unwrap_or_else(|| format!("Cover of {}", self.by_line()))
    }
}

/// "A", "A and B", "A, B and C".
pub fn join_names(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

impl Isbn {
    /// Reads an ISBN-10 or ISBN-13 with or without hyphens, spaces and the `="…"` of spreadsheets.
    ///
    /// A nine-digit number is an ISBN-10 whose leading zero a spreadsheet or YAML dropped. `None` when the check digit
    /// does not hold.
    pub fn parse(text: &str) -> Option<Self> {
        let mut digits: String = text
            .chars()
            .filter(|c| c.is_ascii_digit() || *c == 'X' || *c == 'x')
            .collect::<String>()
            .to_ascii_uppercase();
        let stray =
            text.chars().any(|c| !(c.is_ascii_digit() || c.is_whitespace() || "Xx-–‐=\"':ISBNisbn13".contains(c)));
        if stray {
            return None;
        }
        if text.to_ascii_lowercase().starts_with("isbn") {
            digits = digits_after_label(text);
        }
        if digits.len() == 9 {
            digits.insert(0, '0');
        }
        match digits.len() {
            10 if isbn10_holds(&digits) => Some(Self(to_isbn13(&digits))),
            13 if isbn13_holds(&digits) => Some(Self(digits)),
            _ => None,
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ten-digit form, which exists only for the 978 prefix.
    pub fn isbn10(&self) -> Option<String> {
        let core = self.0.strip_prefix("978")?.get(..9)?;
        let sum: u32 = core.chars().zip((2..=10).rev()).filter_map(|(c, w)| Some(c.to_digit(10)? * w)).sum();
        let check = match (11 - sum % 11) % 11 {
            10 => 'X',
            digit => char::from_digit(digit, 10)?,
        };
        Some(format!("{core}{check}"))
    }
}

impl fmt::Display for Isbn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn digits_after_label(text: &str) -> String {
    let rest = &text[4..];
    let rest = rest.strip_prefix("-13").or_else(|| rest.strip_prefix("-10")).unwrap_or(rest);
    rest.chars().filter(|c| c.is_ascii_digit() || *c == 'X' || *c == 'x').collect::<String>().to_ascii_uppercase()
}

fn isbn10_holds(digits: &str) -> bool {
    let mut sum = 0;
    for (position, c) in digits.chars().enumerate() {
        let value = match c {
            'X' if position == 9 => 10,
            'X' => return false,
            digit => digit.to_digit(10).unwrap_or(0),
        };
        sum += value * (10 - position as u32);
    }
    sum % 11 == 0
}

fn isbn13_holds(digits: &str) -> bool {
    (digits.starts_with("978") || digits.starts_with("979")) && check13(&digits[..12]) == digits.chars().last()
}

fn to_isbn13(isbn10: &str) -> String {
    let core = format!("978{}", &isbn10[..9]);
    let check = check13(&core).unwrap_or('0');
    format!("{core}{check}")
}

fn check13(twelve: &str) -> Option<char> {
    let mut sum = 0;
    for (position, c) in twelve.chars().enumerate() {
        sum += c.to_digit(10)? * if position % 2 == 0 { 1 } else { 3 };
    }
    char::from_digit((10 - sum % 10) % 10, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn isbns_are_read_in_every_form_people_write() {
        for (text, expected) in [
            ("9780441172719", Some("9780441172719")),
            ("978-0-441-17271-9", Some("9780441172719")),
            ("0441172717", Some("9780441172719")),
            ("441172717", Some("9780441172719")),
            ("=\"0312195516\"", Some("9780312195519")),
            ("=\"\"", None),
            ("[]", None),
            ("???", None),
            ("080442957X", Some("9780804429573")),
            ("9780441172710", None),
            ("9.78053E+12", None),
            ("ISBN-13: 978-0441172719", Some("9780441172719")),
        ] {
            assert_eq!(Isbn::parse(text).as_ref().map(Isbn::as_str), expected, "{text}");
        }
    }

    #[test]
    fn an_isbn_13_gives_back_its_isbn_10() {
        assert_eq!(Isbn::parse("9780441172719").unwrap().isbn10().unwrap(), "0441172717");
        assert_eq!(Isbn::parse("9780804429573").unwrap().isbn10().unwrap(), "080442957X");
    }

    #[test]
    fn names_are_joined_as_a_sentence_would() {
        let names = |n: &[&str]| join_names(&n.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(names(&["A"]), "A");
        assert_eq!(names(&["A", "B"]), "A and B");
        assert_eq!(names(&["A", "B", "C"]), "A, B and C");
    }
}
