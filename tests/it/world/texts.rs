//! Reviews and pictures to put into folders.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

/// A review of a book by these words.
pub fn review(title: &str, words: &str) -> String {
    review_with(title, words, &[])
}

/// A review with further lines in its metadata.
pub fn review_with(title: &str, words: &str, metadata: &[&str]) -> String {
    let more: String = metadata.iter().map(|line| format!("{line}\n")).collect();
    format!("---\ntitle: {title}\nauthor: Ada Writer\n{more}---\n\n{words}\n")
}

/// A JPEG of one colour.
pub fn picture(colour: [u8; 3]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_pixel(60, 90, image::Rgb(colour)).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// A PNG of a few bytes that claims to be 50,000 × 50,000 pixels.
pub fn image_bomb() -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::new(1, 1).write_to(&mut bytes, ImageFormat::Png).unwrap();
    let mut bytes = bytes.into_inner();
    // Width and height stand at 16 and 20 of the file, the chunk's checksum at 29 (PNG, third edition, section 11.2.1).
    bytes[16..24].copy_from_slice(&[0, 0, 0xC3, 0x50, 0, 0, 0xC3, 0x50]);
    let sum = checksum(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// CRC-32 as PNG wants it.
fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    sum.sum()
}
