//! Which threads are to be looked through for replies that never reached us, and how much has come of whom.

use std::collections::HashMap;

use super::{
    Store, StoreError,
    conversation::{ReplyRow, replies, under},
    doing,
    sql::{QueryBuilder, Transaction, query, query_as, query_scalar},
};
use crate::domain::{Handle, KeptReply, ReviewId};
use jiff::{SignedDuration, Timestamp};

/// A thread is looked through so long after something came, and never more often (FEDERATION 5.42, 5.45).
pub const CRAWL_COOL_DOWN: SignedDuration = SignedDuration::from_mins(15);
/// Floods are counted by the day.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Hosts asked about in one statement.
const HOSTS_PER_QUERY: usize = 500;

/// A thread whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueCrawl {
    pub handle: Handle,
    pub review: ReviewId,
    /// Which wait of the schedule this look ends.
    pub step: u32,
}

/// How much there is already, of one author and altogether; a day is the last 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TalkLoad {
    /// The author's replies of a day, those deleted since included.
    pub author_day: u64,
    pub host_day: u64,
    pub day: u64,
    pub author_waiting: u64,
    pub host_waiting: u64,
    pub waiting: u64,
    pub author_private: u64,
    pub private: u64,
    /// Replies under the review.
    pub review: u64,
}

impl Store {
    /// Something happened in a thread: it is looked through after the cool-down, and then at longer intervals.
    pub async fn touch_crawl(&self, handle: &Handle, review: &ReviewId, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        touch(&mut transaction, handle, review, now + CRAWL_COOL_DOWN).await?;
        transaction.commit().await.map_err(doing("commit a crawl"))
    }

    pub async fn due_crawls(&self, now: Timestamp, limit: i64) -> Result<Vec<DueCrawl>, StoreError> {
        let rows: Vec<(String, String, i64)> = query_as(
            "SELECT reviewer, review, step FROM crawl WHERE next_at <= $1 ORDER BY next_at, reviewer, review LIMIT $2",
        )
        .bind(now.as_millisecond())
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(doing("list the threads to look through"))?;
        let due = |(reviewer, review, step): (String, String, i64)| {
            let (handle, review) = under(Some(&reviewer), Some(&review))?;
            Some(DueCrawl { handle, review, step: u32::try_from(step).unwrap_or(0) })
        };
        Ok(rows.into_iter().filter_map(due).collect())
    }

    /// Notes when a thread is looked through next; `None`: not before something happens in it.
    pub async fn settle_crawl(&self, crawl: &DueCrawl, next: Option<(u32, Timestamp)>) -> Result<(), StoreError> {
        let doing_it = "note a crawl";
        let (handle, review) = (crawl.handle.as_str(), crawl.review.as_str());
        let Some((step, at)) = next else {
            return query("DELETE FROM crawl WHERE reviewer = $1 AND review = $2")
                .bind(handle)
                .bind(review)
                .execute(&self.write)
                .await
                .map(drop)
                .map_err(doing(doing_it));
        };
        query("UPDATE crawl SET step = $3, next_at = $4 WHERE reviewer = $1 AND review = $2")
            .bind(handle)
            .bind(review)
            .bind(i64::from(step))
            .bind(at.as_millisecond())
            .execute(&self.write)
            .await
            .map(drop)
            .map_err(doing(doing_it))
    }

    /// Other people's shown replies in a thread that were not looked at since, the longest unseen first.
    pub async fn posts_to_crawl(
        &self,
        handle: &Handle,
        review: &ReviewId,
        since: Timestamp,
        limit: i64,
    ) -> Result<Vec<KeptReply>, StoreError> {
        let rows: Vec<ReplyRow> = query_as(replies!(
            "reply.reviewer = $1 AND reply.review = $2 AND reply.state = 'shown' AND reply.visibility <> 'private'
             AND NOT reply.ours AND COALESCE(reply.crawled_at, 0) < $3
             ORDER BY COALESCE(reply.crawled_at, 0), reply.seq LIMIT $4"
        ))
        .bind(handle.as_str())
        .bind(review.as_str())
        .bind(since.as_millisecond())
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(doing("list the posts to look through"))?;
        Ok(rows.into_iter().map(|ReplyRow(kept)| kept).collect())
    }

