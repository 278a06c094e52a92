//! The durable inbox: what was answered with 202 is on the disk, and is worked through once.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    Bell, Follower, Outgoing, Store, StoreError, doing, follower, outbox, reaction,
    sql::{QueryBuilder, Row, Transaction, in_parts, query, query_as, query_scalar},
};
use crate::domain::{Handle, Reaction, ReviewId};
use jiff::Timestamp;

/// Names that one statement asks for or writes at most: far below what SQLite (32,766) and PostgreSQL (65,535) bind.
const NAMES_PER_QUERY: usize = 500;

/// A verified activity on its way to the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The activity's id, or what stands for it.
    pub id: String,
    pub actor: String,
    pub body: Vec<u8>,
    pub at: Timestamp,
}

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

/// How much of one host waits to be worked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HostLoad {
    pub activities: u64,
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

/// What became of one activity, to be noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub seq: i64,
    pub state: ReceivedState,
    /// In words, for people.
    pub outcome: String,
    /// When it is tried again, where it is still due.
    pub next_at: Timestamp,
}

const STORING: &str = "store received activities";

/// What follows from an activity.
#[derive(Debug, Clone)]
pub enum Deed {
    Nothing,
    React(Reaction),
    /// With the answer to it.
    Follow(Box<(Follower, Outgoing)>),
}

/// An activity that is worked through: what follows from it, and that in words.
#[derive(Debug, Clone)]
pub struct Finished {
    pub deed: Deed,
    pub outcome: String,
}

/// Activities that were worked through together: what follows from them, and that it did.
#[derive(Debug, Clone, Default)]
pub struct Worked {
    pub deeds: Vec<Deed>,
    pub settled: Vec<Settled>,
}

