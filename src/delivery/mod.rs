//! Carries messages to inboxes and WebSub callbacks: worker, lanes, recorder; schedule and verdict decide.

mod lane;
mod leases;
mod recorder;
pub mod schedule;
pub mod verdict;
pub mod worker;

pub use recorder::Recorder;
pub use worker::{Carriers, Limits, Mail, Worker, WorkerEnds};
