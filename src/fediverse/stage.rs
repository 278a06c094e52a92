//! A server for tests: it answers paths as it was told and remembers what it was asked.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    fediverse::signature::Received,
    net::{HeaderMap, HeaderName, HeaderValue},
};

pub(super) struct Stage {
    address: SocketAddr,
    play: Arc<Mutex<Play>>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Play {
    /// The last answer to a path stays.
    answers: HashMap<String, VecDeque<String>>,
    asked: Vec<Asked>,
}

#[derive(Clone)]
pub(super) struct Asked {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn received(&self) -> Received<'_> {
        Received { method: &self.method, path_and_query: &self.path, headers: &self.headers, body: &self.body }
    }
}

impl Stage {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let play = Arc::new(Mutex::new(Play::default()));
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&play);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, play, _tasks: tasks }
    }

    /// By IP address.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// By name.
    pub fn named_url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address.port())
    }

    /// Adds an answer to a path; several are given one after the other.
    pub fn answer(&self, path: &str, status: &str, media_type: &str, body: &str) {
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let mut play = self.play.lock().unwrap();
        play.answers.entry(path.to_owned()).or_default().push_back(head + body);
    }

    /// Sends a path elsewhere.
    pub fn redirect(&self, path: &str, to: &str) {
        let head = format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        self.play.lock().unwrap().answers.entry(path.to_owned()).or_default().push_back(head);
    }

    pub fn forget(&self, path: &str) {
        self.play.lock().unwrap().answers.remove(path);
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.play.lock().unwrap().asked.clone()
    }
}

async fn serve(mut stream: TcpStream, play: Arc<Mutex<Play>>) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    let request = loop {
        let Ok(length) = stream.read(&mut chunk).await else { return };
        if length == 0 {
            return;
        }
        bytes.extend_from_slice(&chunk[..length]);
        if let Some(request) = parse(&bytes) {
            break request;
        }
    };
    let answer = {
        let mut play = play.lock().unwrap();
        let answers = play.answers.get_mut(&request.path);
        let answer =
            answers.and_then(|answers| if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() });
        play.asked.push(request);
        answer.unwrap_or_else(|| "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned())
    };
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// The whole request, once it is there.
fn parse(bytes: &[u8]) -> Option<Asked> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    let (method, path) = (first.next().unwrap().to_owned(), first.next().unwrap().to_owned());
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
    }
    let length: usize = headers.get("content-length").map_or(0, |length| length.to_str().unwrap().parse().unwrap());
    let body = bytes.get(end + 4..end + 4 + length)?.to_vec();
    Some(Asked { method, path, headers, body })
}
