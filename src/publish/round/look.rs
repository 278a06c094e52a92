//! What the folder says now: files walked, read, and understood.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;

use super::{Fresh, ReconcileError, Working};
use crate::{
    domain::{
        Genre, Moment, Problem, Review, Writing,
        ledger::{FileMark, FileOutcome, Standing, Stat},
    },
    intake::{
        folder::Walk,
        kind::Kind,
        parse::{self, Reading},
    },
    publish::{
        desk::FolderState,
        diff::{self, Found, FoundText, Now},
        fingerprint,
        pictures::{self, Darkroom, Gallery},
        reading::{self, Read, ReadResult, Reader},
    },
};

impl Working<'_> {
    pub(super) async fn walked(&mut self, mut walk: Walk) -> Result<(), ReconcileError> {
        let kind = Kind::of(&walk);
        let files = Arc::new(std::mem::take(&mut walk.files));
        let (answers, reviews): (Vec<_>, Vec<_>) =
            files.keys().filter(|path| parse::is_candidate(path)).partition(|path| parse::is_answer(path));
        let any_live =
            |genre| self.desk.entries.values().any(|entry| entry.standing == Standing::Live && entry.genre == genre);
        if reviews.is_empty() && (any_live(Genre::Review) || (answers.is_empty() && any_live(Genre::Answer))) {
            self.folder = FolderState::Emptied;
        }
        if !answers.is_empty() {
            let searches = self.means.store.post_searches().await?;
            self.posts = searches.into_iter().map(|search| (search.address.clone(), search)).collect();
        }
        let sorted = reading::sort(&files, &self.desk.marks, &self.posts, self.now);
        let reads = self.read(sorted.to_read, &files, kind).await?;
        self.pin_scale(&reads);
        let mut found: Vec<Found> = sorted
            .unchanged
            .into_iter()
            .map(|path| {
                let published = self.desk.marks.get(&path).is_some_and(|mark| mark.outcome.is_published());
                Found { path, now: Now::Unchanged { published } }
            })
            .collect();
        let unread = self.desk.entries.values().filter(|entry| entry.answers() && walk.is_unread(&entry.file));
        found.extend(unread.map(|entry| Found { path: entry.file.clone(), now: Now::Unchanged { published: false } }));
        let mut darkroom =
            Darkroom::new(self.means.store, self.means.elsewhere, &self.desk.root, &self.desk.reviewer.handle, &files);
        for read in reads {
            let path = read.path.clone();
            if let Some(now) = self.understand(read, &files, &mut darkroom).await? {
                found.push(Found { path, now });
            }
        }
        if self.folder == FolderState::Fine {
            let gone = |path: &&String| !files.contains_key(*path) && !walk.is_unread(path);
            self.files_gone = self.desk.marks.keys().filter(gone).cloned().collect();
        }
        self.walk_problems = walk.problems;
        let events = diff::diff(self.desk.entries.values(), &found);
        drop(found);
        self.events(events).await?;
        // What they hold is in the commit now.
        self.fresh.clear();
        self.row.adopted_at.get_or_insert(self.now);
        self.row.answers_at.get_or_insert(self.now);
        Ok(())
    }

    async fn read(
        &self,
        paths: Vec<String>,
        files: &Arc<BTreeMap<String, Stat>>,
        kind: Kind,
    ) -> Result<Vec<Read>, ReconcileError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let (root, reviewer) = (self.desk.root.clone(), self.desk.reviewer.clone());
        let (files, scale, now) = (Arc::clone(files), self.scale(), self.means.clock.now());
        if kind.is_mixed() && self.row.adopted_at.is_none() {
            let handle = &reviewer.handle;
            tracing::info!(%handle, %kind, "the folder of @{handle} is {kind}: what nothing says to be a review is left alone");
        }
        let marks: HashMap<String, FileMark> =
            paths.iter().filter_map(|path| Some((path.clone(), self.desk.marks.get(path)?.clone()))).collect();
        let progress = Arc::clone(&self.means.progress);
        tokio::task::spawn_blocking(move || {
            let (handle, name) = (&reviewer.handle, reviewer.name.as_str());
            let reader = Reader { root: &root, handle, name, scale, now, kind, keeps_facts: false };
            reader.read_all(&paths, &files, &marks, &*progress)
        })
        .await
        .map_err(|error| ReconcileError::Stopped(error.to_string()))
    }

    pub(super) fn scale(&self) -> Option<f64> {
        self.desk.configured_scale.or(self.row.scale)
    }

    /// Infers the scale of bare ratings once, from the whole folder, and pins it.
    pub(super) fn pin_scale(&mut self, reads: &[Read]) {
        if self.scale().is_some() {
            return;
        }
        let bare: Vec<f64> = reads
            .iter()
            .filter_map(|read| match &read.result {
                ReadResult::Parsed { reading: Reading::Review(review), .. } => {
                    review.rating.as_ref().filter(|rating| rating.best.is_none())?.value
                }
                ReadResult::Parsed { .. } | ReadResult::Same => None,
            })
            .collect();
        if !bare.is_empty() {
            let best = parse::infer_scale(bare.iter().copied());
            let reviewer = &self.desk.reviewer.handle;
            tracing::info!(%reviewer, best, "bare ratings of @{reviewer} are read as out of {best}; set rating_scale to change that");
            self.row.scale = Some(best);
        }
    }

    /// Turns a file read just now into what the comparison takes; `None` for what is no review and never was.
    pub(super) async fn understand(
        &mut self,
        read: Read,
        files: &BTreeMap<String, Stat>,
        darkroom: &mut Darkroom<'_>,
    ) -> Result<Option<Now>, ReconcileError> {
        let Read { path, stat, digest, result } = read;
        let old = self.desk.marks.get(&path);
        let (reading, mut problems, glance) = match (result, old) {
            (ReadResult::Same, Some(old)) => {
                let published = old.outcome.is_published();
                self.marks.insert(path.clone(), FileMark { stat, ..old.clone() });
                return Ok(Some(Now::Unchanged { published }));
            }
            (ReadResult::Same, None) => return Ok(None),
            (ReadResult::Parsed { reading, problems, glance, .. }, _) => (reading, problems, glance),
        };
        let mark = |outcome, problems| FileMark {
            path: path.clone(),
            stat,
            digest: digest.clone(),
            outcome,
            problems,
            pictures: Vec::new(),
            pictures_wait: false,
        };
        match reading {
            Reading::Skipped(why) => {
                let was_published = self.desk.entries.values().any(|entry| entry.answers() && entry.file == path);
                if was_published {
                    let cure = "restore its text, or delete the file to remove what was published from it";
                    problems.push(Problem::error(&path, format!("the file is no review any more: {why}"), cure));
                }
                self.marks.insert(path.clone(), mark(FileOutcome::Skipped(why), problems));
                Ok(Some(Now::Unreadable { back: old.is_none() }))
            }
            Reading::Withheld => {
                self.marks.insert(path.clone(), mark(FileOutcome::Broken, problems));
                Ok(Some(Now::Unreadable { back: old.is_none() }))
            }
            Reading::Review(review) if review.draft => {
                self.marks.insert(path.clone(), mark(FileOutcome::Draft, problems));
                Ok(Some(Now::Draft))
            }
            Reading::Answer(answer) if answer.draft => {
                self.marks.insert(path.clone(), mark(FileOutcome::Draft, problems));
                Ok(Some(Now::Draft))
            }
            Reading::Answer(answer) => {
                let file = mark(FileOutcome::Broken, problems);
                Ok(Some(self.understand_answer(*answer, file)))
            }
            Reading::Review(mut review) => {
                if let Some(scale) = self.scale() {
                    problems.extend(reading::scale_rating(&mut review, &path, scale));
                }
                let gallery = darkroom.develop(&pictures::wanted(&review, &path, files), &path).await?;
                problems.extend(gallery.problems.iter().cloned());
                let found = Arc::new(self.found(&path, *review, &digest, &gallery));
                let glance = Some(glance);
                self.fresh.insert(path, Fresh { found: Arc::clone(&found), gallery, glance, stat, digest, problems });
                Ok(Some(Now::Understood(found)))
            }
        }
    }

    pub(super) fn found(&self, path: &str, review: Review, digest: &str, gallery: &Gallery) -> FoundText {
        let only_pictures = self.desk.marks.get(path).is_some_and(|mark| mark.pictures_wait && mark.digest == digest);
        FoundText {
            likeness: fingerprint::likeness(&review, digest),
            shown: fingerprint::shown(&review, gallery.cover.as_ref(), &gallery.body),
            worded: fingerprint::worded(&review, gallery.cover.as_ref(), &gallery.body),
            scheduled: self.scheduled_for(review.date),
            twin_waited: self.twin_waited(path),
            only_pictures,
            writing: Writing::Review(Box::new(review)),
        }
    }

    /// The date of a file, where it lies in the future.
    pub(super) fn scheduled_for(&self, date: Option<Moment>) -> Option<Timestamp> {
        date.map(|date| date.begins()).filter(|date| *date > self.now)
    }

    /// Whether a file has stood beside its twin for the waiting time.
    pub(super) fn twin_waited(&self, path: &str) -> bool {
        let waited = self.desk.twins.get(path).map_or(Duration::ZERO, |since| self.elapsed.saturating_sub(*since));
        waited >= self.means.limits.settle
    }
}
