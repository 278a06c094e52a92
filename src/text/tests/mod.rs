//! The module as its users see it. What one file does by itself is tested in that file.

mod destinations;
mod hostile;
mod judge;
mod mastodon;
mod properties;
mod remote;
mod sources;
mod spoilers;

use super::*;

/// The page of the review, with one picture of ours.
const PLACE: Place<'static> = Place { page: "https://books.example/@ana/dune", picture: &picture };

fn picture(src: &str) -> Option<Shown> {
    let url = "https://books.example/media/abc.jpg".to_owned();
    (src == "cover.jpg").then_some(Shown { url, width: 400, height: 600 })
}

fn markdown(source: &str) -> Text {
    Text::new(Format::Markdown, source)
}

fn html(source: &str) -> Text {
    Text::new(Format::Html, source)
}

fn check_page(text: &Text, expected: &str) {
    assert_eq!(page_html(text, &PLACE).as_str(), expected, "{}", text.source);
}

fn check_feed(text: &Text, expected: &str) {
    assert_eq!(feed_html(text, &PLACE).as_str(), expected, "{}", text.source);
}

fn check_fediverse(text: &Text, expected: &str) {
    assert_eq!(fediverse_html(text, &PLACE).as_str(), expected, "{}", text.source);
    mastodon::check_survives(expected);
}
