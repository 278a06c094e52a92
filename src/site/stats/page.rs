//! `/stats`: the figures as a page.

use askama::Template;

use super::{
    super::{
        REVIEWERS_IN_MASTHEAD, Shell,
        card::{Link, author_path},
        head::{Head, HeadImage, Kind, fediverse_address, reviewer_feeds},
        plot::{Plot, grouped},
        rendered, statics,
    },
    count::{Named, Statistics},
    plot::{self, reviews_in_words},
    stats_path,
};
use crate::domain::{Reviewer, address::tag_path, rating::number};

/// What the page shows, and where else one can look.
#[derive(Debug, Clone, Copy)]
pub struct StatsPage<'a> {
    pub statistics: &'a Statistics,
    /// Whose figures; `None` for those of the whole site.
    pub reviewer: Option<&'a Reviewer>,
    /// Every year that has figures, newest first.
    pub years: &'a [(i16, usize)],
}

/// `/stats`, `/stats/@{handle}`, each also with `?year=2024`.
pub fn stats(shell: &Shell<'_>, page: &StatsPage<'_>) -> String {
    let StatsPage { statistics, reviewer, years } = page;
    let handle = reviewer.map(|reviewer| &reviewer.handle);
    let heading = statistics.year.map_or_else(|| "All years".to_owned(), |year| year.to_string());
    let whose = reviewer.filter(|_| shell.many()).map(|reviewer| reviewer.name.clone());
    let title = match &whose {
        Some(name) => format!("Statistics of {name}: {}", heading.to_lowercase()),
        None => format!("Statistics: {}", heading.to_lowercase()),
    };
    let mut head = Head::new(shell, title, stats_path(handle, statistics.year));
    head.description = format!("{} in figures.", reviews_in_words(statistics.reviews));
    if let Some(reviewer) = reviewer {
        let (feed_title, feed_base) = reviewer_feeds(shell, reviewer);
        head = head.with_feeds(feed_title, feed_base);
        head.kind = Kind::Profile;
        head.creator = Some(fediverse_address(shell, &reviewer.handle));
        head.image = reviewer
            .avatar
            .as_ref()
            .map(|avatar| HeadImage::new(shell, avatar, format!("Portrait of {}", reviewer.name)));
    }
    let link = |year: Option<i16>, words: String, count: usize| Tab {
        link: Link { name: words, path: stats_path(handle, year) },
        reviews: count,
        current: year == statistics.year,
    };
    let all: usize = years.iter().map(|(_, reviews)| reviews).sum();
    let tabs = std::iter::once(link(None, "All years".to_owned(), all))
        .chain(years.iter().map(|(year, reviews)| link(Some(*year), year.to_string(), *reviews)))
        .collect();
    rendered(&StatsTemplate {
        shell,
        head,
        heading,
        whose,
        people: people(shell, statistics),
        tabs,
        sums: sums(statistics),
        plots: plots(statistics),
        lists: lists(statistics),
        in_words: bars(&statistics.ratings.in_words, |_| None),
        unrated: statistics.ratings.unrated,
        is_empty: statistics.reviews == 0,
        json: json_path(handle, statistics.year),
    })
}

/// `/stats.json`, `/stats/@ana.json?year=2024`.
fn json_path(handle: Option<&crate::domain::Handle>, year: Option<i16>) -> String {
    let query = year.map(|year| format!("?year={year}")).unwrap_or_default();
    format!("{}.json{query}", stats_path(handle, None))
}

/// A place on the page's own map: a year, a person.
struct Tab {
    link: Link,
    reviews: usize,
    current: bool,
}

/// A number with what it counts.
struct Sum {
    number: String,
    what: &'static str,
    note: Option<String>,
}

/// A name with a bar as long as its share of the longest.
struct Bar {
    name: String,
    path: Option<String>,
    reviews: usize,
    /// Of 100.
    length: usize,
}

struct BarList {
    id: &'static str,
    title: &'static str,
    bars: Vec<Bar>,
}

