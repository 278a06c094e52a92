//! Which keys play which role, and how each role reads its value.

use super::{
    date::{self, When},
    front_matter::{Entry, Place, Scalar, Value, key_name},
    markup,
    metadata::{Found, Metadata},
};
use crate::domain::{Cover, Isbn, Moment};

pub const WORK_TITLE: &[&str] = &[
    "book.title",
    "booktitle",
    "worktitle",
    "titleofbook",
    "book.name",
    "booktitel",
    "titreoeuvre",
    "itemtitle",
    "filmtitle",
    "book.booktitle",
    "bookname",
];
pub const POST_TITLE: &[&str] =
    &["title", "name", "film", "linktitle", "titel", "titre", "título", "titolo", "fulltitle", "headline", "book"];
pub const WORK_AUTHOR: &[&str] = &[
    "book.author",
    "book.authors",
    "book.contributors",
    "bookauthor",
    "bookauthors",
    "authorofbook",
    "book.by",
    "workauthor",
    "book.creator",
    "book.director",
    "bookby",
    "book.writer",
    "book.bookauthor",
    "writtenby",
];
pub const AUTHOR: &[&str] = &[
    "author",
    "authors",
    "director",
    "writer",
    "writers",
    "by",
    "creator",
    "creators",
    "autor",
    "autorin",
    "auteur",
    "autore",
    "verfasser",
    "contributors",
];
pub const RATING: &[&str] = &[
    "rating",
    "myrating",
    "review.rating",
    "book.review.rating",
    "book.rating",
    "book.myrating",
    "grade",
    "review.grade",
    "score",
    "review.score",
    "stars",
    "review.stars",
    "starrating",
    "personalrating",
    "bookrating",
    "userrating",
    "reviewrating",
    "review.reviewrating",
    "bewertung",
    "ratings",
    "myscore",
    "ratingstars",
    "overallrating",
];
pub const RATING_BEST: &[&str] = &[
    "ratingmax",
    "maxrating",
    "bestrating",
    "ratingbest",
    "ratingscale",
    "ratingoutof",
    "outof",
    "rating.max",
    "rating.best",
    "rating.bestrating",
    "rating.outof",
    "review.ratingmax",
];
pub const DATE: &[&str] = &[
    "date",
    "pubdate",
    "review.date",
    "publishdate",
    "publishedat",
    "datepublished",
    "posted",
    "postdate",
    "postedat",
    "published.date",
    "datum",
    "review.dateposted",
    "dateposted",
    "reviewdate",
    "review.published",
    "publishedon",
    "datepublish",
];
pub const CREATED: &[&str] =
    &["created", "createdat", "datecreated", "createdon", "dateadded", "added", "creationdate"];
