//! How much of a conversation there may be, so that a flood fills neither the page nor the disk. Pure.

use crate::{domain::ReplyState, store::TalkLoad};

/// Longest content kept, in bytes; a page shows 10,000 characters of it (FEDERATION 8.22).
pub(super) const CONTENT_BYTES_MAX: usize = 20_000;
/// Longest title or content warning kept, in characters.
pub(super) const LINE_CHARS_MAX: usize = 500;
/// Most mentions kept of one post.
pub(super) const MENTIONS_MAX: usize = 50;

/// Replies kept in 24 hours of somebody nobody has approved yet.
const NEW_AUTHOR_DAY_MAX: u64 = 20;
/// Replies kept in 24 hours of somebody known: more than a person writes.
const KNOWN_AUTHOR_DAY_MAX: u64 = 200;
/// Unapproved people's replies from one host in 24 hours that are shown at once; further ones wait for approval.
const HOST_DAY_SHOWN_MAX: u64 = 200;
/// The same from all hosts together.
const DAY_SHOWN_MAX: u64 = 1_000;
/// Replies of one author that wait for approval.
const AUTHOR_WAITING_MAX: u64 = 20;
/// Replies from one host that wait for approval.
const HOST_WAITING_MAX: u64 = 200;
/// Replies that wait for approval, from everybody: with [`CONTENT_BYTES_MAX`] at most 40 MB.
const WAITING_MAX: u64 = 2_000;
/// Private posts kept of one author.
const AUTHOR_PRIVATE_MAX: u64 = 100;
/// Private posts kept, from everybody.
const PRIVATE_MAX: u64 = 2_000;
/// Replies kept under one review.
const REVIEW_MAX: u64 = 5_000;
/// Reactions kept in 24 hours from one host: a large server on a good day.
const HOST_REACTIONS_DAY_MAX: u64 = 5_000;
/// Reactions kept on one review and its thread.
const REVIEW_REACTIONS_MAX: u64 = 50_000;
/// Complaints kept in 24 hours from one host.
const HOST_REPORTS_DAY_MAX: u64 = 20;

/// What becomes of something that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Keep(ReplyState),
    /// Not kept, and why.
    Refuse(&'static str),
}

/// Whether a public reply is kept, and in which state; `wanted` is what moderation says.
pub(super) fn admit(wanted: ReplyState, known: bool, load: &TalkLoad) -> Admission {
    let author_day_max = if known { KNOWN_AUTHOR_DAY_MAX } else { NEW_AUTHOR_DAY_MAX };
    if load.author_day >= author_day_max {
        return Admission::Refuse("its author wrote too much for a day");
    }
    if load.review >= REVIEW_MAX {
        return Admission::Refuse("the review has as many replies as are kept");
    }
    let flood = !known && (load.host_day >= HOST_DAY_SHOWN_MAX || load.day >= DAY_SHOWN_MAX);
    let state = if flood && wanted == ReplyState::Shown { ReplyState::Waiting } else { wanted };
    if state != ReplyState::Waiting {
        return Admission::Keep(state);
    }
    if load.author_waiting >= AUTHOR_WAITING_MAX {
        return Admission::Refuse("too many of its author's replies wait");
    }
    if load.host_waiting >= HOST_WAITING_MAX {
        return Admission::Refuse("too many replies from its host wait");
    }
    if load.waiting >= WAITING_MAX {
        return Admission::Refuse("too many replies wait");
    }
    Admission::Keep(ReplyState::Waiting)
}

/// Whether a post that only the reviewer reads is kept. It waits: should its author open it to all, a person decides.
pub(super) fn admit_private(known: bool, load: &TalkLoad) -> Admission {
    let author_day_max = if known { KNOWN_AUTHOR_DAY_MAX } else { NEW_AUTHOR_DAY_MAX };
    if load.author_day >= author_day_max {
        return Admission::Refuse("its author wrote too much for a day");
    }
    if load.author_private >= AUTHOR_PRIVATE_MAX || load.private >= PRIVATE_MAX {
        return Admission::Refuse("as many private posts are there as are kept");
    }
    Admission::Keep(ReplyState::Waiting)
}

