//! The way from our page to the visitor's own server, where they answer, like or boost.

use askama::Template;

use super::{REVIEWERS_IN_MASTHEAD, Shell, card::Link, head::Head, rendered, statics};

/// Where a visitor stands on that way.
#[derive(Debug, Clone, Copy)]
pub enum Way<'a> {
    /// They have not said who they are, or not so that it helps: why.
    Ask { account: &'a str, why_not: Option<&'a str> },
    /// Their server opens the post at this address of its own.
    Open { to: &'a str, host: &'a str },
    /// Their server names no such address: they search for the post there.
    Search { host: &'a str },
}

/// What they are about to answer.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Its ActivityPub id, which every server can look up.
    pub uri: &'a str,
    /// `Dune by Frank Herbert`, or whose reply it is.
    pub title: &'a str,
    /// Where it stands on our site.
    pub path: &'a str,
}

/// `/interact`.
pub fn interact(shell: &Shell<'_>, target: &Target<'_>, way: Way<'_>) -> String {
    let head = Head::new(shell, "Answer from your own account", "/interact").hidden();
    let back = Link { name: target.title.to_owned(), path: target.path.to_owned() };
    let (account, again) = match way {
        Way::Ask { account, why_not } => (account, why_not.is_some()),
        Way::Open { .. } | Way::Search { .. } => ("", false),
    };
    rendered(&InteractTemplate { shell, head, uri: target.uri, back, way, account, again })
}

#[derive(Template)]
#[template(path = "interact.html")]
struct InteractTemplate<'a> {
    shell: &'a Shell<'a>,
    head: Head,
    uri: &'a str,
    back: Link,
    way: Way<'a>,
    account: &'a str,
    /// What was typed leads nowhere.
    again: bool,
}
