//! A picture as we serve it: decoded, stripped of metadata, re-encoded and named by its content.

use serde::{Deserialize, Serialize};

/// A picture kept in the store under its key, in two sizes. The address never changes because the key is the content's hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Lower-case hex of the first 16 bytes of the SHA-256 of the original file.
    pub key: String,
    /// `image/jpeg` or `image/png`, of both sizes.
    pub media_type: String,
    pub width: u32,
    pub height: u32,
    pub thumb_width: u32,
    pub thumb_height: u32,
    /// <https://blurha.sh>, 4×3 components.
    pub blurhash: String,
}

/// Which size of a picture is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Size {
    /// At most 1,600 pixels on the longer side.
    Full,
    /// At most 400 pixels wide.
    Thumb,
}

impl Picture {
    /// The file name under `/media/`.
    pub fn file_name(&self, size: Size) -> String {
        let extension = if self.media_type == "image/png" { "png" } else { "jpg" };
        match size {
            Size::Full => format!("{}.{extension}", self.key),
            Size::Thumb => format!("{}-thumb.{extension}", self.key),
        }
    }
}
