//! Everybody else's servers, in the test's own process: they live through the kills and remember every arrival.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reviewd::clock::Clock;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::fediverse::neighbour::{OTHER_KEY, Person};

/// An inbox takes up to so long to answer, so that kills meet deliveries under way.
const ANSWER_MILLIS_MAX: f64 = 6.0;

/// Some servers, each at an address of its own in 127.0.0.0/8.
pub struct Sink {
    origins: Vec<String>,
    scene: Arc<Scene>,
    _tasks: JoinSet<()>,
}

struct Scene {
    arrivals: Mutex<Vec<Arrival>>,
    /// How many arrived.
    count: watch::Sender<usize>,
    /// Connections that are open.
    open: watch::Sender<usize>,
    /// How often the daemon was killed so far.
    life: AtomicUsize,
    chance: Clock,
}

/// One activity at one inbox.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The daemon's life it came from: the number of kills before it.
    pub life: usize,
    pub inbox: String,
    pub id: String,
    pub kind: String,
    pub body: Vec<u8>,
}

impl Sink {
    pub async fn open(hosts: u8, chance: Clock) -> Sink {
        let scene = Arc::new(Scene {
            arrivals: Mutex::default(),
            count: watch::Sender::default(),
            open: watch::Sender::default(),
            life: AtomicUsize::new(0),
            chance,
        });
        let (mut origins, mut tasks) = (Vec::new(), JoinSet::new());
        for host in 1..=hosts {
            let listener = TcpListener::bind((format!("127.0.1.{host}"), 0)).await.unwrap();
            let origin = format!("http://{}", listener.local_addr().unwrap());
            origins.push(origin.clone());
            let scene = Arc::clone(&scene);
            tasks.spawn(async move {
                let mut connections = JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    scene.open.send_modify(|open| *open += 1);
                    connections.spawn(serve(stream, origin.clone(), Arc::clone(&scene)));
                }
            });
        }
        Sink { origins, scene, _tasks: tasks }
    }

    /// Somebody on one of the servers, with a personal inbox.
    pub fn person(&self, number: usize) -> Person {
        let origin = &self.origins[number % self.origins.len()];
        person(origin, &format!("reader-{number}"))
    }

    pub fn arrivals(&self) -> Vec<Arrival> {
        self.scene.arrivals.lock().unwrap().clone()
    }

    /// Waits until so many more activities arrived, or for this time.
    pub async fn arrive(&self, more: usize, patience: Duration) {
        let mut count = self.scene.count.subscribe();
        let enough = *count.borrow() + more;
        // What comes in time is enough: the kill that follows may fall anywhere.
        let _ = tokio::time::timeout(patience, count.wait_for(|count| *count >= enough)).await;
    }

    /// A life of the daemon is over: whatever it still sent counts as sent by it, whatever comes later does not.
    pub async fn next_life(&self) {
        for origin in &self.origins {
            // Answered after everybody who stood in line before.
            let mut stream = TcpStream::connect(origin.strip_prefix("http://").unwrap()).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            stream.read_exact(&mut [0; 12]).await.unwrap();
        }
        self.scene.open.subscribe().wait_for(|open| *open == 0).await.unwrap();
        self.scene.life.fetch_add(1, Ordering::Relaxed);
    }
}

fn person(origin: &str, name: &str) -> Person {
    let id = format!("{origin}/users/{name}");
    Person { key_id: format!("{id}#main-key"), id, key: OTHER_KEY.clone(), clock: Clock::system() }
}

async fn serve(mut stream: TcpStream, origin: String, scene: Arc<Scene>) {
    let mut bytes = Vec::new();
    while let Some((path, body)) = request(&mut stream, &mut bytes).await {
        let answer = match body {
            Some(body) => {
                scene.note(format!("{origin}{path}"), body);
                let wait = Duration::from_secs_f64(scene.chance.chance() * ANSWER_MILLIS_MAX / 1e3);
                tokio::time::sleep(wait).await;
                "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".to_owned()
            }
            None => match path.strip_prefix("/users/") {
                Some(name) => {
                    let body = person(&origin, name).document().to_string();
                    let length = body.len();
                    format!(
                        "HTTP/1.1 200 OK\r\ncontent-type: application/activity+json\r\n\
                         content-length: {length}\r\n\r\n{body}"
                    )
                }
                None => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
            },
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            break;
        }
    }
    scene.open.send_modify(|open| *open -= 1);
}

impl Scene {
    fn note(&self, inbox: String, body: Vec<u8>) {
        let activity: Value = serde_json::from_slice(&body).unwrap();
        let text = |key: &str| activity[key].as_str().unwrap_or_default().to_owned();
        let life = self.life.load(Ordering::Relaxed);
        let arrival = Arrival { life, inbox, id: text("id"), kind: text("type"), body };
        self.arrivals.lock().unwrap().push(arrival);
        self.count.send_modify(|count| *count += 1);
    }
}

/// The next request of a connection: its path, and its body if it is a POST. `None` at the end.
async fn request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<(String, Option<Vec<u8>>)> {
    let mut chunk = [0; 8192];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            if bytes.len() >= end + 4 + length {
                let path = head.split(' ').nth(1)?.to_owned();
                let body = head.starts_with("post").then(|| bytes[end + 4..end + 4 + length].to_vec());
                bytes.drain(..end + 4 + length);
                return Some((path, body));
            }
        }
        match stream.read(&mut chunk).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&chunk[..read]),
            Ok(_) | Err(_) => return None,
        }
    }
}
