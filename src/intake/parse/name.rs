//! What a file's path says: whether it is a review at all, its date, slug, title and ISBN.

use jiff::civil::Date;

use super::{markup, people};
use crate::domain::{Isbn, Moment};

/// Endings of files that may hold a review.
const EXTENSIONS: &[&str] =
    &["md", "markdown", "mdown", "mkd", "mkdn", "mdx", "txt", "text", "html", "htm", "xhtml", "org"];

/// Files that stand in many folders and are never a review, by their stem in lower case.
const NEVER: &[(&str, &str)] = &[
    ("readme", "a README, not a review"),
    ("license", "a licence, not a review"),
    ("licence", "a licence, not a review"),
    ("copying", "a licence, not a review"),
    ("notice", "a licence, not a review"),
    ("changelog", "a change log, not a review"),
    ("changes", "a change log, not a review"),
    ("contributing", "notes for contributors, not a review"),
    ("code_of_conduct", "notes for contributors, not a review"),
    ("code-of-conduct", "notes for contributors, not a review"),
    ("pull_request_template", "notes for contributors, not a review"),
    ("security", "notes for contributors, not a review"),
    ("_index", "a section page, not a review"),
    ("robots", "instructions for crawlers, not a review"),
    ("humans", "a note about the site, not a review"),
    ("requirements", "a list of packages, not a review"),
    ("cmakelists", "a build file, not a review"),
    ("template", "a template, not a review"),
    ("_template", "a template, not a review"),
    ("claude", "instructions for a program, not a review"),
    ("agents", "instructions for a program, not a review"),
];

/// Pages of a site that are reviews only when their metadata says so.
const PAGES: &[&str] = &[
    "index",
    "about",
    "archive",
    "archives",
    "contact",
    "search",
    "tags",
    "categories",
    "404",
    "now",
    "colophon",
    "privacy",
    "links",
    "feed",
    "home",
    "todo",
    "notes",
    "to-read",
    "reading-list",
    "books",
    "reviews",
    "uses",
    "imprint",
    "impressum",
    "security",
];

/// Folders whose files are never reviews.
const SITE_FOLDERS: &[&str] = &[
    "_layouts",
    "_includes",
    "_templates",
    "templates",
    "template",
    "archetypes",
    "layouts",
    "partials",
    "shortcodes",
    "node_modules",
    "_sass",
    "_site",
    "_data",
    "vendor",
    "themes",
    "__macosx",
    "_plugins",
    "_gen",
    "bower_components",
    "__pycache__",
];

/// Where site generators put what they made of the texts, or what they copy as it is: their HTML is nobody's review.
const OUTPUT_FOLDERS: &[&str] = &["public", "dist", "build", "out", "_build", "static", "assets", "_pagefind"];

/// Folders that are named after what lies in them.
const SHELVES: &[&str] = &[
    "review",
    "reviews",
    "_reviews",
    "book",
    "books",
    "_books",
    "book-reviews",
    "bookreviews",
    "book reviews",
    "book-review",
    "book notes",
    "book-notes",
    "booknotes",
    "bookshelf",
    "reading",
    "readings",
    "rezensionen",
    "buchrezensionen",
    "bücher",
    "buecher",
    "livres",
    "lectures",
    "libros",
    "reseñas",
    "libri",
    "recensioni",
    "livros",
    "boeken",
    "böcker",
    "bøker",
    "książki",
];

/// Names of the one text in a page bundle (Hugo, Grav, Astro): the folder names the review.
const BUNDLE_STEMS: &[&str] = &["index", "item", "post", "entry", "default", "review"];

const DRAFT_FOLDERS: &[&str] = &["_drafts", "drafts", "draft", "unpublished", "_unpublished"];

/// What can be read from a path alone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FromPath {
    pub date: Option<Moment>,
    /// What the slug is made of: the bundle's directory or the stem, without its date.
    pub slug: String,
    /// The stem made readable, where no better title is found.
    pub title: String,
    /// From `Title - Author.md`.
    pub author: Option<String>,
    pub isbn: Option<Isbn>,
    /// `★★★★` at the end of the name.
    pub rating: Option<String>,
    pub draft: bool,
    /// `slug/index.md`: the pictures beside it are its own.
    pub bundle: bool,
}

