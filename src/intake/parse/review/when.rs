//! The dates: of the post, of each reading, of the last change.

use super::Assembly;
use crate::{
    domain::Moment,
    intake::parse::{keys, values},
};

impl Assembly<'_> {
    pub(super) fn dates(&mut self) -> (Option<Moment>, Vec<Moment>, Option<Moment>) {
        let mut read = Vec::new();
        let mut started = self.one_date("started", keys::STARTED);
        let found: Vec<_> = self
            .metadata
            .all(keys::READ)
            .into_iter()
            .chain(self.labelled.all(keys::READ))
            .map(|f| (f.value, f.key.clone(), f.place))
            .collect();
        for (value, key, place) in found {
            let dates = values::dates(value);
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
        let date = self.one_date("date", keys::DATE);
        let date = date.or_else(|| {
            let date = self.from_path.date?;
            self.fact("date", date, "the file's path".to_owned());
            Some(date)
        });
        let date = date.or_else(|| self.published_date()).or_else(|| self.one_date("date", keys::CREATED));
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

    pub(super) fn one_date(&mut self, what: &'static str, names: &[&str]) -> Option<Moment> {
        let found: Vec<_> = self
            .metadata
            .all(names)
            .into_iter()
            .chain(self.labelled.all(names))
            .map(|f| (f.value, f.key.clone(), f.place))
            .collect();
        for (value, key, place) in found {
            let dates = values::dates(value);
            self.wrong_dates(&key, &dates);
            if let Some(moment) = dates.days.first() {
                self.key_fact(what, moment, &key, place);
                return Some(*moment);
            }
        }
        None
    }

    fn wrong_dates(&mut self, key: &str, dates: &values::Dates) {
        for (text, place) in &dates.wrong {
            self.used.push(*place);
            self.warn(
                *place,
                format!("`{key}: {text}` is no date, so it is left out"),
                "write the date as year-month-day, such as 2024-12-04",
            );
        }
    }
}
