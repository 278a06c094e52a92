//! Who is signed in: one cookie, signed with a key in the data directory and with the password.
//!
//! Nothing is kept of a session here. It ends by itself, when somebody signs out (all of them, since they are one person's),
//! and with the password it was opened by.

use std::time::Duration;

use aws_lc_rs::{constant_time, hmac, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;

/// How long one is signed in.
pub const SESSION_LIFE: Duration = Duration::from_secs(12 * 3600);
const NUMBER_BYTES: usize = 16;
const NAME: &str = "reviewd-admin";

/// What is in front of the page.
pub struct Lock {
    key: hmac::Key,
    password: hmac::Tag,
    /// The cookie goes over TLS only.
    secure: bool,
}

impl Lock {
    /// `key` lies in the data directory; `secure` where browsers come by https.
    pub fn new(key: &str, password: &str, secure: bool) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        let both = hmac::sign(&root, password.as_bytes());
        let key = hmac::Key::new(hmac::HMAC_SHA256, both.as_ref());
        Self { password: hmac::sign(&key, password.as_bytes()), key, secure }
    }

    /// Whether this is the password; takes as long for a near miss as for a far one.
    pub fn opens(&self, given: &str) -> bool {
        let given = hmac::sign(&self.key, given.as_bytes());
        constant_time::verify_slices_are_equal(self.password.as_ref(), given.as_ref()).is_ok()
    }

    /// A session that begins now, in an era that ends when somebody signs out; `None` where the machine gives no chance.
    pub fn begin(&self, era: u64, now: Timestamp) -> Option<String> {
        let mut number = [0; NUMBER_BYTES];
        rand::fill(&mut number).ok()?;
        let until = now.as_second().saturating_add(SESSION_LIFE.as_secs() as i64).to_be_bytes();
        let tag = hmac::sign(&self.key, &signed(&number, era, until));
        Some(URL_SAFE_NO_PAD.encode([&number[..], &until[..], tag.as_ref()].concat()))
    }

    /// Whether a session was begun here in this era and goes on.
    pub fn knows(&self, session: &str, era: u64, now: Timestamp) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(session) else { return false };
        let Some((number, rest)) = bytes.split_first_chunk::<NUMBER_BYTES>() else { return false };
        let Some((until, tag)) = rest.split_first_chunk::<8>() else { return false };
        let left = i64::from_be_bytes(*until).saturating_sub(now.as_second());
        // More than a whole life is left only if the clock was set back since.
        (1..=SESSION_LIFE.as_secs() as i64).contains(&left)
            && hmac::verify(&self.key, &signed(number, era, *until), tag).is_ok()
    }

    /// `__Secure-` is taken by browsers only with `Secure`, from https (RFC 6265bis, section 4.1.3).
    pub fn cookie_name(&self) -> String {
        if self.secure { format!("__Secure-{NAME}") } else { NAME.to_owned() }
    }

    /// The header that begins a session, or ends it where there is none.
    pub fn set_cookie(&self, session: Option<&str>) -> String {
        let (value, age) = match session {
            Some(session) => (session, SESSION_LIFE.as_secs()),
            None => ("", 0),
        };
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}={value}; Path=/admin; Max-Age={age}; HttpOnly; SameSite=Strict{secure}", self.cookie_name())
    }

    /// The session that a browser names in its `Cookie` header.
    pub fn session_in<'a>(&self, header: &'a str) -> Option<&'a str> {
        let name = self.cookie_name();
        header.split(';').find_map(|pair| pair.trim().strip_prefix(name.as_str())?.strip_prefix('='))
    }
}

fn signed(number: &[u8], era: u64, until: [u8; 8]) -> Vec<u8> {
    [b"session".as_slice(), number, &era.to_be_bytes(), &until].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "a long and random password";

    fn lock() -> Lock {
        Lock::new("key", PASSWORD, true)
    }

    fn noon() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn only_the_password_opens() {
        assert!(lock().opens(PASSWORD));
        for wrong in ["", "a long and random passwor", "a long and random password ", "A long and random password"] {
            assert!(!lock().opens(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_session_ends_by_itself_by_signing_out_and_with_its_password() {
        let session = lock().begin(3, noon()).unwrap();
        let life = jiff::SignedDuration::try_from(SESSION_LIFE).unwrap();
        assert!(lock().knows(&session, 3, noon()));
        assert!(lock().knows(&session, 3, noon() + life - jiff::SignedDuration::from_secs(1)), "also after a restart");
        assert!(!lock().knows(&session, 3, noon() + life));
        assert!(!lock().knows(&session, 4, noon()), "somebody signed out");
        assert!(!Lock::new("key", "another password of mine", true).knows(&session, 3, noon()));
        assert!(!Lock::new("another", PASSWORD, true).knows(&session, 3, noon()));
        assert!(!lock().knows(&session, 3, noon() - jiff::SignedDuration::from_hours(24)), "a clock that was wrong");
    }

    #[test]
    fn a_session_that_was_not_begun_here_is_none() {
        let session = lock().begin(0, noon()).unwrap();
        let mut longer = URL_SAFE_NO_PAD.decode(&session).unwrap();
        longer[NUMBER_BYTES + 7] ^= 1;
        for forged in ["", "x", &session[..30], &URL_SAFE_NO_PAD.encode(longer)] {
            assert!(!lock().knows(forged, 0, noon()), "{forged}");
        }
    }

    #[test]
    fn the_cookie_is_kept_from_scripts_other_sites_and_plain_connections() {
        let set = lock().set_cookie(Some("abc"));
        assert_eq!(set, "__Secure-reviewd-admin=abc; Path=/admin; Max-Age=43200; HttpOnly; SameSite=Strict; Secure");
        assert!(!Lock::new("key", PASSWORD, false).set_cookie(None).contains("Secure"));
        assert_eq!(lock().session_in("a=b; __Secure-reviewd-admin=abc"), Some("abc"));
        assert_eq!(lock().session_in("__Secure-reviewd-admins=abc; reviewd-admin=x"), None);
    }
}
