-- actors of other servers, as last fetched
CREATE TABLE remote_actor (
  id TEXT COLLATE "C" PRIMARY KEY,
  actor TEXT COLLATE "C" NOT NULL,
  -- seconds
  fetched_at BIGINT NOT NULL
);
CREATE INDEX remote_actor_fetched ON remote_actor (fetched_at);

-- whose key is whose: a signature names the key, not the actor
CREATE TABLE remote_key (
  id TEXT COLLATE "C" PRIMARY KEY,
  actor TEXT COLLATE "C" NOT NULL REFERENCES remote_actor (id) ON DELETE CASCADE
);
CREATE INDEX remote_key_actor ON remote_key (actor);
