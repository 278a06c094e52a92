//! The operator's page: what the commands show, to look at, and the buttons that do what the commands do.
//!
//! Everything goes through `Admin::respond`, which knows one order: by which name the request came, whether a form was sent
//! from our own page, who is signed in, whether the form's token is good for just this, and only then what is asked. What is
//! done is a [`control::Question`](crate::control::Question), as if the command had asked.

mod deed;
mod entrance;
mod figures;
mod form;
mod notes;
mod patience;
mod session;
mod show;
mod show_lists;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};

use crate::{
    clock::Clock,
    control::Desk,
    site::{
        self,
        admin::{Button, Frame, Note, PLACES},
    },
    store::StoreError,
    web::{self, Web, gate},
};
use entrance::Names;
use form::{Deed, Forms, Verdict};
use notes::Notes;
use patience::Patience;
pub use session::Lock;

/// Largest form taken, in bytes: a token, a few ids and an address to go back to.
const FORM_BYTES_MAX: usize = 16 << 10;
/// How long a browser may take to send it.
const FORM_TIMEOUT: Duration = Duration::from_secs(10);
/// The fact that counts how often somebody signed out: sessions of an earlier count have ended.
const ERA: &str = "admin_era";

const SIGN_IN: &str = "/admin/sign-in";
const SIGN_OUT: &str = "/admin/sign-out";

/// Sent with everything: nothing is kept, found, framed, or loaded from elsewhere. The referrer policy leaves the `Origin` of
/// our own forms whole; `no-referrer` would make it `null`.
const HEADERS: [(&str, &str); 8] = [
    ("content-security-policy", site::admin::CONTENT_SECURITY_POLICY),
    ("cache-control", "no-store"),
    ("x-robots-tag", "noindex, nofollow"),
    ("referrer-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Where the page is to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// At an address of its own.
    Own,
    /// At `/admin` of the site.
    Site,
}

/// The operator's page.
pub struct Admin {
    desk: Arc<Desk>,
    web: Arc<Web>,
    clock: Clock,
    names: Names,
    lock: Option<Lock>,
    forms: Forms,
    notes: Notes,
    patience: Patience,
}

impl Admin {
    /// # Errors
    /// The machine gives no chance for the secret of the forms.
    pub fn new(
        desk: Arc<Desk>,
        web: Arc<Web>,
        door: Door,
        lock: Option<Lock>,
    ) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let clock = desk.clock.clone();
        let names = match (door, &lock) {
            (Door::Site, _) => Names::Site(desk.site.origin.clone()),
            (Door::Own, Some(_)) => Names::Any,
            (Door::Own, None) => Names::Loopback,
        };
        let forms = Forms::new(clock.clone())?;
        let patience = Patience::new(clock.clone());
        Ok(Self { desk, web, clock, names, lock, forms, notes: Notes::default(), patience })
    }
}

/// The routes; at an address of its own the page has its style with it, and is found at `/` too.
pub fn router(admin: Admin, door: Door) -> Router {
    let files = web::files(Arc::clone(&admin.web));
    let own = Router::new().route("/admin", any(answer)).route("/admin/{*rest}", any(answer));
    match door {
        Door::Site => own.with_state(Arc::new(admin)),
        Door::Own => own.fallback(answer).with_state(Arc::new(admin)).merge(files),
    }
}

async fn answer(
    State(admin): State<Arc<Admin>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    let mut response = admin.respond(peer, request).await.unwrap_or_else(|refusal| admin.refuse(&refusal));
    for (name, value) in HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// Why a request gets no page.
#[derive(Debug)]
enum Refusal {
    /// It came under a name that is none of ours.
    Misdirected,
    NotFound,
    Method,
    /// A form from elsewhere, or one that was not made here.
    Forged,
    /// A form that did its work already.
    Used,
    Old,
    TooLarge,
    Wait(Duration),
    Broken(String),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Broken(error.to_string())
    }
}

/// A form that was let in.
#[derive(Debug, Default)]
struct Form {
    token: String,
    of: String,
    to: String,
    back: String,
    /// Written by hand.
    name: String,
    reason: String,
    password: String,
}

impl Form {
    fn read(bytes: &[u8]) -> Self {
        let mut form = Self::default();
        for (name, value) in url::form_urlencoded::parse(bytes) {
            let field = match name.as_ref() {
                "token" => &mut form.token,
                "of" => &mut form.of,
                "to" => &mut form.to,
                "back" => &mut form.back,
                "name" => &mut form.name,
                "reason" => &mut form.reason,
                "password" => &mut form.password,
                _ => continue,
            };
            *field = value.into_owned();
        }
        form
    }

    /// The page that follows: one of ours, whatever the form says.
    fn back(&self) -> &str {
        let path = self.back.split('?').next().unwrap_or_default();
        let is_ours = PLACES.iter().any(|(place, _)| *place == path);
        if is_ours && self.back.bytes().all(|byte| byte.is_ascii_graphic()) { &self.back } else { "/admin" }
    }
}

