//! How the outside takes what we say: the questions that are asked every minute.

use jiff::{SignedDuration, Timestamp};

use super::{
    Store, StoreError, doing,
    sql::{query_as, query_scalar},
};

/// A review without one successful delivery for so long is an alarm.
const UNDELIVERED_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// Of what ended without success, what ended so lately.
const ENDED_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// The fact that holds the alarm while there is one: it outlives a restart, so that it is told once.
const ALARM: &str = "alarm";
/// Hosts named at most.
const HOSTS_MAX: i64 = 100;

/// What is on its way, in figures that cost little.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Underway {
    pub due: i64,
    pub oldest_due: Option<Timestamp>,
    pub held: i64,
    pub hosts_dead: i64,
    pub followers: i64,
    pub followers_waiting: i64,
    /// The newest Create or Update of a review.
    pub last_publish: Option<Timestamp>,
}

impl Store {
    /// Ids of reviews announced more than an hour ago that not one server has taken, although servers that are not known to
    /// be dead were asked: our signature, our clock or our line is wrong, or everybody else's.
    pub async fn undelivered(&self, now: Timestamp) -> Result<Vec<String>, StoreError> {
        query_scalar(
            "SELECT DISTINCT activity.object FROM activity
             JOIN delivery ON delivery.activity = activity.seq
             LEFT JOIN host ON host.name = delivery.host
             WHERE activity.kind = 'Create' AND activity.created <= $1 AND activity.created > $2
               AND COALESCE(host.dead, FALSE) = FALSE
               AND (delivery.state = 'due' OR (delivery.state IN ('refused', 'given_up') AND delivery.done_at > $3))
               AND NOT EXISTS (SELECT 1 FROM activity AS other
                               JOIN delivery AS arrived ON arrived.activity = other.seq
                               WHERE other.object = activity.object AND arrived.state = 'delivered')
             ORDER BY activity.object LIMIT 100",
        )
        .bind((now - UNDELIVERED_AFTER).as_second())
        .bind((now - SignedDuration::from_hours(24 * 30)).as_second())
        .bind((now - ENDED_WITHIN).as_millisecond())
        .fetch_all(&self.read)
        .await
        .map_err(doing("look for reviews that reached nobody"))
    }

    /// Hosts to which deliveries were given up within the last week, and how many.
    pub async fn hosts_given_up(&self, now: Timestamp) -> Result<Vec<(String, i64)>, StoreError> {
        query_as(
            "SELECT host, COUNT(*) FROM delivery WHERE state = 'given_up' AND done_at > $1
             GROUP BY host ORDER BY host LIMIT $2",
        )
        .bind((now - SignedDuration::from_hours(24 * 7)).as_millisecond())
        .bind(HOSTS_MAX)
        .fetch_all(&self.read)
        .await
        .map_err(doing("look for deliveries given up"))
    }

    /// What is wrong with the site as a whole, if anything.
    pub async fn alarm(&self) -> Result<Option<String>, StoreError> {
        self.fact(ALARM).await
    }

    pub async fn set_alarm(&self, alarm: Option<&str>) -> Result<(), StoreError> {
        match alarm {
            Some(text) => self.remember_fact(ALARM, text).await,
            None => self.forget_fact(ALARM).await,
        }
    }

    /// What is on its way now.
    pub async fn underway(&self) -> Result<Underway, StoreError> {
        let count = async |query: &'static str| -> Result<i64, StoreError> {
            query_scalar(query).fetch_one(&self.read).await.map_err(doing("count what is on its way"))
        };
        let second = async |query: &'static str| -> Result<Option<Timestamp>, StoreError> {
            let found: Option<i64> =
                query_scalar(query).fetch_one(&self.read).await.map_err(doing("find the oldest and the newest"))?;
            Ok(found.and_then(|second| Timestamp::from_second(second).ok()))
        };
        Ok(Underway {
            due: count("SELECT COUNT(*) FROM delivery WHERE state = 'due'").await?,
            oldest_due: second(
                "SELECT MIN(activity.created) FROM delivery JOIN activity ON activity.seq = delivery.activity
                 WHERE delivery.state = 'due'",
            )
            .await?,
            held: count("SELECT COUNT(*) FROM delivery WHERE state = 'held'").await?,
            hosts_dead: count("SELECT COUNT(*) FROM host WHERE dead").await?,
            followers: count("SELECT COUNT(*) FROM follower WHERE state = 'accepted'").await?,
            followers_waiting: count("SELECT COUNT(*) FROM follower WHERE state <> 'accepted'").await?,
            last_publish: second(
                "SELECT MAX(created) FROM activity WHERE kind IN ('Create', 'Update') AND object LIKE '%/reviews/%'",
            )
            .await?,
        })
    }
}
