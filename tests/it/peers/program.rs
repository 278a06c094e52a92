//! A child process that says in one of its first lines where it listens, and that ends with the test.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Two RSA keys of 4096 bits, made beside six compiling neighbours, took 20 s once.
const WORD_MAX: Duration = Duration::from_secs(60);

pub struct Program {
    name: String,
    child: Child,
    stdin: ChildStdin,
    lines: UnboundedReceiver<String>,
    said: Arc<Mutex<String>>,
}

impl Program {
    /// Starts the program; it is killed when the value is dropped, and its stdin closes with the test's own process.
    pub fn start(path: &Path, configure: impl FnOnce(&mut Command)) -> Program {
        let mut command = Command::new(path);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        configure(&mut command);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("start {}: {error}", path.display()));
        let (sender, lines) = unbounded_channel();
        let said = Arc::default();
        // Read to the end, or a talkative program would stop at a full pipe.
        tokio::spawn(listen(child.stdout.take().expect("stdout is piped"), sender.clone(), Arc::clone(&said)));
        tokio::spawn(listen(child.stderr.take().expect("stderr is piped"), sender, Arc::clone(&said)));
        let stdin = child.stdin.take().expect("stdin is piped");
        Program { name: path.display().to_string(), child, stdin, lines, said }
    }

    /// The next line, on stdout or stderr, that `wanted` makes something of.
    pub async fn line<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> T {
        let found = async {
            while let Some(line) = self.lines.recv().await {
                if let Some(found) = wanted(&line) {
                    return found;
                }
            }
            panic!("{} ended before it said what was awaited: {:?}", self.name, self.child.try_wait());
        };
        tokio::time::timeout(WORD_MAX, found)
            .await
            .unwrap_or_else(|_| panic!("a program did not say what was awaited within {WORD_MAX:?}"))
    }

    pub async fn json_line(&mut self) -> Value {
        self.line(|line| serde_json::from_str(line).ok()).await
    }

    pub async fn say(&mut self, line: &str) {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await.expect("it listens on its stdin");
        self.stdin.flush().await.expect("it listens on its stdin");
    }

    /// Everything it said so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Sends a signal by its name: `HUP`.
    pub async fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it still runs").to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().await.unwrap().success());
    }

    /// Sends SIGTERM, as a service manager does, and waits for the end.
    pub async fn terminate(&mut self) -> std::process::ExitStatus {
        self.signal("TERM").await;
        tokio::time::timeout(WORD_MAX, self.child.wait()).await.expect("it ends when asked to").unwrap()
    }
}

impl Drop for Program {
    /// What it said belongs to the story of a failed test.
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("--- {} said:\n{}", self.name, self.said());
        }
    }
}

async fn listen(pipe: impl AsyncRead + Unpin, sender: UnboundedSender<String>, said: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        said.lock().unwrap().push_str(&format!("{line}\n"));
        // Nobody waits for lines any more when the test is over.
        let _ = sender.send(line);
    }
}
