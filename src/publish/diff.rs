//! What the folder says now against what was published: the difference, as events in the past tense. Pure.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;

use crate::domain::{
    ReviewId, Writing,
    ledger::{Entry, Intent, Likeness, Standing},
};

/// One file as the walk found it.
#[derive(Debug, Clone)]
pub struct Found {
    pub path: String,
    pub now: Now,
}

/// What a file is now.
#[derive(Debug, Clone)]
pub enum Now {
    /// Its state is that of the last reading, which found something to publish or not.
    Unchanged {
        published: bool,
    },
    /// Read and understood.
    Understood(Arc<FoundText>),
    Draft,
    /// Read and nothing to publish, or not to be understood; `back` when it was not there at the last look.
    Unreadable {
        back: bool,
    },
}

/// A review or an answer as read just now, with what decides whether anybody would notice.
#[derive(Debug, Clone)]
pub struct FoundText {
    pub writing: Writing,
    pub likeness: Likeness,
    /// Hash of everything the page shows.
    pub shown: String,
    /// Hash of what followers would see.
    pub worded: String,
    /// Its date lies in the future: published when that comes.
    pub scheduled: Option<Timestamp>,
    /// It has stood beside its twin for the waiting time: a copy, not half of a rename.
    pub twin_waited: bool,
    /// The text is that of the last reading; only pictures that were still to be prepared have come.
    pub only_pictures: bool,
}

/// What happened to one review or answer since the last reconcile.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A file that no entry knows.
    Appeared { path: String },
    /// The same file, with something that can be seen changed.
    Edited { id: ReviewId, path: String },
    /// Pictures that were still to be prepared have come: shown, and no edit.
    Pictured { id: ReviewId, path: String },
    /// The same file, with nothing that can be seen changed; its likeness is noted.
    Touched { id: ReviewId, path: String },
    /// The review stands in another file now; `edited` when its text changed too.
    Moved { id: ReviewId, path: String, edited: bool },
    /// The new file's entry, published moments ago and not yet announced, was this old review under a new name.
    Merged { old: ReviewId, new: ReviewId, path: String },
    /// The file came back before its Delete was sent.
    Returned { id: ReviewId, path: String, edited: bool },
    /// The file is gone, or became a draft.
    Removed { id: ReviewId },
    /// The file cannot be understood: the last good version stays up.
    Kept { id: ReviewId, path: String },
    /// Identical to a live review: it waits to see whether the other one goes.
    Waits { path: String },
}

/// Compares the ledger with the folder. `found` names every candidate file that is in the folder now.
pub fn diff<'a>(entries: impl IntoIterator<Item = &'a Entry>, found: &'a [Found]) -> Vec<Event> {
    let mut comparison = Comparison::new(entries, found);
    comparison.known_files();
    comparison.renames();
    comparison.merges();
    comparison.newcomers();
    comparison.removals();
    comparison.events
}

struct Comparison<'a> {
    found: &'a [Found],
    /// Answering entries by file; an entry on its way out gives way to a live one.
    by_file: HashMap<&'a str, &'a Entry>,
    /// Entries whose file is not in the folder.
    missing: Vec<&'a Entry>,
    /// Reviews and answers in files that no entry knows.
    newcomers: Vec<(&'a str, &'a FoundText)>,
    /// Live entries whose file is in the folder, with their likeness as of now.
    present: Vec<(&'a Entry, &'a Likeness)>,
    events: Vec<Event>,
}

impl<'a> Comparison<'a> {
    fn new(entries: impl IntoIterator<Item = &'a Entry>, found: &'a [Found]) -> Self {
        let entries: Vec<&Entry> = entries.into_iter().filter(|entry| entry.answers()).collect();
        let mut by_file: HashMap<&str, &Entry> = HashMap::with_capacity(entries.len());
        for entry in &entries {
            let taken = by_file.get(entry.file.as_str()).is_some_and(|other| other.standing == Standing::Live);
            if !taken {
                by_file.insert(&entry.file, entry);
            }
        }
        let paths: HashSet<&str> = found.iter().map(|one| one.path.as_str()).collect();
        let missing = entries.into_iter().filter(|entry| !paths.contains(entry.file.as_str())).collect();
        Self { found, by_file, missing, newcomers: Vec::new(), present: Vec::new(), events: Vec::new() }
    }

