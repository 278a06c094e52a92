//! `/metrics` on an address of its own, and the counting of requests where that address is set.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Request, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};

use tokio::sync::watch;

use super::Web;
use crate::{
    clock::Clock,
    feed::Dialect,
    publish::Survey,
    store::StoreError,
    telemetry::figures::{self, Glance},
    tls::CertificateState,
};

/// The form that every Prometheus reads.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How it stands with the site's own certificate, where it has one.
type Certificate = Option<watch::Receiver<CertificateState>>;

/// The router of the address `[metrics] listen`.
pub fn router(web: Arc<Web>, clock: Clock, certificate: Certificate) -> Router {
    figures::start();
    Router::new().route("/metrics", get(metrics)).with_state((web, clock, certificate))
}

/// The site's router with every answer counted. Only laid around it where somebody reads the counters.
pub fn counted(router: Router) -> Router {
    figures::start();
    router.layer(middleware::from_fn(count))
}

async fn count(request: Request<Body>, next: Next) -> Response {
    let kind = kind_of(request.uri().path());
    let response = next.run(request).await;
    figures::request(kind, response.status().as_u16());
    response
}

async fn metrics(State((web, clock, certificate)): State<(Arc<Web>, Clock, Certificate)>) -> Response {
    match glance(&web, &clock, &certificate).await {
        Ok(glance) => ([(header::CONTENT_TYPE, TEXT)], figures::render(figures::start(), &glance)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be read: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
    }
}

async fn glance(web: &Web, clock: &Clock, certificate: &Certificate) -> Result<Glance, StoreError> {
    let underway = web.store.underway().await?;
    let folders = web.publisher.survey().await.unwrap_or_default();
    let sum = |figure: fn(&Survey) -> usize| folders.iter().map(figure).sum();
    let age = underway.oldest_due.map(|oldest| clock.now().duration_since(oldest).as_secs_f64().max(0.0));
    Ok(Glance {
        deliveries_due: underway.due,
        deliveries_held: underway.held,
        delivery_oldest_seconds: age.unwrap_or(0.0),
        hosts_dead: underway.hosts_dead,
        followers: underway.followers,
        followers_waiting: underway.followers_waiting,
        replies_waiting: web.store.count_waiting_replies().await?,
        reviews: vec![
            ("live", sum(|one| one.live)),
            ("waiting", sum(|one| one.waiting)),
            ("held", sum(|one| one.held)),
            ("leaving", sum(|one| one.leaving)),
            ("draft", sum(|one| one.drafts)),
            ("scheduled", sum(|one| one.scheduled)),
            ("broken", sum(|one| one.broken)),
        ],
        publish_last_seconds: underway.last_publish.map_or(0, jiff::Timestamp::as_second),
        alarm: web.store.complaint().await?.is_some(),
        certificate_end_seconds: certificate.as_ref().map(|certificate| {
            let validity = certificate.borrow().validity;
            validity.map_or(0, |validity| validity.not_after.as_second())
        }),
    })
}

/// The kind of document behind an address, as one of a few words.
fn kind_of(path: &str) -> &'static str {
    let parts: Vec<&str> = path.trim_start_matches('/').splitn(4, '/').collect();
    let last = path.rsplit('/').next().unwrap_or_default();
    match (parts.first().copied().unwrap_or_default(), last) {
        (_, "inbox") => "inbox",
        ("users" | "actor", _) => "activitypub",
        (".well-known" | "nodeinfo", _) => "discovery",
        ("media", _) => "media",
        ("static", _) | (_, "favicon.ico" | "feed.css") => "static",
        ("healthz" | "readyz", _) => "health",
        ("websub", _) => "websub",
        (_, name) if Dialect::of_address(name).is_some() => "feed",
        _ if ["/feed/archive/", "/atom/archive/"].iter().any(|part| path.contains(part)) => "feed",
        ("notices", _) => "notices",
        ("source.tar.gz" | "robots.txt" | "sitemap.xml" | "opensearch.xml", _) => "file",
        _ => "page",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_of_one_of_a_few_kinds() {
        for (path, kind) in [
            ("/", "page"),
            ("/@ana/dune", "page"),
            ("/@ana/feed.xml", "feed"),
            ("/feed/archive/1.xml", "feed"),
            ("/@ana/atom/archive/1.xml", "feed"),
            ("/replies.atom", "feed"),
            ("/users/ana", "activitypub"),
            ("/users/ana/inbox", "inbox"),
            ("/inbox", "inbox"),
            ("/.well-known/webfinger", "discovery"),
            ("/media/x-thumb.jpg", "media"),
            ("/notices/secret.xml", "notices"),
            ("/wp-login.php", "page"),
            ("/readyz", "health"),
        ] {
            assert_eq!(kind_of(path), kind, "{path}");
        }
    }
}
