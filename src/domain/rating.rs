//! A rating as the reviewer wrote it, and as a number where it is one.

use serde::{Deserialize, Serialize};

/// `4.5/5`, `A-`, `👍`: the raw form is kept because it is the reviewer's word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    /// As written in the file.
    pub raw: String,
    /// `None` for words, letters and thumbs, which are shown as written and never turned into numbers.
    pub value: Option<f64>,
    /// The best value of the scale; `None` while a bare number waits for its folder's scale ([`Rating::on_scale`]).
    pub best: Option<f64>,
}

/// A number that its scale does not hold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the rating {raw} lies outside 0 to {best}")]
pub struct OutOfScale {
    pub raw: String,
    pub best: f64,
}

impl Rating {
    /// Gives a bare number the scale of its folder; a rating that names its own scale, or is no number, keeps what it has.
    pub fn on_scale(mut self, folder_best: f64) -> Result<Self, OutOfScale> {
        let Some(value) = self.value else { return Ok(self) };
        let best = self.best.unwrap_or(folder_best);
        if !(0.0..=best).contains(&value) || best <= 0.0 {
            return Err(OutOfScale { raw: self.raw, best });
        }
        self.best = Some(best);
        Ok(self)
    }

    /// Value and best, where the rating is a number on a known scale.
    pub fn numbers(&self) -> Option<(f64, f64)> {
        Some((self.value?, self.best?))
    }

    /// The rating as a share of the best, 0 to 1.
    pub fn share(&self) -> Option<f64> {
        self.numbers().map(|(value, best)| value / best)
    }

    /// `★★★★½`: five stars with halves, where the rating is a number.
    pub fn stars(&self) -> Option<String> {
        let halves = (self.share()? * 10.0).round() as usize;
        let empty = 5 - halves.div_ceil(2);
        Some("★".repeat(halves / 2) + if halves % 2 == 1 { "½" } else { "" } + &"☆".repeat(empty))
    }

    /// Stars out of five in halves, as addresses name them: `5`, `4.5`.
    pub fn stars_key(&self) -> Option<String> {
        self.rescaled(5.0, 0.5).map(number)
    }

    /// `4.5 out of 5`, or the raw form: what a screen reader or a feed reader should say.
    pub fn in_words(&self) -> String {
        match self.numbers() {
            Some((value, best)) => format!("{} out of {}", number(value), number(best)),
            None => self.raw.clone(),
        }
    }

    /// `★★★★½ (4.5/5)`, or the raw form.
    pub fn label(&self) -> String {
        match (self.stars(), self.numbers()) {
            (Some(stars), Some((value, best))) => {
                format!("{} ({}/{})", stars.trim_end_matches('☆'), number(value), number(best)).trim_start().to_owned()
            }
            _ => self.raw.clone(),
        }
    }

    /// The rating on another scale, rounded to `step` (NeoDB: 10 and 1; BookWyrm: 5 and 0.5).
    pub fn rescaled(&self, best: f64, step: f64) -> Option<f64> {
        Some((self.share()? * best / step).round() * step)
    }
}

/// A number without a needless fraction: `4`, `4.5`, `4.25`.
pub fn number(value: f64) -> String {
    let rounded = (value * 100.0).round() / 100.0;
    format!("{rounded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rated(value: f64, best: f64) -> Rating {
        Rating { raw: format!("{value}/{best}"), value: Some(value), best: Some(best) }
    }

    #[test]
    fn a_numeric_rating_shows_stars_and_figures() {
        assert_eq!(rated(4.5, 5.0).label(), "★★★★½ (4.5/5)");
        assert_eq!(rated(7.0, 10.0).label(), "★★★½ (7/10)");
        assert_eq!(rated(0.0, 5.0).label(), "(0/5)");
        assert_eq!(rated(3.0, 5.0).stars().unwrap(), "★★★☆☆");
        assert_eq!(rated(4.25, 5.0).in_words(), "4.25 out of 5");
    }

    #[test]
    fn a_rating_in_words_is_shown_as_written() {
        let rating = Rating { raw: "Hilariously bad".into(), value: None, best: None };
        assert_eq!(rating.label(), "Hilariously bad");
        assert_eq!(rating.clone().on_scale(5.0).unwrap(), rating);
    }

    #[test]
    fn a_bare_number_takes_its_folders_scale_or_is_refused() {
        let bare = |value| Rating { raw: format!("{value}"), value: Some(value), best: None };
        assert_eq!(bare(4.0).on_scale(5.0).unwrap().best, Some(5.0));
        assert_eq!(bare(44.0).on_scale(5.0).unwrap_err().to_string(), "the rating 44 lies outside 0 to 5");
    }

    #[test]
    fn ratings_convert_to_the_scales_of_other_programs() {
        assert_eq!(rated(4.5, 5.0).rescaled(10.0, 1.0), Some(9.0));
        assert_eq!(rated(2.0, 3.0).rescaled(5.0, 0.5), Some(3.5));
    }
}
