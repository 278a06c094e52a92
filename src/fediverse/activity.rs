//! Activities in their final form: what is stored, and sent byte for byte on every attempt.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    context::{Context, PUBLIC, actor_part, note_part, with_context},
    note::{Counts, Speaker, note_object, review_object},
};
use crate::domain::{
    Handle, Origin, Published, ReviewId,
    message::{Audience, Kind, Message},
};

/// A follow of ours that came in, as far as the answer repeats it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follow {
    pub id: String,
    pub actor: String,
    /// The actor of ours.
    pub object: String,
}

/// A wish to quote a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteRequest {
    pub id: String,
    pub actor: String,
    /// Our Note.
    pub object: String,
    /// Their post that quotes it.
    pub instrument: String,
}

/// The Create of a review. The two audiences get two activities with two ids over one object id.
pub fn create(published: &Published, speaker: &Speaker<'_>, audience: Audience) -> Message {
    let origin = &speaker.site.origin;
    let id = match audience {
        Audience::Everyone => note_part(origin, &published.reviewer, &published.id, "activity"),
        Audience::BookWyrm => note_part(origin, &published.reviewer, &published.id, "activity/bookwyrm"),
    };
    about_review(published, speaker, audience, Kind::Create, id, published.published)
}

/// The Update of a review; `published.updated` must be set, and newer than at any Update before.
pub fn update(published: &Published, speaker: &Speaker<'_>, counts: &Counts<'_>, audience: Audience) -> Message {
    let note = speaker.site.origin.note(&published.reviewer, &published.id);
    let changed = published.changed();
    let suffix = match audience {
        Audience::Everyone => "",
        Audience::BookWyrm => "-bookwyrm",
    };
    let id = format!("{note}#updates/{}{suffix}", changed.as_second());
    about_review_with(published, speaker, counts, audience, Kind::Update, id, changed)
}

/// The Delete of a review as a Tombstone: one wording that everybody understands, BookWyrm too.
pub fn delete(origin: &Origin, handle: &Handle, id: &ReviewId, at: Timestamp) -> Message {
    let note = origin.note(handle, id);
    let document = json!({
        "id": format!("{note}#delete"),
        "type": "Delete",
        "actor": origin.actor(handle),
        "to": [PUBLIC],
        "cc": [actor_part(origin, handle, "followers")],
        "object": {"id": note, "type": "Tombstone", "formerType": "Note", "deleted": at.to_string()},
    });
    message(Kind::Delete, &note, Audience::Everyone, Context::Plain, document)
}

/// What a deleted review's id answers from then on, with 410.
pub fn tombstone(id: &str, published: Timestamp, deleted: Timestamp) -> Value {
    let document = json!({
        "id": id,
        "type": "Tombstone",
        "formerType": "Note",
        "published": published.to_string(),
        "deleted": deleted.to_string(),
    });
    with_context(Context::Plain, document)
}

/// Tells followers that the profile changed; `person` is the actor without `@context`.
pub fn update_person(origin: &Origin, handle: &Handle, person: Value, at: Timestamp) -> Message {
    let actor = origin.actor(handle);
    let document = json!({
        "id": format!("{actor}#updates/{}", at.as_second()),
        "type": "Update",
        "actor": actor,
        "to": [PUBLIC],
        "cc": [actor_part(origin, handle, "followers")],
        "object": person,
    });
    message(Kind::Update, &actor, Audience::Everyone, Context::Actor, document)
}

/// Ends an account for ever. Sent while the key is still served, to every known inbox.
pub fn delete_person(origin: &Origin, handle: &Handle) -> Message {
    let actor = origin.actor(handle);
    let document = json!({
        "id": format!("{actor}#delete"),
        "type": "Delete",
        "actor": actor,
        "to": [PUBLIC],
        "object": actor,
    });
    message(Kind::Delete, &actor, Audience::Everyone, Context::Plain, document)
}

