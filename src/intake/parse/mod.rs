//! Review files as people write them: bytes in, a review or problems out. Pure, and never a panic.
