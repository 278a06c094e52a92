//! Pictures: decoded with limits, stripped of metadata, re-encoded in two sizes, blurhashed.

use std::{
    fmt::Write,
    io::{self, Cursor},
};

use aws_lc_rs::digest;
use fast_image_resize::{
    PixelType, Resizer,
    images::{Image, ImageRef},
};
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader, Limits,
    RgbImage, RgbaImage,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
    metadata::Orientation,
};

use crate::domain::Picture;

/// The largest file that is looked into, in bytes: what a camera writes, and no more.
pub const FILE_BYTES_MAX: usize = 20 << 20;
/// The longest side that is decoded, in pixels.
pub const SIDE_MAX: u32 = 12_000;
/// The most pixels that are decoded: a 40 megapixel photograph.
pub const PIXELS_MAX: u64 = 40_000_000;
/// The most memory that the pixels of a decoded picture take, in bytes: 40 megapixels of four channels, and room to work.
const DECODED_BYTES_MAX: u64 = 256 << 20;

/// The longer side of the full size, in pixels: a phone's or tablet's width at its resolution.
const FULL_SIDE: u32 = 1_600;
/// The width of the thumbnail, in pixels: twice the 200 CSS pixels at which lists show it.
const THUMB_WIDTH: u32 = 400;
/// No artefacts to be seen at half the size of 95.
const JPEG_QUALITY: u8 = 85;

/// The side of a portrait, in pixels: twice the 48 CSS pixels at which the conversation shows it.
const PORTRAIT_SIDE: u32 = 96;
/// The most pixels of a stranger's picture that are decoded: nobody needs more for a face.
const PORTRAIT_PIXELS_MAX: u64 = 16_000_000;

/// Components of a blurhash (<https://blurha.sh>): Mastodon drops more than five.
const BLURHASH_COMPONENTS: (u32, u32) = (4, 3);
/// A blurhash of twelve components sees no difference in more than this width, in pixels.
const BLURHASH_WIDTH: u32 = 64;

/// Bytes of the SHA-256 that name a picture.
const KEY_BYTES: usize = 16;

/// A picture ready to be kept and served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    pub picture: Picture,
    /// The file of [`crate::domain::picture::Size::Full`].
    pub full: Vec<u8>,
    /// The file of [`crate::domain::picture::Size::Thumb`].
    pub thumb: Vec<u8>,
}

/// A face as the conversation shows it: square, and a few kilobytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portrait {
    /// Lower-case hex of the first 16 bytes of the SHA-256 of the file that is served.
    pub key: String,
    /// `image/jpeg`, or `image/png` where something shines through.
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

/// Why a picture is not shown, and what helps.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("the picture file is {} MB; make it at most {} MB", .bytes.div_ceil(1 << 20), FILE_BYTES_MAX >> 20)]
    FileTooLarge { bytes: usize },
    #[error("the file is no picture in a form we read; save it as JPEG, PNG, GIF or WebP")]
    UnknownFormat,
    #[error(
        "the picture is {} × {} pixels; make it at most {} on a side",
        grouped((*.width).into()), grouped((*.height).into()), grouped(SIDE_MAX.into())
    )]
    SideTooLong { width: u32, height: u32 },
    #[error(
        "the picture is {} × {} pixels; make it at most {} megapixels",
        grouped((*.width).into()), grouped((*.height).into()), pixels_max / 1_000_000
    )]
    TooManyPixels { width: u32, height: u32, pixels_max: u64 },
    #[error("the picture needs more than {} MB to be decoded; save it with 8 bits a channel", DECODED_BYTES_MAX >> 20)]
    TooDeep,
    #[error("the picture ends before its last line; copy the file again")]
    Truncated,
    #[error("the picture cannot be decoded: {0}; open it in a picture program and save it again")]
    Broken(String),
    #[error("the picture cannot be written in our sizes: {0}; save it in another format")]
    Unwritable(String),
}

