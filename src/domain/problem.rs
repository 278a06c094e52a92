//! A person's mistake, told with its place and its cure.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something in a file that a person should know of or mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The path as the person knows it: relative to the review folder, or the settings file's.
    pub file: String,
    /// Counted from 1; 1 where the whole file is meant.
    pub line: u32,
    /// In characters, counted from 1.
    pub column: u32,
    pub severity: Severity,
    pub message: String,
    /// What to do about it, as an instruction.
    pub cure: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The review is published, without what could not be understood.
    Warning,
    /// The file is withheld, or its last good version stays up.
    Error,
}

impl Problem {
    pub fn error(file: impl Into<String>, message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: 1,
            column: 1,
            severity: Severity::Error,
            message: message.into(),
            cure: cure.into(),
        }
    }

    pub fn warning(file: impl Into<String>, message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(file, message, cure) }
    }

    /// The same problem at a place inside the file.
    pub fn at(mut self, line: u32, column: u32) -> Self {
        self.line = line;
        self.column = column;
        self
    }
}

/// `file:line:column: error: message (cure)`, the form editors jump to.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{}:{}:{}: {severity}: {} ({})", self.file, self.line, self.column, self.message, self.cure)
    }
}
