//! Our words to ActivityPub and back: actor, Note, activities, signatures, inbox.

pub mod activity;
pub mod actor;
pub mod answer;
pub mod book;
pub mod collection;
pub mod context;
pub mod conversation;
pub mod discovery;
pub mod html;
pub mod inbox;
pub mod interaction;
mod json;
pub mod keys;
pub mod moving;
pub mod note;
pub mod peers;
pub mod quotes;
pub mod reception;
pub mod sender;
pub mod signature;
mod signers;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod stage;
