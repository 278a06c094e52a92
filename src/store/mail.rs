//! What is due: which hosts have mail, what comes first in each of their inboxes, and what is carried there.

use std::{collections::HashMap, sync::Arc};

use super::{
    Store, StoreError, doing,
    sql::{QueryBuilder, Row, query, query_scalar},
};
use crate::domain::{
    Handle,
    delivery::{Spec, sha256},
    websub::{Errand, ErrandKind},
};
use jiff::Timestamp;

/// A delivery that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDelivery {
    pub seq: i64,
    /// The row of what is carried, see [`Store::parcel`].
    pub parcel: i64,
    /// Where it goes: an inbox, a callback, a hub.
    pub inbox: String,
    /// Attempts made so far.
    pub attempts: u32,
}

/// What a delivery brings, the same for everybody it goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The id of the activity or message, for logs.
    pub id: String,
    pub kind: String,
    pub cargo: Cargo,
    /// When it was stored.
    pub created: Timestamp,
}

/// What is carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cargo {
    /// An activity in its final form, and who signs it.
    Activity { reviewer: Handle, body: Arc<[u8]>, sha256: [u8; 32] },
    /// Something for a WebSub callback or hub.
    Errand(Errand),
}

/// Which part of the queue, each with lanes of its own: a slow callback must not hold up the followers' mail, and one that
/// a stranger named must not hold up the subscribers' either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To inboxes of ActivityPub servers.
    Inboxes,
    /// To WebSub callbacks that confirmed, and to hubs elsewhere.
    Callbacks,
    /// To callbacks that anybody may have named, to be asked.
    Questions,
}

impl Way {
    /// As the queries count them.
    fn number(self) -> i64 {
        match self {
            Self::Inboxes => 0,
            Self::Callbacks => 1,
            Self::Questions => 2,
        }
    }
}

/// A host with something due that may be knocked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueHost {
    pub name: String,
    /// The signature it accepted last.
    pub spec: Option<Spec>,
    /// It is known, and its last answer was none of trouble: another success would be no news.
    pub well: bool,
    pub failing_since: Option<Timestamp>,
    /// Deliveries that wait for it, those of a later time included.
    pub waiting: usize,
}

impl Store {
    /// Hosts with something due at `now`, the longest waiting first.
    ///
    /// Due is what comes first in its inbox, where its time has come; what stands behind it waits with it.
    pub async fn due_hosts(&self, way: Way, now: Timestamp, limit: i64) -> Result<Vec<DueHost>, StoreError> {
        let rows: Vec<Row> = query(
            "SELECT mail.host, host.spec, COALESCE(host.failures = 0 AND NOT host.dead, FALSE), host.failing_since, mail.waiting
             FROM (SELECT delivery.host, COUNT(*) AS waiting,
                          MIN(CASE WHEN delivery.next_at <= $1 AND NOT EXISTS
                                   (SELECT 1 FROM delivery AS older
                                    WHERE older.state = 'due' AND older.host = delivery.host
                                      AND older.inbox = delivery.inbox AND older.seq < delivery.seq)
                              THEN delivery.seq END) AS oldest
                   FROM delivery
                   WHERE delivery.state = 'due'
                     AND CASE WHEN delivery.host LIKE 'websub/ask/%' THEN 2 WHEN delivery.host LIKE 'websub/%' THEN 1
                         ELSE 0 END = $3
                   GROUP BY delivery.host) AS mail
             LEFT JOIN host ON host.name = mail.host
             WHERE mail.oldest IS NOT NULL AND COALESCE(host.closed_until, 0) <= $1
             ORDER BY mail.oldest LIMIT $2",
        )
        .bind(now.as_millisecond())
        .bind(limit)
        .bind(way.number())
        .fetch_all(&self.read)
        .await
        .map_err(doing("list the hosts with mail"))?;
        let host = |row: &Row| DueHost {
            name: row.get(0),
            spec: row.get::<Option<String>, _>(1).as_deref().and_then(Spec::parse),
            well: row.get(2),
            failing_since: row.get::<Option<i64>, _>(3).and_then(|ms| Timestamp::from_millisecond(ms).ok()),
            waiting: usize::try_from(row.get::<i64, _>(4)).unwrap_or_default(),
        };
        Ok(rows.iter().map(host).collect())
    }