pub const UPDATED: &[&str] = &[
    "updated",
    "updatedat",
    "modified",
    "lastmod",
    "lastmodified",
    "dateupdated",
    "datemodified",
    "modifiedat",
    "lastupdated",
    "updateddate",
    "lastmodifiedat",
    "updatedon",
];
pub const READ: &[&str] = &[
    "review.dateread",
    "dateread",
    "datesread",
    "finished",
    "datefinished",
    "finishedat",
    "finishedon",
    "finish",
    "finishdate",
    "read",
    "readdate",
    "readdates",
    "readat",
    "readon",
    "stop",
    "completed",
    "completedat",
    "datecompleted",
    "completeddate",
    "completedon",
    "ended",
    "enddate",
    "dateended",
    "end",
    "review.finished",
    "review.datefinished",
    "book.dateread",
    "book.finished",
    "book.datefinished",
    "reads",
    "readings",
    "readdate.end",
    "readdates.end",
    "dates.finished",
    "dates.end",
    "finisheddate",
    "lastread",
    "reading.finished",
    "book.review.dateread",
    "review.dateread.end",
    "gelesen",
    "readfinish",
    "daterread",
    "stopped",
];
pub const STARTED: &[&str] = &[
    "started",
    "start",
    "datestarted",
    "startdate",
    "startedat",
    "startedon",
    "review.datestarted",
    "review.started",
    "readdate.start",
    "dates.started",
    "dates.start",
    "starteddate",
    "reading.started",
    "begin",
    "began",
    "book.started",
    "book.datestarted",
    "readstart",
    "startreading",
];
pub const YEAR: &[&str] = &[
    "publicationyear",
    "book.publicationyear",
    "bookyear",
    "yearpublished",
    "publishedyear",
    "year",
    "book.year",
    "releaseyear",
    "firstpublished",
    "originalpublicationyear",
    "book.published",
    "pubyear",
    "publicationdate",
    "book.publicationdate",
    "yearofpublication",
    "originalyear",
    "book.datepublished",
    "book.publishdate",
    "publishyear",
    "bookpublished",
    "releasedate",
    "published",
    "publish",
    "released",
];
pub const ISBN: &[&str] = &[
    "isbn",
    "isbn13",
    "book.isbn13",
    "book.isbn",
    "isbn10",
    "book.isbn10",
    "bookisbn",
    "isbns",
    "ean",
    "gtin",
    "book.id",
    "asin",
    "identifiers.isbn",
    "id",
];
pub const TAGS: &[&str] = &[
    "tags",
    "book.tags",
    "review.tags",
    "tag",
    "keywords",
    "genre",
    "genres",
    "book.genre",
    "book.genres",
    "shelves",
    "shelf",
    "bookshelves",
    "categories",
    "category",
    "topics",
    "subjects",
    "subject",
    "themes",
    "book.categories",
    "bookgenre",
];
pub const COVER: &[&str] = &[
    "book.coverimageurl",
    "coverimageurl",
    "book.coverurl",
    "coverurl",
    "book.cover",
    "cover",
    "coverimage",
    "book.coverimage",
    "bookcover",
    "bookcoverimage",
    "cover.image",
    "heroimage",
    "featuredimage",
    "featureimage",
    "featured",
    "image",
    "book.image",
    "images",
    "poster",
    "thumbnail",
    "img",
    "photo",
    "bookimage",
    "header.teaser",
    "header.image",
    "teaser",
    "ogimage",
    "banner",
    "coverart",
    "picture",
    "thumb",
    "cover.url",
    "imageurl",
    "coverimg",
    "resources",
    "hero",
    "hero.image",
    "splash",
];
pub const COVER_ALT: &[&str] = &[
    "coveralt",
    "book.coveralt",
    "coverimagealt",
    "imagealt",
    "heroimagealt",
    "alt",
    "thumbnailalt",
    "featuredimagealt",
    "coverdescription",
    "coverdesc",
    "book.coverimagealt",
    "posteralt",
    "imgalt",
];
pub const SUMMARY: &[&str] = &[
    "review.tldr",
    "tldr",
    "summary",
    "review.summary",
    "excerpt",
    "description",
    "onesentence",
    "intro",
    "oneliner",
    "verdict",
    "tagline",
    "review.description",
    "abstract",
    "lead",
    "dek",
    "subline",
];
pub const BLURB: &[&str] = &[
    "synopsis",
    "blurb",
    "book.description",
    "book.synopsis",
    "book.blurb",
    "book.summary",
    "bookdescription",
    "goodreadssynopsis",
    "publisherdescription",
];
pub const OWN_WORDS: &[&str] = &[
    "review",
    "review.text",
    "review.body",
    "review.content",
    "book.review",
    "myreview",
    "reviewtext",
    "review.review",
    "thoughts",
    "comment",
    "mythoughts",
];
pub const DRAFT_FLAGS: &[&str] = &[
    "draft",
    "isdraft",
    "unpublished",
    "private",
    "hidden",
    "review.draft",
    "unlisted",
    "wip",
    "ignore",
    "hide",
    "excluded",
    "exclude",
    "book.draft",
];
pub const SHOWN_FLAGS: &[&str] = &[
    "published",
    "display",
    "publish",
    "public",
    "visible",
    "dgpublish",
    "show",
    "review.published",
    "render",
    "output",
    "live",
    "share",
    "ispublished",
];
pub const STATUS: &[&str] = &[
    "status",
    "state",
    "visibility",
    "poststatus",
    "review.status",
    "book.status",
    "readingstatus",
    "readstatus",
    "display",
    "access",
    "stage",
];
pub const SPOILERS: &[&str] = &[
    "spoilers",
    "spoiler",
    "containsspoilers",
    "hasspoilers",
    "spoilerwarning",
    "review.spoilers",
    "review.spoiler",
    "containsspoiler",
    "hasspoiler",
    "isspoiler",
];
pub const LANGUAGE: &[&str] =
    &["lang", "language", "locale", "review.language", "review.lang", "inlanguage", "sprache"];
