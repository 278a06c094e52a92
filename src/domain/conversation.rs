//! The conversation under a review: who answered, liked, boosted or quoted it, and what of that is shown.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Handle, RemoteActor, ReviewId};

/// Who may see a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody, in public timelines.
    Public,
    /// Everybody who comes by.
    Unlisted,
    /// Some; also where nobody is addressed at all. Never on a page, in a feed or in a collection.
    Private,
}

/// A post in the conversation, theirs or ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its ActivityPub id, which is an address on its author's host.
    pub id: String,
    /// The review whose thread it stands in; `None` where an answer of ours stands under somebody else's post.
    pub under: Option<(Handle, ReviewId)>,
    /// The id of the post it answers, as it says itself.
    pub in_reply_to: String,
    /// The author's actor id.
    pub author: String,
    /// Written by one of our reviewers.
    pub ours: bool,
    /// HTML as received or sent. Not sanitised: `text::remote_html` makes it fit for a page.
    pub content: String,
    /// Plain text: the title of an Article.
    pub title: Option<String>,
    /// Plain text: the content warning.
    pub warning: Option<String>,
    /// BCP 47 tag, where the post names one.
    pub language: Option<String>,
    /// Where people read it; the id where it has no page of its own.
    pub page: String,
    /// Never later than the moment it came.
    pub published: Timestamp,
    pub updated: Option<Timestamp>,
    pub visibility: Visibility,
    /// The collection of its own answers.
    pub replies: Option<String>,
    /// Actor ids it names.
    pub mentions: Vec<String>,
}

/// Whether a reply stands on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplyState {
    Shown,
    /// Until a person approves or hides it.
    Waiting,
    Hidden,
}

/// How a reply came to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Its author's server sent it.
    Inbox,
    /// Found in the `replies` of a post in the thread.
    Crawled,
    /// A file of the reviewer's.
    Own,
    /// Brought along from another program.
    Import,
}

/// A reply as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReply {
    /// The short number that commands use.
    pub seq: i64,
    pub reply: Reply,
    pub state: ReplyState,
    /// The nearest reply above it that is shown; `None`: it hangs from the review itself. Only `Store::replies_under` and
    /// `Store::thread` look that up; elsewhere it is `None`.
    pub hangs_from: Option<String>,
    /// As last fetched; `None` for our own and where the copy was lost.
    pub author: Option<RemoteActor>,
    pub received_at: Timestamp,
    pub source: Source,
}

/// What somebody did with a post without answering it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReactionKind {
    /// A like, or a reaction with an emoji.
    Like,
    Boost,
    Quote,
}

/// A like, boost or quote: at most one of a kind for each actor and post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// The activity's id, or the quoting post's; by it the reaction is taken back.
    pub id: Option<String>,
    pub kind: ReactionKind,
    /// The id of our Note, or of a post in its thread.
    pub object: String,
    /// The review whose thread it belongs to.
    pub under: (Handle, ReviewId),
    /// Who reacted: an actor id.
    pub actor: String,
    /// The emoji of a reaction: one grapheme, or `:a_custom_name:`.
    pub emoji: Option<String>,
    /// The page of the quoting post.
    pub page: Option<String>,
    pub at: Timestamp,
}

/// What came back to a review, in numbers; replies are those shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TalkCounts {
    pub replies: u64,
    pub likes: u64,
    pub boosts: u64,
    pub quotes: u64,
}

/// A complaint that another server sent us (`Flag`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub seq: i64,
    /// An actor id, often of a whole server.
    pub reporter: String,
    /// Ids of the posts or actors complained of.
    pub objects: Vec<String>,
    pub words: String,
    pub at: Timestamp,
}

/// Which replies are shown without being approved by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moderation {
    /// None.
    Hold,
    /// Those of people whose earlier reply was approved.
    Known,
    /// All.
    Open,
}

