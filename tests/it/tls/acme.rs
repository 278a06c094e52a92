//! Certificates from a real authority: Caddy's ACME server, which looks at ports 80 and 443 as every other does.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::StatusCode;
use tempfile::TempDir;

use super::{Site, Stranger, apart::is_inside};
use crate::peers::{Program, locate};

const HOST: &str = "books.example";
const DIRECTORY: &str = "https://localhost:9443/acme/local/directory";
/// Caddy's certificates live for half a day, and are renewed after two thirds of it.
const UNTIL_RENEWAL: Duration = Duration::from_secs(9 * 3600);
const TEN_MINUTES: Duration = Duration::from_secs(600);

struct Caddy {
    program: PathBuf,
    running: Option<Program>,
    home: TempDir,
}

impl Caddy {
    /// `None` where there is no Caddy.
    async fn start() -> Option<Caddy> {
        let mut caddy = Caddy { program: locate("CADDY")?, running: None, home: tempfile::tempdir().unwrap() };
        let storage = caddy.home.path().join("storage");
        let settings = format!(
            "{{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n\tskip_install_trust\n\
             \tstorage file_system {}\n\thttps_port 9443\n}}\nhttps://localhost:9443 {{\n\ttls internal\n\tacme_server\n}}\n",
            storage.display()
        );
        fs::write(caddy.home.path().join("Caddyfile"), settings).unwrap();
        caddy.begin().await;
        Some(caddy)
    }

    async fn begin(&mut self) {
        let home = self.home.path().to_owned();
        let mut running = Program::start(&self.program, |command| {
            command.args(["run", "--adapter", "caddyfile", "--config"]).arg(home.join("Caddyfile"));
            command.env("HOME", &home).env("XDG_DATA_HOME", &home).env("XDG_CONFIG_HOME", &home);
        });
        // Its own certificate is the last thing it needs.
        let ready = |line: &str| line.contains("serving initial configuration").then_some(());
        running.line(ready).await;
        self.running = Some(running);
    }

    fn end(&mut self) {
        self.running = None;
    }

    /// What vouches for it, and for what it gives.
    fn root(&self) -> PathBuf {
        self.home.path().join("storage/pki/authorities/local/root.crt")
    }

    fn settings(&self, listen: &str, http: &str) -> String {
        format!(
            "origin = \"https://{HOST}\"\nlisten = \"{listen}\"\n[tls]\nacme = true\nagree_to_terms = true\n\
             contact = \"ana@books.example\"\ndirectory = \"{DIRECTORY}\"\ndirectory_ca = \"{}\"\nlisten_http = {http}",
            self.root().display()
        )
    }

    fn stranger(&self) -> Stranger {
        Stranger::who_believes(&self.root())
    }
}

/// The body of a test, in a network of its own.
fn apart(test: impl AsyncFnOnce(Caddy)) {
    if !is_inside() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        if let Some(caddy) = Caddy::start().await {
            test(caddy).await;
        }
    });
}

#[test]
fn a_certificate_is_had_by_what_port_80_says() {
    apart(async |caddy| {
        // Nobody is on port 443, so there is no other way.
        let site = Site::start(&caddy.settings("127.0.0.1:8443", "\"127.0.0.1:80\"")).await;
        let state = site.comes_to(|state| state.validity.is_some() || state.ailment.is_some()).await;
        assert_eq!(state.ailment, None);
        let client = caddy.stranger().client(HOST, site.https());
        let feed = client.get(format!("https://{HOST}/feed.xml")).send().await.unwrap();
        assert_eq!(feed.status(), StatusCode::OK);
        assert_private(&site.data().join("tls"));
        site.stop().await;
    });
}

#[test]
fn a_certificate_is_had_by_what_port_443_shows() {
    apart(async |caddy| {
        let mut site = Site::start(&caddy.settings("127.0.0.1:443", "false")).await;
        let state = site.comes_to(|state| state.validity.is_some() || state.ailment.is_some()).await;
        assert_eq!(state.ailment, None);
        let stranger = caddy.stranger();
        let shown = stranger.shown(site.https(), HOST).await.unwrap();
        // What was given is kept: a start asks nobody.
        let mut caddy = caddy;
        caddy.end();
        site.reload().await;
        assert_eq!(stranger.shown(site.https(), HOST).await.unwrap(), shown);
        site.stop().await;
    });
}

