//! What the log says of a reconcile.

use std::collections::BTreeMap;

use crate::{
    domain::{Genre, ReviewId},
    publish::{
        desk::{Desk, FolderState},
        round::Round,
    },
    store::Content,
};

/// Tells the author what happened, in sentences that stand alone.
pub(super) fn round(desk: &Desk, round: &Round) {
    let reviewer = &desk.reviewer.handle;
    let titles: BTreeMap<&ReviewId, &str> = round
        .commit
        .entries
        .iter()
        .filter_map(|write| match &write.content {
            Some(Content::Review(content)) => Some((&write.entry.id, content.0.review.book.title.as_str())),
            Some(Content::Answer(_)) | None => None,
        })
        .collect();
    for genre in Genre::ALL {
        let count = round.adopted.iter().filter(|item| item.genre == genre).count();
        if count > 0 {
            let what = genre.plural();
            tracing::info!(%reviewer, count, "{count} {what} of @{reviewer} were taken in quietly: shown, announced to nobody");
        }
    }
    for outgoing in &round.commit.outgoing {
        let (kind, object) = (outgoing.message.kind.as_str(), &outgoing.message.object);
        tracing::info!(%reviewer, activity = outgoing.message.id, "{kind} of {object} is on its way");
    }
    for mark in &round.commit.files {
        for problem in &mark.problems {
            tracing::warn!(%reviewer, file = problem.file, line = problem.line, "{problem}");
        }
    }
    let told: Vec<_> = titles.values().take(3).collect();
    if !told.is_empty() && round.adopted.is_empty() {
        let count = titles.len();
        tracing::info!(%reviewer, count, "{count} reviews of @{reviewer} changed in pages and feeds: {told:?}");
    }
}

/// Tells how the folder is, when that changed.
pub(super) fn folder(desk: &Desk, round: &Round) {
    let (reviewer, root) = (&desk.reviewer.handle, desk.root.display());
    if desk.folder == round.folder {
        return;
    }
    match &round.folder {
        FolderState::Fine => tracing::info!(%reviewer, "the folder {root} is back"),
        FolderState::Missing => {
            tracing::error!(%reviewer, "the folder {root} is missing; nothing is deleted because of it")
        }
        FolderState::Emptied => {
            tracing::error!(%reviewer, "the folder {root} is empty; nothing is deleted because of it")
        }
        FolderState::Unreadable(why) => tracing::error!(%reviewer, "{why}; what was published stays up"),
    }
}
