//! A folder of invented reviews, the same bytes on every machine.

use std::fmt::Write;
use std::path::Path;

/// Writes `count` reviews of about `bytes` each, dated one a day backwards from the newest, number 0.
pub fn write_reviews(folder: &Path, count: usize, bytes: usize) {
    std::fs::create_dir_all(folder).unwrap();
    for number in 0..count {
        write_review(folder, number, bytes, "");
    }
}

/// Saves one review as an editor does, beside and then over the old one. `remark` is its first paragraph.
pub fn write_review(folder: &Path, number: usize, bytes: usize, remark: &str) {
    let beside = folder.join(format!(".{number}.tmp"));
    std::fs::write(&beside, review(number, bytes, remark)).unwrap();
    std::fs::rename(beside, folder.join(file_name(number))).unwrap();
}

pub fn file_name(number: usize) -> String {
    format!("review-{number:05}.md")
}

/// The title that only review `number` has.
pub fn title(number: usize) -> String {
    format!("The Book of {number:05} Leaves")
}

fn review(number: usize, bytes: usize, remark: &str) -> String {
    let mut chance = Chance(number as u64 + 1);
    let (day, month, year) = (28 - number % 28, 12 - number / 28 % 12, 2025 - number / 336);
    let mut text = format!(
        "---\ntitle: {title}\nauthor: {author} {surname}\nrating: {rating}/5\ndate: {year:04}-{month:02}-{day:02}\n\
         tags: [{tag}, novels]\n---\n\n{remark}\n\n",
        title = title(number),
        author = chance.word_capital(),
        surname = chance.word_capital(),
        rating = 1 + number % 5,
        tag = WORDS[number % 24],
    );
    while text.len() < bytes {
        paragraph(&mut text, &mut chance);
    }
    text
}

fn paragraph(text: &mut String, chance: &mut Chance) {
    for _ in 0..4 {
        let _ = write!(text, "{}", chance.word_capital());
        for _ in 0..12 {
            let word = chance.word();
            let _ = if chance.next(20) == 0 { write!(text, " *{word}*") } else { write!(text, " {word}") };
        }
        text.push_str(". ");
    }
    text.push_str("\n\n");
}

/// Numbers that look random and are the same every time (Knuth's MMIX generator).
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.next(WORDS.len() as u64) as usize]
    }

    fn word_capital(&mut self) -> String {
        let word = self.word();
        word[..1].to_uppercase() + &word[1..]
    }
}

const WORDS: [&str; 72] = [
    "history",
    "island",
    "winter",
    "garden",
    "letters",
    "family",
    "mystery",
    "science",
    "travel",
    "poetry",
    "essays",
    "memory",
    "ocean",
    "music",
    "painter",
    "railway",
    "kitchen",
    "library",
    "desert",
    "harbour",
    "mountain",
    "village",
    "teacher",
    "summer",
    "reader",
    "sentence",
    "chapter",
    "novel",
    "story",
    "voice",
    "page",
    "ending",
    "beginning",
    "writer",
    "plot",
    "scene",
    "slow",
    "bright",
    "careful",
    "quiet",
    "long",
    "honest",
    "strange",
    "tender",
    "dark",
    "funny",
    "and",
    "but",
    "with",
    "without",
    "against",
    "under",
    "after",
    "before",
    "because",
    "while",
    "the",
    "a",
    "every",
    "some",
    "turns",
    "holds",
    "keeps",
    "loses",
    "finds",
    "asks",
    "answers",
    "remembers",
    "forgets",
    "builds",
    "breaks",
    "waits",
];
