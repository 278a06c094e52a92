//! What an examination found: one [`Check`] for each thing looked at, and what could not be looked at.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How one check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Ok,
    /// It works, and will not for long, or not for everybody.
    Warning,
    /// It does not work.
    Failed,
    /// It could not be looked at; `means` says why.
    Skipped,
}

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The same in every version: `certificate`, `round_trip_accept`.
    pub name: String,
    /// Which one of several: a reviewer, a file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub about: Option<String>,
    pub outcome: Outcome,
    /// What was seen.
    pub measured: String,
    /// What follows from it; for what was skipped, why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub means: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cure: Option<String>,
}

/// A whole examination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub version: String,
    pub origin: String,
    pub at: Timestamp,
    pub checks: Vec<Check>,
    /// What no machine can find out about itself.
    pub beyond: Vec<String>,
}

/// What `status` remembers of the last examination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastReport {
    pub at: Timestamp,
    /// The version that was examined.
    pub version: String,
    pub failed: usize,
    pub warnings: usize,
}

impl Check {
    pub fn ok(name: &str, measured: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            about: None,
            outcome: Outcome::Ok,
            measured: measured.into(),
            means: None,
            cure: None,
        }
    }

    pub fn warning(name: &str, measured: impl Into<String>, means: impl Into<String>, cure: impl Into<String>) -> Self {
        let (means, cure) = (Some(means.into()), Some(cure.into()));
        Self { outcome: Outcome::Warning, means, cure, ..Self::ok(name, measured) }
    }

    pub fn failed(name: &str, measured: impl Into<String>, means: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { outcome: Outcome::Failed, ..Self::warning(name, measured, means, cure) }
    }

    pub fn skipped(name: &str, why: impl Into<String>) -> Self {
        Self { outcome: Outcome::Skipped, means: Some(why.into()), ..Self::ok(name, "") }
    }

    pub fn about(self, what: impl fmt::Display) -> Self {
        Self { about: Some(what.to_string()), ..self }
    }
}

impl Report {
    pub fn count(&self, outcome: Outcome) -> usize {
        self.checks.iter().filter(|check| check.outcome == outcome).count()
    }

    pub fn summary(&self) -> LastReport {
        LastReport {
            at: self.at,
            version: self.version.clone(),
            failed: self.count(Outcome::Failed),
            warnings: self.count(Outcome::Warning),
        }
    }
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// `certificate @ana: failed: measured (means; cure)`, for the log.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(about) = &self.about {
            write!(f, " {about}")?;
        }
        write!(f, ": {}", self.outcome.as_str())?;
        let measured = Some(&self.measured).filter(|text| !text.is_empty());
        for part in [measured, self.means.as_ref(), self.cure.as_ref()].into_iter().flatten() {
            write!(f, ": {part}")?;
        }
        Ok(())
    }
}