/// Whether the list of what waits is full with this one.
pub(super) fn fills_the_list(load: &TalkLoad) -> bool {
    load.waiting + 1 == WAITING_MAX
}

/// Whether another reaction is counted: of `host_day` from its host today, and `review` on the review.
pub(super) fn admits_reaction(host_day: u64, review: u64) -> bool {
    host_day < HOST_REACTIONS_DAY_MAX && review < REVIEW_REACTIONS_MAX
}

/// Whether another complaint from a host is kept.
pub(super) fn admits_report(host_day: u64) -> bool {
    host_day < HOST_REPORTS_DAY_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: ReplyState, known: bool, load: TalkLoad, expected: Option<ReplyState>) {
        let admitted = match admit(wanted, known, &load) {
            Admission::Keep(state) => Some(state),
            Admission::Refuse(_) => None,
        };
        assert_eq!(admitted, expected, "{wanted:?} known: {known} {load:?}");
    }

    #[test]
    fn a_quiet_day_leaves_moderation_alone() {
        for state in [ReplyState::Shown, ReplyState::Waiting] {
            check(state, false, TalkLoad::default(), Some(state));
        }
    }

    #[test]
    fn a_new_account_writes_less_in_a_day_than_a_known_one() {
        let load = |author_day| TalkLoad { author_day, ..TalkLoad::default() };
        check(ReplyState::Shown, false, load(NEW_AUTHOR_DAY_MAX - 1), Some(ReplyState::Shown));
        check(ReplyState::Shown, false, load(NEW_AUTHOR_DAY_MAX), None);
        check(ReplyState::Shown, true, load(NEW_AUTHOR_DAY_MAX), Some(ReplyState::Shown));
        check(ReplyState::Shown, true, load(KNOWN_AUTHOR_DAY_MAX), None);
        assert_eq!(admit_private(false, &load(1)), Admission::Keep(ReplyState::Waiting));
        assert!(matches!(admit_private(false, &load(NEW_AUTHOR_DAY_MAX)), Admission::Refuse(_)));
    }

    #[test]
    fn a_flood_waits_and_known_people_are_not_drowned_by_it() {
        let many_accounts = TalkLoad { host_day: HOST_DAY_SHOWN_MAX, ..TalkLoad::default() };
        let many_hosts = TalkLoad { day: DAY_SHOWN_MAX, ..TalkLoad::default() };
        for load in [many_accounts, many_hosts] {
            check(ReplyState::Shown, false, load, Some(ReplyState::Waiting));
            check(ReplyState::Shown, true, load, Some(ReplyState::Shown));
        }
    }

    #[test]
    fn what_waits_is_bounded_for_an_author_a_host_and_all_together() {
        for load in [
            TalkLoad { author_waiting: AUTHOR_WAITING_MAX, ..TalkLoad::default() },
            TalkLoad { host_waiting: HOST_WAITING_MAX, ..TalkLoad::default() },
            TalkLoad { waiting: WAITING_MAX, ..TalkLoad::default() },
        ] {
            check(ReplyState::Waiting, true, load, None);
            check(ReplyState::Shown, true, load, Some(ReplyState::Shown));
        }
        let full = TalkLoad { review: REVIEW_MAX, ..TalkLoad::default() };
        check(ReplyState::Shown, true, full, None);
        assert!(fills_the_list(&TalkLoad { waiting: WAITING_MAX - 1, ..TalkLoad::default() }));
        for private in [
            TalkLoad { author_private: AUTHOR_PRIVATE_MAX, ..TalkLoad::default() },
            TalkLoad { private: PRIVATE_MAX, ..TalkLoad::default() },
        ] {
            assert!(matches!(admit_private(true, &private), Admission::Refuse(_)));
        }
    }

    #[test]
    fn reactions_and_complaints_of_one_host_are_bounded() {
        assert!(admits_reaction(HOST_REACTIONS_DAY_MAX - 1, 0) && !admits_reaction(HOST_REACTIONS_DAY_MAX, 0));
        assert!(!admits_reaction(0, REVIEW_REACTIONS_MAX));
        assert!(admits_report(HOST_REPORTS_DAY_MAX - 1) && !admits_report(HOST_REPORTS_DAY_MAX));
    }
}
