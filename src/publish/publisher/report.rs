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

/// Reviews named in one line.
const NAMED_MAX: usize = 3;

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
    // BookWyrm and everybody else get a wording of their own; for the author it is one thing.
    let outgoing: BTreeMap<_, _> = round
        .commit
        .outgoing
        .iter()
        .map(|outgoing| ((outgoing.message.kind.as_str(), &outgoing.message.object), outgoing))
        .collect();
    for ((kind, object), outgoing) in outgoing {
        tracing::info!(%reviewer, activity = outgoing.message.id, "{kind} of {object} is on its way");
    }
    for mark in &round.commit.files {
        for problem in &mark.problems {
            tracing::warn!(%reviewer, file = problem.file, line = problem.line, "{problem}");
        }
    }
    if !titles.is_empty() && round.adopted.is_empty() {
        let count = titles.len();
        let named = named(&titles.into_values().collect::<Vec<_>>());
        tracing::info!(%reviewer, count, "{named} of @{reviewer} changed in pages and feeds");
    }
}

/// The first few by name, the others by number.
fn named(titles: &[&str]) -> String {
    let first: Vec<String> = titles.iter().take(NAMED_MAX).map(|title| format!("\u{201c}{title}\u{201d}")).collect();
    match titles.len().saturating_sub(NAMED_MAX) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_named_and_many_are_counted() {
        assert_eq!(named(&["Dune"]), "\u{201c}Dune\u{201d}");
        let many = ["Dune", "Emma", "Ruth", "Villette", "Shirley"];
        assert_eq!(named(&many), "\u{201c}Dune\u{201d}, \u{201c}Emma\u{201d}, \u{201c}Ruth\u{201d} and 2 more");
    }
}
