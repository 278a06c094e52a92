//! How others find us: WebFinger, host-meta and NodeInfo.

use serde_json::{Value, json};
use url::Url;

use super::context::{ACTIVITY_JSON, instance_actor};
use crate::domain::{Handle, Origin, Reviewer, Site, picture::Size};

/// Media types of the documents here.
pub const JRD: &str = "application/jrd+json";
pub const XRD: &str = "application/xrd+xml; charset=utf-8";

/// Whom a WebFinger query is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Somebody with this handle; whether there is one is for the caller to know.
    Reviewer(Handle),
    /// The site itself.
    Instance,
}

/// Why a WebFinger query finds nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSubject {
    /// Answered with 400.
    #[error("the resource cannot be read")]
    Unreadable,
    /// Answered with 404. Never with 410, on which Mastodon deletes the account.
    #[error("nobody here has this name")]
    Unknown,
}

/// Which NodeInfo schema is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeInfo {
    V2_0,
    V2_1,
}

/// The numbers that NodeInfo tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    pub reviewers: u64,
    pub reviews: u64,
    pub replies: u64,
}

/// Reads a `resource` in every form that servers send (FEDERATION 1.3): `acct:ana@host`, `@ana@host`, the actor's id, the
/// profile page, and for the instance actor `acct:host@host`, its id or the bare origin. Case of the name is ignored.
pub fn subject(origin: &Origin, resource: &str) -> Result<Subject, NoSubject> {
    let resource = resource.trim();
    if resource.starts_with("https://") || resource.starts_with("http://") {
        return subject_of_url(origin, resource);
    }
    let account = resource.strip_prefix("acct:").unwrap_or(resource);
    let account = account.strip_prefix('@').unwrap_or(account);
    let (name, host) = account.rsplit_once('@').ok_or(NoSubject::Unreadable)?;
    if name.is_empty() || host.is_empty() {
        return Err(NoSubject::Unreadable);
    }
    if !host.eq_ignore_ascii_case(origin.host()) {
        return Err(NoSubject::Unknown);
    }
    if name.eq_ignore_ascii_case(origin.host()) { Ok(Subject::Instance) } else { reviewer(name) }
}

/// The answer about a reviewer; the subject is always the canonical handle.
pub fn webfinger(site: &Site, reviewer: &Reviewer) -> Value {
    let origin = &site.origin;
    let (actor, profile) = (origin.actor(&reviewer.handle), origin.profile(&reviewer.handle));
    let mut links = vec![
        json!({"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": profile}),
        json!({"rel": "self", "type": ACTIVITY_JSON, "href": actor}),
    ];
    if let Some(avatar) = &reviewer.avatar {
        let href = origin.media(avatar, Size::Full);
        links.push(json!({"rel": "http://webfinger.net/rel/avatar", "type": avatar.media_type, "href": href}));
    }
    json!({
        "subject": format!("acct:{}@{}", reviewer.handle, origin.host()),
        "aliases": [actor, profile],
        "links": links,
    })
}

/// The answer about the instance actor.
pub fn webfinger_of_instance(site: &Site) -> Value {
    let origin = &site.origin;
    let actor = instance_actor(origin);
    json!({
        "subject": format!("acct:{0}@{0}", origin.host()),
        "aliases": [actor],
        "links": [{"rel": "self", "type": ACTIVITY_JSON, "href": actor}],
    })
}

/// `/.well-known/host-meta`, where Mastodon, GoToSocial and Pleroma look when WebFinger gives 404.
pub fn host_meta_xml(origin: &Origin) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <XRD xmlns=\"http://docs.oasis-open.org/ns/xri/xrd-1.0\">\n  \
         <Link rel=\"lrdd\" type=\"{JRD}\" template=\"{origin}/.well-known/webfinger?resource={{uri}}\"/>\n\
         </XRD>\n"
    )
}

/// `/.well-known/host-meta.json`
pub fn host_meta_json(origin: &Origin) -> Value {
    let template = format!("{origin}/.well-known/webfinger?resource={{uri}}");
    json!({"links": [{"rel": "lrdd", "type": JRD, "template": template}]})
}

/// `/.well-known/nodeinfo`; 2.0 first, because BookWyrm reads the first link whatever it says.
pub fn nodeinfo_links(origin: &Origin) -> Value {
    json!({"links": [
        {"rel": NodeInfo::V2_0.schema(), "href": origin.at("/nodeinfo/2.0")},
        {"rel": NodeInfo::V2_1.schema(), "href": origin.at("/nodeinfo/2.1")},
        {"rel": "https://www.w3.org/ns/activitystreams#Application", "href": instance_actor(origin)},
    ]})
}

/// A NodeInfo document. The schemas allow no further key.
pub fn nodeinfo(site: &Site, version: NodeInfo, usage: &Usage) -> Value {
    let mut software = json!({"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")});
    let number = match version {
        NodeInfo::V2_0 => "2.0",
        NodeInfo::V2_1 => {
            software["repository"] = json!(site.source_url);
            software["homepage"] = json!(site.source_url);
            "2.1"
        }
    };
    json!({
        "version": number,
        "software": software,
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": ["atom1.0", "rss2.0"]},
        "openRegistrations": false,
        "usage": {
            "users": {"total": usage.reviewers, "activeMonth": usage.reviewers, "activeHalfyear": usage.reviewers},
            "localPosts": usage.reviews,
            "localComments": usage.replies,
        },
        "metadata": {"nodeName": site.title, "nodeDescription": site.description},
    })
}

