//! What a reviewer says to followers, in final form: the activities of one change.

use jiff::Timestamp;

use crate::{
    domain::{
        Published, PublishedAnswer, ReviewId, Reviewer, Site,
        message::{Audience, Message},
    },
    fediverse::{
        activity, answer,
        note::{Counts, Speaker},
    },
    store::{CameBack, Content, Outgoing, Recipients},
};

/// Words a reviewer's changes as activities. Mints nothing: ids and times come from the ledger.
pub struct Voice<'a> {
    pub site: &'a Site,
    pub reviewer: &'a Reviewer,
}

impl Voice<'_> {
    /// A text that others hear of for the first time.
    pub fn announce(&self, content: &Content, at: Timestamp) -> Vec<Outgoing> {
        match content {
            Content::Review(review) => self.announce_review(&review.0, at),
            Content::Answer(answer) => self.to_conversation(answer, answer::create(answer, &self.speaker()), at),
        }
    }

    /// A text they have, changed. Of a review it tells what came back meanwhile: Mastodon takes the numbers of an Update
    /// for those of now.
    pub fn amend(&self, content: &Content, came_back: &CameBack, at: Timestamp) -> Vec<Outgoing> {
        match content {
            Content::Review(review) => self.amend_review(&review.0, came_back, at),
            Content::Answer(answer) => self.to_conversation(answer, answer::update(answer, &self.speaker()), at),
        }
    }

    fn announce_review(&self, published: &Published, at: Timestamp) -> Vec<Outgoing> {
        let create = |audience| activity::create(published, &self.speaker(), audience);
        self.to(&Recipients::Followers, [create(Audience::Everyone), create(Audience::BookWyrm)], at)
    }

    fn amend_review(&self, published: &Published, came_back: &CameBack, at: Timestamp) -> Vec<Outgoing> {
        let update = |audience| activity::update(published, &self.speaker(), &Counts::from(came_back), audience);
        self.to(&Recipients::Reached, [update(Audience::Everyone), update(Audience::BookWyrm)], at)
    }

    /// A review that is no more.
    pub fn withdraw(&self, id: &ReviewId, at: Timestamp) -> Vec<Outgoing> {
        let delete = activity::delete(&self.site.origin, &self.reviewer.handle, id, at);
        self.to(&Recipients::EveryoneReached, [delete], at)
    }

    /// An answer that is no more.
    pub fn withdraw_answer(&self, answer: &PublishedAnswer, at: Timestamp) -> Vec<Outgoing> {
        self.to_conversation(answer, answer::delete(answer, &self.site.origin, at), at)
    }

    fn to_conversation(&self, answer: &PublishedAnswer, message: Message, at: Timestamp) -> Vec<Outgoing> {
        let inboxes = answer::inboxes(answer);
        self.to(&Recipients::Conversation { inboxes, followers: answer::goes_to_followers(answer) }, [message], at)
    }

    fn speaker(&self) -> Speaker<'_> {
        Speaker { site: self.site, reviewer: self.reviewer }
    }

    fn to<const N: usize>(&self, to: &Recipients, messages: [Message; N], at: Timestamp) -> Vec<Outgoing> {
        let outgoing = |message| Outgoing { reviewer: self.reviewer.handle.clone(), message, to: to.clone(), at };
        messages.into_iter().map(outgoing).collect()
    }
}
