//! A review as the fediverse sees it: a `Note` for everybody, a `Review` for BookWyrm, both under the same id.

mod bookwyrm;
mod catalogue;
mod wording;

use serde_json::{Value, json};

pub use bookwyrm::{review_for_bookwyrm, review_object};

use self::{
    catalogue::{Copy, edition_tag, related},
    wording::{Body, body_html, closing_html, hashtag_tags, opening_html},
};
use super::context::{Context, PUBLIC, actor_part, note_part, with_context};
use crate::{
    domain::{Handle, Origin, Published, ReviewId, Reviewer, Site, picture::Size},
    store::CameBack,
    text,
};

/// Longest Note with its Create around it, in bytes of JSON: NeoDB and Takahe refuse a POST above 50 KB.
pub const DOCUMENT_BYTES_MAX: usize = 40_000;
/// What the Create and the `@context` add, generously.
const ENVELOPE_BYTES: usize = 2_000;
/// Replies listed in the Note itself; the rest stands on the following pages.
pub const REPLIES_PER_PAGE: usize = 10;

/// Who speaks, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Speaker<'a> {
    pub site: &'a Site,
    pub reviewer: &'a Reviewer,
}

/// What came back, as far as the Note shows it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts<'a> {
    pub replies: u64,
    /// Ids of the first accepted replies, oldest first, at most [`REPLIES_PER_PAGE`].
    pub first_replies: &'a [String],
    pub likes: u64,
    pub shares: u64,
}

impl<'a> From<&'a CameBack> for Counts<'a> {
    fn from(came_back: &'a CameBack) -> Self {
        Self {
            replies: came_back.counts.replies,
            first_replies: &came_back.first_replies,
            likes: came_back.counts.likes,
            shares: came_back.counts.boosts,
        }
    }
}

/// The Note with its `@context`, as its id answers.
pub fn note(published: &Published, speaker: &Speaker<'_>, counts: &Counts<'_>) -> Value {
    with_context(Context::Note, note_object(published, speaker, counts))
}

/// The Note without `@context`, as a Create or an Update carries it; small enough for every server.
///
/// Where it is too long, first the copy for catalogues is shortened, then the text is cut at a paragraph.
pub fn note_object(published: &Published, speaker: &Speaker<'_>, counts: &Counts<'_>) -> Value {
    let whole = body_html(published, speaker);
    let budget = DOCUMENT_BYTES_MAX - ENVELOPE_BYTES;
    let fits = |note: &Value| size(note) <= budget;
    for copy in [Copy::Whole, Copy::Excerpt] {
        let note = build(published, speaker, counts, &Body::whole(&whole), copy);
        if fits(&note) {
            return note;
        }
    }
    // The text stands twice (`content`, `contentMap`), and escaping makes it longer still: cut until it fits.
    let mut bytes_max = whole.as_str().len().min(budget / 2);
    loop {
        let note = build(published, speaker, counts, &Body::cut(published, speaker, &whole, bytes_max), Copy::Excerpt);
        if fits(&note) || bytes_max == 0 {
            return note;
        }
        bytes_max = bytes_max * 3 / 4;
    }
}

/// Whether followers see a content warning instead of the text.
pub fn has_spoilers(published: &Published) -> bool {
    published.review.spoilers || text::has_marked_spoilers(&published.review.body)
}

/// The content warning: it still names book and rating.
pub fn warning(published: &Published) -> String {
    let rating = published.review.rating.as_ref();
    let rating = rating.map(|rating| rating.stars().map_or(rating.raw.clone(), |stars| stars.replace('☆', "")));
    let rating = rating.filter(|rating| !rating.is_empty()).map(|rating| format!(" — {rating}"));
    format!("Spoilers: {}{}", published.review.book.by_line(), rating.unwrap_or_default())
}

/// The language of the text: the review's own, else the site's.
pub fn language<'a>(published: &'a Published, site: &'a Site) -> &'a str {
    published.review.language.as_deref().unwrap_or(&site.language)
}

/// The addresses that a document repeats.
struct Ids {
    actor: String,
    followers: String,
    note: String,
    page: String,
    book: String,
}

impl Ids {
    fn of(published: &Published, speaker: &Speaker<'_>) -> Self {
        let origin = &speaker.site.origin;
        Self {
            actor: origin.actor(&published.reviewer),
            followers: actor_part(origin, &published.reviewer, "followers"),
            note: origin.note(&published.reviewer, &published.id),
            page: origin.page(&published.reviewer, &published.slug),
            book: origin.book(&published.review.book),
        }
    }
}

