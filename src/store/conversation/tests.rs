use jiff::SignedDuration;

use super::*;
use crate::{
    domain::{Reaction, ReactionKind},
    store::sql::query,
};

const NOW: &str = "2026-11-22T12:00:00Z";
const BOB: &str = "https://m.example/users/bob";
pub(in crate::store) const NOTE: &str = "https://books.example/users/ana/reviews/dune-2026";

pub(in crate::store) async fn store() -> (Store, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (crate::store::testing::open(directory.path()).await, directory)
}

pub(in crate::store) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn dune() -> (Handle, ReviewId) {
    (Handle::parse("ana").unwrap(), ReviewId::parse("dune-2026").unwrap())
}

/// The `number`th post of Bob's, `number` minutes after the first.
pub(in crate::store) fn post(number: i64, in_reply_to: &str) -> Reply {
    Reply {
        id: id(number),
        under: Some(dune()),
        in_reply_to: in_reply_to.to_owned(),
        author: BOB.to_owned(),
        ours: false,
        content: "<p>The worms.</p>".to_owned(),
        title: None,
        warning: Some("Worms".to_owned()),
        language: Some("en".to_owned()),
        page: format!("https://m.example/@bob/{number}"),
        published: now() - SignedDuration::from_hours(1) + SignedDuration::from_mins(number),
        updated: None,
        visibility: Visibility::Public,
        replies: Some(format!("{}/replies", id(number))),
        mentions: vec!["https://books.example/users/ana".to_owned()],
    }
}

pub(in crate::store) fn id(number: i64) -> String {
    format!("{BOB}/statuses/{number}")
}

fn like(object: &str, actor: &str) -> Reaction {
    Reaction {
        id: Some(format!("{actor}/likes/1")),
        kind: ReactionKind::Like,
        object: object.to_owned(),
        under: dune(),
        actor: actor.to_owned(),
        emoji: None,
        page: None,
        at: now(),
    }
}

impl Store {
    async fn show(&self, reply: &Reply) {
        assert!(matches!(self.keep_reply(reply, ReplyState::Shown, Source::Inbox, now()).await, Ok(Kept::New(_))));
    }

    /// The shown thread as `number under number`.
    async fn tree(&self) -> Vec<String> {
        let (handle, review) = dune();
        let last = |id: &str| id.rsplit('/').next().unwrap_or_default().to_owned();
        let thread = self.replies_under(&handle, &review).await.unwrap();
        let line = |kept: KeptReply| {
            format!("{} under {}", last(&kept.reply.id), kept.hangs_from.as_deref().map_or("review".to_owned(), last))
        };
        thread.into_iter().map(line).collect()
    }
}

#[tokio::test]
async fn a_reply_is_kept_once_with_everything_it_says() {
    let (store, _directory) = store().await;
    let mut reply = post(1, NOTE);
    let (handle, review) = dune();
    let version = store.talk_version(&handle, &review);
    let kept = store.keep_reply(&reply, ReplyState::Waiting, Source::Crawled, now()).await.unwrap();
    let Kept::New(seq) = kept else { unreachable!("{kept:?}") };
    let read = store.reply_by_seq(seq).await.unwrap().unwrap();
    assert_eq!(read.reply, reply);
    assert_eq!((read.state, read.source, read.received_at), (ReplyState::Waiting, Source::Crawled, now()));
    assert_eq!(store.reply(&reply.id).await.unwrap(), Some(read));
    let again = store.keep_reply(&reply, ReplyState::Shown, Source::Inbox, now()).await.unwrap();
    assert_eq!(again, Kept::Unchanged(seq));
    assert_eq!(store.talk_version(&handle, &review), version + 1);

    reply.content = "<p>The worms above all.</p>".to_owned();
    reply.updated = Some(now());
    let edited = store.keep_reply(&reply, ReplyState::Shown, Source::Inbox, now()).await.unwrap();
    assert_eq!(edited, Kept::Changed(seq));
    let read = store.reply(&reply.id).await.unwrap().unwrap();
    assert_eq!((read.reply, read.state), (reply.clone(), ReplyState::Waiting), "an edit shows nothing by itself");
    assert_eq!(store.talk_version(&handle, &review), version + 2);

    reply.author = "https://m.example/users/eve".to_owned();
    assert_eq!(store.keep_reply(&reply, ReplyState::Shown, Source::Inbox, now()).await.unwrap(), Kept::Refused);
}

