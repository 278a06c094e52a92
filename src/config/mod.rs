//! Settings: options beat the environment, which beats the file, which beats the defaults. Parsed once, then trusted.
//!
//! Every key with its default and reason stands in `config/reviewd.toml` ([`EXAMPLE`]). Secrets are never settings:
//! they come from files or systemd credentials, so that neither a settings file nor an environment holds one.

mod check;
mod settings;
mod source;
mod tls;
mod value;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

pub use crate::domain::Moderation;
use crate::domain::{Handle, Network, Origin, Problem, Site, reviewer::ProfileLink};

use source::Sources;

/// The commented settings file, as `reviewd generate config` prints it. A test holds it to the defaults.
pub const EXAMPLE: &str = include_str!("../../config/reviewd.toml");

/// The settings file in the working directory, read when `--config` names no other.
const FILE_NAME: &str = "reviewd.toml";

/// The settings file of a system service, read when there is no other and nothing of reviewd lies in the working directory.
const SYSTEM_FILE: &str = "/etc/reviewd/reviewd.toml";

/// Where a trial keeps its data: a directory that has it is no place from which the system's service is meant.
const TRIAL_DATA: &str = "data/reviewd.db";

/// A settings file is a page or two; more is some other file given by mistake.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What the command line says about settings.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--config FILE`
    pub config: Option<PathBuf>,
    /// `--reviews DIR`
    pub reviews: Option<String>,
    /// `--listen ADDR`
    pub listen: Option<String>,
    /// `--origin URL`
    pub origin: Option<String>,
    /// The command is about a daemon that is there already, perhaps the system's; `serve` is not.
    pub speaks_to_daemon: bool,
}

