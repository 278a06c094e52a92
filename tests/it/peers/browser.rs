//! Debian's Chromium, headless, driven through ChromeDriver.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use super::program::Program;
use super::{locate, repository};

/// Everything a loaded machine may take to show another page.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

/// A browser with a new, empty profile.
pub struct Browser {
    /// For finding, clicking and reading; every `fantoccini` call is there.
    pub client: Client,
    driver_port: u16,
    session: String,
    _driver: Program,
    _profile: TempDir,
}

impl Browser {
    /// Starts one; `None` where Chromium is not installed.
    pub async fn start() -> Option<Browser> {
        let (chromium, chromedriver) = (locate("CHROMIUM")?, locate("CHROMEDRIVER")?);
        let mut driver = Program::start(&chromedriver, |command| {
            command.arg("--port=0");
        });
        let port_said = |line: &str| line.split("successfully on port ").nth(1)?.trim_end_matches('.').parse().ok();
        let driver_port: u16 = driver.line(port_said).await;
        let profile = tempfile::tempdir().unwrap();
        let client = ClientBuilder::rustls()
            .unwrap()
            .capabilities(capabilities(&chromium, profile.path()))
            .connect(&format!("http://127.0.0.1:{driver_port}"))
            .await
            .unwrap_or_else(|error| panic!("start {}: {error}", chromium.display()));
        let session = client.session_id().await.unwrap().expect("a session was opened");
        Some(Browser { client, driver_port, session, _driver: driver, _profile: profile })
    }

    /// Opens a page and returns when it has loaded.
    pub async fn open(&self, address: &str) {
        self.client.goto(address).await.unwrap_or_else(|error| panic!("open {address}: {error}"));
    }

    /// Clicks what leads to another page, and returns when that one has loaded: a click by itself may be over before.
    pub async fn follow(&self, place: Locator<'_>) {
        let found = self.client.find(place).await;
        let element = found.unwrap_or_else(|error| panic!("{place:?}: {error}"));
        self.client.execute("document.documentElement.dataset.left = ''", Vec::new()).await.unwrap();
        element.click().await.unwrap_or_else(|error| panic!("{place:?}: {error}"));
        let another = "return !('left' in document.documentElement.dataset) && document.readyState === 'complete'";
        let loaded = async {
            // Between two pages there is none to ask.
            while !matches!(self.client.execute(another, Vec::new()).await, Ok(Value::Bool(true))) {
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(PATIENCE, loaded).await.unwrap_or_else(|_| panic!("{place:?} led nowhere"));
    }

    /// The whole open page as PNG, laid out for a viewport of `width` CSS pixels (a phone has 390, a desktop 1280);
    /// kept as `target/screenshots/NAME-WIDTH.png` for a person to look at.
    pub async fn screenshot(&self, name: &str, width: u32) -> PathBuf {
        self.set_width(width).await;
        let shot = self.devtools("Page.captureScreenshot", json!({ "captureBeyondViewport": true })).await;
        let png = BASE64_STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        let folder = repository().join("target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{name}-{width}.png"));
        std::fs::write(&path, png).unwrap();
        path
    }

    /// Lays the page out for a viewport of `width` CSS pixels.
    pub async fn set_width(&self, width: u32) {
        let mobile = width < 600;
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": mobile });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// What a reader sees who prefers `light` or `dark`.
    pub async fn prefer_colour_scheme(&self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// What the browser complained about since the last call: a breach of the Content-Security-Policy, a picture
    /// that was not there.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.command("se/log", json!({ "type": "browser" })).await;
        log.as_array().unwrap().iter().map(|entry| entry["message"].to_string()).collect()
    }

    /// A command of the Chrome DevTools Protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.command("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    async fn command(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Command { path, body }).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

impl Drop for Browser {
    /// ChromeDriver, when killed, leaves its Chromium running: the session is closed first.
    fn drop(&mut self) {
        let request =
            format!("DELETE /session/{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", self.session);
        if let Ok(mut driver) = TcpStream::connect(("127.0.0.1", self.driver_port)) {
            let _ = driver.set_read_timeout(Some(Duration::from_secs(10)));
            let _ = driver.write_all(request.as_bytes());
            let _ = driver.read(&mut [0; 1024]);
        }
    }
}

fn capabilities(chromium: &Path, profile: &Path) -> Capabilities {
    // Without a sandbox because root, as in containers, has none; the rest keeps it from calling home.
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--force-color-profile=srgb",
        &format!("--user-data-dir={}", profile.display()),
    ];
    let capabilities = json!({
        "goog:chromeOptions": { "binary": chromium, "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    capabilities.as_object().unwrap().clone()
}

/// A command of ChromeDriver's own, beside those of WebDriver.
#[derive(Debug)]
struct Command {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Command {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, url::ParseError> {
        base_url.join(&format!("session/{}/{}", session_id.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

#[tokio::test]
async fn a_browser_shows_a_page_at_the_width_of_a_phone() {
    let Some(browser) = Browser::start().await else { return };
    let page = r#"<!doctype html><meta name="viewport" content="width=device-width"><title>Dune</title>
        <h1>Sand</h1><script>console.error("dry")</script>"#;
    browser.open(&format!("data:text/html,{page}")).await;
    assert_eq!(browser.client.title().await.unwrap(), "Dune");
    for width in [390, 1280] {
        assert_eq!(image::open(browser.screenshot("a-page", width).await).unwrap().width(), width);
    }
    let complaints = browser.complaints().await;
    assert!(complaints.iter().any(|complaint| complaint.contains("dry")), "{complaints:?}");
}
