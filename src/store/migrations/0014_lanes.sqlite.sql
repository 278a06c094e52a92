-- one walk in the order of this index finds every host with mail and what comes first in each inbox, without a look at the rows
DROP INDEX delivery_due;
CREATE INDEX delivery_due ON delivery (host, inbox, seq, next_at) WHERE state = 'due';
-- what UNIQUE (activity, inbox) can do as well
DROP INDEX delivery_activity;
