//! draft-cavage-http-signatures-12, as the fediverse speaks it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{
    Timestamp,
    fmt::rfc2822::{DateTimeParser, DateTimePrinter},
};

use super::{
    Claim, Outgoing, Received, SignatureProblem, Signer, Spec, check_expiry, check_time, digest, host_of, joined,
    key::{KeyProblem, LENIENT},
    path_and_query, single,
};
use crate::net::{HeaderMap, HeaderValue};

/// Most components a signature may list; real ones list five or six.
const COMPONENTS_MAX: usize = 32;

/// What `(request-target)` holds of the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    WithQuery,
    PathOnly,
}

/// The parameters of a `Signature` header.
#[derive(Debug, Default)]
struct Parameters<'a> {
    key_id: Option<&'a str>,
    algorithm: Option<&'a str>,
    headers: Option<&'a str>,
    signature: Option<&'a str>,
    created: Option<&'a str>,
    expires: Option<&'a str>,
}

pub(super) fn sign(
    outgoing: &Outgoing<'_>,
    signer: &Signer<'_>,
    now: Timestamp,
    target: Target,
) -> Result<HeaderMap, KeyProblem> {
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now).map_err(|_| KeyProblem::Failed)?;
    let path = match target {
        Target::WithQuery => path_and_query(outgoing.url),
        Target::PathOnly => outgoing.url.path().to_owned(),
    };
    let method = outgoing.method.to_ascii_lowercase();
    let mut base = format!("(request-target): {method} {path}\nhost: {}\ndate: {date}", host_of(outgoing.url));
    let mut covered = "(request-target) host date".to_owned();
    let digest = outgoing.digest_of_body().map(digest::digest);
    if let Some(digest) = &digest {
        base.push_str(&format!("\ndigest: {digest}"));
        covered.push_str(" digest");
    }
    let signature = STANDARD.encode(signer.key.sign(base.as_bytes())?);
    let header =
        format!(r#"keyId="{}",algorithm="rsa-sha256",headers="{covered}",signature="{signature}""#, signer.key_id);
    let mut headers = HeaderMap::new();
    for (name, value) in [("date", Some(date)), ("digest", digest), ("signature", Some(header))] {
        if let Some(value) = value {
            headers.insert(name, HeaderValue::try_from(value).map_err(|_| KeyProblem::Failed)?);
        }
    }
    Ok(headers)
}

pub(super) fn read(received: &Received<'_>, now: Timestamp) -> Result<Claim, SignatureProblem> {
    let parameters = Parameters::parse(signature_header(received.headers)?)?;
    parameters.check_algorithm()?;
    let covered: Vec<String> =
        parameters.headers.unwrap_or_default().split_whitespace().map(str::to_ascii_lowercase).collect();
    if covered.len() > COMPONENTS_MAX {
        return Err(SignatureProblem::Unreadable("too many components"));
    }
    let covers = |name: &str| covered.iter().any(|component| component == name);
    for name in ["(request-target)", "host"] {
        if !covers(name) {
            return Err(SignatureProblem::Uncovered(name));
        }
    }
    if received.method != "GET" && received.method != "HEAD" {
        if !covers("digest") {
            return Err(SignatureProblem::Uncovered("digest"));
        }
        digest::check_digest(&joined(received.headers, "digest").ok_or(SignatureProblem::Digest)?, received.body)?;
    }
    let signed_at = signing_time(received, &parameters, &covers, now)?;
    let signature = LENIENT
        .decode(parameters.signature.ok_or(SignatureProblem::Unreadable("no signature"))?)
        .map_err(|_| SignatureProblem::Unreadable("the signature is not base64"))?;
    Ok(Claim {
        key_id: parameters.key_id.ok_or(SignatureProblem::Unreadable("no keyId"))?.to_owned(),
        spec: Spec::Cavage,
        signed_at,
        signature,
        bases: bases(received, &parameters, &covered)?,
    })
}

/// The `Signature` header, or the older `Authorization: Signature …`, without the scheme's name.
fn signature_header(headers: &HeaderMap) -> Result<&str, SignatureProblem> {
    if headers.contains_key("signature") {
        let value = single(headers, "signature")?;
        return Ok(value.strip_prefix("Signature ").unwrap_or(value));
    }
    single(headers, "authorization")?.strip_prefix("Signature ").ok_or(SignatureProblem::Missing)
}