pub const SLUG: &[&str] = &["slug"];
pub const PERMALINK: &[&str] = &["permalink", "url", "path", "link", "uri"];
pub const ALIASES: &[&str] =
    &["aliases", "alias", "redirectfrom", "redirects", "oldurl", "oldurls", "oldpaths", "redirect"];
pub const SERIES: &[&str] = &[
    "series",
    "book.series",
    "bookseries",
    "seriesname",
    "seriestitle",
    "series.name",
    "series.title",
    "book.seriesname",
    "reihe",
    "bookseriesname",
    "book.series.name",
];
pub const SERIES_POSITION: &[&str] = &[
    "seriesposition",
    "book.seriesposition",
    "seriesorder",
    "seriesnumber",
    "seriesindex",
    "seriesno",
    "numberinseries",
    "seriesnum",
    "bookinseries",
    "series.number",
    "series.position",
    "series.order",
    "series.index",
    "book.seriesnumber",
    "book.seriesindex",
    "book.seriesorder",
    "volume",
    "booknumber",
    "seriespart",
    "series.book",
    "series.volume",
    "installment",
    "book.series.number",
    "book.series.position",
    "inseries",
];
pub const PAGES: &[&str] = &[
    "pages",
    "book.pages",
    "pagecount",
    "numpages",
    "numberofpages",
    "book.pagecount",
    "book.numberofpages",
    "totalpage",
    "totalpages",
    "length",
    "pagenumber",
    "page",
];
pub const PUBLISHER: &[&str] = &["publisher", "book.publisher", "verlag", "imprint", "bookpublisher"];

/// Longest tag, in characters, and most tags kept.
const TAG_CHARS_MAX: usize = 60;
const TAGS_MAX: usize = 60;

/// The dates in a value: each reading's last day, and the first day of the first where ranges are given.
#[derive(Debug, Default, PartialEq)]
pub struct Dates {
    pub days: Vec<Moment>,
    pub started: Option<Moment>,
    /// What was written as a date and is none.
    pub wrong: Vec<(String, Place)>,
}

/// Reads a date, a list of dates, a range, or `{start, end}` mappings; flags and years are passed over.
pub fn dates(value: &Value) -> Dates {
    let mut dates = Dates::default();
    read_dates(value, &mut dates);
    dates
}

fn read_dates(value: &Value, dates: &mut Dates) {
    match value {
        Value::Scalar(scalar) if scalar.is_null() || scalar.flag().is_some() => {}
        Value::Scalar(scalar) => read_date(scalar, dates),
        Value::List(items) => items.iter().for_each(|item| read_dates(item, dates)),
        Value::Map(entries) => {
            for entry in entries {
                match key_name(&entry.key).as_str() {
                    "start" | "started" | "begin" | "from" | "startdate" | "datestarted" | "dateadded" => {
                        let mut inner = Dates::default();
                        read_dates(&entry.value, &mut inner);
                        dates.started = dates.started.or(inner.days.first().copied());
                    }
                    "end" | "ended" | "finish" | "finished" | "to" | "date" | "read" | "enddate" | "datefinished"
                    | "finishdate" | "stop" | "dateread" => {
                        read_dates(&entry.value, dates);
                    }
                    _ => {}
                }
            }
        }
    }
}

