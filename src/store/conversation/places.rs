//! How the posts of a thread hang together when some of them are not shown.

use std::collections::{HashMap, HashSet};

/// How the posts of a thread hang together.
pub(super) struct Places {
    /// From each post, shown, hidden or gone, to the one it answers.
    above: HashMap<String, String>,
    shown: HashSet<String>,
}

impl Places {
    pub(super) fn new(rows: Vec<(String, String, bool)>) -> Self {
        let shown = rows.iter().filter(|(_, _, shown)| *shown).map(|(id, _, _)| id.clone()).collect();
        Self { above: rows.into_iter().map(|(id, above, _)| (id, above)).collect(), shown }
    }

    /// The nearest shown post above this one. Posts that answer each other in a circle hang from the review.
    pub(super) fn above(&self, id: &str) -> Option<String> {
        let mut found: Option<&str> = None;
        let mut at = id;
        for _ in 0..=self.above.len() {
            let Some(above) = self.above.get(at) else { return found.map(str::to_owned) };
            if found.is_none() && self.shown.contains(above) {
                found = Some(above);
            }
            at = above;
        }
        None
    }
}
