//! The actor documents: one `Person` for each reviewer, and the `Application` that signs our GETs.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    context::{Context, PUBLIC, actor_part, instance_actor, key_id, with_context},
    html::escape,
};
use crate::{
    domain::{Format, Origin, Reviewer, Site, Text, picture::Size},
    text::{self, Place},
};

/// What an actor document says beyond the profile.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// SPKI PEM.
    pub public_key_pem: &'a str,
    /// When the actor was first seen; whole seconds.
    pub since: Timestamp,
    /// Followers wait for the reviewer's approval.
    pub approves_followers: bool,
    /// Where the account went, if it moved.
    pub moved_to: Option<&'a str>,
}

/// The actor document with its `@context`.
pub fn person(site: &Site, reviewer: &Reviewer, standing: &Standing<'_>) -> Value {
    with_context(Context::Actor, person_object(site, reviewer, standing))
}

/// The actor without `@context`, as an `Update` carries it.
///
/// All endpoints lie on the actor's own host, as Misskey and Akkoma require.
pub fn person_object(site: &Site, reviewer: &Reviewer, standing: &Standing<'_>) -> Value {
    let origin = &site.origin;
    let id = origin.actor(&reviewer.handle);
    let part = |part| actor_part(origin, &reviewer.handle, part);
    let mut actor = json!({
        "id": id,
        "type": "Person",
        "preferredUsername": reviewer.handle,
        "webfinger": format!("{}@{}", reviewer.handle, origin.host()),
        // Misskey throws on an empty name, Hatsu refuses an actor without one.
        "name": if reviewer.name.is_empty() { reviewer.handle.as_str() } else { &reviewer.name },
        "summary": summary(origin, reviewer),
        "url": origin.profile(&reviewer.handle),
        "inbox": part("inbox"),
        "outbox": part("outbox"),
        "followers": part("followers"),
        "following": part("following"),
        "featured": part("featured"),
        "endpoints": {"sharedInbox": origin.at("/inbox")},
        "manuallyApprovesFollowers": standing.approves_followers,
        "discoverable": true,
        "indexable": true,
        // BookWyrm then sends its own types, and imports what stands in our outbox.
        "bookwyrmUser": true,
        "published": standing.since.to_string(),
    });
    if let Some(avatar) = &reviewer.avatar {
        actor["icon"] = json!({
            "type": "Image",
            "mediaType": avatar.media_type,
            "url": origin.media(avatar, Size::Full),
            "summary": format!("Portrait of {}", reviewer.name),
        });
    }
    actor["attachment"] = profile_fields(site, reviewer);
    actor["tag"] = json!([]);
    // Without it link cards show no "by @ana".
    actor["attributionDomains"] = json!([origin.host()]);
    if !reviewer.also_known_as.is_empty() {
        actor["alsoKnownAs"] = json!(reviewer.also_known_as);
    }
    if let Some(target) = standing.moved_to {
        actor["movedTo"] = json!(target);
    }
    actor["interactionPolicy"] = json!({"canFeature": {"automaticApproval": [PUBLIC]}});
    actor["publicKey"] = public_key(&id, standing.public_key_pem);
    actor
}

/// The instance actor: it follows nobody and says nothing, it only signs.
pub fn instance(site: &Site, public_key_pem: &str) -> Value {
    let origin = &site.origin;
    let id = instance_actor(origin);
    let actor = json!({
        "id": id,
        "type": "Application",
        "preferredUsername": origin.host(),
        "name": origin.host(),
        "summary": "",
        "url": origin.home(),
        "inbox": format!("{id}/inbox"),
        "outbox": format!("{id}/outbox"),
        "endpoints": {"sharedInbox": origin.at("/inbox")},
        "manuallyApprovesFollowers": true,
        "publicKey": public_key(&id, public_key_pem),
    });
    with_context(Context::InstanceActor, actor)
}

/// One object, not a list, with the id that everybody derives from the actor's.
fn public_key(actor: &str, pem: &str) -> Value {
    json!({"id": key_id(actor), "owner": actor, "publicKeyPem": pem})
}

fn summary(origin: &Origin, reviewer: &Reviewer) -> String {
    let page = origin.profile(&reviewer.handle);
    let bio = Text::new(Format::Markdown, reviewer.bio.as_str());
    if bio.is_empty() {
        return String::new();
    }
    text::fediverse_html(&bio, &Place { page: &page, picture: &|_| None }).as_str().trim().to_owned()
}

/// The site and the reviewer's links. For Mastodon's tick the value must be one link whose address equals its text.
fn profile_fields(site: &Site, reviewer: &Reviewer) -> Value {
    let field = |name: &str, url: &str| {
        let url = escape(url);
        json!({
            "type": "PropertyValue",
            "name": name,
            "value": format!(r#"<a href="{url}" rel="me nofollow noopener" target="_blank">{url}</a>"#),
        })
    };
    let mut fields = vec![field("Reviews", &site.origin.profile(&reviewer.handle))];
    fields.extend(reviewer.links.iter().map(|link| field(&link.name, &link.url)));
    Value::Array(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fediverse::sample::{ana, site};

    fn standing() -> Standing<'static> {
        Standing {
            public_key_pem: "-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----\n",
            since: "2026-01-01T00:00:00Z".parse().unwrap(),
            approves_followers: false,
            moved_to: None,
        }
    }

    #[test]
    fn a_reviewer_is_a_person() {
        insta::assert_json_snapshot!(person(&site(), &ana(), &standing()));
    }

    #[test]
    fn the_site_itself_is_an_application() {
        insta::assert_json_snapshot!(instance(&site(), standing().public_key_pem));
    }

    #[test]
    fn a_nameless_reviewer_is_called_by_the_handle_and_a_missing_bio_is_empty() {
        let mut ana = ana();
        (ana.name, ana.bio) = (String::new(), String::new());
        ana.also_known_as.clear();
        let actor = person(&site(), &ana, &standing());
        assert_eq!((&actor["name"], &actor["summary"]), (&json!("ana"), &json!("")));
        assert!(actor.get("alsoKnownAs").is_none() && actor.get("movedTo").is_none());
    }

    #[test]
    fn every_address_of_an_actor_is_on_its_own_host() {
        let actor = person(&site(), &ana(), &standing());
        for part in ["id", "url", "inbox", "outbox", "followers", "following", "featured"] {
            assert!(actor[part].as_str().unwrap().starts_with("https://books.example/"), "{part}");
        }
        assert!(actor["endpoints"]["sharedInbox"].as_str().unwrap().starts_with("https://books.example/"));
    }
}