#[test]
fn a_certificate_is_renewed_in_time_and_while_the_authority_is_away_the_old_one_stays() {
    apart(async |mut caddy| {
        let site = Site::start(&caddy.settings("127.0.0.1:443", "\"127.0.0.1:80\"")).await;
        site.comes_to(|state| state.validity.is_some()).await;
        let stranger = caddy.stranger();
        let first = stranger.shown(site.https(), HOST).await.unwrap();

        site.hand.turn(UNTIL_RENEWAL);
        let first_validity = site.state().validity;
        site.turns_to(TEN_MINUTES, |state| state.validity != first_validity).await;
        let second = stranger.shown(site.https(), HOST).await.unwrap();
        assert_ne!(first, second);

        caddy.end();
        let ill = site.turns_to(TEN_MINUTES, |state| state.ailment.is_some()).await;
        let why = ill.ailment.as_ref().unwrap();
        assert!(why.starts_with(&format!("{DIRECTORY} was not reached: ")), "{why}");
        assert!(ill.next_try.is_some() && !ill.is_grave, "one failure is no alarm: {ill:?}");
        let grave = site.turns_to(TEN_MINUTES, |state| state.is_grave).await;
        assert!(grave.next_try.unwrap().duration_since(site.clock.now()).as_mins() <= 24, "{grave:?}");
        assert_eq!(stranger.shown(site.https(), HOST).await.unwrap(), second);

        caddy.begin().await;
        site.turns_to(TEN_MINUTES, |state| state.ailment.is_none()).await;
        assert_ne!(stranger.shown(site.https(), HOST).await.unwrap(), second);
        site.stop().await;
    });
}

#[test]
fn while_no_certificate_can_be_had_nobody_is_served_and_everybody_is_told_why() {
    apart(async |caddy| {
        // The authority comes to ports 80 and 443, and the site is elsewhere.
        let settings = caddy.settings("127.0.0.1:8443", "\"127.0.0.1:8080\"");
        let mut site = Site::start(&settings).await;
        let ill = site.comes_to(|state| state.ailment.is_some()).await;
        let why = ill.ailment.clone().unwrap();
        assert!(why.starts_with("the authority did not find this site at books.example: "), "{why}");
        assert!(why.ends_with("see that books.example leads to this machine and its port 80 is open"), "{why}");

        let stranger = caddy.stranger();
        let refused = stranger.shown(site.https(), HOST).await.unwrap_err().to_string();
        assert!(refused.contains("AccessDenied"), "{refused}");
        let client = stranger.client(HOST, site.http());
        let answer = client.get(format!("http://{HOST}/feed.xml")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        let told = answer.text().await.unwrap();
        assert!(told.contains("has no certificate yet") && told.contains(&why), "{told}");

        // The next try takes the other way.
        site.turns_to(TEN_MINUTES, |state| state.ailment.as_ref().is_some_and(|why| why.contains("port 443"))).await;
        let alarm = site.state().alarm(site.clock.now()).unwrap();
        assert!(alarm.starts_with("there is no certificate: the authority did not find"), "{alarm}");

        // A person opens the ports, and starts again.
        site.running.take().unwrap().stop().await;
        site.config = super::read(site.home.path(), &caddy.settings("127.0.0.1:443", "\"127.0.0.1:80\""));
        site.begin().await.unwrap();
        site.comes_to(|state| state.validity.is_some() && state.ailment.is_none()).await;
        stranger.shown(site.https(), HOST).await.unwrap();
        site.stop().await;
    });
}

/// Nobody but its owner reads anything in it.
fn assert_private(directory: &Path) {
    let mut entries = vec![directory.to_owned()];
    let mut files = 0;
    while let Some(path) = entries.pop() {
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o077, 0, "{}", path.display());
        match metadata.is_dir() {
            true => entries.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path())),
            false => files += 1,
        }
    }
    assert!(files >= 2, "an account and a certificate");
}
