//! Who has what, who has it not and why: the rows of `reviewd deliveries`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::{DeliveryFilter, DeliveryRow, DeliveryState, Store, StoreError};

/// The state of a delivery that waits for a person, as the store writes it.
const HELD: &str = "held";
const HELD_SINCE_RESTORE: &str =
    "held since a backup was restored, because it may have been made: `reviewd apply` sends, `--quietly` does not";

/// Deliveries listed at most; `deliveries REVIEW` narrows them down.
const DELIVERIES_MAX: i64 = 10_000;

/// One copy of an activity, as `reviewd deliveries` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryView {
    /// The review's id, or what else the activity is about.
    pub review: String,
    pub activity: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub inbox: String,
    pub host: String,
    pub state: String,
    pub attempts: i64,
    pub last_status: Option<i64>,
    pub last_error: Option<String>,
    /// While it is due.
    pub next_at: Option<Timestamp>,
}

/// The rows of `reviewd deliveries`.
pub async fn deliveries(store: &Store, object: Option<&str>) -> Result<Vec<DeliveryView>, StoreError> {
    let rows = store.deliveries(object, DELIVERIES_MAX).await?;
    Ok(rows.into_iter().map(DeliveryView::from).collect())
}

/// A row of `reviewd deliveries`, with what it takes to go on from it and to send it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedDelivery {
    /// Newer ones have higher numbers.
    pub number: i64,
    /// The id of what the activity is about.
    pub object: String,
    pub view: DeliveryView,
}

/// Some of the rows of `reviewd deliveries`, newest first.
pub async fn deliveries_where(
    store: &Store,
    filter: &DeliveryFilter,
    limit: i64,
) -> Result<Vec<ListedDelivery>, StoreError> {
    let rows = store.deliveries_where(filter, limit).await?;
    let listed = |row: DeliveryRow| ListedDelivery { number: row.seq, object: row.object.clone(), view: row.into() };
    Ok(rows.into_iter().map(listed).collect())
}

impl From<DeliveryRow> for DeliveryView {
    fn from(row: DeliveryRow) -> Self {
        Self {
            // Held since a restore: due all the same, but nobody knows when.
            last_error: if row.state == HELD { Some(HELD_SINCE_RESTORE.to_owned()) } else { row.last_error },
            review: match row.is_feed {
                true => row.object.clone(),
                false => row.object.rsplit('/').next().unwrap_or(&row.object).to_owned(),
            },
            activity: row.activity,
            kind: row.kind,
            inbox: row.inbox,
            host: row.host,
            next_at: (row.state == "due").then(|| Timestamp::from_millisecond(row.next_at_ms).ok()).flatten(),
            state: if row.state == HELD { DeliveryState::Due.as_str().to_owned() } else { row.state },
            attempts: row.attempts,
            last_status: row.last_status,
        }
    }
}
