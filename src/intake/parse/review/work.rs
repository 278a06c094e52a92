//! Which work the review is about: its title and authors, and the post's own title.

use super::Assembly;
use crate::{
    domain::{Rating, Series},
    intake::parse::{
        Context,
        front_matter::Place,
        keys, markup, people,
        sheet::Heading,
        title::{self, Titled},
    },
};

/// Title and authors of the work, and the post's own title.
pub(super) struct Work {
    pub(super) title: String,
    pub(super) authors: Vec<String>,
    pub(super) headline: Option<String>,
    pub(super) series: Option<Series>,
    pub(super) rating: Option<Rating>,
}

impl Assembly<'_> {
    /// Title and authors: the work's own keys, else the post's title with its "by" line, else heading, else file name.
    pub(super) fn work(&mut self, context: &Context<'_>, heading: Option<&Heading>) -> Work {
        let work_authors = self.authors_of(keys::WORK_AUTHOR, context);
        let written = self.authors_of(keys::AUTHOR, context);
        let known: Vec<String> = work_authors.iter().chain(&written).cloned().collect();
        let own_title = self.text(keys::WORK_TITLE);
        let labelled_title = self
            .labelled
            .text(keys::POST_TITLE)
            .map(|(found, scalar)| (scalar.text.clone(), found.key.clone(), scalar.place));
        let post_title = self
            .metadata
            .text(keys::POST_TITLE)
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
        if titled.title.is_empty() {
            titled = self.title_from_name(None);
        }
        let mut authors = if work_authors.is_empty() { written } else { work_authors };
        // A title that names another author says that `author` is who wrote the post.
        let named_otherwise = !titled.authors.is_empty()
            && own_title.is_none()
            && !titled.authors.iter().any(|name| authors.iter().any(|have| people::same(have, name)));
        if named_otherwise && (authors.is_empty() || self.find(keys::WORK_AUTHOR).is_none()) {
            authors = std::mem::take(&mut titled.authors);
            for fact in self.facts.iter_mut().filter(|fact| fact.what == "authors") {
                fact.what = "reviewer";
            }
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

    pub(super) fn is_title_of(&self, heading: &str, work: &Work) -> bool {
        let read = title::read(heading, &work.authors);
        title::same(&read.title, &work.title)
            || work.headline.as_ref().is_some_and(|headline| title::same(&read.title, headline))
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

    fn title_from_name(&mut self, heading: Option<&Heading>) -> Titled {
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
        if titled.title.is_empty() {
            titled.title = self.path.rsplit('/').next().unwrap_or(self.path).to_owned();
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
        let first_name = context.reviewer_name.split_once(' ').map_or("", |(first, _)| first);
        let is_reviewer = |name: &String| {
            [context.reviewer_name, context.reviewer_handle, first_name].iter().any(|own| people::same(name, own))
        };
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

    fn authors_elsewhere(&mut self, titled: &mut Titled, heading: Option<&Heading>) -> Vec<String> {
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
}
