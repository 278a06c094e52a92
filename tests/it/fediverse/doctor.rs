//! `reviewd doctor`: each thing that a web server in front can do wrong is found, named and told how to mend, and nothing
//! of an examination is ever seen by anybody else.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use jiff::SignedDuration;
use reviewd::{
    control::{self, ControlError, Question},
    doctor::{Check, Outcome, Report},
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::{
    daemon::Daemon,
    neighbour::{client, get},
    proxy::{Fault, Proxy},
    review,
};
use crate::peers::{Authority, Certificate};

const STEPS: [&str; 5] =
    ["round_trip_follow", "round_trip_accept", "round_trip_create", "round_trip_update", "round_trip_delete"];

async fn ask(daemon: &Daemon) -> Result<Report, ControlError> {
    control::ask(&daemon.data().join("control.sock"), &Question::Doctor).await.map(|report| report.expect("it runs"))
}

/// What is found behind a proxy with this fault.
async fn report(fault: Fault) -> Report {
    let (_proxy, daemon) = Proxy::before_daemon(fault).await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    ask(&daemon).await.unwrap()
}

fn find<'a>(report: &'a Report, name: &str) -> &'a Check {
    let found = report.checks.iter().filter(|check| check.name == name);
    found.max_by_key(|check| check.outcome == Outcome::Failed).unwrap_or_else(|| panic!("no check {name}: {report:#?}"))
}

fn names(report: &Report, outcome: Outcome) -> Vec<&str> {
    let mut names: Vec<&str> =
        report.checks.iter().filter(|check| check.outcome == outcome).map(|check| check.name.as_str()).collect();
    names.dedup();
    names
}

/// A fault is found by this check, which measured these words and advises those; nothing unrelated fails beside it.
async fn check(fault: Fault, outcome: Outcome, name: &str, measured: &str, cure: &str) -> Report {
    let report = report(fault).await;
    let found = find(&report, name);
    assert_eq!(found.outcome, outcome, "{fault:?}: {found}");
    assert!(found.measured.contains(measured), "{fault:?}: {found}");
    assert!(found.cure.as_deref().unwrap_or_default().contains(cure), "{fault:?}: {found}");
    assert!(found.means.is_some());
    report
}

#[tokio::test]
async fn all_is_well_behind_a_proxy_that_passes_everything_as_it_came() {
    let (_proxy, daemon) = Proxy::before_daemon(Fault::Nothing).await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    let shown = daemon.run_json(&["doctor"]).await;
    assert_eq!((&shown["failed"], &shown["warnings"]), (&json!(0), &json!(0)), "{shown:#}");
    let report: Report = serde_json::from_value(shown.clone()).unwrap();
    assert_eq!(names(&report, Outcome::Skipped), ["dns", "certificate", "http_to_https", "ipv4", "ipv6"]);
    for step in STEPS {
        assert_eq!(find(&report, step).outcome, Outcome::Ok);
    }
    for name in ["control_socket", "keys", "database", "clock", "negotiation", "vary", "signed_headers", "body_size"] {
        assert_eq!(find(&report, name).outcome, Outcome::Ok, "{name}");
    }
    let notes = report.checks.iter().filter(|check| check.name == "negotiation").count();
    assert_eq!(notes, 3, "actor, Note and page are asked for");
    let told = daemon.run(&["doctor"]).await;
    assert!(told.contains("✓ round trip delete @ana") && told.contains("0 failed"), "{told}");
    assert!(told.contains("– dns, certificate, http to https, ipv4, ipv6: not looked at"), "{told}");
    assert_eq!(daemon.run_json(&["status"]).await["last_doctor"]["failed"], json!(0));
}

