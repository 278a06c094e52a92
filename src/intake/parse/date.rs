//! Dates as people write them, from `2024-12-4` to `January 1, 2025, 4:07 PM`.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::{Offset, TimeZone},
};

use crate::domain::Moment;

/// What a text about time turned out to say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    At(Moment),
    /// `2021/05/01-2021/05/11`: from the first day to the last.
    From(Moment, Moment),
    /// `2019`: too coarse for a date, and no mistake.
    Year(i32),
}

/// Month names and their abbreviations by their first letters, in the languages review folders were seen in.
const MONTHS: [&[&str]; 12] = [
    &["jan", "gen", "ene", "январ"],
    &["feb", "fév", "fev", "феврал"],
    &["mar", "mär", "mrz", "maart", "март"],
    &["apr", "avr", "abr", "апрел"],
    &["may", "mai", "mei", "mag", "май", "мая"],
    &["jun", "juin", "giu", "июн"],
    &["jul", "juil", "lug", "июл"],
    &["aug", "aoû", "aou", "ago", "август"],
    &["sep", "set", "сентябр"],
    &["oct", "okt", "ott", "out", "октябр"],
    &["nov", "ноябр"],
    &["dec", "dez", "déc", "dic", "декабр"],
];

/// Reads one date or a range; `None` where the text is none, or names a day that does not exist.
pub fn read(text: &str) -> Option<When> {
    let text = text.trim().trim_matches(['"', '\'', '[', ']', '<', '>', '(', ')', '“', '”']).trim();
    if text.len() > 64 {
        return None;
    }
    if let Some(moment) = one(text) {
        return Some(When::At(moment));
    }
    if let Some((from, to)) = range(text) {
        return Some(When::From(from, to));
    }
    let year: i32 = if text.len() == 4 { text.parse().ok()? } else { return None };
    (1000..3000).contains(&year).then_some(When::Year(year))
}

/// Reads one date, alone in its text.
pub fn one(text: &str) -> Option<Moment> {
    let words = words(text);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (date, rest) = numeric(&words).or_else(|| named(&words))?;
    match date {
        Day::Month(first) => rest.is_empty().then_some(Moment::Month(first)),
        Day::Day(date) => with_time(date, rest),
    }
}

enum Day {
    Month(Date),
    Day(Date),
}

/// Splits at white space and before a time's `T`; drops weekdays, commas and the like.
fn words(text: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(text.len() + 4);
    let bytes = text.as_bytes();
    for (at, c) in text.char_indices() {
        let digit = |index: Option<usize>| index.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
        let between_digits = digit(at.checked_sub(1)) && digit(Some(at + 1));
        match c {
            'T' | 't' if between_digits => spaced.push(' '),
            ',' => spaced.push(' '),
            _ => spaced.push(c),
        }
    }
    let weekday = |word: &str| {
        let word = word.trim_end_matches('.').to_lowercase();
        word.chars().all(char::is_alphabetic)
            && ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "mo", "di", "mi", "do", "fr", "sa", "so", "lun", "jeu"]
                .iter()
                .any(|day| word == *day || (day.len() > 2 && word.starts_with(day) && word.contains("day")))
            || matches!(word.as_str(), "at" | "of" | "the" | "on" | "um" | "de" | "tues" | "thurs" | "weds")
    };
    spaced.split_whitespace().filter(|word| !weekday(word)).map(ToOwned::to_owned).collect()
}

