use std::time::Duration as StdDuration;

use serde_json::json;

use super::*;
use crate::{
    clock::Hand,
    domain::Spec,
    fediverse::{
        signature::{
            self, Outgoing, Received, Signer,
            tests::{PRIVATE, PUBLIC, origin_of},
        },
        stage::Stage,
    },
    net::{HeaderMap, HeaderValue, Reach},
};

const ACTIVITY: &str = "application/activity+json";
const NOW: &str = "2026-11-22T12:00:00Z";

struct Here {
    peers: Peers,
    hand: Hand,
    clock: Clock,
    _directory: tempfile::TempDir,
}

async fn here() -> Here {
    let directory = tempfile::tempdir().unwrap();
    let origin = Origin::parse("http://localhost:8080").unwrap();
    let (clock, hand) = Clock::turned(NOW.parse().unwrap(), 1);
    let setup = Setup {
        client: Client::new(&origin, Reach::for_federation(&origin, &[])).unwrap(),
        store: crate::store::testing::open(directory.path()).await,
        key: KeyPair::from_pem(PRIVATE).unwrap(),
        clock: clock.clone(),
        origin,
        opens_networks: false,
    };
    Here { peers: Peers::new(setup).await.unwrap(), hand, clock, _directory: directory }
}

fn bob(base: &str, pem: &str) -> Value {
    let id = format!("{base}/users/bob");
    json!({
        "@context": ["https://www.w3.org/ns/activitystreams"],
        "id": id,
        "type": "Person",
        "preferredUsername": "bob",
        "name": "Bob",
        "inbox": format!("{id}/inbox"),
        "publicKey": {"id": format!("{id}#main-key"), "owner": id, "publicKeyPem": pem},
    })
}

fn play_bob(stage: &Stage, base: &str) {
    stage.answer("/users/bob", "200 OK", ACTIVITY, &bob(base, PUBLIC).to_string());
}

/// A request to us, signed with this key in the name of that key id.
fn signed(key: &KeyPair, key_id: &str, clock: &Clock) -> Claim {
    let url = Url::parse("http://localhost:8080/inbox").unwrap();
    let outgoing = Outgoing { method: "POST", url: &url, body: Some(b"{}"), sha256: None };
    let mut headers: HeaderMap =
        signature::sign(&outgoing, &Signer { key_id, key }, Spec::Cavage, clock.now()).unwrap();
    headers.insert("host", HeaderValue::from_static("localhost:8080"));
    let received = Received { method: "POST", path_and_query: "/inbox", headers: &headers, body: b"{}" };
    signature::read(&received, &Origin::parse("http://localhost:8080").unwrap(), clock.now()).unwrap()
}

#[tokio::test]
async fn an_actor_is_fetched_once_a_day_by_a_signed_get_under_any_kind_of_host() {
    let here = here().await;
    let stage = Stage::open().await;
    for (index, base) in [stage.url(""), stage.named_url("")].into_iter().enumerate() {
        stage.forget("/users/bob");
        play_bob(&stage, &base);
        let id = format!("{base}/users/bob");
        let before = stage.asked().len();
        for _ in 0..2 {
            let actor = here.peers.visit().actor(&id).await.unwrap();
            assert_eq!(actor.handle, format!("bob@{}", origin_of(&base).host()));
        }
        assert_eq!(stage.asked().len(), before + 1);
        let asked = stage.asked().pop().unwrap();
        assert!(
            asked.headers["accept"].to_str().unwrap().starts_with("application/activity+json, application/ld+json")
        );
        let claim = signature::read(&asked.received(), &origin_of(&base), here.clock.now()).unwrap();
        assert_eq!(claim.key_id, "http://localhost:8080/actor#main-key");
        assert!(claim.verify(&PublicKey::from_pem(PUBLIC).unwrap()));
        here.hand.turn(StdDuration::from_secs(25 * 3600));
        here.peers.visit().actor(&id).await.unwrap();
        assert_eq!(stage.asked().len(), before + 2, "host {index}");
    }
}