#[tokio::test]
async fn nothing_of_an_examination_stays_or_is_seen_by_others() {
    let (proxy, daemon) = Proxy::before_daemon(Fault::Nothing).await;
    daemon.publish("dune.md", &review("Dune", "Sand.")).await;
    let look = async || {
        let mut seen = Vec::new();
        for path in ["/users/ana/followers", "/users/ana/outbox?page=1", "/users/ana", "/feed.json", "/nodeinfo/2.0"] {
            seen.push(get(&daemon.url(path)).await);
        }
        seen
    };
    let before = look().await;
    assert_eq!(before[0]["totalItems"], json!(0));
    let report = ask(&daemon).await.unwrap();
    assert_eq!(names(&report, Outcome::Failed), [""; 0]);
    assert_eq!(look().await, before);
    assert!(daemon.followers().await.is_empty() && daemon.deliveries().await.is_empty());

    // The addresses that were used are nobody's now.
    let asked = proxy.asked();
    let peers: Vec<&str> =
        asked.iter().filter_map(|asked| asked.split(' ').nth(1)).filter(|path| path.starts_with("/doctor/")).collect();
    assert!(peers.iter().any(|path| path.ends_with("/inbox")) && peers.iter().any(|path| path.ends_with("/actor")));
    for path in peers {
        let actor = daemon.url(path);
        assert!(daemon.running().store.remote_actor(&actor).await.unwrap().is_none());
        assert_eq!(
            client().get(&actor).send().await.unwrap().status(),
            if path.ends_with("/inbox") { 405 } else { 404 }
        );
        if path.ends_with("/inbox") {
            assert_eq!(client().post(&actor).body("{}").send().await.unwrap().status(), 404);
        }
    }
}

#[tokio::test]
async fn a_signature_that_is_stripped_is_found() {
    let report = check(
        Fault::Strips("signature"),
        Outcome::Failed,
        "signed_headers",
        "Signature did not arrive",
        "proxy_set_header",
    )
    .await;
    assert_eq!(find(&report, "round_trip_follow").outcome, Outcome::Failed);
    assert!(names(&report, Outcome::Skipped).ends_with(&STEPS[1..]));
    assert_eq!(find(&report, "body_size").outcome, Outcome::Skipped);
    assert!(find(&report, "round_trip_follow").measured.contains("carries no signature"));
    for name in ["webfinger", "actor", "negotiation", "feeds", "clock"] {
        assert_eq!(find(&report, name).outcome, Outcome::Ok, "{name}");
    }
}

#[tokio::test]
async fn a_digest_that_is_stripped_is_found() {
    check(Fault::Strips("digest"), Outcome::Failed, "signed_headers", "Digest did not arrive", "filters").await;
}

#[tokio::test]
async fn a_date_that_is_stripped_is_found() {
    check(Fault::Strips("date"), Outcome::Failed, "signed_headers", "Date did not arrive", "filters").await;
}

#[tokio::test]
async fn a_host_that_is_rewritten_is_found() {
    let report = check(Fault::RewritesHost, Outcome::Failed, "origin", "127.0.0.1:", "Host $http_host").await;
    assert_eq!(names(&report, Outcome::Failed), ["origin"]);
    check(
        Fault::RewritesHostOfPosts,
        Outcome::Failed,
        "signed_headers",
        "Host arrived as `127.0.0.1:",
        "Host $http_host",
    )
    .await;
}

#[tokio::test]
async fn a_cache_that_does_not_heed_vary_is_found() {
    let report =
        check(Fault::CachesWithoutVary, Outcome::Failed, "negotiation", "asked for text/html (turn 2 of 4)", "Vary")
            .await;
    assert!(find(&report, "negotiation").measured.contains("answered on the way"));
    assert_eq!(find(&report, "signed_headers").outcome, Outcome::Ok);
}

#[tokio::test]
async fn a_vary_that_is_stripped_is_found() {
    let report =
        check(Fault::Hides("vary"), Outcome::Warning, "vary", "without `Vary: Accept`", "proxy_hide_header").await;
    assert_eq!(names(&report, Outcome::Failed), [""; 0]);
}

#[tokio::test]
async fn a_limit_of_bodies_that_is_too_small_is_found() {
    let report = check(
        Fault::LimitsBody(512 << 10),
        Outcome::Failed,
        "body_size",
        "status 413 (server: proxy)",
        "client_max_body_size 1m",
    )
    .await;
    assert_eq!(names(&report, Outcome::Failed), ["body_size"]);
}

