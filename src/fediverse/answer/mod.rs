//! An answer of a reviewer's as the fediverse sees it: a `Note` that names the post it answers and those who take part.
//!
//! Nobody sees more of an answer than of the post answered: a public post is answered in public, an unlisted one
//! unlisted, and a private one goes to its author alone.

mod find;

use jiff::Timestamp;
use serde_json::{Value, json};

pub use find::Finder;

use super::{
    activity::message,
    context::{Context, PUBLIC, actor_part, note_part, with_context},
    html::escape,
    note::Speaker,
};
use crate::{
    domain::{
        Answer, Format, Handle, Origin, PublishedAnswer, ReviewId, Target, Text, Visibility,
        answer::Participant,
        message::{Audience, Kind, Message},
    },
    text::{self, Place},
};

/// Longest text of an answer, in bytes of HTML: it stands twice in a document that NeoDB and Takahe read up to 50 KB of.
const CONTENT_BYTES_MAX: usize = 14_000;
/// What leads from a shortened answer to the whole.
const READ_MORE: &str = "Read the full answer";
/// Said over an answer that gives a plot away.
const SPOILERS: &str = "Spoilers";

/// The text as it is sent and shown: the name of the person answered, as Mastodon writes it, and the reviewer's words.
pub fn content(answer: &Answer, target: &Target, page: &str) -> String {
    let words = text::fediverse_html(&answer.body, &Place { page, picture: &|_| None });
    let words = text::cut_at_paragraph(&words, CONTENT_BYTES_MAX, (page, READ_MORE));
    let words = words.as_str().trim();
    if target.author.is_ours() {
        return words.to_owned();
    }
    let mention = mention_html(&target.author);
    match words.strip_prefix("<p>") {
        Some(rest) => format!("<p>{mention} {rest}"),
        None => format!("<p>{mention}</p>{words}"),
    }
}

/// The content warning: the file's own, else a word for spoilers, else that of the post answered, as Mastodon's composer
/// repeats it.
pub fn warning(answer: &Answer, target: &Target) -> Option<String> {
    let spoilers = answer.spoilers || text::has_marked_spoilers(&answer.body);
    let own = answer.warning.clone().or_else(|| spoilers.then(|| SPOILERS.to_owned()));
    own.or_else(|| target.warning.clone())
}

/// The Note with its `@context`, as its id answers.
pub fn note(published: &PublishedAnswer, speaker: &Speaker<'_>) -> Value {
    with_context(Context::Note, note_object(published, speaker))
}

/// The Note without `@context`.
pub fn note_object(published: &PublishedAnswer, speaker: &Speaker<'_>) -> Value {
    let origin = &speaker.site.origin;
    let id = origin.answer(&published.reviewer, &published.id);
    let (target, answer) = (&published.target, &published.answer);
    let (to, cc) = audience(published, origin);
    let mut note = json!({
        "id": id,
        "type": "Note",
        "attributedTo": origin.actor(&published.reviewer),
        "inReplyTo": target.id,
        "to": to,
        "cc": cc,
        "published": published.published.to_string(),
    });
    // As for reviews: Mastodon shows an edit for every `updated` it does not know.
    if let Some(updated) = published.updated {
        note["updated"] = json!(updated.to_string());
    }
    note["url"] = json!(id);
    let warning = warning(answer, target);
    note["sensitive"] = json!(warning.is_some());
    if let Some(warning) = warning {
        note["summary"] = json!(warning);
    }
    let language = answer.language.as_deref().unwrap_or(&speaker.site.language);
    note["content"] = json!(published.content);
    note["contentMap"] = json!({language: published.content});
    if let Some(context) = conversation(published, origin) {
        note["conversation"] = json!(context);
        note["context"] = note["conversation"].clone();
    }
    note["tag"] = Value::Array(named(published).into_iter().map(mention_tag).collect());
    note["attachment"] = json!([]);
    note["interactionPolicy"] = json!({"canQuote": {"automaticApproval": quotable_by(published, origin)}});
    note
}

pub fn create(published: &PublishedAnswer, speaker: &Speaker<'_>) -> Message {
    let id = format!("{}/activity", speaker.site.origin.answer(&published.reviewer, &published.id));
    about(published, speaker, Kind::Create, id, published.published)
}

/// `published.updated` must be set, and newer than at any Update before.
pub fn update(published: &PublishedAnswer, speaker: &Speaker<'_>) -> Message {
    let note = speaker.site.origin.answer(&published.reviewer, &published.id);
    let changed = published.changed();
    about(published, speaker, Kind::Update, format!("{note}#updates/{}", changed.as_second()), changed)
}

