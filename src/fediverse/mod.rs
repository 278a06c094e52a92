//! Our words to ActivityPub and back: actor, Note, activities, signatures, inbox.
