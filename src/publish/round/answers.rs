//! What is different about answers: they wait for the post they are for, and stand in its conversation.

use std::sync::Arc;

use super::{Fresh, ReconcileError, Working};
use crate::{
    domain::{
        Answer, Genre, Problem, PublishedAnswer, Reply, Target, Writing,
        ledger::{Awaited, Entry, FileMark, FileOutcome, Standing},
    },
    fediverse::answer,
    publish::{
        diff::{FoundText, Now},
        fingerprint,
        pictures::Gallery,
    },
    store::{Content, OwnReply, PostSearch},
};

impl Working<'_> {
    /// Turns an answer read just now into what the comparison takes, where its post is known; `file` is its mark but for
    /// the outcome.
    pub(super) fn understand_answer(&mut self, answer: Answer, file: FileMark) -> Now {
        let path = file.path.clone();
        let search = self.posts.get(&answer.in_reply_to).cloned();
        let Some(target) = search.as_ref().and_then(|search| search.target.clone()) else {
            return self.awaits(&answer, file, search.as_ref());
        };
        if let Some(problem) = self.answers_another_post(&path, &target) {
            let back = !self.desk.marks.contains_key(&path);
            let problems = [file.problems.clone(), vec![problem]].concat();
            self.marks.insert(path, FileMark { outcome: FileOutcome::Broken, problems, ..file });
            return Now::Unreadable { back };
        }
        let hash = fingerprint::of_answer(&answer, &target);
        let found = Arc::new(FoundText {
            likeness: fingerprint::likeness_of_answer(&target, &file.digest),
            shown: hash.clone(),
            worded: hash,
            scheduled: self.scheduled_for(answer.date),
            twin_waited: self.twin_waited(&path),
            only_pictures: false,
            writing: Writing::Answer(answer, Box::new(target)),
        });
        let fresh = Fresh {
            found: Arc::clone(&found),
            gallery: Gallery::default(),
            glance: None,
            stat: file.stat,
            digest: file.digest,
            problems: file.problems,
        };
        self.fresh.insert(path, fresh);
        Now::Understood(found)
    }

    /// Without its post an answer waits; one that is published keeps its last good version.
    fn awaits(&mut self, answer: &Answer, mut file: FileMark, search: Option<&PostSearch>) -> Now {
        let before = self.desk.marks.get(&file.path);
        let awaited = Awaited {
            post: answer.in_reply_to.clone(),
            failures: search.map_or(0, |search| search.failures),
            quiet: self.is_first_contact(&file.path, Genre::Answer),
        };
        // A save is a reason to look at once, whatever the last look brought.
        if search.is_none() || before.is_none_or(|before| before.digest != file.digest) {
            self.wanted.push(awaited.post.clone());
        } else if let Some(search) = search {
            file.problems.extend(not_found(&file.path, search));
        }
        let back = before.is_none();
        file.outcome = FileOutcome::Awaits(awaited);
        self.marks.insert(file.path.clone(), file);
        Now::Unreadable { back }
    }

    /// Other servers leave an answer where it was first put.
    fn answers_another_post(&self, path: &str, target: &Target) -> Option<Problem> {
        let told = |entry: &&Entry| entry.genre == Genre::Answer && entry.answers() && entry.file == path;
        let entry = self.desk.entries.values().find(told).filter(|entry| entry.told.is_some())?;
        (entry.likeness.title != target.id).then(|| {
            let before = &entry.likeness.title;
            let cure = format!("put `in_reply_to: {before}` back, and write the other answer into a file of its own");
            Problem::error(path, format!("the answer was sent as an answer to {before}, which cannot be changed"), cure)
        })
    }

    /// Whether what is new in a file was there before the folder, or its answers, were first looked at.
    pub(super) fn is_first_contact(&self, path: &str, genre: Genre) -> bool {
        let waited = self.desk.marks.get(path).and_then(|mark| match &mark.outcome {
            FileOutcome::Awaits(awaited) => Some(awaited.quiet),
            _ => None,
        });
        match genre {
            Genre::Review => self.desk.row.adopted_at.is_none(),
            Genre::Answer => waited.unwrap_or(self.desk.row.answers_at.is_none()),
        }
    }

    pub(super) async fn stored_answer(&self, entry: &Entry) -> Result<Option<PublishedAnswer>, ReconcileError> {
        Ok(match entry.genre {
            Genre::Review => None,
            Genre::Answer => self.means.store.answer(&self.desk.reviewer.handle, &entry.id).await?,
        })
    }

    pub(super) fn reply(&self, answer: &PublishedAnswer) -> Reply {
        answer.reply(&self.means.site.origin, answer::warning(&answer.answer, &answer.target))
    }

    /// What becomes of answers in the conversation with this round.
    pub(super) fn own_replies(&mut self) -> Vec<OwnReply> {
        let mut replies = std::mem::take(&mut self.replies);
        for entry in self.work.values().filter(|entry| entry.genre == Genre::Answer) {
            let before = self.desk.entries.get(&entry.id).map(|before| before.standing);
            let note = || self.means.site.origin.answer(&self.desk.reviewer.handle, &entry.id);
            match (entry.standing, self.content.get(&entry.id)) {
                (Standing::Live, Some(Content::Answer(answer))) => replies.push(match before {
                    Some(Standing::Leaving) => OwnReply::Returns(self.reply(answer)),
                    Some(Standing::Live | Standing::Gone) | None => OwnReply::Stands(self.reply(answer)),
                }),
                // One that returned unchanged is among `replies` already.
                (Standing::Live, Some(Content::Review(_)) | None) => {}
                (Standing::Leaving, _) => replies.push(OwnReply::Leaves(note())),
                (Standing::Gone, _) => replies.push(OwnReply::Gone(note())),
            }
        }
        replies
    }
}

/// Why the post is not there yet, with the cure.
fn not_found(path: &str, search: &PostSearch) -> Option<Problem> {
    let why = search.problem.as_ref()?;
    let cure = match search.next_at {
        Some(next) => {
            format!("correct `in_reply_to` if it is wrong; the next look is at {next}, or when the file is saved")
        }
        None => "delete the file, or name another post in `in_reply_to`".to_owned(),
    };
    let message = format!("the answer waits, because the post {} was not found: {why}", search.address);
    Some(Problem::warning(path, message, cure))
}
