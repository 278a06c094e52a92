//! Faces of people elsewhere, kept so that no page links to where they lie.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    Store, StoreError, doing,
    sql::{QueryBuilder, query, query_as},
};

/// Portraits kept; a flood of new ones pushes out those looked at the longest ago.
const PORTRAITS_MAX: i64 = 5_000;
/// Actors asked about in one query: older SQLites take 999 parameters.
const ACTORS_IN_A_QUERY: usize = 500;

/// Actor, source, key, media type, and when to look again.
type PortraitRow = (String, String, Option<String>, Option<String>, i64);

/// What is known of somebody's face.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPortrait {
    /// Where it was looked for.
    pub source: String,
    /// Its file name under `/media/avatars/`; `None` where nothing fit to be shown was found.
    pub file: Option<String>,
    pub look_again_at: Timestamp,
}

/// A portrait in its final form.
#[derive(Debug, Clone, Copy)]
pub struct PortraitFile<'a> {
    /// Lower-case hex of the content's hash.
    pub key: &'a str,
    pub media_type: &'a str,
    pub bytes: &'a [u8],
}

impl Store {
    /// What is known of the faces of these actors, by actor.
    pub async fn portraits(&self, actors: &[&str]) -> Result<HashMap<String, KnownPortrait>, StoreError> {
        let mut known = HashMap::new();
        for some in actors.chunks(ACTORS_IN_A_QUERY) {
            let mut query = QueryBuilder::new(
                "SELECT actor, source, key, media_type, look_again_at FROM portrait WHERE actor IN (",
            );
            query.push_list(some.iter().copied());
            let rows: Vec<PortraitRow> =
                query.build_query_as().fetch_all(&self.read).await.map_err(doing("find portraits"))?;
            for (actor, source, key, media_type, again) in rows {
                let extension = if media_type.as_deref() == Some("image/png") { "png" } else { "jpg" };
                let file = key.map(|key| format!("{key}.{extension}"));
                let look_again_at = Timestamp::from_second(again).unwrap_or(Timestamp::UNIX_EPOCH);
                known.insert(actor, KnownPortrait { source, file, look_again_at });
            }
        }
        Ok(known)
    }

    /// The media type and bytes of a portrait.
    pub async fn portrait_bytes(&self, key: &str) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        query_as("SELECT media_type, bytes FROM portrait WHERE key = $1 AND bytes IS NOT NULL LIMIT 1")
            .bind(key)
            .fetch_optional(&self.read)
            .await
            .map_err(doing("read a portrait"))
    }

    /// Remembers what an actor's face looks like, or that nothing fit to be shown was found at `source`: then a portrait
    /// that came from the same place earlier stays. Does nothing for an actor who is not remembered any more.
    pub async fn keep_portrait(
        &self,
        actor: &str,
        source: &str,
        file: Option<PortraitFile<'_>>,
        at: Timestamp,
        look_again_at: Timestamp,
    ) -> Result<(), StoreError> {
        let doing_it = "keep a portrait";
        let mut transaction = self.begin().await?;
        query(
            "INSERT INTO portrait (actor, source, key, media_type, bytes, looked_at, look_again_at)
             SELECT id, $2, $3, $4, $5, $6, $7 FROM remote_actor WHERE id = $1
             ON CONFLICT (actor) DO UPDATE SET
               key = CASE WHEN excluded.key IS NULL AND portrait.source = excluded.source
                 THEN portrait.key ELSE excluded.key END,
               media_type = CASE WHEN excluded.key IS NULL AND portrait.source = excluded.source
                 THEN portrait.media_type ELSE excluded.media_type END,
               bytes = CASE WHEN excluded.key IS NULL AND portrait.source = excluded.source
                 THEN portrait.bytes ELSE excluded.bytes END,
               source = excluded.source, looked_at = excluded.looked_at, look_again_at = excluded.look_again_at",
        )
        .bind(actor)
        .bind(source)
        .bind(file.map(|file| file.key))
        .bind(file.map(|file| file.media_type))
        .bind(file.map(|file| file.bytes))
        .bind(at.as_second())
        .bind(look_again_at.as_second())
        .execute(&mut *transaction)
        .await
        .map_err(doing(doing_it))?;
        query(
            "DELETE FROM portrait WHERE actor IN (
               SELECT actor FROM portrait ORDER BY looked_at DESC LIMIT 9223372036854775807 OFFSET $1)",
        )
        .bind(PORTRAITS_MAX)
        .execute(&mut *transaction)
        .await
        .map_err(doing(doing_it))?;
        transaction.commit().await.map_err(doing(doing_it))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RemoteActor;

    const BOB: &str = "https://m.example/users/bob";

    async fn store_with_bob(directory: &std::path::Path) -> Store {
        let store = crate::store::testing::open(directory).await;
        let bob = RemoteActor {
            id: BOB.into(),
            kind: "Person".into(),
            inbox: format!("{BOB}/inbox"),
            shared_inbox: None,
            keys: vec![],
            name: "Bob".into(),
            handle: "bob@m.example".into(),
            page: BOB.into(),
            avatar: None,
            bookwyrm: false,
            also_known_as: vec![],
            moved_to: None,
            fetched_at: time(0),
        };
        store.keep_remote_actor(&bob).await.unwrap();
        store
    }

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const FILE: PortraitFile<'static> = PortraitFile { key: "abc", media_type: "image/png", bytes: b"png" };

    #[tokio::test]
    async fn a_portrait_outlives_a_failed_look_at_the_same_place_and_not_a_new_place() {
        let directory = tempfile::tempdir().unwrap();
        let store = store_with_bob(directory.path()).await;
        let file = async || store.portraits(&[BOB, "https://m.example/users/eve"]).await.unwrap().remove(BOB).unwrap();
        store.keep_portrait(BOB, "one", Some(FILE), time(1), time(10)).await.unwrap();
        assert_eq!(store.portrait_bytes("abc").await.unwrap(), Some(("image/png".into(), b"png".to_vec())));
        store.keep_portrait(BOB, "one", None, time(2), time(20)).await.unwrap();
        assert_eq!((file().await.file.as_deref(), file().await.look_again_at), (Some("abc.png"), time(20)));
        store.keep_portrait(BOB, "two", None, time(3), time(30)).await.unwrap();
        assert_eq!((file().await.file, file().await.source), (None, "two".to_owned()));
        assert_eq!(store.portrait_bytes("abc").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_portrait_goes_with_its_actor() {
        let directory = tempfile::tempdir().unwrap();
        let store = store_with_bob(directory.path()).await;
        store.keep_portrait(BOB, "one", Some(FILE), time(1), time(10)).await.unwrap();
        store.forget_remote_actor(BOB).await.unwrap();
        assert!(store.portraits(&[BOB]).await.unwrap().is_empty());
        store.keep_portrait(BOB, "one", Some(FILE), time(2), time(10)).await.unwrap();
        assert!(store.portraits(&[BOB]).await.unwrap().is_empty());
    }
}
