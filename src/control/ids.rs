//! Which review stands in which file, for commands that read the folder by themselves.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{ControlError, Question, ask};
use crate::{
    domain::ReviewId,
    publish::identity::{Journal, JournalError},
};

/// The newest id of each reviewer's file.
pub type Ids = BTreeMap<(String, String), ReviewId>;

/// Why the ids are not known.
#[derive(Debug, thiserror::Error)]
pub enum IdsProblem {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Daemon(#[from] ControlError),
}

/// From the journal, or from the daemon where the data are not ours to read: a service's are not.
pub async fn find(socket: &Path, journal: PathBuf) -> Result<Ids, IdsProblem> {
    match Journal::peek(&journal) {
        Err(JournalError::Open { source, .. }) if source.kind() == std::io::ErrorKind::PermissionDenied => {
            let rows: Option<Vec<(String, String, ReviewId)>> = ask(socket, &Question::Ids).await?;
            // Without a daemon nobody can tell; what is checked or shown does not depend on it.
            let rows = rows.unwrap_or_default();
            Ok(rows.into_iter().map(|(reviewer, file, id)| ((reviewer, file), id)).collect())
        }
        other => Ok(other?),
    }
}

/// The daemon's answer.
pub fn read(journal: &Path) -> Result<Vec<(String, String, ReviewId)>, JournalError> {
    Ok(Journal::peek(journal)?.into_iter().map(|((reviewer, file), id)| (reviewer, file, id)).collect())
}
