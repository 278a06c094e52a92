//! What plots are drawn from: followers by day, deliveries by day and host, hosts as they are, replies by review.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    DeliveryState, Store, StoreError, doing,
    sql::{query, query_as},
};

const DAY_SECONDS: i64 = 24 * 3600;
const DAY_MS: i64 = DAY_SECONDS * 1000;
/// How long the numbers of followers are kept: ten years, so that the table cannot grow without end.
const FOLLOWER_DAYS_MAX: i64 = 3653;
/// A delivery ends at most so long after its activity was made (`delivery::schedule`: a Delete has longest).
const DELIVERY_AGE_MAX: SignedDuration = SignedDuration::from_hours(31 * 24);
/// Groups of ended deliveries read at most: a hundred days at a thousand hosts.
const GROUPS_MAX: i64 = 100_000;
/// Hosts listed at most, those in trouble first.
const HOSTS_MAX: i64 = 1_000;
/// Upper ends of the waits that deliveries are counted by, in milliseconds, with their words; what took longer is the last.
pub const WAITS: [(i64, &str); 7] = [
    (2_000, "2 seconds"),
    (10_000, "10 seconds"),
    (60_000, "a minute"),
    (600_000, "10 minutes"),
    (3_600_000, "an hour"),
    (DAY_MS, "a day"),
    (i64::MAX, "longer"),
];

/// How many followed a reviewer from a day on, until the next such day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowerDay {
    pub reviewer: String,
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    pub followers: i64,
}

/// Deliveries to one host that ended on one day in one way after a wait of one length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    pub host: String,
    pub state: DeliveryState,
    /// Which of [`WAITS`].
    pub wait: usize,
    pub count: i64,
    /// All their waits together, in milliseconds; since activities are dated by the second, each is right to one.
    pub waited_ms: i64,
}

/// What is known of a server that messages went to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostState {
    pub name: String,
    /// In a row.
    pub failures: i64,
    pub failing_since: Option<Timestamp>,
    /// Nothing is sent before.
    pub closed_until: Option<Timestamp>,
    pub dead: bool,
    pub due: i64,
}

/// How much was said under a review by others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TalkedOf {
    pub reviewer: String,
    pub review: String,
    pub shown: i64,
    /// Waiting for approval, or hidden.
    pub unseen: i64,
}

impl Store {
    /// Writes down how many follow each reviewer today, where that is not what was written last.
    pub async fn note_followers(&self, now: Timestamp) -> Result<(), StoreError> {
        let counted: Vec<(String, i64)> =
            query_as("SELECT reviewer, COUNT(*) FROM follower WHERE state = 'accepted' GROUP BY reviewer")
                .fetch_all(&self.read)
                .await
                .map_err(doing("count followers"))?;
        let known: HashMap<String, i64> =
            self.follower_days().await?.into_iter().map(|one| (one.reviewer, one.followers)).collect();
        let mut counted: HashMap<String, i64> = counted.into_iter().collect();
        for reviewer in known.keys() {
            counted.entry(reviewer.clone()).or_insert(0);
        }
        let today = now.as_second().div_euclid(DAY_SECONDS);
        for (reviewer, followers) in counted.iter().filter(|(reviewer, count)| known.get(*reviewer) != Some(count)) {
            query(
                "INSERT INTO follower_day (reviewer, day, followers) VALUES ($1, $2, $3)
                 ON CONFLICT (reviewer, day) DO UPDATE SET followers = excluded.followers",
            )
            .bind(reviewer)
            .bind(today)
            .bind(*followers)
            .execute(&self.write)
            .await
            .map_err(doing("note the number of followers"))?;
            query("DELETE FROM follower_day WHERE reviewer = $1 AND day < $2")
                .bind(reviewer)
                .bind(today - FOLLOWER_DAYS_MAX)
                .execute(&self.write)
                .await
                .map_err(doing("forget old numbers of followers"))?;
        }
        Ok(())
    }

    /// The numbers of followers, each reviewer's oldest first.
    pub async fn follower_days(&self) -> Result<Vec<FollowerDay>, StoreError> {
        let rows: Vec<(String, i64, i64)> =
            query_as("SELECT reviewer, day, followers FROM follower_day ORDER BY reviewer, day")
                .fetch_all(&self.read)
                .await
                .map_err(doing("read the numbers of followers"))?;
        let day = |(reviewer, day, followers)| FollowerDay { reviewer, day, followers };
        Ok(rows.into_iter().map(day).collect())
    }