#[tokio::test]
async fn an_actor_whose_server_is_away_stays_known_and_one_that_is_gone_does_not() {
    let here = here().await;
    let stage = Stage::open().await;
    play_bob(&stage, &stage.named_url(""));
    let id = stage.named_url("/users/bob");
    here.peers.visit().actor(&id).await.unwrap();
    here.hand.turn(StdDuration::from_secs(25 * 3600));
    stage.forget("/users/bob");
    stage.answer("/users/bob", "503 Service Unavailable", "text/html", "");
    assert_eq!(here.peers.visit().actor(&id).await.unwrap().name, "Bob");
    stage.forget("/users/bob");
    stage.answer("/users/bob", "410 Gone", "text/html", "");
    assert!(matches!(here.peers.visit().actor(&id).await, Err(PeerProblem::Gone)));
}

#[tokio::test]
async fn a_document_must_be_what_its_address_says() {
    let here = here().await;
    let stage = Stage::open().await;
    for base in [stage.url(""), stage.named_url("")] {
        let post = |id: String| {
            json!({"id": id, "type": "Note", "attributedTo": format!("{base}/users/bob"), "content": "x"}).to_string()
        };
        let other_host = "http://127.0.0.1:9/other".to_owned();
        for (path, media_type, body) in [
            ("/html", "text/html", post(format!("{base}/html"))),
            ("/json", "application/json", post(format!("{base}/json"))),
            ("/foreign", ACTIVITY, post(other_host)),
            ("/elsewhere", ACTIVITY, post(format!("{base}/nowhere"))),
            ("/broken", ACTIVITY, "{".to_owned()),
            ("/long", ACTIVITY, format!(r#"{{"id":"{base}/long","x":"{}"}}"#, "x".repeat(1 << 20))),
        ] {
            stage.forget(path);
            stage.answer(path, "200 OK", media_type, &body);
            let problem = here.peers.visit().document(&format!("{base}{path}")).await.unwrap_err();
            assert!(!problem.is_passing(), "{base}{path}: {problem}");
        }
        stage.forget("/moved");
        stage.forget("/post");
        stage.redirect("/moved", &format!("{base}/post"));
        stage.answer("/post", "200 OK", "application/activity+json;charset=utf-8", &post(format!("{base}/post")));
        assert_eq!(here.peers.visit().post(&format!("{base}/moved")).await.unwrap().id, format!("{base}/post"));
        assert!(matches!(here.peers.visit().document(&format!("{base}/absent")).await, Err(PeerProblem::NotFound)));
    }
}

#[tokio::test]
async fn a_post_by_somebody_elsewhere_is_not_believed() {
    let here = here().await;
    let stage = Stage::open().await;
    let id = stage.named_url("/post");
    let post = json!({"id": id, "type": "Note", "attributedTo": "https://victim.example/users/v", "content": "x"});
    stage.answer("/post", "200 OK", ACTIVITY, &post.to_string());
    assert!(matches!(here.peers.visit().post(&id).await, Err(PeerProblem::Invalid(_))));
    stage.forget("/post");
    stage.answer("/post", "200 OK", ACTIVITY, &json!({"id": id, "type": "Tombstone"}).to_string());
    assert!(matches!(here.peers.visit().post(&id).await, Err(PeerProblem::Gone)));
}

#[tokio::test]
async fn nothing_is_fetched_from_ourselves_nor_from_beyond_the_reach() {
    let here = here().await;
    for address in ["http://localhost:8080/users/ana", "http://10.0.0.1/users/x", "https://mastodon.example/users/x"] {
        let problem = here.peers.visit().document(address).await.unwrap_err();
        assert!(matches!(problem, PeerProblem::Refused(_) | PeerProblem::Unreachable(_)), "{address}: {problem}");
    }
}

#[tokio::test]
async fn nothing_is_fetched_from_whom_we_keep_out_not_even_by_a_redirect() {
    let here = here().await;
    let stage = Stage::open().await;
    let (named, numbered) = (stage.named_url(""), stage.url(""));
    play_bob(&stage, &numbered);
    stage.redirect("/moved", &format!("{numbered}/users/bob"));
    let store = &here.peers.ground().store;
    store.keep_block("127.0.0.1", None, here.clock.now()).await.unwrap();
    let blocked = |problem: PeerProblem| {
        assert!(matches!(&problem, PeerProblem::Refused(why) if why.ends_with("blocked")), "{problem}")
    };
    blocked(here.peers.visit().actor(&format!("{numbered}/users/bob")).await.unwrap_err());
    assert!(stage.asked().is_empty());
    blocked(here.peers.visit().actor(&format!("{named}/moved")).await.unwrap_err());
    blocked(here.peers.visit().document(&format!("{named}/moved")).await.unwrap_err());
    store.keep_block(origin_of(&named).host(), None, here.clock.now()).await.unwrap();
    let before = stage.asked().len();
    blocked(here.peers.visit().document(&format!("{named}/moved")).await.unwrap_err());
    assert_eq!(stage.asked().len(), before);
}

#[tokio::test]
async fn one_cause_fetches_no_more_than_its_budget() {
    let here = here().await;
    let stage = Stage::open().await;
    for base in [stage.url(""), stage.named_url("")] {
        let visit = here.peers.visit();
        for _ in 0..FETCHES_MAX {
            assert!(matches!(visit.document(&format!("{base}/absent")).await, Err(PeerProblem::NotFound)));
        }
        assert!(matches!(visit.document(&format!("{base}/absent")).await, Err(PeerProblem::TooMany)));
    }
}

#[tokio::test]
async fn a_signature_is_believed_when_key_and_actor_name_each_other() {
    let here = here().await;
    let stage = Stage::open().await;
    let base = stage.named_url("");
    play_bob(&stage, &base);
    let key = KeyPair::from_pem(PRIVATE).unwrap();
    let key_id = format!("{base}/users/bob#main-key");
    let claim = signed(&key, &key_id, &here.clock);
    let visit = here.peers.visit();
    assert_eq!(here.peers.signer(&visit, &claim).await.unwrap().id, format!("{base}/users/bob"));
    here.peers.signer(&visit, &claim).await.unwrap();
    assert_eq!(stage.asked().len(), 1, "a key that is known is not fetched again");
    let unknown = signed(&key, &format!("{base}/users/bob#other-key"), &here.clock);
    assert!(matches!(here.peers.signer(&visit, &unknown).await, Err(SignerProblem::NoKey(_))));
}

#[tokio::test]
async fn gotosocials_key_stub_leads_to_its_owner() {
    let here = here().await;
    let stage = Stage::open().await;
    for base in [stage.named_url(""), stage.url("")] {
        let mut actor = bob(&base, PUBLIC);
        let key_id = format!("{base}/users/bob/main-key");
        actor["publicKey"]["id"] = json!(key_id);
        let mut stub = actor.clone();
        stub.as_object_mut().unwrap().remove("inbox");
        for (path, document) in [("/users/bob", &actor), ("/users/bob/main-key", &stub)] {
            stage.forget(path);
            stage.answer(path, "200 OK", ACTIVITY, &document.to_string());
        }
        let claim = signed(&KeyPair::from_pem(PRIVATE).unwrap(), &key_id, &here.clock);
        let actor = here.peers.signer(&here.peers.visit(), &claim).await.unwrap();
        assert_eq!(actor.inbox, format!("{base}/users/bob/inbox"));
    }
}

#[tokio::test]
async fn a_rotated_key_is_fetched_once_and_a_forger_costs_its_victim_nothing_more() {
    let here = here().await;
    let stage = Stage::open().await;
    let base = stage.named_url("");
    play_bob(&stage, &base);
    let key_id = format!("{base}/users/bob#main-key");
    here.peers.visit().actor(&format!("{base}/users/bob")).await.unwrap();
    let renewed = KeyPair::generate().unwrap();
    stage.forget("/users/bob");
    stage.answer("/users/bob", "200 OK", ACTIVITY, &bob(&base, &renewed.to_public_pem().unwrap()).to_string());
    here.peers.signer(&here.peers.visit(), &signed(&renewed, &key_id, &here.clock)).await.unwrap();
    assert_eq!(stage.asked().len(), 2);
    let forged = signed(&KeyPair::generate().unwrap(), &key_id, &here.clock);
    for _ in 0..3 {
        assert!(matches!(here.peers.signer(&here.peers.visit(), &forged).await, Err(SignerProblem::Forged)));
    }
    assert_eq!(stage.asked().len(), 2);
    here.hand.turn(StdDuration::from_secs(301));
    let forged = signed(&KeyPair::generate().unwrap(), &key_id, &here.clock);
    assert!(matches!(here.peers.signer(&here.peers.visit(), &forged).await, Err(SignerProblem::Forged)));
    assert_eq!(stage.asked().len(), 3);
}

#[tokio::test]
async fn a_key_that_cannot_be_fetched_now_is_asked_for_later() {
    let here = here().await;
    let stage = Stage::open().await;
    stage.answer("/users/bob", "503 Service Unavailable", "text/html", "");
    let claim = signed(&KeyPair::from_pem(PRIVATE).unwrap(), &stage.named_url("/users/bob#main-key"), &here.clock);
    for looks in 1..=2 {
        let problem = here.peers.signer(&here.peers.visit(), &claim).await;
        assert!(matches!(problem, Err(SignerProblem::Later(_))), "{problem:?}");
        assert_eq!(stage.asked().len(), looks);
    }
}

#[tokio::test]
async fn a_key_that_is_nowhere_is_looked_for_once() {
    let here = here().await;
    let stage = Stage::open().await;
    let claim = signed(&KeyPair::from_pem(PRIVATE).unwrap(), &stage.named_url("/users/bob#main-key"), &here.clock);
    for _ in 0..3 {
        let problem = here.peers.signer(&here.peers.visit(), &claim).await;
        assert!(matches!(problem, Err(SignerProblem::NoKey(_) | SignerProblem::Forged)), "{problem:?}");
    }
    assert_eq!(stage.asked().len(), 1);
}

#[tokio::test]
async fn a_handle_leads_to_an_actor_that_claims_it() {
    let here = here().await;
    let stage = Stage::open().await;
    let base = stage.named_url("");
    let host = origin_of(&base).host().to_owned();
    play_bob(&stage, &base);
    let path = |user: &str| {
        let encoded = utf8(&format!("acct:{user}@{host}"));
        format!("/.well-known/webfinger?resource={encoded}")
    };
    let jrd = |subject: &str| {
        json!({"subject": subject, "links": [
            {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": format!("{base}/@bob")},
            {"rel": "self", "type": ACTIVITY, "href": format!("{base}/users/bob")},
        ]})
        .to_string()
    };
    let subject = format!("acct:bob@{host}");
    stage.answer(&path("bob"), "200 OK", "application/jrd+json", &jrd(&subject));
    let actor = here.peers.visit().resolve(&format!("@bob@{host}")).await.unwrap();
    assert_eq!(actor.id, format!("{base}/users/bob"));
    // An alias whose subject is the canonical handle is fine, one that stays itself is a spoof.
    stage.answer(&path("alias"), "200 OK", "application/jrd+json", &jrd(&subject));
    assert!(here.peers.visit().resolve(&format!("alias@{host}")).await.is_ok());
    stage.answer(&path("admin"), "200 OK", "application/jrd+json", &jrd(&format!("acct:admin@{host}")));
    assert!(matches!(here.peers.visit().resolve(&format!("admin@{host}")).await, Err(PeerProblem::Invalid(_))));
    assert!(matches!(here.peers.visit().resolve(&format!("nobody@{host}")).await, Err(PeerProblem::NotFound)));
    assert!(matches!(here.peers.visit().resolve("bob").await, Err(PeerProblem::Invalid(_))));
}

fn utf8(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
