//! An account as Mastodon exports it: what Mastodon's own readers and other servers' importers look for.
//!
//! The shape is that of its `BackupService`: `outbox.json` holds the activities without their `@context`, attachments name
//! files of the archive, and the actor names its collections as files too.

use std::io::{self, Write};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tar::{Builder, Header};

/// Where Mastodon puts pictures.
const PICTURES: &str = "media_attachments/files";
const FILE_MODE: u32 = 0o644;

/// Everything of one account.
pub struct Account {
    /// The actor's document.
    pub actor: Value,
    /// Creates, oldest first, as they are served.
    pub outbox: Vec<Value>,
    /// Files named by attachments, each once.
    pub attached: Vec<Attached>,
    pub avatar: Option<Attached>,
    /// Seconds since 1970; the time that the files of the archive bear.
    pub at: u64,
}

/// A picture of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The address under which documents name it.
    pub url: String,
    /// Its file's name.
    pub name: String,
    pub bytes: Vec<u8>,
}

/// Writes the archive.
pub fn write(mut account: Account, into: impl Write) -> io::Result<()> {
    let mut archive = Archive { tar: Builder::new(GzEncoder::new(into, Compression::default())), at: account.at };
    for activity in &mut account.outbox {
        as_in_an_archive(activity, &account.attached);
    }
    let outbox = json!({
        "@context": account.actor["@context"],
        "id": "outbox.json",
        "type": "OrderedCollection",
        "totalItems": account.outbox.len(),
        "orderedItems": account.outbox,
    });
    archive.json("outbox.json", &outbox)?;
    for name in ["likes.json", "bookmarks.json"] {
        let nothing = json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": name,
            "type": "OrderedCollection",
            "orderedItems": [],
        });
        archive.json(name, &nothing)?;
    }
    let actor = &mut account.actor;
    if let Some(avatar) = &account.avatar {
        let name = format!("avatar.{}", avatar.name.rsplit('.').next().unwrap_or("jpg"));
        actor["icon"]["url"] = json!(name);
        archive.file(&name, &avatar.bytes)?;
    }
    for part in ["outbox", "likes", "bookmarks"] {
        actor[part] = json!(format!("{part}.json"));
    }
    archive.json("actor.json", actor)?;
    for picture in &account.attached {
        archive.file(&format!("{PICTURES}/{}", picture.name), &picture.bytes)?;
    }
    archive.tar.into_inner()?.finish()?.flush()
}

/// Without its context, which the outbox has, and with its attachments' files.
fn as_in_an_archive(activity: &mut Value, attached: &[Attached]) {
    if let Some(members) = activity.as_object_mut() {
        members.shift_remove("@context");
    }
    let Some(attachments) = activity.pointer_mut("/object/attachment").and_then(Value::as_array_mut) else { return };
    for attachment in attachments {
        if let Some(picture) = attached.iter().find(|picture| attachment["url"] == picture.url) {
            attachment["url"] = json!(format!("/{PICTURES}/{}", picture.name));
        }
    }
}

struct Archive<W: Write> {
    tar: Builder<GzEncoder<W>>,
    at: u64,
}

impl<W: Write> Archive<W> {
    fn json(&mut self, name: &str, document: &Value) -> io::Result<()> {
        self.file(name, document.to_string().as_bytes())
    }

    fn file(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(FILE_MODE);
        header.set_mtime(self.at);
        self.tar.append_data(&mut header, name, bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Read};

    use super::*;

    fn unpacked(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(archive));
        let members = tar.entries().unwrap().map(|member| {
            let mut member = member.unwrap();
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).unwrap();
            (member.path().unwrap().display().to_string(), bytes)
        });
        members.collect()
    }

    #[test]
    fn an_account_has_the_shape_of_mastodons_archive() {
        let cover =
            Attached { url: "https://b.example/media/1.jpg".into(), name: "1.jpg".into(), bytes: b"picture".to_vec() };
        let avatar = Attached { url: "https://b.example/media/2.png".into(), name: "2.png".into(), bytes: vec![1] };
        let mut archive = Vec::new();
        let account = Account {
            actor: json!({
                "@context": ["https://www.w3.org/ns/activitystreams"],
                "id": "https://b.example/users/ana",
                "outbox": "https://b.example/users/ana/outbox",
                "icon": {"type": "Image", "url": "https://b.example/media/2.png"},
            }),
            outbox: vec![json!({
                "@context": ["x"],
                "id": "https://b.example/users/ana/reviews/1/activity",
                "type": "Create",
                "object": {"attachment": [{"url": "https://b.example/media/1.jpg"}, {"url": "https://c.example/"}]},
            })],
            attached: vec![cover],
            avatar: Some(avatar),
            at: 0,
        };
        write(account, &mut archive).unwrap();
        let files = unpacked(&archive);
        let names: Vec<_> = files.keys().map(String::as_str).collect();
        let expected = ["actor.json", "avatar.png", "bookmarks.json", "likes.json", "media_attachments/files/1.jpg"];
        assert_eq!(names, [&expected[..], &["outbox.json"]].concat());
        let json = |name: &str| serde_json::from_slice::<Value>(&files[name]).unwrap();
        let (actor, outbox) = (json("actor.json"), json("outbox.json"));
        assert_eq!((&actor["outbox"], &actor["icon"]["url"]), (&json!("outbox.json"), &json!("avatar.png")));
        assert_eq!(actor["id"], "https://b.example/users/ana");
        assert_eq!((&outbox["totalItems"], &outbox["type"]), (&json!(1), &json!("OrderedCollection")));
        let create = &outbox["orderedItems"][0];
        assert!(create.get("@context").is_none());
        assert_eq!(create["id"], "https://b.example/users/ana/reviews/1/activity");
        assert_eq!(create["object"]["attachment"][0]["url"], "/media_attachments/files/1.jpg");
        assert_eq!(create["object"]["attachment"][1]["url"], "https://c.example/");
        assert_eq!(files["media_attachments/files/1.jpg"], b"picture");
    }
}
