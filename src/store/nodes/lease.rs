//! Leases of hosts: one node at a time carries to a host, whatever the order in which deliveries are committed.
//!
//! A lease is good while its node lives: while it says so now and then, and holds a lock that the server takes from it the
//! moment its connection breaks. All moments are the database server's: a node's clock may be an hour off.

use std::{collections::HashSet, time::Duration};

use super::{Node, duty::Hold};
use crate::store::{
    Store, StoreError, doing,
    sql::{QueryBuilder, query},
};

/// How long others wait for a node that has fallen silent while its connection stands, before they take its hosts.
const SILENCE: Duration = Duration::from_secs(60);
/// How often a node says that it lives.
pub const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(5);
/// For how long after that its lanes may begin something: an attempt, which is two knocks at most, takes less than what then
/// remains of `SILENCE`.
pub const LEASES_HOLD: Duration = Duration::from_secs(20);
/// Nodes that fell silent so long ago are forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(24 * 3600);

impl Store {
    /// Says that this node lives, and its leases with it. `false`: a newer version has changed the database, and this node
    /// is to carry nothing more.
    ///
    /// `life` is the lock; it is taken anew where it was lost.
    pub async fn say_alive(&self, life: &mut Option<Hold>) -> Result<bool, StoreError> {
        let Some(node) = &self.node else { return Ok(true) };
        if !self.is_of_this_version().await? {
            self.say_farewell().await?;
            return Ok(false);
        }
        match life {
            Some(hold) => {
                if let Err(error) = hold.prove().await {
                    *life = None;
                    return Err(error);
                }
            }
            None => *life = self.take_life(node).await?,
        }
        query(
            "INSERT INTO node (name, until_ms)
             VALUES ($1, CAST(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp()) * 1000 AS BIGINT) + $2)
             ON CONFLICT (name) DO UPDATE SET until_ms = excluded.until_ms",
        )
        .bind(&*node.name)
        .bind(millis(SILENCE))
        .execute(&self.read)
        .await
        .map_err(doing("say that this node lives"))?;
        Ok(true)
    }

    /// This node carries nothing more: others may have its hosts at once.
    pub async fn say_farewell(&self) -> Result<(), StoreError> {
        let Some(node) = &self.node else { return Ok(()) };
        query(
            "DELETE FROM node WHERE name = $1
             OR until_ms < CAST(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp()) * 1000 AS BIGINT) - $2",
        )
        .bind(&*node.name)
        .bind(millis(FORGET_AFTER))
        .execute(&self.read)
        .await
        .map(drop)
        .map_err(doing("say that this node ends"))
    }

    /// A lock that nobody else wants and everybody can see: whose name it has lives.
    #[cfg(feature = "postgres")]
    async fn take_life(&self, node: &Node) -> Result<Option<Hold>, StoreError> {
        let Some(mut connection) = self.connection_apart().await? else { return Ok(None) };
        sqlx::query("SELECT pg_advisory_lock(hashtextextended($1, 7247))")
            .bind(&*node.name)
            .execute(&mut connection)
            .await
            .map_err(doing("say that this node lives"))?;
        Ok(Some(Hold::of(connection)))
    }

    #[cfg(not(feature = "postgres"))]
    #[allow(clippy::unused_async, reason = "as with a server")]
    async fn take_life(&self, _node: &Node) -> Result<Option<Hold>, StoreError> {
        Ok(None)
    }

    /// Those of the hosts to which this node may carry; it has them until [`Store::give_host_back`].
    pub async fn lease_hosts<'h>(&self, hosts: &[&'h str]) -> Result<HashSet<&'h str>, StoreError> {
        let Some(node) = &self.node else { return Ok(hosts.iter().copied().collect()) };
        let leased: HashSet<String> = self.take_leases(node, hosts).await?.into_iter().collect();
        Ok(hosts.iter().copied().filter(|host| leased.contains(*host)).collect())
    }

    async fn take_leases(&self, node: &Node, hosts: &[&str]) -> Result<Vec<String>, StoreError> {
        if hosts.is_empty() {
            return Ok(Vec::new());
        }
        // Every node in the same order: two that want the same hosts do not wait for each other for ever.
        let mut hosts = hosts.to_vec();
        hosts.sort_unstable();
        let mut query = QueryBuilder::new("INSERT INTO lease (host, node) ");
        query.push_values(hosts, |mut row, host| {
            row.push_bind(host.to_owned()).push_bind(node.name.to_string());
        });
        query.push(
            " ON CONFLICT (host) DO UPDATE SET node = excluded.node WHERE lease.node = excluded.node
              OR NOT EXISTS (
                SELECT 1 FROM node JOIN pg_catalog.pg_locks ON pg_locks.locktype = 'advisory' AND pg_locks.objsubid = 1
                  AND (CAST(pg_locks.classid AS BIGINT) << 32) | CAST(pg_locks.objid AS BIGINT)
                      = pg_catalog.hashtextextended(node.name, 7247)
                WHERE node.name = lease.node
                  AND node.until_ms > CAST(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp()) * 1000 AS BIGINT))
              RETURNING host",
        );
        query.build_query_scalar().fetch_all(&self.read).await.map_err(doing("lease hosts"))
    }

    /// Others may carry to it at once.
    pub async fn give_host_back(&self, host: &str) -> Result<(), StoreError> {
        let Some(node) = &self.node else { return Ok(()) };
        query("DELETE FROM lease WHERE host = $1 AND node = $2")
            .bind(host)
            .bind(&*node.name)
            .execute(&self.read)
            .await
            .map(drop)
            .map_err(doing("give a host back"))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
