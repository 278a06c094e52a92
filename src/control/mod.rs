//! The Unix socket by which commands reach the running daemon.
