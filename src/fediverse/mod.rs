//! Our words to ActivityPub and back: actor, Note, activities, signatures, inbox.

pub mod actor;
pub mod context;
pub mod signature;
