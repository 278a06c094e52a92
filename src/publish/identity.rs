//! Permanent ids and the journal that keeps them: losing the database loses no identity.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fingerprint;
use crate::domain::{Genre, Handle, ReviewId, Slug};

/// Letters and digits without look-alikes (Crockford's base 32, lower case).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of a minted id: 50 bits, so that a reviewer with 10,000 reviews meets a collision once in 20 million cases.
const ID_CHARS: usize = 10;

/// One line of `ids.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub at: Timestamp,
    pub event: LineEvent,
    pub reviewer: Handle,
    pub id: ReviewId,
    /// Left out for reviews.
    #[serde(default, skip_serializing_if = "Genre::is_review")]
    pub genre: Genre,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<Slug>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LineEvent {
    Minted,
    Moved,
    Deleted,
}

/// The append-only, readable record of every id: `data/ids.jsonl`.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    ids: BTreeMap<(Handle, ReviewId), Known>,
    /// How long the file is as far as its lines are whole.
    whole_bytes: u64,
}

/// What the journal knows of an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub guid: Option<String>,
    pub slug: Option<Slug>,
    pub file: Option<String>,
    pub published: Option<Timestamp>,
    pub deleted: bool,
}

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("open the journal of ids {path}: {source}")]
    Open { path: PathBuf, source: std::io::Error },
    #[error(
        "{path}:{line}: not a line of the journal of ids ({detail}); restore the file from a backup, or remove the damaged line if it is the last one"
    )]
    Damaged { path: PathBuf, line: usize, detail: String },
    #[error("write the journal of ids {path}: {source}")]
    Write { path: PathBuf, source: std::io::Error },
}

impl Journal {
    /// Reads the journal, made when absent. A last line that a crash cut short is cut off: nothing was built on it.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Open { path: path.to_owned(), source };
        let file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(failed)?;
        let mut ids = BTreeMap::new();
        let mut whole_bytes = 0;
        for (index, line) in BufReader::new(&file).split(b'\n').enumerate() {
            let bytes = line.map_err(failed)?;
            let ends = whole_bytes + bytes.len() as u64 + 1;
            let parsed = serde_json::from_slice::<Line>(&bytes);
            let length = file.metadata().map_err(failed)?.len();
            match parsed {
                Ok(line) => {
                    note(&mut ids, line);
                    // An editor may have left the last line without its end.
                    if ends > length {
                        (&file).write_all(b"\n").map_err(failed)?;
                    }
                }
                Err(_) if ends > length => {
                    file.set_len(whole_bytes).map_err(failed)?;
                    break;
                }
                Err(error) => {
                    return Err(JournalError::Damaged {
                        path: path.to_owned(),
                        line: index + 1,
                        detail: error.to_string(),
                    });
                }
            }
            whole_bytes = ends;
        }
        Ok(Self { path: path.to_owned(), file, ids, whole_bytes })
    }

    /// The ids of files by (reviewer, file), read without touching a journal that a daemon may be writing.
    pub fn peek(path: &Path) -> Result<BTreeMap<(String, String), ReviewId>, JournalError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(source) => return Err(JournalError::Open { path: path.to_owned(), source }),
        };
        let mut ids = BTreeMap::new();
        for line in text.lines().filter_map(|line| serde_json::from_str(line).ok()) {
            note(&mut ids, line);
        }
        Ok(ids
            .into_iter()
            .filter(|(_, known)| !known.deleted)
            .filter_map(|((reviewer, id), known)| Some(((reviewer.to_string(), known.file?), id)))
            .collect())
    }

    /// Appends lines and waits until they are on the disk; called before the ledger's transaction.
    pub fn append(&mut self, lines: Vec<Line>) -> Result<(), JournalError> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        for line in &lines {
            text.push_str(&serde_json::to_string(line).unwrap_or_default());
            text.push('\n');
        }
        let failed = |source| JournalError::Write { path: self.path.clone(), source };
        // A full disk may have cut the last attempt short: what is left of it must not stand before a whole line.
        if self.file.metadata().map_err(failed)?.len() > self.whole_bytes {
            self.file.set_len(self.whole_bytes).map_err(failed)?;
        }
        self.file.write_all(text.as_bytes()).map_err(failed)?;
        self.file.sync_data().map_err(failed)?;
        self.whole_bytes += text.len() as u64;
        for line in lines {
            note(&mut self.ids, line);
        }
        Ok(())
    }

    /// The ids that files had before the database was lost: live in the journal, unknown to the ledger.
    pub fn lost(
        &self,
        reviewer: &Handle,
        in_ledger: impl Fn(&ReviewId) -> bool,
    ) -> BTreeMap<String, (ReviewId, Known)> {
        self.ids
            .iter()
            .filter(|((handle, id), known)| handle == reviewer && !known.deleted && !in_ledger(id))
            .filter_map(|((_, id), known)| Some((known.file.clone()?, (id.clone(), known.clone()))))
            .collect()
    }

    /// Whether the id was ever used by this reviewer.
    pub fn used(&self, reviewer: &Handle, id: &ReviewId) -> bool {
        self.ids.contains_key(&(reviewer.clone(), id.clone()))
    }

    /// Whether the journal remembers anything of a reviewer.
    pub fn knows(&self, reviewer: &Handle) -> bool {
        self.ids.keys().any(|(handle, _)| handle == reviewer)
    }
}

fn note(ids: &mut BTreeMap<(Handle, ReviewId), Known>, line: Line) {
    let known = ids.entry((line.reviewer, line.id)).or_insert(Known {
        guid: None,
        slug: None,
        file: None,
        published: None,
        deleted: false,
    });
    known.guid = line.guid.or(known.guid.take());
    known.slug = line.slug.or(known.slug.take());
    known.file = line.file.or(known.file.take());
    known.published = line.published.or(known.published.take());
    known.deleted = line.event == LineEvent::Deleted;
}

