//! Looks after the site every minute: raises the alarm, notes what the reviewer should know of, and runs their command.

use std::{fs, io, path::Path, process::Stdio, time::Duration};

use anyhow::Context;
use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{ChildStderr, ChildStdin, Command},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

use crate::{
    app::secret,
    clock::Clock,
    domain::problem::Severity,
    publish::{PublisherHandle, Survey},
    store::{Condition, Notice, NoticeKind, ReplyFilter, Store, StoreError, Which},
    telemetry::figures,
    tls::CertificateState,
};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// While nothing can be written.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// How long the command may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// Commands run after one look; what is left waits for the next.
const COMMANDS_PER_LOOK: i64 = 10;
/// A command that fails so often for one notice is not run for it again.
const FAILURES_MAX: i64 = 3;
/// Broken files noted at most; a folder in which everything is broken is one story, not a thousand.
const BROKEN_MAX: usize = 20;
/// Waiting replies that are looked at; more are a flood, and told when these are dealt with.
const REPLIES_MAX: i64 = 100;
/// Of what a failed command wrote to its standard error, in bytes.
const COMPLAINT_BYTES_MAX: usize = 300;
/// How long a command that has ended is still listened to.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// The file with the private feed's secret, in the data directory.
const TOKEN_FILE: &str = "notices.token";

/// The one who looks.
pub struct Vigil {
    pub clock: Clock,
    pub store: Store,
    pub publisher: PublisherHandle,
    /// The site's origin, for whoever reviews on several.
    pub site: String,
    /// The program with its arguments; none when empty.
    pub command: Vec<String>,
    /// Of the site's own certificate.
    pub certificate: Option<watch::Receiver<CertificateState>>,
}

impl Vigil {
    /// Looks until told to stop, the first time when the folders have been looked at.
    pub async fn run(&self, stop: CancellationToken) {
        let mut looked = self.publisher.looked.clone();
        tokio::select! {
            () = stop.cancelled() => return,
            looked = looked.wait_for(|looked| *looked) => if looked.is_err() { return },
        }
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                looked = self.look() => if let Err(error) = looked {
                    tracing::warn!(%error, "the site could not be looked after: {error}");
                },
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clock.sleep(if self.store.trouble().is_some() { TRY_AGAIN } else { LOOK_EVERY }) => {}
            }
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        figures::keep_small();
        self.store.prove().await?;
        // A publisher that stops knows nothing: nothing has ended because of that.
        let Some(folders) = self.publisher.survey().await else { return Ok(()) };
        let now = self.clock.now();
        self.store.note_followers(now).await?;
        let undelivered = self.store.undelivered(now).await?;
        let alarms: Vec<Condition> =
            undelivered_condition(&undelivered).into_iter().chain(self.certificate_condition(now)).collect();
        self.raise(&alarms).await?;
        let mut conditions: Vec<Condition> = folders.iter().flat_map(conditions_of).collect();
        conditions.extend(alarms);
        for (host, count) in self.store.hosts_given_up(now).await? {
            let text = format!(
                "{host} did not take {count} deliveries in all the time there is; they were given up. \
                 `reviewd deliveries` shows them, `reviewd resend` tries again."
            );
            conditions.push(Condition { key: format!("given up {host}"), kind: NoticeKind::GivenUp, text });
        }
        conditions.extend(self.follows_waiting().await?);
        conditions.extend(self.replies_waiting().await?);
        self.store.note_conditions(&conditions, now, !self.command.is_empty()).await?;
        self.tell().await
    }

    /// Says once that something is wrong, and once that it is over.
    async fn raise(&self, alarms: &[Condition]) -> Result<(), StoreError> {
        let texts: Vec<&str> = alarms.iter().map(|condition| condition.text.as_str()).collect();
        let alarm = (!texts.is_empty()).then(|| texts.join("; "));
        match (self.store.alarm().await?, &alarm) {
            (None, Some(text)) => {
                tracing::error!("{text}");
                self.store.set_alarm(Some(text)).await
            }
            (Some(_), None) => {
                tracing::info!("what the alarm was about is over");
                self.store.set_alarm(None).await
            }
            (Some(before), Some(text)) if before != *text => self.store.set_alarm(Some(text)).await,
            (Some(_), Some(_)) | (None, None) => Ok(()),
        }
    }

    /// The site's own certificate, where a person has to look at it.
    fn certificate_condition(&self, now: Timestamp) -> Option<Condition> {
        let text = self.certificate.as_ref()?.borrow().alarm(now)?;
        Some(Condition { key: "certificate".to_owned(), kind: NoticeKind::Certificate, text })
    }

    async fn follows_waiting(&self) -> Result<Vec<Condition>, StoreError> {
        let followers = self.store.followers(None).await?;
        let waiting = followers.into_iter().filter(|one| one.state == crate::store::FollowState::Waiting);
        Ok(waiting
            .map(|one| Condition {
                key: format!("follow {} {}", one.reviewer, one.actor),
                kind: NoticeKind::Follow,
                text: format!(
                    "{} asks to follow @{}; `reviewd followers approve {}` lets them.",
                    one.actor, one.reviewer, one.actor
                ),
            })
            .collect())
    }

    async fn replies_waiting(&self) -> Result<Vec<Condition>, StoreError> {
        let filter = ReplyFilter { reviewer: None, which: Which::Waiting, limit: REPLIES_MAX };
        let waiting = self.store.all_replies(&filter).await?;
        Ok(waiting
            .into_iter()
            .map(|kept| Condition {
                key: format!("reply {}", kept.seq),
                kind: NoticeKind::Reply,
                text: format!(
                    "A reply waits for your approval: {} by {}. `reviewd replies approve {}` shows it, `hide` does not.",
                    kept.reply.page, kept.reply.author, kept.seq
                ),
            })
            .collect())
    }

    /// Runs the command for what was not told yet, one after the other.
    async fn tell(&self) -> Result<(), StoreError> {
        let Some((program, arguments)) = self.command.split_first() else { return Ok(()) };
        for notice in self.store.untold_notices(COMMANDS_PER_LOOK).await? {
            self.store.mark_told(notice.seq, self.clock.now()).await?;
            let ran = in_time(run_command(program, arguments, &document(&self.site, &notice))).await;
            let Err(error) = ran else { continue };
            let again = notice.failures + 1 < FAILURES_MAX;
            tracing::error!(%error, "[notify] command {program}: {error:#}{}", if again { "; it is run again" } else { "" });
            self.store.mark_failed(notice.seq, again).await?;
            // What is wrong with it now is wrong for the next notice too.
            return Ok(());
        }
        Ok(())
    }
}

