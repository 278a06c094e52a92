//! What the service manager is told (sd_notify(3)): that we are ready, reloading or stopping, how things stand, and, while
//! it is true, that we are alive.

use std::{collections::BTreeMap, convert::Infallible, time::Duration};

use sd_notify::NotifyState;

use super::Running;
use crate::{clock::Clock, control::Status, publish::Survey};

/// Between two lines for `systemctl status`, where there is no watchdog that wants to hear more often.
const STATUS_EVERY: Duration = Duration::from_secs(60);
/// As exact as a glance needs.
const MINUTES: &str = "%Y-%m-%d %H:%M UTC";
/// Where systemd listens for us; absent when it did not start us.
const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";

/// The service manager that started us, or nobody.
#[derive(Debug, Clone, Copy)]
pub struct Manager {
    listens: bool,
    /// Without a sign of life for so long it restarts us (`WatchdogSec=`).
    watchdog: Option<Duration>,
}

impl Manager {
    pub fn of(environment: &BTreeMap<String, String>) -> Self {
        Self { listens: environment.contains_key(NOTIFY_SOCKET), watchdog: sd_notify::watchdog_enabled() }
    }

    pub fn ready(&self) {
        self.tell(&[NotifyState::Ready]);
    }

    /// Settings are read again. The moment tells systemd 253 and newer which `ready` belongs to it; older ones ignore it.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(_) => self.tell(&[NotifyState::Reloading]),
        }
    }

    pub fn stopping(&self) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status("finishing what is in flight")]);
    }

    /// Why there was no start: `systemctl status` shows it.
    pub fn failed(&self, why: &str) {
        self.tell(&[NotifyState::Status(&one_line(why))]);
    }

    /// Tells how things stand and that all is alive, for as long as it is waited for.
    pub async fn accompany(&self, running: &Running, clock: &Clock) -> Infallible {
        if !self.listens {
            return std::future::pending().await;
        }
        // Asking takes up to a quarter, so even the slowest good answer comes after half of the time allowed.
        let every = self.watchdog.map_or(STATUS_EVERY, |allowed| allowed / 4);
        loop {
            match running.pulse.ailment(every).await {
                None => {
                    if self.watchdog.is_some() {
                        self.tell(&[NotifyState::Watchdog]);
                    }
                    if let Some(status) = running.status().await {
                        self.tell(&[NotifyState::Status(&glance(&status))]);
                    }
                }
                Some(ailment) => {
                    tracing::error!("{ailment}; unless that mends, the service manager restarts reviewd");
                    self.tell(&[NotifyState::Status(&one_line(&ailment))]);
                }
            }
            clock.sleep(every.min(STATUS_EVERY)).await;
        }
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(states) {
            tracing::warn!(%error, "systemd could not be told: {error}");
        }
    }
}

/// How things stand in one line: `12 reviews, 3 followers` when all is well, and what is not well after it.
fn glance(status: &Status) -> String {
    let sum = |figure: fn(&Survey) -> usize| status.folders.iter().map(figure).sum::<usize>();
    let mut line = format!("{}, {}", counted(sum(|one| one.live), "review"), counted(status.followers, "follower"));
    let mut add = |count: usize, what: &str| {
        if count > 0 {
            line.push_str(&format!(", {count} {what}"));
        }
    };
    add(sum(|one| one.held), "held");
    add(sum(|one| one.broken), "broken");
    add(status.followers_waiting as usize, "asking to follow");
    add(status.replies_waiting as usize, "replies to approve");
    let figure = |figure: i64| usize::try_from(figure).unwrap_or(0);
    add(figure(status.deliveries_held), "deliveries held");
    add(figure(status.deliveries_due), "deliveries due");
    if let Some(oldest) = status.oldest_due {
        line.push_str(&format!(" since {}", oldest.strftime(MINUTES)));
    }
    if status.hosts_dead > 0 {
        line.push_str(&format!(", {}", counted(status.hosts_dead, "dead host")));
    }
    if let Some(last) = status.last_publish {
        line.push_str(&format!(", last told {}", last.strftime(MINUTES)));
    }
    if let Some(alarm) = &status.alarm {
        line.push_str(&format!("; ALARM: {alarm}"));
    }
    for folder in status.folders.iter().filter(|folder| folder.folder_state != "fine") {
        line.push_str(&format!("; the folder of @{} is {}", folder.reviewer, folder.folder_state));
    }
    one_line(&line)
}

fn counted(count: impl TryInto<u64> + Copy, what: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A second line would be another variable of the protocol.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glance_says_what_is_there_and_then_only_what_is_not_well() {
        let fine = Survey { live: 12, folder_state: "fine".into(), ..Survey::default() };
        let well = Status { folders: vec![fine.clone()], followers: 1, ..Status::default() };
        assert_eq!(glance(&well), "12 reviews, 1 follower");
        let missing = Survey {
            reviewer: "ana".into(),
            live: 1,
            held: 4,
            broken: 1,
            folder_state: "missing".into(),
            ..Survey::default()
        };
        let ill = Status {
            folders: vec![missing],
            followers: 3,
            followers_waiting: 2,
            deliveries_due: 5,
            oldest_due: Some("2026-11-22T11:59:30Z".parse().unwrap()),
            hosts_dead: 1,
            replies_waiting: 7,
            last_publish: Some("2026-11-22T12:00:01Z".parse().unwrap()),
            alarm: Some("dune reached no server".into()),
            ..Status::default()
        };
        assert_eq!(
            glance(&ill),
            "1 review, 3 followers, 4 held, 1 broken, 2 asking to follow, 7 replies to approve, 5 deliveries due since \
             2026-11-22 11:59 UTC, 1 dead host, last told 2026-11-22 12:00 UTC; ALARM: dune reached no server; the folder of \
             @ana is missing"
        );
    }

    #[test]
    fn no_text_can_add_a_variable_to_the_protocol() {
        assert_eq!(one_line("cannot\nREADY=1\r"), "cannot READY=1 ");
    }
}
