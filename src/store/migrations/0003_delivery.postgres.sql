-- what is known of a server that messages go to
CREATE TABLE host (
  name TEXT COLLATE "C" PRIMARY KEY,
  -- failures in a row
  failures BIGINT NOT NULL DEFAULT 0,
  -- milliseconds; when the row of failures began
  failing_since BIGINT,
  -- milliseconds; nothing is sent before
  closed_until BIGINT NOT NULL DEFAULT 0,
  dead BOOLEAN NOT NULL DEFAULT FALSE,
  -- the signature it accepted last
  spec TEXT COLLATE "C"
);