fn read_date(scalar: &Scalar, dates: &mut Dates) {
    let text = markup::without_links(&markup::visible(&scalar.text));
    match date::read(&text) {
        Some(When::At(moment)) => dates.days.push(moment),
        Some(When::From(from, to)) => {
            dates.days.push(to);
            dates.started = dates.started.or(Some(from));
        }
        Some(When::Year(_)) => {}
        None => {
            // Several dates in one text.
            let parts: Vec<_> = text.split([',', ';']).map(date::one).collect();
            if parts.len() > 1 && parts.iter().all(Option::is_some) {
                dates.days.extend(parts.into_iter().flatten());
            } else if text.chars().any(|c| c.is_ascii_digit()) {
                dates.wrong.push((scalar.text.trim().to_owned(), scalar.place));
            }
        }
    }
}

/// A year of publication, negative before the common era; from `2016`, `'-600'`, `600 BC`, `c. 1890`, `2016-05-04`.
pub fn year(scalar: &Scalar) -> Option<i32> {
    let text = scalar.text.trim();
    if let Ok(year) = text.parse::<i32>() {
        return (-4000..=2200).contains(&year).then_some(year);
    }
    if let Ok(year) = text.parse::<f64>() {
        return (-4000.0..=2200.0).contains(&year).then_some(year as i32);
    }
    let before = ["bc", "bce", "b.c.", "v. chr.", "av. j.-c."].iter().any(|era| text.to_lowercase().ends_with(era));
    let runs = text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    let number = if before { runs.clone().next() } else { runs.clone().find(|run| run.len() == 4) };
    let year: i32 = number?.parse().ok()?;
    let negative = before || text.starts_with('-');
    (year <= 2200).then_some(if negative { -year } else { year })
}

/// The first sound ISBN of a value; a float or a list is repaired where its check digit holds.
pub fn isbn(value: &Value) -> Option<Isbn> {
    value.scalars().iter().find_map(|scalar| {
        let text = scalar.text.trim();
        let text = text.strip_suffix(".0").unwrap_or(text);
        let text = if text.starts_with("http") { text.rsplit('/').next().unwrap_or(text) } else { text };
        Isbn::parse(text)
            .or_else(|| text.split([',', ' ', '/', ';']).find_map(Isbn::parse))
            .or_else(|| zero_padded(text))
    })
}

/// An unquoted ISBN-10 loses every leading zero, not only the first.
fn zero_padded(text: &str) -> Option<Isbn> {
    let sound = (7..9).contains(&text.len()) && text.bytes().take(text.len() - 1).all(|byte| byte.is_ascii_digit());
    if sound { Isbn::parse(&format!("{text:0>10}")) } else { None }
}

/// All tags of a file, each once, as written but for `#` and brackets.
pub fn tags(found: &[&Found<'_>]) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for found in found {
        let name = key_name(&found.key);
        let by_space = name.ends_with("tags") || name.ends_with("categories");
        let listed = matches!(found.value, Value::List(_));
        for scalar in found.value.scalars() {
            if !scalar.quoted && scalar.flag().is_some() && scalar.text.parse::<f64>().is_err() {
                continue;
            }
            for tag in split_tags(&scalar.text, by_space && !listed) {
                let again = tags.iter().any(|have| have.to_lowercase() == tag.to_lowercase());
                if !again && tags.len() < TAGS_MAX {
                    tags.push(tag);
                }
            }
        }
    }
    tags
}

/// `a, b`, `#a #b`, `fiction/fantasy`, `[[Page]] [[Other]]`; Jekyll's `tags: a b` is parted by spaces.
fn split_tags(text: &str, by_space: bool) -> Vec<String> {
    let wiki = text.contains("[[");
    let text = if wiki {
        markup::without_links(&text.replace("]][[", "]], [[").replace("]] [[", "]], [["))
    } else {
        text.to_owned()
    };
    let hashed = text.split_whitespace().count() > 1 && text.split_whitespace().all(|word| word.starts_with('#'));
    let comma = text.contains([',', ';', '|']);
    let spaced = !wiki && !comma && (hashed || by_space);
    let parts = text.split(|c: char| matches!(c, ',' | ';' | '|') || c == '/' || (spaced && c.is_whitespace()));
    parts
        .map(|part| markup::plain(part.trim().trim_start_matches('#').trim_matches(['"', '\'', '[', ']'])))
        .filter(|tag| {
            tag.chars().any(char::is_alphanumeric) && tag.chars().count() <= TAG_CHARS_MAX && !tag.contains("{{")
        })
        .collect()
}