/// `2024-12-4`, `2024/12/04`, `2020-09`, `04.12.2024`, `12/25/2024`, `20240904`.
fn numeric<'w, 'a>(words: &'w [&'a str]) -> Option<(Day, &'w [&'a str])> {
    let (first, rest) = words.split_first()?;
    let parts: Vec<&str> = first.split(['-', '/', '.', '‑', '–']).collect();
    if parts.iter().any(|part| part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let number = |part: &str| part.parse::<i16>().ok();
    let day = match parts.as_slice() {
        [whole] if whole.len() == 8 => day(number(&whole[..4])?, number(&whole[4..6])?, number(&whole[6..])?)?,
        [y, m] if y.len() == 4 && m.len() <= 2 => {
            Day::Month(Date::new(number(y)?, number(m)?.try_into().ok()?, 1).ok()?)
        }
        [m, y] if y.len() == 4 && m.len() <= 2 => {
            Day::Month(Date::new(number(y)?, number(m)?.try_into().ok()?, 1).ok()?)
        }
        [y, m, d] if y.len() == 4 && m.len() <= 2 && d.len() <= 2 => day(number(y)?, number(m)?, number(d)?)?,
        // Day first, as most of the world writes it, unless only the American order makes sense.
        [d, m, y] if y.len() == 4 && m.len() <= 2 && d.len() <= 2 => day(number(y)?, number(m)?, number(d)?)
            .or_else(|| day(number(y).unwrap_or(0), number(d).unwrap_or(0), number(m).unwrap_or(0)))?,
        _ => return None,
    };
    Some((day, rest))
}

fn day(year: i16, month: i16, day: i16) -> Option<Day> {
    let date = Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    (year >= 1000).then_some(Day::Day(date))
}

/// `January 1 2025`, `1 January 2025`, `Jan 1st 2025`, `2025 January`, `September 2020`, `1-Jan-2025`.
fn named<'w, 'a>(words: &'w [&'a str]) -> Option<(Day, &'w [&'a str])> {
    let joined: Vec<&str> = words.first()?.split('-').collect();
    if let [d, m, y] = joined.as_slice() {
        let date = day(y.parse().ok()?, month(m)?, ordinal(d)?)?;
        return Some((date, &words[1..]));
    }
    let of_month = |y: &str, m: &str| -> Option<Day> {
        Some(Day::Month(Date::new(year(y)?, month(m)?.try_into().ok()?, 1).ok()?))
    };
    if let [a, b, c, rest @ ..] = words {
        let full = match (month(a), month(b)) {
            (Some(m), _) if year(c).is_some() => day(year(c)?, m, ordinal(b)?),
            (_, Some(m)) if year(c).is_some() => day(year(c)?, m, ordinal(a)?),
            (_, Some(m)) if year(a).is_some() => day(year(a)?, m, ordinal(c)?),
            _ => None,
        };
        if let Some(date) = full {
            return Some((date, rest));
        }
    }
    match words {
        [a, b] => of_month(b, a).or_else(|| of_month(a, b)).map(|date| (date, &words[2..])),
        _ => None,
    }
}

fn year(word: &str) -> Option<i16> {
    if word.len() == 4 { word.parse().ok().filter(|year| *year >= 1000) } else { None }
}

fn month(word: &str) -> Option<i16> {
    let word = word.trim_end_matches('.').to_lowercase();
    if word.chars().count() < 3 || !word.chars().all(char::is_alphabetic) {
        return None;
    }
    let at = MONTHS.iter().position(|names| names.iter().any(|name| word.starts_with(name)))?;
    i16::try_from(at + 1).ok()
}

fn ordinal(word: &str) -> Option<i16> {
    let digits = word.trim_end_matches(|c: char| c.is_alphabetic() || c == '.' || c == 'º');
    if digits.len() <= 2 { digits.parse().ok() } else { None }
}

/// Reads what follows a day: nothing, a time, a time zone. Midnight is no time but the lack of one.
fn with_time(date: Date, rest: &[&str]) -> Option<Moment> {
    let Some((clock, rest)) = rest.split_first() else { return Some(Moment::Day(date)) };
    let (clock, glued_zone) = split_zone(clock);
    let (meridiem, rest) = match rest.split_first() {
        Some((word, rest)) if meridiem(word).is_some() => (meridiem(word), rest),
        _ => (meridiem(clock.trim_start_matches(|c: char| c.is_ascii_digit() || ":.".contains(c))), rest),
    };
    let clock = clock.trim_end_matches(|c: char| c.is_alphabetic() || c == '.');
    let time = time(clock, meridiem)?;
    let zone = if glued_zone.is_empty() { rest.join("") } else { glued_zone.to_owned() };
    if time == Time::midnight() {
        return Some(Moment::Day(date));
    }
    instant(date.to_datetime(time), &zone).map(Moment::Instant)
}

/// `10:00:00+01:00` → `10:00:00` and `+01:00`.
fn split_zone(clock: &str) -> (&str, &str) {
    let cut = clock.find(['+', '-', '−', 'Z', 'z', '[']).unwrap_or(clock.len());
    clock.split_at(cut)
}

fn meridiem(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().replace('.', "").as_str() {
        "am" => Some(false),
        "pm" => Some(true),
        _ => None,
    }
}

fn time(clock: &str, afternoon: Option<bool>) -> Option<Time> {
    let mut parts = clock.split(':');
    let mut hour: i8 = parts.next()?.parse().ok()?;
    let minute: i8 = parts.next().map_or(Some(0), |part| part.parse().ok())?;
    let second: i8 =
        parts.next().map_or(Some(0), |part| part.split('.').next().and_then(|whole| whole.parse().ok()))?;
    match afternoon {
        Some(true) if hour < 12 => hour += 12,
        Some(false) if hour == 12 => hour = 0,
        Some(_) => {}
        None if !clock.contains(':') => return None,
        None => {}
    }
    Time::new(hour, minute, second.min(59), 0).ok()
}

