//! Where a post belongs: up the chain of `inReplyTo`, to a post of ours or to nowhere.

use super::{Conversation, fetched};
use crate::{
    domain::{Handle, ReviewId},
    fediverse::{
        inbox::{Post, same_host},
        note,
        peers::{PeerProblem, Visit},
    },
};

/// Unknown posts fetched between a post and the thread it may belong to.
const ANCESTORS_MAX: usize = 10;

/// The place of a post.
pub(super) enum Place {
    /// In the thread of a review, or (`None`) under an answer of ours that stands elsewhere.
    Under(Option<(Handle, ReviewId)>),
    /// It has nothing to do with us, and why.
    Nowhere(&'static str),
}

/// A post's place, and the posts between it and what was known, the highest first.
pub(super) struct Way {
    pub place: Place,
    pub between: Vec<Post>,
}

/// How one post of the chain goes on.
enum Step {
    Arrived(Place),
    Above(String),
    Unknown,
}

impl Conversation {
    /// Goes up from the post that somebody answers. Unknown posts are fetched only where `climbs`.
    pub(super) async fn way(&self, visit: &Visit, in_reply_to: &str, climbs: bool) -> Result<Way, PeerProblem> {
        let mut between: Vec<Post> = Vec::new();
        let mut at = in_reply_to.to_owned();
        let nowhere = |why| Ok(Way { place: Place::Nowhere(why), between: Vec::new() });
        loop {
            match self.step(&at).await? {
                Step::Arrived(place) => {
                    between.reverse();
                    return Ok(Way { place, between });
                }
                Step::Above(above) => at = above,
                Step::Unknown if !climbs => return nowhere("answers a post that is not known here"),
                Step::Unknown if between.len() >= ANCESTORS_MAX => {
                    return nowhere("is too deep in somebody else's thread");
                }
                Step::Unknown if between.iter().any(|post| post.id == at) => {
                    return nowhere("stands in a circle of posts that answer each other");
                }
                Step::Unknown => {
                    let Some(post) = fetched(visit.post(&at).await)? else {
                        return nowhere("answers a post that is not to be had");
                    };
                    let Some(above) = post.in_reply_to.clone() else {
                        return nowhere("belongs to somebody else's thread");
                    };
                    between.push(post);
                    at = above;
                }
            }
        }
    }

    async fn step(&self, at: &str) -> Result<Step, PeerProblem> {
        if let Some((handle, review)) = note::review_of(&self.origin, at) {
            return Ok(Step::Arrived(match self.store.published(&handle, &review).await? {
                Some(_) => Place::Under(Some((handle, review))),
                None => Place::Nowhere("answers a review that is not there"),
            }));
        }
        if let Some(kept) = self.store.reply(at).await? {
            return Ok(match kept.reply.under {
                // The review may have been deleted since.
                Some((handle, review)) => Step::Above(self.origin.note(&handle, &review)),
                None => Step::Arrived(Place::Under(None)),
            });
        }
        if let Some(gone) = self.store.gone_post(at).await? {
            return Ok(match gone.under {
                Some((handle, review)) => Step::Above(self.origin.note(&handle, &review)),
                None => Step::Arrived(Place::Nowhere("answers a post that was deleted")),
            });
        }
        if same_host(at, self.origin.as_str()) {
            return Ok(Step::Arrived(Place::Nowhere("answers what is not there")));
        }
        Ok(Step::Unknown)
    }
}