#[tokio::test]
async fn a_thread_shows_what_is_shown_oldest_first_and_hangs_the_rest_higher() {
    let (store, _directory) = store().await;
    for (number, above) in [(1, NOTE.to_owned()), (3, id(2)), (2, id(1)), (4, id(3)), (5, NOTE.to_owned())] {
        store.show(&post(number, &above)).await;
    }
    assert_eq!(store.tree().await, ["1 under review", "2 under 1", "3 under 2", "4 under 3", "5 under review"]);
    let hidden = store.reply(&id(2)).await.unwrap().unwrap();
    assert!(store.set_reply_state(hidden.seq, ReplyState::Hidden).await.unwrap());
    assert!(!store.set_reply_state(hidden.seq, ReplyState::Hidden).await.unwrap());
    assert_eq!(store.tree().await, ["1 under review", "3 under 1", "4 under 3", "5 under review"]);
    store.drop_reply(&id(3), now()).await.unwrap();
    store.drop_reply(&id(1), now()).await.unwrap();
    assert_eq!(store.tree().await, ["4 under review", "5 under review"]);

    let private = Reply { visibility: Visibility::Private, ..post(6, &id(5)) };
    store.show(&private).await;
    store.show(&post(7, &id(6))).await;
    assert_eq!(store.tree().await, ["4 under review", "5 under review", "7 under 5"]);
    let (handle, review) = dune();
    let page = store.thread(&handle, &review, 1, 2).await.unwrap();
    assert_eq!(page.iter().map(|kept| kept.reply.id.as_str()).collect::<Vec<_>>(), [id(7)]);
    assert_eq!(store.conversation_counts(&[dune()]).await.unwrap()[0].replies, 3);
}

#[tokio::test]
async fn posts_that_answer_each_other_in_a_circle_hang_from_the_review() {
    let (store, _directory) = store().await;
    for (number, above) in [(1, 2), (2, 1), (3, 3)] {
        store.show(&post(number, &id(above))).await;
    }
    assert_eq!(store.tree().await, ["1 under review", "2 under review", "3 under review"]);
}

#[tokio::test]
async fn what_was_deleted_does_not_come_back() {
    let (store, _directory) = store().await;
    store.show(&post(1, NOTE)).await;
    store.keep_reaction(&like(&id(1), BOB)).await.unwrap();
    assert!(store.drop_reply(&id(1), now()).await.unwrap());
    assert!(!store.drop_reply(&id(1), now()).await.unwrap());
    let late = store.keep_reply(&post(1, NOTE), ReplyState::Shown, Source::Crawled, now()).await.unwrap();
    assert_eq!(late, Kept::Refused);
    let gone = store.gone_post(&id(1)).await.unwrap();
    assert_eq!(gone, Some(GonePost { under: Some(dune()), in_reply_to: Some(NOTE.to_owned()) }));
    let (handle, review) = dune();
    assert!(store.reactions(&handle, &review).await.unwrap().is_empty());

    store.remember_gone("https://m.example/likes/1", now(), now() + SignedDuration::from_hours(6)).await.unwrap();
    assert_eq!(store.forget_gone(now() + SignedDuration::from_hours(7)).await.unwrap(), 1);
    assert_eq!(store.forget_gone(now() + SignedDuration::from_hours(24 * 367)).await.unwrap(), 1);
}

#[tokio::test]
async fn a_host_that_deletes_without_end_is_remembered_in_part() {
    let (store, _directory) = store().await;
    query(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10050)
         INSERT INTO gone (id, host, at, until) SELECT 'https://m.example/' || n, 'm.example', n, $1 FROM n",
    )
    .bind(i64::MAX)
    .execute(&store.write)
    .await
    .unwrap();
    store.remember_gone("https://n.example/1", Timestamp::UNIX_EPOCH, now()).await.unwrap();
    assert_eq!(store.forget_gone(Timestamp::UNIX_EPOCH).await.unwrap(), 50);
    assert_eq!(store.gone_post("https://m.example/50").await.unwrap(), None);
    assert!(store.gone_post("https://n.example/1").await.unwrap().is_some());
}

#[tokio::test]
async fn whoever_was_approved_by_hand_is_known() {
    let (store, _directory) = store().await;
    store.show(&post(1, NOTE)).await;
    assert!(!store.is_known_author(BOB).await.unwrap(), "shown by rule is not approved");
    let seq = store.reply(&id(1)).await.unwrap().unwrap().seq;
    assert!(store.set_reply_state(seq, ReplyState::Shown).await.unwrap());
    assert!(store.is_known_author(BOB).await.unwrap());
    let edited = Reply { content: "<p>Other words</p>".to_owned(), ..post(1, NOTE) };
    let kept = store.edit_reply(&edited, ReplyState::Waiting, Source::Inbox, now()).await.unwrap();
    assert_eq!((kept, store.reply(&id(1)).await.unwrap().unwrap().state), (Kept::Changed(seq), ReplyState::Waiting));
    assert!(store.is_known_author(BOB).await.unwrap());
    assert!(store.set_reply_state(seq, ReplyState::Hidden).await.unwrap());
    assert!(!store.is_known_author(BOB).await.unwrap());
}

#[tokio::test]
async fn who_had_to_be_hidden_is_known_no_more_until_approved_again() {
    let (store, _directory) = store().await;
    for number in [1, 2] {
        store.show(&post(number, NOTE)).await;
    }
    assert!(store.set_reply_state(1, ReplyState::Shown).await.unwrap());
    assert!(store.is_known_author(BOB).await.unwrap());
    assert!(store.set_reply_state(2, ReplyState::Hidden).await.unwrap());
    assert!(!store.is_known_author(BOB).await.unwrap());
    assert!(store.set_reply_state(2, ReplyState::Shown).await.unwrap());
    assert!(store.is_known_author(BOB).await.unwrap());
}

