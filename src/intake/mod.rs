//! What comes in from the folder: watcher, walk, and the parsing of review files.

pub mod folder;
pub mod kind;
pub mod parse;
pub mod watcher;
