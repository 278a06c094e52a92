//! What the files wish, and what has to be written and removed so that they are what they should be. Pure.
//!
//! A wish is a difference between how a file stands and how it was last written: so a reply that a command hid while its
//! file still stood among the shown ones is not shown again, and a file that was moved while the daemon was off is
//! understood.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use super::{file::Claim, place};
use crate::domain::conversation::ReplyState;

/// How long a file that vanished is awaited elsewhere: programs that move files between machines delete first or last.
pub const REWRITE_AFTER: Duration = Duration::from_secs(5);
/// How long an edited file is left to its editor before it is put back: some write a file in parts.
pub const PUT_BACK_AFTER: Duration = Duration::from_secs(2);
/// How long a second file of the same reply may stand, waiting for the first one to go.
pub const COPY_STAYS: Duration = Duration::from_secs(60);

/// A reply that has a file. The maps here are by the reply's ActivityPub id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub number: i64,
    pub state: ReplyState,
    /// The reviewer's own answer: its file in the review folder decides, not this picture of it.
    pub ours: bool,
    /// Where the file belongs.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

/// How a file was last written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub path: String,
    pub state: ReplyState,
}

/// A file as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub path: String,
    /// `None`: no file of ours.
    pub claim: Option<Claim>,
    /// Of the bytes, by [`print_of`].
    pub print: u64,
}

/// What a moved or edited file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub number: i64,
    pub id: String,
    pub path: String,
    pub state: ReplyState,
}

/// What has to be done with files. Writing comes first: a crash between leaves two files and not none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steps {
    /// Replies whose files are written.
    pub write: Vec<String>,
    /// Paths.
    pub remove: Vec<String>,
    /// When to look again although nothing happens.
    pub next: Option<Duration>,
}

/// Since when things are as they should not stay, by the monotonic clock.
#[derive(Debug, Default)]
pub struct Patience {
    /// Replies whose file stood at the last look.
    stood: HashSet<String>,
    missing: HashMap<String, Duration>,
    /// What every file held at the last look.
    seen: HashMap<String, u64>,
    edited: HashMap<String, Duration>,
    copies: HashMap<String, Duration>,
}

/// A fingerprint of a file's bytes: only files that people may edit anyway are compared by it.
pub fn print_of(bytes: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hasher as _};
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// What the files wish.
///
/// Where file and store both changed since the file was written, whoever hides wins, then the store.
pub fn wishes(
    wanted: &BTreeMap<String, Wanted>,
    written: &BTreeMap<String, Written>,
    standing: &[Standing],
) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for (id, files) in by_reply(standing) {
        let Some(reply) = wanted.get(id).filter(|reply| !reply.ours) else { continue };
        let last = written.get(id);
        let Some(file) = speaker(&files, last) else { continue };
        let asked = asked(file, last);
        let store_is_unchanged = last.is_some_and(|last| last.state == reply.state);
        let counts = store_is_unchanged || asked == Some(ReplyState::Hidden);
        if let Some(state) = asked.filter(|state| counts && *state != reply.state) {
            wishes.push(Wish { number: reply.number, id: id.to_owned(), path: file.path.clone(), state });
        }
    }
    wishes
}

