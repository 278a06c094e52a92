//! The title of the work, taken out of what people write into a title: prefixes, "by" lines, series, stars.

use std::sync::LazyLock;

use regex::Regex;

use super::{markup, people};
use crate::domain::{Rating, Series};

/// Longest title kept, in characters.
const TITLE_CHARS_MAX: usize = 300;

/// What a title turned out to say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Titled {
    pub title: String,
    /// "… by Y": certain enough to be the author where nothing else names one.
    pub authors: Vec<String>,
    pub series: Option<Series>,
    pub rating: Option<Rating>,
    /// It called itself a review.
    pub is_review: bool,
}

static PREFIX: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^ (?:
            \(read\s+\d+\) \s*
          | \[ (?:book\s+|film\s+|arc\s+)? review \] \s* [:–—-]? \s*
          | (?:(?:my|a|short|mini|quick|the|arc|audio)\s+)* (?:book|film|movie|novel|audiobook|comic|manga|series|game|tv|arc)?
            \s* (?:reviews?|rezension|buchrezension|kritik|buchkritik|critique|reseña|recensione|recensie|recension|recenzja)
            (?:\s*\#?\d+)? \s* (?:[:：–—|]+|\s-|-\s) \s*
          | (?:(?:my|a|short|book)\s+)* review \s+ (?:of|on):? \s+
          | book\s+(?:report|notes?)(?:\s*\#?\d+)? \s* (?:[:：–—|]+|\s-|\bon\b) \s* | notes: \s*
          | (?:book|novel|audiobook|film|movie|buch|livre|libro) (?:\s*\#?\d+)? \s* (?:[:：–—|]+|\s-\s) \s*
          | (?:rezension|buchrezension|buchkritik|reseña|recensie) \s+ (?:zu|von|de|van) \s+
        )",
    )
    .ok()
});

static SUFFIX: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) (?: \s* [:–—|-] \s* (?:a\s+|my\s+|book\s+|short\s+|quick\s+|film\s+)* (?:review|rezension|buchkritik|critique|reseña)
          | \s* [(\[] (?:a\s+|my\s+|book\s+|short\s+|film\s+)* review [)\]]
          | \s+ book\s+review ) \s* $",
    )
    .ok()
});

static SERIES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^ (?P<title>.+?) \s* [(\[] (?P<name>[^()\[\]]+?) \s*,? \s*
          (?: \# | (?:book|vol\.?|volume|no\.?|part|band|tome|teil) \s* \#? | , \s* \#? ) \s*
          (?P<position>\d+(?:\.\d+)?(?:\s*[-–]\s*\d+(?:\.\d+)?)?) \s* (?:;[^()]*)? [)\]] \s* $",
    )
    .ok()
});

static SERIES_IN_KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^ (?P<name>.+?) \s*,? \s* [(]? (?: \# | \b(?:book|vol\.?|volume|no\.?|part|band|tome|teil) \s* \#? ) \s*
          (?P<position>\d+(?:\.\d+)?(?:\s*[-–]\s*\d+)?) [)]? \s* $",
    )
    .ok()
});

/// Reads a title as written, markup and all. `known` are the authors named elsewhere, which makes "X - Y" safe to part.
pub fn read(raw: &str, known: &[String]) -> Titled {
    let cited = cited(raw);
    let mut titled = Titled::default();
    let mut title = markup::plain(cited.as_deref().unwrap_or(raw));
    if let Some(prefix) = PREFIX.as_ref().and_then(|regex| regex.find(&title)).filter(|found| found.end() < title.len())
    {
        titled.is_review = prefix.as_str().to_lowercase().contains("re");
        title = title[prefix.end()..].to_owned();
    }
    if let Some(suffix) = SUFFIX.as_ref().and_then(|regex| regex.find(&title)).filter(|found| found.start() > 0) {
        titled.is_review = true;
        title.truncate(suffix.start());
    }
    title = take_rating(title, &mut titled.rating);
    title = take_series(title, &mut titled.series);
    title = take_authors(title, known, &mut titled);
    title = take_series(title, &mut titled.series);
    let title = markup::unwrapped(title.trim().trim_end_matches([',', ':', ';']).trim());
    titled.title = title.chars().take(TITLE_CHARS_MAX).collect();
    if titled.title.is_empty() {
        titled.title = markup::plain(raw).chars().take(TITLE_CHARS_MAX).collect();
    }
    titled
}

