//! The durable inbox: what was answered with 202 is on the disk, and is worked through once.

use jiff::Timestamp;

use super::{
    Store, StoreError, doing, outbox,
    sql::{Row, query, query_as, query_scalar},
};

/// An activity that waits to be worked through. Its signature was verified before it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedActivity {
    pub seq: i64,
    pub id: String,
    pub actor: String,
    pub body: Vec<u8>,
    pub attempts: u32,
    pub at: Timestamp,
}

/// How much waits to be worked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceivedLoad {
    /// Activities of one host.
    pub of_host: u64,
    pub bytes_of_host: u64,
    /// Of all hosts.
    pub bytes: u64,
}

/// What became of a received activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceivedState {
    Due,
    Done,
    /// Could not be worked through in the time there is.
    GivenUp,
}

/// An actor or a domain that is kept out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub name: String,
    pub reason: Option<String>,
    pub at: Timestamp,
}

impl ReceivedState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Done => "done",
            Self::GivenUp => "given_up",
        }
    }
}

impl Store {
    /// Puts a verified activity on the disk. `false` when it was there already: a replay, or a sender that asks twice.
    pub async fn keep_received(&self, id: &str, actor: &str, body: &[u8], at: Timestamp) -> Result<bool, StoreError> {
        query(
            "INSERT INTO received (id, actor, host, body, at, state, next_at) VALUES ($1, $2, $3, $4, $5, 'due', $6)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(id)
        .bind(actor)
        .bind(outbox::host_of(actor).unwrap_or_default())
        .bind(body)
        .bind(at.as_second())
        .bind(at.as_millisecond())
        .execute(&self.write)
        .await
        .map(|done| done.rows_affected() > 0)
        .map_err(doing("store a received activity"))
    }

    /// What waits to be worked through.
    pub async fn received_load(&self, host: &str) -> Result<ReceivedLoad, StoreError> {
        let row: (i64, i64, i64) = query_as(
            "SELECT CAST(COALESCE(SUM(CASE WHEN host = $1 THEN 1 ELSE 0 END), 0) AS BIGINT),
                    CAST(COALESCE(SUM(CASE WHEN host = $1 THEN LENGTH(body) ELSE 0 END), 0) AS BIGINT),
                    CAST(COALESCE(SUM(LENGTH(body)), 0) AS BIGINT)
             FROM received WHERE state = 'due'",
        )
        .bind(host)
        .fetch_one(&self.read)
        .await
        .map_err(doing("measure what waits in the inbox"))?;
        let [of_host, bytes_of_host, bytes] = [row.0, row.1, row.2].map(|count| u64::try_from(count).unwrap_or(0));
        Ok(ReceivedLoad { of_host, bytes_of_host, bytes })
    }

    /// The oldest received activities whose time has come.
    pub async fn due_received(&self, now: Timestamp, limit: i64) -> Result<Vec<ReceivedActivity>, StoreError> {
        let rows: Vec<Row> = query(
            "SELECT seq, id, actor, body, attempts, at FROM received WHERE state = 'due' AND next_at <= $1
             ORDER BY seq LIMIT $2",
        )
        .bind(now.as_millisecond())
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(doing("read received activities"))?;
        Ok(rows
            .iter()
            .filter_map(|row| {
                Some(ReceivedActivity {
                    seq: row.get(0),
                    id: row.get(1),
                    actor: row.get(2),
                    body: row.get(3),
                    attempts: u32::try_from(row.get::<i64, _>(4)).ok()?,
                    at: Timestamp::from_second(row.get(5)).ok()?,
                })
            })
            .collect())
    }

    /// Notes what became of one; the body of what is done is not kept.
    pub async fn settle_received(
        &self,
        seq: i64,
        state: ReceivedState,
        outcome: &str,
        next_at: Timestamp,
    ) -> Result<(), StoreError> {
        query(
            "UPDATE received SET state = $2, outcome = $3, next_at = $4, attempts = attempts + 1,
             body = CASE WHEN $2 = 'due' THEN body ELSE $5 END WHERE seq = $1",
        )
        .bind(seq)
        .bind(state.as_str())
        .bind(outcome)
        .bind(next_at.as_millisecond())
        .bind(Vec::new())
        .execute(&self.write)
        .await
        .map(drop)
        .map_err(doing("settle a received activity"))
    }

    /// Forgets the ids of what was done long ago, and all but the newest `most`: a replay that old fails by its date.
    pub async fn forget_received(&self, before: Timestamp, most: i64) -> Result<u64, StoreError> {
        query(
            "DELETE FROM received WHERE state <> 'due'
             AND (at < $1 OR seq <= (SELECT MAX(seq) FROM received) - $2)",
        )
        .bind(before.as_second())
        .bind(most)
        .execute(&self.write)
        .await
        .map(|done| done.rows_affected())
        .map_err(doing("forget received activities"))
    }

    pub async fn keep_block(&self, name: &str, reason: Option<&str>, at: Timestamp) -> Result<(), StoreError> {
        query(
            "INSERT INTO block (name, reason, at) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET reason = COALESCE(excluded.reason, block.reason)",
        )
        .bind(name)
        .bind(reason)
        .bind(at.as_second())
        .execute(&self.write)
        .await
        .map(drop)
        .map_err(doing("keep a block"))
    }

    pub async fn drop_block(&self, name: &str) -> Result<bool, StoreError> {
        query("DELETE FROM block WHERE name = $1")
            .bind(name)
            .execute(&self.write)
            .await
            .map(|done| done.rows_affected() > 0)
            .map_err(doing("drop a block"))
    }

    pub async fn blocks(&self) -> Result<Vec<Block>, StoreError> {
        let rows: Vec<Row> = query("SELECT name, reason, at FROM block ORDER BY name")
            .fetch_all(&self.read)
            .await
            .map_err(doing("list blocks"))?;
        Ok(rows
            .iter()
            .filter_map(|row| {
                Some(Block { name: row.get(0), reason: row.get(1), at: Timestamp::from_second(row.get(2)).ok()? })
            })
            .collect())
    }

    /// Whether an actor, its host with or without the port, or a domain above its host is kept out.
    pub async fn is_blocked(&self, actor: Option<&str>, host: &str) -> Result<bool, StoreError> {
        let host = host.to_ascii_lowercase();
        let mut names = vec![host.clone()];
        let mut rest = host.as_str();
        if let Some((name, port)) = host.rsplit_once(':')
            && port.bytes().all(|byte| byte.is_ascii_digit())
        {
            names.push(name.to_owned());
            rest = name;
        }
        while let Some((_, above)) = rest.split_once('.') {
            names.push(above.to_owned());
            rest = above;
        }
        names.extend(actor.map(str::to_owned));
        for name in names {
            let found: Option<i64> = query_scalar("SELECT 1 FROM block WHERE name = $1")
                .bind(name)
                .fetch_optional(&self.read)
                .await
                .map_err(doing("look for a block"))?;
            if found.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conversation::tests::store;

    #[tokio::test]
    async fn what_waits_is_measured_and_only_so_many_ids_are_remembered() {
        let (store, _directory) = store().await;
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        for (host, count) in [("m.example", 3), ("n.example:8443", 2)] {
            for number in 1..=count {
                let actor = format!("https://{host}/users/bob");
                assert!(store.keep_received(&format!("{actor}/{number}"), &actor, b"12345", now).await.unwrap());
            }
        }
        let load = store.received_load("n.example:8443").await.unwrap();
        assert_eq!(load, ReceivedLoad { of_host: 2, bytes_of_host: 10, bytes: 25 });
        for received in store.due_received(now, 4).await.unwrap() {
            store.settle_received(received.seq, ReceivedState::Done, "done", now).await.unwrap();
        }
        assert_eq!(store.received_load("m.example").await.unwrap().of_host, 0);
        assert_eq!(store.forget_received(Timestamp::UNIX_EPOCH, 2).await.unwrap(), 3, "what waits is not forgotten");
        assert_eq!(store.due_received(now, 9).await.unwrap().len(), 1);
    }
}