/// What makes the files as they should be, once the wishes are granted. `now` is monotonic.
pub fn steps(
    wanted: &BTreeMap<String, Wanted>,
    written: &BTreeMap<String, Written>,
    standing: &[Standing],
    patience: &mut Patience,
    now: Duration,
) -> Steps {
    let files = by_reply(standing);
    let at_path: HashMap<&str, &Standing> = standing.iter().map(|file| (file.path.as_str(), file)).collect();
    let mut steps = Steps::default();
    let mut next: Option<Duration> = None;
    let mut is_over = |since: Duration, limit: Duration| {
        let left = (since + limit).saturating_sub(now);
        if !left.is_zero() {
            next = Some(next.map_or(left, |next| next.min(left)));
        }
        left.is_zero()
    };
    let (mut missing, mut edited) = (HashMap::new(), HashMap::new());
    for (id, reply) in wanted {
        let here = at_path.get(reply.path.as_str());
        if here.is_some_and(|here| here.print == print_of(reply.text.as_bytes())) {
            continue;
        }
        let at_home = written.get(id).is_some_and(|last| last.path == reply.path);
        if here.is_none() && at_home && !files.contains_key(id.as_str()) && patience.stood.contains(id) {
            let since = patience.missing.get(id).copied().unwrap_or(now);
            missing.insert(id.clone(), since);
            if !is_over(since, REWRITE_AFTER) {
                continue;
            }
        }
        if let Some(since) = here.and_then(|here| patience.edited_since(here, now))
            && !is_over(since, PUT_BACK_AFTER)
        {
            edited.insert(reply.path.clone(), since);
            continue;
        }
        steps.write.push(id.clone());
    }
    let homes: BTreeSet<&str> = wanted.values().map(|reply| reply.path.as_str()).collect();
    let mut copies = HashMap::new();
    for (id, files) in &files {
        let last = written.get(*id);
        if last.is_none() && !wanted.contains_key(*id) {
            continue;
        }
        let speaker = speaker(files, last).map(|file| file.path.as_str());
        for file in files.iter().filter(|file| !homes.contains(file.path.as_str())) {
            let left_behind = last.is_some_and(|last| last.path == file.path) || speaker == Some(&file.path);
            if left_behind {
                steps.remove.push(file.path.clone());
                continue;
            }
            let since = patience.copies.get(&file.path).copied().unwrap_or(now);
            copies.insert(file.path.clone(), since);
            if is_over(since, COPY_STAYS) {
                steps.remove.push(file.path.clone());
            }
        }
    }
    steps.next = next;
    patience.missing = missing;
    patience.edited = edited;
    patience.copies = copies;
    patience.seen = standing.iter().map(|file| (file.path.clone(), file.print)).collect();
    patience.stood = wanted.keys().cloned().collect();
    steps
}

impl Patience {
    /// Since when somebody is at work on a file; `None` where it is as it was at the last look, or was not there.
    fn edited_since(&self, file: &Standing, now: Duration) -> Option<Duration> {
        let seen = self.seen.get(&file.path)?;
        if *seen == file.print { self.edited.get(&file.path).copied() } else { Some(now) }
    }
}

fn by_reply(standing: &[Standing]) -> BTreeMap<&str, Vec<&Standing>> {
    let mut files: BTreeMap<&str, Vec<&Standing>> = BTreeMap::new();
    for file in standing {
        if let Some(claim) = &file.claim {
            files.entry(&claim.id).or_default().push(file);
        }
    }
    files
}

/// The file that says what is wished: one that was moved to hide the reply, else the one where it was written, else the
/// one that is left.
fn speaker<'a>(files: &[&'a Standing], last: Option<&Written>) -> Option<&'a Standing> {
    let in_state = |state| files.iter().find(|file| place::state(&file.path) == state);
    let hiding = || in_state(ReplyState::Hidden).filter(|_| last.is_none_or(|last| last.state != ReplyState::Hidden));
    let at_home = || files.iter().find(|file| last.is_some_and(|last| last.path == file.path));
    let found = hiding().or_else(at_home).or_else(|| in_state(ReplyState::Hidden));
    found.or_else(|| in_state(ReplyState::Waiting)).or_else(|| files.first()).copied()
}