/// `Mistborn, #1`, `Monk & Robot Book 1`: a series with its position in one text.
pub fn read_series(text: &str) -> Option<Series> {
    let text = markup::plain(text);
    if text.is_empty() {
        return None;
    }
    match SERIES_IN_KEY.as_ref().and_then(|regex| regex.captures(&text)) {
        Some(found) => {
            Some(Series { name: found["name"].trim().to_owned(), position: Some(found["position"].to_owned()) })
        }
        None => Some(Series { name: text, position: None }),
    }
}

/// Whether two titles are the same but for case and punctuation, or one is the other without its subtitle.
pub fn same(one: &str, other: &str) -> bool {
    let bare = |title: &str| -> String {
        title.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let (one_bare, other_bare) = (bare(one), bare(other));
    let main = |title: &str| bare(title.split([':', '–', '—']).next().unwrap_or(title));
    !one_bare.is_empty() && (one_bare == other_bare || main(one) == other_bare || one_bare == main(other))
}

/// The words of the only `<cite>` in a title.
fn cited(raw: &str) -> Option<String> {
    let (before, rest) = raw.split_once("<cite")?;
    let inner = rest.split_once('>')?.1.split_once("</cite>")?;
    if inner.1.contains("<cite") {
        return None;
    }
    let after = markup::plain(inner.1);
    let (before, by) = (markup::plain(before), after.strip_prefix("by ").map(|name| format!("{} by {name}", inner.0)));
    Some(by.unwrap_or_else(|| if before.ends_with('’') { format!("{before} {}", inner.0) } else { inner.0.to_owned() }))
}

/// `Dune ★★★★`, `Dune (4/5)`, `Dune - 4/5`.
fn take_rating(title: String, rating: &mut Option<Rating>) -> String {
    let is_star = |c: char| matches!(c, '★' | '☆' | '⭐' | '🌟' | '½' | '\u{fe0f}' | ' ');
    let name = title.trim_end_matches(is_star);
    let (head, tail) = if title[name.len()..].contains(['★', '⭐', '🌟']) {
        (name, &title[name.len()..])
    } else if let Some((head, tail)) = title.strip_suffix(')').and_then(|inner| inner.rsplit_once('(')) {
        (head, tail)
    } else if let Some((head, tail)) = title.rsplit_once([' ', '\u{a0}']) {
        (head, tail)
    } else {
        return title;
    };
    match super::rating::unmistakable(tail) {
        Some(found) if !head.trim().is_empty() && (tail.contains(['★', '⭐', '🌟']) || tail.contains('/')) => {
            *rating = Some(found);
            head.trim_end_matches(|c: char| c.is_whitespace() || "-–—|:,(".contains(c)).to_owned()
        }
        _ => title,
    }
}

fn take_series(title: String, series: &mut Option<Series>) -> String {
    if series.is_some() {
        return title;
    }
    let Some(found) = SERIES.as_ref().and_then(|regex| regex.captures(&title)) else { return title };
    *series = Some(Series {
        name: found["name"].trim().trim_end_matches(',').to_owned(),
        position: Some(found["position"].replace(' ', "")),
    });
    found["title"].to_owned()
}

/// "X by Y", "X, by Y", and with a known author Y also "X - Y", "Y - X", "Y: X", "X (Y)".
fn take_authors(title: String, known: &[String], titled: &mut Titled) -> String {
    let lower = title.to_ascii_lowercase();
    for separator in [", by ", " by ", " von ", " - by ", " – by "] {
        let Some(at) = lower.rfind(separator) else { continue };
        let (work, by) = (title[..at].trim(), title[at + separator.len()..].trim());
        if work.is_empty() || (separator == " von " && !titled.is_review) {
            continue;
        }
        let authors = people::from_text(by);
        let is_known = authors.iter().any(|name| known.iter().any(|have| people::same(have, name)))
            || known.iter().any(|have| people::same(have, by));
        let quoted = work.ends_with(['"', '”', '*', '_', '»']);
        let capital = by.starts_with(char::is_uppercase);
        let certain = separator.starts_with([',', ' ']) && separator != " by " || quoted || titled.is_review;
        if is_known || people::looks_like_a_name(by) || (certain && capital && by.split_whitespace().count() <= 4) {
            titled.authors = authors;
            return work.trim_end_matches([',', '-', '–', '—', ' ']).to_owned();
        }
    }
    for author in known {
        for separator in [" - ", " – ", " — ", ": ", " | ", ", "] {
            let Some((one, other)) = title.split_once(separator) else { continue };
            if people::same(one, author) {
                return other.to_owned();
            }
            if let Some((work, by)) = title.rsplit_once(separator)
                && people::same(by, author)
                && !other.is_empty()
            {
                return work.to_owned();
            }
        }
        if let Some((work, by)) = title.strip_suffix(')').and_then(|inner| inner.rsplit_once('('))
            && people::same(by, author)
        {
            return work.trim().to_owned();
        }
    }
    title
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, known: &[&str], title: &str, authors: &[&str]) {
        let known: Vec<String> = known.iter().map(ToString::to_string).collect();
        let read = read(raw, &known);
        assert_eq!(
            (read.title.as_str(), read.authors.iter().map(String::as_str).collect::<Vec<_>>()),
            (title, authors.to_vec()),
            "{raw}"
        );
    }

    #[test]
    fn the_works_title_is_taken_out_of_the_posts() {
        check("Deep End by Ali Hazelwood", &[], "Deep End", &["Ali Hazelwood"]);
        check("Book Review: Never Let Me Go by Kazuo\u{a0} Ishiguro", &[], "Never Let Me Go", &["Kazuo Ishiguro"]);
        check("Circe, by Madeline Miller", &[], "Circe", &["Madeline Miller"]);
        check("Review – Circe", &[], "Circe", &[]);
        check("Film Review: Dune", &[], "Dune", &[]);
        check("(Read 30) The Fearless Organization", &[], "The Fearless Organization", &[]);
        check("Dune - Frank Herbert", &["Frank Herbert"], "Dune", &[]);
        check("Frank Herbert: Dune", &["Frank Herbert"], "Dune", &[]);
        check("Dune - Frank Herbert", &[], "Dune - Frank Herbert", &[]);
        check("Stand by Me", &[], "Stand by Me", &[]);
        check("Death by Black Hole", &["Neil deGrasse Tyson"], "Death by Black Hole", &[]);
        check("The Harvard Business Review", &[], "The Harvard Business Review", &[]);
        check("Dune: A Review", &[], "Dune", &[]);
        check("The Middle Ages: A Very Short Introduction", &[], "The Middle Ages: A Very Short Introduction", &[]);
        check("On <cite>Emma</cite> by Jane Austen", &[], "Emma", &["Jane Austen"]);
        check("[How to Destroy](https://x.example)", &[], "How to Destroy", &[]);
        check("“Emma” by Jane Austen", &[], "Emma", &["Jane Austen"]);
        check("Review of Emma", &[], "Emma", &[]);
        check("Critique of Pure Reason", &["Immanuel Kant"], "Critique of Pure Reason", &[]);
        check("Report on Probability A", &[], "Report on Probability A", &[]);
        check("Book Report: Emma", &[], "Emma", &[]);
        check("Review", &[], "Review", &[]);
        check("1984", &[], "1984", &[]);
        check("Gone, Baby, Gone", &["Dennis Lehane"], "Gone, Baby, Gone", &[]);
        check("Reviewing the Situation", &[], "Reviewing the Situation", &[]);
    }

    #[test]
    fn series_and_stars_are_taken_out_of_the_title() {
        let titled = read("The Final Empire (Mistborn, #1)", &[]);
        assert_eq!(titled.title, "The Final Empire");
        assert_eq!(titled.series, Some(Series { name: "Mistborn".into(), position: Some("1".into()) }));
        assert_eq!(read("Leviathan Wakes (The Expanse Book 1) by James Corey", &[]).title, "Leviathan Wakes");
        assert_eq!(read("Dune ★★★★", &[]).rating.unwrap().value, Some(4.0));
        assert_eq!(read("Dune (4/5)", &[]).title, "Dune");
        assert_eq!(read("Fahrenheit 451", &[]).title, "Fahrenheit 451");
        assert_eq!(read("Face/Off", &[]).title, "Face/Off");
        assert_eq!(read("11/22/63", &[]).title, "11/22/63");
        assert_eq!(
            read_series("Monk & Robot Book 1"),
            Some(Series { name: "Monk & Robot".into(), position: Some("1".into()) })
        );
        assert_eq!(read_series("Discworld").unwrap().position, None);
    }
}
