//! The tests of the whole: one binary, one module per subject.

mod federation;
mod layers;
mod peers;
mod readers;
