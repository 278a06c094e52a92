//! The `@context` of each kind of document, and the few addresses that every document needs.
//!
//! `relatedWith`, `Edition` and the other words of NeoDB stay undeclared on purpose: the `@vocab` of ActivityStreams lets
//! them survive, while an address of our own would make them something else (FEDERATION 4.32).

use serde_json::{Map, Value, json};

use crate::domain::{Handle, Origin, ReviewId};

/// Everybody. The full form, because BookWyrm and others compare it literally.
pub const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";
pub const ACTIVITYSTREAMS: &str = "https://www.w3.org/ns/activitystreams";
/// The media type of every document here.
pub const ACTIVITY_JSON: &str = "application/activity+json";

/// Which words a document uses beyond ActivityStreams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    Plain,
    Actor,
    InstanceActor,
    Note,
    BookWyrm,
    /// A list, as BookWyrm writes it around books.
    Book,
    QuoteRequest,
    QuoteAuthorization,
}

/// Puts the `@context` in front of a document.
pub fn with_context(context: Context, document: Value) -> Value {
    let mut whole = Map::new();
    whole.insert("@context".to_owned(), words(context));
    if let Value::Object(fields) = document {
        whole.extend(fields);
    }
    Value::Object(whole)
}

/// The address of a part of an actor: `inbox`, `outbox`, `followers`, `following`, `featured`.
pub fn actor_part(origin: &Origin, handle: &Handle, part: &str) -> String {
    format!("{}/{part}", origin.actor(handle))
}

/// The address of a part of a Note: `replies`, `likes`, `shares`, `context`, `activity`.
pub fn note_part(origin: &Origin, handle: &Handle, id: &ReviewId, part: &str) -> String {
    format!("{}/{part}", origin.note(handle, id))
}

/// The id of the instance actor, which signs our GETs.
pub fn instance_actor(origin: &Origin) -> String {
    origin.at("/actor")
}

/// The id of an actor's key. This very form, because Takahe, BookWyrm and Akkoma derive the actor from it.
pub fn key_id(actor: &str) -> String {
    format!("{actor}#main-key")
}

fn words(context: Context) -> Value {
    match context {
        Context::Plain => json!(ACTIVITYSTREAMS),
        Context::Book => json!([ACTIVITYSTREAMS]),
        Context::BookWyrm => json!([ACTIVITYSTREAMS, {"Hashtag": "as:Hashtag"}]),
        Context::QuoteRequest => {
            json!([ACTIVITYSTREAMS, {"QuoteRequest": "https://w3id.org/fep/044f#QuoteRequest"}])
        }
        Context::QuoteAuthorization => json!([ACTIVITYSTREAMS, {
            "gts": "https://gotosocial.org/ns#",
            "QuoteAuthorization": "https://w3id.org/fep/044f#QuoteAuthorization",
            "interactingObject": {"@id": "gts:interactingObject", "@type": "@id"},
            "interactionTarget": {"@id": "gts:interactionTarget", "@type": "@id"},
        }]),
        Context::InstanceActor => json!([ACTIVITYSTREAMS, "https://w3id.org/security/v1", {
            "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
        }]),
        Context::Actor => json!([ACTIVITYSTREAMS, "https://w3id.org/security/v1", {
            "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
            "alsoKnownAs": {"@id": "as:alsoKnownAs", "@type": "@id"},
            "movedTo": {"@id": "as:movedTo", "@type": "@id"},
            "schema": "http://schema.org#",
            "PropertyValue": "schema:PropertyValue",
            "value": "schema:value",
            "toot": "http://joinmastodon.org/ns#",
            "featured": {"@id": "toot:featured", "@type": "@id"},
            "discoverable": "toot:discoverable",
            "indexable": "toot:indexable",
            "attributionDomains": {"@id": "toot:attributionDomains", "@container": "@set"},
            "webfinger": {"@id": "https://purl.archive.org/socialweb/webfinger#webfinger"},
            "gts": "https://gotosocial.org/ns#",
            "interactionPolicy": {"@id": "gts:interactionPolicy", "@type": "@id"},
            "automaticApproval": {"@id": "gts:automaticApproval", "@type": "@id"},
            "canFeature": {"@id": "https://w3id.org/fep/7aa9#canFeature", "@type": "@id"},
        }]),
        Context::Note => json!([ACTIVITYSTREAMS, {
            "Hashtag": "as:Hashtag",
            "sensitive": "as:sensitive",
            "ostatus": "http://ostatus.org#",
            "conversation": "ostatus:conversation",
            "toot": "http://joinmastodon.org/ns#",
            "blurhash": "toot:blurhash",
            "focalPoint": {"@container": "@list", "@id": "toot:focalPoint"},
            "gts": "https://gotosocial.org/ns#",
            "interactionPolicy": {"@id": "gts:interactionPolicy", "@type": "@id"},
            "canQuote": {"@id": "gts:canQuote", "@type": "@id"},
            "automaticApproval": {"@id": "gts:automaticApproval", "@type": "@id"},
        }]),
    }
}
