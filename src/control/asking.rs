//! How a command asks the daemon.

use std::{path::Path, time::Duration};

use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{UnixStream, unix::OwnedReadHalf},
};

use super::{Answer, ControlError, QUESTION_BYTES_MAX, Question};

/// Asks the daemon; `None` when none is running there.
pub async fn ask<T: DeserializeOwned>(path: &Path, question: &Question) -> Result<Option<T>, ControlError> {
    Ok(put(path, question, question.patience()).await?.map(|(answer, _)| answer))
}

/// Asks, and hands back the line for what may come after the answer.
pub(super) async fn put<T: DeserializeOwned>(
    path: &Path,
    question: &Question,
    patience: Duration,
) -> Result<Option<(T, BufReader<OwnedReadHalf>)>, ControlError> {
    let failed = |source| ControlError::Talk { path: path.to_owned(), source };
    let stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(ControlError::Forbidden { path: path.to_owned() });
        }
        Err(error) => return Err(failed(error)),
    };
    let (reader, mut writer) = stream.into_split();
    let mut text = serde_json::to_string(question).map_err(|error| failed(error.into()))?;
    text.push('\n');
    if text.len() as u64 > QUESTION_BYTES_MAX {
        return Err(ControlError::TooLong { bytes: text.len() as u64 });
    }
    writer.write_all(text.as_bytes()).await.map_err(failed)?;
    let mut line = String::new();
    let mut reader = BufReader::new(reader);
    tokio::time::timeout(patience, reader.read_line(&mut line))
        .await
        .map_err(|_| ControlError::Silent { path: path.to_owned(), patience })?
        .map_err(failed)?;
    let strange = |error: serde_json::Error| ControlError::Strange { path: path.to_owned(), detail: error.to_string() };
    match serde_json::from_str(&line).map_err(strange)? {
        Answer::Done(value) => serde_json::from_value(value).map(|answer| Some((answer, reader))).map_err(strange),
        Answer::Refused(why) => Err(ControlError::Refused(why)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tokio::net::UnixListener;

    use super::*;

    #[tokio::test]
    async fn a_question_that_is_too_long_is_refused_before_it_is_asked() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("control.sock");
        let _daemon = UnixListener::bind(&path).unwrap();
        let names = vec!["n".repeat(1 << 16); 16];
        let refused = ask::<Value>(&path, &Question::Apply { names, quietly: false }).await.unwrap_err().to_string();
        assert!(refused.starts_with("that is too much at once (1048"), "{refused}");
        assert!(refused.ends_with("name fewer, and ask again for the rest"), "{refused}");
    }
}