/// A program that hangs is ended, and keeps nobody from being told tomorrow.
async fn in_time(run: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    match tokio::time::timeout(COMMAND_TIMEOUT, run).await {
        Ok(done) => done,
        Err(_) => anyhow::bail!("it took more than {} s and was ended", COMMAND_TIMEOUT.as_secs()),
    }
}

/// What the command reads.
fn document(site: &str, notice: &Notice) -> String {
    let document = json!({
        "kind": notice.kind,
        "text": notice.text,
        "at": notice.at.to_string(),
        "site": site,
        "id": notice.key,
    });
    format!("{document}\n")
}

/// Gives a text to a program, without a shell. It is ended, with all that it started, when this is dropped.
async fn run_command(program: &str, arguments: &[String], text: &str) -> anyhow::Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    command.process_group(0);
    let mut child = command.spawn().context("start it; `command` is a program and its arguments, no shell")?;
    let mut family = Family(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let mut complaint = Vec::new();
    let (told, status) = {
        let talk = async { tokio::join!(hand(stdin, text), hear(stderr, &mut complaint)).0 };
        tokio::pin!(talk);
        tokio::select! {
            biased;
            told = &mut talk => (told, child.wait().await),
            // What it started in the background may hold the line open, and is not waited for.
            status = child.wait() => (tokio::time::timeout(LAST_WORDS, talk).await.unwrap_or(Ok(())), status),
        }
    };
    // It came to its end by itself: what it left in the background was meant to go on.
    family.0 = None;
    told.context("write to it")?;
    let status = status.context("wait for it")?;
    if status.success() {
        return Ok(());
    }
    anyhow::bail!("it ended with {status}: {}", String::from_utf8_lossy(&complaint).trim())
}

/// A program and what it started, which end with this.
struct Family(Option<Pid>);

impl Drop for Family {
    fn drop(&mut self) {
        // None of them may be left.
        let _ = self.0.map(|group| kill_process_group(group, Signal::KILL));
    }
}

