-- which node serves a host just now; in a file there is one node, and this stays empty
CREATE TABLE lease (
  host TEXT PRIMARY KEY NOT NULL,
  node TEXT NOT NULL,
  -- milliseconds, by the server's clock
  until_ms BIGINT NOT NULL
);
