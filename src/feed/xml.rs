//! XML written from clean, escaped parts into memory, which cannot fail.

use quick_xml::escape::{escape, partial_escape};

use super::{clean, line};

/// A document in the making. Whoever opens an element closes it.
pub struct Xml(String);

impl Xml {
    /// Begins with the declaration and the style sheet for people who open the document in a browser.
    pub fn new() -> Self {
        Self(format!("{DECLARATION}{STYLE_SHEET}"))
    }

    /// Begins with the declaration alone.
    pub fn bare() -> Self {
        Self(DECLARATION.to_owned())
    }

    pub fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes, ">");
    }

    pub fn close(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    /// An element without content.
    pub fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes, "/>");
    }

    /// An element that holds a text in one line.
    pub fn text(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.open(name, attributes);
        self.0.push_str(&partial_escape(line(text)));
        self.close(name);
    }

    /// An element that holds a text with its line ends, which mean something in `<pre>`.
    pub fn lines(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.open(name, attributes);
        self.0.push_str(&partial_escape(clean(text)));
        self.close(name);
    }

    pub fn finish(self) -> String {
        self.0
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)], end: &str) {
        self.0.push('<');
        self.0.push_str(name);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            self.0.push_str(&escape(line(value)));
            self.0.push('"');
        }
        self.0.push_str(end);
    }
}

/// As the crate `rss` writes it.
pub const DECLARATION: &str = r#"<?xml version="1.0" encoding="utf-8"?>"#;

pub const STYLE_SHEET: &str = r#"<?xml-stylesheet type="text/css" href="/feed.css"?>"#;
