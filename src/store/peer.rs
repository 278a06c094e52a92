//! Actors of other servers, so that each signature and each reply does not fetch its author again.

use std::{collections::HashMap, sync::atomic::Ordering};

use super::{
    Store, StoreError,
    conversation::under,
    doing,
    sql::{QueryBuilder, query, query_as, query_scalar},
};
use crate::domain::{Handle, RemoteActor, ReviewId};

/// Actors kept beyond followers and those in a conversation; a flood of new ones pushes out the longest unseen (FEDERATION 8.39).
pub const REMOTE_ACTORS_MAX: i64 = 20_000;
/// New actors kept before they are counted again: counting looks at all of them.
const COUNTED_EVERY: u64 = 256;
/// Actors asked for in one statement.
const ACTORS_PER_QUERY: usize = 500;

impl Store {
    pub async fn remote_actor(&self, id: &str) -> Result<Option<RemoteActor>, StoreError> {
        let row: Option<String> = query_scalar("SELECT actor FROM remote_actor WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.read)
            .await
            .map_err(doing("read a remote actor"))?;
        Ok(row.and_then(|actor| readable(&actor)))
    }

    /// Those of these actors that are remembered.
    pub async fn remote_actors(&self, ids: &[&str]) -> Result<HashMap<String, RemoteActor>, StoreError> {
        let mut found = HashMap::new();
        for part in ids.chunks(ACTORS_PER_QUERY) {
            let mut query = QueryBuilder::new("SELECT actor FROM remote_actor WHERE id IN (");
            query.push_list(part.iter().copied());
            let query = query.build_query_scalar();
            let rows: Vec<String> = query.fetch_all(&self.read).await.map_err(doing("read remote actors"))?;
            found.extend(rows.iter().filter_map(|actor| readable(actor)).map(|actor| (actor.id.clone(), actor)));
        }
        Ok(found)
    }

    /// The actor that showed this key when last fetched.
    pub async fn remote_actor_by_key(&self, key_id: &str) -> Result<Option<RemoteActor>, StoreError> {
        let row: Option<String> = query_scalar(
            "SELECT remote_actor.actor FROM remote_key JOIN remote_actor ON remote_actor.id = remote_key.actor
             WHERE remote_key.id = $1",
        )
        .bind(key_id)
        .fetch_optional(&self.read)
        .await
        .map_err(doing("read a remote key"))?;
        Ok(row.and_then(|actor| readable(&actor)))
    }

    /// Remembers an actor as just fetched, with its keys in place of those it had.
    pub async fn keep_remote_actor(&self, actor: &RemoteActor) -> Result<(), StoreError> {
        let doing_it = "keep a remote actor";
        let before = self.remote_actor(&actor.id).await?;
        let mut transaction = self.begin().await?;
        query(
            "INSERT INTO remote_actor (id, actor, fetched_at) VALUES ($1, $2, $3)
             ON CONFLICT (id) DO UPDATE SET actor = excluded.actor, fetched_at = excluded.fetched_at",
        )
        .bind(&actor.id)
        .bind(serde_json::to_string(actor).unwrap_or_default())
        .bind(actor.fetched_at.as_second())
        .execute(&mut *transaction)
        .await
        .map_err(doing(doing_it))?;
        if before.is_some() {
            query("DELETE FROM remote_key WHERE actor = $1")
                .bind(&actor.id)
                .execute(&mut *transaction)
                .await
                .map_err(doing(doing_it))?;
        }
        for key in &actor.keys {
            // A key id belongs to the actor whose host it is on, which was checked when the actor was read.
            query(
                "INSERT INTO remote_key (id, actor) VALUES ($1, $2)
                 ON CONFLICT (id) DO UPDATE SET actor = excluded.actor",
            )
            .bind(&key.id)
            .bind(&actor.id)
            .execute(&mut *transaction)
            .await
            .map_err(doing(doing_it))?;
        }
        transaction.commit().await.map_err(doing(doing_it))?;
        match before {
            Some(before) if !looks_alike(&before, actor) => self.talk_changed(self.threads_with(&actor.id).await?),
            Some(_) => {}
            None if self.strangers.fetch_add(1, Ordering::Relaxed).is_multiple_of(COUNTED_EVERY) => {
                self.forget_strangers().await?
            }
            None => {}
        }
        Ok(())
    }

    /// Forgets the longest unseen of more actors than are kept.
    async fn forget_strangers(&self) -> Result<(), StoreError> {
        let doing_it = "forget remote actors";
        let count: i64 =
            query_scalar("SELECT COUNT(*) FROM remote_actor").fetch_one(&self.read).await.map_err(doing(doing_it))?;
        if count <= REMOTE_ACTORS_MAX {
            return Ok(());
        }
        query(
            "DELETE FROM remote_actor WHERE id IN (
               SELECT id FROM remote_actor WHERE id NOT IN (SELECT actor FROM follower)
               AND id NOT IN (SELECT author FROM reply) AND id NOT IN (SELECT actor FROM reaction)
               ORDER BY fetched_at DESC LIMIT 9223372036854775807 OFFSET $1)",
        )
        .bind(REMOTE_ACTORS_MAX)
        .execute(&self.write)
        .await
        .map(drop)
        .map_err(doing(doing_it))
    }