#[tokio::test]
async fn commands_list_what_they_ask_for() {
    let (store, _directory) = store().await;
    for (number, state, visibility) in [
        (1, ReplyState::Shown, Visibility::Public),
        (2, ReplyState::Waiting, Visibility::Unlisted),
        (3, ReplyState::Hidden, Visibility::Public),
        (4, ReplyState::Waiting, Visibility::Private),
    ] {
        let reply = Reply { visibility, ..post(number, NOTE) };
        store.keep_reply(&reply, state, Source::Inbox, now()).await.unwrap();
    }
    let elsewhere = Reply { under: None, ours: true, ..post(5, "https://m.example/users/carol/statuses/9") };
    store.keep_reply(&elsewhere, ReplyState::Shown, Source::Own, now()).await.unwrap();
    for (which, expected) in [
        (Which::All, vec![5, 4, 3, 2, 1]),
        (Which::Waiting, vec![2]),
        (Which::Hidden, vec![3]),
        (Which::Shown, vec![5, 1]),
        (Which::Private, vec![4]),
    ] {
        let filter = ReplyFilter { reviewer: None, which, limit: 10 };
        let listed = store.all_replies(&filter).await.unwrap();
        assert_eq!(listed.iter().map(|kept| kept.seq).collect::<Vec<_>>(), expected, "{which:?}");
    }
    let ana = ReplyFilter { reviewer: Some(dune().0), which: Which::All, limit: 2 };
    assert_eq!(store.all_replies(&ana).await.unwrap().iter().map(|kept| kept.seq).collect::<Vec<_>>(), [4, 3]);
    assert_eq!(store.count_waiting_replies().await.unwrap(), 1);
    assert_eq!(store.talkers().await.unwrap(), [BOB]);
    assert_eq!(store.hide_replies_of(&[BOB.to_owned()]).await.unwrap(), 4);
    assert_eq!(store.drop_replies_of(BOB, now()).await.unwrap(), 5);
}

#[tokio::test]
async fn a_reaction_counts_once_for_each_actor_and_is_taken_back() {
    let (store, _directory) = store().await;
    store.show(&post(1, NOTE)).await;
    let carol = "https://n.example/users/carol";
    assert!(store.keep_reaction(&like(NOTE, BOB)).await.unwrap());
    assert!(!store.keep_reaction(&like(NOTE, BOB)).await.unwrap());
    assert!(store.keep_reaction(&Reaction { emoji: Some("❤️".to_owned()), ..like(NOTE, BOB) }).await.unwrap());
    assert!(store.keep_reaction(&like(NOTE, carol)).await.unwrap());
    assert!(store.keep_reaction(&like(&id(1), carol)).await.unwrap());
    for kind in [ReactionKind::Boost, ReactionKind::Quote] {
        assert!(store.keep_reaction(&Reaction { kind, id: None, ..like(NOTE, BOB) }).await.unwrap());
    }
    let (handle, other) = (dune().0, ReviewId::parse("other").unwrap());
    let counts = store.conversation_counts(&[(handle.clone(), other), dune()]).await.unwrap();
    let expected = TalkCounts { replies: 1, likes: 2, boosts: 1, quotes: 1 };
    assert_eq!(counts, [TalkCounts::default(), expected], "a like of a reply is none of the review");
    let read = store.reaction(NOTE, BOB, ReactionKind::Like).await.unwrap().unwrap();
    assert_eq!(read.emoji.as_deref(), Some("❤️"));

    assert!(store.drop_reaction(NOTE, BOB, ReactionKind::Like).await.unwrap());
    assert!(!store.drop_reaction(NOTE, BOB, ReactionKind::Like).await.unwrap());
    assert_eq!(store.drop_reaction_by_id(&format!("{carol}/likes/1"), BOB).await.unwrap(), 0);
    assert_eq!(store.drop_reaction_by_id(&format!("{carol}/likes/1"), carol).await.unwrap(), 2);
    assert_eq!(store.drop_reactions_of(BOB).await.unwrap(), 2);
    assert!(store.reactions(&handle, &dune().1).await.unwrap().is_empty());
}

#[tokio::test]
async fn reports_are_kept_newest_first() {
    let (store, _directory) = store().await;
    for number in 1..=2 {
        let objects = vec![format!("{NOTE}{number}")];
        store.keep_report("https://m.example/actor", &objects, "Rude.", now()).await.unwrap();
    }
    let reports = store.reports().await.unwrap();
    assert_eq!(reports.iter().map(|report| report.seq).collect::<Vec<_>>(), [2, 1]);
    assert_eq!((reports[1].objects.as_slice(), reports[1].words.as_str()), (&[format!("{NOTE}1")][..], "Rude."));
}
