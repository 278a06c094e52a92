//! The conversation under a review, from the store to the page.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{Web, WebError};
use crate::{
    domain::{
        Handle, KeptReply, Published, Reaction, ReactionKind, RemoteActor, ReviewId, Reviewer, Slug,
        conversation::is_closed, ledger::Standing,
    },
    publish::Library,
    site::{Admirer, Answered, Conversation, Crowd, Door, Paging, Person, Placed, Remark, reading_order},
    text,
};

/// Replies on one page of a conversation.
const REMARKS_PER_PAGE: usize = 100;
/// Replies of one review that are shown at all, oldest first: what a flood left that nobody hid.
const REPLIES_MAX: i64 = 10_000;
/// People named behind a number of likes or boosts.
const ADMIRERS_MAX: usize = 60;
/// Longest content warning and title shown, in characters.
pub(super) const LINE_CHARS_MAX: usize = 300;
/// Longest emoji of a reaction shown, in characters: families and flags are several, `:names:` of pictures are longer.
const EMOJI_CHARS_MAX: usize = 20;

/// Which part of a conversation is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Counted from 1.
    Page(u32),
    /// The page on which the reply with this number stands.
    Around(i64),
}

/// A part of a conversation, or where that is.
pub enum Conversed {
    Here(Talk),
    /// What follows the path of the review's page: another page, an anchor, or nothing where the part is not there.
    At(String),
}

/// A conversation with what its document says about itself.
pub struct Talk {
    pub shown: Conversation,
    /// The newest thing said or done.
    pub changed: Option<Timestamp>,
}

/// The whole thread in the order of reading.
struct Thread {
    /// Oldest first.
    replies: Vec<KeptReply>,
    order: Vec<Placed>,
    /// Where each reply stands in `order`.
    place: Vec<usize>,
}

impl Thread {
    fn new(replies: Vec<KeptReply>) -> Self {
        let index: HashMap<&str, usize> =
            replies.iter().enumerate().map(|(index, kept)| (kept.reply.id.as_str(), index)).collect();
        let above = |kept: &KeptReply| index.get(kept.hangs_from.as_deref()?).copied();
        let order = reading_order(&replies.iter().map(above).collect::<Vec<_>>());
        let mut place = vec![0; replies.len()];
        for (at, placed) in order.iter().enumerate() {
            place[placed.post] = at;
        }
        Self { replies, order, place }
    }

    fn page_of(&self, post: usize) -> u32 {
        u32::try_from(self.place[post] / REMARKS_PER_PAGE + 1).unwrap_or(u32::MAX)
    }

    fn paging(&self, page: u32) -> Paging {
        let pages = self.order.len().div_ceil(REMARKS_PER_PAGE).max(1);
        Paging { page, pages: u32::try_from(pages).unwrap_or(u32::MAX), total: self.order.len() }
    }

    /// The number of the page that a part means, or where that part is: a page has one address.
    fn page(&self, part: Part) -> Result<u32, String> {
        match part {
            Part::Page(page) if page > 0 && page <= self.paging(page).pages => Ok(page),
            Part::Page(_) => Err(String::new()),
            Part::Around(number) => {
                let post = self.replies.iter().position(|kept| kept.seq == number);
                Err(match post.map(|post| self.page_of(post)) {
                    None => String::new(),
                    Some(1) => format!("#reply-{number}"),
                    Some(page) => format!("?page={page}#reply-{number}"),
                })
            }
        }
    }
}

impl Web {
    /// What the page of a review shows of its conversation.
    pub(super) async fn conversation(&self, published: &Published, part: Part) -> Result<Conversed, WebError> {
        let (handle, id) = (&published.reviewer, &published.id);
        let thread = Thread::new(self.store.thread(handle, id, REPLIES_MAX, 0).await?);
        let page = match thread.page(part) {
            Ok(page) => page,
            Err(place) => return Ok(Conversed::At(place)),
        };
        let note = self.site.origin.note(handle, id);
        let mut reactions = self.store.reactions(handle, id).await?;
        reactions.retain(|(reaction, _)| reaction.object == note);
        // The newest first: they are who is named.
        reactions.reverse();

        let on_page = thread.order.iter().skip((page as usize - 1) * REMARKS_PER_PAGE).take(REMARKS_PER_PAGE);
        let on_page: Vec<&Placed> = on_page.collect();
        let of_page = on_page.iter().filter_map(|place| thread.replies[place.post].author.as_ref());
        let named = ReactionKind::ALL.into_iter().flat_map(|kind| of_kind(&reactions, kind).take(ADMIRERS_MAX));
        let people = of_page.chain(named.filter_map(|(_, person)| person.as_ref()));
        let faces = self.portraits_of(people).await?;

        let crowd = |kind| Crowd {
            total: of_kind(&reactions, kind).count(),
            people: of_kind(&reactions, kind)
                .take(ADMIRERS_MAX)
                .map(|(reaction, person)| admirer(reaction, person.as_ref(), &faces))
                .collect(),
        };
        let shown = Conversation {
            remarks: on_page.into_iter().map(|place| self.remark(&thread, place, &faces)).collect(),
            paging: thread.paging(page),
            likes: crowd(ReactionKind::Like),
            boosts: crowd(ReactionKind::Boost),
            quotes: crowd(ReactionKind::Quote),
            door: match self.still || self.is_closed(published.review.replies_closed, published.published) {
                true => Door::Closed,
                false => Door::Open { note },
            },
        };
        let said =
            thread.replies.iter().map(|kept| kept.reply.updated.unwrap_or(kept.received_at).max(kept.received_at));
        let changed = said.chain(reactions.iter().map(|(reaction, _)| reaction.at)).max();
        Ok(Conversed::Here(Talk { shown, changed }))
    }

