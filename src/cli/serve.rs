//! `reviewd serve`: the daemon.

use std::{collections::BTreeMap, io::IsTerminal, path::Path, sync::Arc};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::FINE;
use crate::{
    app::{self, manager::Manager, sockets::Sockets, traces::Traces},
    clock::Clock,
    config::{Config, Overrides},
    telemetry::{self, otlp::Spans},
};

/// Below this number of files read, a bar would only flicker.
const BAR_FROM_FILES: u64 = 500;

pub async fn run(
    config: Config,
    overrides: &Overrides,
    environment: &BTreeMap<String, String>,
    cwd: &Path,
    mut sockets: Sockets,
) -> anyhow::Result<u8> {
    let clock = Clock::system();
    let manager = Manager::of(environment);
    let now = || {
        let clock = clock.clone();
        move || clock.now()
    };
    let (spans, traces) = match &config.log.otlp {
        Some(collector) => {
            let chance = clock.clone();
            let (spans, finished) = Spans::new(now(), move || chance.uuid().as_u128());
            let traces = Traces::start(collector, config.site.origin.to_string(), clock.clone(), finished)?;
            (Some(spans), Some(traces))
        }
        None => (None, None),
    };
    telemetry::start(&config.log.filter, environment, now(), spans)?;
    let mut wishes = Wishes::listen()?;
    let (mut config, mut before) = (config, None);
    loop {
        let running = match app::start_on(&mut sockets, config.clone(), clock.clone(), progress()).await {
            Ok(running) => running,
            // What reads well may not work: a port that is taken, a picture that is missing. That stops nobody either.
            Err(error) if before.is_some() => {
                tracing::error!("{error:#}");
                tracing::error!("the settings do not work; the old ones stay in force until the next SIGHUP");
                config = before.take().unwrap_or(config);
                continue;
            }
            Err(error) => {
                manager.failed(&format!("{error:#}"));
                return Err(error);
            }
        };
        tell(&running, &sockets);
        manager.ready();
        let wish = tokio::select! {
            () = running.restart.notified() => Some(config.clone()),
            wish = reread(overrides, environment, cwd, &manager, &mut wishes) => wish,
            never = manager.accompany(&running, &clock) => match never {},
        };
        match wish {
            Some(good) => before = Some(std::mem::replace(&mut config, good)),
            None => {
                manager.stopping();
                tracing::info!("stopping: what is in flight is finished first");
                running.stop().await;
                if let Some(traces) = traces {
                    traces.stop().await;
                }
                return Ok(FINE);
            }
        }
        running.stop().await;
    }
}

/// What the service manager, or a person at the terminal, may want of a daemon.
enum Wish {
    Stop,
    ReadSettings,
}

/// The signals by which it is told.
struct Wishes {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Wishes {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.hangup.recv() => Wish::ReadSettings,
        }
    }
}

/// Serves until new settings are wanted and are good, or (`None`) the end is: a typo never stops a daemon that runs.
async fn reread(
    overrides: &Overrides,
    environment: &BTreeMap<String, String>,
    cwd: &Path,
    manager: &Manager,
    wishes: &mut Wishes,
) -> Option<Config> {
    loop {
        match wishes.next().await {
            Wish::Stop => return None,
            Wish::ReadSettings => manager.reloading(),
        }
        match Config::load(overrides, environment, cwd) {
            Ok(config) => {
                tracing::info!("the settings were read again");
                return Some(config);
            }
            Err(problems) => {
                for problem in &problems {
                    tracing::error!("{problem}");
                }
                tracing::error!("the settings are not usable; the old ones stay in force until the next SIGHUP");
                manager.ready();
            }
        }
    }
}

fn tell(running: &app::Running, sockets: &Sockets) {
    let holder = if sockets.are_held() { " (a socket of the service manager)" } else { "" };
    for address in &running.addresses {
        tracing::info!(%address, "serving {} on {address}{holder}", running.origin);
    }
}

/// Shows how far a long reading of the folder is, when a person is watching.
fn progress() -> Arc<dyn Fn() + Send + Sync> {
    if !std::io::stderr().is_terminal() {
        return Arc::new(|| {});
    }
    let bar = ProgressBar::no_length().with_style(
        ProgressStyle::with_template("{spinner} {human_pos} files read, {per_sec}")
            .unwrap_or(ProgressStyle::default_spinner()),
    );
    bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    let count = std::sync::atomic::AtomicU64::new(0);
    Arc::new(move || {
        if count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == BAR_FROM_FILES {
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
        }
        bar.inc(1);
    })
}
