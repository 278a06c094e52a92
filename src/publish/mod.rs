//! The one place that decides what is told to whom: reconcile, plan, diff.

pub mod archive;
pub mod decide;
pub mod desk;
pub mod diff;
pub mod elsewhere;
pub mod fingerprint;
pub mod identity;
pub mod library;
mod pictures;
pub mod publisher;
pub mod reading;
pub mod round;
mod seconds;
mod voice;

pub use desk::{Desk, Plan, PlanItem};
pub use library::{Library, Touched};
pub use publisher::{Herald, Named, Publisher, PublisherHandle, Survey};