/// All settings, each in its own type; every path is absolute (if the working directory given to [`Config::load`] was).
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The settings file that was read, if any.
    pub file: Option<PathBuf>,
    pub site: SiteSettings,
    /// At least one; handles, folders and mirrors are distinct, no folder lies in another, no mirror in another's folder.
    pub reviewers: Vec<ReviewerSettings>,
    pub store: StoreSettings,
    pub publish: PublishSettings,
    pub replies: ReplySettings,
    pub delivery: DeliverySettings,
    pub feeds: FeedSettings,
    pub websub: WebsubSettings,
    pub control: ControlSettings,
    pub federation: FederationSettings,
    pub notify: NotifySettings,
    pub metrics: MetricsSettings,
    pub admin: AdminSettings,
    pub log: LogSettings,
    /// `None`: whatever stands in front has the certificate.
    pub tls: Option<TlsSettings>,
    /// Where the service manager put secrets for us (`LoadCredential=` of systemd).
    pub credentials: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SiteSettings {
    pub origin: Origin,
    /// Nobody set an origin: it is `http://localhost` with the port listened on.
    pub origin_follows_listen: bool,
    pub title: String,
    pub description: String,
    /// BCP 47.
    pub language: String,
    /// At least one; loopback only where the origin is.
    pub listen: Vec<SocketAddr>,
    /// A path on the site (`/source.tar.gz`) or an absolute address.
    pub source_url: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ReviewerSettings {
    pub handle: Handle,
    pub name: String,
    pub bio: String,
    pub folder: PathBuf,
    /// A picture file.
    pub avatar: Option<PathBuf>,
    /// The best value of ratings written as a bare number.
    pub rating_scale: Option<f64>,
    pub links: Vec<ProfileLink>,
    pub also_known_as: Vec<String>,
    /// Where the conversation stands as files; `None`: nowhere.
    pub mirror: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct StoreSettings {
    /// The SQLite database file; its directory is the data directory, also where the database is PostgreSQL's.
    pub database: PathBuf,
    /// The PostgreSQL server that is used instead of the file.
    pub postgres: Option<PostgresSettings>,
}

/// Where a PostgreSQL database is. There is no password in the address, so it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresSettings {
    /// As libpq writes it: `postgres://user@host:port/database?sslmode=verify-full`.
    pub url: String,
    /// Holds the password and nothing else; `None`: there is none, or libpq's `PGPASSFILE` or `~/.pgpass` has it.
    pub password_file: Option<PathBuf>,
}

impl StoreSettings {
    /// A place as `[store] url` names it, relative to `base`.
    ///
    /// # Errors
    /// It is no address of a database, or holds a password.
    pub fn parse(url: &str, password_file: Option<&Path>, base: &Path) -> Result<Self, String> {
        let database = value::database(&value::Value::Text(url.to_owned()), base)?;
        let password_file = password_file.map(|file| base.join(file));
        Ok(match database {
            value::Database::File(database) => Self { database, postgres: None },
            value::Database::Server(url) => {
                Self { database: base.to_owned(), postgres: Some(PostgresSettings { url, password_file }) }
            }
        })
    }

    /// Whether there may be a database already; only asking tells of a server's.
    pub fn may_be_there(&self) -> bool {
        self.postgres.is_some() || self.database.exists()
    }

    /// What a person would call the place.
    pub fn place(&self) -> String {
        self.postgres.as_ref().map_or_else(|| self.database.display().to_string(), |server| server.url.clone())
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct PublishSettings {
    /// How long a file must be quiet before followers are told.
    pub settle: Duration,
    /// More than this many new reviews of one reviewer in one reconcile are held.
    pub announce_max: u32,
    /// More than this many changed ones are held.
    pub update_max: u32,
    /// More than this many removed ones are held.
    pub delete_max: u32,
    /// How long a removed file has to come back.
    pub delete_after: Duration,
    /// The slow timer: a full look at the folder whether or not an event came.
    pub scan_every: Duration,
    pub poll: Poll,
    /// Whether this node may watch the folders, where several share a database.
    pub watch: bool,
}

/// Whether folders are looked at every few seconds because events do not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poll {
    /// On file systems known to send no events (NFS, SMB, FUSE), and where watching fails.
    Auto,
    Always,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ReplySettings {
    pub moderation: Moderation,
    /// `None`: replies never close.
    pub close_after: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DeliverySettings {
    /// Hosts to which requests are under way at once.
    pub concurrency: u32,
    /// Requests under way at once to one host that is slow.
    pub per_host: u32,
    /// The age at which a delivery is given up; a Delete has longer (`delivery::schedule`).
    pub give_up_after: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FeedSettings {
    /// Newest reviews in a feed.
    pub items: u32,
    /// The whole review, or its first words only.
    pub full_text: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct WebsubSettings {
    /// Feeds have a hub of their own, at `/websub`.
    pub hub: bool,
    /// Hubs elsewhere that are told of changes.
    pub external_hubs: Vec<String>,
    /// What a subscriber gets who names no time.
    pub lease: Duration,
    /// For callbacks at one host.
    pub subscriptions_per_host: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ControlSettings {
    /// The Unix socket by which commands reach the daemon.
    pub socket: PathBuf,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FederationSettings {
    /// Followers wait until `followers approve`.
    pub approve_followers: bool,
    /// Private addresses that outgoing requests may reach all the same.
    pub allow_addresses: Vec<Network>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NotifySettings {
    /// The program with its arguments that is given each notice; none when empty.
    pub command: Vec<String>,
    /// A private feed of the notices.
    pub feed: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct MetricsSettings {
    /// Where Prometheus reads; nothing is counted without it.
    pub listen: Option<SocketAddr>,
}

/// The operator's page; without any of these there is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AdminSettings {
    /// An address of its own, and then nowhere else. One that other machines reach has a password.
    pub listen: Option<SocketAddr>,
    /// The file that holds the password. Without `listen` the page is then `/admin` on the site itself.
    pub password_file: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LogSettings {
    /// As in `RUST_LOG`: `info`, `reviewd=debug,sqlx=warn`.
    pub filter: String,
    /// An OpenTelemetry collector that is sent spans, by OTLP over HTTP.
    pub otlp: Option<String>,
}

/// The site's own https: `[site] listen` speaks TLS.
#[derive(Debug, Clone, PartialEq)]
pub struct TlsSettings {
    pub certificate: CertificateSource,
    /// Where plain http is answered, to lead to https; may be empty.
    pub listen_http: Vec<SocketAddr>,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum CertificateSource {
    /// Asked for, and renewed, by the program itself.
    Acme(AcmeSettings),
    /// Files that somebody else renews.
    Files {
        /// PEM: the site's certificate, then those between it and the authority.
        certificate: PathBuf,
        /// PEM.
        key: PathBuf,
    },
}

/// An authority that gives certificates by ACME (RFC 8555), whose terms of service the operator agreed to.
#[derive(Debug, Clone, PartialEq)]
pub struct AcmeSettings {
    /// Where the authority may write to.
    pub contact: Option<String>,
    /// The authority's address.
    pub directory: String,
    /// PEM: the only authorities believed at that address; `None`: those of the system.
    pub directory_ca: Option<PathBuf>,
}

impl Config {
    /// Reads all settings, or says everything that is wrong with them.
    ///
    /// The file is `--config`, else `reviewd.toml` in `cwd` if there is one, else (for a service, and for commands where
    /// there is no trial in `cwd`) the system's. Relative
    /// paths are relative to the file they stand in; those of options and of the environment, and the defaults where
    /// there is no file, to `cwd`.
    ///
    /// # Errors
    /// Every problem found, with its place and cure, the file's first.
    pub fn load(options: &Overrides, environment: &BTreeMap<String, String>, cwd: &Path) -> Result<Self, Vec<Problem>> {
        let mut sources = Sources::default();
        let file = find_file(options, environment, cwd);
        if let Some(file) = &file {
            match read_file(file) {
                Ok(text) => sources.add_file(file, &text),
                Err(problem) => return Err(vec![problem]),
            }
        }
        sources.add_environment(environment, cwd);
        sources.add_option("log", "filter", "REVIEWD_LOG", environment.get("REVIEWD_LOG").map(String::as_str), cwd);
        sources.add_option("reviewer", "folder", "--reviews", options.reviews.as_deref(), cwd);
        sources.add_option("site", "listen", "--listen", options.listen.as_deref(), cwd);
        sources.add_option("site", "origin", "--origin", options.origin.as_deref(), cwd);
        let base = file.as_deref().and_then(Path::parent).unwrap_or(cwd).to_owned();
        let defaults = settings::Defaults::new(base, file.as_deref(), environment);
        settings::build(sources, file, &defaults)
    }

    /// What pages and feeds share.
    pub fn site(&self) -> Site {
        let source_url = match self.site.source_url.strip_prefix('/') {
            Some(_) => self.site.origin.at(&self.site.source_url),
            None => self.site.source_url.clone(),
        };
        Site {
            origin: self.site.origin.clone(),
            title: self.site.title.clone(),
            description: self.site.description.clone(),
            language: self.site.language.clone(),
            source_url,
        }
    }

    /// Where the database, keys, journal and pictures are.
    pub fn data_dir(&self) -> &Path {
        self.store.database.parent().unwrap_or(Path::new("/"))
    }

    /// Where the private keys lie that are not credentials.
    pub fn keys_dir(&self) -> PathBuf {
        self.data_dir().join("keys")
    }

    /// Where certificates and accounts of authorities lie.
    pub fn tls_dir(&self) -> PathBuf {
        self.data_dir().join("tls")
    }

    /// Takes the port that was really bound, for `--listen 127.0.0.1:0`: an origin that nobody set follows it.
    pub fn bound_to(&mut self, address: SocketAddr) {
        if self.site.origin_follows_listen {
            self.site.origin = Origin::localhost(address.port());
        }
    }
}

/// The settings file that [`Config::load`] reads, or where the next one belongs: with the service, where there is one, and
/// not wherever whoever gives the command happens to stand.
pub fn settings_file(options: &Overrides, environment: &BTreeMap<String, String>, cwd: &Path) -> PathBuf {
    let installed = Path::new(SYSTEM_FILE).parent().is_some_and(Path::is_dir);
    let of_service = || Some(PathBuf::from(SYSTEM_FILE)).filter(|_| installed && is_meant(options, environment, cwd));
    find_file(options, environment, cwd).or_else(of_service).unwrap_or_else(|| cwd.join(FILE_NAME))
}

/// Where the process was started: what relative paths on the command line are relative to.
pub fn working_directory() -> std::io::Result<PathBuf> {
    std::env::current_dir()
}

/// The environment of this process, as [`Config::load`] wants it. What is no UTF-8 is none of ours.
#[expect(clippy::disallowed_methods, reason = "this is `config`")]
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn find_file(options: &Overrides, environment: &BTreeMap<String, String>, cwd: &Path) -> Option<PathBuf> {
    if let Some(file) = &options.config {
        return Some(value::tidy(&cwd.join(file)));
    }
    let here = cwd.join(FILE_NAME);
    if here.exists() {
        return Some(here);
    }
    Some(PathBuf::from(SYSTEM_FILE)).filter(|file| is_meant(options, environment, cwd) && file.exists())
}

/// Whether the system's service is meant where no settings file is named and none lies here.
fn is_meant(options: &Overrides, environment: &BTreeMap<String, String>, cwd: &Path) -> bool {
    let is_service = environment.contains_key("RUNTIME_DIRECTORY") || environment.contains_key("STATE_DIRECTORY");
    is_service || (options.speaks_to_daemon && !cwd.join(TRIAL_DATA).exists())
}

fn read_file(file: &Path) -> Result<String, Problem> {
    let name = file.display().to_string();
    let refuse = |message: String, cure: &str| Problem::error(name.clone(), message, cure);
    let size = std::fs::metadata(file)
        .map_err(|error| refuse(format!("open the settings file: {error}"), "name an existing file with --config"))?
        .len();
    if size > FILE_BYTES_MAX {
        return Err(refuse(
            format!("{size} bytes are too many for a settings file"),
            "name another file with --config",
        ));
    }
    let bytes = std::fs::read(file)
        .map_err(|error| refuse(format!("read the settings file: {error}"), "see that this user may read it"))?;
    String::from_utf8(bytes)
        .map_err(|_| refuse("the settings file is not UTF-8".to_owned(), "save it as UTF-8, as TOML demands"))
}

#[cfg(test)]
mod tests;
