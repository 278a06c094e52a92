//! Our words to ActivityPub and back: actor, Note, activities, signatures, inbox.

pub mod activity;
pub mod actor;
pub mod book;
pub mod collection;
pub mod context;
pub mod discovery;
pub mod html;
pub mod note;
pub mod signature;
