-- how the file of each reply was last written in the reviewer's mirror: what differs from it now, a person changed
CREATE TABLE mirror_file (
  reviewer TEXT NOT NULL,
  -- ActivityPub id
  reply TEXT NOT NULL,
  -- relative to the mirror
  path TEXT NOT NULL,
  state TEXT NOT NULL,
  PRIMARY KEY (reviewer, reply)
);
