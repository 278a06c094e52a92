//! A remote server that remembers what it was asked and answers as it was told: well, badly, or never.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, LazyLock, Mutex},
};

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reviewd::{
    clock::Clock,
    domain::{Origin, Spec},
    fediverse::signature::{self, Claim, KeyPair, Outgoing, PublicKey, Received, Signer},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinSet,
};
use url::Url;

use super::{PATIENCE, daemon::Daemon};

/// Everybody's key until they change it: making one takes a moment.
static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate().unwrap());
/// The key after a change, or a stranger's.
pub static OTHER_KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate().unwrap());

/// Between two bytes of a server that trickles: often enough that the line never seems dead.
const DRIP_EVERY: std::time::Duration = std::time::Duration::from_millis(100);

pub struct Neighbour {
    /// `http://localhost:PORT`: on loopback every port is another server.
    pub origin: String,
    clock: Clock,
    scene: Arc<Scene>,
    _tasks: JoinSet<()>,
}

struct Scene {
    /// What addresses answer to GET.
    pages: Mutex<HashMap<String, Answer>>,
    /// What inboxes answer, one after the other; 202 when nothing is left.
    script: Mutex<HashMap<String, VecDeque<Answer>>>,
    asked: watch::Sender<Vec<Asked>>,
    clock: Clock,
}