/// `Date` or `(created)`, whichever is covered; where both are, both must hold.
fn signing_time(
    received: &Received<'_>,
    parameters: &Parameters<'_>,
    covers: &impl Fn(&str) -> bool,
    now: Timestamp,
) -> Result<Timestamp, SignatureProblem> {
    let mut signed_at = None;
    if covers("date") {
        let date = joined(received.headers, "date").ok_or(SignatureProblem::Uncovered("date"))?;
        let date =
            DateTimeParser::new().relaxed_weekday(true).parse_timestamp(&date).map_err(|_| SignatureProblem::Time)?;
        check_time(date, now)?;
        signed_at = Some(date);
    }
    if covers("(created)") {
        let created = whole_second(parameters.created)?;
        let created = Timestamp::from_second(created).map_err(|_| SignatureProblem::Time)?;
        check_time(created, now)?;
        signed_at = Some(created);
    }
    if parameters.expires.is_some() {
        check_expiry(whole_second(parameters.expires)?, now)?;
    }
    signed_at.ok_or(SignatureProblem::Uncovered("date"))
}

/// Seconds since 1970; a fraction is allowed by the draft and cut off.
fn whole_second(value: Option<&str>) -> Result<i64, SignatureProblem> {
    let text = value.ok_or(SignatureProblem::Time)?;
    text.split('.').next().and_then(|second| second.parse().ok()).ok_or(SignatureProblem::Time)
}

/// What was signed, with the query and without.
fn bases(
    received: &Received<'_>,
    parameters: &Parameters<'_>,
    covered: &[String],
) -> Result<Vec<String>, SignatureProblem> {
    let mut targets = vec![received.path_and_query];
    if let Some((path, _)) = received.path_and_query.split_once('?') {
        targets.push(path);
    }
    let mut bases = Vec::new();
    for target in targets {
        let mut lines = Vec::with_capacity(covered.len());
        for name in covered {
            let value = match name.as_str() {
                "(request-target)" => format!("{} {target}", received.method.to_ascii_lowercase()),
                "(created)" => parameters.created.ok_or(SignatureProblem::Time)?.to_owned(),
                "(expires)" => parameters.expires.ok_or(SignatureProblem::Time)?.to_owned(),
                header => joined(received.headers, header)
                    .ok_or(SignatureProblem::Unreadable("a covered header is not in the request"))?,
            };
            lines.push(format!("{name}: {value}"));
        }
        bases.push(lines.join("\n"));
    }
    Ok(bases)
}

impl<'a> Parameters<'a> {
    /// `name="value"` or `name=number`, separated by commas; a name may come once only.
    fn parse(text: &'a str) -> Result<Self, SignatureProblem> {
        let mut parameters = Self::default();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (name, after) = rest.split_once('=').ok_or(SignatureProblem::Unreadable("a name without a value"))?;
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or(SignatureProblem::Unreadable("an open quote"))?,
                None => after.split_at(after.find(',').unwrap_or(after.len())),
            };
            let slot = match name.trim().to_ascii_lowercase().as_str() {
                "keyid" => Some(&mut parameters.key_id),
                "algorithm" => Some(&mut parameters.algorithm),
                "headers" => Some(&mut parameters.headers),
                "signature" => Some(&mut parameters.signature),
                "created" => Some(&mut parameters.created),
                "expires" => Some(&mut parameters.expires),
                _ => None,
            };
            if slot.is_some_and(|slot| slot.replace(value.trim()).is_some()) {
                return Err(SignatureProblem::Unreadable("a parameter comes twice"));
            }
            rest = after.trim_start();
            if !rest.is_empty() {
                rest = rest.strip_prefix(',').ok_or(SignatureProblem::Unreadable("no comma"))?.trim_start();
            }
        }
        Ok(parameters)
    }

    /// GoToSocial and Hatsu label RSA-SHA256 as `hs2019`; some name nothing.
    fn check_algorithm(&self) -> Result<(), SignatureProblem> {
        match self.algorithm {
            Some(name) if !name.eq_ignore_ascii_case("rsa-sha256") && !name.eq_ignore_ascii_case("hs2019") => {
                Err(SignatureProblem::Algorithm(name.to_owned()))
            }
            Some(_) | None => Ok(()),
        }
    }
}
