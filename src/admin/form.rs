//! Forms that only our own pages can hold, and that do what they say once.
//!
//! Each form carries a token: a signature over who got it, what it does and to what, with a number used once. The key is
//! made at each start and never leaves the process, so what an earlier run handed out means nothing.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::{hmac, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::clock::Clock;

/// How long a form may lie open before it is sent.
const FORM_LIFE: Duration = Duration::from_secs(12 * 3600);
/// Forms sent within that time at most: only somebody who was let in can use one up.
const USED_MAX: usize = 20_000;
const NUMBER_BYTES: usize = 12;

/// What a form does: the address it is sent to, and what is meant there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deed<'a> {
    /// The session it was made for; empty where there are none.
    pub session: &'a str,
    pub action: &'a str,
    pub of: &'a str,
    pub to: &'a str,
}

/// What is to be thought of a form that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Good,
    /// It did its work already: sent twice, or replayed by somebody.
    Used,
    /// It lay too long.
    Old,
    /// It was not made here, or for something else, or for somebody else.
    Forged,
}

/// Makes tokens and takes each once.
pub struct Forms {
    key: hmac::Key,
    clock: Clock,
    /// The numbers of used tokens, with the (monotonic) time they were made.
    used: Mutex<HashMap<[u8; NUMBER_BYTES], Duration>>,
}

impl Forms {
    /// # Errors
    /// The machine gives no chance.
    pub fn new(clock: Clock) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new())?;
        Ok(Self { key, clock, used: Mutex::default() })
    }

    /// A token for one form; empty, and so good for nothing, where the machine gives no chance.
    pub fn token(&self, deed: Deed<'_>) -> String {
        let mut number = [0; NUMBER_BYTES];
        if rand::fill(&mut number).is_err() {
            return String::new();
        }
        let made = self.clock.elapsed().as_secs().to_be_bytes();
        let tag = hmac::sign(&self.key, &signed(deed, &number, made));
        URL_SAFE_NO_PAD.encode([&number[..], &made[..], tag.as_ref()].concat())
    }

    /// Looks at the token of a form that was sent; a good one is used up by it.
    pub fn take(&self, token: &str, deed: Deed<'_>) -> Verdict {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else { return Verdict::Forged };
        let Some((number, rest)) = bytes.split_first_chunk::<NUMBER_BYTES>() else { return Verdict::Forged };
        let Some((made, tag)) = rest.split_first_chunk::<8>() else { return Verdict::Forged };
        if hmac::verify(&self.key, &signed(deed, number, *made), tag).is_err() {
            return Verdict::Forged;
        }
        let (now, made) = (self.clock.elapsed(), Duration::from_secs(u64::from_be_bytes(*made)));
        if now.saturating_sub(made) > FORM_LIFE {
            return Verdict::Old;
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, made| now.saturating_sub(*made) <= FORM_LIFE);
        if used.contains_key(number) {
            return Verdict::Used;
        }
        if used.len() >= USED_MAX {
            // What cannot be remembered as used is not taken.
            return Verdict::Old;
        }
        used.insert(*number, made);
        Verdict::Good
    }
}

/// What is signed: each part with its length before it, so that no two deeds are written alike.
fn signed(deed: Deed<'_>, number: &[u8], made: [u8; 8]) -> Vec<u8> {
    let mut bytes = [number, &made].concat();
    for part in [deed.session, deed.action, deed.of, deed.to] {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    const HIDE: Deed<'_> = Deed { session: "s1", action: "/admin/replies/hide", of: "7", to: "" };

    fn forms() -> (Forms, crate::clock::Hand) {
        let (clock, hand) = Clock::turned(Timestamp::UNIX_EPOCH, 1);
        (Forms::new(clock).unwrap(), hand)
    }

    #[test]
    fn a_form_does_what_it_says_once() {
        let (forms, _hand) = forms();
        let (token, other) = (forms.token(HIDE), forms.token(HIDE));
        assert_eq!(forms.take(&token, HIDE), Verdict::Good);
        assert_eq!(forms.take(&token, HIDE), Verdict::Used);
        assert_eq!(forms.take(&other, HIDE), Verdict::Good, "the same deed on a page opened anew");
    }

    #[test]
    fn a_token_is_for_one_person_one_action_and_one_thing() {
        let (forms, _hand) = forms();
        let token = forms.token(HIDE);
        for other in [
            Deed { session: "s2", ..HIDE },
            Deed { action: "/admin/replies/approve", ..HIDE },
            Deed { of: "8", ..HIDE },
            Deed { to: "m.example", ..HIDE },
            Deed { of: "", to: "7", ..HIDE },
        ] {
            assert_eq!(forms.take(&token, other), Verdict::Forged, "{other:?}");
        }
        assert_eq!(forms.take(&token, HIDE), Verdict::Good, "what was refused did not use it up");
    }

    #[test]
    fn what_was_not_made_here_is_forged() {
        let (forms, _hand) = forms();
        let (other, _hand) = self::forms();
        let token = forms.token(HIDE);
        let mut bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        bytes[0] ^= 1;
        for forged in ["", "x", &token[..20], &URL_SAFE_NO_PAD.encode(bytes), &other.token(HIDE)] {
            assert_eq!(forms.take(forged, HIDE), Verdict::Forged, "{forged}");
        }
    }

    #[test]
    fn a_form_that_lay_too_long_does_nothing_and_needs_no_memory() {
        let (forms, hand) = forms();
        let (used, open) = (forms.token(HIDE), forms.token(HIDE));
        assert_eq!(forms.take(&used, HIDE), Verdict::Good);
        hand.jump(jiff::SignedDuration::from_hours(-48));
        assert_eq!(forms.take(&used, HIDE), Verdict::Used, "a jump of the wall clock revives nothing");
        hand.turn(FORM_LIFE + Duration::from_secs(1));
        assert_eq!(forms.take(&open, HIDE), Verdict::Old);
        assert_eq!(forms.take(&used, HIDE), Verdict::Old);
        assert_eq!(forms.take(&forms.token(HIDE), HIDE), Verdict::Good);
        assert_eq!(forms.used.lock().unwrap().len(), 1);
    }
}
