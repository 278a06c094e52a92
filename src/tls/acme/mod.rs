//! A certificate that the program asks for and renews by itself, from an authority that gives them by ACME (RFC 8555).

mod authority;
mod kept;
mod order;

use std::{fs, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{
    CertificateState, Pair, Setup, Shown, Unusable,
    schedule::{self, Failures},
};
use crate::{clock::Clock, config::AcmeSettings, domain::Origin, net::AuthorityClient};
use authority::{Authority, Refused};
use kept::Kept;
use order::Wish;

/// Longest wait before the wall clock is looked at again: it may be set, and a machine may sleep.
const LOOK_EVERY: Duration = Duration::from_secs(3600);
/// A whole order, with everything the authority does in between.
const ORDER_TIMEOUT: Duration = Duration::from_secs(300);

pub struct Keeper {
    origin: Origin,
    has_http: bool,
    authority: Authority,
    kept: Kept,
    failures: Failures,
    clock: Clock,
    shown: Arc<Shown>,
    state: watch::Sender<CertificateState>,
}

impl Keeper {
    /// Shows what was given before, if it still can be.
    ///
    /// # Errors
    /// Nothing can be kept, or who vouches for the authority cannot be read.
    pub fn open(
        setup: &Setup,
        settings: AcmeSettings,
        state: watch::Sender<CertificateState>,
    ) -> Result<Self, Unusable> {
        let kept = Kept::of(&setup.directory, &settings.directory, setup.origin.name())?;
        let roots = match &settings.directory_ca {
            Some(path) => {
                let failed = |source| Unusable::Read { what: "directory_ca", path: path.clone(), source };
                Some(fs::read(path).map_err(failed)?)
            }
            None => None,
        };
        let client = AuthorityClient::new(&setup.origin, roots.as_deref())
            .map_err(|problem| Unusable::Authority(format!("use [tls] directory_ca: {problem}")))?;
        let failures = kept.failures();
        let pair = kept.pair();
        state.send_modify(|state| {
            state.source = settings.directory.clone();
            state.validity = pair.as_ref().map(|pair| pair.validity);
            state.ailment = (failures.count > 0).then(|| failures.reason.clone());
            state.is_grave = failures.last();
        });
        if let Some(pair) = pair {
            setup.shown.show(pair);
        }
        Ok(Self {
            origin: setup.origin.clone(),
            has_http: setup.has_http,
            authority: Authority::new(settings, client, setup.clock.clone()),
            kept,
            failures,
            clock: setup.clock.clone(),
            shown: Arc::clone(&setup.shown),
            state,
        })
    }

    pub async fn run(mut self) {
        let mut next = self.first_try();
        loop {
            self.state.send_modify(|state| state.next_try = Some(next));
            self.wait_until(next).await;
            next = match self.ask().await {
                Ok(pair) => self.succeeded(pair),
                Err(refused) => self.failed(&refused),
            };
        }
    }

    fn validity(&self) -> Option<crate::domain::Validity> {
        self.state.borrow().validity
    }

    /// At once without a certificate; else when it is due. Failures of the last run may be in the way.
    fn first_try(&self) -> Timestamp {
        let due = self.validity().map(|validity| schedule::renew_at(validity, self.clock.chance()));
        let earliest = self.failures.first_try(self.clock.now());
        due.map_or(earliest, |due| due.max(earliest))
    }

    async fn wait_until(&self, moment: Timestamp) {
        loop {
            let left = Duration::try_from(moment.duration_since(self.clock.now())).unwrap_or_default();
            if left.is_zero() {
                return;
            }
            self.clock.sleep(left.min(LOOK_EVERY)).await;
        }
    }

    async fn ask(&self) -> Result<Pair, Refused> {
        let asked = match tokio::time::timeout(ORDER_TIMEOUT, self.order()).await {
            Ok(asked) => asked,
            Err(_) => {
                let seconds = ORDER_TIMEOUT.as_secs();
                Err(Refused::Said(format!("the authority had not given a certificate after {seconds} s")))
            }
        };
        self.shown.forget_challenges();
        asked
    }

    async fn order(&self) -> Result<Pair, Refused> {
        let host = self.origin.name();
        let wish = Wish { host, has_http: self.has_http, failures: self.failures.count };
        let mut account = self.authority.account(&self.kept).await?;
        let given = match order::obtain(&self.authority, &account, &wish, &self.shown).await {
            Err(Refused::NoAccount) => {
                self.kept.forget_account();
                account = self.authority.account(&self.kept).await?;
                order::obtain(&self.authority, &account, &wish, &self.shown).await?
            }
            other => other?,
        };
        let (chain, key) = (given.chain.as_bytes(), given.key.as_bytes());
        let pair = Pair::from_pem(chain, "the authority's answer", key, "our key", host)?;
        // It is good all the same, and authorities count what they give.
        if let Err(error) = self.kept.keep_pair(&given.chain, &given.key) {
            tracing::error!(%error, "{error}; the next start has to ask for another certificate");
        }
        Ok(pair)
    }

    fn succeeded(&mut self, pair: Pair) -> Timestamp {
        let validity = pair.validity;
        tracing::info!(
            host = self.origin.name(),
            until = %validity.not_after,
            "{} has a certificate until {}",
            self.origin.name(),
            validity.not_after
        );
        self.failures = Failures::default();
        self.remember();
        self.shown.show(pair);
        self.state.send_modify(|state| {
            (state.validity, state.ailment, state.is_grave) = (Some(validity), None, false);
        });
        // A certificate that is due for renewal the moment it is given would be asked for without end.
        schedule::renew_at(validity, self.clock.chance()).max(self.clock.now() + schedule::PAUSE)
    }

    fn failed(&mut self, refused: &Refused) -> Timestamp {
        let now = self.clock.now();
        let asked = self.authority.asked_to_wait();
        self.failures = self.failures.and(refused.to_string(), asked, now, self.clock.chance());
        self.remember();
        let next = self.failures.next_try.unwrap_or(now);
        let rest = match self.validity() {
            Some(validity) => format!("the one there is ends at {}", validity.not_after),
            None => "until there is one, nobody is served over https".to_owned(),
        };
        let said = format!("no certificate for {}: {refused}; {rest}; asked again at {next}", self.origin.name());
        match self.failures.last() || self.validity().is_none() {
            true => tracing::error!("{said}"),
            false => tracing::warn!("{said}"),
        }
        self.state.send_modify(|state| {
            state.ailment = Some(refused.to_string());
            state.is_grave = self.failures.last();
        });
        next
    }

    fn remember(&self) {
        if let Err(error) = self.kept.keep_failures(&self.failures) {
            tracing::warn!(%error, "{error}");
        }
    }
}
