//! What must be true when everything has come to rest.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use reviewd::{
    backup::Backup,
    store::{DeliveryRow, StoredActivity},
};

use super::{
    Story,
    sink::Arrival,
    site::{PATIENCE, UNDER_WAY_MAX},
};
use crate::world::handle;

/// Between two looks whether everything has come to rest.
const PAUSE: Duration = Duration::from_millis(50);
/// More than a story ever has.
const ROWS_MAX: i64 = 1_000_000;

impl Story {
    /// Waits until everything is told, and compares everybody's memory.
    pub async fn check(&mut self) {
        self.site.ready().await;
        let (rows, activities) = self.rest().await;
        let wanted: BTreeMap<String, String> = self.files.values().cloned().collect();
        let shown = self.site.feed().await;
        assert_eq!(shown.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "the feed is not the folder");
        for (title, words) in &wanted {
            assert!(shown[title].contains(words), "the feed tells an older text of {title}: {}", shown[title]);
        }
        let arrivals = self.sink.arrivals();
        check_bytes(&arrivals, &activities);
        let repeats = check_repeats(&arrivals);
        println!("seed {}: {} activities arrived, {repeats} again after a kill", self.seed, arrivals.len());
        let mut by_inbox: HashMap<&str, Vec<&DeliveryRow>> = HashMap::new();
        for row in &rows {
            assert!(matches!(row.state.as_str(), "delivered" | "superseded"), "{row:#?}");
            by_inbox.entry(&row.inbox).or_default().push(row);
        }
        for (inbox, rows) in by_inbox {
            let came: Vec<&Arrival> = arrivals.iter().filter(|arrival| arrival.inbox == inbox).collect();
            check_inbox(inbox, &came, &rows);
        }
        self.check_likes().await;
        let last = self.site.command(&["backup", "last.tar.gz"]).status().await.unwrap();
        assert!(last.success());
        Backup::open(&self.site.home().join("last.tar.gz")).unwrap();
        let left: Vec<_> = std::fs::read_dir(self.site.home().join("data")).unwrap().flatten().collect();
        let left: Vec<_> = left.iter().map(|entry| entry.file_name().into_string().unwrap()).collect();
        assert!(!left.iter().any(|name| name.starts_with(".backup-")), "a kill left something behind: {left:?}");
    }