#[tokio::test]
async fn a_clock_an_hour_off_is_found_with_the_cure() {
    for (hours, words) in [(1, "3600 s behind"), (-1, "3600 s ahead")] {
        let fault = Fault::ClockAhead(SignedDuration::from_hours(hours));
        let report = check(fault, Outcome::Failed, "clock", words, "timedatectl").await;
        assert_eq!(names(&report, Outcome::Failed), ["clock"]);
    }
    check(Fault::ClockAhead(SignedDuration::from_secs(60)), Outcome::Warning, "clock", "60 s behind", "timedatectl")
        .await;
}

#[tokio::test]
async fn a_feed_that_cannot_be_asked_for_conditionally_is_found() {
    check(Fault::Hides("etag"), Outcome::Warning, "feeds_unchanged", "without an ETag", "ETag").await;
    check(Fault::Strips("accept-encoding"), Outcome::Warning, "feeds_gzip", "uncompressed", "Accept-Encoding").await;
}

#[tokio::test]
async fn an_accept_that_is_stripped_is_found() {
    check(Fault::Strips("accept"), Outcome::Failed, "actor", "header Accept did not arrive", "told apart").await;
}

#[tokio::test]
async fn a_redirect_where_an_id_should_answer_is_found() {
    let report = check(Fault::AddsSlash("/users/"), Outcome::Failed, "actor", "to /users/ana/", "redirect").await;
    assert!(find(&report, "negotiation").outcome == Outcome::Failed);
    check(Fault::AddsSlash("/inbox"), Outcome::Failed, "signed_headers", "leads elsewhere, to /inbox/", "redirect")
        .await;
    check(Fault::AddsSlash("/.well-known/webfinger"), Outcome::Failed, "webfinger", "leads elsewhere", "redirect")
        .await;
}

#[tokio::test]
async fn another_site_at_the_origin_is_found_and_not_examined_further() {
    for (status, words) in
        [(200, "did not arrive here"), (502, "status 502 (server: proxy)"), (404, "did not arrive here")]
    {
        let report = check(Fault::Answers(status), Outcome::Failed, "origin", words, "[site] listen").await;
        assert_eq!(names(&report, Outcome::Failed), ["origin"]);
        assert!(names(&report, Outcome::Skipped).ends_with(&STEPS));
    }
}

#[tokio::test]
async fn posts_that_are_swallowed_on_the_way_are_found() {
    let report = check(Fault::AnswersPosts(202), Outcome::Failed, "signed_headers", "did not arrive here", "").await;
    for name in ["body_size", "round_trip_follow"] {
        assert_eq!(find(&report, name).outcome, Outcome::Failed, "{name}");
    }
}

#[tokio::test]
async fn a_proxy_that_passes_known_headers_only_is_examined_all_the_same() {
    let report = report(Fault::Strips("x-reviewd-doctor")).await;
    assert_eq!(names(&report, Outcome::Failed), [""; 0], "{report:#?}");
    assert_eq!(find(&report, "round_trip_delete").outcome, Outcome::Ok);
}

#[tokio::test]
async fn examinations_are_made_one_at_a_time() {
    let (_proxy, daemon) = Proxy::before_daemon(Fault::Nothing).await;
    let (one, other) = tokio::join!(ask(&daemon), ask(&daemon));
    let refused = [one, other].into_iter().filter_map(Result::err).map(|error| error.to_string()).collect::<Vec<_>>();
    assert_eq!(refused, ["an examination is under way already; wait a minute and ask again"]);
    assert!(ask(&daemon).await.is_ok());
}

#[tokio::test]
async fn a_daemon_that_is_told_to_stop_does_not_wait_for_an_examination() {
    let (proxy, mut daemon) = Proxy::before_daemon(Fault::Silence).await;
    let socket = daemon.data().join("control.sock");
    let asking = tokio::spawn(async move { control::ask::<Report>(&socket, &Question::Doctor).await });
    proxy.is_asked().await;
    daemon.stop().await;
    let refused = asking.await.unwrap().unwrap_err().to_string();
    assert!(refused.contains("the daemon is stopping"), "{refused}");
}

