//! What can be seen from this machine alone: the data directory, keys, disk, database, folders, and the kernel's limits.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use super::report::Check;
use crate::{
    config::{Config, Poll, ReviewerSettings},
    fediverse::keys::{self, KeyPlaces},
    intake::{
        folder::{self, Folder},
        watcher,
    },
    store::{Health, StoreError},
};

/// Below this the next photograph or the database's journal may not fit.
const DISK_BYTES_MIN: u64 = 64 << 20;
/// Below this somebody should know.
const DISK_BYTES_LOW: u64 = 512 << 20;
/// Directories counted before the kernel's limits are passed anyway.
const DIRECTORIES_MAX: usize = 2_000_000;
/// Places named in one finding.
const NAMED_MAX: usize = 3;

/// Everything but the database.
pub fn examine(config: &Config) -> Vec<Check> {
    let mut checks = vec![settings(config)];
    match closed(config) {
        Some(why) => checks.extend(["data_directory", "disk_space", "keys"].map(|name| Check::skipped(name, &why))),
        None => {
            checks.extend([data_directory(config), disk_space(config)]);
            checks.extend(key_files(config));
        }
    }
    checks.extend(config.reviewers.iter().map(folder_rights));
    checks.extend(watching(config));
    checks
}

fn settings(config: &Config) -> Check {
    match &config.file {
        Some(file) => Check::ok("settings", format!("{} was read", file.display())),
        None => Check::ok("settings", "no settings file; the defaults are in force"),
    }
}

fn data_directory(config: &Config) -> Check {
    let (name, data) = ("data_directory", config.data_dir());
    let place = data.display();
    match fs::metadata(data) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Check::skipped(name, format!("{place} does not exist yet; the first start makes it"));
        }
        Err(error) => {
            return Check::failed(
                name,
                format!("{place}: {error}"),
                "database, keys and the journal of ids live there; without it nothing starts",
                format!("give it to the service's user: chown -R USER {place}; commands need that user's rights too"),
            );
        }
        Ok(_) => {}
    }
    if let Some(kind) = watcher::network_file_system(data) {
        return Check::failed(
            name,
            format!("{place} lies on a network file system ({kind})"),
            "SQLite's write-ahead log does not work there: the database can be damaged",
            "put [store] url on a disk of this machine (a review folder may lie anywhere)",
        );
    }
    match tempfile::NamedTempFile::new_in(data) {
        Ok(_) => Check::ok(name, format!("{place} can be written")),
        Err(error) => Check::failed(
            name,
            format!("{place} cannot be written by user {}: {error}", user()),
            "nothing can be published, received or delivered",
            format!(
                "give it to the service's user: chown -R USER {place}; on a full or read-only disk, mend that first"
            ),
        ),
    }
}

fn disk_space(config: &Config) -> Check {
    let (name, data) = ("disk_space", config.data_dir());
    let figures = match rustix::fs::statvfs(data) {
        Ok(figures) => figures,
        Err(error) => return Check::skipped(name, format!("{}: {error}", data.display())),
    };
    let free = figures.f_bavail.saturating_mul(figures.f_frsize);
    // Some file systems (btrfs) count no inodes.
    let no_inodes = figures.f_files > 0 && figures.f_favail == 0;
    let measured = format!("{} MiB free for {}", free >> 20, data.display());
    let means = "on a full disk nothing is lost, but nothing new is published, received or delivered";
    let cure = "delete or move something, or enlarge the disk; reviewd goes on by itself afterwards";
    if no_inodes {
        Check::failed(name, format!("{measured}, but no inode is free"), means, cure)
    } else if free < DISK_BYTES_MIN {
        Check::failed(name, measured, means, cure)
    } else if free < DISK_BYTES_LOW {
        Check::warning(name, measured, means, cure)
    } else {
        Check::ok(name, measured)
    }
}

/// Each key file: there, ours alone, and a key.
fn key_files(config: &Config) -> Vec<Check> {
    let (name, directory, places) = ("keys", config.keys_dir(), KeyPlaces::configured(config));
    if !directory.exists() && places.credentials.is_none() {
        let why = format!("{} does not exist yet; the first start makes the keys", directory.display());
        return vec![Check::skipped(name, why)];
    }
    let mut checks = Vec::new();
    let reviewers = config.reviewers.iter().map(|reviewer| places.reviewer(&reviewer.handle));
    for place in reviewers.chain([places.instance()]) {
        let check = match keys::load(&place) {
            Ok(_) => Check::ok(name, "a key, and closed to others"),
            Err(problem) => Check::failed(
                name,
                problem.to_string(),
                "without its key an account signs nothing, and followers believe nobody else; a key that others can read \
                 lets them speak in its name",
                key_cure(&problem, place.path()),
            ),
        };
        let file = place.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        checks.push(check.about(&file));
    }
    let mode = fs::metadata(&directory).map(|metadata| metadata.permissions().mode() & 0o777);
    if let Ok(mode) = mode
        && mode & keys::OTHERS_MASK != 0
    {
        let place = directory.display();
        checks.push(
            Check::warning(
                name,
                format!("{place} has mode {mode:03o}"),
                "others can see which keys there are",
                format!("run `chmod 700 {place}`"),
            )
            .about("directory"),
        );
    }
    checks
}

