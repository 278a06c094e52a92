-- stamps that allow posts elsewhere to quote a review; third servers fetch them
CREATE TABLE quote_authorization (
  reviewer TEXT COLLATE "C" NOT NULL,
  number TEXT COLLATE "C" NOT NULL,
  -- our Note, and the post that quotes it
  note TEXT COLLATE "C" NOT NULL,
  quoted_by TEXT COLLATE "C" NOT NULL UNIQUE,
  at BIGINT NOT NULL,
  PRIMARY KEY (reviewer, number)
);