    fn known_files(&mut self) {
        for one in self.found {
            let Some(entry) = self.by_file.get(one.path.as_str()).copied() else {
                if let Now::Understood(found) = &one.now {
                    self.newcomers.push((&one.path, found));
                }
                continue;
            };
            if let Now::Unchanged { published } = one.now
                && !(published && leaves(entry))
            {
                self.present.push((entry, &entry.likeness));
                continue;
            }
            let (id, path) = (entry.id.clone(), one.path.clone());
            match &one.now {
                Now::Unchanged { .. } => self.events.push(Event::Returned { id, path, edited: false }),
                Now::Understood(found) => {
                    self.present.push((entry, &found.likeness));
                    let edited = found.shown != entry.shown || found.likeness.asked != entry.likeness.asked;
                    self.events.push(if leaves(entry) {
                        Event::Returned { id, path, edited }
                    } else if edited && found.only_pictures {
                        Event::Pictured { id, path }
                    } else if edited {
                        Event::Edited { id, path }
                    } else {
                        Event::Touched { id, path }
                    });
                }
                Now::Draft if leaves(entry) => {}
                Now::Draft => self.events.push(Event::Removed { id }),
                Now::Unreadable { back: true } if leaves(entry) => {
                    self.events.push(Event::Returned { id, path, edited: false });
                }
                Now::Unreadable { .. } => self.events.push(Event::Kept { id, path }),
            }
        }
    }

    /// Matches newcomers with missing entries: by `id:`, then by the same bytes, the same ISBN, the same title.
    fn renames(&mut self) {
        let rules: [fn(&Entry, &FoundText) -> bool; 4] = [
            |entry, new| new.writing.id() == Some(entry.id.as_str()),
            |entry, new| entry.likeness.digest == new.likeness.digest,
            |entry, new| entry.likeness.isbn.is_some() && entry.likeness.isbn == new.likeness.isbn,
            |entry, new| !entry.likeness.title.is_empty() && entry.likeness.title == new.likeness.title,
        ];
        for same in rules {
            let mut unmatched = Vec::new();
            for (path, new) in std::mem::take(&mut self.newcomers) {
                match self.missing.iter().position(|entry| entry.genre == new.writing.genre() && same(entry, new)) {
                    Some(at) => {
                        let entry = self.missing.remove(at);
                        let edited = new.shown != entry.shown;
                        self.events.push(Event::Moved { id: entry.id.clone(), path: path.to_owned(), edited });
                    }
                    None => unmatched.push((path, new)),
                }
            }
            self.newcomers = unmatched;
        }
    }

    /// A rename seen in two steps: the new name was published a moment ago, now the old one is gone.
    fn merges(&mut self) {
        let missing = std::mem::take(&mut self.missing);
        for old in missing {
            let twin = self.present.iter().position(|(entry, likeness)| {
                let unannounced = entry.intent == Intent::Create && entry.told.is_none() && entry.id != old.id;
                unannounced && !leaves(old) && entry.genre == old.genre && alike(&old.likeness, likeness)
            });
            match twin {
                Some(at) => {
                    let (new, _) = self.present.remove(at);
                    self.events.push(Event::Merged {
                        old: old.id.clone(),
                        new: new.id.clone(),
                        path: new.file.clone(),
                    });
                }
                None => self.missing.push(old),
            }
        }
    }

    fn newcomers(&mut self) {
        for (path, new) in std::mem::take(&mut self.newcomers) {
            let path = path.to_owned();
            if new.scheduled.is_some() {
                continue;
            }
            let has_twin = self.present.iter().any(|(_, likeness)| likeness.digest == new.likeness.digest);
            self.events.push(if has_twin && !new.twin_waited {
                Event::Waits { path }
            } else {
                Event::Appeared { path }
            });
        }
    }

    fn removals(&mut self) {
        for entry in &self.missing {
            if !leaves(entry) {
                self.events.push(Event::Removed { id: entry.id.clone() });
            }
        }
    }
}

/// Whether an entry is already on its way out.
fn leaves(entry: &Entry) -> bool {
    entry.intent == Intent::Delete
}

fn alike(one: &Likeness, other: &Likeness) -> bool {
    one.digest == other.digest
        || (one.isbn.is_some() && one.isbn == other.isbn)
        || (!one.title.is_empty() && one.title == other.title)
}
