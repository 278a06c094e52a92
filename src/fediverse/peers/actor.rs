//! An actor document, read and checked, as activitypub_federation's `Object` and `Actor`.

use activitypub_federation::{
    config::Data,
    traits::{Actor, Object},
};
use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use super::{Ground, PeerProblem};
use crate::{
    domain::{RemoteActor, peer::ActorKey},
    fediverse::{
        inbox::{ACTORS, same_host},
        json::{address_of, addresses, authority, items, kind_of, text_of},
        signature::PublicKey,
    },
    text,
};

/// Keys taken from one actor.
const KEYS_MAX: usize = 8;
/// Longest user name believed, in characters.
const USER_NAME_CHARS_MAX: usize = 128;

/// A remote actor with its id as the library wants it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    actor: RemoteActor,
    id: Url,
}

impl Known {
    fn new(actor: RemoteActor) -> Result<Self, PeerProblem> {
        let id = Url::parse(&actor.id).map_err(|error| PeerProblem::Invalid(error.to_string()))?;
        Ok(Self { actor, id })
    }

    /// Checks and remembers a document that was fetched past the library.
    pub(super) async fn from_document(
        document: Value,
        expected: &Url,
        data: &Data<Ground>,
    ) -> Result<Self, PeerProblem> {
        Self::verify(&document, expected, data).await?;
        Self::from_json(document, data).await
    }

    pub(super) fn into_actor(self) -> RemoteActor {
        self.actor
    }
}

#[async_trait::async_trait]
impl Object for Known {
    type DataType = Ground;
    type Kind = Value;
    type Error = PeerProblem;

    fn id(&self) -> &Url {
        &self.id
    }

    async fn read_from_id(id: Url, data: &Data<Ground>) -> Result<Option<Self>, PeerProblem> {
        data.store.remote_actor(id.as_str()).await?.map(Self::new).transpose()
    }

    async fn delete(&self, data: &Data<Ground>) -> Result<(), PeerProblem> {
        data.store.forget_remote_actor(&self.actor.id).await?;
        data.acquaintances.forget(&self.actor.id);
        Ok(())
    }

    async fn into_json(self, _data: &Data<Ground>) -> Result<Value, PeerProblem> {
        Err(PeerProblem::Refused("other servers' actors are not ours to publish".to_owned()))
    }

    /// `expected` is the address that answered, perhaps after a redirect.
    async fn verify(document: &Value, expected: &Url, data: &Data<Ground>) -> Result<(), PeerProblem> {
        data.refuse_blocked(expected).await?;
        let id = address_of(&document["id"]).unwrap_or_default();
        match same_host(&id, expected.as_str()) {
            true => Ok(()),
            false => Err(PeerProblem::Invalid("the actor is on another host".to_owned())),
        }
    }

    async fn from_json(document: Value, data: &Data<Ground>) -> Result<Self, PeerProblem> {
        let actor = read(&document, data.clock.now_in_seconds()).map_err(|why| PeerProblem::Invalid(why.to_owned()))?;
        data.store.keep_remote_actor(&actor).await?;
        data.acquaintances.forget(&actor.id);
        Self::new(actor)
    }
}

impl Actor for Known {
    fn public_key_pem(&self) -> &str {
        self.actor.keys.first().map(|key| key.pem.as_str()).unwrap_or_default()
    }

    fn private_key_pem(&self) -> Option<String> {
        None
    }

    /// An inbox was checked to be an address when the document was read.
    fn inbox(&self) -> Url {
        Url::parse(&self.actor.inbox).unwrap_or_else(|_| self.id.clone())
    }

    fn shared_inbox(&self) -> Option<Url> {
        Url::parse(self.actor.shared_inbox.as_deref()?).ok()
    }
}

/// Reads an actor document. Everything it names as its own must be on its own host.
pub(super) fn read(document: &Value, fetched_at: Timestamp) -> Result<RemoteActor, &'static str> {
    let kind = kind_of(document).filter(|kind| ACTORS.contains(kind)).ok_or("it is no actor")?;
    let id = address_of(&document["id"]).ok_or("it has no id")?;
    let own = |value: &Value| address_of(value).filter(|address| same_host(address, &id));
    let inbox = own(&document["inbox"]).ok_or("it has no inbox on its own host")?;
    let shared_inbox = own(&document["endpoints"]["sharedInbox"]).or_else(|| own(&document["sharedInbox"]));
    let user_name = text_of(&document["preferredUsername"]).unwrap_or_default();
    let user_name: String = text::clean_name(user_name).chars().take(USER_NAME_CHARS_MAX).collect();
    let name = text::clean_name(text_of(&document["name"]).unwrap_or_default());
    let name = without_pictures(&name, &document["tag"]);
    Ok(RemoteActor {
        kind: kind.to_owned(),
        inbox,
        shared_inbox,
        keys: keys(document, &id),
        name: if name.is_empty() { user_name.clone() } else { name },
        handle: format!("{user_name}@{}", authority(&id).unwrap_or_default()),
        page: own(&document["url"]).unwrap_or_else(|| id.clone()),
        avatar: items(&document["icon"]).first().and_then(|icon| address_of(&icon["url"]).or_else(|| address_of(icon))),
        bookwyrm: document["bookwyrmUser"] == true,
        also_known_as: addresses(&document["alsoKnownAs"]),
        moved_to: address_of(&document["movedTo"]),
        fetched_at,
        id,
    })
}

