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
    authority: PathBuf,
    front: Option<Front>,
    program: Program,
}

impl Reviewd {
    /// Starts it behind TLS at `https://localhost:PORT`, with `settings` beside `[site]`; it trusts the authority
    /// and nobody else. `None` where the front cannot be had.
    pub async fn behind_tls(authority: &Authority, settings: &str, reviews: &[(&str, &str)]) -> Option<Reviewd> {
        let front = Front::start(authority).await?;
        let folder = tempfile::tempdir().unwrap();
        let site = format!("[site]\norigin = \"{}\"\nlisten = \"127.0.0.1:0\"\n\n{settings}", front.origin);
        std::fs::write(folder.path().join("reviewd.toml"), site).unwrap();
        std::fs::create_dir(folder.path().join("reviews")).unwrap();
        for (name, text) in reviews {
            std::fs::write(folder.path().join("reviews").join(name), text).unwrap();
        }
        let program = spawn(folder.path(), &authority.bundle());
        let origin = front.origin.clone();
        let mut reviewd = Reviewd { origin, folder, authority: authority.bundle(), front: Some(front), program };
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

    /// The actor's handle as people write it: `@ana@localhost:PORT`.
    pub fn handle(&self, name: &str) -> String {
        self.origin.replacen("https://", &format!("@{name}@"), 1)
    }

    /// What it wrote to its log so far.
    pub fn log(&self) -> String {
        self.program.said()
    }

    /// Stops it in good order.
    ///
    /// # Panics
    /// When it ends with anything but 0.
    pub async fn stop(&mut self) {
        let status = self.program.terminate().await;
        assert!(status.success(), "{status}");
    }

    /// Starts it again on the same folder and data, at the same address.
    pub async fn start_again(&mut self) {
        self.program = spawn(self.folder.path(), &self.authority);
        self.arrive().await;
    }

    async fn arrive(&mut self) {
        let port = self.program.line(|line| line.contains("listening").then(|| port_in(line)).flatten()).await;
        if let Some(front) = &mut self.front {
            front.lead_to(port).await;
        }
    }
}

fn spawn(folder: &Path, authority: &Path) -> Program {
    Program::start(Path::new(env!("CARGO_BIN_EXE_reviewd")), |command| {
        command.args(["serve", "--config", "reviewd.toml"]).current_dir(folder);
        command.env("SSL_CERT_FILE", authority).env_remove("SSL_CERT_DIR").env("NO_COLOR", "1");
    })
}

/// The port of the first loopback address in a line of the log.
fn port_in(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("127.0.0.1:")?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

#[test]
fn the_port_is_read_from_the_log() {
    let line = "12:00:01 INFO  listening on http://127.0.0.1:40123/ as https://localhost:5000";
    assert_eq!(port_in(line), Some(40123));
    assert_eq!(port_in("listening on a socket"), None);
}
