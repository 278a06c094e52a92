-- the reviewer's answers to posts: a ledger like that of the reviews
CREATE TABLE answer (
  reviewer TEXT COLLATE "C" NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  guid TEXT COLLATE "C" NOT NULL UNIQUE,
  slug TEXT COLLATE "C" NOT NULL,
  file TEXT COLLATE "C" NOT NULL,
  standing TEXT COLLATE "C" NOT NULL,
  published BIGINT NOT NULL,
  updated BIGINT,
  shown TEXT COLLATE "C" NOT NULL,
  worded TEXT COLLATE "C" NOT NULL,
  told TEXT COLLATE "C",
  intent TEXT COLLATE "C" NOT NULL,
  hold TEXT COLLATE "C" NOT NULL,
  since_ms BIGINT NOT NULL,
  likeness TEXT COLLATE "C" NOT NULL,
  -- the last good version with the post it answers, as JSON
  content TEXT COLLATE "C" NOT NULL,
  deleted BIGINT,
  PRIMARY KEY (reviewer, id)
);
CREATE INDEX answer_intent ON answer (intent) WHERE intent <> 'nothing';

-- posts that answers are for, by the address in their files
CREATE TABLE answered_post (
  address TEXT COLLATE "C" PRIMARY KEY,
  -- what an answer needs of it, as JSON; NULL until it was found
  target TEXT COLLATE "C",
  -- look-ups that failed, and why the last one did
  failures BIGINT NOT NULL DEFAULT 0,
  problem TEXT COLLATE "C",
  -- milliseconds; NULL: not looked for any more
  next_at BIGINT
);
CREATE INDEX answered_post_next ON answered_post (next_at) WHERE next_at IS NOT NULL;

-- first contact with the answers of a folder, seconds
ALTER TABLE reviewer ADD COLUMN answers_at BIGINT;
-- files that an earlier version passed over as answers are looked at again
DELETE FROM file WHERE path LIKE 'replies/%';
