//! Keys as commands see them: shown, and replaced.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    domain::Handle,
    fediverse::keys::{self, KeyFileProblem, KeyPlaces},
};

/// Which key a reviewer signs with, as `reviewd keys show` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    pub reviewer: String,
    /// Where its private half lies.
    pub file: PathBuf,
    /// The public half, or why the key cannot be used.
    pub key: Result<String, String>,
}

/// What became of a reviewer's old key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotatedKey {
    pub file: PathBuf,
    /// Where the old one lies now, if there was one.
    pub aside: Option<PathBuf>,
}

/// The rows of `reviewd keys show`.
pub fn show(places: &KeyPlaces, reviewers: &[Handle]) -> Vec<KeyView> {
    let view = |handle: &Handle| {
        let place = places.reviewer(handle);
        let public = keys::load(&place).map_err(|problem| problem.to_string());
        let key = public.and_then(|key| key.to_public_pem().map_err(|problem| problem.to_string()));
        KeyView { reviewer: handle.to_string(), file: place.path().to_owned(), key }
    };
    reviewers.iter().map(view).collect()
}

/// Why a key was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum NotRotated {
    #[error("there is no reviewer @{0} in the settings")]
    Nobody(String),
    #[error(transparent)]
    Key(#[from] KeyFileProblem),
}

/// Replaces the key of `reviewd keys rotate`.
pub fn rotate(
    places: &KeyPlaces,
    reviewers: &[Handle],
    handle: &str,
    now: Timestamp,
) -> Result<RotatedKey, NotRotated> {
    let reviewer = reviewers.iter().find(|reviewer| reviewer.as_str() == handle);
    let place = places.reviewer(reviewer.ok_or_else(|| NotRotated::Nobody(handle.to_owned()))?);
    let aside = keys::rotate(&place, now)?;
    Ok(RotatedKey { file: place.path().to_owned(), aside })
}
