//! What became of each attempt to deliver, and what it says of the host; deliveries as they are shown and counted.

use super::{
    DeliveryRow, DeliveryState, Store, StoreError, doing,
    sql::{QueryBuilder, Row, Transaction, query, query_as, query_scalar},
    websub::{LANE_PREFIX, QUESTION_PREFIX},
};
use crate::domain::delivery::Spec;
use jiff::Timestamp;

/// What one attempt changes.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub seq: i64,
    pub host: String,
    pub state: DeliveryState,
    pub attempts: u32,
    /// When the attempt was made.
    pub at: Timestamp,
    /// When the next attempt is due, while the state is due.
    pub next_at: Timestamp,
    pub status: Option<u16>,
    pub error: Option<String>,
    /// What the attempt says of the host.
    pub host_news: HostNews,
}

/// What an attempt says of the host it was made at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostNews {
    /// Nothing that is not known.
    Nothing,
    /// It answered: its failures are over.
    Alive(Option<Spec>),
    /// It failed: nothing more before that time; it counts as dead from now on or not.
    Failed { closed_until: Timestamp, dead: bool },
}

/// Which deliveries are listed; what is `None` lets everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// What they are about: a Note's id.
    pub object: Option<String>,
    pub host: Option<String>,
    pub state: Option<DeliveryState>,
    /// Older than the delivery of this number.
    pub before: Option<i64>,
}

/// Deliveries in figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFigures {
    pub due: i64,
    pub delivered: i64,
    pub refused: i64,
    pub given_up: i64,
    pub superseded: i64,
    /// Waits for a person since a restore.
    pub held: i64,
    pub oldest_due: Option<Timestamp>,
    pub hosts_dead: i64,
}

impl Store {
    /// Writes what became of attempts, all in one transaction: what waits together commits together.
    pub async fn record_attempts(&self, attempts: &[Attempt]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let (delivered, others): (Vec<_>, Vec<_>) =
            attempts.iter().partition(|attempt| attempt.state == DeliveryState::Delivered);
        record_delivered(&mut transaction, &delivered).await?;
        for attempt in others {
            record_other(&mut transaction, attempt).await?;
        }
        for attempt in attempts {
            record_host(&mut transaction, attempt).await?;
        }
        transaction.commit().await.map_err(doing("commit deliveries"))
    }

    /// A host showed a sign of life: what waits for it is due at once. `false` when it was not failing.
    pub async fn revive_host(&self, host: &str, now: Timestamp) -> Result<bool, StoreError> {
        let failing: Option<i64> = query_scalar("SELECT failures FROM host WHERE name = $1 AND (failures > 0 OR dead)")
            .bind(host)
            .fetch_optional(&self.read)
            .await
            .map_err(doing("look a host up"))?;
        if failing.is_none() {
            return Ok(false);
        }
        let mut transaction = self.begin().await?;
        query("UPDATE host SET failures = 0, failing_since = NULL, closed_until = 0, dead = FALSE WHERE name = $1")
            .bind(host)
            .execute(&mut *transaction)
            .await
            .map_err(doing("revive a host"))?;
        query("UPDATE delivery SET next_at = $2 WHERE host = $1 AND state = 'due' AND next_at > $2")
            .bind(host)
            .bind(now.as_millisecond())
            .execute(&mut *transaction)
            .await
            .map_err(doing("wake a host's mail"))?;
        transaction.commit().await.map_err(doing("commit a revived host"))?;
        Ok(true)
    }

    /// All deliveries, or those about one object (the Note's id), newest last.
    pub async fn deliveries(&self, object: Option<&str>, limit: i64) -> Result<Vec<DeliveryRow>, StoreError> {
        let filter = DeliveryFilter { object: object.map(str::to_owned), ..DeliveryFilter::default() };
        let mut rows = self.deliveries_where(&filter, limit).await?;
        rows.reverse();
        Ok(rows)
    }

