//! The remote server: `tests/peers/fedify/`, whose `control.mjs` lists what it can be asked.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::authority::{Authority, Certificate};
use super::{locate, program::Program};

/// How long the peer holds a question about something that has not arrived.
const WAIT_SECONDS: u64 = 30;

/// A fediverse server at `https://localhost:PORT` with the people `bob` and `carol`, whose verdict on signatures
/// and JSON-LD is Fedify's own.
pub struct Fedify {
    /// `https://localhost:PORT`.
    pub origin: String,
    control: String,
    client: reqwest::Client,
    seen: Mutex<HashMap<String, u64>>,
    _program: Program,
}

/// An activity that arrived in an inbox with a signature Fedify accepted.
#[derive(Debug, Clone)]
pub struct Received {
    pub kind: String,
    pub id: String,
    pub actor: String,
    /// The path it was posted to: a person's inbox or the shared one.
    pub inbox: String,
    /// The JSON as it came.
    pub raw: Value,
}

impl Fedify {
    /// Starts one; `None` where Fedify is not installed.
    pub async fn start(authority: &Authority) -> Option<Fedify> {
        Fedify::start_with(authority, &[]).await
    }

    /// Starts one with more options for `server.mjs`, such as `["--first-knock", "draft-cavage-http-signatures-12"]`.
    pub async fn start_with(authority: &Authority, options: &[&str]) -> Option<Fedify> {
        let mut program = start_script("server.mjs", authority, &[&["--people", "bob,carol"], options].concat())?;
        let place = program.json_line().await;
        Some(Fedify {
            origin: text(&place, "origin"),
            control: format!("http://127.0.0.1:{}", place["control"]),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            seen: Mutex::default(),
            _program: program,
        })
    }

    /// The id of somebody who lives there.
    pub fn actor(&self, handle: &str) -> String {
        format!("{}/users/{handle}", self.origin)
    }

    /// Follows an actor, by handle (`@ana@localhost:PORT`, looked up by WebFinger over https) or by id. Its Accept
    /// is something to [`Fedify::expect`].
    pub async fn follow(&self, target: &str) {
        self.ask("follow", json!({ "target": target })).await;
    }

    pub async fn unfollow(&self, target: &str) {
        self.ask("unfollow", json!({ "target": target })).await;
    }

    /// Answers a post publicly; the id of the answer.
    pub async fn reply(&self, note: &str, html: &str) -> String {
        text(&self.ask("reply", json!({ "note": note, "html": html })).await, "note")
    }

    /// Quotes a post and asks for the author's stamp; the id of the quoting post.
    pub async fn quote(&self, note: &str, html: &str) -> String {
        text(&self.ask("quote", json!({ "note": note, "html": html })).await, "note")
    }

    /// Edits what [`Fedify::reply`] or [`Fedify::quote`] wrote.
    pub async fn edit(&self, own_note: &str, html: &str) {
        self.ask("edit", json!({ "note": own_note, "html": html })).await;
    }

    pub async fn delete(&self, own_note: &str) {
        self.ask("delete", json!({ "note": own_note })).await;
    }

    /// Likes a post; the id of the Like, for [`Fedify::undo`].
    pub async fn like(&self, note: &str) -> String {
        text(&self.ask("like", json!({ "note": note })).await, "activity")
    }

    /// Boosts a post; the id of the Announce, for [`Fedify::undo`].
    pub async fn boost(&self, note: &str) -> String {
        text(&self.ask("boost", json!({ "note": note })).await, "activity")
    }

    /// Takes back a like, a boost or a reaction.
    pub async fn undo(&self, activity: &str) {
        self.ask("undo", json!({ "activity": activity })).await;
    }

    /// Any deed of `control.mjs`, also as `carol` with `"as": "carol"`.
    ///
    /// # Panics
    /// When the other side refused it.
    pub async fn ask(&self, deed: &str, question: Value) -> Value {
        self.try_ask(deed, question).await.unwrap_or_else(|refusal| panic!("{deed}: {refusal}"))
    }

    /// Like [`Fedify::ask`], with a refusal as a value.
    pub async fn try_ask(&self, deed: &str, question: Value) -> Result<Value, String> {
        let request = self.client.post(format!("{}/{deed}", self.control)).body(question.to_string());
        answer(request).await
    }

    /// The next activity of this type that no earlier call returned, as soon as it is there.
    ///
    /// # Panics
    /// When none came in time; the message shows every POST that did.
    pub async fn expect(&self, kind: &str) -> Received {
        let after = self.seen.lock().unwrap().get(kind).copied().unwrap_or(0);
        let found = self.get("received", &format!("after={after}&wait={WAIT_SECONDS}&type={kind}")).await;
        let Some(first) = found.get(0) else {
            panic!("no {kind} within {WAIT_SECONDS} s; what was posted: {:#}", self.posts().await);
        };
        self.seen.lock().unwrap().insert(kind.to_owned(), first["seq"].as_u64().unwrap());
        Received::from(first)
    }

