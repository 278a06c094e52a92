-- What comes together lies together: each of these indexes was another place to write to for every like.
CREATE TABLE reaction_new (
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
  PRIMARY KEY (actor, object, kind)
);
INSERT INTO reaction_new (object, actor, kind, id, host, reviewer, review, emoji, page, at)
  SELECT object, actor, kind, id, host, reviewer, review, emoji, page, at FROM reaction;
DROP TABLE reaction;
ALTER TABLE reaction_new RENAME TO reaction;
CREATE INDEX reaction_review ON reaction (reviewer, review, at);
CREATE INDEX reaction_object ON reaction (object, kind, at);
CREATE INDEX reaction_day ON reaction (at, host);
CREATE INDEX reaction_quote ON reaction (id) WHERE kind = 'quote';