fn key_cure(problem: &keys::KeyFileProblem, path: &Path) -> String {
    let place = path.display();
    match problem {
        keys::KeyFileProblem::Open { .. } => {
            format!("run `chmod 600 {place}`; if strangers use this machine, also `reviewd keys rotate`")
        }
        keys::KeyFileProblem::Missing { .. } => format!("restore {place} from your backup"),
        keys::KeyFileProblem::Io { .. } => {
            format!("give it to the service's user: chown USER {place}; chmod 600 {place}")
        }
        keys::KeyFileProblem::Damaged { .. } => format!("restore {place} from your backup"),
        keys::KeyFileProblem::Credential { .. } => {
            "replace the file that LoadCredential= names, and restart the service".to_owned()
        }
    }
}

/// Whether this user can read every review. Writing is not needed.
fn folder_rights(reviewer: &ReviewerSettings) -> Check {
    let (name, root) = ("folder", &reviewer.folder);
    let place = root.display();
    let means = "what cannot be read is neither published nor deleted: its last good version stays";
    // The user of a service may be another one after the next start, its group stays.
    let group = group();
    let cure = format!(
        "let everybody read it (`chmod -R a+rX {place}`), or the group of this program alone (`setfacl -R -m \
         g:{group}:rX,d:g:{group}:rX {place}`); a service that sees no home directories needs BindReadOnlyPaths={place} \
         (deploy/README.md)"
    );
    let check = match folder::walk(root) {
        Folder::Missing => Check::failed(
            name,
            format!("{place} does not exist, or is hidden from this user"),
            means,
            format!("create it, or correct `folder` in the settings; {cure}"),
        ),
        Folder::Unreadable(why) => Check::failed(name, why, means, cure),
        Folder::Walked(walk) if walk.unread.is_empty() => match first_unreadable(root, walk.files.keys()) {
            None => Check::ok(name, format!("{place}: {} files, all readable", walk.files.len())),
            Some(why) => Check::failed(name, why, means, cure),
        },
        Folder::Walked(walk) => {
            let named: Vec<&str> = walk.unread.iter().take(NAMED_MAX).map(String::as_str).collect();
            let measured = format!("{place}: {} places cannot be read: {}", walk.unread.len(), named.join(", "));
            Check::failed(name, measured, means, cure)
        }
    };
    check.about(format!("@{}", reviewer.handle))
}

/// A file that can be seen and not opened.
fn first_unreadable<'a>(root: &Path, files: impl Iterator<Item = &'a String>) -> Option<String> {
    files.map(|file| root.join(file)).find_map(|path| {
        let error = fs::File::open(&path).err().filter(|error| error.kind() == std::io::ErrorKind::PermissionDenied)?;
        Some(format!("{}: {error}", path.display()))
    })
}

/// Whether the kernel will tell of every change.
fn watching(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut watched = 0;
    for reviewer in &config.reviewers {
        let about = format!("@{}", reviewer.handle);
        if let Some(kind) = watcher::network_file_system(&reviewer.folder) {
            let measured = format!("{} lies on a network file system ({kind})", reviewer.folder.display());
            checks
                .push(Check::ok("watching", format!("{measured}: it is walked again and again instead")).about(about));
        } else if config.publish.poll == Poll::Always {
            checks.push(Check::ok("watching", "the settings say poll = \"always\"").about(about));
        } else {
            watched += 1;
        }
    }
    let folders = config.reviewers.iter().filter(|one| watcher::network_file_system(&one.folder).is_none());
    let directories: usize = match config.publish.poll {
        Poll::Always => 0,
        Poll::Auto => folders.map(|one| watcher::directories(&one.folder, DIRECTORIES_MAX)).sum(),
    };
    if watched > 0 {
        let limit = |name: &str| fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?.trim().parse().ok();
        checks.push(inotify(directories, watched, limit("max_user_watches"), limit("max_user_instances")));
    }
    checks
}

/// The kernel's limits hold for all programs of a user together.
fn inotify(directories: usize, folders: usize, watches: Option<usize>, instances: Option<usize>) -> Check {
    let name = "inotify";
    let (Some(watches), Some(instances)) = (watches, instances) else {
        return Check::skipped(name, "this kernel does not tell its limits (/proc/sys/fs/inotify)");
    };
    let measured =
        format!("{directories} directories of {watches} watches; {folders} folders of {instances} instances");
    let means = "folders beyond the limit are walked every second instead, which costs processor time";
    let raise = |key: &str, to: usize| {
        format!("echo fs.inotify.{key}={to} >/etc/sysctl.d/60-reviewd.conf; sysctl --system; restart reviewd")
    };
    if directories >= watches {
        Check::failed(name, measured, means, raise("max_user_watches", (directories * 4).max(524_288)))
    } else if folders >= instances {
        Check::failed(name, measured, means, raise("max_user_instances", (folders * 4).max(1_024)))
    } else if directories * 2 > watches {
        Check::warning(name, measured, means, raise("max_user_watches", (directories * 4).max(524_288)))
    } else {
        Check::ok(name, measured)
    }
}