/// Decodes a JPEG, PNG, GIF or WebP picture and makes the two sizes we serve, upright and without metadata.
///
/// Heavy work for the processor, up to a second: run it where blocking is allowed. The same bytes give the same result.
///
/// # Errors
/// The sizes a file claims are checked before anything is decoded; see [`Refused`].
pub fn prepare(bytes: &[u8]) -> Result<Prepared, Refused> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(Refused::FileTooLarge { bytes: bytes.len() });
    }
    let format = known_format(bytes)?;
    if format == ImageFormat::Jpeg && !jpeg_is_whole(bytes) {
        return Err(Refused::Truncated);
    }
    let (raster, orientation) = decode(bytes, format, PIXELS_MAX)?;

    // Shrunk before it is turned: turning forty megapixels costs more than all the rest.
    let full = raster.within(FULL_SIDE, FULL_SIDE)?.turned(orientation);
    let thumb = full.within(THUMB_WIDTH, u32::MAX)?;
    let picture = Picture {
        key: key(bytes),
        media_type: full.media_type().to_owned(),
        width: full.width,
        height: full.height,
        thumb_width: thumb.width,
        thumb_height: thumb.height,
        blurhash: thumb.blurhash()?,
    };
    Ok(Prepared { picture, full: full.encoded()?, thumb: thumb.encoded()? })
}

/// Decodes a picture that a stranger shows of themselves and cuts a small square from its middle.
///
/// Heavy work for the processor: run it where blocking is allowed. Of a moving picture the first frame counts.
///
/// # Errors
/// As [`prepare`], and earlier: a face of more than 16 megapixels is a bomb.
pub fn portrait(bytes: &[u8]) -> Result<Portrait, Refused> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(Refused::FileTooLarge { bytes: bytes.len() });
    }
    let (raster, orientation) = decode(bytes, known_format(bytes)?, PORTRAIT_PIXELS_MAX)?;
    let face = raster.square().within(PORTRAIT_SIDE, PORTRAIT_SIDE)?.turned(orientation);
    let file = face.encoded()?;
    Ok(Portrait { key: key(&file), media_type: face.media_type(), bytes: file })
}

/// Eight bits a channel, in rows from the top: RGBA where something shines through, else RGB.
struct Raster {
    width: u32,
    height: u32,
    transparent: bool,
    pixels: Vec<u8>,
}

impl Raster {
    /// A transparency channel in which nothing is transparent is dropped.
    fn from_image(image: DynamicImage) -> Self {
        let (width, height) = (image.width(), image.height());
        if image.color().has_alpha() {
            let rgba = image.into_rgba8();
            if rgba.pixels().any(|pixel| pixel.0[3] < u8::MAX) {
                return Self { width, height, transparent: true, pixels: rgba.into_raw() };
            }
            let pixels = DynamicImage::ImageRgba8(rgba).into_rgb8().into_raw();
            return Self { width, height, transparent: false, pixels };
        }
        Self { width, height, transparent: false, pixels: image.into_rgb8().into_raw() }
    }

    /// The same picture no larger than a box; never enlarged.
    fn within(&self, width_max: u32, height_max: u32) -> Result<Self, Refused> {
        let scale = (f64::from(width_max) / f64::from(self.width)).min(f64::from(height_max) / f64::from(self.height));
        let (width, height) = if scale < 1.0 {
            let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
            (side(self.width), side(self.height))
        } else {
            (self.width, self.height)
        };
        let pixels = match (width, height) == (self.width, self.height) {
            true => self.pixels.clone(),
            false => self.resized(width, height).map_err(Refused::Unwritable)?,
        };
        Ok(Self { width, height, transparent: self.transparent, pixels })
    }

    /// The largest square in the middle.
    fn square(&self) -> Self {
        let side = self.width.min(self.height);
        let bytes = if self.transparent { 4 } else { 3 };
        let (left, top) = ((self.width - side) / 2, (self.height - side) / 2);
        let rows = self.pixels.chunks_exact(self.width as usize * bytes).skip(top as usize).take(side as usize);
        let within = left as usize * bytes..(left + side) as usize * bytes;
        let pixels = rows.flat_map(|row| &row[within.clone()]).copied().collect();
        Self { width: side, height: side, transparent: self.transparent, pixels }
    }

    fn resized(&self, width: u32, height: u32) -> Result<Vec<u8>, String> {
        let kind = if self.transparent { PixelType::U8x4 } else { PixelType::U8x3 };
        let source = ImageRef::new(self.width, self.height, &self.pixels, kind).map_err(|e| e.to_string())?;
        let mut target = Image::new(width, height, kind);
        Resizer::new().resize(&source, &mut target, None).map_err(|e| e.to_string())?;
        Ok(target.into_vec())
    }

