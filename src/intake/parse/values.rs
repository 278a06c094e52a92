//! How values are read: dates, years, ISBNs, tags, languages, addresses.

use super::{
    date::{self, When},
    front_matter::{Place, Scalar, Value, key_name},
    markup,
    metadata::Found,
};
use crate::domain::{Isbn, Moment};

/// Longest tag, in characters, and most tags kept.
const TAG_CHARS_MAX: usize = 60;
const TAGS_MAX: usize = 60;

/// The dates in a value: each reading's last day, and the first day of the first where ranges are given.
#[derive(Debug, Default, PartialEq)]
pub struct Dates {
    pub days: Vec<Moment>,
    pub started: Option<Moment>,
    /// What was written as a date and is none.
    pub wrong: Vec<(String, Place)>,
}

/// Reads a date, a list of dates, a range, or `{start, end}` mappings; flags and years are passed over.
pub fn dates(value: &Value) -> Dates {
    let mut dates = Dates::default();
    read_dates(value, &mut dates);
    dates
}

fn read_dates(value: &Value, dates: &mut Dates) {
    match value {
        Value::Scalar(scalar) if scalar.is_null() || scalar.flag().is_some() => {}
        Value::Scalar(scalar) => read_date(scalar, dates),
        Value::List(items) => items.iter().for_each(|item| read_dates(item, dates)),
        Value::Map(entries) => {
            for entry in entries {
                match key_name(&entry.key).as_str() {
                    "start" | "started" | "begin" | "from" | "startdate" | "datestarted" | "dateadded" => {
                        let mut inner = Dates::default();
                        read_dates(&entry.value, &mut inner);
                        dates.started = dates.started.or(inner.days.first().copied());
                    }
                    "end" | "ended" | "finish" | "finished" | "to" | "date" | "read" | "enddate" | "datefinished"
                    | "finishdate" | "stop" | "dateread" => {
                        read_dates(&entry.value, dates);
                    }
                    _ => {}
                }
            }
        }
    }
}

fn read_date(scalar: &Scalar, dates: &mut Dates) {
    let text = markup::without_links(&markup::visible(&scalar.text));
    match date::read(&text) {
        Some(When::At(moment)) => dates.days.push(moment),
        Some(When::From(from, to)) => {
            dates.days.push(to);
            dates.started = dates.started.or(Some(from));
        }
        Some(When::Year(_)) => {}
        None => {
            // Several dates in one text.
            let parts: Vec<_> = text.split([',', ';']).map(date::one).collect();
            if parts.len() > 1 && parts.iter().all(Option::is_some) {
                dates.days.extend(parts.into_iter().flatten());
            } else if text.chars().any(|c| c.is_ascii_digit()) {
                dates.wrong.push((scalar.text.trim().to_owned(), scalar.place));
            }
        }
    }
}

/// A year of publication, negative before the common era; from `2016`, `'-600'`, `600 BC`, `c. 1890`, `2016-05-04`.
pub fn year(scalar: &Scalar) -> Option<i32> {
    let text = scalar.text.trim();
    if let Ok(year) = text.parse::<i32>() {
        return (-4000..=2200).contains(&year).then_some(year);
    }
    if let Ok(year) = text.parse::<f64>() {
        return (-4000.0..=2200.0).contains(&year).then_some(year as i32);
    }
    let before = ["bc", "bce", "b.c.", "v. chr.", "av. j.-c."].iter().any(|era| text.to_lowercase().ends_with(era));
    let runs = text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    let number = if before { runs.clone().next() } else { runs.clone().find(|run| run.len() == 4) };
    let year: i32 = number?.parse().ok()?;
    let negative = before || text.starts_with('-');
    (year <= 2200).then_some(if negative { -year } else { year })
}

/// The first sound ISBN of a value; a float or a list is repaired where its check digit holds.
pub fn isbn(value: &Value) -> Option<Isbn> {
    value.scalars().iter().find_map(|scalar| {
        let text = scalar.text.trim();
        let text = text.strip_suffix(".0").unwrap_or(text);
        let text = if text.starts_with("http") { text.rsplit('/').next().unwrap_or(text) } else { text };
        Isbn::parse(text)
            .or_else(|| text.split([',', ' ', '/', ';']).find_map(Isbn::parse))
            .or_else(|| zero_padded(text))
    })
}

/// An unquoted ISBN-10 loses every leading zero, not only the first.
fn zero_padded(text: &str) -> Option<Isbn> {
    let sound = (7..9).contains(&text.len()) && text.bytes().take(text.len() - 1).all(|byte| byte.is_ascii_digit());
    if sound { Isbn::parse(&format!("{text:0>10}")) } else { None }
}

/// All tags of a file, each once, as written but for `#` and brackets.
pub fn tags(found: &[&Found<'_>]) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for found in found {
        let name = key_name(&found.key);
        let by_space = name.ends_with("tags") || name.ends_with("categories");
        let listed = matches!(found.value, Value::List(_));
        for scalar in found.value.scalars() {
            if !scalar.quoted && scalar.flag().is_some() && scalar.text.parse::<f64>().is_err() {
                continue;
            }
            for tag in split_tags(&scalar.text, by_space && !listed) {
                let again = tags.iter().any(|have| have.to_lowercase() == tag.to_lowercase());
                if !again && tags.len() < TAGS_MAX {
                    tags.push(tag);
                }
            }
        }
    }
    tags
}

