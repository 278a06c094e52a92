-- which node serves a host just now
CREATE TABLE lease (
  host TEXT COLLATE "C" PRIMARY KEY NOT NULL,
  node TEXT COLLATE "C" NOT NULL,
  -- milliseconds, by the server's clock
  until_ms BIGINT NOT NULL
);
