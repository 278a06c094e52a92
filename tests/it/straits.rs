//! Our own side fails: no room on the disk, no descriptors, little memory, names that lead astray. The program degrades, says
//! so, loses nothing, and recovers without a restart. The limits are real ones, set on the built program from outside; those
//! that take root are passed over, and that is said, where nobody is.
#![allow(clippy::disallowed_methods, reason = "the limits come from outside, with clocks and clients of their own")]

use std::{fs, io::Write, path::Path, process::Command, time::Duration};

use reviewd::clock::Clock;
use serde_json::json;
use tokio::net::TcpStream;

use crate::{
    fediverse::{
        doctor::secure_server,
        neighbour::{OTHER_KEY, Person},
    },
    kills::{
        post,
        sink::Sink,
        site::{Ground, Site},
    },
    peers::Authority,
    world::review,
};

const FOLLOWERS: usize = 4;

/// A site with followers who live through everything.
async fn site_on(ground: Ground) -> (Site, Sink) {
    let (chance, _) = Clock::turned(Clock::system().now(), 1);
    let sink = Sink::open(2, chance).await;
    let followers: Vec<Person> = (0..FOLLOWERS).map(|number| sink.person(number)).collect();
    let site = Site::open_on(ground, &followers).await;
    (site, sink)
}

/// Waits until every follower was told this, and once.
async fn told_once(site: &Site, sink: &Sink, words: &str) {
    let arrivals = || {
        let about = |arrival: &&_| String::from_utf8_lossy(body(arrival)).contains(words);
        sink.arrivals().iter().filter(about).count()
    };
    site.when(words, async || arrivals() >= FOLLOWERS).await;
    let store = site.store_inside().await;
    site.when("every outcome is known", async || store.delivery_figures().await.unwrap().due == 0).await;
    store.close().await;
    assert_eq!(arrivals(), FOLLOWERS, "{words}");
}

fn body(arrival: &crate::kills::sink::Arrival) -> &[u8] {
    &arrival.body
}

