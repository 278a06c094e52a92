//! A child process that says in its first line where it listens, and that ends with the test.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Two RSA keys of 4096 bits, made beside six compiling neighbours, took 20 s once.
const FIRST_WORD_MAX: Duration = Duration::from_secs(60);

pub struct Program {
    name: String,
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Program {
    /// Starts the program; it is killed when the value is dropped, and its stdin closes with the test's own process.
    pub fn start(path: &Path, configure: impl FnOnce(&mut Command)) -> Program {
        let mut command = Command::new(path);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        configure(&mut command);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("start {}: {error}", path.display()));
        let stdin = child.stdin.take().expect("stdin is piped");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        Program { name: path.display().to_string(), child, stdin, stdout }
    }

    /// The first line from here on that `wanted` makes something of.
    pub async fn line<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> T {
        let found = async {
            while let Some(line) = self.stdout.next_line().await.expect("its output is text") {
                if let Some(found) = wanted(&line) {
                    return found;
                }
            }
            panic!("{} ended before it said what was awaited: {:?}", self.name, self.child.try_wait());
        };
        tokio::time::timeout(FIRST_WORD_MAX, found)
            .await
            .unwrap_or_else(|_| panic!("a program said nothing for {FIRST_WORD_MAX:?}"))
    }

    pub async fn json_line(&mut self) -> Value {
        self.line(|line| serde_json::from_str(line).ok()).await
    }

    pub async fn say(&mut self, line: &str) {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await.expect("it listens on its stdin");
        self.stdin.flush().await.expect("it listens on its stdin");
    }
}
