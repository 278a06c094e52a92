//! The mirror's directory: read whole, written file by file so that nobody ever sees half of one.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{
    diff::{Standing, Steps, Wanted, print_of},
    file::{self, FILE_BYTES_MAX},
    place,
};
use crate::{
    domain::{Problem, ledger::Stat},
    intake::folder::{self, Folder, Walk},
};

/// The group may move and edit the files too: the person who writes the reviews is in it.
const DIRECTORY_MODE: u32 = 0o770;
const FILE_MODE: u32 = 0o660;
/// Stands beside the replies' files; no reply's file ends like this.
const README_NAME: &str = "README.txt";

/// What was read at the last look, so that a file that has not changed is not read again.
pub type Known = HashMap<String, (Stat, Standing)>;

/// The directory as it is now.
#[derive(Debug, Default)]
pub struct Look {
    pub standing: Vec<Standing>,
    pub known: Known,
    walk: Walk,
}

/// Why the directory could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DiskProblem {
    #[error("{0}")]
    Unreadable(String),
    #[error("{doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

impl Look {
    /// What lies where nothing could be read: links that lead out, directories without permission.
    pub fn problems(&self) -> &[Problem] {
        &self.walk.problems
    }
}

/// Reads the whole directory. One that is missing is empty: nothing is concluded from that.
pub fn look(root: &Path, before: &Known) -> Result<Look, DiskProblem> {
    let walk = match folder::walk(root) {
        Folder::Walked(walk) => walk,
        Folder::Missing => return Ok(Look::default()),
        Folder::Unreadable(why) => return Err(DiskProblem::Unreadable(why)),
    };
    let mut known = Known::new();
    for (path, stat) in walk.files.iter().filter(|(path, _)| path.ends_with(place::SUFFIX)) {
        let same = before.get(path).filter(|(last, _)| last == stat).cloned();
        known.insert(path.clone(), same.unwrap_or_else(|| (*stat, read(root, path))));
    }
    let mut standing: Vec<Standing> = known.values().map(|(_, standing)| standing.clone()).collect();
    standing.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Look { standing, known, walk })
}

/// A file that cannot be read, or is too large, is none of ours.
fn read(root: &Path, path: &str) -> Standing {
    let bytes = folder::read(root, path, FILE_BYTES_MAX).unwrap_or_default();
    Standing { path: path.to_owned(), claim: file::read(&bytes), print: print_of(&bytes) }
}

/// Does what was decided. Where the walk could not look, nothing is touched.
///
/// # Errors
/// The first that failed; the others are done all the same.
pub fn apply(root: &Path, look: &Look, steps: &Steps, wanted: &BTreeMap<String, Wanted>) -> Result<(), DiskProblem> {
    let mut result = Ok(());
    let mut note = |done: Result<(), DiskProblem>| {
        if result.is_ok() {
            result = done;
        }
    };
    if !steps.write.is_empty() {
        note(lay_out(root));
    }
    for reply in steps.write.iter().filter_map(|id| wanted.get(id)).filter(|reply| !look.walk.is_unread(&reply.path)) {
        note(write(&root.join(&reply.path), &reply.text));
    }
    for path in steps.remove.iter().filter(|path| !look.walk.is_unread(path)) {
        note(remove(root, path));
    }
    result
}

/// The directories that people move files to are always there, with a word on how it works.
fn lay_out(root: &Path) -> Result<(), DiskProblem> {
    for directory in [root.to_owned(), root.join(place::HIDDEN), root.join(place::WAITING)] {
        make(&directory)?;
    }
    let readme = root.join(README_NAME);
    match fs::read(&readme) {
        Ok(bytes) if bytes == file::README.as_bytes() => Ok(()),
        Ok(_) | Err(_) => write(&readme, file::README),
    }
}

fn make(directory: &Path) -> Result<(), DiskProblem> {
    if directory.is_dir() {
        return Ok(());
    }
    let failed = |source| DiskProblem::Io { doing: "create the directory", path: directory.to_owned(), source };
    fs::create_dir_all(directory).map_err(failed)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(DIRECTORY_MODE)).map_err(failed)
}

