//! The folder as it is now: every file with its state, symlinks kept inside, nothing read.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Component, Path, PathBuf},
};

use crate::domain::{Problem, ledger::Stat};

/// Largest review file that is read, in bytes: four times the largest seen among 11,431 real ones.
pub const REVIEW_BYTES_MAX: u64 = 1 << 20;
/// Largest picture file that is read, in bytes.
pub const PICTURE_BYTES_MAX: u64 = 20 << 20;
/// Directories inside directories; deeper ones are reported and left out.
const DEPTH_MAX: usize = 32;
/// Files in one folder; more is a wrong folder (a home directory, a mail store).
const FILES_MAX: usize = 200_000;

/// What a walk through a review folder found.
#[derive(Debug, Default)]
pub struct Walk {
    /// Every plain file by its path relative to the folder, `/` separated. Hidden files and directories are left out.
    pub files: BTreeMap<String, Stat>,
    /// Names of what is hidden at the root itself, and not walked: `.git`, `.obsidian`.
    pub hidden: BTreeSet<String>,
    /// Directories, and files, that are there but could not be looked at: nothing is known of what lies in them.
    pub unread: Vec<String>,
    pub problems: Vec<Problem>,
}

impl Walk {
    /// Whether a path lies where the walk could not look, so that its absence means nothing.
    pub fn is_unread(&self, path: &str) -> bool {
        let holds = |place: &String| {
            place.is_empty() || path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.unread.iter().any(holds)
    }
}

/// The folder, or its absence. A missing folder is not an empty one: nothing is concluded from it.
#[derive(Debug)]
pub enum Folder {
    Missing,
    /// There, but not to be read, and why.
    Unreadable(String),
    Walked(Walk),
}

/// Walks the whole folder. Directories that cannot be read are problems, and make the walk `Unreadable` only at the root.
pub fn walk(root: &Path) -> Folder {
    walk_without(root, None)
}

/// The same, as if a directory inside (with all that lies in it, and under whatever name it is reached) were not there.
pub fn walk_without(root: &Path, left_out: Option<&Path>) -> Folder {
    let root = match root.canonicalize() {
        Ok(root) => root,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Folder::Missing,
        Err(error) => return Folder::Unreadable(format!("open the review folder {}: {error}", root.display())),
    };
    match fs::read_dir(&root) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Folder::Missing,
        Err(error) => return Folder::Unreadable(format!("read the review folder {}: {error}", root.display())),
    }
    let mut walker = Walker { root: root.clone(), found: Walk::default(), entered: HashSet::new(), left_out: None };
    if let Some(directory) = left_out {
        // By its path as well: it may be made while the walk is under way.
        walker.left_out = above_and_name(directory);
        if let Ok(metadata) = fs::metadata(directory) {
            walker.entered.insert((metadata.dev(), metadata.ino()));
        }
    }
    walker.directory(&root, "", 0);
    Folder::Walked(walker.found)
}

/// Reads a file of the folder whole, refusing what is too large or leads out of it.
pub fn read(root: &Path, path: &str, bytes_max: u64) -> Result<Vec<u8>, Problem> {
    let full = inside(root, path)?;
    let refuse = |error: &io::Error| {
        Problem::error(path, format!("the file cannot be read: {error}"), "check its permissions and the disk")
    };
    let size = fs::metadata(&full).map_err(|error| refuse(&error))?.len();
    if size > bytes_max {
        return Err(Problem::error(
            path,
            format!("the file has {size} bytes, more than the {bytes_max} that are read"),
            "split the file, or move it out of the review folder",
        ));
    }
    fs::read(&full).map_err(|error| refuse(&error))
}

/// The true path of a file named in a review or found by a walk, if it lies inside the folder.
pub fn inside(root: &Path, path: &str) -> Result<PathBuf, Problem> {
    let outside = || {
        Problem::error(
            path,
            "the path leads out of the review folder",
            "copy the file into the folder, or point the settings at the folder above",
        )
    };
    if Path::new(path).components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(outside());
    }
    let missing =
        |error: io::Error| Problem::error(path, format!("the file cannot be opened: {error}"), "check its name");
    let root = root.canonicalize().map_err(missing)?;
    let full = root.join(path).canonicalize().map_err(missing)?;
    if full.starts_with(&root) { Ok(full) } else { Err(outside()) }
}

/// The path with symbolic links above its last part followed, as a walk comes by.
fn above_and_name(path: &Path) -> Option<PathBuf> {
    Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?))
}

struct Walker {
    root: PathBuf,
    found: Walk,
    /// Device and inode of the directories walked, so that a symlink to a parent ends.
    entered: HashSet<(u64, u64)>,
    left_out: Option<PathBuf>,
}

