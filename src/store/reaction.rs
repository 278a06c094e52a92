//! Likes, boosts, quotes, and the complaints of other servers.

use std::collections::HashSet;

use super::{
    Store, StoreError,
    conversation::{open, under},
    doing,
    outbox::host_of,
    sql::{FromRow, QueryBuilder, Row, Transaction, in_parts, query, query_as, query_scalar},
};
use crate::domain::{Handle, Reaction, ReactionKind, RemoteActor, Report, ReviewId};
use jiff::Timestamp;

/// Reports kept; the oldest go.
const REPORTS_MAX: i64 = 1_000;

struct ReactionRow(Reaction, Option<RemoteActor>);

impl Store {
    /// Keeps a reaction in place of an earlier one of the same kind by the same actor. `false` where nothing changes.
    pub async fn keep_reaction(&self, reaction: &Reaction) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let talked = write(&mut transaction, &[reaction]).await?;
        transaction.commit().await.map_err(doing("commit a reaction"))?;
        let changed = !talked.is_empty();
        if changed {
            self.talk_changed(talked);
        }
        Ok(changed)
    }

    pub async fn reaction(
        &self,
        object: &str,
        actor: &str,
        kind: ReactionKind,
    ) -> Result<Option<Reaction>, StoreError> {
        let row: Option<ReactionRow> =
            query_as("SELECT reaction.*, NULL AS person FROM reaction WHERE object = $1 AND actor = $2 AND kind = $3")
                .bind(object)
                .bind(actor)
                .bind(kind.as_str())
                .fetch_optional(&self.read)
                .await
                .map_err(doing("read a reaction"))?;
        Ok(row.map(|ReactionRow(reaction, _)| reaction))
    }

    /// The quote that a post makes, by the post's id or the address people read it at.
    pub async fn quote_by(&self, post: &str) -> Result<Option<Reaction>, StoreError> {
        let row: Option<ReactionRow> = query_as(
            "SELECT reaction.*, NULL AS person FROM reaction WHERE kind = 'quote' AND (id = $1 OR page = $1) LIMIT 1",
        )
        .bind(post)
        .fetch_optional(&self.read)
        .await
        .map_err(doing("find a quote"))?;
        Ok(row.map(|ReactionRow(reaction, _)| reaction))
    }

    pub async fn drop_reaction(&self, object: &str, actor: &str, kind: ReactionKind) -> Result<bool, StoreError> {
        let gone =
            query_as("DELETE FROM reaction WHERE object = $1 AND actor = $2 AND kind = $3 RETURNING reviewer, review")
                .bind(object)
                .bind(actor)
                .bind(kind.as_str())
                .fetch_all(&self.write)
                .await
                .map_err(doing("drop a reaction"))?;
        Ok(self.reactions_gone(gone) > 0)
    }

    /// Drops what an actor did under this id: the id of a `Like` or `Announce`, or of a quoting post.
    pub async fn drop_reaction_by_id(&self, id: &str, actor: &str) -> Result<u64, StoreError> {
        let gone = query_as("DELETE FROM reaction WHERE id = $1 AND actor = $2 RETURNING reviewer, review")
            .bind(id)
            .bind(actor)
            .fetch_all(&self.write)
            .await
            .map_err(doing("drop a reaction"))?;
        Ok(self.reactions_gone(gone))
    }

    pub async fn drop_reactions_of(&self, actor: &str) -> Result<u64, StoreError> {
        let gone = query_as("DELETE FROM reaction WHERE actor = $1 RETURNING reviewer, review")
            .bind(actor)
            .fetch_all(&self.write)
            .await
            .map_err(doing("drop an actor's reactions"))?;
        Ok(self.reactions_gone(gone))
    }

    fn reactions_gone(&self, rows: Vec<(String, String)>) -> u64 {
        let count = rows.len() as u64;
        if count > 0 {
            let touched: HashSet<_> =
                rows.iter().filter_map(|(reviewer, review)| under(Some(reviewer), Some(review))).collect();
            self.talk_changed(touched);
        }
        count
    }

    /// Everything done with a review and with the posts in its thread, oldest first.
    pub async fn reactions(
        &self,
        handle: &Handle,
        review: &ReviewId,
    ) -> Result<Vec<(Reaction, Option<RemoteActor>)>, StoreError> {
        let rows: Vec<ReactionRow> = query_as(concat!(
            "SELECT reaction.*, remote_actor.actor AS person FROM reaction
             LEFT JOIN remote_actor ON remote_actor.id = reaction.actor
             WHERE reaction.reviewer = $1 AND reaction.review = $2 AND ",
            open!(),
            " ORDER BY reaction.at, reaction.actor"
        ))
        .bind(handle.as_str())
        .bind(review.as_str())
        .fetch_all(&self.read)
        .await
        .map_err(doing("read the reactions"))?;
        Ok(rows.into_iter().map(|ReactionRow(reaction, person)| (reaction, person)).collect())
    }

    /// Keeps a complaint; its number.
    pub async fn keep_report(
        &self,
        reporter: &str,
        objects: &[String],
        words: &str,
        at: Timestamp,
    ) -> Result<i64, StoreError> {
        let doing_it = "keep a report";
        let mut transaction = self.begin().await?;
        let seq: i64 = query_scalar(
            "INSERT INTO report (reporter, host, objects, words, at) VALUES ($1, $2, $3, $4, $5) RETURNING seq",
        )
        .bind(reporter)
        .bind(host_of(reporter).unwrap_or_default())
        .bind(serde_json::to_string(objects).unwrap_or_default())
        .bind(words)
        .bind(at.as_millisecond())
        .fetch_one(&mut *transaction)
        .await
        .map_err(doing(doing_it))?;
        query("DELETE FROM report WHERE seq <= $1 - $2")
            .bind(seq)
            .bind(REPORTS_MAX)
            .execute(&mut *transaction)
            .await
            .map_err(doing(doing_it))?;
        transaction.commit().await.map_err(doing(doing_it))?;
        self.talk_changed([]);
        Ok(seq)
    }

    /// Complaints received, newest first.
    pub async fn reports(&self) -> Result<Vec<Report>, StoreError> {
        let rows: Vec<(i64, String, String, String, i64)> =
            query_as("SELECT seq, reporter, objects, words, at FROM report ORDER BY seq DESC")
                .fetch_all(&self.read)
                .await
                .map_err(doing("list reports"))?;
        Ok(rows
            .into_iter()
            .filter_map(|(seq, reporter, objects, words, at)| {
                let objects = serde_json::from_str(&objects).unwrap_or_default();
                Some(Report { seq, reporter, objects, words, at: Timestamp::from_millisecond(at).ok()? })
            })
            .collect())
    }
}