    pub async fn note_crawled(&self, seq: i64, at: Timestamp) -> Result<(), StoreError> {
        query("UPDATE reply SET crawled_at = $2 WHERE seq = $1")
            .bind(seq)
            .bind(at.as_millisecond())
            .execute(&self.write)
            .await
            .map(drop)
            .map_err(doing("note a post that was looked through"))
    }

    /// What has come so far, where another reply by this author under this review is to be judged.
    pub async fn talk_load(
        &self,
        author: &str,
        under: Option<&(Handle, ReviewId)>,
        now: Timestamp,
    ) -> Result<TalkLoad, StoreError> {
        let row: (i64, i64, i64, i64, i64, i64, i64, i64, i64) = query_as(
            "SELECT
               (SELECT COUNT(*) FROM reply WHERE author = $1 AND received_at > $3)
                 + (SELECT COUNT(*) FROM gone WHERE author = $1 AND at > $3),
               (SELECT COUNT(*) FROM reply WHERE host = $2 AND received_at > $3),
               (SELECT COUNT(*) FROM reply WHERE received_at > $3 AND NOT ours),
               (SELECT COUNT(*) FROM reply WHERE author = $1 AND state = 'waiting' AND visibility <> 'private'),
               (SELECT COUNT(*) FROM reply WHERE host = $2 AND state = 'waiting' AND visibility <> 'private'),
               (SELECT COUNT(*) FROM reply WHERE state = 'waiting' AND visibility <> 'private'),
               (SELECT COUNT(*) FROM reply WHERE author = $1 AND visibility = 'private'),
               (SELECT COUNT(*) FROM reply WHERE visibility = 'private'),
               (SELECT COUNT(*) FROM reply WHERE reviewer = $4 AND review = $5)",
        )
        .bind(author)
        .bind(super::outbox::host_of(author).unwrap_or_default())
        .bind((now - DAY).as_millisecond())
        .bind(under.map(|(handle, _)| handle.as_str()))
        .bind(under.map(|(_, review)| review.as_str()))
        .fetch_one(&self.read)
        .await
        .map_err(doing("count what has come"))?;
        let count = |count: i64| u64::try_from(count).unwrap_or(0);
        Ok(TalkLoad {
            author_day: count(row.0),
            host_day: count(row.1),
            day: count(row.2),
            author_waiting: count(row.3),
            host_waiting: count(row.4),
            waiting: count(row.5),
            author_private: count(row.6),
            private: count(row.7),
            review: count(row.8),
        })
    }

    /// Reactions of a day, by host; hosts without any are left out.
    pub async fn reactions_of_hosts(&self, hosts: &[&str], now: Timestamp) -> Result<HashMap<String, u64>, StoreError> {
        let mut counts = HashMap::new();
        for part in hosts.chunks(HOSTS_PER_QUERY) {
            let mut query = QueryBuilder::new("SELECT host, COUNT(*) FROM reaction WHERE at > ");
            query.push_bind((now - DAY).as_millisecond()).push(" AND host IN (");
            query.push_list(part.iter().copied());
            query.push(" GROUP BY host");
            let query = query.build_query_as();
            let rows: Vec<(String, i64)> =
                query.fetch_all(&self.read).await.map_err(doing("count the hosts' reactions"))?;
            counts.extend(rows.into_iter().map(|(host, count)| (host, u64::try_from(count).unwrap_or(0))));
        }
        Ok(counts)
    }

