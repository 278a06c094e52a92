//! Why a document of another server is not to be had.

use activitypub_federation::error::Error;

use crate::{net::NetProblem, store::StoreError};

/// Why there is no document, or none to be believed.
#[derive(Debug, thiserror::Error)]
pub enum PeerProblem {
    /// Answered with 410 or a Tombstone.
    #[error("it is gone for good")]
    Gone,
    #[error("it is not found there")]
    NotFound,
    /// Ours to refuse: a closed network, our own address.
    #[error("it is not fetched: {0}")]
    Refused(String),
    /// The server answered with something that is not to be believed.
    #[error("it is not what it should be: {0}")]
    Invalid(String),
    /// The server did not answer, or says "later".
    #[error("its server does not answer: {0}")]
    Unreachable(String),
    #[error("too many documents were fetched for one cause")]
    TooMany,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PeerProblem {
    /// Whether another attempt may end differently.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Store(_) => true,
            Self::Gone | Self::NotFound | Self::Refused(_) | Self::Invalid(_) | Self::TooMany => false,
        }
    }
}

impl From<NetProblem> for PeerProblem {
    fn from(problem: NetProblem) -> Self {
        match problem {
            NetProblem::NoEntry(_) => Self::Refused(problem.to_string()),
            NetProblem::Status(410) => Self::Gone,
            NetProblem::Status(404) => Self::NotFound,
            NetProblem::Status(408 | 425 | 429 | 500..=599) => Self::Unreachable(problem.to_string()),
            NetProblem::Status(_) | NetProblem::TooLong(_) | NetProblem::Redirects => {
                Self::Invalid(problem.to_string())
            }
            NetProblem::NoSuchHost
            | NetProblem::Timeout
            | NetProblem::Connect(_)
            | NetProblem::Request(_)
            | NetProblem::Broken(_) => Self::Unreachable(problem.to_string()),
        }
    }
}

impl From<Error> for PeerProblem {
    fn from(error: Error) -> Self {
        match error {
            Error::ObjectDeleted(_) => Self::Gone,
            Error::RequestLimit => Self::TooMany,
            Error::ReqwestMiddleware(error) => NetProblem::below(error).into(),
            Error::Reqwest(error) => NetProblem::from(error).into(),
            // The library cannot tell a name that resolves to nothing from one that resolves to a closed network.
            Error::DomainResolveError(_) | Error::ResolveInternalIpError(..) | Error::IoError(_) => {
                Self::Unreachable("its name cannot be resolved".to_owned())
            }
            Error::UrlVerificationError(why) => Self::Refused(why.to_owned()),
            // The library's own words would repeat the whole document.
            Error::ParseFetchedObject(why, ..) => Self::Invalid(why.to_string()),
            other => Self::Invalid(other.to_string()),
        }
    }
}
