//! The tests of the whole: one binary, one module per subject.

mod browser;
mod bulk;
mod commands;
mod every_kind;
mod federation;
mod folder;
mod http;
mod identity;
mod layers;
mod peers;
mod readers;
mod world;
