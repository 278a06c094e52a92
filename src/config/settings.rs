//! From what was written to [`Config`]: every key's type, default and example, section by section.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    AdminSettings, Config, ControlSettings, DeliverySettings, FederationSettings, FeedSettings, LogSettings,
    MetricsSettings, Moderation, NotifySettings, Poll, PostgresSettings, PublishSettings, ReplySettings,
    ReviewerSettings, SiteSettings, StoreSettings, WebsubSettings, check,
    source::{Place, SECTIONS, Section, Sources, suggestion},
    tls,
    value::{self, Refusal, Value},
};
use crate::domain::{Handle, Origin, Problem, reviewer::ProfileLink};

/// Where the program listens when nobody says: port 8080 of this machine alone.
const PORT: u16 = 8080;
/// With a certificate of its own it is what the world comes to: every address of the machine, of IPv4 too.
const OPEN_HTTPS: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 443);

/// The password of the operator's page as the service manager hands it over (`LoadCredential=admin.password:…`).
const ADMIN_CREDENTIAL: &str = "admin.password";

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Defaults that depend on where and how the program was started.
pub struct Defaults {
    /// The settings file's directory, or the working directory.
    base: PathBuf,
    /// systemd's `StateDirectory=`.
    state: Option<PathBuf>,
    /// systemd's `RuntimeDirectory=`.
    runtime: Option<PathBuf>,
    /// systemd's `LoadCredential=`.
    credentials: Option<PathBuf>,
}

/// The credential that holds the password of the PostgreSQL database.
const PASSWORD: &str = "postgres.password";

/// The settings of system services lie here: `reviewd.toml` of reviewd.service, `ana.toml` of reviewd@ana.service.
const SYSTEM_DIRECTORY: &str = "/etc/reviewd";

impl Defaults {
    /// A command typed by hand has no directories from systemd, but must find those of the service whose settings `file`
    /// has.
    pub fn new(base: PathBuf, file: Option<&Path>, environment: &BTreeMap<String, String>) -> Self {
        // Each may hold several directories, separated by colons (systemd.exec(5)).
        let directory = |name| {
            let first = environment.get(name)?.split(':').next()?;
            (!first.is_empty()).then(|| PathBuf::from(first))
        };
        let service = file.and_then(service_of);
        let of_service = |parent: &str| service.as_ref().map(|service| Path::new(parent).join(service));
        Self {
            base,
            state: directory("STATE_DIRECTORY").or_else(|| of_service("/var/lib")),
            runtime: directory("RUNTIME_DIRECTORY").or_else(|| of_service("/run")),
            credentials: directory("CREDENTIALS_DIRECTORY"),
        }
    }

    fn database(&self) -> PathBuf {
        match &self.state {
            Some(state) => state.join("reviewd.db"),
            None => self.base.join("data/reviewd.db"),
        }
    }

    fn folder(&self) -> PathBuf {
        self.state.as_ref().unwrap_or(&self.base).join("reviews")
    }

    fn socket(&self, database: &Path) -> PathBuf {
        let beside = self.runtime.as_deref().or_else(|| database.parent()).unwrap_or(&self.base);
        beside.join("control.sock")
    }
}

/// What the directories of the service with this settings file are called (deploy/reviewd.service, reviewd@.service).
fn service_of(file: &Path) -> Option<String> {
    let name = file.strip_prefix(SYSTEM_DIRECTORY).ok()?.to_str()?.strip_suffix(".toml")?;
    match name {
        "reviewd" => Some(name.to_owned()),
        name if !name.is_empty() && !name.contains('/') => Some(format!("reviewd-{name}")),
        _ => None,
    }
}