/// The other shelves of this site; nothing where there is one only.
fn people(shell: &Shell<'_>, statistics: &Statistics) -> Vec<Tab> {
    if !shell.many() {
        return Vec::new();
    }
    let year = statistics.year;
    let everybody = Tab {
        link: Link { name: "Everybody".to_owned(), path: stats_path(None, None) },
        reviews: 0,
        current: statistics.reviewer.is_none(),
    };
    let own = |reviewer: &&Reviewer| Tab {
        link: Link { name: reviewer.name.clone(), path: stats_path(Some(&reviewer.handle), None) },
        reviews: 0,
        current: statistics.reviewer.as_ref() == Some(&reviewer.handle) && year.is_none(),
    };
    std::iter::once(everybody).chain(shell.reviewers.iter().map(own)).collect()
}

fn sums(statistics: &Statistics) -> Vec<Sum> {
    let counted = |count: usize, one: &'static str, many: &'static str| Sum {
        number: grouped(count as u64),
        what: if count == 1 { one } else { many },
        note: None,
    };
    let mut sums = vec![
        counted(statistics.reviews, "review", "reviews"),
        counted(statistics.books, "book", "books"),
        counted(statistics.authors, "author", "authors"),
    ];
    if let Some(average) = statistics.ratings.average_stars {
        let what = "stars of 5, on average";
        sums.push(Sum { number: number(average), what, note: None });
    }
    if statistics.pages.total > 0 {
        let known = statistics.pages.known;
        let note = (known < statistics.reviews).then(|| format!("known of {}", reviews_in_words(known)));
        sums.push(Sum { number: grouped(statistics.pages.total), what: "pages read", note });
    }
    if statistics.words > 0 {
        sums.push(Sum { number: grouped(statistics.words), what: "words written", note: None });
    }
    sums
}

fn plots(statistics: &Statistics) -> Vec<Plot> {
    let months = match (statistics.year, statistics.years.as_slice()) {
        (Some(_), [year]) => Some(plot::months(year)),
        (_, []) => None,
        (_, years) => Some(plot::calendar(years)),
    };
    let ratings = plot::ratings(&statistics.ratings.stars, statistics.ratings.average_stars);
    let pages = plot::pages(&statistics.years, statistics.year.is_some(), about_pages(statistics));
    [months, ratings, pages, plot::decades(&statistics.decades)].into_iter().flatten().collect()
}

fn about_pages(statistics: &Statistics) -> String {
    let pages = &statistics.pages;
    let mut says = match pages.known {
        known if known == statistics.reviews => String::new(),
        known => format!("{} of {} tell the pages of their book. ", grouped(known as u64), {
            reviews_in_words(statistics.reviews)
        }),
    };
    if let Some(average) = pages.average {
        says.push_str(&format!("{} on average", grouped(average)));
    }
    if let (Some(longest), Some(shortest)) = (&pages.longest, &pages.shortest) {
        let (most, least) = (grouped(u64::from(longest.pages)), grouped(u64::from(shortest.pages)));
        says.push_str(&format!(", from {least} ({}) to {most} ({})", shortest.title, longest.title));
    }
    says.push('.');
    says
}

fn lists(statistics: &Statistics) -> Vec<BarList> {
    let lists = [
        BarList {
            id: "authors",
            title: "Authors",
            bars: bars(&statistics.top_authors, |name| Some(author_path(name))),
        },
        BarList { id: "subjects", title: "Subjects", bars: bars(&statistics.top_subjects, |tag| Some(tag_path(tag))) },
    ];
    lists.into_iter().filter(|list| !list.bars.is_empty()).collect()
}

fn bars(named: &[Named], path: impl Fn(&str) -> Option<String>) -> Vec<Bar> {
    let most = named.iter().map(|one| one.reviews).max().unwrap_or(1).max(1);
    let bar = |one: &Named| Bar {
        name: one.name.clone(),
        path: path(&one.name),
        reviews: one.reviews,
        length: (one.reviews * 100 / most).max(1),
    };
    named.iter().map(bar).collect()
}

#[derive(Template)]
#[template(path = "stats.html")]
struct StatsTemplate<'a> {
    shell: &'a Shell<'a>,
    head: Head,
    heading: String,
    whose: Option<String>,
    people: Vec<Tab>,
    tabs: Vec<Tab>,
    sums: Vec<Sum>,
    plots: Vec<Plot>,
    lists: Vec<BarList>,
    in_words: Vec<Bar>,
    unrated: usize,
    is_empty: bool,
    json: String,
}
