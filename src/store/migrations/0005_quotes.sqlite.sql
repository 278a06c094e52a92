-- stamps that allow posts elsewhere to quote a review; third servers fetch them
CREATE TABLE quote_authorization (
  reviewer TEXT NOT NULL,
  number TEXT NOT NULL,
  -- our Note, and the post that quotes it
  note TEXT NOT NULL,
  quoted_by TEXT NOT NULL UNIQUE,
  at BIGINT NOT NULL,
  PRIMARY KEY (reviewer, number)
);
