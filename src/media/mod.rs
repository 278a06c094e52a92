//! Pictures: decoded with limits, stripped of metadata, re-encoded in two sizes, blurhashed.
