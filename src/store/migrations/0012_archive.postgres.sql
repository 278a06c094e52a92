-- which version of which review stands in which archive document of a feed; documents are numbered from the oldest
CREATE TABLE archived (
  -- empty for the feed of everything, else the reviewer's handle
  feed TEXT COLLATE "C" NOT NULL,
  document BIGINT NOT NULL,
  position BIGINT NOT NULL,
  reviewer TEXT COLLATE "C" NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  -- when that version of the review was made, seconds
  changed BIGINT NOT NULL,
  -- in no list now: taken back, or about to be
  absent BOOLEAN NOT NULL DEFAULT FALSE,
  PRIMARY KEY (feed, document, position)
);
CREATE INDEX archived_review ON archived (feed, reviewer, id);

-- the bytes of archive documents that somebody has read: they do not change any more
CREATE TABLE archive_document (
  feed TEXT COLLATE "C" NOT NULL,
  document BIGINT NOT NULL,
  -- how many reviews of the document are in it: fewer than all in one that was read before it was full
  length BIGINT NOT NULL,
  dialect TEXT COLLATE "C" NOT NULL,
  -- compressed by zstd
  body BYTEA NOT NULL,
  -- the newest change of a review in it, seconds
  changed BIGINT NOT NULL,
  PRIMARY KEY (feed, document, length, dialect)
);
