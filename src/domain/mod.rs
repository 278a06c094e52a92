//! The words of the trade as plain data: reviews, books, ratings, reviewers and where each is found. No I/O.

pub mod address;
pub mod answer;
pub mod archive;
pub mod book;
pub mod conversation;
pub mod delivery;
pub mod ident;
pub mod ledger;
pub mod message;
pub mod moment;
pub mod network;
pub mod peer;
pub mod picture;
pub mod problem;
pub mod published;
pub mod rating;
pub mod reader;
pub mod review;
pub mod reviewer;
pub mod validity;
pub mod websub;
pub mod writing;

pub use address::Origin;
pub use answer::{Answer, PublishedAnswer, Target};
pub use archive::{Archived, ArchivedFeed, DocumentName};
pub use book::{Book, Cover, Isbn, Series};
pub use conversation::{
    KeptReply, Moderation, Reaction, ReactionKind, Reply, ReplyState, Report, Source, TalkCounts, Visibility,
};
pub use delivery::{Letter, Outcome, Spec};
pub use ident::{Handle, ReviewId, Slug};
pub use moment::Moment;
pub use network::Network;
pub use peer::RemoteActor;
pub use picture::Picture;
pub use problem::{Problem, Severity};
pub use published::{Card, Published};
pub use rating::Rating;
pub use review::{Comment, Format, Review, Text};
pub use reviewer::{Reviewer, Site};
pub use validity::Validity;
pub use writing::{Genre, Writing};
