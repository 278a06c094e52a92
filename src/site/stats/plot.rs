//! The plots of a shelf: a calendar, ratings, pages, decades.

use super::{
    super::plot::{Column, LETTERS_HEIGHT, Letters, Mark, Plot, Table, Units, WIDTH, columns_of, grouped},
    count::{Decade, Stars, Year},
};

/// Shades of a calendar's months, the empty one not counted; the style sheet has a class for each.
pub(super) const SHADES: u64 = 5;
/// Years that a calendar shows; older ones are in the table.
const CALENDAR_YEARS_MAX: usize = 40;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Reviews by month, a line for each year, the newest first.
pub(super) fn calendar(years: &[Year]) -> Plot {
    let (left, right, row, gap) = (46.0, 40.0, 27.0, 3.0);
    let cell = (WIDTH - left - right) / 12.0;
    let most = years.iter().flat_map(|year| year.months).max().unwrap_or(0) as u64;
    let (mut marks, mut letters) = (Vec::new(), Vec::new());
    for (month, x) in MONTHS.iter().zip(0_u8..) {
        let middle = left + (f32::from(x) + 0.5) * cell;
        letters.push(Letters::new(middle, 15.0, "", month.get(..1).unwrap_or_default()));
    }
    for (year, line) in years.iter().take(CALENDAR_YEARS_MAX).zip(0_u8..) {
        let y = LETTERS_HEIGHT + f32::from(line) * row;
        letters.push(Letters::new(left - 10.0, y + 18.0, "to-end", &year.year.to_string()));
        letters.push(Letters::new(WIDTH - 4.0, y + 18.0, "to-end soft", &year.reviews.to_string()));
        for ((reviews, name), at) in year.months.iter().zip(MONTHS).zip(0_u8..) {
            let (x, shade) = (left + f32::from(at) * cell, shade(*reviews as u64, most));
            marks.push(Mark {
                x: Units(x + gap / 2.0),
                y: Units(y),
                width: Units(cell - gap),
                height: Units(row - gap),
                class: format!("shade-{shade}"),
                tip: format!("{name} {}: {}", year.year, reviews_in_words(*reviews)),
            });
            if *reviews > 0 {
                let class = if shade > 3 { "on-dark" } else { "" };
                letters.push(Letters::new(x + cell / 2.0, y + 17.5, class, &reviews.to_string()));
            }
        }
    }
    let shown = years.len().min(CALENDAR_YEARS_MAX);
    let head = std::iter::once("Year").chain(MONTHS.map(|month| month.get(..3).unwrap_or(month))).chain(["All"]);
    let rows = years.iter().map(|year| {
        let months = year.months.iter().map(ToString::to_string);
        std::iter::once(year.year.to_string()).chain(months).chain([year.reviews.to_string()]).collect()
    });
    Plot {
        id: "months",
        title: "Month by month",
        says: busiest(years),
        height: Units(LETTERS_HEIGHT + shown as f32 * row),
        marks,
        letters,
        table: Table { head: head.collect(), rows: rows.collect() },
        ..Plot::default()
    }
}

/// Reviews by month of one year.
pub(super) fn months(year: &Year) -> Plot {
    let columns = year.months.iter().zip(MONTHS).map(|(reviews, name)| Column {
        label: name.get(..1).unwrap_or_default().to_owned(),
        value: *reviews as u64,
        tip: format!("{name}: {}", reviews_in_words(*reviews)),
    });
    let rows = MONTHS.iter().zip(year.months).map(|(name, reviews)| vec![(*name).to_owned(), reviews.to_string()]);
    Plot {
        id: "months",
        title: "Month by month",
        says: busiest(std::slice::from_ref(year)),
        table: Table { head: vec!["Month", "Reviews"], rows: rows.collect() },
        ..columns_of(&columns.collect::<Vec<_>>())
    }
}

/// Ratings from half a star to five; nothing where there is none.
pub(super) fn ratings(stars: &[Stars], average: Option<f64>) -> Option<Plot> {
    let shown: Vec<&Stars> = stars.iter().filter(|one| one.stars > 0.0 || one.reviews > 0).collect();
    let most = shown.iter().rev().max_by_key(|one| one.reviews).filter(|one| one.reviews > 0)?;
    let columns = shown.iter().map(|one| Column {
        label: halves(one.stars),
        value: one.reviews as u64,
        tip: format!("{}: {}", stars_in_words(one.stars), reviews_in_words(one.reviews)),
    });
    let average = average.map(|average| format!("{average} of 5 stars on average. ")).unwrap_or_default();
    let is_alone = shown.iter().filter(|one| one.reviews == most.reviews).count() == 1;
    let frequent = match is_alone {
        true => {
            format!("The most frequent rating is {} ({}).", stars_in_words(most.stars), reviews_in_words(most.reviews))
        }
        false => String::new(),
    };
    let says = format!("{average}{frequent}").trim_end().to_owned();
    let rows = shown.iter().rev().map(|one| vec![stars_in_words(one.stars), one.reviews.to_string()]);
    Some(Plot {
        id: "ratings",
        title: "Stars",
        says,
        table: Table { head: vec!["Rating", "Reviews"], rows: rows.collect() },
        ..columns_of(&columns.collect::<Vec<_>>())
    })
}

