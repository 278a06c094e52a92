//! A review as the fediverse sees it: a `Note` for everybody, a `Review` for BookWyrm, both under the same id.

use serde_json::{Value, json};

use super::{
    context::{Context, PUBLIC, actor_part, note_part, with_context},
    html::{escape, hashtag, link},
};
use crate::{
    domain::{Format, Published, ReviewId, Reviewer, Site, picture::Size},
    text::{self, Place, Shown},
};

/// Longest Note with its Create around it, in bytes of JSON: NeoDB and Takahe refuse a POST above 50 KB.
pub const DOCUMENT_BYTES_MAX: usize = 40_000;
/// What the Create and the `@context` add, generously.
const ENVELOPE_BYTES: usize = 2_000;
/// Replies listed in the Note itself; the rest stands on the following pages.
pub const REPLIES_PER_PAGE: usize = 10;
/// More hashtags than this are spam to most servers.
const HASHTAGS_MAX: usize = 20;
/// Words of a shortened copy for catalogues, in characters.
const EXCERPT_CHARS: usize = 500;
/// BookWyrm's `name` column, in characters.
const BOOKWYRM_NAME_CHARS_MAX: usize = 255;

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
    let build = |body: &str, cut: bool, copy: Copy| build(published, speaker, counts, body, cut, copy);
    let note = build(&whole, false, Copy::Whole);
    if fits(&note) {
        return note;
    }
    let note = build(&whole, false, Copy::Excerpt);
    if fits(&note) {
        return note;
    }
    // The text stands twice (`content`, `contentMap`), and escaping makes it longer still: cut until it fits.
    let mut bytes_max = whole.len().min(budget / 2);
    loop {
        let note = build(cut_at_paragraph(&whole, bytes_max), true, Copy::Excerpt);
        if fits(&note) || bytes_max == 0 {
            return note;
        }
        bytes_max = bytes_max * 3 / 4;
    }
}

/// The `Review` for BookWyrm with its `@context`, as the id answers BookWyrm.
pub fn review_for_bookwyrm(published: &Published, speaker: &Speaker<'_>, counts: &Counts<'_>) -> Value {
    with_context(Context::BookWyrm, review_object(published, speaker, counts))
}

