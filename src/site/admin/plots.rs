//! What a person would rather look at than read: followers, deliveries, waits, replies.

use super::{counted, date_of_day};
use crate::{
    domain::address::segment,
    site::plot::{Column, Plot, Stack, Table, columns_of, grouped, stacks_of, steps_of},
};

/// Bars in a list.
const BARS_MAX: usize = 12;

/// How deliveries ended: to one host, or on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Share {
    pub name: String,
    pub delivered: u64,
    /// Overtaken by something newer before they left.
    pub superseded: u64,
    pub refused: u64,
    pub given_up: u64,
}

/// The same with the day, since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Day {
    pub day: i64,
    pub share: Share,
}

/// A review with how many replies are shown, and how many wait or are hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TalkBar {
    pub title: String,
    pub path: Option<String>,
    pub shown: u64,
    pub unseen: u64,
}

impl Share {
    fn all(&self) -> u64 {
        self.delivered + self.superseded + self.refused + self.given_up
    }

    fn parts(&self) -> Vec<(&'static str, u64)> {
        vec![("well", self.delivered), ("late", self.superseded), ("ill", self.refused + self.given_up)]
    }

    fn in_words(&self) -> String {
        let parts = [
            (self.delivered, "delivered"),
            (self.superseded, "superseded"),
            (self.refused, "refused"),
            (self.given_up, "given up"),
        ];
        let said: Vec<String> =
            parts.iter().filter(|part| part.0 > 0).map(|(n, what)| format!("{} {what}", grouped(*n))).collect();
        if said.is_empty() { "nothing".to_owned() } else { said.join(", ") }
    }

    fn row(&self, name: String) -> Vec<String> {
        let figures = [self.delivered, self.superseded, self.refused, self.given_up];
        std::iter::once(name).chain(figures.map(grouped)).collect()
    }
}

const LEGEND: [(&str, &str); 3] = [("well", "delivered"), ("late", "superseded"), ("ill", "refused or given up")];

/// Followers over time; nothing where nobody ever followed. `points` are days since 1970 with the number from then on.
pub(super) fn followers(points: &[(i64, u64)], today: i64) -> Option<Plot> {
    let (_, last) = points.last().copied()?;
    let (most_on, most) = points.iter().copied().max_by_key(|(_, followers)| *followers)?;
    let peak = match most > last {
        true => format!(" The most were {} on {}.", grouped(most), date_of_day(most_on)),
        false => String::new(),
    };
    let month_ago = points.iter().rev().find(|(day, _)| *day <= today - 30).map_or(0, |(_, followers)| *followers);
    let gain = match last.cmp(&month_ago) {
        std::cmp::Ordering::Greater => format!(" {} more than 30 days ago.", grouped(last - month_ago)),
        std::cmp::Ordering::Less => format!(" {} fewer than 30 days ago.", grouped(month_ago - last)),
        std::cmp::Ordering::Equal => " As many as 30 days ago.".to_owned(),
    };
    let rows = points.iter().rev().map(|(day, followers)| vec![date_of_day(*day), grouped(*followers)]);
    Some(Plot {
        id: "followers-over-time",
        title: "Followers over time",
        says: format!("{} now.{gain}{peak}", counted(last, "follower")),
        table: Table { head: vec!["From", "Followers"], rows: rows.collect() },
        ..steps_of(points, today, date_of_day)
    })
}

/// Deliveries by the day they ended, the oldest first; nothing where none did.
pub(super) fn days(days: &[Day]) -> Option<Plot> {
    let all: u64 = days.iter().map(|day| day.share.all()).sum();
    let failed: u64 = days.iter().map(|day| day.share.refused + day.share.given_up).sum();
    if all == 0 {
        return None;
    }
    let columns = days.iter().map(|day| {
        let date = date_of_day(day.day);
        let label = date.rsplit_once(' ').map_or(date.as_str(), |(short, _)| short).to_owned();
        Stack { label, parts: day.share.parts(), tip: format!("{date}: {}", day.share.in_words()) }
    });
    let columns: Vec<Stack> = columns.collect();
    let failures = match failed {
        0 => "none failed".to_owned(),
        failed => format!("{} failed", grouped(failed)),
    };
    let rows = days.iter().rev().filter(|day| day.share.all() > 0).map(|day| day.share.row(date_of_day(day.day)));
    Some(Plot {
        id: "deliveries-by-day",
        title: "Deliveries by day",
        says: format!("{} ended in the last {} days; {failures}.", grouped(all), days.len()),
        legend: LEGEND.to_vec(),
        table: Table { head: vec!["Day", "Delivered", "Superseded", "Refused", "Given up"], rows: rows.collect() },
        ..stacks_of(&columns)
    })
}

