//! The servers of followers: each at an address of its own, all of them one listener that answers 202 and remembers when.
//!
//! It shares the processor with what it measures, so it is as cheap as a server can be: one thread, one read and one write for
//! a request, of which it looks at the address, at the presence of a signature, and at every byte of the body.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use reviewd::domain::Handle;
use reviewd::store::{FollowState, Follower, Store};
use sqlx::{Connection, SqliteConnection};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::authority::Authority;
use super::daemon::Daemon;

/// Each server of a follower has an address of its own: a lane and a connection of its own in the daemon. The whole of
/// 127.0.0.0/8 is this machine, so one listener hears them all.
const ADDRESSES_PER_BLOCK: usize = 250;
/// Longest request: the activity of a review of 3,000 bytes takes a third of it.
const REQUEST_BYTES_MAX: usize = 32 << 10;
const ANSWER: &[u8] =
    b"HTTP/1.1 202 Accepted\r\ndate: Sun, 22 Nov 2026 12:00:00 GMT\r\nserver: sink\r\ncontent-length: 0\r\n\r\n";

/// Makes the daemon's only reviewer followed by as many people, each with an inbox of their own.
pub async fn follow(home: &Path, daemon: &Daemon, inboxes: usize, inbox: impl Fn(usize) -> String) -> Store {
    let file = home.join("data/reviewd.db");
    let store = Store::open(&file).await.unwrap();
    let feed = daemon.connect().get("/feed.xml", &[]).unwrap();
    let feed = String::from_utf8(feed.body).unwrap();
    let handle = Handle::parse(feed.split("/@").nth(1).unwrap().split('/').next().unwrap()).unwrap();
    let first = inbox(0);
    let follower = Follower {
        reviewer: handle.clone(),
        actor: format!("{first}/actor"),
        follow_id: format!("{first}/follow"),
        inbox: first,
        shared_inbox: None,
        state: FollowState::Accepted,
        bookwyrm: false,
        since: jiff::Timestamp::UNIX_EPOCH,
    };
    store.keep_follower(&follower, &[]).await.unwrap();
    // The others like the first, in one transaction: a hundred thousand would take minutes one by one.
    let mut database = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let mut transaction = database.begin().await.unwrap();
    for number in 1..inboxes {
        let insert = "INSERT INTO follower (reviewer, actor, inbox, follow_id, state, bookwyrm, since)
                      SELECT reviewer, $2 || '/actor', $2, $2 || '/follow', state, bookwyrm, since
                      FROM follower WHERE actor = $1";
        sqlx::query(insert).bind(&follower.actor).bind(inbox(number)).execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
    database.close().await.unwrap();
    assert_eq!(store.count_followers(&handle).await.unwrap() as usize, inboxes);
    store
}

/// Every follower's server.
#[derive(Clone)]
pub struct Sink {
    pub port: u16,
    scheme: &'static str,
    pub arrivals: Arc<Mutex<Arrivals>>,
    /// Its thread, as `/proc` names it.
    thread: String,
}

#[derive(Default)]
pub struct Arrivals {
    /// When each inbox was told.
    pub at: Vec<Option<Instant>>,
    pub count: usize,
    /// What the first was told; whoever is told something else is counted.
    pub body: Vec<u8>,
    pub strange: usize,
    /// Connections that were made.
    pub connections: usize,
}

impl Sink {
    pub async fn open(inboxes: usize) -> Sink {
        Sink::open_with("http", inboxes, HashMap::new()).await
    }

    /// The same over TLS, each server with a certificate of its own.
    pub async fn open_secure(inboxes: usize, hosts: usize, authority: &Authority) -> Sink {
        let acceptors = (0..hosts).map(address).map(|address| (address, acceptor(authority, address))).collect();
        Sink::open_with("https", inboxes, acceptors).await
    }

    async fn open_with(scheme: &'static str, inboxes: usize, acceptors: HashMap<IpAddr, TlsAcceptor>) -> Sink {
        let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let arrivals = Arrivals { at: vec![None; inboxes], ..Arrivals::default() };
        let port = listener.local_addr().unwrap().port();
        let mut sink = Sink { port, scheme, arrivals: Arc::new(Mutex::new(arrivals)), thread: String::new() };
        let (serving, (say, told)) = (sink.clone(), std::sync::mpsc::channel());
        std::thread::spawn(move || {
            say.send(std::fs::read_link("/proc/thread-self").unwrap()).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serving.serve(listener, acceptors));
        });
        sink.thread = told.recv().unwrap().display().to_string();
        sink
    }

    /// Seconds of processor that it used so far.
    pub fn cpu_seconds(&self) -> f64 {
        super::cpu_seconds(&self.thread)
    }

    async fn serve(self, listener: std::net::TcpListener, acceptors: HashMap<IpAddr, TlsAcceptor>) {
        let listener = TcpListener::from_std(listener).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            self.arrivals.lock().unwrap().connections += 1;
            let acceptor = acceptors.get(&stream.local_addr().unwrap().ip()).cloned();
            tokio::spawn(self.clone().greet(stream, acceptor));
        }
    }

    async fn greet(self, stream: TcpStream, acceptor: Option<TlsAcceptor>) {
        match acceptor {
            Some(acceptor) => self.answer(acceptor.accept(stream).await.unwrap()).await,
            None => self.answer(stream).await,
        }
    }

    /// Answers one request after the other until the daemon hangs up.
    async fn answer(self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let (mut bytes, mut length) = (vec![0; REQUEST_BYTES_MAX], 0);
        loop {
            match stream.read(&mut bytes[length..]).await {
                Ok(0) | Err(_) => return,
                Ok(read) => length += read,
            }
            if let Some(request) = Request::read(&bytes[..length]) {
                self.arrivals.lock().unwrap().take(&request);
                length = 0;
                stream.write_all(ANSWER).await.unwrap();
            }
        }
    }

    pub fn inbox(&self, number: usize, hosts: usize) -> String {
        format!("{}://{}:{}/inbox/{number}", self.scheme, address(number % hosts), self.port)
    }

    /// Forgets what arrived, before something else goes out.
    pub fn clear(&self) {
        let mut arrivals = self.arrivals.lock().unwrap();
        arrivals.at.fill(None);
        (arrivals.count, arrivals.strange, arrivals.connections) = (0, 0, 0);
        arrivals.body.clear();
    }

    pub fn arrived(&self) -> usize {
        self.arrivals.lock().unwrap().count
    }
}

