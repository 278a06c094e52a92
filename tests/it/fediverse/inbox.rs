//! The door: what is let in, what it is answered, and what nobody can make us do.

use std::{collections::HashSet, time::Duration};

use jiff::SignedDuration;
use reqwest::header::{HeaderMap, HeaderValue};
use reviewd::{clock::Clock, domain::Spec};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    daemon::Daemon,
    neighbour::{Answer, Neighbour, OTHER_KEY, Person, client, post},
};

const SECOND: Duration = Duration::from_secs(1);
const MIB: usize = 1 << 20;

async fn ana_and_home() -> (Daemon, Neighbour) {
    let daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    (daemon, home)
}

/// Posts a Follow and says what it was answered.
async fn knock(daemon: &Daemon, person: &Person) -> u16 {
    person.post(daemon, &person.follow(daemon)).await
}

/// The person follows, so everything posted earlier has been worked through; the actors that follow then.
async fn followers_after(daemon: &Daemon, home: &Neighbour, last: &Person) -> HashSet<String> {
    last.follows(daemon, home).await;
    daemon.followers().await.into_iter().map(|follower| follower.actor).collect()
}

#[tokio::test]
async fn a_follow_is_accepted_each_time_and_a_replay_is_not() {
    let (daemon, home) = ana_and_home().await;
    let bob = home.person("bob");
    let (url, body) = (daemon.url("/inbox"), bob.follow(&daemon).to_string().into_bytes());
    let headers = bob.sign(Spec::Cavage, &url, &body);
    for _ in 0..3 {
        assert_eq!(post(&url, headers.clone(), body.clone()).await, 202);
    }
    home.posts(1).await;
    daemon.pass(SECOND);
    assert_eq!(knock(&daemon, &bob).await, 202);
    let posts = home.posts(2).await;
    for post in &posts {
        let accept = post.json();
        assert_eq!((post.kind(), post.path.as_str()), ("Accept".to_owned(), "/users/bob/inbox"));
        assert_eq!(accept["object"]["id"], bob.follow(&daemon)["id"]);
        assert_eq!(accept["object"]["actor"], bob.id);
        post.claim(&daemon).await;
    }
    assert_ne!(posts[0].json()["id"], posts[1].json()["id"]);
    assert_eq!(daemon.followers().await.len(), 1);
}

#[tokio::test]
async fn a_follow_ends_however_it_is_taken_back() {
    let (daemon, home) = ana_and_home().await;
    let bob = home.person("bob");
    let follow = bob.follow(&daemon);
    let without_id = json!({"type": "Follow", "actor": bob.id, "object": daemon.ana()});
    let ends = [
        ("Undo", follow["id"].clone()),
        ("Undo", follow.clone()),
        ("Undo", without_id),
        ("Block", json!(daemon.ana())),
        ("Delete", json!(bob.id)),
    ];
    for (number, (kind, object)) in (10..).zip(ends) {
        daemon.pass(SECOND);
        bob.follows(&daemon, &home).await;
        assert_eq!(daemon.followers().await.len(), 1, "before {kind} of {object}");
        let end = bob.activity(kind, number, json!({"object": object}));
        assert_eq!(bob.post(&daemon, &end).await, 202);
        daemon.followers_when(0).await;
    }
}

#[tokio::test]
async fn nobody_speaks_for_another() {
    let (daemon, home) = ana_and_home().await;
    let elsewhere = Neighbour::open(&daemon).await;
    let (bob, eve, mallory) = (home.person("bob"), home.person("eve"), elsewhere.person("mallory"));
    bob.follows(&daemon, &home).await;
    let bobs = json!({"object": bob.follow(&daemon)});
    let mut attempts = Vec::new();
    for (number, stranger) in [(2, &eve), (3, &mallory)] {
        attempts.push((stranger, stranger.activity("Undo", number, bobs.clone())));
        attempts.push((stranger, stranger.activity("Undo", number + 10, json!({"object": bob.follow(&daemon)["id"]}))));
        attempts.push((stranger, stranger.activity("Delete", number + 20, json!({"object": bob.id}))));
        attempts.push((stranger, bob.activity("Undo", number + 30, bobs.clone())));
        attempts.push((stranger, bob.activity("Delete", number + 40, json!({"object": bob.id}))));
    }
    let mut stolen = mallory.follow(&daemon);
    stolen["id"] = json!(format!("{}/activities/99", bob.id));
    attempts.push((&mallory, stolen));
    for (stranger, activity) in attempts {
        assert_eq!(stranger.post(&daemon, &activity).await, 202, "{activity}");
    }
    let carol = home.person("carol");
    let followers = followers_after(&daemon, &home, &carol).await;
    assert_eq!(followers, HashSet::from([bob.id, carol.id]));
}

