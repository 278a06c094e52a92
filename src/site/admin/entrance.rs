//! The way in, and why something was not done.

use askama::Template;

use super::{Button, Frame, PLACES};
use crate::site::{rendered, statics};

/// The form that asks for the password; `button` has its token.
pub fn sign_in(frame: &Frame<'_>, button: &Button) -> String {
    rendered(&SignInTemplate { frame, button })
}

/// A page that says why nothing was done, and what to do.
pub fn refused(frame: &Frame<'_>, title: &str, words: &str) -> String {
    rendered(&RefusedTemplate { frame, title, words })
}

#[derive(Template)]
#[template(path = "admin/sign_in.html")]
struct SignInTemplate<'a> {
    frame: &'a Frame<'a>,
    button: &'a Button,
}

#[derive(Template)]
#[template(path = "admin/refused.html")]
struct RefusedTemplate<'a> {
    frame: &'a Frame<'a>,
    title: &'a str,
    words: &'a str,
}
