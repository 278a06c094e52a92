//! Accounts that live elsewhere now.

use super::{Outgoing, Store, StoreError, doing, outbox, sql::query};
use crate::domain::Handle;

impl Store {
    /// Where a reviewer's account went, if it moved.
    pub async fn moved_to(&self, reviewer: &Handle) -> Result<Option<String>, StoreError> {
        self.fact(&moved_fact(reviewer)).await
    }

    /// Remembers where an account went and tells its followers, in one transaction: servers check the one against the other.
    pub async fn move_away(&self, reviewer: &Handle, target: &str, words: &Outgoing) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        query("INSERT INTO fact (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
            .bind(moved_fact(reviewer))
            .bind(target)
            .execute(&mut *transaction)
            .await
            .map_err(doing("remember a move"))?;
        let deliveries = outbox::enqueue(&mut transaction, words).await?;
        transaction.commit().await.map_err(doing("commit a move"))?;
        Ok(deliveries)
    }
}

fn moved_fact(reviewer: &Handle) -> String {
    format!("moved {reviewer}")
}
