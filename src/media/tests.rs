//! Pictures as people, cameras and attackers make them; all are drawn or spoiled here.

use image::{ImageBuffer, Rgb, Rgba, codecs::gif::GifEncoder, codecs::webp::WebPEncoder};

use super::*;

/// Red above, blue below.
fn flag(width: u32, height: u32) -> RgbImage {
    ImageBuffer::from_fn(width, height, |_, y| if y < height / 2 { Rgb([200, 30, 30]) } else { Rgb([30, 30, 200]) })
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn png(width: u32, height: u32) -> Vec<u8> {
    encoded(&flag(width, height).into(), ImageFormat::Png)
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    encoded(&flag(width, height).into(), ImageFormat::Jpeg)
}

/// A PNG whose head claims a size that its few bytes do not hold.
fn png_claiming(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut head = width.to_be_bytes().to_vec();
    head.extend(height.to_be_bytes());
    head.extend([8, 6, 0, 0, 0]);
    for (name, data) in [(b"IHDR", head), (b"IDAT", vec![0x78, 0x9C, 3, 0, 0, 0, 0, 1]), (b"IEND", vec![])] {
        file.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        let chunk = [name.as_slice(), &data].concat();
        file.extend(&chunk);
        file.extend(crc32(&chunk).to_be_bytes());
    }
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A JPEG with an EXIF segment right after its start mark: an orientation and the name of a camera.
fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let tiff: &[&[u8]] = &[
        b"Exif\0\0MM\0\x2A\0\0\0\x08\0\x02",
        &[0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0],
        &[0x01, 0x0F, 0, 2, 0, 0, 0, 12, 0, 0, 0, 38],
        b"\0\0\0\0SecretCam-1\0",
    ];
    let data = tiff.concat();
    let mut file = jpeg[..2].to_vec();
    file.extend([0xFF, 0xE1]);
    file.extend(u16::try_from(data.len() + 2).unwrap().to_be_bytes());
    file.extend(&data);
    file.extend(&jpeg[2..]);
    file
}

fn decoded(file: &[u8]) -> DynamicImage {
    image::load_from_memory(file).unwrap()
}

fn refused(bytes: &[u8]) -> String {
    prepare(bytes).unwrap_err().to_string()
}

#[test]
fn a_picture_is_made_in_two_sizes_that_keep_its_shape() {
    for (width, height, full, thumb) in [
        (640, 3_200, (320, 1_600), (320, 1_600)),
        (3_200, 640, (1_600, 320), (400, 80)),
        (500, 750, (500, 750), (400, 600)),
        (300, 500, (300, 500), (300, 500)),
        (1, 1, (1, 1), (1, 1)),
        (6_000, 1, (1_600, 1), (400, 1)),
    ] {
        let prepared = prepare(&jpeg(width, height)).unwrap();
        let picture = &prepared.picture;
        assert_eq!((picture.width, picture.height), full, "{width} × {height}");
        assert_eq!((picture.thumb_width, picture.thumb_height), thumb, "{width} × {height}");
        assert_eq!((decoded(&prepared.full).width(), decoded(&prepared.full).height()), full);
        assert_eq!((decoded(&prepared.thumb).width(), decoded(&prepared.thumb).height()), thumb);
    }
}

#[test]
fn every_format_is_read_and_opaque_pictures_become_jpeg() {
    let image: DynamicImage = flag(40, 60).into();
    let mut gif = Vec::new();
    GifEncoder::new(&mut gif).encode_frame(image::Frame::new(image.to_rgba8())).unwrap();
    let mut webp = Vec::new();
    WebPEncoder::new_lossless(&mut webp).encode(image.to_rgba8().as_raw(), 40, 60, ExtendedColorType::Rgba8).unwrap();
    let grey = encoded(&DynamicImage::ImageLuma16(image.to_luma16()), ImageFormat::Png);
    for file in [png(40, 60), jpeg(40, 60), gif, webp, grey] {
        let prepared = prepare(&file).unwrap();
        assert_eq!(prepared.picture.media_type, "image/jpeg");
        assert_eq!(image::guess_format(&prepared.full).unwrap(), ImageFormat::Jpeg);
        assert_eq!(image::guess_format(&prepared.thumb).unwrap(), ImageFormat::Jpeg);
        assert_eq!(prepared.picture.blurhash.len(), 28, "4 × 3 components");
    }
}

#[test]
fn what_shines_through_stays_transparent() {
    let ring = ImageBuffer::from_fn(500, 500, |x, y| {
        let far = (i64::from(x) - 250).pow(2) + (i64::from(y) - 250).pow(2) > 220_i64.pow(2);
        if far { Rgba([0, 0, 0, 0]) } else { Rgba([10, 120, 60, 255]) }
    });
    let prepared = prepare(&encoded(&DynamicImage::ImageRgba8(ring), ImageFormat::Png)).unwrap();
    assert_eq!(prepared.picture.media_type, "image/png");
    assert!(prepared.picture.file_name(crate::domain::picture::Size::Thumb).ends_with("-thumb.png"));
    let thumb = decoded(&prepared.thumb).to_rgba8();
    assert_eq!(thumb.get_pixel(0, 0).0[3], 0);
    assert_eq!(thumb.get_pixel(200, 200).0, [10, 120, 60, 255]);
}

#[test]
fn a_photograph_taken_sideways_stands_upright() {
    // Orientation 6 (TIFF 6.0, tag 274): the camera was turned, so the first row of the file is the right-hand side.
    let prepared = prepare(&with_exif(&jpeg(80, 40), 6)).unwrap();
    assert_eq!((prepared.picture.width, prepared.picture.height), (40, 80));
    let full = decoded(&prepared.full).to_rgb8();
    assert!(full.get_pixel(35, 40).0[0] > 150, "red is on the right");
    assert!(full.get_pixel(5, 40).0[2] > 150, "blue is on the left");
}

#[test]
fn nothing_but_pixels_is_kept_of_a_file() {
    let original = with_exif(&jpeg(80, 40), 1);
    assert!(original.windows(9).any(|w| w == b"SecretCam"));
    let prepared = prepare(&original).unwrap();
    for file in [prepared.full, prepared.thumb] {
        for trace in [b"SecretCam".as_slice(), b"Exif"] {
            assert!(!file.windows(trace.len()).any(|w| w == trace));
        }
    }
}

#[test]
fn the_same_file_gives_the_same_bytes_under_the_name_of_its_hash() {
    let file = jpeg(250, 350);
    let prepared = prepare(&file).unwrap();
    assert_eq!(prepared, prepare(&file).unwrap());
    assert_ne!(prepared.picture.key, prepare(&png(250, 350)).unwrap().picture.key);
    // `printf abc | sha256sum`
    assert_eq!(key(b"abc"), "ba7816bf8f01cfea414140de5dae2223");
}

#[test]
fn a_file_that_claims_too_much_is_refused_before_it_is_decoded() {
    assert_eq!(
        refused(&png_claiming(60_000, 60_000)),
        "the picture is 60,000 × 60,000 pixels; make it at most 12,000 on a side"
    );
    assert_eq!(
        refused(&png_claiming(12_000, 11_000)),
        "the picture is 12,000 × 11,000 pixels; make it at most 40 megapixels"
    );
    assert_eq!(refused(&vec![0; FILE_BYTES_MAX + 1]), "the picture file is 21 MB; make it at most 20 MB");
    let bomb = refused(&png_claiming(6_000, 6_000));
    assert!(bomb.starts_with("the picture"), "{bomb}");
}

#[test]
fn a_file_cut_short_is_refused() {
    for whole in [png(200, 300), jpeg(200, 300), with_exif(&jpeg(200, 300), 6)] {
        prepare(&whole).unwrap();
        for share in [2, 3] {
            let message = refused(&whole[..whole.len() - whole.len() / share]);
            assert!(message.starts_with("the picture ends before its last line"), "{message}");
        }
    }
}

#[test]
fn what_is_no_picture_is_refused_with_a_cure() {
    for bytes in [
        b"".as_slice(),
        b"Title: Never Let Me Go",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<?xml version='1.0'?><svg/>",
        b"%PDF-1.7",
        b"BM\0\0\0\0",
    ] {
        assert_eq!(refused(bytes), "the file is no picture in a form we read; save it as JPEG, PNG, GIF or WebP");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn no_spoiled_file_makes_it_panic(at in 0..600_usize, byte: u8, cut in 0..600_usize) {
        for mut file in [png(30, 20), with_exif(&jpeg(30, 20), 3)] {
            let at = at % file.len();
            file[at] = byte;
            let _ = prepare(&file);
            let _ = prepare(&file[..cut.min(file.len())]);
        }
    }
}