fn build(published: &Published, speaker: &Speaker<'_>, counts: &Counts<'_>, body: &Body, copy: Copy) -> Value {
    let ids = Ids::of(published, speaker);
    let opening = opening_html(published, &ids.page);
    let content = format!("{opening}{}{}", body.html, closing_html(published, speaker, body.is_cut));
    let mut note = json!({
        "id": ids.note,
        "type": "Note",
        "attributedTo": ids.actor,
        "to": [PUBLIC],
        "cc": [ids.followers],
        "published": published.published.to_string(),
    });
    // Mastodon shows an edit for every `updated` it does not know, Takahe for any at all.
    if let Some(updated) = published.updated {
        note["updated"] = json!(updated.to_string());
    }
    note["url"] = json!(ids.page);
    if has_spoilers(published) {
        note["summary"] = json!(warning(published));
    }
    note["sensitive"] = json!(has_spoilers(published));
    note["content"] = json!(content);
    note["contentMap"] = json!({language(published, speaker.site): content});
    note["conversation"] = json!(part(published, speaker, "context"));
    note["context"] = note["conversation"].clone();
    let mut tags = hashtag_tags(published, speaker);
    tags.push(edition_tag(published, speaker, &ids.book));
    note["tag"] = Value::Array(tags);
    note["attachment"] = attachment(published, speaker);
    note["relatedWith"] = related(published, &ids, copy);
    note["replies"] = replies(published, speaker, counts);
    note["likes"] = collection(&part(published, speaker, "likes"), counts.likes);
    note["shares"] = collection(&part(published, speaker, "shares"), counts.shares);
    note["interactionPolicy"] = json!({"canQuote": {"automaticApproval": [PUBLIC]}});
    note
}

fn part(published: &Published, speaker: &Speaker<'_>, part: &str) -> String {
    note_part(&speaker.site.origin, &published.reviewer, &published.id, part)
}

fn attachment(published: &Published, speaker: &Speaker<'_>) -> Value {
    let cover = published.cover.as_ref().map(|cover| {
        json!({
            "type": "Document",
            "mediaType": cover.media_type,
            "url": speaker.site.origin.media(cover, Size::Full),
            "name": published.review.book.cover_alt(),
            "width": cover.width,
            "height": cover.height,
            "blurhash": cover.blurhash,
        })
    });
    Value::Array(cover.into_iter().collect())
}

fn replies(published: &Published, speaker: &Speaker<'_>, counts: &Counts<'_>) -> Value {
    let id = part(published, speaker, "replies");
    let mut first = json!({
        "type": "CollectionPage",
        "id": format!("{id}?page=1"),
        "partOf": id,
        "items": counts.first_replies.iter().take(REPLIES_PER_PAGE).collect::<Vec<_>>(),
    });
    if counts.replies > REPLIES_PER_PAGE as u64 {
        first["next"] = json!(format!("{id}?page=2"));
    }
    json!({"id": id, "type": "Collection", "totalItems": counts.replies, "first": first})
}

fn collection(id: &str, total: u64) -> Value {
    json!({"id": id, "type": "Collection", "totalItems": total})
}

/// The bytes of a document as sent.
fn size(document: &Value) -> usize {
    serde_json::to_vec(document).map_or(usize::MAX, |bytes| bytes.len())
}