/// The `Review` without `@context`. Its `inReplyToBook` is our own Edition, which BookWyrm fetches and merges by ISBN.
pub fn review_object(published: &Published, speaker: &Speaker<'_>, counts: &Counts<'_>) -> Value {
    let ids = Ids::of(published, speaker);
    let whole = body_html(published, speaker);
    let cut = whole.len() > DOCUMENT_BYTES_MAX / 2;
    let body = if cut { cut_at_paragraph(&whole, DOCUMENT_BYTES_MAX / 2) } else { &whole };
    let content = format!("{body}{}", closing_html(published, speaker, cut));
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
    review["name"] = json!(published.heading().chars().take(BOOKWYRM_NAME_CHARS_MAX).collect::<String>());
    let rating = published.review.rating.as_ref().and_then(|rating| rating.rescaled(5.0, 0.5));
    if let Some(rating) = rating.filter(|rating| *rating > 0.0) {
        review["rating"] = json!(rating);
    }
    review["inReplyToBook"] = json!(ids.book);
    if has_spoilers(published) {
        review["summary"] = json!(warning(published));
    }
    review["sensitive"] = json!(has_spoilers(published));
    review["tag"] = Value::Array(hashtags(published, speaker));
    review["attachment"] = json!([]);
    review["replies"] = json!({
        "id": replies,
        "type": "OrderedCollection",
        "totalItems": counts.replies,
        "first": format!("{replies}?page=1"),
        "last": format!("{replies}?page=1"),
    });
    review
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

/// How much of the text the copy for catalogues holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copy {
    Whole,
    Excerpt,
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

fn build(
    published: &Published,
    speaker: &Speaker<'_>,
    counts: &Counts<'_>,
    body: &str,
    cut: bool,
    copy: Copy,
) -> Value {
    let ids = Ids::of(published, speaker);
    let content = format!("{}{body}{}", opening_html(published, &ids.page), closing_html(published, speaker, cut));
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
    let mut tags = hashtags(published, speaker);
    tags.push(edition_tag(published, speaker, &ids.book));
    note["tag"] = Value::Array(tags);
    note["attachment"] = attachment(published, speaker);
    note["relatedWith"] = related(published, speaker, &ids, copy);
    note["replies"] = replies(published, speaker, counts);
    note["likes"] = collection(&part(published, speaker, "likes"), counts.likes);
    note["shares"] = collection(&part(published, speaker, "shares"), counts.shares);
    note["interactionPolicy"] = json!({"canQuote": {"automaticApproval": [PUBLIC]}});
    note
}

fn part(published: &Published, speaker: &Speaker<'_>, part: &str) -> String {
    note_part(&speaker.site.origin, &published.reviewer, &published.id, part)
}

/// The reviewer's words as Mastodon's sanitiser leaves them.
fn body_html(published: &Published, speaker: &Speaker<'_>) -> String {
    let origin = &speaker.site.origin;
    let page = origin.page(&published.reviewer, &published.slug);
    let shown = |address: &str| {
        let picture = published.pictures.get(address)?;
        Some(Shown { url: origin.media(picture, Size::Full), width: picture.width, height: picture.height })
    };
    let html = text::fediverse_html(&published.review.body, &Place { page: &page, picture: &shown });
    html.as_str().trim().to_owned()
}

/// Headline, title with author, stars: the text must stand on its own where nothing else is shown.
fn opening_html(published: &Published, page: &str) -> String {
    let book = &published.review.book;
    let headline = published.review.headline.as_deref();
    let mut html = headline.map(|words| format!("<p><strong>{}</strong></p>", escape(words))).unwrap_or_default();
    let authors = crate::domain::book::join_names(&book.authors);
    let by = if authors.is_empty() { String::new() } else { format!(" by {}", escape(&authors)) };
    html.push_str(&format!("<p>Review of {}{by}</p>", link(page, &book.title)));
    if let Some(rating) = &published.review.rating {
        html.push_str(&format!("<p>{}</p>", escape(&rating.label())));
    }
    html
}

/// The link to the page, and the hashtags.
fn closing_html(published: &Published, speaker: &Speaker<'_>, cut: bool) -> String {
    let origin = &speaker.site.origin;
    let page = origin.page(&published.reviewer, &published.slug);
    let words = if cut { "Read the full review".to_owned() } else { format!("Read on {}", origin.host()) };
    let mut html = format!("<p>{}", link(&page, &words));
    for name in hashtag_names(published) {
        html.push(' ');
        html.push_str(&hashtag(origin, &name));
    }
    html + "</p>"
}

fn hashtag_names(published: &Published) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in published.review.tags.iter().filter_map(|tag| text::hashtag(tag)) {
        if names.len() < HASHTAGS_MAX && !names.iter().any(|seen| seen.to_lowercase() == name.to_lowercase()) {
            names.push(name);
        }
    }
    names
}

fn hashtags(published: &Published, speaker: &Speaker<'_>) -> Vec<Value> {
    let origin = &speaker.site.origin;
    let tag = |name: String| json!({"type": "Hashtag", "href": origin.tag(&name), "name": format!("#{name}")});
    hashtag_names(published).into_iter().map(tag).collect()
}

