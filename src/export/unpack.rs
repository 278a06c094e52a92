//! Puts a static copy into its directory: made aside, then moved; over an older copy, and over nothing else.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::MARK;

/// Why a directory takes no copy.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("{path} is not empty, and no copy made by reviewd; name a new directory")]
    Foreign { path: PathBuf },
    #[error("{doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

/// Unpacks the copy in `tar` and puts it where `directory` is; returns the number of files.
///
/// # Errors
/// There is something else in that place, or it cannot be written.
pub fn unpack(tar: &Path, directory: &Path) -> Result<u64, Refused> {
    let failed = |doing: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| Refused::Io { doing, path, source }
    };
    let old = match fs::read_dir(directory) {
        Ok(_) if directory.join(MARK).is_file() => true,
        Ok(mut entries) => match entries.next() {
            None => true,
            Some(_) => return Err(Refused::Foreign { path: directory.to_owned() }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(failed("look into", directory)(error)),
    };
    let parent = match directory.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(failed("create", parent))?;
    // Beside its place, so that the moves stay on one file system.
    let aside = tempfile::Builder::new().prefix(".reviewd-site-").tempdir_in(parent);
    let aside = aside.map_err(failed("make a directory in", parent))?;
    let (new, replaced) = (aside.path().join("new"), aside.path().join("old"));
    fs::create_dir(&new).map_err(failed("create", &new))?;
    let file = fs::File::open(tar).map_err(failed("open", tar))?;
    let mut archive = tar::Archive::new(io::BufReader::new(file));
    archive.set_preserve_mtime(true);
    let mut files = 0;
    for member in archive.entries().map_err(failed("read", tar))? {
        let mut member = member.map_err(failed("read", tar))?;
        // A member that would lie outside is passed over by `unpack_in`; ours never do.
        member.unpack_in(&new).map_err(failed("write", &new))?;
        files += 1;
    }
    if old {
        fs::rename(directory, &replaced).map_err(failed("move aside", directory))?;
    }
    if let Err(error) = fs::rename(&new, directory) {
        if old {
            fs::rename(&replaced, directory).map_err(failed("put back", directory))?;
        }
        return Err(failed("put into place", directory)(error));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(directory: &Path, text: &str) -> PathBuf {
        let path = directory.join("copy.tar");
        let mut tar = tar::Builder::new(fs::File::create(&path).unwrap());
        for (name, bytes) in [(MARK, "made"), ("index.html", text), ("@ana/dune/index.html", text)] {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, bytes.as_bytes()).unwrap();
        }
        tar.finish().unwrap();
        path
    }

    #[test]
    fn a_newer_copy_replaces_an_older_one_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join("deep/site");
        assert_eq!(unpack(&copy(home.path(), "one"), &place).unwrap(), 3);
        fs::write(place.join("stale.html"), "x").unwrap();
        unpack(&copy(home.path(), "two"), &place).unwrap();
        assert_eq!(fs::read_to_string(place.join("@ana/dune/index.html")).unwrap(), "two");
        assert!(!place.join("stale.html").exists());
        let left: Vec<_> =
            fs::read_dir(home.path().join("deep")).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert_eq!(left, ["site"]);

        let foreign = home.path().join("photos");
        fs::create_dir(&foreign).unwrap();
        unpack(&copy(home.path(), "three"), &foreign).unwrap();
        fs::remove_file(foreign.join(MARK)).unwrap();
        let error = unpack(&copy(home.path(), "four"), &foreign).unwrap_err().to_string();
        assert!(error.contains("no copy made by reviewd"), "{error}");
        assert_eq!(fs::read_to_string(foreign.join("index.html")).unwrap(), "three");
    }
}
