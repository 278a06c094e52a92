//! The ledger: what was published under which identity, what followers were told, and what waits.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Genre, Isbn, Problem, ReviewId, Slug};

/// What the ledger remembers of one review or answer, without its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub genre: Genre,
    pub id: ReviewId,
    /// `urn:uuid:…`
    pub guid: String,
    pub slug: Slug,
    /// Path relative to the review folder.
    pub file: String,
    pub standing: Standing,
    pub published: Timestamp,
    pub updated: Option<Timestamp>,
    /// Hash of everything the page shows.
    pub shown: String,
    /// Hash of what followers would see now.
    pub worded: String,
    /// Hash of what followers were told last; `None` while nobody was told anything.
    pub told: Option<String>,
    pub intent: Intent,
    pub hold: Hold,
    /// When the intent last changed (wall clock; delays are measured on the monotonic one while the daemon runs).
    pub since: Timestamp,
    /// Compared when a vanished file and a new one may be the same review.
    pub likeness: Likeness,
}

/// What a review is recognised by when its file got another name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Likeness {
    /// Hash of the file's bytes.
    pub digest: String,
    pub isbn: Option<Isbn>,
    /// The title in lower case, without punctuation; the post answered.
    pub title: String,
    /// The slug its file asked for at the last reading; another one in the same file is a wish for another address.
    pub asked: Option<Slug>,
}

/// Where a review stands before the public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In pages and feeds.
    Live,
    /// Out of feeds and lists; page and Note still answer because the Delete waits.
    Leaving,
    /// Deleted for ever: its id is never used again.
    Gone,
}

/// What followers are still to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Intent {
    Nothing,
    Create,
    Update,
    Delete,
}

/// Whether a bulk change keeps an intent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    No,
    /// Waits for `reviewd apply`.
    Held,
    /// Released by a person: sent without further waiting.
    Released,
    /// A person says that followers know it already: done without a word.
    Known,
    /// A person asked for its announcement together with others: they go out one after the other.
    Queued,
}

/// Size, times and inode of a file: equal means "not worth reading again".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stat {
    pub size: u64,
    pub modified_ns: i64,
    /// The inode's own change time; it catches a copy that set back the modification time.
    pub changed_ns: i64,
    pub inode: u64,
}

/// What became of a file at its last reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileMark {
    pub path: String,
    pub stat: Stat,
    /// Hash of the bytes.
    pub digest: String,
    pub outcome: FileOutcome,
    pub problems: Vec<Problem>,
    /// Pictures the review uses, with their state when they were read.
    pub pictures: Vec<(String, Stat)>,
    /// Some pictures are still to be prepared: the file is read again, and what they add is no edit.
    pub pictures_wait: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileOutcome {
    /// Published under this id.
    Review(ReviewId),
    /// Published under this id.
    Answer(ReviewId),
    /// An answer to a post that is still to be looked up.
    Awaits(Awaited),
    Draft,
    /// Its date lies in the future.
    Scheduled(Timestamp),
    /// Not a review, and why.
    Skipped(String),
    /// Withheld because of an error; a live review keeps its last good version.
    Broken,
}

/// The post an answer waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// Its address as the file gives it.
    pub post: String,
    /// Look-ups that had failed when the file was read.
    pub failures: u32,
    /// It was there at first contact: taken in without telling anybody.
    pub quiet: bool,
}

impl FileOutcome {
    /// Whether the file is published as it stands.
    pub fn is_published(&self) -> bool {
        match self {
            Self::Review(_) | Self::Answer(_) => true,
            Self::Awaits(_) | Self::Draft | Self::Scheduled(_) | Self::Skipped(_) | Self::Broken => false,
        }
    }
}

impl Standing {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Leaving => "leaving",
            Self::Gone => "gone",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Live, Self::Leaving, Self::Gone].into_iter().find(|one| one.as_str() == text)
    }
}

impl Intent {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Nothing, Self::Create, Self::Update, Self::Delete].into_iter().find(|one| one.as_str() == text)
    }
}

impl Hold {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Held => "held",
            Self::Released => "released",
            Self::Known => "known",
            Self::Queued => "queued",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::No, Self::Held, Self::Released, Self::Known, Self::Queued].into_iter().find(|one| one.as_str() == text)
    }
}

impl Entry {
    /// Whether pages and feeds show it or its page still answers.
    pub fn answers(&self) -> bool {
        self.standing != Standing::Gone
    }
}