/// Pages of the books by year, or by month of one year; nothing where none are known.
pub(super) fn pages(years: &[Year], of_one_year: bool, says: String) -> Option<Plot> {
    if years.iter().all(|year| year.pages == 0) {
        return None;
    }
    let in_words = |pages: u64| format!("{} pages", grouped(pages));
    let columns: Vec<Column> = match years {
        [year] if of_one_year => {
            let months = year.pages_by_month.iter().zip(MONTHS);
            months
                .map(|(pages, name)| Column {
                    label: name.get(..1).unwrap_or_default().to_owned(),
                    value: *pages,
                    tip: format!("{name}: {}", in_words(*pages)),
                })
                .collect()
        }
        years => years
            .iter()
            .rev()
            .map(|year| Column {
                label: year.year.to_string(),
                value: year.pages,
                tip: format!("{}: {}", year.year, in_words(year.pages)),
            })
            .collect(),
    };
    let rows = columns.iter().map(|column| {
        let (when, pages) = column.tip.split_once(": ").unwrap_or((&column.label, ""));
        vec![when.to_owned(), pages.trim_end_matches(" pages").to_owned()]
    });
    let head = vec![if of_one_year { "Month" } else { "Year" }, "Pages"];
    let table = Table { head, rows: rows.collect() };
    Some(Plot { id: "pages", title: "Pages", says, table, ..columns_of(&columns) })
}

/// When the books appeared; nothing where that is not known.
pub(super) fn decades(decades: &[Decade]) -> Option<Plot> {
    let (first, last) = (decades.first()?, decades.last()?);
    let columns: Vec<Column> = decades
        .iter()
        .map(|decade| Column {
            label: decade_in_words(decade.decade),
            value: decade.reviews as u64,
            tip: format!("{}: {}", decade_in_words(decade.decade), reviews_in_words(decade.reviews)),
        })
        .collect();
    let known: usize = decades.iter().map(|decade| decade.reviews).sum();
    let says = match first.decade == last.decade {
        true => {
            format!("The books of {} appeared in the {}.", reviews_in_words(known), decade_in_words(first.decade))
        }
        false => format!(
            "The books of {} appeared between the {} and the {}.",
            reviews_in_words(known),
            decade_in_words(first.decade),
            decade_in_words(last.decade)
        ),
    };
    let rows = columns.iter().filter(|column| column.value > 0);
    let rows = rows.map(|column| vec![column.label.clone(), column.value.to_string()]).collect();
    let table = Table { head: vec!["Decade", "Reviews"], rows };
    Some(Plot { id: "decades", title: "When the books appeared", says, table, ..columns_of(&columns) })
}

/// `1 review`, `12 reviews`.
pub(super) fn reviews_in_words(reviews: usize) -> String {
    if reviews == 1 { "1 review".to_owned() } else { format!("{} reviews", grouped(reviews as u64)) }
}

/// `½`, `1`, `1½`.
fn halves(stars: f64) -> String {
    let whole = stars.trunc();
    match (whole > 0.0, stars > whole) {
        (true, true) => format!("{whole}½"),
        (false, true) => "½".to_owned(),
        (_, false) => format!("{whole}"),
    }
}

fn stars_in_words(stars: f64) -> String {
    if stars > 0.0 && stars <= 1.0 { format!("{} star", halves(stars)) } else { format!("{} stars", halves(stars)) }
}

/// `1960s`, `590s BC`.
fn decade_in_words(decade: i32) -> String {
    if decade < 0 { format!("{}s BC", -(decade + 9) / 10 * 10) } else { format!("{decade}s") }
}

fn shade(value: u64, most: u64) -> u64 {
    (value * SHADES).div_ceil(most.max(1)).min(SHADES)
}

/// The month with the most reviews; of several the newest.
fn busiest(years: &[Year]) -> String {
    let months = years.iter().flat_map(|year| year.months.iter().zip(MONTHS).rev().map(move |month| (year, month)));
    let most = months.rev().max_by_key(|(_, (reviews, _))| **reviews).filter(|(_, (reviews, _))| **reviews > 0);
    most.map_or_else(String::new, |(year, (reviews, month))| {
        format!("The most in a month were {} in {month} {}.", reviews_in_words(*reviews), year.year)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_decades_are_set_as_people_write_them() {
        assert_eq!([0.0, 0.5, 1.0, 3.5].map(stars_in_words), ["0 stars", "½ star", "1 star", "3½ stars"]);
        assert_eq!([1960, 0, -10, -600].map(decade_in_words), ["1960s", "0s", "0s BC", "590s BC"]);
    }

    #[test]
    fn a_month_with_something_is_never_shaded_like_one_with_nothing() {
        assert_eq!([0, 1, 50, 100].map(|value| shade(value, 100)), [0, 1, 3, 5]);
        assert_eq!(shade(0, 0), 0);
        assert_eq!(shade(1, 1), 5);
    }
}
