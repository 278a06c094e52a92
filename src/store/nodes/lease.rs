//! Leases of hosts: one node at a time carries to a host, whatever the order in which deliveries are committed.
//!
//! All moments are the database server's: a node's clock may be an hour off.

use std::time::Duration;

use crate::store::{Store, StoreError, doing, sql::query};

/// How long a lease lasts that is not renewed. A node that sleeps longer finds its lanes ended.
const LEASE: Duration = Duration::from_secs(30);
/// How often a node renews its leases.
pub const RENEW_LEASES_EVERY: Duration = Duration::from_secs(5);
/// How long after the last renewal its lanes may still begin something: an attempt takes less than what then remains.
pub const LEASES_HOLD: Duration = Duration::from_secs(15);

impl Store {
    /// Whether this node may carry to a host now; it has the host until [`Store::give_host_back`].
    pub async fn lease_host(&self, host: &str) -> Result<bool, StoreError> {
        let Some(node) = &self.node else { return Ok(true) };
        let leased = query(
            "INSERT INTO lease (host, node, until_ms)
             VALUES ($1, $2, CAST(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp()) * 1000 AS BIGINT) + $3)
             ON CONFLICT (host) DO UPDATE SET node = excluded.node, until_ms = excluded.until_ms
             WHERE lease.node = excluded.node OR lease.until_ms < excluded.until_ms - $3",
        )
        .bind(host)
        .bind(&*node.name)
        .bind(millis(LEASE))
        .execute(&self.read)
        .await
        .map_err(doing("lease a host"))?;
        Ok(leased.rows_affected() > 0)
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

    /// Renews what this node has. `false`: a newer version has changed the database, and this node is to carry nothing more.
    pub async fn renew_leases(&self) -> Result<bool, StoreError> {
        let Some(node) = &self.node else { return Ok(true) };
        if !self.is_of_this_version().await? {
            return Ok(false);
        }
        query(
            "UPDATE lease SET until_ms = CAST(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp()) * 1000 AS BIGINT) + $2
             WHERE node = $1",
        )
        .bind(&*node.name)
        .bind(millis(LEASE))
        .execute(&self.read)
        .await
        .map_err(doing("renew leases"))?;
        Ok(true)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
