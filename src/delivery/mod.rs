//! Carries messages to inboxes and WebSub callbacks: worker and schedule.

pub mod schedule;
pub mod worker;

pub use worker::{Carriers, Limits, Mail, Worker, WorkerEnds};