/// The id of a review from the address of its Note, where it is one of ours.
pub fn review_of(origin: &Origin, note: &str) -> Option<(Handle, ReviewId)> {
    let path = note.strip_prefix(origin.as_str())?.strip_prefix("/users/")?;
    let (handle, id) = path.split_once("/reviews/")?;
    Some((Handle::parse(handle).ok()?, ReviewId::parse(id)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Format, Rating, Text, message::Audience},
        fediverse::{
            activity,
            sample::{ana, dune, site},
        },
    };

    fn shown(published: &Published) -> Value {
        note(published, &Speaker { site: &site(), reviewer: &ana() }, &Counts::default())
    }

    /// The Create as sent, for the limits that count the whole.
    fn create_bytes(published: &Published) -> usize {
        let speaker = Speaker { site: &site(), reviewer: &ana() };
        activity::create(published, &speaker, Audience::Everyone).body.len()
    }

    fn long(paragraphs: usize) -> Published {
        let mut published = dune();
        let paragraph = "Sand & \"spice\" — ".repeat(30);
        let source = (0..paragraphs).map(|n| format!("{n}. {paragraph}\n\n")).collect::<String>();
        published.review.body = Text::new(Format::Plain, source);
        published
    }

    #[test]
    fn a_review_is_a_note() {
        insta::assert_json_snapshot!(shown(&dune()));
    }

    #[test]
    fn bookwyrm_gets_a_review_with_the_same_id() {
        let speaker = Speaker { site: &site(), reviewer: &ana() };
        let review = review_for_bookwyrm(&dune(), &speaker, &Counts::default());
        assert_eq!(review["id"], shown(&dune())["id"]);
        insta::assert_json_snapshot!(review);
    }

    #[test]
    fn a_note_has_no_name_and_no_update_before_its_first_edit() {
        let mut published = dune();
        let note = shown(&published);
        assert!(note.get("name").is_none() && note.get("updated").is_none() && note.get("summary").is_none());
        published.updated = Some("2026-11-21T10:00:00Z".parse().unwrap());
        let note = shown(&published);
        assert_eq!(note["published"], "2026-11-20T09:00:00Z");
        assert_eq!(note["updated"], "2026-11-21T10:00:00Z");
        assert_eq!(note["relatedWith"][0]["updated"], "2026-11-21T10:00:00Z");
    }

    #[test]
    fn spoilers_are_hidden_behind_book_and_rating() {
        let mut published = dune();
        published.review.spoilers = true;
        let note = shown(&published);
        assert_eq!(note["summary"], "Spoilers: Dune by Frank Herbert — ★★★★½");
        assert_eq!(note["sensitive"], true);
        published.review.rating = None;
        assert_eq!(shown(&published)["summary"], "Spoilers: Dune by Frank Herbert");
    }

    #[test]
    fn the_language_is_the_reviews_own_or_the_sites() {
        let mut published = dune();
        published.review.language = Some("de".into());
        let note = shown(&published);
        assert_eq!(note["contentMap"], json!({"de": note["content"]}));
    }

    #[test]
    fn a_rating_in_words_is_shown_and_not_counted() {
        let mut published = dune();
        published.review.rating = Some(Rating { raw: "Hilariously <bad>".into(), value: None, best: None });
        let note = shown(&published);
        assert!(note["content"].as_str().unwrap().contains("<p>Hilariously &lt;bad&gt;</p>"));
        assert!(!note["relatedWith"].to_string().contains("\"Rating\""));
        published.review.rating = Some(Rating { raw: "0".into(), value: Some(0.0), best: Some(5.0) });
        assert!(!shown(&published)["relatedWith"].to_string().contains("\"Rating\""));
    }

    #[test]
    fn a_book_without_cover_authors_or_tags_still_makes_a_note() {
        let mut published = dune();
        published.cover = None;
        published.review.book.authors.clear();
        published.review.tags.clear();
        published.review.headline = None;
        published.review.book.title = "<script>\"&'".into();
        let note = shown(&published);
        assert_eq!(note["attachment"], json!([]));
        assert_eq!(note["tag"].as_array().unwrap().len(), 1);
        let start =
            r#"<p>Review of <a href="https://books.example/@ana/dune-2026">&lt;script&gt;&quot;&amp;&#39;</a></p>"#;
        assert!(note["content"].as_str().unwrap().starts_with(start), "{}", note["content"]);
    }

    #[test]
    fn a_long_review_first_shortens_the_copy_for_catalogues_then_is_cut_at_a_paragraph() {
        let whole = |published: &Published| {
            let note = shown(published);
            let copy = note["relatedWith"][2]["content"].as_str().unwrap().len();
            let full = !note["content"].as_str().unwrap().contains("Read the full review");
            (copy, full)
        };
        let (copy, full) = whole(&long(5));
        assert!(copy > 2_000 && full);
        let (copy, full) = whole(&long(21));
        assert!(copy < 1_500 && full, "{copy}");
        let (copy, full) = whole(&long(90));
        assert!(copy < 1_500 && !full);
        for paragraphs in [1, 18, 21, 30, 90] {
            let bytes = create_bytes(&long(paragraphs));
            assert!(bytes <= DOCUMENT_BYTES_MAX, "{paragraphs} paragraphs: {bytes} bytes");
        }
        let cut = shown(&long(90))["content"].as_str().unwrap().to_owned();
        assert_eq!(cut.matches("<p>").count(), cut.matches("</p>").count());
        assert!(cut.len() > 10_000, "{}", cut.len());
    }

    #[test]
    fn replies_are_listed_up_to_a_page() {
        let ids: Vec<String> = (0..12).map(|n| format!("https://m.example/{n}")).collect();
        let counts = Counts { replies: 12, first_replies: &ids, likes: 7, shares: 3 };
        let note = note(&dune(), &Speaker { site: &site(), reviewer: &ana() }, &counts);
        assert_eq!(note["replies"]["first"]["items"].as_array().unwrap().len(), REPLIES_PER_PAGE);
        let next = "https://books.example/users/ana/reviews/dune-2026/replies?page=2";
        assert_eq!(note["replies"]["first"]["next"], next);
        assert_eq!((&note["likes"]["totalItems"], &note["shares"]["totalItems"]), (&json!(7), &json!(3)));
    }

    #[test]
    fn the_id_of_a_note_leads_back_to_its_review() {
        let origin = site().origin;
        let (handle, id) = review_of(&origin, "https://books.example/users/ana/reviews/dune-2026").unwrap();
        assert_eq!((handle.as_str(), id.as_str()), ("ana", "dune-2026"));
        for other in [
            "https://evil.example/users/ana/reviews/x",
            "https://books.example/users/ana",
            "https://books.example/users/ana/reviews/a/b",
            "https://books.example.evil/users/ana/reviews/x",
        ] {
            assert!(review_of(&origin, other).is_none(), "{other}");
        }
    }
}