    /// Whether a review of that age takes no more replies.
    pub(super) fn is_closed(&self, by_file: bool, published: Timestamp) -> bool {
        is_closed(by_file, published, self.replies_close_after, self.reception.clock.now())
    }

    /// The paths of the faces that are here, by actor.
    async fn portraits_of<'a>(
        &self,
        people: impl Iterator<Item = &'a RemoteActor>,
    ) -> Result<HashMap<String, String>, WebError> {
        let with_avatar = people.filter_map(|person| Some((person.id.as_str(), person.avatar.as_deref()?)));
        let wanted: HashMap<&str, &str> = with_avatar.collect();
        let wanted: Vec<(&str, &str)> = wanted.into_iter().collect();
        let files = self.faces.of(&wanted).await?;
        Ok(files.into_iter().map(|(actor, file)| (actor, format!("/media/avatars/{file}"))).collect())
    }

    fn remark(&self, thread: &Thread, place: &Placed, faces: &HashMap<String, String>) -> Remark {
        let kept = &thread.replies[place.post];
        let reply = &kept.reply;
        let answers = place.under.map(|above| Answered {
            number: thread.replies[above].seq,
            name: self.who_said(&thread.replies[above], faces).name,
            page: thread.page_of(above),
        });
        let line = |words: &Option<String>| {
            words.as_ref().map(|words| text::remote_text(words, LINE_CHARS_MAX)).filter(|words| !words.is_empty())
        };
        Remark {
            number: kept.seq,
            person: self.who_said(kept, faces),
            depth: place.depth,
            answers,
            title: line(&reply.title),
            warning: line(&reply.warning),
            content: text::remote_html(&reply.content),
            language: reply.language.clone().filter(|language| is_language(language)),
            published: reply.published,
            updated: reply.updated,
            original: Some(reply.page.clone()),
            id: reply.id.clone(),
        }
    }

    pub(super) fn author_name(&self, kept: &KeptReply) -> String {
        self.who_said(kept, &HashMap::new()).name
    }

    pub(super) fn who_said(&self, kept: &KeptReply, faces: &HashMap<String, String>) -> Person {
        match (self.own_author(kept), &kept.author) {
            (Some(reviewer), _) => Person::reviewer(reviewer, &self.site.origin),
            (None, Some(actor)) => Person::from_elsewhere(actor, faces.get(&actor.id).cloned()),
            (None, None) => Person::unknown(&kept.reply.author),
        }
    }

    pub(super) fn own_author(&self, kept: &KeptReply) -> Option<&Reviewer> {
        let wrote = |one: &&Reviewer| self.site.origin.actor(&one.handle) == kept.reply.author;
        self.reviewers.iter().filter(|_| kept.reply.ours).find(wrote)
    }

    /// The review at an address, also one that moved from there or whose Delete waits.
    pub(super) async fn published_at(
        &self,
        handle: &Handle,
        slug: &str,
        library: &Library,
    ) -> Result<Option<Published>, WebError> {
        let own = library.page(handle, &Slug::from_text(slug)).filter(|card| card.slug.as_str() == slug);
        let id: ReviewId = match own {
            Some(card) => card.id.clone(),
            None => match self.store.review_behind(handle, slug).await? {
                Some((id, Standing::Live | Standing::Leaving)) => id,
                Some((_, Standing::Gone)) | None => return Ok(None),
            },
        };
        Ok(self.store.published(handle, &id).await?)
    }
}

type WithPerson = (Reaction, Option<RemoteActor>);

fn of_kind(reactions: &[WithPerson], kind: ReactionKind) -> impl Iterator<Item = &WithPerson> {
    reactions.iter().filter(move |(reaction, _)| reaction.kind == kind)
}

fn admirer(reaction: &Reaction, person: Option<&RemoteActor>, faces: &HashMap<String, String>) -> Admirer {
    Admirer {
        person: match person {
            Some(actor) => Person::from_elsewhere(actor, faces.get(&actor.id).cloned()),
            None => Person::unknown(&reaction.actor),
        },
        emoji: reaction.emoji.as_ref().map(|emoji| emoji_text(emoji)).filter(|emoji| !emoji.is_empty()),
        page: reaction.page.clone(),
    }
}

/// The picture behind a `:name:` is on another server: the name stands for it.
fn emoji_text(emoji: &str) -> String {
    text::remote_text(emoji, EMOJI_CHARS_MAX)
}

/// What a `lang` attribute can hold; others would make screen readers stumble.
pub(super) fn is_language(tag: &str) -> bool {
    let of_subtag = |part: &str| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric());
    tag.len() <= 35 && tag.starts_with(|c: char| c.is_ascii_alphabetic()) && tag.split('-').all(of_subtag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_language_tags_are_languages() {
        for (tag, good) in
            [("en", true), ("pt-BR", true), ("zh-Hant-TW", true), ("", false), ("en_GB", false), ("1", false)]
        {
            assert_eq!(is_language(tag), good, "{tag}");
        }
        assert!(!is_language("en\" onclick=\"x") && !is_language(&"a-".repeat(100)));
    }
}
