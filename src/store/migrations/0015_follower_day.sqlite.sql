-- how many followed a reviewer at the end of a day; a day on which that did not change has no row
CREATE TABLE follower_day (
  reviewer TEXT NOT NULL,
  -- days since 1970-01-01, UTC
  day BIGINT NOT NULL,
  followers BIGINT NOT NULL,
  PRIMARY KEY (reviewer, day)
);

-- of the time before, what those who still follow tell: when they began
INSERT INTO follower_day (reviewer, day, followers)
SELECT reviewer, since / 86400, CAST(SUM(COUNT(*)) OVER (PARTITION BY reviewer ORDER BY since / 86400) AS BIGINT)
FROM follower WHERE state = 'accepted' GROUP BY reviewer, since / 86400;
