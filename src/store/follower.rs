//! Who follows whom, and who is kept out.

use super::{
    Bell, Outgoing, Store, StoreError, answer, doing, outbox,
    sql::{Row, Transaction, query, query_scalar},
};
use crate::domain::Handle;
use jiff::Timestamp;

/// Where a follow stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowState {
    Accepted,
    /// Waits for `reviewd followers approve`.
    Waiting,
}

/// Somebody who follows a reviewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follower {
    pub reviewer: Handle,
    pub actor: String,
    pub inbox: String,
    pub shared_inbox: Option<String>,
    /// The id of the Follow, for its Accept or Reject.
    pub follow_id: String,
    pub state: FollowState,
    /// Takes a `Review` instead of the `Note`.
    pub bookwyrm: bool,
    pub since: Timestamp,
}

impl FollowState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Waiting => "waiting",
        }
    }

    fn parse(text: &str) -> Self {
        if text == "accepted" { Self::Accepted } else { Self::Waiting }
    }
}

impl Store {
    /// Writes a follow and the answer to it in one transaction: the follower is kept if and only if the Accept is on its way.
    pub async fn keep_follower(&self, follower: &Follower, answers: &[Outgoing]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        write(&mut transaction, follower, answers).await?;
        transaction.commit().await.map_err(doing("commit a follower"))
    }

    /// Accepts a follow that waits, with the Accept, in one transaction.
    pub async fn approve_follower(&self, follower: &Follower, answers: &[Outgoing]) -> Result<(), StoreError> {
        self.keep_follower(&Follower { state: FollowState::Accepted, ..follower.clone() }, answers).await
    }