/// Signs a Follow of bob's well, lets `spoil` spoil it, and says what it was answered.
async fn spoiled(daemon: &Daemon, bob: &Person, spoil: impl FnOnce(&mut HeaderMap, &mut Vec<u8>)) -> u16 {
    let (url, mut body) = (daemon.url("/inbox"), bob.follow(daemon).to_string().into_bytes());
    let mut headers = bob.sign(Spec::Cavage, &url, &body);
    spoil(&mut headers, &mut body);
    post(&url, headers, body).await
}

fn rewrite(headers: &mut HeaderMap, from: &str, to: &str) {
    let value = headers["signature"].to_str().unwrap();
    assert!(value.contains(from), "{value}");
    headers.insert("signature", HeaderValue::try_from(value.replace(from, to)).unwrap());
}

#[tokio::test]
async fn what_is_not_well_signed_is_answered_401_and_nobody_is_asked() {
    let (daemon, home) = ana_and_home().await;
    let bob = home.person("bob");
    type Spoil = fn(&mut HeaderMap, &mut Vec<u8>);
    let spoils: [(&str, Spoil); 10] = [
        ("unsigned", |headers, _| headers.clear()),
        ("unsigned and unreadable", |headers, body| {
            headers.clear();
            body.truncate(9);
        }),
        ("another body", |_, body| body.push(b' ')),
        ("no digest", |headers, _| drop(headers.remove("digest"))),
        ("a weak digest", |headers, _| drop(headers.insert("digest", HeaderValue::from_static("MD5=AAAA")))),
        ("the digest is not covered", |headers, _| {
            rewrite(headers, "(request-target) host date digest", "(request-target) host date")
        }),
        ("the host is not covered", |headers, _| {
            rewrite(headers, "(request-target) host date digest", "(request-target) date digest")
        }),
        ("no date", |headers, _| drop(headers.remove("date"))),
        ("another algorithm", |headers, _| rewrite(headers, "rsa-sha256", "hmac-sha256")),
        ("no address of a key", |headers, _| rewrite(headers, "keyId=\"http", "keyId=\"acct")),
    ];
    for (what, spoil) in spoils {
        assert_eq!(spoiled(&daemon, &bob, spoil).await, 401, "{what}");
    }
    for (what, hours) in [("too old", -13), ("from the future", 2)] {
        let then = daemon.clock.now() + SignedDuration::from_hours(hours);
        let late = Person { clock: Clock::turned(then, 1).0, ..bob.clone() };
        assert_eq!(knock(&daemon, &late).await, 401, "{what}");
    }
    assert_eq!(home.fetches(), 0);

    let body = bob.follow(&daemon).to_string().into_bytes();
    let for_another = bob.sign(Spec::Cavage, "http://books.example/inbox", &body);
    assert_eq!(post(&daemon.url("/inbox"), for_another, body).await, 401, "signed for another host");
    let forger = Person { key: OTHER_KEY.clone(), ..bob.clone() };
    assert_eq!(knock(&daemon, &forger).await, 401, "by another key");
    let carol = home.person("carol");
    assert_eq!(followers_after(&daemon, &home, &carol).await, HashSet::from([carol.id]));
}

#[tokio::test]
async fn bodies_are_read_within_limits() {
    let (daemon, home) = ana_and_home().await;
    let bob = home.person("bob");
    let url = daemon.url("/inbox");
    let answer = async |body: String| {
        let headers = bob.sign(Spec::Cavage, &url, body.as_bytes());
        post(&url, headers, body.into_bytes()).await
    };
    assert_eq!(answer("{".to_owned()).await, 400);
    assert_eq!(answer("[]".to_owned()).await, 400);
    let nested = |depth: usize| {
        bob.activity("Like", 1, json!({"object": daemon.ana()})).to_string().replacen(
            '{',
            &format!("{{\"x\":{}{},", "[".repeat(depth), "]".repeat(depth)),
            1,
        )
    };
    assert_eq!(answer(nested(20)).await, 202);
    assert_eq!(answer(nested(40)).await, 400);
    assert_eq!(answer(nested(100_000)).await, 400);
    assert_eq!(answer(nested(20) + &" ".repeat(MIB)).await, 413);
}

