//! Likes, emoji, boosts, what is taken back of them, and complaints.

use super::{Conversation, arrivals::OVERTAKEN, fetched, limits};
use crate::{
    domain::{Handle, Reaction, ReactionKind, ReviewId, Source, Visibility},
    fediverse::{inbox::same_host, json::authority, peers::PeerProblem},
    text,
};

/// Longest emoji kept, in characters.
const EMOJI_CHARS_MAX: usize = 64;
/// Most posts and actors kept of one complaint.
const REPORTED_MAX: usize = 20;
/// Longest complaint kept, in characters (as Mastodon sends).
const REPORT_CHARS_MAX: usize = 5_000;

impl Conversation {
    pub(super) async fn liked(
        &self,
        id: Option<&str>,
        actor: &str,
        object: &str,
        emoji: Option<&str>,
    ) -> Result<String, PeerProblem> {
        let Some(under) = self.ours(object).await? else { return Ok("likes nothing of ours".to_owned()) };
        self.reacted(Reaction {
            emoji: self::emoji(emoji),
            ..self.reaction(ReactionKind::Like, id, actor, object, under)
        })
        .await
    }

    /// A boost of ours is counted, if everybody may know of it; one of somebody else's post may lead to a reply that never
    /// reached us.
    pub(super) async fn boosted(
        &self,
        id: Option<&str>,
        actor: &str,
        object: &str,
        visibility: Visibility,
    ) -> Result<String, PeerProblem> {
        if let Some(under) = self.ours(object).await? {
            if visibility == Visibility::Private {
                return Ok("boosts for some people only".to_owned());
            }
            return self.reacted(self.reaction(ReactionKind::Boost, id, actor, object, under)).await;
        }
        if same_host(object, self.origin.as_str()) {
            return Ok("boosts what is not there".to_owned());
        }
        if let Some(known) = self.store.reply(object).await? {
            if let Some((handle, review)) = &known.reply.under {
                self.store.touch_crawl(handle, review, self.now()).await?;
            }
            return Ok(format!("boosts reply {}", known.seq));
        }
        if !self.may_follow_hint(actor) {
            return Ok(format!("boosts {object}, one hint too many"));
        }
        let visit = self.peers.visit();
        match fetched(visit.post(object).await)? {
            Some(post) => self.take(&visit, &post, Source::Crawled).await,
            None => Ok("boosts a post that is not there".to_owned()),
        }
    }

    pub(super) async fn unliked(
        &self,
        actor: &str,
        object: Option<&str>,
        like: Option<&str>,
    ) -> Result<String, PeerProblem> {
        self.undone(ReactionKind::Like, actor, object, like).await
    }

    pub(super) async fn unboosted(
        &self,
        actor: &str,
        object: Option<&str>,
        boost: Option<&str>,
    ) -> Result<String, PeerProblem> {
        self.undone(ReactionKind::Boost, actor, object, boost).await
    }

    /// Takes back whatever an actor did under an id. `false` where there is nothing; should it still come, it is refused.
    pub async fn took_back(&self, actor: &str, id: &str) -> Result<bool, PeerProblem> {
        if self.store.drop_reaction_by_id(id, actor).await? > 0 {
            return Ok(true);
        }
        if same_host(id, actor) && self.store.reply(id).await?.is_none() {
            self.store.remember_gone(id, self.now(), self.now() + OVERTAKEN).await?;
        }
        Ok(false)
    }

    /// A complaint is kept for a person to read.
    pub(super) async fn reported(&self, actor: &str, objects: &[String], words: &str) -> Result<String, PeerProblem> {
        let host = authority(actor).unwrap_or_default();
        if !limits::admits_report(self.store.reports_today(&host, self.now()).await?) {
            return Ok("complains too often for a day".to_owned());
        }
        let objects: Vec<String> = objects.iter().take(REPORTED_MAX).cloned().collect();
        let words = text::remote_text(words, REPORT_CHARS_MAX);
        let seq = self.store.keep_report(actor, &objects, &words, self.now()).await?;
        tracing::warn!(seq, reporter = actor, "{host} complains; read it with `reviewd replies list --reports`");
        Ok(format!("is complaint {seq}"))
    }

    /// Counts a reaction, once for each actor, object and kind.
    pub(super) async fn count(&self, reaction: &Reaction) -> Result<String, PeerProblem> {
        // A name and a picture to show with it; who cannot be found is counted all the same.
        if let Err(problem) = self.peers.visit().actor(&reaction.actor).await {
            tracing::debug!(actor = reaction.actor, %problem, "{} could not be looked up: {problem}", reaction.actor);
        }
        let host = authority(&reaction.actor).unwrap_or_default();
        let mut counting = self.counting().await;
        self.ask_counts(&mut counting, &[&host], &[&reaction.under]).await?;
        if !counting.admit(&host, &reaction.under) {
            return Ok("is one reaction too many".to_owned());
        }
        let kind = reaction.kind.as_str();
        Ok(match self.store.keep_reaction(reaction).await? {
            true => format!("is a {kind} of {}", reaction.object),
            false => format!("is a {kind} that was there"),
        })
    }

    async fn reacted(&self, reaction: Reaction) -> Result<String, PeerProblem> {
        if let Some(id) = &reaction.id
            && self.store.gone_post(id).await?.is_some()
        {
            return Ok("was taken back before it came".to_owned());
        }
        self.count(&reaction).await
    }

    async fn undone(
        &self,
        kind: ReactionKind,
        actor: &str,
        object: Option<&str>,
        id: Option<&str>,
    ) -> Result<String, PeerProblem> {
        if let Some(object) = object
            && let Some(there) = self.store.reaction(object, actor, kind).await?
        {
            // Pleroma and Misskey allow several emoji: the one that is taken back may not be the one that stands.
            let another = there.emoji.is_some() && id.is_some() && there.id.is_some() && there.id.as_deref() != id;
            if another {
                return Ok("took back an earlier emoji".to_owned());
            }
            self.store.drop_reaction(object, actor, kind).await?;
            return Ok(format!("took back a {}", kind.as_str()));
        }
        match id {
            Some(id) if self.took_back(actor, id).await? => Ok(format!("took back a {}", kind.as_str())),
            Some(_) | None => Ok("took back what was not here".to_owned()),
        }
    }

    fn reaction(
        &self,
        kind: ReactionKind,
        id: Option<&str>,
        actor: &str,
        object: &str,
        under: (Handle, ReviewId),
    ) -> Reaction {
        let (id, actor, object) = (id.map(str::to_owned), actor.to_owned(), object.to_owned());
        Reaction { id, kind, object, under, actor, emoji: None, page: None, at: self.now() }
    }
}

/// An emoji, cleaned and within its length.
pub(super) fn emoji(emoji: Option<&str>) -> Option<String> {
    emoji.map(|emoji| text::remote_text(emoji, EMOJI_CHARS_MAX)).filter(|emoji| !emoji.is_empty())
}
