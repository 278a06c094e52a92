//! Several nodes on one PostgreSQL database: which of them has a duty, which serves a host, and what one tells the others.
//!
//! A store in a file has one process: it has every duty, serves every host, and there is nobody to tell.

mod bell;
mod duty;
mod lease;

use std::sync::Arc;

use tokio::sync::mpsc;

pub use bell::Bell;
pub use duty::{Duty, OnDuty, Turn, TurnTaker};
pub use lease::{LEASES_HOLD, SIGN_OF_LIFE_EVERY};

use super::{
    SCHEMA, Store, StoreError, doing,
    sql::{Transaction, query, query_scalar},
};

/// The fact that names the node whose decisions count: it took the duty last.
const DECIDES: &str = "deciding node";
/// What the facts begin with that hold public keys.
const PUBLIC_KEY: &str = "public key of ";

/// This node among others.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Unique for each start.
    name: Arc<str>,
    /// What the others have not been told yet.
    bells: mpsc::UnboundedSender<Bell>,
    /// Taken by whoever carries them.
    unsent: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Bell>>>,
}

impl Node {
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only a server has several nodes"))]
    pub(super) fn new(name: String) -> Self {
        let (bells, unsent) = mpsc::unbounded_channel();
        Self { name: name.into(), bells, unsent: Arc::new(tokio::sync::Mutex::new(unsent)) }
    }
}

impl Store {
    /// Whether other nodes may work on the same database.
    pub fn is_shared(&self) -> bool {
        self.node.is_some()
    }

    /// A fact that all nodes have in common: the first one to say it decides. Returns what it is.
    pub async fn settle_fact(&self, name: &str, value: &str) -> Result<String, StoreError> {
        query("INSERT INTO fact (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(name)
            .bind(value)
            .execute(&self.write)
            .await
            .map_err(doing("settle a fact"))?;
        Ok(self.fact(name).await?.unwrap_or_else(|| value.to_owned()))
    }

    /// The public key with which all nodes speak for somebody: the first one to say it decides.
    pub async fn settle_public_key(&self, of: &str, pem: &str) -> Result<String, StoreError> {
        self.settle_fact(&format!("{PUBLIC_KEY}{of}"), pem).await
    }

    /// The key was made anew: the node that has it decides at its next start.
    pub async fn forget_public_key(&self, of: &str) -> Result<(), StoreError> {
        self.forget_fact(&format!("{PUBLIC_KEY}{of}")).await
    }

    /// Whether the database is still as this program writes it.
    pub(super) async fn is_of_this_version(&self) -> Result<bool, StoreError> {
        let found: i64 = query_scalar("SELECT COALESCE(MAX(step), 0) FROM schema_step")
            .fetch_one(&self.read)
            .await
            .map_err(doing("read the schema's version"))?;
        Ok(found <= SCHEMA)
    }

    /// From now on only this node's decisions are kept.
    async fn decide_from_now_on(&self) -> Result<(), StoreError> {
        let Some(node) = &self.node else { return Ok(()) };
        self.remember_fact(DECIDES, &node.name).await
    }

    /// Refuses a decision of a node that another has taken over from: it may have slept, or been cut off from the server,
    /// since it read what it decides on.
    pub(super) async fn still_decides(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let Some(node) = &self.node else { return Ok(()) };
        let decides: Option<String> = query_scalar("SELECT value FROM fact WHERE name = $1")
            .bind(DECIDES)
            .fetch_optional(&mut **transaction)
            .await
            .map_err(doing("ask which node decides"))?;
        match decides {
            Some(other) if *other != *node.name => Err(StoreError::TakenOver),
            Some(_) | None => Ok(()),
        }
    }
}
