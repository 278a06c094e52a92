-- posts in the conversation, other people's and our own
CREATE TABLE reply (
  -- the short number in commands
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  -- the review whose thread it stands in; both NULL for what stands under a post that is not ours
  reviewer TEXT,
  review TEXT,
  in_reply_to TEXT NOT NULL,
  author TEXT NOT NULL,
  -- the author's host
  host TEXT NOT NULL,
  ours BOOLEAN NOT NULL,
  state TEXT NOT NULL,
  -- a person showed it: its author is known from then on
  approved BOOLEAN NOT NULL DEFAULT FALSE,
  visibility TEXT NOT NULL,
  source TEXT NOT NULL,
  -- milliseconds
  published BIGINT NOT NULL,
  updated BIGINT,
  received_at BIGINT NOT NULL,
  -- when its own replies were last looked through
  crawled_at BIGINT,
  -- what it says, as JSON
  words TEXT NOT NULL
);
CREATE INDEX reply_review ON reply (reviewer, review, published);
CREATE INDEX reply_author ON reply (author, received_at);
CREATE INDEX reply_host ON reply (host, received_at);
CREATE INDEX reply_parent ON reply (in_reply_to);
CREATE INDEX reply_state ON reply (state, host);
CREATE INDEX reply_private ON reply (author) WHERE visibility = 'private';

-- ids that must not come (back): posts that were deleted, activities that were taken back before they arrived
CREATE TABLE gone (
  id TEXT PRIMARY KEY,
  host TEXT NOT NULL,
  -- of a deleted reply: whose it was and where it stood, so that answers to it keep their place
  author TEXT,
  reviewer TEXT,
  review TEXT,
  in_reply_to TEXT,
  -- milliseconds; remembered until then
  at BIGINT NOT NULL,
  until BIGINT NOT NULL
);
CREATE INDEX gone_author ON gone (author, at);
CREATE INDEX gone_review ON gone (reviewer, review);
CREATE INDEX gone_until ON gone (until);
CREATE INDEX gone_host ON gone (host, at);

CREATE TABLE reaction (
  object TEXT NOT NULL,
  actor TEXT NOT NULL,
  kind TEXT NOT NULL,
  id TEXT,
  -- the actor's host
  host TEXT NOT NULL,
  reviewer TEXT NOT NULL,
  review TEXT NOT NULL,
  emoji TEXT,
  page TEXT,
  -- milliseconds
  at BIGINT NOT NULL,
  PRIMARY KEY (object, actor, kind)
);
CREATE INDEX reaction_review ON reaction (reviewer, review, at);
CREATE INDEX reaction_id ON reaction (id);
CREATE INDEX reaction_actor ON reaction (actor);
CREATE INDEX reaction_host ON reaction (host, at);

-- complaints that other servers sent (Flag)
CREATE TABLE report (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  reporter TEXT NOT NULL,
  host TEXT NOT NULL,
  -- a JSON list of ids
  objects TEXT NOT NULL,
  words TEXT NOT NULL,
  -- milliseconds
  at BIGINT NOT NULL
);
CREATE INDEX report_host ON report (host, at);

-- threads whose deeper replies are looked for
CREATE TABLE crawl (
  reviewer TEXT NOT NULL,
  review TEXT NOT NULL,
  -- which wait of the schedule comes next
  step BIGINT NOT NULL,
  -- milliseconds
  next_at BIGINT NOT NULL,
  PRIMARY KEY (reviewer, review)
);
CREATE INDEX crawl_next ON crawl (next_at);

-- whose activities wait to be worked through, so that one host's do not fill the disk
ALTER TABLE received ADD COLUMN host TEXT NOT NULL DEFAULT '';
CREATE INDEX received_host ON received (host) WHERE state = 'due';
