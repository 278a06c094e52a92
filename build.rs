//! Packs the source this program is built from, so that the program itself can hand it out (AGPL-3.0 section 13).
//!
//! The same files give the same bytes: sorted names, no times, no owners. Tests stay out: they are not needed to build,
//! and a change of them would build the library again.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use flate2::{Compression, GzBuilder};

/// Files and directories of the package that it takes to build, install, run and change the program.
const SOURCE: [&str; 19] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "FEDERATION.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "askama.toml",
    "benches",
    "build.rs",
    "clippy.toml",
    "config",
    "deny.toml",
    "deploy",
    "justfile",
    "rustfmt.toml",
    "src",
];

/// The archive is part of the program: a fixture or a picture that strayed into `src` must not swell it unseen.
const ARCHIVE_BYTES_MAX: usize = 2 << 20;

fn main() -> io::Result<()> {
    let package = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let mut files = Vec::new();
    for name in SOURCE {
        let path = package.join(name);
        if path.exists() {
            println!("cargo::rerun-if-changed={name}");
            collect(&path, &mut files)?;
        }
    }
    files.sort();
    let folder = format!("reviewd-{}", variable("CARGO_PKG_VERSION")?);
    let archive = pack(&package, &folder, &files)?;
    if archive.len() > ARCHIVE_BYTES_MAX {
        return Err(io::Error::other(format!(
            "the source archive has {} bytes, more than {ARCHIVE_BYTES_MAX}: keep large files out of src",
            archive.len()
        )));
    }
    fs::write(Path::new(&variable("OUT_DIR")?).join("source.tar.gz"), archive)
}

#[expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts through the environment")]
fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")))
}

/// Every file below a path, without what editors and snapshot tests leave behind.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with('.') || name.ends_with('~') || name.ends_with(".snap.new") {
        return Ok(());
    }
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else {
        files.push(path.to_owned());
    }
    Ok(())
}

fn pack(package: &Path, folder: &str, files: &[PathBuf]) -> io::Result<Vec<u8>> {
    let zipper = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    let mut archive = tar::Builder::new(zipper);
    for file in files {
        let bytes = fs::read(file)?;
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        let name = file.strip_prefix(package).map_err(io::Error::other)?;
        archive.append_data(&mut header, Path::new(folder).join(name), bytes.as_slice())?;
    }
    archive.into_inner()?.finish()
}
