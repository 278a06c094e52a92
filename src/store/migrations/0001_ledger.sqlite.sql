CREATE TABLE reviewer (
  handle TEXT PRIMARY KEY,
  -- first contact with the folder, seconds; NULL until the folder was seen
  adopted_at BIGINT,
  -- best value of bare ratings, pinned when first inferred
  scale DOUBLE PRECISION
);

CREATE TABLE review (
  reviewer TEXT NOT NULL,
  id TEXT NOT NULL,
  guid TEXT NOT NULL UNIQUE,
  slug TEXT NOT NULL,
  file TEXT NOT NULL,
  standing TEXT NOT NULL,
  published BIGINT NOT NULL,
  updated BIGINT,
  shown TEXT NOT NULL,
  worded TEXT NOT NULL,
  told TEXT,
  intent TEXT NOT NULL,
  hold TEXT NOT NULL,
  since_ms BIGINT NOT NULL,
  likeness TEXT NOT NULL,
  -- the last good version: review, cover and pictures as JSON, and the card made from it
  content TEXT NOT NULL,
  card TEXT NOT NULL,
  -- lower-case text for the search page
  search TEXT NOT NULL,
  deleted BIGINT,
  PRIMARY KEY (reviewer, id)
);
CREATE UNIQUE INDEX review_slug ON review (reviewer, slug) WHERE standing <> 'gone';
CREATE INDEX review_intent ON review (intent) WHERE intent <> 'nothing';

-- addresses that pages had before: answered with a permanent redirect
CREATE TABLE old_slug (
  reviewer TEXT NOT NULL,
  slug TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (reviewer, slug)
);

CREATE TABLE file (
  reviewer TEXT NOT NULL,
  path TEXT NOT NULL,
  mark TEXT NOT NULL,
  PRIMARY KEY (reviewer, path)
);

CREATE TABLE picture (
  key TEXT PRIMARY KEY,
  picture TEXT NOT NULL,
  full_size BLOB NOT NULL,
  thumb BLOB NOT NULL
);
-- which picture a file or an address was when last read, so that it is decoded once
CREATE TABLE picture_source (
  source TEXT PRIMARY KEY,
  stat TEXT NOT NULL,
  key TEXT NOT NULL
);

CREATE TABLE activity (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  reviewer TEXT NOT NULL,
  kind TEXT NOT NULL,
  object TEXT NOT NULL,
  audience TEXT NOT NULL,
  body BLOB NOT NULL,
  created BIGINT NOT NULL
);
CREATE INDEX activity_object ON activity (object);

CREATE TABLE delivery (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  activity BIGINT NOT NULL REFERENCES activity (seq),
  inbox TEXT NOT NULL,
  host TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts BIGINT NOT NULL DEFAULT 0,
  -- milliseconds
  next_at BIGINT NOT NULL,
  last_status BIGINT,
  last_error TEXT,
  done_at BIGINT,
  UNIQUE (activity, inbox)
);
CREATE INDEX delivery_due ON delivery (host, seq) WHERE state = 'due';
CREATE INDEX delivery_activity ON delivery (activity);

CREATE TABLE follower (
  reviewer TEXT NOT NULL,
  actor TEXT NOT NULL,
  inbox TEXT NOT NULL,
  shared_inbox TEXT,
  follow_id TEXT NOT NULL,
  -- the Follow as it came, for the Accept
  state TEXT NOT NULL,
  bookwyrm BOOLEAN NOT NULL DEFAULT FALSE,
  since BIGINT NOT NULL,
  PRIMARY KEY (reviewer, actor)
);

CREATE TABLE fact (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);
