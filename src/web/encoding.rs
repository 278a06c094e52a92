//! Which content coding a client wants (RFC 9110 section 12.5.3), and making it.

use std::io::Write;

use axum::body::Bytes;
use axum::http::{HeaderMap, header::ACCEPT_ENCODING};

/// gzip at its best and slowest: 2.8 ms for a feed of 60 kB on the machine it was measured on.
const GZIP_LEVEL: u32 = 9;

/// 3.6 ms for the same feed. Level 11 takes eighty times as long for a tenth less.
const BROTLI_LEVEL: u32 = 5;

/// Binary logarithm of brotli's window, in bytes: 4 MB, its usual one.
const BROTLI_WINDOW: u32 = 22;

/// About as small as brotli's 5; its window stays under the 8 MB that clients must take (RFC 9659).
const ZSTD_LEVEL: i32 = 9;

/// What is kept for ever is worth some milliseconds.
const PACK_LEVEL: i32 = 15;

/// Longest packed document, in bytes: one review may be alone in it and long.
const UNPACKED_BYTES_MAX: usize = 64 << 20;

/// Quality in thousandths where none is written.
const QUALITY_FULL: u16 = 1000;

/// A way to put a document into fewer bytes, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Brotli,
    Zstd,
    Gzip,
    Identity,
}

/// What the client said of each coding, in thousandths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Wishes {
    brotli: Option<u16>,
    zstd: Option<u16>,
    gzip: Option<u16>,
    identity: Option<u16>,
    /// `*`: every coding not named.
    others: Option<u16>,
}

impl Coding {
    /// Ours to choose among equals: the smallest first.
    pub const ALL: [Self; 4] = [Self::Brotli, Self::Zstd, Self::Gzip, Self::Identity];

    /// The value of `Content-Encoding`; `None` for the document as it is.
    pub fn token(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// What tells the entity tags of one document apart: a strong tag names these very bytes (RFC 9110 section 8.8.3.3).
    pub fn tag_suffix(self) -> &'static str {
        match self {
            Self::Brotli => "-br",
            Self::Zstd => "-zst",
            Self::Gzip => "-gz",
            Self::Identity => "",
        }
    }

    /// The coded document; `None` where coding does not make it smaller.
    pub fn encode(self, document: &Bytes) -> Option<Bytes> {
        let coded = match self {
            Self::Brotli => brotli(document),
            Self::Zstd => zstd::bulk::compress(document, ZSTD_LEVEL).ok(),
            Self::Gzip => gzip(document),
            Self::Identity => return Some(document.clone()),
        }?;
        (coded.len() < document.len()).then(|| Bytes::from(coded))
    }
}

/// Compresses what is kept in the store.
pub fn pack(document: &[u8]) -> std::io::Result<Vec<u8>> {
    zstd::bulk::compress(document, PACK_LEVEL)
}

/// Gives back what [`pack`] was given; `None` for damaged bytes.
pub fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    zstd::bulk::decompress(packed, UNPACKED_BYTES_MAX).ok()
}

/// The coding to send, of those there are; `None` where the client excludes them all.
///
/// A request without the header gets the document as it is: it may be answered in any coding, but not everyone who omits
/// the header can decode. `*` stands for gzip alone, for the same reason.
pub fn choose(headers: &HeaderMap, available: impl Fn(Coding) -> bool) -> Option<Coding> {
    let wishes = Wishes::of(headers);
    let mut best: Option<(u16, Coding)> = None;
    for coding in Coding::ALL {
        let quality = wishes.quality(coding);
        if quality > best.map_or(0, |(quality, _)| quality) && available(coding) {
            best = Some((quality, coding));
        }
    }
    match best {
        Some((_, coding)) => Some(coding),
        None => wishes.tolerates_identity().then_some(Coding::Identity),
    }
}

impl Wishes {
    fn of(headers: &HeaderMap) -> Self {
        let mut wishes = Self::default();
        // Bytes outside ASCII belong to no coding we know.
        for line in headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok()) {
            line.split(',').for_each(|member| wishes.note(member));
        }
        wishes
    }

    /// Notes one member of the list, such as `gzip;q=0.5`; one that is malformed says nothing.
    fn note(&mut self, member: &str) {
        let (token, weight) = member.split_once(';').map_or((member, None), |(token, rest)| (token, Some(rest)));
        let Some(quality) = weight.map_or(Some(QUALITY_FULL), quality) else { return };
        let is = |name: &str| token.trim().eq_ignore_ascii_case(name);
        let wish = if is("br") {
            &mut self.brotli
        } else if is("zstd") {
            &mut self.zstd
        } else if is("gzip") || is("x-gzip") {
            &mut self.gzip
        } else if is("identity") {
            &mut self.identity
        } else if is("*") {
            &mut self.others
        } else {
            return;
        };
        *wish = Some(quality);
    }

    /// How much the client asks for a coding; nothing for one it did not mention.
    fn quality(&self, coding: Coding) -> u16 {
        match coding {
            Coding::Brotli => self.brotli,
            Coding::Zstd => self.zstd,
            Coding::Gzip => self.gzip.or(self.others),
            Coding::Identity => self.identity.or(self.others),
        }
        .unwrap_or(0)
    }

    /// The document as it is may be sent unless it is excluded by `identity;q=0`, or by `*;q=0` alone.
    fn tolerates_identity(&self) -> bool {
        self.identity.or(self.others) != Some(0)
    }
}

