//! A PostgreSQL server of the tests' own, from Debian's binaries: a new directory, a Unix socket in it, no port.
//!
//! It ends with the process that started it, however that ends: a shell beside it waits for the end of a pipe.
#![allow(
    dead_code,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: it fails by panicking, and no test uses all of it"
)]

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Whoever may do anything on the server, without a password.
const OWNER: &str = "reviewd";
/// initdb and the server refuse to be root; Debian's `nobody` is as good as anybody.
const NOBODY: u32 = 65534;
/// What a crash of the machine would lose is lost gladly; each test's store has five connections.
const OPTIONS: &str = "-c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=400 \
                       -c log_min_messages=error -c shared_buffers=32MB";

pub struct Server {
    programs: PathBuf,
    home: PathBuf,
    user: Option<u32>,
    template: Mutex<bool>,
    /// Databases whose tests have ended.
    left: Mutex<Vec<String>>,
    _keeper: Child,
}

/// Whether the tests run over PostgreSQL.
pub fn is_chosen() -> bool {
    std::env::var("REVIEWD_TEST_STORE").is_ok_and(|store| store == "postgres")
}

/// The server that the tests of this process share.
pub fn shared() -> &'static Server {
    static SHARED: LazyLock<Server> =
        LazyLock::new(|| Server::start().expect("PostgreSQL's programs (package postgresql) for REVIEWD_TEST_STORE"));
    &SHARED
}

impl Server {
    /// `None`, told aloud, where PostgreSQL is not installed; where every peer is required, as in CI, that is a failure.
    pub fn start_or_skip() -> Option<Self> {
        let started = Self::start();
        if started.is_none() {
            let required = std::env::var("REVIEWD_TEST_REQUIRE_PEERS").is_ok_and(|value| value == "1");
            assert!(!required, "every peer is required here, but PostgreSQL is not installed");
            let test = std::thread::current().name().unwrap_or("a test").to_owned();
            let line = format!("SKIPPED: {test}: PostgreSQL is not installed (package postgresql)\n");
            let _ = std::io::stderr().write_all(line.as_bytes());
            if let Ok(gathered) = std::env::var("REVIEWD_TEST_SKIPPED")
                && let Ok(mut file) = OpenOptions::new().create(true).append(true).open(gathered)
            {
                let _ = file.write_all(line.as_bytes());
            }
        }
        started
    }

    /// `None` where PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        let programs = programs()?;
        let home = tempfile::Builder::new().prefix("reviewd-pg-").tempdir().unwrap().keep();
        let user = (fs::metadata(&home).unwrap().uid() == 0).then_some(NOBODY);
        chown(&home, user, user).unwrap();
        let run = |program: &str, arguments: &[&str]| {
            let done =
                as_user(&mut Command::new(programs.join(program)), user).args(arguments).current_dir(&home).output();
            let done = done.unwrap();
            assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
        };
        run("initdb", &["-D", "data", "-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
        // Whose name is `secret` needs a password, everybody else none.
        fs::write(home.join("data/pg_hba.conf"), "local all secret scram-sha-256\nlocal all all trust\n").unwrap();
        let keeper = as_user(&mut Command::new("sh"), user)
            .args(["-c", "cat; \"$0/pg_ctl\" stop -D data -m immediate; rm -rf \"$PWD\""])
            .arg(&programs)
            .current_dir(&home)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let server = Self { programs, home, user, template: Mutex::default(), left: Mutex::default(), _keeper: keeper };
        server.run();
        Some(server)
    }

    /// Starts it, the first time or after [`Server::stop`], and returns when it takes connections.
    pub fn run(&self) {
        let options = format!("{OPTIONS} -c unix_socket_directories={}", self.home.display());
        self.control(&["start", "-w", "-D", "data", "-l", "log", "-o", &options]);
    }

    /// Ends it as a restart of the machine does: whoever is connected is cut off.
    pub fn stop(&self) {
        self.control(&["stop", "-w", "-D", "data", "-m", "fast"]);
    }

    /// The address of a database, for the server's owner.
    pub fn url(&self, database: &str) -> String {
        self.url_as(OWNER, database)
    }

    pub fn url_as(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@{}/{database}", self.home.display().to_string().replace('/', "%2F"))
    }

    /// A new empty database.
    pub fn empty(&self) -> String {
        let name = next_name();
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// A copy of the database that `make` made once, which gets the address of an empty one.
    pub fn copy_of_template(&self, make: impl FnOnce(&str)) -> String {
        {
            let mut made = lock(&self.template);
            if !*made {
                self.sql("postgres", "CREATE DATABASE template");
                make(&self.url("template"));
                *made = true;
            }
        }
        for name in std::mem::take(&mut *lock(&self.left)) {
            self.sql("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
        let name = next_name();
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template"));
        name
    }

    /// The database is not needed any more: it goes when the next one is made.
    pub fn leave(&self, database: String) {
        lock(&self.left).push(database);
    }

    /// Everything in it is lost, as a disk loses it.
    pub fn lose(&self, database: &str) {
        self.sql("postgres", &format!("DROP DATABASE {database} WITH (FORCE)"));
        self.sql("postgres", &format!("CREATE DATABASE {database}"));
    }

    /// What `psql` answers.
    pub fn sql(&self, database: &str, statement: &str) -> String {
        let done = Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", OWNER, "-d", database, "-c", statement])
            .arg("-h")
            .arg(&self.home)
            .output()
            .unwrap();
        assert!(done.status.success(), "{statement}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    fn control(&self, arguments: &[&str]) {
        // No pipe to it: the server would hold its other end for as long as it lives.
        let mut command = Command::new(self.programs.join("pg_ctl"));
        as_user(&mut command, self.user).args(arguments).current_dir(&self.home);
        let done = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        let log = || fs::read_to_string(self.home.join("log")).unwrap_or_default();
        assert!(done.success(), "pg_ctl {arguments:?}: {}", log());
    }
}

fn as_user(command: &mut Command, user: Option<u32>) -> &mut Command {
    match user {
        Some(user) => command.uid(user).gid(user),
        None => command,
    }
}

fn next_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Debian keeps the server's programs away from the path, one directory for each version; the newest one is taken.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|version| version.path().join("bin"));
    let number = |bin: &Path| bin.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    versions.filter(|bin| bin.join("initdb").exists()).max_by_key(|bin| number(bin))
}