    /// Every delivery and every activity, once the last text of each file was told and nothing is due.
    async fn rest(&self) -> (Vec<DeliveryRow>, Vec<StoredActivity>) {
        let began = Instant::now();
        let store = self.site.store().await;
        loop {
            let rows = store.deliveries(None, ROWS_MAX).await.unwrap();
            let activities = store.activities(&handle("ana")).await.unwrap();
            let unrest = self.unrest(&store, &rows, &activities).await;
            let Some(unrest) = unrest else {
                store.close().await;
                return (rows, activities);
            };
            assert!(began.elapsed() < PATIENCE, "it does not come to rest: {unrest}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What is still to be done.
    async fn unrest(
        &self,
        store: &reviewd::store::Store,
        rows: &[DeliveryRow],
        activities: &[StoredActivity],
    ) -> Option<String> {
        if let Some(row) = rows.iter().find(|row| row.state == "due") {
            return Some(format!("{row:?}"));
        }
        let ledger = store.ledger(&handle("ana")).await.unwrap();
        let last = |id: &str| activities.iter().rev().find(|one| one.object.ends_with(&format!("/reviews/{id}")));
        for (file, (_, words)) in &self.files {
            let entry = ledger.iter().find(|entry| entry.answers() && &entry.file == file);
            let told = entry.and_then(|entry| last(entry.id.as_str()));
            if !told.is_some_and(|told| String::from_utf8_lossy(&told.body).contains(words.as_str())) {
                return Some(format!("{file} was not told with {words}"));
            }
        }
        let gone = ledger.iter().filter(|entry| !entry.answers() || !self.files.contains_key(&entry.file));
        for entry in gone {
            if last(entry.id.as_str()).is_none_or(|told| told.kind != "Delete") {
                return Some(format!("{} is gone, and no Delete was told", entry.file));
            }
        }
        None
    }

    async fn check_likes(&self) {
        let now = self.chance.now() + Duration::from_secs(3600);
        let store = self.site.store().await;
        let began = Instant::now();
        while !store.due_received(now, 1).await.unwrap().is_empty() {
            assert!(began.elapsed() < PATIENCE, "the inbox is not worked through");
            tokio::time::sleep(PAUSE).await;
        }
        store.close().await;
        let liked: HashSet<&String> = self.likes.posted.iter().map(|(_, note)| note).collect();
        for note in liked {
            let path = note.strip_prefix(&self.site.origin).unwrap();
            let likes = self.site.get(&format!("{path}/likes")).await;
            if likes["type"] == "Tombstone" || likes.is_null() {
                continue;
            }
            let count = likes["totalItems"].as_u64().unwrap_or_else(|| panic!("{path}/likes: {likes}"));
            let of = |likes: &std::collections::BTreeSet<(String, String)>| {
                likes.iter().filter(|(_, liked)| liked == note).count() as u64
            };
            let (least, most) = (of(&self.likes.taken), of(&self.likes.posted));
            assert!((least..=most).contains(&count), "{note}: {count} likes, and {least} to {most} were sent");
        }
    }
}

/// An id always stands for the same bytes, at every inbox and at each repetition, and they are those on the disk.
fn check_bytes(arrivals: &[Arrival], activities: &[StoredActivity]) {
    let mut known: HashMap<&str, &[u8]> = activities.iter().map(|one| (one.id.as_str(), one.body.as_slice())).collect();
    for arrival in arrivals {
        let first = known.entry(&arrival.id).or_insert(&arrival.body);
        assert!(*first == arrival.body, "{} came with other bytes", arrival.id);
    }
}

/// Of each life only what was under way at its end is repeated; how much that was.
fn check_repeats(arrivals: &[Arrival]) -> usize {
    let (mut seen, mut repeats) = (HashMap::new(), HashMap::new());
    for arrival in arrivals {
        if let Some(before) = seen.insert((&arrival.inbox, &arrival.id), arrival.life) {
            *repeats.entry(before).or_insert(0) += 1;
        }
    }
    for (life, repeats) in &repeats {
        assert!(*repeats <= UNDER_WAY_MAX, "{repeats} deliveries of life {life} were made again");
    }
    repeats.values().sum()
}

fn check_inbox(inbox: &str, came: &[&Arrival], rows: &[&DeliveryRow]) {
    let story = || came.iter().map(|one| format!("life {}: {} {}\n", one.life, one.kind, one.id)).collect::<String>();
    let mut once: Vec<&Arrival> = Vec::new();
    for arrival in came {
        match once.last() {
            Some(last) if last.id == arrival.id => {
                assert!(last.life < arrival.life, "{inbox}: {} came twice in one life\n{}", arrival.id, story());
                once.pop();
                once.push(arrival);
            }
            Some(_) | None => once.push(arrival),
        }
    }
    let place = |arrival: &Arrival| {
        let place = rows.iter().position(|row| row.activity == arrival.id);
        place.unwrap_or_else(|| panic!("{inbox}: nobody meant to send {}\n{}", arrival.id, story()))
    };
    let places: Vec<usize> = once.iter().map(|arrival| place(arrival)).collect();
    assert!(places.is_sorted_by(|one, next| one < next), "{inbox}: out of order: {places:?}\n{}", story());
    for row in rows.iter().filter(|row| row.state == "delivered") {
        let here = once.iter().any(|arrival| arrival.id == row.activity);
        assert!(here, "{inbox}: {} {} is called delivered and never came\n{}", row.kind, row.activity, story());
    }
    let mut deleted = HashSet::new();
    for arrival in &once {
        let row = rows[place(arrival)];
        assert!(!deleted.contains(&row.object), "{inbox}: {} came after the Delete\n{}", arrival.id, story());
        if row.kind == "Delete" {
            deleted.insert(&row.object);
        }
    }
}

fn row(number: i64, kind: &str, state: &str) -> DeliveryRow {
    DeliveryRow {
        seq: number,
        activity: format!("id-{number}"),
        kind: kind.to_owned(),
        is_feed: false,
        object: "dune".to_owned(),
        inbox: "inbox".to_owned(),
        host: "host".to_owned(),
        state: state.to_owned(),
        attempts: 1,
        last_status: None,
        last_error: None,
        next_at_ms: 0,
    }
}

#[test]
fn the_check_sees_what_is_lost_doubled_or_out_of_order() {
    let rows = [row(1, "Create", "delivered"), row(2, "Update", "superseded"), row(3, "Delete", "delivered")];
    let late = [row(1, "Delete", "delivered"), row(2, "Update", "delivered")];
    let passes = |came: &[(usize, u8)], rows: &[DeliveryRow]| {
        let arrival = |&(life, number): &(usize, u8)| Arrival {
            life,
            inbox: "inbox".to_owned(),
            id: format!("id-{number}"),
            kind: String::new(),
            body: vec![number],
        };
        let arrivals: Vec<Arrival> = came.iter().map(arrival).collect();
        let (came, rows): (Vec<_>, Vec<_>) = (arrivals.iter().collect(), rows.iter().collect());
        std::panic::catch_unwind(|| check_inbox("inbox", &came, &rows)).is_ok()
    };
    assert!(passes(&[(0, 1), (0, 3)], &rows));
    assert!(passes(&[(0, 1), (1, 1), (1, 2), (2, 2), (3, 3)], &rows), "what was under way may come again");
    for (came, why) in [
        (&[(0, 1)][..], "lost"),
        (&[(0, 1), (0, 1), (0, 3)], "twice in one life"),
        (&[(0, 1), (0, 3), (1, 1)], "again, and not the last"),
        (&[(0, 3), (0, 1)], "out of order"),
        (&[(0, 1), (0, 3), (0, 4)], "meant by nobody"),
    ] {
        assert!(!passes(came, &rows), "{why} passes");
    }
    assert!(!passes(&[(0, 1), (0, 2)], &late), "something after the Delete passes");
}
