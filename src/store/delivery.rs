//! Deliveries on their way: what is due, what became of each attempt, and what is known of the hosts.

use jiff::Timestamp;
use sqlx::{FromRow, Row, sqlite::SqliteRow};

use super::{
    DeliveryRow, DeliveryState, Store, StoreError, doing,
    websub::{LANE_PREFIX, QUESTION_PREFIX},
};
use crate::domain::{
    Handle,
    delivery::Spec,
    websub::{Errand, ErrandKind},
};

/// A delivery that is due, with what its attempt needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDelivery {
    pub seq: i64,
    /// The id of the activity or message, for logs.
    pub activity: String,
    pub kind: String,
    /// Where it goes: an inbox, a callback, a hub.
    pub inbox: String,
    pub host: String,
    pub cargo: Cargo,
    /// Attempts made so far.
    pub attempts: u32,
    /// When the message was stored.
    pub created: Timestamp,
}

/// What is carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cargo {
    /// An activity in its final form, and who signs it.
    Activity { reviewer: Handle, body: Vec<u8> },
    /// Something for a WebSub callback or hub.
    Errand(Errand),
}

/// Which part of the queue, each with lanes of its own: a slow callback must not hold up the followers' mail, and one that
/// a stranger named must not hold up the subscribers' either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To inboxes of ActivityPub servers.
    Inboxes,
    /// To WebSub callbacks that confirmed, and to hubs elsewhere.
    Callbacks,
    /// To callbacks that anybody may have named, to be asked.
    Questions,
}

impl Way {
    /// As the queries count them.
    fn number(self) -> i64 {
        match self {
            Self::Inboxes => 0,
            Self::Callbacks => 1,
            Self::Questions => 2,
        }
    }
}

