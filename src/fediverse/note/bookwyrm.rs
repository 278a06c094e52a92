//! The `Review` that BookWyrm takes where others take a Note, under the same id.

use serde_json::{Value, json};

use super::{
    Counts, Ids, REPLIES_PER_PAGE, Speaker, has_spoilers, part, warning,
    wording::{Body, body_html, closing_html, hashtag_tags},
};
use crate::{
    domain::Published,
    fediverse::context::{Context, PUBLIC, with_context},
};

/// Text of a BookWyrm review, in bytes of HTML: it stands once, so it may be longer than a Note's.
const TEXT_BYTES_MAX: usize = 30_000;
/// BookWyrm's `name` column, in characters.
const NAME_CHARS_MAX: usize = 255;

/// The `Review` for BookWyrm with its `@context`, as the id answers BookWyrm.
pub fn review_for_bookwyrm(published: &Published, speaker: &Speaker<'_>, counts: &Counts<'_>) -> Value {
    with_context(Context::BookWyrm, review_object(published, speaker, counts))
}

/// The `Review` without `@context`. Its `inReplyToBook` is our own Edition, which BookWyrm fetches and merges by ISBN.
pub fn review_object(published: &Published, speaker: &Speaker<'_>, counts: &Counts<'_>) -> Value {
    let ids = Ids::of(published, speaker);
    let whole = body_html(published, speaker);
    let body = match whole.as_str().len() > TEXT_BYTES_MAX {
        true => Body::cut(published, speaker, &whole, TEXT_BYTES_MAX),
        false => Body::whole(&whole),
    };
    let content = format!("{}{}", body.html, closing_html(published, speaker, body.is_cut));
    let replies = part(published, speaker, "replies");
    let mut review = json!({
        "id": ids.note,
        "type": "Review",
        "url": ids.page,
        "published": published.published.to_string(),
    });
    if let Some(updated) = published.updated {
        review["updated"] = json!(updated.to_string());
    }
    review["attributedTo"] = json!(ids.actor);
    review["to"] = json!([PUBLIC]);
    review["cc"] = json!([ids.followers]);
    review["content"] = json!(content);
    review["name"] = json!(published.heading().chars().take(NAME_CHARS_MAX).collect::<String>());
    let rating = published.review.rating.as_ref().and_then(|rating| rating.rescaled(5.0, 0.5));
    if let Some(rating) = rating.filter(|rating| *rating > 0.0) {
        review["rating"] = json!(rating);
    }
    review["inReplyToBook"] = json!(ids.book);
    if has_spoilers(published) {
        review["summary"] = json!(warning(published));
    }
    review["sensitive"] = json!(has_spoilers(published));
    review["tag"] = Value::Array(hashtag_tags(published, speaker));
    review["attachment"] = json!([]);
    review["replies"] = json!({
        "id": replies,
        "type": "OrderedCollection",
        "totalItems": counts.replies,
        "first": format!("{replies}?page=1"),
        "last": format!("{replies}?page={}", counts.replies.div_ceil(REPLIES_PER_PAGE as u64).max(1)),
    });
    review
}
