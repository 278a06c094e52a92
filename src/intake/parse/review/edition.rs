//! What describes the book beside title and authors: ISBN, year, pages, series, cover.

use super::Assembly;
use crate::{
    domain::{Cover, Isbn, Series},
    intake::parse::{SourceFile, cover, front_matter::key_name, keys, markup, name, title, values},
};

impl Assembly<'_> {
    pub(super) fn isbn(&mut self) -> Option<Isbn> {
        let found: Vec<_> = self
            .metadata
            .all(keys::ISBN)
            .into_iter()
            .chain(self.labelled.all(keys::ISBN))
            .map(|f| (f.value, f.key.clone(), f.place))
            .collect();
        for (value, key, place) in &found {
            if let Some(isbn) = values::isbn(value) {
                self.key_fact("isbn", &isbn, key, *place);
                return Some(isbn);
            }
        }
        let isbn = self.from_path.isbn.clone()?;
        self.fact("isbn", &isbn, "the file's name".to_owned());
        Some(isbn)
    }

    pub(super) fn year(&mut self) -> Option<i32> {
        let found: Vec<_> = self
            .metadata
            .all(keys::YEAR)
            .into_iter()
            .chain(self.labelled.all(keys::YEAR))
            .map(|f| (f.value, f.key.clone(), f.place))
            .collect();
        for (value, key, place) in found {
            let scalars = value.scalars();
            let Some(scalar) = scalars.first().filter(|scalar| scalar.flag().is_none()) else { continue };
            // The day of the post is not the year of the book.
            let is_post_date = matches!(key_name(&key).as_str(), "published" | "publish")
                && !self.metadata.has(&["publisher", "pages", "isbn", "isbn13", "isbn10", "totalpage"])
                && scalar.text.trim().len() > 6;
            if let (Some(year), false) = (values::year(scalar), is_post_date) {
                self.key_fact("year", year, &key, place);
                return Some(year);
            }
        }
        None
    }

    pub(super) fn pages(&mut self) -> Option<u32> {
        let (text, key, place) = self.text(keys::PAGES)?;
        let digits: String = text.trim().chars().take_while(char::is_ascii_digit).collect();
        let pages = digits.parse().ok().filter(|pages| (1..=100_000).contains(pages))?;
        self.key_fact("pages", pages, &key, place);
        Some(pages)
    }

    pub(super) fn publisher(&mut self) -> Option<String> {
        let (text, key, place) = self.text(keys::PUBLISHER)?;
        let publisher = markup::plain(&text);
        self.key_fact("publisher", &publisher, &key, place);
        Some(publisher)
    }

    pub(super) fn series(&mut self, in_title: Option<Series>) -> Option<Series> {
        let position = self
            .text(keys::SERIES_POSITION)
            .map(|(text, key, place)| (markup::plain(&text), key, place))
            .filter(|(text, ..)| text.chars().count() <= 12 && text.contains(|c: char| c.is_ascii_digit()));
        let position = position.map(|(text, key, place)| {
            self.key_fact("position in the series", &text, &key, place);
            text
        });
        let named = self
            .text(keys::SERIES)
            .filter(|(text, ..)| !matches!(text.trim(), "true" | "false" | "-" | "none" | "None" | "N/A"));
        let Some((text, key, place)) = named else { return in_title };
        let mut series = title::read_series(&text)?;
        series.position = position.or(series.position).or_else(|| in_title.and_then(|series| series.position));
        self.key_fact("series", &series.name, &key, place);
        Some(series)
    }

    pub(super) fn cover(&mut self, file: &SourceFile<'_>) -> Option<Cover> {
        let own = self.cover_beside(file).filter(|name| name.to_lowercase().starts_with("cover."));
        // The picture in the folder is the one to be had, whatever became of the address.
        let named = cover::named(&self.metadata, file.path)
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
            .text(keys::COVER_ALT)
            .map(|(_, scalar)| markup::plain(&scalar.text))
            .filter(|alt| !alt.is_empty());
        Some(Cover { source, alt })
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
}