impl Walker {
    fn directory(&mut self, directory: &Path, prefix: &str, depth: usize) {
        if self.left_out.as_deref() == Some(directory) {
            return;
        }
        let own = match fs::metadata(directory) {
            Ok(own) => own,
            Err(error) => return self.unread(prefix, &error),
        };
        if !self.entered.insert((own.dev(), own.ino())) {
            return;
        }
        if depth > DEPTH_MAX {
            self.problem(prefix, format!("directories lie deeper than {DEPTH_MAX}"), "move the reviews further up");
            return;
        }
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) => return self.unread(prefix, &error),
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.unread(prefix, &error);
                    continue;
                }
            };
            let Ok(name) = entry.file_name().into_string() else {
                let shown = entry.file_name().to_string_lossy().into_owned();
                self.problem(&join(prefix, &shown), "the file name is not UTF-8".into(), "rename the file");
                continue;
            };
            if !name.starts_with('.') {
                self.entry(&entry.path(), &join(prefix, &name), depth);
            } else if prefix.is_empty() {
                self.found.hidden.insert(name);
            }
        }
    }

    fn entry(&mut self, full: &Path, path: &str, depth: usize) {
        let link = match fs::symlink_metadata(full) {
            Ok(link) => link,
            Err(error) => return self.unread(path, &error),
        };
        let mut state = link.clone();
        if link.is_symlink() {
            match full.canonicalize() {
                Ok(target) if target.starts_with(&self.root) => match fs::metadata(&target) {
                    Ok(metadata) => state = metadata,
                    Err(error) => return self.unread(path, &error),
                },
                Ok(_) => {
                    let cure = "copy the file into the folder, or point the settings at the folder above";
                    self.problem(path, "the symbolic link leads out of the review folder".into(), cure);
                    return;
                }
                Err(error) => {
                    self.problem(path, format!("the symbolic link leads nowhere: {error}"), "remove or mend the link");
                    return;
                }
            }
        }
        if state.is_dir() {
            self.directory(full, path, depth + 1);
        } else if state.is_file() {
            if self.found.files.len() >= FILES_MAX {
                if self.found.files.len() == FILES_MAX {
                    self.problem(
                        path,
                        format!("the folder holds more than {FILES_MAX} files"),
                        "choose a smaller folder",
                    );
                }
                return;
            }
            self.found.files.insert(path.to_owned(), stat(&state));
        }
    }

    /// What vanished since the listing is simply not there; anything else says nothing about what is.
    fn unread(&mut self, path: &str, error: &io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            self.problem(path, format!("it cannot be read: {error}"), "give reviewd the right to read it");
            self.found.unread.push(path.to_owned());
        }
    }

    fn problem(&mut self, path: &str, message: String, cure: &str) {
        self.found.problems.push(Problem::error(path, message, cure));
    }
}

fn stat(metadata: &fs::Metadata) -> Stat {
    Stat {
        size: metadata.len(),
        modified_ns: metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
        changed_ns: metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec(),
        inode: metadata.ino(),
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn walked(root: &Path) -> Walk {
        let Folder::Walked(walk) = walk(root) else { unreachable!("{} was not walked", root.display()) };
        walk
    }

    #[test]
    fn a_missing_folder_is_not_an_empty_one() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(walk(&directory.path().join("absent")), Folder::Missing));
        assert!(walked(directory.path()).files.is_empty());
    }

    #[test]
    fn symlinks_are_followed_inside_the_folder_and_refused_outside() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("reviews");
        fs::create_dir_all(root.join("2024")).unwrap();
        fs::write(root.join("2024/dune.md"), "Dune").unwrap();
        fs::write(directory.path().join("secret"), "secret").unwrap();
        symlink(root.join("2024/dune.md"), root.join("inside.md")).unwrap();
        symlink(directory.path().join("secret"), root.join("outside.md")).unwrap();
        symlink(&root, root.join("2024/loop")).unwrap();
        let walk = walked(&root);
        assert_eq!(walk.files.keys().collect::<Vec<_>>(), ["2024/dune.md", "inside.md"]);
        assert_eq!(walk.problems.len(), 1);
        assert_eq!(walk.problems[0].file, "outside.md");
        assert!(read(&root, "outside.md", REVIEW_BYTES_MAX).unwrap_err().message.contains("leads out"));
        assert!(read(&root, "../secret", REVIEW_BYTES_MAX).unwrap_err().message.contains("leads out"));
    }

    #[test]
    fn a_directory_that_is_left_out_is_not_entered_under_any_name() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("talk/hidden")).unwrap();
        fs::write(root.join("talk/hidden/1.md"), "x").unwrap();
        fs::write(root.join("dune.md"), "Dune").unwrap();
        symlink(root.join("talk"), root.join("also")).unwrap();
        let Folder::Walked(walk) = walk_without(root, Some(&root.join("talk"))) else { unreachable!() };
        assert_eq!(walk.files.keys().collect::<Vec<_>>(), ["dune.md"]);
        assert_eq!(walked(root).files.len(), 2);
    }

    #[test]
    fn nothing_is_known_of_what_lies_in_a_directory_that_cannot_be_read() {
        let (root, found, entered) = (PathBuf::from("/reviews"), Walk::default(), HashSet::new());
        let mut walker = Walker { root, found, entered, left_out: None };
        walker.unread("2024", &io::Error::from(io::ErrorKind::PermissionDenied));
        walker.unread("2025", &io::Error::from(io::ErrorKind::NotFound));
        let walk = walker.found;
        for (path, unread) in [("2024/dune.md", true), ("2024", true), ("2024.md", false), ("2025/dune.md", false)] {
            assert_eq!(walk.is_unread(path), unread, "{path}");
        }
        assert_eq!(walk.problems.len(), 1);
    }

    #[test]
    fn a_file_over_the_limit_is_refused_with_its_size() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("big.md"), vec![b'a'; 2 << 20]).unwrap();
        let problem = read(directory.path(), "big.md", REVIEW_BYTES_MAX).unwrap_err();
        assert!(problem.message.contains("2097152 bytes"), "{problem}");
    }
}
