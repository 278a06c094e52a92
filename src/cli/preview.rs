//! `reviewd preview FILE`: the review as followers, feed readers or a browser will see it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::ValueEnum;
use jiff::Timestamp;

use super::{FINE, PROBLEMS, table};
use crate::{
    clock::Clock,
    config::Config,
    control::{self, ControlError, Question, ids},
    domain::{
        Answer, Format, Genre, Published, PublishedAnswer, ReviewId, Reviewer, Target, Text, Visibility,
        answer::Participant,
    },
    fediverse::{
        answer,
        note::{self, Counts, Speaker},
    },
    feed::{self, Addresses, Archive, Author, Feed},
    intake::{folder, parse::Reading},
    publish::{
        identity,
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

pub async fn run(config: &Config, arguments: &Arguments, cwd: &Path) -> anyhow::Result<u8> {
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
    let reviewer = Reviewer {
        handle: settings.handle.clone(),
        name: settings.name.clone(),
        bio: settings.bio.clone(),
        avatar: None,
        links: settings.links.clone(),
        also_known_as: settings.also_known_as.clone(),
    };
    let ids = ids::find(&config.control.socket, config.data_dir().join("ids.jsonl")).await?;
    let id = ids.get(&(settings.handle.to_string(), path.clone())).cloned();
    let mut review = match reading {
        Reading::Review(review) => *review,
        Reading::Answer(answer) => {
            let id = id.unwrap_or_else(|| identity::derived(&settings.handle, Genre::Answer, &answer.slug, None));
            return show_answer(config, &reviewer, id, *answer, now, arguments.view).await;
        }
        Reading::Skipped(why) => bail!("{path} is passed over: {why}"),
        Reading::Withheld => return Ok(PROBLEMS),
    };
    if let Some(problem) = reading::scale_rating(&mut review, &path, scale.unwrap_or(5.0)) {
        eprintln!("{problem}");
    }
    let published = Published {
        reviewer: settings.handle.clone(),
        id: id.unwrap_or_else(|| identity::derived(&settings.handle, Genre::Review, &review.slug, None)),
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

/// An answer as others will see it. The post is known to the daemon, which looks it up if need be; without one, whom the
/// answer mentions is left open.
async fn show_answer(
    config: &Config,
    reviewer: &Reviewer,
    id: ReviewId,
    answer: Answer,
    now: Timestamp,
    view: View,
) -> anyhow::Result<u8> {
    let question = Question::Target { address: answer.in_reply_to.clone() };
    let target = match control::ask::<Target>(&config.control.socket, &question).await {
        Ok(Some(target)) => target,
        Ok(None) => unknown(&answer),
        Err(ControlError::Refused(why)) => {
            eprintln!("{why}");
            unknown(&answer)
        }
        Err(error) => return Err(error.into()),
    };
    let site = config.site();
    let page = site.origin.answer(&reviewer.handle, &id);
    let content = answer::content(&answer, &target, &page);
    let warning = answer::warning(&answer, &target);
    let published = answer.date.map_or(now, |date| date.timestamp()).min(now);
    let published =
        PublishedAnswer { reviewer: reviewer.handle.clone(), id, published, updated: None, answer, target, content };
    match view {
        View::Note => table::json(&answer::note(&published, &Speaker { site: &site, reviewer }))?,
        View::Mastodon => {
            if let Some(warning) = warning {
                println!("[{warning}]  (shown first; the rest on a click)\n");
            }
            println!("{}", text::plain(&Text::new(Format::Html, published.content)));
        }
        View::Html => println!("{}", text::remote_html(&published.content)),
        View::Rss => bail!("an answer stands in no feed of reviews; look at it with --as note, mastodon or html"),
    }
    Ok(FINE)
}

/// As much as the file says of a post.
fn unknown(answer: &Answer) -> Target {
    let host = url::Url::parse(&answer.in_reply_to).ok().and_then(|url| Some(url.host_str()?.to_owned()));
    let author = Participant {
        id: answer.in_reply_to.clone(),
        handle: format!("?@{}", host.unwrap_or_default()),
        page: answer.in_reply_to.clone(),
        inbox: Some(answer.in_reply_to.clone()),
        shared_inbox: None,
    };
    Target {
        id: answer.in_reply_to.clone(),
        page: answer.in_reply_to.clone(),
        author,
        others: Vec::new(),
        warning: None,
        visibility: Visibility::Public,
        context: None,
        under: None,
    }
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
            let content = Text::new(Format::Html, note["content"].as_str().unwrap_or_default());
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
                hubs: Vec::new(),
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
            let shell = Shell { site: &site, reviewers: vec![reviewer], still: false };
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
