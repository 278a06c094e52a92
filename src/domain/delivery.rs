//! A message on its way to an inbox, and what became of one attempt.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::Handle;

/// One message for one inbox, as the worker hands it to the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Who signs.
    pub reviewer: Handle,
    /// The activity's id, for logs.
    pub activity: String,
    pub inbox: String,
    /// The final bytes, the same on every attempt, shared by all letters that carry them.
    pub body: Arc<[u8]>,
    /// Of the body: thousands of signatures cover the same.
    pub sha256: [u8; 32],
    /// The signature that the inbox's host accepted last time; `None` where nothing is known.
    pub spec: Option<Spec>,
}

/// SHA-256 of the bytes of a body.
pub fn sha256(body: &[u8]) -> [u8; 32] {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest(&SHA256, body).as_ref());
    sha256
}

/// The two ways in which servers sign requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spec {
    /// draft-cavage-http-signatures-12, which everybody understands.
    Cavage,
    /// HTTP Message Signatures, the standard that followed.
    Rfc9421,
}

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Any 2xx. `spec`, where something was signed, is worth remembering for the host.
    Delivered { spec: Option<Spec> },
    /// An answer that another attempt would not change, by its status.
    Refused(u16),
    /// No answer, or one that says "later".
    Failed {
        reason: String,
        /// `None` where no answer came.
        status: Option<u16>,
        /// How long the other side asks us to wait.
        retry_after: Option<Duration>,
    },
}

impl Spec {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cavage => "cavage",
            Self::Rfc9421 => "rfc9421",
        }
    }

    /// Reads what [`Spec::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "cavage" => Some(Self::Cavage),
            "rfc9421" => Some(Self::Rfc9421),
            _ => None,
        }
    }

    pub fn other(self) -> Self {
        match self {
            Self::Cavage => Self::Rfc9421,
            Self::Rfc9421 => Self::Cavage,
        }
    }
}
