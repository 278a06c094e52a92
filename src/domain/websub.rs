//! WebSub as plain data: what a subscriber asked for, and what goes to callbacks and to hubs elsewhere.

use serde::{Deserialize, Serialize};

/// What a subscriber asks the hub to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    Subscribe,
    Unsubscribe,
}

/// A request that was taken, and that the callback has to confirm before it counts (WebSub section 5.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub mode: Mode,
    /// The feed's canonical address.
    pub topic: String,
    /// The same as the subscriber wrote it, who would not recognise another spelling.
    pub named: String,
    pub callback: String,
    pub lease_seconds: u32,
    pub secret: Option<String>,
    /// Of the feed at the moment of asking: what came later has to be pushed.
    pub digest: String,
}

/// A subscription that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub topic: String,
    pub named: String,
    pub callback: String,
    pub secret: Option<String>,
}

/// The end of a subscription by our own decision, as it is told to the callback (WebSub section 5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    pub named: String,
    pub reason: String,
}

/// Something to be done at a callback, or at a hub elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// The whole feed to a subscriber; `message` is the row that holds its bytes.
    Push { message: i64, topic: String },
    /// "Did you ask for this?"
    Verify(Box<Intent>),
    /// "Your subscription has ended."
    Deny(Denial),
    /// "This feed has changed", to a hub elsewhere.
    Ping { topic: String },
}

/// The kinds of [`Errand`] by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrandKind {
    Push,
    Verify,
    Deny,
    Ping,
}

impl Mode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

impl Errand {
    pub fn kind(&self) -> ErrandKind {
        match self {
            Self::Push { .. } => ErrandKind::Push,
            Self::Verify(_) => ErrandKind::Verify,
            Self::Deny(_) => ErrandKind::Deny,
            Self::Ping { .. } => ErrandKind::Ping,
        }
    }
}

impl ErrandKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Push => "Push",
            Self::Verify => "Verify",
            Self::Deny => "Deny",
            Self::Ping => "Ping",
        }
    }

    /// Reads what [`ErrandKind::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Push, Self::Verify, Self::Deny, Self::Ping].into_iter().find(|kind| kind.as_str() == text)
    }
}
