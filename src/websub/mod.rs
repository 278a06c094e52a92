//! The WebSub hub (<https://www.w3.org/TR/websub/>) for the site's own feeds: who subscribed is asked, and told of changes.
//!
//! [`Hub::ask`] takes requests, [`Courier`] asks callbacks and brings them feeds, each as an attempt of the one queue of
//! deliveries. Which feed changed is not known here: `web` makes feeds and hands them to [`Hub::push`].

mod courier;
mod hub;
mod pace;
mod request;

pub use courier::Courier;
pub use hub::{Hub, Setup};
pub use request::{Refusal, Request, read};
