//! Activities in their final form and one delivery row for each distinct inbox, written with the decision they follow from.

use std::collections::BTreeSet;

use jiff::Timestamp;
use url::Url;

use super::{
    Store, StoreError, doing,
    sql::{QueryBuilder, Transaction, in_parts, query, query_as, query_scalar},
};
use crate::domain::{
    Handle, RemoteActor,
    message::{Audience, Kind, Message},
};

/// A message with whom it is for; the inboxes are looked up inside the transaction that writes it.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub reviewer: Handle,
    pub message: Message,
    pub to: Recipients,
    pub at: Timestamp,
}

/// Who gets a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipients {
    /// Accepted followers, one copy for each distinct inbox; the message's audience chooses among them.
    Followers,
    /// Accepted followers of every kind: what is said to them has one wording.
    AllFollowers,
    /// Followers, and every inbox that an activity about the same object was ever addressed to in the same wording.
    Reached,
    /// The same in any wording: a Delete says the same to all.
    EveryoneReached,
    /// Every inbox that anything by this reviewer was ever addressed to: an account that ends says so to all.
    EveryoneEver,
    /// One inbox, as it stands.
    Inbox(String),
    /// Those who take part in a conversation: these inboxes, every one that an activity about the same object was ever
    /// addressed to, and followers where they may see it.
    Conversation { inboxes: Vec<String>, followers: bool },
}

/// Where one copy of an activity stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    Due,
    Delivered,
    Refused,
    GivenUp,
    /// A newer Update or a Delete overtook it before it left.
    Superseded,
    /// It was due in a backup that was restored: the original may have made it since, so a person decides.
    Held,
}

/// What `reviewd deliveries` shows of one copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    pub seq: i64,
    pub activity: String,
    pub kind: String,
    /// The object is a feed, and this goes to a WebSub callback or hub.
    pub is_feed: bool,
    pub object: String,
    pub inbox: String,
    pub host: String,
    pub state: String,
    pub attempts: i64,
    pub last_status: Option<i64>,
    pub last_error: Option<String>,
    pub next_at_ms: i64,
}

impl DeliveryState {
    pub const ALL: [Self; 6] = [Self::Due, Self::Delivered, Self::Refused, Self::GivenUp, Self::Superseded, Self::Held];

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::GivenUp => "given_up",
            Self::Superseded => "superseded",
            Self::Held => "held",
        }
    }
}

/// An activity as it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredActivity {
    pub id: String,
    pub kind: String,
    /// The id of what it is about.
    pub object: String,
    /// JSON, the very bytes that are sent.
    pub body: Vec<u8>,
}

impl Store {
    /// Everything a reviewer ever said to followers, oldest first, without the wordings for single programs.
    pub async fn activities(&self, reviewer: &Handle) -> Result<Vec<StoredActivity>, StoreError> {
        let rows: Vec<(String, String, String, Vec<u8>)> =
            query_as("SELECT id, kind, object, body FROM activity WHERE reviewer = $1 AND audience = $2 ORDER BY seq")
                .bind(reviewer.as_str())
                .bind(Audience::Everyone.as_str())
                .fetch_all(&self.read)
                .await
                .map_err(doing("list the activities"))?;
        Ok(rows.into_iter().map(|(id, kind, object, body)| StoredActivity { id, kind, object, body }).collect())
    }

    /// Whether followers were ever told that this object came to be.
    pub async fn was_announced(&self, object: &str) -> Result<bool, StoreError> {
        let count: i64 = query_scalar("SELECT COUNT(*) FROM activity WHERE object = $1 AND kind = $2")
            .bind(object)
            .bind(Kind::Create.as_str())
            .fetch_one(&self.read)
            .await
            .map_err(doing("look whether a review was announced"))?;
        Ok(count > 0)
    }
}

