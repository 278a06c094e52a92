//! A request to the hub, read from its form (WebSub section 5.1). Pure.

use std::time::Duration;

use url::{Url, form_urlencoded};

use crate::domain::websub::Mode;

/// "This parameter MUST be less than 200 bytes in length" (section 5.1).
const SECRET_BYTES_END: usize = 200;
/// Longest callback or topic, in bytes: what the client fetches at most.
const ADDRESS_BYTES_MAX: usize = 2_048;

/// What somebody asks of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub mode: Mode,
    pub callback: Url,
    /// As written.
    pub topic: String,
    /// As asked for; `None` where the hub shall choose.
    pub lease: Option<Duration>,
    pub secret: Option<String>,
}

/// Why a request is not taken, in words for the developer at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Of the HTTP answer.
    pub status: u16,
    pub why: String,
    /// When to come again.
    pub wait: Option<Duration>,
}

impl Refusal {
    pub fn new(status: u16, why: impl Into<String>) -> Self {
        Self { status, why: why.into(), wait: None }
    }

    pub fn later(status: u16, why: impl Into<String>, wait: Duration) -> Self {
        Self { wait: Some(wait), ..Self::new(status, why) }
    }
}

/// Reads the form. Parameters that are not understood are ignored (section 5.1); of one given twice the first counts.
///
/// # Errors
/// 400 with what is missing or wrong.
pub fn read(form: &[u8]) -> Result<Request, Refusal> {
    let refuse = |why: String| Err(Refusal::new(400, why));
    let pairs: Vec<(String, String)> = form_urlencoded::parse(form).into_owned().collect();
    let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let broken = |text: &str| text.contains(['\0', char::REPLACEMENT_CHARACTER]);
    let mode = match value("hub.mode") {
        Some("subscribe") => Mode::Subscribe,
        Some("unsubscribe") => Mode::Unsubscribe,
        Some("publish") => return refuse("this hub is told of changes by the site itself".into()),
        Some(other) => return refuse(format!("hub.mode is subscribe or unsubscribe, not `{}`", shortened(other))),
        None => return refuse("hub.mode is missing".into()),
    };
    let Some(topic) = value("hub.topic").filter(|topic| !topic.is_empty()) else {
        return refuse("hub.topic is missing".into());
    };
    let Some(callback) = value("hub.callback").filter(|callback| !callback.is_empty()) else {
        return refuse("hub.callback is missing".into());
    };
    if topic.len() > ADDRESS_BYTES_MAX || callback.len() > ADDRESS_BYTES_MAX {
        return refuse(format!("hub.topic and hub.callback have at most {ADDRESS_BYTES_MAX} bytes"));
    }
    let secret = value("hub.secret").filter(|secret| !secret.is_empty());
    if let Some(secret) = secret.filter(|secret| secret.len() >= SECRET_BYTES_END) {
        return refuse(format!("hub.secret must be shorter than {SECRET_BYTES_END} bytes, and has {}", secret.len()));
    }
    if [Some(topic), Some(callback), secret].into_iter().flatten().any(broken) {
        return refuse("the form is not UTF-8, or holds a U+0000".into());
    }
    let Ok(mut callback) = Url::parse(callback) else {
        return refuse(format!("hub.callback is no address: `{}`", shortened(callback)));
    };
    if !matches!(callback.scheme(), "http" | "https") || !callback.has_host() {
        return refuse("hub.callback is no http or https address".into());
    }
    // A fragment is never sent (RFC 9110 section 7.1).
    callback.set_fragment(None);
    let lease = match value("hub.lease_seconds").filter(|lease| !lease.is_empty() && mode == Mode::Subscribe) {
        None => None,
        Some(lease) if lease.bytes().all(|byte| byte.is_ascii_digit()) => {
            // More digits than fit ask for longer than is given anyway.
            Some(lease.parse().unwrap_or(u64::MAX)).filter(|seconds| *seconds > 0).map(Duration::from_secs)
        }
        Some(other) => {
            return refuse(format!("hub.lease_seconds is a number of seconds, not `{}`", shortened(other)));
        }
    };
    Ok(Request { mode, callback, topic: topic.to_owned(), lease, secret: secret.map(str::to_owned) })
}

fn shortened(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOPIC: &str = "hub.topic=https%3A%2F%2Fbooks.example%2Ffeed.xml";
    const CALLBACK: &str = "hub.callback=https%3A%2F%2Freader.example%2Fcb%3Fid%3D1%26x%3D%2520y";

    fn check(more: &str) -> Result<Request, (u16, String)> {
        read(format!("{TOPIC}&{CALLBACK}&{more}").as_bytes()).map_err(|refusal| (refusal.status, refusal.why))
    }

    #[test]
    fn a_request_is_read_and_what_is_not_understood_is_ignored() {
        let request =
            check("hub.mode=subscribe&hub.verify=sync&hub.verify_token=x&hub.secret=s%C3%A9&hub.lease_seconds=600");
        let request = request.unwrap();
        assert_eq!(request.mode, Mode::Subscribe);
        assert_eq!(request.topic, "https://books.example/feed.xml");
        assert_eq!(request.callback.as_str(), "https://reader.example/cb?id=1&x=%20y");
        assert_eq!(request.secret.as_deref(), Some("sé"));
        assert_eq!(request.lease, Some(Duration::from_secs(600)));
        let plain = check("hub.mode=unsubscribe&hub.secret=&hub.lease_seconds=soon").unwrap();
        assert_eq!((plain.mode, plain.secret, plain.lease), (Mode::Unsubscribe, None, None));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (form, words) in [
            ("hub.secret=x".to_owned(), "hub.mode is missing"),
            ("hub.mode=publish".to_owned(), "by the site itself"),
            ("hub.mode=Subscribe".to_owned(), "not `Subscribe`"),
            (format!("hub.mode=subscribe&hub.secret={}", "x".repeat(200)), "shorter than 200 bytes, and has 200"),
            (format!("hub.mode=subscribe&hub.secret={}", "x".repeat(10_240)), "and has 10240"),
            ("hub.mode=subscribe&hub.lease_seconds=-5".to_owned(), "not `-5`"),
            ("hub.mode=subscribe&hub.secret=%FF".to_owned(), "not UTF-8"),
        ] {
            let (status, why) = check(&form).unwrap_err();
            assert_eq!(status, 400);
            assert!(why.contains(words), "{form}: {why}");
        }
        assert!(check(&format!("hub.mode=subscribe&hub.secret={}", "x".repeat(199))).is_ok());
        let callback = |callback: &str| {
            let form = format!("{TOPIC}&hub.mode=subscribe&hub.callback={callback}");
            read(form.as_bytes()).map(|request| request.callback.to_string()).map_err(|refusal| refusal.why)
        };
        assert_eq!(callback("https://r.example/a%23b").unwrap(), "https://r.example/a");
        for bad in ["", "reader", "/callback", "mailto:a@b.example", "ftp://a.example/", &"x".repeat(3_000)] {
            assert!(callback(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_lease_is_any_number_of_seconds_and_none_is_the_hubs_choice() {
        let lease = |lease: &str| check(&format!("hub.mode=subscribe&hub.lease_seconds={lease}")).unwrap().lease;
        assert_eq!(lease(""), None);
        assert_eq!(lease("0"), None);
        assert_eq!(lease("86400"), Some(Duration::from_secs(86_400)));
        assert_eq!(lease(&"9".repeat(40)), Some(Duration::from_secs(u64::MAX)));
    }

    proptest! {
        #[test]
        fn reading_never_panics(form in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&form);
        }
    }
}
