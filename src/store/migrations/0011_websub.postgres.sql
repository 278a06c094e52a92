-- Who is told of a feed's changes by WebSub. A row is there once the callback confirmed it, and until it expires.
CREATE TABLE websub_subscription (
  -- the feed's canonical address
  topic TEXT COLLATE "C" NOT NULL,
  callback TEXT COLLATE "C" NOT NULL,
  -- the topic as the subscriber wrote it
  named TEXT COLLATE "C" NOT NULL,
  -- the callback's lane, as in delivery.host
  host TEXT COLLATE "C" NOT NULL,
  secret TEXT COLLATE "C",
  -- seconds
  since BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  -- of the feed as it was last put on its way here, or as it was when the subscription was asked for
  digest TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (topic, callback)
);
CREATE INDEX websub_subscription_host ON websub_subscription (host);

-- What goes to callbacks stands on the same queue as activities: audience 'websub', the feed as object, and as kind
-- Push (the body is the feed), Verify, Deny or Ping. Their lanes begin with 'websub/', those of questions with
-- 'websub/ask/'.
CREATE INDEX activity_websub ON activity (kind, seq) WHERE audience = 'websub';