/// No zone is UTC: the only choice that is the same on every machine.
fn instant(at: DateTime, zone: &str) -> Option<Timestamp> {
    let zone = zone.split('[').next().unwrap_or(zone).trim();
    let offset = match zone.to_ascii_uppercase().as_str() {
        "" | "Z" | "UTC" | "GMT" => Offset::UTC,
        signed if signed.starts_with(['+', '-']) => {
            let digits: String = signed.chars().filter(char::is_ascii_digit).collect();
            let (hours, minutes) = match digits.len() {
                1 | 2 => (digits.parse().ok()?, 0),
                4 => (digits[..2].parse::<i32>().ok()?, digits[2..].parse::<i32>().ok()?),
                _ => return None,
            };
            let seconds = (hours * 60 + minutes) * 60;
            Offset::from_seconds(if signed.starts_with('-') { -seconds } else { seconds }).ok()?
        }
        // Names of zones (`CET`, `Europe/Berlin`) mean too many things: the day is right, which is what is shown.
        _ => Offset::UTC,
    };
    at.to_zoned(TimeZone::fixed(offset)).ok().map(|zoned| zoned.timestamp())
}

/// Two dates with a dash or `to` between them.
fn range(text: &str) -> Option<(Moment, Moment)> {
    for separator in [" - ", " – ", " — ", " to ", "–", "—", "->", "→", "..", " bis "] {
        if let Some((from, to)) = text.split_once(separator) {
            return Some((one(from)?, one(to)?));
        }
    }
    // `2021/05/01-2021/05/11`: the dash in the middle.
    let middle = text.len() / 2;
    let (from, to) = (text.get(..middle)?, text.get(middle..)?.strip_prefix('-')?);
    Some((one(from)?, one(to)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(one(text).map(|moment| moment.to_string()).as_deref(), expected, "{text}");
    }

    #[test]
    fn dates_are_read_in_every_form_people_write() {
        for (text, expected) in [
            ("2020-09-01", "2020-09-01"),
            ("2024-12-4", "2024-12-04"),
            ("2020/09/01", "2020-09-01"),
            ("20200901", "2020-09-01"),
            ("2020-09", "2020-09"),
            ("20-01-2026", "2026-01-20"),
            ("22/09/2025", "2025-09-22"),
            ("12/25/2024", "2024-12-25"),
            ("1.9.2020", "2020-09-01"),
            ("January 1, 2025", "2025-01-01"),
            ("Wednesday, 1 January 2025", "2025-01-01"),
            ("Jan 1st, 2025", "2025-01-01"),
            ("1. März 2021", "2021-03-01"),
            ("3 août 2019", "2019-08-03"),
            ("5-Feb-2019", "2019-02-05"),
            ("September 2020", "2020-09"),
            ("2020-09-01T10:00:00Z", "2020-09-01T10:00:00Z"),
            ("2016-11-09 11:05:00 +0100", "2016-11-09T10:05:00Z"),
            ("2020-09-01T10:00:00.123-05:00", "2020-09-01T15:00:00Z"),
            ("2020-09-01 00:00:00 +0100", "2020-09-01"),
            ("2020-09-01T00:00:00.000Z", "2020-09-01"),
            ("2020-09-01 4:07 PM", "2020-09-01T16:07:00Z"),
            ("September 1, 2020 4:07pm", "2020-09-01T16:07:00Z"),
            ("Tue, 01 Sep 2020 10:00:00 +0200", "2020-09-01T08:00:00Z"),
            ("2020-09-01 Tue", "2020-09-01"),
            ("1998-05-04", "1998-05-04"),
        ] {
            check(text, Some(expected));
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in ["2011-010-11", "202-08-11", "2023-02-30", "2023-13-01", "soon", "", "true", "4", "99/99/9999", "é"]
        {
            check(text, None);
        }
    }

    #[test]
    fn ranges_and_years_are_told_apart() {
        assert!(matches!(read("2021/05/01-2021/05/11"), Some(When::From(..))));
        assert!(matches!(read("2021-05-01 to 2021-05-11"), Some(When::From(..))));
        assert_eq!(read("2019"), Some(When::Year(2019)));
        assert_eq!(read("[2020-09-01 Tue]"), Some(When::At("2020-09-01".parse().unwrap())));
    }
}