/// Tells followers that the account lives elsewhere now; the target must already name this actor in `alsoKnownAs`.
pub fn move_to(origin: &Origin, handle: &Handle, target: &str, at: Timestamp) -> Message {
    let actor = origin.actor(handle);
    let document = json!({
        "id": format!("{actor}#moves/{}", at.as_second()),
        "type": "Move",
        "actor": actor,
        "object": actor,
        "target": target,
        "to": [actor_part(origin, handle, "followers")],
    });
    message(Kind::Move, &actor, Audience::Everyone, Context::Plain, document)
}

/// Accepts a follow; `number` makes the id unique among the accepts of this actor.
///
/// The Follow is embedded with its own id and plain addresses: BookWyrm fails on an embedded actor, GoToSocial on a
/// missing id.
pub fn accept(origin: &Origin, handle: &Handle, follow: &Follow, number: &str) -> Message {
    answer_follow(origin, handle, follow, Kind::Accept, &format!("accepts/follows/{number}"))
}

/// Declines a follow, or ends one that was accepted.
pub fn reject(origin: &Origin, handle: &Handle, follow: &Follow, number: &str) -> Message {
    answer_follow(origin, handle, follow, Kind::Reject, &format!("rejects/follows/{number}"))
}

/// Allows a quote; third servers check the stamp at `authorization`.
pub fn accept_quote(
    origin: &Origin,
    handle: &Handle,
    request: &QuoteRequest,
    number: &str,
    authorization: &str,
) -> Message {
    let actor = origin.actor(handle);
    let document = json!({
        "id": format!("{actor}#accepts/quote_requests/{number}"),
        "type": "Accept",
        "actor": actor,
        "to": [request.actor],
        "object": quote_request(request),
        "result": authorization,
    });
    message(Kind::Accept, &request.id, Audience::Everyone, Context::QuoteRequest, document)
}

pub fn reject_quote(origin: &Origin, handle: &Handle, request: &QuoteRequest, number: &str) -> Message {
    let actor = origin.actor(handle);
    let document = json!({
        "id": format!("{actor}#rejects/quote_requests/{number}"),
        "type": "Reject",
        "actor": actor,
        "to": [request.actor],
        "object": quote_request(request),
    });
    message(Kind::Reject, &request.id, Audience::Everyone, Context::QuoteRequest, document)
}

/// The address of a quote's stamp.
pub fn quote_authorization_id(origin: &Origin, handle: &Handle, number: &str) -> String {
    format!("{}/quote_authorizations/{number}", origin.actor(handle))
}

/// The stamp itself, which third servers fetch (FEP-044f).
pub fn quote_authorization(origin: &Origin, handle: &Handle, number: &str, note: &str, quoted_by: &str) -> Value {
    let document = json!({
        "id": quote_authorization_id(origin, handle, number),
        "type": "QuoteAuthorization",
        "attributedTo": origin.actor(handle),
        "interactingObject": quoted_by,
        "interactionTarget": note,
    });
    with_context(Context::QuoteAuthorization, document)
}

/// Takes back the stamp of a quote.
pub fn revoke_quote(origin: &Origin, handle: &Handle, number: &str) -> Message {
    let stamp = quote_authorization_id(origin, handle, number);
    let document = json!({
        "id": format!("{stamp}#delete"),
        "type": "Delete",
        "actor": origin.actor(handle),
        "to": [PUBLIC],
        "object": {"id": stamp, "type": "QuoteAuthorization"},
    });
    message(Kind::Delete, &stamp, Audience::Everyone, Context::QuoteAuthorization, document)
}

/// Pins or unpins a review: `Add` to or `Remove` from `featured`.
pub fn pin(origin: &Origin, handle: &Handle, note: &str, kind: Kind, at: Timestamp) -> Message {
    let actor = origin.actor(handle);
    let featured = actor_part(origin, handle, "featured");
    let document = json!({
        "id": format!("{note}#{}/{}", kind.as_str().to_ascii_lowercase(), at.as_second()),
        "type": kind.as_str(),
        "actor": actor,
        "to": [PUBLIC],
        "object": note,
        "target": featured,
    });
    message(kind, note, Audience::Everyone, Context::Plain, document)
}