/// Where a reply stands when it comes; `known` says that an earlier one of its author was approved by hand.
pub fn first_state(moderation: Moderation, known: bool) -> ReplyState {
    match (moderation, known) {
        (Moderation::Open, _) | (Moderation::Known, true) => ReplyState::Shown,
        (Moderation::Hold, _) | (Moderation::Known, false) => ReplyState::Waiting,
    }
}

/// Where a reply stands after its author changed its words: what a person approved under `hold` is read again.
pub fn state_after_edit(moderation: Moderation, state: ReplyState) -> ReplyState {
    match (moderation, state) {
        (Moderation::Hold, ReplyState::Shown) => ReplyState::Waiting,
        (Moderation::Hold | Moderation::Known | Moderation::Open, state) => state,
    }
}

/// Whether a review takes no more replies: its file says so, or it was published too long ago.
pub fn is_closed(by_file: bool, published: Timestamp, close_after: Option<Duration>, now: Timestamp) -> bool {
    let age = now.duration_since(published);
    by_file || close_after.is_some_and(|limit| Duration::try_from(age).is_ok_and(|age| age >= limit))
}

impl Visibility {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Unlisted => "unlisted",
            Self::Private => "private",
        }
    }

    /// What cannot be read is for nobody's eyes.
    pub fn parse(text: &str) -> Self {
        [Self::Public, Self::Unlisted].into_iter().find(|one| one.as_str() == text).unwrap_or(Self::Private)
    }
}

impl ReplyState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Waiting => "waiting",
            Self::Hidden => "hidden",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Shown, Self::Waiting, Self::Hidden].into_iter().find(|one| one.as_str() == text)
    }
}

impl Source {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Crawled => "crawled",
            Self::Own => "own",
            Self::Import => "import",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Inbox, Self::Crawled, Self::Own, Self::Import].into_iter().find(|one| one.as_str() == text)
    }
}

impl ReactionKind {
    pub const ALL: [Self; 3] = [Self::Like, Self::Boost, Self::Quote];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Like => "like",
            Self::Boost => "boost",
            Self::Quote => "quote",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

impl KeptReply {
    /// Whether it stands on the page, in the feed and in the collections.
    pub fn is_shown(&self) -> bool {
        self.state == ReplyState::Shown && self.reply.visibility != Visibility::Private
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_shown_at_once_depends_on_the_settings_and_on_earlier_approval() {
        for (moderation, known, state) in [
            (Moderation::Hold, false, ReplyState::Waiting),
            (Moderation::Hold, true, ReplyState::Waiting),
            (Moderation::Known, false, ReplyState::Waiting),
            (Moderation::Known, true, ReplyState::Shown),
            (Moderation::Open, false, ReplyState::Shown),
            (Moderation::Open, true, ReplyState::Shown),
        ] {
            assert_eq!(first_state(moderation, known), state, "{moderation:?} {known}");
        }
    }

    #[test]
    fn an_edit_shows_nothing_that_was_hidden_and_is_read_again_where_everything_is_held() {
        for moderation in [Moderation::Hold, Moderation::Known, Moderation::Open] {
            for state in [ReplyState::Hidden, ReplyState::Waiting] {
                assert_eq!(state_after_edit(moderation, state), state);
            }
        }
        assert_eq!(state_after_edit(Moderation::Hold, ReplyState::Shown), ReplyState::Waiting);
        assert_eq!(state_after_edit(Moderation::Known, ReplyState::Shown), ReplyState::Shown);
    }

    #[test]
    fn a_review_closes_by_its_file_or_by_its_age() {
        let published: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let day = Duration::from_secs(24 * 3600);
        let after = |days: u32| published + day * days;
        assert!(!is_closed(false, published, None, after(9_000)));
        assert!(is_closed(true, published, None, published));
        assert!(!is_closed(false, published, Some(day * 90), after(89)));
        assert!(is_closed(false, published, Some(day * 90), after(90)));
        // A clock that went back closes nothing.
        assert!(!is_closed(false, published, Some(day), published - day * 30));
    }
}
