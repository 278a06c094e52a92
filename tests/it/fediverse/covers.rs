//! Covers that lie on other sites.

use std::time::Duration;

use super::{
    daemon::Daemon,
    neighbour::{Answer, Neighbour, client},
};
use crate::world::{image_bomb, picture};

fn review(title: &str, cover: &str) -> String {
    format!("---\ntitle: {title}\nauthor: Ada Writer\ncover: {cover}\n---\n\nSand gets into everything.\n")
}

async fn page(daemon: &Daemon, path: &str) -> String {
    client().get(daemon.door(path)).send().await.unwrap().text().await.unwrap()
}

/// The covers on a page: pictures of ours.
fn covers(page: &str) -> usize {
    page.matches("src=\"/media/").count()
}

#[tokio::test]
async fn a_cover_elsewhere_is_fetched_once_and_served_by_us() {
    let mut daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    home.serve("/dune.png", Answer::File("image/png", picture([20, 40, 60])));
    let address = format!("{}/dune.png", home.origin);
    daemon.publish("dune.md", &review("Dune", &address)).await;
    daemon.when(async || (covers(&page(&daemon, "/@ana/dune").await) > 0).then_some(())).await;
    let shown = page(&daemon, "/@ana/dune").await;
    assert!(!shown.contains(&home.origin), "nothing comes from elsewhere: {shown}");
    let feed = page(&daemon, "/feed.xml").await;
    assert!(feed.contains("/media/") && !feed.contains(&home.origin), "{feed}");

    daemon.publish("again.md", &review("Dune Messiah", &address)).await;
    daemon.stop().await;
    daemon.start_again().await;
    daemon.look().await;
    assert!(covers(&page(&daemon, "/@ana/again").await) > 0);
    assert_eq!(home.fetches(), 1);
}

#[tokio::test]
async fn a_cover_that_cannot_be_had_is_told_and_the_review_stands_without_it() {
    let daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    for (name, answer, why) in [
        ("bomb", Answer::File("image/png", image_bomb()), "pixels"),
        ("page", Answer::File("text/html", b"<html>".to_vec()), "cannot be had: "),
        ("none", Answer::Status(404), "status 404"),
    ] {
        home.serve(&format!("/{name}.png"), answer);
        daemon.publish(&format!("{name}.md"), &review(name, &format!("{}/{name}.png", home.origin))).await;
        let told = daemon
            .when(async || {
                daemon.look().await;
                let survey = daemon.running().publisher.survey().await.unwrap();
                let problems = survey.into_iter().flat_map(|survey| survey.problems);
                problems.map(|problem| problem.to_string()).find(|problem| problem.starts_with(&format!("{name}.md")))
            })
            .await;
        assert!(told.contains("warning: the cover ") && told.contains(why), "{told}");
        assert!(page(&daemon, &format!("/@ana/{name}")).await.contains("Sand gets"));
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_asked_again() {
    let daemon = Daemon::start().await;
    let home = Neighbour::open(&daemon).await;
    home.serve("/dune.png", Answer::Status(503));
    daemon.publish("dune.md", &review("Dune", &format!("{}/dune.png", home.origin))).await;
    daemon.when(async || (home.fetches() == 1).then_some(())).await;
    home.serve("/dune.png", Answer::File("image/png", picture([20, 40, 60])));
    daemon
        .when(async || {
            daemon.pass(Duration::from_secs(60));
            (covers(&page(&daemon, "/@ana/dune").await) > 0).then_some(())
        })
        .await;
    assert_eq!(home.fetches(), 2);
}