/// One key or several, each on the actor's host and naming the actor as its owner.
fn keys(document: &Value, actor: &str) -> Vec<ActorKey> {
    let key = |key: &Value| {
        let id = address_of(&key["id"]).filter(|id| same_host(id, actor))?;
        let owner = address_of(&key["owner"]).or_else(|| address_of(&key["controller"]))?;
        let pem = text_of(&key["publicKeyPem"]).filter(|_| owner == actor)?;
        PublicKey::from_pem(pem).is_ok().then(|| ActorKey { id, pem: pem.to_owned() })
    };
    items(&document["publicKey"]).iter().take(KEYS_MAX).filter_map(key).collect()
}

/// Custom emoji are pictures on the actor's server: their `:names:` mean nothing where those are not shown.
fn without_pictures(name: &str, tags: &Value) -> String {
    let emoji = items(tags).iter().filter(|tag| kind_of(tag) == Some("Emoji")).filter_map(|tag| tag["name"].as_str());
    let emoji = emoji.filter(|name| name.len() > 2 && name.starts_with(':') && name.ends_with(':'));
    let words = emoji.fold(name.to_owned(), |name, emoji| name.replace(emoji, " "));
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fediverse::signature::tests::PUBLIC;

    const BOB: &str = "https://m.example/users/bob";

    fn bob(fields: Value) -> Value {
        let mut document = json!({
            "id": BOB,
            "type": "Person",
            "preferredUsername": "bob",
            "inbox": format!("{BOB}/inbox"),
            "publicKey": {"id": format!("{BOB}#main-key"), "owner": BOB, "publicKeyPem": PUBLIC},
        });
        for (name, value) in fields.as_object().unwrap() {
            document[name.as_str()] = value.clone();
        }
        document
    }

    fn read_bob(fields: Value) -> Result<RemoteActor, &'static str> {
        read(&bob(fields), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn an_actor_is_read_with_everything_it_shows() {
        let actor = read_bob(json!({
            "name": " Bob\u{202e}\nB. ",
            "endpoints": {"sharedInbox": "https://m.example/inbox"},
            "icon": [{"type": "Image", "url": "https://files.example/bob.png"}],
            "url": "https://m.example/@bob",
            "alsoKnownAs": "https://old.example/users/bob",
            "movedTo": "https://new.example/users/bob",
            "bookwyrmUser": true,
        }))
        .unwrap();
        assert_eq!((actor.name.as_str(), actor.handle.as_str()), ("Bob B.", "bob@m.example"));
        assert_eq!(actor.shared_or_own_inbox(), "https://m.example/inbox");
        assert_eq!(actor.avatar.as_deref(), Some("https://files.example/bob.png"));
        assert_eq!(actor.page, "https://m.example/@bob");
        assert_eq!(actor.also_known_as, ["https://old.example/users/bob"]);
        assert_eq!(actor.moved_to.as_deref(), Some("https://new.example/users/bob"));
        assert!(actor.bookwyrm);
    }

    #[test]
    fn a_name_is_read_without_its_pictures() {
        let tags =
            json!([{"type": "Emoji", "name": ":verified:"}, {"type": "Hashtag", "name": ":x:"}, {"type": "Emoji"}]);
        assert_eq!(without_pictures("Bob :verified: of :x: 10:30", &tags), "Bob of :x: 10:30");
        assert_eq!(without_pictures(":verified:", &json!({"type": "Emoji", "name": ":verified:"})), "");
        assert_eq!(without_pictures("Bob :verified:", &json!(null)), "Bob :verified:");
    }

    #[test]
    fn a_plain_actor_is_called_by_its_user_name() {
        let actor = read_bob(json!({})).unwrap();
        assert_eq!((actor.name.as_str(), actor.page.as_str()), ("bob", BOB));
        assert_eq!(actor.shared_or_own_inbox(), format!("{BOB}/inbox"));
    }

    #[test]
    fn what_an_actor_calls_its_own_is_on_its_own_host() {
        assert!(read_bob(json!({"inbox": "https://victim.example/inbox"})).is_err());
        assert!(read_bob(json!({"inbox": null})).is_err());
        assert!(read_bob(json!({"type": "Note"})).is_err());
        let actor = read_bob(json!({
            "endpoints": {"sharedInbox": "https://victim.example/inbox"},
            "url": "https://victim.example/@bob",
        }));
        let actor = actor.unwrap();
        assert_eq!((actor.shared_inbox.as_deref(), actor.page.as_str()), (None, BOB));
    }

    #[test]
    fn a_key_must_name_its_actor_and_lie_on_its_host() {
        let key = |id: &str, owner: &str, pem: &str| json!({"id": id, "owner": owner, "publicKeyPem": pem});
        let count = |keys: Value| read_bob(json!({"publicKey": keys})).unwrap().keys.len();
        let id = format!("{BOB}#main-key");
        assert_eq!(count(key(&id, BOB, PUBLIC)), 1);
        assert_eq!(
            count(json!([key(&id, BOB, PUBLIC), key(&format!("{BOB}/key-2"), BOB, &PUBLIC.replace('\n', "\r\n"))])),
            2
        );
        assert_eq!(count(key("https://victim.example/users/v#main-key", BOB, PUBLIC)), 0);
        assert_eq!(count(key(&id, "https://m.example/users/eve", PUBLIC)), 0);
        assert_eq!(count(key(&id, BOB, "no key")), 0);
        assert_eq!(count(json!(null)), 0);
    }
}
