//! From the door to the disk: what waits together is committed together, and nobody is answered before it is there.
//!
//! One group is on its way to the disk at a time. Who comes meanwhile waits, and all who waited are the next group: a lone
//! activity waits for nobody, and a flood costs one sync of the disk for each group. What is simple is worked through with
//! that, and lies on the disk as done.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{MutexGuard, Notify, oneshot};
use tokio_util::task::TaskTracker;

use super::Verdict;
use crate::{
    clock::Clock,
    domain::RemoteActor,
    fediverse::{
        conversation::together::{Counted, Known},
        inbox::Activity,
    },
    store::{Arrival, Finished, HostLoad, Store, StoreError, names_of},
};

/// Activities committed in one transaction at most.
const LETTERS_PER_COMMIT: usize = 128;
/// Activities of one host that may wait to be worked through; a host whose own answers we wait for can send no more.
const WAITING_OF_HOST_MAX: u64 = 2_000;
/// Their bodies, in bytes.
const WAITING_BYTES_OF_HOST_MAX: u64 = 32 << 20;
/// The bodies of everybody's, in bytes.
const WAITING_BYTES_MAX: u64 = 512 << 20;

/// Where the door puts what it lets in. Cheap to clone.
#[derive(Clone)]
pub struct Letterbox(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    /// A group is written whether or not somebody still waits for the answer.
    tasks: TaskTracker,
    mail: Arc<Notify>,
    work: Arc<Notify>,
    letters: Mutex<Vec<Letter>>,
    /// Held by whoever writes a group.
    turn: tokio::sync::Mutex<()>,
    load: Mutex<Load>,
}

/// An activity in the box, and who waits for the answer to it.
struct Letter {
    arrival: Arrival,
    activity: Activity,
    host: String,
    answer: oneshot::Sender<Verdict>,
}

/// Who can say of some activities at once what follows from them.
#[async_trait::async_trait]
pub(super) trait Insight: Clone + Send + Sync + 'static {
    /// Looks into letters, in the order in which they came.
    async fn look<'a>(&'a self, letters: &[(&Arrival, &Activity)]) -> Looked<'a>;

    /// One of them was written, with what follows from it.
    fn tell(&self, arrival: &Arrival, finished: &Finished, people: &HashMap<String, RemoteActor>);
}

/// What was found out of some letters.
#[derive(Default)]
pub(super) struct Looked<'a> {
    /// Of each what follows from it; `None` where it is to be worked through behind the door.
    pub finished: Vec<Option<Finished>>,
    pub people: HashMap<String, RemoteActor>,
    /// Held until it is written, and what they are then.
    pub counts: Option<(MutexGuard<'a, Counted>, Known)>,
}

/// What waits to be worked through, as far as this process knows; counted anew now and then.
#[derive(Debug, Default)]
struct Load {
    by_host: HashMap<String, HostLoad>,
    bytes: u64,
    /// Whether it was counted since the start.
    is_known: bool,
}

