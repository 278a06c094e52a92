//! Where settings come from: the file, the environment and the command line, laid over one another with their places.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use toml::de::{DeTable, DeValue};

use super::value::{Refusal, Value};
use crate::domain::Problem;

/// `REVIEWD_SITE__ORIGIN` sets `[site] origin`.
const ENVIRONMENT_PREFIX: &str = "REVIEWD_";

/// Sections of this version.
pub const SECTIONS: &[&str] = &[
    "site",
    "reviewer",
    "store",
    "publish",
    "replies",
    "delivery",
    "feeds",
    "websub",
    "control",
    "federation",
    "notify",
    "metrics",
    "admin",
    "log",
    "tls",
];

/// Where a setting was written, and what its relative paths are relative to.
#[derive(Debug, Clone)]
pub struct Place {
    pub file: String,
    /// Counted from 1; 0 outside files.
    pub line: u32,
    pub column: u32,
    pub base: PathBuf,
}

/// One setting as written, with the places of its key and of its value.
#[derive(Debug, Clone)]
pub struct Setting {
    pub value: Value,
    pub key_place: Place,
    pub place: Place,
}

type Settings = BTreeMap<String, Setting>;

/// Everything that was set, by section; nothing checked yet.
#[derive(Debug, Default)]
pub struct Sources {
    pub sections: BTreeMap<String, (Place, Settings)>,
    pub reviewers: Vec<(Place, Settings)>,
    pub problems: Vec<Problem>,
}

/// The settings of one section, asked for key by key; what was never asked for is unknown.
pub struct Section {
    name: &'static str,
    place: Place,
    settings: Settings,
    known: Vec<&'static str>,
    pub problems: Vec<Problem>,
}

impl Place {
    fn new(file: impl Into<String>, base: &Path) -> Self {
        Self { file: file.into(), line: 1, column: 1, base: base.to_owned() }
    }

    fn outside_files(name: String, base: &Path) -> Self {
        Self { line: 0, ..Self::new(name, base) }
    }

    /// For what nobody wrote.
    pub fn nowhere() -> Self {
        Self::new("settings", Path::new("/"))
    }

    /// From the environment or the command line: a file has lines, these have not.
    pub fn is_outside_files(&self) -> bool {
        self.line == 0
    }

    pub fn problem(&self, message: impl Into<String>, cure: impl Into<String>) -> Problem {
        Problem::error(self.file.clone(), message, cure).at(self.line.max(1), self.column)
    }

    /// The same file at a byte of its text.
    fn at_byte(&self, text: &str, byte: usize) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let count = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
        Self {
            line: count(before.matches('\n').count()),
            column: count(before[line_start..].chars().count()),
            ..self.clone()
        }
    }
}

impl Sources {
    /// Reads a settings file; a file that is no TOML is a problem with its place.
    pub fn add_file(&mut self, file: &Path, text: &str) {
        let base = file.parent().unwrap_or(Path::new("/"));
        let place = Place::new(file.display().to_string(), base);
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let at = place.at_byte(text, error.span().map_or(0, |span| span.start));
            self.problems.push(at.problem(error.message().to_owned(), "see https://toml.io for how TOML is written"));
        }
        if !self.problems.is_empty() {
            return;
        }
        for (key, value) in table.get_ref() {
            let at = place.at_byte(text, key.span().start);
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("reviewer", DeValue::Array(entries)) => {
                    for entry in entries {
                        let at = place.at_byte(text, entry.span().start);
                        match entry.get_ref().as_table() {
                            Some(table) => self.reviewers.push((at.clone(), settings(table, &place, text))),
                            None => self.problems.push(at.problem("a reviewer is a table", "write [[reviewer]]")),
                        }
                    }
                }
                ("reviewer", DeValue::Table(table)) => self.reviewers.push((at, settings(table, &place, text))),
                (name, DeValue::Table(table)) => {
                    self.sections.insert(name.to_owned(), (at, settings(table, &place, text)));
                }
                (name, _) => self.problems.push(at.problem(
                    format!("`{name}` stands outside every section"),
                    format!("write it below its section, such as [site]{}", suggestion(name, &["reviewer"])),
                )),
            }
        }
    }

    /// Lays `REVIEWD_SECTION__KEY` over the file. `REVIEWD_SECTION_KEY` would be a mistake that nobody notices.
    pub fn add_environment(&mut self, environment: &BTreeMap<String, String>, cwd: &Path) {
        for (name, value) in environment {
            let Some(rest) = name.strip_prefix(ENVIRONMENT_PREFIX) else { continue };
            let place = Place::outside_files(format!("environment {name}"), cwd);
            if let Some((section, key)) = rest.split_once("__") {
                self.set(&section.to_lowercase(), &key.to_lowercase(), value, place);
            } else if let Some((section, key)) = rest.split_once('_')
                && SECTIONS.contains(&section.to_lowercase().as_str())
            {
                let cure =
                    format!("write two underscores between section and key: {ENVIRONMENT_PREFIX}{section}__{key}");
                self.problems.push(place.problem("this name sets nothing", cure));
            }
        }
    }

    /// Lays a command-line option over everything else.
    pub fn add_option(&mut self, section: &str, key: &str, option: &str, value: Option<&str>, cwd: &Path) {
        if let Some(value) = value {
            self.set(section, key, value, Place::outside_files(format!("option {option}"), cwd));
        }
    }

    pub fn section(&mut self, name: &'static str) -> Section {
        let (place, settings) = self.sections.remove(name).unwrap_or_else(|| (Place::nowhere(), Settings::new()));
        Section::new(name, place, settings)
    }

    fn set(&mut self, section: &str, key: &str, value: &str, place: Place) {
        let setting = Setting { value: Value::Loose(value.to_owned()), key_place: place.clone(), place: place.clone() };
        if section == "reviewer" {
            match self.reviewers.as_mut_slice() {
                [] => self.reviewers.push((place, Settings::from([(key.to_owned(), setting)]))),
                [(_, only)] => {
                    only.insert(key.to_owned(), setting);
                }
                [_, _, ..] => self.problems.push(place.problem(
                    "there are several reviewers, and this does not say which is meant",
                    "set it in the settings file, below its [[reviewer]]",
                )),
            }
        } else {
            let (_, settings) = self.sections.entry(section.to_owned()).or_insert_with(|| (place, Settings::new()));
            settings.insert(key.to_owned(), setting);
        }
    }
}

