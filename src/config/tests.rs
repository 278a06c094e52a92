//! Facts about settings.

use super::*;

/// Loads `text` as the settings file of a fresh directory.
fn load(text: &str, options: &Overrides, environment: &[(&str, &str)]) -> (PathBuf, Result<Config, Vec<Problem>>) {
    let directory = tempfile::tempdir().unwrap();
    let cwd = directory.path().canonicalize().unwrap();
    std::fs::write(cwd.join("reviewd.toml"), text).unwrap();
    let environment = environment.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let loaded = Config::load(options, &environment, &cwd);
    (cwd, loaded)
}

fn loaded(text: &str) -> Config {
    load(text, &Overrides::default(), &[]).1.unwrap()
}

/// The problems of a settings file, one a line, with the directory left out.
fn problems(text: &str) -> String {
    let (cwd, loaded) = load(text, &Overrides::default(), &[]);
    let lines: Vec<_> = loaded.unwrap_err().iter().map(ToString::to_string).collect();
    lines.join("\n").replace(&format!("{}/", cwd.display()), "")
}

fn defaults_in(cwd: &Path) -> Config {
    let mut config = Config::load(&Overrides::default(), &BTreeMap::new(), Path::new("/nowhere")).unwrap();
    config.file = Some(cwd.join("reviewd.toml"));
    for path in [&mut config.store.database, &mut config.control.socket, &mut config.reviewers[0].folder] {
        *path = cwd.join(path.strip_prefix("/nowhere").unwrap());
    }
    config.reviewers[0].mirror = Some(cwd.join("data/conversation/reviewer"));
    config
}

#[test]
fn with_no_configuration_a_trial_runs_on_this_machine() {
    let config = Config::load(&Overrides::default(), &BTreeMap::new(), Path::new("/home/ana/books")).unwrap();
    assert_eq!(config.site.origin.as_str(), "http://localhost:8080");
    assert_eq!(config.site.listen, ["127.0.0.1:8080".parse().unwrap()]);
    assert_eq!(config.reviewers.len(), 1);
    assert_eq!(config.reviewers[0].handle.as_str(), "reviewer");
    assert_eq!(config.reviewers[0].folder, Path::new("/home/ana/books/reviews"));
    assert_eq!(config.store.database, Path::new("/home/ana/books/data/reviewd.db"));
    assert_eq!(config.data_dir(), Path::new("/home/ana/books/data"));
    assert_eq!(config.control.socket, Path::new("/home/ana/books/data/control.sock"));
    assert_eq!(config.site().source_url, "http://localhost:8080/source.tar.gz");
}

#[test]
fn the_commented_settings_file_says_the_defaults() {
    let (cwd, config) = load(EXAMPLE, &Overrides::default(), &[]);
    assert_eq!(config.unwrap(), defaults_in(&cwd));
}

#[test]
fn every_line_commented_out_in_the_settings_file_is_a_default_too() {
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if setting.starts_with(|c: char| c.is_ascii_lowercase()) => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let (cwd, config) = load(&uncommented, &Overrides::default(), &[]);
    let mut expected = defaults_in(&cwd);
    expected.site.origin_follows_listen = false;
    assert_eq!(config.unwrap(), expected);
}

#[test]
fn options_beat_the_environment_which_beats_the_file() {
    let file = "[site]\ntitle = \"File\"\ndescription = \"File\"\nlisten = \"127.0.0.1:1\"";
    let environment =
        [("REVIEWD_SITE__DESCRIPTION", "Environment"), ("REVIEWD_SITE__LISTEN", "127.0.0.1:2"), ("HOME", "/")];
    let options = Overrides { listen: Some("127.0.0.1:3".into()), ..Overrides::default() };
    let site = load(file, &options, &environment).1.unwrap().site;
    assert_eq!((site.title.as_str(), site.description.as_str()), ("File", "Environment"));
    assert_eq!(site.listen, ["127.0.0.1:3".parse().unwrap()]);
}

