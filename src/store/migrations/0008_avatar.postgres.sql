-- faces of people elsewhere, small and re-encoded: never linked from where they lie
CREATE TABLE portrait (
  actor TEXT COLLATE "C" PRIMARY KEY REFERENCES remote_actor (id) ON DELETE CASCADE,
  -- where it was looked for
  source TEXT COLLATE "C" NOT NULL,
  -- NULL where nothing fit to be shown was found
  key TEXT COLLATE "C",
  media_type TEXT COLLATE "C",
  bytes BYTEA,
  -- seconds; when it was looked at last, and when to look again
  looked_at BIGINT NOT NULL,
  look_again_at BIGINT NOT NULL
);
CREATE INDEX portrait_key ON portrait (key);
CREATE INDEX portrait_looked ON portrait (looked_at);
