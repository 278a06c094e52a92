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
        Answer, Handle, Origin, PublishedAnswer, ReviewId, Target, Visibility,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Format, Slug, Text},
        fediverse::sample::{ana, site},
    };

    fn person(name: &str, host: &str) -> Participant {
        Participant {
            id: format!("https://{host}/users/{name}"),
            handle: format!("{name}@{host}"),
            page: format!("https://{host}/@{name}"),
            inbox: Some(format!("https://{host}/users/{name}/inbox")),
            shared_inbox: Some(format!("https://{host}/inbox")),
        }
    }

    /// Bob answered Ana's review, naming Carol; Ana thanks him.
    fn thanks() -> PublishedAnswer {
        let answer = Answer {
            in_reply_to: "https://mastodon.example/@bob/1".to_owned(),
            body: Text::new(Format::Markdown, "Thank you! The worms are *the least* of it."),
            warning: None,
            spoilers: false,
            date: None,
            language: None,
            draft: false,
            slug: Slug::from_text("2026-11-22-bob-dune"),
            id: None,
            imported: false,
        };
        let target = Target {
            id: "https://mastodon.example/users/bob/statuses/1".to_owned(),
            page: "https://mastodon.example/@bob/1".to_owned(),
            author: person("bob", "mastodon.example"),
            others: vec![person("carol", "gts.example"), person("dan", "mastodon.example")],
            warning: None,
            visibility: Visibility::Public,
            context: Some("https://mastodon.example/contexts/1".to_owned()),
            under: Some((ana().handle, ReviewId::parse("dune-2026").unwrap())),
        };
        let id = ReviewId::parse("k3v9").unwrap();
        let page = site().origin.answer(&ana().handle, &id);
        PublishedAnswer {
            content: content(&answer, &target, &page),
            reviewer: ana().handle,
            id,
            published: "2026-11-22T10:00:00Z".parse().unwrap(),
            updated: None,
            answer,
            target,
        }
    }

    fn shown(answer: &PublishedAnswer) -> Value {
        note(answer, &Speaker { site: &site(), reviewer: &ana() })
    }

    #[test]
    fn an_answer_is_a_note_for_everyone_in_the_conversation() {
        insta::assert_json_snapshot!(shown(&thanks()));
    }

    #[test]
    fn its_activities_are_addressed_like_the_note() {
        let mut answer = thanks();
        let speaker = Speaker { site: &site(), reviewer: &ana() };
        let json = |message: &Message| serde_json::from_slice::<Value>(&message.body).unwrap();
        let create = json(&create(&answer, &speaker));
        answer.updated = Some("2026-11-22T11:00:00Z".parse().unwrap());
        let update = json(&update(&answer, &speaker));
        let delete = json(&delete(&answer, &site().origin, answer.changed()));
        let note = shown(&answer);
        for activity in [&create, &update, &delete] {
            assert_eq!((&activity["to"], &activity["cc"]), (&note["to"], &note["cc"]));
            assert_eq!(activity["object"]["id"], note["id"]);
        }
        assert_eq!(create["id"], "https://books.example/users/ana/replies/k3v9/activity");
        assert_eq!(update["id"], "https://books.example/users/ana/replies/k3v9#updates/1795345200");
        assert_eq!((&create["object"]["updated"], &update["object"]["updated"]), (&Value::Null, &note["updated"]));
    }

    #[test]
    fn nobody_sees_more_of_an_answer_than_of_the_post() {
        let mut answer = thanks();
        let followers = "https://books.example/users/ana/followers";
        let (bob, carol, dan) = ("mastodon.example/users/bob", "gts.example/users/carol", "mastodon.example/users/dan");
        let people = [bob, carol, dan].map(|one| format!("https://{one}"));
        let inboxes_of = |answer: &PublishedAnswer| inboxes(answer).join(" ");
        for (visibility, to, cc, tags, reached) in [
            (Visibility::Public, vec![PUBLIC], vec![followers, &people[0], &people[1], &people[2]], 3, true),
            (Visibility::Unlisted, vec![followers], vec![PUBLIC, &people[0], &people[1], &people[2]], 3, true),
            (Visibility::Private, vec![people[0].as_str()], vec![], 1, false),
        ] {
            answer.target.visibility = visibility;
            let note = shown(&answer);
            assert_eq!((&note["to"], &note["cc"]), (&json!(to), &json!(cc)));
            assert_eq!(note["tag"].as_array().unwrap().len(), tags);
            assert_eq!(goes_to_followers(&answer), reached);
            let others = if reached { " https://gts.example/inbox https://mastodon.example/inbox" } else { "" };
            assert_eq!(inboxes_of(&answer), format!("https://{bob}/inbox{others}"));
        }
    }

    #[test]
    fn a_warning_is_the_files_own_or_that_of_the_post() {
        let mut answer = thanks();
        let warned = |answer: &PublishedAnswer| shown(answer)["summary"].as_str().map(str::to_owned);
        assert_eq!(warned(&answer), None);
        answer.target.warning = Some("Dune".to_owned());
        assert_eq!(warned(&answer).as_deref(), Some("Dune"));
        answer.answer.body = Text::new(Format::Markdown, "<spoiler>He dies.</spoiler>");
        assert_eq!(warned(&answer).as_deref(), Some("Spoilers"));
        answer.answer.warning = Some("The end of Dune".to_owned());
        assert_eq!(warned(&answer).as_deref(), Some("The end of Dune"));
    }

    #[test]
    fn what_one_says_oneself_is_answered_without_a_mention() {
        let mut answer = thanks();
        answer.target.author.inbox = None;
        assert_eq!(
            content(&answer.answer, &answer.target, "https://books.example/"),
            "<p>Thank you! The worms are <em>the least</em> of it.</p>"
        );
        assert_eq!(inboxes(&answer), ["https://gts.example/inbox", "https://mastodon.example/inbox"]);
    }

    #[test]
    fn a_long_answer_and_a_hostile_name_fit_into_every_document() {
        let mut answer = thanks();
        answer.target.author.handle = "<b>bob\"@mastodon.example".to_owned();
        answer.answer.body = Text::new(Format::Plain, "Sand & \"spice\" — ".repeat(9_000));
        answer.content = content(&answer.answer, &answer.target, "https://books.example/x");
        assert!(answer.content.contains("@<span>&lt;b&gt;bob&quot;</span>") && answer.content.contains(READ_MORE));
        let create = create(&answer, &Speaker { site: &site(), reviewer: &ana() });
        assert!(create.body.len() < super::super::note::DOCUMENT_BYTES_MAX, "{} bytes", create.body.len());
    }

    #[test]
    fn the_id_of_an_answer_leads_back_to_it() {
        let origin = site().origin;
        let id = origin.answer(&ana().handle, &ReviewId::parse("k3v9").unwrap());
        assert_eq!(answer_of(&origin, &id).unwrap().1.as_str(), "k3v9");
        for other in ["https://books.example/users/ana/reviews/x", "https://evil.example/users/ana/replies/x"] {
            assert!(answer_of(&origin, other).is_none(), "{other}");
        }
    }
}
