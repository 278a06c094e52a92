//! reviewd publishes reviews from plain files to the open web: feeds, a website and the fediverse.
//!
//! ARCHITECTURE.md shows the life of a review and which module may know which.

pub mod admin;
pub mod app;
pub mod backup;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod delivery;
pub mod doctor;
pub mod domain;
pub mod export;
pub mod faces;
pub mod fediverse;
pub mod feed;
pub mod import;
pub mod intake;
pub mod media;
pub mod mirror;
pub mod net;
pub mod publish;
pub mod site;
pub mod source;
pub mod store;
pub mod telemetry;
pub mod text;
pub mod tls;
pub mod web;
pub mod websub;