/// Whether this path may hold a review, by its name alone.
///
/// Not dotfiles, nor what editors, rsync, git and Syncthing leave behind while they write.
pub fn is_candidate(path: &str) -> bool {
    let hidden = path.split('/').any(|part| part.starts_with('.') && part != "." && part != "..");
    let name = path.rsplit('/').next().unwrap_or(path);
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    let left_behind = name.starts_with(['~', '#'])
        || stem.ends_with('~')
        || stem.starts_with("syncthing~")
        || stem.contains(".sync-conflict-")
        || stem.contains("_jb_tmp_")
        || stem.ends_with(".tmp");
    !hidden && !left_behind && EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
}

/// Whether the file is one of the reviewer's answers, if it is anything: it lies in `replies/`.
pub fn is_answer(path: &str) -> bool {
    path.strip_prefix("replies/").is_some()
}

/// Why this path is no review whatever stands in it.
pub fn never_a_review(path: &str) -> Option<&'static str> {
    let lower = path.to_lowercase();
    let (folders, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    if folders.split('/').any(|folder| SITE_FOLDERS.contains(&folder)) {
        return Some("part of a site's machinery, not a review");
    }
    let stem = stem_of(name);
    let is_page = matches!(name.rsplit_once('.'), Some((_, "html" | "htm" | "xhtml")));
    if is_page && folders.split('/').any(|folder| OUTPUT_FOLDERS.contains(&folder)) {
        return Some("a page that a site generator made or copies, not a review");
    }
    if stem == "quotes" || stem.starts_with("quotes.") {
        return Some("a list of quotations, not a review");
    }
    if stem.contains("conflicted copy") {
        return Some("a conflicted copy made by a sync program, not a review");
    }
    if stem.starts_with("template-") || stem.ends_with("-template") || stem.ends_with(".template") {
        return Some("a template, not a review");
    }
    let bare = stem.split('.').next().unwrap_or(stem);
    NEVER.iter().find(|(name, _)| *name == stem || (*name == bare && *name == "readme")).map(|(_, why)| *why)
}

/// Whether the file lies in a folder of reviews or books by its name: `content/reviews/dune.md`.
pub fn is_on_a_shelf(path: &str) -> bool {
    let lower = path.to_lowercase();
    lower.rsplit_once('/').is_some_and(|(folders, _)| folders.split('/').any(|folder| SHELVES.contains(&folder)))
}

/// Whether the name is that of a page of the site, which needs metadata of a review to be one.
pub fn is_page(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = stem_of(name).to_lowercase();
    if stem == "index" { folders.is_empty() } else { PAGES.contains(&stem.as_str()) }
}

/// Reads a path.
pub fn read(path: &str) -> FromPath {
    let mut parts: Vec<&str> = path.split('/').collect();
    let name = parts.pop().unwrap_or("");
    let mut stem = stem_of(name);
    let mut bundle = false;
    if BUNDLE_STEMS.contains(&stem.to_lowercase().as_str()) && !parts.is_empty() {
        stem = parts.pop().unwrap_or(stem);
        bundle = true;
    }
    let lower = |part: &str| part.to_lowercase();
    let draft = parts.iter().any(|part| DRAFT_FOLDERS.contains(&lower(part).as_str()))
        || lower(stem).starts_with("draft-")
        || lower(stem).starts_with("draft_")
        || lower(stem).ends_with(".draft");
    let (date, rest) = leading_date(stem);
    let date = date.or_else(|| folder_date(&parts));
    let rest = if rest.is_empty() { stem } else { rest };
    let decoded = percent_encoding::percent_decode_str(rest).decode_utf8_lossy().into_owned();
    let (named, rating) = without_stars(&markup::visible(&decoded));
    let isbn = Isbn::parse(&named).filter(|_| named.chars().filter(char::is_ascii_digit).count() >= 9);
    let (title, author) = title_and_author(&readable(&named));
    FromPath { date, slug: named, title, author, isbn, rating, draft, bundle }
}

