//! The rating: from its key, the title, a labelled line, a shortcode, or the name of the file.

use super::Assembly;
use crate::{
    domain::Rating,
    intake::parse::{Context, front_matter::Place, keys, labels, rating},
};

impl Assembly<'_> {
    pub(super) fn rating(
        &mut self,
        words: &str,
        line: u32,
        in_title: Option<Rating>,
        context: &Context<'_>,
    ) -> Option<Rating> {
        let read = match self.rating_text() {
            Some((text, key, place)) => match rating::read(&text) {
                Ok(Some(rating)) => {
                    self.key_fact("rating", &rating.raw, &key, place);
                    Some((rating, place))
                }
                Ok(None) => None,
                Err(impossible) => {
                    self.used.push(place);
                    self.out_of_range(&impossible.raw, place);
                    return None;
                }
            },
            None => None,
        };
        let (rating, place) = read
            .or_else(|| in_title.map(|rating| (rating, Place::START)))
            .or_else(|| self.rating_in_words(words, line))
            .or_else(|| {
                self.from_path.rating.as_ref().and_then(|raw| Some((rating::unmistakable(raw)?, Place::START)))
            })?;
        let Some(best) = context.rating_scale else { return Some(rating) };
        match rating.clone().on_scale(best) {
            Ok(rating) => Some(rating),
            Err(out) => {
                self.out_of_range(&out.raw, place);
                None
            }
        }
    }

    fn out_of_range(&mut self, raw: &str, place: Place) {
        self.warn(
            place,
            format!("the rating {raw} is outside its scale, so the review is shown without a rating"),
            "write the rating with its scale, such as `4/5`",
        );
    }

    /// The rating's text, put together where value and best stand under two keys.
    fn rating_text(&mut self) -> Option<(String, String, Place)> {
        let in_map = self.metadata.text(&[
            "rating.value",
            "rating.ratingvalue",
            "review.rating.value",
            "reviewrating.ratingvalue",
            "rating.score",
            "rating.overall",
            "ratings.overall",
            "rating.stars",
        ]);
        let in_map = in_map.map(|(found, scalar)| (scalar.text.clone(), found.key.clone(), scalar.place));
        let (text, key, place) = self.text(keys::RATING).or(in_map)?;
        match self.metadata.text(keys::RATING_BEST) {
            Some((found, best)) if text.trim().parse::<f64>().is_ok() && best.text.trim().parse::<f64>().is_ok() => {
                let (best, best_key, best_place) = (best.text.trim().to_owned(), found.key.clone(), best.place);
                self.key_fact("best rating", &best, &best_key, best_place);
                Some((format!("{}/{best}", text.trim()), key, place))
            }
            _ => Some((text, key, place)),
        }
    }

    /// A labelled line or a shortcode in the text; several of them rate several books, and none of them this one.
    fn rating_in_words(&mut self, words: &str, line: u32) -> Option<(Rating, Place)> {
        let mut found: Vec<(Rating, Place)> = Vec::new();
        let mut fenced = false;
        for (index, text) in words.lines().enumerate() {
            fenced ^= text.trim_start().starts_with("```");
            let raw = if fenced { None } else { labels::rating_of(text).or_else(|| shortcode_rating(text)) };
            if let Some(rating) = raw.and_then(|raw| rating::read(raw).ok().flatten()) {
                found.push((rating, Place::new(line as usize + index, 1)));
            }
        }
        if found.is_empty() {
            found.extend(starred_heading(words).map(|rating| (rating, Place::new(line as usize, 1))));
        }
        match found.as_slice() {
            [(rating, place)] => {
                self.fact("rating", &rating.raw, format!("line {}", place.line));
                Some((rating.clone(), *place))
            }
            _ => None,
        }
    }
}

/// `{{< myrating rating="👍" >}}`, `{% include stars.html stars=5 %}`.
fn shortcode_rating(line: &str) -> Option<&str> {
    let start = line.find("{{<").or_else(|| line.find("{{%")).or_else(|| line.find("{% include"))?;
    let inner = &line[start..];
    let inner = &inner[..inner.find("%}").or_else(|| inner.find("}}"))?];
    if !(inner.contains("rating") || inner.contains("stars")) {
        return None;
    }
    let at = ["rating=", "stars=", "score="].iter().find_map(|key| inner.rfind(key).map(|at| at + key.len()));
    let value = match at {
        Some(at) => inner[at..].trim_start(),
        // `{{< rating 4 >}}`
        None => inner.split_once("rating").or_else(|| inner.split_once("stars"))?.1.trim_start(),
    };
    let value = match value.chars().next()? {
        quote @ ('"' | '\'') => value[1..].split(quote).next()?,
        _ => value.split([' ', '>', '%', '/']).next()?,
    };
    (!value.is_empty() && value.chars().count() <= 12).then_some(value)
}

/// The only line near the head of the text, or its last, that is nothing but stars.
fn starred_heading(words: &str) -> Option<Rating> {
    let is_starred = |line: &&str| {
        let text = line.trim().trim_start_matches('#').trim_matches(['*', '_', ' ']);
        text.contains(['★', '⭐', '🌟']) && rating::unmistakable(text).is_some()
    };
    let mut starred = words.lines().filter(|line| !line.trim().is_empty()).filter(is_starred);
    match (starred.next(), starred.next()) {
        (Some(line), None) => rating::unmistakable(line.trim().trim_start_matches('#').trim_matches(['*', '_', ' '])),
        _ => None,
    }
}
