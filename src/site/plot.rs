//! Plots as numbers become shapes: columns, steps, a calendar. A template writes them out as SVG; the style sheet colours them.
//!
//! Numbers stand at their marks, so there is no axis to read off, and all of them stand in a table below as well.

use std::fmt;

/// Width of every plot, in its own units; the same everywhere, so that its letters have one size on a page.
pub(super) const WIDTH: f32 = 480.0;
/// Height of the tallest column, and of the lines of letters above and below.
const COLUMN_HEIGHT: f32 = 150.0;
pub(super) const LETTERS_HEIGHT: f32 = 24.0;
/// Width of a figure as set, in the plot's units, to see whether a number fits over its column.
const DIGIT_WIDTH: f32 = 9.0;

/// A picture of numbers, with the words that say the same.
#[derive(Default)]
pub(super) struct Plot {
    /// Unique on its page.
    pub id: &'static str,
    pub title: &'static str,
    /// What it shows, in a sentence or two.
    pub says: String,
    pub height: Units,
    pub marks: Vec<Mark>,
    pub lines: Vec<Line>,
    pub letters: Vec<Letters>,
    /// What the colours mean, where there are several: a class and its words.
    pub legend: Vec<(&'static str, &'static str)>,
    pub table: Table,
}

/// A rectangle.
pub(super) struct Mark {
    pub x: Units,
    pub y: Units,
    pub width: Units,
    pub height: Units,
    /// `mark`, `shade-3`.
    pub class: String,
    /// Shown by browsers under a resting pointer.
    pub tip: String,
}

/// A path, in the language of SVG.
pub(super) struct Line {
    pub class: &'static str,
    pub path: String,
}

/// A word or number in a plot, set around or to the end of its place.
pub(super) struct Letters {
    pub x: Units,
    pub y: Units,
    pub class: String,
    pub text: String,
}

/// The numbers again, for whoever wants them as such.
#[derive(Default)]
pub(super) struct Table {
    pub head: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

/// A length with a tenth of a unit at most, which is what is seen and keeps pages small.
#[derive(Clone, Copy, Default)]
pub(super) struct Units(pub f32);

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", (self.0 * 10.0).round() / 10.0)
    }
}

/// One column: its label, what it counts, and the sentence of its tip.
pub(super) struct Column {
    pub label: String,
    pub value: u64,
    pub tip: String,
}