/// Takes as long as a sender may take.
#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let daemon = Daemon::start().await;
    let mut stream = tokio::net::TcpStream::connect(daemon.running().addresses[0]).await.unwrap();
    let host = daemon.url("").replace("http://", "");
    let head = format!("POST /inbox HTTP/1.1\r\nhost: {host}\r\ncontent-length: 100\r\n\r\n{{");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn an_inbox_is_never_gone_and_leads_nowhere_else() {
    let daemon = Daemon::start().await;
    for path in ["/inbox", "/users/ana/inbox", "/users/nobody/inbox", "/inbox?x=1"] {
        assert_eq!(post(&daemon.url(path), HeaderMap::new(), b"{}".to_vec()).await, 401, "{path}");
    }
}

#[tokio::test]
async fn keys_are_found_in_every_form_in_use() {
    let (daemon, home) = ana_and_home().await;
    // Mastodon `#main-key`, BookWyrm `/#main-key`, GoToSocial `/main-key` with a stub, a key that is its own document.
    let mut gotosocial = home.person("gotosocial");
    gotosocial.key_id = format!("{}/main-key", gotosocial.id);
    home.show(&gotosocial, json!({}));
    let mut stub = gotosocial.document();
    stub.as_object_mut().unwrap().remove("inbox");
    home.serve("/users/gotosocial/main-key", Answer::Document(stub));

    let mut bookwyrm = home.person("bookwyrm");
    bookwyrm.key_id = format!("{}/#main-key", bookwyrm.id);
    home.show(&bookwyrm, json!({}));
    home.serve("/users/bookwyrm/", Answer::Document(bookwyrm.document()));

    let mut apart = home.person("apart");
    apart.key_id = format!("{}/keys/1", apart.id);
    home.show(&apart, json!({}));
    home.serve("/users/apart/keys/1", Answer::Document(apart.document()["publicKey"].clone()));

    for person in [home.person("mastodon"), gotosocial, bookwyrm, apart] {
        person.follows(&daemon, &home).await;
    }
    let modern = home.person("modern");
    let (url, body) = (daemon.url("/users/ana/inbox"), modern.follow(&daemon).to_string().into_bytes());
    assert_eq!(post(&url, modern.sign(Spec::Rfc9421, &url, &body), body).await, 202);
    daemon.followers_when(5).await;
}

#[tokio::test]
async fn a_changed_key_is_fetched_anew_and_a_forger_makes_us_fetch_no_more() {
    let (daemon, home) = ana_and_home().await;
    let bob = home.person("bob");
    bob.follows(&daemon, &home).await;
    let fetches = home.fetches();
    let changed = Person { key: OTHER_KEY.clone(), ..bob.clone() };
    home.show(&changed, json!({}));
    let like = |number| changed.activity("Like", number, json!({"object": daemon.ana()}));
    assert_eq!(changed.post(&daemon, &like(2)).await, 202);
    assert_eq!(home.fetches(), fetches + 1);
    for number in 3..6 {
        assert_eq!(bob.post(&daemon, &like(number)).await, 401, "the old key");
    }
    assert_eq!(changed.post(&daemon, &like(6)).await, 202);
    assert_eq!(home.fetches(), fetches + 1);
}

