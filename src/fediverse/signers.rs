//! Threads that do nothing but sign, one for each core: half a millisecond of arithmetic neither waits behind the connections
//! nor holds them up, and no more threads want the cores than there are.

use std::{
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use tokio::sync::oneshot;

use super::signature::key::KeyProblem;

/// Signs, and hands back what tells its asker.
type Job = Box<dyn FnOnce() -> Answer + Send>;
type Answer = Box<dyn FnOnce()>;

/// Signatures made one after the other before anybody hears of them, where so many are waited for: each asker woken by itself
/// would take the core away from the next signature.
const TOGETHER_MAX: usize = 8;

/// The threads. They end when this is dropped.
pub(super) struct Signers {
    desk: Arc<Desk>,
    threads: usize,
}

#[derive(Default)]
struct Desk {
    jobs: Mutex<Jobs>,
    more: Condvar,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    closed: bool,
}

impl Signers {
    /// As many as there are cores; fewer, or none, where the machine gives no more threads.
    pub(super) fn start() -> Self {
        let (desk, wanted) = (Arc::<Desk>::default(), thread::available_parallelism().map_or(1, usize::from));
        let start = |_: &usize| {
            let desk = Arc::clone(&desk);
            thread::Builder::new().name("signer".to_owned()).spawn(move || desk.work(wanted)).is_ok()
        };
        let threads = (0..wanted).take_while(start).count();
        Self { desk, threads }
    }

    /// Has something signed on one of the threads; where there is none, here.
    ///
    /// # Errors
    /// What the work answers; [`KeyProblem::Failed`] where it panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, KeyProblem> + Send + 'static,
    ) -> Result<T, KeyProblem> {
        if self.threads == 0 {
            return work();
        }
        let (done, signed) = oneshot::channel();
        let job = move || -> Answer {
            let signed = work();
            // Whoever asked may have gone.
            Box::new(move || drop(done.send(signed)))
        };
        self.desk.jobs().waiting.push_back(Box::new(job));
        self.desk.more.notify_one();
        signed.await.unwrap_or(Err(KeyProblem::Failed))
    }
}

impl Desk {
    fn work(&self, threads: usize) {
        let mut answers = Vec::with_capacity(TOGETHER_MAX);
        loop {
            let jobs = self.next(threads);
            if jobs.is_empty() {
                return;
            }
            // A job that panics is its asker's failure, not the end of the thread.
            let signed = jobs.into_iter().map(|job| catch_unwind(AssertUnwindSafe(job)));
            answers.extend(signed.flatten());
            answers.drain(..).for_each(|answer: Answer| answer());
        }
    }

    /// Waits for jobs and takes its share of them; none once nobody will ask any more.
    fn next(&self, threads: usize) -> Vec<Job> {
        let idle = |jobs: &mut Jobs| jobs.waiting.is_empty() && !jobs.closed;
        let mut jobs = self.more.wait_while(self.jobs(), idle).unwrap_or_else(PoisonError::into_inner);
        let share = jobs.waiting.len().div_ceil(threads.max(1)).min(TOGETHER_MAX);
        jobs.waiting.drain(..share).collect()
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Signers {
    fn drop(&mut self) {
        self.desk.jobs().closed = true;
        self.desk.more.notify_all();
    }
}

impl fmt::Debug for Signers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signers({})", self.threads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_on_a_thread_of_its_own_and_a_panic_costs_only_its_asker() {
        let signers = Signers::start();
        let here = thread::current().id();
        for _ in 0..2 * signers.threads {
            let panicked = signers.run(|| -> Result<(), KeyProblem> { unreachable!("of this test") }).await;
            assert_eq!(panicked, Err(KeyProblem::Failed));
        }
        assert_ne!(signers.run(|| Ok(thread::current().id())).await.unwrap(), here);
    }

    #[tokio::test]
    async fn without_threads_the_work_is_done_here() {
        let signers = Signers { desk: Arc::default(), threads: 0 };
        assert_eq!(signers.run(|| Ok(thread::current().id())).await, Ok(thread::current().id()));
    }

    #[test]
    fn threads_end_with_the_last_who_could_ask() {
        let signers = Signers::start();
        let desk = Arc::downgrade(&signers.desk);
        drop(signers);
        while desk.strong_count() > 0 {
            thread::yield_now();
        }
    }
}
