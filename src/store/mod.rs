//! What must be remembered about the outside world. The only module that knows SQL.