#[tokio::test]
async fn a_key_must_be_its_owners_and_on_its_host() {
    let (daemon, home) = ana_and_home().await;
    let elsewhere = Neighbour::open(&daemon).await;
    let bob = home.person("bob");
    // A document at the stranger's that calls the key bob's, and one that calls bob its owner.
    let mut poisoned = bob.document();
    poisoned["publicKey"]["publicKeyPem"] = json!(OTHER_KEY.to_public_pem().unwrap());
    elsewhere.serve("/users/bob", Answer::Document(poisoned));
    let key = format!("{}/key", elsewhere.origin);
    let owned = json!({"id": key, "type": "Key", "owner": bob.id, "publicKeyPem": OTHER_KEY.to_public_pem().unwrap()});
    elsewhere.serve("/key", Answer::Document(owned));
    let unlisted = format!("{}/users/bob/second-key", home.origin);
    let mut second = bob.document()["publicKey"].clone();
    second["id"] = json!(unlisted);
    second["publicKeyPem"] = json!(OTHER_KEY.to_public_pem().unwrap());
    home.serve("/users/bob/second-key", Answer::Document(second));
    for key_id in [format!("{}/users/bob#main-key", elsewhere.origin), key, unlisted] {
        let forger = Person { key: OTHER_KEY.clone(), key_id: key_id.clone(), ..bob.clone() };
        assert_eq!(knock(&daemon, &forger).await, 401, "{key_id}");
    }
    let own = Person { key_id: format!("{}#main-key", daemon.ana()), ..bob.clone() };
    assert_eq!(knock(&daemon, &own).await, 401, "a key of ours");
    bob.follows(&daemon, &home).await;
}

#[tokio::test]
async fn the_end_of_a_stranger_is_taken_without_asking_anybody() {
    let (daemon, home) = ana_and_home().await;
    let bob = home.person("bob");
    for kind in ["Delete", "Update"] {
        let end = bob.activity(kind, 1, json!({"object": bob.id}));
        assert_eq!(bob.post(&daemon, &end).await, 202, "{kind}");
    }
    assert_eq!(home.asked().len(), 0);
}

#[tokio::test]
async fn a_server_that_cannot_show_the_key_now_is_asked_to_come_again() {
    let (daemon, home) = ana_and_home().await;
    let bob = home.person("bob");
    home.serve("/users/bob", Answer::Status(502));
    assert_eq!(knock(&daemon, &bob).await, 503);
    home.serve("/users/bob", Answer::Status(404));
    assert_eq!(knock(&daemon, &bob).await, 401);
    home.show(&bob, json!({}));
    bob.follows(&daemon, &home).await;
}

#[tokio::test]
async fn who_is_blocked_is_turned_away_before_anything_is_fetched() {
    let (daemon, home) = ana_and_home().await;
    let (bob, carol) = (home.person("bob"), home.person("carol"));
    carol.follows(&daemon, &home).await;
    let host = home.origin.replace("http://", "");
    for name in [&bob.id, &host, &home.origin, "localhost"] {
        let before = home.fetches();
        daemon.run(&["block", name]).await;
        assert_eq!(knock(&daemon, &bob).await, 403, "{name} is blocked");
        assert_eq!(home.fetches(), before);
        daemon.run(&["unblock", name]).await;
    }
    assert!(daemon.followers().await.is_empty(), "who is blocked follows no more");
    daemon.pass(SECOND);
    carol.follows(&daemon, &home).await;

    daemon.run(&["block", &format!("@carol@{host}")]).await;
    assert!(daemon.followers().await.is_empty(), "a handle means its account");
    assert_eq!(knock(&daemon, &carol).await, 403);

    daemon.run(&["block", "Evil.Example"]).await;
    daemon.run(&["block", "bücher.example"]).await;
    for host in ["evil.example", "EVIL.example", "social.evil.example", "evil.example:8443", "xn--bcher-kva.example"] {
        let id = format!("https://{host}/users/eve");
        let eve = Person { key_id: format!("{id}#main-key"), id, ..bob.clone() };
        assert_eq!(knock(&daemon, &eve).await, 403, "{host} is blocked");
    }
    assert_eq!(knock(&daemon, &bob).await, 202);
}

