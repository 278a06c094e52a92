-- how the file of each reply was last written in the reviewer's mirror: what differs from it now, a person changed
CREATE TABLE mirror_file (
  reviewer TEXT COLLATE "C" NOT NULL,
  -- ActivityPub id
  reply TEXT COLLATE "C" NOT NULL,
  -- relative to the mirror
  path TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (reviewer, reply)
);