/// Where the cover is, from a text, a mapping or a list; relative paths are resolved against the file's folder.
pub fn cover(metadata: &Metadata<'_>, path: &str) -> Option<(Cover, Place, String)> {
    for found in metadata.all(COVER) {
        if let Some(source) = picture_address(found.value).and_then(|text| resolve(&text, path)) {
            let alt = picture_alt(found.value)
                .or_else(|| metadata.text(COVER_ALT).map(|(_, scalar)| markup::plain(&scalar.text)))
                .filter(|alt| !alt.is_empty());
            return Some((Cover { source, alt }, found.place, found.key.clone()));
        }
    }
    None
}

fn picture_address(value: &Value) -> Option<String> {
    match value {
        Value::Scalar(scalar) if scalar.is_null() => None,
        Value::Scalar(scalar) => Some(scalar.text.trim().to_owned()),
        Value::List(items) => items.iter().find_map(picture_address),
        Value::Map(entries) => field(
            entries,
            &["src", "url", "image", "path", "file", "source", "href", "filename", "large", "feature", "teaser"],
        ),
    }
}

fn picture_alt(value: &Value) -> Option<String> {
    value
        .maps()
        .first()
        .and_then(|entries| field(entries, &["alt", "alttext", "description", "caption", "title"]))
        .map(|alt| markup::plain(&alt))
}

fn field(entries: &[Entry], names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        let entry = entries.iter().find(|entry| key_name(&entry.key) == *name)?;
        entry.value.scalars().first().map(|scalar| scalar.text.trim().to_owned())
    })
}