    /// The newest `limit` deliveries that a filter lets through, newest first.
    pub async fn deliveries_where(&self, filter: &DeliveryFilter, limit: i64) -> Result<Vec<DeliveryRow>, StoreError> {
        let rows: Vec<Row> = query(
            "SELECT delivery.seq, activity.id, activity.kind, activity.object, delivery.inbox, delivery.host,
                    delivery.state, delivery.attempts, delivery.last_status, delivery.last_error, delivery.next_at
             FROM delivery JOIN activity ON activity.seq = delivery.activity
             WHERE ($1 IS NULL OR activity.object = $1) AND ($2 IS NULL OR delivery.host = $2)
               AND ($3 IS NULL OR delivery.state = $3) AND ($4 IS NULL OR delivery.seq < $4)
             ORDER BY delivery.seq DESC LIMIT $5",
        )
        .bind(filter.object.as_ref())
        .bind(filter.host.as_ref())
        .bind(filter.state.map(DeliveryState::as_str))
        .bind(filter.before)
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(doing("list deliveries"))?;
        let row = |row: &Row| DeliveryRow {
            seq: row.get(0),
            activity: row.get(1),
            kind: row.get(2),
            is_feed: row.get::<String, _>(5).starts_with(LANE_PREFIX),
            object: row.get(3),
            inbox: row.get(4),
            host: without_prefix(row.get(5)),
            state: row.get(6),
            attempts: row.get(7),
            last_status: row.get(8),
            last_error: row.get(9),
            next_at_ms: row.get(10),
        };
        Ok(rows.iter().map(row).collect())
    }

    /// Sends what was refused or given up again, with the same id and bytes. Returns how many.
    pub async fn resend(&self, object: &str, host: Option<&str>, now: Timestamp) -> Result<u64, StoreError> {
        self.send_again(Some(object), host, now).await
    }

    /// The same for everything that one host did not take.
    pub async fn resend_to(&self, host: &str, now: Timestamp) -> Result<u64, StoreError> {
        self.send_again(None, Some(host), now).await
    }

    async fn send_again(&self, object: Option<&str>, host: Option<&str>, now: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        // A person who says so does not want to wait for the end of a host's pause.
        query(
            "UPDATE host SET closed_until = 0 WHERE name IN (
                 SELECT host FROM delivery
                 WHERE state IN ('refused', 'given_up', 'due', 'held') AND ($2 IS NULL OR host = $2)
                   AND ($1 IS NULL OR activity IN (SELECT seq FROM activity WHERE object = $1)))",
        )
        .bind(object)
        .bind(host)
        .execute(&mut *transaction)
        .await
        .map_err(doing("open the hosts of what is sent again"))?;
        let sent = query(
            "UPDATE delivery SET state = 'due', attempts = 0, next_at = $3, done_at = NULL
             WHERE state IN ('refused', 'given_up', 'due', 'held') AND ($2 IS NULL OR host = $2)
               AND ($1 IS NULL OR activity IN (SELECT seq FROM activity WHERE object = $1))",
        )
        .bind(object)
        .bind(host)
        .bind(now.as_millisecond())
        .execute(&mut *transaction)
        .await
        .map_err(doing("send again"))?;
        transaction.commit().await.map_err(doing("commit what is sent again"))?;
        Ok(sent.rows_affected())
    }

    /// Deliveries to followers in figures, for `status`.
    pub async fn delivery_figures(&self) -> Result<DeliveryFigures, StoreError> {
        let rows: Vec<(String, i64)> =
            query_as("SELECT state, COUNT(*) FROM delivery WHERE host NOT LIKE 'websub/%' GROUP BY state")
                .fetch_all(&self.read)
                .await
                .map_err(doing("count deliveries"))?;
        let count = |state: DeliveryState| rows.iter().find(|row| row.0 == state.as_str()).map_or(0, |row| row.1);
        let oldest: Option<i64> = query_scalar(
            "SELECT MIN(activity.created) FROM delivery JOIN activity ON activity.seq = delivery.activity
             WHERE delivery.state = 'due' AND delivery.host NOT LIKE 'websub/%'",
        )
        .fetch_one(&self.read)
        .await
        .map_err(doing("find the oldest delivery"))?;
        let hosts_dead: i64 = query_scalar("SELECT COUNT(*) FROM host WHERE dead AND name NOT LIKE 'websub/%'")
            .fetch_one(&self.read)
            .await
            .map_err(doing("count dead hosts"))?;
        Ok(DeliveryFigures {
            due: count(DeliveryState::Due),
            delivered: count(DeliveryState::Delivered),
            refused: count(DeliveryState::Refused),
            given_up: count(DeliveryState::GivenUp),
            superseded: count(DeliveryState::Superseded),
            held: count(DeliveryState::Held),
            oldest_due: oldest.and_then(|second| Timestamp::from_second(second).ok()),
            hosts_dead,
        })
    }
}

