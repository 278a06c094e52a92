//! Which intents are sent now, which wait, and which are held until a person says so. Pure.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use crate::domain::{
    Genre, ReviewId,
    ledger::{Hold, Intent},
};

/// Between two announcements that a person asked for together: ten old reviews are not to fill a follower's screen.
pub const ANNOUNCE_EVERY: Duration = Duration::from_secs(60);

/// How long intents wait and how many at once are a bulk change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub settle: Duration,
    pub delete_after: Duration,
    pub announce_max: usize,
    pub update_max: usize,
    pub delete_max: usize,
}

/// An intent with the monotonic time for which it has stood unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    pub id: ReviewId,
    pub genre: Genre,
    pub intent: Intent,
    pub hold: Hold,
    pub quiet_for: Duration,
}

/// Why intents of a whole folder are kept back whatever their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caution {
    None,
    /// The folder is missing or empty: no removal is believed.
    FolderLost,
    /// First look after a restore: followers may know all of it from the original.
    Restored,
}

/// What becomes of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Send,
    /// Done, but told to nobody.
    Settle,
    /// Not before this much more time has passed.
    Wait(Duration),
    Hold,
}

/// Judges all pending intents of one reviewer together.
///
/// More than the limit of one kind at once are all held; reviews and answers are counted apart. Those held a moment ago
/// still count, so that a bulk change seen in two walks is not half sent; older held ones do not, so that the next single
/// save goes out as usual.
pub fn decide(pending: &[Pending], limits: &Limits, caution: Caution) -> BTreeMap<ReviewId, Verdict> {
    let mut together: BTreeMap<(Genre, Intent), usize> = BTreeMap::new();
    for other in pending.iter().filter(|other| counts(other, limits)) {
        *together.entry((other.genre, other.intent)).or_default() += 1;
    }
    let first_in_line = pending.iter().filter(|one| is_queued(one)).max_by_key(|one| (one.quiet_for, Reverse(&one.id)));
    pending
        .iter()
        .map(|one| {
            let (delay, max) = match one.intent {
                Intent::Nothing => return (one.id.clone(), Verdict::Wait(Duration::MAX)),
                Intent::Create => (limits.settle, limits.announce_max),
                Intent::Update => (limits.settle, limits.update_max),
                Intent::Delete => (limits.delete_after, limits.delete_max),
            };
            let together = together.get(&(one.genre, one.intent)).copied().unwrap_or(0);
            let verdict = match one.hold {
                Hold::Released => Verdict::Send,
                Hold::Known => Verdict::Settle,
                Hold::Held => Verdict::Hold,
                Hold::Queued if is_queued(one) => match first_in_line.filter(|first| first.id == one.id) {
                    Some(_) if one.quiet_for >= ANNOUNCE_EVERY => Verdict::Send,
                    Some(_) => Verdict::Wait(ANNOUNCE_EVERY - one.quiet_for),
                    None => Verdict::Wait(ANNOUNCE_EVERY),
                },
                Hold::No | Hold::Queued if together > max || keeps_back(caution, one.intent) => Verdict::Hold,
                Hold::No | Hold::Queued if one.quiet_for >= delay => Verdict::Send,
                Hold::No | Hold::Queued => Verdict::Wait(delay - one.quiet_for),
            };
            (one.id.clone(), verdict)
        })
        .collect()
}

fn keeps_back(caution: Caution, intent: Intent) -> bool {
    match caution {
        Caution::None => false,
        Caution::FolderLost => intent == Intent::Delete,
        Caution::Restored => true,
    }
}

/// Whether it waits for its turn; what happens to its file meanwhile is judged as any other change.
fn is_queued(one: &Pending) -> bool {
    one.hold == Hold::Queued && one.intent == Intent::Create
}

