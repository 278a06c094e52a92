//! What two versions of a review are compared by: their content, never rendered bytes, so that a new release of reviewd
//! changes nothing for anybody. Pure.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;

use crate::domain::{Answer, Picture, Review, Slug, Target, ledger::Likeness};

/// Hash of everything that the page or a feed shows of a review. Its address and the names of its files are not shown.
pub fn shown(review: &Review, cover: Option<&Picture>, pictures: &BTreeMap<String, Picture>) -> String {
    let mut content = review.clone();
    content.slug = Slug::from_text("");
    if let (Some(_), Some(named)) = (cover, &mut content.book.cover) {
        named.source.clear();
    }
    hash(&(content, cover.map(|one| &one.key), keys(pictures)))
}

/// Hash of what a follower would see: the words, the rating, the book's name, the cover and the warnings.
///
/// Dates of reading, the synopsis, aliases and the like are not in the Note's text: changing them notifies nobody.
pub fn worded(review: &Review, cover: Option<&Picture>, pictures: &BTreeMap<String, Picture>) -> String {
    hash(&(
        &review.headline,
        &review.book.title,
        &review.book.authors,
        &review.rating,
        &review.body,
        &review.tags,
        &review.language,
        review.spoilers,
        cover.map(|one| (&one.key, review.book.cover_alt())),
        keys(pictures),
    ))
}

/// What a review is recognised by under another file name.
pub fn likeness(review: &Review, digest: &str) -> Likeness {
    let letters = |c: char| if c.is_alphanumeric() { c } else { ' ' };
    let title: String = review.book.title.to_lowercase().chars().map(letters).collect();
    Likeness {
        digest: digest.to_owned(),
        isbn: review.book.isbn.clone(),
        title: title.split_whitespace().collect::<Vec<_>>().join(" "),
        asked: Some(review.slug.clone()),
    }
}

/// Hash of an answer as the page and everybody else sees it. How the file names the post is not seen.
pub fn of_answer(answer: &Answer, target: &Target) -> String {
    hash(&(&answer.body, &answer.warning, answer.spoilers, &answer.language, &target.id))
}

/// What an answer is recognised by under another file name: its bytes, or the post it answers.
pub fn likeness_of_answer(target: &Target, digest: &str) -> Likeness {
    Likeness { digest: digest.to_owned(), isbn: None, title: target.id.clone(), asked: None }
}

/// Hash of a file's bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn keys(pictures: &BTreeMap<String, Picture>) -> BTreeMap<&String, &String> {
    pictures.iter().map(|(address, picture)| (address, &picture.key)).collect()
}

/// Plain data with string keys always becomes JSON.
fn hash(content: &impl Serialize) -> String {
    of_bytes(&serde_json::to_vec(content).unwrap_or_default())
}
