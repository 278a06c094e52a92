//! The conversation as files: each reply also stands as a small readable file, and where that file stands says whether
//! the reply is shown.
//!
//! The store is the truth about what was said, and the files are a picture of it that answers back in one way only: a file
//! moved to `hidden/`, out of `waiting/` or back again, or one whose `state:` was edited, is a wish. Everything else that
//! happens to a file is put right: what was deleted is written again, and what was edited is put back. So nothing that
//! `git clean`, `rsync --delete` or a disk that is not mounted does can hide a reply.
//!
//! `place` says where a file belongs, `file` what stands in it, `diff` what the files wish and what they should become (all
//! pure); `disk` reads and writes them, and `keeper` does it all again and again.

pub mod diff;
mod disk;
pub mod file;
pub mod keeper;
pub mod place;
#[cfg(test)]
mod sample;

pub use keeper::{Keeper, KeeperHandle, MirrorFolder};
