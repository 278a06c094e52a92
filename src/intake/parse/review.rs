//! From the parts of a file to a review: each role from the place that knows it best, with a note of where.

use super::{
    Context, Fact, Parsed, Reading, SourceFile,
    front_matter::{Entry, Place, key_name},
    labels, markup,
    metadata::{Found, Metadata},
    name::{self, FromPath},
    people, rating, roles,
    sheet::Sheet,
    title::{self, Titled},
};
use crate::domain::{Book, Format, Isbn, Moment, Problem, Rating, Review, ReviewId, Series, Slug, Text};

/// Words of `status:` that keep a text from being published.
const DRAFT_STATUS: &[&str] = &[
    "draft",
    "unpublished",
    "private",
    "hidden",
    "pending",
    "wip",
    "drafting",
    "in-progress-review",
    "notready",
    "embargo",
    "trash",
    "future",
];

/// Words of `status:` for books not read to the end yet; without words or a rating there is nothing to publish.
const UNREAD_STATUS: &[&str] = &[
    "toread",
    "wanttoread",
    "wishlist",
    "tbr",
    "queued",
    "queue",
    "backlog",
    "upnext",
    "unread",
    "planned",
    "notstarted",
    "want",
    "next",
    "reading",
    "currentlyreading",
    "inprogress",
    "current",
    "started",
    "todo",
    "new",
    "owned",
];

/// Longest description that is the reviewer's; publishers write more.
const SUMMARY_CHARS_MAX: usize = 400;

/// Collects what is said about the file while it is read.
struct Assembly<'a> {
    path: &'a str,
    metadata: Metadata<'a>,
    labelled: Metadata<'a>,
    from_path: FromPath,
    problems: Vec<Problem>,
    facts: Vec<Fact>,
    used: Vec<Place>,
}

/// Title and authors of the work, and the post's own title.
struct Work {
    title: String,
    authors: Vec<String>,
    headline: Option<String>,
    series: Option<Series>,
    rating: Option<Rating>,
}

/// Makes the review, or says why there is none.
pub fn assemble(file: &SourceFile<'_>, context: &Context<'_>, mut sheet: Sheet) -> Parsed {
    let entries = std::mem::take(&mut sheet.entries);
    let labelled = std::mem::take(&mut sheet.labelled);
    let mut assembly = Assembly::new(file.path, &entries, &labelled);
    assembly.problems.append(&mut sheet.warnings);
    for note in std::mem::take(&mut sheet.notes) {
        assembly.fact("file", note, "its bytes".to_owned());
    }
    if let Some(why) = assembly.no_review(&sheet) {
        return Parsed { reading: Reading::Skipped(why), problems: Vec::new(), facts: assembly.facts };
    }
    let review = assembly.review(file, context, sheet);
    assembly.ignored();
    let (problems, facts) = (assembly.problems, assembly.facts);
    match review {
        Ok(review) => Parsed { reading: Reading::Review(Box::new(review)), problems, facts },
        Err(why) => Parsed { reading: Reading::Skipped(why), problems: Vec::new(), facts },
    }
}

impl<'a> Assembly<'a> {
    fn new(path: &'a str, entries: &'a [Entry], labelled: &'a [Entry]) -> Self {
        Self {
            path,
            metadata: Metadata::new(entries),
            labelled: Metadata::new(labelled),
            from_path: name::read(path),
            problems: Vec::new(),
            facts: Vec::new(),
            used: Vec::new(),
        }
    }

    fn fact(&mut self, what: &'static str, value: impl ToString, from: String) {
        self.facts.push(Fact { what, value: value.to_string(), from });
    }

    fn key_fact(&mut self, what: &'static str, value: impl ToString, key: &str, place: Place) {
        self.used.push(place);
        self.fact(what, value, format!("`{key}` on line {}", place.line));
    }

    fn warn(&mut self, place: Place, message: String, cure: &str) {
        self.problems.push(Problem::warning(self.path, message, cure).at(place.line, place.column));
    }