/// A host with something due, and whether it may be knocked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueHost {
    pub name: String,
    pub spec: Option<Spec>,
    pub dead: bool,
    pub failures: u32,
    pub failing_since: Option<Timestamp>,
}

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
    /// Hosts with something due at `now`, the longest waiting first; those in `busy` are left out by the caller.
    pub async fn due_hosts(&self, way: Way, now: Timestamp, limit: i64) -> Result<Vec<DueHost>, StoreError> {
        let rows: Vec<SqliteRow> = sqlx::query(
            "SELECT delivery.host, host.spec, COALESCE(host.dead, FALSE), COALESCE(host.failures, 0), host.failing_since
             FROM delivery LEFT JOIN host ON host.name = delivery.host
             WHERE delivery.state = 'due' AND COALESCE(host.closed_until, 0) <= $1
               AND CASE WHEN delivery.host LIKE 'websub/ask/%' THEN 2 WHEN delivery.host LIKE 'websub/%' THEN 1
                   ELSE 0 END = $3
             GROUP BY delivery.host, host.spec, host.dead, host.failures, host.failing_since
             HAVING MIN(delivery.next_at) <= $1
             ORDER BY MIN(delivery.seq) LIMIT $2",
        )
        .bind(now.as_millisecond())
        .bind(limit)
        .bind(way.number())
        .fetch_all(&self.read)
        .await
        .map_err(doing("list the hosts with mail"))?;
        Ok(rows
            .iter()
            .map(|row| DueHost {
                name: row.get(0),
                spec: row.get::<Option<String>, _>(1).as_deref().and_then(Spec::parse),
                dead: row.get(2),
                failures: u32::try_from(row.get::<i64, _>(3)).unwrap_or(0),
                failing_since: row.get::<Option<i64>, _>(4).and_then(|ms| Timestamp::from_millisecond(ms).ok()),
            })
            .collect())
    }

    /// The due deliveries of a host: for each inbox only the oldest, so that order is kept, and those tried least first, so
    /// that one inbox in trouble does not starve the others.
    pub async fn due_at(&self, host: &str, now: Timestamp, limit: i64) -> Result<Vec<DueDelivery>, StoreError> {
        let rows: Vec<DueRow> = sqlx::query_as(
            "SELECT delivery.seq, activity.reviewer, activity.id, activity.kind, delivery.inbox, delivery.host,
                    CASE WHEN activity.audience = 'websub' AND activity.kind = 'Push' THEN NULL ELSE activity.body END,
                    delivery.attempts, activity.created, activity.audience, activity.object, activity.seq
             FROM delivery JOIN activity ON activity.seq = delivery.activity
             WHERE delivery.state = 'due' AND delivery.host = $1 AND delivery.next_at <= $2
               AND delivery.seq = (SELECT MIN(first.seq) FROM delivery AS first
                                   WHERE first.state = 'due' AND first.host = $1 AND first.inbox = delivery.inbox)
             ORDER BY delivery.attempts, delivery.seq LIMIT $3",
        )
        .bind(host)
        .bind(now.as_millisecond())
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(doing("read due deliveries"))?;
        Ok(rows.into_iter().filter_map(|DueRow(due)| due).collect())
    }

    /// When the next delivery falls due at a host that is open by then; `None` when nothing is due.
    pub async fn next_due(&self, way: Way) -> Result<Option<Timestamp>, StoreError> {
        let millis: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(MAX(delivery.next_at, COALESCE(host.closed_until, 0)))
             FROM delivery LEFT JOIN host ON host.name = delivery.host
             WHERE delivery.state = 'due'
               AND CASE WHEN delivery.host LIKE 'websub/ask/%' THEN 2 WHEN delivery.host LIKE 'websub/%' THEN 1
                   ELSE 0 END = $1",
        )
        .bind(way.number())
        .fetch_one(&self.read)
        .await
        .map_err(doing("find the next delivery"))?;
        Ok(millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()))
    }

    /// Writes what became of attempts, all in one transaction: what waits together commits together.
    pub async fn record_attempts(&self, attempts: &[Attempt]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for attempt in attempts {
            sqlx::query(
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
            .execute(&mut *transaction)
            .await
            .map_err(doing("record a delivery"))?;
            match &attempt.host_news {
                HostNews::Alive(spec) => sqlx::query(
                    "INSERT INTO host (name, spec) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET
                     failures = 0, failing_since = NULL, closed_until = 0, dead = FALSE,
                     spec = COALESCE(excluded.spec, host.spec)",
                )
                .bind(&attempt.host)
                .bind(spec.map(Spec::as_str)),
                HostNews::Failed { closed_until, dead } => sqlx::query(
                    "INSERT INTO host (name, failures, failing_since, closed_until, dead) VALUES ($1, 1, $2, $3, $4)
                     ON CONFLICT (name) DO UPDATE SET failures = host.failures + 1,
                     failing_since = COALESCE(host.failing_since, excluded.failing_since),
                     closed_until = excluded.closed_until, dead = excluded.dead",
                )
                .bind(&attempt.host)
                .bind(attempt.at.as_millisecond())
                .bind(closed_until.as_millisecond())
                .bind(*dead),
            }
            .execute(&mut *transaction)
            .await
            .map_err(doing("record a host"))?;
        }
        transaction.commit().await.map_err(doing("commit deliveries"))
    }

    /// A host showed a sign of life: what waits for it is due at once. `false` when it was not failing.
    pub async fn revive_host(&self, host: &str, now: Timestamp) -> Result<bool, StoreError> {
        let failing: Option<i64> =
            sqlx::query_scalar("SELECT failures FROM host WHERE name = $1 AND (failures > 0 OR dead)")
                .bind(host)
                .fetch_optional(&self.read)
                .await
                .map_err(doing("look a host up"))?;
        if failing.is_none() {
            return Ok(false);
        }
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE host SET failures = 0, failing_since = NULL, closed_until = 0, dead = FALSE WHERE name = $1",
        )
        .bind(host)
        .execute(&mut *transaction)
        .await
        .map_err(doing("revive a host"))?;
        sqlx::query("UPDATE delivery SET next_at = $2 WHERE host = $1 AND state = 'due' AND next_at > $2")
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
        let rows: Vec<SqliteRow> = sqlx::query(
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
        let row = |row: &SqliteRow| DeliveryRow {
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
        sqlx::query(
            "UPDATE delivery SET state = 'due', attempts = 0, next_at = $3, done_at = NULL
             WHERE state IN ('refused', 'given_up', 'due', 'held') AND ($2 IS NULL OR host = $2)
               AND ($1 IS NULL OR activity IN (SELECT seq FROM activity WHERE object = $1))",
        )
        .bind(object)
        .bind(host)
        .bind(now.as_millisecond())
        .execute(&self.write)
        .await
        .map(|done| done.rows_affected())
        .map_err(doing("send again"))
    }

    /// Deliveries to followers in figures, for `status`.
    pub async fn delivery_figures(&self) -> Result<DeliveryFigures, StoreError> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT state, COUNT(*) FROM delivery WHERE host NOT LIKE 'websub/%' GROUP BY state")
                .fetch_all(&self.read)
                .await
                .map_err(doing("count deliveries"))?;
        let count = |state: DeliveryState| rows.iter().find(|row| row.0 == state.as_str()).map_or(0, |row| row.1);
        let oldest: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(activity.created) FROM delivery JOIN activity ON activity.seq = delivery.activity
             WHERE delivery.state = 'due' AND delivery.host NOT LIKE 'websub/%'",
        )
        .fetch_one(&self.read)
        .await
        .map_err(doing("find the oldest delivery"))?;
        let hosts_dead: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM host WHERE dead AND name NOT LIKE 'websub/%'")
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

struct DueRow(Option<DueDelivery>);

impl FromRow<'_, SqliteRow> for DueRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let due = || {
            Some(DueDelivery {
                seq: row.get(0),
                activity: row.get(2),
                kind: row.get(3),
                inbox: row.get(4),
                host: row.get(5),
                cargo: cargo(row)?,
                attempts: u32::try_from(row.get::<i64, _>(7)).ok()?,
                created: Timestamp::from_second(row.get(8)).ok()?,
            })
        };
        Ok(Self(due()))
    }
}

/// `None` where a row is damaged.
fn cargo(row: &SqliteRow) -> Option<Cargo> {
    let body: Vec<u8> = row.get::<Option<Vec<u8>>, _>(6).unwrap_or_default();
    if row.get::<String, _>(9) != "websub" {
        return Some(Cargo::Activity { reviewer: Handle::parse(&row.get::<String, _>(1)).ok()?, body });
    }
    let topic: String = row.get(10);
    let errand = match ErrandKind::parse(&row.get::<String, _>(3))? {
        ErrandKind::Push => Errand::Push { message: row.get(11), topic },
        ErrandKind::Verify => Errand::Verify(serde_json::from_slice(&body).ok()?),
        ErrandKind::Deny => Errand::Deny(serde_json::from_slice(&body).ok()?),
        ErrandKind::Ping => Errand::Ping { topic },
    };
    Some(Cargo::Errand(errand))
}
