//! How the files of the conversation were last written: a file that stands otherwise was moved or edited by a person.

use std::collections::HashMap;

use super::{
    Store, StoreError, doing,
    sql::{query, query_as},
};
use crate::domain::{Handle, ReplyState, ReviewId, Slug};

/// The file of one reply as it was last written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorFile {
    /// The reply's ActivityPub id.
    pub reply: String,
    /// Relative to the reviewer's mirror.
    pub path: String,
    pub state: ReplyState,
}

impl Store {
    pub async fn mirror_files(&self, reviewer: &Handle) -> Result<Vec<MirrorFile>, StoreError> {
        let rows: Vec<(String, String, String)> =
            query_as("SELECT reply, path, state FROM mirror_file WHERE reviewer = $1")
                .bind(reviewer.as_str())
                .fetch_all(&self.read)
                .await
                .map_err(doing("list the files of the conversation"))?;
        let file = |(reply, path, state): (String, String, String)| {
            Some(MirrorFile { reply, path, state: ReplyState::parse(&state)? })
        };
        Ok(rows.into_iter().filter_map(file).collect())
    }

    /// Remembers files that were written, and forgets those of the replies in `gone`.
    pub async fn keep_mirror_files(
        &self,
        reviewer: &Handle,
        written: &[MirrorFile],
        gone: &[String],
    ) -> Result<(), StoreError> {
        let doing_it = "remember the files of the conversation";
        let mut transaction = self.begin().await?;
        for file in written {
            query(
                "INSERT INTO mirror_file (reviewer, reply, path, state) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (reviewer, reply) DO UPDATE SET path = excluded.path, state = excluded.state",
            )
            .bind(reviewer.as_str())
            .bind(&file.reply)
            .bind(&file.path)
            .bind(file.state.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(doing(doing_it))?;
        }
        for reply in gone {
            query("DELETE FROM mirror_file WHERE reviewer = $1 AND reply = $2")
                .bind(reviewer.as_str())
                .bind(reply)
                .execute(&mut *transaction)
                .await
                .map_err(doing(doing_it))?;
        }
        transaction.commit().await.map_err(doing(doing_it))
    }

    /// The slugs of those reviews that anybody answered.
    pub async fn slugs_of_talk(&self, reviewer: &Handle) -> Result<HashMap<ReviewId, Slug>, StoreError> {
        let rows: Vec<(String, String)> = query_as(
            "SELECT id, slug FROM review WHERE reviewer = $1 AND standing <> 'gone'
             AND id IN (SELECT review FROM reply WHERE reviewer = $1)",
        )
        .bind(reviewer.as_str())
        .fetch_all(&self.read)
        .await
        .map_err(doing("read the slugs of answered reviews"))?;
        let slug = |(id, slug): (String, String)| Some((ReviewId::parse(&id)?, Slug::from_text(&slug)));
        Ok(rows.into_iter().filter_map(slug).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_written_is_remembered_for_each_reviewer() {
        let directory = tempfile::tempdir().unwrap();
        let store = crate::store::testing::open(directory.path()).await;
        let (ana, eve) = (Handle::parse("ana").unwrap(), Handle::parse("eve").unwrap());
        let file = |path: &str, state| MirrorFile { reply: "https://a.example/1".into(), path: path.into(), state };
        let (shown, hidden) = (file("dune/1.md", ReplyState::Shown), file("hidden/dune/1.md", ReplyState::Hidden));
        store.keep_mirror_files(&ana, std::slice::from_ref(&shown), &[]).await.unwrap();
        store.keep_mirror_files(&eve, std::slice::from_ref(&shown), &[]).await.unwrap();
        store.keep_mirror_files(&ana, std::slice::from_ref(&hidden), &[]).await.unwrap();
        assert_eq!(store.mirror_files(&ana).await.unwrap(), [hidden]);
        store.keep_mirror_files(&ana, &[], &["https://a.example/1".into()]).await.unwrap();
        assert_eq!(store.mirror_files(&ana).await.unwrap(), []);
        assert_eq!(store.mirror_files(&eve).await.unwrap(), [shown]);
    }
}
