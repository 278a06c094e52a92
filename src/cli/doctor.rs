//! `reviewd doctor`: examines the site through its own public address, and says what to mend.

use serde::Serialize;

use super::{FINE, PROBLEMS, table};
use crate::{
    clock::Clock,
    config::Config,
    control::{self, ControlError, Question},
    doctor::{self, Check, Outcome, Report},
    domain::Problem,
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// The report with its figures.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    ok: usize,
    warnings: usize,
    failed: usize,
    skipped: usize,
    #[serde(flatten)]
    report: &'a Report,
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    let (clock, socket) = (Clock::system(), &config.control.socket);
    let report: Report = match control::ask(socket, &Question::Doctor).await {
        Ok(Some(report)) => with_socket(report, doctor::control_socket(socket)),
        Ok(None) => doctor::without_daemon(config, &clock).await,
        Err(ControlError::Forbidden { .. }) => doctor::without_rights(config, &clock),
        Err(error) => return Err(error.into()),
    };
    show(&report, arguments)
}

/// Settings that cannot be read are the first and last thing to say.
pub fn without_settings(problems: &[Problem], arguments: &Arguments) -> anyhow::Result<u8> {
    show(&doctor::without_settings(problems, Clock::system().now_in_seconds()), arguments)
}

fn with_socket(mut report: Report, check: Check) -> Report {
    report.checks.insert(0, check);
    report
}

fn show(report: &Report, arguments: &Arguments) -> anyhow::Result<u8> {
    let count = |outcome| report.count(outcome);
    let shown = Shown {
        ok: count(Outcome::Ok),
        warnings: count(Outcome::Warning),
        failed: count(Outcome::Failed),
        skipped: count(Outcome::Skipped),
        report,
    };
    if arguments.json {
        table::json(&shown)?;
    } else {
        print(&shown);
    }
    Ok(if shown.failed == 0 { FINE } else { PROBLEMS })
}

fn print(shown: &Shown<'_>) {
    let report = shown.report;
    println!("reviewd {} at {}", report.version, report.origin);
    for (check, names) in together(&report.checks) {
        let sign = match check.outcome {
            Outcome::Ok => "✓",
            Outcome::Warning => "!",
            Outcome::Failed => "✗",
            Outcome::Skipped => "–",
        };
        let means = check.means.as_deref().unwrap_or_default();
        match check.outcome {
            Outcome::Ok => println!("{sign} {names}: {}", check.measured),
            Outcome::Skipped => println!("{sign} {names}: not looked at: {means}"),
            Outcome::Warning | Outcome::Failed => {
                println!("{sign} {names}: {}", check.measured);
                println!("    means: {means}");
                println!("    do: {}", check.cure.as_deref().unwrap_or_default());
            }
        }
    }
    for limit in &report.beyond {
        println!("Not to be known from here: {limit}");
    }
    println!(
        "{} fine, {} to be watched, {} failed, {} not looked at",
        shown.ok, shown.warnings, shown.failed, shown.skipped
    );
}

/// Each check with its name; neighbours that were skipped for the same reason stand in one line.
fn together(checks: &[Check]) -> Vec<(&Check, String)> {
    let mut lines: Vec<(&Check, String)> = Vec::new();
    for check in checks {
        let about = check.about.as_deref().map(|about| format!(" {about}")).unwrap_or_default();
        let name = check.name.replace('_', " ") + &about;
        match lines.last_mut() {
            Some((last, names))
                if check.outcome == Outcome::Skipped
                    && last.outcome == Outcome::Skipped
                    && last.means == check.means =>
            {
                names.push_str(", ");
                names.push_str(&name);
            }
            _ => lines.push((check, name)),
        }
    }
    lines
}
