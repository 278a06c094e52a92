//! WebSub: who is subscribed to which feed, and what is on its way to callbacks and to hubs elsewhere.
//!
//! Everything that is sent stands on the queue of `delivery` as an activity of the audience `websub`; a push keeps the
//! feed's bytes once, however many subscribers it goes to.

use jiff::Timestamp;

use super::{
    Store, StoreError, doing,
    outbox::host_of,
    sql::{Transaction, query, query_as, query_scalar},
};
use crate::domain::websub::{Denial, ErrandKind, Intent, Mode, Subscription};

/// Begins the lane of a callback. A host has no slash, so these lanes are no server's inboxes', and a callback in trouble
/// holds up nobody's mail.
pub(super) const LANE_PREFIX: &str = "websub/";
/// Begins the lane in which a callback is asked. It is another one, so that a subscriber whose pushes fail can come back at
/// any time.
pub(super) const QUESTION_PREFIX: &str = "websub/ask/";
/// Asked and answered questions that are kept for `reviewd deliveries`.
const ANSWERED_KEPT: i64 = 100;

/// How many subscriptions there may be.
#[derive(Debug, Clone, Copy)]
pub struct Caps {
    /// For callbacks at one host, asked for or standing.
    pub per_host: i64,
    /// Standing ones.
    pub all: i64,
    /// Requests that wait for their callback's word.
    pub waiting: i64,
}

/// What became of a request to subscribe or unsubscribe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The callback will be asked.
    Taken,
    /// There is nothing to unsubscribe.
    NoSubscription,
    /// Too many at this host.
    HostFull,
    /// Too many in all.
    Full,
    /// Too many wait to be asked.
    Busy,
}

/// WebSub in figures, for `status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WebsubFigures {
    pub subscriptions: i64,
    pub pushes_due: i64,
}

impl Store {
    /// Puts the question to a callback on the queue, instead of one that still waits there for the same subscription.
    pub async fn ask_callback(
        &self,
        id: &str,
        intent: &Intent,
        caps: Caps,
        at: Timestamp,
    ) -> Result<Asked, StoreError> {
        let Some(lane) = question_lane(&intent.callback) else { return Ok(Asked::NoSubscription) };
        let mut transaction = self.begin().await?;
        let refused = refusal(&mut transaction, intent, &lane, caps).await?;
        if let Some(refused) = refused {
            return Ok(refused);
        }
        // Whoever asks is there, however long their host was silent.
        query(
            "UPDATE host SET failures = 0, failing_since = NULL, closed_until = 0, dead = FALSE
             WHERE name = $1 AND failures > 0",
        )
        .bind(&lane)
        .execute(&mut *transaction)
        .await
        .map_err(doing("open a callback's lane"))?;
        query(
            "UPDATE delivery SET state = 'superseded' WHERE state = 'due' AND inbox = $1 AND activity IN
             (SELECT seq FROM activity WHERE object = $2 AND audience = 'websub' AND kind = 'Verify')",
        )
        .bind(&intent.callback)
        .bind(&intent.topic)
        .execute(&mut *transaction)
        .await
        .map_err(doing("supersede an older request"))?;
        let body = serde_json::to_vec(intent).unwrap_or_default();
        let seq = add_message(&mut transaction, id, ErrandKind::Verify, &intent.topic, &body, at).await?;
        add_delivery(&mut transaction, seq, &intent.callback, &lane, at).await?;
        drop_answered(&mut transaction).await?;
        transaction.commit().await.map_err(doing("commit a request to subscribe"))?;
        Ok(Asked::Taken)
    }

    /// The callback said yes: the subscription stands until `expires`. One that stood already goes on with the new terms.
    pub async fn keep_subscription(
        &self,
        intent: &Intent,
        at: Timestamp,
        expires: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(lane) = lane_of(&intent.callback) else { return Ok(()) };
        query(
            "INSERT INTO websub_subscription (topic, callback, named, host, secret, since, expires_at, digest)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (topic, callback) DO UPDATE SET
             named = excluded.named, secret = excluded.secret, expires_at = excluded.expires_at",
        )
        .bind(&intent.topic)
        .bind(&intent.callback)
        .bind(&intent.named)
        .bind(lane)
        .bind(intent.secret.as_ref())
        .bind(at.as_second())
        .bind(expires.as_second())
        .bind(&intent.digest)
        .execute(&self.write)
        .await
        .map(drop)
        .map_err(doing("keep a subscription"))
    }