#[test]
fn the_environment_holds_every_kind_of_value() {
    let config = load(
        "",
        &Overrides::default(),
        &[
            ("REVIEWD_FEEDS__FULL_TEXT", "false"),
            ("REVIEWD_FEEDS__ITEMS", "7"),
            ("REVIEWD_PUBLISH__SETTLE", "2s"),
            ("REVIEWD_REVIEWER__HANDLE", "ana"),
            ("REVIEWD_REVIEWER__RATING_SCALE", "10"),
            ("REVIEWD_FEDERATION__ALLOW_ADDRESSES", "10.0.0.0/8, fd00::/8"),
            ("REVIEWD_LOG", "debug"),
        ],
    );
    let config = config.1.unwrap();
    assert!(!config.feeds.full_text);
    assert_eq!(config.feeds.items, 7);
    assert_eq!(config.publish.settle, Duration::from_secs(2));
    assert_eq!(config.reviewers[0].handle.as_str(), "ana");
    assert_eq!(config.reviewers[0].rating_scale, Some(10.0));
    assert_eq!(config.federation.allow_addresses.len(), 2);
    assert_eq!(config.log.filter, "debug");
}

#[test]
fn a_name_in_the_environment_that_only_looks_like_a_setting_is_a_problem() {
    let environment = [("REVIEWD_SITE_ORIGIN", "https://books.example"), ("REVIEWD_TEST_NODE", "/usr/bin/node")];
    let problems = load("", &Overrides::default(), &environment).1.unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].cure, "write two underscores between section and key: REVIEWD_SITE__ORIGIN");
}

