//! What describes the post: summary, tags, addresses, and whether and how it may be shown.

use super::Assembly;
use crate::{
    domain::{Comment, Isbn, Rating, ReviewId, Slug},
    intake::parse::{
        front_matter::{Entry, Place, Value, key_name},
        keys, markup,
        metadata::Found,
        values,
    },
};

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

impl Assembly<'_> {
    /// The reviewer's one line, and a publisher's blurb where the metadata holds one.
    pub(super) fn summary(&mut self) -> (Option<String>, Option<String>) {
        let (mut summary, mut blurb) = (None, None);
        if let Some((text, key, place)) = self.text(keys::SUMMARY) {
            let plain = markup::plain(&text);
            self.key_fact("summary", &plain, &key, place);
            let own = plain.chars().count() <= SUMMARY_CHARS_MAX || !key_name(&key).ends_with("description");
            if own && plain.chars().count() <= 4 * SUMMARY_CHARS_MAX {
                summary = Some(plain)
            } else {
                blurb = Some(text)
            }
        }
        if let Some((text, key, place)) = self.text(keys::BLURB) {
            let plain = markup::plain(&text);
            self.key_fact("synopsis", &plain, &key, place);
            let short = plain.chars().count() <= SUMMARY_CHARS_MAX && key_name(&key) == "synopsis";
            if short && summary.is_none() { summary = Some(plain) } else { blurb = Some(text) }
        }
        let said = |text: &String| text.chars().any(char::is_alphanumeric);
        (summary.filter(said), blurb.map(|text| markup::without_tags(&text).trim().to_owned()).filter(said))
    }

    pub(super) fn tags(&mut self) -> Vec<String> {
        let tags = {
            let found: Vec<&Found<'_>> =
                self.metadata.all(keys::TAGS).into_iter().chain(self.labelled.all(keys::TAGS)).collect();
            let places: Vec<Place> = found.iter().map(|found| found.place).collect();
            let tags = values::tags(&found);
            self.used.extend(places);
            tags
        };
        if !tags.is_empty() {
            self.fact("tags", tags.join(", "), "the keys for tags and genres".to_owned());
        }
        tags
    }

    pub(super) fn language(&mut self) -> Option<String> {
        let (found, scalar) = self.metadata.text(keys::LANGUAGE)?;
        let (key, place, text) = (found.key.clone(), scalar.place, scalar.text.clone());
        let language = values::language(&text)?;
        self.key_fact("language", &language, &key, place);
        Some(language)
    }

    pub(super) fn slug(&mut self) -> Slug {
        let written = self
            .metadata
            .text(keys::SLUG)
            .map(|(found, scalar)| (scalar.text.clone(), found.key.clone(), scalar.place));
        let permalink = self.metadata.text(keys::PERMALINK).and_then(|(found, scalar)| {
            let path = values::address_path(&scalar.text).filter(|_| !scalar.text.starts_with("http"))?;
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

    pub(super) fn aliases(&mut self) -> Vec<String> {
        let mut aliases: Vec<String> = Vec::new();
        let found = self.metadata.all(keys::ALIASES);
        let permalinks = self.metadata.all(&["permalink", "url"]);
        for found in found.into_iter().chain(permalinks) {
            // An address of somebody else's site (`url:` of a shop) was never the review's.
            let own = !matches!(key_name(&found.key).as_str(), "url" | "permalink");
            for scalar in found.value.scalars() {
                let path = values::address_path(&scalar.text).filter(|_| own || scalar.text.trim().starts_with('/'));
                if let Some(path) = path.filter(|path| !aliases.contains(path)) {
                    self.used.push(found.place);
                    aliases.push(path);
                }
            }
        }
        aliases
    }

    /// `id:` that is no ISBN and can stand in an address.
    pub(super) fn id(&mut self) -> Option<String> {
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

    pub(super) fn spoilers(&mut self) -> bool {
        let Some((text, key, place)) = self.text(keys::SPOILERS) else { return false };
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

    pub(super) fn draft(&mut self) -> bool {
        let flagged = self
            .metadata
            .flag(keys::DRAFT_FLAGS)
            .filter(|(_, flag)| *flag)
            .map(|(found, _)| (found.key.clone(), found.place));
        // `published: 2016` is a year; only a written no holds a review back.
        let shown = self.metadata.all(keys::SHOWN_FLAGS).into_iter().find(|found| {
            found
                .value
                .scalars()
                .first()
                .is_some_and(|scalar| scalar.flag() == Some(false) && scalar.text.trim() != "0")
        });
        let shown = shown.map(|found| (found.key.clone(), found.place));
        let status =
            self.metadata.all(keys::STATUS).into_iter().chain(self.labelled.all(&["status", "draft"])).find(|found| {
                found.value.scalars().iter().any(|scalar| DRAFT_STATUS.contains(&key_name(&scalar.text).as_str()))
            });
        let status = status.map(|found| (found.key.clone(), found.place));
        let labelled =
            self.labelled.flag(&["draft"]).filter(|(_, flag)| *flag).map(|(found, _)| (found.key.clone(), found.place));
        let tagged = self.metadata.all(&["tags", "tag", "categories", "category", "type"]).into_iter().find(|found| {
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
    pub(super) fn unread(&self, body: &str, rating: Option<&Rating>) -> Option<String> {
        if !body.trim().is_empty() || rating.is_some() {
            return None;
        }
        let found = self.find(keys::STATUS)?;
        let status = found.value.scalars().first().map(|scalar| scalar.text.trim().to_owned())?;
        UNREAD_STATUS
            .contains(&key_name(&status).as_str())
            .then(|| format!("a book not yet read (status: {status}), not a review"))
    }

    /// `reviewd_import:` with any value but no, or `import:` with a mapping or a yes.
    pub(super) fn imported(&mut self) -> bool {
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

    /// `comments:`, a list of mappings; `comments: true` of a blog engine is another matter.
    pub(super) fn comments(&mut self) -> Vec<Comment> {
        let Some(found) = self.metadata.find(keys::COMMENTS) else { return Vec::new() };
        let (key, place) = (found.key.clone(), found.place);
        let comment = |entries: &[Entry]| {
            let text = |names: &[&str]| {
                let entry = entries.iter().find(|entry| names.contains(&key_name(&entry.key).as_str()))?;
                entry.value.scalars().first().map(|scalar| scalar.text.trim().to_owned())
            };
            Some(Comment {
                name: text(&["name", "author"])
                    .filter(|name| !name.is_empty())
                    .unwrap_or_else(|| "Somebody".to_owned()),
                date: text(&["date"]).and_then(|date| date.parse().ok()),
                text: text(&["text", "comment", "content", "body"]).filter(|words| !words.is_empty())?,
            })
        };
        let maps: Vec<&[Entry]> = match found.value {
            Value::List(_) => found.value.maps(),
            Value::Scalar(_) | Value::Map(_) => Vec::new(),
        };
        let comments: Vec<Comment> = maps.into_iter().filter_map(comment).collect();
        if !comments.is_empty() {
            self.key_fact("comments", &comments.len().to_string(), &key, place);
        }
        comments
    }

    pub(super) fn replies_closed(&mut self) -> bool {
        let Some((text, key, place)) = self.text(&["replies"]) else { return false };
        let closed =
            matches!(key_name(&text).as_str(), "closed" | "close" | "no" | "false" | "off" | "none" | "disabled");
        self.key_fact("replies", if closed { "closed" } else { "open" }, &key, place);
        closed
    }
}

fn last_segment(path: &str) -> Option<String> {
    let last = path.trim_end_matches('/').rsplit('/').next()?;
    let last = last.strip_suffix(".html").or_else(|| last.strip_suffix(".htm")).unwrap_or(last);
    (!last.is_empty() && !last.contains(':')).then(|| last.to_owned())
}
