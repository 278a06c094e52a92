//! The post that a person wants to answer: found for `reviewd replies answer`, which writes the file.

use serde::{Deserialize, Serialize};

use super::{Desk, replies::find_reply};
use crate::{
    domain::{Handle, KeptReply, Origin, ReviewId, Target, Visibility, answer::Participant},
    fediverse::peers::PeerProblem,
    store::{Store, StoreError},
    text,
};

/// Longest words of the post shown in the editor, in characters.
const WORDS_CHARS_MAX: usize = 5_000;

/// What the command needs to know of a post.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedPost {
    /// What goes into the file.
    pub in_reply_to: String,
    /// Who wrote it: `bob@mastodon.example`.
    pub author: String,
    /// The slug of the review in whose thread it stands.
    pub review: Option<String>,
    /// Whose review that is, or who is named in the post.
    pub reviewers: Vec<Handle>,
    /// Only its author will see the answer.
    pub private: bool,
    /// What it says, where that is known, as plain text.
    pub words: Option<String>,
}

/// Why a post cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum NoPost {
    #[error("there is no reply `{0}`; look with `reviewd replies list`, or name the address of a post")]
    NoReply(String),
    #[error("the post {address} was not found: {problem}; open it in a browser and copy its address")]
    NotFound { address: String, problem: PeerProblem },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A reply that came here before, by its number, its id or its page; an own answer too.
pub async fn asked_reply(store: &Store, origin: &Origin, name: &str) -> Result<Option<AskedPost>, StoreError> {
    match find_reply(store, name).await {
        Ok(kept) => of_kept(store, origin, kept).await.map(Some),
        Err(super::replies::ReplyProblem::Store(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

impl Desk {
    /// The post behind a number or an address; one from elsewhere is looked up, and kept for the answer.
    pub(super) async fn asked_post(&self, name: &str) -> Result<AskedPost, NoPost> {
        let origin = &self.site.origin;
        if let Some(post) = asked_reply(&self.store, origin, name).await? {
            return Ok(post);
        }
        if !(name.starts_with("https://") || name.starts_with("http://")) {
            return Err(NoPost::NoReply(name.to_owned()));
        }
        let target = match self.finder.find(name).await {
            Ok(target) => target,
            Err(PeerProblem::Store(error)) => return Err(error.into()),
            Err(problem) => return Err(NoPost::NotFound { address: name.to_owned(), problem }),
        };
        self.store.keep_target(name, &target).await?;
        Ok(self.of_target(name, &target).await?)
    }

    /// The post behind an address in a file, looked up where no answer waits for it yet.
    pub(super) async fn target(&self, address: &str) -> Result<Target, NoPost> {
        let known = self.store.post_searches().await?.into_iter().find(|search| search.address == address);
        if let Some(target) = known.and_then(|search| search.target) {
            return Ok(target);
        }
        match self.finder.find(address).await {
            Ok(target) => Ok(target),
            Err(PeerProblem::Store(error)) => Err(error.into()),
            Err(problem) => Err(NoPost::NotFound { address: address.to_owned(), problem }),
        }
    }

    async fn of_target(&self, name: &str, target: &Target) -> Result<AskedPost, StoreError> {
        let kept = self.store.reply(&target.id).await?;
        let named = target.others.iter().map(|one: &Participant| one.id.clone()).chain([target.author.id.clone()]);
        Ok(AskedPost {
            in_reply_to: name.to_owned(),
            author: text::remote_text(&target.author.handle, WORDS_CHARS_MAX),
            review: slug_of(&self.store, target.under.as_ref()).await?,
            reviewers: reviewers(&self.site.origin, target.under.as_ref(), named),
            private: target.visibility == Visibility::Private,
            words: kept.map(|kept| words(&kept.reply.content)),
        })
    }
}

async fn of_kept(store: &Store, origin: &Origin, kept: KeptReply) -> Result<AskedPost, StoreError> {
    let reply = kept.reply;
    let author = kept.author.map_or_else(|| reply.author.clone(), |author| author.handle);
    let named = reply.mentions.iter().cloned().chain([reply.author.clone()]);
    Ok(AskedPost {
        author: text::remote_text(&author, WORDS_CHARS_MAX),
        review: slug_of(store, reply.under.as_ref()).await?,
        reviewers: reviewers(origin, reply.under.as_ref(), named),
        private: reply.visibility == Visibility::Private,
        words: Some(words(&reply.content)),
        in_reply_to: reply.id,
    })
}

async fn slug_of(store: &Store, under: Option<&(Handle, ReviewId)>) -> Result<Option<String>, StoreError> {
    let Some((handle, review)) = under else { return Ok(None) };
    Ok(store.published(handle, review).await?.map(|review| review.slug.to_string()))
}

/// Whose answer it is likely to be: the reviewer of the thread, then those of us who are named.
fn reviewers(origin: &Origin, under: Option<&(Handle, ReviewId)>, named: impl Iterator<Item = String>) -> Vec<Handle> {
    let prefix = origin.at("/users/");
    let ours = named.filter_map(|actor| Handle::parse(actor.strip_prefix(&prefix)?).ok());
    under.map(|(handle, _)| handle.clone()).into_iter().chain(ours).collect()
}

fn words(html: &str) -> String {
    text::remote_text(&text::remote_markdown(html), WORDS_CHARS_MAX)
}