/// What a file asks for: its place where it was moved, else its `state:` where that was edited. Of a file that nobody
/// remembers having written, as after the loss of the database, only that it hides is believed.
fn asked(file: &Standing, last: Option<&Written>) -> Option<ReplyState> {
    let place = place::state(&file.path);
    let Some(last) = last else {
        return Some(place).filter(|place| *place == ReplyState::Hidden);
    };
    if place != last.state {
        return Some(place);
    }
    file.claim.as_ref()?.state.filter(|state| *state != last.state)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A mirror on a disk of its own, with the store it pictures.
    #[derive(Default)]
    struct Model {
        store: BTreeMap<String, (i64, ReplyState)>,
        written: BTreeMap<String, Written>,
        disk: BTreeMap<String, String>,
        patience: Patience,
        now: Duration,
        wished: Vec<String>,
    }

    impl Model {
        /// Three replies to a review of Dune, looked at once.
        fn new() -> Self {
            let mut model = Self::default();
            for (number, id) in (1..).zip(["a", "b", "c"]) {
                model.store.insert(id.to_owned(), (number, ReplyState::Shown));
            }
            model.look();
            model
        }

        fn wanted(&self) -> BTreeMap<String, Wanted> {
            let wanted = |(id, (number, state)): (&String, &(i64, ReplyState))| {
                let path = place::path("dune", *state, &format!("{number}.md"));
                let text = format!("{id} {}", state.as_str());
                (id.clone(), Wanted { number: *number, state: *state, ours: id == "o", path, text })
            };
            self.store.iter().map(wanted).collect()
        }

        /// Text is `ID STATE`; a text of one word is nobody's.
        fn standing(&self) -> Vec<Standing> {
            let standing = |(path, text): (&String, &String)| {
                let claim =
                    text.split_once(' ').map(|(id, state)| Claim { id: id.into(), state: ReplyState::parse(state) });
                Standing { path: path.clone(), claim, print: print_of(text.as_bytes()) }
            };
            self.disk.iter().map(standing).collect()
        }

        /// Looks once; how many files were touched.
        fn look(&mut self) -> usize {
            for wish in wishes(&self.wanted(), &self.written, &self.standing()) {
                self.wished.push(format!("{} {}", wish.id, wish.state.as_str()));
                self.store.insert(wish.id, (wish.number, wish.state));
            }
            let wanted = self.wanted();
            let steps = steps(&wanted, &self.written, &self.standing(), &mut self.patience, self.now);
            for id in &steps.write {
                self.disk.insert(wanted[id].path.clone(), wanted[id].text.clone());
            }
            for path in &steps.remove {
                self.disk.remove(path).unwrap();
            }
            self.written =
                wanted.into_iter().map(|(id, one)| (id, Written { path: one.path, state: one.state })).collect();
            steps.write.len() + steps.remove.len()
        }

        fn pass(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
        }

        fn mv(&mut self, from: &str, to: &str) {
            let text = self.disk.remove(from).unwrap();
            self.disk.insert(to.into(), text);
        }

        fn cp(&mut self, from: &str, to: &str) {
            self.disk.insert(to.into(), self.disk[from].clone());
        }

        fn set(&mut self, id: &str, state: ReplyState) {
            let number = self.store[id].0;
            self.store.insert(id.into(), (number, state));
        }

        fn paths(&self) -> String {
            self.disk.keys().cloned().collect::<Vec<_>>().join(" ")
        }

        /// Looks until there is nothing to do, and holds that there is nothing to do then.
        fn settle(&mut self) {
            self.look();
            self.pass(120);
            self.look();
            assert_eq!(self.look(), 0);
        }
    }

    #[test]
    fn what_is_as_it_should_be_is_not_touched() {
        let mut model = Model::new();
        assert_eq!(model.paths(), "dune/1.md dune/2.md dune/3.md");
        assert_eq!(model.look(), 0);
        assert!(model.wished.is_empty());
    }

    #[test]
    fn a_file_moved_to_hidden_or_back_is_a_wish_and_is_filed_properly() {
        for (from, to, wish) in [
            ("dune/1.md", "hidden/1.md", "a hidden"),
            ("dune/1.md", "hidden/dune/1.md", "a hidden"),
            ("dune/1.md", "dune/hidden/1.md", "a hidden"),
            ("dune/1.md", "hidden/any/where/other-name.md", "a hidden"),
            ("dune/1.md", "waiting/1.md", "a waiting"),
            ("dune/1.md", "dune-2/1.md", ""),
            ("dune/1.md", "1.md", ""),
        ] {
            let mut model = Model::new();
            model.mv(from, to);
            model.look();
            assert_eq!(model.wished.join(","), wish, "{to}");
            assert_eq!(model.disk.len(), 3, "{to}");
            assert_eq!(model.look(), 0, "{to}");
            let home = model.written["a"].path.clone();
            assert_eq!(place::state(&home), model.store["a"].1);
            model.wished.clear();
            if home != "dune/1.md" {
                model.mv(&home, "anywhere.md");
                model.look();
                assert_eq!(model.wished, ["a shown"], "{to}");
                assert_eq!(model.paths(), "dune/1.md dune/2.md dune/3.md");
            }
        }
    }

    #[test]
    fn a_deleted_file_hides_nothing_and_is_written_again_when_it_does_not_turn_up_elsewhere() {
        let mut model = Model::new();
        model.disk.clear();
        assert_eq!(model.look(), 0);
        model.pass(4);
        assert_eq!(model.look(), 0);
        model.pass(1);
        assert_eq!(model.look(), 3);
        assert_eq!(model.paths(), "dune/1.md dune/2.md dune/3.md");
        assert!(model.wished.is_empty());
    }

    #[test]
    fn a_move_that_deletes_first_is_a_move() {
        let mut model = Model::new();
        let text = model.disk.remove("dune/1.md").unwrap();
        model.look();
        model.pass(3);
        model.disk.insert("hidden/1.md".into(), text);
        model.look();
        assert_eq!(model.wished, ["a hidden"]);
        assert_eq!(model.paths(), "dune/2.md dune/3.md hidden/dune/1.md");
    }

    #[test]
    fn a_move_that_deletes_last_is_a_move() {
        let mut model = Model::new();
        model.set("a", ReplyState::Waiting);
        model.look();
        model.cp("waiting/dune/1.md", "dune/1.md");
        assert_eq!(model.look(), 0);
        model.pass(30);
        model.disk.remove("waiting/dune/1.md");
        model.look();
        assert_eq!(model.wished, ["a shown"]);
        assert_eq!(model.paths(), "dune/1.md dune/2.md dune/3.md");
    }

    #[test]
    fn a_copy_shows_nothing_and_goes_again() {
        let mut model = Model::new();
        model.set("a", ReplyState::Hidden);
        model.look();
        // As `git reset --hard` brings back what was committed before.
        model.cp("hidden/dune/1.md", "dune/1.md");
        model.cp("dune/2.md", "dune/copy.md");
        model.settle();
        assert!(model.wished.is_empty());
        assert_eq!(model.paths(), "dune/2.md dune/3.md hidden/dune/1.md");
    }

    #[test]
    fn a_copy_in_hidden_hides() {
        let mut model = Model::new();
        model.cp("dune/1.md", "hidden/1.md");
        model.look();
        assert_eq!(model.wished, ["a hidden"]);
        assert_eq!(model.paths(), "dune/2.md dune/3.md hidden/dune/1.md");
    }

    #[test]
    fn an_edited_file_is_put_back_and_its_state_is_a_wish() {
        let mut model = Model::new();
        for (text, wish) in [
            ("a shown!", ""),
            ("a approved", ""),
            ("notes", ""),
            ("z shown", ""),
            ("a hidden", "a hidden"),
            ("a waiting", "a hidden,a waiting"),
            ("a shown", "a hidden,a waiting,a shown"),
        ] {
            let path = model.written["a"].path.clone();
            model.disk.insert(path.clone(), text.into());
            model.look();
            assert_eq!(model.wished.join(","), wish, "{text}");
            if model.written["a"].path == path {
                // An editor may still be writing.
                assert_eq!(model.disk[&path], text);
                model.pass(2);
                model.look();
            }
            let path = model.written["a"].path.clone();
            assert_eq!(model.disk[&path], format!("a {}", model.store["a"].1.as_str()));
            assert_eq!((model.look(), model.disk.len()), (0, 3), "{text}");
        }
    }

    #[test]
    fn what_a_command_decided_moves_the_file_and_is_not_undone_by_it() {
        let mut model = Model::new();
        for state in [ReplyState::Hidden, ReplyState::Shown, ReplyState::Waiting, ReplyState::Shown] {
            model.set("a", state);
            model.look();
            assert!(model.wished.is_empty());
            assert_eq!(place::state(&model.written["a"].path), state);
            assert_eq!((model.look(), model.disk.len()), (0, 3));
        }
    }

    #[test]
    fn where_a_command_and_a_move_differ_hiding_wins_then_the_command() {
        for (command, place, result) in [
            (ReplyState::Shown, "hidden/1.md", ReplyState::Hidden),
            (ReplyState::Hidden, "dune/1.md", ReplyState::Hidden),
            (ReplyState::Shown, "dune/1.md", ReplyState::Shown),
            (ReplyState::Waiting, "dune/1.md", ReplyState::Shown),
        ] {
            let mut model = Model::new();
            model.set("a", ReplyState::Waiting);
            model.look();
            model.set("a", command);
            model.mv("waiting/dune/1.md", place);
            model.look();
            assert_eq!(model.store["a"].1, result, "{command:?} {place}");
            assert_eq!(model.look(), 0);
        }
    }

    #[test]
    fn of_files_that_nobody_remembers_only_that_they_hide_is_believed() {
        let mut model = Model::new();
        model.mv("dune/1.md", "hidden/1.md");
        model.mv("dune/2.md", "waiting/2.md");
        model.set("c", ReplyState::Hidden);
        model.written.clear();
        model.settle();
        assert_eq!(model.wished, ["a hidden"]);
        assert_eq!(model.paths(), "dune/2.md hidden/dune/1.md hidden/dune/3.md");
    }

    #[test]
    fn the_file_of_a_reply_that_is_gone_goes_and_no_other() {
        let mut model = Model::new();
        model.disk.insert("dune/notes.md".into(), "mine".into());
        model.disk.insert("dune/stranger.md".into(), "z shown".into());
        model.store.remove("a");
        model.settle();
        assert_eq!(model.paths(), "dune/2.md dune/3.md dune/notes.md dune/stranger.md");
    }

    #[test]
    fn ones_own_answer_is_put_back_where_it_was() {
        let mut model = Model::new();
        model.store.insert("o".into(), (9, ReplyState::Shown));
        model.look();
        model.mv("dune/9.md", "hidden/9.md");
        model.settle();
        assert!(model.wished.is_empty());
        assert!(model.disk.contains_key("dune/9.md") && model.disk.len() == 4);
    }

    #[test]
    fn a_file_copied_over_another_is_put_back() {
        let mut model = Model::new();
        model.cp("dune/1.md", "dune/2.md");
        model.settle();
        assert_eq!((model.disk["dune/1.md"].as_str(), model.disk["dune/2.md"].as_str()), ("a shown", "b shown"));
    }

    #[derive(Debug, Clone)]
    enum Act {
        Move(usize, usize),
        Copy(usize, usize),
        Delete(usize),
        Clear,
        Edit(usize, usize),
        Command(usize, usize),
        Gone(usize),
        Forget,
        Look,
        Pass(u64),
    }

    const PLACES: [&str; 7] =
        ["dune/1.md", "dune/2.md", "hidden/1.md", "hidden/dune/2.md", "waiting/dune/1.md", "waiting/3.md", "x/y.md"];
    const STATES: [ReplyState; 3] = [ReplyState::Shown, ReplyState::Waiting, ReplyState::Hidden];

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            (0..9_usize, 0..7_usize).prop_map(|(from, to)| Act::Move(from, to)),
            (0..9_usize, 0..7_usize).prop_map(|(from, to)| Act::Copy(from, to)),
            (0..9_usize).prop_map(Act::Delete),
            Just(Act::Clear),
            (0..9_usize, 0..3_usize).prop_map(|(file, state)| Act::Edit(file, state)),
            (0..3_usize, 0..3_usize).prop_map(|(reply, state)| Act::Command(reply, state)),
            (0..3_usize).prop_map(Act::Gone),
            Just(Act::Forget),
            Just(Act::Look),
            (0..70_u64).prop_map(Act::Pass),
        ]
    }

    impl Model {
        fn act(&mut self, act: &Act) {
            let file = |at: &usize| self.disk.keys().nth(*at).cloned();
            let reply = |at: &usize| self.store.keys().nth(*at).cloned();
            match act {
                Act::Move(from, to) => drop(file(from).map(|from| self.mv(&from, PLACES[*to]))),
                Act::Copy(from, to) => drop(file(from).map(|from| self.cp(&from, PLACES[*to]))),
                Act::Delete(at) => drop(file(at).map(|path| self.disk.remove(&path))),
                Act::Clear => self.disk.clear(),
                Act::Edit(at, state) => {
                    if let Some(path) = file(at) {
                        let id = self.disk[&path].split(' ').next().unwrap().to_owned();
                        self.disk.insert(path, format!("{id} {}", STATES[*state].as_str()));
                    }
                }
                Act::Command(at, state) => drop(reply(at).map(|id| self.set(&id, STATES[*state]))),
                Act::Gone(at) => drop(reply(at).map(|id| self.store.remove(&id))),
                Act::Forget => self.patience = Patience::default(),
                Act::Look => drop(self.look()),
                Act::Pass(seconds) => self.pass(*seconds),
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_happens_to_files_the_mirror_comes_to_rest_as_the_store_says(acts in prop::collection::vec(act(), 0..40)) {
            let mut model = Model::new();
            acts.iter().for_each(|act| model.act(act));
            model.settle();
            for (path, reply) in model.wanted().values().map(|reply| (&reply.path, reply)) {
                prop_assert_eq!(model.disk.get(path), Some(&reply.text));
            }
        }

        #[test]
        fn deleting_and_copying_outside_hidden_change_no_reply(
            acts in prop::collection::vec(prop_oneof![
                (0..9_usize).prop_map(Act::Delete), Just(Act::Clear), Just(Act::Forget), Just(Act::Look),
                (0..70_u64).prop_map(Act::Pass),
            ], 0..40),
        ) {
            let mut model = Model::new();
            model.set("b", ReplyState::Hidden);
            model.set("c", ReplyState::Waiting);
            model.look();
            let before = model.store.clone();
            acts.iter().for_each(|act| model.act(act));
            model.settle();
            prop_assert_eq!(&model.store, &before);
        }
    }
}