/// What is kept out, as last read, and how often this process changed it.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    version: AtomicU64,
    names: Mutex<Option<(u64, Arc<HashSet<String>>)>>,
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
        let arrival = Arrival { id: id.to_owned(), actor: actor.to_owned(), body: body.to_vec(), at };
        Ok(!self.keep_all_received(&[(arrival, None)]).await?.is_empty())
    }

    /// Puts verified activities on the disk, all of them or none; the ids of those that were not there already.
    ///
    /// Of what is finished the deed is done in the same transaction, if the activity is new; the rest waits to be worked
    /// through.
    pub async fn keep_all_received(
        &self,
        arrivals: &[(Arrival, Option<Finished>)],
    ) -> Result<HashSet<String>, StoreError> {
        if arrivals.is_empty() {
            return Ok(HashSet::new());
        }
        let mut transaction = self.begin().await?;
        let mut new = HashSet::new();
        for part in in_parts(arrivals) {
            let kept = insert(part).build().execute(&mut *transaction).await.map_err(doing(STORING))?;
            match kept.rows_affected() == part.len() as u64 {
                true => new.extend(part.iter().map(|(one, _)| one.id.clone())),
                // Which of them were there already? Once more, one by one: no flood is made of replays.
                false => {
                    drop(transaction);
                    return self.keep_each_received(arrivals).await;
                }
            }
        }
        self.finish_received(transaction, arrivals, new).await
    }

    /// The same where some were there already.
    async fn keep_each_received(
        &self,
        arrivals: &[(Arrival, Option<Finished>)],
    ) -> Result<HashSet<String>, StoreError> {
        let mut transaction = self.begin().await?;
        let mut new = HashSet::new();
        for one in arrivals {
            let kept = insert(std::slice::from_ref(one)).build().execute(&mut *transaction).await;
            if kept.map_err(doing(STORING))?.rows_affected() > 0 {
                new.insert(one.0.id.clone());
            }
        }
        self.finish_received(transaction, arrivals, new).await
    }

    /// Does the deeds of what is new, and commits.
    async fn finish_received(
        &self,
        mut transaction: Transaction,
        arrivals: &[(Arrival, Option<Finished>)],
        new: HashSet<String>,
    ) -> Result<HashSet<String>, StoreError> {
        let mut fresh = new.clone();
        let is_new = |(arrival, _): &&(Arrival, Option<Finished>)| fresh.remove(&arrival.id);
        let (finished, due): (Vec<_>, Vec<_>) =
            arrivals.iter().filter(is_new).partition(|(_, finished)| finished.is_some());
        let deeds: Vec<&Deed> = finished.iter().filter_map(|(_, finished)| Some(&finished.as_ref()?.deed)).collect();
        let talked = write_deeds(&mut transaction, &deeds).await?;
        transaction.commit().await.map_err(doing("commit received activities"))?;
        if !talked.is_empty() {
            self.talk_changed(talked);
        }
        if !due.is_empty() {
            self.ring(Bell::Work);
        }
        Ok(new)
    }

    /// What waits to be worked through, by host.
    pub async fn received_waiting(&self) -> Result<HashMap<String, HostLoad>, StoreError> {
        let rows: Vec<(String, i64, i64)> = query_as(
            "SELECT host, COUNT(*), CAST(SUM(LENGTH(body)) AS BIGINT) FROM received WHERE state = 'due' GROUP BY host",
        )
        .fetch_all(&self.read)
        .await
        .map_err(doing("measure what waits in the inbox"))?;
        let count = |count: i64| u64::try_from(count).unwrap_or(0);
        let load = |(host, activities, bytes)| (host, HostLoad { activities: count(activities), bytes: count(bytes) });
        Ok(rows.into_iter().map(load).collect())
    }

    /// The received activities whose time came first, as they came in.
    pub async fn due_received(&self, now: Timestamp, limit: i64) -> Result<Vec<ReceivedActivity>, StoreError> {
        let rows: Vec<Row> = query(
            "SELECT seq, id, actor, body, attempts, at FROM received WHERE state = 'due' AND next_at <= $1
             ORDER BY next_at, seq LIMIT $2",
        )
        .bind(now.as_millisecond())
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(doing("read received activities"))?;
        let read = |row: &Row| {
            Some(ReceivedActivity {
                seq: row.get(0),
                id: row.get(1),
                actor: row.get(2),
                body: row.get(3),
                attempts: u32::try_from(row.get::<i64, _>(4)).ok()?,
                at: Timestamp::from_second(row.get(5)).ok()?,
            })
        };
        let mut due: Vec<ReceivedActivity> = rows.iter().filter_map(read).collect();
        due.sort_by_key(|one| one.seq);
        Ok(due)
    }

    /// Notes what became of one; the body of what is done is not kept.
    pub async fn settle_received(&self, settled: &Settled) -> Result<(), StoreError> {
        query(
            "UPDATE received SET state = $2, outcome = $3, next_at = $4, attempts = attempts + 1,
             body = CASE WHEN $2 = 'due' THEN body ELSE $5 END WHERE seq = $1",
        )
        .bind(settled.seq)
        .bind(settled.state.as_str())
        .bind(&settled.outcome)
        .bind(settled.next_at.as_millisecond())
        .bind(Vec::new())
        .execute(&self.write)
        .await
        .map(drop)
        .map_err(doing("settle a received activity"))
    }

    /// Writes what follows from activities together with the fact that it did, in one transaction: after a crash all of them
    /// are worked through again, or none.
    pub async fn keep_worked(&self, worked: &Worked) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let talked = write_deeds(&mut transaction, &worked.deeds.iter().collect::<Vec<_>>()).await?;
        // Floods are alike: one statement for each outcome.
        let mut alike: HashMap<(&str, &str, i64), Vec<i64>> = HashMap::new();
        for one in &worked.settled {
            let key = (one.state.as_str(), one.outcome.as_str(), one.next_at.as_millisecond());
            alike.entry(key).or_default().push(one.seq);
        }
        for ((state, outcome, next_at), seqs) in alike {
            let mut query = QueryBuilder::new("UPDATE received SET attempts = attempts + 1, state = ");
            query.push_bind(state).push(", outcome = ").push_bind(outcome).push(", next_at = ").push_bind(next_at);
            if state != ReceivedState::Due.as_str() {
                query.push(", body = ").push_bind(Vec::<u8>::new());
            }
            query.push(" WHERE seq IN (");
            query.push_list(seqs);
            query.build().execute(&mut *transaction).await.map_err(doing("settle received activities"))?;
        }
        transaction.commit().await.map_err(doing("commit what was received"))?;
        if !talked.is_empty() {
            self.talk_changed(talked);
        }
        Ok(())
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

    /// Hosts showed a sign of life: what waits for them is due at once. `false` when none of them was failing.
    pub async fn revive_hosts(&self, hosts: &[&str], now: Timestamp) -> Result<bool, StoreError> {
        let mut revived = false;
        for part in hosts.chunks(NAMES_PER_QUERY) {
            let mut query = QueryBuilder::new("SELECT name FROM host WHERE (failures > 0 OR dead) AND name IN (");
            query.push_list(part.iter().copied());
            let query = query.build_query_scalar();
            let failing: Vec<String> = query.fetch_all(&self.read).await.map_err(doing("look hosts up"))?;
            for host in failing {
                revived |= self.revive_host(&host, now).await?;
            }
        }
        Ok(revived)
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
        .map_err(doing("keep a block"))?;
        self.blocks.changed();
        Ok(())
    }

    pub async fn drop_block(&self, name: &str) -> Result<bool, StoreError> {
        let dropped = query("DELETE FROM block WHERE name = $1").bind(name).execute(&self.write).await;
        let dropped = dropped.map_err(doing("drop a block"))?;
        self.blocks.changed();
        Ok(dropped.rows_affected() > 0)
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
        Ok(!self.blocked_among(&names_of(actor, host)).await?.is_empty())
    }

    /// Everything that is kept out. Remembered where no other node can change it: it is asked for with every activity.
    async fn blocked(&self) -> Result<Arc<HashSet<String>>, StoreError> {
        let version = self.blocks.version.load(Ordering::Acquire);
        if !self.is_shared()
            && let Some((known, names)) = &*self.blocks.lock()
            && *known == version
        {
            return Ok(Arc::clone(names));
        }
        let names: Vec<String> =
            query_scalar("SELECT name FROM block").fetch_all(&self.read).await.map_err(doing("list blocks"))?;
        let names = Arc::new(HashSet::from_iter(names));
        *self.blocks.lock() = Some((version, Arc::clone(&names)));
        Ok(names)
    }

    /// Which of these actors, hosts and domains are kept out.
    pub async fn blocked_among(&self, names: &BTreeSet<String>) -> Result<HashSet<String>, StoreError> {
        let blocked = self.blocked().await?;
        Ok(match blocked.is_empty() {
            true => HashSet::new(),
            false => names.iter().filter(|name| blocked.contains(*name)).cloned().collect(),
        })
    }

    /// Whether nobody is kept out.
    pub async fn blocks_nobody(&self) -> Result<bool, StoreError> {
        Ok(self.blocked().await?.is_empty())
    }
}

