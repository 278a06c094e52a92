//! The Unix socket by which commands reach the running daemon: one JSON line asks, one JSON line answers.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    publish::{Plan, PublisherHandle, Survey},
    store::Store,
};

/// Longest question, in bytes: a few thousand names for `apply`.
const QUESTION_BYTES_MAX: u64 = 1 << 20;
/// How long a command waits for the daemon's answer: a whole reconcile of a large folder may come first.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// The group may use the socket too: the person who writes the reviews is in it.
const SOCKET_MODE: u32 = 0o660;

/// What a command asks of the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Question {
    Status,
    Plan,
    Apply { names: Vec<String> },
    Retract { name: String },
}

/// What the daemon answers: what was asked for, or why not.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Done(Value),
    Refused(String),
}

/// What `reviewd status` shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub origin: String,
    pub folders: Vec<Survey>,
}

/// Answers questions for the daemon.
pub struct Desk {
    pub publisher: PublisherHandle,
    pub store: Store,
    pub origin: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("open the control socket {path}: {source}; name another one in [control] socket")]
    Bind { path: PathBuf, source: std::io::Error },
    #[error("talk to the daemon through {path}: {source}")]
    Talk { path: PathBuf, source: std::io::Error },
    #[error("the daemon behind {path} did not answer within {} seconds; look at its log", ANSWER_TIMEOUT.as_secs())]
    Silent { path: PathBuf },
    #[error(
        "the daemon behind {path} answered what this reviewd does not understand ({detail}); both must be the same version"
    )]
    Strange { path: PathBuf, detail: String },
    #[error("{0}")]
    Refused(String),
}

/// Opens the socket, replacing one that a daemon left behind when it was killed (the data directory's lock says that none
/// is running).
pub fn bind(path: &Path) -> Result<UnixListener, ControlError> {
    let failed = |source| ControlError::Bind { path: path.to_owned(), source };
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE)).map_err(failed)?;
    Ok(listener)
}

/// Answers until told to stop.
pub async fn serve(listener: UnixListener, desk: std::sync::Arc<Desk>, tasks: TaskTracker, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let desk = std::sync::Arc::clone(&desk);
                    tasks.spawn(async move {
                        if let Err(error) = converse(stream, &desk).await {
                            tracing::debug!(%error, "a command went away: {error}");
                        }
                    });
                }
                Err(error) => tracing::warn!(%error, "the control socket could not take a command: {error}"),
            }
        }
    }
}

async fn converse(stream: UnixStream, desk: &Desk) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reader.take(QUESTION_BYTES_MAX)).read_line(&mut line).await?;
    let answer = match serde_json::from_str(&line) {
        Ok(question) => desk.answer(question).await,
        Err(error) => Answer::Refused(format!(
            "the daemon does not know this question ({error}): it may be older than this command"
        )),
    };
    let mut text = serde_json::to_string(&answer)?;
    text.push('\n');
    writer.write_all(text.as_bytes()).await?;
    writer.shutdown().await
}

impl Desk {
    /// Answers one question.
    pub async fn answer(&self, question: Question) -> Answer {
        let stopping = || Answer::Refused("the daemon is stopping; start it again".to_owned());
        match question {
            Question::Status => match self.publisher.survey().await {
                Some(folders) => done(&Status {
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    origin: self.origin.clone(),
                    folders,
                }),
                None => stopping(),
            },
            Question::Plan => self.publisher.plan().await.map_or_else(stopping, |plan: Plan| done(&plan)),
            Question::Apply { names } => self.publisher.apply(names).await.map_or_else(stopping, |plan| done(&plan)),
            Question::Retract { name } => match self.publisher.retract(name).await {
                Some(Ok(plan)) => done(&plan),
                Some(Err(error)) => Answer::Refused(error.to_string()),
                None => stopping(),
            },
        }
    }
}

fn done<T: Serialize>(value: &T) -> Answer {
    match serde_json::to_value(value) {
        Ok(value) => Answer::Done(value),
        Err(error) => Answer::Refused(error.to_string()),
    }
}

/// Asks the daemon; `None` when none is running there.
pub async fn ask<T: DeserializeOwned>(path: &Path, question: &Question) -> Result<Option<T>, ControlError> {
    let failed = |source| ControlError::Talk { path: path.to_owned(), source };
    let stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    let (reader, mut writer) = stream.into_split();
    let mut text = serde_json::to_string(question).map_err(|error| failed(error.into()))?;
    text.push('\n');
    writer.write_all(text.as_bytes()).await.map_err(failed)?;
    let mut line = String::new();
    let mut reader = BufReader::new(reader);
    tokio::time::timeout(ANSWER_TIMEOUT, reader.read_line(&mut line))
        .await
        .map_err(|_| ControlError::Silent { path: path.to_owned() })?
        .map_err(failed)?;
    let strange = |error: serde_json::Error| ControlError::Strange { path: path.to_owned(), detail: error.to_string() };
    match serde_json::from_str(&line).map_err(strange)? {
        Answer::Done(value) => serde_json::from_value(value).map(Some).map_err(strange),
        Answer::Refused(why) => Err(ControlError::Refused(why)),
    }
}
