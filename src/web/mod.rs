//! Routes, content negotiation, caching and errors.