    /// Deliveries to inboxes that ended within the last `days`, the oldest day first.
    pub async fn ended_deliveries(&self, now: Timestamp, days: i64) -> Result<Vec<Ended>, StoreError> {
        let since = (now.as_second().div_euclid(DAY_SECONDS) + 1 - days) * DAY_SECONDS;
        let rows: Vec<(i64, String, String, i64, i64, i64)> = query_as(
            "SELECT day, host, state, CASE WHEN waited < 2000 THEN 0 WHEN waited < 10000 THEN 1 WHEN waited < 60000 THEN 2
                    WHEN waited < 600000 THEN 3 WHEN waited < 3600000 THEN 4 WHEN waited < 86400000 THEN 5 ELSE 6 END
                    AS wait, COUNT(*), CAST(SUM(waited) AS BIGINT)
             FROM (SELECT delivery.done_at / 86400000 AS day, delivery.host AS host, delivery.state AS state,
                          delivery.done_at - activity.created * 1000 AS waited
                   FROM activity JOIN delivery ON delivery.activity = activity.seq
                   WHERE activity.created > $1 AND delivery.done_at >= $2 AND delivery.host NOT LIKE 'websub/%') AS ended
             GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 LIMIT $3",
        )
        .bind(since - DELIVERY_AGE_MAX.as_secs())
        .bind(since * 1000)
        .bind(GROUPS_MAX)
        .fetch_all(&self.read)
        .await
        .map_err(doing("count deliveries by day"))?;
        let ended = |(day, host, state, wait, count, waited_ms): (i64, String, String, i64, i64, i64)| {
            let (state, wait) = (DeliveryState::parse(&state)?, usize::try_from(wait).ok()?);
            Some(Ended { day, host, state, wait, count, waited_ms: waited_ms.max(0) })
        };
        Ok(rows.into_iter().filter_map(ended).collect())
    }

    /// Servers that something was sent to, those in trouble first.
    pub async fn hosts(&self) -> Result<Vec<HostState>, StoreError> {
        let rows: Vec<(String, i64, Option<i64>, i64, bool, i64)> = query_as(
            "SELECT name, failures, failing_since, closed_until, dead,
                    (SELECT COUNT(*) FROM delivery WHERE delivery.state = 'due' AND delivery.host = host.name)
             FROM host WHERE name NOT LIKE 'websub/%' ORDER BY dead DESC, failures DESC, name LIMIT $1",
        )
        .bind(HOSTS_MAX)
        .fetch_all(&self.read)
        .await
        .map_err(doing("list the hosts"))?;
        let moment = |ms: i64| Timestamp::from_millisecond(ms).ok().filter(|_| ms > 0);
        let host = |(name, failures, since, until, dead, due): (String, i64, Option<i64>, i64, bool, i64)| HostState {
            name,
            failures,
            failing_since: since.and_then(moment),
            closed_until: moment(until),
            dead,
            due,
        };
        Ok(rows.into_iter().map(host).collect())
    }

