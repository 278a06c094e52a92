//! Where a reply's file stands, and what its place says about the reply.
//!
//! `dune/2026-11-22-bob@social.example-17.md` is shown; the same below `hidden/` is hidden and below `waiting/` waits.

use jiff::{Timestamp, tz::TimeZone};

use crate::domain::conversation::ReplyState;

/// What lies below is off the page.
pub const HIDDEN: &str = "hidden";
/// What lies below waits to be moved out, or into `hidden/`.
pub const WAITING: &str = "waiting";
/// How a file of a reply ends.
pub const SUFFIX: &str = ".md";
/// The author's part of a file name, characters: with date, number and suffix it stays far below the 255 bytes of a name.
const AUTHOR_CHARS_MAX: usize = 80;

/// The path of a reply's file, relative to the mirror.
pub fn path(review: &str, state: ReplyState, name: &str) -> String {
    // A review of a book called "Hidden" is not hidden: no slug holds a `_`.
    let review = if matches!(review, HIDDEN | WAITING) { format!("{review}_") } else { review.to_owned() };
    match state {
        ReplyState::Shown => format!("{review}/{name}"),
        ReplyState::Hidden => format!("{HIDDEN}/{review}/{name}"),
        ReplyState::Waiting => format!("{WAITING}/{review}/{name}"),
    }
}

/// `2026-11-22-bob@social.example-17.md`: sorted by date, found by author, with the number that commands take.
///
/// Whatever the author calls themself, the name is plain ASCII without a slash and does not begin with a dot.
pub fn file_name(published: Timestamp, author: &str, number: i64) -> String {
    let date = published.to_zoned(TimeZone::UTC).date();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "@.-".contains(c) { c } else { '_' };
    let author: String = author.chars().map(plain).take(AUTHOR_CHARS_MAX).collect();
    format!("{date}-{author}-{number}{SUFFIX}")
}

/// What a place says: below any directory `hidden`, whoever made it, a reply is hidden.
pub fn state(path: &str) -> ReplyState {
    let directories = || path.rsplit_once('/').map_or("", |(directories, _)| directories).split('/');
    if directories().any(|name| name == HIDDEN) {
        ReplyState::Hidden
    } else if directories().any(|name| name == WAITING) {
        ReplyState::Waiting
    } else {
        ReplyState::Shown
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATES: [ReplyState; 3] = [ReplyState::Shown, ReplyState::Waiting, ReplyState::Hidden];

    #[test]
    fn a_place_says_whether_a_reply_is_shown() {
        for (path, expected) in [
            ("dune/x.md", ReplyState::Shown),
            ("x.md", ReplyState::Shown),
            ("hidden/dune/x.md", ReplyState::Hidden),
            ("hidden/x.md", ReplyState::Hidden),
            ("dune/hidden/x.md", ReplyState::Hidden),
            ("waiting/dune/x.md", ReplyState::Waiting),
            ("waiting/hidden/x.md", ReplyState::Hidden),
            ("hidden_/x.md", ReplyState::Shown),
            ("dune/hidden", ReplyState::Shown),
            ("hidden-figures/x.md", ReplyState::Shown),
        ] {
            assert_eq!(state(path), expected, "{path}");
        }
    }

    #[test]
    fn a_review_of_a_book_called_hidden_has_a_directory_of_its_own() {
        assert_eq!(path("hidden", ReplyState::Shown, "x.md"), "hidden_/x.md");
        assert_eq!(path("hidden", ReplyState::Hidden, "x.md"), "hidden/hidden_/x.md");
        assert_eq!(path("waiting", ReplyState::Shown, "x.md"), "waiting_/x.md");
    }

    #[test]
    fn names_of_files_are_plain_whatever_the_author_is_called() {
        let at = "2026-11-22T23:59:59Z".parse().unwrap();
        for (author, expected) in [
            ("bob@social.example", "2026-11-22-bob@social.example-17.md"),
            ("../../etc/passwd", "2026-11-22-.._.._etc_passwd-17.md"),
            ("a\u{202E}dm\u{0}in\n@x", "2026-11-22-a_dm_in_@x-17.md"),
            ("読書@例え.jp", "2026-11-22-__@__.jp-17.md"),
            ("", "2026-11-22--17.md"),
        ] {
            assert_eq!(file_name(at, author, 17), expected, "{author:?}");
        }
    }

    proptest! {
        #[test]
        fn a_file_stays_in_the_mirror_and_says_by_its_place_how_the_reply_stands(
            review in "[a-z0-9-]{1,80}|hidden|waiting", author in any::<String>(), number in 1..i64::MAX, state in 0..3_usize,
        ) {
            let name = file_name(Timestamp::UNIX_EPOCH, &author, number);
            prop_assert!(name.len() <= 255 && name.is_ascii() && !name.contains('/') && !name.starts_with('.'));
            let path = path(&review, STATES[state], &name);
            prop_assert_eq!(super::state(&path), STATES[state]);
            prop_assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")));
        }
    }
}
