//! Sends finished spans to an OpenTelemetry collector.

use std::time::Duration;

use anyhow::Context;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::Clock,
    net::Collector,
    telemetry::otlp::{self, Finished},
};

/// How long spans are gathered.
const EVERY: Duration = Duration::from_secs(5);

/// The sending of spans; it outlives a reload of the settings.
pub struct Traces {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Traces {
    /// Begins to send to the collector at this address, without `/v1/traces`.
    ///
    /// # Errors
    /// When there is no trust store for TLS.
    pub fn start(
        collector: &str,
        site: String,
        clock: Clock,
        finished: mpsc::Receiver<Finished>,
    ) -> anyhow::Result<Self> {
        let url = format!("{}{}", collector.trim_end_matches('/'), otlp::PATH);
        let sender = Sender {
            collector: Collector::new(url.clone()).context("set up the client for traces")?,
            url,
            site,
            clock,
            finished,
            silent: false,
        };
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(sender.run(stop.clone()));
        Ok(Self { tasks, stop })
    }

    /// Sends what is left.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

struct Sender {
    collector: Collector,
    url: String,
    site: String,
    clock: Clock,
    finished: mpsc::Receiver<Finished>,
    /// The collector did not answer last, and that was said.
    silent: bool,
}

impl Sender {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            let stopping = tokio::select! {
                () = stop.cancelled() => true,
                () = self.clock.sleep(EVERY) => false,
            };
            self.send().await;
            if stopping {
                return;
            }
        }
    }

    /// What a collector does not take is not kept for it.
    async fn send(&mut self) {
        let mut batch = Vec::new();
        while let Ok(finished) = self.finished.try_recv() {
            batch.push(finished);
        }
        for part in batch.chunks(otlp::BATCH_MAX) {
            match self.collector.post(otlp::document(part, &self.site)).await {
                Ok(()) => self.silent = false,
                Err(problem) => {
                    if !std::mem::replace(&mut self.silent, true) {
                        let url = &self.url;
                        tracing::warn!("traces are lost while {url} does not take them: {problem}; see [log] otlp");
                    }
                    return;
                }
            }
        }
    }
}
