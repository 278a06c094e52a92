//! Reviews as RSS, Atom and JSON Feed. Pure: the same reviews give the same bytes.