    /// The reviews whose conversation shows this actor.
    async fn threads_with(&self, actor: &str) -> Result<Vec<(Handle, ReviewId)>, StoreError> {
        let rows: Vec<(Option<String>, Option<String>)> = query_as(
            "SELECT reviewer, review FROM reply WHERE author = $1
             UNION SELECT reviewer, review FROM reaction WHERE actor = $1",
        )
        .bind(actor)
        .fetch_all(&self.read)
        .await
        .map_err(doing("find an actor's threads"))?;
        Ok(rows.iter().filter_map(|(reviewer, review)| under(reviewer.as_deref(), review.as_deref())).collect())
    }

    pub async fn forget_remote_actor(&self, id: &str) -> Result<(), StoreError> {
        query("DELETE FROM remote_actor WHERE id = $1")
            .bind(id)
            .execute(&self.write)
            .await
            .map(drop)
            .map_err(doing("forget a remote actor"))
    }
}

/// Whether pages show both in the same way.
fn looks_alike(one: &RemoteActor, other: &RemoteActor) -> bool {
    let seen =
        |actor: &RemoteActor| (actor.name.clone(), actor.handle.clone(), actor.page.clone(), actor.avatar.clone());
    seen(one) == seen(other)
}

/// What an older release wrote and this one cannot read is fetched again: it is a copy, not the truth.
fn readable(actor: &str) -> Option<RemoteActor> {
    serde_json::from_str(actor).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ReplyState, Source, peer::ActorKey};

    fn bob(key: &str, second: i64) -> RemoteActor {
        RemoteActor {
            id: "https://m.example/users/bob".into(),
            kind: "Person".into(),
            inbox: "https://m.example/users/bob/inbox".into(),
            shared_inbox: None,
            keys: vec![ActorKey { id: key.into(), pem: "PEM".into() }],
            name: "Bob".into(),
            handle: "bob@m.example".into(),
            page: "https://m.example/@bob".into(),
            avatar: None,
            bookwyrm: false,
            also_known_as: vec![],
            moved_to: None,
            fetched_at: jiff::Timestamp::from_second(second).unwrap(),
        }
    }

    #[tokio::test]
    async fn an_actor_is_found_by_id_and_by_its_present_key_only() {
        let directory = tempfile::tempdir().unwrap();
        let store = crate::store::testing::open(directory.path()).await;
        store.keep_remote_actor(&bob("https://m.example/users/bob#old", 1)).await.unwrap();
        let renewed = bob("https://m.example/users/bob#new", 2);
        store.keep_remote_actor(&renewed).await.unwrap();
        assert_eq!(store.remote_actor(&renewed.id).await.unwrap().as_ref(), Some(&renewed));
        assert_eq!(store.remote_actor_by_key("https://m.example/users/bob#new").await.unwrap(), Some(renewed.clone()));
        assert_eq!(store.remote_actor_by_key("https://m.example/users/bob#old").await.unwrap(), None);
        store.forget_remote_actor(&renewed.id).await.unwrap();
        assert_eq!(store.remote_actor(&renewed.id).await.unwrap(), None);
        assert_eq!(store.remote_actor_by_key("https://m.example/users/bob#new").await.unwrap(), None);
    }

    #[tokio::test]
    async fn who_is_in_a_conversation_is_not_pushed_out_and_a_new_name_is_seen() {
        let (store, _directory) = crate::store::conversation::tests::store().await;
        let bob = bob("https://m.example/users/bob#main-key", 1);
        store.keep_remote_actor(&bob).await.unwrap();
        let reply = crate::store::conversation::tests::post(1, "https://books.example/users/ana/reviews/dune-2026");
        let (handle, review) = reply.under.clone().unwrap();
        store.keep_reply(&reply, ReplyState::Shown, Source::Inbox, reply.published).await.unwrap();
        let version = store.talk_version(&handle, &review);
        store.keep_remote_actor(&bob).await.unwrap();
        assert_eq!(store.talk_version(&handle, &review), version);
        let renamed = RemoteActor { name: "Robert".into(), ..bob };
        store.keep_remote_actor(&renamed).await.unwrap();
        assert_eq!(store.talk_version(&handle, &review), version + 1);

        query(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < $1)
             INSERT INTO remote_actor (id, actor, fetched_at) SELECT 'https://n.example/' || n, '{}', 10 + n FROM n",
        )
        .bind(REMOTE_ACTORS_MAX)
        .execute(&store.write)
        .await
        .unwrap();
        let eve = RemoteActor { id: "https://m.example/users/eve".into(), keys: vec![], ..renamed.clone() };
        store.keep_remote_actor(&eve).await.unwrap();
        store.forget_strangers().await.unwrap();
        assert_eq!(store.remote_actor(&eve.id).await.unwrap(), None, "the longest unseen goes");
        assert_eq!(store.remote_actor(&renamed.id).await.unwrap(), Some(renamed));
    }
}
