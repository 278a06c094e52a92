//! Posts: written, edited and deleted elsewhere.

use jiff::SignedDuration;

use super::{
    Conversation, fetched,
    limits::{self, Admission, CONTENT_BYTES_MAX, LINE_CHARS_MAX, MENTIONS_MAX},
    place::{Place, Way},
};
use crate::{
    domain::{
        Handle, KeptReply, Reaction, ReactionKind, Reply, ReplyState, ReviewId, Source, Visibility,
        conversation::{first_state, is_closed, state_after_edit},
    },
    fediverse::{
        inbox::{Post, Told, same_host},
        peers::{PeerProblem, Visit},
    },
    store::Kept,
    text,
};

/// How long a deletion or an undo of something unknown is remembered, in case it overtook what it speaks of (as Mastodon).
pub(super) const OVERTAKEN: SignedDuration = SignedDuration::from_hours(6);
/// A language tag that means something is shorter, in bytes.
const LANGUAGE_BYTES_MAX: usize = 35;

impl Conversation {
    pub(super) async fn posted(&self, actor: &str, told: &Told) -> Result<String, PeerProblem> {
        if let Told::At(id) = told
            && !self.may_follow_hint(actor)
        {
            return Ok(format!("tells of {id}, one hint too many"));
        }
        let visit = self.peers.visit();
        let Some(post) = self.told(&visit, told).await? else {
            return Ok("tells of a post that is not there".to_owned());
        };
        self.take(&visit, &post, Source::Inbox).await
    }

    /// Takes in a post that is new to us, if it answers or quotes something of ours. Who does not speak to us cannot make
    /// us read somebody else's thread.
    pub(super) async fn take(&self, visit: &Visit, post: &Post, source: Source) -> Result<String, PeerProblem> {
        let climbs = self.names_us(&post.mentions) || self.names_us(&post.audience);
        self.take_in(visit, post, source, climbs).await
    }

    /// As [`Conversation::take`]; posts between this one and the thread are fetched where it `climbs`.
    pub(in crate::fediverse) async fn take_in(
        &self,
        visit: &Visit,
        post: &Post,
        source: Source,
        climbs: bool,
    ) -> Result<String, PeerProblem> {
        if self.is_shut_out(&post.author).await? {
            return Ok("is by somebody who is kept out".to_owned());
        }
        let quoted = self.quoted(post).await?;
        let Some(in_reply_to) = &post.in_reply_to else {
            return Ok(quoted.unwrap_or_else(|| "answers nothing of ours".to_owned()));
        };
        let Way { place, between } = self.way(visit, in_reply_to, climbs).await?;
        let under = match place {
            Place::Under(under) => under,
            Place::Nowhere(why) => return Ok(quoted.unwrap_or_else(|| why.to_owned())),
        };
        for above in &between {
            self.keep(visit, above, in_reply_to_of(above), under.as_ref(), Source::Crawled).await?;
        }
        self.keep(visit, post, in_reply_to, under.as_ref(), source).await
    }

