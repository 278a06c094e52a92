//! Puts reviews into a folder: each once, never over a file that is there, and never half.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
};

use super::{Brought, ImportError, Row, file};

/// Where new files are written before they are moved into place; on the same file system, and passed over by a daemon that
/// watches the folder.
const STAGE: &str = ".reviewd-import";
/// How deep a folder is searched for what was imported before.
const DEPTH_MAX: usize = 16;
/// Only the beginning of a file is looked at for its identity, in bytes.
const HEAD_BYTES: usize = 16 << 10;

/// A folder that takes reviews.
pub struct Into {
    folder: PathBuf,
    stage: Option<PathBuf>,
    /// Directories that were not there before, innermost first.
    made: Vec<PathBuf>,
    /// Files by the row they came from.
    known: HashMap<String, PathBuf>,
    /// Names that are taken, in lower case: some file systems do not tell cases apart.
    taken: HashSet<String>,
    /// Written aside: the file there, and where it belongs.
    staged: Vec<(PathBuf, PathBuf)>,
    /// How often a row's name came in this export.
    seen: HashMap<String, u32>,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tally {
    /// A file that is new, relative to the folder.
    New(PathBuf),
    /// The row came before; its file, edited or not, stays as it is.
    Known(PathBuf),
}

impl Into {
    /// Looks at what is in the folder already. With `dry`, nothing will be written.
    pub fn open(folder: &Path, dry: bool) -> Result<Self, ImportError> {
        let failed = |doing: &'static str| {
            let path = folder.to_owned();
            move |source: io::Error| ImportError::Write { doing, path, source }
        };
        let mut into = Self {
            folder: folder.to_owned(),
            stage: None,
            made: Vec::new(),
            known: HashMap::new(),
            taken: HashSet::new(),
            staged: Vec::new(),
            seen: HashMap::new(),
        };
        if folder.exists() {
            into.look(folder, 0).map_err(failed("read the folder"))?;
        }
        if !dry {
            let missing =
                folder.ancestors().filter(|path| !path.as_os_str().is_empty()).take_while(|path| !path.exists());
            into.made = missing.map(Path::to_owned).collect();
            fs::create_dir_all(folder).map_err(failed("create the folder"))?;
            let stage = folder.join(STAGE);
            // What a broken run left there was never in place.
            match fs::remove_dir_all(&stage) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed("clear the stage in")(error));
                }
                Ok(()) | Err(_) => {}
            }
            fs::create_dir(&stage).map_err(failed("make a place for new files in"))?;
            into.stage = Some(stage);
        }
        Ok(into)
    }

    /// Writes a review aside, unless its row came before.
    pub fn put(&mut self, review: &mut Brought) -> Result<Tally, ImportError> {
        // Where an export names its rows by their words, two of them may be alike.
        let times = self.seen.entry(review.identity.clone()).or_insert(0);
        *times += 1;
        if *times > 1 {
            review.identity = format!("{}#{times}", review.identity);
        }
        if let Some(path) = self.known.get(&review.identity) {
            return Ok(Tally::Known(path.clone()));
        }
        let name = self.free_name(&file::stem(review));
        let place = self.folder.join(&name);
        if let Some(stage) = &self.stage {
            let aside = stage.join(format!("{}.md", self.staged.len()));
            let failed = |source| ImportError::Write { doing: "write", path: aside.clone(), source };
            fs::write(&aside, file::text(review)).map_err(failed)?;
            self.staged.push((aside, place));
        }
        self.known.insert(review.identity.clone(), PathBuf::from(&name));
        Ok(Tally::New(name.into()))
    }

    /// Moves everything into place, or nothing. A run that is killed here has put whole files only, and another run does the
    /// rest.
    pub fn finish(mut self) -> Result<(), ImportError> {
        let staged = std::mem::take(&mut self.staged);
        for (number, (aside, place)) in staged.iter().enumerate() {
            // A link does not replace a file that came meanwhile; a move would.
            let put = fs::hard_link(aside, place)
                .and_then(|()| fs::remove_file(aside))
                .or_else(|error| if place.exists() { Err(error) } else { fs::rename(aside, place) });
            if let Err(source) = put {
                for (_, place) in &staged[..number] {
                    // What stays is a whole file, and another run knows it.
                    let _ = fs::remove_file(place);
                }
                return Err(ImportError::Write { doing: "put into place", path: place.clone(), source });
            }
        }
        Ok(())
    }

    fn free_name(&mut self, stem: &str) -> String {
        let mut name = format!("{stem}.md");
        let mut number = 2;
        while !self.taken.insert(name.clone()) {
            name = format!("{stem}-{number}.md");
            number += 1;
        }
        name
    }

    fn look(&mut self, folder: &Path, depth: usize) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            if depth == 0 {
                self.taken.insert(name.to_lowercase());
                // A page bundle has the address that a file of its name would ask for.
                self.taken.insert(format!("{}.md", name.to_lowercase()));
            }
            let kind = entry.file_type()?;
            if kind.is_dir() && !name.starts_with('.') && depth < DEPTH_MAX {
                self.look(&path, depth + 1)?;
            } else if kind.is_file() && name.ends_with(".md") {
                let bytes = fs::read(&path)?;
                let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD_BYTES)]);
                if let Some(identity) = file::identity(&head) {
                    let relative = path.strip_prefix(&self.folder).unwrap_or(&path).to_owned();
                    self.known.insert(identity, relative);
                }
            }
        }
        Ok(())
    }
}

impl Drop for Into {
    fn drop(&mut self) {
        if let Some(stage) = &self.stage {
            // It holds nothing that is in place.
            let _ = fs::remove_dir_all(stage);
        }
        for folder in &self.made {
            // Only those that stayed empty can be removed.
            let _ = fs::remove_dir(folder);
        }
    }
}

impl Row {
    /// The line of the export that it stands in.
    pub fn line(&self) -> u64 {
        match self {
            Self::Review(review) => review.line,
            Self::Passed(passed) => passed.line,
        }
    }
}
