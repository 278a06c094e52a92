//! Comments from the blogs that reviews come from, among the replies that `reviewd replies list` shows.

use super::replies::{ReplyView, WORDS_CHARS_MAX};
use crate::{
    domain::{Handle, Origin, Published, ReviewId, Visibility},
    store::{Store, StoreError},
    text,
};

/// Those under all reviews or one, of each in the order of its file.
pub async fn list(
    store: &Store,
    origin: &Origin,
    of: Option<&(Handle, ReviewId)>,
) -> Result<Vec<ReplyView>, StoreError> {
    let reviews = match of {
        Some(place) => vec![place.clone()],
        None => store.reviews_with_comments().await?,
    };
    let mut views = Vec::new();
    for (handle, id) in reviews {
        if let Some(published) = store.published(&handle, &id).await? {
            views.extend(under(&published, origin));
        }
    }
    Ok(views)
}

fn under(published: &Published, origin: &Origin) -> Vec<ReplyView> {
    let (note, page) =
        (origin.note(&published.reviewer, &published.id), origin.page(&published.reviewer, &published.slug));
    let view = |(n, comment): (usize, &crate::domain::Comment)| ReplyView {
        number: 0,
        state: "imported".to_owned(),
        visibility: Visibility::Public,
        reviewer: Some(published.reviewer.clone()),
        review: Some(published.slug.to_string()),
        ours: false,
        author: text::remote_text(&comment.name, WORDS_CHARS_MAX),
        handle: String::new(),
        address: format!("{page}#comment-{}", n + 1),
        id: format!("{note}#comment-{}", n + 1),
        in_reply_to: note.clone(),
        date: comment.date.map_or(published.published, |date| date.timestamp()),
        warning: None,
        text: comment.text.chars().filter(|c| !c.is_control() || *c == '\n').collect(),
    };
    published.review.comments.iter().enumerate().map(view).collect()
}