/// What was found in the database, whoever opened it.
pub fn database(config: &Config, health: Result<Health, StoreError>) -> Check {
    let (name, file) = ("database", config.store.place());
    let restore = "stop reviewd, keep a copy of the files, and restore a backup";
    match health {
        Ok(Health { schema, known, .. }) if schema > known => Check::failed(
            name,
            format!("{file} is of a newer reviewd (schema {schema}, this one knows {known})"),
            "this version refuses to touch it, so that nothing is damaged",
            "upgrade reviewd, or restore the backup made before the upgrade",
        ),
        Ok(Health { faults, .. }) if !faults.is_empty() => Check::failed(
            name,
            format!("{file} is damaged: {}", faults.join("; ")),
            "what was written there may be lost; the disk or an interrupted copy is the usual cause",
            restore,
        ),
        Ok(Health { schema, known, .. }) if schema < known => {
            Check::ok(name, format!("{file} is whole; schema {schema}, the next start brings it to {known}"))
        }
        Ok(Health { schema, .. }) => Check::ok(name, format!("{file} is whole; schema {schema}")),
        Err(error) => Check::failed(
            name,
            error.to_string(),
            "followers, deliveries and received activities cannot be read",
            restore,
        ),
    }
}

/// The rights of the control socket: the service's user and its group, and nobody else.
pub fn control_socket(path: &Path) -> Check {
    let (name, place) = ("control_socket", path.display());
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return Check::skipped(name, format!("{place}: {error}")),
    };
    let mode = metadata.permissions().mode() & 0o777;
    let measured = format!("{place} answers; mode {mode:03o}, user {}, group {}", metadata.uid(), metadata.gid());
    if mode & 0o007 != 0 {
        Check::warning(
            name,
            measured,
            "everybody on this machine may retract reviews and end accounts",
            format!("restart reviewd, which sets 660; until then `chmod 660 {place}`"),
        )
    } else {
        Check::ok(name, measured)
    }
}

/// The group that this process works as: its name, or else its number.
fn group() -> String {
    let number = fs::metadata("/proc/self").map_or(0, |metadata| metadata.gid()).to_string();
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    // name:password:number:members (group(5))
    let named = groups.lines().find(|line| line.split(':').nth(2) == Some(number.as_str()));
    named.and_then(|line| line.split(':').next()).map_or(number.clone(), str::to_owned)
}

/// Why nothing can be said of what lies in the data directory, where it is closed to whoever asks.
pub fn closed(config: &Config) -> Option<String> {
    let data = config.data_dir();
    let error = fs::read_dir(data).err()?;
    let is_closed = error.kind() == std::io::ErrorKind::PermissionDenied;
    is_closed.then(|| format!("{} is the service's own; `sudo reviewd doctor` can look into it", data.display()))
}

/// The numeric user that this process works as.
fn user() -> u32 {
    fs::metadata("/proc/self").map_or(0, |metadata| metadata.uid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Outcome;

    #[test]
    fn the_kernels_limits_are_compared_with_the_directories() {
        for (directories, watches, instances, expected) in [
            (10, Some(8_192), Some(128), Outcome::Ok),
            (5_000, Some(8_192), Some(128), Outcome::Warning),
            (9_000, Some(8_192), Some(128), Outcome::Failed),
            (10, Some(8_192), Some(1), Outcome::Failed),
            (10, None, Some(1), Outcome::Skipped),
        ] {
            let check = inotify(directories, 1, watches, instances);
            assert_eq!(check.outcome, expected, "{check}");
            if expected == Outcome::Failed {
                assert!(check.cure.unwrap().contains("fs.inotify.max_user_"));
            }
        }
    }

    #[test]
    fn a_database_is_judged_by_its_version_and_its_faults() {
        let home = tempfile::tempdir().unwrap();
        let config = Config::load(&Default::default(), &Default::default(), home.path()).unwrap();
        let health = |schema, faults: &[&str]| {
            Ok(Health { schema, known: 5, faults: faults.iter().map(|fault| (*fault).to_owned()).collect() })
        };
        for (health, expected, words) in [
            (health(5, &[]), Outcome::Ok, "whole"),
            (health(3, &[]), Outcome::Ok, "next start"),
            (health(6, &[]), Outcome::Failed, "newer reviewd"),
            (health(5, &["row 3 missing from index"]), Outcome::Failed, "row 3 missing"),
        ] {
            let check = database(&config, health);
            assert_eq!(check.outcome, expected, "{check}");
            assert!(check.measured.contains(words), "{check}");
        }
    }
}