impl Admin {
    async fn respond(&self, peer: SocketAddr, request: Request<Body>) -> Result<Response, Refusal> {
        let client = gate::client(peer, request.headers());
        if let Some(wait) = self.web.gate.knock(client) {
            return Err(Refusal::Wait(wait));
        }
        let Some(host) = entrance::host_of(&request).filter(|host| self.names.hold(host)) else {
            return Err(Refusal::Misdirected);
        };
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().trim_end_matches('/');
        let session = self.session(&parts.headers).await?;
        match parts.method {
            Method::GET | Method::HEAD => {
                let query = parts.uri.query().unwrap_or_default();
                match (path, session) {
                    ("", _) => Ok(see_other("/admin")),
                    (SIGN_IN, None) => self.ask_password(None).await,
                    (SIGN_IN, Some(_)) => Ok(see_other("/admin")),
                    (_, None) => Ok(see_other(SIGN_IN)),
                    (_, Some(session)) => show::page(self, path, query, &session).await,
                }
            }
            Method::POST => {
                if !entrance::is_from_here(&parts.headers, &host) {
                    return Err(Refusal::Forged);
                }
                let form = read_form(body).await?;
                match (path, session) {
                    (SIGN_IN, session) => self.sign_in(client, session.as_deref(), &form).await,
                    (_, None) => Ok(see_other(SIGN_IN)),
                    (SIGN_OUT, Some(session)) => self.sign_out(&session, &form).await,
                    (_, Some(session)) => self.act(path, &session, &form).await,
                }
            }
            _ => Err(Refusal::Method),
        }
    }

