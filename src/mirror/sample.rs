//! Replies for the tests of this module.

use crate::domain::{
    Handle, RemoteActor, ReviewId,
    conversation::{KeptReply, Reply, ReplyState, Source, Visibility},
};

/// A shown reply of Bob's under Ana's review of Dune.
pub fn kept(seq: i64, post: &str, content: &str) -> KeptReply {
    let id = format!("https://social.example/users/bob/statuses/{post}");
    let reply = Reply {
        page: format!("https://social.example/@bob/{post}"),
        id,
        under: Some((Handle::parse("ana").unwrap(), ReviewId::parse("dune-2026").unwrap())),
        in_reply_to: "https://books.example/users/ana/reviews/dune-2026".into(),
        author: "https://social.example/users/bob".into(),
        ours: false,
        content: content.into(),
        title: None,
        warning: None,
        language: None,
        published: "2026-11-22T12:00:00Z".parse().unwrap(),
        updated: None,
        visibility: Visibility::Public,
        replies: None,
        mentions: vec![],
    };
    KeptReply {
        seq,
        received_at: reply.published,
        reply,
        state: ReplyState::Shown,
        hangs_from: None,
        author: None,
        source: Source::Inbox,
    }
}

pub fn bob() -> RemoteActor {
    RemoteActor {
        id: "https://social.example/users/bob".into(),
        kind: "Person".into(),
        inbox: "https://social.example/users/bob/inbox".into(),
        shared_inbox: None,
        keys: vec![],
        name: "Bob Blank".into(),
        handle: "bob@social.example".into(),
        page: "https://social.example/@bob".into(),
        avatar: None,
        bookwyrm: false,
        also_known_as: vec![],
        moved_to: None,
        fetched_at: "2026-11-22T12:00:00Z".parse().unwrap(),
    }
}