#[tokio::test]
async fn nobody_makes_us_fetch_from_inside_our_network() {
    let daemon = Daemon::start_at("https://books.example", "").await;
    let inside = Neighbour::open(&daemon).await;
    let port = inside.origin.rsplit(':').next().unwrap();
    let bob = inside.person("bob");
    for host in [
        format!("localhost:{port}"),
        format!("127.0.0.1:{port}"),
        format!("127.1:{port}"),
        format!("2130706433:{port}"),
        format!("0x7f000001:{port}"),
        format!("0:{port}"),
        format!("[::1]:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("[64:ff9b::7f00:1]:{port}"),
        "10.0.0.1".to_owned(),
        "169.254.169.254".to_owned(),
        "[fd00::1]".to_owned(),
        "printer.local".to_owned(),
    ] {
        for scheme in ["http", "https"] {
            let id = format!("{scheme}://{host}/users/bob");
            let eve = Person { key_id: format!("{id}#main-key"), id, ..bob.clone() };
            let status = knock(&daemon, &eve).await;
            assert!(matches!(status, 401 | 503), "{scheme}://{host}: {status}");
        }
    }
    assert_eq!(inside.asked().len(), 0);
}

#[tokio::test]
async fn a_redirect_is_judged_like_the_first_address() {
    let open = "[federation]\nallow_addresses = [\"127.0.0.1/32\"]";
    let daemon = Daemon::start_at("https://books.example", open).await;
    let (home, inside) =
        (Neighbour::open_at(&daemon, "127.0.0.1").await, Neighbour::open_at(&daemon, "127.0.0.2").await);
    let bob = home.person("bob");
    home.serve("/users/bob", Answer::Header(302, "location", format!("{}/users/bob", inside.origin)));
    assert!(matches!(knock(&daemon, &bob).await, 401 | 503));
    assert_eq!((home.fetches(), inside.asked().len()), (1, 0));
    home.show(&bob, json!({}));
    bob.follows(&daemon, &home).await;
}

#[tokio::test]
async fn a_follower_moves_only_where_the_new_account_says_so() {
    let (daemon, home) = ana_and_home().await;
    let elsewhere = Neighbour::open(&daemon).await;
    let bob = home.person("bob");
    bob.follows(&daemon, &home).await;
    let claimed = elsewhere.person("robert");
    let mine = elsewhere.person_with("bob", json!({"alsoKnownAs": [bob.id]}));
    let to = |number, target: &Person| bob.activity("Move", number, json!({"object": bob.id, "target": target.id}));
    assert_eq!(bob.post(&daemon, &to(2, &claimed)).await, 202);
    let carol = home.person("carol");
    assert_eq!(followers_after(&daemon, &home, &carol).await.len(), 2);
    assert_eq!(bob.post(&daemon, &to(3, &mine)).await, 202);
    assert_eq!(daemon.followers_when(1).await[0].actor, carol.id);
}

#[tokio::test]
async fn a_follower_who_moves_inboxes_is_found_there() {
    let (daemon, home) = ana_and_home().await;
    let bob = home.person("bob");
    bob.follows(&daemon, &home).await;
    let inbox = format!("{}/new-inbox", home.origin);
    home.show(&bob, json!({"inbox": inbox}));
    assert_eq!(bob.post(&daemon, &bob.activity("Update", 2, json!({"object": bob.document()}))).await, 202);
    home.fetched(2).await;
    let carol = home.person("carol");
    followers_after(&daemon, &home, &carol).await;
    daemon.publish("dune.md", &super::review("Dune", "Sand.")).await;
    let mut paths: Vec<String> = home.posts(4).await.into_iter().map(|post| post.path).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/new-inbox", "/users/bob/inbox", "/users/carol/inbox", "/users/carol/inbox"]);
}

#[tokio::test]
async fn a_follower_may_have_to_wait_and_may_be_sent_away() {
    let daemon = Daemon::start_with("[federation]\napprove_followers = true").await;
    let home = Neighbour::open(&daemon).await;
    let bob = home.person("bob");
    assert_eq!(knock(&daemon, &bob).await, 202);
    daemon.followers_when(1).await;
    daemon.publish("dune.md", &super::review("Dune", "Sand.")).await;
    let listed = daemon.run(&["followers", "list"]).await;
    assert!(listed.contains("waiting"), "{listed}");
    home.posts(0).await;
    let handle = format!("@bob@{}", home.origin.replace("http://", ""));
    daemon.run(&["followers", "approve", &handle]).await;
    assert_eq!(home.posts(1).await[0].kind(), "Accept");
    daemon.run(&["followers", "remove", &bob.id]).await;
    let reject: Value = home.posts(2).await[1].json();
    assert_eq!((&reject["type"], &reject["object"]["id"]), (&json!("Reject"), &bob.follow(&daemon)["id"]));
    daemon.followers_when(0).await;
    assert_eq!(client().get(daemon.url("/users/ana/followers")).send().await.unwrap().status(), 200);
}
