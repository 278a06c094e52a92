//! A date as precise as its writer made it.

use std::fmt;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A date given to the month, the day or the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// `2020-09`; the day of the date is 1 and means nothing.
    Month(Date),
    Day(Date),
    Instant(Timestamp),
}

impl Moment {
    /// The instant used for order and feeds: noon UTC of a day, so that no time zone moves it to another date.
    pub fn timestamp(&self) -> Timestamp {
        match self {
            Self::Month(date) | Self::Day(date) => {
                date.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
            }
            Self::Instant(instant) => *instant,
        }
    }

    /// When it has come: a day begins at midnight UTC.
    pub fn begins(&self) -> Timestamp {
        match self {
            Self::Month(date) | Self::Day(date) => {
                date.at(0, 0, 0, 0).to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
            }
            Self::Instant(instant) => *instant,
        }
    }

    /// The calendar day in UTC.
    pub fn date(&self) -> Date {
        match self {
            Self::Month(date) | Self::Day(date) => *date,
            Self::Instant(instant) => instant.to_zoned(TimeZone::UTC).date(),
        }
    }

    /// `21 November 2026`, or `September 2020` where no day is known.
    pub fn for_people(&self) -> String {
        let format = if matches!(self, Self::Month(_)) { "%B %Y" } else { "%-d %B %Y" };
        self.date().strftime(format).to_string()
    }
}

/// ISO 8601: `2020-09`, `2020-09-01` or `2020-09-01T10:00:00Z`.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Month(date) => write!(f, "{}", date.strftime("%Y-%m")),
            Self::Day(date) => write!(f, "{date}"),
            Self::Instant(instant) => write!(f, "{instant}"),
        }
    }
}

impl std::str::FromStr for Moment {
    type Err = jiff::Error;

    /// Reads what `Display` writes; the many forms people write are the parser's business (`intake::parse`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.len() {
            7 => Ok(Self::Month(format!("{text}-01").parse()?)),
            10 => Ok(Self::Day(text.parse()?)),
            _ => Ok(Self::Instant(text.parse()?)),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_back_what_they_write() {
        for text in ["2020-09", "2020-09-01", "2020-09-01T10:00:00Z"] {
            assert_eq!(text.parse::<Moment>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn people_see_no_day_where_none_is_known() {
        assert_eq!("2020-09".parse::<Moment>().unwrap().for_people(), "September 2020");
        assert_eq!("2020-09-03".parse::<Moment>().unwrap().for_people(), "3 September 2020");
    }
}