/// A complaint to the server of an author about their post; `number` makes the id unique among the complaints of this
/// actor.
///
/// Actor and posts stand in one list, as Mastodon and its kin send and read it. The reviewer's own actor signs: on a site
/// of one person an anonymous complaint would hide nobody.
pub fn flag(origin: &Origin, handle: &Handle, author: &str, post: &str, words: &str, number: &str) -> Message {
    let actor = origin.actor(handle);
    let document = json!({
        "id": format!("{actor}#flags/{number}"),
        "type": "Flag",
        "actor": actor,
        "to": [author],
        "object": [author, post],
        "content": words,
    });
    message(Kind::Flag, post, Audience::Everyone, Context::Plain, document)
}

fn about_review(
    published: &Published,
    speaker: &Speaker<'_>,
    audience: Audience,
    kind: Kind,
    id: String,
    at: Timestamp,
) -> Message {
    about_review_with(published, speaker, &Counts::default(), audience, kind, id, at)
}

fn about_review_with(
    published: &Published,
    speaker: &Speaker<'_>,
    counts: &Counts<'_>,
    audience: Audience,
    kind: Kind,
    id: String,
    at: Timestamp,
) -> Message {
    let origin = &speaker.site.origin;
    let (context, object) = match audience {
        Audience::Everyone => (Context::Note, note_object(published, speaker, counts)),
        Audience::BookWyrm => (Context::BookWyrm, review_object(published, speaker, counts)),
    };
    let document = json!({
        "id": id,
        "type": kind.as_str(),
        "actor": origin.actor(&published.reviewer),
        "published": at.to_string(),
        "to": [PUBLIC],
        "cc": [actor_part(origin, &published.reviewer, "followers")],
        "object": object,
    });
    message(kind, &origin.note(&published.reviewer, &published.id), audience, context, document)
}

fn answer_follow(origin: &Origin, handle: &Handle, follow: &Follow, kind: Kind, suffix: &str) -> Message {
    let actor = origin.actor(handle);
    let document = json!({
        "id": format!("{actor}#{suffix}"),
        "type": kind.as_str(),
        "actor": actor,
        "to": [follow.actor],
        "object": {"id": follow.id, "type": "Follow", "actor": follow.actor, "object": follow.object},
    });
    message(kind, &follow.id, Audience::Everyone, Context::Plain, document)
}

fn quote_request(request: &QuoteRequest) -> Value {
    json!({
        "id": request.id,
        "type": "QuoteRequest",
        "actor": request.actor,
        "object": request.object,
        "instrument": request.instrument,
    })
}

