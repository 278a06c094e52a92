//! One certificate, from the order to the chain (RFC 8555 section 7.1).

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, KeyAuthorization, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use tokio_rustls::rustls::{
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::CertifiedKey,
};

use super::{
    super::{
        Shown,
        schedule::{self, Proof},
    },
    authority::{Authority, Refused, is_about_the_way, said},
};

/// How long an authority may take to look, and to sign. They look from several places of the world.
const DECIDES_WITHIN: Duration = Duration::from_secs(90);
const POLL: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(250)).backoff(1.5).timeout(DECIDES_WITHIN);

/// What is asked for.
pub struct Wish<'a> {
    pub host: &'a str,
    /// Somebody answers plain http.
    pub has_http: bool,
    /// How often it did not work.
    pub failures: u32,
}

/// In PEM.
pub struct Given {
    pub chain: String,
    pub key: String,
}

/// Asks for a certificate, and proves what it takes.
pub async fn obtain(
    authority: &Authority,
    account: &Account,
    wish: &Wish<'_>,
    shown: &Shown,
) -> Result<Given, Refused> {
    let identifiers = [Identifier::Dns(wish.host.to_owned())];
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await.map_err(|error| authority.refused(error))?;
    let proven = prove(authority, &mut order, wish, shown).await;
    shown.forget_challenges();
    proven?;
    let key = KeyPair::generate().map_err(strange)?;
    let mut params = CertificateParams::new(vec![wish.host.to_owned()]).map_err(strange)?;
    // Authorities take the name from the list of names, and some refuse another one here.
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(strange)?;
    order.finalize_csr(request.der()).await.map_err(|error| authority.refused(error))?;
    let chain = order.poll_certificate(&POLL).await.map_err(|error| authority.refused(error))?;
    Ok(Given { chain, key: key.serialize_pem() })
}

/// Shows the authority that the name is ours, and waits until it has seen it.
async fn prove(authority: &Authority, order: &mut Order, wish: &Wish<'_>, shown: &Shown) -> Result<(), Refused> {
    let refused = |error| authority.refused(error);
    let mut way = None;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(refused)?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let offered: Vec<Proof> = authorization.challenges.iter().filter_map(|one| known(&one.r#type)).collect();
        let Some(proof) = schedule::proof(&offered, wish.has_http, wish.failures) else {
            return Err(Refused::Said(
                "the authority wants a proof that this site cannot give: it gives http-01 where [tls] listen_http is \
                 answered, and tls-alpn-01"
                    .to_owned(),
            ));
        };
        let Some(mut challenge) = authorization.challenge(wire(proof)) else { continue };
        way = Some(proof);
        show(proof, wish.host, &challenge.token, &challenge.key_authorization(), shown)?;
        match challenge.set_ready().await {
            // Some look at once.
            Err(Error::Api(problem)) if is_about_the_way(&problem) => {
                return Err(Refused::Said(not_found(wish.host, way, &said(&problem))));
            }
            other => other.map_err(refused)?,
        }
    }
    match order.poll_ready(&POLL).await.map_err(refused)? {
        OrderStatus::Ready | OrderStatus::Valid => Ok(()),
        OrderStatus::Pending | OrderStatus::Processing | OrderStatus::Invalid => {
            Err(Refused::Said(why_not(order, wish.host, way).await))
        }
    }
}

/// Makes the proof visible from outside.
fn show(proof: Proof, host: &str, token: &str, answer: &KeyAuthorization, shown: &Shown) -> Result<(), Refused> {
    match proof {
        Proof::Http01 => shown.answer(token, answer.as_str()),
        Proof::TlsAlpn01 => shown.prove(certificate_of_proof(host, answer.digest().as_ref())?),
    }
    Ok(())
}

/// A certificate that says nothing but the digest (RFC 8737 section 3).
fn certificate_of_proof(host: &str, digest: &[u8]) -> Result<CertifiedKey, Refused> {
    let mut params = CertificateParams::new(vec![host.to_owned()]).map_err(strange)?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().map_err(strange)?;
    let certificate = params.self_signed(&key).map_err(strange)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = aws_lc_rs::default_provider().key_provider.load_private_key(key).map_err(strange)?;
    // Not compared with its key: the library reads no certificate with an extension that is critical and unknown to it.
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}

/// What an order says that came to nothing.
async fn why_not(order: &mut Order, host: &str, way: Option<Proof>) -> String {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if let Ok(state) = authorization.refresh().await {
            reasons.extend(state.challenges.iter().filter_map(|challenge| challenge.error.as_ref()).map(said));
        }
    }
    let reasons = if reasons.is_empty() { "it does not say why".to_owned() } else { reasons.join("; ") };
    not_found(host, way, &reasons)
}

/// What the authority saw, and where to look oneself.
fn not_found(host: &str, way: Option<Proof>, reasons: &str) -> String {
    let port = match way {
        Some(Proof::Http01) => " and its port 80 is open",
        Some(Proof::TlsAlpn01) => " and its port 443 is open",
        None => "",
    };
    format!("the authority did not find this site at {host}: {reasons}; see that {host} leads to this machine{port}")
}

fn known(challenge: &ChallengeType) -> Option<Proof> {
    [Proof::Http01, Proof::TlsAlpn01].into_iter().find(|proof| wire(*proof) == *challenge)
}

fn wire(proof: Proof) -> ChallengeType {
    match proof {
        Proof::Http01 => ChallengeType::Http01,
        Proof::TlsAlpn01 => ChallengeType::TlsAlpn01,
    }
}

fn strange(error: impl std::fmt::Display) -> Refused {
    Refused::Said(format!("the request for a certificate could not be made: {error}"))
}
