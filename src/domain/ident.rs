//! Names that stand in addresses: handles, slugs and permanent ids.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest slug made from a title or a file name, in characters.
const SLUG_CHARS_MAX: usize = 80;

/// The reviewer's name in `@handle@host`: lower case, 1 to 30 of `a-z 0-9 _`.
///
/// GoToSocial compares the case exactly, Mastodon and Misskey restrict the characters (`USERNAME_RE`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handle(String);

/// The last part of a page's address. Lower case ASCII letters, digits and single hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slug(String);

/// The permanent name of a review inside its reviewer: minted once, never reused, part of every ActivityPub id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReviewId(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no handle: use 1 to 30 of the characters a-z, 0-9 and _")]
pub struct NoHandle(String);

impl Handle {
    pub fn parse(text: &str) -> Result<Self, NoHandle> {
        let fits = (1..=30).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if fits { Ok(Self(text.to_owned())) } else { Err(NoHandle(text.to_owned())) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Slug {
    /// Transliterates any text: `Le Petit Prince!` → `le-petit-prince`. A text without letters or digits gives `review`.
    pub fn from_text(text: &str) -> Self {
        let mut slug = String::new();
        for c in deunicode::deunicode_with_tofu(text, " ").chars() {
            if c.is_ascii_alphanumeric() {
                slug.push(c.to_ascii_lowercase());
            } else if c != '\'' && !slug.ends_with('-') && !slug.is_empty() {
                slug.push('-');
            }
            if slug.len() >= SLUG_CHARS_MAX {
                break;
            }
        }
        let slug = slug.trim_end_matches('-');
        Self(if slug.is_empty() { "review".to_owned() } else { slug.to_owned() })
    }

    /// `dune` → `dune-2`: the `n`th of its name.
    pub fn nth(&self, n: u32) -> Self {
        Self(format!("{}-{n}", self.0))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ReviewId {
    /// Accepts what an address can hold: 1 to 128 of letters, digits, `-`, `_` and `.`.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=128).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && !text.starts_with('.');
        fits.then(|| Self(text.to_owned()))
    }

    /// `dune` → `dune-2`: a fresh id where the first was used before.
    pub fn nth(&self, n: u32) -> Self {
        Self(format!("{}-{n}", self.0))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ReviewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_plain_ascii_whatever_the_text() {
        for (text, slug) in [
            ("Le Petit Prince!", "le-petit-prince"),
            ("Don't Look Now", "dont-look-now"),
            ("  --  ", "review"),
            ("Война и мир", "voina-i-mir"),
            ("Húrin / Túrin", "hurin-turin"),
        ] {
            assert_eq!(Slug::from_text(text).as_str(), slug);
        }
        assert!(Slug::from_text(&"long ".repeat(99)).as_str().len() <= SLUG_CHARS_MAX);
    }

    #[test]
    fn handles_are_what_every_server_accepts() {
        assert!(Handle::parse("ana_9").is_ok());
        for bad in ["", "Ana", "an-a", "ä", "a b"] {
            assert!(Handle::parse(bad).is_err(), "{bad}");
        }
    }
}