/// How long it took until a server had what was published; nothing where nothing was delivered.
pub(super) fn waits(waits: &[(&'static str, u64)]) -> Option<Plot> {
    let all: u64 = waits.iter().map(|(_, count)| count).sum();
    let most = waits.iter().rev().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > 0)?;
    let label = |words: &str| match words {
        "2 seconds" => "2 s".to_owned(),
        "10 seconds" => "10 s".to_owned(),
        "a minute" => "1 min".to_owned(),
        "10 minutes" => "10 min".to_owned(),
        "an hour" => "1 h".to_owned(),
        "a day" => "1 d".to_owned(),
        other => other.to_owned(),
    };
    let columns = waits.iter().map(|(words, count)| Column {
        label: label(words),
        value: *count,
        tip: format!("{}: {}", within(words), grouped(*count)),
    });
    let rows = waits.iter().map(|(words, count)| vec![within(words), grouped(*count)]);
    let share = most.1 * 100 / all.max(1);
    let says = match most.0 {
        "longer" => format!("{share} of 100 deliveries took longer than a day."),
        words => {
            format!("Most often ({share} of 100) it took up to {words} from the review to the server that has it.")
        }
    };
    Some(Plot {
        id: "waits",
        title: "How soon they have it",
        says,
        table: Table { head: vec!["Delivered", "Deliveries"], rows: rows.collect() },
        ..columns_of(&columns.collect::<Vec<_>>())
    })
}

fn within(words: &str) -> String {
    if words == "longer" { "longer".to_owned() } else { format!("within {words}") }
}

/// A name with a bar of several parts, each of so many hundredths.
pub(super) struct PartedBar {
    pub name: String,
    pub path: Option<String>,
    /// Class, where it begins, how long it is.
    pub parts: Vec<(&'static str, u64, u64)>,
    pub figure: String,
    pub tip: String,
}

/// Hosts with the most deliveries.
pub(super) fn host_bars(shares: &[Share]) -> Vec<PartedBar> {
    let mut shares: Vec<&Share> = shares.iter().filter(|share| share.all() > 0).collect();
    shares.sort_by(|a, b| b.all().cmp(&a.all()).then_with(|| a.name.cmp(&b.name)));
    let most = shares.first().map_or(0, |share| share.all());
    let bar = |share: &&Share| PartedBar {
        name: share.name.clone(),
        path: Some(format!("/admin/deliveries?host={}", segment(&share.name))),
        parts: parted(&share.parts(), most),
        figure: grouped(share.all()),
        tip: share.in_words(),
    };
    shares.iter().take(BARS_MAX).map(bar).collect()
}

pub(super) fn talk_bars(talk: &[TalkBar]) -> Vec<PartedBar> {
    let most = talk.iter().map(|one| one.shown + one.unseen).max().unwrap_or(0);
    let bar = |one: &TalkBar| PartedBar {
        name: one.title.clone(),
        path: one.path.clone(),
        parts: parted(&[("well", one.shown), ("late", one.unseen)], most),
        figure: grouped(one.shown + one.unseen),
        tip: format!("{} shown, {} waiting or hidden", grouped(one.shown), grouped(one.unseen)),
    };
    talk.iter().take(BARS_MAX).map(bar).collect()
}

/// Where the parts of a bar begin and how long they are, of a hundred for the most.
fn parted(parts: &[(&'static str, u64)], most: u64) -> Vec<(&'static str, u64, u64)> {
    let mut begin = 0;
    let mut laid = Vec::new();
    for (class, value) in parts.iter().filter(|(_, value)| *value > 0) {
        let length = (value * 100 / most.max(1)).max(1);
        laid.push((*class, begin, length));
        begin += length;
    }
    laid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn followers_are_compared_with_a_month_ago_and_with_the_most_there_were() {
        let plot = followers(&[(100, 3), (150, 9), (190, 7)], 200).unwrap();
        assert_eq!(plot.says, "7 followers now. 2 fewer than 30 days ago. The most were 9 on 31 May 1970.");
        assert_eq!(followers(&[(199, 1)], 200).unwrap().says, "1 follower now. 1 more than 30 days ago.");
        assert!(followers(&[], 200).is_none());
    }

    #[test]
    fn a_day_says_what_became_of_its_deliveries() {
        let share = Share { delivered: 1200, given_up: 2, ..Share::default() };
        let plot = days(&[Day { day: 0, share: Share::default() }, Day { day: 1, share }]).unwrap();
        assert_eq!(plot.says, "1,202 ended in the last 2 days; 2 failed.");
        assert!(plot.marks.iter().any(|mark| mark.tip == "2 Jan 1970: 1,200 delivered, 2 given up"));
        assert_eq!(plot.table.rows.len(), 1, "a day without any is in no table");
        assert!(days(&[Day::default()]).is_none());
    }

    #[test]
    fn waits_say_which_is_usual() {
        let plot = waits(&[("2 seconds", 3), ("a minute", 1), ("longer", 0)]).unwrap();
        assert!(plot.says.starts_with("Most often (75 of 100) it took up to 2 seconds"), "{}", plot.says);
        let labels: Vec<_> =
            plot.letters.iter().filter(|one| one.class.is_empty()).map(|one| one.text.clone()).collect();
        assert_eq!(labels, ["2 s", "1 min", "longer"]);
        assert!(waits(&[("2 seconds", 0)]).is_none());
    }

    #[test]
    fn the_smallest_part_of_a_bar_is_seen() {
        assert_eq!(parted(&[("well", 1000), ("late", 0), ("ill", 1)], 2000), [("well", 0, 50), ("ill", 50, 1)]);
    }
}
