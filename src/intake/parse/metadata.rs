//! The keys of a header under the names people give them, found by role.

use super::front_matter::{Entry, Place, Scalar, Value, key_name};

/// Keys that only group others: `[extra]`, `params:`, `taxonomies`.
const TRANSPARENT: &[&str] = &[
    "params",
    "extra",
    "taxonomies",
    "meta",
    "metadata",
    "attributes",
    "properties",
    "frontmatter",
    "fields",
    "custom",
    "page",
    "data",
    "taxonomy",
];

/// Names for the work reviewed, whose keys describe it and not the post.
const WORK: &[&str] =
    &["book", "work", "item", "itemreviewed", "novel", "bookinfo", "bookdata", "bookdetails", "film", "movie"];

/// A key with the path that leads to it.
#[derive(Debug)]
pub struct Found<'a> {
    /// As written, with dots: `book.cover_image_url`.
    pub key: String,
    /// Compared by [`key_name`], with dots.
    name: String,
    pub place: Place,
    pub value: &'a Value,
}

/// All keys of a file, flattened.
#[derive(Debug, Default)]
pub struct Metadata<'a> {
    found: Vec<Found<'a>>,
}

impl<'a> Metadata<'a> {
    pub fn new(entries: &'a [Entry]) -> Self {
        let mut metadata = Self::default();
        metadata.add(entries, "", "");
        metadata
    }

    fn add(&mut self, entries: &'a [Entry], path: &str, name: &str) {
        for entry in entries {
            let key = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
            let mut own = key_name(&entry.key);
            if WORK.contains(&own.as_str()) && !entry.value.maps().is_empty() {
                own = "book".into();
            }
            let own = if name.is_empty() { own } else { format!("{name}.{own}") };
            match &entry.value {
                Value::Map(inner) => {
                    let name = if TRANSPARENT.contains(&own.as_str()) { "" } else { own.as_str() };
                    self.add(inner, &key, name);
                }
                // One book in a list of books is the book; several are not one review's business.
                Value::List(items) if matches!(own.as_str(), "books" | "works" | "book") => {
                    if let [Value::Map(inner)] = items.as_slice() {
                        self.add(inner, &key, "book");
                    }
                }
                Value::Scalar(_) | Value::List(_) => {}
            }
            self.found.push(Found { key, name: own, place: entry.place, value: &entry.value });
        }
    }

    /// The first of these names, in this order, that says something.
    pub fn find(&self, names: &[&str]) -> Option<&Found<'a>> {
        names.iter().find_map(|name| self.found.iter().find(|found| found.name == *name && !found.value.is_empty()))
    }

    /// All keys of these names that say something, in the order of the names.
    pub fn all(&self, names: &[&str]) -> Vec<&Found<'a>> {
        let mut all = Vec::new();
        for name in names {
            all.extend(self.found.iter().filter(|found| found.name == *name && !found.value.is_empty()));
        }
        all
    }

    /// The first of these names whose value is one text.
    pub fn text(&self, names: &[&str]) -> Option<(&Found<'a>, &'a Scalar)> {
        names.iter().find_map(|name| {
            let found = self.found.iter().find(|found| found.name == *name && !found.value.scalars().is_empty())?;
            found.value.scalars().first().map(|scalar| (found, *scalar))
        })
    }

    /// The first of these names that is a yes or a no.
    pub fn flag(&self, names: &[&str]) -> Option<(&Found<'a>, bool)> {
        names.iter().find_map(|name| {
            let found = self.found.iter().find(|found| found.name == *name && !found.value.is_empty())?;
            found.value.scalars().first().and_then(|scalar| scalar.flag()).map(|flag| (found, flag))
        })
    }

    /// The first of these names with a value that is neither a yes nor a no.
    pub fn unclear(&self, names: &[&str]) -> Option<(&Found<'a>, &'a Scalar)> {
        let found = self.found.iter().filter(|found| names.contains(&found.name.as_str()) && !found.value.is_empty());
        found
            .flat_map(|found| found.value.scalars().into_iter().map(move |scalar| (found, scalar)))
            .find(|(_, scalar)| scalar.flag().is_none())
    }

    /// Whether the key is there, even if empty.
    pub fn has(&self, names: &[&str]) -> bool {
        self.found.iter().any(|found| names.contains(&found.name.as_str()))
    }

    /// Leaves whose keys nobody asked for.
    pub fn others<'m>(&'m self, used: &'m [Place]) -> impl Iterator<Item = &'m Found<'a>> {
        let is_used = |found: &Found<'_>| {
            used.contains(&found.place) || found.value.scalars().iter().any(|scalar| used.contains(&scalar.place))
        };
        // Of a mapping that a role took as a whole (`cover:` with `image:` and `alt:`) the parts are no keys of their own.
        let taken: Vec<String> = self
            .found
            .iter()
            .filter(|found| used.contains(&found.place) && matches!(found.value, Value::Map(_)))
            .map(|found| format!("{}.", found.key))
            .collect();
        let is_part = move |found: &Found<'_>| taken.iter().any(|whole| found.key.starts_with(whole));
        self.found
            .iter()
            .filter(move |found| !is_used(found) && !is_part(found) && !matches!(found.value, Value::Map(_)))
    }
}