/// The id of a review or an answer by its slug at first publication.
///
/// Derived, so that an empty data directory over the same folder gives the same ids; hashed, so that no id ever shows a
/// slug that has since changed. Since a restore the time of it is part of the id: the original may have used the plain one
/// for a review that was deleted since, and other servers never take a deleted id again.
pub fn derived(reviewer: &Handle, genre: Genre, slug: &Slug, restored: Option<Timestamp>) -> ReviewId {
    let since = restored.map(|at| format!("/{at}")).unwrap_or_default();
    let name = match genre {
        Genre::Review => format!("{reviewer}/{slug}{since}"),
        Genre::Answer => format!("{reviewer}/replies/{slug}{since}"),
    };
    let hash = fingerprint::of_bytes(name.as_bytes());
    let bits = u64::from_str_radix(&hash[..16], 16).unwrap_or_default();
    let id: String = (0..ID_CHARS).map(|n| char::from(ALPHABET[(bits >> (5 * n)) as usize & 31])).collect();
    // Letters and digits always make a valid id.
    ReviewId::parse(&id).unwrap_or_else(|| unreachable!("a minted id is made of letters and digits"))
}

/// The first of `id`, `id-2`, `id-3` … that was never used.
pub fn unused(id: &ReviewId, used: impl Fn(&ReviewId) -> bool) -> ReviewId {
    if !used(id) {
        return id.clone();
    }
    (2..).map(|n| id.nth(n)).find(|candidate| !used(candidate)).unwrap_or_else(|| id.clone())
}

/// The first of `slug`, `slug-2` … that no other page has.
pub fn free_slug(slug: &Slug, taken: impl Fn(&Slug) -> bool) -> Slug {
    if !taken(slug) {
        return slug.clone();
    }
    (2..).map(|n| slug.nth(n)).find(|candidate| !taken(candidate)).unwrap_or_else(|| slug.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle() -> Handle {
        Handle::parse("ana").unwrap()
    }

    fn minted(file: &str, id: &ReviewId) -> Line {
        Line {
            at: Timestamp::UNIX_EPOCH,
            event: LineEvent::Minted,
            reviewer: handle(),
            id: id.clone(),
            genre: Genre::Review,
            guid: Some(format!("urn:uuid:{file}")),
            slug: Some(Slug::from_text(file)),
            file: Some(file.to_owned()),
            published: None,
        }
    }

    #[test]
    fn the_same_slug_gives_the_same_id_and_the_id_does_not_show_it() {
        let id = derived(&handle(), Genre::Review, &Slug::from_text("Dune"), None);
        assert_eq!(id, derived(&handle(), Genre::Review, &Slug::from_text("dune"), None));
        assert_ne!(id, derived(&Handle::parse("bob").unwrap(), Genre::Review, &Slug::from_text("dune"), None));
        assert!(!id.as_str().contains("dune"));
        assert_ne!(id, derived(&handle(), Genre::Review, &Slug::from_text("dune"), Some(Timestamp::UNIX_EPOCH)));
    }

    #[test]
    fn an_id_once_used_is_never_used_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ids.jsonl");
        let id = derived(&handle(), Genre::Review, &Slug::from_text("dune"), None);
        let mut journal = Journal::open(&path).unwrap();
        journal.append(vec![minted("dune.md", &id)]).unwrap();
        journal.append(vec![Line { event: LineEvent::Deleted, ..minted("dune.md", &id) }]).unwrap();
        let journal = Journal::open(&path).unwrap();
        assert_eq!(unused(&id, |id| journal.used(&handle(), id)), id.nth(2));
        assert!(journal.lost(&handle(), |_| false).is_empty());
    }

    #[test]
    fn a_lost_database_finds_its_ids_in_the_journal() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ids.jsonl");
        let id = derived(&handle(), Genre::Review, &Slug::from_text("dune"), None);
        Journal::open(&path).unwrap().append(vec![minted("dune.md", &id)]).unwrap();
        let journal = Journal::open(&path).unwrap();
        let (found, known) = journal.lost(&handle(), |_| false).remove("dune.md").unwrap();
        assert_eq!((found, known.guid.as_deref()), (id, Some("urn:uuid:dune.md")));
    }

    #[test]
    fn a_line_cut_short_by_a_full_disk_is_cut_off_before_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ids.jsonl");
        let of = |slug| derived(&handle(), Genre::Review, &Slug::from_text(slug), None);
        let (dune, emma) = (of("dune"), of("emma"));
        let mut journal = Journal::open(&path).unwrap();
        journal.append(vec![minted("dune.md", &dune)]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [whole.as_slice(), b"{\"at\":\"20"].concat()).unwrap();
        journal.append(vec![minted("emma.md", &emma)]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        for _ in 0..2 {
            let mut journal = Journal::open(&path).unwrap();
            assert!(journal.used(&handle(), &dune) && journal.used(&handle(), &emma));
            journal.append(vec![minted("late.md", &dune.nth(2))]).unwrap();
        }
    }

    #[test]
    fn a_line_cut_short_by_a_crash_is_cut_off_and_a_damaged_one_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ids.jsonl");
        let id = derived(&handle(), Genre::Review, &Slug::from_text("dune"), None);
        Journal::open(&path).unwrap().append(vec![minted("dune.md", &id)]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [whole.as_slice(), b"{\"at\":\"20"].concat()).unwrap();
        Journal::open(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        std::fs::write(&path, [b"nonsense\n".as_slice(), &whole].concat()).unwrap();
        assert!(Journal::open(&path).unwrap_err().to_string().contains("ids.jsonl:1"));
    }
}
