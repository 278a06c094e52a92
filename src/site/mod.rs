//! Reviews as HTML pages. Pure.