fn stem_of(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// `2018-11-09-slug`, `2018_11_09 slug`, `09-11-18-slug`: the date and what follows.
fn leading_date(stem: &str) -> (Option<Moment>, &str) {
    let digits: Vec<(usize, &str)> = stem
        .split(|c: char| !c.is_ascii_digit())
        .scan(0, |at, part| {
            let start = *at;
            *at += part.len() + 1;
            Some((start, part))
        })
        .take(3)
        .collect();
    if let [(_, whole), ..] = digits.as_slice()
        && whole.len() == 8
        && let (Some(date), rest) = (super::date::one(whole), &stem[8..])
        && rest.starts_with(['-', '_', ' '])
    {
        return (Some(date), rest.trim_start_matches(['-', '_', ' ']));
    }
    let [(_, a), (_, b), (at, c)] = digits.as_slice() else { return (None, stem) };
    if a.len() + b.len() + c.len() + 2 != at + c.len() || !stem.is_char_boundary(at + c.len()) {
        return (None, stem);
    }
    let number = |text: &str| text.parse::<i16>().ok();
    let date = match (a.len(), b.len(), c.len()) {
        (4, 1..=2, 1..=2) => calendar(number(a), number(b), number(c)),
        (1..=2, 1..=2, 4) => calendar(number(c), number(b), number(a)),
        (2, 2, 2) => calendar(number(c).map(|year| year + 2000), number(b), number(a)),
        _ => None,
    };
    let rest = stem[at + c.len()..].trim_start_matches(['-', '_', ' ', '.', 'T']);
    match date {
        Some(date) if rest.len() < stem.len() => (Some(Moment::Day(date)), rest),
        _ => (None, stem),
    }
}

fn calendar(year: Option<i16>, month: Option<i16>, day: Option<i16>) -> Option<Date> {
    Date::new(year.filter(|y| (1900..2200).contains(y))?, month?.try_into().ok()?, day?.try_into().ok()?).ok()
}

/// `/2018/11/09/`, `/2018/11/`, `/2018-11-09/`, `/2018-11/` among the folders.
fn folder_date(folders: &[&str]) -> Option<Moment> {
    for (at, folder) in folders.iter().enumerate() {
        if let (Some(date), _) = leading_date(folder) {
            return Some(date);
        }
        let number = |part: Option<&&str>| part.filter(|p| p.len() <= 2).and_then(|p| p.parse::<i16>().ok());
        let (year, mut month) = match folder.split_once('-') {
            Some((year, month)) => (year, number(Some(&month))),
            None => (*folder, None),
        };
        if year.len() != 4 || !year.starts_with(['1', '2']) {
            continue;
        }
        let Some(year) = year.parse::<i16>().ok() else { continue };
        let mut next = at + 1;
        if month.is_none() {
            month = number(folders.get(next));
            next += 1;
        }
        if month.is_none() {
            continue;
        }
        if let Some(date) = calendar(Some(year), month, number(folders.get(next))) {
            return Some(Moment::Day(date));
        }
        if let Some(first) = calendar(Some(year), month, Some(1)) {
            return Some(Moment::Month(first));
        }
    }
    None
}

/// `Dune ★★★★` → `Dune` and the stars.
fn without_stars(stem: &str) -> (String, Option<String>) {
    let is_star = |c: char| matches!(c, '★' | '☆' | '⭐' | '½' | '\u{fe0f}' | ' ');
    let name = stem.trim_end_matches(is_star);
    let stars = stem[name.len()..].trim();
    if !stars.contains(['★', '⭐']) {
        return (stem.to_owned(), None);
    }
    (name.trim_end_matches(['-', '_', ' ', '(']).to_owned(), Some(stars.to_owned()))
}

/// `the-left_hand` → `The Left Hand`; a name with spaces stays as it is.
fn readable(stem: &str) -> String {
    if stem.contains(' ') {
        return stem.replace('_', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    }
    let words = stem.split(['-', '_', '+']).filter(|word| !word.is_empty());
    let small = ["a", "an", "and", "the", "of", "in", "on", "to", "for", "by", "at", "or", "with", "from"];
    let mut title = String::new();
    for word in words {
        if !title.is_empty() {
            title.push(' ');
        }
        if !title.is_empty() && small.contains(&word) {
            title.push_str(word);
            continue;
        }
        let mut chars = word.chars();
        title.extend(chars.next().into_iter().flat_map(char::to_uppercase));
        title.push_str(chars.as_str());
    }
    if title.is_empty() { stem.to_owned() } else { title }
}

fn title_and_author(name: &str) -> (String, Option<String>) {
    for separator in [" - ", " – ", " — ", " by "] {
        if let Some((title, author)) = name.rsplit_once(separator)
            && people::looks_like_a_name(author)
            && !title.trim().is_empty()
        {
            return (title.trim().to_owned(), Some(author.trim().to_owned()));
        }
    }
    (name.to_owned(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_are_no_candidates() {
        for path in ["dune.md", "a/b/Dune.TXT", "x.markdown", "2020/index.html", "n.org", "m.mdx"] {
            assert!(is_candidate(path), "{path}");
        }
        for path in [
            ".dune.md.swp",
            "dune.md~",
            "#dune.md#",
            ".#dune.md",
            ".dune.md.Xy12Zz",
            ".git/HEAD.md",
            "~$dune.md",
            "dune.tmp",
            "dune.md.tmp",
            "dune.sync-conflict-20240101-101010-ABCDEFG.md",
            ".syncthing.dune.md.tmp",
            "~syncthing~dune.md.tmp",
            "cover.jpg",
            "4913",
            "dune.md.bak",
            "dune.md.orig",
            "dune.md___jb_tmp___",
            ".obsidian/x.md",
            "dune~.md",
            "style.css",
        ] {
            assert!(!is_candidate(path), "{path}");
        }
    }

    #[test]
    fn a_path_tells_date_slug_title_author_isbn_and_stars() {
        let check = |path: &str, date: Option<&str>, slug: &str, title: &str, author: Option<&str>| {
            let read = read(path);
            assert_eq!(read.date.map(|d| d.to_string()).as_deref(), date, "{path}");
            assert_eq!((read.slug.as_str(), read.title.as_str()), (slug, title), "{path}");
            assert_eq!(read.author.as_deref(), author, "{path}");
        };
        check("2018-11-09-the-left-hand.md", Some("2018-11-09"), "the-left-hand", "The Left Hand", None);
        check("2019/05/dune/index.md", Some("2019-05"), "dune", "Dune", None);
        check("2019/05/07/dune.md", Some("2019-05-07"), "dune", "Dune", None);
        check("20-10-26-deep-end.md", Some("2026-10-20"), "deep-end", "Deep End", None);
        check("Dune - Frank Herbert.md", None, "Dune - Frank Herbert", "Dune", Some("Frank Herbert"));
        check("_posts/2020-01-02-dune.md", Some("2020-01-02"), "dune", "Dune", None);
        check("20231105-dune.md", Some("2023-11-05"), "dune", "Dune", None);
        check("03.blog/dune/item.md", None, "dune", "Dune", None);
        check("1984.md", None, "1984", "1984", None);
        check("2001-a-space-odyssey.md", None, "2001-a-space-odyssey", "2001 a Space Odyssey", None);
        check("2023/dune.md", None, "dune", "Dune", None);
        check("2020-01-02.md", Some("2020-01-02"), "2020-01-02", "2020 01 02", None);
        assert_eq!(read("Dune ★★★★.txt").rating.as_deref(), Some("★★★★"));
        assert_eq!(read("Dune%20%E2%98%85%E2%98%85.md").title, "Dune");
        assert_eq!(read("9780441172719.md").isbn.unwrap().as_str(), "9780441172719");
        assert!(read("_drafts/dune.md").draft);
    }

    #[test]
    fn pages_and_machinery_are_no_reviews() {
        for path in [
            "README.md",
            "a/readme.txt",
            "LICENSE.md",
            "_index.md",
            "x/quotes.txt",
            "x/quotes.la.txt",
            "replies/readme.md",
            "templates/book.md",
            "archetypes/default.md",
            "README.de.md",
            "public/reviews/dune/index.html",
            "dist/dune.HTML",
            "themes/paper/about.md",
        ] {
            assert!(never_a_review(path).is_some(), "{path}");
        }
        for path in ["public/dune.md", "public/dune.txt", "public.html", "dune.html"] {
            assert_eq!(never_a_review(path), None, "{path}");
        }
        assert!(
            is_on_a_shelf("content/Reviews/2024/dune.md") && !is_on_a_shelf("reviews.md") && !is_on_a_shelf("a/b.md")
        );
        for path in ["dune.md", "a/index.md", "the-quotes-of-war.md", "the-template.md"] {
            assert_eq!(never_a_review(path).is_none(), path != "the-template.md", "{path}");
        }
        assert!(is_page("index.md") && is_page("about.md") && !is_page("dune/index.md"));
    }
}
