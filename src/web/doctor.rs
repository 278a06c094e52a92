//! The throw-away peer of `reviewd doctor`, hosted here while an examination runs. At any other time, and without its
//! token, there is nothing at these addresses.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::{Path, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Web, inbox::BODY_BYTES_MAX};
use crate::{
    doctor::Answered,
    fediverse::{context::ACTIVITY_JSON, signature::Received},
    site::Trouble,
};

pub(super) async fn actor(State(web): State<Arc<Web>>, Path(token): Path<String>) -> Response {
    match web.examined.actor(&token) {
        Some(document) => {
            let headers = [(header::CONTENT_TYPE, ACTIVITY_JSON), (header::CACHE_CONTROL, "no-store")];
            (headers, document.to_string()).into_response()
        }
        None => web.trouble(Trouble::NotFound),
    }
}

pub(super) async fn inbox(State(web): State<Arc<Web>>, Path(token): Path<String>, request: Request<Body>) -> Response {
    if web.examined.actor(&token).is_none() {
        return web.trouble(Trouble::NotFound);
    }
    let (mut parts, body) = request.into_parts();
    super::inbox::name_the_host(&mut parts);
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let path_and_query = parts.uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
    let received = Received { method: parts.method.as_str(), path_and_query, headers: &parts.headers, body: &body };
    match web.examined.deliver(&token, &received) {
        Some(answered) => said(answered),
        None => web.trouble(Trouble::NotFound),
    }
}

/// An answer of the examination's doors.
pub(super) fn said(answered: Answered) -> Response {
    let status = StatusCode::from_u16(answered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match answered.why.is_empty() {
        true => status.into_response(),
        false => (status, format!("{}\n", answered.why)).into_response(),
    }
}
