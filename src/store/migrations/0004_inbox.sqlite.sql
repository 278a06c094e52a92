-- activities that were verified and answered with 202: on disk before the answer, worked through afterwards
CREATE TABLE received (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  -- the activity's id; without one, a hash of actor and body
  id TEXT NOT NULL UNIQUE,
  actor TEXT NOT NULL,
  body BLOB NOT NULL,
  -- seconds
  at BIGINT NOT NULL,
  state TEXT NOT NULL,
  attempts BIGINT NOT NULL DEFAULT 0,
  -- milliseconds
  next_at BIGINT NOT NULL,
  -- what became of it, in words
  outcome TEXT
);
CREATE INDEX received_due ON received (next_at) WHERE state = 'due';

-- actors and whole domains that are kept out
CREATE TABLE block (
  -- an actor's id, or a domain in lower case
  name TEXT PRIMARY KEY,
  reason TEXT,
  at BIGINT NOT NULL
);
