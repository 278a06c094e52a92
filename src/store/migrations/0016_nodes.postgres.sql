-- the nodes that live just now, and which of them carries to a host
CREATE TABLE node (
  name TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  -- milliseconds, by the server's clock: it says anew that it lives before then
  until_ms BIGINT NOT NULL
);
CREATE TABLE lease (
  host TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  node TEXT COLLATE "C" NOT NULL
);
