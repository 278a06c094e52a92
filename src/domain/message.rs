//! An activity in its final form, and one copy of it on its way to one inbox.

use serde::{Deserialize, Serialize};

/// What an activity says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    Create,
    Update,
    Delete,
    Accept,
    Reject,
    Undo,
    Add,
    Remove,
    Move,
    Flag,
}

/// Which wording of an activity an inbox gets: BookWyrm takes a `Review`, everybody else the `Note`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    Everyone,
    BookWyrm,
}

/// An activity with its id and its final bytes: every attempt to every inbox sends exactly these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: String,
    pub kind: Kind,
    /// The id of what it is about: the Note, the actor, or the follow.
    pub object: String,
    pub audience: Audience,
    pub body: Vec<u8>,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Delete => "Delete",
            Self::Accept => "Accept",
            Self::Reject => "Reject",
            Self::Undo => "Undo",
            Self::Add => "Add",
            Self::Remove => "Remove",
            Self::Move => "Move",
            Self::Flag => "Flag",
        }
    }
}

impl Audience {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::BookWyrm => "bookwyrm",
        }
    }
}
