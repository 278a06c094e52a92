//! Large JSON documents, member by member: of an export of any size, one row is in memory.

use std::{fmt, io::Read};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Hands out the members of a list or an object, or of its member `within`, in order.
///
/// # Errors
/// The text is no JSON, or ends too early; what came before has been handed out.
pub fn members(text: impl Read, within: Option<&str>, each: &mut dyn FnMut(Value)) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_reader(text);
    Members { within, each }.deserialize(&mut reader)
}

struct Members<'a> {
    within: Option<&'a str>,
    each: &'a mut dyn FnMut(Value),
}

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list or an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match self.within {
                None => (self.each)(map.next_value()?),
                Some(within) if within == key => {
                    map.next_value_seed(Members { within: None, each: &mut *self.each })?
                }
                Some(_) => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(member) = list.next_element()? {
            (self.each)(member);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_in_order_from_lists_and_objects_at_the_top_or_below() {
        let check = |text: &str, within: Option<&str>, expected: &[i64]| {
            let mut found = Vec::new();
            members(text.as_bytes(), within, &mut |member| found.extend(member.as_i64())).unwrap();
            assert_eq!(found, expected, "{text}");
        };
        check("[1, 2]", None, &[1, 2]);
        check(r#"{"b": 1, "a": 2}"#, None, &[1, 2]);
        check(r#"{"user": {"books": [9]}, "books": [1, 2], "goals": [3]}"#, Some("books"), &[1, 2]);
        assert!(members(&b"[1, 2"[..], None, &mut |_| {}).is_err());
        assert!(members(&b"7"[..], None, &mut |_| {}).is_err());
    }
}