    /// Upright, as the camera's EXIF note wants it.
    fn turned(self, orientation: Orientation) -> Self {
        let Self { width, height, transparent, pixels } = self;
        let image = if transparent {
            RgbaImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8)
        } else {
            RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
        };
        // `None` only where the pixels did not fill the picture, which a raster never lets happen.
        let mut image = image.unwrap_or_default();
        image.apply_orientation(orientation);
        Self { width: image.width(), height: image.height(), transparent, pixels: image.into_bytes() }
    }

    fn media_type(&self) -> &'static str {
        if self.transparent { "image/png" } else { "image/jpeg" }
    }

    fn encoded(&self) -> Result<Vec<u8>, Refused> {
        let mut file = Vec::new();
        let written = if self.transparent {
            PngEncoder::new(&mut file).write_image(&self.pixels, self.width, self.height, ExtendedColorType::Rgba8)
        } else {
            let encoder = JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY);
            encoder.write_image(&self.pixels, self.width, self.height, ExtendedColorType::Rgb8)
        };
        written.map_err(|error| Refused::Unwritable(error.to_string()))?;
        Ok(file)
    }

    fn blurhash(&self) -> Result<String, Refused> {
        let small = self.within(BLURHASH_WIDTH, BLURHASH_WIDTH)?;
        let rgba: Vec<u8> = if small.transparent {
            small.pixels
        } else {
            small.pixels.chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], u8::MAX]).collect()
        };
        let (across, down) = BLURHASH_COMPONENTS;
        blurhash::encode(across, down, small.width, small.height, &rgba)
            .map_err(|error| Refused::Unwritable(error.to_string()))
    }
}

fn known_format(bytes: &[u8]) -> Result<ImageFormat, Refused> {
    match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::Gif | ImageFormat::WebP)) => Ok(format),
        _ => Err(Refused::UnknownFormat),
    }
}

/// Reads the head first: nothing is decoded before the claimed size is known to be bearable.
fn decode(bytes: &[u8], format: ImageFormat, pixels_max: u64) -> Result<(Raster, Orientation), Refused> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(refusal)?;

    let (width, height) = decoder.dimensions();
    if width > SIDE_MAX || height > SIDE_MAX {
        return Err(Refused::SideTooLong { width, height });
    }
    if u64::from(width) * u64::from(height) > pixels_max {
        return Err(Refused::TooManyPixels { width, height, pixels_max });
    }
    if decoder.total_bytes() > DECODED_BYTES_MAX {
        return Err(Refused::TooDeep);
    }
    // A broken note on orientation is no reason to lose the picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(refusal)?;
    if image.width() == 0 || image.height() == 0 {
        return Err(Refused::Broken("it has no pixels".to_owned()));
    }
    Ok((Raster::from_image(image), orientation))
}

fn refusal(error: ImageError) -> Refused {
    match error {
        ImageError::Limits(_) => Refused::TooDeep,
        ImageError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => Refused::Truncated,
        other => Refused::Broken(other.to_string()),
    }
}

/// Whether a JPEG's end mark follows its first scan: the decoder paints what is missing grey and calls that a success.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xDA;
    const END_OF_IMAGE: [u8; 2] = [0xFF, 0xD9];
    // ITU-T T.81 B.1.1: two bytes of start mark, then segments of a mark and their own length. A thumbnail in a segment
    // has marks of its own, so segments are stepped over whole.
    let mut at = 2;
    while let Some([0xFF, mark, high, low]) = bytes.get(at..at + 4) {
        if *mark == 0xFF {
            at += 1; // padding before a mark
            continue;
        }
        at += 2 + usize::from(u16::from_be_bytes([*high, *low]));
        if *mark == START_OF_SCAN {
            return bytes.get(at..).is_some_and(|scan| scan.windows(2).any(|pair| pair == END_OF_IMAGE));
        }
    }
    false
}

fn key(bytes: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, bytes);
    hash.as_ref().iter().take(KEY_BYTES).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// `60,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