/// Reads every section and checks them against one another.
pub fn build(mut sources: Sources, file: Option<PathBuf>, defaults: &Defaults) -> Result<Config, Vec<Problem>> {
    let mut problems = std::mem::take(&mut sources.problems);
    let mut places = check::Places::default();
    let tls = tls::written(sources.section("tls"), &mut places, &mut problems);
    let site = site(sources.section("site"), tls.is_some(), &mut places, &mut problems);
    let store = store(sources.section("store"), defaults, &mut places, &mut problems);
    let reviewers = reviewers(&mut sources, defaults, &store.database, &mut places, &mut problems);
    let config = Config {
        file,
        reviewers,
        publish: publish(sources.section("publish"), &mut problems),
        replies: replies(sources.section("replies"), &mut problems),
        delivery: delivery(sources.section("delivery"), &mut problems),
        feeds: feeds(sources.section("feeds"), &mut problems),
        websub: websub(sources.section("websub"), &mut problems),
        control: control(sources.section("control"), defaults.socket(&store.database), &mut problems),
        federation: federation(sources.section("federation"), &mut problems),
        notify: notify(sources.section("notify"), &mut problems),
        metrics: metrics(sources.section("metrics"), &mut problems),
        admin: admin(sources.section("admin"), defaults, &mut places, &mut problems),
        log: log(sources.section("log"), &mut problems),
        tls: tls.map(|written| written.beside(&site.listen)),
        credentials: defaults.credentials.clone(),
        site,
        store,
    };
    problems.extend(sources.sections.iter().map(|(name, (place, _))| unknown_section(name, place)));
    check::across(&config, &places, &mut problems);
    problems.sort_by(|a, b| (a.file.as_str(), a.line, a.column).cmp(&(b.file.as_str(), b.line, b.column)));
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

fn unknown_section(name: &str, place: &Place) -> Problem {
    let cure = format!("known sections are {}{}", SECTIONS.join(", "), suggestion(name, SECTIONS));
    place.problem(format!("there is no section [{name}]"), cure)
}

fn site(mut section: Section, own_tls: bool, places: &mut check::Places, problems: &mut Vec<Problem>) -> SiteSettings {
    let origin = section.read_at("origin", "\"https://books.example\"", |value, _| origin(value));
    let listen = section.read_at("listen", "\"127.0.0.1:8080\"", |value, _| listen(value));
    let (origin, origin_place) = unzip(origin);
    let (listen, listen_place) = unzip(listen);
    places.listen = listen_place.or(origin_place);
    let origin_follows_listen = origin.is_none();
    let port = listen.as_ref().and_then(|all| all.first()).map_or(PORT, SocketAddr::port);
    let origin = origin.unwrap_or_else(|| Origin::localhost(port));
    let settings = SiteSettings {
        listen: listen.unwrap_or_else(|| match own_tls && !origin.is_loopback() {
            true => vec![OPEN_HTTPS],
            false => vec![SocketAddr::from((Ipv4Addr::LOCALHOST, own_port(&origin)))],
        }),
        origin,
        origin_follows_listen,
        title: section.read("title", "\"Ana reads\"", value::words).unwrap_or_else(|| "Book reviews".into()),
        description: section
            .read("description", "\"What I read, and what I made of it\"", value::text)
            .unwrap_or_else(|| "Reviews of books".into()),
        language: section.read("language", "\"en\"", language).unwrap_or_else(|| "en".into()),
        source_url: section
            .read("source_url", "\"https://example.org/my-changed-reviewd\"", source_url)
            .unwrap_or_else(|| "/source.tar.gz".into()),
    };
    problems.extend(section.finish());
    settings
}

/// Every `[[reviewer]]`; without one, a reviewer called Reviewer.
fn reviewers(
    sources: &mut Sources,
    defaults: &Defaults,
    database: &Path,
    places: &mut check::Places,
    problems: &mut Vec<Problem>,
) -> Vec<ReviewerSettings> {
    let mut written = std::mem::take(&mut sources.reviewers);
    let nameless = Handle::parse("reviewer").ok().filter(|_| written.iter().all(|(place, _)| place.is_outside_files()));
    if written.is_empty() {
        written.push((Place::nowhere(), BTreeMap::new()));
    }
    let alone = written.len() == 1;
    let mut reviewers = Vec::new();
    for (place, settings) in written {
        let mut section = Section::new("reviewer", place, settings);
        let mirror = section.read_at("mirror", "\"conversation\", or false", mirror);
        if let Some((mut reviewer, place)) = reviewer(&mut section, nameless.as_ref(), defaults, alone) {
            reviewer.mirror = match mirror {
                Some((mirror, _)) => mirror,
                None => database.parent().map(|data| data.join("conversation").join(reviewer.handle.as_str())),
            };
            reviewers.push(reviewer);
            places.reviewers.push(place);
        }
        problems.extend(section.finish());
    }
    reviewers
}

/// `None` where a reviewer cannot be told from others; the problem is in the section.
fn reviewer(
    section: &mut Section,
    nameless: Option<&Handle>,
    defaults: &Defaults,
    alone: bool,
) -> Option<(ReviewerSettings, Place)> {
    let had_problems = section.problems.len();
    let handle = section
        .read("handle", "\"ana\"", |value| Handle::parse(&value::text(value)?).map_err(|error| error.to_string()));
    if handle.is_none() && nameless.is_none() && section.problems.len() == had_problems {
        section.missing("handle", "\"ana\": the name in @ana@books.example, for ever");
    }
    let folder = section.read_at("folder", "\"reviews\"", value::path).map(|(folder, _)| folder);
    if folder.is_none() && !alone && section.problems.len() == had_problems {
        section.missing("folder", "\"reviews/ana\": each of several reviewers has a folder");
    }
    let name = section.read("name", "\"Ana\"", value::words);
    let settings = ReviewerSettings {
        bio: section.read("bio", "\"Reads on trains.\"", value::text).unwrap_or_default(),
        folder: folder.unwrap_or_else(|| defaults.folder()),
        avatar: section.read_at("avatar", "\"ana.jpg\"", value::path).map(|(avatar, _)| avatar),
        rating_scale: section.read("rating_scale", "5", value::scale),
        links: section.read("links", "[\"https://ana.example\"]", value::list(link)).unwrap_or_default(),
        also_known_as: section
            .read("also_known_as", "[\"https://social.example/users/ana\"]", value::list(value::web_address))
            .unwrap_or_default(),
        mirror: None,
        name: name.or_else(|| handle.as_ref().map(ToString::to_string)).unwrap_or_else(|| "Reviewer".to_owned()),
        handle: handle.or_else(|| nameless.cloned())?,
    };
    Some((settings, section.place().clone()))
}

fn store(
    mut section: Section,
    defaults: &Defaults,
    places: &mut check::Places,
    problems: &mut Vec<Problem>,
) -> StoreSettings {
    let (database, place) = unzip(section.read_at("url", "\"sqlite://data/reviewd.db\"", value::database));
    places.database = place;
    let password_file = section.read_at("password_file", "\"postgres.password\"", value::path).map(|(file, _)| file);
    problems.extend(section.finish());
    let (database, url) = match database {
        Some(value::Database::File(file)) => (Some(file), None),
        Some(value::Database::Server(url)) => (None, Some(url)),
        None => (None, None),
    };
    // The service has it as a credential; a command that root types while the service is stopped reads the file.
    let credential = || defaults.credentials.as_ref().map(|from| from.join(PASSWORD)).filter(|file| file.exists());
    let postgres = url.map(|url| PostgresSettings { url, password_file: credential().or(password_file) });
    StoreSettings { database: database.unwrap_or_else(|| defaults.database()), postgres }
}

fn publish(mut section: Section, problems: &mut Vec<Problem>) -> PublishSettings {
    let settings = PublishSettings {
        settle: section.read("settle", "\"30s\"", value::duration).unwrap_or(Duration::from_secs(30)),
        announce_max: section.read("announce_max", "5", value::count(0)).unwrap_or(5),
        update_max: section.read("update_max", "20", value::count(0)).unwrap_or(20),
        delete_max: section.read("delete_max", "3", value::count(0)).unwrap_or(3),
        delete_after: section.read("delete_after", "\"10m\"", value::duration).unwrap_or(Duration::from_secs(600)),
        scan_every: section
            .read("scan_every", "\"5m\"", at_least(Duration::from_secs(1)))
            .unwrap_or(Duration::from_secs(300)),
        poll: section.read("poll", "\"auto\"", poll).unwrap_or(Poll::Auto),
        watch: section.read("watch", "true", value::yes_or_no).unwrap_or(true),
    };
    problems.extend(section.finish());
    settings
}

fn replies(mut section: Section, problems: &mut Vec<Problem>) -> ReplySettings {
    let settings = ReplySettings {
        moderation: section.read("moderation", "\"known\"", moderation).unwrap_or(Moderation::Known),
        close_after: section.read("close_after", "\"90d\"", value::duration_or_never).unwrap_or(None),
    };
    problems.extend(section.finish());
    settings
}

fn delivery(mut section: Section, problems: &mut Vec<Problem>) -> DeliverySettings {
    let settings = DeliverySettings {
        concurrency: section.read("concurrency", "64", value::count(1)).unwrap_or(64),
        per_host: section.read("per_host", "2", value::count(1)).unwrap_or(2),
        give_up_after: section.read("give_up_after", "\"7d\"", at_least(HOUR)).unwrap_or(7 * DAY),
    };
    problems.extend(section.finish());
    settings
}

fn feeds(mut section: Section, problems: &mut Vec<Problem>) -> FeedSettings {
    let settings = FeedSettings {
        items: section.read("items", "50", value::count(1)).unwrap_or(50),
        full_text: section.read("full_text", "true", value::yes_or_no).unwrap_or(true),
    };
    problems.extend(section.finish());
    settings
}

fn websub(mut section: Section, problems: &mut Vec<Problem>) -> WebsubSettings {
    let settings = WebsubSettings {
        hub: section.read("hub", "true", value::yes_or_no).unwrap_or(true),
        external_hubs: section
            .read("external_hubs", "[\"https://hub.example/\"]", value::list(value::web_address))
            .unwrap_or_default(),
        lease: section.read("lease", "\"10d\"", at_least(DAY)).unwrap_or(10 * DAY),
        subscriptions_per_host: section.read("subscriptions_per_host", "100", value::count(1)).unwrap_or(100),
    };
    problems.extend(section.finish());
    settings
}

fn control(mut section: Section, default: PathBuf, problems: &mut Vec<Problem>) -> ControlSettings {
    let socket = section.read_at("socket", "\"/run/reviewd/control.sock\"", value::path);
    problems.extend(section.finish());
    ControlSettings { socket: socket.map_or(default, |(socket, _)| socket) }
}

fn federation(mut section: Section, problems: &mut Vec<Problem>) -> FederationSettings {
    let settings = FederationSettings {
        approve_followers: section.read("approve_followers", "false", value::yes_or_no).unwrap_or(false),
        allow_addresses: section
            .read("allow_addresses", "[\"10.0.0.0/8\"]", value::list(value::network))
            .unwrap_or_default(),
    };
    problems.extend(section.finish());
    settings
}

fn notify(mut section: Section, problems: &mut Vec<Problem>) -> NotifySettings {
    let settings = NotifySettings {
        command: section.read("command", "[\"/usr/local/bin/tell-me\"]", value::list(value::words)).unwrap_or_default(),
        feed: section.read("feed", "true", value::yes_or_no).unwrap_or(true),
    };
    problems.extend(section.finish());
    settings
}

fn metrics(mut section: Section, problems: &mut Vec<Problem>) -> MetricsSettings {
    let settings = MetricsSettings { listen: section.read("listen", "\"127.0.0.1:9464\"", value::socket) };
    problems.extend(section.finish());
    settings
}

fn admin(
    mut section: Section,
    defaults: &Defaults,
    places: &mut check::Places,
    problems: &mut Vec<Problem>,
) -> AdminSettings {
    let (listen, place) = unzip(section.read_at("listen", "\"127.0.0.1:9465\"", |value, _| value::socket(value)));
    places.admin = place;
    let file = section.read_at("password_file", "\"admin.password\"", value::path).map(|(file, _)| file);
    problems.extend(section.finish());
    // A credential of that name is a password too, and beats the file.
    let credential = defaults.credentials.as_ref().map(|directory| directory.join(ADMIN_CREDENTIAL));
    AdminSettings { listen, password_file: credential.filter(|file| file.exists()).or(file) }
}

fn log(mut section: Section, problems: &mut Vec<Problem>) -> LogSettings {
    let filter = section.read("filter", "\"info\"", value::words).unwrap_or_else(|| "info".into());
    let otlp = section.read("otlp", "\"http://127.0.0.1:4318\"", value::web_address);
    problems.extend(section.finish());
    LogSettings { filter, otlp }
}

fn origin(value: &Value) -> Result<Origin, Refusal> {
    let text = value::text(value)?;
    Origin::parse(&text).map_err(|error| {
        let over_https = text.replacen("http://", "https://", 1);
        if over_https != text && Origin::parse(&over_https).is_ok() {
            format!("`{text}` is not https: plain http is for a trial on this machine only")
        } else {
            error.to_string()
        }
    })
}

fn listen(value: &Value) -> Result<Vec<SocketAddr>, Refusal> {
    let addresses = value::list(value::socket)(value)?;
    if addresses.is_empty() { Err("no address is named".into()) } else { Ok(addresses) }
}

/// The shape of a BCP 47 tag (RFC 5646 section 2.1): `en`, `pt-BR`, `zh-Hant-TW`.
fn language(value: &Value) -> Result<String, Refusal> {
    let text = value::text(value)?;
    let mut parts = text.split('-');
    let primary =
        parts.next().is_some_and(|p| (2..=8).contains(&p.len()) && p.chars().all(|c| c.is_ascii_alphabetic()));
    let rest = parts.all(|p| (1..=8).contains(&p.len()) && p.chars().all(|c| c.is_ascii_alphanumeric()));
    if primary && rest { Ok(text) } else { Err(format!("`{text}` is no language tag")) }
}

/// A path on the site itself, or an address elsewhere.
fn source_url(value: &Value) -> Result<String, Refusal> {
    match value {
        Value::Text(text) | Value::Loose(text) if text.starts_with('/') && !text.starts_with("//") => Ok(text.clone()),
        other => value::web_address(other),
    }
}

/// `"https://ana.example"`, or `{ name = "Mastodon", url = "https://social.example/@ana" }`.
fn link(value: &Value) -> Result<ProfileLink, Refusal> {
    if let Value::Table(entries) = value {
        let entry = |wanted: &str| entries.iter().find(|(key, _)| key == wanted).map(|(_, value)| value);
        let (Some(name), Some(url), 2) = (entry("name"), entry("url"), entries.len()) else {
            return Err("a link as a table has `name` and `url`".into());
        };
        return Ok(ProfileLink { name: value::words(name)?, url: value::web_address(url)? });
    }
    let url = value::web_address(value)?;
    let host = url::Url::parse(&url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    Ok(ProfileLink { name: host.strip_prefix("www.").unwrap_or(&host).to_owned(), url })
}

/// A directory, or `false` for none.
fn mirror(value: &Value, base: &Path) -> Result<Option<PathBuf>, Refusal> {
    match value::yes_or_no(value) {
        Ok(false) => Ok(None),
        Ok(true) => Err("true names no directory".into()),
        Err(_) => value::path(value, base).map(Some),
    }
}

fn poll(value: &Value) -> Result<Poll, Refusal> {
    match value::text(value)?.as_str() {
        "auto" => Ok(Poll::Auto),
        "always" => Ok(Poll::Always),
        other => Err(format!("`{other}` is neither auto nor always")),
    }
}

fn moderation(value: &Value) -> Result<Moderation, Refusal> {
    match value::text(value)?.as_str() {
        "hold" => Ok(Moderation::Hold),
        "known" => Ok(Moderation::Known),
        "open" => Ok(Moderation::Open),
        other => Err(format!("`{other}` is none of hold, known, open")),
    }
}

fn at_least(least: Duration) -> impl Fn(&Value) -> Result<Duration, Refusal> {
    move |value| {
        let duration = value::duration(value)?;
        if duration >= least {
            Ok(duration)
        } else {
            Err(format!("less than {} seconds is too short", least.as_secs()))
        }
    }
}

/// The port to listen on when only the origin is set: a trial's own, else the usual one behind a proxy.
fn own_port(origin: &Origin) -> u16 {
    let port = origin.host().rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    port.filter(|_| origin.is_loopback()).unwrap_or(PORT)
}

fn unzip<T>(read: Option<(T, Place)>) -> (Option<T>, Option<Place>) {
    read.map_or((None, None), |(value, place)| (Some(value), Some(place)))
}
