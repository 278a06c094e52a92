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