impl Letterbox {
    /// `mail` is notified when a host that was away lives again, `work` when there is something to work through.
    pub fn new(store: Store, clock: Clock, tasks: TaskTracker, mail: Arc<Notify>, work: Arc<Notify>) -> Self {
        let (letters, turn, load) = (Mutex::default(), tokio::sync::Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { store, clock, tasks, mail, work, letters, turn, load }))
    }

    /// Puts a verified activity on the disk, with what follows from it where `insight` knows that; `host` is its sender's.
    pub(super) async fn put(
        &self,
        arrival: Arrival,
        activity: Activity,
        host: String,
        insight: &impl Insight,
    ) -> Verdict {
        if lock(&self.0.load).is_full(&host) {
            return Verdict::Later("too much waits to be worked through".to_owned());
        }
        let (answer, answered) = oneshot::channel();
        let is_first = {
            let mut letters = lock(&self.0.letters);
            letters.push(Letter { arrival, activity, host, answer });
            letters.len() == 1
        };
        if is_first {
            let (letterbox, insight) = (self.clone(), insight.clone());
            self.0.tasks.spawn(async move { letterbox.empty(&insight).await });
        }
        answered.await.unwrap_or_else(|_| Verdict::Later("the program ends".to_owned()))
    }

    /// Something was worked through and waits no more.
    pub(super) fn lighten(&self, host: &str, bytes: usize) {
        lock(&self.0.load).lighten(host, bytes as u64);
    }

    /// Counts what waits on the disk.
    pub(super) async fn weigh(&self) -> Result<(), StoreError> {
        // What is written meanwhile would be missing.
        let _turn = self.0.turn.lock().await;
        let by_host = self.0.store.received_waiting().await?;
        let bytes = by_host.values().map(|one| one.bytes).sum();
        *lock(&self.0.load) = Load { by_host, bytes, is_known: true };
        Ok(())
    }

    /// Writes what is in the box, until it is empty.
    async fn empty(&self, insight: &impl Insight) {
        let _turn = self.0.turn.lock().await;
        loop {
            let group: Vec<Letter> = {
                let mut letters = lock(&self.0.letters);
                let count = letters.len().min(LETTERS_PER_COMMIT);
                letters.drain(..count).collect()
            };
            if group.is_empty() {
                return;
            }
            self.write(group, insight).await;
        }
    }

    async fn write(&self, group: Vec<Letter>, insight: &impl Insight) {
        let blocked = match self.blocked(&group).await {
            Ok(blocked) => blocked,
            Err(error) => return answer_all(group, &Verdict::Later(error.to_string())),
        };
        let (out, group): (Vec<Letter>, Vec<Letter>) =
            group.into_iter().partition(|letter| is_among(&blocked, &letter.arrival.actor, &letter.host));
        answer_all(out, &Verdict::Blocked);
        let Looked { finished, people, counts } = self.look(&group, insight).await;
        let (arrivals, waiting): (Vec<_>, Vec<_>) = group
            .into_iter()
            .zip(finished)
            .map(|(letter, finished)| ((letter.arrival, finished), (letter.host, letter.answer)))
            .unzip();
        let kept = self.0.store.keep_all_received(&arrivals).await;
        if let (Ok(_), Some((mut counting, known))) = (&kept, counts) {
            counting.note(known);
        }
        let verdict = match kept {
            Ok(new) => {
                self.note(&arrivals, new, |arrival, finished| insight.tell(arrival, finished, &people));
                self.revive(waiting.iter().map(|(host, _)| host.as_str()).collect()).await;
                Verdict::Taken
            }
            Err(error) => {
                self.0.store.suspect(&error);
                Verdict::Later(error.to_string())
            }
        };
        for (_, answer) in waiting {
            // Who went away without the answer comes again, and is known then.
            let _ = answer.send(verdict.clone());
        }
    }

    /// Whoever has something waiting behind the door stands in line.
    async fn look<'a>(&self, group: &[Letter], insight: &'a impl Insight) -> Looked<'a> {
        let first: Vec<bool> = {
            let load = lock(&self.0.load);
            group.iter().map(|letter| load.is_known && !load.by_host.contains_key(&letter.host)).collect()
        };
        let firsts = group.iter().zip(&first).filter(|(_, first)| **first);
        let letters: Vec<(&Arrival, &Activity)> =
            firsts.map(|(letter, _)| (&letter.arrival, &letter.activity)).collect();
        if letters.is_empty() {
            return Looked { finished: group.iter().map(|_| None).collect(), ..Looked::default() };
        }
        let looked = insight.look(&letters).await;
        let mut found = looked.finished.into_iter();
        let finished = first.iter().map(|first| if *first { found.next().flatten() } else { None });
        Looked { finished: finished.collect(), ..looked }
    }

    async fn blocked(&self, group: &[Letter]) -> Result<HashSet<String>, StoreError> {
        if self.0.store.blocks_nobody().await? {
            return Ok(HashSet::new());
        }
        let names: BTreeSet<String> =
            group.iter().flat_map(|letter| names_of(Some(&letter.arrival.actor), &letter.host)).collect();
        self.0.store.blocked_among(&names).await
    }

    /// Tells of what is new: what is finished, and what is to be worked through, which is counted.
    fn note(
        &self,
        arrivals: &[(Arrival, Option<Finished>)],
        mut new: HashSet<String>,
        tell: impl Fn(&Arrival, &Finished),
    ) {
        let mut load = lock(&self.0.load);
        for (arrival, finished) in arrivals.iter().filter(|(arrival, _)| new.remove(&arrival.id)) {
            match finished {
                Some(finished) => tell(arrival, finished),
                None => {
                    load.add(&super::host_of(&arrival.actor).unwrap_or_default(), arrival.body.len() as u64);
                    self.0.work.notify_one();
                }
            }
        }
    }

    /// Whoever wrote to us is alive: what waits for them is sent.
    async fn revive(&self, hosts: BTreeSet<&str>) {
        let hosts: Vec<&str> = hosts.into_iter().collect();
        match self.0.store.revive_hosts(&hosts, self.0.clock.now()).await {
            Ok(true) => self.0.mail.notify_one(),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "servers that live could not be noted: {error}"),
        }
    }
}

