//! Carries messages to inboxes and WebSub callbacks: worker and schedule.

mod leases;
pub mod schedule;
pub mod worker;

pub use worker::{Carriers, Limits, Mail, Worker, WorkerEnds};
