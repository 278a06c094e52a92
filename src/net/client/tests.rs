use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
};

use super::*;

/// Answers each connection with the next of the given responses, and hands back what was asked.
struct Peer {
    address: SocketAddr,
    asked: tokio::sync::mpsc::UnboundedReceiver<String>,
    _tasks: JoinSet<()>,
}

impl Peer {
    async fn answering(responses: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, asked) = tokio::sync::mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            for response in responses {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 16_384];
                let length = stream.read(&mut request).await.unwrap();
                let _ = tell.send(String::from_utf8_lossy(&request[..length]).into_owned());
                let _ = stream.write_all(&response).await;
            }
        });
        Self { address, asked, _tasks: tasks }
    }

    fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).unwrap()
    }
}

fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn client() -> Client {
    let origin = Origin::parse("http://localhost:8080").unwrap();
    Client::new(&origin, Reach::for_federation(&origin, &[])).unwrap()
}

#[tokio::test]
async fn a_get_brings_body_and_media_type_and_says_who_asks() {
    let mut peer = Peer::answering(vec![response("200 OK", "content-type: text/plain\r\n", b"words")]).await;
    let fetched = client().get(&peer.url("/a?b=c"), "text/plain", 100).await.unwrap();
    assert_eq!((fetched.status, fetched.body.as_slice()), (200, b"words".as_slice()));
    assert_eq!(fetched.content_type.as_deref(), Some("text/plain"));
    let asked = peer.asked.recv().await.unwrap();
    assert!(asked.starts_with("GET /a?b=c HTTP/1.1\r\n"));
    assert!(asked.contains("accept: text/plain\r\n"));
    let agent = format!("user-agent: reviewd/{} (+http://localhost:8080/)\r\n", env!("CARGO_PKG_VERSION"));
    assert!(asked.contains(&agent), "{asked}");
}

#[tokio::test]
async fn three_redirects_are_followed_each_with_its_own_headers_and_a_fourth_is_not() {
    let moved = || response("302 Found", "location: /next\r\n", b"");
    let mut peer = Peer::answering(vec![moved(), moved(), moved(), response("200 OK", "", b"x")]).await;
    let dress = |url: &Url| {
        let mut headers = HeaderMap::new();
        headers.insert("x-path", url.path().parse().unwrap());
        headers
    };
    let fetched = client().get_dressed(&peer.url("/first"), "*/*", 9, &dress).await.unwrap();
    assert_eq!(fetched.url.path(), "/next");
    assert!(peer.asked.recv().await.unwrap().contains("x-path: /first"));
    assert!(peer.asked.recv().await.unwrap().contains("x-path: /next"));
    let peer = Peer::answering((0..5).map(|_| moved()).collect()).await;
    assert_eq!(client().get(&peer.url("/"), "*/*", 9).await.unwrap_err(), NetProblem::Redirects);
}

#[tokio::test]
async fn a_redirect_into_a_closed_network_is_refused() {
    for to in ["http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "http://8.8.8.8/"]
    {
        let peer = Peer::answering(vec![response("301 Moved", &format!("location: {to}\r\n"), b"")]).await;
        assert!(matches!(client().get(&peer.url("/"), "*/*", 9).await, Err(NetProblem::NoEntry(_))), "{to}");
    }
}

#[tokio::test]
async fn a_long_body_is_cut_off_after_decompression() {
    let peer = Peer::answering(vec![response("200 OK", "", &[b'x'; 1_001])]).await;
    assert_eq!(client().get(&peer.url("/"), "*/*", 1_000).await.unwrap_err(), NetProblem::TooLong(1_000));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut gzip, &vec![0; 10 << 20]).unwrap();
    let bomb = gzip.finish().unwrap();
    assert!(bomb.len() < 20_000);
    let peer = Peer::answering(vec![response("200 OK", "content-encoding: gzip\r\n", &bomb)]).await;
    assert_eq!(client().get(&peer.url("/"), "*/*", 1 << 20).await.unwrap_err(), NetProblem::TooLong(1 << 20));
}

#[tokio::test]
async fn a_post_is_sent_once_and_follows_nothing() {
    let headers = "location: /elsewhere\r\nretry-after: 120\r\n";
    let mut peer = Peer::answering(vec![response("307 Temporary Redirect", headers, b"no")]).await;
    let answer = client().post(&peer.url("/inbox"), HeaderMap::new(), b"{}".to_vec()).await.unwrap();
    assert_eq!(answer, Answer { status: 307, retry_after: Some("120".into()), body: b"no".to_vec() });
    assert!(peer.asked.recv().await.unwrap().starts_with("POST /inbox HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_name_that_resolves_to_a_closed_address_is_refused_at_the_connection() {
    let origin = Origin::parse("https://books.example").unwrap();
    let client = Client::new(&origin, Reach::for_federation(&origin, &[])).unwrap();
    // Past `admit`, as a name would be that changed its mind: only the resolver stands before loopback.
    let error = client.http.request(Method::GET, "https://localhost/").send().await.unwrap_err();
    assert!(matches!(NetProblem::from(error), NetProblem::NoEntry(NoEntry::Address(address)) if address.is_loopback()));
}

#[tokio::test]
async fn an_address_nobody_listens_at_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    assert!(matches!(client().get(&url, "*/*", 9).await, Err(NetProblem::Connect(_))));
}

#[tokio::test]
async fn a_library_gets_tidied_answers_and_a_second_knock() {
    let first = response("401 Unauthorized", "", b"");
    let then = response("200 OK", "content-type: application/activity+json;charset=utf-8\r\n", b"{}");
    let mut peer = Peer::answering(vec![first, then]).await;
    let dress: super::super::Dress = Arc::new(|_, again| {
        let mut headers = HeaderMap::new();
        headers.insert("x-again", if again { "yes" } else { "no" }.parse().unwrap());
        headers
    });
    fn tidy(headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, "tidy".parse().unwrap());
    }
    let library = client().for_library(dress, tidy);
    let response = library.get(peer.url("/actor")).send().await.unwrap();
    assert_eq!(response.headers()[CONTENT_TYPE], "tidy");
    assert!(peer.asked.recv().await.unwrap().contains("x-again: no"));
    assert!(peer.asked.recv().await.unwrap().contains("x-again: yes"));
    let refused = library.get("http://10.0.0.1/").send().await.unwrap_err();
    assert!(refused.to_string().contains("10.0.0.1"), "{refused}");
}

#[test]
fn a_wait_is_asked_for_in_seconds_or_until_a_date() {
    let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    for (value, expected) in [
        ("120", Some(120)),
        (" 0 ", Some(0)),
        ("Sun, 22 Nov 2026 12:05:00 GMT", Some(300)),
        ("Sun, 22 Nov 2026 11:00:00 GMT", Some(0)),
        ("soon", None),
        ("-5", None),
    ] {
        let answer = Answer { status: 429, retry_after: Some(value.into()), body: vec![] };
        assert_eq!(answer.wait(now), expected.map(Duration::from_secs), "{value}");
    }
}

#[tokio::test]
async fn a_single_question_follows_no_redirect() {
    let mut peer = Peer::answering(vec![response("302 Found", "location: /other\r\n", b"go on")]).await;
    let url = peer.url("/callback?a=1");

    let answer = client().ask(&url).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (302, &b"go on"[..]));
    assert!(peer.asked.recv().await.unwrap().starts_with("GET /callback?a=1 "));
}