/// NeoDB wants exactly one tag of a catalogue's kind.
fn edition_tag(published: &Published, speaker: &Speaker<'_>, book: &str) -> Value {
    let mut tag = json!({"type": "Edition", "href": book, "name": published.review.book.title});
    if let Some(cover) = &published.cover {
        tag["image"] = json!(speaker.site.origin.media(cover, Size::Full));
    }
    tag
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

/// What NeoDB reads: read, rated, reviewed. In this order, because an exception there stops the rest.
fn related(published: &Published, speaker: &Speaker<'_>, ids: &Ids, copy: Copy) -> Value {
    let piece = |kind: &str, fields: Value| {
        let id = format!("{}#{}", ids.note, kind.to_ascii_lowercase());
        let mut piece = json!({"id": id, "type": kind});
        for (name, value) in fields.as_object().into_iter().flatten() {
            piece[name.as_str()] = value.clone();
        }
        piece["href"] = json!(id);
        piece["attributedTo"] = json!(ids.actor);
        piece["withRegardTo"] = json!(ids.book);
        piece["published"] = json!(published.published.to_string());
        piece["updated"] = json!(published.changed().to_string());
        piece
    };
    let mut pieces = vec![piece("Status", json!({"status": "complete"}))];
    let rating = published.review.rating.as_ref().and_then(|rating| rating.rescaled(10.0, 1.0));
    // NeoDB takes 0 for "no rating" and deletes what it had.
    if let Some(value) = rating.filter(|value| *value >= 1.0) {
        pieces.push(piece("Rating", json!({"value": value as i64, "best": 10, "worst": 1})));
    }
    if !published.review.body.is_empty() {
        let (content, media_type) = catalogue_copy(published, speaker, &ids.page, copy);
        let fields = json!({"name": published.heading(), "content": content, "mediaType": media_type});
        pieces.push(piece("Review", fields));
    }
    Value::Array(pieces)
}

/// The text for a catalogue: the Markdown as written where it means the same elsewhere, else HTML.
fn catalogue_copy(published: &Published, speaker: &Speaker<'_>, page: &str, copy: Copy) -> (String, &'static str) {
    let body = &published.review.body;
    if copy == Copy::Excerpt {
        let excerpt = escape(&text::excerpt(body, EXCERPT_CHARS));
        return (format!("<p>{excerpt}</p><p>{}</p>", link(page, "Read the full review")), "text/html");
    }
    if body.format == Format::Markdown && stands_alone(&body.source) {
        return (body.source.trim().to_owned(), "text/markdown");
    }
    (body_html(published, speaker), "text/html")
}

/// Whether Markdown means the same on another site: every link absolute, no raw HTML, spoilers or footnotes of our dialect.
fn stands_alone(markdown: &str) -> bool {
    let absolute = |rest: &str| rest.starts_with("http://") || rest.starts_with("https://");
    let links = markdown.split("](").skip(1).all(|rest| absolute(rest.trim_start_matches('<')));
    let definitions = markdown.split("]: ").skip(1).all(absolute);
    links && definitions && !["[^", "||", ">!", "<", "{%", "{{"].iter().any(|mark| markdown.contains(mark))
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

/// The longest run of whole paragraphs of at most `bytes_max` bytes.
fn cut_at_paragraph(html: &str, bytes_max: usize) -> &str {
    if html.len() <= bytes_max {
        return html;
    }
    let mut end = 0;
    let mut depth = 0_usize;
    for (position, _) in html.match_indices('<') {
        let tag = &html[position..];
        let Some(length) = tag.find('>') else { break };
        let name = tag[1..length].trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        if !matches!(name, "p" | "ul" | "ol" | "blockquote" | "pre" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6") {
            continue;
        }
        if tag.starts_with("</") {
            depth = depth.saturating_sub(1);
            let after = position + length + 1;
            if depth == 0 {
                if after > bytes_max {
                    break;
                }
                end = after;
            }
        } else {
            depth += 1;
        }
    }
    &html[..end]
}

/// The id of a review from the address of its Note, where it is one of ours.
pub fn review_of(origin: &crate::domain::Origin, note: &str) -> Option<(crate::domain::Handle, ReviewId)> {
    let path = note.strip_prefix(origin.as_str())?.strip_prefix("/users/")?;
    let (handle, id) = path.split_once("/reviews/")?;
    Some((crate::domain::Handle::parse(handle).ok()?, ReviewId::parse(id)?))
}