async fn hand(stdin: Option<ChildStdin>, text: &str) -> io::Result<()> {
    let Some(mut stdin) = stdin else { return Ok(()) };
    match stdin.write_all(text.as_bytes()).await {
        // A program that does not read knows enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Listens to the end, for a program that nobody listens to dies of it; keeps the beginning.
async fn hear(stderr: Option<ChildStderr>, complaint: &mut Vec<u8>) {
    let Some(mut stderr) = stderr else { return };
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = stderr.read(&mut piece).await {
        let room = COMPLAINT_BYTES_MAX.saturating_sub(complaint.len());
        complaint.extend_from_slice(&piece[..read.min(room)]);
    }
}

/// What is wrong with a folder, as conditions.
fn conditions_of(folder: &Survey) -> Vec<Condition> {
    let reviewer = &folder.reviewer;
    let mut conditions = Vec::new();
    if let Some(reason) = &folder.hold_reason {
        conditions.push(Condition { key: format!("held {reviewer}"), kind: NoticeKind::Held, text: reason.clone() });
    }
    if folder.folder_state != "fine" {
        let text = format!(
            "The folder {} of @{reviewer} is {}; what was published stays up.",
            folder.folder, folder.folder_state
        );
        conditions.push(Condition { key: format!("folder {reviewer}"), kind: NoticeKind::Folder, text });
    }
    let broken = folder.problems.iter().filter(|problem| problem.severity == Severity::Error);
    for problem in broken.take(BROKEN_MAX) {
        let (key, text) = (format!("broken {reviewer} {}", problem.file), problem.to_string());
        if conditions.iter().all(|one| one.key != key) {
            conditions.push(Condition { key, kind: NoticeKind::Broken, text });
        }
    }
    conditions
}

fn undelivered_condition(undelivered: &[String]) -> Option<Condition> {
    let first = undelivered.first()?;
    let more = match undelivered.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let text = format!(
        "{first}{more} was published more than an hour ago and reached no server; `reviewd deliveries` says why"
    );
    Some(Condition { key: "undelivered".to_owned(), kind: NoticeKind::Undelivered, text })
}

/// The secret in the private feed's address, made at the first start; without the file there is another one.
///
/// # Errors
/// When it can be read by others, or cannot be written.
pub fn token(data: &Path) -> anyhow::Result<String> {
    secret::kept(&data.join(TOKEN_FILE), "the private feed's secret")
}

/// Whether the secret is there, without making one.
pub fn known_token(data: &Path) -> Option<String> {
    fs::read_to_string(data.join(TOKEN_FILE)).ok().map(|text| text.trim().to_owned())
}

/// Runs the command once with a notice that says so.
///
/// # Errors
/// What is wrong with it.
pub async fn try_command(command: &[String], site: &str, now: Timestamp) -> anyhow::Result<()> {
    let Some((program, arguments)) = command.split_first() else {
        anyhow::bail!("there is no [notify] command in the settings");
    };
    let notice = Notice {
        seq: 0,
        key: "test".to_owned(),
        kind: "test".to_owned(),
        text: "This is how reviewd tells you what you should know of.".to_owned(),
        at: now,
        over_at: None,
        failures: 0,
    };
    let ran = in_time(run_command(program, arguments, &document(site, &notice))).await;
    ran.with_context(|| format!("[notify] command {program}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn a_command_is_given_the_text_and_its_failure_is_told_in_its_own_words() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        run_command("sh", &words(&["-c", "read x; test \"$x\" = hello"]), "hello\n").await.unwrap();
        // A program that reads nothing is no failure.
        run_command("true", &[], &"x".repeat(1 << 20)).await.unwrap();
        let error = run_command("sh", &words(&["-c", "echo no route >&2; exit 3"]), "").await.unwrap_err().to_string();
        assert!(error.contains("no route") && error.contains('3'), "{error}");
        // Talkative programs are listened to (curl shows its progress there), and only the beginning is kept.
        let chatty = "i=0; while [ $i -lt 20000 ]; do echo progress; i=$((i+1)); done >&2; exit $0";
        run_command("sh", &words(&["-c", chatty, "0"]), "hello\n").await.unwrap();
        let error = run_command("sh", &words(&["-c", chatty, "4"]), "hello\n").await.unwrap_err().to_string();
        assert!(error.contains("exit status: 4: progress") && error.len() < 400, "{error}");
        // What goes on in the background is not waited for.
        in_time(run_command("sh", &words(&["-c", "sleep 60 & exit 0"]), "hello\n")).await.unwrap();
        let error = run_command("/nowhere/tell-me", &[], "").await.unwrap_err().to_string();
        assert!(error.contains("no shell"), "{error}");
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_ended_with_all_that_it_started() {
        let directory = tempfile::tempdir().unwrap();
        let noted = directory.path().join("pid");
        let script = format!("sleep 1000 & echo $! >{0}.new; mv {0}.new {0}; wait", noted.display());
        let arguments = ["-c".to_owned(), script];
        let started = async {
            while !noted.exists() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            ended = run_command("sh", &arguments, "") => panic!("it does not hang: {ended:?}"),
            () = started => {}
        }
        let child = fs::read_to_string(&noted).unwrap();
        let is_there = || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
            // Dead, but for whoever will ask.
            !stat.is_empty() && !stat.contains(") Z ")
        };
        while is_there() {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn the_secret_stays_and_nobody_else_can_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let made = token(directory.path()).unwrap();
        assert!(made.len() >= 32 && made.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(token(directory.path()).unwrap(), made);
        let path = directory.path().join(TOKEN_FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(token(directory.path()).unwrap_err().to_string().contains("chmod 600"));
    }
}
