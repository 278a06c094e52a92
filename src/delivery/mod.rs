//! Carries messages to inboxes: worker and schedule.

pub mod schedule;