/// Writes the activity, its deliveries, and what they supersede. Returns the number of deliveries.
pub(super) async fn enqueue(transaction: &mut Transaction, outgoing: &Outgoing) -> Result<u64, StoreError> {
    let message = &outgoing.message;
    let mut inboxes: BTreeSet<String> = inboxes(transaction, outgoing).await?.into_iter().collect();
    inboxes.extend(inboxes_of_talkers(transaction, outgoing).await?);
    if inboxes.is_empty() && message.audience == Audience::BookWyrm {
        // A second wording that nobody would get is not kept.
        return Ok(0);
    }
    let seq: i64 = query_scalar(
        "INSERT INTO activity (id, reviewer, kind, object, audience, body, created) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING seq",
    )
    .bind(&message.id)
    .bind(outgoing.reviewer.as_str())
    .bind(message.kind.as_str())
    .bind(&message.object)
    .bind(message.audience.as_str())
    .bind(&message.body)
    .bind(outgoing.at.as_second())
    .fetch_one(&mut **transaction)
    .await
    .map_err(doing("store an activity"))?;
    supersede(transaction, message, seq).await?;
    add_deliveries(transaction, seq, &inboxes, outgoing.at).await
}

/// One delivery for each inbox. Returns how many there are.
async fn add_deliveries(
    transaction: &mut Transaction,
    activity: i64,
    inboxes: &BTreeSet<String>,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let addressed: Vec<(&String, String)> = inboxes.iter().filter_map(|inbox| Some((inbox, host_of(inbox)?))).collect();
    let mut deliveries = 0;
    for some in in_parts(&addressed) {
        let mut query = QueryBuilder::new("INSERT INTO delivery (activity, inbox, host, state, next_at) ");
        query.push_values(some, |mut values, (inbox, host)| {
            values.push_bind(activity).push_bind(*inbox).push_bind(host.as_str()).push_bind("due");
            values.push_bind(at.as_millisecond());
        });
        query.push(" ON CONFLICT (activity, inbox) DO NOTHING");
        let stored = query.build().execute(&mut **transaction).await.map_err(doing("store the deliveries"))?;
        deliveries += stored.rows_affected();
    }
    Ok(deliveries)
}

async fn inboxes(transaction: &mut Transaction, outgoing: &Outgoing) -> Result<Vec<String>, StoreError> {
    let message = &outgoing.message;
    let bookwyrm = message.audience == Audience::BookWyrm;
    match &outgoing.to {
        Recipients::Followers => query_scalar(
            "SELECT DISTINCT COALESCE(shared_inbox, inbox) FROM follower
             WHERE reviewer = $1 AND state = 'accepted' AND bookwyrm = $2",
        )
        .bind(outgoing.reviewer.as_str())
        .bind(bookwyrm)
        .fetch_all(&mut **transaction)
        .await
        .map_err(doing("list the followers' inboxes")),
        Recipients::AllFollowers => query_scalar(
            "SELECT DISTINCT COALESCE(shared_inbox, inbox) FROM follower WHERE reviewer = $1 AND state = 'accepted'",
        )
        .bind(outgoing.reviewer.as_str())
        .fetch_all(&mut **transaction)
        .await
        .map_err(doing("list the inboxes of all followers")),
        Recipients::Reached => query_scalar(
            "SELECT COALESCE(shared_inbox, inbox) FROM follower
             WHERE reviewer = $1 AND state = 'accepted' AND bookwyrm = $2
             UNION
             SELECT delivery.inbox FROM delivery JOIN activity ON activity.seq = delivery.activity
             WHERE activity.object = $3 AND activity.audience = $4",
        )
        .bind(outgoing.reviewer.as_str())
        .bind(bookwyrm)
        .bind(&message.object)
        .bind(message.audience.as_str())
        .fetch_all(&mut **transaction)
        .await
        .map_err(doing("list the inboxes a review reached")),
        Recipients::EveryoneReached => query_scalar(
            "SELECT COALESCE(shared_inbox, inbox) FROM follower WHERE reviewer = $1 AND state = 'accepted'
             UNION
             SELECT delivery.inbox FROM delivery JOIN activity ON activity.seq = delivery.activity
             WHERE activity.object = $2",
        )
        .bind(outgoing.reviewer.as_str())
        .bind(&message.object)
        .fetch_all(&mut **transaction)
        .await
        .map_err(doing("list every inbox a review reached")),
        Recipients::EveryoneEver => query_scalar(
            "SELECT COALESCE(shared_inbox, inbox) FROM follower WHERE reviewer = $1
             UNION
             SELECT delivery.inbox FROM delivery JOIN activity ON activity.seq = delivery.activity
             WHERE activity.reviewer = $1",
        )
        .bind(outgoing.reviewer.as_str())
        .fetch_all(&mut **transaction)
        .await
        .map_err(doing("list every inbox a reviewer reached")),
        Recipients::Inbox(inbox) => Ok(vec![inbox.clone()]),
        Recipients::Conversation { inboxes, followers } => {
            let reached: Vec<String> = query_scalar(
                "SELECT COALESCE(shared_inbox, inbox) FROM follower
                 WHERE reviewer = $1 AND state = 'accepted' AND bookwyrm = FALSE AND $3
                 UNION
                 SELECT delivery.inbox FROM delivery JOIN activity ON activity.seq = delivery.activity
                 WHERE activity.object = $2",
            )
            .bind(outgoing.reviewer.as_str())
            .bind(&message.object)
            .bind(*followers)
            .fetch_all(&mut **transaction)
            .await
            .map_err(doing("list the inboxes of a conversation"))?;
            let mut all = inboxes.clone();
            all.extend(reached.into_iter().filter(|inbox| !inboxes.contains(inbox)));
            Ok(all)
        }
    }
}

