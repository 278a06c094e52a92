//! From the parts of a file to a review: each role from the place that knows it best, with a note of where.

mod edition;
mod post;
mod rated;
mod when;
mod work;

use super::{
    Context, Fact, Parsed, Reading, SourceFile, body,
    front_matter::{Entry, Place, key_name},
    hashtags, keys,
    metadata::{Found, Metadata},
    name::{self, FromPath},
    sheet::{self, Sheet},
    title,
};
use crate::domain::{Book, Format, Problem, Review, Text};

/// Why a file of a whole site or vault is left alone.
const NOT_TOLD: &str =
    "nothing says that it is a review: no author, rating or ISBN, no tag `review`, no directory `reviews`";

/// Words by which tags, categories and layouts say that a text reviews a book.
const REVIEW_WORDS: &[&str] = &[
    "review",
    "reviews",
    "bookreview",
    "bookreviews",
    "book",
    "books",
    "reading",
    "bookshelf",
    "booknotes",
    "rezension",
    "rezensionen",
    "buch",
    "bücher",
    "critique",
    "livre",
    "livres",
    "lecture",
    "reseña",
    "reseñas",
    "libro",
    "libros",
    "recensione",
    "libri",
    "recensie",
    "recension",
];

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

/// Makes the review, or says why there is none.
pub fn assemble(file: &SourceFile<'_>, context: &Context<'_>, mut sheet: Sheet) -> Parsed {
    let entries = std::mem::take(&mut sheet.entries);
    let labelled = std::mem::take(&mut sheet.labelled);
    let mut assembly = Assembly::new(file.path, &entries, &labelled);
    assembly.problems.append(&mut sheet.warnings);
    for note in std::mem::take(&mut sheet.notes) {
        assembly.fact("form", note, "the file".to_owned());
    }
    if let Some(why) = assembly.no_review(&sheet) {
        return Parsed { reading: Reading::Skipped(why), problems: Vec::new(), facts: assembly.facts };
    }
    let review = assembly.review(file, context, sheet);
    let review = review.and_then(|review| match context.among_others && !assembly.is_told_to_be_one(&review) {
        true => Err(NOT_TOLD.to_owned()),
        false => Ok(review),
    });
    let unclear = sheet::unclear_draft(file, &assembly.metadata);
    assembly.used.extend(assembly.metadata.unclear(keys::DRAFT).map(|(_, scalar)| scalar.place));
    assembly.ignored();
    let (problems, facts) = (assembly.problems, assembly.facts);
    match review {
        Ok(review)
            if !review.draft
                && let Some(problem) = unclear =>
        {
            Parsed { reading: Reading::Withheld, problems: vec![problem], facts }
        }
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
            [keys::WORK_TITLE, keys::WORK_AUTHOR, keys::RATING, keys::ISBN]
                .iter()
                .any(|names| metadata.find(names).is_some_and(|found| key_name(&found.key) != "id"))
        };
        let is_described = described(&self.metadata) || described(&self.labelled);
        let has_author = self.metadata.find(keys::AUTHOR).is_some() || self.labelled.find(keys::AUTHOR).is_some();
        if name::is_page(self.path) && !is_described && !has_author {
            return Some("a page of the site, not a review".to_owned());
        }
        if self.metadata.find(&["inreplyto"]).is_some() && !is_described {
            return Some("a reply, not a review; reviewd sends it from the folder `replies/`".to_owned());
        }
        let titled = self.metadata.find(keys::POST_TITLE).is_some() || sheet.heading.is_some();
        let nothing = sheet.body.trim().is_empty() && !is_described && !has_author && !titled;
        nothing.then(|| "a file that names no book and says nothing".to_owned())
    }

    /// Whether anything says that the file reviews a work, and is not just a text among others.
    fn is_told_to_be_one(&self, review: &Review) -> bool {
        let book = &review.book;
        let is_described = !book.authors.is_empty()
            || book.isbn.is_some()
            || book.series.is_some()
            || review.rating.is_some()
            || !review.read.is_empty()
            || self.find(keys::WORK_TITLE).is_some()
            || self.find(keys::RATING).is_some();
        let says = |text: &str| REVIEW_WORDS.contains(&key_name(text).as_str());
        let kinds = self.metadata.all(&["type", "layout", "kind", "posttype", "collection", "template", "category"]);
        let post_title = self.text(keys::POST_TITLE).map(|(text, ..)| text.to_lowercase()).unwrap_or_default();
        is_described
            || name::is_on_a_shelf(self.path)
            || review.tags.iter().any(|tag| says(tag))
            || kinds.iter().any(|found| {
                found.value.scalars().iter().any(|scalar| says(scalar.text.split('.').next().unwrap_or_default()))
            })
            || post_title.split(|c: char| !c.is_alphanumeric()).any(|word| word == "review")
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
        let Sheet { body: mut text, synopsis, format, words, words_line, heading, .. } = sheet;
        let work = self.work(context, heading.as_ref());
        // The heading above the text was the title; where the title is another it belongs to the text again.
        if let Some(heading) = heading.filter(|heading| heading.certain)
            && !self.is_title_of(&heading.text, &work)
            && !matches!(format, Format::Html)
        {
            text = format!("# {}\n\n{text}", heading.text);
        }
        if format_heading(&text, format).is_some_and(|first| title::same(first, &work.title)) {
            text = text.split_once('\n').map_or(String::new(), |(_, rest)| body::trimmed(rest));
        }
        let own_words = self.text(keys::OWN_WORDS).filter(|(own, ..)| own.contains(' ') && text.trim().is_empty());
        if let Some((own, key, place)) = own_words {
            self.key_fact("body", "the review", &key, place);
            text = own.trim().to_owned();
        }
        let hashed = match hashtags::taken(&text).filter(|_| !matches!(format, Format::Html)) {
            Some((tags, rest)) => {
                text = body::trimmed(&rest);
                tags
            }
            None => Vec::new(),
        };
        let rating = self.rating(&words, words_line, work.rating.clone(), context);
        let draft = self.draft();
        if let Some(why) = self.unread(&text, rating.as_ref()) {
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
            publisher: self.publisher(),
            title: work.title,
            authors: work.authors,
        };
        Ok(Review {
            book,
            headline: work.headline,
            rating,
            body: Text::new(format, text),
            synopsis,
            summary,
            date,
            updated: self.one_date("updated", keys::UPDATED),
            read,
            started,
            tags: self.tags(&hashed),
            language: self.language(),
            spoilers: self.spoilers(),
            draft,
            slug: self.slug(),
            aliases: self.aliases(),
            id: self.id(),
            imported: self.imported(),
            replies_closed: self.replies_closed(),
            comments: self.comments(),
        })
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

/// The words of a heading that opens a Markdown text.
fn format_heading(body: &str, format: Format) -> Option<&str> {
    let first = body.lines().next().filter(|_| matches!(format, Format::Markdown))?;
    let words = first.trim_start_matches('#');
    (words.len() < first.len() && words.starts_with(' ')).then(|| words.trim())
}