    /// Keeps a reply whose place is known.
    async fn keep(
        &self,
        visit: &Visit,
        post: &Post,
        in_reply_to: &str,
        under: Option<&(Handle, ReviewId)>,
        source: Source,
    ) -> Result<String, PeerProblem> {
        if let Some(known) = self.store.reply(&post.id).await? {
            return Ok(format!("is reply {} already", known.seq));
        }
        if self.is_shut_out(&post.author).await? {
            return Ok("is by somebody who is kept out".to_owned());
        }
        let private = post.visibility == Visibility::Private;
        if private && !self.names_us(&post.audience) {
            return Ok("is addressed to others".to_owned());
        }
        if !private && let Some((handle, review)) = under {
            let Some(published) = self.store.published(handle, review).await? else {
                return Ok("answers a review that is not there".to_owned());
            };
            if is_closed(published.review.replies_closed, published.published, self.rules.close_after, self.now()) {
                return Ok("answers a review that takes no more replies".to_owned());
            }
        }
        let Some(author) = fetched(visit.actor(&post.author).await)? else {
            return Ok("is by nobody who can be found".to_owned());
        };
        let reply = self.reply(post, in_reply_to, under.cloned());
        let known = self.store.is_known_author(&post.author).await?;
        let counting = self.counting.lock().await;
        let load = self.store.talk_load(&post.author, under, self.now()).await?;
        let admission = match private {
            true => limits::admit_private(known, &load),
            false => limits::admit(first_state(self.rules.moderation, known), known, &load),
        };
        let state = match admission {
            Admission::Keep(state) => state,
            Admission::Refuse(why) => return Ok(format!("is not kept: {why}")),
        };
        let Kept::New(seq) = self.store.keep_reply(&reply, state, source, self.now()).await? else {
            return Ok("was deleted before".to_owned());
        };
        drop(counting);
        if let Some((handle, review)) = under {
            self.store.touch_crawl(handle, review, self.now()).await?;
        }
        let (person, page) = (&author.handle, &reply.page);
        match state {
            _ if private => tracing::info!(seq, "reply {seq}, only for the reviewer, is by {person}"),
            ReplyState::Waiting => {
                tracing::info!(seq, page, "reply {seq} by {person} waits: `reviewd replies approve {seq}` shows it");
            }
            ReplyState::Shown | ReplyState::Hidden => tracing::info!(seq, page, "reply {seq} is by {person}"),
        }
        if state == ReplyState::Waiting && limits::fills_the_list(&load) {
            tracing::warn!("so many replies wait that no more are kept; see `reviewd replies list --waiting`");
        }
        Ok(format!("is reply {seq}, {}", state.as_str()))
    }

    pub(super) async fn edited(&self, actor: &str, told: &Told) -> Result<String, PeerProblem> {
        let visit = self.peers.visit();
        if let Told::At(id) = told
            && !self.may_follow_hint(actor)
        {
            return Ok(format!("tells of {id}, one hint too many"));
        }
        let Some(post) = self.told(&visit, told).await? else {
            return Ok("tells of a post that is not there".to_owned());
        };
        match self.store.reply(&post.id).await? {
            Some(kept) if kept.reply.author != post.author => Ok("edits somebody else's post".to_owned()),
            Some(kept) => self.edit(&kept, &post).await,
            None => self.take(&visit, &post, Source::Inbox).await,
        }
    }

    /// Takes over what an author made of a reply; where it stands and when it was published stay.
    pub(super) async fn edit(&self, kept: &KeptReply, post: &Post) -> Result<String, PeerProblem> {
        self.quoted(post).await?;
        let before = &kept.reply;
        let withdrawn = post.visibility == Visibility::Private && before.visibility != Visibility::Private;
        let older = post.updated.is_some_and(|updated| before.updated.is_some_and(|known| updated < known));
        if older && !withdrawn {
            return Ok("is an older version".to_owned());
        }
        let mut reply = Reply {
            in_reply_to: before.in_reply_to.clone(),
            published: before.published,
            ..self.reply(post, &before.in_reply_to, before.under.clone())
        };
        let says_the_same =
            (&reply.content, &reply.title, &reply.warning) == (&before.content, &before.title, &before.warning);
        if !says_the_same && reply.updated == before.updated {
            reply.updated = Some(self.now());
        }
        let opened = before.visibility == Visibility::Private && reply.visibility != Visibility::Private;
        let state = if opened && kept.state != ReplyState::Hidden {
            first_state(self.rules.moderation, self.store.is_known_author(&post.author).await?)
        } else if says_the_same {
            kept.state
        } else {
            state_after_edit(self.rules.moderation, kept.state)
        };
        let changed = match self.store.edit_reply(&reply, state, kept.source, self.now()).await? {
            Kept::Changed(_) => true,
            Kept::Unchanged(_) | Kept::New(_) | Kept::Refused => false,
        };
        if let Some((handle, review)) = &before.under {
            self.store.touch_crawl(handle, review, self.now()).await?;
        }
        Ok(format!("reply {} {}", kept.seq, if changed { "says something else now" } else { "is as it was" }))
    }

