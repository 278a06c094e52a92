//! A backup or an export through the socket: one JSON line asks, one JSON line says how long it is, and then it comes.
//!
//! The service may write nowhere but in its own directory, and the person who asks may not read there.

use std::{path::Path, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt},
    net::unix::OwnedWriteHalf,
};

use super::{
    Answer, ControlError, Desk, Question,
    asking::put,
    done,
    listening::{PIECE_BYTES, hand_over, say},
};
use crate::export::Wish;

/// How long a daemon may take to make it: a copy of the database and of every picture, or every page of the site.
const PACKING_TIMEOUT: Duration = Duration::from_secs(3600);

/// What is about to come.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Coming {
    bytes: u64,
    /// In an export.
    #[serde(default)]
    reviews: u64,
}

/// An export that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Came {
    pub bytes: u64,
    pub reviews: u64,
}

impl Desk {
    /// Packs and sends; what goes wrong before the first byte is an answer, afterwards the line ends early.
    pub(super) async fn send_backup(&self, with_reviews: bool, writer: &mut OwnedWriteHalf) -> std::io::Result<()> {
        let packed = match self.source.pack(&self.store, self.clock.now(), with_reviews, false).await {
            Ok(packed) => packed,
            Err(error) => {
                tracing::error!(%error, "a backup could not be made: {error}");
                return say(&Answer::Refused(error.to_string()), writer).await;
            }
        };
        say(&done(&Coming { bytes: packed.bytes, reviews: 0 }), writer).await?;
        carry(File::open(&packed.file).await?, writer).await?;
        tracing::info!(bytes = packed.bytes, "a backup of {} bytes was made", packed.bytes);
        Ok(())
    }

    /// The same with an export.
    pub(super) async fn send_export(&self, wish: &Wish, writer: &mut OwnedWriteHalf) -> std::io::Result<()> {
        let exported = match self.exporter.export(wish, &self.source.data).await {
            Ok(exported) => exported,
            Err(error) => {
                tracing::warn!(%error, "an export could not be made: {error}");
                return say(&Answer::Refused(error.to_string()), writer).await;
            }
        };
        let file = File::from_std(exported.file.reopen()?);
        let bytes = file.metadata().await?.len();
        say(&done(&Coming { bytes, reviews: exported.reviews }), writer).await?;
        carry(file, writer).await?;
        tracing::info!(bytes, "an export of {} reviews was made", exported.reviews);
        Ok(())
    }
}

/// Carries a whole file over, for as long as it is taken.
async fn carry(mut file: File, writer: &mut OwnedWriteHalf) -> std::io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut piece).await? {
            0 => return Ok(()),
            read => hand_over(&piece[..read], writer).await?,
        }
    }
}

/// Has the daemon make a backup and writes it to a file; `None` when none is running there.
pub async fn backup(path: &Path, with_reviews: bool, into: &mut File) -> Result<Option<u64>, ControlError> {
    let came = download(path, &Question::Backup { with_reviews }, into).await?;
    Ok(came.map(|came| came.bytes))
}

/// Has the daemon make an export and writes it to a file; `None` when none is running there.
pub async fn export(path: &Path, wish: &Wish, into: &mut File) -> Result<Option<Came>, ControlError> {
    download(path, &Question::Export { wish: wish.clone() }, into).await
}

async fn download(path: &Path, question: &Question, into: &mut File) -> Result<Option<Came>, ControlError> {
    let Some((coming, reader)) = put::<Coming>(path, question, PACKING_TIMEOUT).await? else {
        return Ok(None);
    };
    let failed = |source| ControlError::Talk { path: path.to_owned(), source };
    let came = tokio::io::copy(&mut reader.take(coming.bytes), into).await.map_err(failed)?;
    into.flush().await.map_err(failed)?;
    if came == coming.bytes {
        return Ok(Some(Came { bytes: came, reviews: coming.reviews }));
    }
    let detail = format!("{came} bytes of {} came; look at its log", coming.bytes);
    Err(ControlError::Strange { path: path.to_owned(), detail })
}