/// Who answered, liked, boosted or quoted a post has it, follower or not, and is told what becomes of it (FEDERATION 5.21).
async fn inboxes_of_talkers(transaction: &mut Transaction, outgoing: &Outgoing) -> Result<Vec<String>, StoreError> {
    let bookwyrm = match outgoing.to {
        Recipients::Reached => Some(outgoing.message.audience == Audience::BookWyrm),
        Recipients::EveryoneReached | Recipients::Conversation { .. } => None,
        Recipients::Followers | Recipients::AllFollowers | Recipients::EveryoneEver | Recipients::Inbox(_) => {
            return Ok(Vec::new());
        }
    };
    let actors: Vec<String> = query_scalar(
        "SELECT actor FROM remote_actor WHERE id IN (
           SELECT author FROM reply WHERE in_reply_to = $1 AND NOT ours AND state <> 'hidden'
           UNION SELECT actor FROM reaction WHERE object = $1)",
    )
    .bind(&outgoing.message.object)
    .fetch_all(&mut **transaction)
    .await
    .map_err(doing("list who answered"))?;
    let actors = actors.iter().filter_map(|actor| serde_json::from_str::<RemoteActor>(actor).ok());
    let meant = actors.filter(|actor| bookwyrm.is_none_or(|bookwyrm| bookwyrm == actor.bookwyrm));
    Ok(meant.map(|actor| actor.shared_or_own_inbox().to_owned()).collect())
}

/// An Update overtakes older Updates that have not left; a Delete overtakes everything about its object.
async fn supersede(transaction: &mut Transaction, message: &Message, seq: i64) -> Result<(), StoreError> {
    let overtaken = match message.kind {
        Kind::Update => "Update",
        Kind::Delete => "%",
        Kind::Create
        | Kind::Accept
        | Kind::Reject
        | Kind::Undo
        | Kind::Add
        | Kind::Remove
        | Kind::Move
        | Kind::Flag => return Ok(()),
    };
    query(
        "UPDATE delivery SET state = 'superseded' WHERE state IN ('due', 'held') AND activity IN
         (SELECT seq FROM activity WHERE object = $1 AND seq < $2 AND kind LIKE $3 AND audience LIKE $4)",
    )
    .bind(&message.object)
    .bind(seq)
    .bind(overtaken)
    .bind(if message.kind == Kind::Delete { "%" } else { message.audience.as_str() })
    .execute(&mut **transaction)
    .await
    .map(drop)
    .map_err(doing("supersede older deliveries"))
}

/// The lane of an inbox: its host, with the port where one is written.
pub(super) fn host_of(inbox: &str) -> Option<String> {
    let url = Url::parse(inbox).ok()?;
    let host = url.host_str()?.to_ascii_lowercase();
    Some(url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
}