impl Section {
    pub fn new(name: &'static str, place: Place, settings: Settings) -> Self {
        Self { name, place, settings, known: Vec::new(), problems: Vec::new() }
    }

    /// Where the section begins.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Reads a key into its type; `None` where it is not set, or wrong (which is then among the problems).
    ///
    /// `example` completes "write KEY = ".
    pub fn read<T>(
        &mut self,
        key: &'static str,
        example: &str,
        parse: impl FnOnce(&Value) -> Result<T, Refusal>,
    ) -> Option<T> {
        self.read_at(key, example, |value, _| parse(value)).map(|(value, _)| value)
    }

    /// Like [`Section::read`] for what depends on where it was written: paths.
    pub fn read_at<T>(
        &mut self,
        key: &'static str,
        example: &str,
        parse: impl FnOnce(&Value, &Path) -> Result<T, Refusal>,
    ) -> Option<(T, Place)> {
        self.known.push(key);
        let setting = self.settings.remove(key)?;
        match parse(&setting.value, &setting.place.base) {
            Ok(value) => Some((value, setting.place)),
            Err(refusal) => {
                let cure = format!("write {key} = {example}");
                let message = format!("[{}] {key}: {refusal}", self.name);
                self.problems.push(setting.place.problem(message, cure));
                None
            }
        }
    }

    /// A key that has to be there and is not.
    pub fn missing(&mut self, key: &'static str, example: &str) {
        let message = format!("[{}] {key} is missing", self.name);
        self.problems.push(self.place.problem(message, format!("write {key} = {example}")));
    }

    /// The problems of this section; every key that nobody asked for is one.
    pub fn finish(mut self) -> Vec<Problem> {
        for (key, setting) in &self.settings {
            let message = format!("[{}] has no key `{key}`", self.name);
            let cure = format!("known keys are {}{}", self.known.join(", "), suggestion(key, &self.known));
            self.problems.push(setting.key_place.problem(message, cure));
        }
        self.problems
    }
}

/// "; did you mean `origin`?" where something known is near.
pub fn suggestion(word: &str, known: &[&str]) -> String {
    /// Jaro-Winkler: below this two words have little in common.
    const LIKENESS_LEAST: f64 = 0.8;
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS_LEAST)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| format!("; did you mean `{candidate}`?"))
        .unwrap_or_default()
}

fn settings(table: &DeTable<'_>, place: &Place, text: &str) -> Settings {
    table
        .iter()
        .map(|(key, value)| {
            let setting = Setting {
                value: plain(value.get_ref()),
                key_place: place.at_byte(text, key.span().start),
                place: place.at_byte(text, value.span().start),
            };
            (key.get_ref().to_string(), setting)
        })
        .collect()
}

fn plain(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Number(f64::INFINITY), Value::Whole)
        }
        DeValue::Float(number) => Value::Number(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(bool) => Value::Bool(*bool),
        DeValue::Datetime(_) => Value::Date,
        DeValue::Array(values) => Value::List(values.iter().map(|value| plain(value.get_ref())).collect()),
        DeValue::Table(table) => {
            Value::Table(table.iter().map(|(k, v)| (k.get_ref().to_string(), plain(v.get_ref()))).collect())
        }
    }
}
