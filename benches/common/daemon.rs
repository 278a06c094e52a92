//! `reviewd serve` on a folder of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::http::{Answer, Connection};

const START_MAX: Duration = Duration::from_secs(120);
/// Between two questions whether it serves: short beside a start, long enough to leave it the processor.
const PAUSE: Duration = Duration::from_millis(2);

pub struct Daemon {
    child: Child,
    pub port: u16,
    pub spawned: Instant,
}

impl Daemon {
    /// Starts the program of this build: reviews in `reviews/`, data in `data/`, both in `folder`; what it says goes
    /// to `log`. `environment` holds settings that differ from the defaults.
    pub fn start(folder: &Path, environment: &[(&str, &str)]) -> Daemon {
        let port = free_port();
        let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
        let mut command = Command::new(program());
        command.current_dir(folder).args(["serve", "--reviews", "reviews"]);
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--origin", &format!("http://localhost:{port}")]);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        command.envs(environment.iter().copied());
        let spawned = Instant::now();
        Daemon { child: command.spawn().unwrap(), port, spawned }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn connect(&self) -> Connection {
        Connection::open(self.port).unwrap()
    }

    /// How long after its start `path` answers with 200 and `wanted` likes the body.
    pub fn serves(&mut self, path: &str, wanted: impl Fn(&str) -> bool) -> Duration {
        loop {
            let answer = Connection::open(self.port).and_then(|mut connection| connection.get(path, &[]));
            if let Ok(Answer { status: 200, body, .. }) = answer
                && wanted(&String::from_utf8_lossy(&body))
            {
                return self.spawned.elapsed();
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("reviewd ended with {status}; its log is in the folder");
            }
            assert!(self.spawned.elapsed() < START_MAX, "{path} is not as wanted after {START_MAX:?}");
            std::thread::sleep(PAUSE);
        }
    }

    /// A line of `/proc/PID/status` in megabytes: `VmRSS` is resident now, `VmHWM` its peak.
    pub fn memory_megabytes(&self, line: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':')).unwrap();
        let kibibytes: f64 = found.trim().trim_end_matches(" kB").parse().unwrap();
        (kibibytes * 1024.0 / 1e4).round() / 100.0
    }

    /// Seconds of processor that all its threads used so far, in steps of 10 ms.
    pub fn cpu_seconds(&self) -> f64 {
        super::cpu_seconds(&self.pid().to_string())
    }

    /// Stops it as a service manager does, and returns how long that took.
    pub fn stop(mut self) -> Duration {
        let asked = Instant::now();
        Command::new("kill").arg(self.pid().to_string()).status().unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "reviewd ended with {status} after SIGTERM");
        asked.elapsed()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program of this build, or `--program PATH`, such as one with the `dist` profile.
pub fn program() -> PathBuf {
    super::option("program", PathBuf::from(env!("CARGO_BIN_EXE_reviewd")))
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