/// Adds tags found elsewhere, each once; whether there was any.
pub fn more_tags(tags: &mut Vec<String>, found: &[String]) -> bool {
    for tag in found.iter().flat_map(|tag| split_tags(tag, false)) {
        if tags.len() < TAGS_MAX && !tags.iter().any(|have| have.to_lowercase() == tag.to_lowercase()) {
            tags.push(tag);
        }
    }
    !found.is_empty()
}

/// `a, b`, `#a #b`, `fiction/fantasy`, `[[Page]] [[Other]]`; Jekyll's `tags: a b` is parted by spaces.
fn split_tags(text: &str, by_space: bool) -> Vec<String> {
    let wiki = text.contains("[[");
    let text = if wiki {
        markup::without_links(&text.replace("]][[", "]], [[").replace("]] [[", "]], [["))
    } else {
        text.to_owned()
    };
    let hashed = text.split_whitespace().count() > 1 && text.split_whitespace().all(|word| word.starts_with('#'));
    let comma = text.contains([',', ';', '|']);
    let spaced = !wiki && !comma && (hashed || by_space);
    let parts = text.split(|c: char| matches!(c, ',' | ';' | '|') || c == '/' || (spaced && c.is_whitespace()));
    parts
        .map(|part| markup::plain(part.trim().trim_start_matches('#').trim_matches(['"', '\'', '[', ']'])))
        .filter(|tag| {
            tag.chars().any(char::is_alphanumeric) && tag.chars().count() <= TAG_CHARS_MAX && !tag.contains("{{")
        })
        .collect()
}

/// BCP 47, from `en_GB`, `English`, `Deutsch`.
pub fn language(text: &str) -> Option<String> {
    let text = text.trim().replace('_', "-");
    let known = [
        ("english", "en"),
        ("deutsch", "de"),
        ("german", "de"),
        ("french", "fr"),
        ("français", "fr"),
        ("spanish", "es"),
        ("español", "es"),
        ("italian", "it"),
        ("italiano", "it"),
        ("dutch", "nl"),
        ("nederlands", "nl"),
        ("portuguese", "pt"),
        ("português", "pt"),
        ("polish", "pl"),
        ("polski", "pl"),
        ("swedish", "sv"),
        ("svenska", "sv"),
        ("danish", "da"),
        ("dansk", "da"),
        ("norwegian", "no"),
        ("finnish", "fi"),
        ("suomi", "fi"),
        ("czech", "cs"),
        ("russian", "ru"),
        ("русский", "ru"),
        ("japanese", "ja"),
        ("日本語", "ja"),
        ("chinese", "zh"),
        ("中文", "zh"),
        ("korean", "ko"),
    ];
    if let Some((_, tag)) = known.iter().find(|(name, _)| *name == text.to_lowercase()) {
        return Some((*tag).to_owned());
    }
    let mut parts = text.split('-');
    let primary = parts.next().filter(|p| (2..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphabetic()))?;
    let sound =
        parts.all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    sound.then(|| format!("{}{}", primary.to_ascii_lowercase(), &text[primary.len()..]))
}

/// The path of an address the review had: `https://x.example/a/` → `/a/`; names of notes are no paths.
pub fn address_path(text: &str) -> Option<String> {
    let text = text.trim();
    if text.contains(':') && !text.starts_with("http") || text.contains(['{', ' ', '\n']) {
        return None;
    }
    if text.starts_with("http") {
        return url::Url::parse(text).ok().map(|url| url.path().to_owned()).filter(|path| path.len() > 1);
    }
    text.contains('/').then(|| format!("/{}", text.trim_start_matches('/'))).filter(|path| path.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(text: &str) -> Value {
        Value::plain(text, Place::START)
    }

    #[test]
    fn years_isbns_and_languages_are_read_in_every_form() {
        let of = |text: &str| match scalar(text) {
            Value::Scalar(scalar) => year(&scalar),
            Value::List(_) | Value::Map(_) => None,
        };
        assert_eq!(
            [of("2016"), of("-600"), of("600 BC"), of("c. 1890"), of("2016-05-04"), of("soon")],
            [Some(2016), Some(-600), Some(-600), Some(1890), Some(2016), None]
        );
        assert_eq!(isbn(&scalar("9780441172719.0")).unwrap().as_str(), "9780441172719");
        assert_eq!(isbn(&scalar("441172717")).unwrap().as_str(), "9780441172719");
        assert_eq!(isbn(&scalar("0441172717 9780441172719")).unwrap().as_str(), "9780441172719");
        assert_eq!(isbn(&scalar("12")), None);
        assert_eq!(language("en_GB").as_deref(), Some("en-GB"));
        assert_eq!(language("Deutsch").as_deref(), Some("de"));
        assert_eq!(language("Klingon!"), None);
    }

    #[test]
    fn tags_are_read_in_every_form() {
        let check =
            |text: &str, by_space: bool, expected: &[&str]| assert_eq!(split_tags(text, by_space), expected, "{text}");
        check("a, b c", true, &["a", "b c"]);
        check("a b", true, &["a", "b"]);
        check("science fiction", false, &["science fiction"]);
        check("#a #b", false, &["a", "b"]);
        check("[[Science Fiction]] [[B]]", true, &["Science Fiction", "B"]);
        check("fiction/fantasy", false, &["fiction", "fantasy"]);
        check("five-stars", true, &["five-stars"]);
    }
}