impl Blocks {
    fn changed(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Option<(u64, Arc<HashSet<String>>)>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those whose ids are not there yet.
fn insert(arrivals: &[(Arrival, Option<Finished>)]) -> QueryBuilder<'_> {
    let mut query =
        QueryBuilder::new("INSERT INTO received (id, actor, host, body, at, state, attempts, outcome, next_at) ");
    query.push_values(arrivals, |mut row, (one, finished)| {
        let (state, body) = match finished {
            Some(_) => (ReceivedState::Done, [].as_slice()),
            None => (ReceivedState::Due, one.body.as_slice()),
        };
        row.push_bind(one.id.as_str())
            .push_bind(one.actor.as_str())
            .push_bind(outbox::host_of(&one.actor).unwrap_or_default())
            .push_bind(body)
            .push_bind(one.at.as_second())
            .push_bind(state.as_str())
            .push_bind(i64::from(finished.is_some()))
            .push_bind(finished.as_ref().map(|finished| finished.outcome.as_str()))
            .push_bind(one.at.as_millisecond());
    });
    query.push(" ON CONFLICT (id) DO NOTHING");
    query
}

/// Does what activities ask for, and says under which reviews that changes anything.
async fn write_deeds(
    transaction: &mut Transaction,
    deeds: &[&Deed],
) -> Result<HashSet<(Handle, ReviewId)>, StoreError> {
    let mut reactions = Vec::new();
    for deed in deeds {
        match deed {
            Deed::Nothing => {}
            Deed::React(reaction) => reactions.push(reaction),
            Deed::Follow(follow) => {
                let (follower, answer) = &**follow;
                follower::write(transaction, follower, std::slice::from_ref(answer)).await?;
            }
        }
    }
    reaction::write(transaction, &reactions).await
}

/// What a block may say to mean this actor: its id, its host with or without the port, or a domain above it.
pub fn names_of(actor: Option<&str>, host: &str) -> BTreeSet<String> {
    let host = host.to_ascii_lowercase();
    let mut rest = host.as_str();
    let mut names: BTreeSet<String> = actor.map(str::to_owned).into_iter().collect();
    if let Some((name, port)) = host.rsplit_once(':')
        && port.bytes().all(|byte| byte.is_ascii_digit())
    {
        names.insert(name.to_owned());
        rest = name;
    }
    while let Some((_, above)) = rest.split_once('.') {
        names.insert(above.to_owned());
        rest = above;
    }
    names.insert(host);
    names
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
        let waiting = store.received_waiting().await.unwrap();
        assert_eq!(waiting["m.example"], HostLoad { activities: 3, bytes: 15 });
        assert_eq!(waiting["n.example:8443"], HostLoad { activities: 2, bytes: 10 });
        for received in store.due_received(now, 4).await.unwrap() {
            let outcome = "done".to_owned();
            let settled = Settled { seq: received.seq, state: ReceivedState::Done, outcome, next_at: now };
            store.settle_received(&settled).await.unwrap();
        }
        assert_eq!(store.received_waiting().await.unwrap().get("m.example"), None);
        assert_eq!(store.forget_received(Timestamp::UNIX_EPOCH, 2).await.unwrap(), 3, "what waits is not forgotten");
        assert_eq!(store.due_received(now, 9).await.unwrap().len(), 1);
    }
}