    /// Pages of a site, and files that hold nothing at all.
    fn no_review(&self, sheet: &Sheet) -> Option<String> {
        let described = |metadata: &Metadata<'_>| {
            [roles::WORK_TITLE, roles::WORK_AUTHOR, roles::RATING, roles::ISBN]
                .iter()
                .any(|names| metadata.find(names).is_some_and(|found| key_name(&found.key) != "id"))
        };
        let is_described = described(&self.metadata) || described(&self.labelled);
        let has_author = self.metadata.find(roles::AUTHOR).is_some() || self.labelled.find(roles::AUTHOR).is_some();
        if name::is_page(self.path) && !is_described && !has_author {
            return Some("a page of the site, not a review".to_owned());
        }
        if self.metadata.find(&["inreplyto"]).is_some() && !is_described {
            return Some("a reply, not a review".to_owned());
        }
        let titled = self.metadata.find(roles::POST_TITLE).is_some() || sheet.heading.is_some();
        let nothing = sheet.body.trim().is_empty() && !is_described && !has_author && !titled;
        nothing.then(|| "a file that names no book and says nothing".to_owned())
    }

    /// Metadata first, then labelled lines of the text.
    fn find(&self, names: &[&str]) -> Option<&Found<'a>> {
        self.metadata.find(names).or_else(|| self.labelled.find(names))
    }

    fn text(&self, names: &[&str]) -> Option<(String, String, Place)> {
        let found = self.metadata.text(names).or_else(|| self.labelled.text(names));
        found.map(|(found, scalar)| (scalar.text.clone(), found.key.clone(), scalar.place))
    }

    fn review(&mut self, file: &SourceFile<'_>, context: &Context<'_>, sheet: Sheet) -> Result<Review, String> {
        let Sheet { mut body, synopsis, format, words, words_line, heading, .. } = sheet;
        let work = self.work(context, heading.as_ref());
        // The heading above the text was the title; where the title is another it belongs to the text again.
        if let Some(heading) = heading.filter(|heading| heading.certain)
            && !self.is_title_of(&heading.text, &work)
            && !matches!(format, Format::Html)
        {
            body = format!("# {}\n\n{body}", heading.text);
        }
        if let Some(first) = format_heading(&body, format).filter(|first| title::same(first, &work.title)) {
            let skipped = first.len();
            let _ = skipped;
            body = body.split_once('\n').map_or(String::new(), |(_, rest)| super::body::trimmed(rest));
        }
        if body.trim().is_empty() {
            if let Some((text, key, place)) = self.text(roles::OWN_WORDS).filter(|(text, ..)| text.contains(' ')) {
                self.key_fact("body", "the review", &key, place);
                body = text.trim().to_owned();
            }
        }
        let rating = self.rating(&words, words_line, work.rating.clone(), context);
        let draft = self.draft();
        if let Some(why) = self.unread(&body, rating.as_ref()) {
            return Err(why);
        }
        let (date, read, started) = self.dates();
        let isbn = self.isbn();
        let (summary, blurb) = self.summary();
        let synopsis =
            synopsis.map(|text| Text::new(format, text)).or(blurb.map(|text| Text::new(Format::Plain, text)));
        let book = Book {
            isbn,
            year: self.year(),
            series: self.series(work.series),
            cover: self.cover(file),
            pages: self.pages(),
            publisher: self.text(roles::PUBLISHER).map(|(text, key, place)| {
                self.used.push(place);
                let _ = key;
                markup::plain(&text)
            }),
            title: work.title,
            authors: work.authors,
        };
        Ok(Review {
            book,
            headline: work.headline,
            rating,
            body: Text::new(format, body),
            synopsis,
            summary,
            date,
            updated: self.one_date("updated", roles::UPDATED),
            read,
            started,
            tags: self.tags(),
            language: self.language(),
            spoilers: self.spoilers(),
            draft,
            slug: self.slug(),
            aliases: self.aliases(),
            id: self.id(),
            imported: self.imported(),
            replies_closed: self.replies_closed(),
        })
    }

    fn is_title_of(&self, heading: &str, work: &Work) -> bool {
        let read = title::read(heading, &work.authors);
        title::same(&read.title, &work.title)
            || work.headline.as_ref().is_some_and(|headline| title::same(&read.title, headline))
    }

    /// Title and authors: the work's own keys, else the post's title with its "by" line, else heading, else file name.
    fn work(&mut self, context: &Context<'_>, heading: Option<&super::sheet::Heading>) -> Work {
        let work_authors = self.authors_of(roles::WORK_AUTHOR, context);
        let written = self.authors_of(roles::AUTHOR, context);
        let known: Vec<String> = work_authors.iter().chain(&written).cloned().collect();
        let own_title = self.text(roles::WORK_TITLE);
        let labelled_title = self
            .labelled
            .text(roles::POST_TITLE)
            .map(|(found, scalar)| (scalar.text.clone(), found.key.clone(), scalar.place));
        let post_title = self
            .metadata
            .text(roles::POST_TITLE)
            .map(|(found, scalar)| (scalar.text.clone(), found.key.clone(), scalar.place));
        let from_heading = heading.filter(|heading| heading.certain);

        let own_title = own_title.or_else(|| if post_title.is_some() { labelled_title.clone() } else { None });
        let chosen = own_title.clone().or_else(|| post_title.clone()).or(labelled_title);
        let mut titled = match (&chosen, from_heading) {
            (Some((text, key, place)), _) => {
                let titled = title::read(text, &known);
                self.key_fact("title", &titled.title, key, *place);
                titled
            }
            (None, Some(heading)) => {
                let titled = title::read(&heading.text, &known);
                self.fact("title", &titled.title, heading.from.clone());
                titled
            }
            (None, None) => self.title_from_name(heading),
        };
        let mut authors = if work_authors.is_empty() { written } else { work_authors };
        // A title that names another author says that `author` is who wrote the post.
        let named_otherwise = !titled.authors.is_empty()
            && own_title.is_none()
            && !titled.authors.iter().any(|name| authors.iter().any(|have| people::same(have, name)));
        if named_otherwise && (authors.is_empty() || self.find(roles::WORK_AUTHOR).is_none()) {
            authors = std::mem::take(&mut titled.authors);
            self.fact("authors", authors.join(", "), "the title".to_owned());
        }
        if authors.is_empty() {
            authors = self.authors_elsewhere(&mut titled, heading);
        }
        let headline = match (&own_title, &post_title) {
            (Some(_), Some((post, key, place))) => self.headline(post, key, *place, &titled),
            _ => None,
        };
        Work { title: titled.title, authors, headline, series: titled.series, rating: titled.rating }
    }

    fn headline(&mut self, post: &str, key: &str, place: Place, titled: &Titled) -> Option<String> {
        let post = markup::plain(post);
        let read = title::read(&post, &[]);
        if post.is_empty() || title::same(&read.title, &titled.title) || title::same(&post, &titled.title) {
            return None;
        }
        self.key_fact("headline", &post, key, place);
        Some(post)
    }

    fn title_from_name(&mut self, heading: Option<&super::sheet::Heading>) -> Titled {
        // A first line that also names the file is its title, whatever it looks like.
        let named = heading.filter(|heading| title::same(&heading.text, &self.from_path.title));
        if let Some(heading) = named {
            let titled = title::read(&heading.text, &[]);
            self.fact("title", &titled.title, heading.from.clone());
            return titled;
        }
        let mut titled = title::read(&self.from_path.title, &[]);
        if let Some(isbn) = &self.from_path.isbn {
            titled.title = format!("ISBN {isbn}");
        }
        self.fact("title", &titled.title, "the file's name".to_owned());
        titled
    }

    /// The authors behind these keys, without the reviewer.
    fn authors_of(&mut self, names: &[&str], context: &Context<'_>) -> Vec<String> {
        let found = self.metadata.find(names).or_else(|| self.labelled.find(names));
        let Some((value, key, place)) = found.map(|found| (found.value, found.key.clone(), found.place)) else {
            return Vec::new();
        };
        let is_reviewer =
            |name: &String| people::same(name, context.reviewer_name) || people::same(name, context.reviewer_handle);
        let all = people::authors(value);
        let authors: Vec<String> = all.iter().filter(|name| !is_reviewer(name)).cloned().collect();
        if authors.len() < all.len() {
            self.key_fact("reviewer", all.join(", "), &key, place);
        }
        if !authors.is_empty() {
            self.key_fact("authors", authors.join(", "), &key, place);
        }
        authors
    }

    fn authors_elsewhere(&mut self, titled: &mut Titled, heading: Option<&super::sheet::Heading>) -> Vec<String> {
        if !titled.authors.is_empty() {
            let authors = std::mem::take(&mut titled.authors);
            self.fact("authors", authors.join(", "), "the title".to_owned());
            return authors;
        }
        if let Some(heading) = heading {
            let read = title::read(&heading.text, &[]);
            if title::same(&read.title, &titled.title) && !read.authors.is_empty() {
                self.fact("authors", read.authors.join(", "), heading.from.clone());
                return read.authors;
            }
        }
        match self.from_path.author.clone() {
            Some(author) if title::same(&self.from_path.title, &titled.title) => {
                let authors = people::from_text(&author);
                self.fact("authors", authors.join(", "), "the file's name".to_owned());
                authors
            }
            _ => Vec::new(),
        }
    }

    fn rating(&mut self, words: &str, line: u32, in_title: Option<Rating>, context: &Context<'_>) -> Option<Rating> {
        let read = match self.rating_text() {
            Some((text, key, place)) => match rating::read(&text) {
                Ok(Some(rating)) => {
                    self.key_fact("rating", &rating.raw, &key, place);
                    Some((rating, place))
                }
                Ok(None) => None,
                Err(impossible) => {
                    self.used.push(place);
                    self.out_of_range(&impossible.raw, place);
                    return None;
                }
            },
            None => None,
        };
        let (rating, place) = read
            .or_else(|| in_title.map(|rating| (rating, Place::START)))
            .or_else(|| self.rating_in_words(words, line))
            .or_else(|| {
                self.from_path.rating.as_ref().and_then(|raw| Some((rating::unmistakable(raw)?, Place::START)))
            })?;
        let Some(best) = context.rating_scale else { return Some(rating) };
        match rating.clone().on_scale(best) {
            Ok(rating) => Some(rating),
            Err(out) => {
                self.out_of_range(&out.raw, place);
                None
            }
        }
    }

    fn out_of_range(&mut self, raw: &str, place: Place) {
        self.warn(
            place,
            format!("the rating {raw} is outside its scale, so the review is shown without a rating"),
            "write the rating with its scale, such as `4/5`",
        );
    }

    /// The rating's text, put together where value and best stand under two keys.
    fn rating_text(&self) -> Option<(String, String, Place)> {
        let in_map = self.metadata.text(&[
            "rating.value",
            "rating.ratingvalue",
            "review.rating.value",
            "reviewrating.ratingvalue",
            "rating.score",
            "rating.overall",
            "ratings.overall",
            "rating.stars",
        ]);
        let in_map = in_map.map(|(found, scalar)| (scalar.text.clone(), found.key.clone(), scalar.place));
        let (text, key, place) = self.text(roles::RATING).or(in_map)?;
        match self.metadata.text(roles::RATING_BEST) {
            Some((_, best)) if text.trim().parse::<f64>().is_ok() && best.text.trim().parse::<f64>().is_ok() => {
                Some((format!("{}/{}", text.trim(), best.text.trim()), key, place))
            }
            _ => Some((text, key, place)),
        }
    }

    /// A labelled line or a shortcode in the text; several of them rate several books, and none of them this one.
    fn rating_in_words(&mut self, words: &str, line: u32) -> Option<(Rating, Place)> {
        let mut found: Vec<(Rating, Place)> = Vec::new();
        let mut fenced = false;
        for (index, text) in words.lines().enumerate() {
            fenced ^= text.trim_start().starts_with("```");
            let raw = if fenced { None } else { labels::rating_of(text).or_else(|| shortcode_rating(text)) };
            if let Some(rating) = raw.and_then(|raw| rating::read(raw).ok().flatten()) {
                found.push((rating, Place::new(line as usize + index, 1)));
            }
        }
        if found.is_empty() {
            found.extend(starred_heading(words).map(|rating| (rating, Place::new(line as usize, 1))));
        }
        match found.as_slice() {
            [(rating, place)] => {
                self.fact("rating", &rating.raw, format!("line {}", place.line));
                Some((rating.clone(), *place))
            }
            _ => None,
        }
    }

    fn draft(&mut self) -> bool {
        let flagged = self
            .metadata
            .flag(roles::DRAFT_FLAGS)
            .filter(|(_, flag)| *flag)
            .map(|(found, _)| (found.key.clone(), found.place));
        // `published: 2016` is a year; only a written no holds a review back.
        let shown = self.metadata.all(roles::SHOWN_FLAGS).into_iter().find(|found| {
            found
                .value
                .scalars()
                .first()
                .is_some_and(|scalar| scalar.flag() == Some(false) && scalar.text.trim() != "0")
        });
        let shown = shown.map(|found| (found.key.clone(), found.place));
        let status =
            self.metadata.all(roles::STATUS).into_iter().chain(self.labelled.all(&["status", "draft"])).find(|found| {
                found.value.scalars().iter().any(|scalar| DRAFT_STATUS.contains(&key_name(&scalar.text).as_str()))
            });
        let status = status.map(|found| (found.key.clone(), found.place));
        let labelled =
            self.labelled.flag(&["draft"]).filter(|(_, flag)| *flag).map(|(found, _)| (found.key.clone(), found.place));
        let tagged = self.metadata.all(&["tags", "tag"]).into_iter().find(|found| {
            found.value.scalars().iter().any(|scalar| matches!(scalar.text.trim_start_matches('#'), "draft" | "drafts"))
        });
        let tagged = tagged.map(|found| (found.key.clone(), found.place));
        if let Some((key, place)) = flagged.or(shown).or(status).or(labelled).or(tagged) {
            self.key_fact("draft", "yes", &key, place);
            return true;
        }
        if self.from_path.draft {
            self.fact("draft", "yes", "the file's folder or name".to_owned());
        }
        self.from_path.draft
    }

    /// A book on a list, without a word or a rating.
    fn unread(&self, body: &str, rating: Option<&Rating>) -> Option<String> {
        if !body.trim().is_empty() || rating.is_some() {
            return None;
        }
        let found = self.find(roles::STATUS)?;
        let status = found.value.scalars().first().map(|scalar| scalar.text.trim().to_owned())?;
        UNREAD_STATUS
            .contains(&key_name(&status).as_str())
            .then(|| format!("a book not yet read (status: {status}), not a review"))
    }

    fn dates(&mut self) -> (Option<Moment>, Vec<Moment>, Option<Moment>) {
        let mut read = Vec::new();
        let mut started = self.one_date("started", roles::STARTED);
        let found: Vec<_> = self
            .metadata
            .all(roles::READ)
            .into_iter()
            .chain(self.labelled.all(roles::READ))
            .map(|f| (f.value, f.key.clone(), f.place))
            .collect();
        for (value, key, place) in found {
            let dates = roles::dates(value);
            self.wrong_dates(&key, &dates);
            if !dates.days.is_empty() {
                self.key_fact(
                    "read",
                    dates.days.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                    &key,
                    place,
                );
            }
            started = started.or(dates.started);
            read.extend(dates.days);
        }
        read.sort_by_key(Moment::timestamp);
        read.dedup_by_key(|moment| moment.date());
        let date = self.one_date("date", roles::DATE);
        let date = date.or_else(|| {
            let date = self.from_path.date?;
            self.fact("date", date, "the file's path".to_owned());
            Some(date)
        });
        let date = date.or_else(|| self.published_date()).or_else(|| self.one_date("date", roles::CREATED));
        let date = date.or_else(|| {
            let last = read.last().copied()?;
            self.fact("date", last, "the day it was read".to_owned());
            Some(last)
        });
        (date, read, started)
    }

    /// `published: 2021-03-04` is the post's date, unless the header describes an edition.
    fn published_date(&mut self) -> Option<Moment> {
        if self.metadata.has(&["publisher", "pages", "isbn", "isbn13", "isbn10", "totalpage"]) {
            return None;
        }
        self.one_date("date", &["published", "publish"])
    }

    fn one_date(&mut self, what: &'static str, names: &[&str]) -> Option<Moment> {
        let found: Vec<_> = self
            .metadata
            .all(names)
            .into_iter()
            .chain(self.labelled.all(names))
            .map(|f| (f.value, f.key.clone(), f.place))
            .collect();
        for (value, key, place) in found {
            let dates = roles::dates(value);
            self.wrong_dates(&key, &dates);
            if let Some(moment) = dates.days.first() {
                self.key_fact(what, moment, &key, place);
                return Some(*moment);
            }
        }
        None
    }

    fn wrong_dates(&mut self, key: &str, dates: &roles::Dates) {
        for (text, place) in &dates.wrong {
            self.used.push(*place);
            self.warn(
                *place,
                format!("`{key}: {text}` is no date, so it is left out"),
                "write the date as year-month-day, such as 2024-12-04",
            );
        }
    }

    fn isbn(&mut self) -> Option<Isbn> {
        let found: Vec<_> = self
            .metadata
            .all(roles::ISBN)
            .into_iter()
            .chain(self.labelled.all(roles::ISBN))
            .map(|f| (f.value, f.key.clone(), f.place))
            .collect();
        for (value, key, place) in &found {
            if let Some(isbn) = roles::isbn(value) {
                self.key_fact("isbn", &isbn, key, *place);
                return Some(isbn);
            }
        }
        let isbn = self.from_path.isbn.clone()?;
        self.fact("isbn", &isbn, "the file's name".to_owned());
        Some(isbn)
    }

    fn year(&mut self) -> Option<i32> {
        let found: Vec<_> = self
            .metadata
            .all(roles::YEAR)
            .into_iter()
            .chain(self.labelled.all(roles::YEAR))
            .map(|f| (f.value, f.key.clone(), f.place))
            .collect();
        for (value, key, place) in found {
            let scalars = value.scalars();
            let Some(scalar) = scalars.first().filter(|scalar| scalar.flag().is_none()) else { continue };
            // The day of the post is not the year of the book.
            let is_post_date = matches!(key_name(&key).as_str(), "published" | "publish")
                && !self.metadata.has(&["publisher", "pages", "isbn", "isbn13", "isbn10", "totalpage"])
                && scalar.text.trim().len() > 6;
            if let (Some(year), false) = (roles::year(scalar), is_post_date) {
                self.key_fact("year", year, &key, place);
                return Some(year);
            }
        }
        None
    }

    fn pages(&mut self) -> Option<u32> {
        let (text, key, place) = self.text(roles::PAGES)?;
        let digits: String = text.trim().chars().take_while(char::is_ascii_digit).collect();
        let pages = digits.parse().ok().filter(|pages| (1..=100_000).contains(pages))?;
        self.key_fact("pages", pages, &key, place);
        Some(pages)
    }

    fn series(&mut self, in_title: Option<Series>) -> Option<Series> {
        let position = self
            .text(roles::SERIES_POSITION)
            .map(|(text, ..)| markup::plain(&text))
            .filter(|text| text.chars().count() <= 12 && text.contains(|c: char| c.is_ascii_digit()));
        let named = self
            .text(roles::SERIES)
            .filter(|(text, ..)| !matches!(text.trim(), "true" | "false" | "-" | "none" | "None" | "N/A"));
        let Some((text, key, place)) = named else { return in_title };
        let mut series = title::read_series(&text)?;
        series.position = position.or(series.position).or_else(|| in_title.and_then(|series| series.position));
        self.key_fact("series", &series.name, &key, place);
        Some(series)
    }

    fn cover(&mut self, file: &SourceFile<'_>) -> Option<crate::domain::Cover> {
        let own = self.cover_beside(file).filter(|name| name.to_lowercase().starts_with("cover."));
        // The picture in the folder is the one to be had, whatever became of the address.
        let named = roles::cover(&self.metadata, file.path)
            .filter(|(cover, ..)| own.is_none() || !cover.source.contains("://"));
        if let Some((cover, place, key)) = named {
            self.key_fact("cover", &cover.source, &key, place);
            return Some(cover);
        }
        let name = self.cover_beside(file)?;
        let folder = file.path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let source = format!("{folder}{name}");
        self.fact("cover", &source, "the picture beside the file".to_owned());
        let alt = self
            .metadata
            .text(roles::COVER_ALT)
            .map(|(_, scalar)| markup::plain(&scalar.text))
            .filter(|alt| !alt.is_empty());
        Some(crate::domain::Cover { source, alt })
    }

    /// `cover.jpg` of a page bundle, or a picture of the file's own name.
    fn cover_beside<'f>(&self, file: &SourceFile<'f>) -> Option<&'f str> {
        let own =
            file.path.rsplit('/').next().unwrap_or("").rsplit_once('.').map_or("", |(stem, _)| stem).to_lowercase();
        let lonely = file
            .siblings
            .iter()
            .filter(|name| name::is_candidate(name) && name::never_a_review(name).is_none())
            .count()
            <= 1;
        let bundle = self.from_path.bundle || (lonely && file.path.contains('/'));
        let pictures = file.siblings.iter().filter_map(|name| {
            let (stem, extension) = name.rsplit_once('.')?;
            let extension = extension.to_ascii_lowercase();
            matches!(extension.as_str(), "jpg" | "jpeg" | "png" | "webp" | "gif")
                .then(|| (stem.to_lowercase(), name.as_str()))
        });
        let rank = |stem: &str| match stem {
            stem if stem == own && own != "index" => Some(0),
            "cover" if bundle => Some(1),
            "folder" | "poster" | "featured" | "front" | "book" | "thumbnail" if bundle => Some(3),
            stem if bundle && (stem.ends_with("cover") || stem.starts_with("cover")) => Some(2),
            _ => None,
        };
        pictures.filter_map(|(stem, name)| Some((rank(&stem)?, name))).min().map(|(_, name)| name)
    }

    /// The reviewer's one line, and a publisher's blurb where the metadata holds one.
    fn summary(&mut self) -> (Option<String>, Option<String>) {
        let (mut summary, mut blurb) = (None, None);
        if let Some((text, key, place)) = self.text(roles::SUMMARY) {
            let plain = markup::plain(&text);
            self.key_fact("summary", &plain, &key, place);
            let own = plain.chars().count() <= SUMMARY_CHARS_MAX || !key_name(&key).ends_with("description");
            if own && plain.chars().count() <= 4 * SUMMARY_CHARS_MAX {
                summary = Some(plain)
            } else {
                blurb = Some(text)
            }
        }
        if let Some((text, key, place)) = self.text(roles::BLURB) {
            let plain = markup::plain(&text);
            self.key_fact("synopsis", &plain, &key, place);
            let short = plain.chars().count() <= SUMMARY_CHARS_MAX && key_name(&key) == "synopsis";
            if short && summary.is_none() { summary = Some(plain) } else { blurb = Some(text) }
        }
        let said = |text: &String| text.chars().any(char::is_alphanumeric);
        (summary.filter(said), blurb.map(|text| markup::without_tags(&text).trim().to_owned()).filter(said))
    }

    fn tags(&mut self) -> Vec<String> {
        let tags = {
            let found: Vec<&Found<'_>> =
                self.metadata.all(roles::TAGS).into_iter().chain(self.labelled.all(roles::TAGS)).collect();
            let places: Vec<Place> = found.iter().map(|found| found.place).collect();
            let tags = roles::tags(&found);
            self.used.extend(places);
            tags
        };
        if !tags.is_empty() {
            self.fact("tags", tags.join(", "), "the keys for tags and genres".to_owned());
        }
        tags
    }

    fn language(&mut self) -> Option<String> {
        let (found, scalar) = self.metadata.text(roles::LANGUAGE)?;
        let (key, place, text) = (found.key.clone(), scalar.place, scalar.text.clone());
        let language = roles::language(&text)?;
        self.key_fact("language", &language, &key, place);
        Some(language)
    }

    fn spoilers(&mut self) -> bool {
        let Some((text, key, place)) = self.text(roles::SPOILERS) else { return false };
        let spoilers = !matches!(
            key_name(&text).as_str(),
            "false"
                | "no"
                | "none"
                | "free"
                | "spoilerfree"
                | "0"
                | "off"
                | "n"
                | "nospoilers"
                | "na"
                | "minimal"
                | "hidden"
        );
        self.key_fact("spoilers", if spoilers { "yes" } else { "no" }, &key, place);
        spoilers
    }

    fn slug(&mut self) -> Slug {
        let written = self
            .metadata
            .text(roles::SLUG)
            .map(|(found, scalar)| (scalar.text.clone(), found.key.clone(), scalar.place));
        let permalink = self.metadata.text(roles::PERMALINK).and_then(|(found, scalar)| {
            let path = roles::address_path(&scalar.text).filter(|_| !scalar.text.starts_with("http"))?;
            Some((last_segment(&path)?, found.key.clone(), scalar.place))
        });
        match written.or(permalink) {
            Some((text, key, place)) => {
                let text = last_segment(&text).unwrap_or(text);
                let slug = Slug::from_text(&text);
                self.key_fact("slug", &slug, &key, place);
                slug
            }
            None => Slug::from_text(&self.from_path.slug),
        }
    }

    fn aliases(&mut self) -> Vec<String> {
        let mut aliases: Vec<String> = Vec::new();
        let found = self.metadata.all(roles::ALIASES);
        let permalinks = self.metadata.all(&["permalink", "url"]);
        for found in found.into_iter().chain(permalinks) {
            // An address of somebody else's site (`url:` of a shop) was never the review's.
            let own = !matches!(key_name(&found.key).as_str(), "url" | "permalink");
            for scalar in found.value.scalars() {
                let path = roles::address_path(&scalar.text).filter(|_| own || scalar.text.trim().starts_with('/'));
                if let Some(path) = path.filter(|path| !aliases.contains(path)) {
                    self.used.push(found.place);
                    aliases.push(path);
                }
            }
        }
        aliases
    }

    /// `id:` that is no ISBN and can stand in an address.
    fn id(&mut self) -> Option<String> {
        let (found, scalar) = self.metadata.text(&["id"])?;
        let (text, key, place) = (scalar.text.trim().to_owned(), found.key.clone(), scalar.place);
        if Isbn::parse(&text).is_some() {
            return None;
        }
        if ReviewId::parse(&text).is_none() {
            self.warn(
                place,
                format!("`id: {text}` cannot stand in an address, so it is not used"),
                "use 1 to 128 letters, digits, hyphens, underscores and dots",
            );
            return None;
        }
        self.key_fact("id", &text, &key, place);
        Some(text)
    }

    /// `reviewd_import:` with any value but no, or `import:` with a mapping or a yes.
    fn imported(&mut self) -> bool {
        let ours = self
            .metadata
            .find(&["reviewdimport"])
            .map(|found| (found.value.scalars().iter().all(|s| s.flag() != Some(false)), found.place));
        let import = self.metadata.find(&["import"]).map(|found| {
            let flagged = found.value.scalars().first().and_then(|scalar| scalar.flag()) == Some(true);
            (flagged || !found.value.maps().is_empty(), found.place)
        });
        let (imported, place) = ours.or(import).unwrap_or((false, Place::START));
        if imported {
            self.key_fact("imported", "yes", "import", place);
        }
        imported
    }

    fn replies_closed(&mut self) -> bool {
        let Some((text, key, place)) = self.text(&["replies"]) else { return false };
        let closed =
            matches!(key_name(&text).as_str(), "closed" | "close" | "no" | "false" | "off" | "none" | "disabled");
        self.key_fact("replies", if closed { "closed" } else { "open" }, &key, place);
        closed
    }

    /// Tells of keys that no role asked for.
    fn ignored(&mut self) {
        let others: Vec<Fact> = self
            .metadata
            .others(&self.used)
            .filter(|found| !found.value.is_empty())
            .map(|found| Fact {
                what: "ignored",
                value: String::new(),
                from: format!("`{}` on line {}", found.key, found.place.line),
            })
            .collect();
        self.facts.extend(others);
    }
}

