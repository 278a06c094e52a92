//! Carries messages to inboxes: worker and schedule.

pub mod schedule;
pub mod worker;

pub use worker::{Limits, Worker, WorkerEnds};