    /// The due deliveries of hosts, at most `limit` of each: for each inbox only the oldest, so that order is kept, and those
    /// tried least first, so that one inbox in trouble does not starve the others.
    pub async fn mail_for(
        &self,
        hosts: &[&str],
        now: Timestamp,
        limit: i64,
    ) -> Result<HashMap<String, Vec<DueDelivery>>, StoreError> {
        if hosts.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = QueryBuilder::new(
            "SELECT host, seq, activity, inbox, attempts
             FROM (SELECT delivery.host, delivery.seq, delivery.activity, delivery.inbox, delivery.attempts,
                          ROW_NUMBER() OVER (PARTITION BY delivery.host ORDER BY delivery.attempts, delivery.seq) AS place
                   FROM delivery
                   WHERE delivery.state = 'due' AND delivery.next_at <= ",
        );
        query.push_bind(now.as_millisecond());
        query.push(
            " AND NOT EXISTS (SELECT 1 FROM delivery AS older
                              WHERE older.state = 'due' AND older.host = delivery.host
                                AND older.inbox = delivery.inbox AND older.seq < delivery.seq)
              AND delivery.host IN (",
        );
        query.push_list(hosts.iter().copied());
        query.push(") AS mail WHERE place <= ").push_bind(limit).push(" ORDER BY host, place");
        let rows: Vec<Row> = query.build().fetch_all(&self.read).await.map_err(doing("read the mail of hosts"))?;
        let mut mail: HashMap<String, Vec<DueDelivery>> = HashMap::with_capacity(hosts.len());
        for row in &rows {
            let due = DueDelivery {
                seq: row.get(1),
                parcel: row.get(2),
                inbox: row.get(3),
                attempts: u32::try_from(row.get::<i64, _>(4)).unwrap_or(u32::MAX),
            };
            match mail.get_mut(row.get::<&str, _>(0)) {
                Some(mail) => mail.push(due),
                None => drop(mail.insert(row.get(0), vec![due])),
            }
        }
        Ok(mail)
    }

    /// What a delivery brings; `None` where the row is damaged.
    pub async fn parcel(&self, parcel: i64) -> Result<Option<Parcel>, StoreError> {
        let row: Option<Row> = query(
            "SELECT id, kind, reviewer, created, audience, object, seq,
                    CASE WHEN audience = 'websub' AND kind = 'Push' THEN NULL ELSE body END
             FROM activity WHERE seq = $1",
        )
        .bind(parcel)
        .fetch_optional(&self.read)
        .await
        .map_err(doing("read what is carried"))?;
        let read = |row: Row| {
            Some(Parcel {
                id: row.get(0),
                kind: row.get(1),
                created: Timestamp::from_second(row.get(3)).ok()?,
                cargo: cargo(&row)?,
            })
        };
        Ok(row.and_then(read))
    }

    /// When the next delivery falls due at a host that is open by then; `None` when nothing is due.
    pub async fn next_due(&self, way: Way) -> Result<Option<Timestamp>, StoreError> {
        let millis: Option<i64> = query_scalar(
            "SELECT MIN(CASE WHEN delivery.next_at >= COALESCE(host.closed_until, 0) THEN delivery.next_at
                        ELSE host.closed_until END)
             FROM delivery LEFT JOIN host ON host.name = delivery.host
             WHERE delivery.state = 'due'
               AND CASE WHEN delivery.host LIKE 'websub/ask/%' THEN 2 WHEN delivery.host LIKE 'websub/%' THEN 1
                   ELSE 0 END = $1
               AND NOT EXISTS (SELECT 1 FROM delivery AS older
                               WHERE older.state = 'due' AND older.host = delivery.host
                                 AND older.inbox = delivery.inbox AND older.seq < delivery.seq)",
        )
        .bind(way.number())
        .fetch_one(&self.read)
        .await
        .map_err(doing("find the next delivery"))?;
        Ok(millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()))
    }
}

