//! Pictures by their content, so that pages stay whole without the folder.

use super::{
    Store, StoreError, doing,
    sql::{query, query_as, query_scalar},
};
use crate::domain::{Picture, ledger::Stat, picture::Size};

impl Store {
    /// Keeps a prepared picture and remembers which file or address it came from.
    pub async fn keep_picture(
        &self,
        picture: &Picture,
        full: &[u8],
        thumb: &[u8],
        source: &str,
        stat: Stat,
    ) -> Result<(), StoreError> {
        let doing_it = "keep a picture";
        let mut transaction = self.begin().await?;
        query(
            "INSERT INTO picture (key, picture, full_size, thumb) VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO NOTHING",
        )
        .bind(&picture.key)
        .bind(serde_json::to_string(picture).unwrap_or_default())
        .bind(full)
        .bind(thumb)
        .execute(&mut *transaction)
        .await
        .map_err(doing(doing_it))?;
        query(
            "INSERT INTO picture_source (source, stat, key) VALUES ($1, $2, $3)
             ON CONFLICT (source) DO UPDATE SET stat = excluded.stat, key = excluded.key",
        )
        .bind(source)
        .bind(serde_json::to_string(&stat).unwrap_or_default())
        .bind(&picture.key)
        .execute(&mut *transaction)
        .await
        .map_err(doing(doing_it))?;
        transaction.commit().await.map_err(doing(doing_it))
    }

    /// The picture that a source was when it had this state.
    pub async fn picture_of(&self, source: &str, stat: Stat) -> Result<Option<Picture>, StoreError> {
        let row: Option<String> = query_scalar(
            "SELECT picture.picture FROM picture_source JOIN picture ON picture.key = picture_source.key
             WHERE picture_source.source = $1 AND picture_source.stat = $2",
        )
        .bind(source)
        .bind(serde_json::to_string(&stat).unwrap_or_default())
        .fetch_optional(&self.read)
        .await
        .map_err(doing("find a picture"))?;
        Ok(row.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// The bytes and media type of a kept picture.
    pub async fn picture_bytes(&self, key: &str, size: Size) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        let query = match size {
            Size::Full => "SELECT picture, full_size FROM picture WHERE key = $1",
            Size::Thumb => "SELECT picture, thumb FROM picture WHERE key = $1",
        };
        let row: Option<(String, Vec<u8>)> =
            query_as(query).bind(key).fetch_optional(&self.read).await.map_err(doing("read a picture"))?;
        Ok(row.and_then(|(text, bytes)| {
            let picture: Picture = serde_json::from_str(&text).ok()?;
            Some((picture.media_type, bytes))
        }))
    }
}