#[tokio::test]
async fn after_an_upgrade_it_runs_by_itself_and_status_tells() {
    let (proxy, mut daemon) = Proxy::before_daemon(Fault::Nothing).await;
    let asked = |proxy: &Proxy| proxy.asked().iter().filter(|asked| asked.contains("/doctor/")).count();
    daemon.stop().await;
    daemon.start_again().await;
    daemon.look().await;
    assert_eq!(daemon.run_json(&["status"]).await["last_doctor"], Value::Null, "the first start is no upgrade");
    daemon.running().store.remember_fact("doctor_version", "0.0.1").await.unwrap();
    daemon.stop().await;
    daemon.start_again().await;
    let told = daemon
        .when(async || Some(daemon.run_json(&["status"]).await).filter(|told| !told["last_doctor"].is_null()))
        .await;
    assert_eq!((&told["last_doctor"]["failed"], &told["last_doctor"]["version"]), (&json!(0), &told["version"]));
    let before = asked(&proxy);
    assert!(before > 0);
    assert!(daemon.run(&["status"]).await.contains("last examined 2026-11-22T12:0"));
    daemon
        .when(async || daemon.running().store.fact("doctor_version").await.unwrap().filter(|known| known != "0.0.1"))
        .await;
    daemon.stop().await;
    daemon.start_again().await;
    daemon.look().await;
    assert_eq!(asked(&proxy), before, "one examination for one upgrade");
}

#[tokio::test]
async fn a_key_that_others_can_read_is_found_while_it_is_in_use() {
    let daemon = Daemon::start().await;
    let key = daemon.data().join("keys/ana.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let report = ask(&daemon).await.unwrap();
    let found = find(&report, "keys");
    assert_eq!((found.outcome, found.about.as_deref()), (Outcome::Failed, Some("ana.pem")));
    assert!(found.measured.contains("mode 644"), "{found}");
    assert!(found.cure.as_deref().unwrap().contains(&format!("chmod 600 {}", key.display())), "{found}");
    fs::remove_file(&key).unwrap();
    assert!(find(&ask(&daemon).await.unwrap(), "keys").cure.as_deref().unwrap().contains("restore"));
}

#[tokio::test]
async fn a_folder_that_vanished_is_found() {
    let daemon = Daemon::start().await;
    fs::remove_dir(daemon.data().parent().unwrap().join("reviews")).unwrap();
    let report = ask(&daemon).await.unwrap();
    let found = find(&report, "folder");
    assert_eq!((found.outcome, found.about.as_deref()), (Outcome::Failed, Some("@ana")));
    let cure = found.cure.as_deref().unwrap();
    assert!(cure.contains("BindReadOnlyPaths") && cure.contains("setfacl -R -m g:"), "{found}");
}

/// What `reviewd doctor --json` prints in a directory where no daemon runs, and how it ends.
async fn alone(directory: &Path) -> (i32, Value) {
    alone_with(directory, None).await
}

/// The same with one more authority in the trust store.
async fn alone_with(directory: &Path, trust: Option<&Path>) -> (i32, Value) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_reviewd"));
    command.envs(trust.map(|bundle| ("SSL_CERT_FILE", bundle)));
    command.args(["doctor", "--json", "--config", "reviewd.toml"]).current_dir(directory);
    let output = command.output().await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (
        output.status.code().unwrap(),
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}")),
    )
}

fn outcome<'a>(shown: &'a Value, name: &str) -> &'a Value {
    let all = shown["checks"].as_array().unwrap();
    all.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no check {name}: {shown:#}"))
}

