//! The pictures of a review: found in the folder, prepared once, kept in the store.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use super::elsewhere::{Elsewhere, is_elsewhere};
use crate::{
    domain::{Handle, Picture, Problem, Review, Text, ledger::Stat},
    intake::folder::{self, PICTURE_BYTES_MAX},
    media,
    store::{Store, StoreError},
    text,
};

/// Pictures prepared in one reconcile: about two seconds of work, so that a first adoption is served before its covers are
/// all decoded.
pub const PREPARED_AT_ONCE_MAX: usize = 24;
/// Pictures of one review that are prepared; more is an album.
const PICTURES_PER_REVIEW_MAX: usize = 40;

/// Which files a review shows, by the address written in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    pub cover: Option<String>,
    /// The address of a cover on another site.
    pub cover_elsewhere: Option<String>,
    pub body: BTreeMap<String, String>,
}

/// What became of the pictures of a review.
#[derive(Debug, Clone, Default)]
pub struct Gallery {
    pub cover: Option<Picture>,
    pub body: BTreeMap<String, Picture>,
    /// The files used, with their state.
    pub used: Vec<(String, Stat)>,
    pub problems: Vec<Problem>,
    /// Some are left for the next reconcile.
    pub waits: bool,
    /// The cover is on its way here from another site.
    pub comes: bool,
}

/// Prepares pictures, at most [`PREPARED_AT_ONCE_MAX`] new ones in its lifetime.
pub struct Darkroom<'a> {
    store: &'a Store,
    root: Arc<Path>,
    handle: &'a Handle,
    files: &'a BTreeMap<String, Stat>,
    elsewhere: &'a Elsewhere,
    left: usize,
}

/// Finds the files behind a review's cover and body pictures. Of pictures on other sites only the cover is fetched.
pub fn wanted(review: &Review, file: &str, files: &BTreeMap<String, Stat>) -> Wanted {
    let source = review.book.cover.as_ref().map(|cover| cover.source.as_str());
    let cover = source.and_then(|source| locate(source, file, files));
    let cover_elsewhere = source.filter(|source| is_elsewhere(source)).map(str::to_owned);
    let mut body = BTreeMap::new();
    for address in addresses(&review.body).into_iter().take(PICTURES_PER_REVIEW_MAX) {
        if let Some(path) = locate(&address, file, files) {
            body.insert(address, path);
        }
    }
    Wanted { cover, cover_elsewhere, body }
}

/// The addresses of the pictures in a text, as written. Rendering finds them; most texts have none and are not rendered.
fn addresses(body: &Text) -> BTreeSet<String> {
    if !["![", "<img", "<IMG", "figure"].iter().any(|mark| body.source.contains(mark)) {
        return BTreeSet::new();
    }
    let seen = RefCell::new(BTreeSet::new());
    let note = |address: &str| {
        seen.borrow_mut().insert(address.to_owned());
        None
    };
    text::page_html(body, &text::Place { page: "https://localhost/", picture: &note });
    seen.into_inner()
}

/// A picture's file: beside the review, or under the folder (or its `static`, `public` or `assets`) for a rooted address.
fn locate(address: &str, file: &str, files: &BTreeMap<String, Stat>) -> Option<String> {
    if address.contains("://") || address.starts_with("//") || address.starts_with("data:") {
        return None;
    }
    let address = address.split(['?', '#']).next()?;
    let decoded = percent_encoding::percent_decode_str(address).decode_utf8().ok()?;
    let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
    let rooted = decoded.trim_start_matches('/');
    let beside = normal(&format!("{directory}/{rooted}"));
    let below =
        ["", "static/", "public/", "assets/", "images/"].iter().filter_map(|base| normal(&format!("{base}{rooted}")));
    let tries = beside.filter(|_| !decoded.starts_with('/')).into_iter().chain(below);
    tries.into_iter().find(|path| files.contains_key(path))
}

