//! An answer of the reviewer's to somebody's post: what its file says, the post it answers, and what the world sees.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Handle, Moment, Origin, ReviewId, Slug, Text,
    conversation::{Reply, Visibility},
};

/// What a file in `replies/` says, parsed once and trusted from here on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The address of the post answered as the file gives it: its id, or the page where people read it.
    pub in_reply_to: String,
    pub body: Text,
    /// The reviewer's own content warning, plain text; else that of the post answered is repeated.
    pub warning: Option<String>,
    /// The whole text gives a plot away.
    pub spoilers: bool,
    pub date: Option<Moment>,
    /// BCP 47 tag of the text, where the file names one.
    pub language: Option<String>,
    pub draft: bool,
    /// Made from the file's name; commands take it, no address shows it.
    pub slug: Slug,
    /// `id:` in the metadata: wins over every minted id.
    pub id: Option<String>,
    /// Written by `reviewd import`: taken in without telling anybody.
    pub imported: bool,
}

/// The post that is answered, as it was when it was looked up: what an answer to it needs without asking again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its ActivityPub id.
    pub id: String,
    /// Where people read it.
    pub page: String,
    /// Who wrote it; one of our reviewers where the post is ours.
    pub author: Participant,
    /// Others who take part and hear of an answer, as the post names them.
    pub others: Vec<Participant>,
    /// Its content warning, plain text.
    pub warning: Option<String>,
    pub visibility: Visibility,
    /// The collection of the whole conversation, where the post names one.
    pub context: Option<String>,
    /// The review of ours in whose thread it stands.
    pub under: Option<(Handle, ReviewId)>,
}

/// Somebody in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// The actor's id.
    pub id: String,
    /// `bob@mastodon.example`
    pub handle: String,
    /// The profile page for people.
    pub page: String,
    /// `None` for our own: nothing is sent to ourselves.
    pub inbox: Option<String>,
    /// Where a public post for them and others on their server goes.
    pub shared_inbox: Option<String>,
}

/// An answer as the world sees it: what the file says, with the identity and times that the ledger pinned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublishedAnswer {
    pub reviewer: Handle,
    pub id: ReviewId,
    /// Whole seconds, never changed after first publication.
    pub published: Timestamp,
    /// Whole seconds; `None` until the first change that can be seen, then strictly increasing.
    pub updated: Option<Timestamp>,
    pub answer: Answer,
    pub target: Target,
    /// The HTML that is sent and shown.
    pub content: String,
}

impl Participant {
    /// Whether it is one of our own reviewers.
    pub fn is_ours(&self) -> bool {
        self.inbox.is_none()
    }
}

impl PublishedAnswer {
    /// Nobody sees more of an answer than of the post it answers.
    pub fn visibility(&self) -> Visibility {
        self.target.visibility
    }

    /// When the answer was last visibly changed, or published.
    pub fn changed(&self) -> Timestamp {
        self.updated.unwrap_or(self.published)
    }

    /// The answer as a post in its conversation.
    pub fn reply(&self, origin: &Origin, warning: Option<String>) -> Reply {
        let id = origin.answer(&self.reviewer, &self.id);
        let others = self.target.others.iter().chain([&self.target.author]);
        Reply {
            under: self.target.under.clone(),
            in_reply_to: self.target.id.clone(),
            author: origin.actor(&self.reviewer),
            ours: true,
            content: self.content.clone(),
            title: None,
            warning,
            language: self.answer.language.clone(),
            page: id.clone(),
            published: self.published,
            updated: self.updated,
            visibility: self.visibility(),
            replies: None,
            mentions: others.map(|one| one.id.clone()).collect(),
            id,
        }
    }
}
