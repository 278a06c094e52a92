//! The tests of the whole: one binary, one module per subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its ground is missing")]

mod answers;
mod browser;
mod bulk;
mod commands;
mod every_kind;
mod federation;
mod fediverse;
mod folder;
mod http;
mod identity;
mod layers;
mod mirror;
mod peers;
mod readers;
mod simulation;
mod talk;
mod world;
