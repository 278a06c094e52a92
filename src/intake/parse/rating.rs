//! Ratings as people write them: `4.5/5`, `★★★★½`, `A-`, `👍`, `Hilariously bad`.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::Rating;

/// Longest rating in words; anything longer is prose.
const WORDS_CHARS_MAX: usize = 60;

/// A number no scale holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Impossible {
    pub raw: String,
}

static FRACTION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^ (?:(?P<value>\d{1,3}(?:[.,]\d{1,2})?) (?P<half>\s*½|[\s+]+1/2)? | (?P<alone>½) ) \s*
        (?:stars?|sterne?n?|étoiles?|estrellas|points?|punkte)? \s*
        (?: (?:/|out\s+of|of|von|sur|de|su|av|på|van\s+de) \s* (?P<best>\d{1,3}) ) \s*
        (?:stars?|sterne?n?|étoiles?|estrellas|points?|punkte|[⭐★🌟]\x{fe0f}?)? (?:\s.*|[,;.(].*)? $",
    )
    .ok()
});

static COUNTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^ (?P<value>\d{1,3}(?:[.,]\d{1,2})?) (?P<half>\s*½|[\s+]+1/2)? \s*
        (?: (?P<stars>(?:-?\s?(?:stars?|sterne?n?|étoiles?|estrellas|stelle)\b)|[⭐★🌟]\x{fe0f}?) | (?P<percent>%) )? (?P<rest>.*) $",
    )
    .ok()
});

/// Reads what stands behind a rating's key or label.
///
/// `Ok(None)` where it says that there is no rating; words, letters and thumbs keep their raw form and no value.
///
/// # Errors
/// [`Impossible`] for a number above its own scale, or below nothing.
pub fn read(text: &str) -> Result<Option<Rating>, Impossible> {
    let raw = text.trim().trim_matches(['"', '“', '”']).trim();
    if is_unrated(raw) || raw.chars().count() > WORDS_CHARS_MAX {
        return Ok(None);
    }
    if let Some(rating) = numbered(raw)? {
        return Ok(Some(rating));
    }
    Ok(Some(starred(raw).unwrap_or_else(|| Rating { raw: raw.to_owned(), value: None, best: None })))
}

/// Reads a rating only where it is one without doubt: it names its scale or consists of stars, letters or thumbs. For
/// places where anything else may stand too, such as the end of a heading.
pub fn unmistakable(text: &str) -> Option<Rating> {
    let raw = text.trim();
    if let Some(stars) = starred(raw) {
        return Some(stars);
    }
    let rating = numbered(raw).ok()??;
    (rating.best.is_some() && raw.chars().count() <= 20).then_some(rating)
}

fn is_unrated(raw: &str) -> bool {
    matches!(
        raw.to_lowercase().as_str(),
        "" | "-"
            | "--"
            | "—"
            | "–"
            | "?"
            | "??"
            | "???"
            | "n/a"
            | "na"
            | "none"
            | "null"
            | "nil"
            | "unrated"
            | "tbd"
            | "tba"
            | "not rated"
            | "no rating"
            | "/5"
            | "/10"
            | "x/5"
            | "?/5"
            | "~"
            | "[]"
            | "false"
            | "true"
            | "todo"
            | "nan"
            | "-/5"
    ) || raw.contains("{{")
}

fn numbered(raw: &str) -> Result<Option<Rating>, Impossible> {
    let impossible = || Impossible { raw: raw.to_owned() };
    if let Some(found) = FRACTION.as_ref().and_then(|regex| regex.captures(raw)) {
        let half = if found.name("half").is_some() || found.name("alone").is_some() { 0.5 } else { 0.0 };
        let value = found.name("value").map_or(Some(0.0), |value| number(value.as_str()));
        let best = found.name("best").and_then(|best| number(best.as_str()));
        if let (Some(value), Some(best)) = (value, best) {
            let value = value + half;
            if value > best || best <= 0.0 {
                return Err(impossible());
            }
            return Ok(Some(Rating { raw: raw.to_owned(), value: Some(value), best: Some(best) }));
        }
    }
    if raw.starts_with('-') && number(&raw[1..]).is_some() {
        return Err(impossible());
    }
    let Some(found) = COUNTED.as_ref().and_then(|regex| regex.captures(raw)) else { return Ok(None) };
    let rest = found.name("rest").map_or("", |rest| rest.as_str());
    // `4 (liked it)` is a 4; `451 degrees` or `3rd best` are words.
    if !rest.is_empty()
        && !rest.trim_start().starts_with(['(', ',', ';', '.', '-', '–', '—', '!'])
        && found.name("stars").is_none()
    {
        return Ok(None);
    }
    let Some(value) = found.name("value").and_then(|value| number(value.as_str())) else { return Ok(None) };
    let value = value + if found.name("half").is_some() { 0.5 } else { 0.0 };
    let best = match (found.name("percent"), found.name("stars")) {
        (Some(_), _) => Some(100.0),
        (None, Some(_)) if value <= 5.0 => Some(5.0),
        (None, _) => None,
    };
    if value > best.unwrap_or(100.0) {
        return Err(impossible());
    }
    Ok(Some(Rating { raw: raw.to_owned(), value: Some(value), best }))
}

fn number(text: &str) -> Option<f64> {
    text.trim().replace(',', ".").parse().ok()
}