impl Arrivals {
    fn take(&mut self, request: &Request<'_>) {
        if self.body.is_empty() {
            self.body.extend_from_slice(request.body);
        }
        self.strange += usize::from(!request.signed || request.body != self.body);
        self.at[request.inbox].get_or_insert_with(Instant::now);
        self.count += 1;
    }
}

/// What the sink looks at.
struct Request<'a> {
    inbox: usize,
    signed: bool,
    body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The request, once it is there to its last byte; nothing follows it, because nobody here sends the next unanswered.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let inbox = lines.next().unwrap().strip_prefix("POST /inbox/").and_then(|rest| rest.split(' ').next());
        let (mut signed, mut length) = (false, 0);
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            signed |= name.eq_ignore_ascii_case("signature");
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().unwrap();
            }
        }
        let body = &bytes[end + 4..];
        assert!(body.len() <= length, "more than one request");
        (body.len() == length).then(|| Request { inbox: inbox.unwrap().parse().unwrap(), signed, body })
    }
}

/// The address of a server.
fn address(host: usize) -> IpAddr {
    let (block, address) = (host / ADDRESSES_PER_BLOCK, host % ADDRESSES_PER_BLOCK + 1);
    IpAddr::from([127, 0, u8::try_from(block).unwrap(), u8::try_from(address).unwrap()])
}

fn acceptor(authority: &Authority, address: IpAddr) -> TlsAcceptor {
    let name = address.to_string();
    let certificate = authority.issue_for(&name, &[&name], None);
    let chain = CertificateDer::pem_file_iter(&certificate.chain).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(&certificate.key).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}
