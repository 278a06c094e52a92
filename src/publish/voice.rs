//! What a reviewer says to followers, in final form: the activities of one change.

use jiff::Timestamp;

use crate::{
    domain::{
        Published, ReviewId, Reviewer, Site,
        message::{Audience, Message},
    },
    fediverse::{
        activity,
        note::{Counts, Speaker},
    },
    store::{CameBack, Outgoing, Recipients},
};

/// Words a reviewer's changes as activities. Mints nothing: ids and times come from the ledger.
pub struct Voice<'a> {
    pub site: &'a Site,
    pub reviewer: &'a Reviewer,
}

impl Voice<'_> {
    /// A review that followers hear of for the first time.
    pub fn announce(&self, published: &Published, at: Timestamp) -> Vec<Outgoing> {
        let create = |audience| activity::create(published, &self.speaker(), audience);
        self.to(&Recipients::Followers, [create(Audience::Everyone), create(Audience::BookWyrm)], at)
    }

    /// A review they have, changed.
    ///
    /// It tells what came back meanwhile: Mastodon takes the numbers of an Update for those of now.
    pub fn amend(&self, published: &Published, came_back: &CameBack, at: Timestamp) -> Vec<Outgoing> {
        let update = |audience| activity::update(published, &self.speaker(), &Counts::from(came_back), audience);
        self.to(&Recipients::Reached, [update(Audience::Everyone), update(Audience::BookWyrm)], at)
    }

    /// A review that is no more.
    pub fn withdraw(&self, id: &ReviewId, at: Timestamp) -> Vec<Outgoing> {
        let delete = activity::delete(&self.site.origin, &self.reviewer.handle, id, at);
        self.to(&Recipients::EveryoneReached, [delete], at)
    }

    fn speaker(&self) -> Speaker<'_> {
        Speaker { site: self.site, reviewer: self.reviewer }
    }

    fn to<const N: usize>(&self, to: &Recipients, messages: [Message; N], at: Timestamp) -> Vec<Outgoing> {
        let outgoing = |message| Outgoing { reviewer: self.reviewer.handle.clone(), message, to: to.clone(), at };
        messages.into_iter().map(outgoing).collect()
    }
}