impl Load {
    /// A flood is told to come again, so that it does not lie on our disk.
    fn is_full(&self, host: &str) -> bool {
        let of_host = self.by_host.get(host).copied().unwrap_or_default();
        of_host.activities >= WAITING_OF_HOST_MAX
            || of_host.bytes >= WAITING_BYTES_OF_HOST_MAX
            || self.bytes >= WAITING_BYTES_MAX
    }

    fn add(&mut self, host: &str, bytes: u64) {
        let of_host = self.by_host.entry(host.to_owned()).or_default();
        of_host.activities += 1;
        of_host.bytes += bytes;
        self.bytes += bytes;
    }

    fn lighten(&mut self, host: &str, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
        let Some(of_host) = self.by_host.get_mut(host) else { return };
        of_host.activities = of_host.activities.saturating_sub(1);
        of_host.bytes = of_host.bytes.saturating_sub(bytes);
        if of_host.activities == 0 {
            self.by_host.remove(host);
        }
    }
}

fn is_among(blocked: &HashSet<String>, actor: &str, host: &str) -> bool {
    !blocked.is_empty() && names_of(Some(actor), host).iter().any(|name| blocked.contains(name))
}

fn answer_all(letters: Vec<Letter>, verdict: &Verdict) {
    for letter in letters {
        // Who went away needs no answer.
        let _ = letter.answer.send(verdict.clone());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;
    use crate::{
        fediverse::inbox::{Event, Ignored},
        store::{Deed, ReceivedState, Settled},
    };

    const NOW: &str = "2026-11-22T12:00:00Z";

    async fn letterbox() -> (Letterbox, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("reviewd.db")).await.unwrap();
        let (clock, _) = Clock::turned(NOW.parse().unwrap(), 1);
        (Letterbox::new(store, clock, TaskTracker::new(), Arc::default(), Arc::default()), directory)
    }

    /// Knows what follows from likes whose number is even, and nothing of others.
    #[derive(Clone, Default)]
    struct Half(Arc<Mutex<Vec<String>>>);

    /// Knows nothing.
    #[derive(Clone)]
    struct Nobody;

    #[async_trait::async_trait]
    impl Insight for Half {
        async fn look<'a>(&'a self, letters: &[(&Arrival, &Activity)]) -> Looked<'a> {
            let finished = |arrival: &Arrival| {
                let even = arrival.id.ends_with(['0', '2', '4', '6', '8']);
                even.then(|| Finished { deed: Deed::Nothing, outcome: "is even".to_owned() })
            };
            Looked { finished: letters.iter().map(|(arrival, _)| finished(arrival)).collect(), ..Looked::default() }
        }

        fn tell(&self, arrival: &Arrival, _: &Finished, _: &HashMap<String, RemoteActor>) {
            lock(&self.0).push(arrival.id.clone());
        }
    }

    #[async_trait::async_trait]
    impl Insight for Nobody {
        async fn look<'a>(&'a self, letters: &[(&Arrival, &Activity)]) -> Looked<'a> {
            Looked { finished: letters.iter().map(|_| None).collect(), ..Looked::default() }
        }

        fn tell(&self, _: &Arrival, _: &Finished, _: &HashMap<String, RemoteActor>) {
            unreachable!("nothing is finished");
        }
    }

    async fn put(letterbox: Letterbox, host: &str, number: usize) -> Verdict {
        put_before(letterbox, host, number, &Nobody).await
    }

    async fn put_before(letterbox: Letterbox, host: &str, number: usize, insight: &impl Insight) -> Verdict {
        let actor = format!("https://{host}/users/bob");
        let id = format!("{actor}/likes/{number}");
        let activity = Activity { id: None, actor: actor.clone(), event: Event::Ignored(Ignored::Type) };
        let arrival = Arrival { id, actor, body: b"{}".to_vec(), at: NOW.parse().unwrap() };
        letterbox.put(arrival, activity, host.to_owned(), insight).await
    }

    #[tokio::test]
    async fn what_is_finished_at_the_door_waits_nowhere_unless_something_of_its_host_does() {
        let (letterbox, _directory) = letterbox().await;
        let (store, half) = (letterbox.0.store.clone(), Half::default());
        let put = |host, number| put_before(letterbox.clone(), host, number, &half);
        let told = || std::mem::take(&mut *lock(&half.0));
        let waiting = async || -> Vec<String> {
            let due = store.due_received(NOW.parse().unwrap(), 9).await.unwrap();
            due.into_iter().map(|one| one.id).collect()
        };
        let id = |host: &str, number: usize| format!("https://{host}/users/bob/likes/{number}");
        put("m.example", 0).await;
        assert_eq!((told(), waiting().await), (vec![], vec![id("m.example", 0)]), "what waits is not known yet");
        let seq = store.due_received(NOW.parse().unwrap(), 9).await.unwrap()[0].seq;
        let settled =
            Settled { seq, state: ReceivedState::Done, outcome: String::new(), next_at: NOW.parse().unwrap() };
        store.settle_received(&settled).await.unwrap();
        letterbox.weigh().await.unwrap();
        put("m.example", 2).await;
        put("m.example", 2).await;
        assert_eq!((told(), waiting().await), (vec![id("m.example", 2)], vec![]), "told once, though it came twice");
        put("m.example", 3).await;
        put("m.example", 4).await;
        put("n.example", 6).await;
        assert_eq!(told(), [id("n.example", 6)]);
        assert_eq!(waiting().await, [id("m.example", 3), id("m.example", 4)], "in line behind what waits");
        for _ in 3..=4 {
            letterbox.lighten("m.example", 2);
        }
        put("m.example", 8).await;
        assert_eq!(told(), [id("m.example", 8)]);
    }

    #[tokio::test]
    async fn what_comes_at_once_is_on_the_disk_when_it_is_answered_each_once_and_in_its_order() {
        let (letterbox, _directory) = letterbox().await;
        let store = letterbox.0.store.clone();
        store.keep_block("evil.example", None, NOW.parse().unwrap()).await.unwrap();
        let mut putting = JoinSet::new();
        for number in 0..300 {
            for host in ["m.example", "social.evil.example"] {
                let letterbox = letterbox.clone();
                // Every other one comes a second time.
                putting.spawn(async move { (host, put(letterbox, host, number / 2 * 2).await) });
            }
        }
        while let Some(Ok((host, verdict))) = putting.join_next().await {
            let expected = if host == "m.example" { Verdict::Taken } else { Verdict::Blocked };
            assert_eq!(verdict, expected, "{host}");
        }
        let due = store.due_received(NOW.parse().unwrap(), 1_000).await.unwrap();
        let numbers: Vec<usize> = due.iter().map(|one| one.id.rsplit('/').next().unwrap().parse().unwrap()).collect();
        assert_eq!(numbers, (0..150).map(|number| number * 2).collect::<Vec<_>>());
        assert_eq!(lock(&letterbox.0.load).by_host["m.example"], HostLoad { activities: 150, bytes: 300 });
        for one in &due {
            letterbox.lighten("m.example", one.body.len());
        }
        assert!(lock(&letterbox.0.load).by_host.is_empty());
        letterbox.weigh().await.unwrap();
        assert_eq!(lock(&letterbox.0.load).by_host["m.example"].activities, 150, "they still lie there");
    }

    #[tokio::test]
    async fn who_goes_away_takes_nobody_elses_activity_along() {
        let (letterbox, _directory) = letterbox().await;
        let mut impatient = Box::pin(put(letterbox.clone(), "m.example", 1));
        assert!(look_once(&mut impatient).await.is_none());
        let patient = put(letterbox.clone(), "n.example", 2);
        drop(impatient);
        assert_eq!(patient.await, Verdict::Taken);
        assert_eq!(letterbox.0.store.due_received(NOW.parse().unwrap(), 9).await.unwrap().len(), 2);
    }

    /// Looks once whether it is ready.
    async fn look_once<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
        tokio::select! {
            biased;
            done = future => Some(done),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_not_answered_with_202() {
        let (letterbox, _directory) = letterbox().await;
        letterbox.0.store.close().await;
        assert!(matches!(put(letterbox, "m.example", 1).await, Verdict::Later(_)));
    }

    #[test]
    fn a_flood_is_told_to_come_again() {
        let mut load = Load::default();
        for _ in 0..WAITING_OF_HOST_MAX {
            assert!(!load.is_full("m.example"));
            load.add("m.example", 10);
        }
        assert!(load.is_full("m.example"));
        assert!(!load.is_full("n.example"));
        load.lighten("m.example", 10);
        assert!(!load.is_full("m.example"));
        load.add("n.example", WAITING_BYTES_OF_HOST_MAX);
        assert!(load.is_full("n.example") && !load.is_full("m.example"));
        load.lighten("n.example", WAITING_BYTES_OF_HOST_MAX);
        assert!(!load.is_full("n.example"));
        load.add("n.example", WAITING_BYTES_MAX);
        assert!(load.is_full("a.example"), "nobody may send more when everything is full");
    }
}