    /// Everything verified so far, oldest first.
    pub async fn received(&self) -> Vec<Received> {
        self.get("received", "").await.as_array().unwrap().iter().map(Received::from).collect()
    }

    /// Every POST to an inbox with its `status`, `headers` and, where Fedify refused it, the `refusal`.
    pub async fn posts(&self) -> Value {
        self.get("posts", "").await
    }

    /// What pasting a handle, an id or a page's address into the search field finds, as compact JSON-LD.
    pub async fn find(&self, resource: &str) -> Result<Value, String> {
        let resource = percent_encoding::utf8_percent_encode(resource, percent_encoding::NON_ALPHANUMERIC);
        answer(self.client.get(format!("{}/find?resource={resource}", self.control))).await
    }

    async fn get(&self, name: &str, query: &str) -> Value {
        let request = self.client.get(format!("{}/{name}?{query}", self.control));
        answer(request).await.unwrap_or_else(|refusal| panic!("{name}: {refusal}"))
    }
}

impl From<&Value> for Received {
    fn from(entry: &Value) -> Received {
        let text = |key| text(entry, key);
        Received {
            kind: text("type"),
            id: text("id"),
            actor: text("actor"),
            inbox: text("inbox"),
            raw: entry["raw"].clone(),
        }
    }
}

/// TLS at `https://localhost:PORT` in front of a server that speaks plain HTTP, as a reverse proxy in production:
/// with it reviewd has an https origin, which Fedify wants for finding a handle.
pub struct Front {
    /// `https://localhost:PORT`, known before the server behind it starts.
    pub origin: String,
    program: Program,
}

impl Front {
    /// Starts one; `None` where Node is not installed.
    pub async fn start(authority: &Authority) -> Option<Front> {
        let mut program = start_script("front.mjs", authority, &[])?;
        let origin = text(&program.json_line().await, "origin");
        Some(Front { origin, program })
    }

    /// From now on everything goes to this port of 127.0.0.1; earlier requests got 502.
    pub async fn lead_to(&mut self, port: u16) {
        self.program.say(&port.to_string()).await;
        assert_eq!(self.program.json_line().await, json!({ "upstream": port }));
    }
}

fn start_script(script: &str, authority: &Authority, options: &[&str]) -> Option<Program> {
    let (node, folder) = (locate("NODE")?, locate("FEDIFY")?);
    let Certificate { chain, key } = authority.issue(script);
    Some(Program::start(&node, |command| {
        command.arg(folder.join(script)).arg("--cert").arg(chain).arg("--key").arg(key).args(options);
        command.env("NODE_EXTRA_CA_CERTS", authority.bundle());
    }))
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Value, String> {
    let response = request.send().await.map_err(|error| format!("the peer is gone: {error}"))?;
    let refused = !response.status().is_success();
    let body = response.text().await.map_err(|error| error.to_string())?;
    let answer: Value = serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
    if refused { Err(text(&answer, "error")) } else { Ok(answer) }
}

fn text(json: &Value, key: &str) -> String {
    json[key].as_str().unwrap_or_else(|| panic!("no {key} in {json}")).to_owned()
}

#[tokio::test]
async fn two_fedify_servers_trust_a_private_authority_and_each_other() {
    let authority = Authority::new();
    let Some(here) = Fedify::start(&authority).await else { return };
    let there = Fedify::start(&authority).await.expect("the first one was there");
    let carol = there.origin.replace("https://", "@carol@");

    here.follow(&carol).await;
    assert_eq!(here.expect("Accept").await.actor, there.actor("carol"));
    assert_eq!(there.expect("Follow").await.inbox, "/users/carol/inbox");

    let note = text(&there.ask("post", json!({ "as": "carol", "html": "<p>Read Dune.</p>" })).await, "note");
    assert_eq!(here.expect("Create").await.raw["object"]["id"], json!(note));
    assert_eq!(here.find(&note).await.expect("it is served")["content"], json!("<p>Read Dune.</p>"));
    let refusal = here.try_ask("like", json!({ "note": format!("{note}x") })).await.unwrap_err();
    assert!(refusal.contains("nothing found"), "{refusal}");
}

#[tokio::test]
async fn a_front_gives_tls_to_a_plain_server() {
    let authority = Authority::new();
    let Some(mut front) = Front::start(&authority).await else { return };
    let trusted = reqwest::Certificate::from_pem(&std::fs::read(authority.bundle()).unwrap()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([trusted]).no_proxy().build().unwrap();
    assert_eq!(client.get(&front.origin).send().await.unwrap().status(), 502);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    front.lead_to(listener.local_addr().unwrap().port()).await;
    let app = axum::Router::new().fallback(|headers: axum::http::HeaderMap| async move { format!("{headers:?}") });
    let server = axum::serve(listener, app).into_future();
    let seen = tokio::select! {
        _ = server => unreachable!("a server does not end"),
        answer = client.get(&front.origin).send() => answer.unwrap().text().await,
    };
    let host = front.origin.replace("https://", "");
    let seen = seen.unwrap();
    assert!(seen.contains(&host) && seen.contains(r#""x-forwarded-proto": "https""#), "{seen}");
}
