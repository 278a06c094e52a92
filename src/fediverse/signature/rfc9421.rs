//! RFC 9421, HTTP Message Signatures, with `rsa-v1_5-sha256`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};
use sfv::{BareItem, Dictionary, InnerList, ListEntry, Parser};

use super::{
    Claim, Outgoing, Received, SignatureProblem, Signer, Spec, check_expiry, check_time, digest, joined,
    key::KeyProblem,
};
use crate::{
    domain::Origin,
    net::{HeaderMap, HeaderValue},
};

/// Our label. Theirs may be anything, but there may be one only.
const LABEL: &str = "sig1";
const ALGORITHM: &str = "rsa-v1_5-sha256";
/// Most components a signature may list.
const COMPONENTS_MAX: usize = 32;

pub(super) fn sign(outgoing: &Outgoing<'_>, signer: &Signer<'_>, now: Timestamp) -> Result<HeaderMap, KeyProblem> {
    let mut url = outgoing.url.clone();
    url.set_fragment(None);
    let mut base = format!("\"@method\": {}\n\"@target-uri\": {url}\n", outgoing.method);
    let mut covered = r#""@method" "@target-uri""#.to_owned();
    let content_digest = outgoing.digest_of_body().map(digest::content_digest);
    if let Some(content_digest) = &content_digest {
        base.push_str(&format!("\"content-digest\": {content_digest}\n"));
        covered.push_str(r#" "content-digest""#);
    }
    let parameters = format!(r#"({covered});created={};keyid="{}";alg="{ALGORITHM}""#, now.as_second(), signer.key_id);
    base.push_str(&format!("\"@signature-params\": {parameters}"));
    let signature = STANDARD.encode(signer.key.sign(base.as_bytes())?);
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now).map_err(|_| KeyProblem::Failed)?;
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("date", Some(date)),
        ("content-digest", content_digest),
        ("signature-input", Some(format!("{LABEL}={parameters}"))),
        ("signature", Some(format!("{LABEL}=:{signature}:"))),
    ] {
        if let Some(value) = value {
            headers.insert(name, HeaderValue::try_from(value).map_err(|_| KeyProblem::Failed)?);
        }
    }
    Ok(headers)
}

pub(super) fn read(received: &Received<'_>, origin: &Origin, now: Timestamp) -> Result<Claim, SignatureProblem> {
    let input = super::single(received.headers, "signature-input")?;
    let (label, list) = only_signature(input)?;
    let parameters = parameters(&list, now)?;
    let components = components(&list)?;
    check_coverage(received, &components)?;
    let mut base = String::new();
    for name in &components {
        let value = component(received, origin, name)?;
        base.push_str(&format!("\"{name}\": {value}\n"));
    }
    // The parameters exactly as they came: there is one label, so all after the first `=` belongs to it.
    let raw = input.split_once('=').map(|(_, raw)| raw.trim()).unwrap_or_default();
    base.push_str(&format!("\"@signature-params\": {raw}"));
    Ok(Claim {
        key_id: parameters.key_id,
        spec: Spec::Rfc9421,
        signed_at: parameters.created,
        signature: signature(received.headers, &label)?,
        bases: vec![base],
    })
}

struct Signed {
    key_id: String,
    created: Timestamp,
}

/// The one signature that the request may carry. Which of several to believe is a question better not asked.
fn only_signature(input: &str) -> Result<(String, InnerList), SignatureProblem> {
    let inputs: Dictionary = Parser::new(input)
        .parse()
        .map_err(|_| SignatureProblem::Unreadable("Signature-Input is no structured dictionary"))?;
    let mut inputs = inputs.into_iter();
    match (inputs.next(), inputs.next()) {
        (Some((label, ListEntry::InnerList(list))), None) => Ok((label.as_str().to_owned(), list)),
        (Some(_), Some(_)) => Err(SignatureProblem::Unreadable("more than one signature")),
        (Some(_), None) | (None, _) => Err(SignatureProblem::Unreadable("no list of components")),
    }
}

