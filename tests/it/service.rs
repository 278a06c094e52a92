//! The built program as systemd runs it: sockets that are held for it, what it tells, and who may command it.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: it fails by panicking, and its children get no settings from the environment"
)]

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::{
        fd::OwnedFd,
        unix::net::{UnixDatagram, UnixStream},
    },
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use tempfile::TempDir;

use crate::{peers::read_telemetry, world::review};

/// The listening socket arrives as standard input and becomes descriptor 3, where sd_listen_fds(3) wants it; `exec` keeps
/// the process id that LISTEN_PID names.
const AS_SYSTEMD: &str = "exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\"";
/// Everything a loaded machine may take for one step of a test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with one review, its settings, and the socket on which systemd would listen for what it starts.
struct Unit {
    home: TempDir,
    notices: UnixDatagram,
    listener: Option<TcpListener>,
}

/// A started daemon; killed if the test ends before it does.
struct Service(Child);

impl Unit {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("reviews")).unwrap();
        fs::write(home.path().join("reviews/dune.md"), review("Dune", "Words.")).unwrap();
        let notices = UnixDatagram::bind(home.path().join("notify")).unwrap();
        notices.set_read_timeout(Some(PATIENCE)).unwrap();
        let unit = Self { home, notices, listener: None };
        unit.settings("title = \"Ana's books\"");
        unit
    }

    /// With a socket that is held for it, so that `[site] listen` is not used.
    fn with_socket() -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (Self { listener: Some(listener), ..Self::new() }, address)
    }

    fn settings(&self, site: &str) {
        let settings = format!(
            "[site]\nlisten = \"127.0.0.1:0\"\norigin = \"https://books.example\"\n{site}\n\
             [[reviewer]]\nhandle = \"ana\"\nfolder = \"reviews\"\n"
        );
        fs::write(self.home.path().join("reviewd.toml"), settings).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_reviewd");
        let mut command = match &self.listener {
            Some(listener) => {
                let mut command = Command::new("sh");
                let socket = OwnedFd::from(listener.try_clone().unwrap());
                command.args(["-c", AS_SYSTEMD, program]).stdin(Stdio::from(socket));
                command
            }
            None => Command::new(program),
        };
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REVIEWD_")) {
            command.env_remove(name);
        }
        command.args(arguments).current_dir(self.home.path()).env("NO_COLOR", "1").stdout(Stdio::null());
        command
    }

    /// Starts the daemon and waits until it says that it is ready.
    fn start(&self) -> Service {
        let mut command = self.command(&["serve"]);
        let log = fs::File::options().create(true).append(true).open(self.home.path().join("log")).unwrap();
        command.env("NOTIFY_SOCKET", self.home.path().join("notify")).env("WATCHDOG_USEC", "30000000").stderr(log);
        let service = Service(command.spawn().unwrap());
        self.told(|notice| notice.contains("READY=1"));
        service
    }

    /// The next notice that is wanted.
    fn told(&self, wanted: impl Fn(&str) -> bool) -> String {
        let mut buffer = [0; 4096];
        loop {
            let length = self.notices.recv(&mut buffer).unwrap_or_else(|error| panic!("{error}: {}", self.log()));
            let notice = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if wanted(&notice) {
                return notice;
            }
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

impl Service {
    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([&format!("-{name}"), &self.0.id().to_string()]).status().unwrap().success());
    }

    /// Stops it as systemd does, and waits for its end.
    fn stop(mut self) {
        self.signal("TERM");
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

/// One request on a connection of its own, as a proxy without a pool makes it; the whole answer.
fn request(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /feed.json HTTP/1.1\r\nHost: books.example\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Asks without a pause, four at a time, while `meanwhile` happens; every answer that was no review.
fn hammer(address: SocketAddr, meanwhile: impl FnOnce(&AtomicUsize)) -> (usize, Vec<String>) {
    let (asked, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let failures = std::thread::scope(|scope| {
        let client = || {
            let mut failures = Vec::new();
            while !over.load(Ordering::Relaxed) {
                match request(address) {
                    Ok(answer) if answer.starts_with("HTTP/1.1 200") && answer.contains("Dune") => {}
                    Ok(answer) => failures.push(format!("answered {answer:?}")),
                    Err(error) => failures.push(error.to_string()),
                }
                asked.fetch_add(1, Ordering::Relaxed);
            }
            failures
        };
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(client)).collect();
        meanwhile(&asked);
        over.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    (asked.load(Ordering::Relaxed), failures)
}

/// Waits until so many more requests were answered.
fn let_pass(asked: &AtomicUsize, more: usize) {
    let until = asked.load(Ordering::Relaxed) + more;
    while asked.load(Ordering::Relaxed) < until {
        std::thread::yield_now();
    }
}

#[test]
fn a_restart_drops_no_connection_where_systemd_holds_the_socket() {
    let (unit, address) = Unit::with_socket();
    let mut service = unit.start();
    // The folder is read before the first page is asked for.
    unit.told(|notice| notice.contains("STATUS=1 review"));
    let (asked, failures) = hammer(address, |asked| {
        for _ in 0..3 {
            let_pass(asked, 50);
            service.signal("TERM");
            assert!(service.0.wait().unwrap().success());
            service = unit.start();
        }
        let_pass(asked, 50);
    });
    assert!(failures.is_empty(), "{} of {asked}: {failures:#?}", failures.len());
    service.stop();
    assert!(unit.log().contains("a socket of the service manager"), "{}", unit.log());
}

#[test]
fn reading_the_settings_again_drops_no_connection_either() {
    let unit = Unit::new();
    let service = unit.start();
    unit.told(|notice| notice.contains("STATUS=1 review"));
    let log = unit.log();
    let address = log.split(" on ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap().parse().unwrap();
    let (asked, failures) = hammer(address, |asked| {
        for _ in 0..3 {
            let_pass(asked, 50);
            service.signal("HUP");
            unit.told(|notice| notice.contains("READY=1"));
        }
        let_pass(asked, 50);
    });
    assert!(failures.is_empty(), "{} of {asked}: {failures:#?}", failures.len());
    service.stop();
}

#[test]
fn systemd_hears_of_every_step_and_that_all_parts_are_alive() {
    let unit = Unit::new();
    let mut service = unit.start();
    unit.told(|notice| notice == "WATCHDOG=1\n");
    assert_eq!(unit.told(|notice| notice.contains("STATUS=")), "STATUS=1 review, 0 followers\n");
    service.signal("HUP");
    let reloading = unit.told(|notice| notice.contains("RELOADING=1"));
    let moment = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().trim_end();
    assert!(moment.parse::<u64>().is_ok_and(|moment| moment > 0), "{reloading}");
    unit.told(|notice| notice == "READY=1\n");
    unit.settings("titel = \"A mistake\"");
    service.signal("HUP");
    unit.told(|notice| notice.contains("RELOADING=1"));
    unit.told(|notice| notice == "READY=1\n");
    service.signal("TERM");
    unit.told(|notice| notice.contains("STOPPING=1"));
    assert!(service.0.wait().unwrap().success());
}

#[test]
fn settings_that_read_well_and_do_not_work_stop_nobody() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (unit, address) = Unit::with_socket();
    let service = unit.start();
    unit.told(|notice| notice.contains("STATUS=1 review"));
    unit.settings(&format!("title = \"Others\"\n[metrics]\nlisten = \"{}\"\n", taken.local_addr().unwrap()));
    service.signal("HUP");
    unit.told(|notice| notice.contains("RELOADING=1"));
    unit.told(|notice| notice == "READY=1\n");
    unit.told(|notice| notice.contains("STATUS=1 review"));
    let answer = request(address).unwrap();
    assert!(answer.contains("Ana's books"), "{answer}");
    let log = unit.log();
    assert!(log.contains("choose another address in [metrics] listen") && log.contains("stay in force"), "{log}");
    unit.settings("title = \"Mended\"");
    service.signal("HUP");
    unit.told(|notice| notice.contains("RELOADING=1"));
    unit.told(|notice| notice.contains("STATUS=1 review"));
    assert!(request(address).unwrap().contains("Mended"));
    service.stop();
}

#[test]
fn a_control_socket_takes_nobodys_place() {
    let unit = Unit::new();
    let service = unit.start();
    let other = Unit::new();
    let serve = |socket: &Path| {
        other.settings(&format!("title = \"x\"\n[control]\nsocket = \"{}\"\n", socket.display()));
        let output = other.command(&["serve"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = serve(&unit.home.path().join("data/control.sock"));
    assert!(said.contains("another reviewd answers there; name another one in [control] socket"), "{said}");
    let review = unit.home.path().join("reviews/dune.md");
    let said = serve(&review);
    assert!(said.contains("something else lies there; name another one in [control] socket"), "{said}");
    assert!(fs::read_to_string(&review).unwrap().contains("Dune"));
    let status = unit.command(&["status"]).stdout(Stdio::piped()).output().unwrap();
    assert!(status.status.success(), "the first one still answers: {status:?}");
    service.stop();
}

#[test]
fn a_command_that_says_nothing_or_too_much_holds_nobody_up() {
    let unit = Unit::new();
    let service = unit.start();
    let socket = unit.home.path().join("data/control.sock");
    let _silent = UnixStream::connect(&socket).unwrap();
    let mut endless = UnixStream::connect(&socket).unwrap();
    endless.write_all(&vec![b'x'; 1 << 20]).unwrap();
    let mut answer = String::new();
    endless.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("longer than 1048576 bytes; ask in parts"), "{answer}");
    service.stop();
    assert!(!unit.log().contains("were cut"), "{}", unit.log());
}

#[test]
fn why_there_was_no_start_is_told_to_systemd_too() {
    let unit = Unit::new();
    let service = unit.start();
    let mut second = unit.command(&["serve"]);
    second.env("NOTIFY_SOCKET", unit.home.path().join("notify")).stderr(Stdio::null());
    assert_eq!(second.status().unwrap().code(), Some(1));
    let why = unit.told(|notice| notice.contains("another reviewd"));
    assert!(why.starts_with("STATUS=another reviewd works on "), "{why}");
    service.stop();
    unit.settings("titel = \"A mistake\"");
    assert_eq!(second.status().unwrap().code(), Some(1));
    let why = unit.told(|notice| notice.contains("titel"));
    assert!(why.starts_with("STATUS=") && why.contains("reviewd.toml:4:1"), "{why}");
}

#[test]
fn a_key_is_rotated_through_the_control_socket_while_the_daemon_runs() {
    let unit = Unit::new();
    let service = unit.start();
    let shown = || String::from_utf8(unit.command(&["keys", "show"]).stdout(Stdio::piped()).output().unwrap().stdout);
    let before = shown().unwrap();
    let output = unit.command(&["keys", "rotate", "@ana"]).stdout(Stdio::piped()).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("followers are told now"), "{told} {}", String::from_utf8_lossy(&output.stderr));
    unit.told(|notice| notice == "READY=1\n");
    let after = shown().unwrap();
    assert!(before.contains("BEGIN PUBLIC KEY") && after.contains("BEGIN PUBLIC KEY") && before != after, "{after}");
    service.stop();
}

/// `systemd-analyze`, where there is a systemd.
fn analyze(arguments: &[&str]) -> Option<(bool, String)> {
    let output = Command::new("systemd-analyze").args(arguments).output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn the_units_are_understood_by_systemd_and_their_sandbox_is_rated_1_5_or_better() {
    // Rated in tenths: 15 is 1.5.
    const EXPOSURE_MAX: &str = "--threshold=15";
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let home = tempfile::tempdir().unwrap();
    let units = ["reviewd.service", "reviewd.socket", "reviewd-http.socket", "reviewd@.service", "reviewd@.socket"];
    for name in units {
        // `verify` looks whether the program is there.
        let unit = fs::read_to_string(deploy.join(name)).unwrap();
        let unit = unit.replace("ExecStart=reviewd", concat!("ExecStart=", env!("CARGO_BIN_EXE_reviewd")));
        fs::write(home.path().join(name), unit).unwrap();
    }
    for name in
        ["reviewd.service", "reviewd.socket", "reviewd-http.socket", "reviewd@ana.service", "reviewd@ana.socket"]
    {
        let file = home.path().join(name);
        let file = file.to_str().unwrap();
        let Some((fine, said)) = analyze(&["verify", "--man=no", file]) else {
            assert!(std::env::var("CI").is_err(), "CI has a systemd-analyze");
            eprintln!("SKIPPED: there is no systemd-analyze here");
            return;
        };
        assert!(fine && !said.contains(home.path().to_str().unwrap()), "{name}: {said}");
    }
    for name in ["reviewd.service", "reviewd@.service"] {
        let file = home.path().join(name);
        let arguments = ["security", "--offline=true", EXPOSURE_MAX, "--no-pager", file.to_str().unwrap()];
        let (fine, said) = analyze(&arguments).unwrap();
        assert!(fine, "{name}: {said}");
    }
}

/// The first request that somebody makes: its head and its body. Answered with 200.
fn first_post(listener: &TcpListener) -> std::io::Result<(String, Vec<u8>)> {
    let (mut stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.trim().parse().unwrap()];
    stream.read_exact(&mut body)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")?;
    Ok((head, body))
}

#[tokio::test]
async fn traces_go_to_the_collector_that_the_settings_name_as_its_schema_wants_them() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let unit = Unit::new();
    let address = collector.local_addr().unwrap();
    unit.settings(&format!("title = \"Ana's books\"\n[log]\notlp = \"http://{address}/\"\n"));
    let (sender, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(first_post(&collector)));
    // What is left at the end is sent then.
    unit.start().stop();
    let (head, body) = heard.recv_timeout(PATIENCE).unwrap().unwrap();
    assert!(head.starts_with("post /v1/traces http/1.1") && head.contains("content-type: application/json"), "{head}");
    let told: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let spans = told["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    let first_look = spans.iter().find(|span| span["name"] == "reconcile").unwrap();
    assert_eq!(first_look["attributes"][0]["value"]["stringValue"], "ana");
    assert_eq!(first_look["traceId"].as_str().unwrap().len(), 32);
    let file = unit.home.path().join("spans.json");
    fs::write(&file, &body).unwrap();
    let Some(read) = read_telemetry("spans", &file).await else { return };
    let read = read.as_array().unwrap();
    assert_eq!(read.len(), spans.len());
    assert!(read.iter().any(|span| span["name"] == "reconcile" && span["service"] == "reviewd"), "{read:#?}");
}

#[test]
fn a_collector_that_is_away_stops_nothing() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unit = Unit::new();
    unit.settings(&format!("title = \"Ana's books\"\n[log]\notlp = \"http://{closed}\"\n"));
    unit.start().stop();
    let log = unit.log();
    assert!(log.contains("traces are lost while http://") && log.contains("see [log] otlp"), "{log}");
}