/// Whether an intent belongs to the change that is going on.
fn counts(one: &Pending, limits: &Limits) -> bool {
    match one.hold {
        Hold::No => true,
        Hold::Queued => !is_queued(one),
        Hold::Held => one.quiet_for < limits.settle,
        Hold::Released | Hold::Known => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        settle: Duration::from_secs(30),
        delete_after: Duration::from_secs(600),
        announce_max: 5,
        update_max: 20,
        delete_max: 3,
    };

    fn pending(count: usize, intent: Intent, hold: Hold, quiet_secs: u64) -> Vec<Pending> {
        (0..count)
            .map(|n| Pending {
                id: ReviewId::parse(&format!("{}-{}-{n}", intent.as_str(), hold.as_str())).unwrap(),
                genre: Genre::Review,
                intent,
                hold,
                quiet_for: Duration::from_secs(quiet_secs),
            })
            .collect()
    }

    fn verdicts(pending: &[Pending]) -> Vec<Verdict> {
        decide(pending, &LIMITS, Caution::None).into_values().collect()
    }

    #[test]
    fn a_save_waits_until_the_file_was_quiet_for_the_settling_time() {
        assert_eq!(verdicts(&pending(1, Intent::Create, Hold::No, 29)), [Verdict::Wait(Duration::from_secs(1))]);
        assert_eq!(verdicts(&pending(1, Intent::Create, Hold::No, 30)), [Verdict::Send]);
    }

    #[test]
    fn a_bulk_change_of_each_kind_is_held_and_one_below_the_limit_is_not() {
        for (intent, max) in [(Intent::Create, 5), (Intent::Update, 20), (Intent::Delete, 3)] {
            assert!(verdicts(&pending(max, intent, Hold::No, 600)).iter().all(|v| *v == Verdict::Send));
            assert!(verdicts(&pending(max + 1, intent, Hold::No, 600)).iter().all(|v| *v == Verdict::Hold));
        }
    }

    #[test]
    fn only_the_kind_in_excess_is_held() {
        let both = [pending(6, Intent::Create, Hold::No, 60), pending(2, Intent::Update, Hold::No, 60)].concat();
        let decided = decide(&both, &LIMITS, Caution::None);
        assert!(both.iter().all(|one| (decided[&one.id] == Verdict::Send) == (one.intent == Intent::Update)));
    }

    #[test]
    fn answers_and_reviews_are_counted_apart() {
        let answer = |mut one: Pending| {
            one.genre = Genre::Answer;
            one.id = ReviewId::parse(&format!("answer-{}", one.id)).unwrap();
            one
        };
        let answers = |count| pending(count, Intent::Delete, Hold::No, 600).into_iter().map(answer).collect::<Vec<_>>();
        let both = [pending(3, Intent::Delete, Hold::No, 600), answers(3)].concat();
        assert!(verdicts(&both).iter().all(|v| *v == Verdict::Send));
        let decided = decide(&[pending(3, Intent::Delete, Hold::No, 600), answers(4)].concat(), &LIMITS, Caution::None);
        assert_eq!(decided.values().filter(|v| **v == Verdict::Hold).count(), 4);
    }

    #[test]
    fn a_bulk_change_seen_in_two_walks_is_held_whole() {
        let both = [pending(6, Intent::Create, Hold::Held, 1), pending(2, Intent::Create, Hold::No, 0)].concat();
        assert!(verdicts(&both).iter().all(|v| *v == Verdict::Hold));
    }

    #[test]
    fn a_single_save_after_a_held_bulk_change_goes_out() {
        let both = [pending(9, Intent::Create, Hold::Held, 900), pending(1, Intent::Create, Hold::No, 30)].concat();
        let decided = decide(&both, &LIMITS, Caution::None);
        assert_eq!(decided.values().filter(|v| **v == Verdict::Send).count(), 1);
    }

    #[test]
    fn what_a_person_released_is_sent_whatever_its_number() {
        assert!(verdicts(&pending(50, Intent::Delete, Hold::Released, 0)).iter().all(|v| *v == Verdict::Send));
    }

    #[test]
    fn announcements_asked_for_together_go_out_one_a_minute_whatever_their_number() {
        let mut line = pending(9, Intent::Create, Hold::Queued, 59);
        assert!(verdicts(&line).contains(&Verdict::Wait(Duration::from_secs(1))));
        assert!(!verdicts(&line).contains(&Verdict::Send));
        for one in &mut line {
            one.quiet_for = ANNOUNCE_EVERY;
        }
        line[3].quiet_for += Duration::from_millis(1);
        let decided = decide(&line, &LIMITS, Caution::Restored);
        let sent: Vec<_> = decided.iter().filter(|(_, verdict)| **verdict == Verdict::Send).map(|(id, _)| id).collect();
        assert_eq!(sent, [&line[3].id]);
        // A file removed meanwhile is a removal like any other.
        assert_eq!(verdicts(&pending(1, Intent::Delete, Hold::Queued, 600)), [Verdict::Send]);
        assert!(verdicts(&pending(4, Intent::Delete, Hold::Queued, 600)).iter().all(|one| *one == Verdict::Hold));
    }

    #[test]
    fn after_a_restore_even_a_single_change_waits_for_a_person() {
        for intent in [Intent::Create, Intent::Update, Intent::Delete] {
            let one = pending(1, intent, Hold::No, 9999);
            assert_eq!(decide(&one, &LIMITS, Caution::Restored).into_values().next(), Some(Verdict::Hold));
        }
        let known = pending(9, Intent::Create, Hold::Known, 0);
        assert!(verdicts(&known).iter().all(|verdict| *verdict == Verdict::Settle));
    }

    #[test]
    fn nothing_is_deleted_because_the_folder_is_lost() {
        let one = pending(1, Intent::Delete, Hold::No, 9999);
        assert_eq!(decide(&one, &LIMITS, Caution::FolderLost).into_values().next(), Some(Verdict::Hold));
    }
}
