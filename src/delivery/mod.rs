//! Carries messages to inboxes: worker and schedule.
