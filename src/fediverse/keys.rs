//! The private keys of our actors: one file each, made once and never by accident again.
//!
//! A key is an identity. Followers' servers remember it, and some never ask for another; so where followers exist and the
//! file does not, the program stops and says so instead of making a new one.

use std::{
    collections::HashMap,
    fs::{self, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::signature::{KeyPair, key::KeyProblem};
use crate::{config::Config, domain::Handle};

/// Owner reads and writes, nobody else.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
/// Any of these bits means that somebody else may read the key.
pub const OTHERS_MASK: u32 = 0o077;

/// Whether a missing key may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenAbsent {
    Create,
    /// Somebody out there knows the key that should be here.
    Refuse,
}

/// Why there is no key, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileProblem {
    #[error(
        "the key {} is missing although followers know it: restore the file from your backup (a new key would cut \
         every follower off); with no backup left, `reviewd keys rotate` makes one and tells the followers",
        path.display()
    )]
    Missing { path: PathBuf },
    #[error("the key {0} can be read by others (mode {mode:03o}): run `chmod 600 {0}`", path.display())]
    Open { path: PathBuf, mode: u32 },
    #[error(
        "the key {} is a credential of the service: replace the file that LoadCredential= names, and restart",
        path.display()
    )]
    Credential { path: PathBuf },
    #[error("{doing} the key {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("the key {} cannot be used: {source}; restore the file from your backup", path.display())]
    Damaged { path: PathBuf, source: KeyProblem },
}

/// Where keys lie: in a directory of their own, or, name by name, where the service manager put them as credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlaces {
    pub directory: PathBuf,
    /// systemd's `$CREDENTIALS_DIRECTORY`.
    pub credentials: Option<PathBuf>,
}

/// Where one key lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPlace {
    /// Ours to make and to replace.
    File(PathBuf),
    /// Somebody else's file, of which we get a copy at each start (`LoadCredential=`).
    Credential(PathBuf),
}

impl KeyPlaces {
    /// Where the keys of these settings lie.
    pub fn configured(config: &Config) -> Self {
        Self { directory: config.keys_dir(), credentials: config.credentials.clone() }
    }

    /// All keys lie in `directory`.
    pub fn directory(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), credentials: None }
    }

    pub fn reviewer(&self, handle: &Handle) -> KeyPlace {
        self.named(&format!("{handle}.pem"))
    }

    pub fn instance(&self) -> KeyPlace {
        self.named(INSTANCE_FILE)
    }

    fn named(&self, name: &str) -> KeyPlace {
        let credential = self.credentials.as_ref().map(|directory| directory.join(name)).filter(|path| path.exists());
        match credential {
            Some(path) => KeyPlace::Credential(path),
            None => KeyPlace::File(self.directory.join(name)),
        }
    }
}

impl KeyPlace {
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Credential(path) => path,
        }
    }
}

/// All keys of the site, loaded once at start.
#[derive(Debug, Clone)]
pub struct KeyRing {
    /// The instance actor's, which signs our GETs.
    pub instance: KeyPair,
    reviewers: HashMap<Handle, KeyPair>,
}

/// The instance actor's file; a handle holds no hyphen, so no reviewer's file has this name.
pub const INSTANCE_FILE: &str = "instance-actor.pem";

impl KeyRing {
    /// Loads `{handle}.pem` of each reviewer, and the instance actor's key.
    ///
    /// A reviewer without a key gets one where the second part allows it.
    pub fn load(places: &KeyPlaces, reviewers: &[(Handle, WhenAbsent)]) -> Result<Self, KeyFileProblem> {
        let mut keys = HashMap::new();
        for (handle, when_absent) in reviewers {
            let key = load_or_create(&places.reviewer(handle), *when_absent)?;
            keys.insert(handle.clone(), key);
        }
        // Losing this one heals by itself: it signs GETs only, and servers fetch it anew when a signature fails.
        let instance = load_or_create(&places.named(INSTANCE_FILE), WhenAbsent::Create)?;
        Ok(Self { instance, reviewers: keys })
    }