/// `⭐⭐⭐`, `★★★☆☆`, `★★★★½`, `⭐️⭐️⭐️/5`, `****`: nothing but stars.
fn starred(raw: &str) -> Option<Rating> {
    let (stars, best) = match raw.rsplit_once('/') {
        Some((stars, best)) if !stars.trim_end().ends_with('1') => (stars, Some(number(best)?)),
        _ => (raw, None),
    };
    let stars = stars.trim().trim_start_matches('(').trim_end_matches(')').replace("1/2", "½");
    let (mut full, mut empty, mut half) = (0_u32, 0_u32, 0_u32);
    for c in stars.chars() {
        match c {
            '★' | '⭐' | '🌟' | '✭' | '✮' | '✯' | '✰' | '🟊' => full += 1,
            '*' => full += 1,
            '☆' | '⚝' => empty += 1,
            '½' | '⯪' | '⯨' | '✨' => half += 1,
            '\u{fe0f}' | '\u{fe0e}' | '+' | ' ' | '\u{a0}' | '\u{200b}' => {}
            _ => return None,
        }
    }
    let value = f64::from(full) + 0.5 * f64::from(half);
    if full + half + empty == 0 || half > 1 || full + empty > 10 {
        return None;
    }
    let counted = f64::from(full + empty + u32::from(empty > 0) * half);
    let best = best.unwrap_or(if counted > 5.0 { 10.0 } else { 5.0 });
    (value <= best).then(|| Rating { raw: raw.to_owned(), value: Some(value), best: Some(best) })
}

/// The best value of a folder's bare numbers: 5, 10 or 100.
///
/// The smallest of the three that holds them all, typing mistakes set aside: a value above 10 in a folder of at least five
/// ratings, and in large folders one in fifty, is a `44.0` typed for `4.0` and does not rescale everybody. A value between
/// 5 and 10 is no such mistake: one 7 among 4s says that the folder counts to ten.
pub fn infer_scale(bare_ratings: impl Iterator<Item = f64>) -> f64 {
    let ratings: Vec<f64> = bare_ratings.filter(|value| value.is_finite() && *value >= 0.0).collect();
    let strays = match ratings.len() {
        0..=4 => 0,
        5..=99 => 1,
        many => many / 50,
    };
    for best in [5.0, 10.0] {
        let above: Vec<f64> = ratings.iter().copied().filter(|value| *value > best).collect();
        let typos = above.iter().all(|value| *value > 10.0);
        if above.is_empty() || (typos && above.len() <= strays) {
            return best;
        }
    }
    100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(Option<f64>, Option<f64>)>) {
        let read = read(text).unwrap();
        assert_eq!(read.map(|rating| (rating.value, rating.best)), expected, "{text}");
    }

    #[test]
    fn ratings_are_read_in_every_form_people_write() {
        let of = |value: f64, best: f64| Some((Some(value), Some(best)));
        let bare = |value: f64| Some((Some(value), None));
        let words = Some((None, None));
        for (text, expected) in [
            ("4.5/5", of(4.5, 5.0)),
            ("4,5 / 5", of(4.5, 5.0)),
            ("3½/5", of(3.5, 5.0)),
            ("8/10 would read again", of(8.0, 10.0)),
            ("4 out of 5 stars", of(4.0, 5.0)),
            ("4 von 5 Sternen", of(4.0, 5.0)),
            ("4 stars", of(4.0, 5.0)),
            ("4.5 stars – loved it", of(4.5, 5.0)),
            ("80%", of(80.0, 100.0)),
            ("4", bare(4.0)),
            ("4.25", bare(4.25)),
            ("4 (liked it)", bare(4.0)),
            ("⭐⭐⭐", of(3.0, 5.0)),
            ("⭐️⭐️⭐️⭐️⭐️", of(5.0, 5.0)),
            ("⭐⭐⭐/5", of(3.0, 5.0)),
            ("★★★★½", of(4.5, 5.0)),
            ("★★★☆☆", of(3.0, 5.0)),
            ("★★★½☆", of(3.5, 5.0)),
            ("⭐⭐⭐⭐⭐⭐⭐/10", of(7.0, 10.0)),
            ("****", of(4.0, 5.0)),
            ("A-", words),
            ("👍👍", words),
            ("👎", words),
            ("Hilariously bad", words),
            ("", None),
            ("N/A", None),
            ("null", None),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn impossible_ratings_are_told() {
        assert!(read("6/5").is_err());
        assert!(read("-1").is_err());
        assert!(read("440").is_err());
        assert_eq!(read("44.0").unwrap().unwrap().value, Some(44.0));
    }

    #[test]
    fn a_scale_is_inferred_and_one_typo_does_not_change_it() {
        let many = |value: f64, times: usize| std::iter::repeat_n(value, times);
        assert_eq!(infer_scale(many(4.0, 10)), 5.0);
        assert_eq!(infer_scale(many(4.0, 10).chain([7.0])), 10.0);
        assert_eq!(infer_scale(many(4.0, 10).chain([44.0])), 5.0);
        assert_eq!(infer_scale(many(8.0, 10).chain([85.0])), 10.0);
        assert_eq!(infer_scale(many(80.0, 10)), 100.0);
        assert_eq!(infer_scale([3.0, 88.0].into_iter()), 100.0);
        assert_eq!(infer_scale(std::iter::empty()), 5.0);
    }

    #[test]
    fn prose_is_never_unmistakably_a_rating() {
        for text in ["all of them would've gotten 5/5", "4", "good", "1984", "2001", "24/7 in the office all year long"]
        {
            assert_eq!(unmistakable(text), None, "{text}");
        }
        assert!(unmistakable("★★★★").is_some());
        assert!(unmistakable("4/5").is_some());
    }
}
