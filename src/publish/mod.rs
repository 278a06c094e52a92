//! The one place that decides what is told to whom: reconcile, plan, diff.

pub mod decide;
pub mod diff;
pub mod fingerprint;
pub mod identity;