fn parameters(list: &InnerList, now: Timestamp) -> Result<Signed, SignatureProblem> {
    let text = |name: &str| list.params.get(name).and_then(BareItem::as_string).map(|text| text.as_str().to_owned());
    let number =
        |name: &str| list.params.get(name).map(|item| item.as_integer().map(i64::from).ok_or(SignatureProblem::Time));
    if let Some(alg) = list.params.get("alg") {
        let alg = alg.as_string().map(|alg| alg.as_str()).unwrap_or_default();
        if alg != ALGORITHM {
            return Err(SignatureProblem::Algorithm(alg.to_owned()));
        }
    }
    let created = number("created").ok_or(SignatureProblem::Uncovered("created"))??;
    let created = Timestamp::from_second(created).map_err(|_| SignatureProblem::Time)?;
    check_time(created, now)?;
    if let Some(expires) = number("expires") {
        check_expiry(expires?, now)?;
    }
    Ok(Signed { key_id: text("keyid").ok_or(SignatureProblem::Unreadable("no keyid"))?, created })
}

/// Names only: a component with parameters (`;sf`, `;bs`, `;req`, `;name`) means something that nobody sends here.
fn components(list: &InnerList) -> Result<Vec<String>, SignatureProblem> {
    if list.items.len() > COMPONENTS_MAX {
        return Err(SignatureProblem::Unreadable("too many components"));
    }
    let mut names: Vec<String> = Vec::with_capacity(list.items.len());
    for item in &list.items {
        let name = item.bare_item.as_string().ok_or(SignatureProblem::Unreadable("a component is no string"))?;
        if !item.params.is_empty() {
            return Err(SignatureProblem::Unreadable("a component has parameters"));
        }
        if names.iter().any(|seen| seen == name.as_str()) {
            return Err(SignatureProblem::Unreadable("a component comes twice"));
        }
        names.push(name.as_str().to_owned());
    }
    Ok(names)
}

fn check_coverage(received: &Received<'_>, components: &[String]) -> Result<(), SignatureProblem> {
    let covers = |name: &str| components.iter().any(|component| component == name);
    let has_query = received.path_and_query.contains('?');
    let address = covers("@target-uri")
        || (covers("@authority") && covers("@path") && (!has_query || covers("@query")))
        || (covers("@authority") && covers("@request-target"));
    if !covers("@method") {
        return Err(SignatureProblem::Uncovered("@method"));
    }
    if !address {
        return Err(SignatureProblem::Uncovered("@target-uri"));
    }
    if received.method != "GET" && received.method != "HEAD" {
        if !covers("content-digest") {
            return Err(SignatureProblem::Uncovered("content-digest"));
        }
        let header = joined(received.headers, "content-digest").ok_or(SignatureProblem::Digest)?;
        digest::check_content_digest(&header, received.body)?;
    }
    Ok(())
}

/// Sections 2.1 and 2.2; scheme and host are those of our origin, not of whatever stands between us and the world.
fn component(received: &Received<'_>, origin: &Origin, name: &str) -> Result<String, SignatureProblem> {
    let (path, query) = received.path_and_query.split_once('?').unwrap_or((received.path_and_query, ""));
    Ok(match name {
        "@method" => received.method.to_owned(),
        "@target-uri" => origin.at(received.path_and_query),
        "@authority" => origin.host().to_owned(),
        "@scheme" => origin.as_str().split(':').next().unwrap_or_default().to_owned(),
        "@request-target" => received.path_and_query.to_owned(),
        "@path" => path.to_owned(),
        "@query" => format!("?{query}"),
        derived if derived.starts_with('@') => return Err(SignatureProblem::Unreadable("an unknown component")),
        header => joined(received.headers, header)
            .ok_or(SignatureProblem::Unreadable("a covered header is not in the request"))?,
    })
}

fn signature(headers: &HeaderMap, label: &str) -> Result<Vec<u8>, SignatureProblem> {
    let signatures: Dictionary = Parser::new(super::single(headers, "signature")?)
        .parse()
        .map_err(|_| SignatureProblem::Unreadable("Signature is no structured dictionary"))?;
    match signatures.get(label) {
        Some(ListEntry::Item(item)) => match &item.bare_item {
            BareItem::ByteSequence(bytes) => Ok(bytes.clone()),
            _ => Err(SignatureProblem::Unreadable("the signature is no byte sequence")),
        },
        Some(ListEntry::InnerList(_)) | None => Err(SignatureProblem::Unreadable("no signature under the label")),
    }
}
