//! A small web server in front of a daemon, which passes everything as it should, or does one thing wrong.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
};

use jiff::{SignedDuration, fmt::rfc2822::DateTimePrinter};
use reviewd::clock::Clock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use super::{PATIENCE, daemon::Daemon};

/// One thing done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Nothing,
    /// Does not pass a header of requests.
    Strips(&'static str),
    /// Does not pass a header of answers.
    Hides(&'static str),
    /// Passes requests with the daemon's own address as their host: all of them, or POSTs only.
    RewritesHost,
    RewritesHostOfPosts,
    /// Gives everybody the first answer to an address.
    CachesWithoutVary,
    /// Answers larger bodies with 413.
    LimitsBody(usize),
    /// Its clock is off.
    ClockAhead(SignedDuration),
    /// Sends who asks for such a path to the same with a slash at its end.
    AddsSlash(&'static str),
    /// Answers everything with this status, as if it were another site.
    Answers(u16),
    /// Answers POSTs with this status in the daemon's place.
    AnswersPosts(u16),
    /// Takes requests and never answers.
    Silence,
}

pub struct Proxy {
    scene: Arc<Scene>,
    _tasks: JoinSet<()>,
}

struct Scene {
    fault: Mutex<Fault>,
    behind: OnceLock<(SocketAddr, Clock)>,
    cache: Mutex<HashMap<String, Vec<u8>>>,
    asked: watch::Sender<Vec<String>>,
}

/// Head and body of a message.
struct Message {
    first: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Proxy {
    /// A daemon known to the world by the address of the proxy in front of it.
    pub async fn before_daemon(fault: Fault) -> (Proxy, Daemon) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let scene = Arc::new(Scene {
            fault: Mutex::new(Fault::Nothing),
            behind: OnceLock::new(),
            cache: Mutex::default(),
            asked: watch::Sender::default(),
        });
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&scene);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        let daemon = Daemon::start_at(&origin, "").await;
        let behind = (daemon.running().addresses[0], daemon.clock.clone());
        assert!(scene.behind.set(behind).is_ok());
        *scene.fault.lock().unwrap() = fault;
        (Proxy { scene, _tasks: tasks }, daemon)
    }

    /// `METHOD PATH` of everything asked so far.
    pub fn asked(&self) -> Vec<String> {
        self.scene.asked.borrow().clone()
    }

    /// Waits until something was asked.
    pub async fn is_asked(&self) {
        let mut asked = self.scene.asked.subscribe();
        tokio::time::timeout(PATIENCE, asked.wait_for(|asked| !asked.is_empty()))
            .await
            .expect("it was not asked")
            .unwrap();
    }
}

async fn serve(mut stream: TcpStream, scene: Arc<Scene>) {
    let Some(request) = read_message(&mut stream).await else { return };
    let target = request.first.rsplit_once(' ').map_or(request.first.clone(), |(target, _)| target.to_owned());
    scene.asked.send_modify(|asked| asked.push(target.clone()));
    let fault = *scene.fault.lock().unwrap();
    let is_post = target.starts_with("POST");
    let path = target.split(' ').nth(1).unwrap_or_default();
    let answer = match fault {
        Fault::Silence => std::future::pending().await,
        Fault::Answers(status) => own_answer(status, ""),
        Fault::AnswersPosts(status) if is_post => own_answer(status, ""),
        Fault::LimitsBody(limit) if request.body.len() > limit => own_answer(413, ""),
        Fault::AddsSlash(prefix) if path.starts_with(prefix) => own_answer(301, &format!("location: {path}/\r\n")),
        Fault::CachesWithoutVary if !is_post => {
            let kept = scene.cache.lock().unwrap().get(&target).cloned();
            match kept {
                Some(kept) => kept,
                None => {
                    let answer = pass(request, &scene, fault).await;
                    scene.cache.lock().unwrap().insert(target, answer.clone());
                    answer
                }
            }
        }
        _ => pass(request, &scene, fault).await,
    };
    // Who asked may have left meanwhile.
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}

fn own_answer(status: u16, more: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Said\r\nserver: proxy\r\n{more}content-length: 0\r\nconnection: close\r\n\r\n")
        .into_bytes()
}

async fn pass(mut request: Message, scene: &Scene, fault: Fault) -> Vec<u8> {
    let (behind, clock) = scene.behind.get().expect("a daemon is behind it");
    let is_post = request.first.starts_with("POST");
    for (name, value) in &mut request.headers {
        match fault {
            Fault::RewritesHost if name == "host" => *value = behind.to_string(),
            Fault::RewritesHostOfPosts if name == "host" && is_post => *value = behind.to_string(),
            _ => {}
        }
    }
    request.headers.retain(|(name, _)| name != "connection" && fault != Fault::Strips(known(name)));
    request.headers.push(("connection".to_owned(), "close".to_owned()));
    request.headers.push(("x-forwarded-for".to_owned(), "203.0.113.7".to_owned()));
    let mut stream = TcpStream::connect(behind).await.unwrap();
    stream.write_all(&request.bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let Some(mut answer) = parse(&answer, true) else { return own_answer(502, "") };
    let ahead = match fault {
        Fault::ClockAhead(ahead) => ahead,
        _ => SignedDuration::ZERO,
    };
    // As web servers do, it writes its own Date.
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&(clock.now() + ahead)).unwrap();
    answer.headers.retain(|(name, _)| name != "date" && fault != Fault::Hides(known(name)));
    answer.headers.push(("date".to_owned(), date));
    answer.bytes()
}

/// The header's name where a fault may speak of it.
fn known(name: &str) -> &'static str {
    let names = [
        "signature",
        "digest",
        "date",
        "accept",
        "vary",
        "etag",
        "x-reviewd-doctor",
        "accept-encoding",
        "content-type",
    ];
    names.into_iter().find(|known| *known == name).unwrap_or_default()
}

async fn read_message(stream: &mut TcpStream) -> Option<Message> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 65_536];
    loop {
        if let Some(message) = parse(&bytes, false) {
            return Some(message);
        }
        match stream.read(&mut chunk).await {
            Ok(length) if length > 0 => bytes.extend_from_slice(&chunk[..length]),
            _ => return None,
        }
    }
}

/// A whole message; one that `ended` has whatever body there is.
fn parse(bytes: &[u8], ended: bool) -> Option<Message> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let first = lines.next()?.to_owned();
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let headers: Vec<(String, String)> = lines.filter_map(header).collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, length)| length.parse().unwrap());
    let body = &bytes[end + 4..];
    (ended || body.len() >= length).then(|| Message { first, headers, body: body.to_vec() })
}

impl Message {
    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{}\r\n", self.first);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }
}