    pub fn reviewer(&self, handle: &Handle) -> Option<&KeyPair> {
        self.reviewers.get(handle)
    }
}

/// Loads the key, or makes it where that does no harm.
///
/// A new key is written beside its place and linked there, so that two processes end up with the same one and a power cut
/// leaves a whole file or none.
pub fn load_or_create(place: &KeyPlace, when_absent: WhenAbsent) -> Result<KeyPair, KeyFileProblem> {
    match (load(place), place) {
        (Err(KeyFileProblem::Missing { .. }), KeyPlace::File(path)) if when_absent == WhenAbsent::Create => {
            create(path)?;
            load(place)
        }
        (other, _) => other,
    }
}

/// Puts the key aside, if there is one, and makes a new one; where the old one lies now.
///
/// # Errors
/// A key that came as a credential is not ours to replace; a damaged one is left where it is.
pub fn rotate(place: &KeyPlace, now: Timestamp) -> Result<Option<PathBuf>, KeyFileProblem> {
    let KeyPlace::File(path) = place else {
        return Err(KeyFileProblem::Credential { path: place.path().to_owned() });
    };
    let aside = match load(place) {
        Ok(_) => {
            let aside = path.with_extension(format!("{}.pem", now.as_second()));
            fs::rename(path, &aside).map_err(|source| KeyFileProblem::Io {
                doing: "put aside",
                path: path.clone(),
                source,
            })?;
            Some(aside)
        }
        Err(KeyFileProblem::Missing { .. }) => None,
        Err(problem) => return Err(problem),
    };
    load_or_create(place, WhenAbsent::Create)?;
    Ok(aside)
}

/// Loads the key; its absence is [`KeyFileProblem::Missing`].
pub fn load(place: &KeyPlace) -> Result<KeyPair, KeyFileProblem> {
    let path = place.path();
    let io = |doing| move |source| KeyFileProblem::Io { doing, path: path.to_owned(), source };
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(KeyFileProblem::Missing { path: path.to_owned() });
        }
        other => other.map_err(io("look at"))?,
    };
    let mode = metadata.permissions().mode() & 0o777;
    // systemd lets the service read its copy by an access list, whose mask looks like rights of the group.
    let guarded = matches!(place, KeyPlace::Credential(_));
    if mode & OTHERS_MASK != 0 && !guarded {
        return Err(KeyFileProblem::Open { path: path.to_owned(), mode });
    }
    let pem = fs::read_to_string(path).map_err(io("read"))?;
    KeyPair::from_pem(&pem).map_err(|source| KeyFileProblem::Damaged { path: path.to_owned(), source })
}