/// Writes beside the place and renames: a reader sees the old file or the new one.
fn write(path: &Path, text: &str) -> Result<(), DiskProblem> {
    let failed = |source| DiskProblem::Io { doing: "write", path: path.to_owned(), source };
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(failed(io::ErrorKind::InvalidInput.into()));
    };
    make(directory)?;
    let beside = directory.join(format!(".{}.tmp", name.to_string_lossy()));
    let written = fs::write(&beside, text)
        .and_then(|()| fs::set_permissions(&beside, fs::Permissions::from_mode(FILE_MODE)))
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        // Nothing more can be done about what is left of it.
        let _ = fs::remove_file(&beside);
        failed(error)
    })
}

/// Removes a file, and the directories that are empty then; those that people move files to stay.
fn remove(root: &Path, path: &str) -> Result<(), DiskProblem> {
    let full = root.join(path);
    match fs::remove_file(&full) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(DiskProblem::Io { doing: "remove", path: full, source });
        }
        Ok(()) | Err(_) => {}
    }
    let mut directory = path;
    while let Some((above, _)) = directory.rsplit_once('/') {
        // Fails where something is left in it, which ends this.
        if matches!(above, place::HIDDEN | place::WAITING) || fs::remove_dir(root.join(above)).is_err() {
            break;
        }
        directory = above;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ReplyState;

    fn reply(path: &str, text: &str) -> Wanted {
        Wanted { number: 1, state: ReplyState::Shown, ours: false, path: path.into(), text: text.into() }
    }

    #[test]
    fn files_are_written_whole_and_empty_directories_go() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("conversation/ana");
        let wanted = BTreeMap::from([("a".to_owned(), reply("dune/1.md", "---\nid: a\n---\n"))]);
        let steps = Steps { write: vec!["a".into()], ..Steps::default() };
        apply(&root, &Look::default(), &steps, &wanted).unwrap();
        let look = super::look(&root, &Known::new()).unwrap();
        assert_eq!(look.standing.len(), 1);
        assert_eq!(look.standing[0].claim.as_ref().unwrap().id, "a");
        assert_eq!(look.standing[0].print, print_of(wanted["a"].text.as_bytes()));
        let names = || {
            let mut names: Vec<_> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(), [README_NAME, "dune", "hidden", "waiting"]);
        apply(
            &root,
            &look,
            &Steps { remove: vec!["dune/1.md".into(), "dune/2.md".into()], ..Steps::default() },
            &wanted,
        )
        .unwrap();
        assert_eq!(names(), [README_NAME, "hidden", "waiting"]);
    }

    #[test]
    fn a_directory_where_a_file_belongs_is_a_problem_and_the_others_are_written() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("dune/1.md/x")).unwrap();
        let wanted =
            BTreeMap::from([("a".to_owned(), reply("dune/1.md", "a")), ("b".to_owned(), reply("dune/2.md", "b"))]);
        let steps = Steps { write: vec!["a".into(), "b".into()], ..Steps::default() };
        let problem = apply(directory.path(), &Look::default(), &steps, &wanted).unwrap_err();
        assert!(problem.to_string().starts_with("write "), "{problem}");
        assert_eq!(fs::read_to_string(directory.path().join("dune/2.md")).unwrap(), "b");
    }

    #[test]
    fn a_missing_directory_is_empty_and_a_file_that_is_too_large_is_nobodys() {
        let directory = tempfile::tempdir().unwrap();
        assert!(look(&directory.path().join("absent"), &Known::new()).unwrap().standing.is_empty());
        fs::write(directory.path().join("big.md"), format!("---\nid: a\n---\n{}", "x".repeat(600 << 10))).unwrap();
        fs::write(directory.path().join("dune.md~"), "---\nid: a\n---\n").unwrap();
        let look = look(directory.path(), &Known::new()).unwrap();
        assert_eq!(
            look.standing.iter().map(|file| (file.path.as_str(), file.claim.is_some())).collect::<Vec<_>>(),
            [("big.md", false)]
        );
    }
}
