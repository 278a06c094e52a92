//! How entries, texts and marks go into the commit.

use std::collections::BTreeMap;

use super::{Fresh, PICTURES_AGAIN, Working};
use crate::{
    domain::{
        Published, PublishedAnswer, Review, ReviewId, Slug, Writing,
        ledger::{Entry, FileMark, FileOutcome, Hold, Intent},
    },
    fediverse::answer,
    publish::{
        identity::{self, Line, LineEvent},
        reading::{self, Glance},
    },
    store::Content,
};

impl Working<'_> {
    /// Sets an intent and restarts its delay.
    pub(super) fn intend(&mut self, entry: &mut Entry, intent: Intent) {
        entry.intent = intent;
        entry.since = self.now;
        if intent == Intent::Nothing {
            entry.hold = Hold::No;
        }
        self.stirred.insert(entry.id.clone(), self.elapsed);
    }

    /// Writes an entry with the text of its file.
    pub(super) fn write(&mut self, path: &str, entry: Entry) {
        let glance = self.fresh.get_mut(path).and_then(|fresh| fresh.glance.take());
        let Some(fresh) = self.fresh.get(path) else {
            self.work.insert(entry.id.clone(), entry);
            return;
        };
        let review = match &fresh.found.writing {
            Writing::Review(review) => review,
            Writing::Answer(answer, target) => {
                let page = self.means.site.origin.answer(&self.desk.reviewer.handle, &entry.id);
                let content = PublishedAnswer {
                    reviewer: self.desk.reviewer.handle.clone(),
                    id: entry.id.clone(),
                    published: entry.published,
                    updated: entry.updated,
                    content: answer::content(answer, target, &page),
                    answer: answer.clone(),
                    target: (**target).clone(),
                };
                let mark = file_mark(path, fresh, FileOutcome::Answer(entry.id.clone()));
                self.marks.insert(path.to_owned(), mark);
                self.content.insert(entry.id.clone(), Content::Answer(Box::new(content)));
                self.work.insert(entry.id.clone(), entry);
                return;
            }
        };
        let glance = glance.unwrap_or_else(|| reading::glance(review));
        let mark = file_mark(path, fresh, FileOutcome::Review(entry.id.clone()));
        if fresh.gallery.waits {
            self.next = Some(PICTURES_AGAIN);
        }
        let published = Published {
            cover: fresh.gallery.cover.clone(),
            pictures: fresh.gallery.body.clone(),
            ..self.whole(&entry, (**review).clone())
        };
        self.marks.insert(path.to_owned(), mark);
        self.put(entry, published, glance);
    }

    pub(super) fn whole(&self, entry: &Entry, review: Review) -> Published {
        Published {
            reviewer: self.desk.reviewer.handle.clone(),
            id: entry.id.clone(),
            guid: entry.guid.clone(),
            slug: entry.slug.clone(),
            published: entry.published,
            updated: entry.updated,
            review,
            cover: None,
            pictures: BTreeMap::new(),
        }
    }

    pub(super) fn put(&mut self, entry: Entry, published: Published, glance: Glance) {
        let card = published.card(glance.excerpt, glance.words);
        self.content.insert(entry.id.clone(), Content::Review(Box::new((published, card, glance.search))));
        self.work.insert(entry.id.clone(), entry);
    }

    pub(super) fn entry(&self, id: &ReviewId) -> Entry {
        let entry = self.work.get(id).or_else(|| self.desk.entries.get(id)).cloned();
        entry.unwrap_or_else(|| unreachable!("events name entries of the ledger"))
    }

    pub(super) fn is_used(&self, id: &ReviewId) -> bool {
        self.desk.entries.contains_key(id)
            || self.work.contains_key(id)
            || self.journal.used(&self.desk.reviewer.handle, id)
    }

    /// Gives a review the first free address of its wish.
    pub(super) fn take_slug(&mut self, wish: &Slug, id: &ReviewId) -> Slug {
        let slugs = self.slugs();
        let slug = identity::free_slug(wish, |slug| slugs.get(slug).is_some_and(|owner| owner != id));
        slugs.insert(slug.clone(), id.clone());
        slug
    }

    pub(super) fn journal_line(&mut self, event: LineEvent, entry: &Entry) {
        let deleted = event == LineEvent::Deleted;
        self.lines.push(Line {
            at: self.now,
            event,
            reviewer: self.desk.reviewer.handle.clone(),
            id: entry.id.clone(),
            genre: entry.genre,
            guid: (event == LineEvent::Minted).then(|| entry.guid.clone()),
            slug: (event == LineEvent::Minted).then(|| entry.slug.clone()),
            file: (!deleted).then(|| entry.file.clone()),
            published: (event == LineEvent::Minted).then_some(entry.published),
        });
    }
}

/// What followers are still to be told of a live review.
pub(super) fn owed(entry: &Entry) -> Intent {
    match &entry.told {
        None => Intent::Create,
        Some(told) if *told == entry.worded => Intent::Nothing,
        Some(_) => Intent::Update,
    }
}

pub(super) fn file_mark(path: &str, fresh: &Fresh, outcome: FileOutcome) -> FileMark {
    FileMark {
        path: path.to_owned(),
        stat: fresh.stat,
        digest: fresh.digest.clone(),
        outcome,
        problems: fresh.problems.clone(),
        pictures: fresh.gallery.used.clone(),
        pictures_wait: fresh.gallery.waits || fresh.gallery.comes,
    }
}
