//! Footnotes in HTML, as comrak, pandoc, kramdown, Hugo and Jekyll write them.

use std::collections::HashMap;

use scraper::{ElementRef, Html};

use super::element::has_class;
use super::{DEPTH_MAX, Flow, Page, Reader};

/// Which ids in the document are footnotes, in their order.
#[derive(Default)]
pub(super) struct NoteIds {
    /// Number by id.
    pub(super) ids: HashMap<String, usize>,
}

impl NoteIds {
    /// A list in an element of the class `footnotes`: what comrak, pandoc, kramdown, Hugo and Jekyll write.
    pub(super) fn find(html: &Html) -> Self {
        let mut ids = HashMap::new();
        for section in html.root_element().descendent_elements() {
            if !has_class(section, "footnotes") && section.attr("role") != Some("doc-endnotes") {
                continue;
            }
            for item in section.descendent_elements().filter(|element| element.value().name() == "li") {
                if let Some(id) = item.attr("id").filter(|id| id.starts_with("fn")) {
                    let number = ids.len() + 1;
                    ids.entry(id.to_owned()).or_insert(number);
                }
            }
            break;
        }
        Self { ids }
    }

    pub(super) fn by_id(&self, id: &str) -> Option<usize> {
        self.ids.get(id).copied()
    }

    pub(super) fn number(&self, href: &str) -> Option<usize> {
        if self.ids.is_empty() {
            return None;
        }
        let id = href.strip_prefix('#')?;
        self.by_id(id)
            .or_else(|| percent_encoding::percent_decode_str(id).decode_utf8().ok().and_then(|id| self.by_id(&id)))
    }

    pub(super) fn mark_in(&self, sup: ElementRef<'_>) -> Option<usize> {
        let mut links = sup.child_elements().filter(|child| child.value().name() == "a");
        links.next().and_then(|link| self.number(link.attr("href").unwrap_or_default()))
    }

    pub(super) fn is_list(&self, element: ElementRef<'_>) -> bool {
        !self.ids.is_empty() && (has_class(element, "footnotes") || element.attr("role") == Some("doc-endnotes"))
    }

    pub(super) fn is_back_link(element: ElementRef<'_>, href: &str) -> bool {
        href.starts_with("#fnref")
            || ["footnote-backref", "footnote-back", "reversefootnote"].iter().any(|class| has_class(element, class))
    }
}

impl Reader {
    /// Takes the notes out of their list; whatever else stands there stays in the text.
    fn footnotes(&mut self, element: ElementRef<'_>, page: &mut Page) {
        self.found.resize(self.notes.ids.len(), Vec::new());
        for child in element.child_elements() {
            let name = child.value().name();
            let number = child.attr("id").filter(|_| name == "li").and_then(|id| self.notes.by_id(id));
            match number {
                Some(number) => {
                    let blocks = self.flow_deeper(child, Flow::Paragraphs);
                    if let Some(note) = self.found.get_mut(number - 1) {
                        note.extend(blocks);
                    }
                }
                None if matches!(name, "ol" | "div" | "section") => self.footnotes_in(child, page),
                // The line above the notes, and their heading.
                None if matches!(name, "hr" | "h2" | "h3" | "h4") => {}
                None => self.element(child, page),
            }
        }
    }

    pub(super) fn footnotes_in(&mut self, element: ElementRef<'_>, page: &mut Page) {
        if self.depth < DEPTH_MAX {
            self.depth += 1;
            self.footnotes(element, page);
            self.depth -= 1;
        }
    }
}
