//! The collections around an actor and a Note.

use serde_json::{Value, json};

use super::context::{Context, actor_part, note_part, with_context};
use crate::domain::{Handle, Origin, ReviewId};

/// Activities or reviews on one page of an outbox.
pub const OUTBOX_PAGE: u64 = 20;
/// Posts or activities on one page of `likes`, `shares` and `context`.
pub const ITEMS_PER_PAGE: u64 = 100;

/// Which of its pages an outbox shows; newest first, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    Numbered(u64),
    /// What BookWyrm asks for on first contact: `?page=true&type=Review`.
    BookWyrm,
}

/// The outbox without items; `totalItems` is what Mastodon shows as the number of posts.
pub fn outbox(origin: &Origin, handle: &Handle, total: u64) -> Value {
    let id = actor_part(origin, handle, "outbox");
    let document = json!({
        "id": id,
        "type": "OrderedCollection",
        "totalItems": total,
        "first": format!("{id}?page=1"),
        "last": format!("{id}?page={}", total.div_ceil(OUTBOX_PAGE).max(1)),
    });
    with_context(Context::Plain, document)
}

/// One page of the outbox: Creates, or bare Reviews for BookWyrm; all without their own `@context`.
pub fn outbox_page(origin: &Origin, handle: &Handle, total: u64, page: Page, items: Vec<Value>) -> Value {
    let id = actor_part(origin, handle, "outbox");
    let (context, address) = match page {
        Page::Numbered(number) => (Context::Note, format!("{id}?page={number}")),
        Page::BookWyrm => (Context::BookWyrm, format!("{id}?page=true&type=Review")),
    };
    let mut document = json!({"id": address, "type": "OrderedCollectionPage", "partOf": id});
    if let Page::Numbered(number) = page {
        if number > 1 {
            document["prev"] = json!(format!("{id}?page={}", number - 1));
        }
        if number < total.div_ceil(OUTBOX_PAGE) {
            document["next"] = json!(format!("{id}?page={}", number + 1));
        }
    }
    document["orderedItems"] = Value::Array(items);
    with_context(context, document)
}

/// `followers` or `following`: the number, and a first page without names. Without `first` Mastodon says "hidden".
pub fn people(origin: &Origin, handle: &Handle, part: &str, total: u64) -> Value {
    let id = actor_part(origin, handle, part);
    let document = json!({"id": id, "type": "OrderedCollection", "totalItems": total, "first": format!("{id}?page=1")});
    with_context(Context::Plain, document)
}

/// A page of `followers` or `following`: who they are is nobody's business.
pub fn people_page(origin: &Origin, handle: &Handle, part: &str, total: u64) -> Value {
    let id = actor_part(origin, handle, part);
    let document = json!({
        "id": format!("{id}?page=1"),
        "type": "OrderedCollectionPage",
        "partOf": id,
        "totalItems": total,
        "orderedItems": [],
    });
    with_context(Context::Plain, document)
}

/// The pinned reviews by their ids: the only old posts that Mastodon, GoToSocial and Misskey fetch on first contact.
pub fn featured(origin: &Origin, handle: &Handle, notes: &[String]) -> Value {
    let document = json!({
        "id": actor_part(origin, handle, "featured"),
        "type": "OrderedCollection",
        "totalItems": notes.len(),
        "orderedItems": notes,
    });
    with_context(Context::Note, document)
}

/// All accepted replies to a review, `items` being those of its first page.
pub fn replies(origin: &Origin, handle: &Handle, id: &ReviewId, total: u64, items: &[String]) -> Value {
    let collection = note_part(origin, handle, id, "replies");
    let document = json!({
        "id": collection,
        "type": "Collection",
        "totalItems": total,
        "first": page_of_replies(&collection, 1, total, items),
    });
    with_context(Context::Plain, document)
}

/// One page of the replies, counted from 1, oldest first.
pub fn replies_page(
    origin: &Origin,
    handle: &Handle,
    id: &ReviewId,
    number: u64,
    total: u64,
    items: &[String],
) -> Value {
    with_context(Context::Plain, page_of_replies(&note_part(origin, handle, id, "replies"), number, total, items))
}