    /// Takes a follower off the list, with what is to be said to them.
    pub async fn drop_follower(&self, reviewer: &Handle, actor: &str, words: &[Outgoing]) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let gone = query("DELETE FROM follower WHERE reviewer = $1 AND actor = $2")
            .bind(reviewer.as_str())
            .bind(actor)
            .execute(&mut *transaction)
            .await
            .map_err(doing("drop a follower"))?
            .rows_affected();
        for outgoing in words {
            outbox::enqueue(&mut transaction, outgoing).await?;
        }
        transaction.commit().await.map_err(doing("commit a dropped follower"))?;
        Ok(gone > 0)
    }

    /// Ends a reviewer's account: the Delete goes to everyone ever reached, nobody follows any more, and the end is remembered.
    pub async fn retire(&self, reviewer: &Handle, words: &Outgoing, at: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        query(
            "UPDATE delivery SET state = 'superseded' WHERE state IN ('due', 'held') AND activity IN
             (SELECT seq FROM activity WHERE reviewer = $1)",
        )
        .bind(reviewer.as_str())
        .execute(&mut *transaction)
        .await
        .map_err(doing("supersede what waits"))?;
        let deliveries = outbox::enqueue(&mut transaction, words).await?;
        query("DELETE FROM follower WHERE reviewer = $1")
            .bind(reviewer.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(doing("drop the followers"))?;
        query("INSERT INTO fact (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(retired_fact(reviewer))
            .bind(at.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(doing("remember a retirement"))?;
        transaction.commit().await.map_err(doing("commit a retirement"))?;
        Ok(deliveries)
    }

    /// Whether a reviewer's account was ended, for ever.
    pub async fn is_retired(&self, reviewer: &Handle) -> Result<bool, StoreError> {
        Ok(self.fact(&retired_fact(reviewer)).await?.is_some())
    }

    /// Whether anything by a reviewer is still on its way.
    pub async fn has_mail_of(&self, reviewer: &Handle) -> Result<bool, StoreError> {
        let found: Option<i64> = query_scalar(
            "SELECT 1 FROM delivery JOIN activity ON activity.seq = delivery.activity
             WHERE delivery.state = 'due' AND activity.reviewer = $1 LIMIT 1",
        )
        .bind(reviewer.as_str())
        .fetch_optional(&self.read)
        .await
        .map_err(doing("look for mail under way"))?;
        Ok(found.is_some())
    }

    /// An account that is gone follows nobody any more.
    pub async fn drop_follower_everywhere(&self, actor: &str) -> Result<u64, StoreError> {
        query("DELETE FROM follower WHERE actor = $1")
            .bind(actor)
            .execute(&self.write)
            .await
            .map(|done| done.rows_affected())
            .map_err(doing("drop an account's follows"))
    }

    pub async fn follower(&self, reviewer: &Handle, actor: &str) -> Result<Option<Follower>, StoreError> {
        let rows = self.followers_where(Some(reviewer), Some(actor)).await?;
        Ok(rows.into_iter().next())
    }

    /// All followers, or one reviewer's, the newest last.
    pub async fn followers(&self, reviewer: Option<&Handle>) -> Result<Vec<Follower>, StoreError> {
        self.followers_where(reviewer, None).await
    }

    async fn followers_where(
        &self,
        reviewer: Option<&Handle>,
        actor: Option<&str>,
    ) -> Result<Vec<Follower>, StoreError> {
        let rows: Vec<Row> = query(
            "SELECT reviewer, actor, inbox, shared_inbox, follow_id, state, bookwyrm, since FROM follower
             WHERE ($1 IS NULL OR reviewer = $1) AND ($2 IS NULL OR actor = $2) ORDER BY since, actor",
        )
        .bind(reviewer.map(Handle::as_str))
        .bind(actor)
        .fetch_all(&self.read)
        .await
        .map_err(doing("list followers"))?;
        Ok(rows
            .iter()
            .filter_map(|row| {
                Some(Follower {
                    reviewer: Handle::parse(&row.get::<String, _>(0)).ok()?,
                    actor: row.get(1),
                    inbox: row.get(2),
                    shared_inbox: row.get(3),
                    follow_id: row.get(4),
                    state: FollowState::parse(&row.get::<String, _>(5)),
                    bookwyrm: row.get(6),
                    since: Timestamp::from_second(row.get(7)).ok()?,
                })
            })
            .collect())
    }

    pub async fn count_followers(&self, reviewer: &Handle) -> Result<u64, StoreError> {
        let count: i64 = query_scalar("SELECT COUNT(*) FROM follower WHERE reviewer = $1 AND state = 'accepted'")
            .bind(reviewer.as_str())
            .fetch_one(&self.read)
            .await
            .map_err(doing("count followers"))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// What a trial on loopback told its own machine means nothing under a real name.
    pub async fn forget_trial(&self) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for statement in [
            "DELETE FROM follower",
            "DELETE FROM follower_day",
            "DELETE FROM delivery",
            "DELETE FROM activity",
            "DELETE FROM received",
            "DELETE FROM reply",
            "DELETE FROM reaction",
            "DELETE FROM gone",
            "DELETE FROM report",
            "DELETE FROM crawl",
            "DELETE FROM websub_subscription",
        ] {
            query(statement).execute(&mut *transaction).await.map_err(doing("forget a trial"))?;
        }
        answer::forget_trial(&mut transaction).await?;
        transaction.commit().await.map_err(doing("commit a forgotten trial"))
    }

    /// A message that follows from no ledger change: an Accept, a Reject, an Update of the profile.
    pub async fn post(&self, outgoing: &[Outgoing]) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let mut deliveries = 0;
        for one in outgoing {
            deliveries += outbox::enqueue(&mut transaction, one).await?;
        }
        transaction.commit().await.map_err(doing("commit a message"))?;
        self.ring(Bell::Work);
        Ok(deliveries)
    }
}

/// Writes a follow, and what is said to it.
pub(super) async fn write(
    transaction: &mut Transaction,
    follower: &Follower,
    answers: &[Outgoing],
) -> Result<(), StoreError> {
    query(
        "INSERT INTO follower (reviewer, actor, inbox, shared_inbox, follow_id, state, bookwyrm, since)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (reviewer, actor) DO UPDATE SET inbox = excluded.inbox, shared_inbox = excluded.shared_inbox,
         follow_id = excluded.follow_id, bookwyrm = excluded.bookwyrm,
         state = CASE WHEN follower.state = 'accepted' THEN follower.state ELSE excluded.state END,
         since = follower.since",
    )
    .bind(follower.reviewer.as_str())
    .bind(&follower.actor)
    .bind(&follower.inbox)
    .bind(follower.shared_inbox.as_ref())
    .bind(&follower.follow_id)
    .bind(follower.state.as_str())
    .bind(follower.bookwyrm)
    .bind(follower.since.as_second())
    .execute(&mut **transaction)
    .await
    .map_err(doing("keep a follower"))?;
    for answer in answers {
        outbox::enqueue(transaction, answer).await?;
    }
    Ok(())
}

fn retired_fact(reviewer: &Handle) -> String {
    format!("retired {reviewer}")
}
