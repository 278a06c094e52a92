//! The hub as subscribers see it: whoever asked for a feed, and means it, has every change of it at once.
#![allow(clippy::disallowed_methods, reason = "subscribers have their own clients")]

mod hostile;
mod others;
mod push;
mod subscribe;
mod talk;

use aws_lc_rs::hmac;
use reviewd::feed::Dialect;

use crate::fediverse::{
    daemon::Daemon,
    neighbour::{Answer, Asked, Neighbour, client},
};

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);
const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
const SECRET: &str = "between us";

/// A review with these tags.
fn review(title: &str, tags: &str, words: &str) -> String {
    format!("---\ntitle: {title}\nauthor: Frank Herbert\nrating: 4.5/5\ntags: [{tags}]\n---\n\n{words}\n")
}

/// Posts a form to the hub: status and words.
async fn ask(daemon: &Daemon, form: &[(&str, &str)]) -> (u16, String) {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = client().post(daemon.door("/websub")).header("content-type", "application/x-www-form-urlencoded");
    let answer = request.body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn request(daemon: &Daemon, mode: &str, topic: &str, callback: &str, more: &[(&str, &str)]) -> (u16, String) {
    let form = [("hub.mode", mode), ("hub.topic", topic), ("hub.callback", callback)];
    ask(daemon, &[&form, more].concat()).await
}

/// A reader's server that confirms whatever it is asked at these paths.
pub async fn reader(daemon: &Daemon, callbacks: &[&str]) -> Neighbour {
    let reader = Neighbour::open(daemon).await;
    for callback in callbacks {
        reader.serve(callback, Answer::Echo);
    }
    reader
}

/// Subscribes a callback of this reader to a feed, and waits until it was asked and said yes.
pub async fn subscribe(daemon: &Daemon, reader: &Neighbour, path: &str, callback: &str, more: &[(&str, &str)]) {
    let before = daemon.running().store.websub_figures().await.unwrap().subscriptions;
    let callback = format!("{}{callback}", reader.origin);
    let answer = request(daemon, "subscribe", &daemon.url(path), &callback, more).await;
    assert_eq!(answer.0, 202, "{}", answer.1);
    subscriptions_when(daemon, before + 1).await;
}

/// Waits until there are so many subscriptions.
async fn subscriptions_when(daemon: &Daemon, count: i64) {
    let now = async || daemon.running().store.websub_figures().await.unwrap().subscriptions;
    daemon.when(async || (now().await == count).then_some(())).await;
}

/// Holds a push to what the feed is at this moment.
async fn is_the_feed(daemon: &Daemon, post: &Asked, path: &str, secret: Option<&str>) {
    let feed = client().get(daemon.door(path)).send().await.unwrap();
    let header = |name: &str| post.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("content-type").as_deref(), Some(Dialect::of_address(path).unwrap().content_type()));
    assert_eq!(header("content-type").unwrap(), feed.headers()["content-type"].to_str().unwrap());
    let links = format!("<{}>; rel=\"hub\", <{}>; rel=\"self\"", daemon.url("/websub"), daemon.url(path));
    assert_eq!(header("link"), Some(links));
    let body = feed.bytes().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&post.body), String::from_utf8_lossy(&body));
    let signature = secret.map(|secret| {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), &body);
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256={hex}")
    });
    assert_eq!(header("x-hub-signature"), signature);
}
