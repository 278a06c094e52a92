//! The tests of the whole: one binary, one module per subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its ground is missing")]

mod admin;
mod answers;
mod archives;
mod backup;
mod browser;
mod bulk;
mod commands;
mod every_kind;
mod export;
mod federation;
mod fediverse;
mod figures;
mod folder;
mod folders;
mod fuzz;
mod http;
mod identity;
mod kills;
mod layers;
mod mirror;
#[cfg(feature = "postgres")]
mod nodes;
mod notices;
mod peers;
#[cfg(feature = "postgres")]
#[path = "../postgres/mod.rs"]
mod postgres;
mod readers;
mod replies;
mod service;
mod simulation;
mod stats;
mod straits;
mod talk;
mod tls;
mod websub;
mod world;