/// Resolves `.` and `..`; `None` when the path leaves the folder.
fn normal(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

impl<'a> Darkroom<'a> {
    pub fn new(
        store: &'a Store,
        elsewhere: &'a Elsewhere,
        root: &Path,
        handle: &'a Handle,
        files: &'a BTreeMap<String, Stat>,
    ) -> Self {
        Self { store, root: root.into(), handle, files, elsewhere, left: PREPARED_AT_ONCE_MAX }
    }

    /// Prepares what a review wants; what cannot be used is a warning, never a reason to withhold the review.
    pub async fn develop(&mut self, wanted: &Wanted, file: &str) -> Result<Gallery, StoreError> {
        let mut gallery = Gallery::default();
        if let Some(address) = &wanted.cover_elsewhere {
            gallery.cover = self.store.picture_of(address, Stat::default()).await?;
            let asked = if gallery.cover.is_none() { self.elsewhere.send_for(address) } else { Ok(()) };
            match asked {
                Ok(()) => gallery.comes = gallery.cover.is_none(),
                Err(why) => gallery.problems.push(Problem::warning(
                    file,
                    format!("the cover {address} cannot be had: {why}"),
                    "save the picture beside the review and name it, or correct the address",
                )),
            }
        }
        if let Some(path) = &wanted.cover {
            gallery.cover = self.one(path, &mut gallery).await?;
        }
        for (address, path) in &wanted.body {
            if let Some(picture) = self.one(path, &mut gallery).await? {
                gallery.body.insert(address.clone(), picture);
            }
        }
        Ok(gallery)
    }

    async fn one(&mut self, path: &str, gallery: &mut Gallery) -> Result<Option<Picture>, StoreError> {
        let Some(stat) = self.files.get(path).copied() else { return Ok(None) };
        let source = format!("{}:{path}", self.handle);
        if let Some(picture) = self.store.picture_of(&source, stat).await? {
            gallery.used.push((path.to_owned(), stat));
            return Ok(Some(picture));
        }
        if self.left == 0 {
            gallery.waits = true;
            return Ok(None);
        }
        self.left -= 1;
        gallery.used.push((path.to_owned(), stat));
        let (root, name) = (Arc::clone(&self.root), path.to_owned());
        let prepared = tokio::task::spawn_blocking(move || {
            let bytes = folder::read(&root, &name, PICTURE_BYTES_MAX)?;
            media::prepare(&bytes).map_err(|refused| {
                Problem::warning(
                    &name,
                    format!("the picture cannot be used: {refused}"),
                    "save it as a JPEG or PNG of usual size",
                )
            })
        })
        .await;
        match prepared {
            Ok(Ok(prepared)) => {
                self.store.keep_picture(&prepared.picture, &prepared.full, &prepared.thumb, &source, stat).await?;
                Ok(Some(prepared.picture))
            }
            Ok(Err(problem)) => {
                gallery.problems.push(problem);
                Ok(None)
            }
            Err(stopped) => {
                let cure = "open the picture in an editor and save it again";
                gallery.problems.push(Problem::warning(path, format!("the picture cannot be used: {stopped}"), cure));
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_found_beside_the_review_or_under_the_folder_and_nowhere_else() {
        let files: BTreeMap<String, Stat> = ["2024/dune/cover.jpg", "static/img/a b.png", "cover.jpg"]
            .into_iter()
            .map(|path| (path.to_owned(), Stat::default()))
            .collect();
        for (address, expected) in [
            ("cover.jpg", Some("2024/dune/cover.jpg")),
            ("./cover.jpg?v=2", Some("2024/dune/cover.jpg")),
            ("/img/a%20b.png", Some("static/img/a b.png")),
            ("../../cover.jpg", Some("cover.jpg")),
            ("../../../cover.jpg", None),
            ("/cover.jpg", Some("cover.jpg")),
            ("https://example.org/cover.jpg", None),
        ] {
            assert_eq!(locate(address, "2024/dune/index.md", &files).as_deref(), expected, "{address}");
        }
    }
}