pub(super) fn message(kind: Kind, object: &str, audience: Audience, context: Context, document: Value) -> Message {
    let id = document["id"].as_str().unwrap_or_default().to_owned();
    let body = with_context(context, document).to_string().into_bytes();
    Message { id, kind, object: object.to_owned(), audience, body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::Picture,
        fediverse::{
            actor::{Standing, person_object},
            sample::{ana, dune, site},
        },
    };

    fn json(message: &Message) -> Value {
        let document: Value = serde_json::from_slice(&message.body).unwrap();
        assert_eq!(document["id"], message.id);
        assert_eq!(document["type"], message.kind.as_str());
        document
    }

    fn follow() -> Follow {
        Follow {
            id: "https://mastodon.example/6a1b".into(),
            actor: "https://mastodon.example/users/bob".into(),
            object: "https://books.example/users/ana".into(),
        }
    }

    #[test]
    fn a_create_carries_the_whole_note_and_addresses_like_it() {
        let (site, ana) = (site(), ana());
        let message = create(&dune(), &Speaker { site: &site, reviewer: &ana }, Audience::Everyone);
        assert_eq!(message.id, "https://books.example/users/ana/reviews/dune-2026/activity");
        assert_eq!(message.object, "https://books.example/users/ana/reviews/dune-2026");
        let document = json(&message);
        for part in ["to", "cc", "published"] {
            assert_eq!(document[part], document["object"][part], "{part}");
        }
        assert_eq!(document["actor"], document["object"]["attributedTo"]);
        assert!(document["object"].get("@context").is_none());
    }

    #[test]
    fn bookwyrms_create_has_another_id_over_the_same_object() {
        let (site, ana) = (site(), ana());
        let speaker = Speaker { site: &site, reviewer: &ana };
        let (everyone, bookwyrm) =
            (create(&dune(), &speaker, Audience::Everyone), create(&dune(), &speaker, Audience::BookWyrm));
        assert_eq!(bookwyrm.id, format!("{}/bookwyrm", everyone.id));
        assert_eq!(bookwyrm.object, everyone.object);
        assert_eq!(json(&bookwyrm)["object"]["type"], "Review");
    }

    #[test]
    fn an_update_is_named_by_its_second_and_carries_it() {
        let (site, ana) = (site(), ana());
        let mut published = dune();
        published.updated = Some("2026-11-21T10:00:00Z".parse().unwrap());
        let speaker = Speaker { site: &site, reviewer: &ana };
        let message = update(&published, &speaker, &Counts::default(), Audience::Everyone);
        assert_eq!(message.id, "https://books.example/users/ana/reviews/dune-2026#updates/1795255200");
        let document = json(&message);
        assert_eq!(document["published"], "2026-11-21T10:00:00Z");
        assert_eq!(document["object"]["updated"], "2026-11-21T10:00:00Z");
    }

    #[test]
    fn small_activities_are_worded_as_everybody_reads_them() {
        let origin = site().origin;
        let handle = ana().handle;
        let at = "2026-11-22T00:00:00Z".parse().unwrap();
        let quote = QuoteRequest {
            id: "https://mastodon.example/users/bob/quote_requests/9".into(),
            actor: "https://mastodon.example/users/bob".into(),
            object: "https://books.example/users/ana/reviews/dune-2026".into(),
            instrument: "https://mastodon.example/users/bob/statuses/2".into(),
        };
        let stamp = quote_authorization_id(&origin, &handle, "9");
        let documents = [
            json(&delete(&origin, &handle, &dune().id, at)),
            json(&accept(&origin, &handle, &follow(), "42")),
            json(&reject(&origin, &handle, &follow(), "42")),
            json(&delete_person(&origin, &handle)),
            json(&move_to(&origin, &handle, "https://new.example/users/ana", at)),
            json(&accept_quote(&origin, &handle, &quote, "9", &stamp)),
            json(&reject_quote(&origin, &handle, &quote, "9")),
            json(&pin(&origin, &handle, &quote.object, Kind::Add, at)),
            json(&flag(&origin, &handle, &quote.actor, &quote.instrument, "Spam.", "9")),
            tombstone(&origin.note(&handle, &dune().id), dune().published, at),
            quote_authorization(&origin, &handle, "9", &quote.object, &quote.instrument),
        ];
        insta::assert_json_snapshot!(documents);
    }

    #[test]
    fn a_changed_profile_is_sent_whole() {
        let (site, mut ana) = (site(), ana());
        ana.avatar = None::<Picture>;
        let at = "2026-11-22T00:00:00Z".parse().unwrap();
        let standing = Standing { public_key_pem: "PEM", since: at, approves_followers: false, moved_to: None };
        let person = person_object(&site, &ana, &standing);
        let document = json(&update_person(&site.origin, &ana.handle, person.clone(), at));
        assert_eq!(document["object"], person);
        assert_eq!(document["id"], "https://books.example/users/ana#updates/1795305600");
    }
}
