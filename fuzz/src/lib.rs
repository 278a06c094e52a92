//! What the fuzz targets do, apart from the fuzzer: `tests/it/fuzz.rs` runs the same functions in every test run.

pub mod targets;