#[test]
fn a_typo_is_answered_with_its_place_and_a_suggestion() {
    insta::assert_snapshot!(problems("[site]\norigin = \"http://localhost:80\"\n  tittle = \"x\"\n\n[pubish]\nsettle = 1\n"), @r#"
    reviewd.toml:3:3: error: [site] has no key `tittle` (known keys are origin, listen, title, description, language, source_url; did you mean `title`?)
    reviewd.toml:5:2: error: there is no section [pubish] (known sections are site, reviewer, store, publish, replies, delivery, feeds, websub, control, federation, notify, metrics, admin, log, tls; did you mean `publish`?)
    "#);
}

#[test]
fn a_wrong_value_is_answered_with_what_was_expected() {
    insta::assert_snapshot!(problems(
        "[site]\norigin = \"http://books.example\"\nlisten = \"8080\"\nlanguage = \"english please\"\n\
         [publish]\nsettle = 30\nannounce_max = -1\npoll = \"often\"\n\
         [store]\nurl = \"mysql://me@host/db\"\n\
         [[reviewer]]\nhandle = \"Ana\"\nrating_scale = 0\n\
         [feeds]\nfull_text = \"yes\"\n"
    ), @r#"
    reviewd.toml:2:10: error: [site] origin: `http://books.example` is not https: plain http is for a trial on this machine only (write origin = "https://books.example")
    reviewd.toml:3:10: error: [site] listen: `8080` is no address with a port (write listen = "127.0.0.1:8080")
    reviewd.toml:4:12: error: [site] language: `english please` is no language tag (write language = "en")
    reviewd.toml:6:10: error: [publish] settle: the number has no unit (write settle = "30s")
    reviewd.toml:7:16: error: [publish] announce_max: -1 lies outside 0 to 4294967295 (write announce_max = 5)
    reviewd.toml:8:8: error: [publish] poll: `often` is neither auto nor always (write poll = "auto")
    reviewd.toml:10:7: error: [store] url: `mysql://me@host/db` begins neither with `sqlite://` nor with `postgres://` (write url = "sqlite://data/reviewd.db")
    reviewd.toml:12:10: error: [reviewer] handle: `Ana` is no handle: use 1 to 30 of the characters a-z, 0-9 and _ (write handle = "ana")
    reviewd.toml:13:16: error: [reviewer] rating_scale: 0 lies outside 1 to 1000 (write rating_scale = 5)
    reviewd.toml:15:13: error: [feeds] full_text: expected true or false, found a text (write full_text = true)
    "#);
}

#[cfg(not(feature = "postgres"))]
#[test]
fn what_was_built_without_postgresql_says_how_it_is_built_with_it() {
    let told = problems("[store]\nurl = \"postgres://me:secret@host/db\"\n");
    assert!(told.contains("built without PostgreSQL") && told.contains("--features postgres"), "{told}");
    assert!(!told.contains("secret"), "{told}");
}

#[cfg(feature = "postgres")]
#[test]
fn a_password_in_the_settings_is_refused_and_not_repeated() {
    for url in ["postgres://me:secret@host/db", "postgres://me@host/db?password=secret"] {
        let told = problems(&format!("[store]\nurl = \"{url}\"\n"));
        assert!(told.contains("a password has no place in settings") && told.contains("password_file"), "{told}");
        assert!(!told.contains("secret"), "{told}");
    }
}

#[cfg(feature = "postgres")]
#[test]
fn a_password_comes_from_the_credential_or_the_file() {
    let text = "[store]\nurl = \"postgres://me@host/db\"\npassword_file = \"pw\"\n";
    let (cwd, config) = load(text, &Overrides::default(), &[]);
    let config = config.unwrap();
    let postgres = config.store.postgres.clone().unwrap();
    assert_eq!((postgres.url.as_str(), postgres.password_file), ("postgres://me@host/db", Some(cwd.join("pw"))));
    assert_eq!(config.data_dir(), cwd.join("data"), "keys and journal lie where the file would be");
    let credentials = tempfile::tempdir().unwrap();
    let given = credentials.path().join("postgres.password");
    std::fs::write(&given, "open sesame").unwrap();
    let environment = [("CREDENTIALS_DIRECTORY", credentials.path().to_str().unwrap())];
    let config = load(text, &Overrides::default(), &environment).1.unwrap();
    assert_eq!(config.store.postgres.unwrap().password_file, Some(given), "what the service was given comes first");
}

#[test]
fn what_is_no_toml_is_a_problem_with_its_line() {
    insta::assert_snapshot!(problems("[site]\ntitle = \"Ana\n"), @r#"reviewd.toml:2:13: error: invalid basic string, expected `"` (see https://toml.io for how TOML is written)"#);
}

#[test]
fn reviewers_share_neither_handle_nor_folder() {
    insta::assert_snapshot!(problems(
        "[[reviewer]]\nhandle = \"ana\"\nfolder = \"a\"\n\n[[reviewer]]\nhandle = \"ana\"\nfolder = \"a/b/../c\"\n\n\
         [[reviewer]]\nfolder = \"d\"\n\n[[reviewer]]\nhandle = \"eve\"\n"
    ), @r#"
    reviewd.toml:5:1: error: [reviewer] handle: there are two reviewers `ana` (give each reviewer a handle of their own)
    reviewd.toml:5:1: error: [reviewer] folder: a/c of `ana` and a of `ana` lie in one another (give each reviewer a folder of their own, side by side)
    reviewd.toml:9:1: error: [reviewer] handle is missing (write handle = "ana": the name in @ana@books.example, for ever)
    reviewd.toml:12:1: error: [reviewer] folder is missing (write folder = "reviews/ana": each of several reviewers has a folder)
    "#);
}

#[test]
fn what_the_program_writes_stays_out_of_the_review_folder() {
    insta::assert_snapshot!(problems("[store]\nurl = \"sqlite://reviews/data/r.db\"\n"), @"reviewd.toml:2:7: error: [store] url: the data directory reviews/data lies in the review folder reviews (keep data beside the reviews, not among them)");
}

#[test]
fn the_conversation_stands_as_files_beside_the_data_unless_the_settings_say_otherwise() {
    let mirror = |line: &str| {
        let (cwd, config) = load(&format!("[[reviewer]]\nhandle = \"ana\"\n{line}\n"), &Overrides::default(), &[]);
        let mirror = config.unwrap().reviewers[0].mirror.clone();
        mirror.map(|mirror| mirror.strip_prefix(cwd).unwrap().to_owned())
    };
    assert_eq!(mirror(""), Some("data/conversation/ana".into()));
    assert_eq!(mirror("mirror = \"talk\""), Some("talk".into()));
    assert_eq!(mirror("mirror = \"reviews/talk\""), Some("reviews/talk".into()));
    assert_eq!(mirror("mirror = false"), None);
}

#[test]
fn mirrors_lie_apart_from_data_from_each_other_and_from_other_peoples_reviews() {
    insta::assert_snapshot!(problems(
        "[[reviewer]]\nhandle = \"ana\"\nfolder = \"a\"\n\n\
         [[reviewer]]\nhandle = \"bo\"\nfolder = \"b\"\nmirror = \"a/talk\"\n\n\
         [[reviewer]]\nhandle = \"cy\"\nfolder = \"c\"\nmirror = \"c\"\n\n\
         [[reviewer]]\nhandle = \"di\"\nfolder = \"d\"\nmirror = \"data/conversation/eve\"\n\n\
         [[reviewer]]\nhandle = \"eve\"\nfolder = \"e\"\n\n\
         [[reviewer]]\nhandle = \"flo\"\nfolder = \"f\"\nmirror = true\n\n\
         [[reviewer]]\nhandle = \"gus\"\nfolder = \"g\"\nmirror = \"data\"\n"
    ), @r#"
    reviewd.toml:5:1: error: [reviewer] mirror: a/talk and the review folder a lie in one another (give the mirror a directory of its own, or write mirror = false)
    reviewd.toml:10:1: error: [reviewer] mirror: c and the review folder c lie in one another (give the mirror a directory of its own, or write mirror = false)
    reviewd.toml:20:1: error: [reviewer] mirror: data/conversation/eve and the mirror of `di` lie in one another (give the mirror a directory of its own, or write mirror = false)
    reviewd.toml:27:10: error: [reviewer] mirror: true names no directory (write mirror = "conversation", or false)
    reviewd.toml:29:1: error: [reviewer] mirror: data is or holds the data directory data (give the mirror a directory of its own, or write mirror = false)
    "#);
}

#[test]
fn a_trial_is_never_open_to_other_machines() {
    insta::assert_snapshot!(problems("[site]\nlisten = [\"127.0.0.1:80\", \"0.0.0.0:80\"]\n"), @r#"reviewd.toml:2:10: error: [site] listen: 0.0.0.0:80 can be reached from other machines, but the origin is http://localhost (set origin to the site's public address, such as "https://books.example", or listen on 127.0.0.1)"#);
    let open = loaded("[site]\norigin = \"https://books.example\"\nlisten = \"0.0.0.0:80\"");
    assert_eq!(open.site.listen, ["0.0.0.0:80".parse().unwrap()]);
}

#[test]
fn an_origin_nobody_set_follows_the_port_listened_on() {
    let origin = |text: &str| loaded(text).site.origin.to_string();
    assert_eq!(origin("[site]\nlisten = \"127.0.0.1:9000\""), "http://localhost:9000");
    let trial = loaded("[site]\norigin = \"http://localhost:9000\"");
    assert_eq!(trial.site.listen, ["127.0.0.1:9000".parse().unwrap()]);
    let mut any_port = loaded("[site]\nlisten = \"127.0.0.1:0\"");
    any_port.bound_to("127.0.0.1:4711".parse().unwrap());
    assert_eq!(any_port.site.origin.as_str(), "http://localhost:4711");
}

#[test]
fn paths_are_relative_to_the_settings_file_and_those_of_options_to_where_one_stands() {
    let directory = tempfile::tempdir().unwrap();
    let cwd = directory.path();
    std::fs::create_dir(cwd.join("etc")).unwrap();
    std::fs::write(
        cwd.join("etc/r.toml"),
        "[store]\nurl = \"sqlite://db/r.db\"\n[[reviewer]]\nhandle = \"ana\"\nfolder = \"../books\"\navatar = \"me.png\"",
    )
    .unwrap();
    let mut options = Overrides { config: Some("etc/r.toml".into()), ..Overrides::default() };
    let config = Config::load(&options, &BTreeMap::new(), cwd).unwrap();
    assert_eq!(config.store.database, cwd.join("etc/db/r.db"));
    assert_eq!(config.reviewers[0].folder, cwd.join("books"));
    assert_eq!(config.reviewers[0].avatar, Some(cwd.join("etc/me.png")));
    options.reviews = Some("mine".into());
    let config = Config::load(&options, &BTreeMap::new(), cwd).unwrap();
    assert_eq!(config.reviewers[0].folder, cwd.join("mine"));
}

#[test]
fn a_service_keeps_its_state_where_systemd_says() {
    let environment = BTreeMap::from([
        ("STATE_DIRECTORY".to_owned(), "/var/lib/reviewd".to_owned()),
        ("RUNTIME_DIRECTORY".to_owned(), "/run/reviewd:/run/other".to_owned()),
    ]);
    let config = Config::load(&Overrides::default(), &environment, Path::new("/nowhere")).unwrap();
    assert_eq!(config.store.database, Path::new("/var/lib/reviewd/reviewd.db"));
    assert_eq!(config.reviewers[0].folder, Path::new("/var/lib/reviewd/reviews"));
    assert_eq!(config.control.socket, Path::new("/run/reviewd/control.sock"));
}

#[test]
fn a_settings_file_that_is_not_there_is_a_problem_and_not_a_default() {
    let options = Overrides { config: Some("none.toml".into()), ..Overrides::default() };
    let problems = Config::load(&options, &BTreeMap::new(), Path::new("/nowhere")).unwrap_err();
    assert_eq!(problems[0].file, "/nowhere/none.toml");
}

/// Where a command typed by hand looks for the daemon, and for its data where none runs.
#[test]
fn a_command_finds_the_directories_of_the_service_whose_settings_it_reads() {
    let check = |file: &str, environment: &[(&str, &str)], database: &str, socket: &str| {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let defaults = settings::Defaults::new(PathBuf::from("/base"), Some(Path::new(file)), &environment);
        let config = settings::build(Sources::default(), None, &defaults).unwrap();
        assert_eq!((config.store.database, config.control.socket), (database.into(), socket.into()), "{file}");
    };
    check("/etc/reviewd/reviewd.toml", &[], "/var/lib/reviewd/reviewd.db", "/run/reviewd/control.sock");
    check("/etc/reviewd/ana.toml", &[], "/var/lib/reviewd-ana/reviewd.db", "/run/reviewd-ana/control.sock");
    check("/etc/reviewd/old/ana.toml", &[], "/base/data/reviewd.db", "/base/data/control.sock");
    check("/home/ana/reviewd.toml", &[], "/base/data/reviewd.db", "/base/data/control.sock");
    let own = [("STATE_DIRECTORY", "/state"), ("RUNTIME_DIRECTORY", "/runtime")];
    check("/etc/reviewd/reviewd.toml", &own, "/state/reviewd.db", "/runtime/control.sock");
}

#[test]
fn an_option_for_one_of_several_reviewers_is_refused() {
    let file = "[[reviewer]]\nhandle = \"ana\"\nfolder = \"a\"\n[[reviewer]]\nhandle = \"eve\"\nfolder = \"e\"\n";
    let options = Overrides { reviews: Some("x".into()), ..Overrides::default() };
    let problems = load(file, &options, &[]).1.unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].file, "option --reviews");
}

#[test]
fn links_are_addresses_with_or_without_a_name() {
    let config = loaded(
        "[[reviewer]]\nhandle = \"ana\"\n\
         links = [\"https://www.ana.example/\", { name = \"Mastodon\", url = \"https://social.example/@ana\" }]",
    );
    let links: Vec<_> = config.reviewers[0].links.iter().map(|link| (link.name.as_str(), link.url.as_str())).collect();
    assert_eq!(links, [("ana.example", "https://www.ana.example/"), ("Mastodon", "https://social.example/@ana")]);
}

proptest::proptest! {
    #[test]
    fn any_text_is_settings_or_problems_and_never_a_panic(text in "(\\[{0,2}(site|reviewer|publish)?\\]{0,2}\n?|[a-z]{1,9} ?= ?|\"|[0-9.:-]{1,9}|\\PC{0,5}|\n){0,40}") {
        let mut sources = Sources::default();
        sources.add_file(Path::new("/x/reviewd.toml"), &text);
        let defaults = settings::Defaults::new(PathBuf::from("/x"), None, &BTreeMap::new());
        let _ = settings::build(sources, None, &defaults);
    }
}

const FILES: &str = "[tls]\ncertificate = \"chain.pem\"\nkey = \"key.pem\"\n";

#[test]
fn a_site_with_a_certificate_of_its_own_listens_on_the_ports_of_https_and_of_http() {
    let addresses = |settings: &str| {
        let config = loaded(settings);
        let tls = config.tls.unwrap();
        let text = |all: &[SocketAddr]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        format!("{} + {}", text(&config.site.listen), text(&tls.listen_http))
    };
    for (site, tls, expected) in [
        ("", "", "[::]:443 + [::]:80"),
        ("listen = [\"192.0.2.1:443\", \"127.0.0.1:8443\"]", "", "192.0.2.1:443 127.0.0.1:8443 + 192.0.2.1:80"),
        ("listen = \"127.0.0.1:8443\"", "", "127.0.0.1:8443 + "),
        ("", "listen_http = false", "[::]:443 + "),
        ("", "listen_http = \"192.0.2.1:8080\"", "[::]:443 + 192.0.2.1:8080"),
    ] {
        let settings = format!("[site]\norigin = \"https://books.example\"\n{site}\n{FILES}{tls}\n");
        assert_eq!(addresses(&settings), expected, "{settings}");
    }
    let trial = loaded(&format!("[site]\norigin = \"https://localhost:8443\"\n{FILES}"));
    assert_eq!(trial.site.listen, ["127.0.0.1:8443".parse().unwrap()]);
}

#[test]
fn half_a_certificate_two_and_one_for_no_name_are_problems() {
    let origin = "[site]\norigin = \"https://books.example\"\n";
    for (settings, expected) in [
        (format!("{origin}[tls]\ncertificate = \"chain.pem\"\n"), "4:15: error: [tls] certificate: its key is missing"),
        (format!("{origin}[tls]\nkey = \"key.pem\"\n"), "4:7: error: [tls] key: its certificate is missing"),
        (
            format!("{origin}{FILES}acme = true\n"),
            "4:15: error: [tls] the certificate is asked for by acme, and named as a file",
        ),
        (format!("{origin}[tls]\ncontact = \"ana@books.example\"\n"), "4:11: error: [tls] contact: nothing says where"),
        (format!("{origin}[tls]\nlisten_http = \"[::]:80\"\n"), "4:15: error: [tls] listen_http: nothing says where"),
        (format!("{origin}[tls]\ncontact = \"ana\"\n"), "4:11: error: [tls] contact: `ana` is no e-mail address"),
        (
            format!("{origin}[tls]\ndirectory = \"http://ca.example\"\n"),
            "4:13: error: [tls] directory: `http://ca.example` is not https",
        ),
        (format!("{origin}[tls]\nlisten_http = true\n"), "4:15: error: [tls] listen_http: true names no address"),
        (format!("{origin}{FILES}listen_http = \"[::]:443\"\n"), "[::]:443 is where the site itself is served"),
        (FILES.to_owned(), "[tls] is for a site that is reached by https, but the origin is http://localhost:8080"),
        (
            format!("[site]\norigin = \"https://localhost\"\n{FILES}listen_http = \"[::]:80\"\n"),
            "[tls] listen_http: [::]:80 can be reached from other machines, but the origin is https://localhost",
        ),
    ] {
        let said = problems(&settings);
        assert!(said.contains(expected) && said.lines().count() == 1, "{settings}\n{said}");
    }
}

#[cfg(feature = "acme")]
#[test]
fn an_authority_is_asked_only_with_consent_and_for_a_name() {
    let asked = |origin: &str, rest: &str| format!("[site]\norigin = \"{origin}\"\n[tls]\nacme = true\n{rest}\n");
    let said = problems(&asked("https://books.example", ""));
    assert!(said.contains("4:8: error: [tls] acme") && said.contains("write agree_to_terms = true"), "{said}");
    let said = problems(&asked("https://192.0.2.1", "agree_to_terms = true"));
    assert!(said.contains("a certificate is asked for a name"), "{said}");
    let config =
        loaded(&asked("https://books.example", "agree_to_terms = true\ncontact = \"mailto:ana@books.example\""));
    let expected = AcmeSettings {
        contact: Some("ana@books.example".into()),
        directory: "https://acme-v02.api.letsencrypt.org/directory".into(),
        directory_ca: None,
    };
    assert_eq!(config.tls.unwrap().certificate, CertificateSource::Acme(expected));
}

#[cfg(not(feature = "acme"))]
#[test]
fn a_program_that_was_built_without_acme_says_how_to_build_it() {
    let said = problems("[site]\norigin = \"https://books.example\"\n[tls]\nacme = true\nagree_to_terms = true\n");
    assert!(said.contains("was built without ACME") && said.contains("--features acme"), "{said}");
}

#[test]
fn an_operators_page_that_other_machines_reach_needs_a_password() {
    insta::assert_snapshot!(problems("[admin]\nlisten = \"0.0.0.0:9465\"\n"), @"reviewd.toml:2:10: error: [admin] listen: 0.0.0.0:9465 can be reached from other machines, and there is no password (make one with `reviewd generate password --into FILE` and name it in password_file, or listen on 127.0.0.1)");
    let admin = loaded("[admin]\nlisten = \"0.0.0.0:9465\"\npassword_file = \"secret\"\n").admin;
    assert!(admin.password_file.is_some_and(|file| file.is_absolute()));
    assert_eq!(loaded("[admin]\nlisten = \"[::1]:9465\"\n").admin.password_file, None);
    assert_eq!(loaded("").admin, AdminSettings::default());
}