fn create(path: &Path) -> Result<(), KeyFileProblem> {
    let io = |doing| move |source| KeyFileProblem::Io { doing, path: path.to_owned(), source };
    let directory = path.parent().unwrap_or(Path::new("."));
    if !directory.exists() {
        fs::create_dir_all(directory).map_err(io("make the directory of"))?;
        fs::set_permissions(directory, Permissions::from_mode(DIRECTORY_MODE)).map_err(io("protect"))?;
    }
    let pem = KeyPair::generate()
        .and_then(|key| key.to_private_pem())
        .map_err(|source| KeyFileProblem::Damaged { path: path.to_owned(), source })?;
    let draft = path.with_extension(format!("pem.{}", std::process::id()));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&draft).map_err(io("write"))?;
    let written = file.write_all(pem.as_bytes()).and_then(|()| file.sync_all());
    drop(file);
    // A command of root's makes the daemon's key, not its own.
    let owned = written.and_then(|()| {
        let (own, directory) = (fs::metadata(&draft)?, fs::metadata(directory)?);
        if own.uid() == directory.uid() { Ok(()) } else { chown(&draft, Some(directory.uid()), Some(directory.gid())) }
    });
    // A link does not overwrite: whoever came first has made the key, and both use it.
    let linked = owned.and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.and(removed).map_err(io("write")),
    }?;
    fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(io("write"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_loaded_ever_after() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys/ana.pem");
        let made = load_or_create(&KeyPlace::File(path.clone()), WhenAbsent::Create).unwrap().to_public_pem().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        for when_absent in [WhenAbsent::Create, WhenAbsent::Refuse] {
            assert_eq!(
                load_or_create(&KeyPlace::File(path.clone()), when_absent).unwrap().to_public_pem().unwrap(),
                made
            );
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_ring_holds_a_key_for_each_reviewer_and_one_for_the_site() {
        let directory = tempfile::tempdir().unwrap();
        let (ana, bob) = (Handle::parse("ana").unwrap(), Handle::parse("bob").unwrap());
        let ring =
            KeyRing::load(&KeyPlaces::directory(directory.path()), &[(ana.clone(), WhenAbsent::Create)]).unwrap();
        assert!(ring.reviewer(&ana).is_some() && ring.reviewer(&bob).is_none());
        assert!(directory.path().join("ana.pem").exists() && directory.path().join("instance-actor.pem").exists());
        let both = [(ana, WhenAbsent::Refuse), (bob, WhenAbsent::Refuse)];
        assert!(
            matches!(KeyRing::load(&KeyPlaces::directory(directory.path()), &both), Err(KeyFileProblem::Missing { path }) if path.ends_with("bob.pem"))
        );
    }

    #[test]
    fn where_followers_exist_a_missing_key_is_never_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ana.pem");
        let problem = load_or_create(&KeyPlace::File(path.clone()), WhenAbsent::Refuse).unwrap_err();
        assert!(matches!(problem, KeyFileProblem::Missing { .. }));
        assert!(problem.to_string().contains("restore the file from your backup"), "{problem}");
        assert!(!path.exists());
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_cure() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ana.pem");
        load_or_create(&KeyPlace::File(path.clone()), WhenAbsent::Create).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let problem = load_or_create(&KeyPlace::File(path.clone()), WhenAbsent::Create).unwrap_err().to_string();
            assert!(problem.contains(&format!("mode {mode:o}")) && problem.contains("chmod 600"), "{problem}");
        }
    }

    #[test]
    fn a_damaged_key_is_neither_used_nor_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ana.pem");
        fs::write(&path, "not a key").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let damaged = load_or_create(&KeyPlace::File(path.clone()), WhenAbsent::Create);
        assert!(matches!(damaged, Err(KeyFileProblem::Damaged { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "not a key");
    }

    #[test]
    fn a_credential_is_read_whatever_its_mode_and_never_made_or_replaced() {
        let home = tempfile::tempdir().unwrap();
        let credentials = home.path().join("credentials");
        let places = KeyPlaces { directory: home.path().join("keys"), credentials: Some(credentials.clone()) };
        let (ana, bob) = (Handle::parse("ana").unwrap(), Handle::parse("bob").unwrap());
        let made = load_or_create(&KeyPlace::File(credentials.join("ana.pem")), WhenAbsent::Create).unwrap();
        fs::set_permissions(credentials.join("ana.pem"), Permissions::from_mode(0o440)).unwrap();
        let ring = KeyRing::load(&places, &[(ana.clone(), WhenAbsent::Refuse), (bob.clone(), WhenAbsent::Create)]);
        let public = |key: &KeyPair| key.to_public_pem().unwrap();
        assert_eq!(public(ring.unwrap().reviewer(&ana).unwrap()), public(&made));
        assert_eq!(places.reviewer(&bob), KeyPlace::File(home.path().join("keys/bob.pem")));
        let refused = rotate(&places.reviewer(&ana), Timestamp::UNIX_EPOCH).unwrap_err().to_string();
        assert!(refused.contains("LoadCredential="), "{refused}");
        let aside = rotate(&places.reviewer(&bob), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(aside, Some(home.path().join("keys/bob.0.pem")));
    }
}