impl NodeInfo {
    pub fn schema(self) -> &'static str {
        match self {
            Self::V2_0 => "http://nodeinfo.diaspora.software/ns/schema/2.0",
            Self::V2_1 => "http://nodeinfo.diaspora.software/ns/schema/2.1",
        }
    }

    /// The `Content-Type` of the document.
    pub fn media_type(self) -> String {
        format!("application/json; profile=\"{}#\"", self.schema())
    }
}

fn subject_of_url(origin: &Origin, text: &str) -> Result<Subject, NoSubject> {
    let url = Url::parse(text).map_err(|_| NoSubject::Unreadable)?;
    let theirs = Origin::parse(&url[..url::Position::BeforePath]).map_err(|_| NoSubject::Unknown)?;
    if theirs.as_str() != origin.as_str() {
        return Err(NoSubject::Unknown);
    }
    let path = url.path().trim_end_matches('/');
    match path.strip_prefix("/users/").or_else(|| path.strip_prefix("/@")) {
        Some(name) => reviewer(name.strip_suffix(&format!("@{}", origin.host())).unwrap_or(name)),
        None if path.is_empty() || path == "/actor" => Ok(Subject::Instance),
        None => Err(NoSubject::Unknown),
    }
}

fn reviewer(name: &str) -> Result<Subject, NoSubject> {
    Handle::parse(&name.to_ascii_lowercase()).map(Subject::Reviewer).map_err(|_| NoSubject::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fediverse::sample::{ana, site};

    #[test]
    fn a_resource_is_read_in_every_form_that_servers_send() {
        let origin = site().origin;
        let check = |resource: &str, expected: Result<&str, NoSubject>| {
            let expected = expected.map(|name| match name {
                "" => Subject::Instance,
                name => Subject::Reviewer(Handle::parse(name).unwrap()),
            });
            assert_eq!(subject(&origin, resource), expected, "{resource}");
        };
        for ana in [
            "acct:ana@books.example",
            "acct:Ana@Books.Example",
            "ana@books.example",
            "@ana@books.example",
            "acct:@ana@books.example",
            "https://books.example/users/ana",
            "https://books.example/@ana",
            "https://books.example/@ana/",
            "https://books.example/@ana@books.example",
            "HTTPS://BOOKS.EXAMPLE/@ANA".to_lowercase().as_str(),
        ] {
            check(ana, Ok("ana"));
        }
        for instance in [
            "acct:books.example@books.example",
            "https://books.example",
            "https://books.example/",
            "https://books.example/actor",
        ] {
            check(instance, Ok(""));
        }
        for unreadable in ["", "ana", "acct:ana", "acct:@", "acct:ana@", "https://"] {
            check(unreadable, Err(NoSubject::Unreadable));
        }
        for unknown in [
            "acct:ana@elsewhere.example",
            "https://elsewhere.example/users/ana",
            "http://books.example/users/ana",
            "https://books.example/about",
            "acct:a-n-a@books.example",
            "https://books.example/users/ana/inbox",
        ] {
            check(unknown, Err(NoSubject::Unknown));
        }
    }

    #[test]
    fn a_trial_on_loopback_has_its_port_in_the_handle() {
        let origin = Origin::parse("http://localhost:8080").unwrap();
        let ana = Ok(Subject::Reviewer(Handle::parse("ana").unwrap()));
        assert_eq!(subject(&origin, "acct:ana@localhost:8080"), ana);
        assert_eq!(subject(&origin, "http://localhost:8080/@ana"), ana);
        assert_eq!(subject(&origin, "acct:ana@localhost"), Err(NoSubject::Unknown));
    }

    #[test]
    fn discovery_documents_say_where_everything_is() {
        let site = site();
        let usage = Usage { reviewers: 1, reviews: 12, replies: 3 };
        let mut documents = [
            webfinger(&site, &ana()),
            webfinger_of_instance(&site),
            host_meta_json(&site.origin),
            nodeinfo_links(&site.origin),
            nodeinfo(&site, NodeInfo::V2_0, &usage),
            nodeinfo(&site, NodeInfo::V2_1, &usage),
        ];
        for nodeinfo in &mut documents[4..] {
            assert_eq!(nodeinfo["software"]["version"], env!("CARGO_PKG_VERSION"));
            nodeinfo["software"]["version"] = json!("of the program");
        }
        insta::assert_json_snapshot!(documents);
    }

    #[test]
    fn host_meta_is_xml() {
        let xml = host_meta_xml(&site().origin);
        let document = roxmltree::Document::parse(&xml).unwrap();
        let link = document
            .descendants()
            .find(|node| node.has_tag_name(("http://docs.oasis-open.org/ns/xri/xrd-1.0", "Link")));
        let template = "https://books.example/.well-known/webfinger?resource={uri}";
        assert_eq!(link.unwrap().attribute("template"), Some(template));
    }

    #[test]
    fn nodeinfo_names_its_schema_in_the_media_type() {
        let expected = r#"application/json; profile="http://nodeinfo.diaspora.software/ns/schema/2.0#""#;
        assert_eq!(NodeInfo::V2_0.media_type(), expected);
    }
}