/// One column of several parts, from the bottom up, each with its class.
pub(super) struct Stack {
    pub label: String,
    pub parts: Vec<(&'static str, u64)>,
    pub tip: String,
}

/// `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Columns side by side, their labels below, their numbers above where there is room.
pub(super) fn columns_of(columns: &[Column]) -> Plot {
    let stack = |column: &Column| Stack {
        label: column.label.clone(),
        parts: vec![("mark", column.value)],
        tip: column.tip.clone(),
    };
    stacks_of(&columns.iter().map(stack).collect::<Vec<_>>())
}

/// The same with columns of several parts; the number above is their sum.
pub(super) fn stacks_of(columns: &[Stack]) -> Plot {
    let step = WIDTH / columns.len().max(1) as f32;
    let sum = |column: &Stack| column.parts.iter().map(|(_, value)| value).sum::<u64>();
    let most = columns.iter().map(sum).max().unwrap_or(0).max(1) as f32;
    // A label needs its width and some air; where it has less, every second, fourth … one is left.
    let widest = columns.iter().map(|column| column.label.chars().count()).max().unwrap_or(1) as f32;
    let mut every = 1_usize;
    while (step * every as f32) < widest * DIGIT_WIDTH + 6.0 && every < columns.len() {
        every *= 2;
    }
    let base = LETTERS_HEIGHT + COLUMN_HEIGHT;
    let (mut marks, mut letters) = (Vec::new(), Vec::new());
    for (at, column) in columns.iter().enumerate() {
        let (left, all) = (at as f32 * step, sum(column));
        let width = (step * 0.74).min(44.0);
        let mut top = base;
        for (class, value) in column.parts.iter().filter(|(_, value)| *value > 0 || column.parts.len() == 1) {
            // Something is never shown as nothing.
            let height = if *value > 0 { (*value as f32 / most * COLUMN_HEIGHT).max(2.0) } else { 0.0 };
            top -= height;
            marks.push(Mark {
                x: Units(left + (step - width) / 2.0),
                y: Units(top),
                width: Units(width),
                height: Units(height),
                class: (*class).to_owned(),
                tip: column.tip.clone(),
            });
        }
        let number = grouped(all);
        if all > 0 && number.chars().count() as f32 * DIGIT_WIDTH <= step + 2.0 {
            letters.push(Letters::new(left + step / 2.0, top - 7.0, "soft", &number));
        }
        // The newest, or highest, is always named.
        if (columns.len() - 1 - at).is_multiple_of(every) {
            let half = column.label.chars().count() as f32 * DIGIT_WIDTH / 2.0;
            let middle = (left + step / 2.0).clamp(half.min(WIDTH / 2.0), (WIDTH - half).max(WIDTH / 2.0));
            letters.push(Letters::new(middle, base + 18.0, "", &column.label));
        }
    }
    marks.push(Mark::base(base));
    Plot { height: Units(base + LETTERS_HEIGHT), marks, letters, ..Plot::default() }
}

/// A number that stays until it changes, from the first moment to `end`: a line of steps over its area, with the last number
/// and the highest written at them. `points` are in order; `when` says a moment in words.
pub(super) fn steps_of(points: &[(i64, u64)], end: i64, when: impl Fn(i64) -> String) -> Plot {
    let Some((start, _)) = points.first().copied() else { return Plot::default() };
    let right = WIDTH - 44.0;
    let most = points.iter().map(|(_, value)| *value).max().unwrap_or(0).max(1) as f32;
    let base = LETTERS_HEIGHT + COLUMN_HEIGHT;
    let span = (end - start).max(1) as f32;
    let x = |moment: i64| Units((moment - start) as f32 / span * right);
    let y = |value: u64| Units(base - value as f32 / most * COLUMN_HEIGHT);
    let mut path = String::new();
    for (at, (moment, value)) in points.iter().enumerate() {
        match at {
            0 => path.push_str(&format!("M0 {}", y(*value))),
            _ => path.push_str(&format!("H{}V{}", x(*moment), y(*value))),
        }
    }
    path.push_str(&format!("H{}", Units(right)));
    let area = Line { class: "area", path: format!("{path}V{}H0Z", Units(base)) };
    let line = Line { class: "line", path };
    let last = points.last().map_or(0, |(_, value)| *value);
    let mut letters = vec![Letters::new(right + 6.0, y(last).0 + 5.0, "to-start", &grouped(last))];
    let (first, now) = (when(start), when(end));
    letters.push(Letters::new(0.0, base + 18.0, "to-start", &first));
    if first != now {
        letters.push(Letters::new(right, base + 18.0, "to-end", &now));
    }
    let height = Units(base + LETTERS_HEIGHT);
    Plot { height, marks: vec![Mark::base(base)], lines: vec![area, line], letters, ..Plot::default() }
}

impl Mark {
    /// The line that everything stands on.
    fn base(y: f32) -> Self {
        let (x, width, height) = (Units(0.0), Units(WIDTH), Units(1.0));
        Self { x, y: Units(y), width, height, class: "base".to_owned(), tip: String::new() }
    }
}

impl Letters {
    pub fn new(x: f32, y: f32, class: &str, text: &str) -> Self {
        Self { x: Units(x), y: Units(y), class: class.to_owned(), text: text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_set_as_people_write_them() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_number_keeps_its_height_until_it_changes() {
        let plot = steps_of(&[(0, 1), (5, 4), (8, 2)], 10, |day| format!("day {day}"));
        assert_eq!(plot.lines[1].path, "M0 136.5H218V24H348.8V99H436");
        assert!(plot.lines[0].path.starts_with(&plot.lines[1].path) && plot.lines[0].path.ends_with("V174H0Z"));
        let words: Vec<&str> = plot.letters.iter().map(|one| one.text.as_str()).collect();
        assert_eq!(words, ["2", "day 0", "day 10"]);
        assert!(steps_of(&[], 10, |day| day.to_string()).lines.is_empty());
    }

    #[test]
    fn the_parts_of_a_column_stand_on_one_another() {
        let parts = vec![("well", 6), ("late", 0), ("ill", 3)];
        let plot = stacks_of(&[Stack { label: "Mon".to_owned(), parts, tip: String::new() }]);
        let drawn: Vec<_> = plot.marks.iter().map(|mark| (mark.class.as_str(), mark.y.0, mark.height.0)).collect();
        assert_eq!(drawn, [("well", 74.0, 100.0), ("ill", 24.0, 50.0), ("base", 174.0, 1.0)]);
    }

    #[test]
    fn a_hundred_columns_keep_their_labels_apart() {
        let column = |at: u64| Column { label: format!("{}", 1900 + at), value: at, tip: String::new() };
        for count in [1, 12, 29, 100] {
            let plot = columns_of(&(0..count).map(column).collect::<Vec<_>>());
            let mut labels: Vec<f32> =
                plot.letters.iter().filter(|letters| letters.class.is_empty()).map(|letters| letters.x.0).collect();
            labels.sort_by(f32::total_cmp);
            assert!(labels.windows(2).all(|pair| pair[1] - pair[0] >= 4.0 * DIGIT_WIDTH), "{count}: {labels:?}");
            assert!(labels.iter().all(|x| (2.0 * DIGIT_WIDTH..=WIDTH - 2.0 * DIGIT_WIDTH).contains(x)), "{count}");
            assert!(plot.marks.iter().all(|mark| mark.x.0 >= 0.0 && mark.x.0 + mark.width.0 <= WIDTH), "{count}");
        }
    }
}
