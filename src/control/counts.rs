//! `status` as figures over all folders: what the command prints, and the operator's page shows.

use jiff::Timestamp;
use serde::Serialize;

use super::Status;
use crate::{doctor::LastReport, publish::Survey, tls::CertificateState};

/// The figures by name.
#[derive(Debug, Serialize)]
pub struct Counts<'a> {
    pub running: bool,
    pub version: &'a str,
    pub origin: &'a str,
    pub live: usize,
    pub answers: usize,
    pub answers_awaiting: usize,
    pub held: usize,
    pub waiting: usize,
    pub leaving: usize,
    pub drafts: usize,
    pub scheduled: usize,
    pub broken: usize,
    pub skipped: usize,
    pub followers: u64,
    pub followers_waiting: u64,
    pub deliveries_due: i64,
    pub deliveries_given_up: i64,
    pub deliveries_refused: i64,
    pub deliveries_held: i64,
    pub oldest_due: Option<Timestamp>,
    pub hosts_dead: i64,
    pub last_publish: Option<Timestamp>,
    pub alarm: Option<&'a str>,
    pub replies_waiting: u64,
    pub reports: u64,
    pub last_doctor: Option<&'a LastReport>,
    pub subscribers: i64,
    pub pushes_due: i64,
    pub certificate: Option<&'a CertificateState>,
    pub folders: &'a [Survey],
}

impl Status {
    /// All folders together.
    pub fn counts(&self, running: bool) -> Counts<'_> {
        let sum = |figure: fn(&Survey) -> usize| self.folders.iter().map(figure).sum();
        Counts {
            running,
            version: &self.version,
            origin: &self.origin,
            live: sum(|one| one.live),
            answers: sum(|one| one.answers),
            answers_awaiting: sum(|one| one.awaiting),
            held: sum(|one| one.held),
            waiting: sum(|one| one.waiting),
            leaving: sum(|one| one.leaving),
            drafts: sum(|one| one.drafts),
            scheduled: sum(|one| one.scheduled),
            broken: sum(|one| one.broken),
            skipped: sum(|one| one.skipped),
            followers: self.followers,
            followers_waiting: self.followers_waiting,
            deliveries_due: self.deliveries_due,
            deliveries_given_up: self.deliveries_given_up,
            deliveries_refused: self.deliveries_refused,
            deliveries_held: self.deliveries_held,
            oldest_due: self.oldest_due,
            hosts_dead: self.hosts_dead,
            last_publish: self.last_publish,
            alarm: self.alarm.as_deref(),
            replies_waiting: self.replies_waiting,
            reports: self.reports,
            last_doctor: self.last_doctor.as_ref(),
            subscribers: self.subscribers,
            pushes_due: self.pushes_due,
            certificate: self.certificate.as_ref(),
            folders: &self.folders,
        }
    }
}

impl Counts<'_> {
    /// Nothing waits for a person to mend it.
    pub fn is_fine(&self) -> bool {
        self.held == 0 && self.broken == 0 && self.deliveries_held == 0 && self.alarm.is_none()
    }
}
