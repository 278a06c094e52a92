//! Routes, content negotiation, caching and errors.

mod conditional;
mod encoding;
pub mod negotiate;
pub mod representation;
