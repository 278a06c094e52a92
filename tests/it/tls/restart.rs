//! The built program under https, on sockets that systemd holds for it: a restart refuses nobody.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tempfile::TempDir;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned, crypto::aws_lc_rs, pki_types::ServerName};

use super::{PATIENCE, Stranger};
use crate::{peers::Authority, world::review};

const HOST: &str = "books.example";
/// The sockets arrive as standard input and output, and become descriptors 3 and 4, where sd_listen_fds(3) wants them.
const AS_SYSTEMD: &str = "exec 3<&0 4<&1 0</dev/null 1>/dev/null; \
     LISTEN_FDS=2 LISTEN_FDNAMES=reviewd.socket:http LISTEN_PID=$$ exec \"$0\" \"$@\"";
/// Requests between two restarts.
const BETWEEN: usize = 30;

/// What systemd has of a site: its sockets, and where it is told.
struct Unit {
    home: TempDir,
    notices: UnixDatagram,
    https: TcpListener,
    http: TcpListener,
    authority: Authority,
}

struct Service(Child);

impl Unit {
    fn new() -> Unit {
        let (home, authority) = (tempfile::tempdir().unwrap(), Authority::new());
        fs::create_dir(home.path().join("reviews")).unwrap();
        fs::write(home.path().join("reviews/dune.md"), review("Dune", "Words.")).unwrap();
        let certificate = authority.issue_for("site", &[HOST], None);
        let key = home.path().join("key.pem");
        fs::copy(certificate.key, &key).unwrap();
        fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let settings = format!(
            "[site]\norigin = \"https://{HOST}\"\n[tls]\ncertificate = \"{}\"\nkey = \"key.pem\"\n\
             [[reviewer]]\nhandle = \"ana\"\nfolder = \"reviews\"\n",
            certificate.chain.display()
        );
        fs::write(home.path().join("reviewd.toml"), settings).unwrap();
        let notices = UnixDatagram::bind(home.path().join("notify")).unwrap();
        notices.set_read_timeout(Some(PATIENCE)).unwrap();
        let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
        Unit { home, notices, https: listener(), http: listener(), authority }
    }

    /// Starts the program, and waits until it has read the folder.
    fn start(&self) -> Service {
        let log = fs::File::options().create(true).append(true).open(self.home.path().join("log")).unwrap();
        let socket = |listener: &TcpListener| Stdio::from(OwnedFd::from(listener.try_clone().unwrap()));
        let child = Command::new("sh")
            .args(["-c", AS_SYSTEMD, env!("CARGO_BIN_EXE_reviewd"), "serve"])
            .current_dir(self.home.path())
            .env("NOTIFY_SOCKET", self.home.path().join("notify"))
            .stdin(socket(&self.https))
            .stdout(socket(&self.http))
            .stderr(log)
            .spawn()
            .unwrap();
        let service = Service(child);
        let mut notice = [0; 4096];
        loop {
            let length = self.notices.recv(&mut notice).unwrap_or_else(|error| panic!("{error}: {}", self.log()));
            if String::from_utf8_lossy(&notice[..length]).contains("STATUS=1 review") {
                return service;
            }
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

impl Service {
    fn stop(&mut self) {
        assert!(Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap().success());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It has ended already where a test went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One request on a connection of its own.
fn request(address: SocketAddr, config: &Arc<ClientConfig>) -> std::io::Result<String> {
    let connection = ClientConnection::new(Arc::clone(config), ServerName::try_from(HOST).unwrap()).unwrap();
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut stream = StreamOwned::new(connection, stream);
    write!(stream, "GET /feed.json HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_restart_under_https_drops_no_connection_where_systemd_holds_the_sockets() {
    let unit = Unit::new();
    let address = unit.https.local_addr().unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(Arc::clone(&Stranger::who_believes(&unit.authority.bundle()).roots))
        .with_no_client_auth();
    let config = Arc::new(config);
    let mut service = unit.start();
    let (asked, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let client = || {
        let mut failures = Vec::new();
        while !over.load(Ordering::Relaxed) {
            match request(address, &config) {
                Ok(answer) if answer.starts_with("HTTP/1.1 200") && answer.contains("Dune") => {}
                Ok(answer) => failures.push(format!("answered {answer:?}")),
                Err(error) => failures.push(error.to_string()),
            }
            asked.fetch_add(1, Ordering::Relaxed);
        }
        failures
    };
    let failures: Vec<String> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..3).map(|_| scope.spawn(client)).collect();
        let let_pass = || {
            let until = asked.load(Ordering::Relaxed) + BETWEEN;
            while asked.load(Ordering::Relaxed) < until {
                std::thread::yield_now();
            }
        };
        for _ in 0..3 {
            let_pass();
            service.stop();
            service = unit.start();
        }
        let_pass();
        over.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{} of {}: {failures:#?}\n{}", failures.len(), asked.into_inner(), unit.log());
    let mut plain = TcpStream::connect(unit.http.local_addr().unwrap()).unwrap();
    plain.write_all(b"GET /feed.json HTTP/1.1\r\nHost: films.example\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 308") && answer.contains(&format!("https://{HOST}/feed.json")), "{answer}");
    service.stop();
}