/// An `http(s)` address as it is, a path relative to the root of the review folder; `None` for what is no picture.
pub fn resolve(text: &str, path: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('!');
    let inner = text.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]"));
    let text = inner.map_or(text, |inner| inner.split('|').next().unwrap_or(inner)).trim();
    let text = match text.split_once("](") {
        Some((_, address)) if text.starts_with('[') => address.split([')', ' ']).next().unwrap_or(address),
        _ => text,
    };
    if let Some(rest) = text.strip_prefix("//") {
        return Some(format!("https://{rest}"));
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        return url::Url::parse(text).ok().filter(|url| url.host().is_some()).map(|_| text.to_owned());
    }
    let text = text.split(['?', '#']).next().unwrap_or(text);
    let named = text.contains('.') && !text.contains([':', '\n', '{', '<']) && !text.ends_with('.');
    let extension = text.rsplit('.').next().unwrap_or("").to_ascii_lowercase();
    if !named
        || !matches!(extension.as_str(), "jpg" | "jpeg" | "png" | "gif" | "webp" | "avif" | "svg" | "bmp" | "jfif")
    {
        return None;
    }
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8().ok()?.replace('\\', "/");
    let folder = if decoded.starts_with('/') { "" } else { path.rsplit_once('/').map_or("", |(folder, _)| folder) };
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in decoded.split('/') {
        match part {
            "" | "." | "~" | "@" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// BCP 47, from `en_GB`, `English`, `Deutsch`.
pub fn language(text: &str) -> Option<String> {
    let text = text.trim().replace('_', "-");
    let known = [
        ("english", "en"),
        ("deutsch", "de"),
        ("german", "de"),
        ("french", "fr"),
        ("français", "fr"),
        ("spanish", "es"),
        ("español", "es"),
        ("italian", "it"),
        ("italiano", "it"),
        ("dutch", "nl"),
        ("nederlands", "nl"),
        ("portuguese", "pt"),
        ("português", "pt"),
        ("polish", "pl"),
        ("polski", "pl"),
        ("swedish", "sv"),
        ("svenska", "sv"),
        ("danish", "da"),
        ("dansk", "da"),
        ("norwegian", "no"),
        ("finnish", "fi"),
        ("suomi", "fi"),
        ("czech", "cs"),
        ("russian", "ru"),
        ("русский", "ru"),
        ("japanese", "ja"),
        ("日本語", "ja"),
        ("chinese", "zh"),
        ("中文", "zh"),
        ("korean", "ko"),
    ];
    if let Some((_, tag)) = known.iter().find(|(name, _)| *name == text.to_lowercase()) {
        return Some((*tag).to_owned());
    }
    let mut parts = text.split('-');
    let primary = parts.next().filter(|p| (2..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphabetic()))?;
    let sound =
        parts.all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    sound.then(|| format!("{}{}", primary.to_ascii_lowercase(), &text[primary.len()..]))
}

/// The path of an address the review had: `https://x.example/a/` → `/a/`; names of notes are no paths.
pub fn address_path(text: &str) -> Option<String> {
    let text = text.trim();
    if text.contains(':') && !text.starts_with("http") || text.contains(['{', ' ', '\n']) {
        return None;
    }
    if text.starts_with("http") {
        return url::Url::parse(text).ok().map(|url| url.path().to_owned()).filter(|path| path.len() > 1);
    }
    text.contains('/').then(|| format!("/{}", text.trim_start_matches('/'))).filter(|path| path.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(text: &str) -> Value {
        Value::plain(text, Place::START)
    }

    #[test]
    fn years_isbns_and_languages_are_read_in_every_form() {
        let of = |text: &str| match scalar(text) {
            Value::Scalar(scalar) => year(&scalar),
            Value::List(_) | Value::Map(_) => None,
        };
        assert_eq!(
            [of("2016"), of("-600"), of("600 BC"), of("c. 1890"), of("2016-05-04"), of("soon")],
            [Some(2016), Some(-600), Some(-600), Some(1890), Some(2016), None]
        );
        assert_eq!(isbn(&scalar("9780441172719.0")).unwrap().as_str(), "9780441172719");
        assert_eq!(isbn(&scalar("441172717")).unwrap().as_str(), "9780441172719");
        assert_eq!(isbn(&scalar("0441172717 9780441172719")).unwrap().as_str(), "9780441172719");
        assert_eq!(isbn(&scalar("12")), None);
        assert_eq!(language("en_GB").as_deref(), Some("en-GB"));
        assert_eq!(language("Deutsch").as_deref(), Some("de"));
        assert_eq!(language("Klingon!"), None);
    }

    #[test]
    fn tags_are_read_in_every_form() {
        let check =
            |text: &str, by_space: bool, expected: &[&str]| assert_eq!(split_tags(text, by_space), expected, "{text}");
        check("a, b c", true, &["a", "b c"]);
        check("a b", true, &["a", "b"]);
        check("science fiction", false, &["science fiction"]);
        check("#a #b", false, &["a", "b"]);
        check("[[Science Fiction]] [[B]]", true, &["Science Fiction", "B"]);
        check("fiction/fantasy", false, &["fiction", "fantasy"]);
        check("five-stars", true, &["five-stars"]);
    }

    #[test]
    fn covers_are_found_from_the_root_of_the_folder() {
        for (text, path, expected) in [
            ("cover.jpg", "dune/index.md", Some("dune/cover.jpg")),
            ("./cover.jpg", "dune/index.md", Some("dune/cover.jpg")),
            ("../images/d%20x.png", "a/dune.md", Some("images/d x.png")),
            ("/assets/d.png", "a/dune.md", Some("assets/d.png")),
            ("../../../etc/x.jpg", "a/dune.md", Some("etc/x.jpg")),
            ("https://x.example/a.jpg", "a.md", Some("https://x.example/a.jpg")),
            ("//x.example/a.jpg", "a.md", Some("https://x.example/a.jpg")),
            ("[[covers/dune.jpg]]", "a.md", Some("covers/dune.jpg")),
            ("hardcover", "a.md", None),
            ("data:image/png;base64,xx", "a.md", None),
            ("true", "a.md", None),
        ] {
            assert_eq!(resolve(text, path).as_deref(), expected, "{text}");
        }
    }
}
