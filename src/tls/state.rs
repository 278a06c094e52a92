//! How it stands with the certificate, for `reviewd status`, the log and whoever watches.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::Validity;

/// Of its lifetime, this part is the last in which nothing was renewed although it should have been: nine days of ninety.
const LAST_PART: i32 = 10;

/// What is known of the certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateState {
    /// Where it comes from: the authority's directory, or a file.
    pub source: String,
    /// Of the certificate that is shown; `None`: none is, and nobody is served over https.
    pub validity: Option<Validity>,
    /// Why there is none, or no newer one, with its cure.
    pub ailment: Option<String>,
    /// The ailment does not mend by itself, or has lasted.
    pub is_grave: bool,
    /// When the authority is asked next.
    pub next_try: Option<Timestamp>,
}

impl CertificateState {
    /// What a person has to look at, if anything.
    pub fn alarm(&self, now: Timestamp) -> Option<String> {
        let why = |otherwise: &str| self.ailment.clone().unwrap_or_else(|| otherwise.to_owned());
        let Some(validity) = self.validity else {
            return self.ailment.as_ref().map(|ailment| format!("there is no certificate: {ailment}"));
        };
        let until = validity.not_after;
        if until <= now {
            let why = why("nobody renewed it");
            return Some(format!("the certificate ended at {until}, and every server refuses the site: {why}"));
        }
        if now >= until - validity.lifetime() / LAST_PART {
            return Some(format!("the certificate ends at {until}: {}", why("nobody renewed it so far")));
        }
        self.ailment
            .as_ref()
            .filter(|_| self.is_grave)
            .map(|ailment| format!("the certificate is the old one: {ailment}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_called_when_none_is_there_when_it_ends_and_when_nothing_mends_by_itself() {
        let validity = Validity {
            not_before: "2026-11-01T00:00:00Z".parse().unwrap(),
            not_after: "2027-01-30T00:00:00Z".parse().unwrap(),
        };
        let state = |ailment: Option<&str>, is_grave| CertificateState {
            validity: Some(validity),
            ailment: ailment.map(str::to_owned),
            is_grave,
            ..CertificateState::default()
        };
        for (state, now, expected) in [
            (CertificateState::default(), "2026-11-02", None),
            (
                CertificateState { ailment: Some("no DNS".into()), ..CertificateState::default() },
                "2026-11-02",
                Some("there is no certificate: no DNS"),
            ),
            (state(None, false), "2026-11-02", None),
            (state(Some("away"), false), "2027-01-02", None),
            (state(Some("mixed"), true), "2026-11-02", Some("the certificate is the old one: mixed")),
            (
                state(None, false),
                "2027-01-22",
                Some("the certificate ends at 2027-01-30T00:00:00Z: nobody renewed it so far"),
            ),
            (
                state(Some("away"), false),
                "2027-02-01",
                Some("the certificate ended at 2027-01-30T00:00:00Z, and every server refuses the site: away"),
            ),
        ] {
            let now = format!("{now}T12:00:00Z").parse().unwrap();
            assert_eq!(state.alarm(now).as_deref(), expected, "{now}");
        }
    }
}