#[tokio::test]
async fn without_a_daemon_the_machine_is_examined_and_left_as_it_is() {
    let mut daemon = Daemon::start().await;
    let (data, database) = (daemon.data(), daemon.data().join("reviewd.db"));
    daemon.stop().await;
    let home = data.parent().unwrap();
    let (code, shown) = alone(home).await;
    assert_eq!((code, &outcome(&shown, "daemon")["outcome"]), (1, &json!("failed")));
    for name in ["listen", "settings", "data_directory", "keys", "database", "folder"] {
        assert_eq!(outcome(&shown, name)["outcome"], "ok", "{shown:#}");
    }

    let pool = sqlx::SqlitePool::connect(database.to_str().unwrap()).await.unwrap();
    sqlx::query("INSERT INTO schema_step (step) VALUES (99)").execute(&pool).await.unwrap();
    pool.close().await;
    let before = fs::read(&database).unwrap();
    let (_, shown) = alone(home).await;
    let found = outcome(&shown, "database");
    assert_eq!(found["outcome"], "failed");
    assert!(found["measured"].as_str().unwrap().contains("newer reviewd (schema 99"), "{found}");
    assert!(found["cure"].as_str().unwrap().starts_with("upgrade reviewd"), "{found}");
    assert_eq!(fs::read(&database).unwrap(), before);
}

#[tokio::test]
async fn a_port_that_somebody_else_holds_is_found() {
    let mut daemon = Daemon::start().await;
    daemon.stop().await;
    let home = daemon.data().parent().unwrap().to_owned();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap();
    let settings = fs::read_to_string(home.join("reviewd.toml")).unwrap();
    fs::write(home.join("reviewd.toml"), settings.replace("127.0.0.1:0", &address.to_string())).unwrap();
    let (_, shown) = alone(&home).await;
    let found = outcome(&shown, "listen");
    assert_eq!(found["outcome"], "failed");
    assert!(found["measured"].as_str().unwrap().contains(&address.to_string()), "{found}");
    assert!(found["cure"].as_str().unwrap().contains(&format!("sport = :{}", address.port())), "{found}");
}

#[tokio::test]
async fn settings_that_cannot_be_read_are_the_only_finding() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("reviewd.toml"), "[site]\norigen = \"https://books.example\"\n").unwrap();
    let (code, shown) = alone(home.path()).await;
    assert_eq!((code, &shown["failed"], shown["checks"].as_array().unwrap().len()), (1, &json!(1), 1));
    assert!(shown["checks"][0]["measured"].as_str().unwrap().contains("reviewd.toml:2:"), "{shown:#}");
}

/// A web server that shows this certificate and says "ok" to everything; its port.
pub async fn secure_server(certificate: &Certificate) -> (u16, tokio::task::JoinSet<()>) {
    let chain = CertificateDer::pem_file_iter(&certificate.chain).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(&certificate.key).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not like the certificate goes away here.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nok\n").await;
            let _ = stream.shutdown().await;
        }
    });
    (port, tasks)
}

#[tokio::test]
async fn a_certificate_is_judged_by_chain_name_and_days() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let day =
        |days: i64| jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date() + jiff::Span::new().days(days);
    for (name, hosts, days, trust, expected, words, cure) in [
        ("good", ["localhost"], 60, true, "ok", "days", ""),
        ("soon", ["localhost"], 9, true, "warning", " 8 days", "renew"),
        ("ended", ["localhost"], -3, true, "failed", "it is valid from", "renew it"),
        ("other", ["other.example"], 60, true, "failed", "other.example", "certificate for the host of [site] origin"),
        ("unknown", ["localhost"], 60, false, "failed", "it is valid from", "fullchain.pem"),
    ] {
        let certificate = authority.issue_for(name, &hosts, Some(day(days)));
        let (port, _server) = secure_server(&certificate).await;
        let home = tempfile::tempdir().unwrap();
        let settings = format!("[site]\nlisten = \"127.0.0.1:0\"\norigin = \"https://localhost:{port}\"\n");
        fs::write(home.path().join("reviewd.toml"), settings).unwrap();
        let trusted = if trust { authority.bundle() } else { stranger.bundle() };
        let (_, shown) = alone_with(home.path(), Some(&trusted)).await;
        let found = outcome(&shown, "certificate");
        let text = |part: &str| found[part].as_str().unwrap_or_default().to_owned();
        assert_eq!(found["outcome"], expected, "{name}: {found}");
        assert!(text("measured").contains(words) && text("cure").contains(cure), "{name}: {found}");
    }
}
