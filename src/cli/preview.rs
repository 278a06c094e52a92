//! `reviewd preview FILE`: the review as followers, feed readers or a browser will see it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::{FINE, PROBLEMS, table};
use crate::{
    clock::Clock,
    config::Config,
    domain::{Genre, Published, Reviewer},
    fediverse::note::{self, Counts, Speaker},
    feed::{self, Addresses, Archive, Author, Feed},
    intake::{folder, parse::Reading},
    publish::{
        identity::{self, Journal},
        reading::{self, Reader},
    },
    site::{self, ReviewPage, Shell},
    text::{self, Place},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    file: PathBuf,
    /// Which view of it
    #[arg(long = "as", value_enum, default_value_t = View::Mastodon)]
    view: View,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum View {
    /// The ActivityPub Note, as JSON
    Note,
    /// The text of the post as Mastodon will show it
    Mastodon,
    /// The item in the RSS feed
    Rss,
    /// The page
    Html,
}

pub fn run(config: &Config, arguments: &Arguments, cwd: &Path) -> anyhow::Result<u8> {
    let full = cwd.join(&arguments.file);
    let settings = config.reviewers.iter().find(|reviewer| full.starts_with(&reviewer.folder));
    let settings = settings.or(config.reviewers.first()).context("find a reviewer in the settings")?;
    let root =
        if full.starts_with(&settings.folder) { settings.folder.as_path() } else { full.parent().unwrap_or(cwd) };
    let path = full.strip_prefix(root).unwrap_or(&full).display().to_string();
    let bytes = match folder::read(root, &path, folder::REVIEW_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(problem) => {
            eprintln!("{problem}");
            return Ok(PROBLEMS);
        }
    };
    let now = Clock::system().now_in_seconds();
    let scale = settings.rating_scale;
    let reader = Reader { root, handle: &settings.handle, name: &settings.name, scale, now };
    let (reading, problems) = reader.parse(&path, &bytes, &[]);
    for problem in &problems {
        eprintln!("{problem}");
    }
    let mut review = match reading {
        Reading::Review(review) => *review,
        Reading::Answer(_) => bail!("an answer"),
        Reading::Skipped(why) => bail!("{path} is passed over: {why}"),
        Reading::Withheld => return Ok(PROBLEMS),
    };
    if let Some(problem) = reading::scale_rating(&mut review, &path, scale.unwrap_or(5.0)) {
        eprintln!("{problem}");
    }
    let ids = Journal::peek(&config.data_dir().join("ids.jsonl"))?;
    let id = ids.get(&(settings.handle.to_string(), path)).cloned();
    let reviewer = Reviewer {
        handle: settings.handle.clone(),
        name: settings.name.clone(),
        bio: settings.bio.clone(),
        avatar: None,
        links: settings.links.clone(),
        also_known_as: settings.also_known_as.clone(),
    };
    let published = Published {
        reviewer: settings.handle.clone(),
        id: id.unwrap_or_else(|| identity::derived(&settings.handle, Genre::Review, &review.slug)),
        guid: "urn:uuid:00000000-0000-0000-0000-000000000000".to_owned(),
        slug: review.slug.clone(),
        published: review.date.map_or(now, |date| date.timestamp()).min(now),
        updated: None,
        review,
        cover: None,
        pictures: BTreeMap::new(),
    };
    show(config, &reviewer, &published, arguments.view)?;
    Ok(FINE)
}

fn show(config: &Config, reviewer: &Reviewer, published: &Published, view: View) -> anyhow::Result<()> {
    let site = config.site();
    match view {
        View::Note => {
            let speaker = Speaker { site: &site, reviewer };
            table::json(&note::note(published, &speaker, &Counts::default()))?;
        }
        View::Mastodon => {
            let speaker = Speaker { site: &site, reviewer };
            let note = note::note(published, &speaker, &Counts::default());
            if let Some(warning) = note["summary"].as_str() {
                println!("[{warning}]  (shown first; the rest on a click)\n");
            }
            let content =
                crate::domain::Text::new(crate::domain::Format::Html, note["content"].as_str().unwrap_or_default());
            println!("{}", text::plain(&content));
        }
        View::Rss => {
            let feed = Feed {
                title: site.title.clone(),
                description: site.description.clone(),
                home: site.origin.home(),
                address: Addresses::under(site.origin.as_str()),
                id: "urn:uuid:00000000-0000-0000-0000-000000000000".to_owned(),
                language: site.language.clone(),
                updated: published.changed(),
                authors: vec![Author::new(reviewer, &site.origin)],
                icons: Vec::new(),
                hub: None,
                entries: vec![feed::Entry::new(published, reviewer, &site)],
                archive: Archive::Current { prev: None },
                next_page: None,
                source_url: site.source_url.clone(),
            };
            println!("{}", feed::rss(&feed));
        }
        View::Html => {
            let address = site.origin.page(&published.reviewer, &published.slug);
            let place = Place { page: &address, picture: &|_| None };
            let body = text::page_html(&published.review.body, &place);
            let synopsis = published.review.synopsis.as_ref().map(|synopsis| text::page_html(synopsis, &place));
            let shell = Shell { site: &site, reviewers: vec![reviewer] };
            let page = ReviewPage {
                conversation: None,
                published,
                reviewer,
                body: &body,
                synopsis: synopsis.as_ref(),
                older: None,
                newer: None,
                same_book: &[],
                same_author: &[],
            };
            println!("{}", site::review(&shell, &page));
        }
    }
    Ok(())
}
