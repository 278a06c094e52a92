//! reviewd itself as a process of its own: what a person would start. Needed where the environment matters, as with
//! the certificates it trusts, or where it is stopped and started again.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::authority::Authority;
use super::fedify::Front;
use super::program::Program;

/// A daemon with its folder, its data and its settings in a temporary folder. It outlives a stop: `start_again`.
pub struct Reviewd {
    /// Where others see it.
    pub origin: String,
    folder: TempDir,
    authority: Option<PathBuf>,
    front: Option<Front>,
    program: Program,
}

impl Reviewd {
    /// Starts it at `http://localhost:PORT`, with `settings` beside `[site]`.
    pub async fn plain(settings: &str, lay_out: impl FnOnce(&Path)) -> Reviewd {
        let folder = prepare("", settings, lay_out);
        let program = spawn(folder.path(), None);
        let mut reviewd = Reviewd { origin: String::new(), folder, authority: None, front: None, program };
        reviewd.origin = format!("http://localhost:{}", reviewd.arrive().await);
        reviewd
    }

    /// Starts it behind TLS at `https://localhost:PORT`, with `settings` beside `[site]`; it trusts the authority
    /// and nobody else. `lay_out` fills the folder of reviews before the start. `None` where the front is not to be
    /// had.
    pub async fn behind_tls(authority: &Authority, settings: &str, lay_out: impl FnOnce(&Path)) -> Option<Reviewd> {
        let front = Front::start(authority).await?;
        let origin = front.origin.clone();
        let folder = prepare(&format!("origin = \"{origin}\""), settings, lay_out);
        let authority = Some(authority.bundle());
        let program = spawn(folder.path(), authority.as_deref());
        let mut reviewd = Reviewd { origin, folder, authority, front: Some(front), program };
        reviewd.arrive().await;
        Some(reviewd)
    }

    /// Saves a review as an editor does: beside the old one, then over it.
    pub fn save(&self, name: &str, text: &str) {
        let beside = self.folder.path().join("beside.tmp");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, self.reviews().join(name)).unwrap();
    }

    pub fn reviews(&self) -> PathBuf {
        self.folder.path().join("reviews")
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The actor's handle as people write it: `@ana@localhost:PORT`.
    pub fn handle(&self, name: &str) -> String {
        let (_, host) = self.origin.split_once("://").unwrap();
        format!("@{name}@{host}")
    }

    /// Another command on the same settings, as a person would type it; what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub async fn run(&self, arguments: &[&str]) -> String {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_reviewd"));
        command.args(arguments).args(["--config", "reviewd.toml"]).current_dir(self.folder.path());
        let output = command.output().await.unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "reviewd {arguments:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it wrote to its log since the last start.
    pub fn log(&self) -> String {
        self.program.said()
    }

    /// The next line of the log that holds `words`.
    pub async fn logged(&mut self, words: &str) -> String {
        self.program.line(|line| line.contains(words).then(|| line.to_owned())).await
    }

    /// Stops it in good order.
    ///
    /// # Panics
    /// When it ends with anything but 0.
    pub async fn stop(&mut self) {
        let status = self.program.terminate().await;
        assert!(status.success(), "{status}");
    }

    /// Starts it again on the same folder and data. Behind TLS its address stays; without, the port is a new one.
    pub async fn start_again(&mut self) {
        self.program = spawn(self.folder.path(), self.authority.as_deref());
        let port = self.arrive().await;
        if self.front.is_none() {
            self.origin = format!("http://localhost:{port}");
        }
    }

    async fn arrive(&mut self) -> u16 {
        let port = self.program.line(serving_port).await;
        if let Some(front) = &mut self.front {
            front.lead_to(port).await;
        }
        port
    }
}

fn prepare(site: &str, settings: &str, lay_out: impl FnOnce(&Path)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!("[site]\nlisten = \"127.0.0.1:0\"\n{site}\n\n{settings}\n");
    std::fs::write(folder.path().join("reviewd.toml"), settings).unwrap();
    let reviews = folder.path().join("reviews");
    std::fs::create_dir(&reviews).unwrap();
    lay_out(&reviews);
    folder
}

fn spawn(folder: &Path, authority: Option<&Path>) -> Program {
    Program::start(Path::new(env!("CARGO_BIN_EXE_reviewd")), |command| {
        command.args(["serve", "--config", "reviewd.toml"]).current_dir(folder).env("NO_COLOR", "1");
        if let Some(authority) = authority {
            command.env("SSL_CERT_FILE", authority).env_remove("SSL_CERT_DIR");
        }
    })
}

/// The port in the log's "serving ORIGIN on ADDRESS".
fn serving_port(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("serving ")?;
    let (_, rest) = rest.split_once(" on 127.0.0.1:")?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

#[test]
fn the_port_is_read_from_the_log() {
    let line = "12:00:01 INFO serving https://localhost:5000 on 127.0.0.1:40123 address=127.0.0.1:40123";
    assert_eq!(serving_port(line), Some(40123));
    assert_eq!(serving_port("12:00:01 INFO serving nobody"), None);
}
