//! The daemon's end of the socket: opened where nobody is, and a command that stands still holds nobody up.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::Path,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream, unix::OwnedWriteHalf},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Answer, ControlError, Desk, QUESTION_BYTES_MAX, Question};

/// How long the daemon waits for a command to go on asking, or to go on reading.
const COMMAND_PATIENCE: Duration = Duration::from_secs(60);
/// Bytes written at once.
pub(super) const PIECE_BYTES: usize = 64 << 10;
/// After a command could not be let in.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);
/// The group may use the socket too: the person who writes the reviews is in it.
const SOCKET_MODE: u32 = 0o660;

/// Opens the socket, replacing one that a daemon left behind when it was killed. What is no socket is somebody's file, and
/// one that is listened on is another daemon's, with data of its own.
pub fn bind(path: &Path) -> Result<UnixListener, ControlError> {
    let failed = |source| ControlError::Bind { path: path.to_owned(), source };
    let taken = |why: &str| failed(io::Error::new(ErrorKind::AddrInUse, why));
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => return Err(taken("something else lies there")),
        Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => return Err(taken("another reviewd answers there")),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(failed)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE)).map_err(failed)?;
    Ok(listener)
}

/// Answers until told to stop.
pub async fn serve(listener: UnixListener, desk: Arc<Desk>, tasks: TaskTracker, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let (desk, stop) = (Arc::clone(&desk), stop.clone());
                    tasks.spawn(async move {
                        if let Err(error) = converse(stream, &desk, &stop).await {
                            tracing::debug!(%error, "a command went away: {error}");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the control socket could not take a command: {error}");
                    // No descriptor is free: the next try would end the same way, and again.
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }
}

async fn converse(stream: UnixStream, desk: &Desk, stop: &CancellationToken) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut question = BufReader::new(reader.take(QUESTION_BYTES_MAX));
    tokio::select! {
        // Who has not asked yet gets no answer any more, and holds up no stop.
        () = stop.cancelled() => return Ok(()),
        read = patiently(question.read_line(&mut line)) => read?,
    };
    let answer = match serde_json::from_str(&line) {
        Ok(Question::Backup { with_reviews }) => {
            desk.send_backup(with_reviews, &mut writer).await?;
            return writer.shutdown().await;
        }
        Ok(Question::Export { wish }) => {
            desk.send_export(&wish, &mut writer).await?;
            return writer.shutdown().await;
        }
        Ok(question) => desk.answer(question).await,
        Err(_) if line.len() as u64 >= QUESTION_BYTES_MAX => {
            Answer::Refused(format!("the question is longer than {QUESTION_BYTES_MAX} bytes; ask in parts"))
        }
        Err(error) => Answer::Refused(format!(
            "the daemon does not know this question ({error}): it may be older than this command"
        )),
    };
    say(&answer, &mut writer).await?;
    writer.shutdown().await
}

pub(super) async fn say(answer: &Answer, writer: &mut OwnedWriteHalf) -> io::Result<()> {
    let mut text = serde_json::to_string(answer)?;
    text.push('\n');
    hand_over(text.as_bytes(), writer).await
}

/// Writes in pieces, each of which must be taken in time: a command that does not read is not waited for.
pub(super) async fn hand_over(bytes: &[u8], writer: &mut OwnedWriteHalf) -> io::Result<()> {
    for piece in bytes.chunks(PIECE_BYTES) {
        patiently(writer.write_all(piece)).await?;
    }
    Ok(())
}

async fn patiently<T>(io: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(COMMAND_PATIENCE, io).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}