/// `likes` or `shares`: how many, and where the activities are listed.
pub fn reactions(origin: &Origin, handle: &Handle, id: &ReviewId, part: &str, total: u64) -> Value {
    let collection = note_part(origin, handle, id, part);
    let mut document = json!({"id": collection, "type": "Collection", "totalItems": total});
    if total > 0 {
        document["first"] = json!(page_address(&collection, 1));
        document["last"] = json!(page_address(&collection, total.div_ceil(ITEMS_PER_PAGE)));
    }
    with_context(Context::Plain, document)
}

/// One page of `likes` or `shares`, counted from 1: ids of activities, fewer than `total` where some came without one.
pub fn reactions_page(
    origin: &Origin,
    handle: &Handle,
    id: &ReviewId,
    part: &str,
    number: u64,
    total: u64,
    items: &[String],
) -> Value {
    let collection = note_part(origin, handle, id, part);
    let page = page_of(&collection, "CollectionPage", number, total.div_ceil(ITEMS_PER_PAGE), "items", items);
    with_context(Context::Plain, page)
}

/// The whole conversation in order (FEP-7888), the review first; in pages where it is long.
///
/// `total` counts the replies; `replies` are those of the page, which is the first where none is named.
pub fn context(
    origin: &Origin,
    handle: &Handle,
    id: &ReviewId,
    page: Option<u64>,
    total: u64,
    replies: &[String],
) -> Value {
    let collection = note_part(origin, handle, id, "context");
    let mut items = Vec::with_capacity(replies.len() + 1);
    if page.unwrap_or(1) == 1 {
        items.push(origin.note(handle, id));
    }
    items.extend_from_slice(replies);
    let pages = (total + 1).div_ceil(ITEMS_PER_PAGE);
    if let Some(number) = page {
        let page = page_of(&collection, "OrderedCollectionPage", number, pages, "orderedItems", &items);
        return with_context(Context::Plain, page);
    }
    let mut document = json!({
        "id": collection,
        "type": "OrderedCollection",
        "attributedTo": origin.actor(handle),
        "totalItems": total + 1,
    });
    if pages > 1 {
        document["first"] = json!(page_address(&collection, 1));
        document["last"] = json!(page_address(&collection, pages));
    } else {
        document["orderedItems"] = json!(items);
    }
    with_context(Context::Plain, document)
}

fn page_of_replies(collection: &str, number: u64, total: u64, items: &[String]) -> Value {
    let pages = total.div_ceil(super::note::REPLIES_PER_PAGE as u64);
    page_of(collection, "CollectionPage", number, pages, "items", items)
}

fn page_of(collection: &str, kind: &str, number: u64, pages: u64, list: &str, items: &[String]) -> Value {
    let mut page = json!({"type": kind, "id": page_address(collection, number), "partOf": collection, list: items});
    if number > 1 {
        page["prev"] = json!(page_address(collection, number - 1));
    }
    if number < pages {
        page["next"] = json!(page_address(collection, number + 1));
    }
    page
}

fn page_address(collection: &str, number: u64) -> String {
    format!("{collection}?page={number}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fediverse::sample::{ana, dune, site};

    #[test]
    fn collections_say_how_many_and_where_to_go_on() {
        let (origin, handle, id) = (site().origin, ana().handle, dune().id);
        let ids: Vec<String> = (0..10).map(|n| format!("https://m.example/{n}")).collect();
        insta::assert_json_snapshot!([
            outbox(&origin, &handle, 45),
            outbox_page(&origin, &handle, 45, Page::Numbered(2), vec![json!({"type": "Create"})]),
            outbox_page(&origin, &handle, 45, Page::BookWyrm, vec![json!({"type": "Review"})]),
            people(&origin, &handle, "followers", 5),
            people_page(&origin, &handle, "followers", 5),
            featured(&origin, &handle, &[origin.note(&handle, &id)]),
            replies(&origin, &handle, &id, 12, &ids),
            replies_page(&origin, &handle, &id, 2, 12, &ids[..2]),
            reactions(&origin, &handle, &id, "likes", 7),
            reactions_page(&origin, &handle, &id, "likes", 2, 207, &ids[..1]),
            context(&origin, &handle, &id, None, 1, &ids[..1]),
            context(&origin, &handle, &id, None, 100, &ids[..1]),
            context(&origin, &handle, &id, Some(1), 100, &ids[..1]),
            context(&origin, &handle, &id, Some(2), 100, &ids[..1]),
        ]);
    }

    #[test]
    fn an_empty_outbox_has_one_page() {
        let document = outbox(&site().origin, &ana().handle, 0);
        assert_eq!(document["first"], document["last"]);
    }
}
