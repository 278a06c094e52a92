//! The feeds of what people answer: of the site, of a reviewer, of one review.

use std::collections::{HashMap, hash_map};

use super::{
    Web, WebError,
    conversation::{LINE_CHARS_MAX, is_language},
    documents::{Found, part_id},
    route::RepliesTo,
};
use crate::{
    domain::{Handle, KeptReply, Published, ReviewId},
    feed::{self, Addresses, Answers, Archive, Dialect, Feed, Said},
    publish::Library,
    site::Trouble,
    store::Talked,
    text,
};

/// A feed of replies, or why there is none at its address.
pub(super) enum Heard {
    Feed(Box<Feed>),
    /// The review has another address now; the path of its page.
    Moved(String),
    /// There is no such reviewer or review, or there is none any more.
    Nothing,
}

/// What a feed of replies is called, and where it stands.
struct Heading {
    title: String,
    description: String,
    home: String,
    /// Without a trailing slash.
    base: String,
    id: String,
}

impl Web {
    /// `/replies.xml` and alike in the three dialects.
    pub(super) async fn replies_feed(
        &self,
        to: &RepliesTo,
        dialect: Dialect,
        library: &Library,
    ) -> Result<Found, WebError> {
        Ok(match self.replies_model(to, library).await? {
            Heard::Feed(feed) => self.feed_document(&feed, dialect),
            Heard::Moved(path) => Found::MovedTo(Addresses::of_replies(&path).of(dialect).to_owned()),
            Heard::Nothing => Found::Trouble(Trouble::NotFound),
        })
    }

    /// The newest replies, for readers and subscribers alike.
    pub(super) async fn replies_model(&self, to: &RepliesTo, library: &Library) -> Result<Heard, WebError> {
        let (origin, title) = (&self.site.origin, &self.site.title);
        match to {
            RepliesTo::Everybody => {
                let heading = Heading {
                    title: format!("Replies · {title}"),
                    description: format!("What is said about the reviews of {title}."),
                    home: origin.home(),
                    base: origin.at(""),
                    id: part_id(&self.feed_id, "/replies"),
                };
                let entries = self.replies_of(Talked::Anywhere).await?;
                Ok(self.heard(heading, entries, self.founded))
            }
            RepliesTo::Reviewer(handle) => {
                let Some(reviewer) = self.reviewer(handle) else { return Ok(Heard::Nothing) };
                let heading = Heading {
                    title: format!("Replies to {} · {title}", reviewer.name),
                    description: format!("What is said about the reviews by {}.", reviewer.name),
                    home: origin.profile(handle),
                    base: origin.profile(handle),
                    id: part_id(&self.feed_id, &format!("{}/replies", to.path())),
                };
                let entries = self.replies_of(Talked::With(handle)).await?;
                Ok(self.heard(heading, entries, self.founded))
            }
            RepliesTo::Review(handle, slug) => {
                let Some(published) = self.published_at(handle, slug, library).await? else {
                    return Ok(Heard::Nothing);
                };
                if published.slug.as_str() != slug {
                    return Ok(Heard::Moved(format!("/@{handle}/{}", published.slug)));
                }
                let (book, page) = (published.review.book.by_line(), origin.page(handle, &published.slug));
                let heading = Heading {
                    title: format!("Replies to {book} · {title}"),
                    description: format!("What is said about the review of {book}."),
                    home: page.clone(),
                    base: page,
                    // Made from the review's own, so that it stays when title and address change.
                    id: part_id(&published.guid, "/replies"),
                };
                let mut entries = self.replies_of(Talked::Under(handle, &published.id)).await?;
                let comments = published.review.comments.iter().enumerate();
                entries.extend(comments.map(|(n, said)| feed::Entry::comment(said, n + 1, &published, &self.site)));
                let entries = feed::fit(entries, self.feed_items, feed::BYTES_MAX);
                Ok(self.heard(heading, entries, published.published))
            }
        }
    }

    /// How far the conversations of a feed of replies have come; the same number: the same replies.
    pub(super) fn talk_state(&self, to: &RepliesTo, library: &Library) -> u64 {
        let all = || *self.store.talk_changes().borrow();
        match to {
            RepliesTo::Everybody | RepliesTo::Reviewer(_) => all(),
            RepliesTo::Review(handle, slug) => {
                let card = library.page(handle, &crate::domain::Slug::from_text(slug));
                card.map_or_else(all, |card| self.store.talk_version(handle, &card.id))
            }
        }
    }

    fn heard(&self, heading: Heading, entries: Vec<feed::Entry>, began: jiff::Timestamp) -> Heard {
        let Heading { title, description, home, base, id } = heading;
        Heard::Feed(Box::new(Feed {
            title,
            description,
            home,
            address: Addresses::of_replies(&base),
            id,
            language: self.site.language.clone(),
            updated: feed::newest_change(&entries, began),
            authors: Vec::new(),
            icons: Vec::new(),
            // Hubs elsewhere are told of reviews only.
            hubs: self.hub.own_address().filter(|_| !self.still).into_iter().collect(),
            entries,
            archive: Archive::Current { prev: None },
            next_page: None,
            source_url: self.site.source_url.clone(),
        }))
    }

    async fn replies_of(&self, talked: Talked<'_>) -> Result<Vec<feed::Entry>, WebError> {
        let replies = self.store.latest_replies(talked, self.feed_items).await?;
        let mut reviews: HashMap<(Handle, ReviewId), Option<Published>> = HashMap::new();
        let mut entries = Vec::new();
        for kept in &replies {
            let Some((handle, id)) = kept.reply.under.clone() else { continue };
            let published = match reviews.entry((handle.clone(), id.clone())) {
                hash_map::Entry::Occupied(known) => known.into_mut(),
                hash_map::Entry::Vacant(place) => place.insert(self.store.published(&handle, &id).await?),
            };
            entries.extend(published.as_ref().map(|published| self.feed_entry(kept, published)));
        }
        Ok(feed::fit(entries, self.feed_items, feed::BYTES_MAX))
    }

    fn feed_entry(&self, kept: &KeptReply, published: &Published) -> feed::Entry {
        let (reply, page) = (&kept.reply, self.site.origin.page(&published.reviewer, &published.slug));
        let person = self.who_said(kept, &HashMap::new());
        let own = self.own_author(kept).map(|reviewer| self.site.origin.profile(&reviewer.handle));
        let theirs = kept.author.as_ref().map(|actor| actor.page.as_str());
        let warning = reply.warning.as_ref().map(|words| text::remote_text(words, LINE_CHARS_MAX));
        let answers = match &kept.hangs_from {
            Some(above) => Answers { guid: above.clone(), page: page.clone() },
            None => Answers { guid: published.guid.clone(), page: page.clone() },
        };
        let said = Said {
            id: &reply.id,
            page: format!("{page}?reply={0}#reply-{0}", kept.seq),
            name: &person.name,
            account: &person.address,
            profile: Some(own.as_deref().or(theirs).unwrap_or(&reply.author)),
            warning: warning.as_deref().filter(|words| !words.is_empty()),
            content: &text::remote_html(&reply.content),
            language: reply.language.as_deref().filter(|language| is_language(language)),
            published: reply.published,
            updated: reply.updated,
            answers,
        };
        feed::Entry::reply(&said, published, &self.site)
    }
}