/// `q=0.5` → 500: at most three digits after the point (RFC 9110 section 12.4.2).
pub fn quality(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    if fraction.len() > 3 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let thousandths = thousandths_of(fraction);
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(QUALITY_FULL),
        _ => None,
    }
}

/// `5` → 500, `05` → 50, nothing → 0.
fn thousandths_of(fraction: &str) -> u16 {
    let digits = fraction.bytes().map(|digit| u16::from(digit - b'0'));
    digits.zip([100, 10, 1]).map(|(digit, worth)| digit * worth).sum()
}

fn gzip(document: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL));
    encoder.write_all(document).ok()?;
    encoder.finish().ok()
}

fn brotli(document: &[u8]) -> Option<Vec<u8>> {
    let mut coded = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut coded, 4096, BROTLI_LEVEL, BROTLI_WINDOW);
    encoder.write_all(document).ok()?;
    encoder.flush().ok()?;
    drop(encoder);
    Some(coded)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn check(lines: &[&str], expected: Option<Coding>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_str(line).unwrap());
        }
        assert_eq!(choose(&headers, |_| true), expected, "{lines:?}");
    }

    #[test]
    fn the_coding_is_the_one_the_client_likes_best_and_ours_among_equals() {
        use Coding::{Brotli, Gzip, Identity, Zstd};
        for (lines, expected) in [
            (&[][..], Some(Identity)),
            (&[""], Some(Identity)),
            (&["gzip"], Some(Gzip)),
            (&["x-gzip"], Some(Gzip)),
            (&["GZIP;Q=0.5"], Some(Gzip)),
            (&["gzip, deflate, br, zstd"], Some(Brotli)),
            (&["gzip", "zstd"], Some(Zstd)),
            (&["br;q=0.5, gzip;q=0.8"], Some(Gzip)),
            (&["br;q=0.001 , gzip ; q=0.002"], Some(Gzip)),
            (&["identity;q=1, gzip;q=0.5"], Some(Identity)),
            (&["identity, gzip"], Some(Gzip)),
            (&["gzip;q=0"], Some(Identity)),
            (&["deflate"], Some(Identity)),
            (&["*"], Some(Gzip)),
            (&["*;q=0.1"], Some(Gzip)),
            (&["gzip;q=0, *"], Some(Identity)),
            (&["identity;q=0, *"], Some(Gzip)),
            (&["identity;q=0, br;q=0.1"], Some(Brotli)),
            (&["*;q=0"], None),
            (&["identity;q=0"], None),
            (&["*;q=0, identity"], Some(Identity)),
            (&["identity;q=0, gzip;q=0, br;q=0, zstd;q=0"], None),
            (&["gzip;q=1.5"], Some(Identity)),
            (&["gzip;q=0.1234"], Some(Identity)),
            (&["gzip;q=-1, br;q=x, ,;;q=1"], Some(Identity)),
            (&["brotli, gz"], Some(Identity)),
        ] {
            check(lines, expected);
        }
    }

    #[test]
    fn what_there_is_not_is_never_chosen() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("br, gzip;q=0.5"));
        assert_eq!(choose(&headers, |coding| coding == Coding::Gzip), Some(Coding::Gzip));
        assert_eq!(choose(&headers, |_| false), Some(Coding::Identity));
    }

    #[test]
    fn a_document_that_does_not_shrink_has_no_coded_form() {
        let text = Bytes::from("reviews ".repeat(200));
        let noise: Bytes = (0..600_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for coding in [Coding::Brotli, Coding::Zstd, Coding::Gzip] {
            assert!(coding.encode(&text).unwrap().len() < text.len(), "{coding:?}");
            assert_eq!(coding.encode(&coding.encode(&noise).unwrap_or(noise.clone())), None, "{coding:?}");
        }
    }

    fn weight() -> impl Strategy<Value = (String, u16)> {
        (0_u16..=1000).prop_map(|q| (format!("{}.{:03}", q / 1000, q % 1000), q))
    }

    proptest! {
        #[test]
        fn any_bytes_choose_a_coding_or_none(bytes in proptest::collection::vec(0x20_u8..0x7F, 0..60)) {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_bytes(&bytes).unwrap());
            let _ = choose(&headers, |_| true);
        }

        #[test]
        fn every_weight_reads_back((text, q) in weight()) {
            prop_assert_eq!(quality(&format!("q={text}")), Some(q));
        }

        #[test]
        fn nothing_refused_is_sent_and_nothing_liked_better_is_passed_over(
            br in weight(), zstd in weight(), gzip in weight(), identity in weight(),
        ) {
            let named = [(Coding::Brotli, "br", br), (Coding::Zstd, "zstd", zstd), (Coding::Gzip, "gzip", gzip),
                (Coding::Identity, "identity", identity)];
            let line = named.iter().map(|(_, name, (q, _))| format!("{name};q={q}")).collect::<Vec<_>>().join(", ");
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_str(&line).unwrap());
            let best = named.iter().map(|(_, _, (_, q))| *q).max().unwrap();
            match choose(&headers, |_| true) {
                Some(coding) => {
                    let (_, _, (_, q)) = named.iter().find(|(named, _, _)| *named == coding).unwrap();
                    prop_assert!(*q == best && best > 0, "{} {:?}", line, coding);
                }
                None => prop_assert_eq!(best, 0),
            }
        }
    }
}
