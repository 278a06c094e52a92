-- the nodes that live just now, and which of them carries to a host; in a file there is one node, and these stay empty
CREATE TABLE node (
  name TEXT PRIMARY KEY NOT NULL,
  -- milliseconds, by the server's clock: it says anew that it lives before then
  until_ms BIGINT NOT NULL
);
CREATE TABLE lease (
  host TEXT PRIMARY KEY NOT NULL,
  node TEXT NOT NULL
);
