//! Where a review stands behind the current feed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Handle, ReviewId};

/// A feed that has archive documents. The feeds of a tag, an author or a rating are read page by page instead.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ArchivedFeed {
    Everything,
    Reviewer(Handle),
}

/// One version of a review at its place in an archive document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// Counted from 1, the oldest.
    pub document: u32,
    /// Counted from 0, in the order of arrival.
    pub position: u32,
    pub reviewer: Handle,
    pub id: ReviewId,
    /// When that version was made, in whole seconds.
    pub changed: Timestamp,
    /// The review is in no list now: taken back, or about to be.
    pub absent: bool,
}

/// An archive document as its address names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DocumentName {
    pub document: u32,
    /// Of one that is not full yet: how many reviews of it are meant. More are added behind them, so these stay the same.
    pub length: Option<u32>,
}

impl ArchivedFeed {
    /// The name in the store.
    pub fn key(&self) -> &str {
        match self {
            Self::Everything => "",
            Self::Reviewer(handle) => handle.as_str(),
        }
    }

    /// Before `/feed.xml`.
    pub fn path(&self) -> String {
        match self {
            Self::Everything => String::new(),
            Self::Reviewer(handle) => format!("/@{handle}"),
        }
    }
}

impl DocumentName {
    /// `3`, or `3-17` for the first seventeen reviews of one that is not full.
    pub fn parse(text: &str) -> Option<Self> {
        let (document, length) =
            text.split_once('-').map_or((text, None), |(document, length)| (document, Some(length)));
        let number =
            |text: &str| text.parse().ok().filter(|number| *number > 0 && text.bytes().all(|b| b.is_ascii_digit()));
        Some(Self {
            document: number(document)?,
            length: match length {
                Some(length) => Some(number(length)?),
                None => None,
            },
        })
    }
}

impl std::fmt::Display for DocumentName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.length {
            Some(length) => write!(f, "{}-{length}", self.document),
            None => write!(f, "{}", self.document),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_documents_name_reads_back() {
        for text in ["1", "12", "3-17"] {
            assert_eq!(DocumentName::parse(text).unwrap().to_string(), text);
        }
        for bad in ["", "0", "-1", "+1", "3-", "3-0", "3-4-5", "99999999999999"] {
            assert_eq!(DocumentName::parse(bad), None, "{bad}");
        }
    }
}