    pub(super) async fn deleted(&self, actor: &str, object: &str) -> Result<String, PeerProblem> {
        let now = self.now();
        if let Some(kept) = self.store.reply(object).await? {
            // A moderator deletes in the name of the server: believed if the post is really gone (FEDERATION 8.35).
            if kept.reply.author != actor && !self.is_gone(object).await? {
                return Ok("deletes somebody else's post, which is still there".to_owned());
            }
            self.store.drop_reply(object, now).await?;
            self.store.drop_reaction_by_id(object, &kept.reply.author).await?;
            tracing::info!(seq = kept.seq, "reply {} was deleted by its author", kept.seq);
            return Ok(format!("deleted reply {}", kept.seq));
        }
        if self.store.drop_reaction_by_id(object, actor).await? > 0 {
            return Ok("deleted a post that quoted".to_owned());
        }
        self.store.remember_gone(object, now, now + OVERTAKEN).await?;
        Ok("deleted what is not here".to_owned())
    }

    /// Whether a post's own server says that it is gone.
    pub(super) async fn is_gone(&self, id: &str) -> Result<bool, PeerProblem> {
        match self.peers.visit().post(id).await {
            Err(PeerProblem::Gone | PeerProblem::NotFound) => Ok(true),
            Err(problem) if problem.is_passing() => Err(problem),
            Ok(_) | Err(_) => Ok(false),
        }
    }

    /// Counts a post that quotes something of ours; what it says is not kept. `None` where it quotes nothing of ours.
    pub async fn quoted(&self, post: &Post) -> Result<Option<String>, PeerProblem> {
        let under = match &post.quotes {
            Some(quoted) => self.ours(quoted).await?.map(|under| (quoted.clone(), under)),
            None => None,
        };
        let Some((object, under)) = under.filter(|_| post.visibility != Visibility::Private) else {
            self.store.drop_reaction_by_id(&post.id, &post.author).await?;
            return Ok(None);
        };
        if self.store.gone_post(&post.id).await?.is_some() {
            return Ok(Some("quoted, and was deleted before".to_owned()));
        }
        let reaction = Reaction {
            id: Some(post.id.clone()),
            kind: ReactionKind::Quote,
            object,
            under,
            actor: post.author.clone(),
            emoji: None,
            page: Some(own_page(post)),
            at: self.now(),
        };
        self.count(&reaction).await.map(Some)
    }

    /// Their post in our words, cleaned and cut to what is kept.
    fn reply(&self, post: &Post, in_reply_to: &str, under: Option<(Handle, ReviewId)>) -> Reply {
        let now = self.now();
        let line = |text: &Option<String>| {
            text.as_deref().map(|text| text::remote_text(text, LINE_CHARS_MAX)).filter(|text| !text.is_empty())
        };
        let is_tag = |tag: &String| {
            tag.len() <= LANGUAGE_BYTES_MAX && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        Reply {
            id: post.id.clone(),
            under,
            in_reply_to: in_reply_to.to_owned(),
            author: post.author.clone(),
            ours: false,
            content: post.content[..post.content.floor_char_boundary(CONTENT_BYTES_MAX)].to_owned(),
            title: line(&post.title),
            warning: line(&post.warning),
            language: post.language.clone().filter(is_tag),
            page: own_page(post),
            published: post.published.map_or(now, |published| published.min(now)),
            updated: post.updated.map(|updated| updated.min(now)),
            visibility: post.visibility,
            replies: post.replies.clone().filter(|replies| same_host(replies, &post.id)),
            mentions: post.mentions.iter().take(MENTIONS_MAX).cloned().collect(),
        }
    }
}

fn in_reply_to_of(post: &Post) -> &str {
    post.in_reply_to.as_deref().unwrap_or_default()
}

/// Where people read a post; a page elsewhere would be somebody else's.
fn own_page(post: &Post) -> String {
    if same_host(&post.page, &post.id) { post.page.clone() } else { post.id.clone() }
}