/// One answer.
#[derive(Debug, Clone)]
pub enum Answer {
    Status(u16),
    /// With one header.
    Header(u16, &'static str, String),
    Document(Value),
    /// Any bytes under a media type.
    File(&'static str, Vec<u8>),
    /// The connection closes in the middle of the answer.
    Breaks,
    /// The connection stays open and silent.
    Silence,
    /// 200 with the `hub.challenge` of the question.
    Echo,
    /// 200, and a body that never ends.
    Drips,
    /// These bytes, and the connection closes.
    Closes(&'static str),
    /// These bytes, and then nothing, for ever.
    Stalls(&'static str),
    /// The first bytes, and then the others again and again, as fast as they are taken.
    Floods(&'static str, &'static str),
    /// One byte after the other, slowly, again and again.
    Trickles(&'static str),
    /// 202, once it is told so.
    Waits(Arc<Notify>),
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub at: Timestamp,
}

/// Somebody who lives there.
#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub key_id: String,
    pub key: KeyPair,
    pub clock: Clock,
}

impl Neighbour {
    pub async fn open(daemon: &Daemon) -> Neighbour {
        let mut neighbour = Neighbour::open_at(daemon, "127.0.0.1").await;
        neighbour.origin = neighbour.origin.replace("127.0.0.1", "localhost");
        neighbour
    }

    /// One that is known by its address.
    pub async fn open_at(daemon: &Daemon, address: &str) -> Neighbour {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let clock = daemon.clock.clone();
        let scene = Scene {
            pages: Mutex::default(),
            script: Mutex::default(),
            asked: watch::Sender::default(),
            clock: clock.clone(),
        };
        let scene = Arc::new(scene);
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&scene);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Neighbour { origin, clock, scene, _tasks: tasks }
    }

    /// Somebody with a personal inbox at `/users/NAME/inbox`.
    pub fn person(&self, name: &str) -> Person {
        self.person_with(name, json!({}))
    }

    /// Somebody whose document has more or other fields.
    pub fn person_with(&self, name: &str, fields: Value) -> Person {
        let id = format!("{}/users/{name}", self.origin);
        let person = Person { key_id: format!("{id}#main-key"), id, key: KEY.clone(), clock: self.clock.clone() };
        self.show(&person, fields);
        person
    }

    /// Serves somebody's document as it is now.
    pub fn show(&self, person: &Person, fields: Value) {
        let mut document = person.document();
        for (name, value) in fields.as_object().unwrap() {
            document[name.as_str()] = value.clone();
        }
        let path = person.id.strip_prefix(&self.origin).unwrap().to_owned();
        self.serve(&path, Answer::Document(document));
    }

    /// What an address answers to GET from now on.
    pub fn serve(&self, path: &str, answer: Answer) {
        self.scene.pages.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// What an inbox answers next, and after that.
    pub fn answer(&self, inbox: &str, answers: impl IntoIterator<Item = Answer>) {
        let path = inbox.strip_prefix(&self.origin).unwrap_or(inbox).to_owned();
        self.scene.script.lock().unwrap().entry(path).or_default().extend(answers);
    }

    /// Everything asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.scene.asked.borrow().clone()
    }

    /// How often it was asked for something by GET.
    pub fn fetches(&self) -> usize {
        self.asked().iter().filter(|asked| asked.method == "GET").count()
    }

    /// An inbox answers 202 again.
    pub fn forget_script(&self, inbox: &str) {
        let path = inbox.strip_prefix(&self.origin).unwrap_or(inbox);
        self.scene.script.lock().unwrap().remove(path);
    }

    /// Waits until it was asked for something by GET so often.
    pub async fn fetched(&self, count: usize) {
        let mut asked = self.scene.asked.subscribe();
        let enough = asked.wait_for(|asked| asked.iter().filter(|asked| asked.method == "GET").count() >= count);
        tokio::time::timeout(PATIENCE, enough).await.expect("it was not asked").unwrap();
    }

    /// The first posts of any inbox, as soon as there are so many.
    ///
    /// # Panics
    /// When they do not come, or more than that came.
    pub async fn posts(&self, count: usize) -> Vec<Asked> {
        let posts = |asked: &[Asked]| asked.iter().filter(|asked| asked.method == "POST").cloned().collect::<Vec<_>>();
        let mut asked = self.scene.asked.subscribe();
        let enough = tokio::time::timeout(PATIENCE, asked.wait_for(|asked| posts(asked).len() >= count)).await.is_ok();
        let posts = posts(&self.asked());
        let told: Vec<String> =
            posts.iter().map(|post| format!("{} {} at {}", post.path, post.kind(), post.at)).collect();
        assert!(enough && posts.len() == count, "{count} posts were expected, but these came: {told:#?}");
        posts
    }
}

impl Person {
    pub fn inbox(&self) -> String {
        format!("{}/inbox", self.id)
    }

    pub fn document(&self) -> Value {
        json!({
            "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
            "id": self.id,
            "type": "Person",
            "preferredUsername": self.id.rsplit('/').next().unwrap(),
            "inbox": self.inbox(),
            "publicKey": {"id": self.key_id, "owner": self.id, "publicKeyPem": self.key.to_public_pem().unwrap()},
        })
    }

    /// An activity of this person; `number` makes its id.
    pub fn activity(&self, kind: &str, number: u32, fields: Value) -> Value {
        let id = format!("{}/activities/{number}", self.id);
        let mut activity =
            json!({"@context": "https://www.w3.org/ns/activitystreams", "id": id, "type": kind, "actor": self.id});
        for (name, value) in fields.as_object().unwrap() {
            activity[name.as_str()] = value.clone();
        }
        activity
    }

    pub fn follow(&self, daemon: &Daemon) -> Value {
        self.activity("Follow", 1, json!({"object": daemon.ana()}))
    }

    /// The headers that sign a body for an address, at this moment.
    pub fn sign(&self, spec: Spec, url: &str, body: &[u8]) -> HeaderMap {
        let url = Url::parse(url).unwrap();
        let outgoing = Outgoing { method: "POST", url: &url, body: Some(body), sha256: None };
        let signer = Signer { key_id: &self.key_id, key: &self.key };
        signature::sign(&outgoing, &signer, spec, self.clock.now()).unwrap()
    }

    /// Posts an activity to the shared inbox, well signed; the status.
    pub async fn post(&self, daemon: &Daemon, activity: &Value) -> u16 {
        let (url, body) = (daemon.url("/inbox"), activity.to_string());
        let mut headers = self.sign(Spec::Cavage, &url, body.as_bytes());
        let host = Url::parse(&url).unwrap()[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
        headers.insert("host", HeaderValue::try_from(host).unwrap());
        post(&daemon.door("/inbox"), headers, body.into_bytes()).await
    }

    /// Follows ana and waits for the Accept to arrive as the first post.
    pub async fn follows(&self, daemon: &Daemon, home: &Neighbour) {
        let before = home.asked().iter().filter(|asked| asked.method == "POST").count();
        assert_eq!(self.post(daemon, &self.follow(daemon)).await, 202);
        let posts = home.posts(before + 1).await;
        assert_eq!(posts[before].kind(), "Accept");
        daemon.deliveries_when("Accept", |row| row.state == "delivered").await;
    }
}

impl Asked {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The last of this name in the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.path.split_once('?')?;
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.into_owned().filter(|(key, _)| key == name).last().map(|(_, value)| value)
    }

    /// The type of the activity posted.
    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap_or_default().to_owned()
    }

    /// Its signature, checked with the key that the daemon serves.
    pub async fn claim(&self, daemon: &Daemon) -> Claim {
        let host = self.headers["host"].to_str().unwrap();
        let origin = Origin::parse(&format!("http://{host}")).unwrap();
        let received =
            Received { method: &self.method, path_and_query: &self.path, headers: &self.headers, body: &self.body };
        let claim = signature::read(&received, &origin, self.at).unwrap();
        let actor = get(&claim.key_id).await;
        let key = PublicKey::from_pem(actor["publicKey"]["publicKeyPem"].as_str().unwrap()).unwrap();
        assert!(claim.verify(&key) && actor["id"] == daemon.ana());
        claim
    }
}

/// Posts a body with these headers as they are; the status.
pub async fn post(url: &str, headers: HeaderMap, body: Vec<u8>) -> u16 {
    let request = client().post(url).header("content-type", "application/activity+json").headers(headers).body(body);
    request.send().await.unwrap().status().as_u16()
}

/// An ActivityPub document.
pub async fn get(url: &str) -> Value {
    let answer = client().get(url).header("accept", "application/activity+json").send().await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default()
}

pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

async fn serve(mut stream: TcpStream, scene: Arc<Scene>) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    let asked = loop {
        match stream.read(&mut chunk).await {
            Ok(length) if length > 0 => bytes.extend_from_slice(&chunk[..length]),
            _ => return,
        }
        if let Some(asked) = parse(&bytes, scene.clock.now()) {
            break asked;
        }
    };
    let answer = match asked.method.as_str() {
        "POST" => scene.script.lock().unwrap().get_mut(&asked.path).and_then(VecDeque::pop_front),
        _ => {
            let pages = scene.pages.lock().unwrap();
            let page = pages.get(&asked.path).or_else(|| pages.get(asked.path.split('?').next().unwrap()));
            Some(page.cloned().unwrap_or(Answer::Status(404)))
        }
    };
    let challenge = asked.parameter("hub.challenge").unwrap_or_default();
    scene.asked.send_modify(|all| all.push(asked));
    let head = |status: u16, more: &str, length: usize| {
        format!("HTTP/1.1 {status} Said\r\n{more}content-length: {length}\r\nconnection: close\r\n\r\n")
    };
    let answer: Vec<u8> = match answer.unwrap_or(Answer::Status(202)) {
        Answer::File(media_type, bytes) => {
            let mut answer = head(200, &format!("content-type: {media_type}\r\n"), bytes.len()).into_bytes();
            answer.extend(bytes);
            answer
        }
        Answer::Status(status) => head(status, "", 0).into(),
        Answer::Header(status, name, value) => head(status, &format!("{name}: {value}\r\n"), 0).into(),
        Answer::Document(document) => {
            let body = document.to_string();
            (head(200, "content-type: application/activity+json\r\n", body.len()) + &body).into()
        }
        Answer::Breaks => "HTTP/1.1 20".into(),
        Answer::Silence => std::future::pending().await,
        Answer::Echo => (head(200, "", challenge.len()) + &challenge).into(),
        Answer::Closes(bytes) => bytes.into(),
        Answer::Waits(told) => {
            told.notified().await;
            head(202, "", 0).into()
        }
        Answer::Stalls(bytes) => {
            let _ = stream.write_all(bytes.as_bytes()).await;
            std::future::pending().await
        }
        Answer::Floods(first, again) => {
            let (first, again) = (first.as_bytes().to_vec(), again.repeat(1_000).into_bytes());
            let mut bytes = first;
            while stream.write_all(&bytes).await.is_ok() {
                bytes.clone_from(&again);
            }
            return;
        }
        Answer::Trickles(bytes) => {
            for byte in bytes.bytes().cycle() {
                tokio::time::sleep(DRIP_EVERY).await;
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
            }
            return;
        }
        Answer::Drips => {
            let _ = stream.write_all((head(200, "", 1_000_000) + "x").as_bytes()).await;
            std::future::pending().await
        }
    };
    // Who asked may have left meanwhile.
    let _ = stream.write_all(&answer).await;
}

/// The whole request, once it is there.
fn parse(bytes: &[u8], at: Timestamp) -> Option<Asked> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ').map(str::to_owned);
    let (method, path) = (first.next()?, first.next()?);
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
    }
    let length: usize = headers.get("content-length").map_or(0, |length| length.to_str().unwrap().parse().unwrap());
    let body = bytes.get(end + 4..end + 4 + length)?.to_vec();
    Some(Asked { method, path, headers, body, at })
}
