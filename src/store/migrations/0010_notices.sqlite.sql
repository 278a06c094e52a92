-- what the reviewer was told of: one row for each state that began, for as long as it is worth reading
CREATE TABLE notice (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  -- names the state: `held ana`, `broken ana dune.md`
  key TEXT NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL,
  -- seconds
  at BIGINT NOT NULL,
  -- when the state ended; the same one is told again only if it begins again
  over_at BIGINT,
  -- when the command was run, or there was none to run; NULL while it is to be run
  told_at BIGINT,
  -- times that the command failed
  failures BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX notice_open ON notice (key) WHERE over_at IS NULL;
CREATE INDEX notice_untold ON notice (seq) WHERE told_at IS NULL;

-- what a look at the health of the site asks for every minute
CREATE INDEX delivery_given_up ON delivery (done_at) WHERE state = 'given_up';
CREATE INDEX delivery_held ON delivery (seq) WHERE state = 'held';
CREATE INDEX activity_created ON activity (created);