    /// Whoever is there: their session, which is empty where no password is asked.
    async fn session(&self, headers: &HeaderMap) -> Result<Option<String>, Refusal> {
        let Some(lock) = &self.lock else { return Ok(Some(String::new())) };
        let named = headers.get_all(header::COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
        let named: Vec<&str> = named.filter_map(|cookie| lock.session_in(cookie)).collect();
        if named.is_empty() {
            return Ok(None);
        }
        let (era, now) = (self.era().await?, self.clock.now());
        Ok(named.into_iter().find(|session| lock.knows(session, era, now)).map(str::to_owned))
    }

    async fn era(&self) -> Result<u64, StoreError> {
        let era = self.desk.store.fact(ERA).await?;
        Ok(era.and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// The token of the form that asks for the password is signed too: nobody else's page can sign anybody in.
    async fn ask_password(&self, note: Option<Note>) -> Result<Response, Refusal> {
        let button = self.button("", SIGN_IN, "", "", "/admin", "Sign in");
        let frame = Frame { note, sign_out: None, ..self.frame("", "").await? };
        Ok(html(StatusCode::OK, site::admin::sign_in(&frame, &button)))
    }

    async fn sign_in(&self, client: Option<IpAddr>, session: Option<&str>, form: &Form) -> Result<Response, Refusal> {
        let Some(lock) = &self.lock else { return Err(Refusal::NotFound) };
        if session.is_some() {
            return Ok(see_other("/admin"));
        }
        if let Some(wait) = self.patience.wait(client) {
            return Err(Refusal::Wait(wait));
        }
        self.take(form, Deed { session: "", action: SIGN_IN, of: "", to: "" })?;
        if !lock.opens(form.password.trim()) {
            self.patience.failed(client);
            tracing::warn!(?client, "somebody gave a wrong password for the operator's page");
            let text = "That is not the password.".to_owned();
            let mut response = self.ask_password(Some(Note { text, is_problem: true })).await?;
            *response.status_mut() = StatusCode::FORBIDDEN;
            return Ok(response);
        }
        self.patience.succeeded(client);
        tracing::info!("the operator signed in");
        let begun = lock.begin(self.era().await?, self.clock.now());
        let session = begun.ok_or_else(|| Refusal::Broken("this machine gives no chance for a session".to_owned()))?;
        with_cookie(see_other("/admin"), &lock.set_cookie(Some(&session)))
    }

    /// Ends every session, in whatever browser.
    async fn sign_out(&self, session: &str, form: &Form) -> Result<Response, Refusal> {
        let Some(lock) = &self.lock else { return Err(Refusal::NotFound) };
        self.take(form, Deed { session, action: SIGN_OUT, of: "", to: "" })?;
        let era = self.era().await?.saturating_add(1);
        self.desk.store.remember_fact(ERA, &era.to_string()).await?;
        tracing::info!("the operator signed out; every session ended");
        with_cookie(see_other(SIGN_IN), &lock.set_cookie(None))
    }

    /// Does what a form says, once, and goes on to the page that shows it.
    async fn act(&self, path: &str, session: &str, form: &Form) -> Result<Response, Refusal> {
        let Some(action) = deed::ACTIONS.iter().copied().find(|action| *action == path) else {
            return Err(Refusal::NotFound);
        };
        self.take(form, Deed { session, action, of: &form.of, to: &form.to })?;
        let note = deed::done(&self.desk, action, form).await;
        tracing::info!(action, of = form.of, "the operator's page: {}", note.text);
        let (back, number) = (form.back(), self.notes.keep(note));
        let separator = if back.contains('?') { '&' } else { '?' };
        Ok(see_other(&format!("{back}{separator}note={number}")))
    }

    fn take(&self, form: &Form, deed: Deed<'_>) -> Result<(), Refusal> {
        match self.forms.take(&form.token, deed) {
            Verdict::Good => Ok(()),
            Verdict::Used => Err(Refusal::Used),
            Verdict::Old => Err(Refusal::Old),
            Verdict::Forged => Err(Refusal::Forged),
        }
    }

    fn button(
        &self,
        session: &str,
        action: &'static str,
        of: &str,
        to: &str,
        back: &str,
        words: &'static str,
    ) -> Button {
        Button {
            token: self.forms.token(Deed { session, action, of, to }),
            action,
            of: of.to_owned(),
            to: to.to_owned(),
            back: back.to_owned(),
            words,
            about: String::new(),
            asks: None,
        }
    }

    /// The frame of a page for whoever has this session.
    async fn frame(&self, here: &'static str, session: &str) -> Result<Frame<'_>, Refusal> {
        let sign_out = self.lock.is_some().then(|| self.button(session, SIGN_OUT, "", "", "", "Sign out"));
        let store = &self.desk.store;
        let (replies_waiting, followers_waiting) = match here {
            // Nothing is told at the door.
            "" => (0, 0),
            _ => (store.count_waiting_replies().await?, store.underway().await?.followers_waiting),
        };
        Ok(Frame {
            site: &self.desk.site,
            here,
            note: None,
            sign_out,
            replies_waiting,
            followers_waiting: u64::try_from(followers_waiting).unwrap_or(0),
            now: self.clock.now(),
        })
    }

    fn refuse(&self, refusal: &Refusal) -> Response {
        let (status, title, words) = match refusal {
            Refusal::Misdirected => (
                StatusCode::MISDIRECTED_REQUEST,
                "Wrong address",
                "The operator's page does not answer to this name. Without a password it answers to localhost only: reach \
                 it through an SSH tunnel, or give it a password_file.",
            ),
            Refusal::NotFound => (StatusCode::NOT_FOUND, "No such page", "The operator has no page at this address."),
            Refusal::Method => (StatusCode::METHOD_NOT_ALLOWED, "Not done", "This page is read, and sent forms to."),
            Refusal::Forged => (
                StatusCode::FORBIDDEN,
                "Not done",
                "That form was not one of this page's own, or is from before a restart. Nothing was done. Open the page \
                 again and press the button there.",
            ),
            Refusal::Used => (
                StatusCode::CONFLICT,
                "Done already",
                "That form was sent before, and did its work then. Nothing was done a second time.",
            ),
            Refusal::Old => (
                StatusCode::FORBIDDEN,
                "Not done",
                "That form lay open for too long. Nothing was done. Open the page again and press the button there.",
            ),
            Refusal::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Not done", "That is too long for a form."),
            Refusal::Wait(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "Wait a moment",
                "There were too many tries. Wait a little, then try again.",
            ),
            Refusal::Broken(why) => {
                tracing::error!(error = why, "the operator's page could not be made: {why}");
                (StatusCode::SERVICE_UNAVAILABLE, "Out of order", why.as_str())
            }
        };
        let frame = Frame {
            site: &self.desk.site,
            here: "",
            note: None,
            sign_out: None,
            replies_waiting: 0,
            followers_waiting: 0,
            now: self.clock.now(),
        };
        // Whoever is not let in is not told what broke.
        let words = if matches!(refusal, Refusal::Broken(_)) && self.lock.is_some() {
            "Something broke; the log says what. Try again a little later."
        } else {
            words
        };
        let mut response = html(status, site::admin::refused(&frame, title, words));
        match refusal {
            Refusal::Wait(wait) => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
            }
            Refusal::Method => {
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
            }
            _ => {}
        }
        response
    }
}

async fn read_form(body: Body) -> Result<Form, Refusal> {
    match tokio::time::timeout(FORM_TIMEOUT, to_bytes(body, FORM_BYTES_MAX)).await {
        Ok(Ok(bytes)) => Ok(Form::read(&bytes)),
        Ok(Err(_)) => Err(Refusal::TooLarge),
        Err(_) => Err(Refusal::Old),
    }
}

fn html(status: StatusCode, page: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

fn see_other(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(path) => (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn with_cookie(mut response: Response, cookie: &str) -> Result<Response, Refusal> {
    let cookie = HeaderValue::from_str(cookie).map_err(|error| Refusal::Broken(error.to_string()))?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_back_to_a_page_of_ours_only() {
        for (back, followed) in [
            ("/admin/replies?which=waiting", "/admin/replies?which=waiting"),
            ("/admin", "/admin"),
            ("https://evil.example/admin", "/admin"),
            ("//evil.example", "/admin"),
            ("/admin/../", "/admin"),
            ("/admin/replies?x\r\nset-cookie: a=b", "/admin"),
            ("", "/admin"),
        ] {
            let form = Form { back: back.to_owned(), ..Form::default() };
            assert_eq!(form.back(), followed, "{back}");
        }
    }
}
