//! A program that reads the feeds.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What one program at one address did in the last day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedReader {
    /// What it calls itself, shortened.
    pub agent: String,
    /// `None` for a program on this machine.
    pub address: Option<IpAddr>,
    /// For how many people it says that it reads.
    pub subscribers: Option<u32>,
    pub fetches: u64,
    /// Fetches that named the version it has.
    pub conditional: u64,
    /// Fetches that were answered with 304.
    pub unchanged: u64,
    pub since: Timestamp,
    pub last: Timestamp,
}