    /// Ends a subscription and takes back what is on its way to it. `false` where there was none.
    pub async fn drop_subscription(&self, topic: &str, callback: &str) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let gone = query("DELETE FROM websub_subscription WHERE topic = $1 AND callback = $2")
            .bind(topic)
            .bind(callback)
            .execute(&mut *transaction)
            .await
            .map_err(doing("drop a subscription"))?
            .rows_affected();
        take_back_pushes(&mut transaction).await?;
        transaction.commit().await.map_err(doing("commit the end of a subscription"))?;
        Ok(gone > 0)
    }

    /// A subscription that has not expired.
    pub async fn subscription(
        &self,
        topic: &str,
        callback: &str,
        now: Timestamp,
    ) -> Result<Option<Subscription>, StoreError> {
        let row: Option<(String, Option<String>)> = query_as(
            "SELECT named, secret FROM websub_subscription WHERE topic = $1 AND callback = $2 AND expires_at > $3",
        )
        .bind(topic)
        .bind(callback)
        .bind(now.as_second())
        .fetch_optional(&self.read)
        .await
        .map_err(doing("look a subscription up"))?;
        let (topic, callback) = (topic.to_owned(), callback.to_owned());
        Ok(row.map(|(named, secret)| Subscription { topic, named, callback, secret }))
    }

    /// Subscriptions that stand for callbacks at the same host as this one.
    pub async fn subscriptions_beside(&self, callback: &str) -> Result<i64, StoreError> {
        query_scalar("SELECT COUNT(*) FROM websub_subscription WHERE host = $1")
            .bind(lane_of(callback))
            .fetch_one(&self.read)
            .await
            .map_err(doing("count a host's subscriptions"))
    }

    /// Every feed with subscribers, and the digests of what they have: one each where all have the same.
    pub async fn subscribed_topics(&self, now: Timestamp) -> Result<Vec<(String, String)>, StoreError> {
        query_as(
            "SELECT topic, digest FROM websub_subscription WHERE expires_at > $1 GROUP BY topic, digest ORDER BY topic",
        )
        .bind(now.as_second())
        .fetch_all(&self.read)
        .await
        .map_err(doing("list the subscribed feeds"))
    }

    /// Ends every subscription to a feed that is no more, and tells the callbacks. `id` begins the messages' ids.
    pub async fn deny_topic(&self, topic: &str, reason: &str, id: &str, at: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let rows: Vec<(String, String)> =
            query_as("DELETE FROM websub_subscription WHERE topic = $1 RETURNING callback, named")
                .bind(topic)
                .fetch_all(&mut *transaction)
                .await
                .map_err(doing("drop a feed's subscriptions"))?;
        take_back_pushes(&mut transaction).await?;
        for (number, (callback, named)) in rows.iter().enumerate() {
            let Some(lane) = question_lane(callback) else { continue };
            let denial = Denial { named: named.clone(), reason: reason.to_owned() };
            let body = serde_json::to_vec(&denial).unwrap_or_default();
            let id = format!("{id}-{number}");
            let seq = add_message(&mut transaction, &id, ErrandKind::Deny, topic, &body, at).await?;
            add_delivery(&mut transaction, seq, callback, &lane, at).await?;
        }
        transaction.commit().await.map_err(doing("commit the end of a feed"))?;
        Ok(rows.len() as u64)
    }

    /// Forgets subscriptions that were not renewed, the bytes of pushes that everybody has, and answered questions.
    pub async fn tidy_websub(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let expired = query("DELETE FROM websub_subscription WHERE expires_at <= $1")
            .bind(now.as_second())
            .execute(&mut *transaction)
            .await
            .map_err(doing("drop expired subscriptions"))?
            .rows_affected();
        take_back_pushes(&mut transaction).await?;
        query(
            "UPDATE activity SET body = $1 WHERE audience = 'websub' AND kind = 'Push' AND LENGTH(body) > 0
             AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.activity = activity.seq AND delivery.state = 'due')",
        )
        .bind(Vec::<u8>::new())
        .execute(&mut *transaction)
        .await
        .map_err(doing("drop what everybody has"))?;
        drop_answered(&mut transaction).await?;
        transaction.commit().await.map_err(doing("commit tidied subscriptions"))?;
        Ok(expired)
    }

    pub async fn websub_figures(&self) -> Result<WebsubFigures, StoreError> {
        let subscriptions = query_scalar("SELECT COUNT(*) FROM websub_subscription")
            .fetch_one(&self.read)
            .await
            .map_err(doing("count the subscriptions"))?;
        let pushes_due = query_scalar(
            "SELECT COUNT(*) FROM delivery JOIN activity ON activity.seq = delivery.activity
             WHERE delivery.state = 'due' AND activity.audience = 'websub' AND activity.kind = 'Push'",
        )
        .fetch_one(&self.read)
        .await
        .map_err(doing("count the pushes under way"))?;
        Ok(WebsubFigures { subscriptions, pushes_due })
    }
}

/// The lane of a callback or hub; `None` where the address has no host.
pub(super) fn lane_of(address: &str) -> Option<String> {
    host_of(address).map(|host| format!("{LANE_PREFIX}{host}"))
}

fn question_lane(address: &str) -> Option<String> {
    host_of(address).map(|host| format!("{QUESTION_PREFIX}{host}"))
}

