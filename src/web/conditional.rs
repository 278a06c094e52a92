//! Conditional requests: whether the client already has what it asks for (RFC 9110 section 13).

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE},
};
use jiff::{Timestamp, fmt::strtime, tz::TimeZone};

/// The three forms of an HTTP date that a server must read (RFC 9110 section 5.6.7); we write the first.
const DATE_FORMS: [&str; 3] = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// The validators of a document that exists in several codings.
pub struct Validators<'a> {
    /// The entity tags of all its codings, each strong and in quotes.
    pub tags: &'a [HeaderValue],
    /// The one of the coding that would be sent.
    pub selected: usize,
    /// In whole seconds.
    pub last_modified: Timestamp,
}

/// What the preconditions of a GET or HEAD come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Send the document.
    Send,
    /// 304, about the coding whose tag has this index.
    NotModified(usize),
    /// 412.
    Failed,
}

/// Evaluates the preconditions in the order of RFC 9110 section 13.2.2: tags beat dates.
///
/// A client that names the tag of another coding than the one selected for it has the same document, so the answer is 304
/// all the same, with the tag it named: what it stored is fresh, and there is nothing to send. (We choose the coding; a
/// tag that names one is a reason to choose that.)
pub fn evaluate(headers: &HeaderMap, validators: &Validators<'_>) -> Verdict {
    if headers.contains_key(IF_MATCH) {
        if !matches_strongly(headers, validators.tags) {
            return Verdict::Failed;
        }
    } else if date(headers, &IF_UNMODIFIED_SINCE).is_some_and(|date| validators.last_modified > date) {
        return Verdict::Failed;
    }
    if headers.contains_key(IF_NONE_MATCH) {
        return known(headers, validators).map_or(Verdict::Send, Verdict::NotModified);
    }
    if date(headers, &IF_MODIFIED_SINCE).is_some_and(|date| validators.last_modified <= date) {
        return Verdict::NotModified(validators.selected);
    }
    Verdict::Send
}

/// `Fri, 20 Nov 2026 09:30:00 GMT`.
pub fn http_date(time: Timestamp) -> String {
    time.strftime(DATE_FORMS[0]).to_string()
}

/// Reads an HTTP date in any of its three forms.
pub fn parse_http_date(text: &str) -> Option<Timestamp> {
    let read = |form| strtime::parse(form, text.trim()).ok()?.to_datetime().ok()?.to_zoned(TimeZone::UTC).ok();
    DATE_FORMS.iter().find_map(read).map(|date| date.timestamp())
}

/// The tag among ours that the client has, the selected one if it has several. Compared weakly (section 8.8.3.2): a proxy
/// that compressed on the way may have put `W/` before it.
fn known(headers: &HeaderMap, validators: &Validators<'_>) -> Option<usize> {
    let mut known = None;
    for line in headers.get_all(IF_NONE_MATCH) {
        for member in members(line.as_bytes()) {
            if member == b"*" {
                return Some(validators.selected);
            }
            let opaque = member.strip_prefix(b"W/").unwrap_or(member);
            match validators.tags.iter().position(|tag| tag.as_bytes() == opaque) {
                Some(index) if index == validators.selected => return Some(index),
                Some(index) => known = known.or(Some(index)),
                None => {}
            }
        }
    }
    known
}

/// Weak tags never match here (section 13.1.1).
fn matches_strongly(headers: &HeaderMap, tags: &[HeaderValue]) -> bool {
    let holds = |member: &[u8]| member == b"*" || tags.iter().any(|tag| tag.as_bytes() == member);
    headers.get_all(IF_MATCH).iter().any(|line| members(line.as_bytes()).any(holds))
}

/// A date that is no HTTP date is ignored, and so is one that stands twice (sections 13.1.3 and 13.1.4).
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
    let mut lines = headers.get_all(name).iter();
    let date = lines.next()?.to_str().ok().and_then(parse_http_date)?;
    lines.next().is_none().then_some(date)
}

