//! Until when a certificate is valid: the two dates inside its DER, and nothing else of it. Pure.
//!
//! Chain and name are judged by the TLS library at the connection; it does not tell the dates, and a whole X.509 library
//! for two of them would be too much.

use jiff::{SignedDuration, Timestamp, civil::date, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// From when until when a certificate is valid (RFC 5280 section 4.1.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

impl Validity {
    pub fn lifetime(&self) -> SignedDuration {
        self.not_after.duration_since(self.not_before)
    }

    /// Reads the dates of a certificate in DER; `None` where it is none.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (certificate, _) = element(der, SEQUENCE)?;
        let (mut tbs, _) = element(certificate, SEQUENCE)?;
        if tbs.first() == Some(&VERSION) {
            tbs = any(tbs)?.2;
        }
        // The serial number, the algorithm, and the issuer come before the dates.
        for _ in 0..3 {
            tbs = any(tbs)?.2;
        }
        let (dates, _) = element(tbs, SEQUENCE)?;
        let (tag, before, rest) = any(dates)?;
        let not_before = time(tag, before)?;
        let (tag, after, _) = any(rest)?;
        Some(Self { not_before, not_after: time(tag, after)? })
    }
}

/// The content of the element that begins here, if it has this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = any(der)?;
    (found == tag).then_some((content, rest))
}

/// Tag, content, and what follows (X.690 section 8.1).
fn any(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ`, years from 1950 to 2049, or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i16 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    if rest.len() != 10 || !rest.bytes().all(|byte| byte.is_ascii_digit()) || !(0..=9999).contains(&year) {
        return None;
    }
    let two = |at: usize| rest.get(at..at + 2).and_then(|digits| digits.parse::<i8>().ok());
    let (month, day, hour, minute, second) = (two(0)?, two(2)?, two(4)?, two(6)?, two(8)?);
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    if !valid {
        return None;
    }
    let first = date(year, month, 1);
    if day > first.days_in_month() {
        return None;
    }
    let moment = date(year, month, day).at(hour, minute, second, 0);
    Some(moment.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn the_dates_of_a_certificate_are_read() {
        for (before, after) in [((2026, 11, 1), (2027, 1, 30)), ((1999, 12, 31), (2050, 1, 1))] {
            let mut params = CertificateParams::new(vec!["books.example".to_owned()]).unwrap();
            params.not_before = date_time_ymd(before.0, before.1, before.2);
            params.not_after = date_time_ymd(after.0, after.1, after.2);
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            let validity = Validity::read(certificate.der()).unwrap();
            let text = |(year, month, day): (i32, u8, u8)| format!("{year}-{month:02}-{day:02}T00:00:00Z");
            assert_eq!(validity.not_before.to_string(), text(before));
            assert_eq!(validity.not_after.to_string(), text(after));
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(der in proptest::collection::vec(0_u8..=255, 0..200)) {
            let _ = Validity::read(&der);
        }

        #[test]
        fn no_date_makes_it_panic(text in "[0-9]{12,14}Z") {
            let _ = (time(UTC_TIME, text.as_bytes()), time(GENERALIZED_TIME, text.as_bytes()));
        }
    }
}