/// `None` where a row is damaged.
fn cargo(row: &Row) -> Option<Cargo> {
    let body: Vec<u8> = row.get::<Option<Vec<u8>>, _>(7).unwrap_or_default();
    if row.get::<String, _>(4) != "websub" {
        let (reviewer, sha256) = (Handle::parse(row.get(2)).ok()?, sha256(&body));
        return Some(Cargo::Activity { reviewer, body: body.into(), sha256 });
    }
    let topic: String = row.get(5);
    let errand = match ErrandKind::parse(row.get(1))? {
        ErrandKind::Push => Errand::Push { message: row.get(6), topic },
        ErrandKind::Verify => Errand::Verify(serde_json::from_slice(&body).ok()?),
        ErrandKind::Deny => Errand::Deny(serde_json::from_slice(&body).ok()?),
        ErrandKind::Ping => Errand::Ping { topic },
    };
    Some(Cargo::Errand(errand))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::message::{Audience, Kind, Message},
        store::{Attempt, DeliveryState, HostNews, Outgoing, Recipients},
    };

    const INBOX: &str = "https://a.example/inbox";

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A store in which these say something to an inbox, in this order.
    async fn store_with(inboxes: &[&str]) -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("reviewd.db")).await.unwrap();
        for (number, inbox) in inboxes.iter().enumerate() {
            let message = Message {
                id: format!("https://b.example/activities/{number}"),
                kind: Kind::Create,
                object: format!("https://b.example/notes/{number}"),
                audience: Audience::Everyone,
                body: format!("number {number}").into_bytes(),
            };
            let to = Recipients::Inbox((*inbox).to_owned());
            let reviewer = Handle::parse("ana").unwrap();
            store.post(&[Outgoing { reviewer, message, to, at: second(1_000) }]).await.unwrap();
        }
        (directory, store)
    }

    fn attempt(seq: i64, state: DeliveryState, next_at: Timestamp, host_news: HostNews) -> Attempt {
        Attempt {
            seq,
            host: "a.example".to_owned(),
            state,
            attempts: 1,
            at: second(1_001),
            next_at,
            status: None,
            error: None,
            host_news,
        }
    }

    #[tokio::test]
    async fn what_stands_behind_one_that_waits_is_not_due_and_makes_no_host_look_so() {
        let (_directory, store) = store_with(&[INBOX, INBOX]).await;
        let now = second(1_001);
        let hosts = store.due_hosts(Way::Inboxes, now, 9).await.unwrap();
        assert_eq!((hosts.len(), hosts[0].waiting, hosts[0].well), (1, 2, false));
        let mail = store.mail_for(&["a.example", "other.example"], now, 9).await.unwrap();
        assert_eq!(mail["a.example"].iter().map(|due| due.seq).collect::<Vec<_>>(), [1]);

        let later = second(2_000);
        let news = HostNews::Failed { closed_until: now, dead: false };
        store.record_attempts(&[attempt(1, DeliveryState::Due, later, news)]).await.unwrap();
        assert_eq!(store.due_hosts(Way::Inboxes, now, 9).await.unwrap(), []);
        assert!(store.mail_for(&["a.example"], now, 9).await.unwrap().is_empty());
        assert_eq!(store.next_due(Way::Inboxes).await.unwrap(), Some(later));
        assert_eq!(store.due_hosts(Way::Inboxes, later, 9).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn those_tried_least_come_first_and_no_host_gets_more_than_its_share() {
        let inboxes: Vec<String> = (0..5).map(|number| format!("https://a.example/{number}")).collect();
        let inboxes: Vec<&str> = inboxes.iter().map(String::as_str).collect();
        let (_directory, store) = store_with(&[&inboxes[..], &["https://c.example/inbox"]].concat()).await;
        let now = second(1_001);
        store.record_attempts(&[attempt(1, DeliveryState::Due, now, HostNews::Nothing)]).await.unwrap();
        let mail = store.mail_for(&["a.example", "c.example"], now, 3).await.unwrap();
        let seqs = |host: &str| mail[host].iter().map(|due| due.seq).collect::<Vec<_>>();
        assert_eq!((seqs("a.example"), seqs("c.example")), (vec![2, 3, 4], vec![6]));
    }

    #[tokio::test]
    async fn what_arrived_together_is_written_together_and_the_rest_as_it_went() {
        let (_directory, store) = store_with(&[INBOX, "https://a.example/2", "https://a.example/3"]).await;
        let now = second(1_001);
        let attempts = [
            attempt(1, DeliveryState::Delivered, now, HostNews::Alive(Some(Spec::Cavage))),
            attempt(2, DeliveryState::Refused, now, HostNews::Nothing),
            attempt(3, DeliveryState::Delivered, now, HostNews::Nothing),
        ];
        store.record_attempts(&attempts).await.unwrap();
        let rows = store.deliveries(None, 9).await.unwrap();
        let states: Vec<_> = rows.iter().map(|row| (row.state.as_str(), row.attempts)).collect();
        assert_eq!(states, [("delivered", 1), ("refused", 1), ("delivered", 1)]);
        assert_eq!(store.next_due(Way::Inboxes).await.unwrap(), None);
        let parcel = store.parcel(1).await.unwrap().unwrap();
        let Cargo::Activity { body, .. } = parcel.cargo else { unreachable!("it is an activity") };
        assert_eq!((&*body, parcel.created), (&b"number 0"[..], second(1_000)));
        assert_eq!(store.parcel(99).await.unwrap(), None);
    }
}