    /// The reviews that most was said under by others.
    pub async fn most_talked_of(&self, limit: i64) -> Result<Vec<TalkedOf>, StoreError> {
        let rows: Vec<(String, String, i64, i64)> = query_as(
            "SELECT reviewer, review, CAST(SUM(CASE WHEN state = 'shown' THEN 1 ELSE 0 END) AS BIGINT),
                    CAST(SUM(CASE WHEN state = 'shown' THEN 0 ELSE 1 END) AS BIGINT)
             FROM reply WHERE ours = FALSE AND reviewer IS NOT NULL AND review IS NOT NULL AND visibility <> 'private'
             GROUP BY reviewer, review ORDER BY COUNT(*) DESC, reviewer, review LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(doing("count replies by review"))?;
        let talked = |(reviewer, review, shown, unseen)| TalkedOf { reviewer, review, shown, unseen };
        Ok(rows.into_iter().map(talked).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            Handle,
            message::{Audience, Kind, Message},
        },
        store::{Attempt, FollowState, Follower, HostNews, Outgoing, Recipients},
    };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn follower(name: &str, since: Timestamp) -> Follower {
        Follower {
            reviewer: Handle::parse("ana").unwrap(),
            actor: format!("https://m.example/{name}"),
            inbox: format!("https://m.example/{name}/inbox"),
            shared_inbox: None,
            follow_id: format!("https://m.example/{name}/follow"),
            state: FollowState::Accepted,
            bookwyrm: false,
            since,
        }
    }

    async fn store() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("reviewd.db")).await.unwrap();
        (directory, store)
    }

    async fn numbers(store: &Store) -> Vec<(i64, i64)> {
        store.follower_days().await.unwrap().into_iter().map(|one| (one.day, one.followers)).collect()
    }

    #[tokio::test]
    async fn a_day_on_which_nobody_came_or_went_has_no_row() {
        let (_directory, store) = store().await;
        let (first, later) = (at("2026-01-01T23:00:00Z"), at("2026-01-05T01:00:00Z"));
        store.keep_follower(&follower("bob", first), &[]).await.unwrap();
        for now in [first, at("2026-01-02T12:00:00Z")] {
            store.note_followers(now).await.unwrap();
        }
        let day = first.as_second() / DAY_SECONDS;
        assert_eq!(numbers(&store).await, [(day, 1)]);
        store.keep_follower(&follower("eve", later), &[]).await.unwrap();
        store.note_followers(later).await.unwrap();
        for name in ["bob", "eve"] {
            let (ana, actor) = (Handle::parse("ana").unwrap(), format!("https://m.example/{name}"));
            store.drop_follower(&ana, &actor, &[]).await.unwrap();
        }
        store.note_followers(at("2026-01-09T01:00:00Z")).await.unwrap();
        assert_eq!(
            numbers(&store).await,
            [(day, 1), (day + 4, 2), (day + 8, 0)],
            "the last one left, and that is known"
        );
        let much_later = at("2037-01-01T00:00:00Z");
        store.keep_follower(&follower("zoe", much_later), &[]).await.unwrap();
        store.note_followers(much_later).await.unwrap();
        assert_eq!(numbers(&store).await.len(), 1, "ten years are kept");
    }

    #[tokio::test]
    async fn an_older_database_tells_when_those_came_who_still_follow() {
        let (_directory, store) = store().await;
        for (name, since) in
            [("a", "2026-01-01T01:00:00Z"), ("b", "2026-01-01T02:00:00Z"), ("c", "2026-01-03T00:00:00Z")]
        {
            store.keep_follower(&follower(name, at(since)), &[]).await.unwrap();
        }
        crate::store::sql::raw_sql("DROP TABLE follower_day").execute(&store.write).await.unwrap();
        let step = include_str!("migrations/0015_follower_day.sqlite.sql");
        crate::store::sql::raw_sql(step).execute(&store.write).await.unwrap();
        let day = at("2026-01-01T00:00:00Z").as_second() / DAY_SECONDS;
        assert_eq!(numbers(&store).await, [(day, 2), (day + 2, 3)]);
    }

    #[tokio::test]
    async fn deliveries_are_counted_by_the_day_they_ended_and_the_time_they_took() {
        let (_directory, store) = store().await;
        let made = at("2026-01-01T12:00:00Z");
        for (number, waited, state) in [
            (1, 500, DeliveryState::Delivered),
            (2, 90_000, DeliveryState::Delivered),
            (3, 2 * DAY_MS, DeliveryState::GivenUp),
        ] {
            let message = Message {
                id: format!("https://books.example/{number}"),
                kind: Kind::Create,
                object: "https://books.example/users/ana/reviews/dune".to_owned(),
                audience: Audience::Everyone,
                body: b"{}".to_vec(),
            };
            let to = Recipients::Inbox(format!("https://m.example/{number}"));
            let outgoing = Outgoing { reviewer: Handle::parse("ana").unwrap(), message, to, at: made };
            store.post(&[outgoing]).await.unwrap();
            let seq = store.deliveries(None, 1).await.unwrap()[0].seq;
            let end = made + SignedDuration::from_millis(waited);
            let attempt = Attempt {
                seq,
                host: "m.example".to_owned(),
                state,
                attempts: 1,
                at: end,
                next_at: end,
                status: None,
                error: None,
                host_news: HostNews::Alive(None),
            };
            store.record_attempts(&[attempt]).await.unwrap();
        }
        let ended = store.ended_deliveries(at("2026-01-04T00:00:00Z"), 30).await.unwrap();
        let day = made.as_second() / DAY_SECONDS;
        let seen: Vec<_> = ended.iter().map(|one| (one.day, one.state, WAITS[one.wait].1, one.waited_ms)).collect();
        assert_eq!(
            seen,
            [
                (day, DeliveryState::Delivered, "2 seconds", 500),
                (day, DeliveryState::Delivered, "10 minutes", 90_000),
                (day + 2, DeliveryState::GivenUp, "longer", 2 * DAY_MS)
            ]
        );
        assert_eq!(store.ended_deliveries(at("2026-01-04T00:00:00Z"), 2).await.unwrap().len(), 1, "only the last days");
        let filter = |state| crate::store::DeliveryFilter { state, ..Default::default() };
        let refused = filter(Some(DeliveryState::GivenUp));
        assert_eq!(store.deliveries_where(&refused, 10).await.unwrap().len(), 1);
        assert_eq!(store.resend_to("m.example", made).await.unwrap(), 1);
        assert_eq!(store.hosts().await.unwrap()[0].due, 1);
    }
}