fn last_segment(path: &str) -> Option<String> {
    let last = path.trim_end_matches('/').rsplit('/').next()?;
    let last = last.strip_suffix(".html").or_else(|| last.strip_suffix(".htm")).unwrap_or(last);
    (!last.is_empty() && !last.contains(':')).then(|| last.to_owned())
}

/// The words of a heading that opens a Markdown text.
fn format_heading(body: &str, format: Format) -> Option<&str> {
    let first = body.lines().next().filter(|_| matches!(format, Format::Markdown))?;
    let words = first.trim_start_matches('#');
    (words.len() < first.len() && words.starts_with(' ')).then(|| words.trim())
}

/// `{{< myrating rating="👍" >}}`, `{% include stars.html stars=5 %}`.
fn shortcode_rating(line: &str) -> Option<&str> {
    let start = line.find("{{<").or_else(|| line.find("{{%")).or_else(|| line.find("{% include"))?;
    let inner = &line[start..];
    let inner = &inner[..inner.find("%}").or_else(|| inner.find("}}"))?];
    if !(inner.contains("rating") || inner.contains("stars")) {
        return None;
    }
    let at = ["rating=", "stars=", "score="].iter().find_map(|key| inner.rfind(key).map(|at| at + key.len()));
    let value = match at {
        Some(at) => inner[at..].trim_start(),
        // `{{< rating 4 >}}`
        None => inner.split_once("rating").or_else(|| inner.split_once("stars"))?.1.trim_start(),
    };
    let value = match value.chars().next()? {
        quote @ ('"' | '\'') => value[1..].split(quote).next()?,
        _ => value.split([' ', '>', '%', '/']).next()?,
    };
    (!value.is_empty() && value.chars().count() <= 12).then_some(value)
}

/// The only line near the head of the text, or its last, that is nothing but stars.
fn starred_heading(words: &str) -> Option<Rating> {
    let is_starred = |line: &&str| {
        let text = line.trim().trim_start_matches('#').trim_matches(['*', '_', ' ']);
        text.contains(['★', '⭐', '🌟']) && rating::unmistakable(text).is_some()
    };
    let mut starred = words.lines().filter(|line| !line.trim().is_empty()).filter(is_starred);
    match (starred.next(), starred.next()) {
        (Some(line), None) => rating::unmistakable(line.trim().trim_start_matches('#').trim_matches(['*', '_', ' '])),
        _ => None,
    }
}