    /// Reactions on a review and its thread.
    pub async fn reactions_under(&self, (handle, review): &(Handle, ReviewId)) -> Result<u64, StoreError> {
        let count: i64 = query_scalar("SELECT COUNT(*) FROM reaction WHERE reviewer = $1 AND review = $2")
            .bind(handle.as_str())
            .bind(review.as_str())
            .fetch_one(&self.read)
            .await
            .map_err(doing("count a review's reactions"))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Complaints from a host in a day.
    pub async fn reports_today(&self, host: &str, now: Timestamp) -> Result<u64, StoreError> {
        let count: i64 = query_scalar("SELECT COUNT(*) FROM report WHERE host = $1 AND at > $2")
            .bind(host)
            .bind((now - DAY).as_millisecond())
            .fetch_one(&self.read)
            .await
            .map_err(doing("count the reports"))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

/// Puts a thread at the beginning of its schedule, to be looked through at `at` or when it was to be anyway.
pub(super) async fn touch(
    transaction: &mut Transaction,
    handle: &Handle,
    review: &ReviewId,
    at: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO crawl (reviewer, review, step, next_at) VALUES ($1, $2, 0, $3)
         ON CONFLICT (reviewer, review) DO UPDATE SET step = 0,
         next_at = CASE WHEN crawl.next_at < excluded.next_at THEN crawl.next_at ELSE excluded.next_at END",
    )
    .bind(handle.as_str())
    .bind(review.as_str())
    .bind(at.as_millisecond())
    .execute(&mut **transaction)
    .await
    .map(drop)
    .map_err(doing("remember a thread to look through"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Reply, ReplyState, Source, Visibility},
        store::conversation::tests::{post, store},
    };

    const NOTE: &str = "https://books.example/users/ana/reviews/dune-2026";

    fn at(minutes: i64) -> Timestamp {
        "2026-11-22T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
    }

    #[tokio::test]
    async fn a_thread_is_due_after_the_cool_down_however_much_happens_in_it() {
        let (store, _directory) = store().await;
        let (handle, review) = post(1, NOTE).under.unwrap();
        store.touch_crawl(&handle, &review, at(0)).await.unwrap();
        store.touch_crawl(&handle, &review, at(14)).await.unwrap();
        assert!(store.due_crawls(at(14), 9).await.unwrap().is_empty());
        let due = store.due_crawls(at(15), 9).await.unwrap();
        assert_eq!((due.len(), due[0].step), (1, 0));
        store.settle_crawl(&due[0], Some((3, at(600)))).await.unwrap();
        assert!(store.due_crawls(at(599), 9).await.unwrap().is_empty());
        assert_eq!(store.due_crawls(at(600), 9).await.unwrap()[0].step, 3);
        store.touch_crawl(&handle, &review, at(100)).await.unwrap();
        assert_eq!(store.due_crawls(at(115), 9).await.unwrap()[0].step, 0);
        store.settle_crawl(&due[0], None).await.unwrap();
        assert!(store.due_crawls(at(9_000), 9).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn approved_posts_are_looked_through_the_longest_unseen_first() {
        let (store, _directory) = store().await;
        let (handle, review) = post(1, NOTE).under.unwrap();
        for number in 1..=3 {
            store.keep_reply(&post(number, NOTE), ReplyState::Waiting, Source::Inbox, at(0)).await.unwrap();
        }
        let posts = async || {
            let posts = store.posts_to_crawl(&handle, &review, at(10), 9).await.unwrap();
            posts.into_iter().map(|kept| kept.seq).collect::<Vec<_>>()
        };
        assert!(posts().await.is_empty());
        for seq in 1..=3 {
            store.set_reply_state(seq, ReplyState::Shown).await.unwrap();
        }
        assert_eq!(store.due_crawls(at(0), 9).await.unwrap().len(), 1, "what is approved is looked through");
        store.note_crawled(1, at(5)).await.unwrap();
        store.note_crawled(2, at(10)).await.unwrap();
        assert_eq!(posts().await, [3, 1]);
    }

    #[tokio::test]
    async fn what_came_is_counted_also_when_it_was_deleted_again() {
        let (store, _directory) = store().await;
        for number in 1..=4 {
            let visibility = if number == 4 { Visibility::Private } else { Visibility::Public };
            let reply = Reply { visibility, ..post(number, NOTE) };
            store.keep_reply(&reply, ReplyState::Waiting, Source::Inbox, at(0)).await.unwrap();
        }
        store.drop_reply(&post(1, NOTE).id, at(1)).await.unwrap();
        let reply = post(1, NOTE);
        let load = async |author: &str, now| store.talk_load(author, reply.under.as_ref(), now).await.unwrap();
        let expected = TalkLoad {
            author_day: 4,
            host_day: 3,
            day: 3,
            author_waiting: 2,
            host_waiting: 2,
            waiting: 2,
            author_private: 1,
            private: 1,
            review: 3,
        };
        assert_eq!(load(&reply.author, at(1)).await, expected);
        assert_eq!(load(&reply.author, at(24 * 60 + 1)).await.author_day, 0);
        let other = load("https://m.example/users/carol", at(1)).await;
        assert_eq!((other.author_day, other.author_waiting, other.host_waiting), (0, 0, 2));
    }
}