/// Why a request is not taken, if it is not.
async fn refusal(
    transaction: &mut Transaction,
    intent: &Intent,
    question_lane: &str,
    caps: Caps,
) -> Result<Option<Asked>, StoreError> {
    let row = query(
        "SELECT (SELECT COUNT(*) FROM websub_subscription WHERE topic = $1 AND callback = $2),
                (SELECT COUNT(*) FROM delivery JOIN activity ON activity.seq = delivery.activity
                 WHERE delivery.state = 'due' AND delivery.inbox = $2 AND delivery.host = $3
                   AND activity.kind = 'Verify' AND activity.object = $1),
                (SELECT COUNT(*) FROM websub_subscription WHERE host = $4)
                + (SELECT COUNT(*) FROM delivery JOIN activity ON activity.seq = delivery.activity
                   WHERE delivery.state = 'due' AND delivery.host = $3 AND activity.kind = 'Verify'),
                (SELECT COUNT(*) FROM websub_subscription),
                (SELECT COUNT(*) FROM delivery JOIN activity ON activity.seq = delivery.activity
                 WHERE delivery.state = 'due' AND activity.audience = 'websub' AND activity.kind = 'Verify')",
    )
    .bind(&intent.topic)
    .bind(&intent.callback)
    .bind(question_lane)
    .bind(lane_of(&intent.callback))
    .fetch_one(&mut **transaction)
    .await
    .map_err(doing("count the subscriptions"))?;
    let [stands, waits, at_host, all, waiting] = [0, 1, 2, 3, 4].map(|column| row.get::<i64, _>(column));
    let refused = match intent.mode {
        Mode::Unsubscribe if stands + waits == 0 => Some(Asked::NoSubscription),
        Mode::Subscribe if stands + waits == 0 && at_host >= caps.per_host => Some(Asked::HostFull),
        Mode::Subscribe if stands == 0 && all >= caps.all => Some(Asked::Full),
        Mode::Subscribe | Mode::Unsubscribe if waits == 0 && waiting >= caps.waiting => Some(Asked::Busy),
        Mode::Subscribe | Mode::Unsubscribe => None,
    };
    Ok(refused)
}

/// Pushes to subscriptions that ended meanwhile go to nobody.
async fn take_back_pushes(transaction: &mut Transaction) -> Result<(), StoreError> {
    query(
        "UPDATE delivery SET state = 'superseded' WHERE state = 'due' AND EXISTS
         (SELECT 1 FROM activity WHERE activity.seq = delivery.activity AND activity.audience = 'websub'
          AND activity.kind = 'Push' AND NOT EXISTS
          (SELECT 1 FROM websub_subscription WHERE websub_subscription.topic = activity.object
           AND websub_subscription.callback = delivery.inbox))",
    )
    .execute(&mut **transaction)
    .await
    .map(drop)
    .map_err(doing("take pushes back"))
}

/// Questions, denials and pings that are through are kept for a look, and no more than a few: anybody can ask.
pub(super) async fn drop_answered(transaction: &mut Transaction) -> Result<(), StoreError> {
    // Counted from the newest: the first that is one too many, and all before it.
    let first: Option<i64> = query_scalar(
        "SELECT seq FROM activity WHERE audience = 'websub' AND kind <> 'Push'
         AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.activity = activity.seq AND delivery.state = 'due')
         ORDER BY seq DESC LIMIT 1 OFFSET $1",
    )
    .bind(ANSWERED_KEPT)
    .fetch_optional(&mut **transaction)
    .await
    .map_err(doing("find answered questions"))?;
    let Some(first) = first else { return Ok(()) };
    for statement in [
        "DELETE FROM delivery WHERE activity IN
         (SELECT seq FROM activity WHERE audience = 'websub' AND kind <> 'Push' AND seq <= $1
          AND NOT EXISTS (SELECT 1 FROM delivery AS due WHERE due.activity = activity.seq AND due.state = 'due'))",
        "DELETE FROM activity WHERE audience = 'websub' AND kind <> 'Push' AND seq <= $1
         AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.activity = activity.seq)",
    ] {
        query(statement).bind(first).execute(&mut **transaction).await.map_err(doing("drop answered questions"))?;
    }
    Ok(())
}

pub(super) async fn add_message(
    transaction: &mut Transaction,
    id: &str,
    kind: ErrandKind,
    topic: &str,
    body: &[u8],
    at: Timestamp,
) -> Result<i64, StoreError> {
    query_scalar(
        "INSERT INTO activity (id, reviewer, kind, object, audience, body, created)
         VALUES ($1, '', $2, $3, 'websub', $4, $5) RETURNING seq",
    )
    .bind(id)
    .bind(kind.as_str())
    .bind(topic)
    .bind(body)
    .bind(at.as_second())
    .fetch_one(&mut **transaction)
    .await
    .map_err(doing("store a message"))
}

pub(super) async fn add_delivery(
    transaction: &mut Transaction,
    message: i64,
    address: &str,
    lane: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    query("INSERT INTO delivery (activity, inbox, host, state, next_at) VALUES ($1, $2, $3, 'due', $4)")
        .bind(message)
        .bind(address)
        .bind(lane)
        .bind(at.as_millisecond())
        .execute(&mut **transaction)
        .await
        .map(drop)
        .map_err(doing("store a delivery"))
}
