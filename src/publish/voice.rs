//! What a reviewer says to followers, in final form: the activities of one change.

use jiff::Timestamp;

use crate::{
    domain::{Published, ReviewId, Reviewer, Site, message::Message},
    store::{Outgoing, Recipients},
};

/// Words a reviewer's changes as activities. Mints nothing: ids and times come from the ledger.
pub struct Voice<'a> {
    pub site: &'a Site,
    pub reviewer: &'a Reviewer,
}

impl Voice<'_> {
    /// A review that followers hear of for the first time.
    pub fn announce(&self, _published: &Published, at: Timestamp) -> Vec<Outgoing> {
        self.to(Recipients::Followers, Vec::new(), at)
    }

    /// A review they have, changed.
    pub fn amend(&self, _published: &Published, at: Timestamp) -> Vec<Outgoing> {
        self.to(Recipients::EveryoneReached, Vec::new(), at)
    }

    /// A review that is no more.
    pub fn withdraw(&self, _id: &ReviewId, at: Timestamp) -> Vec<Outgoing> {
        self.to(Recipients::EveryoneReached, Vec::new(), at)
    }

    fn to(&self, to: Recipients, messages: Vec<Message>, at: Timestamp) -> Vec<Outgoing> {
        messages
            .into_iter()
            .map(|message| Outgoing { reviewer: self.reviewer.handle.clone(), message, to: to.clone(), at })
            .collect()
    }
}
