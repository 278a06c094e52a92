//! The tests of the whole: one binary, one module per subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its ground is missing")]

mod federation;
mod layers;
mod peers;
mod readers;
