//! What became of a message carried to an inbox, and what follows from it.

use std::time::Duration;

/// How one attempt at a delivery ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The inbox took it (any 2xx).
    Delivered,
    /// The inbox will never take this message: trying again changes nothing.
    Refused { status: u16 },
    /// It may go better later.
    Failed {
        /// For people: `connection refused`, `503 Service Unavailable`.
        reason: String,
        /// Where the inbox answered at all.
        status: Option<u16>,
        /// The wait that the inbox asked for (RFC 9110 section 10.2.3).
        retry_after: Option<Duration>,
    },
}

/// What is to be done with a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    Done,
    RetryAfter(Duration),
    /// Kept and shown, never tried again: refused, or failed for too long.
    GiveUp,
}

impl Outcome {
    /// Reads an inbox's answer as Mastodon does (`response_error_unsalvageable?`): 501 and 4xx are final, except those
    /// that speak of the moment (408, 425, 429) or of a key that could not be fetched (401).
    pub fn of_status(status: u16, retry_after: Option<Duration>) -> Self {
        match status {
            200..=299 => Self::Delivered,
            401 | 408 | 425 | 429 => {
                Self::Failed { reason: format!("HTTP {status}"), status: Some(status), retry_after }
            }
            400..=499 | 501 => Self::Refused { status },
            _ => Self::Failed { reason: format!("HTTP {status}"), status: Some(status), retry_after },
        }
    }

    /// No answer: name not found, no connection, no certificate, no time left.
    pub fn unreachable(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), status: None, retry_after: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_final_or_worth_another_try() {
        for status in [200, 202, 204] {
            assert_eq!(Outcome::of_status(status, None), Outcome::Delivered, "{status}");
        }
        for status in [400, 403, 404, 405, 406, 410, 413, 415, 422, 501] {
            assert_eq!(Outcome::of_status(status, None), Outcome::Refused { status }, "{status}");
        }
        for status in [301, 401, 408, 425, 429, 500, 502, 503, 504, 521] {
            assert!(matches!(Outcome::of_status(status, None), Outcome::Failed { .. }), "{status}");
        }
    }
}