/// The members of a list of entity tags; a comma inside quotes belongs to the tag.
fn members(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    line.split(move |byte| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    })
    .map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGED: &str = "Fri, 20 Nov 2026 09:30:00 GMT";

    /// Evaluates request headers against a document with the tags `"a-br"`, `"a-gz"` (which would be sent) and `"a"`.
    fn check(request: &[(HeaderName, &str)], expected: Verdict) {
        let tags = ["\"a-br\"", "\"a-gz\"", "\"a\""].map(HeaderValue::from_static);
        let last_modified = parse_http_date(CHANGED).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in request {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        assert_eq!(
            evaluate(&headers, &Validators { tags: &tags, selected: 1, last_modified }),
            expected,
            "{request:?}"
        );
    }

    #[test]
    fn tags_of_any_coding_in_any_form_are_known() {
        use Verdict::{NotModified, Send};
        for (value, expected) in [
            ("\"a-gz\"", NotModified(1)),
            ("W/\"a-gz\"", NotModified(1)),
            ("*", NotModified(1)),
            ("\"a\"", NotModified(2)),
            ("W/\"a-br\"", NotModified(0)),
            ("\"x\", \"a-gz\"", NotModified(1)),
            ("\"a\",\"a-gz\"", NotModified(1)),
            ("\"x,y\" , , W/\"a\"", NotModified(2)),
            ("\"x, \"a\"", Send),
            ("\"old\"", Send),
            ("a-gz", Send),
            ("w/\"a-gz\"", Send),
            ("\"A-GZ\"", Send),
            ("", Send),
            ("\"a-gz", Send),
        ] {
            check(&[(IF_NONE_MATCH, value)], expected);
        }
        check(&[(IF_NONE_MATCH, "\"x\""), (IF_NONE_MATCH, "\"a-gz\"")], NotModified(1));
    }

    #[test]
    fn dates_count_in_every_form_and_nonsense_does_not() {
        use Verdict::{NotModified, Send};
        for (value, expected) in [
            (CHANGED, NotModified(1)),
            ("Fri, 20 Nov 2026 09:30:01 GMT", NotModified(1)),
            ("Fri, 20 Nov 2026 09:29:59 GMT", Send),
            ("Friday, 20-Nov-26 09:30:00 GMT", NotModified(1)),
            ("Fri Nov 20 09:30:00 2026", NotModified(1)),
            ("Tue Nov  3 09:30:00 2026", Send),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Send),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Send),
            ("Thu, 31 Dec 2099 00:00:00 GMT", NotModified(1)),
            ("2026-11-20T09:30:00Z", Send),
            ("yesterday", Send),
            ("", Send),
            ("0", Send),
        ] {
            check(&[(IF_MODIFIED_SINCE, value)], expected);
        }
        check(&[(IF_MODIFIED_SINCE, CHANGED), (IF_MODIFIED_SINCE, CHANGED)], Send);
    }

    #[test]
    fn tags_beat_dates() {
        let (earlier, later) = ("Fri, 20 Nov 2026 09:29:59 GMT", "Sat, 21 Nov 2026 09:30:00 GMT");
        check(&[(IF_NONE_MATCH, "\"old\""), (IF_MODIFIED_SINCE, later)], Verdict::Send);
        check(&[(IF_NONE_MATCH, "\"a-gz\""), (IF_MODIFIED_SINCE, earlier)], Verdict::NotModified(1));
        check(&[(IF_MATCH, "\"a\""), (IF_UNMODIFIED_SINCE, earlier)], Verdict::Send);
    }

    #[test]
    fn a_precondition_that_does_not_hold_fails_before_anything_else_is_asked() {
        use Verdict::{Failed, NotModified, Send};
        check(&[(IF_MATCH, "\"a\"")], Send);
        check(&[(IF_MATCH, "*")], Send);
        check(&[(IF_MATCH, "\"old\", \"a-br\"")], Send);
        check(&[(IF_MATCH, "\"old\"")], Failed);
        check(&[(IF_MATCH, "W/\"a\"")], Failed);
        check(&[(IF_MATCH, "\"old\""), (IF_NONE_MATCH, "\"a-gz\"")], Failed);
        check(&[(IF_MATCH, "\"a\""), (IF_NONE_MATCH, "\"a-gz\"")], NotModified(1));
        check(&[(IF_UNMODIFIED_SINCE, CHANGED)], Send);
        check(&[(IF_UNMODIFIED_SINCE, "Fri, 20 Nov 2026 09:29:59 GMT")], Failed);
        check(&[(IF_UNMODIFIED_SINCE, "never")], Send);
    }

    #[test]
    fn http_dates_read_back() {
        let time = parse_http_date(CHANGED).unwrap();
        assert_eq!(time.to_string(), "2026-11-20T09:30:00Z");
        assert_eq!(http_date(time), CHANGED);
    }
}
