//! Archive documents of feeds (RFC 5005 section 4): what has been read once keeps its bytes.

use std::sync::Arc;

use axum::http::StatusCode;
use jiff::Timestamp;

use super::{
    Web, WebError,
    documents::{Found, Selection},
    encoding,
    representation::Policy,
    route::Scope,
    shelf::Document,
};
use crate::{
    domain::{Archived, ArchivedFeed, Card, DocumentName},
    feed::{self, Addresses, Archive, Dialect, Feed},
    publish::{Library, archive::Window},
    site::Trouble,
    store::ArchiveBytes,
};

/// A document that is full. Not `immutable`: a review that is taken back leaves it.
const FULL: Policy = Policy { cache_control: "public, max-age=86400", ..Policy::FEED };

/// The newest archive document behind a current feed.
pub(super) fn newest(window: &Window) -> Option<DocumentName> {
    let last = *window.documents.last()?;
    let document = u32::try_from(window.documents.len()).ok()?;
    Some(DocumentName { document, length: (!window.last_is_full).then_some(last) })
}

/// The feed in the words of routes.
pub(super) fn scope(feed: &ArchivedFeed) -> Scope {
    match feed {
        ArchivedFeed::Everything => Scope::Everything,
        ArchivedFeed::Reviewer(handle) => Scope::Reviewer(handle.clone()),
    }
}

/// The archive of what a feed holds, for those that have one.
pub(super) fn archived(scope: &Scope) -> Option<ArchivedFeed> {
    match scope {
        Scope::Everything => Some(ArchivedFeed::Everything),
        Scope::Reviewer(handle) => Some(ArchivedFeed::Reviewer(handle.clone())),
        Scope::Tag(_) | Scope::Author(_) | Scope::Rating(_) => None,
    }
}

impl Web {
    /// An archive document by its name: its bytes as they were read first, or made now and kept.
    pub(super) async fn feed_archive(
        &self,
        archive: &ArchivedFeed,
        dialect: Dialect,
        name: DocumentName,
        library: &Library,
    ) -> Result<Found, WebError> {
        let (Some(window), Some(selection)) = (library.window(archive), self.feed_scope(&scope(archive), library))
        else {
            return Ok(Found::Trouble(Trouble::NotFound));
        };
        let Some(length) = window.documents.get(name.document as usize - 1).copied() else {
            return Ok(Found::Trouble(Trouble::NotFound));
        };
        let is_full = (name.document as usize) < window.documents.len() || window.last_is_full;
        let address =
            |name: DocumentName| Addresses::archive(&archive.path(), &name.to_string()).of(dialect).to_owned();
        let asked = match (name.length, is_full) {
            (None, true) => length,
            // Since it was named it has become full, and its reviews are the first of the whole.
            (Some(_), true) => return Ok(Found::MovedTo(address(DocumentName { length: None, ..name }))),
            (None, false) => return Ok(Found::SeeOther(address(DocumentName { length: Some(length), ..name }))),
            (Some(asked), false) if asked <= length => asked,
            (Some(_), false) => return Ok(Found::Trouble(Trouble::NotFound)),
        };
        let place = (name.document, asked);
        let kept = match self.store.archive_bytes(archive, place, dialect.as_str()).await? {
            Some(kept) => kept,
            None => {
                let (body, changed) = self.write_archive(archive, dialect, place, &selection, library).await?;
                let body = encoding::pack(body.as_bytes())?;
                self.store.pin_archive_bytes(archive, place, dialect.as_str(), ArchiveBytes { body, changed }).await?
            }
        };
        let Some(body) = encoding::unpack(&kept.body) else {
            tracing::error!("the archive document {name} of {:?} is damaged", archive.path());
            return Ok(Found::Trouble(Trouble::Broken));
        };
        Ok(Found::Document(Box::new(Document {
            status: StatusCode::OK,
            content_type: dialect.content_type(),
            body,
            last_modified: kept.changed,
            policy: if is_full { FULL } else { Policy::FEED },
            links: vec![(self.site.origin.at(&address(name)), "rel=\"self\"".to_owned())],
            is_page: false,
        })))
    }

    async fn write_archive(
        &self,
        archive: &ArchivedFeed,
        dialect: Dialect,
        (document, length): (u32, u32),
        selection: &Selection<'_>,
        library: &Library,
    ) -> Result<(String, Timestamp), WebError> {
        let rows = self.store.archived_in(archive, document).await?;
        // A version that has been replaced since, and that nobody has read here, is left to where the newer one stands.
        let newest = |row: &&Archived| row.position < length && !row.absent;
        let mut cards: Vec<Arc<Card>> = rows
            .iter()
            .filter(newest)
            .filter_map(|row| {
                library.by_id(&row.reviewer, &row.id).filter(|card| card.changed() == row.changed).cloned()
            })
            .collect();
        cards.reverse();
        let entries = self.entries(&cards, usize::MAX).await?;
        let changed = feed::newest_change(&entries, self.founded);
        let base = self.site.origin.at(&selection.path);
        let under = |name: DocumentName| Addresses::archive(&base, &name.to_string());
        let own = DocumentName {
            document,
            length: library.window(archive).and_then(|window| {
                let is_last = document as usize == window.documents.len();
                (is_last && !window.last_is_full).then_some(length)
            }),
        };
        let prev = (document > 1).then(|| under(DocumentName { document: document - 1, length: None }));
        let feed = Feed {
            address: under(own),
            // No `next-archive`: it would have to be added to a document that no longer changes.
            archive: Archive::Document { prev, current: Addresses::under(&base), next: None },
            hubs: Vec::new(),
            entries,
            updated: changed,
            ..self.feed_frame(selection)
        };
        Ok((feed.write(dialect), changed))
    }
}
