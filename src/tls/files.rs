//! A certificate that somebody else renews: two files, looked at every minute.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::sync::watch;

use super::{CertificateState, Pair, Setup, Shown, Unusable};
use crate::clock::Clock;

/// As often as certbot renews is far less; a minute is what a person waits who looks whether it worked.
const LOOK_EVERY: Duration = Duration::from_secs(60);

pub struct Keeper {
    certificate: PathBuf,
    key: PathBuf,
    host: String,
    clock: Clock,
    shown: Arc<Shown>,
    state: watch::Sender<CertificateState>,
    /// What the files were when they were read.
    seen: [Option<Print>; 2],
}

/// By which a file is known to be the same: device, number, length, time of change. Links are followed, as certbot needs.
type Print = (u64, u64, u64, i64, i64);

impl Keeper {
    /// Reads the files at once.
    ///
    /// # Errors
    /// They cannot be used, and nothing else is shown.
    pub fn open(
        setup: &Setup,
        certificate: PathBuf,
        key: PathBuf,
        state: watch::Sender<CertificateState>,
    ) -> Result<Self, Unusable> {
        state.send_modify(|state| state.source = certificate.display().to_string());
        let mut keeper = Self {
            certificate,
            key,
            host: setup.origin.name().to_owned(),
            clock: setup.clock.clone(),
            shown: Arc::clone(&setup.shown),
            state,
            seen: [None, None],
        };
        match keeper.read() {
            Err(unusable) if !keeper.shown.has_certificate() => Err(unusable),
            Ok(()) | Err(_) => Ok(keeper),
        }
    }

    pub async fn run(mut self) {
        loop {
            self.clock.sleep(LOOK_EVERY).await;
            let ails = self.state.borrow().ailment.is_some();
            // One of two may have been written when they were read: what was of no use is read again.
            if (ails || self.prints() != self.seen) && self.read().is_ok() {
                tracing::info!("the certificate {} is shown from now on", self.certificate.display());
            }
        }
    }

    /// Shows what the files hold, or tells once why that cannot be.
    fn read(&mut self) -> Result<(), Unusable> {
        self.seen = self.prints();
        match Pair::read(&self.certificate, &self.key, &self.host) {
            Ok(pair) => {
                if pair.validity.not_after <= self.clock.now() {
                    tracing::warn!(
                        "the certificate {} ended at {}: every server and every reader refuses it; renew it",
                        self.certificate.display(),
                        pair.validity.not_after
                    );
                }
                self.state.send_modify(|state| {
                    (state.validity, state.ailment, state.is_grave) = (Some(pair.validity), None, false);
                });
                self.shown.show(pair);
                Ok(())
            }
            Err(unusable) => {
                let said = unusable.to_string();
                let kept = self.shown.pair().map(|pair| pair.validity);
                if self.state.borrow().ailment.as_ref() != Some(&said) && kept.is_some() {
                    tracing::error!("{said}; the old certificate is shown until then");
                }
                self.state.send_modify(|state| {
                    (state.validity, state.ailment, state.is_grave) = (kept, Some(said), true);
                });
                Err(unusable)
            }
        }
    }

    fn prints(&self) -> [Option<Print>; 2] {
        [print(&self.certificate), print(&self.key)]
    }
}

fn print(path: &Path) -> Option<Print> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.len(), metadata.ctime(), metadata.ctime_nsec()))
}