/// Addressed like the Note: who never saw it does not hear of its end.
pub fn delete(published: &PublishedAnswer, origin: &Origin, at: Timestamp) -> Message {
    let note = origin.answer(&published.reviewer, &published.id);
    let (to, cc) = audience(published, origin);
    let document = json!({
        "id": format!("{note}#delete"),
        "type": "Delete",
        "actor": origin.actor(&published.reviewer),
        "to": to,
        "cc": cc,
        "object": {"id": note, "type": "Tombstone", "formerType": "Note", "deleted": at.to_string()},
    });
    message(Kind::Delete, &note, Audience::Everyone, Context::Plain, document)
}

/// What a deleted answer's id answers from then on, with 410.
pub fn tombstone(origin: &Origin, handle: &Handle, id: &ReviewId, published: Timestamp, deleted: Timestamp) -> Value {
    let document = json!({
        "id": origin.answer(handle, id),
        "type": "Tombstone",
        "formerType": "Note",
        "published": published.to_string(),
        "deleted": deleted.to_string(),
    });
    with_context(Context::Plain, document)
}

/// The inboxes that an answer goes to, followers aside: the person answered in person, so that they are told of it
/// whoever they follow; the others through their servers.
pub fn inboxes(published: &PublishedAnswer) -> Vec<String> {
    let mut inboxes: Vec<String> = published.target.author.inbox.iter().cloned().collect();
    for other in named(published).into_iter().skip(usize::from(!published.target.author.is_ours())) {
        if let Some(inbox) =
            other.shared_inbox.as_ref().or(other.inbox.as_ref()).filter(|inbox| !inboxes.contains(inbox))
        {
            inboxes.push(inbox.clone());
        }
    }
    inboxes
}

/// Whether followers may see it too.
pub fn goes_to_followers(published: &PublishedAnswer) -> bool {
    published.visibility() != Visibility::Private
}

/// The answer of a reviewer from the address of its Note, where it is one of ours.
pub fn answer_of(origin: &Origin, note: &str) -> Option<(Handle, ReviewId)> {
    let path = note.strip_prefix(origin.as_str())?.strip_prefix("/users/")?;
    let (handle, id) = path.split_once("/replies/")?;
    Some((Handle::parse(handle).ok()?, ReviewId::parse(id)?))
}

/// Those of other servers who are named, the person answered first.
fn named(published: &PublishedAnswer) -> Vec<&Participant> {
    let target = &published.target;
    let others: &[Participant] = if published.visibility() == Visibility::Private { &[] } else { &target.others };
    [&target.author].into_iter().chain(others).filter(|one| !one.is_ours()).collect()
}

/// `to` and `cc`.
fn audience(published: &PublishedAnswer, origin: &Origin) -> (Vec<String>, Vec<String>) {
    let followers = actor_part(origin, &published.reviewer, "followers");
    let people = named(published).into_iter().map(|one| one.id.clone());
    match published.visibility() {
        Visibility::Public => (vec![PUBLIC.to_owned()], [followers].into_iter().chain(people).collect()),
        Visibility::Unlisted => (vec![followers], [PUBLIC.to_owned()].into_iter().chain(people).collect()),
        Visibility::Private => (people.collect(), Vec::new()),
    }
}

fn quotable_by(published: &PublishedAnswer, origin: &Origin) -> Vec<String> {
    match published.visibility() {
        Visibility::Public | Visibility::Unlisted => vec![PUBLIC.to_owned()],
        Visibility::Private => vec![origin.actor(&published.reviewer)],
    }
}

/// Our own collection where the thread is a review's, else the one that the post answered names.
fn conversation(published: &PublishedAnswer, origin: &Origin) -> Option<String> {
    match &published.target.under {
        Some((handle, review)) => Some(note_part(origin, handle, review, "context")),
        None => published.target.context.clone(),
    }
}

fn mention_tag(person: &Participant) -> Value {
    json!({"type": "Mention", "href": person.id, "name": format!("@{}", person.handle)})
}

/// As Mastodon writes it; the classes keep the link from becoming a card.
fn mention_html(person: &Participant) -> String {
    let user = person.handle.split('@').next().unwrap_or(&person.handle);
    format!(
        r#"<span class="h-card" translate="no"><a href="{}" class="u-url mention">@<span>{}</span></a></span>"#,
        escape(&person.page),
        escape(user)
    )
}

fn about(published: &PublishedAnswer, speaker: &Speaker<'_>, kind: Kind, id: String, at: Timestamp) -> Message {
    let origin = &speaker.site.origin;
    let note = note_object(published, speaker);
    let document = json!({
        "id": id,
        "type": kind.as_str(),
        "actor": note["attributedTo"],
        "published": at.to_string(),
        "to": note["to"],
        "cc": note["cc"],
        "object": note,
    });
    let object = origin.answer(&published.reviewer, &published.id);
    message(kind, &object, Audience::Everyone, Context::Note, document)
}

/// A short text as an answer file would give it; for `reviewd preview`.
pub fn plain_text(html: &str) -> String {
    text::plain(&Text::new(Format::Html, html))
}
