//! What goes to those who subscribed by WebSub, and to hubs elsewhere: feeds and pings, on the queue of `delivery`.

use jiff::Timestamp;

use super::{
    Bell, Store, StoreError, doing,
    sql::{Transaction, query, query_as, query_scalar},
    websub::{add_delivery, add_message, drop_answered, lane_of},
};
use crate::domain::websub::ErrandKind;

/// A feed as it is now, for everybody who has an older one.
#[derive(Debug, Clone)]
pub struct Push {
    /// Of the message, for logs.
    pub id: String,
    pub topic: String,
    pub digest: String,
    pub body: Vec<u8>,
}

impl Store {
    /// Puts feeds on their way to those subscribers who have an older one; what they had not got yet is superseded.
    /// Returns the number of deliveries.
    pub async fn push(&self, pushes: &[Push], at: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let mut deliveries = 0;
        for push in pushes {
            deliveries += push_one(&mut transaction, push, at).await?;
        }
        transaction.commit().await.map_err(doing("commit what is pushed"))?;
        self.ring(Bell::Work);
        Ok(deliveries)
    }

    /// The bytes of a push; `None` once everybody has it.
    pub async fn push_body(&self, message: i64) -> Result<Option<Vec<u8>>, StoreError> {
        query_scalar("SELECT body FROM activity WHERE seq = $1")
            .bind(message)
            .fetch_optional(&self.read)
            .await
            .map_err(doing("read what is pushed"))
    }

    /// How many pushes are kept, and how many of them with their bytes.
    pub async fn kept_pushes(&self) -> Result<(i64, i64), StoreError> {
        query_as(
            "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN LENGTH(body) > 0 THEN 1 ELSE 0 END), 0) AS BIGINT)
             FROM activity WHERE audience = 'websub' AND kind = 'Push'",
        )
        .fetch_one(&self.read)
        .await
        .map_err(doing("count the pushes"))
    }

    /// Tells hubs elsewhere that these feeds changed, and notes the state they were told of under the fact `note`.
    pub async fn ping_hubs(
        &self,
        hubs: &[String],
        topics: &[(String, String)],
        note: (&str, &str),
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let mut deliveries = 0;
        for (id, topic) in topics {
            supersede_due(&mut transaction, ErrandKind::Ping, topic).await?;
            let seq = add_message(&mut transaction, id, ErrandKind::Ping, topic, &[], at).await?;
            for hub in hubs {
                let Some(lane) = lane_of(hub) else { continue };
                add_delivery(&mut transaction, seq, hub, &lane, at).await?;
                deliveries += 1;
            }
        }
        drop_answered(&mut transaction).await?;
        query("INSERT INTO fact (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
            .bind(note.0)
            .bind(note.1)
            .execute(&mut *transaction)
            .await
            .map_err(doing("note what hubs were told"))?;
        transaction.commit().await.map_err(doing("commit what hubs are told"))?;
        Ok(deliveries)
    }
}

async fn push_one(transaction: &mut Transaction, push: &Push, at: Timestamp) -> Result<u64, StoreError> {
    let wanted: Option<i64> =
        query_scalar("SELECT 1 FROM websub_subscription WHERE topic = $1 AND digest <> $2 AND expires_at > $3 LIMIT 1")
            .bind(&push.topic)
            .bind(&push.digest)
            .bind(at.as_second())
            .fetch_optional(&mut **transaction)
            .await
            .map_err(doing("look for subscribers"))?;
    if wanted.is_none() {
        return Ok(0);
    }
    drop_older_pushes(transaction, push).await?;
    let seq = add_message(transaction, &push.id, ErrandKind::Push, &push.topic, &push.body, at).await?;
    let deliveries = query(
        "INSERT INTO delivery (activity, inbox, host, state, next_at)
         SELECT $1, callback, host, 'due', $2 FROM websub_subscription
         WHERE topic = $3 AND digest <> $4 AND expires_at > $5 ORDER BY since, callback",
    )
    .bind(seq)
    .bind(at.as_millisecond())
    .bind(&push.topic)
    .bind(&push.digest)
    .bind(at.as_second())
    .execute(&mut **transaction)
    .await
    .map_err(doing("store the pushes"))?
    .rows_affected();
    query("UPDATE websub_subscription SET digest = $2 WHERE topic = $1 AND expires_at > $3")
        .bind(&push.topic)
        .bind(&push.digest)
        .bind(at.as_second())
        .execute(&mut **transaction)
        .await
        .map_err(doing("note what is pushed"))?;
    Ok(deliveries)
}

/// Whoever has not got an older state of the feed gets the new one instead, and nobody needs the old bytes.
async fn drop_older_pushes(transaction: &mut Transaction, push: &Push) -> Result<(), StoreError> {
    query(
        "DELETE FROM delivery
         WHERE activity IN (SELECT seq FROM activity WHERE object = $1 AND audience = 'websub' AND kind = 'Push')
           AND (state <> 'due' OR inbox IN
                (SELECT callback FROM websub_subscription WHERE topic = $1 AND digest <> $2))",
    )
    .bind(&push.topic)
    .bind(&push.digest)
    .execute(&mut **transaction)
    .await
    .map_err(doing("supersede older pushes"))?;
    query(
        "DELETE FROM activity WHERE object = $1 AND audience = 'websub' AND kind = 'Push'
         AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.activity = activity.seq)",
    )
    .bind(&push.topic)
    .execute(&mut **transaction)
    .await
    .map(drop)
    .map_err(doing("drop older pushes"))
}

async fn supersede_due(transaction: &mut Transaction, kind: ErrandKind, topic: &str) -> Result<(), StoreError> {
    query(
        "UPDATE delivery SET state = 'superseded' WHERE state = 'due' AND activity IN
         (SELECT seq FROM activity WHERE object = $1 AND audience = 'websub' AND kind = $2)",
    )
    .bind(topic)
    .bind(kind.as_str())
    .execute(&mut **transaction)
    .await
    .map(drop)
    .map_err(doing("supersede older messages"))
}