/// The host of a lane.
fn without_prefix(lane: &str) -> String {
    let host = [QUESTION_PREFIX, LANE_PREFIX].iter().find_map(|prefix| lane.strip_prefix(prefix));
    host.unwrap_or(lane).to_owned()
}

/// All that arrived at once: by far the most common end, so it costs one statement for all.
async fn record_delivered(transaction: &mut Transaction, attempts: &[&Attempt]) -> Result<(), StoreError> {
    let Some(at) = attempts.iter().map(|attempt| attempt.at).max() else { return Ok(()) };
    let mut query = QueryBuilder::new(
        "UPDATE delivery SET state = 'delivered', attempts = attempts + 1, last_status = NULL, last_error = NULL, done_at = ",
    );
    query.push_bind(at.as_millisecond()).push(" WHERE seq IN (");
    query.push_list(attempts.iter().map(|attempt| attempt.seq));
    query.build().execute(&mut **transaction).await.map(drop).map_err(doing("record deliveries"))
}

async fn record_other(transaction: &mut Transaction, attempt: &Attempt) -> Result<(), StoreError> {
    query(
        "UPDATE delivery SET state = CASE WHEN state = 'superseded' AND $2 = 'due' THEN state ELSE $2 END,
         attempts = $3, next_at = $4, last_status = $5, last_error = $6,
         done_at = CASE WHEN $2 = 'due' THEN NULL ELSE $7 END WHERE seq = $1",
    )
    .bind(attempt.seq)
    .bind(attempt.state.as_str())
    .bind(i64::from(attempt.attempts))
    .bind(attempt.next_at.as_millisecond())
    .bind(attempt.status.map(i64::from))
    .bind(attempt.error.as_ref())
    .bind(attempt.at.as_millisecond())
    .execute(&mut **transaction)
    .await
    .map(drop)
    .map_err(doing("record a delivery"))
}

async fn record_host(transaction: &mut Transaction, attempt: &Attempt) -> Result<(), StoreError> {
    let query = match &attempt.host_news {
        HostNews::Nothing => return Ok(()),
        HostNews::Alive(spec) => query(
            "INSERT INTO host (name, spec) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET
             failures = 0, failing_since = NULL, closed_until = 0, dead = FALSE,
             spec = COALESCE(excluded.spec, host.spec)",
        )
        .bind(&attempt.host)
        .bind(spec.map(Spec::as_str)),
        HostNews::Failed { closed_until, dead } => query(
            "INSERT INTO host (name, failures, failing_since, closed_until, dead) VALUES ($1, 1, $2, $3, $4)
             ON CONFLICT (name) DO UPDATE SET failures = host.failures + 1,
             failing_since = COALESCE(host.failing_since, excluded.failing_since),
             closed_until = excluded.closed_until, dead = excluded.dead",
        )
        .bind(&attempt.host)
        .bind(attempt.at.as_millisecond())
        .bind(closed_until.as_millisecond())
        .bind(*dead),
    };
    query.execute(&mut **transaction).await.map(drop).map_err(doing("record a host"))
}