/// Writes reactions in place of earlier ones of the same kind by the same actor, and says under which reviews that may change
/// something: none where nothing did. Of two for the same place in one call the later one is written.
pub(super) async fn write(
    transaction: &mut Transaction,
    reactions: &[&Reaction],
) -> Result<HashSet<(Handle, ReviewId)>, StoreError> {
    let mut places = HashSet::new();
    let mut once: Vec<&Reaction> = reactions
        .iter()
        .copied()
        .rev()
        .filter(|one| places.insert((&one.object, &one.actor, one.kind.as_str())))
        .collect();
    once.reverse();
    let mut talked = HashSet::new();
    for part in in_parts(&once) {
        let mut query = QueryBuilder::new(
            "INSERT INTO reaction (object, actor, kind, id, host, reviewer, review, emoji, page, at) ",
        );
        query.push_values(part, |mut row, one| {
            row.push_bind(one.object.as_str())
                .push_bind(one.actor.as_str())
                .push_bind(one.kind.as_str())
                .push_bind(one.id.as_deref())
                .push_bind(host_of(&one.actor).unwrap_or_default())
                .push_bind(one.under.0.as_str())
                .push_bind(one.under.1.as_str())
                .push_bind(one.emoji.as_deref())
                .push_bind(one.page.as_deref())
                .push_bind(one.at.as_millisecond());
        });
        query.push(
            " ON CONFLICT (object, actor, kind) DO UPDATE SET id = excluded.id, emoji = excluded.emoji,
              page = excluded.page
              WHERE reaction.id IS DISTINCT FROM excluded.id OR reaction.emoji IS DISTINCT FROM excluded.emoji
                OR reaction.page IS DISTINCT FROM excluded.page",
        );
        let done = query.build().execute(&mut **transaction).await.map_err(doing("keep reactions"))?;
        if done.rows_affected() > 0 {
            talked.extend(part.iter().map(|one| one.under.clone()));
        }
    }
    Ok(talked)
}

impl FromRow for ReactionRow {
    fn from_row(row: &Row) -> Result<Self, sqlx::Error> {
        let unknown = |what: &str| sqlx::Error::Decode(format!("a reaction's {what} is unknown").into());
        let reaction = Reaction {
            id: row.try_get("id")?,
            kind: ReactionKind::parse(row.try_get("kind")?).ok_or_else(|| unknown("kind"))?,
            object: row.try_get("object")?,
            under: under(row.try_get("reviewer")?, row.try_get("review")?).ok_or_else(|| unknown("review"))?,
            actor: row.try_get("actor")?,
            emoji: row.try_get("emoji")?,
            page: row.try_get("page")?,
            at: Timestamp::from_millisecond(row.try_get("at")?).map_err(|error| sqlx::Error::Decode(error.into()))?,
        };
        let person = row.try_get::<Option<&str>, _>("person")?.and_then(|actor| serde_json::from_str(actor).ok());
        Ok(Self(reaction, person))
    }
}
