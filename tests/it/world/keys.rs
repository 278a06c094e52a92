//! Keys that all worlds share: making a pair takes as long as the test it is for.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use reviewd::fediverse::keys::{KeyPlaces, KeyRing, WhenAbsent};

use super::handle;

/// Made by the first run of the tests, kept beside what cargo builds.
static KEYS: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("keys");
    let wanted = ["ana", "bea"].map(|name| (handle(name), WhenAbsent::Create));
    KeyRing::load(&KeyPlaces::directory(&directory), &wanted).unwrap();
    directory
});

/// Puts them where a daemon with this data directory looks for its own.
pub fn lay_out(data: &Path) {
    let keys = data.join("keys");
    fs::create_dir_all(&keys).unwrap();
    for entry in fs::read_dir(&*KEYS).unwrap().flatten() {
        // Keeps the mode: a key that others can read is refused.
        fs::copy(entry.path(), keys.join(entry.file_name())).unwrap();
    }
}
