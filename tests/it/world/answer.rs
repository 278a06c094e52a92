//! What the program answers, as a test wants to hold it.

use reqwest::{Response, header::HeaderMap};
use serde_json::Value;

/// An answer read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// An item of a feed.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub guid: String,
    pub title: String,
    pub url: String,
    pub published: String,
    pub modified: String,
    pub content: String,
}

impl Answer {
    pub async fn read(path: &str, response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap_or_else(|error| panic!("{path}: {error}")).to_vec();
        Self { status, headers, body }
    }

    /// All values of a header in one line; empty where it is not there.
    pub fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter().map(|value| value.to_str().unwrap());
        values.collect::<Vec<_>>().join(", ")
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

impl Item {
    pub fn new(item: &Value) -> Self {
        let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
        Self {
            guid: text("id"),
            title: text("title"),
            url: text("url"),
            published: text("date_published"),
            modified: text("date_modified"),
            content: text("content_html"),
        }
    }
}

/// A GET of any address.
pub async fn fetch(address: &str) -> Answer {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let response = client.get(address).send().await.unwrap_or_else(|error| panic!("{address}: {error}"));
    Answer::read(address, response).await
}