/// Whether a mount namespace can be had.
fn apart() -> bool {
    let made = Command::new("unshare").args(["-m", "--", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    let fine = made.is_ok_and(|made| made.status.success());
    if !fine {
        let _ = std::io::stderr().write_all(b"SKIPPED: a mount namespace takes root\n");
    }
    fine
}

fn limit(site: &Site, what: &str) {
    let set = Command::new("prlimit").args(["--pid", &site.pid(), what]).output().unwrap();
    assert!(set.status.success(), "prlimit {what}: {}", String::from_utf8_lossy(&set.stderr));
}

/// Leaves not one byte of room.
fn fill(directory: &Path) {
    let mut ballast = fs::File::create(directory.join("ballast")).unwrap();
    for bytes in [1 << 16, 512, 1] {
        while ballast.write_all(&vec![0; bytes]).is_ok() {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_what_must_be_kept_and_nothing_else_until_there_is_room() {
    if !apart() {
        return;
    }
    let before =
        "mkdir -p room && mount -t tmpfs -o size=24m tmpfs room && cp -a data/. room/ && mount --bind room data";
    let (site, sink) = site_on(Ground { before: before.into(), apart: true, ..Ground::default() }).await;
    site.save("dune.md", &review("Dune", "Sand number one."));
    told_once(&site, &sink, "Sand number one").await;

    fill(&site.data());
    site.save("emma.md", &review("Emma", "Rich number two."));
    site.when("it says that the disk is full", async || site.readiness().await.contains("the disk is full")).await;
    let stranger = sink.person(9);
    let note = site.get("/users/ana/outbox?page=1").await["orderedItems"][0]["object"]["id"].clone();
    let like = stranger.activity("Like", 1, json!({"object": note}));
    assert_eq!(post(&site, &stranger, &like).await, Some(503), "what cannot be kept is not taken");
    assert!(site.feed().await.contains_key("Dune"), "what was published is served");
    assert!(site.log().contains("make room, and it goes on by itself"), "{}", site.log());
    assert!(!sink.arrivals().iter().any(|one| String::from_utf8_lossy(&one.body).contains("number two")));

    fs::remove_file(site.data().join("ballast")).unwrap();
    told_once(&site, &sink, "Rich number two").await;
    site.when("it is well again", async || site.readiness().await == "200 ready\n").await;
    assert_eq!(post(&site, &stranger, &like).await, Some(202));
    assert_eq!(site.feed().await.len(), 2);
    assert!(site.log().contains("the database can be written again"), "{}", site.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_who_hold_every_connection_keep_nobody_from_being_told() {
    let (site, sink) = site_on(Ground { before: "ulimit -n 256".into(), ..Ground::default() }).await;
    let address = site.origin.strip_prefix("http://").unwrap().to_owned();
    let mut idle = Vec::new();
    for _ in 0..160 {
        idle.push(TcpStream::connect(&address).await.unwrap());
    }
    site.save("dune.md", &review("Dune", "Sand number one."));
    told_once(&site, &sink, "Sand number one").await;
    assert!(site.log().contains("all seats are taken"), "{}", site.log());
    drop(idle);
    site.when("it serves again", async || site.feed().await.contains_key("Dune")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_free_descriptor_nothing_is_taken_for_gone_and_everything_follows_later() {
    let (site, sink) = site_on(Ground::default()).await;
    site.save("dune.md", &review("Dune", "Sand number one."));
    told_once(&site, &sink, "Sand number one").await;

    limit(&site, "--nofile=12:");
    site.save("emma.md", &review("Emma", "Rich number two."));
    site.save("dune.md", &review("Dune", "Sand number three."));
    site.when("it says so", async || site.log().contains("Too many open files")).await;
    // A command that cannot be let in is one more who knocks.
    let mut command = site.command(&["status"]).spawn().unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (before, lines) = (site.log().lines().count(), site.log());
    assert!(before < 60, "the log is flooded: {lines}");

    limit(&site, "--nofile=512:");
    told_once(&site, &sink, "Rich number two").await;
    told_once(&site, &sink, "Sand number three").await;
    assert!(command.wait().await.unwrap().success());
    assert_eq!(site.feed().await.len(), 2);
    assert!(
        sink.arrivals().iter().all(|arrival| arrival.kind != "Delete"),
        "a folder that cannot be read is not empty"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_a_memory_limit_it_takes_what_is_heavy_and_goes_on() {
    let (site, sink) = site_on(Ground::default()).await;
    site.save("dune.md", &review("Dune", "Sand number one."));
    told_once(&site, &sink, "Sand number one").await;
    let status = fs::read_to_string(format!("/proc/{}/status", site.pid())).unwrap();
    let mapped = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    let mapped: u64 = mapped.trim().trim_end_matches(" kB").parse().unwrap();
    // What is mapped now (most of it stacks and never touched), and 300 MiB more.
    limit(&site, &format!("--as={}", (mapped + (300 << 10)) << 10));

    site.save("heavy.md", &review("Heavy", &"A long paragraph of words. ".repeat(30_000)));
    fs::write(site.review("too-heavy.md"), vec![b'>'; 5 << 20]).unwrap();
    fs::write(site.review("bomb.png"), crate::world::image_bomb()).unwrap();
    site.save("bomb.md", &review("Bomb", "Words number two. ![a bomb](bomb.png)"));
    let mut posting = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (client, url) = (site.client.clone(), format!("{}/inbox", site.origin));
        let body = format!("[{}1{}]", "[".repeat(100_000), "]".repeat(100_000));
        posting.spawn(async move { client.post(url).body(body).send().await.map(|answer| answer.status().as_u16()) });
    }
    while let Some(answer) = posting.join_next().await {
        let status = answer.unwrap().unwrap();
        assert!(matches!(status, 400 | 401 | 413 | 429), "{status}");
    }
    told_once(&site, &sink, "Words number two").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_certificate_is_no_delivery_and_says_what_is_wrong_with_it() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let ended = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date() - jiff::Span::new().days(3);
    let bad = [
        (authority.issue_for("expired", &["localhost"], Some(ended)), "expired"),
        (authority.issue_for("other", &["other.example"], None), "not valid for name"),
        (stranger.issue("unknown"), "invalid peer certificate"),
    ];
    let (mut servers, mut followers) = (Vec::new(), Vec::new());
    for (certificate, words) in &bad {
        let (port, server) = secure_server(certificate).await;
        let id = format!("https://localhost:{port}/users/bob");
        let key_id = format!("{id}#main-key");
        followers.push(Person { id, key_id, key: OTHER_KEY.clone(), clock: Clock::system() });
        servers.push((port, server, words));
    }
    let environment = vec![("SSL_CERT_FILE", authority.bundle())];
    let site = Site::open_on(Ground { environment, ..Ground::default() }, &followers).await;
    site.save("dune.md", &review("Dune", "Sand number one."));
    let store = site.store().await;
    let tried = async || {
        let rows = store.deliveries(None, 100).await.unwrap();
        rows.len() == bad.len() && rows.iter().all(|row| row.attempts > 0)
    };
    site.when("all were tried", tried).await;
    for (port, _server, words) in &servers {
        let rows = store.deliveries(None, 100).await.unwrap();
        let row = rows.iter().find(|row| row.inbox.contains(&format!(":{port}/"))).unwrap();
        assert_eq!(row.state, "due", "it may be mended tomorrow");
        assert!(row.last_error.as_ref().is_some_and(|error| error.contains(**words)), "{words}: {row:?}");
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_fails_or_leads_inside_is_tried_again_and_never_followed_there() {
    if !apart() {
        return;
    }
    let before = "mount --bind hosts /etc/hosts && mount --bind nsswitch.conf /etc/nsswitch.conf";
    let names = tempfile::tempdir().unwrap();
    let hosts = names.path().join("hosts");
    fs::write(&hosts, "127.0.0.1 localhost\n").unwrap();
    fs::write(names.path().join("nsswitch.conf"), "hosts: files\n").unwrap();
    let before = before.replace("--bind ", &format!("--bind {}/", names.path().display()));
    let (chance, _) = Clock::turned(Clock::system().now(), 1);
    let sink = Sink::open(1, chance).await;
    let mut friend = sink.person(0);
    friend.id = friend.id.replace("127.0.1.1", "friend.example");
    let site = Site::open_on(Ground { before, apart: true, ..Ground::default() }, std::slice::from_ref(&friend)).await;
    let store = site.store().await;
    let host = friend.id.split('/').nth(2).unwrap().to_owned();
    let last_error = async |count: usize| {
        let rows = store.deliveries(None, 100).await.unwrap();
        let row = rows.iter().find(|row| row.kind == "Create");
        row.filter(|row| row.attempts as usize >= count).map(|row| row.last_error.clone().unwrap_or_default())
    };
    let told = async |count: usize| {
        site.when("the attempt", async || last_error(count).await.is_some()).await;
        last_error(count).await.unwrap()
    };
    // The host shows a sign of life, and a save makes the carrier look.
    let again = async |title: &str| {
        store.revive_host(&host, Clock::system().now()).await.unwrap();
        site.save(&format!("{title}.md"), &review(title, "Nothing."));
    };
    site.save("dune.md", &review("Dune", "Sand number one."));
    assert_eq!(told(1).await, "the host name could not be resolved");

    for (number, address) in [(2, "10.1.2.3"), (3, "169.254.169.254"), (4, "8.8.8.8")] {
        fs::write(&hosts, format!("127.0.0.1 localhost friend.example\n{address} friend.example\n")).unwrap();
        again(&format!("book-{number}")).await;
        let told = told(number).await;
        assert!(told.contains("address"), "{address}: {told}");
    }
    assert!(sink.arrivals().is_empty());

    fs::write(&hosts, "127.0.0.1 localhost\n127.0.1.1 friend.example\n").unwrap();
    again("book-5").await;
    site.when("everything arrives", async || sink.arrivals().len() == 5).await;
    assert!(String::from_utf8_lossy(&sink.arrivals()[0].body).contains("number one"), "the oldest comes first");
    store.close().await;
}
